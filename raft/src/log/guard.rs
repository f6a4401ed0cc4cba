//! Keeping the guard record in step with the log.
//!
//! Votes wait for the guard; entries do not: their mark is written by a keeper of its own while the next group is
//! already being synced, and at most once in [`REST`]. So the guard may lag the log by what was synced in the last
//! moments; entries past it are accepted at start only if their chain is whole to the end.

use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Guard, GuardRecord, Mark, Result, Voted};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use crate::alarm::Alarm;
use crate::work::{Drive, Step, Work, start};

/// Between two writes of the mark. A write of its own for every group would double the syncs of a busy node.
const REST: Duration = Duration::from_millis(10);

struct Inner {
    guard: Guard,
    wanted: GuardRecord,
    written: GuardRecord,
}

impl Inner {
    fn write(&mut self) -> Result<()> {
        let wanted = self.wanted;
        self.guard.write(&wanted)?;
        metrics::counter!("exchequer_raft_guard_syncs_total").increment(1);
        self.written = wanted;
        Ok(())
    }
}

/// The guard with what it should say.
pub(crate) struct GuardKeeper {
    inner: Arc<Mutex<Inner>>,
    wanted_mark: Arc<Mutex<Option<Mark>>>,
    wake: UnboundedSender<()>,
}

impl GuardKeeper {
    /// Takes over the guard, which said `record` at start.
    pub(crate) fn new(guard: Guard, record: GuardRecord, drive: &Drive, alarm: Alarm) -> GuardKeeper {
        let inner = Arc::new(Mutex::new(Inner { guard, wanted: record, written: record }));
        let wanted_mark = Arc::new(Mutex::new(record.synced));
        let keeper = Keeper { inner: inner.clone(), wanted_mark: wanted_mark.clone(), alarm };
        GuardKeeper { inner, wanted_mark, wake: start("guard", drive, keeper) }
    }

    /// Entries up to `mark` are synced; the guard follows soon.
    pub(super) fn synced(&self, mark: Mark) {
        *self.wanted_mark.lock() = Some(mark);
        // The keeper ends only with the node.
        let _ = self.wake.send(());
    }

    /// A vote was synced in the log and is about to be answered.
    pub(super) fn vote(&self, vote: Option<Voted>, mark: Option<Mark>) -> Result<()> {
        let mut inner = self.inner.lock();
        if mark.is_some() {
            *self.wanted_mark.lock() = mark;
        }
        inner.wanted.vote = vote.or(inner.wanted.vote);
        inner.wanted.synced = *self.wanted_mark.lock();
        inner.write()
    }

    /// Entries behind `mark` are about to be cut.
    pub(super) fn lower(&self, mark: Option<Mark>) -> Result<()> {
        let mut inner = self.inner.lock();
        *self.wanted_mark.lock() = mark;
        inner.wanted.synced = mark;
        inner.write()
    }
}

struct Keeper {
    inner: Arc<Mutex<Inner>>,
    wanted_mark: Arc<Mutex<Option<Mark>>>,
    alarm: Alarm,
}

impl Work for Keeper {
    type Item = ();

    fn write(&mut self, _: Vec<()>) -> Step {
        Step::Sync
    }

    fn sync(&mut self) -> Step {
        let mut inner = self.inner.lock();
        inner.wanted.synced = *self.wanted_mark.lock();
        if inner.wanted == inner.written {
            return Step::Done;
        }
        match inner.write() {
            Ok(()) => Step::Done,
            Err(error) => {
                self.alarm.raise(error);
                Step::Stop
            }
        }
    }

    fn rest(&self) -> Duration {
        REST
    }
}
