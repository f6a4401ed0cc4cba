//! Rows in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::rows::{Change, Edit, History, HistoryUnavailable, Row};

/// Rows kept in a map: what a node's disk would hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryRows {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemoryRows {
    /// No rows.
    #[must_use]
    pub fn new() -> MemoryRows {
        MemoryRows::default()
    }

    /// Writes the changes of one entry, in their order.
    pub fn apply_changes(&mut self, changes: Vec<Change>) {
        for Change { key, edit, .. } in changes {
            match edit {
                Edit::Put(value) => self.rows.insert(key, value),
                Edit::Delete => self.rows.remove(&key),
            };
        }
    }

    /// Every row: key, value.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// Writes one row as it is, for tests of damaged rows.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows.insert(key, value);
    }
}

impl History for MemoryRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable> {
        Ok(self.rows.get(key).cloned())
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Vec<Row>, HistoryUnavailable> {
        if from >= until {
            return Ok(Vec::new());
        }
        let range = self.rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(until)));
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match reverse {
            false => range.take(limit).map(copy).collect(),
            true => range.rev().take(limit).map(copy).collect(),
        })
    }
}
