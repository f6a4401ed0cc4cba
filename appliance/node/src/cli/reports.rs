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
    /// What the first admin signs in with beside the password; none where there is none. Shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerReport>,
}

/// What the first admin signs in with beside the password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerReport {
    /// The name.
    pub name: String,
    /// The secret of the second factor.
    pub secret: String,
    /// The same as an address, to be shown as a picture.
    pub uri: String,
    /// Codes for one use each, where the authenticator is lost.
    pub recovery_codes: Vec<String>,
}

impl std::fmt::Debug for OwnerReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnerReport").field("name", &self.name).finish_non_exhaustive()
    }
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
    /// Writes in one request; one where they were not batched.
    pub batch: u32,
    /// Requests under way at once, of all clients together.
    pub in_flight: u32,
    /// The size of each value.
    pub value_bytes: u32,
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Writes that were acknowledged in that time.
    pub writes: u64,
    /// Requests in that time that certainly had no effect.
    pub failed: u64,
    /// Requests in that time whose outcome is unknown.
    pub unknown: u64,
    /// What the first of those said.
    pub first_failure: Option<String>,
    /// Acknowledged writes a second.
    pub writes_per_second: f64,
    /// How long requests took.
    pub latency: Latency,
    /// The longest time in which nothing was acknowledged, in microseconds.
    pub longest_gap_us: u64,
    /// The part of one processor that this client used; servers on the same machine had the rest.
    pub client_cpu: f64,
    /// The same of each server process that was named.
    pub server_cpu: Vec<f64>,
}

/// `exchequer bench log`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogBenchReport {
    /// `log store` or `plain file`.
    pub store: String,
    /// Entries under way at once.
    pub clients: u32,
    /// The size of each entry's content.
    pub value_bytes: u32,
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Entries that were synced in that time.
    pub entries: u64,
    /// Synced entries a second.
    pub entries_per_second: f64,
    /// Syncs in that time.
    pub syncs: u64,
    /// How many entries shared a sync.
    pub entries_per_sync: f64,
    /// How long an entry took from append to acknowledgement.
    pub append: Latency,
    /// How long a sync took.
    pub sync: Latency,
}

/// `exchequer bench ledger`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerBenchReport {
    /// `unary` or `stream`.
    pub mode: String,
    /// Calls under way at once.
    pub callers: u32,
    /// Transfers in each call.
    pub batch: u32,
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Transfers that were acknowledged in that time, repeated ones included.
    pub transfers: u64,
    /// Calls that certainly had no effect.
    pub failed: u64,
    /// Calls whose outcome is unknown.
    pub unknown: u64,
    /// The first failure's words.
    pub first_failure: Option<String>,
    /// Acknowledged transfers a second.
    pub transfers_per_second: f64,
    /// How long a call took.
    pub latency: Latency,
    /// Processors that the client kept busy.
    pub client_cpu: f64,
    /// Processors that each server process kept busy.
    pub server_cpu: Vec<f64>,
    /// Processor time of all server processes for one transfer, in microseconds.
    pub server_us_per_transfer: f64,
    /// What all server processes wrote to storage for one transfer, in bytes.
    pub server_bytes_per_transfer: f64,
    /// Syncs of logs and guards on all nodes together for one transfer.
    pub syncs_per_transfer: f64,
}

