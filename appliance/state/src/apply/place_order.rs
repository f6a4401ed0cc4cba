//! `PlaceOrder`: balance check, reservation, matching, settlement and fees of one order, in one step.

use exchequer_domain::UserId;
use exchequer_matching::Command;
use serde::{Deserialize, Serialize};

use super::trading::OrderSpec;
use super::{Entry, Stop};
use crate::markets::MarketId;
use crate::outcome::Done;

/// Enters an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceOrder {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// What is wanted.
    pub order: OrderSpec,
}

impl PlaceOrder {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let PlaceOrder { user, market, order } = self;
        let (new, record) = entry.new_order(user, market, &order)?;
        let deeds = entry.book(market, &Command::New(new), [record])?;
        Ok(Done::Traded(Box::new(entry.traded(market, deeds))))
    }
}
