//! How much a market may have and do. Constants; tests take less, to come to them.

use crate::book::walk::STEPS_MAX;
use crate::market::{
    DEADLINES_PER_COMMAND, DELISTED_PER_COMMAND, FIRED_PER_COMMAND, FOLLOW_STEPS_MAX, SWITCHES_PER_COMMAND,
    TRAILING_MAX, WAITING_MAX,
};
use crate::units::{LEVELS_MAX, ORDERS_MAX};

/// What all owners of a market share, its prices and its places for orders that wait, one of them may take a part of: one
/// of so many that are still free, so that nobody keeps the others out, and it takes hundreds together to fill it.
pub const SHARE: u32 = 64;

/// The limits of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open orders.
    pub(crate) orders: u32,
    /// Prices of one side.
    pub(crate) levels: usize,
    /// Resting orders that one order may meet.
    pub(crate) steps: u32,
    /// Orders that wait for a trigger.
    pub(crate) waiting: u32,
    /// An owner may have one of so many of the places that are free; zero where everyone may have all.
    pub(crate) share: u32,
    /// Trailing stops.
    pub(crate) trailing: usize,
    /// Deadlines met before one command.
    pub(crate) deadlines: u32,
    /// Switches that fall before one command.
    pub(crate) switches: u32,
    /// Triggered orders carried out before a command, and after it.
    pub(crate) fired: u32,
    /// Resting orders met by triggered orders around one command before the rest of them waits.
    pub(crate) follow: u32,
    /// Orders of a delisted market that end before one command.
    pub(crate) delisted: u32,
}

impl Limits {
    /// Those of every market outside tests.
    pub(crate) const FULL: Limits = Limits {
        orders: ORDERS_MAX,
        levels: LEVELS_MAX,
        steps: STEPS_MAX,
        waiting: WAITING_MAX,
        share: SHARE,
        trailing: TRAILING_MAX,
        deadlines: DEADLINES_PER_COMMAND,
        switches: SWITCHES_PER_COMMAND,
        fired: FIRED_PER_COMMAND,
        follow: FOLLOW_STEPS_MAX,
        delisted: DELISTED_PER_COMMAND,
    };

    /// How many an owner may have where `taken` of `places` are taken.
    pub(crate) fn share_of(&self, places: usize, taken: usize) -> u32 {
        let free = u32::try_from(places.saturating_sub(taken)).unwrap_or(u32::MAX);
        free.checked_div(self.share).unwrap_or(u32::MAX)
    }
}
