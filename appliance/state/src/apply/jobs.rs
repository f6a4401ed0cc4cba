//! What commands of jobs share, and what time and a change of leaders do to jobs.

use std::time::Duration;

use exchequer_domain::{Timestamp, WorkerId};

use super::{Entry, Stop, check_reason};
use crate::command::Actor;
use crate::event::EventKind;
use crate::jobs::{Job, JobId, JobState, Refusal, backoff};
use crate::planted::{self, Bug};
use crate::rejection::Rejection;

/// Jobs that one command deals with.
pub const JOBS_AT_ONCE_MAX: usize = 1_000;
/// Attempts of a job.
pub(crate) const JOB_ATTEMPTS_MAX: u32 = 100;
/// Shortest lease.
pub const LEASE_US_MIN: u64 = 1_000_000;
/// Longest lease.
pub(crate) const LEASE_US_MAX: u64 = 3_600_000_000;
/// Queues that jobs are taken from at once.
pub(crate) const LEASED_QUEUES_MAX: usize = 16;

/// Jobs that time moves in one entry; what is left is due in the next.
const MOVED_PER_ENTRY: usize = 1_000;
/// How long after a change of leaders a lease of the former leadership still holds, at most. Its worker acts no longer than
/// a second without its leader, and nothing that it sends is taken any more.
const ORPHAN: Duration = Duration::from_secs(2);
/// What the last attempt came to where its worker was not heard of again.
const LEASE_ENDED: &str = "the lease ended before the worker said what became of it";
/// What it came to where the leadership ended.
const LEADER_ENDED: &str = "the leadership ended under which the worker had it";
const DEADLINE_PASSED: &str = "the deadline passed";

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(Rejection::Jobs(refusal))
    }
}

/// Whether an actor is a person, whose changes are audited and want a reason.
pub(super) const fn is_person(actor: Actor) -> bool {
    match actor {
        Actor::Operator | Actor::Admin(_) => true,
        Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => false,
    }
}

/// Whether a person gave a reason; machines need none.
pub(super) fn check_reason_of(actor: Actor, reason: &str) -> Result<(), Rejection> {
    if is_person(actor) || !reason.is_empty() { check_reason(reason) } else { Ok(()) }
}

/// Whether so many things can be dealt with at once.
pub(super) fn check_count(count: usize) -> Result<(), Refusal> {
    if (1..=JOBS_AT_ONCE_MAX).contains(&count) { Ok(()) } else { Err(Refusal::Count) }
}

/// Whether this comes from the worker itself, through the leader.
pub(super) fn check_worker(actor: Actor, worker: WorkerId) -> Result<(), Refusal> {
    if actor == Actor::Worker(worker) { Ok(()) } else { Err(Refusal::NotTheWorker) }
}

/// Whether a lease may be so long.
pub(super) fn check_lease(lease_us: u64) -> Result<(), Refusal> {
    if (LEASE_US_MIN..=LEASE_US_MAX).contains(&lease_us) { Ok(()) } else { Err(Refusal::Lease) }
}

/// What an audit record says of several jobs.
pub(super) fn target(jobs: &[JobId]) -> String {
    match jobs {
        [one] => format!("job {one}"),
        [first, .., last] => format!("{} jobs from {first} to {last}", jobs.len()),
        [] => String::new(),
    }
}

