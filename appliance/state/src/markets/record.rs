//! What a market is: two assets, the steps of its prices and quantities, and what trading costs.

use exchequer_ledger::Asset;
use exchequer_matching::{Fees, PRICE_TICKS_MAX, Rounding, Worth};
use serde::{Deserialize, Serialize};

use super::MarketId;

/// Longest symbol.
pub const SYMBOL_BYTES_MAX: usize = 20;
/// Most fee tiers of a market.
pub const TIERS_MAX: usize = 32;
/// Most decimals of a price or quantity.
pub const STEP_DECIMALS_MAX: u8 = 18;

/// A step of prices or quantities: `units` times ten to the power of minus `decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From 1.
    pub units: u64,
    /// Up to [`STEP_DECIMALS_MAX`].
    pub decimals: u8,
}

/// A market as it was made. What can change while it trades is in the live market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketRecord {
    /// Its number, from 1.
    pub id: MarketId,
    /// Its name, such as `BTCUSDT`.
    pub symbol: String,
    /// What is traded.
    pub base: Asset,
    /// What prices are in.
    pub quote: Asset,
    /// One tick: the smallest difference between two prices, in whole units of quote per whole unit of base.
    pub tick: Step,
    /// One lot: the smallest difference between two quantities, in whole units of base.
    pub lot: Step,
    /// Minor units of base in one lot.
    pub base_per_lot: u64,
    /// Minor units of quote that one lot costs at a price of one tick.
    pub quote_per_tick: u64,
    /// Fees by tier; a user of a higher tier than there are has the last one.
    pub fees: Vec<Fees>,
}

/// Why assets and steps make no market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StepFault {
    /// A lot is no whole number of the base asset's minor units, or too many.
    Lot,
    /// A lot at a price of one tick is no whole number of the quote asset's minor units, or too many.
    Tick,
}

impl MarketRecord {
    /// What lots and ticks are worth, given the decimals of the two assets.
    pub(crate) fn worth_of(tick: Step, lot: Step, base: u8, quote: u8) -> Result<(u64, u64), StepFault> {
        let base_per_lot = scaled(lot.units.into(), lot.decimals, base).ok_or(StepFault::Lot)?;
        let product = u128::from(tick.units) * u128::from(lot.units);
        let quote_per_tick = scaled(product, tick.decimals + lot.decimals, quote).ok_or(StepFault::Tick)?;
        match Worth::new(base_per_lot, quote_per_tick, Rounding::Up) {
            Some(_) => Ok((base_per_lot, quote_per_tick)),
            None => Err(StepFault::Tick),
        }
    }

    /// What the live market is made with. Fees are rounded up, in the house's favour, by less than one minor unit.
    pub(crate) fn worth(&self) -> Option<Worth> {
        Worth::new(self.base_per_lot, self.quote_per_tick, Rounding::Up)
    }

    /// The rates of a tier.
    #[must_use]
    pub fn fees(&self, tier: u8) -> Fees {
        self.fees.get(usize::from(tier)).or(self.fees.last()).copied().unwrap_or_default()
    }

    /// Minor units of quote for so many lots at a price. Fits: no factor exceeds its limit.
    #[must_use]
    pub fn notional(&self, price: u64, lots: u64) -> u128 {
        u128::from(price.min(PRICE_TICKS_MAX)) * u128::from(lots) * u128::from(self.quote_per_tick)
    }
}

/// `units` of `from` decimals as a whole number of `to` decimals.
fn scaled(units: u128, from: u8, to: u8) -> Option<u64> {
    let scaled = match to.checked_sub(from) {
        Some(up) => units.checked_mul(10_u128.checked_pow(up.into())?)?,
        None => {
            let down = 10_u128.checked_pow((from - to).into())?;
            if !units.is_multiple_of(down) {
                return None;
            }
            units / down
        }
    };
    u64::try_from(scaled).ok().filter(|scaled| *scaled > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: steps that are no whole minor units are refused instead of rounded. Method: by hand, around the edges.
    #[test]
    fn steps_are_whole_minor_units() {
        let step = |units, decimals| Step { units, decimals };
        // 0.01 USDT and 0.00001 BTC: 0.0000001 USDT, a tenth of a minor unit of six decimals, ten of eight.
        assert_eq!(MarketRecord::worth_of(step(1, 2), step(1, 5), 8, 8), Ok((1_000, 10)));
        assert_eq!(MarketRecord::worth_of(step(1, 2), step(1, 5), 8, 6), Err(StepFault::Tick));
        assert_eq!(MarketRecord::worth_of(step(1, 1), step(1, 5), 8, 6), Ok((1_000, 1)));
        assert_eq!(MarketRecord::worth_of(step(1, 2), step(1, 9), 8, 18), Err(StepFault::Lot));
        assert_eq!(MarketRecord::worth_of(step(10, 2), step(1, 5), 8, 6), Ok((1_000, 1)), "10 x 0.01 is whole again");
        assert_eq!(MarketRecord::worth_of(step(0, 2), step(1, 5), 8, 8), Err(StepFault::Tick));
        assert_eq!(MarketRecord::worth_of(step(1, 0), step(1, 0), 18, 18).map(|(base, _)| base), Err(StepFault::Tick));
        assert_eq!(MarketRecord::worth_of(step(u64::MAX, 0), step(1, 0), 0, 0), Err(StepFault::Tick));
    }

    /// Goal: a tier beyond the last one pays what the last one pays.
    #[test]
    fn the_last_tier_is_for_all_above() {
        let fees = |ppm| Fees { maker_ppm: ppm, taker_ppm: 2 * ppm };
        let record = MarketRecord {
            id: MarketId(1),
            symbol: "AB".into(),
            base: Asset(1),
            quote: Asset(2),
            tick: Step { units: 1, decimals: 0 },
            lot: Step { units: 1, decimals: 0 },
            base_per_lot: 1,
            quote_per_tick: 1,
            fees: vec![fees(1_000), fees(900)],
        };
        assert_eq!([0, 1, 2, 255].map(|tier| record.fees(tier).maker_ppm), [1_000, 900, 900, 900]);
    }
}
