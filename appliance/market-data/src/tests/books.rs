//! A client that keeps its own book from a snapshot and the stream, as the dialect tells it to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Random;
use crate::Side;
use crate::conflate::{Message, Outbox, Stream};
use crate::depth::{Base, Diff, Level, Levels, Shown};

const SHOWN: Shown = Shown { steps_per_tick: 5, steps_per_lot: 1 };

/// The engine's book.
#[derive(Debug, Default)]
struct Engine {
    bids: BTreeMap<u64, u128>,
    asks: BTreeMap<u64, u128>,
}

impl Engine {
    /// Changes one level; answers which.
    fn change(&mut self, random: &mut Random) -> (Side, u64) {
        let total = if random.once_in(3) { 0 } else { u128::from(1 + random.below(1_000)) };
        let price = 100 + random.below(60);
        let (side, price) = if random.once_in(2) { (Side::Buy, price) } else { (Side::Sell, price + 60) };
        let levels = if side == Side::Buy { &mut self.bids } else { &mut self.asks };
        match total {
            0 => levels.remove(&price),
            total => levels.insert(price, total),
        };
        (side, price)
    }

    fn levels(&self) -> Levels {
        levels(&self.bids, &self.asks)
    }
}

fn levels(bids: &BTreeMap<u64, u128>, asks: &BTreeMap<u64, u128>) -> Levels {
    let level = |(&price, &total): (&u64, &u128)| Level { price, total };
    Levels { bids: bids.iter().rev().map(level).collect(), asks: asks.iter().map(level).collect() }
}

/// A client's book.
#[derive(Debug, Default)]
struct Client {
    last: u64,
    bids: BTreeMap<u64, u128>,
    asks: BTreeMap<u64, u128>,
}

impl Client {
    fn of(engine: &Engine, last: u64) -> Client {
        Client { last, bids: engine.bids.clone(), asks: engine.asks.clone() }
    }

    /// Follows the documented rule; `is_first` is the first difference after the snapshot.
    fn take(&mut self, diff: &Diff, is_first: &mut bool) {
        if diff.last <= self.last {
            return;
        }
        if *is_first {
            assert!(diff.first <= self.last + 1, "a difference is missing");
        } else {
            assert_eq!(diff.first, self.last + 1, "a gap");
        }
        *is_first = false;
        for (side, levels) in [(&mut self.bids, &diff.bids), (&mut self.asks, &diff.asks)] {
            for level in levels {
                match level.total {
                    0 => side.remove(&level.price),
                    total => side.insert(level.price, total),
                };
            }
        }
        self.last = diff.last;
    }

    fn levels(&self) -> Levels {
        levels(&self.bids, &self.asks)
    }
}

/// Goal: a client that joins at any moment has the engine's book after each difference, and sees so by its checksum, at
/// both speeds, also when it reads slowly. Method: random changes; fast and slow streams, each with an outbox that is
/// emptied now and then.
#[test]
fn clients_keep_the_same_book() {
    for seed in 0..50 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        for often in [3, 40] {
            let (mut engine, mut base) = (Engine::default(), Base::new(0, Levels::default()));
            let mut outbox: Outbox<&str> = Outbox::new(1 << 20);
            let mut client: Option<(Client, bool)> = None;
            let mut compared = 0;
            for index in 1..=2_000 {
                let (side, price) = engine.change(random);
                base.touch(side, price);
                if client.is_none() && random.once_in(300) {
                    client = Some((Client::of(&engine, index), true));
                }
                if !random.once_in(often) {
                    continue;
                }
                let Some(diff) = base.advance(index, engine.levels(), &SHOWN) else { continue };
                assert_eq!((diff.last, base.advance(index, engine.levels(), &SHOWN)), (index, None));
                outbox.push(Message::Depth(Stream(1), Arc::new(diff), None)).unwrap();
                if !random.once_in(2) {
                    continue;
                }
                assert_eq!(outbox.len(), 1);
                while let Some(Message::Depth(_, diff, _)) = outbox.pop() {
                    assert!(diff.bids.is_sorted_by(|a, b| a.price > b.price));
                    assert!(diff.asks.is_sorted_by(|a, b| a.price < b.price));
                    let Some((client, is_first)) = &mut client else { continue };
                    client.take(&diff, is_first);
                    assert_eq!(client.levels(), engine.levels());
                    assert_eq!(SHOWN.checksum(&client.levels()), diff.checksum);
                    compared += 1;
                }
            }
            assert!(compared > 0, "no client joined early enough");
        }
    }
}
