//! The messages of TRON, as its nodes encode them, written down from their published layout.
//!
//! The outer messages are prost's; what a contract of a transaction holds is read by tables, which also name the fields
//! in JSON.

use prost::Message;
use sha2::{Digest as _, Sha256};

use super::address::Address;

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A transaction with what is signed kept as the bytes that were sent: its id is their hash.
#[derive(Clone, PartialEq, Message)]
pub struct Transaction {
    /// What is signed: a [`Raw`].
    #[prost(bytes = "vec", tag = "1")]
    pub raw: Vec<u8>,
    /// 65 bytes each.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub signatures: Vec<Vec<u8>>,
}

impl Transaction {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        sha256(&self.raw)
    }
}

/// What is signed.
#[derive(Clone, PartialEq, Message)]
pub struct Raw {
    /// The last two bytes of the height of a block that must be in the chain.
    #[prost(bytes = "vec", tag = "1")]
    pub ref_block_bytes: Vec<u8>,
    /// The middle of that block's name.
    #[prost(bytes = "vec", tag = "4")]
    pub ref_block_hash: Vec<u8>,
    /// Milliseconds.
    #[prost(int64, tag = "8")]
    pub expiration: i64,
    /// A memo.
    #[prost(bytes = "vec", tag = "10")]
    pub data: Vec<u8>,
    /// Exactly one.
    #[prost(message, repeated, tag = "11")]
    pub contract: Vec<Contract>,
    /// Milliseconds.
    #[prost(int64, tag = "14")]
    pub timestamp: i64,
    /// The most that may be burned for energy, in sun.
    #[prost(int64, tag = "18")]
    pub fee_limit: i64,
}

/// What a transaction does.
#[derive(Clone, PartialEq, Message)]
pub struct Contract {
    /// Which message the parameter is.
    #[prost(int32, tag = "1")]
    pub kind: i32,
    /// The message.
    #[prost(message, optional, tag = "2")]
    pub parameter: Option<AnyMessage>,
    /// Which of the account's permissions signs.
    #[prost(int32, tag = "5")]
    pub permission: i32,
}

/// A message with its name.
#[derive(Clone, PartialEq, Message)]
pub struct AnyMessage {
    /// `type.googleapis.com/protocol.` and the name.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

/// What a block's name is the hash of.
#[derive(Clone, PartialEq, Message)]
pub struct Header {
    /// Milliseconds.
    #[prost(int64, tag = "1")]
    pub timestamp: i64,
    /// Over the transactions.
    #[prost(bytes = "vec", tag = "2")]
    pub tx_trie_root: Vec<u8>,
    /// The name of the block before.
    #[prost(bytes = "vec", tag = "3")]
    pub parent_hash: Vec<u8>,
    /// Its height.
    #[prost(int64, tag = "7")]
    pub number: i64,
    /// Who made it.
    #[prost(bytes = "vec", tag = "9")]
    pub witness_address: Vec<u8>,
    /// Of the protocol.
    #[prost(int32, tag = "10")]
    pub version: i32,
}

/// What a field of a contract is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// 21 bytes.
    Address,
    /// A number.
    Int,
    /// Yes or no.
    Flag,
    /// Bytes, in JSON hexadecimal.
    Bytes,
    /// 0 bandwidth, 1 energy; in JSON by name.
    Resource,
}

/// A kind of contract: number, name, fields by tag.
#[derive(Debug)]
pub struct Kind {
    /// The number of the kind.
    pub number: i32,
    /// The name of the message.
    pub name: &'static str,
    /// Tag, name in JSON, and what it is.
    pub fields: &'static [(u32, &'static str, Field)],
}

/// The kinds that are understood.
pub(super) const KINDS: [Kind; 9] = [
    Kind {
        number: 1,
        name: "TransferContract",
        fields: &[(1, "owner_address", Field::Address), (2, "to_address", Field::Address), (3, "amount", Field::Int)],
    },
    Kind {
        number: 2,
        name: "TransferAssetContract",
        fields: &[
            (1, "asset_name", Field::Bytes),
            (2, "owner_address", Field::Address),
            (3, "to_address", Field::Address),
            (4, "amount", Field::Int),
        ],
    },
    Kind {
        number: 0,
        name: "AccountCreateContract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "account_address", Field::Address),
            (3, "type", Field::Int),
        ],
    },
    Kind {
        number: 31,
        name: "TriggerSmartContract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "contract_address", Field::Address),
            (3, "call_value", Field::Int),
            (4, "data", Field::Bytes),
            (5, "call_token_value", Field::Int),
            (6, "token_id", Field::Int),
        ],
    },
    Kind {
        number: 54,
        name: "FreezeBalanceV2Contract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "frozen_balance", Field::Int),
            (3, "resource", Field::Resource),
        ],
    },
    Kind {
        number: 55,
        name: "UnfreezeBalanceV2Contract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "unfreeze_balance", Field::Int),
            (3, "resource", Field::Resource),
        ],
    },
    Kind { number: 56, name: "WithdrawExpireUnfreezeContract", fields: &[(1, "owner_address", Field::Address)] },
    Kind {
        number: 57,
        name: "DelegateResourceContract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "resource", Field::Resource),
            (3, "balance", Field::Int),
            (4, "receiver_address", Field::Address),
            (5, "lock", Field::Flag),
            (6, "lock_period", Field::Int),
        ],
    },
    Kind {
        number: 58,
        name: "UnDelegateResourceContract",
        fields: &[
            (1, "owner_address", Field::Address),
            (2, "resource", Field::Resource),
            (3, "balance", Field::Int),
            (4, "receiver_address", Field::Address),
        ],
    },
];

