//! What readers ask of jobs and queues.

use std::time::Duration;

use exchequer_domain::Timestamp;

use super::job::{Job, JobId, JobState};
use super::queue::{Queue, QueueName};
use super::room::{Jobs, Line};
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table};

/// Most jobs of one page.
pub const JOBS_PAGE_MAX: usize = 1_000;

/// A state without what belongs to it: by it jobs are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// [`JobState::Available`].
    Available,
    /// [`JobState::Scheduled`].
    Scheduled,
    /// [`JobState::Executing`].
    Executing,
    /// [`JobState::Retryable`].
    Retryable,
    /// [`JobState::Completed`].
    Completed,
    /// [`JobState::Discarded`].
    Discarded,
    /// [`JobState::Cancelled`].
    Cancelled,
}

impl Stage {
    /// Every one, in the order of a job's life.
    pub const ALL: [Stage; 7] = [
        Stage::Available,
        Stage::Scheduled,
        Stage::Executing,
        Stage::Retryable,
        Stage::Completed,
        Stage::Discarded,
        Stage::Cancelled,
    ];

    /// The name in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Available => "available",
            Stage::Scheduled => "scheduled",
            Stage::Executing => "executing",
            Stage::Retryable => "retryable",
            Stage::Completed => "completed",
            Stage::Discarded => "discarded",
            Stage::Cancelled => "cancelled",
        }
    }
}

impl JobState {
    /// The state without what belongs to it.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            JobState::Available => Stage::Available,
            JobState::Scheduled => Stage::Scheduled,
            JobState::Executing { .. } => Stage::Executing,
            JobState::Retryable => Stage::Retryable,
            JobState::Completed => Stage::Completed,
            JobState::Discarded => Stage::Discarded,
            JobState::Cancelled => Stage::Cancelled,
        }
    }
}

/// How much is in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// May be taken.
    pub available: u32,
    /// Wait for their time, or for the next attempt.
    pub waiting: u32,
    /// Workers have them.
    pub executing: u32,
    /// In the dead letter.
    pub dead: u32,
    /// How long the oldest of those that may be taken could have been.
    pub oldest: Duration,
}

impl Line {
    fn depth(&self, now: Timestamp) -> Depth {
        Depth {
            available: u32::try_from(self.ready.len()).unwrap_or(u32::MAX),
            waiting: self.waiting,
            executing: self.executing,
            dead: self.dead,
            oldest: self.ages.first().map_or(Duration::ZERO, |(since, _)| now.since(*since)),
        }
    }
}

impl Jobs {
    /// Every queue with its depth as of `now`, by name.
    pub fn queues(&self, now: Timestamp) -> impl Iterator<Item = (&Queue, Depth)> {
        self.lines.values().map(move |line| (&line.queue, line.depth(now)))
    }

    /// A queue with its depth as of `now`.
    #[must_use]
    pub fn queue(&self, name: &QueueName, now: Timestamp) -> Option<(&Queue, Depth)> {
        self.lines.get(name).map(|line| (&line.queue, line.depth(now)))
    }

    /// Whether a worker that asks for jobs of one of these queues would get one.
    #[must_use]
    pub fn has_work(&self, queues: &[QueueName], now: Timestamp) -> bool {
        self.first(queues, now).is_some()
    }

    /// Jobs that are open or in the dead letter, with numbers below `before`, latest first.
    pub fn latest(&self, before: JobId) -> impl Iterator<Item = &Job> {
        self.jobs.range(..before).rev().map(|(_, job)| job)
    }

    /// A job, open or over.
    ///
    /// # Errors
    /// The rows cannot be read or are damaged.
    pub fn find(&self, rows: &dyn Rows, id: JobId) -> Result<Option<Job>, Halt> {
        if let Some(job) = self.get(id) {
            return Ok(Some(job.clone()));
        }
        let row = rows.get(Family::History, &Table::JobOver.key(&id.0.to_be_bytes()))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::JobOver, error))).transpose()
    }

    /// Jobs that are over, with numbers below `before`, latest first; at most `limit` and [`JOBS_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Jobs::find`].
    pub fn history(rows: &dyn Rows, before: JobId, limit: usize) -> Result<Vec<Job>, Halt> {
        let (from, until) = Table::JobOver.range(0, before.0.saturating_sub(1));
        let page = rows.scan(Family::History, &from, &until, limit.min(JOBS_PAGE_MAX), true)?;
        let read = |row: &[u8]| codec::decode(row).map_err(|error| Halt::row(Table::JobOver, error));
        page.iter().map(|(_, row)| read(row)).collect()
    }
}
