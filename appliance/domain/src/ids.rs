//! Identifiers. Every id is a type of its own, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a node, allocated from the log (the index of the entry that admitted it) and never reused.
///
/// The node that `init` made is 1. Zero is never a node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u64);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

impl FromStr for NodeId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text.parse() {
            Ok(0) | Err(_) => Err(ParseIdError { kind: "node id", expected: "a whole number from 1" }),
            Ok(number) => Ok(NodeId(number)),
        }
    }
}

/// The number of a user of the exchange: from 1, in the order of creation, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub u64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {}", self.0)
    }
}

impl FromStr for UserId {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text.parse() {
            Ok(0) | Err(_) => Err(ParseIdError { kind: "user number", expected: "a whole number from 1" }),
            Ok(number) => Ok(UserId(number)),
        }
    }
}

/// The number of someone who administers the exchange: from 1, in the order of creation, never reused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AdminId(pub u32);

impl fmt::Display for AdminId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AdminId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "admin {}", self.0)
    }
}

/// What was wrong with an id's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: expected {expected}")]
pub struct ParseIdError {
    /// Which id was being read.
    pub kind: &'static str,
    /// The form it must have.
    pub expected: &'static str,
}

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $kind:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, " {}"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                let mut bytes = [0; $len];
                hex::decode_to_slice(text, &mut bytes)
                    .map_err(|_| ParseIdError { kind: $kind, expected: $expected })?;
                Ok($name(bytes))
            }
        }
    };
}

bytes_id!(
    /// Which cluster this is: 128 random bits drawn once by `init`. Every call between nodes carries it.
    ClusterId, 16, "cluster id", "32 hexadecimal digits"
);
bytes_id!(
    /// The name of one command, chosen by its sender. The same id always has the same outcome.
    CommandId, 16, "command id", "32 hexadecimal digits"
);
bytes_id!(
    /// A BLAKE3 hash of 256 bits.
    Digest, 32, "digest", "64 hexadecimal digits"
);

impl Digest {
    /// The digest before anything was folded in.
    pub const ZERO: Digest = Digest([0; 32]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an id survives being printed and read, and a wrong text is refused rather than truncated.
    #[test]
    fn ids_round_trip_as_text() {
        let id = ClusterId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("07".parse::<ClusterId>().is_err());
        assert!("zz".repeat(16).parse::<ClusterId>().is_err());
        assert_eq!("12".parse(), Ok(UserId(12)));
        assert!("0".parse::<UserId>().is_err());
        assert_eq!("12".parse(), Ok(NodeId(12)));
        assert!("0".parse::<NodeId>().is_err());
        assert!("-1".parse::<NodeId>().is_err());
    }
}
