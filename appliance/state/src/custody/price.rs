//! Reference prices: what an asset is worth for limits and policies. Never taken from the exchange's own markets.

use std::time::Duration;

use exchequer_domain::Timestamp;
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::Custody;
use crate::assets::Assets;

/// Longest name of a source.
pub const PRICE_SOURCE_BYTES_MAX: usize = 40;

/// For so long after a move that one person made alone, the next one is measured from the same anchor.
pub const ANCHOR_AGE: Duration = Duration::from_secs(24 * 3_600);

/// A reference price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Millionths of a US dollar for a unit of the asset; more than zero.
    pub usd_micros: u64,
    /// Where it is from.
    pub source: String,
    /// When it held there.
    pub at: Timestamp,
    /// From where what one person does alone is measured.
    pub anchor: Anchor,
}

/// The price up to which nobody moved it alone within [`ANCHOR_AGE`]: many small steps go no further from it than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Millionths of a US dollar for a unit of the asset; more than zero.
    pub usd_micros: u64,
    /// Replicated time of the last move that one person made alone, or of the anchor's own price.
    pub moved: Timestamp,
}

impl Price {
    /// From where a move that one person makes at `now` is measured: the anchor, or this price once nobody moved it alone
    /// for [`ANCHOR_AGE`].
    #[must_use]
    pub fn anchor_at(&self, now: Timestamp) -> u64 {
        if now.since(self.anchor.moved) >= ANCHOR_AGE { self.usd_micros } else { self.anchor.usd_micros }
    }
}

/// What an amount is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// So many millionths of a US dollar, rounded up.
    Usd(u128),
    /// Nobody can say: there is no price, or it is too old. A person decides.
    Manual,
}

impl Custody {
    /// What an amount of an asset, in minor units, is worth by a price that is not older than `age_max`.
    #[must_use]
    pub fn worth(&self, assets: &Assets, asset: Asset, amount: u128, now: Timestamp, age_max: Duration) -> Worth {
        let fresh = self.price(asset).filter(|price| now.since(price.at) <= age_max);
        let (Some(price), Some(record)) = (fresh, assets.get(asset)) else { return Worth::Manual };
        let unit = 10_u128.pow(u32::from(record.decimals));
        // Whole units first, so that the product fits wherever the result does.
        let (whole, rest) = (amount / unit, amount % unit);
        let micros = u128::from(price.usd_micros);
        let of_whole = whole.checked_mul(micros);
        let of_rest = rest.checked_mul(micros).map(|product| product.div_ceil(unit));
        match of_whole.zip(of_rest).and_then(|(whole, rest)| whole.checked_add(rest)) {
            Some(usd) => Worth::Usd(usd),
            None => Worth::Manual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{START, World, asset};

    /// Goal: an amount is worth what its price says, rounded up, and nothing is said by an old price, none, or where the
    /// result would not fit. Method: amounts around a unit, and ages around the limit.
    #[test]
    fn worth_is_of_a_fresh_price() {
        let mut world = World::new();
        world.run(asset("BTC")).unwrap();
        let decimals = world.state.assets().get(Asset(1)).unwrap().decimals;
        let unit = 10_u128.pow(u32::from(decimals));
        let mut custody = Custody::default();
        let worth = |custody: &Custody, amount, now| {
            custody.worth(world.state.assets(), Asset(1), amount, now, Duration::from_secs(60))
        };
        assert_eq!(worth(&custody, unit, START), Worth::Manual);
        let price = |usd_micros| {
            let anchor = Anchor { usd_micros, moved: START };
            Price { usd_micros, source: "desk".into(), at: START, anchor }
        };
        custody.put_price(Asset(1), price(1_500_000));
        let late = START.plus(Duration::from_secs(60));
        for (amount, usd) in [(0, 0), (unit, 1_500_000), (2 * unit, 3_000_000), (1, 1)] {
            assert_eq!(worth(&custody, amount, late), Worth::Usd(usd), "{amount}");
        }
        assert_eq!(worth(&custody, unit, late.plus(Duration::from_micros(1))), Worth::Manual);
        custody.put_price(Asset(1), price(u64::MAX));
        assert_eq!(worth(&custody, u128::MAX, START), Worth::Manual);
        assert_eq!(custody.worth(world.state.assets(), Asset(2), 1, START, Duration::from_secs(60)), Worth::Manual);
    }
}
