//! A client that keeps its own book from a snapshot and the stream, as the dialect tells it to.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Random;
use crate::Side;
use crate::conflate::{Message, Outbox, Stream};
use crate::depth::{Book, Change, DepthFault, Diff, LEVELS_MAX, Level, Pending, Snapshot};

fn changes(random: &mut Random, how_many: u64) -> impl Iterator<Item = Change> {
    (1..=how_many).map(|sequence| {
        let side = if random.once_in(2) { Side::Buy } else { Side::Sell };
        let total = if random.once_in(3) { 0 } else { u128::from(1 + random.below(1_000)) };
        let price = 100 + random.below(60) + if side == Side::Sell { 60 } else { 0 };
        Change { sequence, side, level: Level { price, total } }
    })
}

/// A client's book.
#[derive(Debug, Default)]
struct Client {
    last: u64,
    bids: BTreeMap<u64, u128>,
    asks: BTreeMap<u64, u128>,
}

impl Client {
    fn of(snapshot: &Snapshot) -> Client {
        let side = |levels: &[Level]| levels.iter().map(|level| (level.price, level.total)).collect();
        Client { last: snapshot.last_update, bids: side(&snapshot.bids), asks: side(&snapshot.asks) }
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

    fn is(&self, book: &Book) -> bool {
        let mine = |side: &BTreeMap<u64, u128>| side.iter().map(|(&price, &total)| Level { price, total }).collect();
        let (mut bids, asks): (Vec<Level>, Vec<Level>) = (mine(&self.bids), mine(&self.asks));
        bids.reverse();
        (self.last, bids, asks) == (book.last_update(), book.bids().collect(), book.asks().collect())
    }
}

/// Goal: a client that joins at any moment has the engine's book after each difference, at both speeds, also when it
/// reads slowly. Method: random changes; fast and slow streams, each with an outbox that is emptied now and then.
#[test]
fn clients_keep_the_same_book() {
    for seed in 0..50 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let all: Vec<Change> = changes(random, 2_000).collect();
        for often in [3, 40] {
            let (mut book, mut pending) = (Book::new(), Pending::new());
            let mut outbox: Outbox<&str> = Outbox::new(1 << 20);
            let mut client: Option<(Client, bool)> = None;
            let mut compared = 0;
            for change in &all {
                book.apply(change).unwrap();
                assert!(pending.push(change));
                if client.is_none() && random.once_in(300) {
                    client = Some((Client::of(&book.snapshot(5_000)), true));
                }
                if !random.once_in(often) {
                    continue;
                }
                let diff = pending.take().unwrap();
                assert_eq!((diff.last, pending.take()), (change.sequence, None));
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
                    assert!(client.is(&book));
                    compared += 1;
                }
            }
            assert!(compared > 0, "no client joined early enough");
        }
    }
}

/// Goal: a book comes back from its whole snapshot, partial ones are its best levels, and gaps are told.
#[test]
fn books_come_back() {
    let random = &mut Random::new(1);
    let mut book = Book::new();
    for change in changes(random, 500) {
        book.apply(&change).unwrap();
    }
    assert_eq!(Book::restore(&book.whole()), book);
    let partial = book.snapshot(5);
    assert_eq!(partial.bids, book.bids().take(5).collect::<Vec<_>>());
    assert_eq!(book.ticker().ask, partial.asks.first().copied());
    let change = |sequence, price| Change { sequence, side: Side::Buy, level: Level { price, total: 1 } };
    let before = book.clone();
    assert_eq!(book.apply(&change(500, 1)), Err(DepthFault::Repeated { sequence: 500, last: 500 }));
    assert_eq!(book.apply(&change(502, 1)), Err(DepthFault::Gap { sequence: 502, last: 500 }));
    assert_eq!(book.apply(&change(501, 0)), Err(DepthFault::Price { sequence: 501 }));
    assert_eq!(book, before);
}

/// Goal: memory is bounded. Method: one price too many in a book; a stream that is never taken, once with many changes
/// of few prices and once with one change of each of many.
#[test]
fn memory_is_bounded() {
    let mut book = Book::new();
    let change = |sequence: u64, price: u64| Change { sequence, side: Side::Sell, level: Level { price, total: 1 } };
    for sequence in 1..=LEVELS_MAX as u64 {
        book.apply(&change(sequence, sequence)).unwrap();
    }
    let next = LEVELS_MAX as u64 + 1;
    assert_eq!(book.apply(&change(next, next)), Err(DepthFault::Full { sequence: next }));
    book.apply(&change(next, 1)).unwrap();

    let mut few = Pending::new();
    assert!((1..1_000_000).all(|sequence| few.push(&change(sequence, 1 + sequence % 1_000))));
    assert_eq!(few.take().map(|diff| diff.levels()), Some(1_000));

    let mut many = Pending::new();
    let full = (1..1_000_000).find(|&sequence| !many.push(&change(sequence, sequence))).unwrap();
    assert!(full <= 3 * LEVELS_MAX as u64, "full at {full}");
    assert_eq!(many.take().map(|diff| (diff.first, diff.last)), Some((1, full)));
}
