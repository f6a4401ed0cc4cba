//! Jobs as one would write them down on paper: a list, looked through from the beginning for every question.

use std::collections::BTreeMap;

use exchequer_domain::WorkerId;

use super::super::world::SECOND;
use crate::jobs::{Job, Refusal, Stage};
use crate::{EnqueueJobs, JobEnd, LeaseJobs, NewJob};

/// What is compared of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) id: u64,
    pub(super) stage: Stage,
    pub(super) attempt: u32,
    pub(super) failed: u32,
    pub(super) not_before: u64,
    pub(super) deadline: Option<u64>,
    pub(super) progress: u16,
    pub(super) lease: Option<(WorkerId, u64, u64)>,
    pub(super) since: u64,
}

impl Sheet {
    pub(super) fn of(job: &Job) -> Sheet {
        let lease = match job.state {
            crate::jobs::JobState::Executing { worker, epoch, until } => Some((worker, epoch, until.0)),
            _ => None,
        };
        Sheet {
            id: job.id.0,
            stage: job.state.stage(),
            attempt: job.attempt,
            failed: job.failed,
            not_before: job.not_before.0,
            deadline: job.deadline.map(|at| at.0),
            progress: job.progress_permille,
            lease,
            since: job.since.0,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Available | Stage::Scheduled | Stage::Executing | Stage::Retryable)
    }
}

#[derive(Debug, Clone)]
struct Queue {
    paused: bool,
    /// Rate, burst, and since when; then when something was taken.
    rate: Option<(u64, u64, u64)>,
    taken: Vec<u64>,
}

/// The list.
#[derive(Debug, Default)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) epoch: u64,
    pub(super) jobs: Vec<(NewJob, Sheet)>,
    queues: BTreeMap<String, Queue>,
    pub(super) discarded: u64,
}

impl Naive {
    /// Everything that the passing of time does, one job after the other in the order in which it is due.
    pub(super) fn pass(&mut self, now: u64) {
        self.now = now;
        loop {
            let due = |sheet: &Sheet| match sheet.stage {
                Stage::Available => sheet.deadline,
                Stage::Scheduled | Stage::Retryable => Some(sheet.deadline.unwrap_or(u64::MAX).min(sheet.not_before)),
                Stage::Executing => sheet.lease.map(|(.., until)| until),
                Stage::Completed | Stage::Discarded | Stage::Cancelled => None,
            };
            let next = self.jobs.iter().filter_map(|(_, sheet)| Some((due(sheet)?, sheet.id))).min();
            let Some((_, id)) = next.filter(|(at, _)| *at <= now) else { return };
            let epoch = self.epoch;
            let (_, sheet) = &mut self.jobs[id as usize - 1];
            let late = sheet.deadline.is_some_and(|deadline| deadline <= now);
            match sheet.lease {
                Some((_, of, _)) if of == epoch => self.fail(id),
                _ if late => self.discard(id),
                _ => (sheet.stage, sheet.lease, sheet.since) = (Stage::Available, None, now),
            }
        }
    }

    fn discard(&mut self, id: u64) {
        self.discarded += 1;
        let (_, sheet) = &mut self.jobs[id as usize - 1];
        (sheet.stage, sheet.lease, sheet.since) = (Stage::Discarded, None, self.now);
    }

    fn fail(&mut self, id: u64) {
        let now = self.now;
        let (new, sheet) = &mut self.jobs[id as usize - 1];
        sheet.failed += 1;
        if sheet.failed == new.max_attempts || sheet.deadline.is_some_and(|deadline| deadline <= now) {
            return self.discard(id);
        }
        let mut wait = new.backoff.first_us;
        for _ in 1..sheet.failed {
            wait = (wait * 2).min(new.backoff.most_us);
        }
        (sheet.stage, sheet.lease, sheet.since, sheet.not_before) = (Stage::Retryable, None, now, now + wait);
    }

    pub(super) fn enqueue(&mut self, command: &EnqueueJobs) -> Result<Vec<(u64, bool)>, Refusal> {
        if command.jobs.iter().any(|job| {
            let begins = job.not_before.map_or(self.now, |at| at.0.max(self.now));
            job.deadline.is_some_and(|deadline| deadline.0 <= begins)
        }) {
            return Err(Refusal::Deadline);
        }
        Ok(command.jobs.iter().map(|job| self.enter(job)).collect())
    }

    fn enter(&mut self, new: &NewJob) -> (u64, bool) {
        if let Some(id) = self.by_key(new) {
            return (id, false);
        }
        self.queue(new.queue.as_str());
        let id = self.jobs.len() as u64 + 1;
        let not_before = new.not_before.map_or(self.now, |at| at.0.max(self.now));
        let stage = if not_before > self.now { Stage::Scheduled } else { Stage::Available };
        let sheet = Sheet {
            id,
            stage,
            attempt: 0,
            failed: 0,
            not_before,
            deadline: new.deadline.map(|at| at.0),
            progress: 0,
            lease: None,
            since: self.now,
        };
        self.jobs.push((new.clone(), sheet));
        (id, true)
    }

    fn by_key(&self, new: &NewJob) -> Option<u64> {
        let key = new.key.as_ref()?;
        let same = |of: &NewJob| of.queue == new.queue && of.key.as_ref() == Some(key);
        self.jobs.iter().find(|(of, sheet)| sheet.is_open() && same(of)).map(|(_, sheet)| sheet.id)
    }

