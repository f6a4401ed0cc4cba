//! One job, and the states it can be in.

use std::time::Duration;

use exchequer_domain::{Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

use super::queue::QueueName;
use crate::command::Actor;
use crate::planted::{self, Bug};
use crate::rank::Rank;

/// The lowest of the priorities 0 to 9.
pub const PRIORITY_MAX: u8 = 9;
/// Longest key.
pub const KEY_BYTES_MAX: usize = 64;
/// Longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 10;
/// Longest result.
pub const RESULT_BYTES_MAX: usize = 4 << 10;
/// Longest error text.
pub const ERROR_BYTES_MAX: usize = 500;
/// The longest that a job may be put off at once.
pub const SNOOZE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// What a job counts without its payload and texts: what one of usual size takes in memory with its places in indexes.
const JOB_BYTES: usize = 512;
/// Shortest wait between two attempts.
pub const BACK_OFF_US_MIN: u64 = 1_000;
/// Longest wait between two attempts.
pub const BACK_OFF_US_MAX: u64 = 24 * 3_600 * 1_000_000;

/// The number of a job, from 1 without gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub u64);

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a job waits after a failed attempt: the first wait, doubled each time, up to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    /// After the first failure.
    pub first_us: u64,
    /// At most.
    pub most_us: u64,
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { first_us: 1_000_000, most_us: 3_600_000_000 }
    }
}

/// The wait after the `failed`-th failure, from 1.
#[must_use]
pub fn backoff(backoff: Backoff, failed: u32) -> u64 {
    // A wait is at most a day, so that 40 doublings are enough for any first one.
    let doubled = u128::from(backoff.first_us) << failed.saturating_sub(1).min(40);
    u64::try_from(doubled).unwrap_or(u64::MAX).min(backoff.most_us)
}

/// In which state a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// A worker may take it.
    Available,
    /// It is to wait until its time comes.
    Scheduled,
    /// A worker has it.
    Executing {
        /// Which.
        worker: WorkerId,
        /// The leadership under which it was taken.
        epoch: u64,
        /// The lease's end.
        until: Timestamp,
    },
    /// An attempt failed; it waits for the next.
    Retryable,
    /// It is done.
    Completed,
    /// It failed for good, or its deadline passed; in the dead letter, or its oldest part, history.
    Discarded,
    /// Someone ended it.
    Cancelled,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Its queue.
    pub queue: QueueName,
    /// What tells it from others of its queue while it is open, where there is something.
    pub key: Option<String>,
    /// 0 is first.
    pub priority: u8,
    /// What is to be done, in the words of the worker.
    #[serde(with = "crate::codec::block")]
    pub payload: Vec<u8>,
    /// What state it is in.
    pub state: JobState,
    /// Leases so far; the number of the present one while it is executing.
    pub attempt: u32,
    /// Attempts that failed, by report or because the lease ended. A lease that ended with its leader is none.
    pub failed: u32,
    /// How often it was put off by whoever had it.
    pub snoozes: u32,
    /// So many failures discard it.
    pub max_attempts: u32,
    /// How long it waits after a failure.
    pub backoff: Backoff,
    /// It is not taken before.
    pub not_before: Timestamp,
    /// It is not begun after.
    pub deadline: Option<Timestamp>,
    /// How far the present attempt is.
    pub progress_permille: u16,
    /// What came out.
    #[serde(with = "crate::codec::block")]
    pub result: Vec<u8>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Who wanted it.
    pub by: Actor,
    /// When.
    pub enqueued_at: Timestamp,
    /// In this state since.
    pub since: Timestamp,
}

impl Job {
    /// Whether it will still be worked on.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        match self.state {
            JobState::Available | JobState::Scheduled | JobState::Executing { .. } | JobState::Retryable => true,
            JobState::Completed | JobState::Discarded | JobState::Cancelled => false,
        }
    }

    /// When time does something to it next.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self.state {
            JobState::Available => self.deadline,
            JobState::Scheduled | JobState::Retryable => {
                Some(self.deadline.map_or(self.not_before, |deadline| deadline.min(self.not_before)))
            }
            JobState::Executing { until, .. } => Some(until),
            JobState::Completed | JobState::Discarded | JobState::Cancelled => None,
        }
    }

    pub(crate) fn rank(&self) -> Rank {
        let since = if planted::has(Bug::JobsDoNotAge) { Timestamp(0) } else { self.not_before };
        Rank::new(self.priority, since)
    }

    /// What it counts against the bytes of open jobs.
    pub(crate) fn weight(&self) -> usize {
        let texts = self.key.as_ref().map_or(0, String::len) + self.error.as_ref().map_or(0, String::len);
        JOB_BYTES + self.payload.len() + texts
    }
}

/// A job as the worker gets it that takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasedJob {
    /// Its number.
    pub id: JobId,
    /// Its queue.
    pub queue: QueueName,
    /// The number of the lease, to be named when the job is finished.
    pub attempt: u32,
    /// Its priority.
    pub priority: u8,
    /// What is to be done.
    #[serde(with = "crate::codec::block")]
    pub payload: Vec<u8>,
    /// The lease's end.
    pub until: Timestamp,
    /// It should have begun by then.
    pub deadline: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: waits double from the first one on, are never longer than the longest, and do not wrap.
    #[test]
    fn waits_double_up_to_the_longest() {
        let of = |first_us, most_us, failed| backoff(Backoff { first_us, most_us }, failed);
        assert_eq!([1, 2, 3, 4, 5].map(|failed| of(10, 100, failed)), [10, 20, 40, 80, 100]);
        assert_eq!(of(BACK_OFF_US_MAX, BACK_OFF_US_MAX, u32::MAX), BACK_OFF_US_MAX);
        assert_eq!(of(1, BACK_OFF_US_MAX, 41), BACK_OFF_US_MAX);
    }
}
