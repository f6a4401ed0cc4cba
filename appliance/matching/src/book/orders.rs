//! The orders of a market: what matching touches in one cache line each, the rest beside it.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::command::When;
use crate::units::{Fees, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// No order, no level.
pub(crate) const NONE: u32 = u32::MAX;

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// In no queue: being matched, or its memory is free.
    Nowhere,
    /// In the book, among the bids.
    Bids,
    /// In the book, among the asks.
    Asks,
    /// Waits until the price has risen to its trigger.
    Rising,
    /// Waits until the price has fallen to its trigger.
    Falling,
    /// Triggered, and waits for its turn.
    Fired,
}

impl Place {
    pub(crate) const fn of(side: Side) -> Place {
        match side {
            Side::Buy => Place::Bids,
            Side::Sell => Place::Asks,
        }
    }
}

/// What matching reads and writes of an order: 64 bytes.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    /// The limit, or the trigger where it waits for one.
    pub(crate) price: Ticks,
    /// Visible lots.
    pub(crate) open: u64,
    /// Lots behind an iceberg's visible part.
    pub(crate) hidden: u64,
    pub(crate) prev: u32,
    pub(crate) next: u32,
    pub(crate) level: u32,
    pub(crate) owner: Owner,
    pub(crate) slots: Slots,
    pub(crate) fees: Fees,
    pub(crate) place: Place,
    pub(crate) side: Side,
    pub(crate) self_trade: SelfTrade,
    pub(crate) flags: u8,
}

/// The order has a deadline.
pub(crate) const HAS_DEADLINE: u8 = 1;
/// The order never takes.
pub(crate) const POST_ONLY: u8 = 2;
/// The order is one leg of a pair.
pub(crate) const IN_PAIR: u8 = 4;
/// The trigger follows the price.
pub(crate) const TRAILING: u8 = 8;
/// What the trigger sets off is a market order.
pub(crate) const MARKET: u8 = 16;
/// What the trigger sets off is filled at once or not at all.
pub(crate) const FILL_OR_KILL: u8 = 32;
/// What the trigger sets off does not rest.
pub(crate) const IMMEDIATE: u8 = 64;
/// The market order is measured in quote.
pub(crate) const BY_QUOTE: u8 = 128;

impl Order {
    pub(crate) const VACANT: Order = Order {
        id: OrderId::NONE,
        price: Ticks(0),
        open: 0,
        hidden: 0,
        prev: NONE,
        next: NONE,
        level: NONE,
        owner: Owner(0),
        slots: Slots { base: 0, quote: 0 },
        fees: Fees { maker_ppm: 0, taker_ppm: 0 },
        place: Place::Nowhere,
        side: Side::Buy,
        self_trade: SelfTrade::Allow,
        flags: 0,
    };

    /// Visible and hidden lots.
    pub(crate) fn lots(&self) -> u64 {
        self.open + self.hidden
    }

    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// What only some commands read of an order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detail {
    /// The caller's own number.
    pub(crate) tag: u64,
    /// Of an iceberg: how many lots are shown at a time; else zero.
    pub(crate) peak: u64,
    /// Ends at this moment, where it has a deadline.
    pub(crate) deadline: Timestamp,
    /// Of an order that waits for its trigger: the limit it enters the book with.
    pub(crate) limit: Ticks,
    /// What it waits or waited for.
    pub(crate) when: Option<When>,
    /// Ascends with every order that joins a queue's end: among orders of one queue, their order.
    pub(crate) rank: u64,
    /// Of an order that waits for its trigger: what is held for it, in minor units.
    pub(crate) held: u128,
    /// Of a market order that waits: the most quote it may pay or get.
    pub(crate) quote: u128,
    /// The other leg of a pair.
    pub(crate) partner: OrderId,
    /// Place in the heap of deadlines.
    pub(crate) timer: u32,
    /// The owner's orders form a list.
    pub(crate) owner_prev: u32,
    pub(crate) owner_next: u32,
}

impl Detail {
    pub(crate) const NONE: Detail = Detail {
        tag: 0,
        peak: 0,
        deadline: Timestamp(0),
        limit: Ticks(0),
        when: None,
        rank: 0,
        held: 0,
        quote: 0,
        partner: OrderId::NONE,
        timer: NONE,
        owner_prev: NONE,
        owner_next: NONE,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an order is one cache line; a field too many would cost every message.
    #[test]
    fn an_order_is_one_cache_line() {
        assert_eq!((size_of::<Order>(), align_of::<Order>()), (64, 64));
    }
}
