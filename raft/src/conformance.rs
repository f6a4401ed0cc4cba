//! openraft's own suite for log stores and state machines, on both kinds of disk.
//!
//! The suite applies entries that it never appended, which no node does: a row is handed to the state's store only
//! when its entry is synced in the log. So the persister is told once, at the start, that everything is synced. And it
//! hands a snapshot from one machine to another directly, where a node receives the files first: [`Carrying`] does that.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exchequer_storage::sim::Platter;
use exchequer_storage::{Disk, FolderDisk};
use futures::Stream;
use openraft::StorageError;
use openraft::storage::{EntryResponder, RaftStateMachine, Snapshot};
use openraft::testing::log::{StoreBuilder, Suite};
use parking_lot::Mutex;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::alarm::Alarm;
use crate::apply::{
    Builder, PersistItem, PersistOptions, Persister, SnapshotFolder, SnapshotUses, StateMachine, Unwritten, families,
};
use crate::log::{LogOptions, LogStore};
use crate::machine::{Applied, At, Change, Halt, Input, Machine, RowReader};
use crate::types::{Address, CommittedTerm, LogId, SnapshotMeta, StoredMembership, TypeConfig};
use crate::work::{self, Drive};

/// How long the threads of the last stores may take to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Every test of the suite builds one store, the one about sending a snapshot builds two.
const STORES_BUILT: usize = 44 + 2;

/// A machine that notes each entry's index in a row, so that a snapshot has something to carry.
pub(crate) struct Noting;

impl Machine for Noting {
    const FAMILIES: &'static [&'static str] = &["notes"];

    fn load(_: &dyn RowReader) -> Result<Noting, Halt> {
        Ok(Noting)
    }

    fn apply(&mut self, at: At, input: Input<'_>, _: &dyn RowReader) -> Result<Applied, Halt> {
        let outcomes = match input {
            Input::Noop | Input::Activate { .. } => Vec::new(),
            Input::Commands(commands) => commands.to_vec(),
        };
        let edit = exchequer_storage::Edit::Put(at.term.to_be_bytes().to_vec());
        let changes = vec![Change { family: 0, key: at.index.to_be_bytes().to_vec(), edit }];
        Ok(Applied { outcomes, changes, digest: false })
    }
}

type Snap = Snapshot<CommittedTerm, u64, Address, SnapshotFolder>;

/// A state machine that fetches a snapshot's files from whichever disk has them before it installs it.
struct Carrying {
    machine: StateMachine<Noting>,
    disk: Arc<dyn Disk>,
    disks: Arc<Mutex<Vec<Arc<dyn Disk>>>>,
}

impl Carrying {
    fn fetch(&self, name: &str) {
        let disks = self.disks.lock();
        let source = disks.iter().find(|disk| disk.manifest(name).is_ok()).unwrap();
        let manifest = source.manifest(name).unwrap();
        let held = self.disk.begin_receive(&manifest).unwrap();
        for (file, mut offset) in held.into_iter().enumerate() {
            loop {
                // Small pieces, so that files take several.
                let piece = source.read_piece(&manifest, file, offset, 100).unwrap();
                if piece.is_empty() {
                    break;
                }
                self.disk.write_piece(&manifest, file, offset, &piece).unwrap();
                offset += piece.len() as u64;
            }
        }
        self.disk.finish_receive(&manifest).unwrap();
    }
}

impl RaftStateMachine<TypeConfig> for Carrying {
    type SnapshotData = SnapshotFolder;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        self.machine.applied_state().await
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<TypeConfig>>> + Unpin + Send,
    {
        self.machine.apply(entries).await
    }

    async fn try_create_snapshot_builder(&mut self, force: bool) -> Option<Builder> {
        self.machine.try_create_snapshot_builder(force).await
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        self.machine.get_snapshot_builder().await
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFolder) -> io::Result<()> {
        self.fetch(&snapshot.name);
        self.machine.install_snapshot(meta, snapshot).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snap>> {
        self.machine.get_current_snapshot().await
    }
}

/// Opens fresh disks for the suite and counts them.
struct Fresh {
    open: fn() -> (Option<TempDir>, Arc<dyn Disk>),
    drive: Drive,
    built: Arc<AtomicUsize>,
    disks: Arc<Mutex<Vec<Arc<dyn Disk>>>>,
}

impl StoreBuilder<TypeConfig, LogStore, Carrying, Option<TempDir>> for Fresh {
    async fn build(&self) -> Result<(Option<TempDir>, LogStore, Carrying), StorageError<TypeConfig>> {
        self.built.fetch_add(1, Ordering::Relaxed);
        let (guard, disk) = (self.open)();
        let alarm = Alarm::new(|fatal| panic!("the suite must not stop a node: {fatal}"));
        let unwritten = Unwritten::default();
        let options = PersistOptions {
            disk: disk.clone(),
            families: families::<Noting>(),
            unwritten: unwritten.clone(),
            alarm: alarm.clone(),
            digested: Arc::new(|_, _| {}),
            flushed: watch::Sender::new(0),
            uses: SnapshotUses::default(),
            drive: self.drive.clone(),
        };
        let persister = work::start("persister", &self.drive, Persister::new(options));
        persister.send(PersistItem::Synced { index: u64::MAX, cuts: u64::MAX }).unwrap();
        let machine =
            StateMachine::open(disk.clone(), persister.clone(), &unwritten, SnapshotUses::default(), alarm.clone())
                .unwrap();
        let options = LogOptions { drive: self.drive.clone(), alarm, flushed: 0, persister };
        let log = LogStore::open(disk.as_ref(), options).unwrap();
        let mut disks = self.disks.lock();
        // The last two are enough: only one test has two stores.
        if disks.len() > 1 {
            disks.remove(0);
        }
        disks.push(disk.clone());
        Ok((guard, log, Carrying { machine, disk, disks: self.disks.clone() }))
    }
}

async fn run(open: fn() -> (Option<TempDir>, Arc<dyn Disk>), drive: Drive) {
    let built = Arc::new(AtomicUsize::new(0));
    Suite::test_all(Fresh { open, drive, built: built.clone(), disks: Arc::default() }).await.unwrap();
    let built = built.load(Ordering::Relaxed);
    assert_eq!(built, STORES_BUILT, "the suite has other tests than it had");
    // The harness shows it with `--nocapture` only, like everything a passing test prints.
    eprintln!("openraft's suite: {} of {} tests passed", built - 1, STORES_BUILT - 1);
}

/// Goal: the store keeps openraft's contract on RocksDB. Method: its whole suite, each test on a fresh folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn suite_on_rocksdb() {
    let open = || {
        let folder = TempDir::new().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(FolderDisk::open(folder.path()).unwrap());
        (Some(folder), disk)
    };
    run(open, Drive::Threads).await;
    // The test's process may end now, and must not while a thread still closes its store.
    work::join_threads(PATIENCE);
}

/// Goal: the simulated disk is as good as RocksDB where nothing fails, so that what the simulation finds is the
/// product's. Method: the same suite.
#[tokio::test]
async fn suite_on_the_simulated_disk() {
    let open = || {
        let disk: Arc<dyn Disk> = Arc::new(Platter::new(1).power_on());
        (None, disk)
    };
    run(open, Drive::Tasks(Arc::new(|| Duration::ZERO))).await;
}
