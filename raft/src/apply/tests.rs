//! The state machine and its persister, with a log and a disk.

use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::sim::Platter;
use exchequer_storage::{Disk, FolderDisk};
use futures::stream;
use openraft::storage::{IOFlushed, RaftLogStorage, RaftSnapshotBuilder, RaftStateMachine};
use openraft::type_config::TypeConfigExt;
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

use super::*;
use crate::conformance::Noting;
use crate::log::{LogOptions, LogStore};
use crate::types::log_id;
use crate::work::{self, Drive};

type Flushed = oneshot::Sender<()>;

/// A state machine with its persister.
struct Rig {
    disk: Arc<dyn Disk>,
    persister: UnboundedSender<PersistItem>,
    machine: StateMachine<Noting>,
    uses: SnapshotUses,
    alarm: Alarm,
}

impl Rig {
    fn new(disk: Arc<dyn Disk>, drive: &Drive, backlog_bytes: usize) -> Rig {
        let alarm = Alarm::new(|fatal| tracing::error!(%fatal, "the store failed"));
        let unwritten = Unwritten::bounded(backlog_bytes);
        let uses = SnapshotUses::default();
        let options = PersistOptions {
            disk: disk.clone(),
            families: families::<Noting>(),
            unwritten: unwritten.clone(),
            alarm: alarm.clone(),
            digested: Arc::new(|_, _| {}),
            flushed: watch::Sender::new(0),
            uses: uses.clone(),
            drive: drive.clone(),
        };
        let persister = work::start("persister", drive, Persister::new(options));
        let machine =
            StateMachine::open(disk.clone(), persister.clone(), &unwritten, uses.clone(), alarm.clone()).unwrap();
        Rig { disk, persister, machine, uses, alarm }
    }

    fn simulated(backlog_bytes: usize) -> Rig {
        Rig::new(Arc::new(Platter::new(1).power_on()), &at_once(), backlog_bytes)
    }

    /// Applies a blank entry and has its log taken for synced.
    fn advance(&self, index: u64) {
        self.machine.apply_one(&blank(1, index)).unwrap();
        self.persister.send(PersistItem::Synced { index, cuts: 0 }).unwrap();
    }

    /// Returns when the persister has done what it was told so far.
    async fn settle(&self) {
        let (reply, flushed): (Flushed, _) = oneshot::channel();
        self.persister.send(PersistItem::Flush { reply }).unwrap();
        flushed.await.unwrap();
    }

    async fn build(&mut self) -> io::Result<String> {
        let mut builder = self.machine.get_snapshot_builder().await;
        builder.build_snapshot().await.map(|snapshot| snapshot.snapshot.name)
    }

    fn stored(&self) -> Option<u64> {
        let engine = self.disk.state(&families::<Noting>()).unwrap();
        applied_row(engine.as_ref()).unwrap().last.map(|last| last.index)
    }
}

fn at_once() -> Drive {
    Drive::Tasks(Arc::new(|| Duration::ZERO))
}

fn blank(term: u64, index: u64) -> Entry {
    Entry { log_id: log_id(term, index), payload: EntryPayload::Blank }
}

async fn append(log: &mut LogStore, entries: Vec<Entry>) {
    let (done, synced) = TypeConfig::oneshot();
    log.append(entries, IOFlushed::signal(done)).await.unwrap();
    synced.await.unwrap().unwrap();
}

