//! Orders as users know them: what was asked, what became of it.

use exchequer_domain::{Timestamp, UserId};
use exchequer_matching::{By, End, Life, Lots, OrderId, SelfTrade, Side, Ticks, When};
use serde::{Deserialize, Serialize};

use super::{ClientOrderId, MarketId};

/// What a user asks of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Trades at its price or a better one.
    Limit {
        /// The worst price.
        price: Ticks,
        /// How much.
        lots: Lots,
        /// What becomes of it where it cannot trade at once.
        life: Life,
    },
    /// Trades at the prices there are.
    Market {
        /// What the quantity is measured in.
        by: By,
        /// Lots of base, or minor units of quote.
        quantity: u128,
    },
}

/// Where an order is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    /// Waits for its trigger.
    Waiting,
    /// Open, and nothing of it has traded.
    Open,
    /// Open, and a part of it has traded.
    PartlyFilled,
    /// It has traded whole.
    Filled,
    /// It ended before it had traded whole.
    Ended(End),
}

impl OrderStatus {
    /// Whether the order can still trade.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, OrderStatus::Waiting | OrderStatus::Open | OrderStatus::PartlyFilled)
    }
}

/// An order: what was asked, and what it came to so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Where.
    pub market: MarketId,
    /// Its number in the market.
    pub id: OrderId,
    /// Whose.
    pub user: UserId,
    /// Its name.
    pub client_id: ClientOrderId,
    /// The other leg, where it is one of a pair.
    pub partner: Option<OrderId>,
    /// Buy or sell.
    pub side: Side,
    /// What was asked; a limit's price and quantity are those of the last amendment.
    pub ask: Ask,
    /// What it waited for before it was asked of the book.
    pub when: Option<When>,
    /// What happens where it would trade with its owner.
    pub self_trade: SelfTrade,
    /// What was traded, in lots.
    pub executed: Lots,
    /// What was taken off it because its owner would have traded with itself, in lots.
    pub prevented: Lots,
    /// What was paid or received for it, in minor units of quote, before fees.
    pub quote: u128,
    /// Where it is.
    pub status: OrderStatus,
    /// When it was entered.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

impl OrderRecord {
    /// Counts a trade.
    pub(crate) fn traded(&mut self, lots: Lots, quote: u128, left: Lots, now: Timestamp) {
        self.executed = Lots(self.executed.0.saturating_add(lots.0));
        self.quote = self.quote.saturating_add(quote);
        let whole = left == Lots(0);
        self.status = if whole { OrderStatus::Filled } else { OrderStatus::PartlyFilled };
        self.updated = now;
    }

    /// Ends it, unless it is over already: then only something that was kept back was free again.
    pub(crate) fn end(&mut self, why: End, now: Timestamp) {
        if self.status.is_open() {
            // A market order measured in quote is filled when what is left buys no lot more.
            let by_quote = matches!(self.ask, Ask::Market { by: By::Quote, .. });
            let spent = why == End::Quote && by_quote && self.executed > Lots(0);
            self.status = if why == End::Completed || spent { OrderStatus::Filled } else { OrderStatus::Ended(why) };
        }
        self.updated = now;
    }
}

/// One trade of an order, as its owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The trade's number in its market.
    pub trade: exchequer_matching::TradeId,
    /// At which price.
    pub price: Ticks,
    /// How much.
    pub lots: Lots,
    /// The fee, in minor units of what was received.
    pub fee: u128,
}
