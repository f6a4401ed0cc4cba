//! The node's folder as the consensus layer needs it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::{Engine, Manifest, Result};

/// Two fixed slots of [`SLOT_BYTES`](crate::SLOT_BYTES) that are written whole and synced.
pub trait Slots: Send + 'static {
    /// Reads slot 0 or 1; zeros where it was never written.
    ///
    /// # Errors
    /// I/O failure.
    fn read(&self, number: usize) -> Result<Vec<u8>>;

    /// Writes slot 0 or 1 and makes it durable before returning.
    ///
    /// # Errors
    /// The disk refused.
    fn write_and_sync(&mut self, number: usize, bytes: &[u8]) -> Result<()>;

    /// For messages.
    fn path(&self) -> PathBuf;
}

/// Everything a node keeps on disk, behind one seam: [`FolderDisk`](crate::FolderDisk) in production, a disk that
/// forgets, tears and crashes in the simulation.
///
/// Snapshots are folders of immutable files with a [`Manifest`]. A received one is written in pieces beside the
/// present ones, verified, and only then becomes visible.
pub trait Disk: Send + Sync + 'static {
    /// Opens the log's engine with `families` families.
    ///
    /// # Errors
    /// I/O failure, damage, or another process holding it.
    fn log(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>>;

    /// Opens the present generation of the state's engine, creating the first one.
    ///
    /// # Errors
    /// I/O failure, damage, or another process holding it.
    fn state(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>>;

    /// Opens the guard's slots.
    ///
    /// # Errors
    /// I/O failure.
    fn guard(&self) -> Result<Box<dyn Slots>>;

    /// Names of the complete snapshots, oldest first.
    ///
    /// # Errors
    /// I/O failure.
    fn snapshots(&self) -> Result<Vec<String>>;

    /// Takes a checkpoint of `state` under a working name. It is not a snapshot until [`Disk::seal`].
    ///
    /// # Errors
    /// I/O failure; nothing is left of it then.
    fn checkpoint(&self, state: &dyn Engine) -> Result<String>;

    /// Opens a snapshot or working checkpoint to read its rows; it is not changed.
    ///
    /// # Errors
    /// I/O failure or damage.
    fn open_snapshot(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>>;

    /// Hashes and syncs the files of a working checkpoint and puts a manifest with its later name and `note` beside them.
    /// Takes as long as the files are large. The hash of a table that is in `earlier`, a snapshot of the same store since
    /// it was last opened, is taken from there: tables never change.
    ///
    /// # Errors
    /// I/O failure.
    fn describe(&self, working: &str, name: &str, note: Vec<u8>, earlier: Option<&Manifest>) -> Result<Manifest>;

    /// Gives a described checkpoint its name, durably, in place of a snapshot that had it.
    ///
    /// # Errors
    /// I/O failure.
    fn seal(&self, working: &str, name: &str) -> Result<()>;

    /// The manifest of a complete snapshot.
    ///
    /// # Errors
    /// I/O failure or damage.
    fn manifest(&self, name: &str) -> Result<Manifest>;

    /// Reads a piece of one of a snapshot's files; shorter than `length` at its end.
    ///
    /// # Errors
    /// I/O failure.
    fn read_piece(&self, manifest: &Manifest, file: usize, offset: u64, length: usize) -> Result<Bytes>;

    /// Prepares to receive a snapshot; answers how many bytes of each file are already here from an earlier try.
    ///
    /// # Errors
    /// I/O failure.
    fn begin_receive(&self, manifest: &Manifest) -> Result<Vec<u64>>;

    /// Writes a piece of a file that is being received, right behind what is there.
    ///
    /// # Errors
    /// I/O failure, or an offset that leaves a hole.
    fn write_piece(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Verifies and syncs a received snapshot and gives it its name.
    ///
    /// # Errors
    /// [`Error::Corrupt`](crate::Error::Corrupt) naming the file whose checksum differs (it is discarded, to be sent
    /// again); I/O failure.
    fn finish_receive(&self, manifest: &Manifest) -> Result<()>;

    /// Makes a snapshot the present generation of the state and opens it. After a crash it is either the old
    /// generation or this one.
    ///
    /// # Errors
    /// I/O failure or damage; the old generation is then still the present one.
    fn install(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>>;

    /// Removes a snapshot or working checkpoint; one that is not there is fine.
    ///
    /// # Errors
    /// I/O failure.
    fn remove_snapshot(&self, name: &str) -> Result<()>;
}
