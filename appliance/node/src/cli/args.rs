//! Arguments that several verbs share, and those of the verbs that other modules carry out.
//!
//! Doc comments on the fields are the help that an operator reads.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use exchequer_domain::{NodeId, parse_duration};

/// The form in which a verb answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Plain columns for people.
    #[default]
    Table,
    /// The API's own answer, for programs.
    Json,
}

/// Says in which form to answer where no flag does.
pub(crate) const OUTPUT_VARIABLE: &str = "EXCHEQUER_OUTPUT";

/// How a verb answers.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// The form of the answer, and of errors on standard error
    #[arg(
        long,
        short = 'o',
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        env = OUTPUT_VARIABLE,
        hide_env_values = true
    )]
    pub output: Format,
}

/// How a client verb reaches the cluster.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct ClientArgs {
    /// Where the API of one or more nodes is; several, with commas between, are tried in order [default: that of the node
    /// in the data folder, otherwise 127.0.0.1:8640]
    #[arg(long, value_name = "HOST:PORT", env = "EXCHEQUER_ADDRESS", hide_env_values = true)]
    pub address: Option<String>,

    /// A file that holds the operator token; otherwise it is taken from the variable EXCHEQUER_TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// The cluster's certificate authority; otherwise `ca.pem` in the data folder
    #[arg(long, value_name = "FILE", env = "EXCHEQUER_CACERT", hide_env_values = true)]
    pub ca_cert: Option<PathBuf>,

    /// The data folder of a node on this machine, to find its address and `ca.pem` in [default: /var/lib/exchequer]
    #[arg(long, value_name = "FOLDER", env = "EXCHEQUER_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,

    /// How long an answer may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// Whether a read may be answered by any node from what it has.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct StaleArgs {
    /// Let the node that is asked answer from its own state, also without a leader
    #[arg(long)]
    pub stale: bool,

    /// How old that state may be [default: the setting read.stale_max, or any age for what is seen in an outage]
    #[arg(long, value_name = "DURATION", requires = "stale", value_parser = parse_duration)]
    pub max_stale: Option<Duration>,
}

/// Why a change is made.
#[derive(Debug, Clone, Args)]
pub struct ReasonArgs {
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// The consent to something that cannot be taken back.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ConsentArgs {
    /// Do not ask for confirmation; needed where there is no terminal to ask on
    #[arg(long)]
    pub yes: bool,
}

/// The data folder of an offline verb. It is not guessed: these verbs write.
#[derive(Debug, Clone, Args)]
pub struct FolderArgs {
    /// The node's data folder
    #[arg(long, value_name = "FOLDER", env = "EXCHEQUER_DATA_DIR", hide_env_values = true)]
    pub data_dir: PathBuf,
}

/// What a node is called and where it is reached.
#[derive(Debug, Clone, Args)]
pub struct NewNodeArgs {
    /// The node's name: lower-case letters, digits and hyphens
    #[arg(long, value_name = "NAME")]
    pub name: String,

    /// Where clients and operators will reach it
    #[arg(long, value_name = "HOST:PORT")]
    pub api: String,

    /// Where the other nodes will reach it
    #[arg(long, value_name = "HOST:PORT")]
    pub peer: String,
}

/// `exchequer server`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServerArgs {
    /// The static configuration; a commented file comes with the package
    #[arg(long, value_name = "FILE", env = "EXCHEQUER_CONFIG", hide_env_values = true)]
    pub config: Option<PathBuf>,

    /// The node's data folder, whatever the configuration says
    #[arg(long, value_name = "FOLDER", env = "EXCHEQUER_DATA_DIR", hide_env_values = true)]
    pub data_dir: Option<PathBuf>,

    /// The form of the error that ends it.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// The node.
    #[command(flatten)]
    pub node: NewNodeArgs,

    /// The cluster's name, for people to tell clusters apart
    #[arg(long, value_name = "NAME", default_value = "exchequer")]
    pub cluster_name: String,

    /// Make a cluster for trying things out: money can be credited out of nothing, and it can never hold anything real
    #[arg(long)]
    pub sandbox: bool,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer join`.
#[derive(Debug, Clone, Args)]
pub struct JoinArgs {
    /// The API address of any node of the cluster
    #[arg(value_name = "HOST:PORT")]
    pub address: String,

    /// The one-time token from `exchequer cluster token create`
    #[arg(long, value_name = "TOKEN", env = "EXCHEQUER_JOIN_TOKEN", hide_env_values = true)]
    pub token: String,

    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// The node.
    #[command(flatten)]
    pub node: NewNodeArgs,

    /// The id of the node whose place it takes, as a check: it must be the one that the token was made for
    #[arg(long, value_name = "ID")]
    pub replace: Option<NodeId>,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer cluster recover plan`.
#[derive(Debug, Clone, Args)]
pub struct RecoverPlanArgs {
    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer cluster recover apply`.
#[derive(Debug, Clone, Args)]
pub struct RecoverApplyArgs {
    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// The cluster's id as the plan shows it; without it, it is asked for on a terminal
    #[arg(long, value_name = "CLUSTER-ID")]
    pub confirm: Option<String>,

    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer snapshot inspect`.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// The snapshot
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer snapshot restore`.
#[derive(Debug, Clone, Args)]
pub struct RestoreArgs {
    /// The snapshot
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The keyring that was exported from the same cluster
    #[arg(long, value_name = "FILE")]
    pub keyring: PathBuf,

    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,

    /// The node.
    #[command(flatten)]
    pub node: NewNodeArgs,

    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,

    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,

    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// How the bench sends its writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BenchMode {
    /// One request a write; each client waits for its answer.
    Unary,
    /// Each client keeps one stream and sends its writes on it in batches.
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
