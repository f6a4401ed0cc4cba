//! Making snapshots. The persister takes the checkpoint and reads what it is of; its files are hashed and synced by a
//! helper, for that takes as long as the state is large; and the persister gives it its name.

use std::sync::Arc;

use exchequer_storage::{Disk, Error, Manifest};
use tokio::sync::oneshot;

use super::persister::{PersistItem, PersistOptions, Persister};
use super::snapshot::snapshot_note;
use super::{APPLIED_KEY, RAFT_FAMILY, applied_row};
use crate::planted::{self, Bug};
use crate::record::AppliedRow;
use crate::work;

/// Snapshots kept: the latest, and the one before it. One that is held is kept as well.
const SNAPSHOTS_KEPT: usize = 2;

/// The same for everybody who waits.
pub(crate) type Made = Result<Manifest, Arc<Error>>;

/// What waits for a checkpoint, and the one that is being hashed.
#[derive(Default)]
pub(super) struct Checkpoints {
    wanted: Vec<(AppliedRow, oneshot::Sender<Made>)>,
    hashed: Option<Hashed>,
    /// The last snapshot of this run and this generation of the state: unchanged tables are not hashed again.
    last: Option<Manifest>,
}

/// A checkpoint whose files are being hashed, and who waits for it.
struct Hashed {
    working: String,
    replies: Vec<oneshot::Sender<Made>>,
    /// Another generation of the state began meanwhile, whose tables may have the same names.
    passed: bool,
}

/// How a checkpoint goes on.
enum Begun {
    /// There is a snapshot of this very entry already.
    Here(Manifest),
    /// Its files are being hashed.
    Working(String),
}

fn answer(replies: Vec<oneshot::Sender<Made>>, made: &Made) {
    for reply in replies {
        // Nobody waits any more: the node is stopping.
        let _ = reply.send(made.clone());
    }
}

impl Checkpoints {
    pub(super) fn want(&mut self, row: AppliedRow, reply: oneshot::Sender<Made>) {
        self.wanted.push((row, reply));
    }

    /// Another generation of the state begins, from this snapshot.
    pub(super) fn installed(&mut self, manifest: Option<Manifest>) {
        self.last = manifest;
        if let Some(hashed) = &mut self.hashed {
            hashed.passed = true;
        }
    }
}

