//! Writing applied rows to the state's store, behind the machine.
//!
//! Three rules: rows are handed over only when their log entry is synced in this node's own log (the store may reach
//! the disk at any time, and must never be ahead of the log); rows and the applied row go in one write; and the store
//! is flushed when 64 MiB of log or ten seconds lie behind the last flush, so that a restart replays little.
//!
//! It does nothing that takes as long as the state is large: rows that wait for it are in memory, and [`Backlog`] bounds
//! them by keeping entries from being applied.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Disk, Edit, Engine, Manifest};
use parking_lot::Mutex;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::backlog::SyncedMark;
use super::checkpoint::{Checkpoints, Made, remove_others};
use super::{APPLIED_KEY, Backlog, Changes, Overlay, RAFT_FAMILY, SnapshotUses};
use crate::alarm::{Alarm, Fatal};
use crate::planted::{self, Bug};
use crate::record::AppliedRow;
use crate::work::{Drive, Step, Work};

/// At most this much log has to be replayed after a crash.
const UNFLUSHED_BYTES_MAX: usize = 64 << 20;
const UNFLUSHED_TIME_MAX: Duration = Duration::from_secs(10);
/// Between two writes: readers see the rows already, and larger groups cost less: their rows lie closer together in the
/// store, and rows that change often are written once (at 5 ms a full load of orders was a quarter slower).
const REST: Duration = Duration::from_millis(50);

/// What the persister is told.
pub(crate) enum PersistItem {
    /// An entry was applied; its rows count as so many bytes.
    Applied { index: u64, changes: Changes, row: AppliedRow, digest: bool, bytes: usize },
    /// This node's log is synced up to here, as it was after so many cuts.
    Synced { index: u64, cuts: u64 },
    /// Everything behind `keep` is cut from this node's log, for the so many-th time. Told before anything is applied
    /// that takes its place.
    Cut { keep: Option<u64>, cuts: u64 },
    /// A snapshot of at least this applied index is wanted.
    Checkpoint { row: AppliedRow, reply: oneshot::Sender<Made> },
    /// The files of the checkpoint in hand are hashed and synced.
    Hashed { manifest: exchequer_storage::Result<Box<Manifest>> },
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
    backlog: Backlog,
}

impl Unwritten {
    #[cfg(test)]
    pub(crate) fn bounded(bytes: usize) -> Unwritten {
        Unwritten { backlog: Backlog::of(bytes), ..Unwritten::default() }
    }

    pub(crate) fn backlog(&self) -> Backlog {
        self.backlog.clone()
    }

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
    /// What is being done with the snapshots.
    pub(crate) uses: SnapshotUses,
    /// Where snapshots are hashed.
    pub(crate) drive: Drive,
}

struct Waiting {
    index: u64,
    changes: Changes,
    row: AppliedRow,
    digest: bool,
    bytes: usize,
}

/// The consumer of applied rows.
pub(crate) struct Persister {
    pub(super) options: PersistOptions,
    /// Its own queue, for those who do something on its behalf.
    pub(super) queue: Option<WeakUnboundedSender<PersistItem>>,
    pub(super) checkpoints: Checkpoints,
    pub(super) written: Option<u64>,
    waiting: VecDeque<Waiting>,
    synced: SyncedMark,
    unflushed_bytes: usize,
    flushed_at: Instant,
}

impl Persister {
    pub(crate) fn new(options: PersistOptions) -> Persister {
        Persister {
            options,
            queue: None,
            checkpoints: Checkpoints::default(),
            written: None,
            waiting: VecDeque::new(),
            synced: SyncedMark::default(),
            unflushed_bytes: 0,
            flushed_at: Instant::now(),
        }
    }

    pub(super) fn engine(&self) -> Option<Arc<dyn Engine>> {
        self.options.unwritten.engine.lock().clone()
    }

