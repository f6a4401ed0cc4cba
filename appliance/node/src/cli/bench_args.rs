//! The arguments of `exchequer bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use exchequer_domain::parse_duration;

use super::args::{ClientArgs, OutputArgs};

/// How the bench sends its writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchMode {
    /// One call a request; whoever sent it waits for its answer.
    Unary,
    /// Many requests under way on each stream, answered in their order.
    Stream,
}

/// `exchequer bench raft`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// How the writes are sent
    #[arg(long, value_enum, default_value = "unary")]
    pub mode: BenchMode,

    /// Clients that write at the same time
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub clients: u32,

    /// Writes in one batch of a stream
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub batch: u32,

    /// Batches that each stream has under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub in_flight: u32,

    /// The size of each value
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub value_bytes: u32,

    /// How many different keys are written
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub keys: u64,

    /// Write each key once, in order, and end; without a warm-up, and whatever the duration
    #[arg(long)]
    pub fill: bool,

    /// How long it measures
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// How long it runs before that without measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Server processes on this machine whose processor time is reported; several with commas between
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,

    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Distribution {
    /// Every account as often
    Uniform,
    /// Few accounts very often, after Zipf's law with exponent 1.01
    Zipf,
}

/// What transfers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mix {
    /// All move money at once
    Post,
    /// Every other one only holds it
    Hold,
}

/// `exchequer bench ledger`.
#[derive(Debug, Clone, Args)]
pub struct LedgerBenchArgs {
    /// How the calls are sent
    #[arg(long, value_enum, default_value = "unary")]
    pub mode: BenchMode,

    /// Calls under way at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub callers: u32,

    /// Transfers in one call
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=8190))]
    pub batch: u32,

    /// Streams that the callers share
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub streams: u32,

    /// How many accounts there are
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub accounts: u32,

    /// Who pays
    #[arg(long, value_enum, default_value = "uniform")]
    pub distribution: Distribution,

    /// What the transfers do
    #[arg(long, value_enum, default_value = "post")]
    pub mix: Mix,

    /// How long it measures
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// How long it runs before that without measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Server processes on this machine whose processor time is reported; several with commas between
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,

    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer bench orders`.
#[derive(Debug, Clone, Args)]
pub struct OrdersBenchArgs {
    /// How the messages are sent
    #[arg(long, value_enum, default_value = "stream")]
    pub mode: BenchMode,

    /// Traders, each with one message under way
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub traders: u32,

    /// Connections that the traders share; one a trader in mode `unary` and four in mode `stream` where nothing is said
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub connections: Option<u32>,

    /// Markets that the traders are spread over
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub markets: u32,

    /// What the traders' messages follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// How long it measures
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// How long it runs before that without measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Server processes on this machine whose processor time is reported; several with commas between
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,

    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer bench matching`.
#[derive(Debug, Clone, Args)]
pub struct MatchingBenchArgs {
    /// Which messages
    #[arg(long, value_name = "NAME", default_value = "xc", value_parser = ["xc"])]
    pub workload: String,

    /// About how many orders rest while it measures
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(10..=500_000))]
    pub resting: u32,

    /// Messages from a file of the published format instead
    #[arg(long, value_name = "FILE", conflicts_with = "workload")]
    pub file: Option<PathBuf>,

    /// Messages at the beginning of the file that only fill the book
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub skip_fill: u32,

    /// Write the canonical output here
    #[arg(long, value_name = "FILE")]
    pub dump: Option<PathBuf>,

    /// With reservations, fees and the check for self-trades
    #[arg(long)]
    pub accounts: bool,

    /// As with --accounts, and the row of every order that changed is written after each 256 messages
    #[arg(long)]
    pub rows: bool,

    /// How many processes measure
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub processes: u32,

    /// Measure once, in this process
    #[arg(long, hide = true)]
    pub once: bool,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer bench log`.
#[derive(Debug, Clone, Args)]
pub struct LogBenchArgs {
    /// An empty folder for the log; it is not removed afterwards
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Appenders, each with one entry under way
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub clients: u32,

    /// The size of each entry's content
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub value_bytes: u32,

    /// How long it measures
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// How long it runs before that without measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Append to one plain preallocated file instead of the log store
    #[arg(long)]
    pub plain: bool,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}
