//! A trade, as far as market data needs it.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Gives quote for base; in a book, the bids.
    Buy,
    /// Gives base for quote; in a book, the asks.
    Sell,
}

/// One trade of one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Its number: dense within the market, from 1.
    pub id: u64,
    /// When the engine made it; never earlier than the trade before.
    pub time: Timestamp,
    /// In ticks, at least 1.
    pub price: u64,
    /// What changed hands, in minor units of the base asset; at least 1.
    pub base: u128,
    /// What was paid, in minor units of the quote asset.
    pub quote: u128,
    /// The side of the order that came second; in an auction, of the younger one.
    pub taker: Side,
}

/// Why a trade was not taken; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TradeFault {
    /// It was taken before.
    #[error("trade {id} was taken already: the last one is {last}")]
    Repeated {
        /// The trade's number.
        id: u64,
        /// The last number that was taken.
        last: u64,
    },
    /// Trades before it are missing.
    #[error("trade {id} does not follow {last}")]
    Gap {
        /// The trade's number.
        id: u64,
        /// The last number that was taken.
        last: u64,
    },
    /// It is earlier than what was taken or closed before.
    #[error("trade {id} is of a time that is over")]
    Late {
        /// The trade's number.
        id: u64,
    },
    /// No price, no quantity, or no number.
    #[error("trade {id} has no price, no quantity or no number")]
    Empty {
        /// The trade's number.
        id: u64,
    },
}
