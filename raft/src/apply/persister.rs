//! Writing applied rows to the state's store, behind the machine.
//!
//! Three rules: rows are handed over only when their log entry is synced in this node's own log (the store may reach
//! the disk at any time, and must never be ahead of the log); rows and the applied row go in one write; and the store
//! is flushed when 64 MiB of log or ten seconds lie behind the last flush, so that a restart replays little.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Disk, Edit, Engine, Manifest};
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::{APPLIED_KEY, Changes, Overlay, RAFT_FAMILY, applied_row};
use crate::alarm::Alarm;
use crate::apply::snapshot::snapshot_note;
use crate::planted::{self, Bug};
use crate::record::AppliedRow;
use crate::work::{Step, Work};

/// At most this much log has to be replayed after a crash.
const UNFLUSHED_BYTES_MAX: usize = 64 << 20;
const UNFLUSHED_TIME_MAX: Duration = Duration::from_secs(10);
/// Between two writes: readers see the rows already, and larger groups cost less.
const REST: Duration = Duration::from_millis(5);
/// What an entry counts as besides its rows.
const ENTRY_BYTES: usize = 64;
/// Snapshots kept: the latest, and the one before it, which may still be on its way to a follower.
const SNAPSHOTS_KEPT: usize = 2;

/// What the persister is told.
pub(crate) enum PersistItem {
    /// An entry was applied.
    Applied { index: u64, changes: Changes, row: AppliedRow, digest: bool },
    /// This node's log is synced up to here.
    Synced { index: u64 },
    /// A snapshot of at least this applied index is wanted.
    Checkpoint { row: AppliedRow, reply: oneshot::Sender<io::Result<Manifest>> },
    /// A received snapshot takes the place of the state.
    Install { name: String, reply: oneshot::Sender<io::Result<Arc<dyn Engine>>> },
    /// Nothing may have come for a while: look whether a flush is due by time.
    Look,
    /// Everything written is to be durable now: the node is stopping.
    Flush { reply: oneshot::Sender<()> },
}

/// What the persister and the state machine share before either runs.
#[derive(Clone, Default)]
pub(crate) struct Unwritten {
    overlay: Overlay,
    engine: Arc<Mutex<Option<Arc<dyn Engine>>>>,
}

impl Unwritten {
    pub(crate) fn overlay(&self) -> Overlay {
        self.overlay.clone()
    }

    pub(crate) fn set_engine(&self, engine: Arc<dyn Engine>) {
        *self.engine.lock() = Some(engine);
    }
}

pub(crate) struct PersistOptions {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) families: Vec<&'static str>,
    pub(crate) unwritten: Unwritten,
    pub(crate) alarm: Alarm,
    /// Told the digests that commands asked for.
    pub(crate) digested: Arc<dyn Fn(u64, [u8; 32]) + Send + Sync>,
    /// The index up to which the state is on stable storage.
    pub(crate) flushed: watch::Sender<u64>,
}

struct Waiting {
    index: u64,
    changes: Changes,
    row: AppliedRow,
    digest: bool,
}

/// The consumer of applied rows.
pub(crate) struct Persister {
    options: PersistOptions,
    waiting: VecDeque<Waiting>,
    checkpoints: Vec<(AppliedRow, oneshot::Sender<io::Result<Manifest>>)>,
    synced: Option<u64>,
    written: Option<u64>,
    unflushed_bytes: usize,
    flushed_at: Instant,
}

impl Persister {
    pub(crate) fn new(options: PersistOptions) -> Persister {
        Persister {
            options,
            waiting: VecDeque::new(),
            checkpoints: Vec::new(),
            synced: None,
            written: None,
            unflushed_bytes: 0,
            flushed_at: Instant::now(),
        }
    }

    fn engine(&self) -> Option<Arc<dyn Engine>> {
        self.options.unwritten.engine.lock().clone()
    }

