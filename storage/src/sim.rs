//! A disk in memory that crashes, tears, forgets, fails and fills on purpose. Behind the feature `simulated`; the
//! product is built without it.
//!
//! [`Platter`] is the thing itself and belongs to the test. [`Platter::power_on`] gives a [`SimDisk`] to one
//! incarnation of a node; after [`Platter::crash`] that handle and everything opened through it refuse, and the next
//! incarnation finds what survived.
//!
//! What it models:
//! - Engines: a write is visible at once and durable at the next sync. A crash keeps a random whole-batch prefix of
//!   what was written since: a log's torn record fails its checksum and is dropped whole, and the state's store flushes
//!   its families atomically. A checkpoint makes the state durable, as RocksDB's does with its write-ahead log off.
//! - The guard: a write is durable when it returns; a power cut in the middle of one leaves it torn.
//! - Snapshots: folders of files, one for each family; receiving is resumable, and a crash cuts what was received.
//! - [`Platter::cut_power_in`] puts the power cut *into* an operation, where no task switch could.
//! - A failed sync leaves a random prefix on the disk and is reported; the node must stop.
//!
//! It does not model reordering inside a batch or between files: the crash-point recorder does that on real files.

mod engine;
mod medium;
mod snapshots;

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::{Disk, Engine, Error, Manifest, Result, SLOT_BYTES, Slots};
use engine::{SimEngine, Store};
use medium::{Medium, Outcome};

/// Answers a number below its argument: the test's source of chance.
pub type Dice<'a> = &'a mut dyn FnMut(u64) -> u64;

/// A disk as the test holds it.
#[derive(Clone)]
pub struct Platter(Arc<Mutex<Medium>>);

impl std::fmt::Debug for Platter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platter").field("incarnation", &self.0.lock().incarnation).finish_non_exhaustive()
    }
}

impl Platter {
    /// An empty disk; `seed` decides what its power cuts leave.
    #[must_use]
    pub fn new(seed: u64) -> Platter {
        Platter(Arc::new(Mutex::new(Medium::new(seed))))
    }

    /// A handle for the node's next run. Earlier handles refuse from now on.
    #[must_use]
    pub fn power_on(&self) -> SimDisk {
        let mut medium = self.0.lock();
        medium.incarnation += 1;
        medium.off = false;
        medium.cut_in = None;
        medium.fail_sync_in = None;
        SimDisk { medium: self.0.clone(), incarnation: medium.incarnation }
    }

    /// The power goes: what was not synced survives in part. Handles refuse from now on.
    pub fn crash(&self, dice: Dice<'_>) {
        self.0.lock().crash(dice);
    }

    /// Whether a cut or a failed sync has stopped the disk: whoever uses it is to be crashed.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// Cuts the power in the middle of the `operations`-th operation from now that changes the disk.
    pub fn cut_power_in(&self, operations: u64) {
        self.0.lock().cut_in = Some(operations);
    }

    /// Makes the `syncs`-th sync from now fail; the disk is of no use after it until [`Platter::crash`].
    pub fn fail_sync_in(&self, syncs: u64) {
        self.0.lock().fail_sync_in = Some(syncs);
    }

    /// Whether writes find no space.
    pub fn set_full(&self, full: bool) {
        self.0.lock().full = full;
    }

    /// Everything is gone, as after a replaced disk.
    pub fn wipe(&self) {
        self.0.lock().wipe();
    }

    /// Rots synced data: the log's last `count` rows of `family` are gone though they were durable. Answers the first
    /// key that is gone.
    pub fn lose_log_rows(&self, family: usize, count: usize) -> Option<Vec<u8>> {
        self.0.lock().lose_log_rows(family, count)
    }

    /// What would be found in a row of the log after [`Platter::crash`].
    #[must_use]
    pub fn log_row(&self, family: usize, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().log_row(family, key)
    }

    /// The last key that would be found in a family of the log.
    #[must_use]
    pub fn last_log_key(&self, family: usize) -> Option<Vec<u8>> {
        self.0.lock().last_log_key(family)
    }

    /// What would be found in a row of the state.
    #[must_use]
    pub fn state_row(&self, family: usize, key: &[u8]) -> Option<Vec<u8>> {
        self.0.lock().state_row(family, key)
    }

    /// The names of the complete snapshots.
    #[must_use]
    pub fn snapshot_names(&self) -> Vec<String> {
        self.0.lock().snapshots.keys().cloned().collect()
    }

    /// Syncs, writes and the rest so far: a measure of how much a run did.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.0.lock().operations
    }
}

/// A disk as one run of a node holds it.
#[derive(Clone)]
pub struct SimDisk {
    medium: Arc<Mutex<Medium>>,
    incarnation: u64,
}

impl std::fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimDisk").field("incarnation", &self.incarnation).finish_non_exhaustive()
    }
}