    fn queue(&mut self, name: &str) -> &mut Queue {
        self.queues.entry(name.into()).or_insert(Queue { paused: false, rate: None, taken: vec![] })
    }

    pub(super) fn configure(&mut self, name: &str, paused: Option<bool>, rate: Option<Option<(u64, u64)>>) {
        let now = self.now;
        let queue = self.queue(name);
        queue.paused = paused.unwrap_or(queue.paused);
        if let Some(rate) = rate {
            queue.rate = rate.map(|(per_second, burst)| (per_second, burst, now));
            queue.taken.clear();
        }
    }

    fn flows(&self, name: &str) -> bool {
        let Some(queue) = self.queues.get(name).filter(|queue| !queue.paused) else { return false };
        let Some((per_second, burst, since)) = queue.rate else { return true };
        let (mut level, mut at) = (burst * SECOND, since);
        for taken in queue.taken.iter().chain([&self.now]) {
            level = (level + (taken - at) * per_second).min(burst * SECOND);
            at = *taken;
            level = level.saturating_sub(SECOND * u64::from(taken != &self.now));
        }
        // What was taken at this very moment is counted here.
        let of_now = queue.taken.iter().filter(|taken| **taken == self.now).count() as u64;
        level >= (of_now + 1) * SECOND
    }

    pub(super) fn lease(&mut self, command: &LeaseJobs) -> Vec<(u64, u32)> {
        let mut leased = Vec::new();
        for _ in 0..command.max {
            let asked = |new: &NewJob| command.queues.contains(&new.queue) && self.flows(new.queue.as_str());
            let place = |(new, sheet): &(NewJob, Sheet)| {
                let waited = sheet.not_before + u64::from(new.priority) * 60 * SECOND;
                (new.priority > 0, waited, sheet.id)
            };
            let free = self.jobs.iter().filter(|(new, sheet)| sheet.stage == Stage::Available && asked(new));
            let Some((.., id)) = free.map(place).min() else { break };
            let lease = Some((command.worker, self.epoch, self.now + command.lease_us));
            let (new, sheet) = &mut self.jobs[id as usize - 1];
            (sheet.stage, sheet.lease, sheet.since, sheet.progress) = (Stage::Executing, lease, self.now, 0);
            sheet.attempt += 1;
            leased.push((id, sheet.attempt));
            let (name, now) = (new.queue.to_string(), self.now);
            self.queue(&name).taken.push(now);
        }
        leased
    }

    fn leased(&mut self, worker: WorkerId, id: u64, attempt: u32) -> Option<&mut Sheet> {
        let epoch = self.epoch;
        let (_, sheet) = self.jobs.get_mut(id as usize - 1)?;
        let (of, under, _) = sheet.lease?;
        (of == worker && under == epoch && sheet.attempt == attempt).then_some(sheet)
    }

    pub(super) fn renew(&mut self, worker: WorkerId, (id, attempt, progress): (u64, u32, u16), lease_us: u64) -> bool {
        let until = self.now + lease_us;
        let Some(sheet) = self.leased(worker, id, attempt) else { return false };
        sheet.progress = progress;
        sheet.lease = sheet.lease.map(|(worker, epoch, _)| (worker, epoch, until));
        true
    }

    pub(super) fn finish(&mut self, worker: WorkerId, id: u64, attempt: u32, end: &JobEnd) -> bool {
        let now = self.now;
        let Some(sheet) = self.leased(worker, id, attempt) else { return false };
        match end {
            JobEnd::Completed { .. } => {
                (sheet.stage, sheet.lease, sheet.since, sheet.progress) = (Stage::Completed, None, now, 1_000);
            }
            JobEnd::Failed { .. } => self.fail(id),
            JobEnd::Snoozed { until } => {
                sheet.not_before = until.0.max(now);
                let stage = if until.0 > now { Stage::Scheduled } else { Stage::Available };
                (sheet.stage, sheet.lease, sheet.since) = (stage, None, now);
            }
        }
        true
    }

    pub(super) fn cancel(&mut self, id: u64) -> bool {
        let now = self.now;
        let Some((_, sheet)) = self.jobs.get_mut(id as usize - 1) else { return false };
        if !sheet.is_open() && sheet.stage != Stage::Discarded {
            return false;
        }
        (sheet.stage, sheet.lease, sheet.since) = (Stage::Cancelled, None, now);
        true
    }

    pub(super) fn retry(&mut self, id: u64) -> bool {
        let Some((new, sheet)) = self.jobs.get(id as usize - 1) else { return false };
        let dead = sheet.stage == Stage::Discarded;
        let waits = matches!(sheet.stage, Stage::Scheduled | Stage::Retryable);
        if !(waits || dead && self.by_key(new).is_none()) {
            return false;
        }
        let now = self.now;
        let (_, sheet) = &mut self.jobs[id as usize - 1];
        if dead {
            (sheet.failed, sheet.deadline) = (0, None);
        }
        (sheet.stage, sheet.not_before, sheet.since) = (Stage::Available, now, now);
        true
    }

    /// A leader begins its work.
    pub(super) fn activate(&mut self, epoch: u64) {
        self.epoch = epoch;
        for (_, sheet) in &mut self.jobs {
            if let Some((.., until)) = &mut sheet.lease {
                *until = (*until).min(self.now + 2 * SECOND);
            }
        }
    }
}
