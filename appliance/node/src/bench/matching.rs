//! `exchequer bench matching`: how long the order book takes for a message, and what it answers.
//!
//! Time is CPU time of the one thread that runs the book, so that neighbours on the machine do not count; every figure is
//! of a process of its own, because the memory of a process that has run once is warmer than one that has not. The
//! answer is hashed in a run that is not timed: figures of an engine that answers wrongly are worth nothing.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_matching::Halt;
use exchequer_matching::workload::{self, Canonical, Exchange, Line, Message, Plain, TIMED_MESSAGES};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::cli::{MatchingBenchArgs, MatchingBenchReport};

/// Users of the made workload.
const USERS: u64 = 1_000;
/// After how many messages rows are written: as many as an entry of the log has under load.
const MESSAGES_PER_ENTRY: u32 = 256;
/// How often the canonical output goes to the hash.
const MESSAGES_PER_PIECE: usize = 10_000;

/// What one process measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Thread CPU time per message, in nanoseconds.
    pub ns_per_message: f64,
    /// Wall-clock time of single messages, in nanoseconds: half took no longer.
    pub p50_ns: u64,
    /// 99 % took no longer.
    pub p99_ns: u64,
    /// 99.9 % took no longer.
    pub p999_ns: u64,
}

/// The book alone, or the whole market with reservations, fees and the check for self-trades.
enum Engine {
    Book(Plain),
    Market(Exchange),
    /// And how many messages came since its rows were written.
    Rows(Exchange, u32),
}

impl Engine {
    fn new(args: &MatchingBenchArgs, messages: &[Message]) -> Result<Engine, Problem> {
        if !args.accounts && !args.rows {
            return Ok(Engine::Book(Plain::with_capacity(messages.len())));
        }
        let users = messages.iter().map(|message| message.user).max().unwrap_or_default();
        let market = Exchange::new(users.max(USERS), messages.len()).map_err(|halt| broken(&halt))?;
        Ok(if args.rows { Engine::Rows(market, 0) } else { Engine::Market(market) })
    }

    #[inline]
    fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Problem> {
        let applied = match self {
            Engine::Book(book) => book.apply(message, tell),
            Engine::Market(market) => market.apply(Timestamp(1), message, tell),
            Engine::Rows(market, since) => {
                *since += 1;
                market.apply(Timestamp(1), message, tell).and_then(|()| match *since {
                    MESSAGES_PER_ENTRY => {
                        *since = 0;
                        market.drain(|key, row| {
                            std::hint::black_box((key, row));
                        })
                    }
                    _ => Ok(()),
                })
            }
        };
        applied.map_err(|halt| broken(&halt))
    }
}

fn broken(halt: &Halt) -> Problem {
    Problem::new(Code::InvariantBroken, halt.to_string())
}

fn messages(args: &MatchingBenchArgs) -> Result<(Vec<Message>, usize), Problem> {
    let Some(file) = &args.file else {
        let made = workload::generate(1, args.resting, TIMED_MESSAGES, USERS).map_err(|halt| broken(&halt))?;
        return Ok((made, args.resting as usize));
    };
    let bytes = std::fs::read(file).map_err(|error| unusable("read", file, &error))?;
    let read = workload::decode(&bytes).map_err(|error| unusable("use", file, &error))?;
    let skip = args.skip_fill as usize;
    if skip >= read.len() {
        return Err(Problem::new(Code::BadRequest, format!("the file has {} messages, and none is left", read.len())));
    }
    Ok((read, skip))
}

fn unusable(verb: &str, file: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Code::BadRequest, format!("cannot {verb} {}: {error}", file.display()))
}

