//! Small files that are either whole or absent: written beside, synced, renamed, and the folder synced after them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use exchequer_domain::{Code, Problem};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use zeroize::Zeroizing;

/// No file of a node's identity comes near this size.
const FILE_BYTES_MAX: u64 = 2 << 20;
const FOLDER_MODE: u32 = 0o700;
const OTHERS: u32 = 0o077;
/// Root may be at work in a folder whose owner is not to be trusted with root's rights: a link placed there must not
/// make it change a file elsewhere.
const NO_SYMLINK: i32 = OFlags::NOFOLLOW.bits().cast_signed();

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Its owner alone: mode 0600.
    Secret,
    /// Everyone who gets into the folder: mode 0644.
    Public,
}

impl Access {
    fn mode(self) -> u32 {
        match self {
            Access::Secret => 0o600,
            Access::Public => 0o644,
        }
    }
}

/// A folder, and to whom the files made in it belong.
#[derive(Debug)]
pub(super) struct Dir {
    path: PathBuf,
    /// User and group id. Set when root works in someone else's folder, so that the service can read its own files.
    owner: Option<(u32, u32)>,
}

impl Dir {
    /// Makes the folder where it is missing, and closes it to others.
    pub(super) fn create(path: &Path) -> Result<Dir, Problem> {
        let failed = |error| io_problem("create the folder", path, &error);
        let parent = parent(path);
        fs::create_dir_all(parent).map_err(failed)?;
        match DirBuilder::new().mode(FOLDER_MODE).create(path) {
            Ok(()) => sync_folder(parent)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        let metadata = fs::metadata(path).map_err(failed)?;
        if !metadata.is_dir() {
            return Err(Problem::new(Code::ConfigInvalid, format!("{} is not a folder", path.display())));
        }
        if metadata.mode() & OTHERS != 0 {
            fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)).map_err(failed)?;
        }
        Dir::open(path)
    }

    /// A folder that exists.
    pub(super) fn open(path: &Path) -> Result<Dir, Problem> {
        let metadata = fs::metadata(path).map_err(|error| io_problem("open the folder", path, &error))?;
        let foreign = rustix::process::geteuid().is_root() && metadata.uid() != 0;
        Ok(Dir { path: path.to_owned(), owner: foreign.then(|| (metadata.uid(), metadata.gid())) })
    }

    /// Whether root is at work in someone else's folder.
    pub(super) fn is_anothers(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether a file is there.
    pub(super) fn has(&self, name: &str) -> Result<bool, Problem> {
        is_there(&self.file(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Replaces a file as a whole. After an error or a crash the former one is still there, whole.
    pub(super) fn write(&self, name: &str, bytes: &[u8], access: Access) -> Result<(), Problem> {
        let path = self.file(name);
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let message = format!("{} would have {} bytes, {FILE_BYTES_MAX} are allowed", path.display(), bytes.len());
            return Err(Problem::new(Code::TooLarge, message));
        }
        let beside = self.file(&format!(".{name}.new"));
        remove_if_there(&beside)?;
        let written = write_synced(&beside, bytes, access, self.owner);
        if let Err(problem) = written {
            // The first failure is the one to report; what is left beside is removed by the next attempt at the latest.
            let _ = fs::remove_file(&beside);
            return Err(problem);
        }
        self.rename(&format!(".{name}.new"), name)
    }

    /// Renames a file over another, durably.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), Problem> {
        let to = self.file(to);
        fs::rename(self.file(from), &to).map_err(|error| io_problem("replace", &to, &error))?;
        sync_folder(&self.path)
    }

    /// Removes a file durably; nothing happens where there is none.
    pub(super) fn remove(&self, name: &str) -> Result<(), Problem> {
        if remove_if_there(&self.file(name))? { sync_folder(&self.path) } else { Ok(()) }
    }

    /// The whole of a file; `None` where there is none. A secret that others could read is closed to them.
    pub(super) fn read(&self, name: &str, access: Access) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let path = self.file(name);
        let failed = |error| io_problem("read", &path, &error);
        let file = match OpenOptions::new().read(true).custom_flags(NO_SYMLINK).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() > FILE_BYTES_MAX {
            let message = format!("{} has {} bytes, no such file has as many", path.display(), metadata.len());
            return Err(Problem::new(Code::FileCorrupt, message));
        }
        if access == Access::Secret && metadata.mode() & OTHERS != 0 {
            let mode = metadata.mode() & 0o777;
            let tightened = file.set_permissions(Permissions::from_mode(access.mode())).is_ok();
            tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), tightened, "a secret file was open to others");
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
        file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Opens or makes the empty file that locks are taken on.
    pub(super) fn lock_file(&self, name: &str) -> Result<File, Problem> {
        let path = self.file(name);
        let failed = |error| io_problem("open", &path, &error);
        let mut options = OpenOptions::new();
        options.write(true).mode(Access::Secret.mode()).custom_flags(NO_SYMLINK);
        let file = match options.clone().create_new(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return options.open(&path).map_err(failed),
            Err(error) => return Err(failed(error)),
        };
        give(&file, self.owner).map_err(failed)?;
        Ok(file)
    }
}

