//! The log store alone, under load: what disk and group commit allow without a network and without consensus.
//!
//! [`log`] appends to the store that nodes use; [`plain`] appends the same records to one preallocated file with one
//! write and one sync a group, and is what the store is compared with. Both are fed alike: each appender has one entry
//! under way, and what has come while others were handed over goes to the store as one append.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exchequer_storage::{Batch, Disk, Engine, Error, Result as StorageResult, Scan};
use openraft::AsyncRuntime;
use openraft::async_runtime::oneshot::Oneshot;
use openraft::storage::{IOFlushed, RaftLogStorage};
use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::alarm::{Alarm, Fatal};
use crate::log::{LogOptions, LogStore};
use crate::record::{self, CHAIN_START, Chain};
use crate::types::{Entry, EntryPayload, Payload, log_id};
use crate::work::{self, Drive, Step, Work};

/// Entries that are handed to the store at once, as many as consensus merges.
const APPEND_ENTRIES_MAX: usize = 4096;
/// The plain file's size; it is overwritten from its start when it is full.
const PLAIN_BYTES: usize = 256 << 20;
/// What the plain file is filled with at a time.
const ZEROS_BYTES: usize = 1 << 20;

/// What is to be appended.
#[derive(Debug, Clone)]
pub struct LogLoad {
    /// Entries under way at once.
    pub appenders: usize,
    /// The size of each entry's content.
    pub value_bytes: usize,
    /// How long it runs before it counts.
    pub warm_up: Duration,
    /// How long it counts.
    pub duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct LogRun {
    /// How long was counted.
    pub measured: Duration,
    /// From append to callback, of every entry, in microseconds.
    pub append_us: Vec<u32>,
    /// Each sync, in microseconds.
    pub sync_us: Vec<u32>,
}

/// What is noted while it counts.
#[derive(Clone)]
struct Meter {
    open: Arc<AtomicBool>,
    samples: Arc<Mutex<Vec<u32>>>,
}

impl Meter {
    fn new(open: &Arc<AtomicBool>) -> Meter {
        Meter { open: open.clone(), samples: Arc::default() }
    }

    fn note(&self, took: Duration) {
        if self.open.load(Ordering::Relaxed) {
            self.samples.lock().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }

    fn take(&self) -> Vec<u32> {
        std::mem::take(&mut self.samples.lock())
    }
}

/// An engine that times its syncs.
struct Timed {
    engine: Arc<dyn Engine>,
    syncs: Meter,
}

impl Engine for Timed {
    fn get(&self, family: usize, key: &[u8]) -> StorageResult<Option<Vec<u8>>> {
        self.engine.get(family, key)
    }

    fn scan(&self, scan: Scan<'_>, visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> StorageResult<()> {
        self.engine.scan(scan, visit)
    }

    fn write(&self, batch: &Batch) -> StorageResult<()> {
        self.engine.write(batch)
    }

    fn sync(&self) -> StorageResult<()> {
        let begun = Instant::now();
        let synced = self.engine.sync();
        self.syncs.note(begun.elapsed());
        synced
    }

    fn checkpoint(&self, folder: &Path) -> StorageResult<()> {
        self.engine.checkpoint(folder)
    }

    fn digest(&self, opened: &mut dyn FnMut()) -> StorageResult<[u8; 32]> {
        self.engine.digest(opened)
    }

