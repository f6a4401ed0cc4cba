//! The jobs in memory, and the sorted sets by which the next one is found.
//!
//! Invariant: a job enters through [`Jobs::put`] and leaves through [`Jobs::take`] or [`Jobs::over`], which keep every
//! index; nothing else touches one.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::Timestamp;

use super::job::{Job, JobId, JobState};
use super::queue::{Queue, QueueName};
use crate::apply::JOBS_KEPT;
use crate::codec::{self, DecodeError};
use crate::events::Kept;
use crate::halt::Halt;
use crate::rank::Rank;
use crate::rows::{Change, Edit, Family, Rows, Table, for_each_of_table};

/// Jobs in memory: open, and in the dead letter.
pub const OPEN_JOBS_MAX: usize = 250_000;
/// What they may take together.
pub const OPEN_BYTES_MAX: usize = 256 << 20;
/// Jobs in the dead letter; beyond them the oldest are history and cannot be retried any more.
pub const DEAD_JOBS_MAX: usize = 10_000;
/// Queues.
pub const QUEUES_MAX: usize = 1_024;

/// The row of [`Table::Counter`] with the number of the last job.
const LAST_JOB: &[u8] = &[0];

/// A queue with what waits in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) queue: Queue,
    /// What may be taken, first one first.
    pub(super) ready: BTreeSet<(Rank, JobId)>,
    /// The same by how long it may be taken.
    pub(super) ages: BTreeSet<(Timestamp, JobId)>,
    /// Scheduled or retryable.
    pub(super) waiting: u32,
    pub(super) executing: u32,
    pub(super) dead: u32,
}

/// All jobs that are open or in the dead letter, and all queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jobs {
    pub(super) last: u64,
    /// Which of those that are over are kept.
    pub(crate) kept: Kept,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) lines: BTreeMap<QueueName, Line>,
    /// The keys of open jobs.
    keys: BTreeMap<(QueueName, String), JobId>,
    /// When time does something to a job.
    timers: BTreeSet<(Timestamp, JobId)>,
    executing: BTreeSet<JobId>,
    /// The dead letter, oldest first.
    dead: BTreeSet<(Timestamp, JobId)>,
    bytes: usize,
    /// What has to be written at the entry's end; empty between entries.
    touched: BTreeSet<JobId>,
    touched_queues: BTreeSet<QueueName>,
    numbered: bool,
    ended: Vec<Job>,
}

