//! Klines against their definition, and a rebuild against a run.

use exchequer_domain::Timestamp;

use super::world::{run, trades};
use super::{Random, naive};
use crate::kline::{Kline, Klines, Page, Query};
use crate::{Interval, Side, Tape, Trade, TradeFault};

const FAR: Timestamp = Timestamp(4_000_000_000_000_000);

/// Goal: rows and open klines of every interval are what the trades come to, at every moment. Method: random trades
/// against the definition, rows compared at the end and the open ones along the way.
#[test]
fn klines_are_what_the_trades_come_to() {
    for seed in 0..100 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let trades = trades(random, 400);
        let mut checks = Random::new(seed + 1_000);
        let (mut tape, mut store) = run(&trades, random, false, |tape, _, done| {
            if !checks.once_in(20) {
                return;
            }
            for interval in Interval::ALL {
                let expected = naive::klines(interval, &trades[..done]);
                assert_eq!(tape.klines().current(interval), expected.values().last().copied(), "{interval}");
            }
        });
        let mut closed = Vec::new();
        tape.advance(FAR, &mut closed);
        store.put(&mut closed);
        for interval in Interval::ALL {
            let expected: Vec<Kline> = naive::klines(interval, &trades).into_values().collect();
            assert_eq!(store.all(interval), expected, "{interval}");
            assert_eq!(tape.klines().current(interval), None);
        }
    }
}

/// Goal: rows have the same bytes however they came about. Method: the same trades in one go, and with steps of time and
/// restarts at random places; no row is written twice, and all of them are the same at the end.
#[test]
fn a_rebuild_has_the_same_bytes() {
    for seed in 0..200 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let trades = trades(random, 300);
        let (mut whole, mut of_whole) = run(&trades, random, false, |_, _, _| {});
        let (mut cut, mut of_cut) = run(&trades, random, true, |_, _, _| {});
        for interval in Interval::ALL {
            assert_eq!(cut.klines().current(interval), whole.klines().current(interval), "{interval}");
        }
        let mut closed = Vec::new();
        whole.advance(FAR, &mut closed);
        of_whole.put(&mut closed);
        cut.advance(FAR, &mut closed);
        of_cut.put(&mut closed);
        assert!(of_whole == of_cut, "rows differ");
    }
}

/// Goal: only the next trade is taken, and what is refused changes nothing. Method: each fault once.
#[test]
fn other_trades_are_refused() {
    let trade =
        |id: u64, ms: u64| Trade { id, time: Timestamp(ms * 1_000), price: 5, base: 2, quote: 10, taker: Side::Buy };
    let (mut tape, mut closed) = (Tape::new(), Vec::new());
    tape.push(&trade(10, 5_000), &mut closed).unwrap();
    tape.push(&trade(11, 5_500), &mut closed).unwrap();
    tape.advance(Timestamp(7_000_000), &mut closed);
    let (before, closed_before) = (tape.clone(), closed.clone());
    let faults = [
        (trade(11, 8_000), TradeFault::Repeated { id: 11, last: 11 }),
        (trade(13, 8_000), TradeFault::Gap { id: 13, last: 11 }),
        (trade(12, 5_400), TradeFault::Late { id: 12 }),
        (trade(12, 6_999), TradeFault::Late { id: 12 }),
        (Trade { price: 0, ..trade(12, 8_000) }, TradeFault::Empty { id: 12 }),
        (Trade { base: 0, ..trade(12, 8_000) }, TradeFault::Empty { id: 12 }),
        (trade(0, 8_000), TradeFault::Empty { id: 0 }),
    ];
    for (trade, fault) in faults {
        assert_eq!(tape.push(&trade, &mut closed), Err(fault));
        assert!(tape == before && closed == closed_before, "{fault} changed something");
    }
    tape.push(&trade(12, 7_000), &mut closed).unwrap();
}

/// Goal: sums stay at the highest value, in any order of folding. Method: three trades of the largest amounts.
#[test]
fn sums_do_not_wrap() {
    let (mut klines, mut closed) = (Klines::new(), Vec::new());
    for id in 1..=3 {
        let time = Timestamp(id * 1_000_000);
        let trade = Trade { id, time, price: u64::MAX, base: u128::MAX / 2, quote: u128::MAX, taker: Side::Buy };
        klines.push(&trade, &mut closed).unwrap();
    }
    let month = klines.current(Interval::Month).unwrap();
    assert_eq!((month.base, month.quote, month.taker_base), (u128::MAX, u128::MAX, u128::MAX));
}

/// Goal: a page is what a client would pick out of all klines. Method: random queries at random moments against every
/// period since the first trade, empty ones included.
#[test]
fn pages_are_cut_from_all_klines() {
    const PERIODS_MAX: usize = 3_000;
    for seed in 0..60 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let trades = trades(random, 120);
        let (tape, store) = run(&trades, random, true, |_, _, _| {});
        let (first, last) = (trades[0].time.millis(), trades[trades.len() - 1].time.millis());
        for interval in Interval::ALL {
            let now = last + random.below(2 * (interval.next(last) - interval.open(last)));
            let opens = std::iter::successors(Some(interval.open(first)), |open| Some(interval.next(*open)));
            let opens: Vec<u64> = opens.take_while(|open| *open <= now).take(PERIODS_MAX + 1).collect();
            if opens.len() > PERIODS_MAX {
                continue;
            }
            let traded = naive::klines(interval, &trades);
            let mut close = 0;
            let all = opens.into_iter().map(|open| {
                let kline = traded.get(&open).copied().unwrap_or_else(|| Kline::flat(open, close));
                close = kline.close;
                kline
            });
            let all: Vec<Kline> = all.collect();
            for _ in 0..10 {
                let moment = |random: &mut Random| (!random.once_in(3)).then(|| first + random.below(now - first + 1));
                let (start, end) = (moment(random), moment(random));
                let (start, end) = if start > end && end.is_some() { (end, start) } else { (start, end) };
                let query = Query { start, end, limit: 1 + random.below(1_000) as u16 };
                let fits = |kline: &&Kline| {
                    start.is_none_or(|start| kline.open_time >= start) && end.is_none_or(|end| kline.open_time <= end)
                };
                let fitting: Vec<Kline> = all.iter().filter(fits).copied().collect();
                let limit = usize::from(query.limit).min(fitting.len());
                let expected = if start.is_some() { &fitting[..limit] } else { &fitting[fitting.len() - limit..] };

                let page = Page::plan(interval, &query, first, now).unwrap();
                let Ok(seen) = page.map_or(Ok(Vec::new()), |page| tape.page(&page, &store));
                assert_eq!(seen, expected, "{interval} {query:?} at {now}");
            }
        }
    }
}
