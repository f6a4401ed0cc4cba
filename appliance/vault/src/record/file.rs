//! The memory's file: frames that are only ever appended.
//!
//! ```text
//! "EXQSMEM1" | frame... ; frame = length, 4 bytes, big-endian | length again, with all bits turned, 4 bytes
//!                                 | the first 16 bytes of BLAKE3 of the payload | payload
//! ```
//!
//! A frame that is cut short at the file's end was never synced, so that nothing was answered on the strength of it: it is cut
//! off, also where the file had grown already and zeros stand for what is missing. Anything else that is wrong is damage, and
//! nothing is signed: to cut it off could be to forget a signature. The length stands there twice for that reason.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::MemoryError;
use crate::files::{self, Existing, FileError, Readers};

/// What a file begins with.
const MAGIC: &[u8; 8] = b"EXQSMEM1";
/// The largest payload of a frame.
pub(crate) const FRAME_BYTES_MAX: usize = 1 << 20;
/// The largest file: at 600 bytes a signature, some seven millions of them.
pub(crate) const FILE_BYTES_MAX: u64 = 4 << 30;
const HEAD_BYTES: usize = 4 + 4 + 16;
/// A frame that ends with so many zeros, and is not whole, was never synced.
const ZEROS: usize = 16;

/// An open file of frames.
pub(crate) struct Frames {
    file: File,
    path: PathBuf,
    bytes: u64,
    /// A write or sync has failed: what is on the disk is not known, and nothing is answered any more.
    broken: bool,
}