impl Persister {
    /// Takes the checkpoint whose moment has come, for all who wait for it; one at a time.
    pub(super) fn take_checkpoints(&mut self) {
        if self.checkpoints.hashed.is_some() || self.checkpoints.wanted.is_empty() {
            return;
        }
        let stored = self.stored_index();
        let reached = |row: &AppliedRow| match row.last {
            None => true,
            Some(_) if planted::is(Bug::SnapshotAheadOfRows) => true,
            Some(last) => self.written.max(stored).is_some_and(|here| here >= last.index),
        };
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.checkpoints.wanted).into_iter().partition(|(row, _)| reached(row));
        self.checkpoints.wanted = later;
        let Some(row) = now.last().map(|(row, _)| row.clone()) else { return };
        let replies = now.into_iter().map(|(_, reply)| reply).collect();
        match self.begin(&row) {
            Ok(Begun::Here(manifest)) => answer(replies, &Ok(manifest)),
            Ok(Begun::Working(working)) => self.checkpoints.hashed = Some(Hashed { working, replies, passed: false }),
            Err(error) => {
                self.tell_unsynced(&error);
                answer(replies, &Err(Arc::new(error)));
            }
        }
    }

    /// What the store holds, whoever wrote it.
    fn stored_index(&self) -> Option<u64> {
        let engine = self.engine()?;
        applied_row(engine.as_ref()).ok()?.last.map(|last| last.index)
    }

    fn begin(&mut self, row: &AppliedRow) -> exchequer_storage::Result<Begun> {
        let Some(engine) = self.engine() else {
            return Err(Error::corrupt("state", "it is not open"));
        };
        let disk = self.options.disk.clone();
        let working = disk.checkpoint(engine.as_ref())?;
        self.name_and_hash(&working, row).inspect_err(|_| discard(disk.as_ref(), &working))
    }

    fn name_and_hash(&mut self, working: &str, row: &AppliedRow) -> exchequer_storage::Result<Begun> {
        let disk = self.options.disk.clone();
        // What it is a snapshot of is read from itself: memory may be ahead of it.
        let mut taken = {
            let copy = disk.open_snapshot(working, &self.options.families)?;
            match copy.get(RAFT_FAMILY, APPLIED_KEY)? {
                Some(bytes) => AppliedRow::decode(&bytes)
                    .ok_or_else(|| Error::corrupt(working, "the row `applied` cannot be read"))?,
                None => AppliedRow::default(),
            }
        };
        if planted::is(Bug::SnapshotAheadOfRows) {
            taken.clone_from(row);
        }
        let base = match taken.last {
            Some(last) => {
                self.options.flushed.send_replace(last.index);
                format!("{:020}-{:010}", last.index, last.term)
            }
            // Older than any other, also by its name.
            None => format!("{:020}", 0),
        };
        let fresh = self.options.uses.take_wish();
        let (name, here) = self.free_name(&base)?;
        if let Some(manifest) = here {
            discard(disk.as_ref(), working);
            return Ok(Begun::Here(manifest));
        }
        let Some(queue) = self.queue.clone() else {
            return Err(Error::Engine { path: "state".into(), detail: "the persister is not running".to_owned() });
        };
        if fresh {
            // Hashes that may be of damaged files are not used again.
            self.checkpoints.last = None;
        }
        let earlier = self.checkpoints.last.clone();
        let (folder, note) = (working.to_owned(), snapshot_note(&taken));
        let families = self.options.families.clone();
        let hashing = work::aside("snapshot", &self.options.drive, move || {
            // A table of the last snapshot was damaged, and tables are shared with the state: every row is read before
            // what they hold now is hashed as sound.
            let sound = match fresh {
                true => disk.open_snapshot(&folder, &families).and_then(|rows| rows.digest(&mut || {})).map(drop),
                false => Ok(()),
            };
            let manifest = sound.and_then(|()| disk.describe(&folder, &name, note, earlier.as_ref()));
            if let Some(queue) = queue.upgrade() {
                // The persister is stopping: the next start clears the working folder away.
                let _ = queue.send(PersistItem::Hashed { manifest: manifest.map(Box::new) });
            }
        });
        match hashing {
            Ok(()) => Ok(Begun::Working(working.to_owned())),
            Err(error) => Err(Error::io("start the thread that hashes", working)(error)),
        }
    }

    /// A name nobody has, or the sound snapshot that has this one. A damaged one is replaced unless it is being read.
    fn free_name(&self, name: &str) -> exchequer_storage::Result<(String, Option<Manifest>)> {
        let present = self.options.disk.snapshots()?;
        for number in 0_u32.. {
            let candidate = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
            if !present.contains(&candidate) {
                return Ok((candidate, None));
            }
            match self.options.disk.manifest(&candidate) {
                Ok(manifest) if !self.options.uses.is_damaged(&candidate) => return Ok((candidate, Some(manifest))),
                Ok(_) | Err(_) if !self.options.uses.is_held(&candidate) => return Ok((candidate, None)),
                Ok(_) | Err(_) => {}
            }
        }
        Ok((name.to_owned(), None))
    }

    /// The files of the checkpoint in hand are hashed: it becomes a snapshot.
    pub(super) fn hashed(&mut self, manifest: exchequer_storage::Result<Box<Manifest>>) {
        let Some(Hashed { working, replies, passed }) = self.checkpoints.hashed.take() else { return };
        let disk = self.options.disk.clone();
        let made = manifest.and_then(|manifest| {
            disk.seal(&working, &manifest.name)?;
            self.options.uses.forget(&manifest.name);
            Ok(*manifest)
        });
        let made = made.inspect_err(|_| discard(disk.as_ref(), &working)).and_then(|manifest| {
            if !passed {
                self.checkpoints.last = Some(manifest.clone());
            }
            self.remove_old(disk.as_ref())?;
            Ok(manifest)
        });
        let made = made.inspect_err(|error| self.tell_unsynced(error));
        answer(replies, &made.map_err(Arc::new));
    }

    /// Removes damaged and old snapshots, but none that is held.
    fn remove_old(&self, disk: &dyn Disk) -> exchequer_storage::Result<()> {
        let uses = &self.options.uses;
        let mut kept = 0;
        for name in disk.snapshots()?.iter().rev() {
            if kept < SNAPSHOTS_KEPT && !uses.is_damaged(name) {
                kept += 1;
            } else if !uses.is_held(name) {
                disk.remove_snapshot(name)?;
                uses.forget(name);
            }
        }
        Ok(())
    }
}

/// Removes what was to become a snapshot. It is of hard links, and would keep the space of tables that are long gone.
fn discard(disk: &dyn Disk, working: &str) {
    if let Err(error) = disk.remove_snapshot(working) {
        tracing::warn!(working, %error, "a checkpoint that is of no use could not be removed");
    }
}

/// Removes all snapshots but the one that was installed.
pub(super) fn remove_others(options: &PersistOptions, name: &str) -> exchequer_storage::Result<()> {
    for other in options.disk.snapshots()? {
        if other != name && !options.uses.is_held(&other) {
            options.disk.remove_snapshot(&other)?;
            options.uses.forget(&other);
        }
    }
    Ok(())
}
