//! Applying committed entries: the machine computes, readers see it at once, the disk follows behind.

mod backlog;
mod checkpoint;
mod overlay;
mod persister;
mod snapshot;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arc_swap::ArcSwap;
use exchequer_storage::{Disk, Edit, Engine};
use futures::{Stream, StreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

pub(crate) use backlog::Backlog;
pub(crate) use overlay::{Changes, Overlay, View};
pub(crate) use persister::{PersistItem, PersistOptions, Persister, Unwritten};
#[cfg(test)]
pub(crate) use snapshot::snapshot_note;
pub(crate) use snapshot::{Builder, SnapshotFolder, latest_snapshot, noted_row, snapshot_of};
pub use uses::SnapshotHold;
pub(crate) use uses::SnapshotUses;

use crate::alarm::{Alarm, Fatal};
use crate::body::Body;
use crate::machine::{Applied, At, Halt, Input, Machine};
use crate::planted::{self, Bug};
use crate::record::{AppliedRow, Members, Position};
use crate::stages::{ApplyMeter, ApplyWork};
use crate::types::{Entry, EntryPayload, LogId, Reply, SnapshotMeta, StoredMembership, TypeConfig, term_of};

/// The row with [`AppliedRow`], alone in the first family.
pub(crate) const APPLIED_KEY: &[u8] = b"applied";
pub(crate) const RAFT_FAMILY: usize = 0;

/// How many past hashes a node remembers for comparison with nodes that are ahead or behind.
const HASHES_KEPT: usize = 4096;

/// The families of the state's engine: ours, then the machine's.
pub(crate) fn families<M: Machine>() -> Vec<&'static str> {
    std::iter::once("raft").chain(M::FAMILIES.iter().copied()).collect()
}

/// Hashes of the state after recent entries.
#[derive(Debug, Default)]
pub(crate) struct Hashes(VecDeque<(u64, [u8; 32])>);

impl Hashes {
    pub(crate) fn push(&mut self, index: u64, digest: [u8; 32]) {
        if self.0.len() >= HASHES_KEPT {
            self.0.pop_front();
        }
        self.0.push_back((index, digest));
    }

    /// The hash after `index`, where it is still known.
    pub(crate) fn at(&self, index: u64) -> Option<[u8; 32]> {
        let at = self.0.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.0.get(at).map(|(_, digest)| *digest)
    }
}

/// What readers, the watch between nodes and the state machine share.
pub(crate) struct StateShared<M> {
    pub(crate) machine: RwLock<M>,
    pub(crate) overlay: Overlay,
    pub(crate) engine: ArcSwap<Arc<dyn Engine>>,
    pub(crate) hashes: Mutex<Hashes>,
    pub(crate) applied: Mutex<AppliedRow>,
    /// The index of the last applied entry; behind `machine` by nothing a reader could notice.
    pub(crate) progress: watch::Sender<u64>,
    /// Digests of all rows, by the index they were asked for.
    pub(crate) digests: Mutex<VecDeque<(u64, [u8; 32])>>,
    /// Bytes of log applied since the node started, for the snapshot trigger.
    pub(crate) applied_bytes: AtomicU64,
    /// Applied rows that are not yet written.
    pub(crate) backlog: Backlog,
    /// What is being done with the snapshots.
    pub(crate) uses: SnapshotUses,
}

impl<M: Machine> StateShared<M> {
    /// The rows as they are now. Consistent with the machine while its lock is held.
    pub(crate) fn view(&self) -> View<'_> {
        View { overlay: &self.overlay, engine: Arc::clone(&self.engine.load()) }
    }
}

/// The state machine handed to openraft.
pub(crate) struct StateMachine<M> {
    pub(crate) shared: Arc<StateShared<M>>,
    disk: Arc<dyn Disk>,
    persister: UnboundedSender<PersistItem>,
    alarm: Alarm,
    meter: ApplyMeter,
}

fn stopped() -> io::Error {
    io::Error::other("the node is stopping")
}

/// Reads the applied row of an engine; the default where it has none yet.
pub(crate) fn applied_row(engine: &dyn Engine) -> Result<AppliedRow, Fatal> {
    match engine.get(RAFT_FAMILY, APPLIED_KEY)? {
        None => Ok(AppliedRow::default()),
        Some(bytes) => AppliedRow::decode(&bytes)
            .ok_or_else(|| Fatal::from(exchequer_storage::Error::corrupt("state", "the row `applied` cannot be read"))),
    }
}

