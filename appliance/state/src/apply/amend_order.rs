//! `AmendOrder`: gives a resting order another price or quantity. It keeps its place where it only becomes smaller.

use exchequer_domain::UserId;
use exchequer_matching::{Command, Lots, Owner, Ticks};
use serde::{Deserialize, Serialize};

use super::trading::OrderRef;
use super::{Entry, Stop};
use crate::markets::{Ask, MarketId};
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Changes a resting order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendOrder {
    /// Whose.
    pub user: UserId,
    /// Where.
    pub market: MarketId,
    /// Which.
    pub order: OrderRef,
    /// The new limit; the present one where none is given.
    pub price: Option<Ticks>,
    /// The new quantity, what was traded included; more than that.
    pub lots: Lots,
    /// Refused where the order would lose its place in the queue.
    pub keep_place: bool,
}

impl AmendOrder {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let AmendOrder { user, market, order, price, lots, keep_place } = self;
        let refused = |why| Rejection::Order { why };
        let id = entry.open_order(user, market, order)?;
        let record = entry.state.markets.open_order(market, id).copied();
        let record = record.ok_or(refused(exchequer_matching::Rejection::UnknownOrder))?;
        let Ask::Limit { price: present, lots: whole, .. } = record.ask else {
            return Err(refused(exchequer_matching::Rejection::UnknownOrder).into());
        };
        let gone = record.executed.0.saturating_add(record.prevented.0);
        let left = lots.0.checked_sub(gone).filter(|left| *left > 0);
        let left = left.ok_or(refused(exchequer_matching::Rejection::Quantity))?;
        let price = price.unwrap_or(present);
        // Who may not send money may still take an order back, in part as well.
        if price != present || lots > whole {
            entry.trader(user)?;
        }
        if keep_place && (price != present || lots >= whole) {
            return Err(Rejection::AmendLosesPlace.into());
        }
        // Triggered orders may trade with it before the amendment does anything.
        let seen = Lots(whole.0.saturating_sub(gone));
        let command = Command::Amend { owner: Owner(user.0 as u32), id, price, lots: Lots(left), seen };
        let deeds = entry.book(market, &command, [])?;
        Ok(Done::Traded(Box::new(entry.traded(market, deeds))))
    }
}
