//! The shapes of `/v1`, shared by the server and the command line.
//!
//! Times are RFC 3339 text, durations and sizes text with a unit, hashes and ids hexadecimal. Fields are only added.

use serde::{Deserialize, Serialize};

/// `POST /v1/cluster/join`: what a new node shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The join token's text.
    pub token: String,
    /// The name the node wants.
    pub name: String,
    /// Where clients will reach it.
    pub api_address: String,
    /// Where its peers will reach it.
    pub peer_address: String,
    /// Its certificate request, DER in base64.
    pub certificate_request: String,
    /// The release it runs.
    pub release: String,
    /// The highest logic version it can apply.
    pub logic: u32,
    /// The node it takes the place of.
    pub replaces: Option<u64>,
}

/// What an admitted node gets. It travels inside the join's TLS and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReply {
    /// Its id, never used before.
    pub node_id: u64,
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The cluster's lineage.
    pub lineage: u64,
    /// Whether the cluster is a sandbox.
    pub sandbox: bool,
    /// Its certificate, DER in base64.
    pub certificate: String,
    /// The authorities to trust, DER in base64.
    pub authorities: Vec<String>,
    /// The cluster's keyring.
    pub keyring: String,
}

impl std::fmt::Debug for JoinReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinReply").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

/// One member in `GET /v1/cluster/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    pub stable_since: Option<String>,
}

/// `GET /v1/cluster/peers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// The answering node.
    pub from: u64,
    /// The members, by id.
    pub peers: Vec<Peer>,
}

/// `GET /v1/status`: one node and its cluster at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    pub role: String,
    /// `healthy`, `degraded` or `no-quorum`: exit codes 0, 2 and 3 of the command line.
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
    pub state_hash: String,
    /// Replicated time.
    pub time: String,
    /// The release it runs.
    pub version: String,
    /// The number of voters.
    pub voters: u64,
    /// The number of learners.
    pub learners: u64,
}

/// The body of every refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Code, message and hint.
    pub error: exchequer_domain::Problem,
}
