//! Rows in memory, for tests.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::rows::{Change, Edit, Family, Row, Rows, RowsUnavailable};

/// Rows kept in a map: what a node's disk would hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryRows {
    rows: BTreeMap<(Family, Vec<u8>), Vec<u8>>,
}

impl MemoryRows {
    /// No rows.
    #[must_use]
    pub fn new() -> MemoryRows {
        MemoryRows::default()
    }

    /// Writes the changes of one entry, in their order.
    pub fn apply_changes(&mut self, changes: &[Change]) {
        for Change { family, key, edit } in changes {
            match edit {
                Edit::Put(value) => {
                    self.rows.insert((*family, key.clone()), value.clone());
                }
                Edit::Delete => {
                    self.rows.remove(&(*family, key.clone()));
                }
                Edit::DeletePrefix => {
                    self.rows.retain(|(of, at), _| of != family || !at.starts_with(key));
                }
                Edit::DeleteUntil(until) => {
                    self.rows.retain(|(of, at), _| of != family || at < key || at >= until);
                }
            }
        }
    }

    /// Every row: family, key, value.
    pub fn iter(&self) -> impl Iterator<Item = (Family, &[u8], &[u8])> {
        self.rows.iter().map(|((family, key), value)| (*family, key.as_slice(), value.as_slice()))
    }

    /// Writes one row as it is, for tests of damaged rows.
    pub fn put(&mut self, family: Family, key: Vec<u8>, value: Vec<u8>) {
        self.rows.insert((family, key), value);
    }
}

impl Rows for MemoryRows {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, RowsUnavailable> {
        Ok(self.rows.get(&(family, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, RowsUnavailable> {
        if from >= until {
            return Ok(Vec::new());
        }
        let bounds = (Bound::Included((family, from.to_vec())), Bound::Excluded((family, until.to_vec())));
        let range = self.rows.range(bounds);
        let copy = |((_, key), value): (&(Family, Vec<u8>), &Vec<u8>)| (key.clone(), value.clone());
        Ok(match reverse {
            false => range.take(limit).map(copy).collect(),
            true => range.rev().take(limit).map(copy).collect(),
        })
    }
}
