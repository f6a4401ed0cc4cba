//! `ReplaceOrder`: ends one order and enters another in its stead, in one step.

use exchequer_domain::UserId;
use exchequer_matching::{Command, End};
use serde::{Deserialize, Serialize};

use super::trading::{OrderRef, OrderSpec};
use super::{Entry, Stop};
use crate::markets::{MarketId, OrderStatus};
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Ends an order and enters another. Nothing is done where there is no such order; when the new one is refused, the old
/// one has ended all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceOrder {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// The order that ends.
    pub old: OrderRef,
    /// What takes its place.
    pub new: OrderSpec,
}

impl ReplaceOrder {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let ReplaceOrder { user, market, old, new } = self;
        let id = entry.open_order(user, market, old)?;
        let (new, record) = entry.new_order(user, market, &new)?;
        let deeds = entry.book_leniently(market, &Command::Replace { id, new }, [record])?;
        let (refused, ended) = (deeds.refused, deeds.over.iter().find(|order| order.id == id).copied());
        let replaced = ended.is_some_and(|order| order.status == OrderStatus::Ended(End::Replaced));
        if let Some(why) = refused.filter(|_| !replaced) {
            return Err(Rejection::Order { why }.into());
        }
        let mut traded = entry.traded(market, deeds);
        traded.orders.splice(0..0, ended);
        Ok(Done::Replaced { traded: Box::new(traded), refused })
    }
}
