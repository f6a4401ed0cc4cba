//! [`Disk`] on a real folder: `log/`, `state-<n>/`, `CURRENT`, `guard`, `snapshots/`, `incoming/`.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use crate::files::{create_folder, names, remove_folder, sync_folder, write_atomically};
use crate::rocks::{RocksEngine, Role};
use crate::{Disk, Engine, Error, FileEntry, Manifest, Result, SLOT_BYTES, Slots};

const MANIFEST_NAME: &str = "manifest";
const CURRENT_NAME: &str = "CURRENT";
const WORKING_PREFIX: &str = ".working-";
const LOG_BUFFER_BYTES: u64 = 64 << 20;

/// A node's data folder.
#[derive(Debug)]
pub struct FolderDisk {
    root: PathBuf,
    working: AtomicU64,
    log_buffer_bytes: u64,
}

impl FolderDisk {
    /// Uses `root`, which must exist, and clears away what an earlier run left half done.
    ///
    /// # Errors
    /// I/O failure.
    pub fn open(root: &Path) -> Result<FolderDisk> {
        let disk =
            FolderDisk { root: root.to_path_buf(), working: AtomicU64::new(0), log_buffer_bytes: LOG_BUFFER_BYTES };
        create_folder(&disk.snapshot_root())?;
        create_folder(&disk.incoming_root())?;
        for name in names(&disk.snapshot_root())? {
            if name.starts_with(WORKING_PREFIX) {
                remove_folder(&disk.snapshot_root().join(name))?;
            }
        }
        let present = disk.present_generation()?;
        for name in names(root)? {
            if name.starts_with("state-") && Some(&name) != present.as_ref() {
                remove_folder(&root.join(name))?;
            }
        }
        Ok(disk)
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

    /// The name of the state's folder, as `CURRENT` says; none on a new node.
    fn present_generation(&self) -> Result<Option<String>> {
        let path = self.root.join(CURRENT_NAME);
        match fs::read_to_string(&path) {
            Ok(text) => {
                let name = text.trim_end();
                if name.strip_prefix("state-").is_none_or(|number| number.parse::<u64>().is_err()) {
                    return Err(Error::corrupt(&path, "it does not name a state folder"));
                }
                Ok(Some(name.to_owned()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
                Err(Error::corrupt(&path, "it does not name a state folder"))
            }
            Err(error) => Err(Error::io("read", &path)(error)),
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
        create_folder(&folder)?;
        // RocksDB syncs what is in the folder, not the folder's own name.
        sync_folder(&self.root)?;
        let buffer_bytes = usize::try_from(self.log_buffer_bytes).unwrap_or(usize::MAX);
        Ok(Arc::new(RocksEngine::open(&folder, Role::Log { buffer_bytes }, families)?))
    }

    fn state(&self, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let name = match self.present_generation()? {
            Some(name) => {
                let folder = self.root.join(&name);
                // RocksDB would silently make a new, empty store in place of one whose CURRENT is gone.
                if !folder.join(CURRENT_NAME).exists() {
                    return Err(Error::corrupt(folder.join(CURRENT_NAME), "the file is missing"));
                }
                name
            }
            None => "state-1".to_owned(),
        };
        let folder = self.root.join(&name);
        create_folder(&folder)?;
        let engine = RocksEngine::open(&folder, Role::State, families)?;
        write_atomically(&self.root.join(CURRENT_NAME), name.as_bytes())?;
        Ok(Arc::new(engine))
    }

    fn guard(&self) -> Result<Box<dyn Slots>> {
        Ok(Box::new(GuardFile::open(&self.root.join("guard"))?))
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
        state.checkpoint(&folder)?;
        Ok(name)
    }

    fn open_snapshot(&self, name: &str, families: &[&'static str]) -> Result<Arc<dyn Engine>> {
        let folder = self.snapshot_root().join(name);
        Ok(Arc::new(RocksEngine::open_read_only(&folder, &self.incoming_root(), families)?))
    }

    fn seal(&self, working: &str, name: &str, note: Vec<u8>) -> Result<Manifest> {
        let folder = self.snapshot_root().join(working);
        let mut files = Vec::new();
        for file in names(&folder)? {
            // RocksDB's info log is not part of the data.
            if file == "LOG" || file.starts_with("LOG.") || file == "LOCK" {
                continue;
            }
            let path = folder.join(&file);
            let (size, hash) = hash_file(&path)?;
            File::open(&path).and_then(|f| f.sync_all()).map_err(Error::io("sync", &path))?;
            files.push(FileEntry { name: file, size, hash });
        }
        let manifest = Manifest { name: name.to_owned(), files, note };
        write_atomically(&folder.join(MANIFEST_NAME), &manifest.encode())?;
        let target = self.snapshot_root().join(name);
        remove_folder(&target)?;
        fs::rename(&folder, &target).map_err(Error::io("rename", &folder))?;
        sync_folder(&self.snapshot_root())?;
        Ok(manifest)
    }

    fn manifest(&self, name: &str) -> Result<Manifest> {
        let path = self.snapshot_root().join(name).join(MANIFEST_NAME);
        let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
        Manifest::decode(&path, &bytes)
    }

    fn read_piece(&self, name: &str, file: usize, offset: u64, length: usize) -> Result<Bytes> {
        let manifest = self.manifest(name)?;
        let entry = FolderDisk::file_of(&manifest, file)?;
        let path = self.snapshot_root().join(name).join(&entry.name);
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
        let number = self
            .present_generation()?
            .and_then(|present| present.strip_prefix("state-").and_then(|number| number.parse::<u64>().ok()))
            .unwrap_or(0);
        let generation = format!("state-{}", number + 1);
        let folder = self.root.join(&generation);
        remove_folder(&folder)?;
        create_folder(&folder)?;
        for entry in &manifest.files {
            let (from, to) = (self.snapshot_root().join(name).join(&entry.name), folder.join(&entry.name));
            // Table files never change and are shared; the store appends to the others, so it gets its own copies.
            if entry.name.ends_with(".sst") {
                fs::hard_link(&from, &to).map_err(Error::io("link", &from))?;
            } else {
                fs::copy(&from, &to).map_err(Error::io("copy", &from))?;
                File::open(&to).and_then(|f| f.sync_all()).map_err(Error::io("sync", &to))?;
            }
        }
        sync_folder(&folder)?;
        sync_folder(&self.root)?;
        let engine = RocksEngine::open(&folder, Role::State, families)?;
        write_atomically(&self.root.join(CURRENT_NAME), generation.as_bytes())?;
        Ok(Arc::new(engine))
    }

    fn remove_snapshot(&self, name: &str) -> Result<()> {
        remove_folder(&self.snapshot_root().join(name))
    }
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

/// The guard's two pages in one preallocated file, so that a sync writes no metadata.
struct GuardFile {
    file: File,
    path: PathBuf,
}

impl GuardFile {
    fn open(path: &Path) -> Result<GuardFile> {
        let length = 2 * SLOT_BYTES as u64;
        if !path.try_exists().map_err(Error::io("read", path))? {
            // Whole or absent: a length that a power cut left would look like damage.
            write_atomically(path, &[0; 2 * SLOT_BYTES])?;
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
        let found = file.metadata().map_err(Error::io("read", path))?.len();
        if found != length {
            return Err(Error::corrupt(path, format!("it has {found} bytes instead of {length}")));
        }
        Ok(GuardFile { file, path: path.to_path_buf() })
    }
}

impl Slots for GuardFile {
    fn read(&self, number: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; SLOT_BYTES];
        self.file.read_exact_at(&mut bytes, (number * SLOT_BYTES) as u64).map_err(Error::io("read", &self.path))?;
        Ok(bytes)
    }

    fn write_and_sync(&mut self, number: usize, bytes: &[u8]) -> Result<()> {
        self.file.write_all_at(bytes, (number * SLOT_BYTES) as u64).map_err(Error::io("write", &self.path))?;
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }

    fn path(&self) -> PathBuf {
        self.path.clone()
    }
}
