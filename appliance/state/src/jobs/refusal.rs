//! Why a command about jobs is refused, as a whole or for one of its jobs.

use exchequer_domain::{Code, Problem};
use serde::{Deserialize, Serialize};

use super::job::{
    BACK_OFF_US_MAX, BACK_OFF_US_MIN, ERROR_BYTES_MAX, JobId, KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, PRIORITY_MAX,
    RESULT_BYTES_MAX,
};
use super::queue::{BURST_MAX, RATE_PER_SECOND_MAX};
use super::room::{OPEN_JOBS_MAX, QUEUES_MAX};
use crate::apply::{JOB_ATTEMPTS_MAX, JOBS_AT_ONCE_MAX, LEASE_US_MAX, LEASE_US_MIN, LEASED_QUEUES_MAX};

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No job at all, or too many at once.
    Count,
    /// The priority is none.
    Priority,
    /// The key is empty, too long, or has control characters.
    Key,
    /// The payload is too long.
    Payload,
    /// No attempt at all, or too many.
    Attempts,
    /// The waits between attempts are none, in the wrong order, or too long.
    Backoff,
    /// The deadline is over already, or before the job may begin.
    Deadline,
    /// The lease is too short or too long.
    Lease,
    /// No queue at all, or too many at once.
    Queues,
    /// The result is too long.
    Result,
    /// The error text is too long.
    Error,
    /// More than the whole of it.
    Progress,
    /// The rate or its burst is none, or too high.
    Rate,
    /// As much is open as there may be.
    Full,
    /// There are as many queues as there may be.
    QueuesFull,
    /// There is no such job any more: it is over, or never was.
    Unknown {
        /// As given.
        job: JobId,
    },
    /// The job is not in this lease, or not any more.
    NotLeased {
        /// Which.
        job: JobId,
    },
    /// An open job of the queue has its key.
    KeyTaken {
        /// That job.
        by: JobId,
    },
    /// The job is in a state in which this cannot be.
    State {
        /// Which.
        job: JobId,
    },
    /// Only the worker itself may ask for this.
    NotTheWorker,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::Count
            | Refusal::Priority
            | Refusal::Key
            | Refusal::Payload
            | Refusal::Attempts
            | Refusal::Backoff
            | Refusal::Deadline
            | Refusal::Lease
            | Refusal::Queues
            | Refusal::Result
            | Refusal::Error
            | Refusal::Progress
            | Refusal::Rate
            | Refusal::NotTheWorker => Code::BadRequest,
            Refusal::Full | Refusal::QueuesFull => Code::JobsFull,
            Refusal::Unknown { .. } => Code::JobUnknown,
            Refusal::NotLeased { .. } => Code::JobNotLeased,
            Refusal::KeyTaken { .. } | Refusal::State { .. } => Code::JobState,
        }
    }

    /// The code, what is wrong, and what to do about it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.code(), self.message())
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::Count => format!("1 to {JOBS_AT_ONCE_MAX} jobs are dealt with at once"),
            Refusal::Priority => format!("a job's priority is 0 to {PRIORITY_MAX}"),
            Refusal::Key => format!("a job's key is 1 to {KEY_BYTES_MAX} bytes without control characters"),
            Refusal::Payload => format!("a job's payload is at most {PAYLOAD_BYTES_MAX} bytes"),
            Refusal::Attempts => format!("a job has 1 to {JOB_ATTEMPTS_MAX} attempts"),
            Refusal::Backoff => format!(
                "a job waits {} ms to {} s between attempts, and the first time no longer than at most",
                BACK_OFF_US_MIN / 1_000,
                BACK_OFF_US_MAX / 1_000_000
            ),
            Refusal::Deadline => "1 moment is needed between now, or a job's start, and its deadline".into(),
            Refusal::Lease => {
                format!("a lease is {} to {} s", LEASE_US_MIN / 1_000_000, LEASE_US_MAX / 1_000_000)
            }
            Refusal::Queues => format!("jobs are taken from 1 to {LEASED_QUEUES_MAX} queues at once"),
            Refusal::Result => format!("a job's result is at most {RESULT_BYTES_MAX} bytes"),
            Refusal::Error => format!("an error text is at most {ERROR_BYTES_MAX} bytes"),
            Refusal::Progress => "progress is 0 to 1000 thousandths".into(),
            Refusal::Rate => {
                format!("a queue's rate is 1 to {RATE_PER_SECOND_MAX} a second, with 1 to {BURST_MAX} at once")
            }
            Refusal::Full => format!("{OPEN_JOBS_MAX} jobs are open, or their payloads fill what there is for them"),
            Refusal::QueuesFull => format!("there are {QUEUES_MAX} queues"),
            Refusal::Unknown { job } => format!("there is no open job {job}, and none in the dead letter"),
            Refusal::NotLeased { job } => format!("job {job} is not in this lease, or not any more"),
            Refusal::KeyTaken { by } => format!("open job {by} of the queue has this key"),
            Refusal::State { job } => format!("job {job} is executing or about to be"),
            Refusal::NotTheWorker => "a worker takes and finishes jobs itself, through the leader".into(),
        }
    }
}