impl<M: Machine> StateMachine<M> {
    /// Opens the state on `disk` and loads the working set.
    ///
    /// # Errors
    /// Damage, I/O failure, or rows the machine does not understand.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        persister: UnboundedSender<PersistItem>,
        unwritten: &Unwritten,
        uses: SnapshotUses,
        alarm: Alarm,
    ) -> Result<StateMachine<M>, Fatal> {
        let engine = disk.state(&families::<M>())?;
        let row = applied_row(engine.as_ref())?;
        let overlay = unwritten.overlay();
        let machine = {
            let view = View { overlay: &overlay, engine: engine.clone() };
            M::load(&view).map_err(halt)?
        };
        let index = row.last.map_or(0, |last| last.index);
        let mut hashes = Hashes::default();
        if row.last.is_some() {
            hashes.push(index, row.digest);
        }
        unwritten.set_engine(engine.clone());
        let shared = Arc::new(StateShared {
            machine: RwLock::new(machine),
            overlay,
            engine: ArcSwap::from_pointee(engine),
            hashes: Mutex::new(hashes),
            applied: Mutex::new(row),
            progress: watch::Sender::new(index),
            digests: Mutex::new(VecDeque::new()),
            applied_bytes: AtomicU64::new(0),
            backlog: unwritten.backlog(),
            uses,
        });
        Ok(StateMachine { shared, disk, persister, alarm, meter: ApplyMeter::new() })
    }

    /// Applies one entry: the machine first, then the rows become visible, then they go to the persister.
    pub(crate) fn apply_one(&self, entry: &Entry) -> Result<Reply, Fatal> {
        let begun = Instant::now();
        let shared = &self.shared;
        let id = &entry.log_id;
        let mut row = shared.applied.lock().clone();
        let body = match &entry.payload {
            EntryPayload::Blank | EntryPayload::Membership(_) => None,
            EntryPayload::Normal(payload) => {
                shared.applied_bytes.fetch_add(payload.0.len() as u64, Ordering::Relaxed);
                Some(Body::decode(payload.0.clone()).ok_or(Fatal::Undecodable { index: id.index })?)
            }
        };
        let time_us = match &body {
            None => row.time_us,
            Some(Body::Commands { time_us, .. } | Body::Activation { time_us, .. }) => row.time_us.max(*time_us),
        };
        let at = At { index: id.index, term: term_of(id), time_us };
        let input = match &body {
            None => Input::Noop,
            Some(Body::Commands { commands, .. }) => Input::Commands(commands),
            Some(Body::Activation { node, boot, .. }) => Input::Activate { node: *node, boot: *boot },
        };

        let mut machine = shared.machine.write();
        let started = Instant::now();
        let applied = machine.apply(at, input, &shared.view()).map_err(halt)?;
        let engine = started.elapsed();
        row.digest = fold(&row.digest, &at, &applied);
        row.last = Some(Position::from(id));
        row.time_us = time_us;
        if let EntryPayload::Membership(membership) = &entry.payload
            && !planted::is(Bug::MembershipNotPersisted)
        {
            row.membership_at = Some(Position::from(id));
            row.members = Arc::new(Members::from(membership));
        }
        let changes: Changes =
            applied.changes.into_iter().map(|change| (change.family + 1, change.key, change.edit)).collect();
        shared.overlay.add(id.index, &changes);
        shared.hashes.lock().push(id.index, row.digest);
        *shared.applied.lock() = row.clone();
        drop(machine);

        let bytes = Backlog::bytes_of(&changes);
        shared.backlog.add(bytes);
        let item = PersistItem::Applied { index: id.index, changes, row, digest: applied.digest, bytes };
        // Gone means that the node is stopping; the log has the entry.
        let _ = self.persister.send(item);
        shared.progress.send_replace(id.index);
        let work = ApplyWork { begun, engine, whole: begun.elapsed() };
        self.meter.applied(applied.outcomes.len() as u64, &work);
        Ok(Reply { outcomes: applied.outcomes, work: Some(work) })
    }

    /// Replaces everything by what is in `engine`.
    fn reload(&self, engine: Arc<dyn Engine>) -> Result<(), Fatal> {
        let row = applied_row(engine.as_ref())?;
        let mut machine = self.shared.machine.write();
        self.shared.overlay.clear();
        self.shared.engine.store(Arc::new(engine));
        if !planted::is(Bug::InstallWithoutReload) {
            let mut loaded = M::load(&self.shared.view()).map_err(halt)?;
            loaded.succeed(&machine);
            *machine = loaded;
        }
        let index = row.last.map_or(0, |last| last.index);
        let mut hashes = self.shared.hashes.lock();
        *hashes = Hashes::default();
        hashes.push(index, row.digest);
        *self.shared.applied.lock() = row;
        self.shared.progress.send_replace(index);
        Ok(())
    }

    /// Waits while the store is too far behind, so that what it lacks does not fill the memory.
    async fn room(&self) {
        tokio::select! {
            biased;
            () = self.shared.backlog.room() => {}
            // Nothing is written any more: the node is stopping.
            () = self.persister.closed() => {}
        }
    }

    fn fail(&self, fatal: Fatal) -> io::Error {
        let text = fatal.to_string();
        self.alarm.raise(fatal);
        io::Error::other(text)
    }
}