    fn size_bytes(&self) -> u64 {
        self.engine.size_bytes()
    }
}

/// Appends to a new log on `disk`.
///
/// # Errors
/// The disk's.
pub async fn log(disk: Arc<dyn Disk>, load: &LogLoad) -> Result<LogRun, Fatal> {
    let open = Arc::new(AtomicBool::new(false));
    let syncs = Meter::new(&open);
    // Nobody persists rows here.
    let (persister, _) = unbounded_channel();
    let (alarm, failed) = alarm();
    let options = LogOptions { drive: Drive::Threads, alarm, flushed: 0, persister };
    let engine = Arc::new(Timed { engine: LogStore::engine(disk.as_ref())?, syncs: syncs.clone() });
    let mut store = LogStore::open_on(disk.guard()?, engine, options)?;
    let mut index = 0;
    let append = async |waiting: &[Waiting]| {
        let entries: Vec<Entry> = waiting.iter().map(|one| entry(&mut index, &one.value)).collect();
        let (callback, flushed) = <<crate::runtime::Runtime as AsyncRuntime>::Oneshot as Oneshot>::channel();
        store.append(entries, IOFlushed::signal(callback)).await.ok()?;
        Some(flushed)
    };
    let run = run(load, &open, &syncs, append).await;
    failed.lock().take().map_or(Ok(run), Err)
}

/// Appends to one preallocated file, `path`.
///
/// # Errors
/// The disk's.
pub async fn plain(path: &Path, load: &LogLoad) -> Result<LogRun, Fatal> {
    let file = preallocate(path).map_err(Error::io("write", path))?;
    let open = Arc::new(AtomicBool::new(false));
    let syncs = Meter::new(&open);
    let (alarm, failed) = alarm();
    let plain = Plain { file, at: 0, chain: CHAIN_START, callbacks: Vec::new(), syncs: syncs.clone(), alarm };
    let queue = work::start("plain", &Drive::Threads, plain);
    let mut index = 0;
    let append = async |waiting: &[Waiting]| {
        let entries: Vec<Entry> = waiting.iter().map(|one| entry(&mut index, &one.value)).collect();
        let (callback, flushed) = oneshot::channel();
        queue.send((entries, callback)).ok()?;
        Some(flushed)
    };
    let run = run(load, &open, &syncs, append).await;
    failed.lock().take().map_or(Ok(run), Err)
}

fn alarm() -> (Alarm, Arc<Mutex<Option<Fatal>>>) {
    let failed: Arc<Mutex<Option<Fatal>>> = Arc::default();
    let told = failed.clone();
    (Alarm::new(move |fatal| *told.lock() = Some(fatal)), failed)
}

fn entry(index: &mut u64, value: &Bytes) -> Entry {
    *index += 1;
    Entry { log_id: log_id(1, *index), payload: EntryPayload::Normal(Payload(value.clone())) }
}

/// An appender that waits for its entry.
struct Waiting {
    value: Bytes,
    appended: oneshot::Sender<()>,
}

/// Runs appenders against `append`, which hands entries over and answers what tells that they are synced.
async fn run<F, E>(
    load: &LogLoad,
    open: &Arc<AtomicBool>,
    syncs: &Meter,
    mut append: impl AsyncFnMut(&[Waiting]) -> Option<F>,
) -> LogRun
where
    F: Future<Output = Result<std::io::Result<()>, E>> + Send + 'static,
    E: Send + 'static,
{
    let appends = Meter::new(open);
    let (queue, mut queued) = unbounded_channel();
    for _ in 0..load.appenders {
        tokio::spawn(appender(queue.clone(), Bytes::from(vec![7; load.value_bytes]), appends.clone()));
    }
    drop(queue);
    let (handed, answers) = unbounded_channel();
    tokio::spawn(answer(answers));
    let begin = tokio::time::Instant::now() + load.warm_up;
    let end = begin + load.duration;
    let (mut counting, mut begun) = (false, begin);
    loop {
        let first = tokio::select! {
            first = queued.recv() => first,
            () = tokio::time::sleep_until(if counting { end } else { begin }) => None,
        };
        let now = tokio::time::Instant::now();
        if !counting && now >= begin {
            open.store(true, Ordering::Relaxed);
            (counting, begun) = (true, now);
        }
        if now >= end {
            break;
        }
        let Some(first) = first else { continue };
        let mut waiting = vec![first];
        while waiting.len() < APPEND_ENTRIES_MAX {
            let Ok(next) = queued.try_recv() else { break };
            waiting.push(next);
        }
        let Some(flushed) = append(&waiting).await else { break };
        // The answering task ends only with this function.
        let _ = handed.send((flushed, waiting));
    }
    open.store(false, Ordering::Relaxed);
    LogRun { measured: begun.elapsed(), append_us: appends.take(), sync_us: syncs.take() }
}

async fn appender(queue: UnboundedSender<Waiting>, value: Bytes, appends: Meter) {
    loop {
        let (appended, done) = oneshot::channel();
        let asked = Instant::now();
        if queue.send(Waiting { value: value.clone(), appended }).is_err() || done.await.is_err() {
            return;
        }
        appends.note(asked.elapsed());
    }
}

/// Tells appenders that their entries are synced, in the order in which these were handed over.
async fn answer<F, E>(mut handed: UnboundedReceiver<(F, Vec<Waiting>)>)
where
    F: Future<Output = Result<std::io::Result<()>, E>>,
{
    while let Some((flushed, waiting)) = handed.recv().await {
        let Ok(Ok(())) = flushed.await else { return };
        for one in waiting {
            // The appender is gone only when the bench is over.
            let _ = one.appended.send(());
        }
    }
}

fn preallocate(path: &Path) -> std::io::Result<File> {
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    let zeros = vec![0; ZEROS_BYTES];
    for at in (0..PLAIN_BYTES).step_by(ZEROS_BYTES) {
        file.write_all_at(&zeros, at as u64)?;
    }
    file.sync_all()?;
    Ok(file)
}

type PlainItem = (Vec<Entry>, oneshot::Sender<std::io::Result<()>>);

/// One preallocated file: one write and one sync a group.
struct Plain {
    file: File,
    at: usize,
    chain: Chain,
    callbacks: Vec<oneshot::Sender<std::io::Result<()>>>,
    syncs: Meter,
    alarm: Alarm,
}

impl Plain {
    fn ended(&self, done: std::io::Result<()>) -> Step {
        match done {
            Ok(()) => Step::Sync,
            Err(error) => {
                self.alarm.raise(Error::io("write", Path::new("plain"))(error));
                Step::Stop
            }
        }
    }
}

impl Work for Plain {
    type Item = PlainItem;

