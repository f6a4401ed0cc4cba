//! RocksDB behind [`Engine`]. The only module that names it.

mod tuning;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BoundColumnFamily, ColumnFamilyDescriptor, DBPinnableSlice, DBWithThreadMode, ErrorKind, FlushOptions, InfoLogger,
    IteratorMode, LogLevel, MultiThreaded, ReadOptions, WriteBatch, WriteOptions,
};

use crate::engine::{fold_row, prefix_end};
use crate::{Batch, Direction, Edit, Engine, Error, Family, Result, Scan};

type Db = DBWithThreadMode<MultiThreaded>;

/// What an engine is for; decides its durability and its tuning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Write-ahead log on, flushed by hand: `sync` is one fdatasync for everything written before.
    Log {
        /// Bytes of rows kept in memory before they become a table file.
        buffer_bytes: usize,
    },
    /// Write-ahead log off, atomic flush: the Raft log is its write-ahead log. `sync` flushes the memtables.
    State,
}

/// One RocksDB instance.
pub(crate) struct RocksEngine {
    db: Db,
    folder: PathBuf,
    families: Vec<&'static str>,
    role: Role,
    write: WriteOptions,
}

impl RocksEngine {
    /// Opens or creates the instance in `folder`.
    pub(crate) fn open(folder: &Path, role: Role, families: &[&'static str]) -> Result<RocksEngine> {
        assert!(families.len() <= 8, "invariant: at most eight column families");
        let (options, cache) = tuning::database(role);
        let db = Db::open_cf_descriptors(&options, folder, descriptors(folder, role, families, &cache)?)
            .map_err(|error| translate(folder, &error))?;
        Ok(RocksEngine::new(db, folder, role, families))
    }

    /// Opens an instance without changing anything in its folder: what its write-ahead log holds is read into memory,
    /// and no info log is written.
    pub(crate) fn open_read_only(folder: &Path, role: Role, families: &[&'static str]) -> Result<RocksEngine> {
        let (mut options, cache) = tuning::database(role);
        options.set_info_logger(InfoLogger::new_callback_logger(LogLevel::Error, |_, _| {}));
        options.create_if_missing(false);
        let db =
            Db::open_cf_descriptors_read_only(&options, folder, descriptors(folder, role, families, &cache)?, false)
                .map_err(|error| translate(folder, &error))?;
        Ok(RocksEngine::new(db, folder, role, families))
    }

    fn new(db: Db, folder: &Path, role: Role, families: &[&'static str]) -> RocksEngine {
        let mut write = WriteOptions::default();
        write.disable_wal(role == Role::State);
        RocksEngine { db, folder: folder.to_path_buf(), families: families.to_vec(), role, write }
    }

    fn family(&self, family: Family) -> Result<Arc<BoundColumnFamily<'_>>> {
        self.families.get(family).and_then(|name| self.db.cf_handle(name)).ok_or_else(|| Error::Engine {
            path: self.folder.clone(),
            detail: format!("there is no family number {family}"),
        })
    }

    fn error(&self, error: &rocksdb::Error) -> Error {
        translate(&self.folder, error)
    }
}

fn descriptors(
    folder: &Path,
    role: Role,
    families: &[&'static str],
    cache: &rocksdb::Cache,
) -> Result<Vec<ColumnFamilyDescriptor>> {
    // RocksDB insists on a family named `default`; it stays empty.
    let names = std::iter::once("default").chain(families.iter().copied());
    let described = names.map(|name| match tuning::family(role, name, cache) {
        Ok(options) => Ok(ColumnFamilyDescriptor::new(name, options)),
        Err(error) => Err(translate(folder, &error)),
    });
    described.collect()
}

impl Engine for RocksEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.db.get_cf(&self.family(family)?, key).map_err(|error| self.error(&error))
    }

    fn get_many(&self, family: Family, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        let rows = self.db.batched_multi_get_cf(&self.family(family)?, keys.iter().copied(), false);
        let owned = |row: std::result::Result<Option<DBPinnableSlice<'_>>, rocksdb::Error>| match row {
            Ok(row) => Ok(row.map(|row| row.to_vec())),
            Err(error) => Err(self.error(&error)),
        };
        rows.into_iter().map(owned).collect()
    }

    fn scan(&self, scan: Scan<'_>, visit: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<()> {
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(scan.from);
        if !scan.until.is_empty() {
            options.set_iterate_upper_bound(scan.until);
        }
        let is_read_again = self.families.get(scan.family).is_none_or(|name| tuning::is_read_again(name));
        options.fill_cache(is_read_again);
        // Rows are shown where RocksDB has them: a start reads millions.
        let mut rows = self.db.raw_iterator_cf_opt(&self.family(scan.family)?, options);
        match scan.direction {
            Direction::Forward => rows.seek_to_first(),
            Direction::Reverse => rows.seek_to_last(),
        }
        while let Some((key, value)) = rows.item() {
            if !visit(key, value) {
                return Ok(());
            }
            match scan.direction {
                Direction::Forward => rows.next(),
                Direction::Reverse => rows.prev(),
            }
        }
        rows.status().map_err(|error| self.error(&error))
    }

    fn write(&self, batch: &Batch) -> Result<()> {
        self.write_rows(&batch.edits.iter().collect::<Vec<_>>())
    }

