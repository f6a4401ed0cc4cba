//! `CancelAfter`: the dead man's switch of a user in a market.

use exchequer_domain::{Timestamp, UserId};
use exchequer_matching::{Command, Owner};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::markets::MarketId;
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Ends all orders of a user in a market at a moment, unless it is set anew before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelAfter {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// When; none switches it off.
    pub at: Option<Timestamp>,
}

impl CancelAfter {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let CancelAfter { user, market, at } = self;
        entry.trader(user)?;
        let owner =
            u32::try_from(user.0).map_err(|_| Rejection::Order { why: exchequer_matching::Rejection::Owner })?;
        entry.book(market, &Command::CancelAfter { owner: Owner(owner), at }, [])?;
        Ok(Done::SwitchSet { at })
    }
}
