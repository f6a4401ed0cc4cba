//! What a trade costs: klines and ticker, over a million trades of one market.
//!
//! Processor time of the thread, so that what else runs on the machine does not count.
//! `cargo run --release -p exchequer-market-data --example speed`.

use std::io::Write;
use std::{fs, io};

use exchequer_domain::Timestamp;
use exchequer_market_data::{Side, Tape, Trade};

const TRADES: u64 = 1_000_000;
/// Enough for the kernel's count of processor time, which is some milliseconds coarse.
const READINGS: u64 = 100_000;
const START_US: u64 = 1_764_000_000_000_000;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    // A burst, a busy market, and one in which every trade closes a second and many a minute.
    for (name, gap_us) in
        [("100,000 trades a second", 10), ("100 trades a second", 10_000), ("a trade each 5 s", 5_000_000)]
    {
        let trades = trades(gap_us);
        let (mut tape, mut closed, mut rows) = (Tape::new(), Vec::new(), 0);
        let before = thread_ns()?;
        for trade in &trades {
            tape.push(trade, &mut closed).map_err(io::Error::other)?;
            rows += closed.len();
            closed.clear();
        }
        let spent = thread_ns()? - before;
        writeln!(out, "{name}: klines and ticker {} ns a trade, {rows} rows", spent / TRADES)?;

        let before = thread_ns()?;
        let now = trades.last().map_or(Timestamp(0), |trade| trade.time);
        let count: u64 = (0..READINGS).filter_map(|_| tape.day(now)).map(|stats| stats.total.trades).sum();
        writeln!(
            out,
            "{name}: 24 h ticker {} ns a reading of {} trades",
            (thread_ns()? - before) / READINGS,
            count / READINGS
        )?;
    }
    Ok(())
}

fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |end| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % end
    }
}

fn trades(gap_us: u64) -> Vec<Trade> {
    let (mut next, mut price, mut time_us) = (random(1), 100_000, START_US);
    let trade = |id: u64| {
        price = price + next(21) - 10;
        time_us += next(2 * gap_us);
        let base = u128::from(1 + next(1_000_000));
        let taker = if next(2) == 0 { Side::Buy } else { Side::Sell };
        Trade { id, time: Timestamp(time_us), price, base, quote: base * u128::from(price), taker }
    };
    (1..=TRADES).map(trade).collect()
}

/// What this thread has used of a processor.
fn thread_ns() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = text.split(' ').next().and_then(|text| text.parse().ok());
    ns.ok_or_else(|| io::Error::other("/proc/thread-self/schedstat has another form"))
}
