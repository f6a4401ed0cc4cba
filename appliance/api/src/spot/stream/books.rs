//! The levels of a book as a stream has told them, and what has changed since.

use exchequer_market_data::depth::{Diff, Level, SNAPSHOT_LEVELS_MAX};
use exchequer_state::matching::{Market, Side};

/// The best levels of both sides; quantities in lots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) bids: Vec<Level>,
    pub(crate) asks: Vec<Level>,
}

impl Levels {
    /// Those of a market, at most `limit` a side.
    pub(crate) fn of(market: &Market, limit: usize) -> Levels {
        let side = |side| {
            let levels = market.book().depth(side).take(limit.min(SNAPSHOT_LEVELS_MAX));
            levels.map(|level| Level { price: level.price.0, total: level.lots.0.into() }).collect()
        };
        Levels { bids: side(Side::Buy), asks: side(Side::Sell) }
    }
}

/// What a stream of differences has told so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Base {
    /// The index of the log that it is of.
    pub(crate) index: u64,
    pub(crate) levels: Levels,
}

impl Base {
    /// Goes on to the levels of a later index; what has changed between, if anything has.
    pub(crate) fn advance(&mut self, index: u64, levels: Levels) -> Option<Diff> {
        if index <= self.index {
            return None;
        }
        let bids = changes(&self.levels.bids, &levels.bids, |one, other| one > other);
        let asks = changes(&self.levels.asks, &levels.asks, |one, other| one < other);
        if bids.is_empty() && asks.is_empty() {
            return None;
        }
        let diff = Diff { first: self.index + 1, last: index, bids, asks };
        *self = Base { index, levels };
        Some(diff)
    }
}

/// The levels of one side that are new, have another quantity, or are gone, which is a quantity of zero; the best first.
fn changes(old: &[Level], new: &[Level], is_better: impl Fn(u64, u64) -> bool) -> Vec<Level> {
    let mut found = Vec::new();
    let mut old = old.iter().copied().peekable();
    for &level in new {
        while let Some(gone) = old.next_if(|old| is_better(old.price, level.price)) {
            found.push(Level { total: 0, ..gone });
        }
        match old.next_if(|old| old.price == level.price) {
            Some(same) if same.total == level.total => {}
            _ => found.push(level),
        }
    }
    found.extend(old.map(|gone| Level { total: 0, ..gone }));
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

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
        let mut base = Base { index: 7, levels: Levels::default() };
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
            let Some(diff) = base.advance(index, now) else {
                assert!(!changed);
                continue;
            };
            assert!(changed);
            assert_eq!((diff.first, diff.last), (next, index));
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
