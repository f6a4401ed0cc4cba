//! Rows that are applied and not yet in the state's store.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use exchequer_storage::{Direction, Edit, Engine, Scan};
use hashbrown::{DefaultHashBuilder, HashTable};
use parking_lot::RwLock;

use crate::alarm::code_of;
use crate::machine::{FAMILIES_MAX, Halt, RowReader, Rows, Visit};

/// Changed rows of one entry: family, key, edit. Shared with the persister, so that no value is copied.
pub(crate) type Changes = Arc<[(usize, Vec<u8>, Edit)]>;

/// A removal of many rows: `from..until` of a family, as of an index.
struct Removal {
    index: u64,
    family: usize,
    from: Vec<u8>,
    until: Vec<u8>,
}

/// The latest change of a row.
struct Changed {
    /// The entry that made it.
    index: u64,
    /// Changes of which one is of this row: the latest, unless many rows were removed at once after it.
    changes: Changes,
    at: usize,
    /// The row went with many others.
    removed: bool,
}

impl Changed {
    fn key(&self) -> &[u8] {
        self.changes.get(self.at).map_or(&[], |(_, key, _)| key)
    }

    fn value(&self) -> Option<&[u8]> {
        match self.changes.get(self.at) {
            Some((_, _, Edit::Put(value))) if !self.removed => Some(value),
            Some(_) | None => None,
        }
    }
}

/// The changed rows of a family by their keys, which stay where the changes have them. Looked up for every command,
/// scanned almost never: a scan sorts what it finds.
#[derive(Default)]
struct Family {
    rows: HashTable<Changed>,
    hasher: DefaultHashBuilder,
}

impl Family {
    fn get(&self, key: &[u8]) -> Option<&Changed> {
        self.rows.find(self.hasher.hash_one(key), |changed| changed.key() == key)
    }

    fn set(&mut self, changed: Changed) {
        let (hasher, key) = (&self.hasher, changed.key());
        let same = |other: &Changed| other.key() == key;
        let hash = hasher.hash_one(key);
        if let Some(present) = self.rows.find_mut(hash, same) {
            *present = changed;
        } else {
            self.rows.insert_unique(hash, changed, |other| hasher.hash_one(other.key()));
        }
    }

    /// Forgets the row unless it was changed after `index`.
    fn forget(&mut self, key: &[u8], index: u64) {
        let hash = self.hasher.hash_one(key);
        if let Ok(row) = self.rows.find_entry(hash, |changed| changed.index <= index && changed.key() == key) {
            row.remove();
        }
    }
}

#[derive(Default)]
struct Layer {
    /// The changed rows of each family, by its number.
    families: [Family; FAMILIES_MAX],
    removals: Vec<Removal>,
}

/// The rows between the machine and the store. Small: the persister empties it as fast as it can.
#[derive(Clone, Default)]
pub(crate) struct Overlay(Arc<RwLock<Layer>>);

fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    end
}

/// Whether `key` is in `from..until`, where an empty `until` means to the end.
fn inside(key: &[u8], from: &[u8], until: &[u8]) -> bool {
    from <= key && (until.is_empty() || key < until)
}

impl Overlay {
    /// Adds the changes of one entry.
    pub(crate) fn add(&self, index: u64, changes: &Changes) {
        let mut layer = self.0.write();
        for (at, (family, key, edit)) in changes.iter().enumerate() {
            match edit {
                Edit::Put(_) | Edit::Delete => {
                    if let Some(rows) = layer.families.get_mut(*family) {
                        rows.set(Changed { index, changes: changes.clone(), at, removed: false });
                    }
                }
                Edit::DeletePrefix => layer.remove(index, *family, key.clone(), after_prefix(key)),
                Edit::DeleteUntil(until) => layer.remove(index, *family, key.clone(), until.clone()),
            }
        }
    }

    /// The store has everything up to `index`; `changes` are the entries' that it just got.
    pub(crate) fn written<'a>(&self, index: u64, changes: impl Iterator<Item = &'a (usize, Vec<u8>, Edit)>) {
        let mut layer = self.0.write();
        for (family, key, _) in changes {
            if let Some(rows) = layer.families.get_mut(*family) {
                rows.forget(key, index);
            }
        }
        layer.removals.retain(|removal| removal.index > index);
    }

    /// Forgets everything: another store took the place of the old one.
    pub(crate) fn clear(&self) {
        *self.0.write() = Layer::default();
    }

    /// Whether it knows anything of `from..until`, where an empty `until` means to the end.
    fn has_any(&self, family: usize, from: &[u8], until: &[u8]) -> bool {
        let layer = self.0.read();
        let mut rows = layer.families.get(family).into_iter().flat_map(|family| &family.rows);
        rows.any(|changed| inside(changed.key(), from, until))
            || layer.removals.iter().any(|removal| removal.family == family)
    }

    /// The row as the overlay knows it: `Some(None)` where it is known to be gone.
    fn get(&self, family: usize, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.0.read().get(family, key)
    }

    /// The same of several rows, of one moment.
    fn get_many(&self, family: usize, keys: &[&[u8]]) -> Vec<Option<Option<Vec<u8>>>> {
        let layer = self.0.read();
        keys.iter().map(|key| layer.get(family, key)).collect()
    }
}