impl Frames {
    /// Makes a file with its first frame in it.
    pub(crate) fn create(path: &Path, first: &[u8]) -> Result<(), MemoryError> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(frame(first)?);
        Ok(files::write_private(path, &bytes, Existing::Keep)?)
    }

    /// Opens a file and hands each payload to `each`, in order.
    pub(crate) fn open(
        path: &Path,
        mut each: impl FnMut(&[u8]) -> Result<(), MemoryError>,
    ) -> Result<Frames, MemoryError> {
        files::open_private(path, Readers::Owner, FILE_BYTES_MAX)?;
        let mut file =
            OpenOptions::new().read(true).write(true).mode(0o600).open(path).map_err(FileError::io(path, "open"))?;
        // One process at a time: two would forget each other's signatures.
        if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(MemoryError::InUse { path: path.display().to_string() });
        }
        // A file that was compacted meanwhile is no memory any more: its name is another one's.
        let own = file.metadata().map_err(FileError::io(path, "look at"))?;
        let named = std::fs::symlink_metadata(path).map_err(FileError::io(path, "look at"))?;
        if (own.dev(), own.ino()) != (named.dev(), named.ino()) {
            return Err(MemoryError::InUse { path: path.display().to_string() });
        }
        let mut magic = [0; 8];
        let damaged = |at: u64| MemoryError::Damaged { path: path.display().to_string(), at };
        file.read_exact(&mut magic).map_err(|_| damaged(0))?;
        if magic != *MAGIC {
            return Err(damaged(0));
        }
        let size = file.metadata().map_err(FileError::io(path, "look at"))?.len();
        let mut reader = std::io::BufReader::new(&file);
        let mut at = MAGIC.len() as u64;
        let mut payload = Vec::new();
        while at < size {
            let mut head = [0; HEAD_BYTES];
            if size - at < HEAD_BYTES as u64 {
                break;
            }
            reader.read_exact(&mut head).map_err(FileError::io(path, "read"))?;
            let (lengths, sum) = head.split_at(8);
            let lengths = u64::from_be_bytes(lengths.try_into().map_err(|_| damaged(at))?);
            let (length, turned) = ((lengths >> 32) as u32, lengths as u32);
            let end = at + HEAD_BYTES as u64 + u64::from(length);
            if length != !turned || length as usize > FRAME_BYTES_MAX {
                if is_zero_to_the_end(&mut reader).map_err(FileError::io(path, "read"))? {
                    break;
                }
                return Err(damaged(at));
            }
            if end > size {
                break;
            }
            payload.resize(length as usize, 0);
            reader.read_exact(&mut payload).map_err(FileError::io(path, "read"))?;
            if &blake3::hash(&payload).as_bytes()[..16] != sum {
                let cut = payload.ends_with(&[0; ZEROS]);
                if cut && is_zero_to_the_end(&mut reader).map_err(FileError::io(path, "read"))? {
                    break;
                }
                return Err(damaged(at));
            }
            each(&payload)?;
            at = end;
        }
        if at < size {
            tracing::warn!(at, size, "the end of the signing memory was never synced; it is cut off");
            file.set_len(at).and_then(|()| file.sync_all()).map_err(FileError::io(path, "cut"))?;
        }
        file.seek(SeekFrom::Start(at)).map_err(FileError::io(path, "seek"))?;
        Ok(Frames { file, path: path.to_owned(), bytes: at, broken: false })
    }

    /// The file's length.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether it is not known what is on the disk.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Replaces the file by one with these payloads, unless that saves less than half. The former file is whole until the new one
    /// is, on stable storage and locked; it is used on, and no draft is left, where the new one could not be written.
    pub(crate) fn rewrite_if_half(&mut self, payloads: &[Vec<u8>]) -> Result<(), MemoryError> {
        let mut bytes = MAGIC.to_vec();
        for payload in payloads {
            bytes.extend(frame(payload)?);
        }
        let length = bytes.len() as u64;
        if length > self.bytes / 2 {
            return Ok(());
        }
        let mut draft = self.path.clone();
        draft.as_mut_os_string().push(".compact");
        let file = write_draft(&draft, &bytes).inspect_err(|_| {
            // What is half written takes the room that was missing.
            let _gone = std::fs::remove_file(&draft);
        })?;
        self.broken = true;
        std::fs::rename(&draft, &self.path).map_err(FileError::io(&self.path, "replace"))?;
        files::sync_folder(self.path.parent().unwrap_or(Path::new(".")))?;
        tracing::info!(before = self.bytes, after = length, "the signing memory was compacted");
        (self.file, self.bytes, self.broken) = (file, length, false);
        Ok(())
    }

    /// Appends payloads, and returns when all are on stable storage.
    pub(crate) fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(), MemoryError> {
        if self.broken {
            return Err(MemoryError::Broken);
        }
        let mut bytes = Vec::new();
        for payload in payloads {
            bytes.extend(frame(payload)?);
        }
        if self.bytes.saturating_add(bytes.len() as u64) > FILE_BYTES_MAX {
            return Err(MemoryError::Full);
        }
        self.broken = true;
        self.file.write_all(&bytes).map_err(FileError::io(&self.path, "write"))?;
        self.file.sync_data().map_err(FileError::io(&self.path, "sync"))?;
        self.broken = false;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// A new file with these bytes, locked and on stable storage.
fn write_draft(draft: &Path, bytes: &[u8]) -> Result<File, MemoryError> {
    // A draft of a run that was killed says nothing to anyone.
    match std::fs::remove_file(draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(FileError::io(draft, "remove")(error).into());
        }
        Ok(()) | Err(_) => {}
    }
    let made = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(draft);
    let mut file = made.map_err(FileError::io(draft, "create"))?;
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(MemoryError::InUse { path: draft.display().to_string() });
    }
    file.write_all(bytes).map_err(FileError::io(draft, "write"))?;
    file.sync_all().map_err(FileError::io(draft, "sync"))?;
    Ok(file)
}

fn is_zero_to_the_end(reader: &mut impl std::io::Read) -> std::io::Result<bool> {
    let mut some = [0; 4096];
    loop {
        match reader.read(&mut some)? {
            0 => return Ok(true),
            read if some[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Ok(false),
        }
    }
}

fn frame(payload: &[u8]) -> Result<Vec<u8>, MemoryError> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length as usize <= FRAME_BYTES_MAX);
    let length = length.ok_or(MemoryError::Full)?;
    let mut bytes = [length.to_be_bytes(), (!length).to_be_bytes()].concat();
    bytes.extend_from_slice(&blake3::hash(payload).as_bytes()[..16]);
    bytes.extend_from_slice(payload);
    Ok(bytes)
}
