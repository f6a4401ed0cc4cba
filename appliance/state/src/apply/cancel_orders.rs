//! `CancelOrders`: ends all orders of a user in a market.

use exchequer_domain::UserId;
use exchequer_matching::{Command, Owner, Rejection as BookRejection, Side};
use serde::{Deserialize, Serialize};

use super::trading::cancelled;
use super::{Entry, Stop};
use crate::markets::MarketId;
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Ends orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrders {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// Of which side; both where none is named.
    pub side: Option<Side>,
}

impl CancelOrders {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let CancelOrders { user, market, side } = self;
        let unknown = Rejection::Order { why: BookRejection::UnknownOrder };
        let owner = Owner(u32::try_from(user.0).map_err(|_| unknown.clone())?);
        entry.market(market)?;
        if entry.state.markets.open_orders(user, market).all(|order| side.is_some_and(|side| side != order.side)) {
            return Err(unknown.into());
        }
        let deeds = entry.book(market, &Command::CancelAll { owner, side }, [])?;
        Ok(Done::Traded(Box::new(cancelled(deeds, user))))
    }
}