fn halt(halt: Halt) -> Fatal {
    Fatal::Halt { code: halt.code, detail: halt.detail }
}

/// Folds an entry's outcomes and changed rows into the rolling hash.
///
/// BLAKE3 over: previous hash, index, term, time, each outcome and each change with its lengths.
fn fold(previous: &[u8; 32], at: &At, applied: &Applied) -> [u8; 32] {
    let mut hashed = Gathered::default();
    hashed.bytes(previous);
    for number in [at.index, at.term, at.time_us, applied.outcomes.len() as u64] {
        hashed.bytes(&number.to_le_bytes());
    }
    for outcome in &applied.outcomes {
        hashed.sized(outcome);
    }
    for change in &applied.changes {
        let family = change.family as u8;
        hashed.sized(&change.key);
        match &change.edit {
            Edit::Put(value) => {
                hashed.sized(&[family, 1]);
                hashed.sized(value);
            }
            Edit::Delete => hashed.sized(&[family, 2]),
            Edit::DeletePrefix => hashed.sized(&[family, 3]),
            Edit::DeleteUntil(until) => {
                hashed.sized(&[family, 4]);
                hashed.sized(until);
            }
        }
    }
    hashed.finish()
}

/// BLAKE3 of many small pieces: gathered first, because the hash takes much at once several times as fast.
#[derive(Default)]
struct Gathered {
    hasher: blake3::Hasher,
    pieces: Vec<u8>,
}

impl Gathered {
    /// Gathered before they are hashed.
    const BYTES: usize = 16 << 10;

    fn bytes(&mut self, bytes: &[u8]) {
        if self.pieces.len() + bytes.len() > Gathered::BYTES {
            self.hasher.update(&self.pieces);
            self.pieces.clear();
        }
        self.pieces.extend_from_slice(bytes);
    }

    fn sized(&mut self, bytes: &[u8]) {
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }

    fn finish(mut self) -> [u8; 32] {
        self.hasher.update(&self.pieces);
        *self.hasher.finalize().as_bytes()
    }
}

impl<M: Machine> RaftStateMachine<TypeConfig> for StateMachine<M> {
    type SnapshotData = SnapshotFolder;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), io::Error> {
        let row = self.shared.applied.lock();
        Ok((row.last.map(Position::log_id), row.stored_membership()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> Result<(), io::Error>
    where
        S: Stream<Item = Result<EntryResponder<TypeConfig>, io::Error>> + Unpin + Send,
    {
        while let Some(next) = entries.next().await {
            let (entry, responder) = next?;
            self.room().await;
            let reply = self.apply_one(&entry).map_err(|fatal| self.fail(fatal))?;
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        let builder = self.get_snapshot_builder().await;
        // It is forced where a start waits for it, which must not take for ever.
        Some(Builder { patient: !force, ..builder })
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let row = self.shared.applied.lock().clone();
        Builder { persister: self.persister.clone(), row, patient: true }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFolder) -> Result<(), io::Error> {
        let (reply, installed) = oneshot::channel();
        self.persister.send(PersistItem::Install { name: snapshot.name.clone(), reply }).map_err(|_| stopped())?;
        let engine = installed.await.map_err(|_| stopped())??;
        self.reload(engine).map_err(|fatal| self.fail(fatal))?;
        let last = self.shared.applied.lock().last.map(Position::log_id);
        if last != meta.last_log_id {
            let detail = format!("the snapshot says {:?}, its rows say {last:?}", meta.last_log_id);
            return Err(self.fail(Fatal::LogLost { detail }));
        }
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snap>, io::Error> {
        // One that was found damaged is answered as well: whoever sends it asks again until another one took its place.
        // Nothing is made here, where nothing is applied meanwhile.
        let Some(mut latest) = latest_snapshot(self.disk.as_ref())? else { return Ok(None) };
        let index = latest.meta.last_log_id.map_or(0, |id| id.index);
        latest.snapshot.hold = Some(Arc::new(self.shared.uses.hold_to_send(&latest.snapshot.name, index)));
        Ok(Some(latest))
    }
}

type Snap = Snapshot<CommittedLeader, u64, crate::types::Address, SnapshotFolder>;
type CommittedLeader = crate::types::CommittedTerm;
