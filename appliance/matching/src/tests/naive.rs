//! A naive market, written apart from the code: one list of orders, searched anew for everything.

mod amend;
mod check;
mod phases;
mod view;
mod waiting;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::Timestamp;

use crate::limits::Limits;
use crate::{
    Action, Breaker, By, Command, End, FEE_PPM_MAX, Fees, Filters, Hold, Life, Lots, NewOrder, NewPair, ORDER_LOTS_MAX,
    OWNERS_MAX, OrderId, Owner, PRICE_TICKS_MAX, Party, Phase, PhaseChange, Rejection, Report, Rounding, SelfTrade,
    Side, Slots, Ticks, Trade, TradeId, When, Worth,
};

/// Whether the tests' desk holds an amount: refuses one in eleven.
pub(super) fn covers(hold: &Hold) -> bool {
    hold.amount % 11 != 7
}

/// An open order, or one that walks.
#[derive(Debug, Clone)]
struct Open {
    id: OrderId,
    owner: Owner,
    slots: Slots,
    tag: u64,
    fees: Fees,
    side: Side,
    self_trade: SelfTrade,
    when: Option<When>,
    action: Action,
    price: u64,
    open: u64,
    hidden: u64,
    peak: Option<u64>,
    until: Option<Timestamp>,
    post_only: bool,
    /// Of a market order: the quote left.
    quote: Option<u128>,
    /// Ascends with every arrival in a queue; nothing while not in the book.
    arrival: Option<u64>,
    waits: Option<Waits>,
    /// Triggered, as the so-many-th.
    fired: Option<u64>,
    partner: Option<OrderId>,
}

/// What an order waits for, and what is held for it meanwhile.
#[derive(Debug, Clone, Copy)]
struct Waits {
    rises: bool,
    trigger: u64,
    since: u64,
    offset: Option<u64>,
    held: u128,
}

impl Open {
    fn lots(&self) -> u64 {
        self.open + self.hidden
    }
}

fn rises(new: &NewOrder) -> bool {
    (new.side == Side::Buy) != matches!(new.when, Some(When::TakeProfit(_)))
}

#[derive(Debug, Clone)]
pub(super) struct Naive {
    limits: Limits,
    worth: Worth,
    filters: Filters,
    pub(super) phase: Phase,
    orders: Vec<Open>,
    switches: BTreeMap<Owner, Timestamp>,
    reference: Option<u64>,
    last: Option<u64>,
    sequence: u64,
    trades: u64,
    arrivals: u64,
    now: Timestamp,
    seen: Vec<u64>,
    /// Orders met by walks, and of those the ones met by triggered orders with this command.
    met: u32,
    followed: u32,
    breaker: Breaker,
    /// Second and price of the trades that the breaker remembers.
    prices: Vec<(u64, u64)>,
    tripped: bool,
    pub(super) reports: Vec<Report>,
}

type Verdict = Result<(), Rejection>;

