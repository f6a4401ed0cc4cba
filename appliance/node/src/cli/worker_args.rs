//! The words of `exchequer worker`.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_domain::parse_duration;

use super::args::{ClientArgs, ConsentArgs, ReasonArgs, StaleArgs};
use super::command::CommandArgs;
use super::worker_bulk::{WorkerBinaryVerb, WorkerBulkVerb};
use super::worker_config::WorkerConfigArgs;
use super::worker_logs::WorkerLogsArgs;

/// `exchequer worker`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkerVerb {
    /// List the workers
    #[command(after_help = "Example:\n  exchequer worker list\n  exchequer worker list --kind selftest --state failed")]
    List(ListWorkersArgs),
    /// Show a worker with its latest errors
    #[command(after_help = "Example:\n  exchequer worker show selftest/1")]
    Show(ShowWorkerArgs),
    /// Say what is wrong with a worker, and what to do next
    ///
    /// Looks at everything that it depends on. Exit code 2: something is not as it should be.
    #[command(after_help = "Example:\n  exchequer worker diagnose selftest/1")]
    Diagnose(ShowWorkerArgs),
    /// Add workers to the registry
    ///
    /// A worker is KIND/N, or KIND/NETWORK-N for deposit, withdrawal, consolidation, gas and balance-sync. The other kinds
    /// are selftest, price-feed, risk, security-audit, financial-reporting and system-health; of these only selftest has a
    /// program of its own so far.
    #[command(after_help = "Example:\n  exchequer worker add selftest/1 selftest/2 --start --reason 'OPS-501'\n  \
        exchequer worker add deposit/bitcoin-1 --reason 'OPS-502'")]
    Add(AddWorkerArgs),
    /// Let a worker run; one that has failed starts again, and one that was stopped
    #[command(after_help = "Example:\n  exchequer worker start selftest/1 --reason 'OPS-503: mended'")]
    Start(ControlWorkerArgs),
    /// Let a worker finish what it has begun, and end
    ///
    /// [dangerous] What it does is not done by anybody until it starts again, unless other workers of its kind run.
    #[command(after_help = "Example:\n  exchequer worker stop selftest/1 --reason 'OPS-504'\n  \
        exchequer worker stop selftest/1 --reason 'OPS-504' --yes")]
    Stop(RiskyWorkerArgs),
    /// Replace a worker's process
    #[command(after_help = "Example:\n  exchequer worker restart selftest/1 --reason 'OPS-505: it hangs'")]
    Restart(ControlWorkerArgs),
    /// Remove a stopped worker from the registry
    ///
    /// [dangerous] Its errors are forgotten with it.
    #[command(after_help = "Example:\n  exchequer worker remove selftest/2 --reason 'OPS-506' --yes")]
    Remove(RiskyWorkerArgs),
    /// Show how many workers of each kind there are and shall be
    #[command(after_help = "Example:\n  exchequer worker fleets")]
    Fleets(FleetsArgs),
    /// Set how many workers of a kind there shall be
    ///
    /// Between the bounds the leader scales by the age of the queue. Without --max the number is fixed.
    #[command(after_help = "Example:\n  exchequer worker scale selftest --min 2 --reason 'OPS-507'\n  \
        exchequer worker scale deposit --network bitcoin --min 1 --max 4 --queue-age-target 10s \\\n    \
        --reason 'OPS-508'")]
    Scale(ScaleWorkersArgs),
    /// Do the same to many workers
    #[command(after_help = "Example:\n  exchequer worker bulk preview restart --kind selftest")]
    Bulk {
        /// What to do.
        #[command(subcommand)]
        verb: WorkerBulkVerb,
    },
    /// See and change the programs that workers can run
    #[command(after_help = "Example:\n  exchequer worker binary list")]
    Binary {
        /// What to do.
        #[command(subcommand)]
        verb: WorkerBinaryVerb,
    },
    /// Show what a worker logged on the node that is asked
    ///
    /// Workers run on the leader: ask it for what is logged now. A node that led before has what was logged there.
    #[command(
        after_help = "Example:\n  exchequer worker logs selftest/1 -n 20\n  exchequer worker logs selftest/1 --follow"
    )]
    Logs(WorkerLogsArgs),
    /// Show the settings that hold for a worker or a kind and whose values they are, or change one
    ///
    /// `set KEY VALUE` is the same as `settings set` with the place. A running worker goes by it within a second or so where
    /// it takes effect at once; without `set` it is shown which revision its process goes by. `set` asks for `--reason`. What
    /// was set is taken back with `settings unset KEY --worker WORKER`.
    #[command(
        after_help = "Example:\n  exchequer worker config selftest/1\n  exchequer worker config selftest\n  exchequer worker \
                      config selftest/1 set worker.jobs_at_once 8 --reason 'OPS-518'"
    )]
    Config(WorkerConfigArgs),
}

/// Which workers.
#[derive(Debug, Clone, Default, Args)]
pub struct SelectorArgs {
    /// Only workers of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only workers on this network
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Only workers in this state: stopped, starting, running, draining, degraded or failed
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
}

/// `exchequer worker list`.
#[derive(Debug, Clone, Args)]
pub struct ListWorkersArgs {
    /// Which ones.
    #[command(flatten)]
    pub selector: SelectorArgs,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker show` and `diagnose`.
#[derive(Debug, Clone, Args)]
pub struct ShowWorkerArgs {
    /// The worker: KIND/N, or KIND/NETWORK-N
    #[arg(value_name = "WORKER")]
    pub worker: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker fleets`.
#[derive(Debug, Clone, Args)]
pub struct FleetsArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker add`.
#[derive(Debug, Clone, Args)]
pub struct AddWorkerArgs {
    /// The workers: KIND/N, or KIND/NETWORK-N
    #[arg(value_name = "WORKER", required = true)]
    pub workers: Vec<String>,
    /// Let them run at once
    #[arg(long)]
    pub start: bool,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker start` and `restart`.
#[derive(Debug, Clone, Args)]
pub struct ControlWorkerArgs {
    /// The worker: KIND/N, or KIND/NETWORK-N
    #[arg(value_name = "WORKER")]
    pub worker: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker stop` and `remove`.
#[derive(Debug, Clone, Args)]
pub struct RiskyWorkerArgs {
    /// Which worker, why and whom to ask.
    #[command(flatten)]
    pub control: ControlWorkerArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

/// `exchequer worker scale`.
#[derive(Debug, Clone, Args)]
pub struct ScaleWorkersArgs {
    /// What the workers do
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// On which network, where the kind has networks
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// At least so many are to run
    #[arg(long, value_name = "N")]
    pub min: u16,
    /// At most so many are started [default: the same as --min]
    #[arg(long, value_name = "N")]
    pub max: Option<u16>,
    /// The oldest job should not wait longer [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub queue_age_target: Option<Duration>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}
