//! The key-value engine as the rest of the house sees it.

use std::path::Path;

use crate::Result;

/// A column family, by its position in the engine's list (at most eight: atomic flush multiplies files).
pub type Family = usize;

/// One change of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Sets the row.
    Put(Vec<u8>),
    /// Removes the row.
    Delete,
    /// Removes every row whose key starts with the given key.
    DeletePrefix,
    /// Removes every row from the given key up to, not including, this one.
    DeleteUntil(Vec<u8>),
}

/// Changes that become visible together. Later changes win over earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The changes in order.
    pub edits: Vec<(Family, Vec<u8>, Edit)>,
}

impl Batch {
    /// Adds a put.
    pub fn put(&mut self, family: Family, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.edits.push((family, key.into(), Edit::Put(value.into())));
    }

    /// Adds a removal of one row.
    pub fn delete(&mut self, family: Family, key: impl Into<Vec<u8>>) {
        self.edits.push((family, key.into(), Edit::Delete));
    }

    /// Adds a removal of the rows in `from..until`.
    pub fn delete_range(&mut self, family: Family, from: impl Into<Vec<u8>>, until: impl Into<Vec<u8>>) {
        self.edits.push((family, from.into(), Edit::DeleteUntil(until.into())));
    }
}

/// The order of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Reverse,
}

/// Which rows a scan visits: keys in `from..until`.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// The family to read.
    pub family: Family,
    /// The first key, included.
    pub from: &'a [u8],
    /// The end, excluded; empty means to the family's end.
    pub until: &'a [u8],
    /// The order.
    pub direction: Direction,
}

/// An ordered key-value store with families.
///
/// Writes are readable when [`write`](Engine::write) returns and durable when [`sync`](Engine::sync) does.
pub trait Engine: Send + Sync + 'static {
    /// Reads one row.
    ///
    /// # Errors
    /// I/O failure or damage.
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>>;

    /// Reads rows, one a key and in the order of the keys; faster than reading one after the other.
    ///
    /// # Errors
    /// As [`get`](Engine::get).
    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        keys.iter().map(|key| self.get(family, key)).collect()
    }

    /// Visits rows in order until `visit` answers false. Sees one moment of the store.
    ///
    /// # Errors
    /// I/O failure or damage; rows before it have been visited.
    fn scan(&self, scan: Scan<'_>, visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<()>;

    /// Applies the batch at once; readable on return.
    ///
    /// # Errors
    /// I/O failure. Nothing of the batch is visible then.
    fn write(&self, batch: &Batch) -> Result<()>;

    /// As [`write`](Engine::write), of changes that somebody else keeps as well.
    ///
    /// # Errors
    /// As `write`.
    fn write_rows(&self, edits: &[&(Family, Vec<u8>, Edit)]) -> Result<()> {
        self.write(&Batch { edits: edits.iter().copied().cloned().collect() })
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// The disk refused. What is durable is then unknown: the caller must stop, not retry.
    fn sync(&self) -> Result<()>;

    /// Copies the store, as of now, into a new folder by hard links.
    ///
    /// # Errors
    /// I/O failure; the folder may be left incomplete.
    fn checkpoint(&self, folder: &Path) -> Result<()>;

    /// Folds every row of every family, in order, into a BLAKE3 hash. `opened` is called once the moment to be hashed
    /// is fixed; later writes do not matter.
    ///
    /// # Errors
    /// I/O failure or damage anywhere in the store.
    fn digest(&self, opened: &mut dyn FnMut()) -> Result<[u8; 32]>;

    /// Bytes on disk, roughly.
    fn size_bytes(&self) -> u64;
}

/// Folds one row into a running digest: family, lengths and bytes, so that no two row sets collide by concatenation.
pub(crate) fn fold_row(hasher: &mut blake3::Hasher, family: Family, key: &[u8], value: &[u8]) {
    hasher.update(&(family as u64).to_le_bytes());
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&(value.len() as u64).to_le_bytes());
    hasher.update(value);
}

/// The first key after every key that starts with `prefix`; empty where there is none.
pub(crate) fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return end;
        }
        end.pop();
    }
    end
}
