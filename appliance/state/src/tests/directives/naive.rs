//! Directives as one would write them down on paper: a list, looked through from the beginning for every question.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::WorkerId;

use super::super::world::SECOND;
use super::{WORKERS, worker};
use crate::directives::{Decision, Directive, DirectiveAction, DirectiveStep, Priority, Stage, Target};
use crate::{NewDirective, SendDirectives};

/// What is compared of a directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) id: u64,
    pub(super) stage: Stage,
    pub(super) epoch: Option<u64>,
    pub(super) attempt: u32,
    pub(super) failed: u32,
    pub(super) not_before: u64,
    pub(super) since: u64,
}

impl Sheet {
    pub(super) fn of(directive: &Directive) -> Sheet {
        Sheet {
            id: directive.id.0,
            stage: directive.state.stage(),
            epoch: directive.state.epoch(),
            attempt: directive.attempt,
            failed: directive.failed,
            not_before: directive.not_before.0,
            since: directive.since.0,
        }
    }
}

/// The list.
#[derive(Debug)]
pub(super) struct Naive {
    pub(super) now: u64,
    pub(super) epoch: u64,
    pub(super) list: Vec<(NewDirective, Sheet)>,
    /// Whether each worker is to run.
    wanted: BTreeMap<WorkerId, bool>,
    /// Those whose time has come, those whose last attempt failed, and those whose deadline does not count any more.
    ready: BTreeSet<u64>,
    erred: BTreeSet<u64>,
    endless: BTreeSet<u64>,
}

impl Naive {
    pub(super) fn new() -> Naive {
        let wanted = WORKERS.iter().map(|name| (worker(name), true)).collect();
        let (ready, erred, endless) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Naive { now: 0, epoch: 0, list: vec![], wanted, ready, erred, endless }
    }

    fn set(&mut self, id: u64, stage: Stage) {
        let (now, epoch) = (self.now, self.epoch);
        let (_, sheet) = &mut self.list[id as usize - 1];
        let in_flight = matches!(stage, Stage::Dispatched | Stage::Acked | Stage::Running);
        (sheet.stage, sheet.since, sheet.epoch) = (stage, now, in_flight.then_some(epoch));
    }

    /// Everything that the passing of time does.
    pub(super) fn pass(&mut self, now: u64) {
        self.now = now;
        let moment = |naive: &Naive, (new, sheet): &(NewDirective, Sheet)| {
            let waits = matches!(sheet.stage, Stage::PendingApproval | Stage::Queued);
            let begins = sheet.stage == Stage::Queued && !naive.ready.contains(&sheet.id);
            let ends = naive.deadline(new, sheet.id).filter(|_| waits);
            let first = begins.then_some(sheet.not_before).into_iter().chain(ends).min();
            first.filter(|at| *at <= now).map(|at| (at, sheet.id))
        };
        while let Some((_, id)) = self.list.iter().filter_map(|one| moment(self, one)).min() {
            self.come(id);
        }
    }

    fn deadline(&self, new: &NewDirective, id: u64) -> Option<u64> {
        new.deadline.map(|at| at.0).filter(|_| !self.endless.contains(&id))
    }

    /// The time of one that waits has come, or is over.
    fn come(&mut self, id: u64) {
        let (new, sheet) = self.list[id as usize - 1].clone();
        if self.deadline(&new, id).is_some_and(|deadline| deadline <= self.now) {
            let stage = match (sheet.attempt, self.erred.contains(&id)) {
                (0, _) => Stage::Expired,
                (_, true) => Stage::Failed,
                (_, false) => Stage::NeedsReview,
            };
            return self.set(id, stage);
        }
        self.ready.insert(id);
        if new.action == DirectiveAction::Stop {
            for place in 0..self.list.len() {
                let (old, other) = &self.list[place];
                let starts = matches!(old.action, DirectiveAction::Start | DirectiveAction::Restart);
                let waits = matches!(other.stage, Stage::PendingApproval | Stage::Queued);
                if starts && waits && new.target.covers(&old.target) && other.not_before <= sheet.not_before {
                    self.set(place as u64 + 1, Stage::Superseded);
                }
            }
        }
    }

