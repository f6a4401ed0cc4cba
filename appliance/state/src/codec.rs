//! Bytes: a version byte, then postcard.
//!
//! A released struct never changes; a new field is a new version with a conversion, enum variants are only appended.
//! What follows the last field is refused, so that no two readers can see different content in the same bytes.

use serde::Serialize;
use serde::de::{Deserialize, DeserializeOwned};

/// The version that this program writes. Every kind of value has had only this one so far.
pub const VERSION: u8 = 1;

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// No byte at all.
    #[error("there is nothing to read")]
    Empty,
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

/// The bytes of `value`, version byte first.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    append(vec![VERSION], value)
}

/// Appends `value` without a version byte.
#[expect(clippy::expect_used, reason = "postcard fails only on sequences of unknown length and on full fixed buffers")]
pub(crate) fn append<T: Serialize + ?Sized>(bytes: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, bytes).expect("invariant: our types have known lengths and a Vec grows")
}

/// What follows the version byte.
pub(crate) fn content(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes.split_first() {
        None => Err(DecodeError::Empty),
        Some((&VERSION, rest)) => Ok(rest),
        Some((&found, _)) if found > VERSION => Err(DecodeError::Newer { found }),
        Some(_) => Err(DecodeError::Malformed),
    }
}

/// Reads one value and gives what follows it.
pub(crate) fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    postcard::take_from_bytes(bytes).map_err(|_| DecodeError::Malformed)
}

/// Reads a value that fills `bytes`, version byte first.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    whole(content(bytes)?)
}

/// Reads a value that fills `bytes`, without a version byte.
pub(crate) fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match take(bytes)? {
        (value, []) => Ok(value),
        (_, _) => Err(DecodeError::Malformed),
    }
}

/// Serde for byte strings as one block; the derived form visits every byte.
pub(crate) mod block {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_byte_buf(Block)
    }

    struct Block;

    impl Visitor<'_> for Block {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a byte string")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
}

/// Serde for whole numbers that people and browsers read: as their digits where the format is text, which a reader may take for a
/// fraction otherwise, and as numbers in bytes.
pub(crate) mod digits {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Display + Serialize, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(value) } else { value.serialize(to) }
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display> + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        if !from.is_human_readable() {
            return T::deserialize(from);
        }
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: foreign bytes are refused for the right reason. Method: no bytes, a newer version, a version that never
    /// was, a cut value, and a value with a byte too many.
    #[test]
    fn refuses_what_it_cannot_read_whole() {
        assert_eq!(encode(&300_u64), [1, 0xac, 0x02]);
        assert_eq!(decode::<u64>(&[1, 0xac, 0x02]), Ok(300));
        assert_eq!(decode::<u64>(&[]), Err(DecodeError::Empty));
        assert_eq!(decode::<u64>(&[2, 0xac, 0x02]), Err(DecodeError::Newer { found: 2 }));
        assert_eq!(decode::<u64>(&[0, 0xac, 0x02]), Err(DecodeError::Malformed));
        assert_eq!(decode::<u64>(&[1, 0xac]), Err(DecodeError::Malformed));
        assert_eq!(decode::<u64>(&[1, 0xac, 0x02, 0]), Err(DecodeError::Malformed));
    }
}
