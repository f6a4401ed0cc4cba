//! The signing log: everything that a signer must know of, in order.
//!
//! Each decided attempt, each signature, each death of an attempt and each payment that is over makes one entry, within the log
//! entry that decided it. Every node's signer follows them, so that it remembers nonces and sums over a change of leaders, and
//! signs nothing that was not decided.
//!
//! Invariants: entries are numbered from 1 without gaps; their places rise, and none is before [`Place::of`] the log entry
//! that made it, so that a signer that was fed up to an epoch's place knows everything from before that epoch.

use exchequer_domain::{ChainAddress, Digest, Network, OutPoint, Timestamp, UserId};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::errand::Errand;
use super::payout::{Claim, Payer, PayoutId, Purpose};
use super::withdrawal::{Consent, WithdrawalId};
use crate::codec::{self, DecodeError};
use crate::rows::Table;

/// A withdrawal that an attempt pays, with what a signer needs to judge it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedFor {
    /// Which.
    pub withdrawal: WithdrawalId,
    /// Who asked for it.
    pub user: UserId,
    /// Of what.
    pub asset: Asset,
    /// Where to.
    pub to: ChainAddress,
    /// What the receiver wants to be told.
    pub memo: Option<String>,
    /// How much, in the smallest unit of the asset on its network.
    pub on_chain: u128,
    /// What it was worth, in millionths of a dollar; none where nobody could say.
    pub usd: Option<u64>,
    /// The most that the network may take.
    pub fee_cap: u64,
    /// What the approvals signed: the payment's hash, and until when.
    pub approved: Option<(Digest, Timestamp)>,
    /// The approvals, where people had to agree.
    pub consents: Vec<Consent>,
}

/// The longest record that a signer gives with a signature.
pub const RECORD_BYTES_MAX: usize = 64 << 10;
/// How far the index of a log entry is shifted for its place: 1,024 entries of the signing log find room within one of the log.
const PLACE_SHIFT: u32 = 10;

/// Where in the signing log something is. The places of later log entries are higher.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Place(pub u64);

impl Place {
    /// The first place of a log entry; of an epoch, by its index.
    #[must_use]
    pub const fn of(index: u64) -> Place {
        Place(index << PLACE_SHIFT)
    }

    /// The log entry that it is within, by its index.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.0 >> PLACE_SHIFT
    }

    /// The place after `last` at a log entry.
    pub(crate) fn next(last: Place, index: u64) -> Place {
        Place(last.0 + 1).max(Place::of(index))
    }
}

/// Why an attempt can never take effect, as far as it concerns this attempt alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptDeath {
    /// No signature of it was ever committed, and none will be.
    NeverSigned,
    /// Its account's next nonce at a final block, which is above its own.
    NonceUsed {
        /// The next nonce there.
        next: u64,
    },
    /// One of its coins was spent by another transaction.
    Conflict {
        /// The coin.
        coin: OutPoint,
        /// Blocks upon its spender, its own included.
        confirmations: u32,
    },
    /// Its time is over.
    Expired {
        /// The time of the last final block.
        time: Timestamp,
        /// The endpoints that do not know it, by their place in the network's configuration.
        absent_at: Vec<u8>,
    },
}

/// A payment by its name, the same in all attempts to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentName {
    /// That of a withdrawal.
    Withdrawal(WithdrawalId),
    /// A move between addresses of our own, by its payout.
    Move(PayoutId),
}

/// What a signer must know of. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningEntry {
    /// An attempt was decided: it may be signed.
    Decided(Box<SigningRecord>),
    /// It is signed. What a signer must know of it is here and in its decision, in the clear: also one that cannot open the record,
    /// such as that of a vault that was made anew from its words, knows which transaction was signed, when, and what it takes away.
    Signed {
        /// Of which payout.
        payout: PayoutId,
        /// Which attempt.
        attempt: u16,
        /// The hash of its unsigned bytes: which transaction.
        digest: Digest,
        /// Where its decision is: network, payer, claim, and what it pays.
        decided: Place,
        /// The record that the signer gave with its signature, with its vault's tag.
        record: Vec<u8>,
    },
    /// An attempt can never take effect.
    Dead {
        /// Of which payout.
        payout: PayoutId,
        /// Which attempt.
        attempt: u16,
        /// The hash of its unsigned bytes.
        digest: Digest,
        /// Why.
        death: AttemptDeath,
    },
    /// A payment is made for good, or given up: nothing is signed for it any more.
    Over(PaymentName),
}

/// An entry of the signing log: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// From 1, without gaps.
    pub number: u64,
    /// Where it is.
    pub place: Place,
    /// The log entry that made it.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// The epoch at that time, by its index; zero before the first one.
    pub epoch: u64,
    /// What it says.
    pub entry: SigningEntry,
}

impl Logged {
    /// Reads the value of a row.
    ///
    /// # Errors
    /// The bytes are no entry, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Logged, DecodeError> {
        codec::decode(bytes)
    }
}

/// What may be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningRecord {
    /// On which network.
    pub network: Network,
    /// With whose key.
    pub payer: Payer,
    /// For which payout.
    pub payout: PayoutId,
    /// Which attempt of it.
    pub attempt: u16,
    /// What it is for.
    pub purpose: Purpose,
    /// What it uses up.
    pub claim: Claim,
    /// The BLAKE3 hash of the unsigned bytes: nothing else may be signed for this attempt.
    pub digest: Digest,
    /// The most that it can cost, in minor units of the network's coin.
    pub fee_max: u64,
    /// What it pays.
    pub pays: Vec<SignedFor>,
    /// What it is for; what it moves where it moves something.
    pub errand: Errand,
}

/// Which bytes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawKind {
    Unsigned = 0,
    Signed = 1,
}

/// The key of an entry of the signing log.
pub(crate) fn record_key(place: Place) -> Vec<u8> {
    Table::SigningRecord.key(&place.0.to_be_bytes())
}

/// The key of the bytes of an attempt.
pub(crate) fn raw_key(payout: PayoutId, attempt: u16, kind: RawKind) -> Vec<u8> {
    Table::PayoutBytes.key(&[payout.0.to_be_bytes().as_slice(), &attempt.to_be_bytes(), &[kind as u8]].concat())
}
