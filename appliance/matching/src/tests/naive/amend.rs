//! Amendments.

use super::*;

impl Naive {
    pub(super) fn amend(&mut self, owner: Owner, id: OrderId, price: u64, lots: u64, seen: u64) -> Verdict {
        let mut order = self.find(owner, id)?;
        ensure(order.arrival.is_some() && order.partner.is_none(), Rejection::UnknownOrder)?;
        let present = order.lots();
        let fits = seen >= present && u128::from(lots) + u128::from(present) > u128::from(seen);
        let lots = if fits { lots - (seen - present) } else { 0 };
        let keeps = price == order.price && lots <= present;
        let allowed = match self.phase {
            Phase::PreOpen | Phase::Auction { .. } | Phase::Trading | Phase::PostOnly => true,
            Phase::CancelOnly { .. } => keeps,
            _ => false,
        };
        ensure(allowed, Rejection::Phase)?;
        self.check_price(price)?;
        self.check_lots(lots, self.filters.lots_max)?;
        ensure(order.peak.is_none_or(|peak| lots.div_ceil(peak) <= 100), Rejection::Peak)?;
        if !keeps {
            self.check_percent(order.side, price)?;
        }
        self.check_notional(self.quote(price, lots))?;
        if order.side == Side::Buy && lots > present {
            let buying = self.buying(owner) - present + lots;
            ensure(buying <= self.filters.position_max.0, Rejection::PositionMax)?;
        }
        let count = self.orders.iter().filter(|order| order.owner == owner).count();
        let more = self.share(self.limits.levels, self.prices(order.side).len());
        ensure(price == order.price || count <= more, Rejection::OrdersMax)?;
        let before = self.held(&order);
        let old = order.clone();
        (order.price, order.open, order.hidden) = (price, lots, 0);
        if !keeps && !self.gathers() && (order.post_only || self.phase == Phase::PostOnly) {
            ensure(self.front(&order).is_none(), Rejection::WouldTake)?;
        }
        let after = self.held(&order);
        let (held, freed) = (after.saturating_sub(before), before.saturating_sub(after));
        let Open { slots, side, .. } = order;
        ensure(held == 0 || covers(&Hold { owner, side, amount: held, slots }), Rejection::Funds)?;
        let (price, lots) = (Ticks(price), Lots(lots));
        self.reports.push(Report::Amended { id, owner, slots, side, price, lots, held, freed, kept: keeps });
        let at = self.orders.iter().position(|order| order.id == id).unwrap();
        if keeps {
            let hidden = old.hidden.saturating_sub(present - lots.0);
            (self.orders[at].hidden, self.orders[at].open) = (hidden, lots.0 - hidden);
            return Ok(());
        }
        // Still known, so that its place is not given away, but in no queue.
        self.orders[at].arrival = None;
        let end = if self.gathers() { None } else { self.walk(&mut order) };
        self.orders.retain(|other| other.id != id);
        match end {
            _ if order.open == 0 => {}
            None => self.rest(order),
            Some(why) => self.ended(&order, why),
        }
        Ok(())
    }
}
