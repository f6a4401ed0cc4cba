//! The phases of a market, and what may be done in each.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::units::Ticks;

/// The phase of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Orders gather and nothing trades.
    PreOpen,
    /// As before, with a price indicated; ends with one price for all.
    Auction {
        /// When; by command where there is none.
        ends: Option<Timestamp>,
    },
    /// The auction's trades are being made; everything else waits.
    Uncrossing {
        /// The auction's price.
        price: Ticks,
        /// How much is still to trade at it, in lots.
        lots: u64,
    },
    /// Orders trade as they come.
    Trading,
    /// Only orders that do not trade on entry.
    PostOnly,
    /// Orders can only be cancelled or made smaller.
    CancelOnly {
        /// An auction follows at this moment; by command where there is none.
        until: Option<Timestamp>,
    },
    /// Nothing moves, not even time.
    Halt,
    /// For ever closed: all orders end.
    Delisted,
}

/// What an operator may bring a market to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PhaseChange {
    /// Orders gather.
    PreOpen,
    /// An auction, until a moment or until the next change.
    Auction {
        /// When it ends by itself.
        ends: Option<Timestamp>,
    },
    /// Trading; a book in which prices cross is opened with an auction's price.
    Trading,
    /// Only orders that do not trade on entry.
    PostOnly,
    /// Only cancels.
    CancelOnly,
    /// Nothing.
    Halt,
    /// The end.
    Delisted,
}

impl Phase {
    /// Orders gather without trading.
    pub(crate) const fn gathers(self) -> bool {
        matches!(self, Phase::PreOpen | Phase::Auction { .. })
    }

    /// Orders may be taken away.
    pub(crate) const fn cancels(self) -> bool {
        !matches!(self, Phase::Halt | Phase::Uncrossing { .. })
    }
}
