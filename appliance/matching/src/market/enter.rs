//! Entering an order: the checks in the order of their rejections, then the walk, then rest or end.

use super::{Market, Stop, ended};
use crate::book::orders::{Detail, HAS_DEADLINE, Order, POST_ONLY, Place};
use crate::book::walk::{Rehearsal, Taker, rehearse};
use crate::command::{Action, By, Life, NewOrder};
use crate::fees::FEE_PPM_MAX;
use crate::filters::{ORDERS_OF_OWNER_MAX, parts};
use crate::halt::Halt;
use crate::owners::OWNERS_MAX;
use crate::phase::Phase;
use crate::planted::{Bug, has};
use crate::rejection::Rejection;
use crate::reports::{Desk, End, Hold, Report};
use crate::units::{Lots, ORDER_LOTS_MAX, OrderId, PRICE_TICKS_MAX, Side, Ticks};

impl Market {
    pub(super) fn enter<D: Desk>(&mut self, new: &NewOrder, desk: &mut D) -> Result<(), Stop> {
        self.check_phase(new)?;
        let mut taker = self.check(new)?;
        let slot = self.book.next_slot().ok_or(Rejection::Full)?;
        taker.id = OrderId::new(self.sequence + 1, slot).ok_or(Rejection::Full)?;
        if new.when.is_none() {
            self.check_book(new, &taker)?;
        }
        let held = self.held_by(&taker);
        let hold = Hold { owner: new.owner, side: new.side, amount: held, slots: new.slots };
        if !desk.hold(&hold) {
            return Err(Rejection::Funds.into());
        }

        self.sequence += 1;
        let (id, tag) = (taker.id, new.tag);
        desk.report(Report::Accepted { id, owner: new.owner, slots: new.slots, side: new.side, tag, held });
        match new.when {
            None => Ok(self.run(new, taker, desk)?),
            Some(when) => Ok(self.wait(new, when, &taker, held, OrderId::NONE)?),
        }
    }

    fn check_phase(&self, new: &NewOrder) -> Result<(), Rejection> {
        let allowed = match (self.phase, &new.action, new.when) {
            (Phase::Trading, _, _) => true,
            (Phase::PostOnly, Action::Limit { life: Life::Rest { post_only, .. }, .. }, None) => *post_only,
            (phase, Action::Limit { life: Life::Rest { post_only, .. }, .. }, None) => phase.gathers() && !post_only,
            _ => false,
        };
        if allowed { Ok(()) } else { Err(Rejection::Phase) }
    }

    /// Everything that depends on the order, the filters and its owner.
    #[inline]
    pub(super) fn check(&self, new: &NewOrder) -> Result<Taker, Rejection> {
        if new.owner.0 >= OWNERS_MAX {
            return Err(Rejection::Owner);
        }
        if new.fees.maker_ppm > FEE_PPM_MAX || new.fees.taker_ppm > FEE_PPM_MAX {
            return Err(Rejection::Fees);
        }
        let mut taker = Taker {
            id: OrderId::NONE,
            owner: new.owner,
            slots: new.slots,
            fees: new.fees,
            side: new.side,
            self_trade: new.self_trade,
            limit: worst(new.side),
            left: 0,
            quote: None,
        };
        let filters = &self.filters;
        match new.action {
            Action::Limit { price, lots, life } => {
                (taker.limit, taker.left) = (price, lots.0);
                filters.price(price)?;
                filters.lots(lots, filters.lots_max)?;
                if let Life::Rest { until, peak, .. } = life {
                    let step = u64::from(filters.lots_step.max(1));
                    if peak.is_some_and(|peak| peak.0 == 0 || peak >= lots || peak.0 % step != 0) {
                        return Err(Rejection::Peak);
                    }
                    peak.map_or(Ok(()), |peak| parts(lots, peak))?;
                    if until.is_some_and(|until| until <= self.now) {
                        return Err(Rejection::Deadline);
                    }
                }
            }
            Action::Market { lots, quote, by, .. } => {
                (taker.left, taker.quote) = (lots.0, Some(quote));
                match by {
                    By::Lots => filters.lots(lots, filters.market_lots_max)?,
                    By::Quote if lots.0 == 0 || lots.0 > ORDER_LOTS_MAX => return Err(Rejection::Quantity),
                    By::Quote => {}
                }
            }
        }
        if let Some(when) = new.when {
            self.check_trigger(new.side, when)?;
        }
        match new.action {
            Action::Limit { price, lots, .. } => {
                filters.percent(new.side, price, self.measure())?;
                filters.notional(self.worth.quote(price, lots.0))?;
            }
            Action::Market { lots, quote, by, .. } => {
                match (by, self.measure()) {
                    (By::Quote, _) => filters.notional(quote)?,
                    (By::Lots, Some(price)) => filters.notional(self.worth.quote(price, lots.0))?,
                    (By::Lots, None) => {}
                }
                if quote == 0 {
                    return Err(Rejection::Notional);
                }
            }
        }
        let owner = self.owners.get(new.owner);
        if owner.orders >= filters.orders_max.min(ORDERS_OF_OWNER_MAX) {
            return Err(Rejection::OrdersMax);
        }
        if matches!(new.action, Action::Limit { life: Life::Rest { .. }, .. })
            && owner.orders >= self.prices_of(new.side)
        {
            return Err(Rejection::OrdersMax);
        }
        if let Some(when) = new.when {
            self.check_waiting(new, when)?;
        }
        if new.side == Side::Buy {
            let room = filters.position_max.0.saturating_sub(new.position.0).saturating_sub(owner.buying);
            match new.action {
                Action::Market { by: By::Quote, .. } if room > 0 => taker.left = taker.left.min(room),
                _ if taker.left > room => return Err(Rejection::PositionMax),
                _ => {}
            }
        }
        Ok(taker)
    }

