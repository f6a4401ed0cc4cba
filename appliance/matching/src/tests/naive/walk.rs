//! Matching.

use super::*;

impl Naive {
    /// The order that would be met next.
    pub(super) fn front(&self, walker: &Open) -> Option<&Open> {
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

    pub(super) fn walk(&mut self, walker: &mut Open) -> Option<End> {
        let band = self.band();
        for step in 0.. {
            if walker.open == 0 {
                return None;
            }
            let maker = self.front(walker)?.clone();
            if step == self.limits.steps {
                return Some(End::StepsMax);
            }
            self.met += 1;
            if maker.until.is_some_and(|until| until <= self.now) {
                self.end(maker.id, End::Deadline);
                continue;
            }
            if self.switches.get(&maker.owner).is_some_and(|at| *at <= self.now) {
                self.end(maker.id, End::CancelAfter);
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
                    owner: order.owner,
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

    pub(super) fn take_from(&self, walker: &mut Open, price: u64, lots: u64) {
        walker.open -= lots;
        walker.quote = walker.quote.map(|quote| quote - self.quote(price, lots));
    }

    pub(super) fn take_off(&mut self, maker: &Open, lots: u64) {
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

    pub(super) fn fee(&self, received: u128, ppm: u16) -> u128 {
        let product = received * u128::from(ppm);
        product / 1_000_000 + u128::from(self.worth.rounding == Rounding::Up && !product.is_multiple_of(1_000_000))
    }

    pub(super) fn trade(&mut self, walker: &mut Open, maker: &Open, lots: u64) {
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
}
