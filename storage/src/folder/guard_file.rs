//! The guard's file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::files::write_atomically;
use crate::{Error, Result, SLOT_BYTES, Slots};

/// The guard's two pages in one preallocated file, so that a sync writes no metadata.
pub(super) struct GuardFile {
    file: File,
    path: PathBuf,
}

impl GuardFile {
    pub(super) fn open(path: &Path, read_only: bool) -> Result<GuardFile> {
        let length = 2 * SLOT_BYTES as u64;
        if !path.try_exists().map_err(Error::io("read", path))? {
            if read_only {
                return Err(Error::corrupt(path, "the file is missing"));
            }
            // Whole or absent: a length that a power cut left would look like damage.
            write_atomically(path, &[0; 2 * SLOT_BYTES])?;
        }
        let file = OpenOptions::new().read(true).write(!read_only).open(path).map_err(Error::io("open", path))?;
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