    /// How many prices of a side one owner may have: each order may be at a price of its own.
    #[inline]
    pub(super) fn prices_of(&self, side: Side) -> u32 {
        self.book.limits.share_of(self.book.limits.levels, self.book.prices(side))
    }

    /// Everything that depends on what rests.
    fn check_book(&mut self, new: &NewOrder, taker: &Taker) -> Result<(), Stop> {
        match new.action {
            Action::Limit { life: Life::Rest { post_only, .. }, .. } => {
                if post_only && !has(Bug::PostOnlyTakes) && self.takes(taker.side, taker.limit) {
                    return Err(Rejection::WouldTake.into());
                }
            }
            Action::Limit { life: Life::Immediate, .. } | Action::Market { fill_or_kill: false, .. } => {}
            Action::Limit { life: Life::FillOrKill, .. } => {
                if self.rehearse(taker)?.0 != Rehearsal::Filled {
                    return Err(Rejection::CannotFill.into());
                }
            }
            Action::Market { fill_or_kill: true, by, .. } => {
                let (rehearsal, _) = self.rehearse(taker)?;
                let spent = by == By::Quote && rehearsal == Rehearsal::Short(Some(End::Quote));
                if rehearsal != Rehearsal::Filled && !spent {
                    return Err(Rejection::CannotFill.into());
                }
            }
        }
        Ok(())
    }

    /// How a walk would end, and how many orders it would meet.
    pub(super) fn rehearse(&mut self, taker: &Taker) -> Result<(Rehearsal, u32), Halt> {
        let terms = self.terms();
        let mut steps = 0;
        let rehearsal = rehearse((&self.book, &self.owners), *taker, &terms, &mut self.later, &mut steps)?;
        Ok((rehearsal, steps))
    }

    /// Whether an order with this limit would meet another one.
    pub(super) fn takes(&self, side: Side, limit: Ticks) -> bool {
        self.book.best(side.opposite()).is_some_and(|best| side.accepts(limit, best))
    }

    /// What an accepted order does now.
    pub(super) fn run<D: Desk>(&mut self, new: &NewOrder, mut taker: Taker, desk: &mut D) -> Result<(), Halt> {
        let end = if self.phase.gathers() { None } else { self.take(&mut taker, desk)? };
        let action = match new.action {
            Action::Limit { price, lots, life: Life::Immediate } if has(Bug::ImmediateRests) => {
                Action::Limit { price, lots, life: Life::Rest { until: None, peak: None, post_only: false } }
            }
            action => action,
        };
        match action {
            Action::Limit { .. } if taker.left == 0 => Ok(()),
            Action::Limit { price, life: Life::Rest { until, peak, post_only }, .. } if end.is_none() => {
                let mut order =
                    Order { price, flags: if post_only { POST_ONLY } else { 0 }, open: taker.left, ..template(&taker) };
                let mut detail = Detail { tag: new.tag, ..Detail::NONE };
                if let Some(Lots(peak)) = peak {
                    detail.peak = peak;
                    order.open = taker.left.min(peak);
                    order.hidden = taker.left - order.open;
                }
                if let Some(until) = until {
                    detail.deadline = until;
                    order.flags |= HAS_DEADLINE;
                }
                self.place(order, detail, desk)
            }
            Action::Limit { .. } => {
                desk.report(self.ended_taker(&taker, end.unwrap_or(End::Unfilled)));
                Ok(())
            }
            Action::Market { .. } => {
                let why = if taker.left == 0 { End::Completed } else { end.unwrap_or(End::Unfilled) };
                if taker.left > 0 || self.held_by(&taker) > 0 {
                    desk.report(self.ended_taker(&taker, why));
                }
                Ok(())
            }
        }
    }

    /// Keeps a new order and lets it rest.
    fn place<D: Desk>(&mut self, order: Order, detail: Detail, desk: &mut D) -> Result<(), Halt> {
        let slot = self.book.keep(order, detail)?;
        if !self.book.enqueue(slot, Place::of(order.side))? {
            self.book.forget(slot)?;
            let freed = self.held(order.side, order.price, order.lots());
            desk.report(ended(&order, order.lots(), freed, End::Full));
            return Ok(());
        }
        if order.has(HAS_DEADLINE) {
            self.timers.add(&mut self.book, detail.deadline, order.id)?;
        }
        self.owners.attach(&mut self.book, slot)?;
        self.owners.count(order.owner, order.side, Place::of(order.side), order.lots())
    }

    pub(super) fn ended_taker(&self, taker: &Taker, why: End) -> Report {
        ended(&template(taker), taker.left, self.held_by(taker), why)
    }
}

/// The worst limit of a side: that of a market order.
pub(super) fn worst(side: Side) -> Ticks {
    match side {
        Side::Buy => Ticks(PRICE_TICKS_MAX),
        Side::Sell => Ticks(1),
    }
}

/// An order node of what walks.
pub(super) fn template(taker: &Taker) -> Order {
    let Taker { id, owner, slots, fees, side, self_trade, .. } = *taker;
    Order { id, owner, slots, fees, side, self_trade, ..Order::VACANT }
}
