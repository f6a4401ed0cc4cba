//! A checksum over the best levels, by which a client sees whether its copy is right.

use std::io::Write;

use super::Levels;

/// Levels of each side that are in the checksum.
const LEVELS: usize = 10;

/// How prices and quantities of a market are written, with a fixed number of decimals each, and so what their checksum is.
///
/// It is the one that Kraken defines: the ten lowest asks, from the lowest on, then the ten highest bids, from the
/// highest on; of each level the price and then the quantity, as they are written, without the decimal point and without
/// leading zeros; nothing in between. Of these digits the CRC-32 of IEEE 802.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// How many steps of the last written decimal of a price make one tick.
    pub steps_per_tick: u64,
    /// How many steps of the last written decimal of a quantity make one lot.
    pub steps_per_lot: u64,
}

impl Shown {
    /// The checksum of the best ten levels of each side.
    #[must_use]
    pub fn checksum(&self, levels: &Levels) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        for level in levels.asks.iter().take(LEVELS).chain(levels.bids.iter().take(LEVELS)) {
            // The digits of a u128 for both; a slice as writer fails only when it is full.
            let mut digits = [0_u8; 2 * 39];
            let mut free = digits.as_mut_slice();
            let price = u128::from(level.price).saturating_mul(self.steps_per_tick.into());
            let quantity = level.total.saturating_mul(self.steps_per_lot.into());
            let left = match write!(free, "{price}{quantity}") {
                Ok(()) => free.len(),
                Err(_) => 0,
            };
            crc.update(digits.get(..digits.len() - left).unwrap_or_default());
        }
        crc.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    /// Goal: the checksum is the one that Kraken's guide gives for its example. Method: that example's book, prices with
    /// five decimals and a tick of 0.00005, quantities with eight.
    #[test]
    fn the_published_example() {
        let level = |price| Level { price, total: 100 };
        let asks: Vec<Level> = (1_001..=1_010).map(level).collect();
        // 0.04985 is missing.
        let bids: Vec<Level> = (990..=1_000).rev().filter(|price| *price != 997).map(level).collect();
        let mut levels = Levels { bids, asks };
        let shown = Shown { steps_per_tick: 5, steps_per_lot: 5 };
        assert_eq!(shown.checksum(&levels), 974_947_235);
        // The eleventh level does not count.
        levels.bids.push(Level { price: 1, total: 9 });
        assert_eq!(shown.checksum(&levels), 974_947_235);
        levels.bids[9].total += 1;
        assert_ne!(shown.checksum(&levels), 974_947_235);
    }

    /// Goal: the widest numbers are written whole. Method: a level of the highest price and total against its digits.
    #[test]
    fn wide_numbers_are_whole() {
        let shown = Shown { steps_per_tick: u64::MAX, steps_per_lot: 1 };
        let levels = Levels { bids: vec![Level { price: u64::MAX, total: u128::MAX }], asks: vec![] };
        let digits = format!("{}{}", u128::from(u64::MAX).pow(2), u128::MAX);
        assert_eq!(shown.checksum(&levels), crc32fast::hash(digits.as_bytes()));
    }
}
