//! Doing the same to many workers: what would be done, what was done, and taking it back.

use exchequer_domain::{Digest, Network, Timestamp, WorkerId, WorkerKind};
use serde::{Deserialize, Serialize};

use super::record::WorkerRecord;
use super::states::{Desired, Observed, WorkerState};
use crate::codec;
use crate::command::Actor;

/// Which workers. What is not given is not asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Of this kind.
    pub kind: Option<WorkerKind>,
    /// On this network.
    pub network: Option<Network>,
    /// Observed in this state.
    pub state: Option<WorkerState>,
}

/// What is done to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkAction {
    /// It shall run.
    Start,
    /// It shall not.
    Stop,
    /// Its process is replaced.
    Restart,
}

/// What that comes to for one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkEffect {
    /// It starts.
    Starts,
    /// It has failed, and starts again.
    StartsAgain,
    /// It drains and ends.
    Stops,
    /// It drains, ends and starts.
    Restarts,
    /// It is as asked already, or stopped and stays so.
    Nothing,
}

/// What would be done to one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// Which worker.
    pub worker: WorkerId,
    /// What it comes to.
    pub effect: BulkEffect,
}

/// What was done to many workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRecord {
    /// Its number, from 1.
    pub id: u64,
    /// What was done.
    pub action: BulkAction,
    /// To which workers.
    pub selector: Selector,
    /// On whose behalf.
    pub by: Actor,
    /// Why.
    pub reason: String,
    /// Replicated time.
    pub at: Timestamp,
    /// Worker by worker.
    pub items: Vec<BulkItem>,
    /// Who took it back, and when.
    pub undone: Option<(Actor, Timestamp)>,
}

/// What was done to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkItem {
    /// Which worker.
    pub worker: WorkerId,
    /// What it came to.
    pub effect: BulkEffect,
    /// What was wanted of it before.
    pub before: Desired,
    /// How often that had been decided after this; another number means that somebody else has decided since.
    pub wills: u32,
    /// What became of it when the whole was taken back.
    pub undone: Option<Undone>,
}

/// What became of one worker when the whole was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Undone {
    /// What was wanted of it before is wanted again.
    Restored,
    /// Somebody has decided otherwise since; it stays so.
    DecidedSince,
    /// It is not there any more.
    Removed,
    /// There was nothing to take back.
    Nothing,
}

impl BulkAction {
    /// The word in commands and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            BulkAction::Start => "start",
            BulkAction::Stop => "stop",
            BulkAction::Restart => "restart",
        }
    }
}

impl BulkEffect {
    /// The word in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            BulkEffect::Starts => "starts",
            BulkEffect::StartsAgain => "starts-again",
            BulkEffect::Stops => "stops",
            BulkEffect::Restarts => "restarts",
            BulkEffect::Nothing => "nothing",
        }
    }
}

impl Undone {
    /// The word in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Undone::Restored => "restored",
            Undone::DecidedSince => "decided-since",
            Undone::Removed => "removed",
            Undone::Nothing => "nothing",
        }
    }
}

impl Selector {
    /// Whether it means this worker.
    #[must_use]
    pub fn takes(&self, worker: &WorkerRecord) -> bool {
        self.kind.is_none_or(|kind| kind == worker.id.kind)
            && self.network.is_none_or(|network| Some(network) == worker.id.network)
            && self.state.is_none_or(|state| state == worker.observed.name())
    }
}

impl BulkAction {
    /// What it comes to for this worker.
    #[must_use]
    pub fn effect(self, worker: &WorkerRecord) -> BulkEffect {
        let failed = matches!(worker.observed, Observed::Failed { .. });
        match (self, worker.desired) {
            (BulkAction::Start, _) if failed => BulkEffect::StartsAgain,
            (BulkAction::Start, Desired::Stopped) => BulkEffect::Starts,
            (BulkAction::Start, Desired::Running) => BulkEffect::Nothing,
            (BulkAction::Stop, Desired::Running) => BulkEffect::Stops,
            (BulkAction::Stop, Desired::Stopped) => BulkEffect::Nothing,
            (BulkAction::Restart, Desired::Running) => BulkEffect::Restarts,
            (BulkAction::Restart, Desired::Stopped) => BulkEffect::Nothing,
        }
    }
}

/// What stands for a plan: whoever runs it shows that it is still the one that they saw.
#[must_use]
pub fn plan_hash(action: BulkAction, selector: Selector, plan: &[Planned]) -> Digest {
    Digest(*blake3::hash(&codec::encode(&(action, selector, plan))).as_bytes())
}
