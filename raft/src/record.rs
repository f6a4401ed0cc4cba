//! The bytes of entries, votes and memberships on disk and on the wire.
//!
//! A log record is: version u8 = 1, kind u8 (0 blank, 1 normal, 2 membership), term u64 LE, chain hash 16 bytes,
//! CRC-32 u32 LE of everything else, body. The chain hash is the first half of BLAKE3 over the previous record's chain
//! hash, index, term, kind and body: a record vouches for everything before it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::types::{Address, Entry, EntryPayload, LogId, Membership, Payload, StoredMembership, Vote, log_id, term_of};

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 1 + 8 + 16 + 4;

/// The hash of the log up to an entry.
pub(crate) type Chain = [u8; 16];

/// The chain before the first entry.
pub(crate) const CHAIN_START: Chain = [0; 16];

/// A chain that starts anew behind a snapshot, whose log this node never had.
pub(crate) fn chain_after_snapshot(id: &LogId) -> Chain {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"after snapshot");
    hasher.update(&term_of(id).to_le_bytes());
    hasher.update(&id.index.to_le_bytes());
    half(&hasher)
}

fn half(hasher: &blake3::Hasher) -> Chain {
    let mut chain = [0; 16];
    hasher.finalize_xof().fill(&mut chain);
    chain
}

fn link(previous: &Chain, index: u64, term: u64, kind: u8, body: &[u8]) -> Chain {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous);
    hasher.update(&index.to_le_bytes());
    hasher.update(&term.to_le_bytes());
    hasher.update(&[kind]);
    hasher.update(body);
    half(&hasher)
}

/// An entry's kind and body bytes.
pub(crate) fn split(entry: &Entry) -> (u8, Bytes) {
    match &entry.payload {
        EntryPayload::Blank => (0, Bytes::new()),
        EntryPayload::Normal(payload) => (1, payload.0.clone()),
        EntryPayload::Membership(membership) => (2, Members::from(membership).encode()),
    }
}

/// The entry of a kind and body; `None` where they are not of a known form.
pub(crate) fn join(term: u64, index: u64, kind: u8, body: Bytes) -> Option<Entry> {
    let payload = match kind {
        0 if body.is_empty() => EntryPayload::Blank,
        1 => EntryPayload::Normal(Payload(body)),
        2 => EntryPayload::Membership(Members::decode(&body)?.membership()),
        _ => return None,
    };
    Some(Entry { log_id: log_id(term, index), payload })
}

/// Encodes an entry as the successor of `previous`; answers its bytes and the new chain.
pub(crate) fn encode(previous: &Chain, entry: &Entry) -> (Vec<u8>, Chain) {
    let (kind, body) = split(entry);
    let term = term_of(&entry.log_id);
    let chain = link(previous, entry.log_id.index, term, kind, &body);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&term.to_le_bytes());
    bytes.extend_from_slice(&chain);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes);
    crc.update(&body);
    bytes.extend_from_slice(&crc.finalize().to_le_bytes());
    bytes.extend_from_slice(&body);
    (bytes, chain)
}

/// A record read back.
pub(crate) struct Record {
    pub(crate) entry: Entry,
    pub(crate) chain: Chain,
    kind: u8,
    body: Bytes,
}

impl Record {
    /// Reads a record; `None` where its checksum or form does not hold.
    pub(crate) fn decode(index: u64, bytes: &[u8]) -> Option<Record> {
        let (head, body) = bytes.split_at_checked(HEADER_BYTES)?;
        let (covered, crc) = head.split_at_checked(HEADER_BYTES - 4)?;
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(covered);
        hasher.update(body);
        if hasher.finalize().to_le_bytes() != crc || *covered.first()? != VERSION {
            return None;
        }
        let kind = *covered.get(1)?;
        let term = u64::from_le_bytes(covered.get(2..10)?.try_into().ok()?);
        let chain = covered.get(10..26)?.try_into().ok()?;
        let body = Bytes::copy_from_slice(body);
        let entry = join(term, index, kind, body.clone())?;
        Some(Record { entry, chain, kind, body })
    }

