//! The room of jobs: work that waits in queues until a worker takes it for a while, and what became of it.
//!
//! A worker takes a job by a lease: until its end the job is that worker's, and what becomes of it is what the command that
//! finishes it says. A lease that ends without one gives the job to the next worker. Each lease has a number, the attempt;
//! who finishes must name it, so that of two workers that believe to have the same job one is heard.
//!
//! Invariants:
//! - A job is in one state; it is a row of [`Table::Job`](crate::rows::Table::Job) while it is open or in the dead letter,
//!   and a row of [`Table::JobOver`](crate::rows::Table::JobOver) afterwards.
//! - A job is finished once, by the lease it is in.
//! - Two open jobs of one queue have no key in common.
//! - A job that time ought to move is among the timers; nothing is found by looking at all jobs.

mod job;
mod queue;
mod refusal;
mod room;
mod view;

pub use job::{
    BACK_OFF_US_MAX, BACK_OFF_US_MIN, Backoff, ERROR_BYTES_MAX, Job, JobId, JobState, KEY_BYTES_MAX, LeasedJob,
    PAYLOAD_BYTES_MAX, PRIORITY_MAX, RESULT_BYTES_MAX, SNOOZE_MAX, backoff,
};
pub use queue::{BURST_MAX, Bucket, QUEUE_NAME_BYTES_MAX, Queue, QueueName, RATE_PER_SECOND_MAX, Rate, Totals};
pub use refusal::Refusal;
pub use room::{DEAD_JOBS_MAX, Jobs, OPEN_BYTES_MAX, OPEN_JOBS_MAX, QUEUES_MAX};
pub use view::{Depth, JOBS_PAGE_MAX, Stage};
