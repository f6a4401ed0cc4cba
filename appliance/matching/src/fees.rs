//! What lots and ticks are worth, and what a trade costs.

use serde::{Deserialize, Serialize};

use crate::planted::{Bug, has};
use crate::units::Ticks;

/// Highest rate of a fee, in millionths: 5 %.
pub const FEE_PPM_MAX: u16 = 50_000;
/// Largest value of a lot at one tick, in minor units of quote: 2^40.
pub const QUOTE_PER_TICK_MAX: u64 = 1 << 40;

const MILLION: u128 = 1_000_000;
/// Amounts below this times any rate fit in 64 bits.
const SMALL: u128 = 1 << 47;

/// In whose favour a fee is rounded to a whole minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rounding {
    /// Up: in the house's favour. Never above what was received.
    Up,
    /// Down: in the owner's favour.
    Down,
}

/// What the units of a market are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worth {
    pub(crate) base_per_lot: u64,
    pub(crate) quote_per_tick: u64,
    pub(crate) rounding: Rounding,
}

impl Worth {
    /// `base_per_lot`: minor units of the base asset in one lot, from 1. `quote_per_tick`: minor units of the quote asset
    /// that one lot costs at a price of one tick, from 1 to [`QUOTE_PER_TICK_MAX`]. Nothing outside these ranges.
    #[must_use]
    pub fn new(base_per_lot: u64, quote_per_tick: u64, rounding: Rounding) -> Option<Worth> {
        let fits = base_per_lot > 0 && (1..=QUOTE_PER_TICK_MAX).contains(&quote_per_tick);
        fits.then_some(Worth { base_per_lot, quote_per_tick, rounding })
    }

    /// A quantity in minor units of the base asset.
    #[inline]
    pub(crate) fn base(&self, lots: u64) -> u128 {
        u128::from(lots).wrapping_mul(u128::from(self.base_per_lot))
    }

    /// Price times quantity in minor units of the quote asset. Fits, by the limits of its factors: 2^(40 + 40 + 40).
    #[inline]
    pub(crate) fn quote(&self, price: Ticks, lots: u64) -> u128 {
        (u128::from(price.0).wrapping_mul(u128::from(lots))).wrapping_mul(u128::from(self.quote_per_tick))
    }

    /// How many lots an amount of quote buys at a price.
    pub(crate) fn lots_for(&self, quote: u128, price: Ticks) -> u64 {
        let one = self.quote(price, 1).max(1);
        u64::try_from(quote / one).unwrap_or(u64::MAX)
    }

    /// The fee on an amount received.
    #[inline]
    pub(crate) fn fee(&self, received: u128, ppm: u16) -> u128 {
        let up = if (self.rounding == Rounding::Up) != has(Bug::FeeRoundedWrong) { MILLION - 1 } else { 0 };
        if received < SMALL {
            return u128::from((received as u64 * u64::from(ppm) + up as u64) / MILLION as u64);
        }
        let ppm = u128::from(ppm);
        received / MILLION * ppm + (received % MILLION * ppm + up) / MILLION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a fee is exact to the minor unit in the direction that the market names, for small and large amounts,
    /// and never more than what was received. Method: against whole division where the product fits.
    #[test]
    fn fees_are_rounded_as_named() {
        for rounding in [Rounding::Up, Rounding::Down] {
            let worth = Worth { base_per_lot: 1, quote_per_tick: 1, rounding };
            for received in [0, 1, 2, 999, 1_000_000, 12_345_678_901, SMALL - 1, SMALL, SMALL + 1, 1 << 100] {
                for ppm in [0, 1, 999, 1_000, FEE_PPM_MAX] {
                    let product = received * u128::from(ppm);
                    let expected = match rounding {
                        Rounding::Up => product.div_ceil(MILLION),
                        Rounding::Down => product / MILLION,
                    };
                    assert_eq!(worth.fee(received, ppm), expected, "{received} {ppm} {rounding:?}");
                    assert!(expected <= received);
                }
            }
        }
    }
}
