//! A copy of a vault's file in the place of an older one.

use std::path::Path;

use super::format::{Body, FILE_BYTES_MAX};
use super::{SealedError, SealedStatus, Vault, about, open_body, path_in, status};
use crate::files;

/// What a copy of a vault's file says, and whether it is newer than what is here.
///
/// # Errors
/// It is of another vault, or older than what is here; nothing is written then.
pub(crate) fn check_copy(folder: &Path, bytes: &[u8]) -> Result<(SealedStatus, bool), SealedError> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(SealedError::Damaged { what: "its length" });
    }
    let copy = about(Body::read(bytes)?);
    match status(folder) {
        Ok(present) if present.vault != copy.vault => {
            Err(SealedError::OtherVault { present: present.vault, copy: copy.vault })
        }
        Ok(present) if present.revision > copy.revision => {
            Err(SealedError::Older { present: present.revision, copy: copy.revision })
        }
        Ok(present) => {
            let newer = present.revision < copy.revision;
            Ok((copy, newer))
        }
        Err(SealedError::File(error)) if error.is_missing() => Ok((copy, true)),
        Err(error) => Err(error),
    }
}

/// Opens a copy by whatever lock needs nobody, before it is put in its place; none where no such lock opens it here.
///
/// # Errors
/// It opens, and what is in it was tampered with.
pub(crate) fn open_copy(folder: &Path, bytes: &[u8]) -> Result<Option<Vault>, SealedError> {
    match open_body(folder, &Body::read(bytes)?) {
        Ok(vault) => Ok(Some(vault)),
        Err(error @ (SealedError::Damaged { .. } | SealedError::Tampered { .. })) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Puts a copy that was checked in its place. What was there is kept beside it until the copy was opened.
pub(crate) fn put_copy(folder: &Path, bytes: &[u8]) -> Result<(), SealedError> {
    files::put_beside(&path_in(folder), bytes)?;
    Ok(())
}

/// Whether a former file is kept beside a copy that nobody has opened yet.
#[must_use]
pub fn has_former(folder: &Path) -> bool {
    files::former(&path_in(folder)).exists()
}
