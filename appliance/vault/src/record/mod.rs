//! The signing memory: what this vault's signers have signed, as far as this one knows, on its own disk (`memory.log`).
//!
//! Invariants:
//! - A signature leaves after its record is on stable storage here. A crash at any point forgets none that was given.
//! - The highest epoch is on stable storage before anything is answered under it; a lower one is refused for ever.
//! - The committed log is followed without gaps; under an epoch nothing is signed before the log is followed up to it.
//! - A record that this vault's key did not tag is no record. What the log says of such a signature in the clear is kept beside those
//!   that are: it makes the signer stricter, and stops nothing else.
//! - A memory that is missing is not made anew in silence: that would be a signer without a past (see [`recreate`]).
//!
//! What it cannot know: a signature of another signer that was never committed. It was never broadcast by an honest worker
//! either, and the epoch fences that signer.

mod compact;
mod error;
mod file;
mod known;
mod signed;
#[cfg(test)]
mod tests;
mod velocity;

use std::path::{Path, PathBuf};

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::secret::Key32;
use file::Frames;

pub(crate) use known::Known;

pub use error::MemoryError;
pub use signed::{BodyHash, Claimed, Committed, Death, Decided, Feed, Outflow, Paid, PaymentId, SigningRecord, Told};

/// The file in the vault's folder.
pub const FILE_NAME: &str = "memory.log";
/// Entries of one feed.
pub const FEED_ENTRIES_MAX: usize = 10_000;
/// How long after a TRON transaction's last moment, by the signer's own clock, another one may be signed, in milliseconds.
pub const EXPIRY_MARGIN_MS: u64 = 60_000;

/// How far a feed may go on at once, in indexes of the log: more is no honest one, and would leave the true ones behind.
pub const FEED_SPAN_MAX: u64 = 1_000_000_000;
/// How far another clock may be ahead of the signer's, in microseconds.
pub const CLOCK_SKEW_US_MAX: u64 = 600_000_000;
/// Confirmations of another spender of a coin that make it final.
pub const CONFLICT_CONFIRMATIONS_MIN: u32 = 6;
/// Transactions, one upon the other, below one whose coin never comes: two that are not settled, as far as any is built on, and one more.
const BUILT_UPON_MAX: u32 = 3;

/// A frame's payload. Variants are only ever appended.
#[derive(Serialize, Deserialize)]
enum Frame {
    /// The first one.
    Begun { vault: [u8; 16], at: Timestamp },
    /// A higher epoch.
    Epoch(u64),
    /// A signature that this signer gives. Sealed.
    Given(Vec<u8>),
    /// What was fed, without its index.
    Fed(Committed),
    /// The end of a feed.
    Followed { to: u64 },
    /// A policy that was used.
    Policy { version: u64 },
    /// What was decided, as a record without a signature.
    Decided(Box<SigningRecord>),
    /// The same out of a file that was compacted: when and how much it counts was found already.
    Kept(Box<SigningRecord>),
    /// An attempt whose death was proven, out of such a file.
    Buried(BodyHash),
    /// The latest moment that anything remembered was of, out of such a file.
    Latest(Timestamp),
    /// A signature whose record could not be opened, as the log says it.
    Told(Box<Told>),
    /// An attempt that is known as decided and was signed by the log's word, out of such a file.
    Unread(BodyHash),
    /// The lineage of the log that was followed.
    Lineage(u64),
    /// A signature whose record says a later moment than it can have been given at: it counts as given by the latest of them.
    Dated { record: Vec<u8>, by: Timestamp },
}

/// Makes a memory that knows nothing: for a new vault, for a node that joins, or, after a loss, by a person's decision. With it
/// nothing is signed before the log is followed from its beginning.
///
/// # Errors
/// There is one already: it is never written over.
pub fn recreate(folder: &Path, vault: &crate::sealed::Vault, now: Timestamp) -> Result<(), MemoryError> {
    Memory::create(folder, vault.id(), now)
}

/// As [`recreate`], beside a copy of a vault that nobody has opened here.
pub(crate) fn begin(folder: &Path, vault: [u8; 16], now: Timestamp) -> Result<(), MemoryError> {
    Memory::create(folder, vault, now)
}

/// The memory of one signer.
pub(crate) struct Memory {
    frames: Frames,
    known: Known,
    key: Key32,
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

fn encode(frame: &Frame) -> Result<Vec<u8>, MemoryError> {
    postcard::to_allocvec(frame).map_err(|_| MemoryError::Internal)
}

impl Memory {
    pub(crate) fn create(folder: &Path, vault: [u8; 16], now: Timestamp) -> Result<(), MemoryError> {
        Frames::create(&path_in(folder), &encode(&Frame::Begun { vault, at: now })?)
    }

