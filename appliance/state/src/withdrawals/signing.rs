//! Signing records: what may be signed, in order.
//!
//! Each decided attempt makes one record in its own log entry. A signer follows them, so that it remembers nonces and sums
//! over a change of leaders, and signs nothing that it has no record of.

use exchequer_domain::{ChainAddress, Digest, Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::payout::{Claim, Payer, PayoutId, Purpose};
use super::withdrawal::{Consent, WithdrawalId};
use crate::codec::{self, DecodeError};
use crate::rows::Table;

/// A withdrawal that an attempt pays, with what a signer needs to judge it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedFor {
    /// Which.
    pub withdrawal: WithdrawalId,
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

/// What may be signed: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningRecord {
    /// From 1, without gaps.
    pub number: u64,
    /// The log entry that decided it.
    pub index: u64,
    /// When.
    pub at: Timestamp,
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
}

impl SigningRecord {
    /// Reads the value of a row.
    ///
    /// # Errors
    /// The bytes are no record, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<SigningRecord, DecodeError> {
        codec::decode(bytes)
    }
}

/// Which bytes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RawKind {
    Unsigned = 0,
    Signed = 1,
}

/// The key of a signing record.
pub(crate) fn record_key(number: u64) -> Vec<u8> {
    Table::SigningRecord.key(&number.to_be_bytes())
}

/// The key of the bytes of an attempt.
pub(crate) fn raw_key(payout: PayoutId, attempt: u16, kind: RawKind) -> Vec<u8> {
    Table::PayoutBytes.key(&[payout.0.to_be_bytes().as_slice(), &attempt.to_be_bytes(), &[kind as u8]].concat())
}
