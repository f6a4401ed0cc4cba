//! `LeaseJobs`: a worker takes jobs for a while.

use std::time::Duration;

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::jobs::{LEASED_QUEUES_MAX, check_lease, check_worker};
use super::{Entry, Stop};
use crate::command::Actor;
use crate::jobs::{Job, JobState, LeasedJob, QueueName, Refusal};
use crate::outcome::Done;
use crate::planted::{self, Bug};

/// Jobs taken at once, at most; the outcome holds their payloads and is kept for a day.
pub const LEASED_JOBS_MAX: u32 = 256;
/// Payloads of the jobs taken at once: with the first job that reaches it, it is enough.
const LEASED_BYTES_ENOUGH: usize = 64 << 10;

/// Takes the first jobs of several queues: by priority and how long they wait, over all of them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseJobs {
    /// Who takes them; its own command, through the leader.
    pub worker: WorkerId,
    /// From where. A queue that does not exist, is paused or has used up its rate gives nothing.
    pub queues: Vec<QueueName>,
    /// At most so many.
    pub max: u32,
    /// For so long.
    pub lease_us: u64,
}

impl LeaseJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_worker(actor, self.worker)?;
        check_lease(self.lease_us)?;
        if !(1..=LEASED_QUEUES_MAX).contains(&self.queues.len()) {
            return Err(Refusal::Queues.into());
        }
        if !(1..=LEASED_JOBS_MAX).contains(&self.max) {
            return Err(Refusal::Count.into());
        }

        let until = entry.now.plus(Duration::from_micros(self.lease_us));
        let state = JobState::Executing { worker: self.worker, epoch: entry.epoch(), until };
        let (mut leased, mut bytes) = (Vec::new(), 0);
        while (leased.len() as u32) < self.max && bytes < LEASED_BYTES_ENOUGH {
            let first = entry.state.jobs.first(&self.queues, entry.now);
            let Some(job) = first.and_then(|id| entry.state.jobs.take(id)) else { break };
            let line = entry.state.jobs.queue_mut(&job.queue);
            if let Some(rate) = line.queue.rate
                && !(planted::has(Bug::RateLeaks) && leased.is_empty())
            {
                line.queue.bucket.take(rate, entry.now);
            }
            let job = Job { state, attempt: job.attempt + 1, progress_permille: 0, since: entry.now, ..job };
            bytes += job.payload.len();
            leased.push(LeasedJob {
                id: job.id,
                queue: job.queue.clone(),
                attempt: job.attempt,
                priority: job.priority,
                payload: job.payload.clone(),
                until,
                deadline: job.deadline,
            });
            let key = job.key.clone().filter(|_| !planted::has(Bug::KeyFreedByLease));
            entry.state.jobs.put(Job { key, ..job });
        }
        Ok(Done::JobsLeased(leased))
    }
}
