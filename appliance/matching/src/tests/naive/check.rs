//! What a new order must satisfy.

use super::*;

impl Naive {
    pub(super) fn check_price(&self, price: u64) -> Verdict {
        let Filters { price_min, price_max, price_step, .. } = self.filters;
        let fits = (price_min.0..=price_max.0).contains(&price) && (1..=PRICE_TICKS_MAX).contains(&price);
        ensure(fits && price.is_multiple_of(u64::from(price_step)), Rejection::Price)
    }

    pub(super) fn check_lots(&self, lots: u64, most: Lots) -> Verdict {
        let Filters { lots_min, lots_step, .. } = self.filters;
        let fits = (lots_min.0.max(1)..=most.0.min(ORDER_LOTS_MAX)).contains(&lots);
        ensure(fits && lots.is_multiple_of(u64::from(lots_step)), Rejection::Quantity)
    }

    pub(super) fn check_percent(&self, side: Side, price: u64) -> Verdict {
        let Some(reference) = self.reference() else { return Ok(()) };
        let percent = self.filters.percent[if side == Side::Buy { 0 } else { 1 }];
        let share = |ppm: u32| u128::from(reference) * u128::from(ppm);
        let price = u128::from(price) * 1_000_000;
        ensure((share(percent.lowest_ppm)..=share(percent.highest_ppm)).contains(&price), Rejection::PercentPrice)
    }

    pub(super) fn check_notional(&self, quote: u128) -> Verdict {
        ensure((self.filters.notional_min..=self.filters.notional_max).contains(&quote), Rejection::Notional)
    }

    pub(super) fn buying(&self, owner: Owner) -> u64 {
        let buys = self.orders.iter().filter(|order| order.owner == owner && order.side == Side::Buy);
        buys.map(Open::lots).sum()
    }

    pub(super) fn check_phase(&self, new: &NewOrder) -> Verdict {
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

    pub(super) fn check(&self, new: &NewOrder) -> Result<Open, Rejection> {
        self.check_phase(new)?;
        ensure(new.owner.0 < OWNERS_MAX, Rejection::Owner)?;
        ensure(new.fees.maker_ppm.max(new.fees.taker_ppm) <= FEE_PPM_MAX, Rejection::Fees)?;
        let mut order = Open {
            id: OrderId(0),
            owner: new.owner,
            slots: new.slots,
            tag: new.tag,
            fees: new.fees,
            side: new.side,
            self_trade: new.self_trade,
            when: new.when,
            action: new.action,
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
                    ensure(order.peak.is_none_or(|peak| lots.0.div_ceil(peak) <= 100), Rejection::Peak)?;
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
        if matches!(new.action, Action::Limit { life: Life::Rest { .. }, .. }) {
            let most = self.share(self.limits.levels, self.prices(new.side).len());
            ensure(count < most, Rejection::OrdersMax)?;
        }
        if new.when.is_some() {
            let waiting = |order: &&Open| order.owner == new.owner && order.waits.is_some();
            let count = self.orders.iter().filter(waiting).count();
            let waits = self.orders.iter().filter(|order| order.waits.is_some() && order.fired.is_none());
            let distances = waits.clone().filter(|order| matches!(order.when, Some(When::Trailing(_)))).count();
            let trailing = matches!(new.when, Some(When::Trailing(_))) && distances >= self.limits.trailing;
            let waits = waits.count();
            let full = waits >= self.limits.waiting as usize || trailing;
            let mut most = self.share(self.limits.waiting as usize, waits);
            if matches!(new.when, Some(When::Trailing(_))) {
                most = most.min(self.share(self.limits.trailing, distances));
            }
            ensure(count < most, Rejection::StopsMax)?;
            ensure(count < self.filters.stops_max as usize && !full, Rejection::StopsMax)?;
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
}
