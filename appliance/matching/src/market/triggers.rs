//! Orders that wait for a price: stops, take-profits, trailing stops, and pairs.
//!
//! After each order that traded, the prices it traded at set off what waited for them: by trigger price, and among
//! equal ones by when they came to it. They are carried out one after the other, and what they trade sets off more.

use super::{Market, Stop, ended};
use crate::book::orders::{
    BY_QUOTE, Detail, FILL_OR_KILL, HAS_DEADLINE, IMMEDIATE, IN_PAIR, MARKET, Order, POST_ONLY, Place, TRAILING,
};
use crate::book::walk::{Rehearsal, Taker};
use crate::command::{Action, By, Life, NewOrder, NewPair, When};
use crate::filters::ORDERS_OF_OWNER_MAX;
use crate::halt::Halt;
use crate::phase::Phase;
use crate::planted::{Bug, has};
use crate::rejection::Rejection;
use crate::reports::{Desk, End, Hold, Report};
use crate::units::{OrderId, PRICE_TICKS_MAX, Side, Ticks};

/// Most orders of a market that wait for a trigger.
pub const WAITING_MAX: u32 = 1 << 14;
/// Most trailing stops of a market.
pub const TRAILING_MAX: usize = 1 << 10;
/// Most triggered orders that are carried out before a command, and after it.
pub const FIRED_PER_COMMAND: u32 = 16;
/// Resting orders met by triggered orders around one command, after which none more is carried out with it. The one
/// that comes to this bound still goes its whole way of [`crate::STEPS_MAX`]; what a fill-or-kill counts beforehand is
/// met as well.
pub const FOLLOW_STEPS_MAX: u32 = 1_000;

impl When {
    /// Where an order of this side waits.
    fn place(self, side: Side) -> Place {
        let side = if has(Bug::StopsInverted) { side.opposite() } else { side };
        match (self, side) {
            (When::StopLoss(_) | When::Trailing(_), Side::Buy) | (When::TakeProfit(_), Side::Sell) => Place::Rising,
            (When::StopLoss(_) | When::Trailing(_), Side::Sell) | (When::TakeProfit(_), Side::Buy) => Place::Falling,
        }
    }
}

/// Where a trailing stop triggers when the price is this; nothing where that is no price.
fn follow(place: Place, price: Ticks, offset: Ticks) -> Option<Ticks> {
    let trigger = match place {
        Place::Rising => price.0.checked_add(offset.0).filter(|price| *price <= PRICE_TICKS_MAX),
        _ => price.0.checked_sub(offset.0).filter(|price| *price > 0),
    };
    trigger.map(Ticks)
}

impl Market {
    /// The trigger of an order, if it is one that can be waited for.
    pub(super) fn check_trigger(&self, side: Side, when: When) -> Result<Ticks, Rejection> {
        let measure = self.measure().ok_or(Rejection::Trigger)?;
        let place = when.place(side);
        let trigger = match when {
            When::StopLoss(at) | When::TakeProfit(at) => at,
            When::Trailing(Ticks(0)) => return Err(Rejection::Trigger),
            When::Trailing(offset) => follow(place, measure, offset).ok_or(Rejection::Trigger)?,
        };
        if trigger.0 == 0 || trigger.0 > PRICE_TICKS_MAX {
            return Err(Rejection::Trigger);
        }
        let met = if place == Place::Rising { measure >= trigger } else { measure <= trigger };
        if met { Err(Rejection::WouldTrigger) } else { Ok(trigger) }
    }

    /// Whether the market and the owner may have one more order that waits.
    pub(super) fn check_waiting(&self, new: &NewOrder, when: When) -> Result<(), Rejection> {
        let limits = &self.book.limits;
        let waiting = self.book.rising.orders() + self.book.falling.orders();
        let mut is_full = waiting >= limits.waiting;
        let mut most = self.filters.stops_max.min(limits.share_of(limits.waiting as usize, waiting as usize));
        if matches!(when, When::Trailing(_)) {
            is_full |= self.trailing.len() >= limits.trailing;
            most = most.min(limits.share_of(limits.trailing, self.trailing.len()));
        }
        if is_full || self.owners.get(new.owner).stops >= most { Err(Rejection::StopsMax) } else { Ok(()) }
    }

