//! A market: a book and the rules around it.
//!
//! A command validates, asks the desk to hold what it needs, and only then changes anything: a refused command leaves
//! nothing but its report. What time has brought about is done before it. Everything a command may set off is bounded;
//! what is over is done by the next ones, [`Command::Tick`] if there is none.

mod amend;
mod cancel;
mod enter;
mod phases;
mod trade;
mod triggers;
mod view;

pub use phases::DELISTED_PER_COMMAND;
pub use triggers::{FIRED_PER_COMMAND, FOLLOW_STEPS_MAX, TRAILING_MAX, WAITING_MAX};
pub use view::{OrderView, Stands};

use std::collections::BTreeSet;

use exchequer_domain::Timestamp;

use crate::book::Book;
use crate::book::orders::{HAS_DEADLINE, Order, Place};
use crate::book::walk::{Taker, Terms};
use crate::breaker::{Breaker, Window};
use crate::command::Command;
use crate::fees::Worth;
use crate::filters::Filters;
use crate::halt::Halt;
use crate::limits::Limits;
use crate::owners::Owners;
use crate::phase::Phase;
use crate::planted::{Bug, has};
use crate::rejection::Rejection;
use crate::reports::{Desk, End, Report};
use crate::timers::Timers;
use crate::units::{Lots, OrderId, Owner, PRICE_TICKS_MAX, Side, Ticks};

/// Most deadlines of orders that are met before one command. An order whose time is over does not trade meanwhile.
pub const DEADLINES_PER_COMMAND: u32 = 64;
/// Most dead man's switches that fall before one command. An order whose owner's switch is over does not trade meanwhile.
pub const SWITCHES_PER_COMMAND: u32 = 4;

/// Why a command went no further.
enum Stop {
    Rejected(Rejection),
    Halt(Halt),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Stop {
        Stop::Halt(halt)
    }
}

/// One market.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) worth: Worth,
    pub(crate) filters: Filters,
    pub(crate) breaker: Breaker,
    pub(crate) window: Window,
    /// The breaker stopped the walk of the last order.
    pub(crate) tripped: bool,
    pub(crate) phase: Phase,
    pub(crate) book: Book,
    pub(crate) owners: Owners,
    pub(crate) timers: Timers,
    pub(crate) switches: BTreeSet<(Timestamp, Owner)>,
    /// Owners whose switch was changed since its row was written, in order of the first change.
    pub(crate) switched: Vec<Owner>,
    /// Trailing stops, in order of entry.
    pub(crate) trailing: Vec<OrderId>,
    /// First and last price of the order that traded last, until it is seen what that sets off.
    pub(crate) seen: Option<(Ticks, Ticks)>,
    /// Resting orders that triggered orders have met with the present command.
    pub(crate) followed: u32,
    pub(crate) reference: Option<Ticks>,
    pub(crate) last: Option<Ticks>,
    /// Orders so far.
    pub(crate) sequence: u64,
    /// Trades so far.
    pub(crate) trades: u64,
    pub(crate) now: Timestamp,
    /// A command came since the row of the head was written.
    pub(crate) changed: bool,
    /// Orders so far when rows were written last: later ones have none.
    pub(crate) written: u64,
    /// Memory for the rehearsal of a walk.
    pub(crate) later: Vec<(u32, u64)>,
    /// Memory for the orders of an owner.
    pub(crate) ids: Vec<OrderId>,
}

impl Market {
    /// A market without orders, in the phase before opening, with the circuit breaker off.
    #[must_use]
    pub fn new(worth: Worth, filters: Filters) -> Market {
        Market::within(Limits::FULL, worth, filters)
    }

