//! Windows against their definition, on a tape that ran on and on one that was restored.

use exchequer_domain::Timestamp;

use super::world::{Store, run, trades};
use super::{Random, naive};
use crate::kline::Kline;
use crate::ticker::{Stats, Window};
use crate::{Tape, Trade};

fn expected(window: Window, now: Timestamp, trades: &[Trade]) -> Option<Stats> {
    let (open_time, close_time) = (window.begin(now.millis()), now.millis());
    let before = trades.iter().rfind(|trade| trade.time.millis() < open_time).map(|trade| trade.price);
    let inside = trades.iter().filter(|trade| trade.time.millis() >= open_time);
    let total = naive::kline(open_time, inside);
    let previous_close = if window.is_in_memory() || total.is_none() { before } else { None };
    let total = total.or(before.map(|price| Kline::flat(open_time, price)))?;
    Some(Stats { open_time, close_time, previous_close, total })
}

fn check(random: &mut Random, tape: &Tape, store: &Store, done: &[Trade]) {
    let windows = ["1m", "5m", "59m", "1h", "23h", "1d", "2d", "7d"];
    let last = done.last().unwrap().time.0;
    for name in windows {
        let window: Window = name.parse().unwrap();
        let span = u64::from(window.minutes()) * 60_000_000;
        let now = Timestamp(last + [0, random.below(100_000), random.below(2 * span)][random.below(3) as usize]);
        let Ok(seen) = tape.window(window, now, store);
        assert_eq!(seen, expected(window, now, done), "{name} at {now}");
    }
    assert_eq!(tape.day(Timestamp(last)), expected(Window::DAY, Timestamp(last), done));
    let average = tape.average_price(Timestamp(last)).unwrap();
    assert_eq!(average.last_trade_ms, done.last().unwrap().time.millis());
    assert_eq!(Some(average.stats), expected(Window::AVERAGE, Timestamp(last), done));
}

/// Goal: every window shows what its trades come to, also after restarts. Method: random trades, with steps of time and
/// restarts from stored rows in every second run, against the definition.
#[test]
fn windows_are_what_their_trades_come_to() {
    for seed in 0..100 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let trades = trades(random, 400);
        let mut checks = Random::new(seed + 1_000);
        run(&trades, random, seed % 2 == 1, |tape, store, done| {
            if checks.once_in(8) {
                check(&mut checks, tape, store, &trades[..done]);
            }
        });
    }
}

/// Goal: a market without trades says nothing.
#[test]
fn nothing_before_the_first_trade() {
    let tape = Tape::new();
    assert_eq!(tape.day(Timestamp(5)), None);
    assert_eq!(tape.average_price(Timestamp(5)), None);
    assert_eq!(tape.window("7d".parse().unwrap(), Timestamp(5), &Store::default()), Ok(None));
}