impl Layer {
    fn remove(&mut self, index: u64, family: usize, from: Vec<u8>, until: Vec<u8>) {
        if let Some(rows) = self.families.get_mut(family) {
            for changed in rows.rows.iter_mut().filter(|changed| inside(changed.key(), &from, &until)) {
                (changed.index, changed.removed) = (index, true);
            }
        }
        self.removals.push(Removal { index, family, from, until });
    }

    fn get(&self, family: usize, key: &[u8]) -> Option<Option<Vec<u8>>> {
        if let Some(changed) = self.families.get(family).and_then(|rows| rows.get(key)) {
            return Some(changed.value().map(<[u8]>::to_vec));
        }
        self.removed(family, key).then_some(None)
    }

    fn removed(&self, family: usize, key: &[u8]) -> bool {
        self.removals
            .iter()
            .any(|removal| removal.family == family && removal.from.as_slice() <= key && key < removal.until.as_slice())
    }
}

/// Rows as of the last applied entry.
pub(crate) struct View<'a> {
    pub(crate) overlay: &'a Overlay,
    pub(crate) engine: Arc<dyn Engine>,
}

/// A view whose rows are visited page by page, because some of them are in the overlay.
struct Paged<'a>(&'a View<'a>);

impl RowReader for Paged<'_> {
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        self.0.get(family, key)
    }

    fn scan(&self, family: usize, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Rows, Halt> {
        self.0.scan(family, from, until, limit, reverse)
    }
}

fn disk_halt(error: exchequer_storage::Error) -> Halt {
    Halt { code: code_of(&error).to_owned(), detail: error.to_string() }
}

impl RowReader for View<'_> {
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        match self.overlay.get(family + 1, key) {
            Some(known) => Ok(known),
            None => self.engine.get(family + 1, key).map_err(disk_halt),
        }
    }

    fn get_many(&self, family: usize, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Halt> {
        let mut found = self.overlay.get_many(family + 1, keys);
        let below: Vec<&[u8]> =
            keys.iter().zip(&found).filter(|(_, known)| known.is_none()).map(|(key, _)| *key).collect();
        let mut stored = self.engine.get_many(family + 1, &below).map_err(disk_halt)?.into_iter();
        Ok(found.iter_mut().map(|known| known.take().or_else(|| stored.next()).flatten()).collect())
    }

    fn visit(&self, family: usize, from: &[u8], until: &[u8], each: &mut Visit<'_>) -> Result<(), Halt> {
        if self.overlay.has_any(family + 1, from, until) {
            return Paged(self).visit(family, from, until, each);
        }
        // Nothing is added to the overlay meanwhile, for the machine is held.
        let scan = Scan { family: family + 1, from, until, direction: Direction::Forward };
        self.engine.scan(scan, each).map_err(disk_halt)
    }

    fn scan(&self, family: usize, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Rows, Halt> {
        let family = family + 1;
        // The overlay is read before the store: a row that the persister moves in between is then seen twice, and the
        // overlay's, which is the newer, wins. The other way round it could be missed.
        let (mut rows, known) = {
            let layer = self.overlay.0.read();
            let rows = layer.families.get(family).into_iter().flat_map(|family| &family.rows);
            let found: BTreeMap<Vec<u8>, Option<Vec<u8>>> = rows
                .filter(|changed| inside(changed.key(), from, until))
                .map(|changed| (changed.key().to_vec(), changed.value().map(<[u8]>::to_vec)))
                .collect();
            let removals: Vec<(Vec<u8>, Vec<u8>)> = layer
                .removals
                .iter()
                .filter(|removal| removal.family == family)
                .map(|removal| (removal.from.clone(), removal.until.clone()))
                .collect();
            (found, removals)
        };
        let direction = if reverse { Direction::Reverse } else { Direction::Forward };
        let mut from_store = 0_usize;
        let hidden = rows.len();
        let scan = Scan { family, from, until, direction };
        self.engine
            .scan(scan, &mut |key, value| {
                let gone = known.iter().any(|(from, until)| from.as_slice() <= key && key < until.as_slice());
                if !gone && !rows.contains_key(key) {
                    rows.insert(key.to_vec(), Some(value.to_vec()));
                    from_store += 1;
                }
                // Every overlaid row may hide one of the store's, so read that many more.
                from_store < limit.saturating_add(hidden)
            })
            .map_err(disk_halt)?;
        let present = rows.into_iter().filter_map(|(key, value)| value.map(|value| (key, value)));
        Ok(if reverse {
            let mut all: Rows = present.collect();
            all.reverse();
            all.truncate(limit);
            all
        } else {
            present.take(limit).collect()
        })
    }
}
