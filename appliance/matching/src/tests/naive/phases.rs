//! Phases, auctions and the circuit breaker.

use super::*;

impl Naive {
    pub(super) fn set_phase(&mut self, change: PhaseChange) -> Verdict {
        let waits = matches!(self.phase, Phase::Uncrossing { .. }) && change != PhaseChange::CancelOnly;
        ensure(self.phase != Phase::Delisted && !waits, Rejection::Phase)?;
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

    pub(super) fn enter_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.reports.push(Report::Phase(phase));
    }

    pub(super) fn open(&mut self) {
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

    pub(super) fn pass_phase(&mut self) {
        match self.phase {
            Phase::CancelOnly { until: Some(until) } if until <= self.now => {
                let ends = Some(Timestamp(self.now.0 + self.breaker.auction_us));
                self.enter_phase(Phase::Auction { ends });
            }
            Phase::Auction { ends: Some(ends) } if ends <= self.now => self.open(),
            Phase::Uncrossing { .. } => self.uncross(),
            Phase::Delisted => {
                for _ in 0..self.limits.delisted {
                    let Some(id) = self.orders.iter().map(|order| order.id).min_by_key(|id| id.slot()) else { break };
                    self.end(id, End::Delisted);
                }
            }
            _ => {}
        }
    }

    /// Price, lots and surplus of an auction now. Tries every limit.
    pub(in crate::tests) fn auction(&self) -> Option<(u64, u64, i128)> {
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

    pub(super) fn uncross(&mut self) {
        let Phase::Uncrossing { price, mut lots } = self.phase else { return };
        for _ in 0..self.limits.steps {
            if lots == 0 {
                break;
            }
            let of = |side: Side| self.orders.iter().filter(move |order| order.arrival.is_some() && order.side == side);
            let buy = of(Side::Buy).min_by_key(|order| (u64::MAX - order.price, order.arrival)).unwrap().clone();
            let sell = of(Side::Sell).min_by_key(|order| (order.price, order.arrival)).unwrap().clone();
            assert!(buy.price >= price.0 && sell.price <= price.0);
            let traded = lots.min(buy.lots()).min(sell.lots());
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
            for order in [buy, sell] {
                let left = order.lots() - traded;
                let at = self.orders.iter().position(|other| other.id == order.id).unwrap();
                if left == 0 {
                    self.orders.remove(at);
                } else {
                    self.orders[at].open = order.peak.map_or(left, |peak| peak.min(left));
                    self.orders[at].hidden = left - self.orders[at].open;
                }
                self.part(&order);
            }
        }
        self.phase = Phase::Uncrossing { price, lots };
        if lots == 0 {
            self.prices = vec![(self.now.0 / 1_000_000, price.0)];
            self.seen = vec![price.0];
            self.enter_phase(Phase::Trading);
        }
    }

    /// The lowest and highest price of a trade now, in millionths of a tick.
    pub(super) fn band(&self) -> (u128, u128) {
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
}