/// Goal: rows of an entry do not reach the disk because another entry was synced that had its index before. Method: a
/// synced tail is cut, and the entries in its place are applied while a sync of them never ends.
#[tokio::test]
async fn a_cut_takes_back_what_was_synced() {
    let rig = Rig::simulated(usize::MAX);
    let slow = Arc::new(AtomicU64::new(0));
    let seconds = slow.clone();
    let drive = Drive::Tasks(Arc::new(move || Duration::from_secs(seconds.load(Ordering::Relaxed))));
    let options = LogOptions { drive, alarm: rig.alarm.clone(), flushed: 0, persister: rig.persister.clone() };
    let mut log = LogStore::open(rig.disk.as_ref(), options).unwrap();
    append(&mut log, (1..=8).map(|index| blank(1, index)).collect()).await;
    rig.machine.apply_one(&blank(1, 1)).unwrap();
    rig.settle().await;
    assert_eq!(rig.stored(), Some(1));

    slow.store(1_000_000, Ordering::Relaxed);
    log.truncate_after(Some(log_id(1, 1))).await.unwrap();
    let (done, _unsynced) = TypeConfig::oneshot();
    log.append((2..=8).map(|index| blank(2, index)), IOFlushed::signal(done)).await.unwrap();
    for index in 2..=8 {
        rig.machine.apply_one(&blank(2, index)).unwrap();
    }
    rig.settle().await;
    assert_eq!(rig.stored(), Some(1), "rows of entries that are not synced are on the disk");
}

/// Goal: a store that is far behind holds up what is applied, and nothing else. Method: a backlog that is full after one
/// entry, and a log whose sync is told late.
#[tokio::test]
async fn a_full_backlog_holds_up_applying() {
    let mut rig = Rig::simulated(1);
    let shared = rig.machine.shared.clone();
    let persister = rig.persister.clone();
    let entries = stream::iter((1..=3).map(|index| Ok((blank(1, index), None))));
    let mut applying = Box::pin(rig.machine.apply(entries));
    assert!(futures::poll!(applying.as_mut()).is_pending());
    assert_eq!(*shared.progress.borrow(), 1);
    assert!(shared.backlog.is_full());
    persister.send(PersistItem::Synced { index: 3, cuts: 0 }).unwrap();
    applying.await.unwrap();
    assert_eq!(*shared.progress.borrow(), 3);
    rig.settle().await;
    assert!(!rig.machine.shared.backlog.is_full());
}

/// Goal: the files of a snapshot stay while it is being sent. Method: one is held as openraft holds it, and newer ones are
/// made.
#[tokio::test]
async fn a_snapshot_that_is_sent_is_not_removed() {
    let mut rig = Rig::simulated(usize::MAX);
    rig.advance(1);
    let first = rig.build().await.unwrap();
    let sent = rig.machine.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!(sent.snapshot.name, first);
    assert_eq!(rig.uses.sent_index(), Some(1));
    for index in 2..=5 {
        rig.advance(index);
        rig.build().await.unwrap();
    }
    assert!(rig.disk.manifest(&first).is_ok(), "it was removed under its transfer");
    drop(sent);
    assert_eq!(rig.uses.sent_index(), None);
    rig.advance(6);
    rig.build().await.unwrap();
    assert_eq!(rig.disk.snapshots().unwrap().len(), 2);
    assert!(rig.disk.manifest(&first).is_err());
}

/// Goal: a damaged snapshot is replaced, also where nothing was applied since, and asking for one never makes one: that
/// would hold up what is applied. Method: the latest is called damaged, once while it is held and once while it is not.
#[tokio::test]
async fn a_damaged_snapshot_is_replaced() {
    let mut rig = Rig::simulated(usize::MAX);
    rig.advance(1);
    let first = rig.build().await.unwrap();
    assert_eq!(rig.build().await.unwrap(), first, "a sound one of the same entry is as good");
    let held = rig.machine.get_current_snapshot().await.unwrap();
    rig.uses.damaged(&first);
    let mut asking = Box::pin(rig.machine.get_current_snapshot());
    assert!(futures::poll!(asking.as_mut()).is_ready());
    drop(asking);
    assert!(rig.uses.wants_another());
    let second = rig.build().await.unwrap();
    assert_ne!(second, first, "it is being read");
    assert!(!rig.uses.wants_another() && rig.uses.is_damaged(&first));
    drop(held);
    let latest = rig.machine.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!(latest.snapshot.name, second);
    drop(latest);

    rig.uses.damaged(&second);
    let third = rig.build().await.unwrap();
    assert_eq!(third, first, "nobody reads it any more");
    assert_eq!(rig.disk.snapshots().unwrap(), std::slice::from_ref(&third));
    assert!(!rig.uses.is_damaged(&third));
}