    pub(super) fn send(&mut self, command: &SendDirectives) -> Option<Vec<(u64, bool)>> {
        let late = |new: &NewDirective| {
            let begins = new.not_before.map_or(self.now, |at| at.0.max(self.now));
            new.deadline.is_some_and(|deadline| deadline.0 <= begins)
        };
        let mut sent: Vec<NewDirective> = self.list.iter().map(|(new, _)| new.clone()).collect();
        for new in &command.directives {
            if late(new) || sent.iter().any(|old| new.key.is_some() && old.key == new.key && old != new) {
                return None;
            }
            sent.push(new.clone());
        }
        Some(command.directives.iter().map(|new| self.enter(new)).collect())
    }

    fn enter(&mut self, new: &NewDirective) -> (u64, bool) {
        let same = self.list.iter().find(|(old, _)| new.key.is_some() && old.key == new.key);
        if let Some((_, sheet)) = same {
            return (sheet.id, false);
        }
        let id = self.list.len() as u64 + 1;
        let not_before = new.not_before.map_or(self.now, |at| at.0.max(self.now));
        let stage = Stage::PendingApproval;
        let sheet = Sheet { id, stage, epoch: None, attempt: 0, failed: 0, not_before, since: self.now };
        self.list.push((new.clone(), sheet));
        if !new.needs_approval {
            self.queue(id);
        }
        (id, true)
    }

    fn queue(&mut self, id: u64) {
        let (new, sheet) = self.list[id as usize - 1].clone();
        self.ready.remove(&id);
        self.set(id, Stage::Queued);
        let late = self.deadline(&new, id).is_some_and(|deadline| deadline <= self.now);
        if late || sheet.not_before <= self.now {
            self.come(id);
        }
    }

    pub(super) fn dispatch(&mut self, max: u32) -> Vec<(u64, u32)> {
        let place = |(new, sheet): &(NewDirective, Sheet)| {
            let waited = sheet.not_before + u64::from(new.priority.level()) * 60 * SECOND;
            (new.priority != Priority::Emergency, waited, sheet.id)
        };
        let ready = |(_, sheet): &&(NewDirective, Sheet)| sheet.stage == Stage::Queued && sheet.not_before <= self.now;
        let mut order: Vec<_> = self.list.iter().filter(ready).map(place).collect();
        order.sort_unstable();
        let wanted = self.wanted.clone();
        let somebody = |target: Target| wanted.iter().any(|(worker, wanted)| *wanted && target.takes(*worker));
        let (mut waits, mut left, mut dispatched): (Vec<Target>, u32, Vec<(u64, u32)>) = (vec![], max, vec![]);
        for (_, _, id) in order {
            let (new, _) = self.list[id as usize - 1].clone();
            let (target, urgent) = (new.target, new.priority == Priority::Emergency);
            if matches!(new.action, DirectiveAction::Custom { .. }) && !somebody(target) {
                continue;
            }
            let busy = self.list.iter().any(|(other, sheet)| {
                let minds = !urgent || other.priority == Priority::Emergency;
                sheet.epoch.is_some() && minds && other.target.overlaps(&target)
            });
            let behind = waits
                .iter()
                .any(|wait| *wait == target || (!matches!(wait, Target::Worker(_)) && wait.overlaps(&target)));
            if left == 0 {
                break;
            }
            if busy || behind {
                waits.push(target);
                continue;
            }
            left -= 1;
            self.list[id as usize - 1].1.attempt += 1;
            let done = match new.action {
                DirectiveAction::Custom { .. } => {
                    self.set(id, Stage::Dispatched);
                    dispatched.push((id, self.list[id as usize - 1].1.attempt));
                    continue;
                }
                DirectiveAction::Start => self.want(target, true),
                DirectiveAction::Stop => self.want(target, false),
                DirectiveAction::Restart => match target {
                    Target::Worker(worker) => self.wanted[&worker],
                    Target::Kind { .. } | Target::System => true,
                },
            };
            self.set(id, if done { Stage::Succeeded } else { Stage::Failed });
        }
        dispatched
    }

