//! Commands: what a market can be asked. Illegal combinations cannot be said.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::breaker::Breaker;
use crate::filters::Filters;
use crate::phase::PhaseChange;
use crate::units::{Fees, Lots, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// One command to one market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Enters an order.
    New(NewOrder),
    /// Enters a pair of orders of which one can take effect.
    Pair(NewPair),
    /// Ends an order; of a pair, both.
    Cancel {
        /// Whose order it must be.
        owner: Owner,
        /// Which.
        id: OrderId,
    },
    /// Gives a resting order another price or quantity. It keeps its place where it only becomes smaller.
    Amend {
        /// Whose order it must be.
        owner: Owner,
        /// Which.
        id: OrderId,
        /// The new limit.
        price: Ticks,
        /// What is to be left of it, the hidden part of an iceberg included, if `seen` is left now.
        lots: Lots,
        /// What was left of it when that was decided. What it has lost since is taken off `lots`, so that it never
        /// executes more than was asked for; the amendment is refused where nothing would be left, or where more is
        /// left of it than was seen.
        seen: Lots,
    },
    /// Ends an order and enters another in its stead. Nothing is done where there is no such order; when the new one
    /// is refused, the old one has ended all the same.
    Replace {
        /// Which; the new order's owner must be its owner.
        id: OrderId,
        /// What takes its place.
        new: NewOrder,
    },
    /// Ends all orders of an owner, or those of one side.
    CancelAll {
        /// Whose.
        owner: Owner,
        /// Of which side; both where none is named.
        side: Option<Side>,
    },
    /// The dead man's switch: all orders of the owner end at a moment unless it is set anew before.
    CancelAfter {
        /// Whose.
        owner: Owner,
        /// When; none switches it off.
        at: Option<Timestamp>,
    },
    /// Brings the market to another phase.
    SetPhase(PhaseChange),
    /// Sets the filters that new orders must pass.
    SetFilters(Filters),
    /// Sets the circuit breaker; the prices it has seen are forgotten.
    SetBreaker(Breaker),
    /// Sets the price that limits are measured by until there is a trade.
    SetReference(Ticks),
    /// Only lets time pass, and lets work go on that one command may not finish.
    Tick,
}

/// An order as it enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// Whose.
    pub owner: Owner,
    /// The balances that it moves.
    pub slots: Slots,
    /// The caller's own number, repeated when it is accepted or rejected.
    pub tag: u64,
    /// Buy or sell.
    pub side: Side,
    /// Its rates from now on.
    pub fees: Fees,
    /// What happens where it would trade with its owner.
    pub self_trade: SelfTrade,
    /// How much of the base asset the owner has, in lots; for the filter of positions.
    pub position: Lots,
    /// It enters the book only when this has happened; at once where there is nothing.
    pub when: Option<When>,
    /// What it does in the book.
    pub action: Action,
}

/// What an order does in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Trades at its price or a better one.
    Limit {
        /// The worst price it trades at.
        price: Ticks,
        /// How much.
        lots: Lots,
        /// What becomes of it where it cannot trade at once.
        life: Life,
    },
    /// Trades at any price the bands allow, and never rests.
    Market {
        /// The most it may trade.
        lots: Lots,
        /// The most quote it may pay or get, in minor units. Of a buy, this much is held.
        quote: u128,
        /// Which of the two is what was asked for; the other one only bounds it.
        by: By,
        /// It trades whole or not at all.
        fill_or_kill: bool,
    },
}

/// What a market order is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The base asset.
    Lots,
    /// The quote asset: it trades until what is left buys no lot more.
    Quote,
}

/// What becomes of a limit order where it cannot trade at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// It rests.
    Rest {
        /// Until this moment; until cancelled where there is none.
        until: Option<Timestamp>,
        /// Shows this much at a time, at least a [`crate::ICEBERG_PARTS_MAX`]th of the whole; all where nothing is said.
        peak: Option<Lots>,
        /// It is refused where it would trade on entry.
        post_only: bool,
    },
    /// What is left ends.
    Immediate,
    /// It trades whole or not at all.
    FillOrKill,
}

/// What an order waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// The price comes to this one from the better side: a buy waits for a rise, a sell for a fall.
    StopLoss(Ticks),
    /// The price comes to this one from the worse side: a buy waits for a fall, a sell for a rise.
    TakeProfit(Ticks),
    /// The price turns by this much from the best one it had since: a buy waits for a rise, a sell for a fall.
    Trailing(Ticks),
}

/// Two orders of one quantity, of which one can take effect: the first trade of the limit order ends the other, and so
/// does the trigger of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPair {
    /// What both share; its action is that of the order that waits, its `when` the trigger.
    pub stop: NewOrder,
    /// The price of the limit order, which must not trade on entry.
    pub price: Ticks,
}