impl Kind {
    /// By its number.
    #[must_use]
    pub fn by_number(number: i32) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.number == number)
    }

    /// By its name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// The name with which the message goes into an [`AnyMessage`].
    #[must_use]
    pub fn type_url(&self) -> String {
        format!("type.googleapis.com/protocol.{}", self.name)
    }
}

/// One value of a contract. Numbers, flags and resources are `Int`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A number.
    Int(i64),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The fields of a contract by tag; what is zero or empty is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fields(pub Vec<(u32, Held)>);

impl Fields {
    /// A number; 0 where it is not there.
    #[must_use]
    pub fn int(&self, tag: u32) -> i64 {
        self.0.iter().find_map(|(at, held)| matches!(held, Held::Int(_) if *at == tag).then_some(held)).map_or(
            0,
            |held| match held {
                Held::Int(number) => *number,
                Held::Bytes(_) => 0,
            },
        )
    }

    /// Bytes; none where they are not there.
    #[must_use]
    pub fn bytes(&self, tag: u32) -> &[u8] {
        self.0
            .iter()
            .find_map(|(at, held)| match held {
                Held::Bytes(bytes) if *at == tag => Some(bytes.as_slice()),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// An address.
    #[must_use]
    pub fn address(&self, tag: u32) -> Option<Address> {
        Address::of(self.bytes(tag))
    }

    /// As a message: in the order of tags, without what is zero.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut sorted = self.0.clone();
        sorted.sort_by_key(|(tag, _)| *tag);
        let mut bytes = Vec::new();
        for (tag, held) in sorted {
            match held {
                Held::Int(0) => {}
                Held::Int(number) => {
                    varint(&mut bytes, u64::from(tag) << 3);
                    varint(&mut bytes, number.cast_unsigned());
                }
                Held::Bytes(held) if held.is_empty() => {}
                Held::Bytes(held) => {
                    varint(&mut bytes, u64::from(tag) << 3 | 2);
                    varint(&mut bytes, held.len() as u64);
                    bytes.extend_from_slice(&held);
                }
            }
        }
        bytes
    }

    /// Reads a message of this kind. None for a field of a wrong type, or bytes that end too early.
    #[must_use]
    pub fn decode(kind: &Kind, mut bytes: &[u8]) -> Option<Fields> {
        let mut fields = Fields::default();
        while !bytes.is_empty() {
            let key = take(&mut bytes)?;
            let (tag, wire) = (u32::try_from(key >> 3).ok()?, key & 7);
            let known = kind.fields.iter().find(|(at, ..)| *at == tag).map(|(.., field)| *field);
            let held = match wire {
                0 => Held::Int(take(&mut bytes)?.cast_signed()),
                2 => {
                    let length = usize::try_from(take(&mut bytes)?).ok()?;
                    let held = bytes.get(..length)?.to_vec();
                    bytes = bytes.get(length..)?;
                    Held::Bytes(held)
                }
                _ => return None,
            };
            match (known, &held) {
                (Some(Field::Address | Field::Bytes), Held::Bytes(_)) => fields.0.push((tag, held)),
                (Some(Field::Int | Field::Flag | Field::Resource), Held::Int(_)) => fields.0.push((tag, held)),
                (None, _) => {}
                (Some(_), _) => return None,
            }
        }
        Some(fields)
    }
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a message is read as it was written, and cut or mistyped ones are refused. Method: every kind with values in
    /// all its fields, every cut of it.
    #[test]
    fn every_kind_round_trips() {
        for kind in &KINDS {
            let value = |field: Field, tag: u32| match field {
                Field::Address => Held::Bytes(Address([tag as u8; 20]).bytes()),
                Field::Bytes => Held::Bytes(vec![7; 300]),
                Field::Int => Held::Int(-i64::from(tag) * 1_000_000_000_000),
                Field::Flag | Field::Resource => Held::Int(1),
            };
            let fields = Fields(kind.fields.iter().map(|(tag, _, field)| (*tag, value(*field, *tag))).collect());
            let bytes = fields.encode();
            assert_eq!(Fields::decode(kind, &bytes), Some(fields.clone()), "{}", kind.name);
            let whole =
                (0..bytes.len()).filter(|end| Fields::decode(kind, &bytes[..*end]).as_ref() == Some(&fields)).count();
            assert_eq!(whole, 0, "{}: a cut message is read as the whole", kind.name);
        }
    }
}