    /// Opens the memory.
    ///
    /// # Errors
    /// It is lost, damaged, in use, or another vault's.
    pub(crate) fn open(folder: &Path, vault: [u8; 16], vault_key: &Key32) -> Result<Memory, MemoryError> {
        let path = path_in(folder);
        let key = vault_key.derive("exchequer vault signing record v1");
        let name = path.display().to_string();
        let mut known = Known::default();
        let mut first = true;
        let mut begun = Timestamp(0);
        let opened = Frames::open(&path, |payload| {
            let frame: Frame =
                postcard::from_bytes(payload).map_err(|_| MemoryError::Damaged { path: name.clone(), at: 0 })?;
            if std::mem::take(&mut first) {
                match &frame {
                    Frame::Begun { vault: of, at } if *of == vault => begun = *at,
                    _ => return Err(MemoryError::OtherVault { path: name.clone() }),
                }
            }
            known.take(frame, &key)
        });
        let frames = opened.map_err(|error| match error {
            MemoryError::File(error) if error.is_missing() => MemoryError::Lost { path: name.clone() },
            other => other,
        })?;
        if first {
            return Err(MemoryError::Damaged { path: name, at: 0 });
        }
        let mut memory = Memory { frames, known, key };
        if memory.frames.bytes() >= compact::COMPACT_BYTES_MIN {
            memory.try_compact(vault, begun)?;
        }
        Ok(memory)
    }

    /// As [`Memory::compact`]. A memory that is sound and merely long is used as it is where that fails, such as on a full disk.
    ///
    /// # Errors
    /// The file was being replaced: which of the two is there is not known.
    fn try_compact(&mut self, vault: [u8; 16], begun: Timestamp) -> Result<(), MemoryError> {
        match self.compact(vault, begun) {
            Err(error) if !self.frames.is_broken() => {
                tracing::warn!(%error, "the signing memory could not be compacted; it is used as it is");
                Ok(())
            }
            done => done,
        }
    }

    /// Writes the file anew where it says everything in half as much.
    fn compact(&mut self, vault: [u8; 16], begun: Timestamp) -> Result<(), MemoryError> {
        let frames = compact::frames(&self.known, (vault, begun), &self.key)?;
        let payloads = frames.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        self.frames.rewrite_if_half(&payloads)
    }

    pub(crate) fn known(&self) -> &Known {
        &self.known
    }

    fn put(&mut self, frames: Vec<Frame>) -> Result<(), MemoryError> {
        let payloads = frames.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        self.frames.append(&payloads)?;
        frames.into_iter().try_for_each(|frame| self.known.take(frame, &self.key))
    }

    /// Whether something may be asked under an epoch. A higher one than before is on stable storage when this returns.
    ///
    /// # Errors
    /// [`MemoryError::Stale`], [`MemoryError::Behind`].
    pub(crate) fn admit(&mut self, epoch: u64) -> Result<(), MemoryError> {
        if epoch < self.known.epoch {
            return Err(MemoryError::Stale { asked: epoch, highest: self.known.epoch });
        }
        // First whether the log has come so far: an epoch out of thin air would lock out the true ones.
        if epoch == 0 || epoch > self.known.followed {
            return Err(MemoryError::Behind { epoch, at: self.known.followed });
        }
        if epoch > self.known.epoch {
            self.put(vec![Frame::Epoch(epoch)])?;
        }
        Ok(())
    }