    /// A new market with these limits.
    pub(crate) fn within(limits: Limits, worth: Worth, filters: Filters) -> Market {
        Market {
            worth,
            filters,
            breaker: Breaker { band_ppm: 0, ..Breaker::default() },
            window: Window::default(),
            tripped: false,
            phase: Phase::PreOpen,
            book: Book::within(limits),
            owners: Owners::default(),
            timers: Timers::default(),
            switches: BTreeSet::new(),
            switched: Vec::new(),
            trailing: Vec::new(),
            seen: None,
            followed: 0,
            reference: None,
            last: None,
            sequence: 0,
            trades: 0,
            now: Timestamp(0),
            changed: true,
            written: 0,
            later: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// The orders.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// The present phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The price of the last trade.
    #[must_use]
    pub fn last(&self) -> Option<Ticks> {
        self.last
    }

    /// What new orders must satisfy.
    #[must_use]
    pub fn filters(&self) -> &Filters {
        &self.filters
    }

    /// What stops trading.
    #[must_use]
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// The price that limits are measured by until there is a trade.
    #[must_use]
    pub fn reference(&self) -> Option<Ticks> {
        self.reference
    }

    /// Runs one command at a moment of replicated time and tells the desk everything that it did.
    ///
    /// # Errors
    /// The market is inconsistent and must be dropped; never because of the command.
    pub fn apply<D: Desk>(&mut self, now: Timestamp, command: &Command, desk: &mut D) -> Result<(), Halt> {
        self.now = self.now.max(now);
        self.changed = true;
        self.followed = 0;
        if self.phase.cancels() {
            self.pass_time(desk)?;
        }
        self.pass_phase(desk)?;
        self.follow(desk)?;
        let (tag, done) = match command {
            Command::New(new) => (new.tag, self.enter(new, desk)),
            Command::Pair(pair) => (pair.stop.tag, self.enter_pair(pair, desk)),
            Command::Cancel { owner, id } => (id.0, self.cancel(*owner, *id, End::Cancelled, desk)),
            Command::Amend { owner, id, price, lots, seen } => {
                (id.0, self.amend(*owner, *id, *price, *lots, *seen, desk))
            }
            Command::Replace { id, new } => match self.cancel(new.owner, *id, End::Replaced, desk) {
                Ok(()) => (new.tag, self.enter(new, desk)),
                stopped => (id.0, stopped),
            },
            Command::CancelAll { owner, side } => (u64::from(owner.0), self.cancel_all(*owner, *side, desk)),
            Command::CancelAfter { owner, at } => (u64::from(owner.0), self.cancel_after(*owner, *at)),
            Command::SetPhase(change) => (0, self.set_phase(*change, desk)),
            Command::SetFilters(filters) => {
                self.filters = *filters;
                (0, Ok(()))
            }
            Command::SetBreaker(breaker) => {
                self.breaker = *breaker;
                self.window.clear();
                (0, Ok(()))
            }
            Command::SetReference(price) => (0, self.set_reference(*price)),
            Command::Tick => (0, Ok(())),
        };
        match done {
            Ok(()) => {}
            Err(Stop::Rejected(why)) => desk.report(Report::Rejected { tag, why }),
            Err(Stop::Halt(halt)) => return Err(halt),
        }
        if has(Bug::CascadeLate) {
            return Ok(());
        }
        self.follow(desk)
    }

    fn set_reference(&mut self, price: Ticks) -> Result<(), Stop> {
        if price.0 == 0 || price.0 > PRICE_TICKS_MAX {
            return Err(Rejection::Price.into());
        }
        self.reference = Some(price);
        Ok(())
    }

    /// The price that limits and triggers are measured by and that an auction without a better reason is nearest to:
    /// that of the last trade, before the first one what [`Command::SetReference`] set. Nothing where neither is.
    #[must_use]
    pub fn measure(&self) -> Option<Ticks> {
        self.last.or(self.reference)
    }

    #[inline]
    fn terms(&mut self) -> Terms {
        let reference = self.measure();
        let switch_over = self.switches.first().is_some_and(|(at, _)| *at <= self.now);
        let band = self.window.band(&self.breaker, self.now, reference);
        Terms { worth: self.worth, now: self.now, band, switch_over }
    }

    /// What is held for lots of an order with a limit.
    #[inline]
    fn held(&self, side: Side, limit: Ticks, lots: u64) -> u128 {
        match side {
            Side::Buy => self.worth.quote(limit, lots),
            Side::Sell => self.worth.base(lots),
        }
    }

    /// What is held for what is left of an order that walks.
    fn held_by(&self, taker: &Taker) -> u128 {
        match (taker.quote, taker.side) {
            (Some(quote), Side::Buy) => quote,
            (Some(_), Side::Sell) | (None, _) => self.held(taker.side, taker.limit, taker.left),
        }
    }

    /// Ends what time has ended.
    fn pass_time<D: Desk>(&mut self, desk: &mut D) -> Result<(), Halt> {
        for _ in 0..self.book.limits.deadlines {
            match self.timers.first() {
                Some((deadline, id)) if deadline <= self.now => self.end(id.slot(), End::Deadline, desk)?,
                Some(_) | None => break,
            }
        }
        for _ in 0..self.book.limits.switches {
            match self.switches.first().copied() {
                Some((at, owner)) if at <= self.now => {
                    self.switch(owner, None)?;
                    self.end_all(owner, None, End::CancelAfter, desk)?;
                }
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    /// Ends an open order wherever it is, and the other leg where it is one of a pair.
    fn end<D: Desk>(&mut self, slot: u32, why: End, desk: &mut D) -> Result<(), Halt> {
        let other = self.part(slot)?;
        let freed = self.held_for(slot)?;
        self.end_with(slot, freed, why, desk)?;
        if let Some(other) = other {
            let freed = self.held_for(other)?;
            self.end_with(other, freed, End::Pair, desk)?;
        }
        Ok(())
    }

    /// What is held for an open order.
    fn held_for(&self, slot: u32) -> Result<u128, Halt> {
        let order = self.book.order(slot)?;
        Ok(match order.place {
            Place::Bids | Place::Asks => self.held(order.side, order.price, order.lots()),
            Place::Nowhere | Place::Rising | Place::Falling | Place::Fired => self.book.detail(slot)?.held,
        })
    }

    fn end_with<D: Desk>(&mut self, slot: u32, freed: u128, why: End, desk: &mut D) -> Result<(), Halt> {
        let order = *self.book.order(slot)?;
        self.book.dequeue(slot)?;
        self.owners.discount(order.owner, order.side, order.place, order.lots())?;
        self.forget_trailing(&order)?;
        self.drop(&order)?;
        desk.report(ended(&order, order.lots(), freed, why));
        Ok(())
    }

    /// Forgets an order that is in no queue and not counted any more.
    fn drop(&mut self, order: &Order) -> Result<(), Halt> {
        let slot = order.id.slot();
        if order.has(HAS_DEADLINE) {
            self.timers.remove(&mut self.book, slot)?;
        }
        self.owners.detach(&mut self.book, slot)?;
        if has(Bug::FilledIsKnown) {
            return Ok(());
        }
        self.book.forget(slot)
    }
}

fn ended(order: &Order, lots: u64, freed: u128, why: End) -> Report {
    let Order { id, owner, slots, side, .. } = *order;
    Report::Ended { id, owner, slots, side, lots: Lots(lots), freed, why }
}
