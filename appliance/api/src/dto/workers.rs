//! Workers: what the registry knows of them, and what can be asked of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{CommandIdText, HashText, Moment, Reason, Span, WorkerName};

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Worker {
    /// Its name: `selftest/1`, or with its network `deposit/bitcoin-1`.
    #[schemars(with = "WorkerName")]
    pub worker: String,
    /// What it does.
    pub kind: String,
    /// Where; none for kinds without networks.
    pub network: Option<String>,
    /// Which of several.
    pub instance: u16,
    /// What is wanted of it: `running` or `stopped`.
    pub desired: String,
    /// Whether a person stopped it, so that the scaling leaves it alone.
    pub held: bool,
    /// What is observed of it: `stopped`, `starting`, `running`, `draining`, `degraded` or `failed`.
    pub state: String,
    /// Since when it is in this state.
    #[schemars(with = "Moment")]
    pub since: String,
    /// Why it is degraded or has failed; none otherwise.
    pub why: Option<String>,
    /// The leadership under which its process runs; none where it has no process.
    pub epoch: Option<u64>,
    /// When a draining one is ended by force.
    #[schemars(with = "Option<Moment>")]
    pub deadline: Option<String>,
    /// The version that its process reported last; empty before the first.
    pub version: String,
    /// BLAKE3 of the program that its process reported last.
    #[schemars(with = "Option<HashText>")]
    pub binary_hash: Option<String>,
    /// The registered program that it is to run; none for the node's own.
    pub binary: Option<String>,
    /// The generation that is wanted; a restart counts it up.
    pub generation: u32,
    /// The generation of its latest process.
    pub started_generation: u32,
    /// Its process on the leader.
    pub pid: Option<u32>,
    /// The settings that it works with.
    pub settings_revision: u64,
    /// When its latest process was started.
    #[schemars(with = "Option<Moment>")]
    pub started_at: Option<String>,
    /// It is not started before this moment.
    #[schemars(with = "Moment")]
    pub next_start: String,
    /// Its crashes of the last ten minutes of work.
    pub crashes: usize,
    /// How its latest process ended: an exit code, `signal`, or none before the first end.
    pub ended: Option<String>,
    /// What it was seen doing, as of its latest report.
    pub summary: Option<WorkerSummary>,
    /// Its latest errors, grouped, the newest first.
    pub errors: Vec<WorkerError>,
}

/// What a worker was seen doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerSummary {
    /// Thousandths of one core.
    pub cpu_permille: u32,
    /// Memory of its process, in bytes.
    pub memory_bytes: u64,
    /// Jobs that wait for it.
    pub queue_depth: u64,
    /// For how long the oldest of them has waited.
    #[schemars(with = "Span")]
    pub queue_age: String,
    /// Jobs done in a minute.
    pub done_per_minute: u64,
    /// Thousandths of its jobs that succeeded.
    pub success_permille: u16,
    /// Its latest sign of life.
    #[schemars(with = "Moment")]
    pub heartbeat: String,
}

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerError {
    /// What they have in common, hexadecimal.
    pub fingerprint: String,
    /// The text of the latest one.
    pub message: String,
    /// How many.
    pub count: u64,
    /// When the first was reported.
    #[schemars(with = "Moment")]
    pub first: String,
    /// When the latest was reported.
    #[schemars(with = "Moment")]
    pub last: String,
}

/// `GET /v1/workers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Workers {
    /// Those that were asked for, by kind, network and instance.
    pub workers: Vec<Worker>,
    /// Which versions they run, and how many workers each: more than one is a mixed fleet.
    pub versions: Vec<WorkerVersion>,
}

/// Workers that run one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerVersion {
    /// The version that their processes report.
    pub version: String,
    /// How many workers.
    pub workers: usize,
}

/// `POST /v1/workers`: all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddWorkers {
    /// Which ones, each once.
    #[schemars(with = "Vec<WorkerName>", length(min = 1, max = 512))]
    pub workers: Vec<String>,
    /// What is wanted of each: `running`, or `stopped`, which holds where nothing is said.
    #[schemars(extend("enum" = ["running", "stopped", null]))]
    pub desired: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/workers/{worker}/start`, `stop`, `restart` and `remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControlWorker {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`AddWorkers`] and [`ControlWorker`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersChanged {
    /// How many workers were different before.
    pub changed: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/workers/{worker}/diagnosis`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerDiagnosis {
    /// Its name.
    #[schemars(with = "WorkerName")]
    pub worker: String,
    /// `good`, `warning` or `bad`: the worst of the checks.
    pub verdict: String,
    /// What is the case, in a sentence.
    pub finding: String,
    /// What to do next; empty where there is nothing to do.
    pub next_step: String,
    /// What was looked at, in the order of what depends on what.
    pub checks: Vec<WorkerCheck>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerCheck {
    /// What.
    pub name: String,
    /// `good`, `warning` or `bad`.
    pub verdict: String,
    /// What is the case.
    pub detail: String,
    /// What to do; empty where there is nothing to do.
    pub next_step: String,
}