/// What of a folder belongs to the file system and not to us.
pub(super) const FILE_SYSTEMS_OWN: &str = "lost+found";

impl Dir {
    /// Gives to the folder's owner what root made in it: a store that root opened holds files that the service could
    /// not open any more. Nothing happens where root is not at work in someone else's folder.
    pub(super) fn give_all(&self) -> Result<(), Problem> {
        let Some((user, group)) = self.owner else { return Ok(()) };
        let failed = |error: rustix::io::Errno| io_problem("give away what is in", &self.path, &error.into());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&self.path, flags, Mode::empty()).map_err(failed)?;
        give_below(&folder, Uid::from_raw(user), Gid::from_raw(group)).map_err(failed)
    }
}

/// By the folders' handles and never through a link, since their owner may change names meanwhile.
fn give_below(folder: &OwnedFd, user: Uid, group: Gid) -> rustix::io::Result<()> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) || name.to_bytes() == FILE_SYSTEMS_OWN.as_bytes() {
            continue;
        }
        let stat = match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // A store that is being closed removes what it no longer needs.
            Err(Errno::NOENT) => continue,
            Err(error) => return Err(error),
        };
        if stat.st_uid == 0 {
            rustix::fs::chownat(folder, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if FileType::from_raw_mode(stat.st_mode).is_dir() {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            give_below(&rustix::fs::openat(folder, name, flags, Mode::empty())?, user, group)?;
        }
    }
    Ok(())
}

/// Whether anything is at the path. That it could not be looked up is not the same as its absence.
pub(super) fn is_there(path: &Path) -> Result<bool, Problem> {
    path.try_exists().map_err(|error| io_problem("look for", path, &error))
}

/// Writes a new secret file anywhere; refuses to overwrite.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    write_synced(path, bytes, Access::Secret, None)?;
    sync_folder(parent(path))
}

fn write_synced(path: &Path, bytes: &[u8], access: Access, owner: Option<(u32, u32)>) -> Result<(), Problem> {
    let failed = |error| io_problem("write", path, &error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(access.mode()).open(path).map_err(failed)?;
    give(&file, owner).map_err(failed)?;
    // The process's umask may have taken more away than was meant.
    file.set_permissions(Permissions::from_mode(access.mode())).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.sync_all().map_err(|error| sync_problem(path, &error))
}

fn give(file: &File, owner: Option<(u32, u32)>) -> io::Result<()> {
    match owner {
        Some((user, group)) => fchown(file, Some(user), Some(group)),
        None => Ok(()),
    }
}

fn remove_if_there(path: &Path) -> Result<bool, Problem> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_problem("remove", path, &error)),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn sync_folder(path: &Path) -> Result<(), Problem> {
    let folder = File::open(path).map_err(|error| io_problem("open the folder", path, &error))?;
    folder.sync_all().map_err(|error| sync_problem(path, &error))
}

fn sync_problem(path: &Path, error: &io::Error) -> Problem {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => io_problem("write", path, error),
        _ => Problem::new(Code::SyncFailed, format!("syncing {} failed: {error}", path.display())),
    }
}

fn io_problem(doing: &str, path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot {doing} {}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Problem::new(Code::DiskFull, message),
        ErrorKind::AlreadyExists => Problem::new(Code::BadRequest, message).hint("choose another file name"),
        ErrorKind::NotFound | ErrorKind::NotADirectory => Problem::new(Code::ConfigInvalid, message),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Problem::new(Code::ConfigInvalid, message)
            .hint("run as the user who owns the data folder, or correct its owner and mode"),
        _ => Problem::new(Code::Internal, message),
    }
}