    /// Writes what the log has synced, in one batch up to a digest request.
    fn write_ready(&mut self) -> exchequer_storage::Result<()> {
        loop {
            let ready = |index: u64, synced: Option<u64>| {
                planted::is(Bug::PersistBeforeLogSync) || synced.is_some_and(|synced| index <= synced)
            };
            let mut done = Vec::new();
            let mut digest = None;
            while let Some(front) = self.waiting.front() {
                if !ready(front.index, self.synced) || digest.is_some() {
                    break;
                }
                let Some(next) = self.waiting.pop_front() else { break };
                if next.digest {
                    digest = Some(next.index);
                }
                self.unflushed_bytes += ENTRY_BYTES;
                self.unflushed_bytes +=
                    next.changes.iter().map(|(_, key, edit)| key.len() + edit_len(edit)).sum::<usize>();
                done.push(next);
            }
            let Some(last) = done.last() else { return Ok(()) };
            let Some(engine) = self.engine() else { return Ok(()) };
            let mut edits: Vec<&(usize, Vec<u8>, Edit)> = done.iter().flat_map(|item| item.changes.iter()).collect();
            sort(&mut edits);
            if planted::is(Bug::RowsBeforeApplied) {
                engine.write_rows(&std::mem::take(&mut edits))?;
            }
            let applied = (RAFT_FAMILY, APPLIED_KEY.to_vec(), Edit::Put(last.row.encode()));
            edits.push(&applied);
            engine.write_rows(&edits)?;
            let index = last.index;
            self.written = Some(index);
            self.options.unwritten.overlay.written(index, done.iter().flat_map(|item| item.changes.iter()));
            if let Some(index) = digest {
                self.digest(engine, index);
            }
        }
    }

    /// Hashes every row as of now, which is `index`, without keeping the next rows waiting.
    fn digest(&self, engine: Arc<dyn Engine>, index: u64) {
        let digested = self.options.digested.clone();
        let alarm = self.options.alarm.clone();
        let (opened, ready) = std::sync::mpsc::channel();
        let spawned = std::thread::Builder::new().name("digest".to_owned()).spawn(move || {
            match engine.digest(&mut || {
                // The persister waits for this and then goes on writing.
                let _ = opened.send(());
            }) {
                Ok(digest) => digested(index, digest),
                Err(error) => alarm.raise(error),
            }
        });
        match spawned {
            Ok(thread) => crate::work::keep(thread),
            Err(error) => {
                tracing::error!(%error, "the digest thread could not be started");
                return;
            }
        }
        // An error means that the thread ended: it has reported why.
        let _ = ready.recv();
    }

    fn flush(&mut self) -> exchequer_storage::Result<()> {
        let Some(engine) = self.engine() else { return Ok(()) };
        if let Some(written) = self.written {
            engine.sync()?;
            self.options.flushed.send_replace(written);
        }
        self.unflushed_bytes = 0;
        self.flushed_at = Instant::now();
        Ok(())
    }

    /// Takes the checkpoints whose moment has come.
    fn take_checkpoints(&mut self) {
        let reached = |row: &AppliedRow, written: Option<u64>| match row.last {
            None => true,
            Some(_) if planted::is(Bug::SnapshotAheadOfRows) => true,
            Some(last) => written.is_some_and(|written| written >= last.index),
        };
        let (now, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.checkpoints).into_iter().partition(|(row, _)| {
            reached(row, self.written)
                || self.stored_index().is_some_and(|stored| Some(stored) >= row.last.map(|l| l.index))
        });
        self.checkpoints = later;
        for (row, reply) in now {
            let taken = self.checkpoint(&row).map_err(io::Error::from);
            // Nobody waits any more: the node is stopping.
            let _ = reply.send(taken);
        }
    }

    /// What the store holds before anything was written in this run.
    fn stored_index(&self) -> Option<u64> {
        let engine = self.engine()?;
        applied_row(engine.as_ref()).ok()?.last.map(|last| last.index)
    }

