//! [`Disk`] on a real folder: `log/`, `state-<n>/`, `CURRENT`, `guard`, `snapshots/`, `incoming/`.

mod guard_file;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use guard_file::GuardFile;

use crate::files::{create_folder, names, remove_folder, sync_folder, write_atomically};
use crate::rocks::{RocksEngine, Role};
use crate::{Disk, Engine, Error, FileEntry, Manifest, Result, Slots};

const MANIFEST_NAME: &str = "manifest";
const CURRENT_NAME: &str = "CURRENT";
/// What `CURRENT` says while the first generation is being made: whatever there is of it, nothing depends on it yet.
const CURRENT_NEW: &str = "new";
const TABLE_SUFFIX: &str = ".sst";
const WORKING_PREFIX: &str = ".working-";
const LOG_BUFFER_BYTES: u64 = 64 << 20;

/// What `CURRENT` says.
enum Present {
    /// There is none.
    Missing,
    /// The first generation is being made.
    New,
    /// This folder.
    Folder(String),
}

/// A node's data folder.
#[derive(Debug)]
pub struct FolderDisk {
    root: PathBuf,
    working: AtomicU64,
    log_buffer_bytes: u64,
    /// Whether the stores are only looked at.
    read_only: bool,
}

impl FolderDisk {
    /// Uses `root`, which must exist, and clears away what an earlier run left half done.
    ///
    /// # Errors
    /// I/O failure; [`Error::Corrupt`] where there is a state, but not the file that names the present one.
    pub fn open(root: &Path) -> Result<FolderDisk> {
        let disk = FolderDisk::at(root, false);
        create_folder(&disk.snapshot_root())?;
        create_folder(&disk.incoming_root())?;
        for name in names(&disk.snapshot_root())? {
            if name.starts_with(WORKING_PREFIX) {
                remove_folder(&disk.snapshot_root().join(name))?;
            }
        }
        let mut generations = names(root)?;
        generations.retain(|name| name.starts_with("state-"));
        match disk.present()? {
            Present::Missing => {
                if let Some(found) = generations.last() {
                    // Everything the node applied may be in it: it is not this program's to throw away.
                    return Err(Error::corrupt(root.join(CURRENT_NAME), format!("it is missing beside {found}")));
                }
            }
            Present::New => {
                for name in generations {
                    remove_folder(&root.join(name))?;
                }
            }
            Present::Folder(present) => {
                for name in generations.iter().filter(|name| **name != present) {
                    remove_folder(&root.join(name))?;
                }
            }
        }
        Ok(disk)
    }

    /// Looks at the folder of a node that ran: its log, state, guard and snapshots can be read, and nothing in it
    /// changes.
    #[must_use]
    pub fn look(root: &Path) -> FolderDisk {
        FolderDisk::at(root, true)
    }

    fn at(root: &Path, read_only: bool) -> FolderDisk {
        let (working, log_buffer_bytes) = (AtomicU64::new(0), LOG_BUFFER_BYTES);
        FolderDisk { root: root.to_path_buf(), working, log_buffer_bytes, read_only }
    }

    /// Keeps so many bytes of log in memory, 64 MiB where it is not said, before they become a table file. A start
    /// reads back up to four times as much.
    #[must_use]
    pub fn with_log_buffer(self, bytes: u64) -> FolderDisk {
        FolderDisk { log_buffer_bytes: bytes, ..self }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn snapshot_root(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    fn incoming_root(&self) -> PathBuf {
        self.root.join("incoming")
    }

    /// Which folder is the state's, as `CURRENT` says.
    fn present(&self) -> Result<Present> {
        let path = self.root.join(CURRENT_NAME);
        let unclear = || Error::corrupt(&path, "it does not name a state folder");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim_end() {
                CURRENT_NEW => Ok(Present::New),
                name if generation_number(name).is_some() => Ok(Present::Folder(name.to_owned())),
                _ => Err(unclear()),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Present::Missing),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(unclear()),
            Err(error) => Err(Error::io("read", &path)(error)),
        }
    }

    fn set_present(&self, text: &str) -> Result<()> {
        write_atomically(&self.root.join(CURRENT_NAME), text.as_bytes())
    }

    /// The number of the present generation; 0 where the first one is about to be made, which `CURRENT` says from then on.
    fn present_number(&self) -> Result<u64> {
        match self.present()? {
            Present::Folder(name) => Ok(generation_number(&name).unwrap_or(0)),
            Present::New => Ok(0),
            Present::Missing => {
                self.set_present(CURRENT_NEW)?;
                Ok(0)
            }
        }
    }

    fn receiving(&self, manifest: &Manifest) -> PathBuf {
        self.incoming_root().join(&manifest.name)
    }

    fn next_working(&self) -> String {
        format!("{WORKING_PREFIX}{}", self.working.fetch_add(1, Ordering::Relaxed))
    }

    fn file_of(manifest: &Manifest, file: usize) -> Result<&FileEntry> {
        manifest
            .files
            .get(file)
            .ok_or_else(|| Error::corrupt(&manifest.name, format!("the manifest has no file number {file}")))
    }
}

impl Disk for FolderDisk {
    fn log(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let folder = self.root.join("log");
        let buffer_bytes = usize::try_from(self.log_buffer_bytes).unwrap_or(usize::MAX);
        let role = Role::Log { buffer_bytes };
        if self.read_only {
            expect_store(&folder)?;
            return Ok(Arc::new(RocksEngine::open_read_only(&folder, role, families)?));
        }
        create_folder(&folder)?;
        // RocksDB syncs what is in the folder, not the folder's own name.
        sync_folder(&self.root)?;
        Ok(Arc::new(RocksEngine::open(&folder, role, families)?))
    }

