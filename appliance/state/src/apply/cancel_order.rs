//! `CancelOrder`: ends one order of a user; of a pair, both.

use exchequer_domain::UserId;
use exchequer_matching::{Command, Owner};
use serde::{Deserialize, Serialize};

use super::trading::{OrderRef, cancelled};
use super::{Entry, Stop};
use crate::markets::MarketId;
use crate::outcome::Done;

/// Ends an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// Which.
    pub order: OrderRef,
}

impl CancelOrder {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let CancelOrder { user, market, order } = self;
        let id = entry.open_order(user, market, order)?;
        let command = Command::Cancel { owner: Owner(user.0 as u32), id };
        let deeds = entry.book(market, &command, [])?;
        Ok(Done::Traded(Box::new(cancelled(deeds, user))))
    }
}
