//! What a snapshot consists of.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const FORMAT: u8 = 1;

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name inside the snapshot's folder; never a path.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// The BLAKE3 hash of its content.
    pub hash: [u8; 32],
}

/// A snapshot's list of files, with a note of its owner's about what it is a snapshot of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The snapshot's name, unique on its node.
    pub name: String,
    /// The files, sorted by name.
    pub files: Vec<FileEntry>,
    /// Whatever the owner wants to know before opening it.
    pub note: Vec<u8>,
}

/// Whether a name from outside stays in the folder that it is joined to.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != ".."
}

impl Manifest {
    /// Version byte, postcard, BLAKE3 of both.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        // Strings, integers and bytes always encode.
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Reads what [`Manifest::encode`] wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`] naming `path`, [`Error::FormatNewer`]; file names that try to leave the folder are damage.
    pub fn decode(path: &std::path::Path, bytes: &[u8]) -> Result<Manifest> {
        let cut = bytes.len().checked_sub(32).ok_or_else(|| Error::corrupt(path, "the manifest is too short"))?;
        let (body, hash) = bytes.split_at(cut);
        if blake3::hash(body).as_bytes() != hash {
            return Err(Error::corrupt(path, "the manifest's checksum does not hold"));
        }
        let (format, body) = body.split_first().ok_or_else(|| Error::corrupt(path, "the manifest is empty"))?;
        if *format != FORMAT {
            let (found, known) = (u32::from(*format), u32::from(FORMAT));
            return Err(Error::FormatNewer { path: path.to_path_buf(), found, known });
        }
        let manifest: Manifest =
            postcard::from_bytes(body).map_err(|_| Error::corrupt(path, "the manifest does not decode"))?;
        if !is_plain_name(&manifest.name) || !manifest.files.iter().all(|file| is_plain_name(&file.name)) {
            return Err(Error::corrupt(path, "a file name in the manifest is not a plain name"));
        }
        Ok(manifest)
    }

    /// The sum of the files' lengths.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}
