//! Workers' logs, and the supervisor at a glance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::Moment;

/// A line of a worker's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerLogLine {
    /// Higher than that of every line of the worker before it on this node.
    pub number: u64,
    /// The number of the line before it; zero where there was none. Who has not had that one has a gap.
    pub previous: u64,
    /// The worker's wall clock.
    #[schemars(with = "Moment")]
    pub time: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// What it says.
    pub text: String,
    /// What it is about, such as `job-12`; empty where it is about nothing in particular.
    pub trace: String,
    /// Lines that the worker dropped before this one.
    pub dropped: u64,
}

/// Lines of a worker's log on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerLog {
    /// The node whose log it is: workers run on the leader.
    pub node: u64,
    /// In order.
    pub lines: Vec<WorkerLogLine>,
}

/// Lines that whoever follows a log has missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerLogGap {
    /// The last line that was sent.
    pub after: u64,
    /// The line after which it goes on.
    pub until: u64,
}

/// What a node's supervisor has counted since its process began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Supervision {
    /// The node.
    pub node: u64,
    /// The epoch in which it supervises workers; none where it does not lead.
    pub epoch: Option<u64>,
    /// Processes of workers now.
    pub processes: u64,
    /// Processes that were started.
    pub started: u64,
    /// Commands that workers sent.
    pub commands: u64,
    /// Commands that were refused because their leadership was over (EXQ-0315).
    pub fenced: u64,
    /// Commands that were refused for other reasons.
    pub refused: u64,
    /// Those of a leadership that was over, by worker.
    pub fenced_by_worker: Vec<Fenced>,
}

/// What one worker sent that was refused because its leadership was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fenced {
    /// Which worker.
    pub worker: String,
    /// How many commands.
    pub commands: u64,
}