/// Measures in processes of their own, and hashes the answer in this one.
///
/// # Errors
/// A file cannot be read or written, or the book is inconsistent.
pub fn matching(args: &MatchingBenchArgs) -> Result<MatchingBenchReport, Problem> {
    let (messages, skip) = messages(args)?;
    let (output_sha256, trades, traded_lots) = answer(args, &messages)?;
    let mut rounds = Vec::new();
    for _ in 0..args.processes {
        rounds.push(in_a_process(args)?);
    }
    let mut cpu: Vec<f64> = rounds.iter().map(|round| round.ns_per_message).collect();
    cpu.sort_by(f64::total_cmp);
    let median = |of: fn(&Round) -> u64| {
        let mut all: Vec<u64> = rounds.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    Ok(MatchingBenchReport {
        output_sha256,
        engine: match (args.accounts, args.rows) {
            (_, true) => "market with accounts and rows",
            (true, false) => "market with accounts",
            (false, false) => "book",
        }
        .to_owned(),
        messages: (messages.len() - skip) as u64,
        not_timed: skip as u64,
        trades,
        traded_lots,
        processes: args.processes,
        cpu_ns_min: cpu.first().copied().unwrap_or_default(),
        cpu_ns_median: cpu.get(cpu.len() / 2).copied().unwrap_or_default(),
        p50_ns: median(|round| round.p50_ns),
        p99_ns: median(|round| round.p99_ns),
        p999_ns: median(|round| round.p999_ns),
    })
}

/// The canonical output: its hash, how many trades it has, and of how many lots.
fn answer(args: &MatchingBenchArgs, messages: &[Message]) -> Result<(String, u64, u64), Problem> {
    let mut engine = Engine::new(args, messages)?;
    let mut dump = match &args.dump {
        Some(file) => {
            Some((file, BufWriter::new(File::create(file).map_err(|error| unusable("write", file, &error))?)))
        }
        None => None,
    };
    let (mut canonical, mut hash) = (Canonical::default(), Sha256::new());
    for (number, message) in messages.iter().enumerate() {
        engine.apply(message, &mut |line| canonical.report(number as u64, message, line))?;
        canonical.end_message();
        if number % MESSAGES_PER_PIECE == 0 || number + 1 == messages.len() {
            let piece = canonical.take();
            hash.update(&piece);
            if let Some((file, writer)) = &mut dump {
                writer.write_all(piece.as_bytes()).map_err(|error| unusable("write", file, &error))?;
            }
        }
    }
    if let Some((file, writer)) = &mut dump {
        writer.flush().map_err(|error| unusable("write", file, &error))?;
    }
    Ok((hex::encode(hash.finalize()), canonical.trades, canonical.traded_lots))
}

/// Has a fresh process of this program measure once.
fn in_a_process(args: &MatchingBenchArgs) -> Result<Round, Problem> {
    let failed = |why: String| Problem::new(Code::Internal, format!("a measuring process failed: {why}"));
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.args(["bench", "matching", "--once", "--output", "json", "--resting", &args.resting.to_string()]);
    if let Some(file) = &args.file {
        command.arg("--file").arg(file).args(["--skip-fill", &args.skip_fill.to_string()]);
    }
    if args.accounts {
        command.arg("--accounts");
    }
    if args.rows {
        command.arg("--rows");
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|error| failed(format!("{}: {error}", output.status)))
}

/// Measures once, in this process.
///
/// # Errors
/// As [`matching`].
pub fn matching_once(args: &MatchingBenchArgs) -> Result<Round, Problem> {
    let (messages, skip) = messages(args)?;
    let (fill, timed) = messages.split_at(skip);
    let mut engine = Engine::new(args, &messages)?;
    for message in fill {
        engine.apply(message, &mut |_| {})?;
    }
    let mut reports = 0_u64;
    let start = thread_cpu();
    for message in timed {
        engine.apply(message, &mut |_| reports += 1)?;
    }
    let cpu = thread_cpu().saturating_sub(start);
    std::hint::black_box(reports);

    let mut engine = Engine::new(args, &messages)?;
    for message in fill {
        engine.apply(message, &mut |_| {})?;
    }
    let mut single: Vec<u64> = Vec::with_capacity(timed.len());
    for message in timed {
        let start = Instant::now();
        engine.apply(message, &mut |line| {
            std::hint::black_box(line);
        })?;
        single.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    single.sort_unstable();
    let at = |per_mille: usize| single.get(single.len().saturating_sub(1) * per_mille / 1_000).copied().unwrap_or(0);
    let ns_per_message = cpu.as_nanos() as f64 / timed.len().max(1) as f64;
    Ok(Round { ns_per_message, p50_ns: at(500), p99_ns: at(990), p999_ns: at(999) })
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
