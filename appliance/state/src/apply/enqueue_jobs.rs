//! `EnqueueJobs`: work enters queues.

use std::collections::BTreeSet;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::jobs::{JOB_ATTEMPTS_MAX, check_count, check_reason_of, is_person, target};
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::jobs::{
    BACK_OFF_US_MAX, BACK_OFF_US_MIN, Backoff, Job, JobId, JobState, KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, PRIORITY_MAX,
    QUEUES_MAX, QueueName, Refusal,
};
use crate::outcome::Done;

/// A job to be entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    /// Its queue, which is made where there is none.
    pub queue: QueueName,
    /// Where an open job of the queue has this key, it is that one.
    pub key: Option<String>,
    /// 0 to 9; 0 is first.
    pub priority: u8,
    /// What is to be done.
    #[serde(with = "crate::codec::block")]
    pub payload: Vec<u8>,
    /// It is not taken before.
    pub not_before: Option<Timestamp>,
    /// It is not begun after.
    pub deadline: Option<Timestamp>,
    /// So many failures discard it.
    pub max_attempts: u32,
    /// How long it waits after a failure.
    pub backoff: Backoff,
}

/// Enters jobs, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnqueueJobs {
    /// Which.
    pub jobs: Vec<NewJob>,
    /// Why; a person must say.
    pub reason: String,
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueued {
    /// Its number.
    pub job: JobId,
    /// False where it was there already, by its key.
    pub new: bool,
}

impl EnqueueJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.jobs.len())?;
        check_reason_of(actor, &self.reason)?;
        for job in &self.jobs {
            job.check(entry.now)?;
        }
        let jobs: Vec<Job> = self.jobs.into_iter().map(|new| new.into_job(actor, entry.now)).collect();
        if !entry.state.jobs.has_room(jobs.len(), jobs.iter().map(Job::weight).sum()) {
            return Err(Refusal::Full.into());
        }
        let queues: BTreeSet<&QueueName> = jobs.iter().map(|job| &job.queue).collect();
        let new = queues.into_iter().filter(|queue| !entry.state.jobs.knows_queue(queue)).count();
        if entry.state.jobs.queues_len() + new > QUEUES_MAX {
            return Err(Refusal::QueuesFull.into());
        }

        let entered: Vec<Enqueued> = jobs.into_iter().map(|job| entry.enter_job(job)).collect();
        if is_person(actor) {
            let ids: Vec<JobId> = entered.iter().map(|entered| entered.job).collect();
            let new = entered.iter().filter(|entered| entered.new).count();
            entry.audit(actor, AuditAction::JobsEnqueued, target(&ids), format!("{new} new"), self.reason);
        }
        Ok(Done::JobsEnqueued(entered))
    }
}

impl NewJob {
    fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if self.priority > PRIORITY_MAX {
            return Err(Refusal::Priority);
        }
        let fits = |key: &String| (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control);
        if !self.key.as_ref().is_none_or(fits) {
            return Err(Refusal::Key);
        }
        if self.payload.len() > PAYLOAD_BYTES_MAX {
            return Err(Refusal::Payload);
        }
        if !(1..=JOB_ATTEMPTS_MAX).contains(&self.max_attempts) {
            return Err(Refusal::Attempts);
        }
        let Backoff { first_us, most_us } = self.backoff;
        if !(BACK_OFF_US_MIN..=BACK_OFF_US_MAX).contains(&most_us) || !(BACK_OFF_US_MIN..=most_us).contains(&first_us) {
            return Err(Refusal::Backoff);
        }
        let begins = self.not_before.map_or(now, |not_before| not_before.max(now));
        if self.deadline.is_some_and(|deadline| deadline <= begins) {
            return Err(Refusal::Deadline);
        }
        Ok(())
    }

    fn into_job(self, by: Actor, now: Timestamp) -> Job {
        let NewJob { queue, key, priority, payload, not_before, deadline, max_attempts, backoff } = self;
        Job {
            id: JobId(0),
            queue,
            key,
            priority,
            payload,
            state: JobState::Scheduled,
            attempt: 0,
            failed: 0,
            snoozes: 0,
            max_attempts,
            backoff,
            not_before: not_before.map_or(now, |not_before| not_before.max(now)),
            deadline,
            progress_permille: 0,
            result: Vec::new(),
            error: None,
            by,
            enqueued_at: now,
            since: now,
        }
    }
}

impl Entry<'_> {
    /// Enters a job under the next number, where no open one has its key.
    fn enter_job(&mut self, job: Job) -> Enqueued {
        let same = job.key.as_ref().and_then(|key| self.state.jobs.by_key(&job.queue, key));
        if let Some(job) = same {
            return Enqueued { job, new: false };
        }
        let id = self.state.jobs.number();
        self.state.jobs.queue_mut(&job.queue).queue.totals.enqueued += 1;
        self.put_waiting(Job { id, ..job }, JobState::Scheduled);
        Enqueued { job: id, new: true }
    }
}
