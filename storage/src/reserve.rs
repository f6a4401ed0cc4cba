//! The reserve: a file of zeros that is given back when the disk fills up.
//!
//! A full disk must mean "read-only, and here is why", never a crash loop. While space is left the file only lies
//! there. When free space falls below the low mark the node stops taking writes and the reserve is deleted, so that
//! votes, heartbeats, compaction and a clean stop still find room. When space is back, so is the reserve, and then the
//! node takes writes again.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use crate::{Error, Result};

/// Whether there is room for writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// There is.
    Ample,
    /// There is not: the node must be read-only.
    Scarce {
        /// Bytes left for the node.
        free_bytes: u64,
    },
}

/// The reserve file of one data folder.
#[derive(Debug)]
pub struct Reserve {
    path: PathBuf,
    bytes: u64,
    low_bytes: u64,
}

impl Reserve {
    /// A reserve of `bytes` in `folder`; below half of that in free space, writes stop.
    #[must_use]
    pub fn new(folder: &Path, bytes: u64) -> Reserve {
        Reserve { path: folder.join("reserve"), bytes, low_bytes: bytes / 2 }
    }

    /// Looks at the free space, gives the reserve back or takes it again, and says what holds now.
    ///
    /// # Errors
    /// The file system could not be asked.
    pub fn check(&self) -> Result<Room> {
        let free_bytes = self.free_bytes()?;
        let held = self.path.exists();
        if free_bytes < self.low_bytes {
            if held {
                fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
            }
            return Ok(Room::Scarce { free_bytes });
        }
        if held {
            return Ok(Room::Ample);
        }
        // Writes resume only once the reserve is whole again with as much to spare, so that the node does not swing
        // between the two on the last bytes.
        if free_bytes >= self.bytes + self.low_bytes && self.take().is_ok() {
            return Ok(Room::Ample);
        }
        Ok(Room::Scarce { free_bytes })
    }

    /// Free bytes for an unprivileged process on the folder's file system.
    ///
    /// # Errors
    /// The file system could not be asked.
    pub fn free_bytes(&self) -> Result<u64> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let stat = statvfs(folder).map_err(|error| Error::io("stat", folder)(error.into()))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn take(&self) -> Result<()> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .map_err(Error::io("create", &self.path))?;
        let taken = fallocate(&file, FallocateFlags::empty(), 0, self.bytes).map_err(std::io::Error::from);
        if let Err(error) = taken.and_then(|()| file.sync_all()) {
            // Half a reserve would count as a whole one at the next look.
            fs::remove_file(&self.path).map_err(Error::io("remove", &self.path))?;
            return Err(Error::io("allocate", &self.path)(error));
        }
        Ok(())
    }
}