    /// Keeps an accepted order until its trigger, with `held` minor units of its own.
    pub(super) fn wait(
        &mut self,
        new: &NewOrder,
        when: When,
        taker: &Taker,
        held: u128,
        partner: OrderId,
    ) -> Result<(), Halt> {
        let place = when.place(new.side);
        let trigger = self.check_trigger(new.side, when).map_err(|_| Halt("a checked trigger is none"))?;
        let mut order = Order { price: trigger, open: taker.left, ..super::enter::template(taker) };
        let mut detail = Detail { tag: new.tag, held, limit: taker.limit, when: Some(when), partner, ..Detail::NONE };
        if partner != OrderId::NONE {
            order.flags |= IN_PAIR;
        }
        if matches!(when, When::Trailing(_)) {
            order.flags |= TRAILING;
            self.trailing.push(taker.id);
        }
        match new.action {
            Action::Limit { life: Life::Rest { until, peak, post_only }, .. } => {
                order.flags |= if post_only { POST_ONLY } else { 0 };
                detail.peak = peak.map_or(0, |peak| peak.0);
                if let Some(until) = until {
                    order.flags |= HAS_DEADLINE;
                    detail.deadline = until;
                }
            }
            Action::Limit { life: Life::Immediate, .. } => order.flags |= IMMEDIATE,
            Action::Limit { life: Life::FillOrKill, .. } => order.flags |= IMMEDIATE | FILL_OR_KILL,
            Action::Market { quote, by, fill_or_kill, .. } => {
                detail.quote = quote;
                order.flags |= MARKET | if fill_or_kill { FILL_OR_KILL } else { 0 };
                order.flags |= if by == By::Quote { BY_QUOTE } else { 0 };
            }
        }
        let slot = self.book.keep(order, detail)?;
        if !self.book.enqueue(slot, place)? {
            return Err(Halt("there is no room for a trigger"));
        }
        self.owners.attach(&mut self.book, slot)?;
        self.owners.count(order.owner, order.side, place, order.open)?;
        if order.has(HAS_DEADLINE) {
            self.timers.add(&mut self.book, detail.deadline, order.id)?;
        }
        Ok(())
    }

    /// Enters a pair: a limit order that rests, and one that waits. Held is what the dearer of the two needs.
    pub(super) fn enter_pair<D: Desk>(&mut self, pair: &NewPair, desk: &mut D) -> Result<(), Stop> {
        if self.phase != Phase::Trading {
            return Err(Rejection::Phase.into());
        }
        let lots = match pair.stop.action {
            Action::Limit { lots, .. } | Action::Market { lots, by: By::Lots, .. } => lots,
            Action::Market { by: By::Quote, .. } => return Err(Rejection::Quantity.into()),
        };
        let when = pair.stop.when.ok_or(Rejection::Trigger)?;
        let life = Life::Rest { until: None, peak: None, post_only: true };
        let limit = NewOrder { when: None, action: Action::Limit { price: pair.price, lots, life }, ..pair.stop };
        let mut resting = self.check(&limit)?;
        let mut waiting = self.check(&pair.stop)?;
        if self.owners.get(limit.owner).orders + 2 > self.filters.orders_max.min(ORDERS_OF_OWNER_MAX) {
            return Err(Rejection::OrdersMax.into());
        }
        if self.takes(limit.side, pair.price) {
            return Err(Rejection::WouldTake.into());
        }
        let limits = self.book.limits;
        if self.book.open_orders() + 2 > limits.orders || self.book.prices(limit.side) >= limits.levels {
            return Err(Rejection::Full.into());
        }
        let first = self.book.next_slot().ok_or(Rejection::Full)?;
        resting.id = OrderId::new(self.sequence + 1, first).ok_or(Rejection::Full)?;
        let (limit_needs, stop_needs) = (self.held_by(&resting), self.held_by(&waiting));
        let (owner, side, slots) = (limit.owner, limit.side, limit.slots);
        if !desk.hold(&Hold { owner, side, amount: limit_needs.max(stop_needs), slots }) {
            return Err(Rejection::Funds.into());
        }

        self.sequence += 2;
        desk.report(Report::Accepted { id: resting.id, owner, slots, side, tag: limit.tag, held: limit_needs });
        self.run(&limit, resting, desk)?;
        let second = self.book.next_slot().ok_or(Halt("room that was there is gone"))?;
        waiting.id = OrderId::new(self.sequence, second).ok_or(Halt("the sequence is used up"))?;
        self.book.order_mut(first)?.flags |= IN_PAIR;
        self.book.detail_mut(first)?.partner = waiting.id;
        let excess = stop_needs.saturating_sub(limit_needs);
        desk.report(Report::Accepted { id: waiting.id, owner, slots, side, tag: limit.tag, held: excess });
        Ok(self.wait(&pair.stop, when, &waiting, excess, resting.id)?)
    }

