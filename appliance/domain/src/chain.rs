//! What is said of every blockchain alike: transactions, blocks, places in a transaction, addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Network, ParseIdError};

/// Networks that are built alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// Coins are outputs of transactions, each spent once, whole.
    Bitcoin,
    /// Accounts with a nonce; contracts.
    Evm,
    /// Accounts without a nonce; transactions that expire; contracts.
    Tron,
}

impl Network {
    /// How it is built.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Network::Bitcoin => Family::Bitcoin,
            Network::Ethereum | Network::Polygon | Network::Bsc | Network::Arbitrum => Family::Evm,
            Network::Tron => Family::Tron,
        }
    }
}

macro_rules! chain_hash {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; 32]);

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
                let mut bytes = [0; 32];
                hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
                    .map_err(|_| ParseIdError { kind: $kind, expected: "64 hexadecimal digits" })?;
                Ok($name(bytes))
            }
        }
    };
}

chain_hash!(
    /// The hash that names a transaction, in the order in which its network's nodes print it (Bitcoin's print theirs
    /// backwards).
    TxId,
    "transaction id"
);
chain_hash!(
    /// The hash that names a block, in the order in which its network's nodes print it.
    BlockHash,
    "block hash"
);

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlockRef {
    /// How many blocks came before it.
    pub height: u64,
    /// Its name.
    pub hash: BlockHash,
}

/// An output of a transaction of the Bitcoin family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OutPoint {
    /// The transaction.
    pub tx: TxId,
    /// Which of its outputs, from 0.
    pub vout: u32,
}

impl fmt::Display for OutPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.tx, self.vout)
    }
}

/// Where in a transaction money arrived. It stays the same when a reorganisation puts the transaction into another block:
/// therefore no number counts within the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// An output, from 0.
    Output(u32),
    /// The coin that the transaction itself carries.
    Value,
    /// A call inside of it that carried coin, by its number in the order of calls, from 0.
    Call(u32),
    /// An entry of its log, from 0 within the transaction.
    Log(u32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Output(number) => write!(f, "output {number}"),
            Place::Value => f.write_str("value"),
            Place::Call(number) => write!(f, "call {number}"),
            Place::Log(number) => write!(f, "log {number}"),
        }
    }
}

/// Longest text of an address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 100;

/// An address in the one text form that its network's tools print: two texts are the same address exactly when they are
/// equal. Whoever makes one has parsed it by its network's rules; what is checked here is its length and its letters only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ChainAddress(Box<str>);

impl ChainAddress {
    /// The text of an address that was parsed and written by its network's rules.
    ///
    /// # Errors
    /// Empty, longer than [`ADDRESS_BYTES_MAX`], or anything but letters and digits.
    pub fn canonical(text: &str) -> Result<ChainAddress, ParseIdError> {
        let plain =
            !text.is_empty() && text.len() <= ADDRESS_BYTES_MAX && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if plain {
            Ok(ChainAddress(text.into()))
        } else {
            Err(ParseIdError { kind: "address", expected: "letters and digits, a hundred at most" })
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChainAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ChainAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "address {}", self.0)
    }
}

impl<'de> Deserialize<'de> for ChainAddress {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<ChainAddress, D::Error> {
        let text = String::deserialize(from)?;
        ChainAddress::canonical(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names read back; what is no hash or no address is refused, also where it comes from bytes.
    #[test]
    fn names_read_back() {
        let text = "25c699ee633c24fbd26e6cb0fe67d5937d591c8d245084d0487a15e43028d131";
        let tx: TxId = text.parse().unwrap();
        assert_eq!(tx.to_string(), text);
        assert_eq!(format!("0x{text}").parse(), Ok(tx));
        assert_eq!(OutPoint { tx, vout: 3 }.to_string(), format!("{text}:3"));
        let (short, signed) = (&text[1..], format!("+{}", &text[1..]));
        for wrong in ["", "0x", short, signed.as_str()] {
            assert!(wrong.parse::<TxId>().is_err(), "{wrong}");
            assert!(wrong.parse::<BlockHash>().is_err(), "{wrong}");
        }
        let long = "a".repeat(ADDRESS_BYTES_MAX);
        assert_eq!(ChainAddress::canonical(&long).unwrap().as_str(), long);
        for wrong in ["", "a b", "0xäöü", "a\n", &format!("{long}a")] {
            assert!(ChainAddress::canonical(wrong).is_err(), "{wrong}");
            assert!(serde_json::from_value::<ChainAddress>(wrong.into()).is_err(), "{wrong}");
        }
    }
}