impl Jobs {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Jobs, Halt> {
        let mut all = Jobs::default();
        let last = rows.get(Family::Working, &Table::Counter.key(LAST_JOB))?;
        let last = last.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Counter, error)));
        all.last = last.transpose()?.unwrap_or_default();
        let kept = rows.get(Family::Working, &Table::Counter.key(JOBS_KEPT))?;
        let kept = kept.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Counter, error)));
        all.kept = kept.transpose()?.unwrap_or_default();
        for_each_of_table(rows, Table::Queue, |_, row| {
            let queue: Queue = codec::decode(row).map_err(|error| Halt::row(Table::Queue, error))?;
            let name = queue.name.clone();
            all.queue_mut(&name).queue = queue;
            Ok(())
        })?;
        for_each_of_table(rows, Table::Job, |suffix, row| {
            let job: Job = codec::decode(row).map_err(|error| Halt::row(Table::Job, error))?;
            if suffix != job.id.0.to_be_bytes() || !all.lines.contains_key(&job.queue) {
                return Err(Halt::row(Table::Job, DecodeError::Malformed));
            }
            all.put(job);
            Ok(())
        })?;
        all.touched.clear();
        all.touched_queues.clear();
        Ok(all)
    }

    /// A job that is open or in the dead letter.
    #[must_use]
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// The number of the last job.
    #[must_use]
    pub fn last(&self) -> JobId {
        JobId(self.last)
    }

    /// The open job of a queue with this key.
    #[must_use]
    pub fn by_key(&self, queue: &QueueName, key: &str) -> Option<JobId> {
        self.keys.get(&(queue.clone(), key.to_owned())).copied()
    }

    /// When time does something to a job next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// A job to which time does something now.
    pub(crate) fn due(&self, now: Timestamp) -> Option<JobId> {
        self.timers.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// Whether so many more jobs of these bytes fit.
    pub(crate) fn has_room(&self, jobs: usize, bytes: usize) -> bool {
        self.jobs.len() + jobs <= OPEN_JOBS_MAX && self.bytes.saturating_add(bytes) <= OPEN_BYTES_MAX
    }

    pub(crate) fn knows_queue(&self, name: &QueueName) -> bool {
        self.lines.contains_key(name)
    }

    pub(crate) fn queues_len(&self) -> usize {
        self.lines.len()
    }

    /// The number of the next job, which is given with this.
    pub(crate) fn number(&mut self) -> JobId {
        self.last += 1;
        self.numbered = true;
        JobId(self.last)
    }

    /// A queue that is about to change; made where there is none.
    pub(crate) fn queue_mut(&mut self, name: &QueueName) -> &mut Line {
        self.touched_queues.insert(name.clone());
        self.lines.entry(name.clone()).or_insert_with(|| Line {
            queue: Queue::new(name.clone()),
            ready: BTreeSet::new(),
            ages: BTreeSet::new(),
            waiting: 0,
            executing: 0,
            dead: 0,
        })
    }

    /// Enters a job, or one that [`Jobs::take`] gave, and indexes it.
    pub(crate) fn put(&mut self, job: Job) {
        let id = job.id;
        if let Some(due) = job.due() {
            self.timers.insert((due, id));
        }
        if let Some(key) = job.key.clone().filter(|_| job.is_open()) {
            self.keys.insert((job.queue.clone(), key), id);
        }
        self.bytes += job.weight();
        let line = self.queue_mut(&job.queue);
        match job.state {
            JobState::Available => {
                line.ready.insert((job.rank(), id));
                line.ages.insert((job.not_before, id));
            }
            JobState::Scheduled | JobState::Retryable => line.waiting += 1,
            JobState::Executing { .. } => {
                line.executing += 1;
                self.executing.insert(id);
            }
            JobState::Discarded => {
                line.dead += 1;
                self.dead.insert((job.since, id));
            }
            // These are over and never put.
            JobState::Completed | JobState::Cancelled => {}
        }
        self.touched.insert(id);
        self.jobs.insert(id, job);
    }

    /// Takes a job out of every index, to change it and put it back or say that it is over.
    pub(crate) fn take(&mut self, id: JobId) -> Option<Job> {
        let job = self.jobs.remove(&id)?;
        if let Some(due) = job.due() {
            self.timers.remove(&(due, id));
        }
        if let Some(key) = job.key.clone().filter(|_| job.is_open()) {
            self.keys.remove(&(job.queue.clone(), key));
        }
        self.bytes = self.bytes.saturating_sub(job.weight());
        let line = self.queue_mut(&job.queue);
        match job.state {
            JobState::Available => {
                line.ready.remove(&(job.rank(), id));
                line.ages.remove(&(job.not_before, id));
            }
            JobState::Scheduled | JobState::Retryable => line.waiting = line.waiting.saturating_sub(1),
            JobState::Executing { .. } => {
                line.executing = line.executing.saturating_sub(1);
                self.executing.remove(&id);
            }
            JobState::Discarded => {
                line.dead = line.dead.saturating_sub(1);
                self.dead.remove(&(job.since, id));
            }
            JobState::Completed | JobState::Cancelled => {}
        }
        self.touched.insert(id);
        Some(job)
    }

    /// A job that was taken is history from now on.
    pub(crate) fn over(&mut self, job: Job) {
        self.touched.insert(job.id);
        self.ended.push(job);
    }

    /// The oldest of the dead letter, where it has more than it may.
    pub(crate) fn too_dead(&self) -> Option<JobId> {
        (self.dead.len() > DEAD_JOBS_MAX).then(|| self.dead.first().map(|(_, id)| *id)).flatten()
    }

    /// The jobs that workers have.
    pub(crate) fn executing(&self) -> Vec<JobId> {
        self.executing.iter().copied().collect()
    }

    /// The first of what may be taken from these queues.
    pub(crate) fn first(&self, queues: &[QueueName], now: Timestamp) -> Option<JobId> {
        let lines = queues.iter().filter_map(|name| self.lines.get(name)).filter(|line| line.queue.flows(now));
        lines.filter_map(|line| line.ready.first()).min().map(|(_, id)| *id)
    }

    /// The rows that changed since the last call.
    pub(crate) fn drain(&mut self, changes: &mut Vec<Change>) {
        let mut write = |table: Table, suffix: &[u8], edit| {
            changes.push(Change { family: table.family(), key: table.key(suffix), edit });
        };
        if std::mem::take(&mut self.numbered) {
            write(Table::Counter, LAST_JOB, Edit::Put(codec::encode(&self.last)));
        }
        for name in std::mem::take(&mut self.touched_queues) {
            if let Some(line) = self.lines.get(&name) {
                write(Table::Queue, name.as_str().as_bytes(), Edit::Put(codec::encode(&line.queue)));
            }
        }
        for id in std::mem::take(&mut self.touched) {
            let edit = self.jobs.get(&id).map_or(Edit::Delete, |job| Edit::Put(codec::encode(job)));
            write(Table::Job, &id.0.to_be_bytes(), edit);
        }
        for job in std::mem::take(&mut self.ended) {
            write(Table::JobOver, &job.id.0.to_be_bytes(), Edit::Put(codec::encode(&job)));
        }
    }
}
