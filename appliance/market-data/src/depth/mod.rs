//! The book as others see it: totals by price, with update ids.
//!
//! # The contract of ids
//! A [`Diff`] covers every change from `first` (`U`) to `last` (`u`), and the next one begins at `last + 1`, also where
//! changes cancelled each other out. A snapshot is the book after the change `lastUpdateId`. So a client drops differences
//! with `last <= lastUpdateId`, takes the first one with `first <= lastUpdateId + 1`, and from then on each next one;
//! totals are absolute, and zero removes a level, also one that the client never had. The checksum of a difference is that
//! of the book after it.

mod base;
mod checksum;
mod diff;

pub use base::Base;
pub use checksum::Shown;
pub use diff::{Diff, NotAdjacent};

/// Most levels of a side that a client is shown.
pub const SNAPSHOT_LEVELS_MAX: usize = 5_000;
/// How many levels of a side the partial books have.
pub const PARTIAL_LEVELS: [usize; 3] = [5, 10, 20];

/// A price and everything that is offered at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// In ticks, at least 1.
    pub price: u64,
    /// In lots, or where it says so in minor units of the base asset; zero in a difference means that the level is gone.
    pub total: u128,
}

/// The best levels of both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Levels {
    /// Highest price first.
    pub bids: Vec<Level>,
    /// Lowest price first.
    pub asks: Vec<Level>,
}