    /// Writes what the log has synced, in one batch up to a digest request.
    fn write_ready(&mut self) -> exchequer_storage::Result<()> {
        loop {
            let mut done = Vec::new();
            let mut digest = None;
            while let Some(front) = self.waiting.front() {
                let ready = planted::is(Bug::PersistBeforeLogSync) || self.synced.covers(front.index);
                if !ready || digest.is_some() {
                    break;
                }
                let Some(next) = self.waiting.pop_front() else { break };
                if next.digest {
                    digest = Some(next.index);
                }
                self.unflushed_bytes += next.bytes;
                done.push(next);
            }
            let Some(last) = done.last() else { return Ok(()) };
            let Some(engine) = self.engine() else { return Ok(()) };
            let mut edits: Vec<&(usize, Vec<u8>, Edit)> = done.iter().flat_map(|item| item.changes.iter()).collect();
            in_order(&mut edits);
            if planted::is(Bug::RowsBeforeApplied) {
                engine.write_rows(&std::mem::take(&mut edits))?;
            }
            let applied = (RAFT_FAMILY, APPLIED_KEY.to_vec(), Edit::Put(last.row.encode()));
            edits.push(&applied);
            engine.write_rows(&edits)?;
            let index = last.index;
            self.written = Some(index);
            self.options.unwritten.overlay.written(index, done.iter().flat_map(|item| item.changes.iter()));
            self.options.unwritten.backlog.remove(done.iter().map(|item| item.bytes).sum());
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

    /// Stops the node where a sync failed. It is told before anybody is answered: consensus has no code for why.
    pub(super) fn tell_unsynced(&self, error: &exchequer_storage::Error) {
        if let Some(fatal) = Fatal::of_sync(error) {
            self.options.alarm.raise(fatal);
        }
    }

    fn install(&mut self, name: &str) -> exchequer_storage::Result<Arc<dyn Engine>> {
        // Everything that waits is older than the snapshot, or this node would not have needed it.
        let passed = std::mem::take(&mut self.waiting);
        self.options.unwritten.backlog.remove(passed.iter().map(|item| item.bytes).sum());
        let engine = self.options.disk.install(name, &self.options.families)?;
        self.options.unwritten.set_engine(engine.clone());
        let index = engine
            .get(RAFT_FAMILY, APPLIED_KEY)?
            .and_then(|bytes| AppliedRow::decode(&bytes))
            .and_then(|row| row.last)
            .map(|last| last.index);
        self.written = index;
        self.synced.installed(index);
        if let Some(index) = index {
            self.options.flushed.send_replace(index);
        }
        // The store goes on with the very tables that were received and verified.
        self.checkpoints.installed(self.options.disk.manifest(name).ok());
        remove_others(&self.options, name)?;
        Ok(engine)
    }
}

/// Brings changes of single rows into the order of their keys, in which the store takes them fastest, and leaves out what a
/// later one of the same row undoes; where many rows are removed at once, everything stays as it was.
fn in_order(edits: &mut Vec<&(usize, Vec<u8>, Edit)>) {
    let single = |(_, _, edit): &&(usize, Vec<u8>, Edit)| match edit {
        Edit::Put(_) | Edit::Delete => true,
        Edit::DeletePrefix | Edit::DeleteUntil(_) => false,
    };
    if edits.iter().all(single) {
        // The newest of each row comes first, and stays.
        edits.reverse();
        edits.sort_by(|(family, key, _), (other_family, other_key, _)| (family, key).cmp(&(other_family, other_key)));
        edits.dedup_by(|(family, key, _), (other_family, other_key, _)| (family, key) == (other_family, other_key));
    }
}

impl Work for Persister {
    type Item = PersistItem;

    fn attach(&mut self, queue: WeakUnboundedSender<PersistItem>) {
        self.queue = Some(queue);
    }

    fn write(&mut self, items: Vec<PersistItem>) -> Step {
        let mut flushes = Vec::new();
        for item in items {
            match item {
                PersistItem::Applied { index, changes, row, digest, bytes } => {
                    self.waiting.push_back(Waiting { index, changes, row, digest, bytes });
                }
                PersistItem::Synced { index, cuts } => self.synced.synced(index, cuts),
                PersistItem::Cut { keep, cuts } => self.synced.cut(keep, cuts),
                PersistItem::Checkpoint { row, reply } => self.checkpoints.want(row, reply),
                PersistItem::Hashed { manifest } => self.hashed(manifest),
                PersistItem::Install { name, reply } => {
                    let installed = self.install(&name);
                    let installed = installed.inspect_err(|error| self.tell_unsynced(error)).map_err(io::Error::from);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Rows = BTreeMap<(usize, Vec<u8>), Vec<u8>>;

    /// What a store holds after these edits, one after the other.
    fn written<'a>(edits: impl IntoIterator<Item = &'a (usize, Vec<u8>, Edit)>) -> Rows {
        let mut rows = BTreeMap::from([((0, b"a".to_vec()), b"old".to_vec())]);
        for (family, key, edit) in edits {
            let row = (*family, key.clone());
            match edit {
                Edit::Put(value) => drop(rows.insert(row, value.clone())),
                Edit::Delete => drop(rows.remove(&row)),
                Edit::DeletePrefix => rows.retain(|(of, found), _| of != family || !found.starts_with(key)),
                Edit::DeleteUntil(until) => rows.retain(|(of, found), _| of != family || found < key || found >= until),
            }
        }
        rows
    }

    /// Goal: what is written in the order of the keys leaves the rows that the edits would leave in their own order, and
    /// names each row once. Method: every series of up to five edits of three rows in two families.
    #[test]
    fn order_changes_no_row() {
        let (rows, ways) = ([(0, b"a"), (0, b"b"), (1, b"a")], 3);
        let choices = rows.len() * ways;
        for length in 0..=5_u32 {
            for series in 0..choices.pow(length) {
                let chosen = (0..length).map(|at| series / choices.pow(at) % choices);
                let edits: Vec<(usize, Vec<u8>, Edit)> = chosen
                    .enumerate()
                    .map(|(at, choice)| {
                        let (family, key) = rows[choice / ways];
                        let edit = match choice % ways {
                            0 => Edit::Put(vec![at as u8]),
                            1 => Edit::Put(Vec::new()),
                            _ => Edit::Delete,
                        };
                        (family, key.to_vec(), edit)
                    })
                    .collect();
                let mut ordered: Vec<_> = edits.iter().collect();
                in_order(&mut ordered);
                assert_eq!(written(ordered.iter().copied()), written(&edits), "{edits:?}");
                let named = |pair: &[&(usize, Vec<u8>, Edit)]| (pair[0].0, &pair[0].1) < (pair[1].0, &pair[1].1);
                assert!(ordered.windows(2).all(named), "{edits:?}");
            }
        }
    }

    /// Goal: where many rows are removed at once, nothing is moved or left out. Method: a put on either side of it.
    #[test]
    fn many_at_once_stay_where_they_are() {
        for many in [Edit::DeletePrefix, Edit::DeleteUntil(b"c".to_vec())] {
            let put = || (0, b"a".to_vec(), Edit::Put(b"new".to_vec()));
            let edits = [put(), (0, b"a".to_vec(), many), put(), (0, b"b".to_vec(), Edit::Delete)];
            let mut ordered: Vec<_> = edits.iter().collect();
            in_order(&mut ordered);
            assert_eq!(ordered, edits.iter().collect::<Vec<_>>());
            assert_eq!(written(ordered.iter().copied()).len(), 1);
        }
    }
}
