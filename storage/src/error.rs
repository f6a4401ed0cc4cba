//! What can go wrong with files.

use std::io;
use std::path::{Path, PathBuf};

/// Short for a result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of the disk or of what is on it. Every variant names the file or folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation of the file system failed.
    #[error("{action} {path} failed")]
    Io {
        /// What was being done, as a verb: `open`, `write`.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// No space is left.
    #[error("no space left on the disk of {path}")]
    Full {
        /// The file or folder that could not grow.
        path: PathBuf,
    },
    /// Bytes are not what was written: a checksum, a length or a structure does not hold.
    #[error("{path} is damaged: {detail}")]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// What does not hold.
        detail: String,
    },
    /// The key-value engine refused for another reason.
    #[error("the store in {path} failed: {detail}")]
    Engine {
        /// The engine's folder.
        path: PathBuf,
        /// The engine's words.
        detail: String,
    },
    /// Another process holds the store.
    #[error("{path} is in use by another process")]
    Locked {
        /// The engine's folder.
        path: PathBuf,
    },
    /// Written by a later version of the program.
    #[error("{path} has format {found}, this program knows up to {known}")]
    FormatNewer {
        /// The file.
        path: PathBuf,
        /// The format found.
        found: u32,
        /// The latest format known here.
        known: u32,
    },
}

impl Error {
    /// Turns a system error into ours, telling a full disk apart.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Error {
        let path = path.as_ref().to_path_buf();
        move |source| {
            if source.kind() == io::ErrorKind::StorageFull {
                Error::Full { path }
            } else {
                Error::Io { action, path, source }
            }
        }
    }

    /// Damage in `path`.
    pub fn corrupt(path: impl AsRef<Path>, detail: impl Into<String>) -> Error {
        Error::Corrupt { path: path.as_ref().to_path_buf(), detail: detail.into() }
    }

    /// Whether space, not damage, is what is missing.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Error::Full { .. })
    }

    /// Whether a sync failed.
    #[must_use]
    pub fn is_unsynced(&self) -> bool {
        matches!(self, Error::Io { action: "sync", .. })
    }

    /// The kind that the system's errors have for it.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Error::Full { .. } => io::ErrorKind::StorageFull,
            Error::Io { source, .. } => source.kind(),
            Error::Corrupt { .. } => io::ErrorKind::InvalidData,
            Error::Engine { .. } | Error::Locked { .. } | Error::FormatNewer { .. } => io::ErrorKind::Other,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> io::Error {
        io::Error::new(error.kind(), error)
    }
}