fn ensure(holds: bool, otherwise: Rejection) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Naive {
    pub(super) fn new(limits: Limits, worth: Worth, filters: Filters) -> Naive {
        Naive {
            limits,
            worth,
            filters,
            phase: Phase::PreOpen,
            orders: Vec::new(),
            switches: BTreeMap::new(),
            reference: None,
            last: None,
            sequence: 0,
            trades: 0,
            arrivals: 0,
            now: Timestamp(0),
            seen: Vec::new(),
            met: 0,
            followed: 0,
            breaker: Breaker { band_ppm: 0, ..Breaker::default() },
            prices: Vec::new(),
            tripped: false,
            reports: Vec::new(),
        }
    }

    /// Price, lots and orders of each price from the best one on.
    pub(super) fn depth(&self, side: Side) -> Vec<(u64, u64, u32)> {
        let mut levels: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
        for order in self.orders.iter().filter(|order| order.arrival.is_some() && order.side == side) {
            let level = levels.entry(order.price).or_default();
            *level = (level.0 + order.open, level.1 + 1);
        }
        let mut levels: Vec<_> = levels.into_iter().map(|(price, (lots, orders))| (price, lots, orders)).collect();
        if side == Side::Buy {
            levels.reverse();
        }
        levels
    }

    pub(super) fn open_orders(&self) -> usize {
        self.orders.len()
    }

    /// Ids of open orders, for commands that should find something.
    pub(super) fn ids(&self) -> impl Iterator<Item = (Owner, OrderId, u64, u64)> {
        self.orders.iter().map(|order| (order.owner, order.id, order.price, order.lots()))
    }

    pub(super) fn apply(&mut self, now: Timestamp, command: &Command) {
        self.now = self.now.max(now);
        self.followed = 0;
        if !matches!(self.phase, Phase::Halt | Phase::Uncrossing { .. }) {
            self.pass_time();
        }
        self.pass_phase();
        self.follow();
        let (tag, verdict) = match command {
            Command::New(new) => (new.tag, self.enter(new)),
            Command::Pair(pair) => (pair.stop.tag, self.enter_pair(pair)),
            Command::Cancel { owner, id } => (id.0, self.cancel(*owner, *id, End::Cancelled)),
            Command::Amend { owner, id, price, lots, seen } => (id.0, self.amend(*owner, *id, price.0, lots.0, seen.0)),
            Command::Replace { id, new } => match self.cancel(new.owner, *id, End::Replaced) {
                Ok(()) => (new.tag, self.enter(new)),
                Err(why) => (id.0, Err(why)),
            },
            Command::CancelAll { owner, side } => {
                let verdict = self.may_cancel();
                if verdict.is_ok() {
                    self.end_all(*owner, *side, End::CancelledAll);
                }
                (u64::from(owner.0), verdict)
            }
            Command::CancelAfter { owner, at } => (u64::from(owner.0), self.cancel_after(*owner, *at)),
            Command::SetPhase(change) => (0, self.set_phase(*change)),
            Command::SetFilters(filters) => {
                self.filters = *filters;
                (0, Ok(()))
            }
            Command::SetBreaker(breaker) => {
                self.breaker = *breaker;
                self.prices.clear();
                (0, Ok(()))
            }
            Command::SetReference(price) => {
                let verdict = ensure(price.0 > 0 && price.0 <= PRICE_TICKS_MAX, Rejection::Price);
                if verdict.is_ok() {
                    self.reference = Some(price.0);
                }
                (0, verdict)
            }
            Command::Tick => (0, Ok(())),
        };
        if let Err(why) = verdict {
            self.reports.push(Report::Rejected { tag, why });
        }
        self.follow();
    }

    fn pass_time(&mut self) {
        for _ in 0..self.limits.deadlines {
            let due = self.orders.iter().filter_map(|order| Some((order.until?, order.id)));
            match due.min() {
                Some((until, id)) if until <= self.now => self.end(id, End::Deadline),
                _ => break,
            }
        }
        for _ in 0..self.limits.switches {
            let first = self.switches.iter().map(|(owner, at)| (*at, *owner)).min();
            let Some((_, owner)) = first.filter(|(at, _)| *at <= self.now) else { break };
            self.switches.remove(&owner);
            self.end_all(owner, None, End::CancelAfter);
        }
    }

    fn may_cancel(&self) -> Verdict {
        ensure(!matches!(self.phase, Phase::Halt | Phase::Uncrossing { .. }), Rejection::Phase)
    }

    fn find(&self, owner: Owner, id: OrderId) -> Result<Open, Rejection> {
        let found = self.orders.iter().find(|order| order.id == id && order.owner == owner);
        found.cloned().ok_or(Rejection::UnknownOrder)
    }

    fn cancel(&mut self, owner: Owner, id: OrderId, why: End) -> Verdict {
        self.find(owner, id)?;
        self.may_cancel()?;
        self.end(id, why);
        Ok(())
    }

    fn end_all(&mut self, owner: Owner, side: Option<Side>, why: End) {
        let of_owner = |order: &&Open| order.owner == owner && side.is_none_or(|side| side == order.side);
        let mut ids: Vec<OrderId> = self.orders.iter().filter(of_owner).map(|order| order.id).collect();
        ids.sort_unstable();
        for id in ids.into_iter().rev() {
            if self.orders.iter().any(|order| order.id == id) {
                self.end(id, why);
            }
        }
    }

    fn cancel_after(&mut self, owner: Owner, at: Option<Timestamp>) -> Verdict {
        self.may_cancel()?;
        ensure(owner.0 < OWNERS_MAX, Rejection::Owner)?;
        ensure(at.is_none_or(|at| at > self.now && at.0 < u64::MAX), Rejection::Deadline)?;
        self.switches.remove(&owner);
        if let Some(at) = at {
            self.switches.insert(owner, at);
        }
        Ok(())
    }

    fn quote(&self, price: u64, lots: u64) -> u128 {
        u128::from(price) * u128::from(lots) * u128::from(self.worth.quote_per_tick)
    }

    fn base(&self, lots: u64) -> u128 {
        u128::from(lots) * u128::from(self.worth.base_per_lot)
    }

    fn held(&self, order: &Open) -> u128 {
        match order.waits {
            Some(waits) => waits.held,
            None => self.needs(order),
        }
    }

    fn needs(&self, order: &Open) -> u128 {
        match (order.side, order.quote) {
            (Side::Sell, _) => self.base(order.lots()),
            (Side::Buy, Some(quote)) => quote,
            (Side::Buy, None) => self.quote(order.price, order.lots()),
        }
    }

    fn end(&mut self, id: OrderId, why: End) {
        let at = self.orders.iter().position(|order| order.id == id).unwrap();
        let order = self.orders.remove(at);
        self.ended(&order, why);
        self.part(&order);
    }

    fn ended(&mut self, order: &Open, why: End) {
        let Open { id, owner, slots, side, .. } = *order;
        let (lots, freed) = (Lots(order.lots()), self.held(order));
        self.reports.push(Report::Ended { id, owner, slots, side, lots, freed, why });
    }

    fn reference(&self) -> Option<u64> {
        self.last.or(self.reference)
    }

    fn gathers(&self) -> bool {
        matches!(self.phase, Phase::PreOpen | Phase::Auction { .. })
    }

    fn next_id(&self) -> OrderId {
        let taken: BTreeSet<u32> = self.orders.iter().map(|order| order.id.slot()).collect();
        let slot = (0..).find(|slot| !taken.contains(slot)).unwrap();
        OrderId::new(self.sequence + 1, slot).unwrap()
    }

    fn enter(&mut self, new: &NewOrder) -> Verdict {
        let mut order = self.check(new)?;
        ensure(self.orders.len() < self.limits.orders as usize, Rejection::Full)?;
        order.id = self.next_id();
        match new.action {
            Action::Limit { life: Life::Rest { post_only: true, .. }, .. } if new.when.is_none() => {
                ensure(self.front(&order).is_none(), Rejection::WouldTake)?;
            }
            Action::Limit { life: Life::FillOrKill, .. } | Action::Market { fill_or_kill: true, .. }
                if new.when.is_none() =>
            {
                ensure(self.fills(&order, &new.action).0, Rejection::CannotFill)?;
            }
            _ => {}
        }
        let held = self.held(&order);
        let hold = Hold { owner: new.owner, side: new.side, amount: held, slots: new.slots };
        ensure(covers(&hold), Rejection::Funds)?;
        self.sequence += 1;
        let NewOrder { owner, slots, side, tag, .. } = *new;
        self.reports.push(Report::Accepted { id: order.id, owner, slots, side, tag, held });

        if new.when.is_some() {
            self.wait(order, new, held, None);
            return Ok(());
        }
        let end = if self.gathers() { None } else { self.walk(&mut order) };
        self.settle(order, &new.action, end);
        Ok(())
    }

    /// What one owner may have where so many are taken.
    fn share(&self, places: usize, taken: usize) -> usize {
        (places - taken.min(places)).checked_div(self.limits.share as usize).unwrap_or(usize::MAX)
    }

    fn prices(&self, side: Side) -> BTreeSet<u64> {
        let resting = self.orders.iter().filter(|order| order.arrival.is_some() && order.side == side);
        resting.map(|order| order.price).collect()
    }

    fn rest(&mut self, mut order: Open) {
        let prices = self.prices(order.side);
        if prices.len() >= self.limits.levels && !prices.contains(&order.price) {
            self.ended(&order, End::Full);
            return;
        }
        let lots = order.lots();
        order.open = order.peak.map_or(lots, |peak| peak.min(lots));
        order.hidden = lots - order.open;
        order.arrival = Some(self.arrivals);
        self.arrivals += 1;
        self.orders.push(order);
    }
}
