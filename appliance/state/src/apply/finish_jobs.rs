//! `FinishJobs`: a worker says what became of its jobs.
//!
//! This is where a job takes effect: of several workers that did the same work, the one whose lease holds is heard.

use exchequer_domain::{Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

use super::jobs::{check_count, check_worker};
use super::{Entry, Stop};
use crate::command::Actor;
use crate::jobs::{ERROR_BYTES_MAX, Job, JobId, JobState, RESULT_BYTES_MAX, Refusal, SNOOZE_MAX};
use crate::outcome::Done;

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobEnd {
    /// It is done.
    Completed {
        /// What came out.
        #[serde(with = "crate::codec::block")]
        result: Vec<u8>,
    },
    /// This attempt failed.
    Failed {
        /// Why.
        error: String,
    },
    /// It has to wait; that is no failure.
    Snoozed {
        /// Until when; a day from now at most.
        until: Timestamp,
    },
}

/// Ends leases, each by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FinishJobs {
    /// Whose; its own command, through the leader.
    pub worker: WorkerId,
    /// Number, attempt, and what became of it.
    pub results: Vec<(JobId, u32, JobEnd)>,
}

impl FinishJobs {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_worker(actor, self.worker)?;
        check_count(self.results.len())?;
        for (.., end) in &self.results {
            match end {
                JobEnd::Completed { result } if result.len() > RESULT_BYTES_MAX => return Err(Refusal::Result.into()),
                JobEnd::Failed { error } if error.len() > ERROR_BYTES_MAX => return Err(Refusal::Error.into()),
                JobEnd::Completed { .. } | JobEnd::Failed { .. } | JobEnd::Snoozed { .. } => {}
            }
        }

        let mut finish = |(id, attempt, end)| {
            let job = entry.take_leased(id, self.worker, attempt)?;
            entry.finish_job(job, end);
            Ok(())
        };
        Ok(Done::Jobs(self.results.into_iter().map(&mut finish).collect()))
    }
}

impl Entry<'_> {
    fn finish_job(&mut self, job: Job, end: JobEnd) {
        match end {
            JobEnd::Completed { result } => {
                self.state.jobs.queue_mut(&job.queue).queue.totals.completed += 1;
                let (state, progress_permille) = (JobState::Completed, 1_000);
                self.state.jobs.over(Job { state, result, progress_permille, error: None, since: self.now, ..job });
            }
            JobEnd::Failed { error } => self.fail_job(job, error),
            JobEnd::Snoozed { until } => {
                let not_before = until.clamp(self.now, self.now.plus(SNOOZE_MAX));
                let snoozes = job.snoozes.saturating_add(1);
                self.put_waiting(Job { not_before, snoozes, ..job }, JobState::Scheduled);
            }
        }
    }
}
