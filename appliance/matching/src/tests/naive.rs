//! A naive market, written apart from the code: one list of orders, searched anew for everything.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::Timestamp;

use crate::{
    Action, Breaker, By, Command, End, FEE_PPM_MAX, Fees, Filters, Hold, Life, Lots, NewOrder, NewPair, ORDER_LOTS_MAX,
    OWNERS_MAX, OrderId, Owner, PRICE_TICKS_MAX, Party, Phase, PhaseChange, Rejection, Report, Rounding, STEPS_MAX,
    SelfTrade, Side, Slots, Ticks, Trade, TradeId, When, Worth,
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
    fees: Fees,
    side: Side,
    self_trade: SelfTrade,
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
    then: Action,
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
    pub(super) fn new(worth: Worth, filters: Filters) -> Naive {
        Naive {
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
        if !matches!(self.phase, Phase::Halt | Phase::Uncrossing { .. }) {
            self.pass_time();
        }
        self.pass_phase();
        self.follow();
        let (tag, verdict) = match command {
            Command::New(new) => (new.tag, self.enter(new)),
            Command::Pair(pair) => (pair.stop.tag, self.enter_pair(pair)),
            Command::Cancel { owner, id } => (id.0, self.cancel(*owner, *id, End::Cancelled)),
            Command::Amend { owner, id, price, lots } => (id.0, self.amend(*owner, *id, price.0, lots.0)),
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
        for _ in 0..64 {
            let due = self.orders.iter().filter_map(|order| Some((order.until?, order.id)));
            match due.min() {
                Some((until, id)) if until <= self.now => self.end(id, End::Deadline),
                _ => break,
            }
        }
        for _ in 0..4 {
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

    fn set_phase(&mut self, change: PhaseChange) -> Verdict {
        ensure(!matches!(self.phase, Phase::Delisted | Phase::Uncrossing { .. }), Rejection::Phase)?;
        let phase = match change {
            PhaseChange::Trading => {
                self.open();
                return Ok(());
            }
            PhaseChange::PreOpen => Phase::PreOpen,
            PhaseChange::Auction { ends } => {
                ensure(ends.is_none_or(|ends| ends > self.now), Rejection::Deadline)?;
                Phase::Auction { ends }
            }
            PhaseChange::PostOnly => {
                ensure(self.auction().is_none(), Rejection::Phase)?;
                Phase::PostOnly
            }
            PhaseChange::CancelOnly => Phase::CancelOnly { until: None },
            PhaseChange::Halt => Phase::Halt,
            PhaseChange::Delisted => Phase::Delisted,
        };
        self.enter_phase(phase);
        Ok(())
    }

    fn enter_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.reports.push(Report::Phase(phase));
    }

    fn open(&mut self) {
        let overdue = self.orders.iter().any(|order| order.until.is_some_and(|until| until <= self.now));
        if overdue || self.switches.values().any(|at| *at <= self.now) {
            if !matches!(self.phase, Phase::Auction { ends: Some(ends) } if ends <= self.now) {
                self.enter_phase(Phase::Auction { ends: Some(self.now) });
            }
            return;
        }
        match self.auction() {
            Some((price, lots, _)) => {
                self.enter_phase(Phase::Uncrossing { price: Ticks(price), lots });
                self.uncross();
            }
            None => {
                self.prices.clear();
                self.enter_phase(Phase::Trading);
            }
        }
    }

    fn pass_phase(&mut self) {
        match self.phase {
            Phase::CancelOnly { until: Some(until) } if until <= self.now => {
                let ends = Some(Timestamp(self.now.0 + self.breaker.auction_us));
                self.enter_phase(Phase::Auction { ends });
            }
            Phase::Auction { ends: Some(ends) } if ends <= self.now => self.open(),
            Phase::Uncrossing { .. } => self.uncross(),
            Phase::Delisted => {
                for _ in 0..256 {
                    let Some(id) = self.orders.iter().map(|order| order.id).min_by_key(|id| id.slot()) else { break };
                    self.end(id, End::Delisted);
                }
            }
            _ => {}
        }
    }

    /// Price, lots and surplus of an auction now. Tries every limit.
    pub(super) fn auction(&self) -> Option<(u64, u64, i128)> {
        let resting = || self.orders.iter().filter(|order| order.arrival.is_some());
        let mut found: Vec<(u64, u64, i128)> = Vec::new();
        for price in resting().map(|order| order.price).collect::<BTreeSet<u64>>() {
            let buys = resting().filter(|order| order.side == Side::Buy && order.price >= price);
            let sells = resting().filter(|order| order.side == Side::Sell && order.price <= price);
            let (demand, supply) = (buys.map(Open::lots).sum::<u64>(), sells.map(Open::lots).sum::<u64>());
            found.push((price, demand.min(supply), i128::from(demand) - i128::from(supply)));
        }
        let most = found.iter().map(|(_, lots, _)| *lots).max().filter(|lots| *lots > 0)?;
        found.retain(|(_, lots, _)| *lots == most);
        let least = found.iter().map(|(_, _, surplus)| surplus.abs()).min()?;
        found.retain(|(_, _, surplus)| surplus.abs() == least);
        let highest = found.iter().filter(|(_, _, surplus)| *surplus > 0).map(|(price, _, _)| *price).max();
        let lowest = found.iter().filter(|(_, _, surplus)| *surplus < 0).map(|(price, _, _)| *price).min();
        found.retain(|(price, _, surplus)| *surplus == 0 || [highest, lowest].contains(&Some(*price)));
        match self.reference() {
            Some(reference) => found.into_iter().min_by_key(|(price, _, _)| (price.abs_diff(reference), *price)),
            None => found.first().copied(),
        }
    }

    fn uncross(&mut self) {
        let Phase::Uncrossing { price, mut lots } = self.phase else { return };
        for _ in 0..STEPS_MAX {
            if lots == 0 {
                break;
            }
            let of = |side: Side| self.orders.iter().filter(move |order| order.arrival.is_some() && order.side == side);
            let buy = of(Side::Buy).min_by_key(|order| (u64::MAX - order.price, order.arrival)).unwrap().clone();
            let sell = of(Side::Sell).min_by_key(|order| (order.price, order.arrival)).unwrap().clone();
            assert!(buy.price >= price.0 && sell.price <= price.0);
            let traded = lots.min(buy.open).min(sell.open);
            lots -= traded;
            let (base, quote) = (self.base(traded), self.quote(price.0, traded));
            let party = |order: &Open, received: u128, freed: u128| Party {
                id: order.id,
                owner: order.owner,
                slots: order.slots,
                fee: self.fee(received, order.fees.maker_ppm),
                freed,
                left: Lots(order.lots() - traded),
            };
            let buyer = party(&buy, base, self.quote(buy.price, traded) - quote);
            let seller = party(&sell, quote, 0);
            self.trades += 1;
            let taker = if buy.id > sell.id { Side::Buy } else { Side::Sell };
            let (id, lots) = (TradeId(self.trades), Lots(traded));
            self.reports.push(Report::Trade(Trade { id, price, lots, base, quote, taker, buyer, seller }));
            self.last = Some(price.0);
            self.seen = vec![price.0];
            for order in [buy, sell] {
                self.take_off(&order, traded);
                self.part(&order);
            }
        }
        self.phase = Phase::Uncrossing { price, lots };
        if lots == 0 {
            self.prices = vec![(self.now.0 / 1_000_000, price.0)];
            self.enter_phase(Phase::Trading);
        }
    }

    /// The lowest and highest price of a trade now, in millionths of a tick.
    fn band(&self) -> (u128, u128) {
        if self.breaker.band_ppm == 0 {
            return (0, u128::MAX);
        }
        let second = self.now.0 / 1_000_000;
        let recent = self.prices.iter().filter(|(at, _)| *at + 60 > second).map(|(_, price)| *price);
        let mut recent: Vec<u64> = recent.collect();
        if recent.is_empty() {
            recent.extend(self.reference());
        }
        let (Some(lowest), Some(highest)) = (recent.iter().min(), recent.iter().max()) else { return (0, u128::MAX) };
        let part = u128::from(self.breaker.band_ppm);
        let bottom = u128::from(*highest) * 1_000_000_u128.saturating_sub(part);
        (bottom, u128::from(*lowest) * (1_000_000 + part))
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

    /// Ends the other leg of a pair.
    fn part(&mut self, order: &Open) {
        let Some(partner) = order.partner else { return };
        for other in self.orders.iter_mut().filter(|other| [order.id, partner].contains(&other.id)) {
            other.partner = None;
        }
        self.end(partner, End::Pair);
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

    fn check_price(&self, price: u64) -> Verdict {
        let Filters { price_min, price_max, price_step, .. } = self.filters;
        let fits = (price_min.0..=price_max.0).contains(&price) && (1..=PRICE_TICKS_MAX).contains(&price);
        ensure(fits && price.is_multiple_of(u64::from(price_step)), Rejection::Price)
    }

    fn check_lots(&self, lots: u64, most: Lots) -> Verdict {
        let Filters { lots_min, lots_step, .. } = self.filters;
        let fits = (lots_min.0.max(1)..=most.0.min(ORDER_LOTS_MAX)).contains(&lots);
        ensure(fits && lots.is_multiple_of(u64::from(lots_step)), Rejection::Quantity)
    }

    fn check_percent(&self, side: Side, price: u64) -> Verdict {
        let Some(reference) = self.reference() else { return Ok(()) };
        let percent = self.filters.percent[if side == Side::Buy { 0 } else { 1 }];
        let share = |ppm: u32| u128::from(reference) * u128::from(ppm);
        let price = u128::from(price) * 1_000_000;
        ensure((share(percent.lowest_ppm)..=share(percent.highest_ppm)).contains(&price), Rejection::PercentPrice)
    }

    fn check_notional(&self, quote: u128) -> Verdict {
        ensure((self.filters.notional_min..=self.filters.notional_max).contains(&quote), Rejection::Notional)
    }

    fn buying(&self, owner: Owner) -> u64 {
        let buys = self.orders.iter().filter(|order| order.owner == owner && order.side == Side::Buy);
        buys.map(Open::lots).sum()
    }

    fn check_phase(&self, new: &NewOrder) -> Verdict {
        let rests = match new.action {
            Action::Limit { life: Life::Rest { post_only, .. }, .. } if new.when.is_none() => Some(post_only),
            _ => None,
        };
        let allowed = match self.phase {
            Phase::Trading => true,
            Phase::PostOnly => rests == Some(true),
            Phase::PreOpen | Phase::Auction { .. } => rests == Some(false),
            _ => false,
        };
        ensure(allowed, Rejection::Phase)
    }

    fn check(&self, new: &NewOrder) -> Result<Open, Rejection> {
        self.check_phase(new)?;
        ensure(new.owner.0 < OWNERS_MAX, Rejection::Owner)?;
        ensure(new.fees.maker_ppm.max(new.fees.taker_ppm) <= FEE_PPM_MAX, Rejection::Fees)?;
        let mut order = Open {
            id: OrderId(0),
            owner: new.owner,
            slots: new.slots,
            fees: new.fees,
            side: new.side,
            self_trade: new.self_trade,
            price: if new.side == Side::Buy { PRICE_TICKS_MAX } else { 1 },
            open: 0,
            hidden: 0,
            peak: None,
            until: None,
            post_only: false,
            quote: None,
            arrival: None,
            waits: None,
            fired: None,
            partner: None,
        };
        match new.action {
            Action::Limit { price, lots, life } => {
                (order.price, order.open) = (price.0, lots.0);
                self.check_price(price.0)?;
                self.check_lots(lots.0, self.filters.lots_max)?;
                if let Life::Rest { until, peak, post_only } = life {
                    (order.until, order.peak, order.post_only) = (until, peak.map(|peak| peak.0), post_only);
                    let step = u64::from(self.filters.lots_step);
                    let fits = |peak: u64| (1..lots.0).contains(&peak) && peak.is_multiple_of(step);
                    ensure(order.peak.is_none_or(fits), Rejection::Peak)?;
                    ensure(until.is_none_or(|until| until > self.now), Rejection::Deadline)?;
                }
            }
            Action::Market { lots, quote, by: By::Lots, .. } => {
                (order.open, order.quote) = (lots.0, Some(quote));
                self.check_lots(lots.0, self.filters.market_lots_max)?;
            }
            Action::Market { lots, quote, by: By::Quote, .. } => {
                (order.open, order.quote) = (lots.0, Some(quote));
                ensure((1..=ORDER_LOTS_MAX).contains(&lots.0), Rejection::Quantity)?;
            }
        }
        if new.when.is_some() {
            self.trigger(new)?;
        }
        match new.action {
            Action::Limit { price, lots, .. } => {
                self.check_percent(new.side, price.0)?;
                self.check_notional(self.quote(price.0, lots.0))?;
            }
            Action::Market { lots, quote, by: By::Lots, .. } => {
                if let Some(price) = self.reference() {
                    self.check_notional(self.quote(price, lots.0))?;
                }
                ensure(quote > 0, Rejection::Notional)?;
            }
            Action::Market { quote, by: By::Quote, .. } => {
                self.check_notional(quote)?;
                ensure(quote > 0, Rejection::Notional)?;
            }
        }
        let count = self.orders.iter().filter(|order| order.owner == new.owner).count();
        ensure(count < self.filters.orders_max.min(1_000) as usize, Rejection::OrdersMax)?;
        if new.when.is_some() {
            let waiting = |order: &&Open| order.owner == new.owner && order.waits.is_some();
            let count = self.orders.iter().filter(waiting).count();
            ensure(count < self.filters.stops_max as usize, Rejection::StopsMax)?;
        }
        if new.side == Side::Buy {
            let has = new.position.0.saturating_add(self.buying(new.owner));
            let room = self.filters.position_max.0.saturating_sub(has);
            if room > 0 && matches!(new.action, Action::Market { by: By::Quote, .. }) {
                order.open = order.open.min(room);
            }
            ensure(order.open <= room, Rejection::PositionMax)?;
        }
        Ok(order)
    }

    fn next_id(&self) -> OrderId {
        let taken: BTreeSet<u32> = self.orders.iter().map(|order| order.id.slot()).collect();
        let slot = (0..).find(|slot| !taken.contains(slot)).unwrap();
        OrderId::new(self.sequence + 1, slot).unwrap()
    }

    fn enter(&mut self, new: &NewOrder) -> Verdict {
        let mut order = self.check(new)?;
        order.id = self.next_id();
        match new.action {
            Action::Limit { life: Life::Rest { post_only: true, .. }, .. } if new.when.is_none() => {
                ensure(self.front(&order).is_none(), Rejection::WouldTake)?;
            }
            Action::Limit { life: Life::FillOrKill, .. } | Action::Market { fill_or_kill: true, .. }
                if new.when.is_none() =>
            {
                ensure(self.fills(&order, &new.action), Rejection::CannotFill)?;
            }
            _ => {}
        }
        let held = self.held(&order);
        let hold = Hold { owner: new.owner, side: new.side, amount: held, slots: new.slots };
        ensure(covers(&hold), Rejection::Funds)?;
        self.sequence += 1;
        self.reports.push(Report::Accepted { id: order.id, tag: new.tag, held });

        if new.when.is_some() {
            self.wait(order, new, held, None);
            return Ok(());
        }
        let end = if self.gathers() { None } else { self.walk(&mut order) };
        self.settle(order, &new.action, end);
        Ok(())
    }

    fn rest(&mut self, mut order: Open) {
        let lots = order.lots();
        order.open = order.peak.map_or(lots, |peak| peak.min(lots));
        order.hidden = lots - order.open;
        order.arrival = Some(self.arrivals);
        self.arrivals += 1;
        self.orders.push(order);
    }

    /// The order that would be met next.
    fn front(&self, walker: &Open) -> Option<&Open> {
        let opposite = |order: &&Open| order.arrival.is_some() && order.side != walker.side;
        let within = |order: &&Open| match walker.side {
            Side::Buy => order.price <= walker.price,
            Side::Sell => order.price >= walker.price,
        };
        let makers = self.orders.iter().filter(opposite).filter(within);
        match walker.side {
            Side::Buy => makers.min_by_key(|order| (order.price, order.arrival)),
            Side::Sell => makers.min_by_key(|order| (u64::MAX - order.price, order.arrival)),
        }
    }

    fn walk(&mut self, walker: &mut Open) -> Option<End> {
        let band = self.band();
        for step in 0.. {
            if walker.open == 0 {
                return None;
            }
            let maker = self.front(walker)?.clone();
            if step == STEPS_MAX {
                return Some(End::StepsMax);
            }
            if maker.until.is_some_and(|until| until <= self.now) {
                self.end(maker.id, End::Deadline);
                continue;
            }
            let mut lots = walker.open.min(maker.open);
            if let Some(quote) = walker.quote {
                let affordable = quote / self.quote(maker.price, 1);
                if affordable == 0 {
                    return Some(End::Quote);
                }
                lots = lots.min(affordable.try_into().unwrap_or(u64::MAX));
            }
            if maker.owner != walker.owner || walker.self_trade == SelfTrade::Allow {
                let price = u128::from(maker.price) * 1_000_000;
                if price < band.0 || price > band.1 {
                    self.tripped = true;
                    return Some(End::PriceBand);
                }
                self.trade(walker, &maker, lots);
                continue;
            }
            if matches!(walker.self_trade, SelfTrade::ExpireMaker | SelfTrade::ExpireBoth) {
                self.end(maker.id, End::SelfTrade);
            }
            if matches!(walker.self_trade, SelfTrade::ExpireTaker | SelfTrade::ExpireBoth) {
                return Some(End::SelfTrade);
            }
            if walker.self_trade == SelfTrade::Decrement {
                self.take_from(walker, maker.price, lots);
                self.take_off(&maker, lots);
                let freed = |order: &Open| match order.side {
                    Side::Buy => self.quote(if order.quote.is_some() { maker.price } else { order.price }, lots),
                    Side::Sell => self.base(lots),
                };
                let reduced = |order: &Open, left: u64| Report::Reduced {
                    id: order.id,
                    slots: order.slots,
                    side: order.side,
                    by: Lots(lots),
                    left: Lots(left),
                    freed: freed(order),
                };
                let both = [reduced(&maker, maker.lots() - lots), reduced(walker, walker.open)];
                self.reports.extend(both);
                self.part(&maker);
            }
        }
        None
    }

    fn take_from(&self, walker: &mut Open, price: u64, lots: u64) {
        walker.open -= lots;
        walker.quote = walker.quote.map(|quote| quote - self.quote(price, lots));
    }

    fn take_off(&mut self, maker: &Open, lots: u64) {
        let at = self.orders.iter().position(|order| order.id == maker.id).unwrap();
        let order = &mut self.orders[at];
        order.open -= lots;
        if order.open > 0 {
            return;
        }
        let order = self.orders.remove(at);
        if order.hidden > 0 {
            self.rest(order);
        }
    }

    fn follow(&mut self) {
        self.notice();
        for _ in 0..16 {
            let next = self.orders.iter().filter(|order| order.fired.is_some()).min_by_key(|order| order.fired);
            let Some(order) = next.filter(|_| self.phase == Phase::Trading).cloned() else { break };
            self.carry_out(order);
            self.notice();
        }
    }

    fn notice(&mut self) {
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

    fn fire(&mut self, order: Open, price: u64) {
        self.reports.push(Report::Triggered { id: order.id, price: Ticks(price) });
        let (arrivals, needs) = (self.arrivals, self.needs(&order));
        self.arrivals += 1;
        let fired = self.orders.iter_mut().find(|other| other.id == order.id).unwrap();
        fired.fired = Some(arrivals);
        fired.partner = None;
        let Some(partner) = order.partner else { return };
        let held = order.waits.unwrap().held;
        fired.waits.as_mut().unwrap().held = needs;
        let at = self.orders.iter().position(|other| other.id == partner).unwrap();
        let limit = self.orders.remove(at);
        let Open { id, owner, slots, side, .. } = limit;
        let (lots, freed) = (Lots(limit.lots()), self.held(&limit) + held - needs);
        self.reports.push(Report::Ended { id, owner, slots, side, lots, freed, why: End::Pair });
    }

    fn fills(&self, order: &Open, action: &Action) -> bool {
        let mut trial = self.clone();
        let mut walker = order.clone();
        let end = trial.walk(&mut walker);
        let by_quote = matches!(action, Action::Market { by: By::Quote, .. });
        let whole = walker.open == 0 || by_quote && end == Some(End::Quote);
        let since = &trial.reports[self.reports.len()..];
        whole && !since.iter().any(|report| matches!(report, Report::Reduced { .. }))
    }

    fn carry_out(&mut self, mut order: Open) {
        self.orders.retain(|other| other.id != order.id);
        let action = order.waits.take().unwrap().then;
        order.fired = None;
        let refused = match action {
            Action::Limit { life: Life::FillOrKill, .. } | Action::Market { fill_or_kill: true, .. } => {
                !self.fills(&order, &action)
            }
            _ => order.post_only && self.front(&order).is_some(),
        };
        let end = if refused { Some(End::Refused) } else { self.walk(&mut order) };
        self.settle(order, &action, end);
    }

    /// What walked rests or ends.
    fn settle(&mut self, order: Open, action: &Action, end: Option<End>) {
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

    fn wait(&mut self, mut order: Open, new: &NewOrder, held: u128, partner: Option<OrderId>) {
        let (trigger, offset) = self.trigger(new).unwrap();
        let rises = rises(new);
        order.partner = partner;
        order.waits = Some(Waits { rises, trigger, since: self.arrivals, offset, held, then: new.action });
        self.arrivals += 1;
        self.orders.push(order);
    }

    /// The trigger of an order and how it follows the price.
    fn trigger(&self, new: &NewOrder) -> Result<(u64, Option<u64>), Rejection> {
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

    fn enter_pair(&mut self, pair: &NewPair) -> Verdict {
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
        let (one, other) = (self.needs(&first), self.needs(&second));
        let hold = Hold { owner: limit.owner, side: limit.side, amount: one.max(other), slots: limit.slots };
        ensure(covers(&hold), Rejection::Funds)?;
        first.id = self.next_id();
        self.sequence += 1;
        self.reports.push(Report::Accepted { id: first.id, tag: limit.tag, held: one });
        let id = first.id;
        self.rest(first);
        second.id = self.next_id();
        self.sequence += 1;
        self.orders.last_mut().unwrap().partner = Some(second.id);
        let held = other.saturating_sub(one);
        self.reports.push(Report::Accepted { id: second.id, tag: limit.tag, held });
        self.wait(second, &pair.stop, held, Some(id));
        Ok(())
    }

    fn fee(&self, received: u128, ppm: u16) -> u128 {
        let product = received * u128::from(ppm);
        product / 1_000_000 + u128::from(self.worth.rounding == Rounding::Up && !product.is_multiple_of(1_000_000))
    }

    fn trade(&mut self, walker: &mut Open, maker: &Open, lots: u64) {
        self.take_from(walker, maker.price, lots);
        self.take_off(maker, lots);
        let (base, quote) = (self.base(lots), self.quote(maker.price, lots));
        let party = |order: &Open, ppm: u16, left: u64| Party {
            id: order.id,
            owner: order.owner,
            slots: order.slots,
            fee: self.fee(if order.side == Side::Buy { base } else { quote }, ppm),
            freed: match (order.side, order.quote) {
                (Side::Buy, None) => self.quote(order.price, lots) - quote,
                _ => 0,
            },
            left: Lots(left),
        };
        let second = party(walker, walker.fees.taker_ppm, walker.open);
        let first = party(maker, maker.fees.maker_ppm, maker.lots() - lots);
        let (buyer, seller) = if walker.side == Side::Buy { (second, first) } else { (first, second) };
        self.trades += 1;
        self.last = Some(maker.price);
        self.seen.push(maker.price);
        if self.breaker.band_ppm > 0 {
            self.prices.push((self.now.0 / 1_000_000, maker.price));
        }
        self.reports.push(Report::Trade(Trade {
            id: TradeId(self.trades),
            price: Ticks(maker.price),
            lots: Lots(lots),
            base,
            quote,
            taker: walker.side,
            buyer,
            seller,
        }));
        self.part(maker);
    }

    fn amend(&mut self, owner: Owner, id: OrderId, price: u64, lots: u64) -> Verdict {
        let mut order = self.find(owner, id)?;
        ensure(order.arrival.is_some() && order.partner.is_none(), Rejection::UnknownOrder)?;
        let present = order.lots();
        let keeps = price == order.price && lots <= present;
        let allowed = match self.phase {
            Phase::PreOpen | Phase::Auction { .. } | Phase::Trading | Phase::PostOnly => true,
            Phase::CancelOnly { .. } => keeps,
            _ => false,
        };
        ensure(allowed, Rejection::Phase)?;
        self.check_price(price)?;
        self.check_lots(lots, self.filters.lots_max)?;
        if !keeps {
            self.check_percent(order.side, price)?;
        }
        self.check_notional(self.quote(price, lots))?;
        if order.side == Side::Buy && lots > present {
            let buying = self.buying(owner) - present + lots;
            ensure(buying <= self.filters.position_max.0, Rejection::PositionMax)?;
        }
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
        self.reports.push(Report::Amended { id, slots, side, price, lots, held, freed, kept: keeps });
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
