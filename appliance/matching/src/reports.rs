//! Reports: everything a command did, in order, with the money it moved.

use serde::{Deserialize, Serialize};

use crate::phase::Phase;
use crate::rejection::Rejection;
use crate::units::{Lots, OrderId, Owner, Side, Slots, Ticks, TradeId};

/// Where the reports go, and who knows the balances.
pub trait Desk {
    /// Sets an amount aside for an order about to be accepted or amended; false where the balance does not cover it,
    /// and then the command is refused.
    fn hold(&mut self, hold: &Hold) -> bool;

    /// Takes one report.
    fn report(&mut self, report: Report);
}

/// An amount to be set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// For whom.
    pub owner: Owner,
    /// A buy holds quote, a sell base.
    pub side: Side,
    /// In minor units; never zero.
    pub amount: u128,
    /// The order's balances.
    pub slots: Slots,
}

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// An order entered. What was held for it is with it from now on.
    Accepted {
        /// Its id from now on.
        id: OrderId,
        /// Whose.
        owner: Owner,
        /// Its balances.
        slots: Slots,
        /// Buy or sell.
        side: Side,
        /// The caller's own number.
        tag: u64,
        /// Minor units held: of quote for a buy, of base for a sell.
        held: u128,
    },
    /// A command was refused.
    Rejected {
        /// The caller's own number, or the id of the order that was to change.
        tag: u64,
        /// Why.
        why: Rejection,
    },
    /// Two orders traded.
    Trade(Trade),
    /// An order is over, or was completed with something left of what was held.
    Ended {
        /// Which.
        id: OrderId,
        /// Whose.
        owner: Owner,
        /// Its balances.
        slots: Slots,
        /// Buy or sell.
        side: Side,
        /// What was left of it.
        lots: Lots,
        /// Minor units held for it that are free again.
        freed: u128,
        /// Why.
        why: End,
    },
    /// An order became smaller where it stood, because its owner would have traded with itself.
    Reduced {
        /// Which.
        id: OrderId,
        /// Whose.
        owner: Owner,
        /// Its balances.
        slots: Slots,
        /// Buy or sell.
        side: Side,
        /// By how much.
        by: Lots,
        /// What is left; with nothing left it is over.
        left: Lots,
        /// Minor units held for it that are free again.
        freed: u128,
    },
    /// An order has another price or quantity.
    Amended {
        /// Which.
        id: OrderId,
        /// Whose.
        owner: Owner,
        /// Its balances.
        slots: Slots,
        /// Buy or sell.
        side: Side,
        /// Its limit.
        price: Ticks,
        /// What is left of it.
        lots: Lots,
        /// Minor units held for it in addition.
        held: u128,
        /// Minor units held for it that are free again.
        freed: u128,
        /// Whether it kept its place in the queue.
        kept: bool,
    },
    /// What an order waited for has happened. Where it is one leg of a pair, the report of the other's end follows, and
    /// what both held is divided between `held` here and what is freed there.
    Triggered {
        /// Which.
        id: OrderId,
        /// Whose.
        owner: Owner,
        /// Its balances.
        slots: Slots,
        /// Buy or sell.
        side: Side,
        /// The price that did it.
        price: Ticks,
        /// Minor units held for it from now on.
        held: u128,
    },
    /// The market is in another phase.
    Phase(Phase),
}

/// A trade. The buyer pays `quote` and receives `base` less its fee; the seller pays `base` and receives `quote` less
/// its fee; what is freed was held for the trade beyond what it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Its number.
    pub id: TradeId,
    /// At which price.
    pub price: Ticks,
    /// How much.
    pub lots: Lots,
    /// The same in minor units of the base asset.
    pub base: u128,
    /// Price times quantity, in minor units of the quote asset.
    pub quote: u128,
    /// The side of the order that came second.
    pub taker: Side,
    /// Who received the base asset.
    pub buyer: Party,
    /// Who received the quote asset.
    pub seller: Party,
}

/// One side of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The order.
    pub id: OrderId,
    /// Whose.
    pub owner: Owner,
    /// Its balances.
    pub slots: Slots,
    /// Minor units of what it received that are the fee.
    pub fee: u128,
    /// Minor units held for it that are free again.
    pub freed: u128,
    /// What is left of the order; with nothing left it is over, and only an [`End::Completed`] may follow.
    pub left: Lots,
}

/// Why an order is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It did what was asked; only something that was held is given back.
    Completed,
    /// Its owner cancelled it.
    Cancelled,
    /// Its owner cancelled it together with others.
    CancelledAll,
    /// Its owner put another order in its stead.
    Replaced,
    /// Its owner's dead man's switch fell.
    CancelAfter,
    /// The other leg of its pair took effect or ended.
    Pair,
    /// Its time is over.
    Deadline,
    /// It does not rest, and there was nothing more to trade with.
    Unfilled,
    /// What may be paid buys no lot more.
    Quote,
    /// It would have traded with its own owner.
    SelfTrade,
    /// It met as many orders as one command may.
    StepsMax,
    /// The next trade would have been outside the price band.
    PriceBand,
    /// There is no room for it.
    Full,
    /// It was triggered in a phase, or to a price, at which it may not do what it should.
    Refused,
    /// The market is closed.
    Delisted,
}
