//! The room of the emergency: whether the exchange is stopped, since when, and what trading was like before.
//!
//! One officer stops the exchange; it goes on again when two persons want it. An emergency is a row, so it outlives
//! restarts and leaders. What is blocked follows from there being one: whoever signs, pays out or sweeps asks
//! [`Emergency::blocks`], and [`Emergency::refuses`] says of every command whether it is still carried out.
//!
//! Invariants:
//! - A stop takes effect in one entry, in the order of [`Brake::ALL`], and nothing but a resume takes it back.
//! - While it lasts no market trades: each one is cancel-only, halted or delisted.
//! - A resume never opens a market for trading at once: where orders met before, an auction finds the price anew.

mod allowed;

use exchequer_domain::Timestamp;
use exchequer_matching::{Phase, PhaseChange};
use serde::{Deserialize, Serialize};

use crate::codec;
use crate::command::Actor;
use crate::halt::Halt;
use crate::markets::MarketId;
use crate::rows::{Rows, Table};

/// The shortest auction with which a market opens after an emergency, in microseconds.
pub const RESUME_AUCTION_US_MIN: u64 = 60_000_000;

/// What an emergency stops, one after the other. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Brake {
    /// Nothing is signed.
    Signing,
    /// Nothing is paid out.
    Withdrawals,
    /// Nothing is gathered or moved between the exchange's own wallets.
    Sweeps,
    /// Orders can only be cancelled.
    Trading,
    /// Nothing is changed but what the emergency needs.
    Changes,
}

impl Brake {
    /// Every brake, in the order in which a stop pulls them.
    pub const ALL: &'static [Brake] =
        &[Brake::Signing, Brake::Withdrawals, Brake::Sweeps, Brake::Trading, Brake::Changes];

    /// The word in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Brake::Signing => "signing",
            Brake::Withdrawals => "withdrawals",
            Brake::Sweeps => "sweeps",
            Brake::Trading => "trading",
            Brake::Changes => "changes",
        }
    }
}

/// An emergency that lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emergency {
    /// Replicated time of the stop.
    pub since: Timestamp,
    /// The log entry of the stop.
    pub index: u64,
    /// Who stopped the exchange.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// The markets that the stop made cancel-only, and the phase that each was in.
    pub phases: Vec<(MarketId, Phase)>,
}

impl Emergency {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Option<Emergency>, Halt> {
        let row = rows.get(Table::Emergency.family(), &Table::Emergency.key(&[]))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Emergency, error))).transpose()
    }

    /// Whether this is blocked: everything that a brake is for, from the entry of the stop on.
    #[must_use]
    pub const fn blocks(&self, brake: Brake) -> bool {
        match brake {
            Brake::Signing | Brake::Withdrawals | Brake::Sweeps | Brake::Trading | Brake::Changes => true,
        }
    }
}

/// Whether a stop has anything to do in a market of this phase. Where nothing moves at all, it stays so: a halt is
/// stricter, and somebody's decision.
pub(crate) const fn brakes(phase: Phase) -> bool {
    match phase {
        Phase::PreOpen
        | Phase::Auction { .. }
        | Phase::Uncrossing { .. }
        | Phase::Trading
        | Phase::PostOnly
        | Phase::CancelOnly { until: Some(_) } => true,
        Phase::CancelOnly { until: None } | Phase::Halt | Phase::Delisted => false,
    }
}

/// How a market goes on that was in `former` before the stop, with its circuit breaker's auction of `auction_us`; none
/// where it stays cancel-only. Prices elsewhere have moved meanwhile: what traded, or was about to by itself, opens with
/// an auction, which leaves time to enter and to cancel.
pub(crate) fn reopening(former: Phase, now: Timestamp, auction_us: u64) -> Option<PhaseChange> {
    let ends = Timestamp(now.0.saturating_add(auction_us.max(RESUME_AUCTION_US_MIN)));
    match former {
        Phase::PreOpen => Some(PhaseChange::PreOpen),
        Phase::Auction { ends: None } => Some(PhaseChange::Auction { ends: None }),
        Phase::Auction { ends: Some(planned) } => Some(PhaseChange::Auction { ends: Some(planned.max(ends)) }),
        Phase::Uncrossing { .. } | Phase::Trading | Phase::CancelOnly { until: Some(_) } => {
            Some(PhaseChange::Auction { ends: Some(ends) })
        }
        Phase::PostOnly => Some(PhaseChange::PostOnly),
        Phase::CancelOnly { until: None } | Phase::Halt | Phase::Delisted => None,
    }
}
