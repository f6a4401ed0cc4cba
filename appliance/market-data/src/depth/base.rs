//! A book as a stream has told it, and what has changed since.
//!
//! The levels of two moments do not say everything: a level that came and went between them may be in the snapshot of a
//! client that was taken in between. So every price at which something happened is told, what was there before or not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Diff, Level, Levels, Shown};
use crate::trade::Side;

/// What a stream of differences has told so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The index of the log that it is of.
    pub index: u64,
    /// The book as of then.
    pub levels: Levels,
    /// Prices of bids and asks at which something has happened since; no more than orders changed meanwhile.
    touched: [BTreeSet<u64>; 2],
}

impl Base {
    /// Before the first difference.
    #[must_use]
    pub fn new(index: u64, levels: Levels) -> Base {
        Base { index, levels, touched: Default::default() }
    }

    /// Something happened at a price.
    pub fn touch(&mut self, side: Side, price: u64) {
        let [bids, asks] = &mut self.touched;
        match side {
            Side::Buy => bids.insert(price),
            Side::Sell => asks.insert(price),
        };
    }

    /// Goes on to the levels of a later index; what has changed between, if anything has.
    pub fn advance(&mut self, index: u64, levels: Levels, shown: &Shown) -> Option<Diff> {
        if index <= self.index {
            return None;
        }
        let [touched_bids, touched_asks] = std::mem::take(&mut self.touched);
        let mut bids = changes(&self.levels.bids, &levels.bids, touched_bids);
        bids.reverse();
        let asks = changes(&self.levels.asks, &levels.asks, touched_asks);
        if bids.is_empty() && asks.is_empty() {
            return None;
        }
        let checksum = shown.checksum(&levels);
        let diff = Diff { first: self.index + 1, last: index, bids, asks, checksum };
        *self = Base::new(index, levels);
        Some(diff)
    }
}

/// The levels of one side that are new, have another quantity, are gone, which is a quantity of zero, or were touched; the
/// lowest price first. Beyond the levels that are looked at nothing is told, and what leaves them is gone.
fn changes(old: &[Level], new: &[Level], touched: BTreeSet<u64>) -> Vec<Level> {
    let before: BTreeMap<u64, u128> = old.iter().map(|level| (level.price, level.total)).collect();
    let now: BTreeMap<u64, u128> = new.iter().map(|level| (level.price, level.total)).collect();
    let mut prices = touched;
    prices.extend(before.iter().filter(|(price, total)| now.get(price) != Some(total)).map(|(price, _)| *price));
    prices.extend(now.keys().filter(|price| !before.contains_key(price)));
    let level = |price| Level { price, total: now.get(&price).copied().unwrap_or(0) };
    prices.into_iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOWN: Shown = Shown { steps_per_tick: 1, steps_per_lot: 1 };

    fn levels(side: &BTreeMap<u64, u128>, ascending: bool) -> Vec<Level> {
        let mut levels: Vec<Level> = side.iter().map(|(&price, &total)| Level { price, total }).collect();
        if !ascending {
            levels.reverse();
        }
        levels
    }

    /// Goal: who applies every difference to the first levels has the last ones, and the ids join. Method: random books
    /// beside a client that keeps maps.
    #[test]
    fn differences_lead_from_one_book_to_the_next() {
        let seed = 0x5eed_0031_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut draw = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let (mut book, mut client) = ([BTreeMap::new(), BTreeMap::new()], [BTreeMap::new(), BTreeMap::new()]);
        let mut base = Base::new(7, Levels::default());
        let (mut next, mut index, mut told) = (8, 7, 0);
        for _ in 0..5_000 {
            for _ in 0..draw(4) {
                let (side, price, total) = (draw(2) as usize, 1 + draw(12), u128::from(draw(3)));
                match total {
                    0 => book[side].remove(&price),
                    _ => book[side].insert(price, total),
                };
            }
            index += 1 + draw(3);
            let now = Levels { bids: levels(&book[0], false), asks: levels(&book[1], true) };
            let changed = now != base.levels;
            let sum = SHOWN.checksum(&now);
            let Some(diff) = base.advance(index, now, &SHOWN) else {
                assert!(!changed);
                continue;
            };
            assert!(changed);
            assert_eq!((diff.first, diff.last, diff.checksum), (next, index, sum));
            next = diff.last + 1;
            told += 1;
            for (side, levels) in [(0, &diff.bids), (1, &diff.asks)] {
                for level in levels {
                    match level.total {
                        0 => assert!(client[side].remove(&level.price).is_some(), "only what was there can be gone"),
                        total => assert_ne!(client[side].insert(level.price, total), Some(total)),
                    }
                }
            }
            assert_eq!(client, book);
        }
        assert!(told > 1_000, "{told}");
    }
}