    fn write(&mut self, items: Vec<PlainItem>) -> Step {
        let mut group = Vec::new();
        for (entries, callback) in items {
            for entry in entries {
                let (bytes, chain) = record::encode(&self.chain, &entry);
                self.chain = chain;
                group.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                group.extend_from_slice(&bytes);
            }
            self.callbacks.push(callback);
        }
        if self.at + group.len() > PLAIN_BYTES {
            self.at = 0;
        }
        let written = self.file.write_all_at(&group, self.at as u64);
        self.at += group.len();
        self.ended(written)
    }

    fn sync(&mut self) -> Step {
        let begun = Instant::now();
        let synced = self.file.sync_data();
        self.syncs.note(begun.elapsed());
        if synced.is_ok() {
            for callback in self.callbacks.drain(..) {
                // The bench is over where nobody waits.
                let _ = callback.send(Ok(()));
            }
        }
        match self.ended(synced) {
            Step::Stop => Step::Stop,
            Step::Sync | Step::Done => Step::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_storage::FolderDisk;

    use super::*;

    /// Goal: both stores are measured: every entry that was counted waited for a sync, and groups form. Method: a
    /// short run of each with several appenders.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn both_stores_count_entries_and_syncs() {
        let folder = tempfile::tempdir().unwrap();
        let load = LogLoad {
            appenders: 8,
            value_bytes: 100,
            warm_up: Duration::from_millis(20),
            duration: Duration::from_millis(200),
        };
        let disk = Arc::new(FolderDisk::open(folder.path()).unwrap());
        for run in [log(disk, &load).await.unwrap(), plain(&folder.path().join("plain"), &load).await.unwrap()] {
            assert!(!run.measured.is_zero() && !run.sync_us.is_empty());
            assert!(run.append_us.len() >= run.sync_us.len(), "every sync is for at least one entry");
        }
        // The test's process may end now, and must not while a thread still closes its store.
        crate::work::join_threads(Duration::from_secs(10));
    }
}
