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
