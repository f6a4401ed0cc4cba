//! The journal: every posting in the order of its number, in blocks of one log entry.
//!
//! A block holds the entry's index and time, the hash of the block before it, and its postings. The hash of the last
//! block is in the head row, so whoever changes a posting must change every block behind it.

use exchequer_domain::{Digest, Timestamp};

use crate::codec::{self, DecodeError, VERSION, field};
use crate::halt::Halt;
use crate::limits::BLOCK_POSTINGS_MAX;
use crate::posting::{POSTING_BYTES, Posting};
use crate::rows::{History, Table};

/// Index, time and hash before the postings.
const HEADER_BYTES: usize = 8 + 8 + 32;

/// A block of postings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) first: u64,
    pub(crate) index: u64,
    pub(crate) time: Timestamp,
    pub(crate) previous: Digest,
    pub(crate) hash: Digest,
    value: Vec<u8>,
}

impl Block {
    pub(crate) fn encode(index: u64, time: Timestamp, previous: Digest, postings: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(1 + HEADER_BYTES + postings.len());
        value.push(VERSION);
        value.extend_from_slice(&index.to_be_bytes());
        value.extend_from_slice(&time.0.to_be_bytes());
        value.extend_from_slice(&previous.0);
        value.extend_from_slice(postings);
        value
    }

    pub(crate) fn hash(value: &[u8]) -> Digest {
        Digest(*blake3::hash(value).as_bytes())
    }

    pub(crate) fn decode(key: &[u8], value: Vec<u8>) -> Result<Block, Halt> {
        let damaged = |error| Halt::row(Table::Journal, error);
        let content = codec::content(&value).map_err(damaged)?;
        let number = |at| field(content, at).map(u64::from_be_bytes).map_err(damaged);
        let first = key.get(1..).and_then(|key| <[u8; 8]>::try_from(key).ok()).map(u64::from_be_bytes);
        let first = first.ok_or(damaged(DecodeError::Malformed))?;
        let (index, time) = (number(0)?, Timestamp(number(8)?));
        let previous = Digest(field(content, 16).map_err(damaged)?);
        let bytes = content.len().checked_sub(HEADER_BYTES).filter(|bytes| *bytes > 0);
        if !bytes.is_some_and(|bytes| bytes.is_multiple_of(POSTING_BYTES)) {
            return Err(damaged(DecodeError::Malformed));
        }
        Ok(Block { first, index, time, previous, hash: Digest::ZERO, value })
    }

    fn postings(&self) -> &[u8] {
        self.value.get(1 + HEADER_BYTES..).unwrap_or_default()
    }

    /// The number behind its last posting.
    pub(crate) fn end(&self) -> u64 {
        self.first + (self.postings().len() / POSTING_BYTES) as u64
    }

    /// The posting with this number, if it is in the block.
    pub(crate) fn posting(&self, number: u64) -> Result<Option<Posting>, Halt> {
        let Some(place) = number.checked_sub(self.first) else { return Ok(None) };
        match self.postings().chunks_exact(POSTING_BYTES).nth(place as usize) {
            Some(record) => Posting::decode(record).map(Some).map_err(|error| Halt::row(Table::Journal, error)),
            None => Ok(None),
        }
    }

    /// Its postings with their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<(u64, Posting), Halt>> {
        (self.first..).zip(self.postings().chunks_exact(POSTING_BYTES)).map(|(number, record)| {
            let posting = Posting::decode(record).map_err(|error| Halt::row(Table::Journal, error))?;
            Ok((number, posting))
        })
    }

    /// With its own hash.
    pub(crate) fn hashed(mut self) -> Block {
        self.hash = Block::hash(&self.value);
        self
    }
}

/// The block that holds a posting.
pub(crate) fn block_of(history: &dyn History, number: u64) -> Result<Block, Halt> {
    let key = |number: u64| Table::Journal.key(&number.to_be_bytes());
    // No block is longer: who looks for one need not look through all that are not written yet.
    let first = number.saturating_sub(BLOCK_POSTINGS_MAX - 1);
    let row = history.scan(&key(first), &key(number.saturating_add(1)), 1, true)?.pop();
    let (key, value) = row.ok_or(Halt::RowDamaged { table: Table::Journal })?;
    let block = Block::decode(&key, value)?;
    if number < block.end() { Ok(block) } else { Err(Halt::RowDamaged { table: Table::Journal }) }
}

/// `count` postings from number `first` on, which must be there, and when they were posted.
pub(crate) fn read(history: &dyn History, first: u64, count: usize) -> Result<(Vec<Posting>, Timestamp), Halt> {
    let mut block = block_of(history, first)?;
    let time = block.time;
    let mut postings = Vec::with_capacity(count);
    for number in (first..).take(count) {
        if number >= block.end() {
            block = block_of(history, number)?;
        }
        postings.push(block.posting(number)?.ok_or(Halt::RowDamaged { table: Table::Journal })?);
    }
    Ok((postings, time))
}
