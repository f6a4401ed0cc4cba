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

/// Where a value holds.
#[derive(Debug, Clone, Default, Args)]
pub struct PlaceArgs {
    /// For the workers of this kind
    #[arg(long, value_name = "KIND", conflicts_with = "worker")]
    pub kind: Option<String>,
    /// On this network
    #[arg(long, value_name = "NETWORK", conflicts_with = "worker")]
    pub network: Option<String>,
    /// For this worker, such as deposit/bitcoin-1
    #[arg(long, value_name = "WORKER")]
    pub worker: Option<String>,
}

impl PlaceArgs {
    /// The key with the place behind it; as it is where no place is given.
    pub(super) fn key(&self, key: &str) -> String {
        match (&self.kind, &self.network, &self.worker) {
            (None, None, None) => key.to_owned(),
            (Some(kind), None, _) => format!("{key}@kind:{kind}"),
            (None, Some(network), _) => format!("{key}@network:{network}"),
            (Some(kind), Some(network), _) => format!("{key}@kind:{kind},network:{network}"),
            (None, None, Some(worker)) => format!("{key}@worker:{worker}"),
        }
    }
}

/// Why a change is made.
#[derive(Debug, Clone, Args)]
pub struct ReasonArgs {
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Whether a change is proposed instead of made.
#[derive(Debug, Clone, Default, Args)]
pub struct ProposeArgs {
    /// Have the change wait for the approval of others instead of making it, for so long [default: 24h]
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub propose: Option<String>,
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

    /// Make the first admin too, an owner who signs in with this name
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,

    /// Who that is: a personnel number, an e-mail address [default: the name]
    #[arg(long, value_name = "TEXT", requires = "owner")]
    pub owner_person: Option<String>,

    /// A file whose first line is the owner's password; otherwise it is asked for
    #[arg(long, value_name = "FILE", requires = "owner")]
    pub owner_password_file: Option<PathBuf>,

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
