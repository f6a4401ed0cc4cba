//! `RenewJobs`: a worker keeps its jobs for longer, and says how far they are.

use std::time::Duration;

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::jobs::{check_count, check_lease, check_worker};
use super::{Entry, Stop};
use crate::command::Actor;
use crate::jobs::{Job, JobId, Refusal};
use crate::outcome::Done;

/// Prolongs leases, each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewJobs {
    /// Whose; its own command, through the leader.
    pub worker: WorkerId,
    /// Which, by number and attempt, and how many thousandths of each are done.
    pub jobs: Vec<(JobId, u32, u16)>,
    /// For so long from now on.
    pub lease_us: u64,
}

impl RenewJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_worker(actor, self.worker)?;
        check_count(self.jobs.len())?;
        check_lease(self.lease_us)?;
        if self.jobs.iter().any(|(.., permille)| *permille > 1_000) {
            return Err(Refusal::Progress.into());
        }

        let until = entry.now.plus(Duration::from_micros(self.lease_us));
        let mut renew = |(id, attempt, progress_permille)| {
            let job = entry.take_leased(id, self.worker, attempt)?;
            entry.put_leased(Job { progress_permille, ..job }, until);
            Ok(())
        };
        Ok(Done::Jobs(self.jobs.into_iter().map(&mut renew).collect()))
    }
}
