//! What is done with stake (TRON): coin that is frozen gives energy, which is lent to an address for one sweep and taken back.
//!
//! Invariant: what is lent stands in the book of gas ([`crate::gas::Loan`]) from the moment at which that is decided until taking it
//! back is final, or until it is proved that it was never lent: nothing else ends a loan, whatever dies in between.

use exchequer_domain::ChainAddress;
use serde::{Deserialize, Serialize};

use crate::sweeps::SweepId;

/// The least that the network freezes or lends: one TRX, in sun.
pub const STAKE_SUN_MIN: u64 = 1_000_000;

/// A part of the stake that is lent to an address of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lent {
    /// To which address, in the network's canonical form.
    pub to: ChainAddress,
    /// Its index in the pool.
    pub to_index: u32,
    /// How much of the stake, in sun, from [`STAKE_SUN_MIN`] on.
    pub sun: u64,
    /// The plan that it is for; none of what is taken back.
    pub plan: Option<SweepId>,
}

/// What is done with stake; it is always of energy. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stake {
    /// So many sun more are staked.
    Freeze {
        /// How much.
        sun: u64,
    },
    /// So many sun of the stake end; they come back after days.
    Unfreeze {
        /// How much.
        sun: u64,
    },
    /// What has ended and is free by now is taken.
    Collect,
    /// Energy is lent.
    Lend(Lent),
    /// What was lent is taken back, the whole of it.
    TakeBack(Lent),
}

impl Stake {
    /// How much of the stake it is about, in sun; none of what says no amount.
    #[must_use]
    pub const fn sun(&self) -> Option<u64> {
        match self {
            Stake::Freeze { sun } | Stake::Unfreeze { sun } => Some(*sun),
            Stake::Lend(lent) | Stake::TakeBack(lent) => Some(lent.sun),
            Stake::Collect => None,
        }
    }

    /// The loan that it is about.
    #[must_use]
    pub const fn loan(&self) -> Option<&Lent> {
        match self {
            Stake::Lend(lent) | Stake::TakeBack(lent) => Some(lent),
            Stake::Freeze { .. } | Stake::Unfreeze { .. } | Stake::Collect => None,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Stake::Freeze { .. } => "freeze",
            Stake::Unfreeze { .. } => "unfreeze",
            Stake::Collect => "collect",
            Stake::Lend(_) => "lend",
            Stake::TakeBack(_) => "take back",
        }
    }
}