    /// Follows the committed log. `recorded` makes a record of what was decided; none where its bytes are not understood:
    /// no signer of this program signs them then.
    ///
    /// # Errors
    /// A gap, a stale epoch, an entry that is forged and of which nothing is said in the clear, or an expiry that is not over by the
    /// signer's clock: then nothing of the feed is taken. Other deaths without proof are passed over, see `Known::bury`.
    pub(crate) fn follow(
        &mut self,
        feed: Feed,
        now: Timestamp,
        recorded: impl Fn(&Decided) -> Option<SigningRecord>,
    ) -> Result<(), MemoryError> {
        if feed.epoch < self.known.epoch {
            return Err(MemoryError::Stale { asked: feed.epoch, highest: self.known.epoch });
        }
        if feed.lineage != 0 && feed.lineage < self.known.lineage {
            return Err(MemoryError::FormerLineage { asked: feed.lineage, highest: self.known.lineage });
        }
        if feed.after != self.known.followed {
            return Err(MemoryError::Gap { after: feed.after, at: self.known.followed });
        }
        let indexes = feed.entries.iter().map(|(index, _)| *index);
        let ordered = indexes.clone().zip(indexes.clone().skip(1)).all(|(one, next)| one < next);
        let within = indexes.clone().all(|index| index > feed.after && index <= feed.to);
        let short = feed.entries.len() <= FEED_ENTRIES_MAX;
        if !ordered || !within || !short || feed.to < feed.after || feed.epoch > feed.to {
            return Err(MemoryError::Order);
        }
        let later = |entry: &Committed| matches!(entry, Committed::Decided(decided) if decided.epoch > feed.epoch);
        if feed.to - feed.after > FEED_SPAN_MAX || feed.entries.iter().any(|(_, entry)| later(entry)) {
            return Err(MemoryError::Ahead);
        }
        let soon = Timestamp(now.0.saturating_add(CLOCK_SKEW_US_MAX));
        // Everything is checked before anything is written: proofs may be of attempts in the same feed.
        let mut probe = Known::default();
        let mut frames: Vec<Frame> = Vec::with_capacity(feed.entries.len() + 2);
        for (_, entry) in &feed.entries {
            match entry {
                Committed::Signed(sealed) => {
                    let record = SigningRecord::open(sealed, &self.key)?;
                    if record.at > soon {
                        return Err(MemoryError::Future);
                    }
                    probe.attempts.insert(record.body, record);
                    frames.push(Frame::Fed(entry.clone()));
                }
                // What is remembered moves the signer's time on: a moment far ahead would open every window of velocity.
                Committed::Decided(decided) if decided.at > soon => return Err(MemoryError::Future),
                Committed::Decided(decided) => {
                    if let Some(record) = recorded(decided) {
                        probe.attempts.insert(record.body, record.clone());
                        frames.push(Frame::Decided(Box::new(record)));
                    }
                }
                Committed::SignedAs { record: _, told } if told.at > soon => return Err(MemoryError::Future),
                Committed::SignedAs { record, told } => {
                    if let Ok(read) = SigningRecord::open(record, &self.key) {
                        let is_of_it = read.body == told.body;
                        // It was given before it was committed, whatever its signer's clock said: one clock that is ahead moves no
                        // other signer's time on, and holds none of them up.
                        let by = Timestamp(told.at.0.saturating_add(CLOCK_SKEW_US_MAX));
                        let record = record.clone();
                        frames.push(if read.at > by {
                            tracing::warn!(body = hex::encode(read.body), at = %read.at, committed = %told.at,
                                "it was signed by a clock that was ahead: it counts from its commit on");
                            Frame::Dated { record, by }
                        } else {
                            Frame::Fed(Committed::Signed(record))
                        });
                        probe.attempts.insert(read.body, read);
                        if is_of_it {
                            continue;
                        }
                    }
                    frames.push(Frame::Told(told.clone()));
                }
                Committed::Dead { .. } | Committed::Over(_) => frames.push(Frame::Fed(entry.clone())),
            }
        }
        for (_, entry) in &feed.entries {
            if let Committed::Dead { body, death } = entry {
                let of = if self.known.attempts.contains_key(body) { &self.known } else { &probe };
                of.check_expiry(body, death, now)?;
            }
        }
        frames.push(Frame::Followed { to: feed.to });
        if feed.lineage > self.known.lineage {
            frames.push(Frame::Lineage(feed.lineage));
        }
        if feed.epoch > self.known.epoch {
            frames.push(Frame::Epoch(feed.epoch));
        }
        self.put(frames)
    }

    /// Remembers a signature that is about to be given, and returns the record to commit. It is on stable storage then.
    pub(crate) fn remember(&mut self, record: &SigningRecord) -> Result<Vec<u8>, MemoryError> {
        let sealed = record.seal(&self.key)?;
        if !self.known.is_vouched(&record.body) {
            self.put(vec![Frame::Given(sealed.clone())])?;
        }
        Ok(sealed)
    }

    /// Takes note of the policy in use.
    ///
    /// # Errors
    /// A newer one was used before: an older one is refused.
    pub(crate) fn use_policy(&mut self, version: u64) -> Result<(), MemoryError> {
        if version < self.known.policy {
            return Err(MemoryError::OldPolicy { found: version, highest: self.known.policy });
        }
        if version > self.known.policy {
            self.put(vec![Frame::Policy { version }])?;
        }
        Ok(())
    }
}
