//! A store of the simulated disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::medium::Outcome;
use super::{Dice, SimDisk, off};
use crate::engine::{fold_row, prefix_end};
use crate::{Batch, Direction, Edit, Engine, Error, Family, Result, Scan};

pub(super) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What is visible, what is durable, and the batches between.
#[derive(Default)]
pub(super) struct Store {
    pub(super) live: Vec<Rows>,
    durable: Vec<Rows>,
    unsynced: Vec<Batch>,
}

impl Store {
    /// A store whose rows are all durable.
    pub(super) fn of(rows: Vec<Rows>) -> Store {
        Store { durable: rows.clone(), live: rows, unsynced: Vec::new() }
    }

    /// Makes room for `count` families.
    pub(super) fn widen(&mut self, count: usize) {
        let count = count.max(self.live.len());
        self.live.resize_with(count, Rows::new);
        self.durable.resize_with(count, Rows::new);
    }

    /// Everything written is durable.
    pub(super) fn sync(&mut self) {
        self.keep(self.unsynced.len());
    }

    /// The first `count` unsynced batches become durable; the others stay visible and unsynced.
    fn keep(&mut self, count: usize) {
        let rest = self.unsynced.split_off(count.min(self.unsynced.len()));
        for batch in std::mem::replace(&mut self.unsynced, rest) {
            edit(&mut self.durable, &batch);
        }
    }

    /// A random prefix of what was not synced becomes durable, as when a sync fails half-way.
    pub(super) fn sync_in_part(&mut self, dice: Dice<'_>) {
        let count = dice(self.unsynced.len() as u64 + 1);
        self.keep(usize::try_from(count).unwrap_or(0));
    }

    /// The power went: a random prefix of what was not synced is there, the rest never was.
    pub(super) fn crash(&mut self, dice: Dice<'_>) {
        // Losing everything and losing nothing are the interesting ends; both come often.
        match dice(4) {
            0 => {}
            1 => self.sync(),
            _ => self.sync_in_part(dice),
        }
        self.unsynced.clear();
        self.live.clone_from(&self.durable);
    }

    /// Loses durable rows at the end of a family; answers the first key that is gone.
    pub(super) fn lose_last(&mut self, family: Family, count: usize) -> Option<Vec<u8>> {
        let rows = self.durable.get_mut(family)?;
        let mut first = None;
        for _ in 0..count {
            let Some((key, _)) = rows.pop_last() else { break };
            first = Some(key);
        }
        self.unsynced.clear();
        self.live.clone_from(&self.durable);
        first
    }
}

fn edit(rows: &mut [Rows], batch: &Batch) {
    for (family, key, change) in &batch.edits {
        let Some(rows) = rows.get_mut(*family) else { continue };
        match change {
            Edit::Put(value) => {
                rows.insert(key.clone(), value.clone());
            }
            Edit::Delete => {
                rows.remove(key);
            }
            Edit::DeletePrefix => remove(rows, key, &prefix_end(key)),
            Edit::DeleteUntil(until) => remove(rows, key, until),
        }
    }
}

fn remove(rows: &mut Rows, from: &[u8], until: &[u8]) {
    rows.retain(|key, _| !(from <= key.as_slice() && (until.is_empty() || key.as_slice() < until)));
}

/// An open store.
pub(super) struct SimEngine {
    pub(super) disk: SimDisk,
    pub(super) store: Arc<Mutex<Store>>,
}

impl SimEngine {
    fn no_family(family: Family) -> Error {
        Error::Engine { path: "simulated".into(), detail: format!("there is no family number {family}") }
    }
}

impl Engine for SimEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.disk.with(|_| {
            let store = self.store.lock();
            let rows = store.live.get(family).ok_or_else(|| SimEngine::no_family(family))?;
            Ok(rows.get(key).cloned())
        })
    }

    fn scan(&self, scan: Scan<'_>, visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.disk.with(|_| {
            let store = self.store.lock();
            let rows = store.live.get(scan.family).ok_or_else(|| SimEngine::no_family(scan.family))?;
            if !scan.until.is_empty() && scan.from > scan.until {
                return Ok(Vec::new());
            }
            let end = if scan.until.is_empty() { Bound::Unbounded } else { Bound::Excluded(scan.until) };
            let range = rows.range::<[u8], _>((Bound::Included(scan.from), end));
            Ok(range.map(|(key, value)| (key.clone(), value.clone())).collect())
        })?;
        let mut step = |(key, value): &(Vec<u8>, Vec<u8>)| visit(key, value);
        match scan.direction {
            Direction::Forward => rows.iter().all(&mut step),
            Direction::Reverse => rows.iter().rev().all(&mut step),
        };
        Ok(())
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        self.disk.with(|medium| {
            if medium.full {
                return Err(Error::Full { path: "simulated".into() });
            }
            match medium.operate()? {
                Outcome::Whole => {
                    let mut store = self.store.lock();
                    edit(&mut store.live, batch);
                    store.unsynced.push(batch.clone());
                    Ok(())
                }
                // A write alone changes nothing on the disk that a crash would not change as well.
                Outcome::CutBefore | Outcome::CutAfter => Err(off()),
            }
        })
    }

    fn sync(&self) -> Result<()> {
        self.disk.with(|medium| match medium.operate_sync()? {
            Outcome::Whole => {
                self.store.lock().sync();
                Ok(())
            }
            Outcome::CutBefore => {
                self.store.lock().sync_in_part(&mut |below| medium.chance(below));
                Err(off())
            }
            Outcome::CutAfter => {
                self.store.lock().sync();
                Err(off())
            }
        })
    }

    fn checkpoint(&self, folder: &Path) -> Result<()> {
        self.disk.with(|medium| {
            let mut store = self.store.lock();
            store.sync();
            medium.working.insert(folder.to_string_lossy().into_owned(), store.live.clone());
            Ok(())
        })
    }

    fn digest(&self, opened: &mut dyn FnMut()) -> Result<[u8; 32]> {
        let rows = self.disk.with(|_| Ok(self.store.lock().live.clone()))?;
        opened();
        let mut hasher = blake3::Hasher::new();
        for (family, rows) in rows.iter().enumerate() {
            for (key, value) in rows {
                fold_row(&mut hasher, family, key, value);
            }
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn size_bytes(&self) -> u64 {
        let store = self.store.lock();
        store.live.iter().flatten().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }
}
