//! Bytes: a version byte, then postcard, or fixed fields in the journal and in pages of ids.
//!
//! A released struct never changes; a new field is a new version with a conversion, enum variants are only appended.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version that this program writes.
pub(crate) const VERSION: u8 = 1;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer program.
    #[error("format version {found} is newer than {VERSION}, the newest this program reads")]
    Newer {
        /// The version byte that was found.
        found: u8,
    },
    /// The bytes are not what their version byte promises.
    #[error("the bytes do not hold what they should")]
    Malformed,
}

#[expect(clippy::expect_used, reason = "postcard fails only on sequences of unknown length and on full fixed buffers")]
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![VERSION]).expect("invariant: our types have known lengths and a Vec grows")
}

/// What follows the version byte.
pub(crate) fn content(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&found, _)) if found > VERSION => Err(DecodeError::Newer { found }),
        Some(_) | None => Err(DecodeError::Malformed),
    }
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(content(bytes)?) {
        Ok((value, [])) => Ok(value),
        Ok(_) | Err(_) => Err(DecodeError::Malformed),
    }
}

/// The fixed field of `N` bytes at `at`.
pub(crate) fn field<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], DecodeError> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(DecodeError::Malformed)
}
