//! The numbers of a market, each a type of its own: prices in ticks, quantities in lots, ids of orders and trades.
//!
//! The limits are chosen so that price x quantity x value of a lot at one tick fits in a `u128` without a check.

use serde::{Deserialize, Serialize};

/// Highest price, in ticks: 2^40.
pub const PRICE_TICKS_MAX: u64 = 1 << 40;
/// Largest quantity of one order, in lots: 2^40.
pub const ORDER_LOTS_MAX: u64 = 1 << 40;
/// Most orders of one market that are open at a time, those that wait for their trigger included.
pub const ORDERS_MAX: u32 = 1 << SLOT_BITS;
/// Most prices with orders on one side of a book.
pub const LEVELS_MAX: usize = 1 << 16;

const SLOT_BITS: u32 = 20;
/// The sequence takes what the slot leaves: 44 bits, enough for 100,000 orders a second over five years.
const SEQUENCE_MAX: u64 = (1 << (64 - SLOT_BITS)) - 1;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
    };
}

number!(
    /// A price, as a multiple of the market's tick; from 1 to [`PRICE_TICKS_MAX`].
    Ticks, u64
);
number!(
    /// A quantity, as a multiple of the market's lot; from 1 to [`ORDER_LOTS_MAX`] in an order.
    Lots, u64
);
number!(
    /// The number of a trade: dense within its market, from 1.
    TradeId, u64
);
number!(
    /// Whose order it is: a number of the caller's, below [`crate::OWNERS_MAX`], the same for everything that must not
    /// trade with itself.
    Owner, u32
);

/// The name of an order: its sequence number in the high bits, its place in memory in the low ones.
///
/// Unique for ever within its market, ascending in order of entry, and found without a search. The place is part of
/// the replicated state: it is always the lowest free one, so it follows from which orders are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub u64);

impl OrderId {
    /// No order has this id.
    pub(crate) const NONE: OrderId = OrderId(0);

    /// The id of the order with this sequence number, from 1; nothing when the numbers are used up.
    pub(crate) fn new(sequence: u64, slot: u32) -> Option<OrderId> {
        (sequence <= SEQUENCE_MAX && slot < ORDERS_MAX).then_some(OrderId(sequence << SLOT_BITS | u64::from(slot)))
    }

    /// Counts the orders of the market in order of entry, from 1.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.0 >> SLOT_BITS
    }

    /// Its place in memory: no other open order of the market has it, and it is below [`ORDERS_MAX`], so that records of
    /// open orders can be kept in a vector.
    #[must_use]
    pub const fn slot(self) -> u32 {
        (self.0 & (ORDERS_MAX as u64 - 1)) as u32
    }
}

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Gives quote for base.
    Buy,
    /// Gives base for quote.
    Sell,
}

impl Side {
    /// The side it trades with.
    #[must_use]
    pub const fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// Whether an order of this side with limit `limit` may trade at `price`.
    #[must_use]
    pub const fn accepts(self, limit: Ticks, price: Ticks) -> bool {
        match self {
            Side::Buy => price.0 <= limit.0,
            Side::Sell => price.0 >= limit.0,
        }
    }
}

/// The two balances that an order moves: numbers of the caller's, repeated in every report that moves money, so that
/// settling needs no search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slots {
    /// The balance in the base asset.
    pub base: u32,
    /// The balance in the quote asset.
    pub quote: u32,
}

/// The rates of an order, in millionths of what it receives; frozen when the order enters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// Where the order was there first, and in auctions. Up to [`crate::FEE_PPM_MAX`].
    pub maker_ppm: u16,
    /// Where the order came second. Up to [`crate::FEE_PPM_MAX`].
    pub taker_ppm: u16,
}

/// What happens when an order meets one of the same owner. The order that came second decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelfTrade {
    /// They trade.
    #[default]
    Allow,
    /// The order that came second ends.
    ExpireTaker,
    /// The resting order ends.
    ExpireMaker,
    /// Both end.
    ExpireBoth,
    /// Both lose the smaller of their quantities, without a trade.
    Decrement,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an id keeps its two parts apart at their limits, and runs out instead of wrapping.
    #[test]
    fn ids_keep_their_parts() {
        for (sequence, slot) in [(1, 0), (1, ORDERS_MAX - 1), (SEQUENCE_MAX, 7)] {
            let id = OrderId::new(sequence, slot).unwrap();
            assert_eq!((id.sequence(), id.slot()), (sequence, slot));
        }
        assert_eq!(OrderId::new(SEQUENCE_MAX + 1, 0), None);
        assert_eq!(OrderId::new(1, ORDERS_MAX), None);
    }
}
