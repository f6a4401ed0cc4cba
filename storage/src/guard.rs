//! The guard record: a few bytes beside the log that remember what this node has acknowledged.
//!
//! No recovery mode of RocksDB can tell a torn tail (writes that were never acknowledged) from lost data (writes that
//! were). So the node keeps, in a file of its own, its vote and the last log id it synced with the hash of the chain
//! up to there. If after a start the log is shorter than the guard says, or has another hash there, the node has
//! forgotten something it promised and must not vote again.
//!
//! Format of the file: two slots of [`SLOT_BYTES`]. Each holds, little endian: magic `EXQGUARD`, format u32, sequence
//! u64, the record in postcard preceded by its length u32, zeros, and in the last 32 bytes the BLAKE3 hash of all
//! before. Writes alternate between the slots, so that one torn write always leaves the other slot whole.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Slots};

/// The size of a slot: one page, so that a slot is written by one sector-aligned write.
pub const SLOT_BYTES: usize = 4096;

const MAGIC: &[u8; 8] = b"EXQGUARD";
const FORMAT: u32 = 1;
const HASH_BYTES: usize = 32;
const HEADER_BYTES: usize = 24;

/// A vote as the guard remembers it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Voted {
    /// The term.
    pub term: u64,
    /// For which node.
    pub node: u64,
    /// Whether a quorum is known to have granted it.
    pub committed: bool,
}

/// A place in the log with the hash of everything up to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The term of the entry.
    pub term: u64,
    /// The index of the entry.
    pub index: u64,
    /// The chain hash including the entry.
    pub chain: [u8; 16],
}

/// What the guard remembers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRecord {
    /// The last vote answered.
    pub vote: Option<Voted>,
    /// The last entry known to be on stable storage.
    pub synced: Option<Mark>,
}

/// The guard's file with its next slot.
pub struct Guard {
    slots: Box<dyn Slots>,
    sequence: u64,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Guard {
    /// Reads both slots and takes the younger whole one. A file of zeros is a new node's, and so is one whose first
    /// write was torn: before it nothing can have been acknowledged.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where both slots were written and neither is whole; I/O failures.
    pub fn open(slots: Box<dyn Slots>) -> Result<(Guard, Option<GuardRecord>)> {
        let mut best: Option<(u64, GuardRecord)> = None;
        let mut written = 0;
        for number in 0..2 {
            let bytes = slots.read(number)?;
            if bytes.iter().all(|byte| *byte == 0) {
                continue;
            }
            written += 1;
            match decode(&bytes) {
                Decoded::Whole(sequence, record) => {
                    if best.is_none_or(|(youngest, _)| sequence > youngest) {
                        best = Some((sequence, record));
                    }
                }
                Decoded::Newer(found) => {
                    return Err(Error::FormatNewer { path: slots.path(), found, known: FORMAT });
                }
                Decoded::Damaged => {}
            }
        }
        match best {
            None if written == 2 => Err(Error::corrupt(slots.path(), "neither slot of the guard is whole")),
            None => Ok((Guard { slots, sequence: 0 }, None)),
            Some((sequence, record)) => Ok((Guard { slots, sequence }, Some(record))),
        }
    }

    /// Writes the record into the older slot and syncs it; durable on return.
    ///
    /// # Errors
    /// The disk refused; the node must stop.
    pub fn write(&mut self, record: &GuardRecord) -> Result<()> {
        self.sequence += 1;
        let bytes = encode(self.sequence, record);
        self.slots.write_and_sync((self.sequence % 2) as usize, &bytes)
    }
}

fn encode(sequence: u64, record: &GuardRecord) -> Vec<u8> {
    // A GuardRecord is a handful of integers: it always encodes, and in far less than a slot.
    let body = postcard::to_stdvec(record).unwrap_or_default();
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes.resize(SLOT_BYTES - HASH_BYTES, 0);
    let hash = blake3::hash(&bytes);
    bytes.extend_from_slice(hash.as_bytes());
    bytes
}

enum Decoded {
    Whole(u64, GuardRecord),
    Newer(u32),
    Damaged,
}

fn decode(bytes: &[u8]) -> Decoded {
    let Some((body, hash)) = bytes.split_at_checked(SLOT_BYTES - HASH_BYTES) else { return Decoded::Damaged };
    if blake3::hash(body).as_bytes() != hash || !body.starts_with(MAGIC) {
        return Decoded::Damaged;
    }
    let u32_at = |at: usize| body.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes);
    let format = u32_at(8);
    if format != FORMAT {
        return Decoded::Newer(format);
    }
    let sequence = body.get(12..20).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    let length = u32_at(20) as usize;
    match body.get(HEADER_BYTES..HEADER_BYTES + length).map(postcard::from_bytes) {
        Some(Ok(record)) => Decoded::Whole(sequence, record),
        Some(Err(_)) | None => Decoded::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone)]
    struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Slots for Memory {
        fn read(&self, number: usize) -> Result<Vec<u8>> {
            Ok(self.0.lock()[number].clone())
        }
        fn write_and_sync(&mut self, number: usize, bytes: &[u8]) -> Result<()> {
            self.0.lock()[number] = bytes.to_vec();
            Ok(())
        }
        fn path(&self) -> PathBuf {
            PathBuf::from("guard")
        }
    }

    fn record(index: u64) -> GuardRecord {
        GuardRecord {
            vote: Some(Voted { term: 3, node: 2, committed: true }),
            synced: Some(Mark { term: 3, index, chain: [index as u8; 16] }),
        }
    }

    /// Goal: a torn or flipped write of one slot never loses more than that write, and damage of both is refused.
    /// Method: flip each byte of the younger slot, then of both.
    #[test]
    fn one_damaged_slot_falls_back_and_two_refuse() {
        let memory = Memory(Arc::new(Mutex::new(vec![vec![0; SLOT_BYTES]; 2])));
        let (mut guard, found) = Guard::open(Box::new(memory.clone())).unwrap();
        assert_eq!(found, None);
        guard.write(&record(1)).unwrap();
        guard.write(&record(2)).unwrap();
        let clean = memory.0.lock().clone();
        for at in 0..SLOT_BYTES {
            let mut slots = clean.clone();
            slots[0][at] ^= 0x10;
            let damaged = Memory(Arc::new(Mutex::new(slots.clone())));
            assert_eq!(Guard::open(Box::new(damaged)).unwrap().1, Some(record(1)), "slot of write 2, byte {at}");
            slots[1][at] ^= 0x10;
            let both = Memory(Arc::new(Mutex::new(slots)));
            assert!(matches!(Guard::open(Box::new(both)), Err(Error::Corrupt { .. })));
        }
        assert_eq!(Guard::open(Box::new(memory)).unwrap().1, Some(record(2)));
    }

    /// Goal: a power cut in the first write of all leaves a new node, not a damaged one. Method: keep any number of
    /// sectors of that write.
    #[test]
    fn the_first_write_may_be_torn() {
        const SECTOR_BYTES: usize = 512;
        let whole = encode(1, &record(1));
        for kept in (0..SLOT_BYTES).step_by(SECTOR_BYTES) {
            let mut slots = vec![vec![0; SLOT_BYTES]; 2];
            slots[1][..kept].copy_from_slice(&whole[..kept]);
            let memory = Memory(Arc::new(Mutex::new(slots)));
            let (mut guard, found) = Guard::open(Box::new(memory.clone())).unwrap();
            assert_eq!(found, None, "{kept} bytes kept");
            guard.write(&record(2)).unwrap();
            assert_eq!(Guard::open(Box::new(memory)).unwrap().1, Some(record(2)));
        }
    }
}