    fn checkpoint(&mut self, row: &AppliedRow) -> exchequer_storage::Result<Manifest> {
        let Some(engine) = self.engine() else {
            return Err(exchequer_storage::Error::corrupt("state", "it is not open"));
        };
        let disk = &self.options.disk;
        let working = disk.checkpoint(engine.as_ref())?;
        // What it is a snapshot of is read from itself: memory may be ahead of it.
        let mut taken = {
            let copy = disk.open_snapshot(&working, &self.options.families)?;
            match copy.get(RAFT_FAMILY, APPLIED_KEY)? {
                Some(bytes) => AppliedRow::decode(&bytes)
                    .ok_or_else(|| exchequer_storage::Error::corrupt(&working, "the row `applied` cannot be read"))?,
                None => AppliedRow::default(),
            }
        };
        if planted::is(Bug::SnapshotAheadOfRows) {
            taken.clone_from(row);
        }
        let name = match taken.last {
            Some(last) => format!("{:020}-{:010}", last.index, last.term),
            None => "empty".to_owned(),
        };
        let manifest = disk.seal(&working, &name, snapshot_note(&taken))?;
        if let Some(last) = taken.last {
            self.options.flushed.send_replace(last.index);
        }
        let snapshots = disk.snapshots()?;
        for old in snapshots.iter().rev().skip(SNAPSHOTS_KEPT) {
            disk.remove_snapshot(old)?;
        }
        Ok(manifest)
    }

    fn install(&mut self, name: &str) -> exchequer_storage::Result<Arc<dyn Engine>> {
        // Everything that waits is older than the snapshot, or this node would not have needed it.
        self.waiting.clear();
        let engine = self.options.disk.install(name, &self.options.families)?;
        self.options.unwritten.set_engine(engine.clone());
        let index = engine
            .get(RAFT_FAMILY, APPLIED_KEY)?
            .and_then(|bytes| AppliedRow::decode(&bytes))
            .and_then(|row| row.last)
            .map(|last| last.index);
        self.written = index;
        self.synced = self.synced.max(index);
        if let Some(index) = index {
            self.options.flushed.send_replace(index);
        }
        for other in self.options.disk.snapshots()? {
            if other != name {
                self.options.disk.remove_snapshot(&other)?;
            }
        }
        Ok(engine)
    }
}

/// Brings changes of single rows into the order of their keys, in which the store takes them fastest. Changes of the same
/// row keep their order; where many rows are removed at once, everything does.
fn sort(edits: &mut [&(usize, Vec<u8>, Edit)]) {
    let single = |(_, _, edit): &&(usize, Vec<u8>, Edit)| match edit {
        Edit::Put(_) | Edit::Delete => true,
        Edit::DeletePrefix | Edit::DeleteUntil(_) => false,
    };
    if edits.iter().all(single) {
        edits.sort_by(|(family, key, _), (other_family, other_key, _)| (family, key).cmp(&(other_family, other_key)));
    }
}

fn edit_len(edit: &Edit) -> usize {
    match edit {
        Edit::Put(value) => value.len(),
        Edit::Delete | Edit::DeletePrefix | Edit::DeleteUntil(_) => 0,
    }
}

impl Work for Persister {
    type Item = PersistItem;

    fn write(&mut self, items: Vec<PersistItem>) -> Step {
        let mut flushes = Vec::new();
        for item in items {
            match item {
                PersistItem::Applied { index, changes, row, digest } => {
                    self.waiting.push_back(Waiting { index, changes, row, digest });
                }
                PersistItem::Synced { index } => self.synced = self.synced.max(Some(index)),
                PersistItem::Checkpoint { row, reply } => self.checkpoints.push((row, reply)),
                PersistItem::Install { name, reply } => {
                    let installed = self.install(&name).map_err(io::Error::from);
                    // Nobody waits any more: the node is stopping.
                    let _ = reply.send(installed);
                }
                PersistItem::Look => {}
                PersistItem::Flush { reply } => flushes.push(reply),
            }
        }
        let mut written = self.write_ready();
        if written.is_ok() {
            self.take_checkpoints();
            let due = self.unflushed_bytes >= UNFLUSHED_BYTES_MAX
                || (self.unflushed_bytes > 0 && self.flushed_at.elapsed() >= UNFLUSHED_TIME_MAX);
            if due || !flushes.is_empty() {
                written = self.flush();
            }
        }
        for reply in flushes {
            let _ = reply.send(());
        }
        match written {
            Ok(()) => Step::Done,
            Err(error) => {
                self.options.alarm.raise(error);
                Step::Stop
            }
        }
    }

    fn sync(&mut self) -> Step {
        Step::Done
    }

    fn rest(&self) -> Duration {
        REST
    }
}
