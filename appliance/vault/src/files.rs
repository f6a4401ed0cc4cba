//! Files of a vault: written whole or not at all, readable by their owner alone.
//!
//! Invariants: a file is replaced by a rename after its bytes are on stable storage, and the rename is too before anyone is
//! told; a file that others may read is refused, not repaired, since its content may be known already.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Bits of a mode that let somebody else than the owner in.
const OTHERS: u32 = 0o077;

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("{path}: cannot {doing}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// Somebody else may read or write it.
    #[error(
        "{path}: its mode is {mode:04o}, so that others may get at it: refused. Make it 0600 (chmod 600), and think about \
         who may have read it"
    )]
    Mode {
        /// Which file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It belongs to another user.
    #[error("{path}: it belongs to user {owner}, not to the user that this runs as: refused")]
    Owner {
        /// Which file.
        path: String,
        /// The owner's number.
        owner: u32,
    },
    /// It is no regular file.
    #[error("{path}: not a regular file: refused")]
    Kind {
        /// Which file.
        path: String,
    },
    /// It is larger than anything that belongs there.
    #[error("{path}: {bytes} bytes, more than the {bytes_max} that it can be: not read")]
    Large {
        /// Which file.
        path: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
}

impl FileError {
    /// Whether the file is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, FileError::Io { error, .. } if error.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> FileError {
        let path = path.display().to_string();
        move |error| FileError::Io { path, doing, error }
    }
}

/// Who may read a file beside its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Nobody.
    Owner,
    /// The group, too: systemd shows credentials so, where it lets the service's user in by an access list.
    Credential,
}

/// Opens for reading what belongs to this user alone. No link is followed.
pub(crate) fn open_private(path: &Path, readers: Readers, bytes_max: u64) -> Result<File, FileError> {
    let nofollow = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nofollow).open(path).map_err(FileError::io(path, "open"))?;
    let name = || path.display().to_string();
    let about = file.metadata().map_err(FileError::io(path, "look at"))?;
    if !about.is_file() {
        return Err(FileError::Kind { path: name() });
    }
    let allowed = match readers {
        Readers::Owner => 0,
        Readers::Credential => 0o040,
    };
    if about.mode() & OTHERS & !allowed != 0 {
        return Err(FileError::Mode { path: name(), mode: about.mode() & 0o7777 });
    }
    let own = rustix::process::geteuid().as_raw();
    // Root's files are as safe as this process is; systemd's credentials are root's.
    if about.uid() != own && about.uid() != 0 {
        return Err(FileError::Owner { path: name(), owner: about.uid() });
    }
    if about.len() > bytes_max {
        return Err(FileError::Large { path: name(), bytes: about.len(), bytes_max });
    }
    Ok(file)
}

/// Reads the whole of such a file. The bytes are wiped when dropped.
pub(crate) fn read_private(path: &Path, readers: Readers, bytes_max: u64) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let file = open_private(path, readers, bytes_max)?;
    let room = file.metadata().map_err(FileError::io(path, "look at"))?.len();
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(room).unwrap_or(0).saturating_add(1)));
    file.take(bytes_max).read_to_end(&mut bytes).map_err(FileError::io(path, "read"))?;
    Ok(bytes)
}

/// Makes the folder's entries durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::io(folder, "sync"))
}

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// By a rename over it.
    Replace,
    /// It is kept, and nothing written.
    Keep,
}

/// Writes a file that its owner alone may read: all of it is there afterwards, on stable storage, or the former one is.
pub(crate) fn write_private(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), FileError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft: PathBuf = path.to_owned();
    draft.as_mut_os_string().push(".new");
    // A draft of a run that was killed says nothing to anyone.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(FileError::io(&draft, "remove")(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(FileError::io(&draft, "create"))?;
    file.write_all(bytes).map_err(FileError::io(&draft, "write"))?;
    file.sync_all().map_err(FileError::io(&draft, "sync"))?;
    match existing {
        Existing::Replace => fs::rename(&draft, path).map_err(FileError::io(path, "replace"))?,
        Existing::Keep => {
            // A link fails where the name is taken; a rename would not.
            fs::hard_link(&draft, path).map_err(FileError::io(path, "create"))?;
            fs::remove_file(&draft).map_err(FileError::io(&draft, "remove"))?;
        }
    }
    sync_folder(folder)
}

/// Where what a file replaced is kept.
pub(crate) fn former(path: &Path) -> PathBuf {
    let mut former = path.to_owned();
    former.as_mut_os_string().push(".former");
    former
}

/// Replaces a file, as [`write_private`] does; what was there is kept beside it, unless something of before is kept already that nobody
/// has let go of.
pub(crate) fn put_beside(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let kept = former(path);
    if kept.symlink_metadata().is_err() {
        match fs::hard_link(path, &kept) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(FileError::io(&kept, "create")(error)),
            Ok(()) | Err(_) => {}
        }
    }
    write_private(path, bytes, Existing::Replace)
}

/// Lets go of what was kept beside a file.
pub(crate) fn forget_former(path: &Path) -> Result<(), FileError> {
    let kept = former(path);
    match fs::remove_file(&kept) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::io(&kept, "remove")(error)),
        Err(_) => Ok(()),
        Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("."))),
    }
}

/// Makes a folder that its owner alone may enter, or checks that it is one.
pub(crate) fn private_folder(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if !path.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(FileError::io(path, "create"))?;
    }
    let about = fs::metadata(path).map_err(FileError::io(path, "look at"))?;
    let name = || path.display().to_string();
    if !about.is_dir() {
        return Err(FileError::Kind { path: name() });
    }
    if about.mode() & OTHERS != 0 {
        return Err(FileError::Mode { path: name(), mode: about.mode() & 0o7777 });
    }
    Ok(())
}
