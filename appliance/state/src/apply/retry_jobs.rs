//! `RetryJobs`: jobs of the dead letter begin anew, and such that wait need not wait.

use serde::{Deserialize, Serialize};

use super::jobs::{check_count, check_reason_of, is_person, target};
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::jobs::{Job, JobId, JobState, Refusal};
use crate::outcome::Done;
use crate::planted::{self, Bug};

/// Lets jobs be taken at once, each by itself. One of the dead letter has all its attempts again, and no deadline: whoever
/// retries it knows that it is late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryJobs {
    /// Which.
    pub jobs: Vec<JobId>,
    /// Why; a person must say.
    pub reason: String,
}

impl RetryJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.jobs.len())?;
        check_reason_of(actor, &self.reason)?;

        let retried: Vec<Result<(), Refusal>> = self.jobs.iter().map(|id| entry.retry_job(*id)).collect();
        if is_person(actor) {
            let detail = format!("{} retried", retried.iter().filter(|result| result.is_ok()).count());
            entry.audit(actor, AuditAction::JobsRetried, target(&self.jobs), detail, self.reason);
        }
        Ok(Done::Jobs(retried))
    }
}

impl Entry<'_> {
    fn retry_job(&mut self, id: JobId) -> Result<(), Refusal> {
        let unknown = Refusal::Unknown { job: id };
        let job = self.state.jobs.get(id).ok_or(unknown)?;
        let dead = match job.state {
            JobState::Discarded => true,
            JobState::Scheduled | JobState::Retryable => false,
            JobState::Available | JobState::Executing { .. } | JobState::Completed | JobState::Cancelled => {
                return Err(Refusal::State { job: id });
            }
        };
        let taken = job.key.as_ref().filter(|_| dead).and_then(|key| self.state.jobs.by_key(&job.queue, key));
        if let Some(by) = taken {
            return Err(Refusal::KeyTaken { by });
        }
        let job = self.state.jobs.take(id).ok_or(unknown)?;
        let job = match dead && !planted::has(Bug::RetryKeepsFailures) {
            true => Job { failed: 0, deadline: None, ..job },
            false => job,
        };
        self.put_waiting(Job { not_before: self.now, ..job }, JobState::Scheduled);
        Ok(())
    }
}