    /// Breaks a pair up and names the other leg.
    pub(super) fn part(&mut self, slot: u32) -> Result<Option<u32>, Halt> {
        let order = self.book.order_mut(slot)?;
        if !order.has(IN_PAIR) || has(Bug::PairNotParted) {
            return Ok(None);
        }
        order.flags &= !IN_PAIR;
        let partner = self.book.detail(slot)?.partner;
        let other = self.book.find(partner).ok_or(Halt("a pair has one leg"))?;
        self.book.order_mut(other)?.flags &= !IN_PAIR;
        self.book.touch(slot)?;
        self.book.touch(other)?;
        Ok(Some(other))
    }

    /// Sets off what waited for the prices at which the last order traded, then carries out what was set off.
    pub(super) fn follow<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        self.notice(desk)?;
        for _ in 0..self.book.limits.fired {
            let may = self.phase == Phase::Trading && self.followed < self.book.limits.follow;
            let Some(slot) = self.book.next_fired().filter(|_| may) else { break };
            self.carry_out(slot, desk)?;
            self.notice(desk)?;
        }
        Ok(())
    }

    /// Prices of one order's trades only rise or only fall, so the first and the last are all there is to see.
    #[inline]
    fn notice<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        self.trip(desk);
        let Some((first, last)) = self.seen.take() else { return Ok(()) };
        self.see(first, desk)?;
        if last != first {
            self.see(last, desk)?;
        }
        Ok(())
    }

    fn see<D: Desk>(&mut self, price: Ticks, desk: &mut D) -> Result<(), Halt> {
        while self.book.rising.best_price().is_some_and(|trigger| trigger <= price)
            && let Some(slot) = self.book.rising.first().map(|level| level.head)
        {
            self.fire(slot, price, desk)?;
        }
        while self.book.falling.best_price().is_some_and(|trigger| trigger >= price)
            && let Some(slot) = self.book.falling.first().map(|level| level.head)
        {
            self.fire(slot, price, desk)?;
        }
        for at in 0..self.trailing.len() {
            let Some(slot) = self.trailing.get(at).map(|id| id.slot()) else { break };
            let order = *self.book.order(slot)?;
            let Some(When::Trailing(offset)) = self.book.detail(slot)?.when else {
                return Err(Halt("a trailing stop has no distance"));
            };
            let Some(trigger) = follow(order.place, price, offset) else { continue };
            let nearer = if order.place == Place::Rising { trigger < order.price } else { trigger > order.price };
            if nearer || (trigger != order.price && has(Bug::TrailingFollowsBack)) {
                self.book.dequeue(slot)?;
                self.book.order_mut(slot)?.price = trigger;
                if !self.book.enqueue(slot, order.place)? {
                    return Err(Halt("there is no room for a trigger"));
                }
            }
        }
        Ok(())
    }

    fn fire<D: Desk>(&mut self, slot: u32, price: Ticks, desk: &mut D) -> Result<(), Halt> {
        let order = *self.book.order(slot)?;
        self.book.dequeue(slot)?;
        self.book.enqueue(slot, Place::Fired)?;
        self.forget_trailing(&order)?;
        let other = self.part(slot)?;
        let detail = *self.book.detail(slot)?;
        let Order { id, owner, slots, side, .. } = order;
        let Some(other) = other else {
            desk.report(Report::Triggered { id, owner, slots, side, price, held: detail.held });
            return Ok(());
        };
        // The pair holds what the dearer leg needs; this one goes on with what it needs alone.
        let limit = *self.book.order(other)?;
        let needs = match (side, order.has(MARKET)) {
            (Side::Buy, true) => detail.quote,
            (side, _) => self.held(side, detail.limit, order.open),
        };
        let all = self.held(limit.side, limit.price, limit.lots()) + detail.held;
        self.book.detail_mut(slot)?.held = needs;
        let freed = all.checked_sub(needs).ok_or(Halt("a pair holds less than it needs"))?;
        desk.report(Report::Triggered { id, owner, slots, side, price, held: needs });
        self.end_with(other, freed, End::Pair, desk)
    }

    pub(super) fn forget_trailing(&mut self, order: &Order) -> Result<(), Halt> {
        if order.has(TRAILING) {
            let at = self.trailing.binary_search(&order.id).map_err(|_| Halt("a trailing stop is not listed"))?;
            self.trailing.remove(at);
            self.book.order_mut(order.id.slot())?.flags &= !TRAILING;
        }
        Ok(())
    }

    /// Lets a triggered order trade, and counts what it meets.
    fn take_counted<D: Desk>(&mut self, taker: &mut Taker, desk: &mut D) -> Result<Option<End>, Halt> {
        let mut steps = 0;
        let end = self.walk(taker, &mut steps, desk)?;
        self.followed += steps;
        Ok(end)
    }

    /// Lets a triggered order do what it waited for.
    fn carry_out<D: Desk>(&mut self, slot: u32, desk: &mut D) -> Result<(), Halt> {
        let order = *self.book.order(slot)?;
        let detail = *self.book.detail(slot)?;
        if order.has(HAS_DEADLINE) && detail.deadline <= self.now {
            return self.end(slot, End::Deadline, desk);
        }
        if self.owners.get(order.owner).cancel_after <= self.now {
            return self.end(slot, End::CancelAfter, desk);
        }
        self.book.dequeue(slot)?;
        self.owners.discount(order.owner, order.side, order.place, order.open)?;
        let quote = order.has(MARKET).then_some(detail.quote);
        let mut taker = Taker {
            id: order.id,
            owner: order.owner,
            slots: order.slots,
            fees: order.fees,
            side: order.side,
            self_trade: order.self_trade,
            limit: detail.limit,
            left: order.open,
            quote,
        };
        let refused = if order.has(FILL_OR_KILL) {
            let (rehearsal, steps) = self.rehearse(&taker)?;
            self.followed += steps;
            let spent = order.has(BY_QUOTE) && rehearsal == Rehearsal::Short(Some(End::Quote));
            rehearsal != Rehearsal::Filled && !spent
        } else {
            order.has(POST_ONLY) && self.takes(order.side, detail.limit)
        };
        let end = if refused { Some(End::Refused) } else { self.take_counted(&mut taker, desk)? };
        if !order.has(MARKET | IMMEDIATE) {
            return self.rest_again(&taker, end, detail.peak, desk);
        }
        let order = *self.book.order(slot)?;
        self.drop(&order)?;
        let freed = self.held_by(&taker);
        if taker.left > 0 || freed > 0 {
            let why = if taker.left == 0 { End::Completed } else { end.unwrap_or(End::Unfilled) };
            desk.report(ended(&order, taker.left, freed, why));
        }
        Ok(())
    }
}
