//! Random trades, a store for their rows, and a tape that is thrown away and restored in between.

use std::collections::BTreeMap;
use std::convert::Infallible;

use exchequer_domain::Timestamp;

use super::Random;
use crate::kline::row::{self, Key};
use crate::kline::{Closed, Kline, Newest, Rows};
use crate::{Interval, Side, Tape, Trade};

const MARKET: u32 = 7;

/// Trades of one market, with pauses of every length from none to two months.
pub(crate) fn trades(random: &mut Random, how_many: usize) -> Vec<Trade> {
    let mut time_us = 1_690_000_000_000_000 + random.below(100_000_000_000_000);
    let (mut price, first) = (1_000, 1 + random.below(1_000_000));
    let mut trades = Vec::new();
    for id in (first..).take(how_many) {
        time_us += match random.below(100) {
            0 => random.below(60 * 86_400_000_000),
            1..4 => random.below(86_400_000_000),
            4..10 => random.below(3_600_000_000),
            10..40 => random.below(60_000_000),
            40..70 => random.below(1_000_000),
            _ => random.below(2) * 999,
        };
        price = (price + random.below(21)).saturating_sub(10).max(1);
        let base = u128::from(1 + random.below(1_000_000));
        let taker = if random.once_in(2) { Side::Buy } else { Side::Sell };
        trades.push(Trade { id, time: Timestamp(time_us), price, base, quote: base * u128::from(price), taker });
    }
    trades
}

/// Rows as a node's disk would hold them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Store {
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Store {
    /// Stores what was closed; no row is written twice.
    pub(crate) fn put(&mut self, closed: &mut Vec<Closed>) {
        for Closed { interval, kline } in closed.drain(..) {
            let key = Key { market: MARKET, interval, open_time: kline.open_time }.to_bytes().to_vec();
            let before = self.rows.insert(key, row::encode(&kline));
            assert_eq!(before, None, "{interval} at {} was written twice", kline.open_time);
        }
    }

    pub(crate) fn all(&self, interval: Interval) -> Vec<Kline> {
        let Ok(rows) = self.range(interval, 0, u64::MAX);
        rows
    }

    fn read(&self, interval: Interval, from: u64, until: u64) -> impl DoubleEndedIterator<Item = Kline> {
        let key = |open_time| Key { market: MARKET, interval, open_time }.to_bytes().to_vec();
        self.rows.range(key(from)..key(until)).map(|(key, value)| {
            let open_time = Key::from_bytes(key).unwrap().open_time;
            row::decode(open_time, value).unwrap()
        })
    }

    pub(crate) fn restore(&self, log: &[Trade]) -> Tape {
        let newest = self.read(Interval::S1, 0, u64::MAX).next_back().map(|second| {
            let last = log.iter().find(|trade| trade.id == second.last_trade).unwrap();
            Newest { second, last_time: last.time }
        });
        let Ok(tape) = Tape::restore(newest.as_ref(), self);
        tape
    }
}

impl Rows for Store {
    type Error = Infallible;

    fn range(&self, interval: Interval, from: u64, until: u64) -> Result<Vec<Kline>, Infallible> {
        Ok(self.read(interval, from, until).collect())
    }

    fn last(&self, interval: Interval, at: u64) -> Result<Option<Kline>, Infallible> {
        Ok(self.read(interval, 0, at + 1).next_back())
    }
}

/// Runs trades through a tape, with steps of time in between and restarts from what is stored, and calls `look` after
/// each trade and each restart, with how many trades are done.
pub(crate) fn run(
    trades: &[Trade],
    random: &mut Random,
    is_interrupted: bool,
    mut look: impl FnMut(&Tape, &Store, usize),
) -> (Tape, Store) {
    let (mut tape, mut store, mut closed) = (Tape::new(), Store::default(), Vec::new());
    for (done, trade) in trades.iter().enumerate() {
        if is_interrupted && random.once_in(4) {
            let before = done.checked_sub(1).and_then(|done| trades.get(done)).map_or(0, |trade| trade.time.0);
            let now = before + random.below(trade.time.0 - before + 1);
            tape.advance(Timestamp(now), &mut closed);
            store.put(&mut closed);
        }
        if is_interrupted && random.once_in(20) {
            tape = store.restore(&trades[..done]);
            let missing = trades[..done].iter().filter(|missed| missed.id > tape.klines().last_trade());
            for trade in missing.copied().collect::<Vec<_>>() {
                tape.push(&trade, &mut closed).unwrap();
            }
            assert_eq!(closed, [], "a restart closes nothing that was not closed");
            if done > 0 {
                look(&tape, &store, done);
            }
        }
        tape.push(trade, &mut closed).unwrap();
        store.put(&mut closed);
        look(&tape, &store, done + 1);
    }
    (tape, store)
}