/// Goal: a checkpoint that cannot become a snapshot leaves nothing, and the next one succeeds. Method: a file stands where
/// the snapshot's folder should be.
#[tokio::test]
async fn a_failed_checkpoint_leaves_nothing() {
    let home = TempDir::new().unwrap();
    let snapshots = home.path().join("snapshots");
    let mut rig = Rig::new(Arc::new(FolderDisk::open(home.path()).unwrap()), &at_once(), usize::MAX);
    rig.advance(1);
    let name = "00000000000000000001-0000000001";
    std::fs::write(snapshots.join(name), "in the way").unwrap();
    rig.build().await.unwrap_err();
    assert_eq!(std::fs::read_dir(&snapshots).unwrap().count(), 1);
    std::fs::remove_file(snapshots.join(name)).unwrap();
    assert_eq!(rig.build().await.unwrap(), name);
}

/// Goal: a snapshot of a state to which nothing was applied is never taken for the latest. Method: one is made, then one of
/// the first entry there can be.
#[tokio::test]
async fn a_snapshot_of_nothing_is_the_oldest() {
    let mut rig = Rig::simulated(usize::MAX);
    let nothing = rig.build().await.unwrap();
    rig.machine.apply_one(&blank(0, 0)).unwrap();
    rig.persister.send(PersistItem::Synced { index: 0, cuts: 0 }).unwrap();
    let first = rig.build().await.unwrap();
    assert_eq!(rig.disk.snapshots().unwrap(), [nothing, first.clone()]);
    let latest = rig.machine.get_current_snapshot().await.unwrap().unwrap();
    assert_eq!((latest.snapshot.name, latest.meta.last_log_id), (first, Some(log_id(0, 0))));
}

/// Goal: visiting a table shows each row once, in order, as of the last applied entry, wherever it is. Method: more rows than
/// are visited at once; all of them stored, then some changed, removed or new above the store, then a visit that stops.
#[test]
fn a_visit_shows_every_row() {
    let disk: Arc<dyn Disk> = Arc::new(Platter::new(1).power_on());
    let engine = disk.state(&families::<Noting>()).unwrap();
    let key = |number: u32| number.to_be_bytes().to_vec();
    let mut expected: Vec<(Vec<u8>, Vec<u8>)> = (0..2_500).map(|number| (key(number), vec![1])).collect();
    let mut batch = exchequer_storage::Batch::default();
    expected.iter().for_each(|(key, value)| batch.put(1, key.clone(), value.clone()));
    batch.put(2, key(7), vec![9]);
    engine.write(&batch).unwrap();
    let overlay = Overlay::default();
    let visit = |overlay: &Overlay, from: &[u8], until: &[u8], most: usize| {
        let view = View { overlay, engine: engine.clone() };
        let mut seen = Vec::new();
        let mut each = |key: &[u8], value: &[u8]| {
            seen.push((key.to_vec(), value.to_vec()));
            seen.len() < most
        };
        crate::machine::RowReader::visit(&view, 0, from, until, &mut each).unwrap();
        seen
    };
    assert_eq!(visit(&overlay, &[], &[], usize::MAX), expected);
    assert_eq!(visit(&overlay, &key(3), &key(2_400), usize::MAX), expected[3..2_400]);
    assert_eq!(visit(&overlay, &key(3), &[], 5), expected[3..8]);

    let put = |number, value| (1, key(number), Edit::Put(vec![value]));
    let changes: Changes = vec![put(0, 2), (1, key(1_500), Edit::Delete), put(2_500, 3)].into();
    overlay.add(1, &changes);
    expected[0].1 = vec![2];
    expected.remove(1_500);
    expected.push((key(2_500), vec![3]));
    assert_eq!(visit(&overlay, &[], &[], usize::MAX), expected);
    assert_eq!(visit(&overlay, &key(1), &key(1_400), usize::MAX), expected[1..1_400]);
    assert_eq!(visit(&overlay, &key(1_400), &[], 200), expected[1_400..1_600]);
}