/// `exchequer bench orders`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrdersBenchReport {
    /// `unary` or `stream`.
    pub mode: String,
    /// Traders, each with one message under way.
    pub traders: u32,
    /// Connections that they shared.
    pub connections: u32,
    /// Markets that they were spread over.
    pub markets: u32,
    /// What their messages followed from.
    pub seed: u64,
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Orders that were entered and acknowledged in that time.
    pub orders: u64,
    /// Cancels that were answered in that time.
    pub cancels: u64,
    /// Those of them whose order had traded before.
    pub late_cancels: u64,
    /// Trades of orders with those that rested.
    pub trades: u64,
    /// Messages that certainly had no effect.
    pub failed: u64,
    /// Messages whose outcome is unknown.
    pub unknown: u64,
    /// The first failure's words.
    pub first_failure: Option<String>,
    /// Acknowledged orders a second.
    pub orders_per_second: f64,
    /// Answered orders and cancels a second.
    pub messages_per_second: f64,
    /// From a message to its answer, as the trader sees it.
    pub latency: Latency,
    /// Where that time went, on average.
    pub stages: StageReport,
    /// Processors that the client kept busy.
    pub client_cpu: f64,
    /// Processors that each server process kept busy.
    pub server_cpu: Vec<f64>,
    /// Processor time of all server processes for one message, in microseconds.
    pub server_us_per_message: f64,
    /// What all server processes wrote to storage for one message, in bytes.
    pub server_bytes_per_message: f64,
    /// Syncs of logs and guards on all nodes together for one message.
    pub syncs_per_message: f64,
    /// What was read back afterwards.
    pub proof: OrdersProof,
}

/// Where a message's time went: means in microseconds, of which the first seven add up to what the client saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    /// In the client, its runtime and the network, and in the connection until the node read it.
    pub client_us: f64,
    /// In the node's gateway: checking it, handing it to the proposer and back.
    pub api_us: f64,
    /// Waiting for an entry of the log.
    pub queue_us: f64,
    /// From there to its turn to be applied: on a majority's disks, and earlier entries applied.
    pub commit_us: f64,
    /// While its entry was computed: books, ledger, records.
    pub engine_us: f64,
    /// While the rest of applying was done: decoding and hashing the entry, making its rows visible.
    pub apply_us: f64,
    /// From there to the proposer's answer.
    pub answer_us: f64,
    /// One sync of a log, of all nodes.
    pub log_sync_us: f64,
    /// How many messages shared an entry.
    pub commands_per_entry: f64,
    /// What the engine took for one message of an entry, by the clock, of all nodes.
    pub engine_us_per_command: f64,
    /// All of applying for one message, by the clock, of all nodes.
    pub apply_us_per_command: f64,
}

/// What was read back after `exchequer bench orders`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersProof {
    /// Orders that were acknowledged, those before and after the measured time included.
    pub acknowledged: u64,
    /// Those of them that are there exactly once.
    pub found: u64,
    /// Those that are not there.
    pub missing: u64,
    /// Orders that are there more than once.
    pub twice: u64,
    /// Orders that were refused, and are there all the same.
    pub refused_but_there: u64,
    /// Orders whose answer was lost.
    pub unknown: u64,
    /// Those of them that are there.
    pub unknown_but_there: u64,
    /// Orders that nobody sent.
    pub strange: u64,
    /// Orders that are open.
    pub open: u64,
    /// Whether every trader's accounts keep back what its open orders hold.
    pub reservations_match: bool,
    /// Whether balances and fees are what was given out.
    pub balances_conserve: bool,
    /// Whether all nodes have the same hash over all rows.
    pub nodes_agree: bool,
    /// How many nodes were asked for it.
    pub nodes: u64,
}

impl OrdersProof {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let right = self.found == self.acknowledged && self.reservations_match && self.balances_conserve;
        right && self.nodes_agree && self.twice + self.refused_but_there + self.strange == 0
    }
}

/// `exchequer bench matching`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatchingBenchReport {
    /// SHA-256 of the canonical output: one line a report, sorted by message and kind.
    pub output_sha256: String,
    /// What was measured.
    pub engine: String,
    /// Messages that were timed.
    pub messages: u64,
    /// Messages before them that only filled the book.
    pub not_timed: u64,
    /// Trades in all messages.
    pub trades: u64,
    /// Lots that were traded.
    pub traded_lots: u64,
    /// Processes that measured.
    pub processes: u32,
    /// Thread CPU time per message in the fastest process, in nanoseconds.
    pub cpu_ns_min: f64,
    /// The same in the median process.
    pub cpu_ns_median: f64,
    /// Wall-clock time of single messages, median of the processes, in nanoseconds: half took no longer.
    pub p50_ns: u64,
    /// 99 % took no longer.
    pub p99_ns: u64,
    /// 99.9 % took no longer.
    pub p999_ns: u64,
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
    /// The mean.
    pub mean_us: u64,
}
