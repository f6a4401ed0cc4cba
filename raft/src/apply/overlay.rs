//! Rows that are applied and not yet in the state's store.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use exchequer_storage::{Direction, Edit, Engine, Scan};
use parking_lot::RwLock;

use crate::machine::{FAMILIES_MAX, Halt, RowReader, Rows};

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
    /// Which change of that entry put the row; none where it is gone.
    put: Option<(Changes, usize)>,
}

impl Changed {
    fn value(&self) -> Option<&[u8]> {
        let (changes, at) = self.put.as_ref()?;
        match changes.get(*at) {
            Some((_, _, Edit::Put(value))) => Some(value),
            Some((_, _, Edit::Delete | Edit::DeletePrefix | Edit::DeleteUntil(_))) | None => None,
        }
    }
}

/// Looked up for every command, scanned almost never: a scan sorts what it finds.
type Family = HashMap<Vec<u8>, Changed>;

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
                Edit::Put(_) => layer.note(*family, key, Changed { index, put: Some((changes.clone(), at)) }),
                Edit::Delete => layer.note(*family, key, Changed { index, put: None }),
                Edit::DeletePrefix => layer.remove(index, *family, key.clone(), after_prefix(key)),
                Edit::DeleteUntil(until) => layer.remove(index, *family, key.clone(), until.clone()),
            }
        }
    }

    /// The store has everything up to `index`; `changes` are the entries' that it just got.
    pub(crate) fn written<'a>(&self, index: u64, changes: impl Iterator<Item = &'a (usize, Vec<u8>, Edit)>) {
        let mut layer = self.0.write();
        for (family, key, _) in changes {
            let Some(rows) = layer.families.get_mut(*family) else { continue };
            if rows.get(key).is_some_and(|changed| changed.index <= index) {
                rows.remove(key);
            }
        }
        layer.removals.retain(|removal| removal.index > index);
    }

    /// Forgets everything: another store took the place of the old one.
    pub(crate) fn clear(&self) {
        *self.0.write() = Layer::default();
    }

    /// The row as the overlay knows it: `Some(None)` where it is known to be gone.
    fn get(&self, family: usize, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let layer = self.0.read();
        if let Some(changed) = layer.families.get(family).and_then(|rows| rows.get(key)) {
            return Some(changed.value().map(<[u8]>::to_vec));
        }
        layer.removed(family, key).then_some(None)
    }
}

impl Layer {
    fn note(&mut self, family: usize, key: &[u8], changed: Changed) {
        if let Some(rows) = self.families.get_mut(family) {
            rows.insert(key.to_vec(), changed);
        }
    }

    fn remove(&mut self, index: u64, family: usize, from: Vec<u8>, until: Vec<u8>) {
        if let Some(rows) = self.families.get_mut(family) {
            for (_, changed) in rows.iter_mut().filter(|(key, _)| inside(key, &from, &until)) {
                *changed = Changed { index, put: None };
            }
        }
        self.removals.push(Removal { index, family, from, until });
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

fn disk_halt(error: exchequer_storage::Error) -> Halt {
    Halt { code: "EXQ-0504".to_owned(), detail: error.to_string() }
}

impl RowReader for View<'_> {
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        match self.overlay.get(family + 1, key) {
            Some(known) => Ok(known),
            None => self.engine.get(family + 1, key).map_err(disk_halt),
        }
    }

    fn scan(&self, family: usize, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Rows, Halt> {
        let family = family + 1;
        // The overlay is read before the store: a row that the persister moves in between is then seen twice, and the
        // overlay's, which is the newer, wins. The other way round it could be missed.
        let (mut rows, known) = {
            let layer = self.overlay.0.read();
            let rows = layer.families.get(family).into_iter().flatten();
            let found: BTreeMap<Vec<u8>, Option<Vec<u8>>> = rows
                .filter(|(key, _)| inside(key, from, until))
                .map(|(key, changed)| (key.clone(), changed.value().map(<[u8]>::to_vec)))
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