    fn want(&mut self, target: Target, run: bool) -> bool {
        self.wanted.iter_mut().filter(|(worker, _)| target.takes(**worker)).for_each(|(_, wanted)| *wanted = run);
        true
    }

    pub(super) fn wants(&self, worker: WorkerId) -> bool {
        self.wanted[&worker]
    }

    pub(super) fn step(&mut self, by: Option<WorkerId>, id: u64, attempt: u32, step: &DirectiveStep) -> bool {
        let Some((new, sheet)) = self.list.get(id as usize - 1).cloned() else { return false };
        let idempotent = matches!(new.action, DirectiveAction::Custom { idempotent: true, .. });
        let own = by.is_none_or(|worker| new.target == Target::Worker(worker));
        if !own || sheet.epoch.is_none() || sheet.attempt != attempt {
            return false;
        }
        match step {
            DirectiveStep::Acked if sheet.stage == Stage::Dispatched => self.set(id, Stage::Acked),
            DirectiveStep::Running if sheet.stage != Stage::Running => self.set(id, Stage::Running),
            DirectiveStep::Returned { .. } if sheet.stage == Stage::Dispatched => {
                self.list[id as usize - 1].1.not_before = self.now + SECOND;
                self.erred.insert(id);
                self.queue(id);
            }
            DirectiveStep::Acked | DirectiveStep::Running | DirectiveStep::Returned { .. } => return false,
            DirectiveStep::Succeeded { .. } => self.set(id, Stage::Succeeded),
            DirectiveStep::Failed { .. } => self.fail(id, idempotent),
            DirectiveStep::Lost if idempotent => self.fail(id, true),
            DirectiveStep::Lost => self.set(id, Stage::NeedsReview),
        }
        true
    }

    fn fail(&mut self, id: u64, again: bool) {
        let now = self.now;
        let (new, sheet) = &mut self.list[id as usize - 1];
        sheet.failed += 1;
        self.erred.insert(id);
        if !again || sheet.failed == new.max_attempts {
            return self.set(id, Stage::Failed);
        }
        sheet.not_before = now + SECOND * (1 << (sheet.failed - 1)).min(60);
        self.queue(id);
    }

    pub(super) fn cancel(&mut self, id: u64) -> bool {
        let Some((_, sheet)) = self.list.get(id as usize - 1) else { return false };
        let can = matches!(sheet.stage, Stage::PendingApproval | Stage::Queued | Stage::NeedsReview);
        if can {
            self.set(id, Stage::Cancelled);
        }
        can
    }

    pub(super) fn review(&mut self, id: u64, decision: Decision) -> bool {
        let found = self.list.get(id as usize - 1).is_some_and(|(_, sheet)| sheet.stage == Stage::NeedsReview);
        if found {
            match decision {
                Decision::Retry => {
                    self.endless.insert(id);
                    self.queue(id);
                }
                Decision::Done => self.set(id, Stage::Succeeded),
                Decision::Failed => self.set(id, Stage::Failed),
            }
        }
        found
    }

    /// A leader begins its work.
    pub(super) fn activate(&mut self, epoch: u64) {
        self.epoch = epoch;
        for place in 0..self.list.len() {
            let (new, sheet) = &self.list[place];
            if sheet.epoch.is_none() {
                continue;
            }
            match new.action {
                DirectiveAction::Custom { idempotent: false, .. } => self.set(place as u64 + 1, Stage::NeedsReview),
                _ => {
                    self.erred.remove(&(place as u64 + 1));
                    self.queue(place as u64 + 1);
                }
            }
        }
    }
}
