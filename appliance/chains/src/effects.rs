//! What a transaction will do, read from its bytes alone. A signer judges by this and by nothing else.
//!
//! Invariants:
//! - Every byte of the transaction is accounted for: what would do anything else is an error where effects are read.
//! - Equal effects with equal keys mean that the same money leaves for the same places.

use exchequer_domain::{ChainAddress, Network, OutPoint};
use serde::{Deserialize, Serialize};

use crate::coin::Payment;
use crate::key::KeyPath;

/// What TRON's stakes give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// For the bytes of transactions.
    Bandwidth,
    /// For the work of contracts.
    Energy,
}

/// What kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EffectKind {
    /// The network's own coin leaves; the payments say to whom.
    Transfer,
    /// A token leaves; there is one payment.
    TokenTransfer,
    /// Nothing leaves but the fee: an EVM nonce is used up, or coins of Bitcoin are gathered in change.
    Noop,
    /// TRON: what a stake gives is lent.
    Delegate {
        /// Who gets it.
        to: ChainAddress,
        /// What of.
        resource: Resource,
        /// The share of the stake, in sun.
        amount: u128,
    },
    /// TRON: what was lent is taken back.
    Undelegate {
        /// Who had it.
        from: ChainAddress,
        /// What of.
        resource: Resource,
        /// The share of the stake, in sun.
        amount: u128,
    },
    /// TRON: coin is staked.
    Freeze {
        /// For what.
        resource: Resource,
        /// How much, in sun.
        amount: u128,
    },
    /// TRON: a part of the stake ends; it comes back after some days.
    Unfreeze {
        /// For what it was.
        resource: Resource,
        /// How much, in sun.
        amount: u128,
    },
    /// TRON: what was staked and is free by now comes back.
    Collect,
}

/// Coins that a Bitcoin transaction spends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Spent {
    /// Which.
    pub outpoint: OutPoint,
    /// How much they are, in satoshi.
    pub amount: u128,
    /// Whose they are.
    pub address: ChainAddress,
}

/// An output that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Change {
    /// Which output, from 0.
    pub vout: u32,
    /// Where to.
    pub address: ChainAddress,
    /// How much, in satoshi.
    pub amount: u128,
    /// The key that is said to have the address. It is only said: whoever judges derives the address from it.
    pub key: KeyPath,
}

/// What a network's consensus lets happen once: two transactions of which only one can ever take effect share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Exclusion {
    /// EVM: an account's nonce on a chain.
    Nonce {
        /// Which chain.
        chain_id: u64,
        /// Whose.
        account: ChainAddress,
        /// Which.
        nonce: u64,
    },
    /// Bitcoin: coins, each spent once.
    Inputs(Vec<Spent>),
    /// TRON: nothing but time. Two transactions never exclude each other.
    Expiry {
        /// Bytes 6 and 7 of the number of the block it builds on.
        ref_block_bytes: [u8; 2],
        /// Bytes 8 to 15 of that block's name.
        ref_block_hash: [u8; 8],
        /// The last moment at which it can get into a block, in milliseconds since 1970.
        expires_ms: u64,
        /// When it was made, in milliseconds since 1970.
        made_ms: u64,
    },
}

impl Exclusion {
    /// Whether the network lets at most one of the two take effect. Never for TRON, where only expiry ends a transaction.
    #[must_use]
    pub fn excludes(&self, other: &Exclusion) -> bool {
        match (self, other) {
            (Exclusion::Nonce { .. }, Exclusion::Nonce { .. }) => self == other,
            (Exclusion::Inputs(mine), Exclusion::Inputs(theirs)) => {
                mine.iter().any(|input| theirs.iter().any(|other| other.outpoint == input.outpoint))
            }
            (Exclusion::Nonce { .. } | Exclusion::Inputs(_) | Exclusion::Expiry { .. }, _) => false,
        }
    }

    /// Whether the two say different things of the same coin: one of them lies. A signer that signed for one signs never for
    /// the other: P2WPKH signatures of both could be put together to a transaction whose fee is what was lied about.
    #[must_use]
    pub fn contradicts(&self, other: &Exclusion) -> bool {
        let (Exclusion::Inputs(mine), Exclusion::Inputs(theirs)) = (self, other) else { return false };
        mine.iter().any(|input| theirs.iter().any(|other| other.outpoint == input.outpoint && other != input))
    }
}

/// What a transaction will do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Effects {
    /// Where.
    pub network: Network,
    /// What kind it is.
    pub kind: EffectKind,
    /// Whose money it is: one address, or those of Bitcoin's inputs, each once, in the order of the inputs.
    pub from: Vec<ChainAddress>,
    /// What leaves, in the order of outputs, but for change and fee.
    pub payments: Vec<Payment>,
    /// What comes back. Bitcoin only.
    pub change: Vec<Change>,
    /// What it can cost at most, in the smallest unit of the network's coin. Bitcoin: what it does cost. TRON: at the prices
    /// that `tron` names.
    pub fee_max: u128,
    /// What it excludes.
    pub exclusion: Exclusion,
}
