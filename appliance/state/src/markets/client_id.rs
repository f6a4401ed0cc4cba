//! The name that a client gives an order.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name.
pub const CLIENT_ID_BYTES_MAX: usize = 36;

/// 1 to 36 of `A-Z a-z 0-9 . : / _ -`. Unique among a user's open orders; of several that are over, the name means the
/// latest one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientOrderId {
    bytes: [u8; CLIENT_ID_BYTES_MAX],
    length: u8,
}

impl ClientOrderId {
    /// The name, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<ClientOrderId> {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(byte);
        if text.is_empty() || text.len() > CLIENT_ID_BYTES_MAX || !text.as_bytes().iter().all(plain) {
            return None;
        }
        let mut bytes = [0; CLIENT_ID_BYTES_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(ClientOrderId { bytes, length: text.len() as u8 })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for ClientOrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClientOrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ClientOrderId, D::Error> {
        deserializer.deserialize_str(Name)
    }
}

struct Name;

impl Visitor<'_> for Name {
    type Value = ClientOrderId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1 to 36 letters, digits or . : / _ -")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ClientOrderId, E> {
        ClientOrderId::new(text).ok_or_else(|| E::custom("not a client order id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    /// Goal: only names of the documented form exist, also when read from bytes.
    #[test]
    fn names_have_their_form() {
        let long = "x".repeat(CLIENT_ID_BYTES_MAX);
        for good in ["a", "web_1-2.3:4/5", long.as_str()] {
            let name = ClientOrderId::new(good).unwrap();
            assert_eq!(name.as_str(), good);
            assert_eq!(codec::decode::<ClientOrderId>(&codec::encode(&name)), Ok(name));
        }
        let longer = "x".repeat(CLIENT_ID_BYTES_MAX + 1);
        for bad in ["", "a b", "ä", "a\0", "<b>", longer.as_str()] {
            assert_eq!(ClientOrderId::new(bad), None, "{bad:?}");
            assert!(codec::decode::<ClientOrderId>(&codec::encode(bad)).is_err(), "{bad:?}");
        }
    }
}
