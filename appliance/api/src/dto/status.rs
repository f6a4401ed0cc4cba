//! What `/v1/status`, `/v1/cluster/peers`, `/v1/cluster/autopilot` and `/readyz` answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::MaintenanceWindow;
use super::shapes::{HashText, Moment};

/// One member in `GET /v1/cluster/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peer {
    /// Its name.
    pub node: String,
    /// Its id.
    pub id: u64,
    /// Its peer address.
    pub address: String,
    /// Its API address.
    pub api_address: String,
    /// `leader`, `follower`, `learner` or `unreachable`.
    #[schemars(extend("enum" = ["leader", "follower", "learner", "unreachable"]))]
    pub state: String,
    /// Whether it votes.
    pub voter: bool,
    /// The term it is in.
    pub term: u64,
    /// The last entry of its log.
    pub last_index: u64,
    /// The last entry it applied.
    pub applied: u64,
    /// How many entries it is behind the leader; none for the leader.
    pub trails_leader_by: Option<u64>,
    /// How long ago the answering node heard of it, in milliseconds; none for itself.
    pub last_contact_ms: Option<u64>,
    /// The last entry of its latest snapshot.
    pub snap_index: Option<u64>,
    /// The release it runs.
    pub version: String,
    /// Since when it has been healthy, as the answering node saw it.
    #[schemars(with = "Option<Moment>")]
    pub stable_since: Option<String>,
}

/// `GET /v1/cluster/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Peers {
    /// The answering node.
    pub from: u64,
    /// The members, by id.
    pub peers: Vec<Peer>,
}

/// `GET /v1/status`: one node and its cluster at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStatus {
    /// The answering node's name.
    pub node: String,
    /// Its id.
    pub id: u64,
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// Whether the cluster is a sandbox.
    pub sandbox: bool,
    /// `leader`, `follower`, `candidate`, `learner`, `stopped`.
    #[schemars(extend("enum" = ["leader", "follower", "candidate", "learner", "stopped"]))]
    pub role: String,
    /// `healthy`, `degraded` or `no-quorum`: exit codes 0, 2 and 3 of the command line.
    #[schemars(extend("enum" = ["healthy", "degraded", "no-quorum"]))]
    pub health: String,
    /// How many voters may fail before the cluster stops; 0 where the next failure stops it.
    pub failure_tolerance: u64,
    /// What is wrong, in sentences; empty where nothing is.
    pub problems: Vec<String>,
    /// The leader's name, where one is known.
    pub leader: Option<String>,
    /// The leader's id.
    pub leader_id: Option<u64>,
    /// The term.
    pub term: u64,
    /// The index of the present leadership's activation.
    pub epoch: Option<u64>,
    /// The last entry of its log.
    pub last_index: u64,
    /// The last committed entry it knows.
    pub committed: u64,
    /// The last applied entry.
    pub applied: u64,
    /// The index up to which the state is on stable storage.
    pub flushed: u64,
    /// The last entry of its latest snapshot.
    pub snap_index: Option<u64>,
    /// The rolling state hash after `applied`.
    #[schemars(with = "HashText")]
    pub state_hash: String,
    /// Replicated time.
    #[schemars(with = "Moment")]
    pub time: String,
    /// The release it runs.
    pub version: String,
    /// The number of voters.
    pub voters: u64,
    /// The number of learners.
    pub learners: u64,
    /// While the cluster takes up a new certificate authority: the members that the answering node waits for.
    #[serde(default)]
    pub authority_waits: Option<Vec<String>>,
    /// Since when the exchange is stopped by an emergency; none where it is not.
    #[serde(default)]
    #[schemars(with = "Option<Moment>")]
    pub stopped_since: Option<String>,
    /// Maintenance that is announced or open.
    #[serde(default)]
    pub maintenance: Vec<MaintenanceWindow>,
    /// The signer beside the answering node; none where it has no vault.
    #[serde(default)]
    pub signer: Option<SignerStatus>,
}

/// The signer beside a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignerStatus {
    /// `ready`, `behind` (it is being fed), `sealed` or `silent` (nobody answers).
    #[schemars(extend("enum" = ["ready", "behind", "sealed", "silent"]))]
    pub state: String,
    /// The index of the log entry up to which it has followed what concerns signing.
    pub followed: Option<u64>,
    /// The epoch under which it signs, by its index.
    pub epoch: Option<u64>,
    /// The version of its own policy.
    pub policy: Option<u64>,
    /// What is wrong; empty where nothing is.
    pub why: String,
}

/// `GET /v1/cluster/autopilot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Autopilot {
    /// Whether every server is healthy and there is a leader.
    pub healthy: bool,
    /// How many voters may fail before the cluster stops.
    pub failure_tolerance: u64,
    /// The leader's id.
    pub leader: Option<u64>,
    /// The voters' ids.
    pub voters: Vec<u64>,
    /// The members, by id.
    pub servers: Vec<AutopilotServer>,
    /// The settings `autopilot.*`: key and value.
    pub settings: BTreeMap<String, String>,
}

/// One member in [`Autopilot`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AutopilotServer {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its peer address.
    pub address: String,
    /// `alive`, or `failed` where it has been silent for longer than `autopilot.last_contact_max`.
    pub node_status: String,
    /// The release it runs.
    pub version: String,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it votes.
    pub voter: bool,
    /// Alive and not further behind than `autopilot.max_trailing_entries`.
    pub healthy: bool,
    /// How long ago the answering node heard of it, in milliseconds; none for itself, or where it never did.
    pub last_contact_ms: Option<u64>,
    /// The term it is in.
    pub last_term: u64,
    /// The last entry of its log.
    pub last_index: u64,
    /// Since when it has been healthy, as the answering node saw it.
    #[schemars(with = "Option<Moment>")]
    pub stable_since: Option<String>,
}

/// `GET /readyz?format=json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    /// Whether every check is good.
    pub ready: bool,
    /// The conditions.
    pub checks: Vec<ReadinessCheck>,
}

/// One condition in [`Readiness`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadinessCheck {
    /// `leader`, `disk`, `applied`, `recovery`, `clock`.
    pub name: String,
    /// Whether it holds.
    pub good: bool,
    /// What is the case.
    pub detail: String,
}
