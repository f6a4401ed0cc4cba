//! What a new order must satisfy beside the limits that hold everywhere.

use serde::{Deserialize, Serialize};

use crate::rejection::Rejection;
use crate::units::{Lots, ORDER_LOTS_MAX, PRICE_TICKS_MAX, Side, Ticks};

/// Most orders that one owner may have in one market, whatever the filter says: a mass cancel is one command.
pub const ORDERS_OF_OWNER_MAX: u32 = 1_000;
/// Most parts in which an iceberg shows itself. An order walks through at most [`crate::STEPS_MAX`] parts: without this
/// bound a single cheap iceberg of tiny parts would stop every order that comes.
pub const ICEBERG_PARTS_MAX: u64 = 100;

/// Whether an iceberg shows itself in few enough parts.
#[inline]
pub(crate) fn parts(lots: Lots, peak: Lots) -> Result<(), Rejection> {
    if lots.0 <= peak.0.saturating_mul(ICEBERG_PARTS_MAX) { Ok(()) } else { Err(Rejection::Peak) }
}

const MILLION: u128 = 1_000_000;

/// The filters of a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Lowest limit, in ticks.
    pub price_min: Ticks,
    /// Highest limit, in ticks.
    pub price_max: Ticks,
    /// Limits are multiples of this many ticks, from 1.
    pub price_step: u32,
    /// Smallest quantity, in lots.
    pub lots_min: Lots,
    /// Largest quantity of a limit order, in lots.
    pub lots_max: Lots,
    /// Largest quantity of a market order, in lots.
    pub market_lots_max: Lots,
    /// Quantities are multiples of this many lots, from 1.
    pub lots_step: u32,
    /// Smallest price times quantity, in minor units of quote.
    pub notional_min: u128,
    /// Largest price times quantity, in minor units of quote.
    pub notional_max: u128,
    /// How far a limit of each side (buy, sell) may be below and above the reference.
    pub percent: [Percent; 2],
    /// Most orders of an owner, those that wait included; at most [`ORDERS_OF_OWNER_MAX`].
    pub orders_max: u32,
    /// Most orders of an owner that wait for a trigger.
    pub stops_max: u32,
    /// Most that an owner may have and be buying, in lots.
    pub position_max: Lots,
}

/// A range around the reference price, in millionths of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percent {
    /// Lowest, such as 200,000 for a fifth of the reference.
    pub lowest_ppm: u32,
    /// Highest, such as 5,000,000 for five times the reference.
    pub highest_ppm: u32,
}

impl Default for Filters {
    /// Everything that the limits of the units allow.
    fn default() -> Filters {
        Filters {
            price_min: Ticks(1),
            price_max: Ticks(PRICE_TICKS_MAX),
            price_step: 1,
            lots_min: Lots(1),
            lots_max: Lots(ORDER_LOTS_MAX),
            market_lots_max: Lots(ORDER_LOTS_MAX),
            lots_step: 1,
            notional_min: 0,
            notional_max: u128::MAX,
            percent: [Percent { lowest_ppm: 0, highest_ppm: u32::MAX }; 2],
            orders_max: ORDERS_OF_OWNER_MAX,
            stops_max: ORDERS_OF_OWNER_MAX,
            position_max: Lots(u64::MAX),
        }
    }
}

impl Filters {
    /// Whether there is an order that they allow: each range has something in it, on the step, and no step is zero.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let reaches = |step: u32, from: u64, to: u64| {
            let step = u64::from(step);
            step > 0 && from > 0 && from.checked_next_multiple_of(step).is_some_and(|first| first <= to)
        };
        reaches(self.price_step, self.price_min.0, self.price_max.0.min(PRICE_TICKS_MAX))
            && reaches(self.lots_step, self.lots_min.0, self.lots_max.0.min(ORDER_LOTS_MAX))
            && reaches(self.lots_step, self.lots_min.0, self.market_lots_max.0.min(ORDER_LOTS_MAX))
            && self.notional_min <= self.notional_max
            && self.percent.iter().all(|percent| percent.lowest_ppm <= percent.highest_ppm)
            && self.orders_max > 0
    }

    /// Whether a limit is in its range.
    #[inline]
    pub(crate) fn price(&self, price: Ticks) -> Result<(), Rejection> {
        let limits = price.0 >= 1 && price.0 <= PRICE_TICKS_MAX;
        let range = price >= self.price_min && price <= self.price_max;
        if limits && range && price.0.is_multiple_of(u64::from(self.price_step.max(1))) {
            Ok(())
        } else {
            Err(Rejection::Price)
        }
    }

    /// Whether a quantity is in its range.
    #[inline]
    pub(crate) fn lots(&self, lots: Lots, most: Lots) -> Result<(), Rejection> {
        let limits = lots.0 >= 1 && lots.0 <= ORDER_LOTS_MAX;
        let range = lots >= self.lots_min && lots <= most;
        if limits && range && lots.0.is_multiple_of(u64::from(self.lots_step.max(1))) {
            Ok(())
        } else {
            Err(Rejection::Quantity)
        }
    }

    /// Whether a limit is near enough to the reference.
    #[inline]
    pub(crate) fn percent(&self, side: Side, price: Ticks, reference: Option<Ticks>) -> Result<(), Rejection> {
        let Some(reference) = reference else { return Ok(()) };
        let percent = self.percent[side as usize];
        let (reference, price) = (u128::from(reference.0), u128::from(price.0) * MILLION);
        let low = reference * u128::from(percent.lowest_ppm);
        let high = reference * u128::from(percent.highest_ppm);
        if price >= low && price <= high { Ok(()) } else { Err(Rejection::PercentPrice) }
    }

    /// Whether price times quantity is in its range.
    #[inline]
    pub(crate) fn notional(&self, quote: u128) -> Result<(), Rejection> {
        if quote >= self.notional_min && quote <= self.notional_max { Ok(()) } else { Err(Rejection::Notional) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: filters that allow no order are told apart from those that do. Method: each rule, at its edge.
    #[test]
    fn filters_that_allow_nothing_are_not_sound() {
        let of = |change: fn(&mut Filters)| {
            let mut filters = Filters { price_max: Ticks(100), lots_max: Lots(100), ..Filters::default() };
            change(&mut filters);
            filters.is_sound()
        };
        for (change, sound) in [
            ((|_| ()) as fn(&mut Filters), true),
            (|filters| filters.price_min = Ticks(0), false),
            (|filters| filters.price_min = Ticks(100), true),
            (|filters| filters.price_min = Ticks(101), false),
            (|filters| filters.price_step = 0, false),
            (|filters| filters.price_step = 100, true),
            (|filters| filters.price_step = 101, false),
            (|filters| filters.lots_min = Lots(0), false),
            (|filters| (filters.lots_min, filters.lots_step) = (Lots(91), 10), true),
            (|filters| (filters.lots_min, filters.lots_step) = (Lots(91), 60), false),
            (|filters| filters.market_lots_max = Lots(0), false),
            (|filters| filters.lots_min = Lots(u64::MAX), false),
            (|filters| filters.notional_min = u128::MAX, true),
            (|filters| (filters.notional_min, filters.notional_max) = (2, 1), false),
            (|filters| filters.percent[1] = Percent { lowest_ppm: 2, highest_ppm: 1 }, false),
            (|filters| filters.orders_max = 0, false),
            (|filters| filters.stops_max = 0, true),
        ] {
            assert_eq!(of(change), sound);
        }
    }
}
