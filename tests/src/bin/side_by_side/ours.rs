//! Three `exchequer` processes, and `exchequer bench raft` against them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use exchequer_tests::cluster::{Cluster, until};
use exchequer_tests::load::{CpuTime, Distribution, Measured};
use serde_json::Value;

/// A write to the cluster takes some patience while a machine is busy with something else.
const PROMPT: Duration = Duration::from_secs(120);

/// Starts a healthy cluster of three with the settings that a new cluster has.
pub(crate) async fn start() -> Result<Cluster> {
    let cluster = Cluster::sandbox(3).await?;
    // The harness shortens the log for its tests; a cluster that is measured keeps what every cluster keeps.
    set(&cluster, "log.entries_kept", "100000").await?;
    Ok(cluster)
}

/// Changes a setting.
pub(crate) async fn set(cluster: &Cluster, key: &str, value: &str) -> Result<()> {
    cluster.does(&["settings", "set", key, value, "--reason", "benchmark"]).await.map(drop)
}

/// The servers' process ids.
pub(crate) fn pids(cluster: &mut Cluster) -> Vec<u32> {
    cluster.nodes.iter_mut().filter_map(|node| node.server().ok().map(|server| server.pid())).collect()
}

/// A load of `exchequer bench raft`.
pub(crate) struct Bench {
    pub(crate) clients: usize,
    /// Writes in a message, on streams; none for single requests.
    pub(crate) batch: Option<usize>,
    pub(crate) in_flight: usize,
    pub(crate) seconds: f64,
    pub(crate) keys: u64,
    pub(crate) fill: bool,
}

impl Bench {
    /// Runs it to its end.
    pub(crate) async fn run(&self, cluster: &Cluster, pids: &[u32]) -> Result<Measured> {
        let pids: Vec<String> = pids.iter().map(ToString::to_string).collect();
        let mut words: Vec<String> = ["bench", "raft", "--value-bytes", "256"].map(str::to_owned).to_vec();
        let mut flag = |name: &str, value: String| words.extend([name.to_owned(), value]);
        flag("--clients", self.clients.to_string());
        flag("--keys", self.keys.to_string());
        flag("--duration", format!("{}ms", (self.seconds * 1e3) as u64));
        if let Some(batch) = self.batch {
            flag("--mode", "stream".to_owned());
            flag("--batch", batch.to_string());
            flag("--in-flight", self.in_flight.to_string());
        }
        if !pids.is_empty() {
            flag("--server-pids", pids.join(","));
        }
        if self.fill {
            words.push("--fill".to_owned());
        }
        let patience = if self.fill { 3600.0 } else { self.seconds + 60.0 };
        let ran = cluster.exq().patience(Duration::from_secs_f64(patience)).run(words).await?.good()?;
        measured(&ran.json()?)
    }
}

fn measured(report: &Value) -> Result<Measured> {
    let number = |name: &str| report[name].as_u64().with_context(|| format!("no `{name}` in {report}"));
    let seconds = number("measured_us")? as f64 / 1e6;
    // The report gives parts of a processor.
    let cpu = |part: &Value| CpuTime { user_s: part.as_f64().unwrap_or(0.0) * seconds, system_s: 0.0 };
    let latency: Distribution = serde_json::from_value(report["latency"].clone()).context("no latency")?;
    Ok(Measured {
        measured_us: number("measured_us")?,
        writes: number("writes")?,
        refused: number("failed")?,
        unknown: number("unknown")?,
        first_failure: report["first_failure"].as_str().map(str::to_owned),
        latency,
        longest_gap_us: number("longest_gap_us")?,
        client_cpu: cpu(&report["client_cpu"]),
        server_cpu: report["server_cpu"].as_array().into_iter().flatten().map(cpu).collect(),
    })
}

/// Waits until a node says that it is ready.
pub(crate) async fn ready(cluster: &Cluster, place: usize) -> Result<()> {
    until("the node is ready", PROMPT, async || {
        let asked = cluster.http(place)?.timeout(Duration::from_secs(1));
        let answer = asked.call(reqwest::Method::GET, "/readyz", None).await?;
        anyhow::ensure!(answer.status == 200, "{}", answer.text);
        Ok(())
    })
    .await
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).context("no such process")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no resident memory")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().context("not a number")?;
    Ok(kib << 10)
}
