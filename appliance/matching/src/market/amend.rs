//! Amending a resting order.

use super::{Market, Stop};
use crate::book::orders::{IN_PAIR, POST_ONLY, Place};
use crate::book::walk::Taker;
use crate::filters::parts;
use crate::phase::Phase;
use crate::planted::{Bug, has};
use crate::rejection::Rejection;
use crate::reports::{Desk, Hold, Report};
use crate::units::{Lots, OrderId, Owner, Side, Ticks};

impl Market {
    pub(super) fn amend<D: Desk>(
        &mut self,
        owner: Owner,
        id: OrderId,
        price: Ticks,
        lots: Lots,
        seen: Lots,
        desk: &mut D,
    ) -> Result<(), Stop> {
        let slot = self.own(owner, id)?;
        let order = *self.book.order(slot)?;
        if !matches!(order.place, Place::Bids | Place::Asks) || order.has(IN_PAIR) {
            return Err(Rejection::UnknownOrder.into());
        }
        let present = order.lots();
        // Triggered orders carried out before this command may have traded with it. Nothing left is no quantity.
        let lots = Lots(seen.0.checked_sub(present).map_or(0, |gone| lots.0.saturating_sub(gone)));
        let keeps = price == order.price && (lots.0 <= present || has(Bug::LargerKeepsPlace));
        match self.phase {
            Phase::PreOpen | Phase::Auction { .. } | Phase::Trading | Phase::PostOnly => {}
            Phase::CancelOnly { .. } if keeps => {}
            Phase::CancelOnly { .. } | Phase::Uncrossing { .. } | Phase::Halt | Phase::Delisted => {
                return Err(Rejection::Phase.into());
            }
        }
        let filters = &self.filters;
        filters.price(price)?;
        filters.lots(lots, filters.lots_max)?;
        let peak = self.book.detail(slot)?.peak;
        if peak > 0 {
            parts(lots, Lots(peak))?;
        }
        if !keeps {
            filters.percent(order.side, price, self.measure())?;
        }
        filters.notional(self.worth.quote(price, lots.0))?;
        if order.side == Side::Buy && lots.0 > present {
            let buying = self.owners.get(owner).buying.saturating_sub(present);
            if buying.saturating_add(lots.0) > filters.position_max.0 {
                return Err(Rejection::PositionMax.into());
            }
        }
        if price != order.price && self.owners.get(owner).orders > self.prices_of(order.side) {
            return Err(Rejection::OrdersMax.into());
        }
        let never_takes = order.has(POST_ONLY) || self.phase == Phase::PostOnly;
        if never_takes && !self.phase.gathers() && !keeps && self.takes(order.side, price) {
            return Err(Rejection::WouldTake.into());
        }
        let (before, after) = (self.held(order.side, order.price, present), self.held(order.side, price, lots.0));
        let (held, freed) = (after.saturating_sub(before), before.saturating_sub(after));
        let hold = Hold { owner, side: order.side, amount: held, slots: order.slots };
        if held > 0 && !desk.hold(&hold) {
            return Err(Rejection::Funds.into());
        }

        let (slots, side) = (order.slots, order.side);
        desk.report(Report::Amended { id, owner, slots, side, price, lots, held, freed, kept: keeps });
        if keeps {
            let by = present.saturating_sub(lots.0);
            if by > 0 {
                self.book.shrink(slot, by)?;
                if side == Side::Buy {
                    self.owners.bought(owner, by)?;
                }
            }
            return Ok(());
        }
        self.book.dequeue(slot)?;
        self.owners.discount(owner, side, order.place, present)?;
        let mut taker = Taker {
            id,
            owner,
            slots,
            fees: order.fees,
            side,
            self_trade: order.self_trade,
            limit: price,
            left: lots.0,
            quote: None,
        };
        let end = if self.phase.gathers() { None } else { self.take(&mut taker, desk)? };
        Ok(self.rest_again(&taker, end, peak, desk)?)
    }
}
