//! The book as others see it: totals by price, with update ids.
//!
//! The engine's book stays where it is; this is a copy that follows it by changes of levels. Each change of a market has
//! a number, dense from 1, which is its update id. A copy that sees a number missing refuses it and is to be built again.
//!
//! # The contract of ids
//! A [`Diff`] covers every change from `first` (`U`) to `last` (`u`), and the next one begins at `last + 1`, also where
//! changes cancelled each other out. A [`Snapshot`] is the book after the change `last_update` (`lastUpdateId`). So a
//! client drops differences with `last <= last_update`, takes the first one with `first <= last_update + 1`, and from
//! then on each next one; totals are absolute, and zero removes a level, also one that the client never had.
//!
//! # Bounds
//! A side has at most [`LEVELS_MAX`] prices, as in the engine. What a stream has not sent yet is at most about as much
//! again, because only the last change of a price is kept.

mod checksum;
mod diff;

pub use checksum::Shown;
pub use diff::{Diff, NotAdjacent, Pending};

use std::collections::BTreeMap;

use crate::trade::Side;

/// Most prices on one side.
pub const LEVELS_MAX: usize = 1 << 16;
/// Most levels of a side in a snapshot for a client.
pub const SNAPSHOT_LEVELS_MAX: usize = 5_000;
/// How many levels of a side the partial books have.
pub const PARTIAL_LEVELS: [usize; 3] = [5, 10, 20];

/// A price and everything that is offered at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// In ticks, at least 1.
    pub price: u64,
    /// In minor units of the base asset; zero in a difference means that the level is gone.
    pub total: u128,
}

/// One level has a new total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The update id: dense within the market, from 1.
    pub sequence: u64,
    /// Which side of the book.
    pub side: Side,
    /// The level and its new total.
    pub level: Level,
}

/// The best of a book, or all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The last change that is in it.
    pub last_update: u64,
    /// Highest price first.
    pub bids: Vec<Level>,
    /// Lowest price first.
    pub asks: Vec<Level>,
}

/// The best of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTicker {
    /// The last change that is in it.
    pub last_update: u64,
    /// The highest bid.
    pub bid: Option<Level>,
    /// The lowest ask.
    pub ask: Option<Level>,
}

/// Why a change was not taken; nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DepthFault {
    /// It was taken before.
    #[error("change {sequence} was taken already: the last one is {last}")]
    Repeated {
        /// The change's number.
        sequence: u64,
        /// The last number that was taken.
        last: u64,
    },
    /// Changes before it are missing.
    #[error("change {sequence} does not follow {last}")]
    Gap {
        /// The change's number.
        sequence: u64,
        /// The last number that was taken.
        last: u64,
    },
    /// A price of zero.
    #[error("change {sequence} has no price")]
    Price {
        /// The change's number.
        sequence: u64,
    },
    /// The side has [`LEVELS_MAX`] prices already, which the engine would not have allowed.
    #[error("change {sequence} is of one price too many")]
    Full {
        /// The change's number.
        sequence: u64,
    },
}

/// The copy of one market's book.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    bids: BTreeMap<u64, u128>,
    asks: BTreeMap<u64, u128>,
    last: u64,
}

impl Book {
    /// An empty book before the first change.
    #[must_use]
    pub fn new() -> Book {
        Book::default()
    }

    /// The book of a whole snapshot. Levels without a price or a total, and those beyond the bound, are left out.
    #[must_use]
    pub fn restore(snapshot: &Snapshot) -> Book {
        let side = |levels: &[Level]| {
            let levels = levels.iter().filter(|level| level.price > 0 && level.total > 0).take(LEVELS_MAX);
            levels.map(|level| (level.price, level.total)).collect()
        };
        Book { bids: side(&snapshot.bids), asks: side(&snapshot.asks), last: snapshot.last_update }
    }

    /// Takes the next change. The first change of an empty book may have any number.
    ///
    /// # Errors
    /// It is not the next one, or no possible level; nothing changed.
    pub fn apply(&mut self, change: &Change) -> Result<(), DepthFault> {
        let &Change { sequence, side, level } = change;
        let last = self.last;
        if sequence <= last {
            return Err(DepthFault::Repeated { sequence, last });
        }
        if last != 0 && sequence != last + 1 {
            return Err(DepthFault::Gap { sequence, last });
        }
        if level.price == 0 {
            return Err(DepthFault::Price { sequence });
        }
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        if level.total == 0 {
            levels.remove(&level.price);
        } else if let Some(total) = levels.get_mut(&level.price) {
            *total = level.total;
        } else if levels.len() < LEVELS_MAX {
            levels.insert(level.price, level.total);
        } else {
            return Err(DepthFault::Full { sequence });
        }
        self.last = sequence;
        Ok(())
    }

    /// The last change that it took; zero before the first.
    #[must_use]
    pub fn last_update(&self) -> u64 {
        self.last
    }

    /// Bids, highest price first.
    pub fn bids(&self) -> impl Iterator<Item = Level> {
        self.bids.iter().rev().map(|(&price, &total)| Level { price, total })
    }

    /// Asks, lowest price first.
    pub fn asks(&self) -> impl Iterator<Item = Level> {
        self.asks.iter().map(|(&price, &total)| Level { price, total })
    }

    /// The best of both sides.
    #[must_use]
    pub fn ticker(&self) -> BookTicker {
        BookTicker { last_update: self.last, bid: self.bids().next(), ask: self.asks().next() }
    }

    /// The best `levels` of each side, at most [`SNAPSHOT_LEVELS_MAX`].
    #[must_use]
    pub fn snapshot(&self, levels: usize) -> Snapshot {
        let levels = levels.min(SNAPSHOT_LEVELS_MAX);
        Snapshot {
            last_update: self.last,
            bids: self.bids().take(levels).collect(),
            asks: self.asks().take(levels).collect(),
        }
    }

    /// The whole book, for [`Book::restore`].
    #[must_use]
    pub fn whole(&self) -> Snapshot {
        Snapshot { last_update: self.last, bids: self.bids().collect(), asks: self.asks().collect() }
    }

    /// The checksum of the best ten levels of each side, as [`Shown`] says.
    #[must_use]
    pub fn checksum(&self, shown: &Shown) -> u32 {
        shown.checksum(self.bids(), self.asks())
    }
}
