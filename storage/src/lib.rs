//! Files. Two key-value engines (the Raft log's and the state's), checkpoints that travel as folders, the guard
//! record that remembers what was acknowledged, the reserve that keeps a full disk from being a crash, and a probe
//! that says how slow the disk is.
//!
//! Invariants:
//! - A log write is durable when [`Engine::sync`] has returned, not before; a failed sync is never retried.
//! - A state write is durable after [`Engine::sync`] of the state's engine, as a whole: all families or none.
//! - Damage is reported with the file's name, never papered over.
//!
//! This crate knows keys and bytes. It knows no Raft, no exchange, and is the only one that names rocksdb. The traits
//! [`Disk`], [`Engine`] and [`Slots`] are the seam at which the simulation puts a disk that crashes on purpose.

mod disk;
mod engine;
mod error;
mod files;
mod folder;
mod guard;
mod manifest;
mod probe;
mod reserve;
mod rocks;
#[cfg(feature = "simulated")]
pub mod sim;

pub use disk::{Disk, Slots};
pub use engine::{Batch, Direction, Edit, Engine, Family, Scan};
pub use error::{Error, Result};
pub use files::{create_folder, sync_folder, write_atomically};
pub use folder::FolderDisk;
pub use guard::{Guard, GuardRecord, Mark, SLOT_BYTES, Voted};
pub use manifest::{FileEntry, Manifest, is_plain_name};
pub use probe::{ProbeReport, probe};
pub use reserve::{Reserve, Room};