    fn state(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let number = match self.present()? {
            Present::New | Present::Missing if self.read_only => {
                return Err(Error::corrupt(self.root.join(CURRENT_NAME), "the file is missing"));
            }
            Present::Folder(_) | Present::New | Present::Missing => self.present_number()?,
        };
        let name = format!("state-{}", number.max(1));
        let folder = self.root.join(&name);
        if number > 0 {
            expect_store(&folder)?;
        }
        if self.read_only {
            return Ok(Arc::new(RocksEngine::open_read_only(&folder, Role::State, families)?));
        }
        if number == 0 {
            remove_folder(&folder)?;
            create_folder(&folder)?;
        }
        let engine = RocksEngine::open(&folder, Role::State, families)?;
        self.set_present(&name)?;
        Ok(Arc::new(engine))
    }

    fn guard(&self) -> Result<Box<dyn Slots>> {
        Ok(Box::new(GuardFile::open(&self.root.join("guard"), self.read_only)?))
    }

    fn snapshots(&self) -> Result<Vec<String>> {
        let mut found = names(&self.snapshot_root())?;
        found.retain(|name| !name.starts_with(WORKING_PREFIX));
        Ok(found)
    }

    fn checkpoint(&self, state: &dyn Engine) -> Result<String> {
        let name = self.next_working();
        let folder = self.snapshot_root().join(&name);
        remove_folder(&folder)?;
        if let Err(error) = state.checkpoint(&folder) {
            // Half of it would keep the space of its tables until the next start. The first error is the one to tell.
            let _ = remove_folder(&folder);
            return Err(error);
        }
        Ok(name)
    }

    fn open_snapshot(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let folder = self.snapshot_root().join(name);
        Ok(Arc::new(RocksEngine::open_read_only(&folder, Role::State, families)?))
    }

    fn describe(&self, working: &str, name: &str, note: Vec<u8>, earlier: Option<&Manifest>) -> Result<Manifest> {
        let folder = self.snapshot_root().join(working);
        let known = |file: &str, size: u64| {
            let files = earlier.filter(|_| file.ends_with(TABLE_SUFFIX)).map(|manifest| &manifest.files)?;
            files.iter().find(|entry| entry.name == file && entry.size == size).cloned()
        };
        let mut files = Vec::new();
        for file in names(&folder)? {
            // RocksDB's info log is not part of the data.
            if file == "LOG" || file.starts_with("LOG.") || file == "LOCK" {
                continue;
            }
            let path = folder.join(&file);
            let size = fs::metadata(&path).map_err(Error::io("read", &path))?.len();
            if let Some(entry) = known(&file, size) {
                files.push(entry);
                continue;
            }
            let (size, hash) = hash_file(&path)?;
            File::open(&path).and_then(|f| f.sync_all()).map_err(Error::io("sync", &path))?;
            files.push(FileEntry { name: file, size, hash });
        }
        let manifest = Manifest { name: name.to_owned(), files, note };
        write_atomically(&folder.join(MANIFEST_NAME), &manifest.encode())?;
        Ok(manifest)
    }

    fn seal(&self, working: &str, name: &str) -> Result<()> {
        let folder = self.snapshot_root().join(working);
        let target = self.snapshot_root().join(name);
        remove_folder(&target)?;
        fs::rename(&folder, &target).map_err(Error::io("rename", &folder))?;
        sync_folder(&self.snapshot_root())
    }

    fn manifest(&self, name: &str) -> Result<Manifest> {
        let path = self.snapshot_root().join(name).join(MANIFEST_NAME);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        Manifest::decode(&path, &bytes)
    }