    fn write_rows(&self, edits: &[&(Family, Vec<u8>, Edit)]) -> Result<()> {
        let handles = (0..self.families.len()).map(|number| self.family(number)).collect::<Result<Vec<_>>>()?;
        let mut writes = WriteBatch::default();
        for (family, key, edit) in edits.iter().copied() {
            let Some(handle) = handles.get(*family) else {
                return Err(Error::Engine {
                    path: self.folder.clone(),
                    detail: format!("there is no family number {family}"),
                });
            };
            match edit {
                Edit::Put(value) => writes.put_cf(handle, key, value),
                Edit::Delete => writes.delete_cf(handle, key),
                Edit::DeletePrefix => writes.delete_range_cf(handle, key.clone(), prefix_end(key)),
                Edit::DeleteUntil(until) => writes.delete_range_cf(handle, key, until),
            }
        }
        self.db.write_opt(writes, &self.write).map_err(|error| self.error(&error))
    }

    fn sync(&self) -> Result<()> {
        match self.role {
            Role::Log { .. } => self.db.flush_wal(true).map_err(|error| unsynced(self.error(&error))),
            Role::State => {
                let handles = (0..self.families.len()).map(|number| self.family(number)).collect::<Result<Vec<_>>>()?;
                let handles: Vec<_> = handles.iter().collect();
                let mut options = FlushOptions::default();
                options.set_wait(true);
                self.db.flush_cfs_opt(&handles, &options).map_err(|error| unsynced(self.error(&error)))
            }
        }
    }

    fn checkpoint(&self, folder: &Path) -> Result<()> {
        let checkpoint = Checkpoint::new(&self.db).map_err(|error| self.error(&error))?;
        checkpoint.create_checkpoint(folder).map_err(|error| self.error(&error))
    }

    fn digest(&self, opened: &mut dyn FnMut()) -> Result<[u8; 32]> {
        let snapshot = self.db.snapshot();
        opened();
        let mut hasher = blake3::Hasher::new();
        for family in 0..self.families.len() {
            let mut options = ReadOptions::default();
            // A digest is for finding rot: it reads what is on disk, and does not push live blocks out of the cache.
            options.fill_cache(false);
            for row in snapshot.iterator_cf_opt(&self.family(family)?, options, IteratorMode::Start) {
                let (key, value) = row.map_err(|error| self.error(&error))?;
                fold_row(&mut hasher, family, &key, &value);
            }
        }
        Ok(*hasher.finalize().as_bytes())
    }

    fn size_bytes(&self) -> u64 {
        self.db.live_files().map_or(0, |files| files.iter().map(|file| file.size as u64).sum())
    }
}

/// What could not be synced: whatever RocksDB's words for it, nobody knows what of it is on the disk, and what a restart
/// would read may be in memory alone. Damage and a full disk have codes of their own.
fn unsynced(error: Error) -> Error {
    match error {
        Error::Engine { path, detail } => Error::Io { action: "sync", path, source: std::io::Error::other(detail) },
        known => known,
    }
}

/// Turns RocksDB's words into ours: which file, and whether it is damage, space or something else.
fn translate(folder: &Path, error: &rocksdb::Error) -> Error {
    let detail = error.to_string();
    let path = named_file(folder, &detail);
    match error.kind() {
        ErrorKind::Corruption => Error::Corrupt { path, detail },
        ErrorKind::IOError if detail.contains("No space left on device") => Error::Full { path },
        // A sector that cannot be read is damage to an operator.
        ErrorKind::IOError if detail.contains("Input/output error") && detail.contains("While pread") => {
            Error::Corrupt { path, detail }
        }
        // A sync in the background, which a later write tells of.
        ErrorKind::IOError if detail.contains("While fsync") || detail.contains("While fdatasync") => {
            unsynced(Error::Engine { path, detail })
        }
        ErrorKind::IOError if detail.contains("While lock file") || detail.contains("lock hold by current process") => {
            Error::Locked { path: folder.to_path_buf() }
        }
        // A file that its manifest names but that is gone, or one cut short, is damage to an operator.
        ErrorKind::IOError | ErrorKind::NotFound
            if detail.contains("No such file or directory") || detail.contains("file is too short") =>
        {
            Error::Corrupt { path, detail }
        }
        ErrorKind::InvalidArgument if detail.contains("Column family not found") || detail.contains("not opened") => {
            Error::Corrupt { path, detail }
        }
        ErrorKind::NotFound
        | ErrorKind::NotSupported
        | ErrorKind::InvalidArgument
        | ErrorKind::IOError
        | ErrorKind::MergeInProgress
        | ErrorKind::Incomplete
        | ErrorKind::ShutdownInProgress
        | ErrorKind::TimedOut
        | ErrorKind::Aborted
        | ErrorKind::Busy
        | ErrorKind::Expired
        | ErrorKind::TryAgain
        | ErrorKind::CompactionTooLarge
        | ErrorKind::ColumnFamilyDropped
        | ErrorKind::Unknown => Error::Engine { path, detail },
    }
}

/// The file that a RocksDB message names, or the folder where it names none.
fn named_file(folder: &Path, detail: &str) -> PathBuf {
    detail
        .split([' ', ',', ';', '"'])
        .map(|word| word.trim_end_matches([':', '.']))
        .find(|word| {
            word.contains('/')
                && (word.ends_with(".sst")
                    || word.ends_with(".log")
                    || word.contains("MANIFEST-")
                    || word.ends_with("CURRENT"))
        })
        .map_or_else(|| folder.to_path_buf(), PathBuf::from)
}
