//! The scratch room: values for benches, drills and tests, in sandbox clusters only.
//!
//! They are cold rows, not part of the working set, so that a bench can write more of them than memory holds.

use crate::codec::{self, DecodeError};
use crate::rows::Table;

/// Longest key.
pub const KEY_BYTES_MAX: usize = 256;
/// Longest value.
pub const VALUE_BYTES_MAX: usize = 64 << 10;

/// The row key of a scratch key; the row is in [`crate::Family::Ids`].
#[must_use]
pub fn key(key: &[u8]) -> Vec<u8> {
    Table::Scratch.key(key)
}

/// Version and value of a scratch row.
///
/// # Errors
/// The bytes are not a scratch row, or one of a newer program.
pub fn decode(row: &[u8]) -> Result<(u64, &[u8]), DecodeError> {
    codec::take(codec::content(row)?)
}

/// The row of a scratch value: format version, the value's version, the value to the end.
pub(crate) fn encode(version: u64, value: &[u8]) -> Vec<u8> {
    // Ten bytes are the longest form of a u64 in postcard.
    let mut row = Vec::with_capacity(1 + 10 + value.len());
    row.push(codec::VERSION);
    row = codec::append(row, &version);
    row.extend_from_slice(value);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is written reads back, whatever the lengths of version and value.
    #[test]
    fn rows_read_back() {
        for (version, value) in [(1, b"".as_slice()), (127, b"x"), (128, &[7; 300]), (u64::MAX, b"end")] {
            assert_eq!(decode(&encode(version, value)), Ok((version, value)));
        }
    }
}
