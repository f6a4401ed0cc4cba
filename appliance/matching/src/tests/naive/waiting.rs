//! Orders that wait, and pairs.

use super::*;

impl Naive {
    /// Ends the other leg of a pair.
    pub(super) fn part(&mut self, order: &Open) {
        let Some(partner) = order.partner else { return };
        for other in self.orders.iter_mut().filter(|other| [order.id, partner].contains(&other.id)) {
            other.partner = None;
        }
        self.end(partner, End::Pair);
    }

    pub(super) fn follow(&mut self) {
        self.notice();
        for _ in 0..self.limits.fired {
            let next = self.orders.iter().filter(|order| order.fired.is_some()).min_by_key(|order| order.fired);
            let Some(order) = next.filter(|_| self.phase == Phase::Trading).cloned() else { break };
            if self.followed >= self.limits.follow {
                break;
            }
            self.met = 0;
            self.carry_out(order);
            self.followed += self.met;
            self.notice();
        }
    }

    pub(super) fn notice(&mut self) {
        if std::mem::take(&mut self.tripped) {
            let until = Some(Timestamp(self.now.0 + self.breaker.pause_us));
            self.enter_phase(Phase::CancelOnly { until });
        }
        let seen = std::mem::take(&mut self.seen);
        let mut extremes = vec![seen.first().copied(), seen.last().copied()];
        extremes.dedup();
        for price in extremes.into_iter().flatten() {
            let waiting = |rises: bool| {
                move |order: &&Open| order.waits.is_some_and(|waits| waits.rises == rises) && order.fired.is_none()
            };
            loop {
                let key = |order: &&Open| order.waits.map(|waits| (waits.trigger, waits.since));
                let next = self.orders.iter().filter(waiting(true)).min_by_key(key);
                match next.filter(|order| order.waits.unwrap().trigger <= price).cloned() {
                    Some(order) => self.fire(order, price),
                    None => break,
                }
            }
            loop {
                let key = |order: &&Open| order.waits.map(|waits| (u64::MAX - waits.trigger, waits.since));
                let next = self.orders.iter().filter(waiting(false)).min_by_key(key);
                match next.filter(|order| order.waits.unwrap().trigger >= price).cloned() {
                    Some(order) => self.fire(order, price),
                    None => break,
                }
            }
            self.orders.sort_by_key(|order| order.id);
            for order in self.orders.iter_mut().filter(|order| order.fired.is_none()) {
                let Some(waits) = &mut order.waits else { continue };
                let Some(offset) = waits.offset else { continue };
                let trigger = if waits.rises { price + offset } else { price.saturating_sub(offset) };
                if trigger >= 1 && if waits.rises { trigger < waits.trigger } else { trigger > waits.trigger } {
                    waits.trigger = trigger;
                    waits.since = self.arrivals;
                    self.arrivals += 1;
                }
            }
        }
    }

    pub(super) fn fire(&mut self, order: Open, price: u64) {
        let (arrivals, needs) = (self.arrivals, self.needs(&order));
        self.arrivals += 1;
        let fired = self.orders.iter_mut().find(|other| other.id == order.id).unwrap();
        fired.fired = Some(arrivals);
        fired.partner = None;
        let held = std::mem::replace(&mut fired.waits.as_mut().unwrap().held, needs);
        let Open { id, owner, slots, side, .. } = order;
        self.reports.push(Report::Triggered { id, owner, slots, side, price: Ticks(price), held: needs });
        let Some(partner) = order.partner else { return };
        let at = self.orders.iter().position(|other| other.id == partner).unwrap();
        let limit = self.orders.remove(at);
        let Open { id, owner, slots, side, .. } = limit;
        let (lots, freed) = (Lots(limit.lots()), self.held(&limit) + held - needs);
        self.reports.push(Report::Ended { id, owner, slots, side, lots, freed, why: End::Pair });
    }

    /// Whether an order would be filled, and how many it would meet.
    pub(super) fn fills(&self, order: &Open, action: &Action) -> (bool, u32) {
        let mut trial = self.clone();
        let mut walker = order.clone();
        let end = trial.walk(&mut walker);
        let by_quote = matches!(action, Action::Market { by: By::Quote, .. });
        let whole = walker.open == 0 || by_quote && end == Some(End::Quote);
        let since = &trial.reports[self.reports.len()..];
        let fills = whole && !since.iter().any(|report| matches!(report, Report::Reduced { .. }));
        (fills, trial.met - self.met)
    }

