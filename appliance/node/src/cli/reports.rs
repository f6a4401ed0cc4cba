//! What the offline verbs report. The online ones report the shapes of the API.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `exchequer init`. The token is shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitReport {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The first node's id.
    pub node_id: u64,
    /// Its name.
    pub node: String,
    /// Where clients reach it.
    pub api_address: String,
    /// Where other nodes reach it.
    pub peer_address: String,
    /// Whether the cluster is a sandbox.
    pub sandbox: bool,
    /// The operator token.
    pub operator_token: String,
    /// The authority's fingerprint, which join tokens pin.
    pub ca_fingerprint: String,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// `exchequer join`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReport {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The new node's id, never used before.
    pub node_id: u64,
    /// Its name.
    pub node: String,
    /// Where clients reach it.
    pub api_address: String,
    /// Where other nodes reach it.
    pub peer_address: String,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// `exchequer cluster recover plan`: what is left, and what recovery would make of it. Nothing is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPlan {
    /// The cluster, hexadecimal; recovery asks for it.
    pub cluster_id: String,
    /// The present lineage.
    pub lineage: u64,
    /// The lineage that recovery would begin.
    pub lineage_after: u64,
    /// This node's id; it would be the only member.
    pub node_id: u64,
    /// This node's name.
    pub node: String,
    /// The term of the last entry of this node's log. Only the survivor with the highest term, and among those with the
    /// highest index, may be recovered.
    pub last_term: u64,
    /// The last entry of this node's log.
    pub last_index: u64,
    /// The last entry it knows to be committed.
    pub committed: u64,
    /// The last entry whose effects are on this node's disk.
    pub applied: u64,
    /// The members as this node knows them, by id.
    pub members: Vec<RecoveryMember>,
    /// What may be lost, in sentences; empty where nothing may.
    pub at_risk: Vec<String>,
}

/// One member in [`RecoveryPlan`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryMember {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub node: String,
    /// Its peer address.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
    /// Whether it would stay.
    pub stays: bool,
}

/// `exchequer cluster recover apply`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryReport {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The lineage that began.
    pub lineage: u64,
    /// The only member's id.
    pub node_id: u64,
    /// Its name.
    pub node: String,
    /// The ids of those that are no longer members.
    pub dropped: Vec<u64>,
}

/// `exchequer snapshot restore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreReport {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The lineage that began.
    pub lineage: u64,
    /// The id of the node that was made.
    pub node_id: u64,
    /// Its name.
    pub node: String,
    /// The state is as of this entry.
    pub index: u64,
    /// Replicated time of that entry.
    pub time: String,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// `exchequer keyring import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyringReport {
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The keys of the ring that is now in the folder.
    pub keys: u64,
    /// The data folder.
    pub data_dir: PathBuf,
}

/// `exchequer bench raft`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchReport {
    /// `unary` or `stream`.
    pub mode: String,
    /// Clients that wrote at the same time.
    pub clients: u32,
    /// Writes in one batch; one where they were not batched.
    pub batch: u32,
    /// The size of each value.
    pub value_bytes: u32,
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Writes that were acknowledged in that time.
    pub writes: u64,
    /// Requests that failed in that time.
    pub failed: u64,
    /// Acknowledged writes a second.
    pub writes_per_second: f64,
    /// How long requests took.
    pub latency: Latency,
    /// The part of one processor that this client used; servers on the same machine had the rest.
    pub client_cpu: f64,
}

/// The distribution of a duration, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Half took no longer.
    pub p50_us: u64,
    /// 90 % took no longer.
    pub p90_us: u64,
    /// 99 % took no longer.
    pub p99_us: u64,
    /// 99.9 % took no longer.
    pub p999_us: u64,
    /// None took longer.
    pub max_us: u64,
}