impl Entry<'_> {
    /// The index of the present leadership's activation.
    pub(super) fn epoch(&self) -> u64 {
        self.state.epoch.map_or(0, |epoch| epoch.index)
    }

    /// Takes out the job of a worker's lease.
    pub(super) fn take_leased(&mut self, id: JobId, worker: WorkerId, attempt: u32) -> Result<Job, Refusal> {
        let current = self.epoch();
        let leased = self.state.jobs.get(id).is_some_and(|job| match job.state {
            JobState::Executing { worker: of, epoch, until: _ } => {
                let same = of == worker && job.attempt == attempt;
                epoch == current && (same || planted::has(Bug::AnyLeaseFinishes))
            }
            JobState::Available
            | JobState::Scheduled
            | JobState::Retryable
            | JobState::Completed
            | JobState::Discarded
            | JobState::Cancelled => false,
        });
        let refusal = Refusal::NotLeased { job: id };
        if leased { self.state.jobs.take(id).ok_or(refusal) } else { Err(refusal) }
    }

    /// Puts a job back that waits until its time comes, or may be taken at once.
    pub(super) fn put_waiting(&mut self, job: Job, state: JobState) {
        let state = if job.not_before <= self.now { JobState::Available } else { state };
        self.state.jobs.put(Job { state, since: self.now, ..job });
    }

    /// An attempt failed: the job waits for the next, or that was the last.
    pub(super) fn fail_job(&mut self, mut job: Job, error: String) {
        job.failed += 1;
        self.state.jobs.queue_mut(&job.queue).queue.totals.failed += 1;
        let most = job.max_attempts + u32::from(planted::has(Bug::AttemptTooMany));
        if job.failed >= most || self.is_late(&job) {
            return self.discard_job(job, error);
        }
        job.error = Some(error);
        job.not_before = self.now.plus(Duration::from_micros(backoff(job.backoff, job.failed)));
        self.put_waiting(job, JobState::Retryable);
    }

    /// Whether it is too late to begin a job.
    fn is_late(&self, job: &Job) -> bool {
        job.deadline.is_some_and(|deadline| deadline <= self.now) && !planted::has(Bug::DeadlineIgnored)
    }

    /// A job goes to the dead letter.
    fn discard_job(&mut self, job: Job, error: String) {
        let queue = job.queue.clone();
        self.state.jobs.queue_mut(&queue).queue.totals.discarded += 1;
        self.event(EventKind::JobDiscarded { job: job.id, queue });
        self.state.jobs.put(Job { state: JobState::Discarded, since: self.now, error: Some(error), ..job });
        while let Some(job) = self.state.jobs.too_dead().and_then(|oldest| self.state.jobs.take(oldest)) {
            self.state.jobs.over(job);
        }
    }

    /// Lets time do its work on jobs: what may begin, what is too late, and leases that ended.
    pub(super) fn pass_time_in_jobs(&mut self) {
        for _ in 0..MOVED_PER_ENTRY {
            let due = self.state.jobs.due(self.now);
            let Some(job) = due.and_then(|id| self.state.jobs.take(id)) else { return };
            match job.state {
                JobState::Available | JobState::Scheduled | JobState::Retryable if self.is_late(&job) => {
                    self.discard_job(job, DEADLINE_PASSED.into());
                }
                JobState::Available | JobState::Scheduled | JobState::Retryable => {
                    // Only the deadline of one that may be taken is due; a planted bug has it not noticed.
                    let deadline = job.deadline.filter(|_| !planted::has(Bug::DeadlineIgnored));
                    self.put_waiting(Job { deadline, ..job }, job.state);
                }
                JobState::Executing { .. } if planted::has(Bug::LeaseNotRescued) => {
                    let until = self.now.plus(Duration::from_secs(1));
                    self.put_leased(job, until);
                }
                JobState::Executing { epoch, .. } if epoch == self.epoch() || planted::has(Bug::OrphanBlamed) => {
                    self.fail_job(job, LEASE_ENDED.into());
                }
                JobState::Executing { .. } if self.is_late(&job) => self.discard_job(job, DEADLINE_PASSED.into()),
                // It keeps its place among those that wait.
                JobState::Executing { .. } => {
                    self.put_waiting(Job { error: Some(LEADER_ENDED.into()), ..job }, JobState::Retryable);
                }
                // Time does nothing to these, and they are among no timers.
                JobState::Completed | JobState::Discarded | JobState::Cancelled => self.state.jobs.put(job),
            }
        }
    }

    /// Puts a job back with another end of its lease.
    pub(super) fn put_leased(&mut self, mut job: Job, until: Timestamp) {
        if let JobState::Executing { until: end, .. } = &mut job.state {
            *end = until;
        }
        self.state.jobs.put(job);
    }

    /// The workers of the former leadership are gone, or will be in a moment: what they had is given to others then.
    pub(super) fn orphan_jobs(&mut self) {
        let latest = self.now.plus(ORPHAN);
        for id in self.state.jobs.executing() {
            let ends_later = |job: &&Job| job.due().is_some_and(|due| due > latest);
            if self.state.jobs.get(id).filter(ends_later).is_some()
                && let Some(job) = self.state.jobs.take(id)
            {
                self.put_leased(job, latest);
            }
        }
    }
}
