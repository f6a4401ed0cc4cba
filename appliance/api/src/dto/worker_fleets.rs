//! Fleets of workers, the programs they run, and doing the same to many of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{CommandIdText, HashText, Moment, Reason, Span, WorkerName};

/// The workers of one kind on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerFleet {
    /// What they do.
    pub kind: String,
    /// Where; none for kinds without networks, and for what holds on every network of which nothing else is said.
    pub network: Option<String>,
    /// How many there are.
    pub workers: u16,
    /// How many of them are to run.
    pub wanted: u16,
    /// At least so many are to run; none where people alone decide.
    pub min: Option<u16>,
    /// At most so many are started by the scaling.
    pub max: Option<u16>,
    /// The oldest job should not wait longer.
    #[schemars(with = "Option<Span>")]
    pub queue_age_target: Option<String>,
    /// For how long the oldest job had waited, as of the latest measurement.
    #[schemars(with = "Span")]
    pub queue_age: String,
    /// How many jobs waited then.
    pub queue_depth: u64,
    /// When that was.
    #[schemars(with = "Option<Moment>")]
    pub measured_at: Option<String>,
    /// When the leader changed its size last.
    #[schemars(with = "Option<Moment>")]
    pub scaled_at: Option<String>,
    /// The registered program that they run; none for the node's own.
    pub binary: Option<String>,
}

/// `GET /v1/workers/fleets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerFleets {
    /// Every fleet that has workers, or about which anything was decided.
    pub fleets: Vec<WorkerFleet>,
}

/// `PUT /v1/workers/fleets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaleWorkers {
    /// What they do.
    pub kind: String,
    /// Where; given exactly where the kind has networks.
    pub network: Option<String>,
    /// At least so many are to run.
    #[schemars(range(max = 64))]
    pub min: u16,
    /// At most so many are started by the scaling; the same as `min` for a fixed number.
    #[schemars(range(max = 64))]
    pub max: u16,
    /// The oldest job should not wait longer: 10 ms to a day; 30 s where nothing is said.
    #[schemars(with = "Option<Span>")]
    pub queue_age_target: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ScaleWorkers`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersScaled {
    /// How many were to run before.
    pub from: u16,
    /// How many are to run now.
    pub to: u16,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// A registered program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerBinary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// BLAKE3 of the file.
    #[schemars(with = "HashText")]
    pub hash: String,
    /// Where the file is, on every node.
    pub path: String,
    /// When it was registered.
    #[schemars(with = "Moment")]
    pub registered_at: String,
    /// On whose behalf.
    pub registered_by: String,
    /// Which fleets are to run it.
    pub used_by: Vec<String>,
}

/// `GET /v1/workers/binaries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerBinaries {
    /// Every registered program, by name.
    pub binaries: Vec<WorkerBinary>,
}

/// `POST /v1/workers/binaries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterWorkerBinary {
    /// Its name: 1 to 63 characters of a-z, 0-9 and `-`; a name stands for one program.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9-]+$"))]
    pub name: String,
    /// Its version, for people: 1 to 64 visible characters.
    #[schemars(length(min = 1, max = 64), regex(pattern = "^[!-~]+$"))]
    pub version: String,
    /// BLAKE3 of the file; a file that differs is not started.
    #[schemars(with = "HashText")]
    pub hash: String,
    /// Where the file is, on every node: a whole, plain path.
    #[schemars(length(min = 2, max = 255), regex(pattern = "^(/[A-Za-z0-9_-]+)+$"))]
    pub path: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/workers/binaries/forget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetWorkerBinary {
    /// Its name.
    pub name: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/workers/binaries/use`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UseWorkerBinary {
    /// What the workers do.
    pub kind: String,
    /// Where; none for every network of which nothing else is said.
    pub network: Option<String>,
    /// The registered program; none for the node's own.
    pub binary: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to changes of registered programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerBinaryChanged {
    /// Whether anything was different before.
    pub changed: bool,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/workers/bulk/preview`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersPreview {
    /// What would be done.
    pub action: String,
    /// What it would come to for each worker that is meant.
    pub items: Vec<WorkersPreviewItem>,
    /// How many of them would change.
    pub changes: usize,
    /// Stands for this preview: running it needs this, and is refused once it would come to something else.
    #[schemars(with = "HashText")]
    pub plan: String,
}

/// What it would come to for one worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersPreviewItem {
    /// Its name.
    #[schemars(with = "WorkerName")]
    pub worker: String,
    /// `starts`, `starts-again`, `stops`, `restarts` or `nothing`.
    pub effect: String,
}

/// `POST /v1/workers/bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkWorkers {
    /// What is done to each.
    #[schemars(extend("enum" = ["start", "stop", "restart"]))]
    pub action: String,
    /// Only workers of this kind.
    pub kind: Option<String>,
    /// Only workers on this network.
    pub network: Option<String>,
    /// Only workers in this state.
    #[schemars(extend("enum" = ["stopped", "starting", "running", "draining", "degraded", "failed", null]))]
    pub state: Option<String>,
    /// The `plan` of the preview.
    #[schemars(with = "HashText")]
    pub plan: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`BulkWorkers`], and to taking it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersBulkDone {
    /// The number of its record.
    pub bulk: u64,
    /// How many workers are different now.
    pub changed: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// What was done to many workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersBulk {
    /// Its number.
    pub bulk: u64,
    /// What was done.
    pub action: String,
    /// To which workers, such as `kind=selftest state=failed`; empty for all.
    pub selector: String,
    /// On whose behalf.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schemars(with = "Moment")]
    pub at: String,
    /// How many workers were meant.
    pub workers: usize,
    /// How many changed.
    pub changed: usize,
    /// Who took it back; none where nobody has.
    pub undone_by: Option<String>,
    /// Worker by worker; empty in lists.
    pub items: Vec<WorkersBulkItem>,
}

/// What was done to one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersBulkItem {
    /// Its name.
    #[schemars(with = "WorkerName")]
    pub worker: String,
    /// `starts`, `starts-again`, `stops`, `restarts` or `nothing`.
    pub effect: String,
    /// What was wanted of it before.
    pub before: String,
    /// What became of it when the whole was taken back: `restored`, `decided-since`, `removed` or `nothing`.
    pub undone: Option<String>,
}

/// `GET /v1/workers/bulk`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkersBulks {
    /// The latest 100, the newest first.
    pub bulks: Vec<WorkersBulk>,
}
