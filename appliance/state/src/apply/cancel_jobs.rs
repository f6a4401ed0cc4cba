//! `CancelJobs`: someone ends jobs that are not done yet.

use serde::{Deserialize, Serialize};

use super::jobs::{check_count, check_reason_of, is_person, target};
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::jobs::{Job, JobId, JobState, Refusal};
use crate::outcome::Done;

/// Ends jobs, each by itself. Of one that a worker has, nothing is heard any more: the worker learns it when it prolongs or
/// finishes it. One in the dead letter leaves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelJobs {
    /// Which.
    pub jobs: Vec<JobId>,
    /// Why; a person must say.
    pub reason: String,
}

impl CancelJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.jobs.len())?;
        check_reason_of(actor, &self.reason)?;

        let mut cancel = |id: &JobId| {
            let job = entry.state.jobs.take(*id).ok_or(Refusal::Unknown { job: *id })?;
            entry.state.jobs.queue_mut(&job.queue).queue.totals.cancelled += 1;
            entry.state.jobs.over(Job { state: JobState::Cancelled, since: entry.now, ..job });
            Ok(())
        };
        let cancelled: Vec<Result<(), Refusal>> = self.jobs.iter().map(&mut cancel).collect();
        if is_person(actor) {
            let detail = format!("{} cancelled", cancelled.iter().filter(|result| result.is_ok()).count());
            entry.audit(actor, AuditAction::JobsCancelled, target(&self.jobs), detail, self.reason);
        }
        Ok(Done::Jobs(cancelled))
    }
}