    /// Whether the record's chain hash follows from the previous one.
    pub(crate) fn follows(&self, previous: &Chain) -> bool {
        let id = &self.entry.log_id;
        link(previous, id.index, term_of(id), self.kind, &self.body) == self.chain
    }
}

/// A membership configuration in our own form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Members {
    configs: Vec<BTreeSet<u64>>,
    nodes: BTreeMap<u64, (String, String)>,
}

impl From<&Membership> for Members {
    fn from(membership: &Membership) -> Members {
        Members {
            configs: membership.get_joint_config().clone(),
            nodes: membership.nodes().map(|(id, node)| (*id, (node.name.clone(), node.peer.clone()))).collect(),
        }
    }
}

impl Members {
    /// Version byte and postcard.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        // Integers and strings always encode.
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes.into()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Members> {
        let (version, body) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        postcard::from_bytes(body).ok()
    }

    /// The configuration; the empty one where the sets and the nodes contradict each other, which only damage can do.
    pub(crate) fn membership(&self) -> Membership {
        let nodes: BTreeMap<u64, Address> = self
            .nodes
            .iter()
            .map(|(id, (name, peer))| (*id, Address { name: name.clone(), peer: peer.clone() }))
            .collect();
        Membership::new(self.configs.clone(), nodes).unwrap_or_default()
    }
}

/// A log id in our own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

impl From<&LogId> for Position {
    fn from(id: &LogId) -> Position {
        Position { term: term_of(id), index: id.index }
    }
}

impl Position {
    pub(crate) fn log_id(self) -> LogId {
        log_id(self.term, self.index)
    }
}

/// What is true of the state at its last applied entry. One row, written with the rows it speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppliedRow {
    pub(crate) last: Option<Position>,
    pub(crate) membership_at: Option<Position>,
    /// Shared, because the row is copied for every entry and the members change almost never.
    pub(crate) members: Arc<Members>,
    pub(crate) digest: [u8; 32],
    pub(crate) time_us: u64,
}

impl AppliedRow {
    pub(crate) fn stored_membership(&self) -> StoredMembership {
        StoredMembership::new(self.membership_at.map(Position::log_id), self.members.membership())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(postcard::to_stdvec(self).unwrap_or_default());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<AppliedRow> {
        let (version, body) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        postcard::from_bytes(body).ok()
    }
}

pub(crate) fn voted(vote: &Vote) -> exchequer_storage::Voted {
    exchequer_storage::Voted { term: vote.leader_id.term, node: vote.leader_id.voted_for, committed: vote.committed }
}

pub(crate) fn vote_of(voted: &exchequer_storage::Voted) -> Vote {
    if voted.committed { Vote::new_committed(voted.term, voted.node) } else { Vote::new(voted.term, voted.node) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64, body: &'static [u8]) -> Entry {
        Entry { log_id: log_id(3, index), payload: EntryPayload::Normal(Payload(Bytes::from_static(body))) }
    }

    /// Goal: no flipped bit of a record goes unnoticed, and a record only follows the one it was written behind.
    #[test]
    fn records_detect_every_flip_and_a_foreign_predecessor() {
        let (bytes, chain) = encode(&CHAIN_START, &entry(1, b"first"));
        let record = Record::decode(1, &bytes).unwrap();
        assert_eq!(record.entry, entry(1, b"first"));
        assert!(record.follows(&CHAIN_START) && !record.follows(&chain));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(Record::decode(1, &flipped).is_none(), "byte {at} bit {bit}");
            }
        }
        let at_other_index = Record::decode(2, &bytes).unwrap();
        assert!(!at_other_index.follows(&CHAIN_START), "the chain covers the index");
    }

    /// Goal: the bytes of a record are the same for ever. Method: golden bytes; a change needs a new version.
    #[test]
    fn golden_record() {
        let (bytes, _) = encode(&CHAIN_START, &entry(1, b"first"));
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, include_str!("../golden/record.hex").trim());
    }
}
