//! `PlacePair`: two orders of which one can take effect: a limit order that rests, and one that waits for a price.

use exchequer_domain::UserId;
use exchequer_matching::{Command, Life, Lots, NewPair, Ticks};
use serde::{Deserialize, Serialize};

use super::trading::OrderSpec;
use super::{Entry, Stop};
use crate::markets::{Ask, ClientOrderId, MarketId, OrderRecord};
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Enters a pair of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacePair {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// The order that waits; its side and quantity are those of the pair.
    pub stop: OrderSpec,
    /// The name of the limit order.
    pub limit_name: ClientOrderId,
    /// The price of the limit order, which must not trade on entry.
    pub price: Ticks,
}

impl PlacePair {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let PlacePair { user, market, stop, limit_name, price } = self;
        let taken = entry.state.markets.open_order_named(user, market, limit_name).is_some();
        if taken || limit_name == stop.client_id {
            return Err(Rejection::ClientOrderIdUsed.into());
        }
        let (new, waiting) = entry.new_order(user, market, &stop)?;
        let lots = match stop.ask {
            Ask::Limit { lots, .. } => lots,
            Ask::Market { quantity, .. } => Lots(u64::try_from(quantity).unwrap_or(u64::MAX)),
        };
        let life = Life::Rest { until: None, peak: None, post_only: true };
        let limit = OrderRecord {
            client_id: limit_name,
            ask: Ask::Limit { price, lots, life },
            when: None,
            status: crate::markets::OrderStatus::Open,
            ..waiting
        };
        let deeds = entry.book(market, &Command::Pair(NewPair { stop: new, price }), [limit, waiting])?;
        Ok(Done::Traded(Box::new(entry.traded(market, deeds))))
    }
}