/// The error of a handle whose machine is off.
fn off() -> Error {
    Error::Io {
        action: "reach",
        path: PathBuf::from("simulated"),
        source: std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the power is off"),
    }
}

impl SimDisk {
    /// Runs `work` on the medium unless this handle's time is over.
    fn with<T>(&self, work: impl FnOnce(&mut Medium) -> Result<T>) -> Result<T> {
        let mut medium = self.medium.lock();
        if medium.off || medium.incarnation != self.incarnation {
            return Err(off());
        }
        work(&mut medium)
    }

    /// Runs an operation that changes the disk at once and durably, unless the power is cut in it.
    fn change<T>(&self, work: impl FnOnce(&mut Medium) -> Result<T>) -> Result<T> {
        self.with(|medium| match medium.operate()? {
            Outcome::Whole => work(medium),
            // The caller does not learn whether it took effect.
            Outcome::CutBefore => Err(off()),
            Outcome::CutAfter => work(medium).and_then(|_| Err(off())),
        })
    }

    fn engine(&self, store: Arc<Mutex<Store>>) -> Arc<dyn Engine> {
        Arc::new(SimEngine { disk: self.clone(), store })
    }
}

impl Disk for SimDisk {
    fn log(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let store = self.with(|medium| Ok(medium.log(families.len())))?;
        Ok(self.engine(store))
    }

    fn state(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let store = self.with(|medium| Ok(medium.state(families.len())))?;
        Ok(self.engine(store))
    }

    fn guard(&self) -> Result<Box<dyn Slots>> {
        self.with(|_| Ok(()))?;
        Ok(Box::new(SimSlots(self.clone())))
    }

    fn snapshots(&self) -> Result<Vec<String>> {
        self.with(|medium| Ok(medium.snapshots.keys().cloned().collect()))
    }

    fn checkpoint(&self, state: &dyn Engine) -> Result<String> {
        let name = self.change(|medium| Ok(medium.next_working()))?;
        state.checkpoint(name.as_ref())?;
        Ok(name)
    }

    fn open_snapshot(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let store = self.with(|medium| medium.open_snapshot(name, families.len()))?;
        Ok(self.engine(Arc::new(Mutex::new(store))))
    }

    fn describe(&self, working: &str, name: &str, note: Vec<u8>, _: Option<&Manifest>) -> Result<Manifest> {
        self.change(|medium| medium.describe(working, name, note))
    }

    fn seal(&self, working: &str, name: &str) -> Result<()> {
        self.change(|medium| medium.seal(working, name))
    }

    fn manifest(&self, name: &str) -> Result<Manifest> {
        self.with(|medium| medium.manifest(name))
    }

    fn read_piece(&self, manifest: &Manifest, file: usize, offset: u64, length: usize) -> Result<Bytes> {
        self.with(|medium| medium.read_piece(&manifest.name, file, offset, length))
    }

    fn begin_receive(&self, manifest: &Manifest) -> Result<Vec<u64>> {
        self.change(|medium| Ok(medium.begin_receive(manifest)))
    }

    fn write_piece(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        self.change(|medium| medium.write_piece(manifest, file, offset, bytes))
    }

    fn finish_receive(&self, manifest: &Manifest) -> Result<()> {
        self.change(|medium| medium.finish_receive(manifest))
    }

    fn install(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let store = self.change(|medium| medium.install(name, families.len()))?;
        Ok(self.engine(store))
    }

    fn remove_snapshot(&self, name: &str) -> Result<()> {
        self.change(|medium| {
            medium.snapshots.remove(name);
            medium.working.remove(name);
            medium.described.remove(name);
            Ok(())
        })
    }
}

/// The guard's two slots.
struct SimSlots(SimDisk);

impl Slots for SimSlots {
    fn read(&self, number: usize) -> Result<Vec<u8>> {
        self.0.with(|medium| Ok(medium.guard.get(number).cloned().unwrap_or_else(|| vec![0; SLOT_BYTES])))
    }

    fn write_and_sync(&mut self, number: usize, bytes: &[u8]) -> Result<()> {
        self.0.with(|medium| {
            let outcome = medium.operate()?;
            let tear = usize::try_from(medium.chance(SLOT_BYTES as u64)).unwrap_or(0);
            let Some(slot) = medium.guard.get_mut(number) else { return Err(off()) };
            match outcome {
                Outcome::Whole => {
                    slot.clone_from(&bytes.to_vec());
                    Ok(())
                }
                Outcome::CutBefore => {
                    for (old, new) in slot.iter_mut().zip(bytes).take(tear) {
                        *old = *new;
                    }
                    Err(off())
                }
                Outcome::CutAfter => {
                    slot.clone_from(&bytes.to_vec());
                    Err(off())
                }
            }
        })
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("simulated/guard")
    }
}
