//! Measures the workload on the bare book, on the whole market with balances, fees and the check for self-trades, or on
//! the whole market whose rows are drained after every 256 messages, as after a log entry:
//! thread CPU time per message, and percentiles of the wall-clock time of single messages.
//!
//! `cargo run --release -p exchequer-matching --example book_speed -- book|market|rows [TARGET] [ROUNDS]`

use std::io::Write;
use std::time::{Duration, Instant};

use exchequer_domain::Timestamp;
use exchequer_matching::Halt;
use exchequer_matching::workload::{Exchange, Line, Message, Plain, TIMED_MESSAGES, generate};
use rustix::time::{ClockId, clock_gettime};

const USERS: u64 = 1_000;
const MESSAGES_PER_DRAIN: u32 = 256;

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// What is measured.
trait Engine: Sized {
    fn new(messages: usize) -> Result<Self, Halt>;
    fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt>;
}

impl Engine for Plain {
    fn new(messages: usize) -> Result<Self, Halt> {
        Ok(Plain::with_capacity(messages))
    }

    #[inline]
    fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt> {
        Plain::apply(self, message, tell)
    }
}

impl Engine for Exchange {
    fn new(messages: usize) -> Result<Self, Halt> {
        Exchange::new(USERS, messages)
    }

    #[inline]
    fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt> {
        Exchange::apply(self, Timestamp(1), message, tell)
    }
}

/// The whole market, and how many messages came since its rows were drained.
struct Rows(Exchange, u32);

impl Engine for Rows {
    fn new(messages: usize) -> Result<Self, Halt> {
        Ok(Rows(Exchange::new(USERS, messages)?, 0))
    }

    #[inline]
    fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt> {
        self.0.apply(Timestamp(1), message, tell)?;
        self.1 += 1;
        if self.1 < MESSAGES_PER_DRAIN {
            return Ok(());
        }
        self.1 = 0;
        self.0.drain(|key, row| {
            std::hint::black_box((key, row));
        })
    }
}

fn filled<E: Engine>(messages: &[Message], target: usize) -> Result<E, Halt> {
    let mut engine = E::new(messages.len())?;
    for message in &messages[..target] {
        engine.apply(message, &mut |_| {})?;
    }
    Ok(engine)
}

fn measure<E: Engine>(name: &str, target: usize, rounds: u32) -> Result<(), Box<dyn std::error::Error>> {
    let messages = generate(1, target as u32, TIMED_MESSAGES, USERS)?;
    let timed = &messages[target..];
    let mut per_message = Vec::new();
    for _ in 0..rounds {
        let mut engine: E = filled(&messages, target)?;
        let mut trades = 0_u64;
        let start = cpu();
        for message in timed {
            engine.apply(message, &mut |line| trades += u64::from(matches!(line, Line::Trade { .. })))?;
        }
        per_message.push((cpu() - start).as_nanos() as u64 * 10 / timed.len() as u64);
        std::hint::black_box(trades);
    }
    per_message.sort_unstable();
    let mut engine: E = filled(&messages, target)?;
    let mut single: Vec<u64> = Vec::with_capacity(timed.len());
    for message in timed {
        let start = Instant::now();
        engine.apply(message, &mut |line| {
            std::hint::black_box(line);
        })?;
        single.push(start.elapsed().as_nanos() as u64);
    }
    single.sort_unstable();
    let at = |share: usize| single[(single.len() - 1) * share / 10_000];
    let tenths = |value: u64| format!("{}.{}", value / 10, value % 10);
    writeln!(
        std::io::stdout(),
        "{name}, {target} resting: thread CPU per message, min {} ns, median {} ns over {rounds} rounds; wall clock of \
         single messages, p50 {} p99 {} p99.9 {} ns",
        tenths(per_message[0]),
        tenths(per_message[per_message.len() / 2]),
        at(5_000),
        at(9_900),
        at(9_990)
    )?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "book".to_owned());
    let target: usize = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let rounds: u32 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    match what.as_str() {
        "book" => measure::<Plain>(&what, target, rounds),
        "market" => measure::<Exchange>(&what, target, rounds),
        "rows" => measure::<Rows>(&what, target, rounds),
        other => Err(format!("`{other}` is neither book nor market nor rows").into()),
    }
}