    pub(super) fn carry_out(&mut self, mut order: Open) {
        let over = |at: &Timestamp| *at <= self.now;
        if order.until.as_ref().is_some_and(over) {
            return self.end(order.id, End::Deadline);
        }
        if self.switches.get(&order.owner).is_some_and(over) {
            return self.end(order.id, End::CancelAfter);
        }
        self.orders.retain(|other| other.id != order.id);
        let action = order.action;
        (order.waits, order.fired) = (None, None);
        let refused = match action {
            Action::Limit { life: Life::FillOrKill, .. } | Action::Market { fill_or_kill: true, .. } => {
                let (fills, met) = self.fills(&order, &action);
                self.met += met;
                !fills
            }
            _ => order.post_only && self.front(&order).is_some(),
        };
        let end = if refused { Some(End::Refused) } else { self.walk(&mut order) };
        self.settle(order, &action, end);
    }

    /// What walked rests or ends.
    pub(super) fn settle(&mut self, order: Open, action: &Action, end: Option<End>) {
        let rests = matches!(action, Action::Limit { life: Life::Rest { .. }, .. });
        if order.quote.is_some() {
            let why = if order.open == 0 { End::Completed } else { end.unwrap_or(End::Unfilled) };
            if order.open > 0 || self.held(&order) > 0 {
                self.ended(&order, why);
            }
        } else if order.open > 0 {
            match end {
                None if rests => self.rest(order),
                end => self.ended(&order, end.unwrap_or(End::Unfilled)),
            }
        }
    }

    pub(super) fn wait(&mut self, mut order: Open, new: &NewOrder, held: u128, partner: Option<OrderId>) {
        let (trigger, offset) = self.trigger(new).unwrap();
        let rises = rises(new);
        order.partner = partner;
        order.waits = Some(Waits { rises, trigger, since: self.arrivals, offset, held });
        self.arrivals += 1;
        self.orders.push(order);
    }

    /// The trigger of an order and how it follows the price.
    pub(super) fn trigger(&self, new: &NewOrder) -> Result<(u64, Option<u64>), Rejection> {
        let price = self.reference().ok_or(Rejection::Trigger)?;
        let (trigger, offset) = match new.when.unwrap() {
            When::StopLoss(at) | When::TakeProfit(at) => (at.0, None),
            When::Trailing(offset) if offset.0 == 0 => return Err(Rejection::Trigger),
            When::Trailing(offset) if rises(new) => (price.saturating_add(offset.0), Some(offset.0)),
            When::Trailing(offset) => (price.saturating_sub(offset.0), Some(offset.0)),
        };
        ensure((1..=PRICE_TICKS_MAX).contains(&trigger), Rejection::Trigger)?;
        let met = if rises(new) { price >= trigger } else { price <= trigger };
        ensure(!met, Rejection::WouldTrigger)?;
        Ok((trigger, offset))
    }

    pub(super) fn enter_pair(&mut self, pair: &NewPair) -> Verdict {
        ensure(self.phase == Phase::Trading, Rejection::Phase)?;
        let lots = match pair.stop.action {
            Action::Limit { lots, .. } | Action::Market { lots, by: By::Lots, .. } => lots,
            Action::Market { .. } => return Err(Rejection::Quantity),
        };
        ensure(pair.stop.when.is_some(), Rejection::Trigger)?;
        let life = Life::Rest { until: None, peak: None, post_only: true };
        let limit = NewOrder { when: None, action: Action::Limit { price: pair.price, lots, life }, ..pair.stop };
        let mut first = self.check(&limit)?;
        let mut second = self.check(&pair.stop)?;
        let count = self.orders.iter().filter(|order| order.owner == limit.owner).count() + 2;
        ensure(count <= self.filters.orders_max.min(1_000) as usize, Rejection::OrdersMax)?;
        ensure(self.front(&first).is_none(), Rejection::WouldTake)?;
        let full = self.prices(limit.side).len() >= self.limits.levels;
        ensure(self.orders.len() + 2 <= self.limits.orders as usize && !full, Rejection::Full)?;
        let (one, other) = (self.needs(&first), self.needs(&second));
        let NewOrder { owner, slots, side, tag, .. } = limit;
        ensure(covers(&Hold { owner, side, amount: one.max(other), slots }), Rejection::Funds)?;
        first.id = self.next_id();
        self.sequence += 1;
        self.reports.push(Report::Accepted { id: first.id, owner, slots, side, tag, held: one });
        let id = first.id;
        self.rest(first);
        second.id = self.next_id();
        self.sequence += 1;
        self.orders.last_mut().unwrap().partner = Some(second.id);
        let held = other.saturating_sub(one);
        self.reports.push(Report::Accepted { id: second.id, owner, slots, side, tag, held });
        self.wait(second, &pair.stop, held, Some(id));
        Ok(())
    }
}