    fn read_piece(&self, manifest: &Manifest, file: usize, offset: u64, length: usize) -> Result<Bytes> {
        let entry = FolderDisk::file_of(manifest, file)?;
        let path = self.snapshot_root().join(&manifest.name).join(&entry.name);
        let handle = File::open(&path).map_err(Error::io("open", &path))?;
        let length = length.min(usize::try_from(entry.size.saturating_sub(offset)).unwrap_or(usize::MAX));
        let mut bytes = vec![0; length];
        handle.read_exact_at(&mut bytes, offset).map_err(Error::io("read", &path))?;
        Ok(bytes.into())
    }

    fn begin_receive(&self, manifest: &Manifest) -> Result<Vec<u64>> {
        let folder = self.receiving(manifest);
        let expected = manifest.encode();
        let known = fs::read(folder.join(MANIFEST_NAME)).is_ok_and(|bytes| bytes == expected);
        if !known {
            // Only one snapshot is received at a time; what an abandoned one left is of no use.
            for name in names(&self.incoming_root())? {
                remove_folder(&self.incoming_root().join(name))?;
            }
            create_folder(&folder)?;
            write_atomically(&folder.join(MANIFEST_NAME), &expected)?;
        }
        let mut here = Vec::with_capacity(manifest.files.len());
        for file in &manifest.files {
            here.push(fs::metadata(folder.join(&file.name)).map_or(0, |meta| meta.len().min(file.size)));
        }
        Ok(here)
    }

    fn write_piece(&self, manifest: &Manifest, file: usize, offset: u64, bytes: &[u8]) -> Result<()> {
        let entry = FolderDisk::file_of(manifest, file)?;
        let path = self.receiving(manifest).join(&entry.name);
        let handle = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        let here = handle.metadata().map_err(Error::io("read", &path))?.len();
        let end = offset.saturating_add(bytes.len() as u64);
        if offset > here || end > entry.size {
            return Err(Error::corrupt(&path, format!("a piece at {offset} does not follow the {here} bytes here")));
        }
        handle.write_all_at(bytes, offset).map_err(Error::io("write", &path))
    }

    fn finish_receive(&self, manifest: &Manifest) -> Result<()> {
        let folder = self.receiving(manifest);
        for entry in &manifest.files {
            let path = folder.join(&entry.name);
            let (size, hash) = if entry.size == 0 && !path.exists() {
                File::create(&path).map_err(Error::io("create", &path))?;
                (0, *blake3::hash(&[]).as_bytes())
            } else {
                hash_file(&path)?
            };
            if size != entry.size || hash != entry.hash {
                fs::remove_file(&path).map_err(Error::io("remove", &path))?;
                return Err(Error::corrupt(&path, "the received file's checksum differs from its manifest's"));
            }
            File::open(&path).and_then(|f| f.sync_all()).map_err(Error::io("sync", &path))?;
        }
        sync_folder(&folder)?;
        let target = self.snapshot_root().join(&manifest.name);
        remove_folder(&target)?;
        fs::rename(&folder, &target).map_err(Error::io("rename", &folder))?;
        sync_folder(&self.snapshot_root())
    }

    fn install(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let manifest = self.manifest(name)?;
        let number = self.present_number()?;
        let generation = format!("state-{}", number + 1);
        let folder = self.root.join(&generation);
        remove_folder(&folder)?;
        create_folder(&folder)?;
        for entry in &manifest.files {
            let (from, to) = (self.snapshot_root().join(name).join(&entry.name), folder.join(&entry.name));
            // Table files never change and are shared; the store appends to the others, so it gets its own copies.
            if entry.name.ends_with(TABLE_SUFFIX) {
                fs::hard_link(&from, &to).map_err(Error::io("link", &from))?;
            } else {
                fs::copy(&from, &to).map_err(Error::io("copy", &from))?;
                File::open(&to).and_then(|f| f.sync_all()).map_err(Error::io("sync", &to))?;
            }
        }
        sync_folder(&folder)?;
        sync_folder(&self.root)?;
        let engine = RocksEngine::open(&folder, Role::State, families)?;
        self.set_present(&generation)?;
        Ok(Arc::new(engine))
    }

    fn remove_snapshot(&self, name: &str) -> Result<()> {
        remove_folder(&self.snapshot_root().join(name))
    }
}

fn generation_number(name: &str) -> Option<u64> {
    name.strip_prefix("state-")?.parse().ok().filter(|number| *number > 0)
}

/// RocksDB would silently make a new, empty store in place of one whose CURRENT is gone.
fn expect_store(folder: &Path) -> Result<()> {
    let current = folder.join(CURRENT_NAME);
    if current.exists() { Ok(()) } else { Err(Error::corrupt(current, "the file is missing")) }
}

fn hash_file(path: &Path) -> Result<(u64, [u8; 32])> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if read == 0 {
            return Ok((size, *hasher.finalize().as_bytes()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
        size += read as u64;
    }
}
