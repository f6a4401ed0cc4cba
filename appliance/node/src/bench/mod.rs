//! `exchequer bench`: how many durable writes a second, and how long each takes.
//!
//! [`raft`] loads a sandbox cluster through the door that programs use; [`log`] loads the log store alone, without a
//! network and without consensus, as the ceiling to compare the first with; [`ledger`] posts transfers through the
//! same door as the first; [`orders`] trades through it; [`fill`] fills a cluster with users, balances and orders;
//! [`directives`] sees how long emergencies wait behind a bulk; [`matching`] runs the order book alone. The writers and the meter are public:
//! [`events`] makes events and follows them; [`matching`] runs the order book alone. The writers and the meter are public:
//! the side-by-side run against another store uses the same ones.

mod cluster;
mod cpu;
mod directives;
mod events;
mod fill;
mod gateway;
mod ledger;
mod load;
mod log;
mod matching;
mod measure;
mod meters;
mod orders;
mod process;
mod way;

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, Problem};
use rand::TryRng as _;
use rand::rngs::SysRng;

pub use cpu::CpuTime;
pub use directives::directives;
pub use events::events;
pub use fill::fill;
pub use gateway::{StreamDoor, Target, UnaryDoor};
pub use ledger::ledger;
pub use load::{Door, Failure, Load, Measured, Put, Running, key};
pub use log::log;
pub use matching::{Round, matching, matching_once};
pub use measure::{Distribution, Durations};
pub use orders::orders;

use crate::cli::{BenchArgs, BenchMode, BenchReport, Latency};

/// More connections than this do not make a client faster.
const CONNECTIONS_MAX: usize = 4;
/// A fill that takes longer is cut off.
const FILL_PATIENCE: Duration = Duration::from_secs(3600);

/// Loads a running sandbox cluster with scratch writes.
///
/// # Errors
/// The cluster cannot be reached, or acknowledged nothing at all.
pub async fn raft(args: &BenchArgs) -> Result<BenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let clients = args.clients as usize;
    let (load, measured) = match args.mode {
        BenchMode::Unary => {
            let load = Load { writers: clients, batch: 1, ..load_of(args) };
            let doors = doors(clients.min(CONNECTIONS_MAX), |number| UnaryDoor::new(&target, number))?;
            let measured = measure(&doors, &load, args).await;
            (load, measured)
        }
        BenchMode::Stream => {
            let load = Load { writers: clients * args.in_flight as usize, batch: args.batch as usize, ..load_of(args) };
            let doors = doors(clients, |number| StreamDoor::new(&target, number))?;
            let measured = measure(&doors, &load, args).await;
            (load, measured)
        }
    };
    if measured.writes == 0 {
        let why = measured.first_failure.unwrap_or_else(|| "nothing failed either".to_owned());
        return Err(Problem::new(Code::Unreachable, format!("not one write was acknowledged: {why}")));
    }
    Ok(report(args, &load, measured))
}

fn load_of(args: &BenchArgs) -> Load {
    Load { writers: 0, batch: 0, value_bytes: args.value_bytes as usize, keys: args.keys, fill: args.fill }
}

/// So many doors, each with a connection of its own.
///
/// # Errors
/// What making one says.
pub fn doors<D: Door>(count: usize, make: impl Fn(usize) -> Result<D, Problem>) -> Result<Vec<Arc<D>>, Problem> {
    (0..count).map(|number| make(number).map(Arc::new)).collect()
}

async fn measure<D: Door>(doors: &[Arc<D>], load: &Load, args: &BenchArgs) -> Measured {
    let running = Running::start(doors, load);
    let (warm_up, duration) = if args.fill { (Duration::ZERO, FILL_PATIENCE) } else { (args.warm_up, args.duration) };
    tokio::time::sleep(warm_up).await;
    let measured = running.measure(duration, &args.server_pids).await;
    running.stop().await;
    measured
}

fn report(args: &BenchArgs, load: &Load, measured: Measured) -> BenchReport {
    let seconds = measured.measured_us.max(1) as f64 / 1e6;
    BenchReport {
        mode: mode_text(args.mode),
        clients: args.clients,
        batch: u32::try_from(load.batch).unwrap_or(u32::MAX),
        in_flight: u32::try_from(load.writers).unwrap_or(u32::MAX),
        value_bytes: args.value_bytes,
        measured_us: measured.measured_us,
        writes: measured.writes,
        failed: measured.refused,
        unknown: measured.unknown,
        first_failure: measured.first_failure.clone(),
        writes_per_second: measured.writes_per_second(),
        latency: measured.latency.into(),
        longest_gap_us: measured.longest_gap_us,
        client_cpu: measured.client_cpu.total_s() / seconds,
        server_cpu: measured.server_cpu.iter().map(|cpu| cpu.total_s() / seconds).collect(),
    }
}

impl From<Distribution> for Latency {
    fn from(distribution: Distribution) -> Latency {
        let Distribution { p50_us, p90_us, p99_us, p999_us, max_us, mean_us } = distribution;
        Latency { p50_us, p90_us, p99_us, p999_us, max_us, mean_us }
    }
}

fn mode_text(mode: BenchMode) -> String {
    match mode {
        BenchMode::Unary => "unary".to_owned(),
        BenchMode::Stream => "stream".to_owned(),
    }
}

/// Eight fresh bytes, to tell this run's commands from those of every other.
fn fresh() -> Result<[u8; 8], Problem> {
    let mut bytes = [0; 8];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
        Problem::new(Code::Internal, format!("the system's random numbers are not available: {error}"))
    })?;
    Ok(bytes)
}
