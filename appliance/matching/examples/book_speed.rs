//! Measures the bare book on the workload: thread CPU time per message, and percentiles of the time of single messages.
//!
//! `cargo run --release -p exchequer-matching --example book_speed -- [TARGET] [ROUNDS]`

use std::io::Write;
use std::time::{Duration, Instant};

use exchequer_matching::workload::{Line, Message, Plain, TIMED_MESSAGES, generate};
use rustix::time::{ClockId, clock_gettime};

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn filled(messages: &[Message], target: usize) -> Result<Plain, exchequer_matching::Halt> {
    let mut book = Plain::with_capacity(messages.len());
    for message in &messages[..target] {
        book.apply(message, &mut |_| {})?;
    }
    Ok(book)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let target: u32 = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let rounds: u32 = arguments.next().map_or(Ok(10), |text| text.parse())?;
    let messages = generate(1, target, TIMED_MESSAGES, 1_000)?;
    let timed = &messages[target as usize..];
    let mut per_message = Vec::new();
    for _ in 0..rounds {
        let mut book = filled(&messages, target as usize)?;
        let mut trades = 0_u64;
        let start = cpu();
        for message in timed {
            book.apply(message, &mut |line| trades += u64::from(matches!(line, Line::Trade { .. })))?;
        }
        per_message.push((cpu() - start).as_nanos() as u64 * 10 / timed.len() as u64);
        std::hint::black_box(trades);
    }
    per_message.sort_unstable();
    let mut book = filled(&messages, target as usize)?;
    let mut single: Vec<u64> = Vec::with_capacity(timed.len());
    for message in timed {
        let start = Instant::now();
        book.apply(message, &mut |line| {
            std::hint::black_box(line);
        })?;
        single.push(start.elapsed().as_nanos() as u64);
    }
    single.sort_unstable();
    let at = |share: usize| single[(single.len() - 1) * share / 10_000];
    let tenths = |value: u64| format!("{}.{}", value / 10, value % 10);
    writeln!(
        std::io::stdout(),
        "target {target}: thread CPU per message, min {} ns, median {} ns over {rounds} rounds; wall clock of single \
         messages, p50 {} p99 {} p99.9 {} ns",
        tenths(per_message[0]),
        tenths(per_message[per_message.len() / 2]),
        at(5_000),
        at(9_900),
        at(9_990)
    )?;
    Ok(())
}
