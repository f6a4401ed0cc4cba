//! How soon a node is of use: after a kill with a million keys, and after it joined with nothing. And how much memory
//! a node takes that has nothing to do.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use exchequer_tests::cluster::{Cluster, until};
use serde::Serialize;

use super::ours::{self, Bench};

/// A snapshot of a million keys is made and sent within this time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// What was measured.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Recovery {
    pub(crate) keys: u64,
    /// Writes a second while the keys were written.
    pub(crate) fill_per_second: f64,
    /// From the start of a killed follower to its readiness, in seconds.
    pub(crate) restarts: Vec<f64>,
    /// From the start of a node with nothing to its readiness, in seconds, and the bytes it received.
    pub(crate) installs: Vec<f64>,
    pub(crate) snapshot_bytes: u64,
    /// Resident memory of the servers after it.
    pub(crate) resident_bytes: Vec<u64>,
}

/// Fills a fresh cluster, kills and restarts a follower, and replaces one by a node that has nothing.
pub(crate) async fn run(keys: u64, times: usize, say: &mut dyn FnMut(&str)) -> Result<Recovery> {
    let mut cluster = ours::start().await?;
    let fill = Bench { clients: 4, batch: Some(128), in_flight: 8, seconds: 0.0, keys, fill: true };
    let filled = fill.run(&cluster, &[]).await?;
    let mut recovery = Recovery { keys, fill_per_second: filled.writes_per_second(), ..Recovery::default() };
    say(&format!("{keys} keys written at {:.0}/s, {} failed", filled.writes_per_second(), filled.refused));
    for _ in 0..times {
        let leader = cluster.leader().await?;
        let follower = (leader + 1) % 3;
        cluster.nodes[follower].kill()?;
        let begun = Instant::now();
        cluster.nodes[follower].start()?;
        ours::ready(&cluster, follower).await?;
        recovery.restarts.push(begun.elapsed().as_secs_f64());
        say(&format!("restart after SIGKILL: ready in {:.3} s", begun.elapsed().as_secs_f64()));
        cluster.voters(3).await?;
    }
    // A snapshot, and no log behind it: whoever comes with nothing needs the snapshot.
    ours::set(&cluster, "log.entries_kept", "0").await?;
    ours::set(&cluster, "snapshot.log_bytes", "1MiB").await?;
    for time in 0..times {
        let more = Bench { clients: 4, batch: Some(128), in_flight: 4, seconds: 2.0, keys, fill: false };
        more.run(&cluster, &[]).await?;
        let leader = cluster.leader().await?;
        until("the leader's log begins behind a snapshot", PATIENCE, async || {
            let peers = cluster.http(leader)?.get("/v1/cluster/peers").await?;
            let me = peers["from"].as_u64();
            let snapshot = peers["peers"].as_array().into_iter().flatten().find(|peer| peer["id"].as_u64() == me);
            snapshot.and_then(|peer| peer["snap_index"].as_u64()).context("no snapshot yet")
        })
        .await?;
        let place = cluster.add(&format!("late{time}"))?;
        let begun = Instant::now();
        cluster.join(place).await?;
        let joined = begun.elapsed();
        ours::ready(&cluster, place).await?;
        let took = begun.elapsed();
        recovery.installs.push(took.as_secs_f64());
        recovery.snapshot_bytes = snapshot_bytes(&cluster, place);
        say(&format!(
            "a node with nothing: ready in {:.3} s, of which the join took {:.3} s; snapshot of {} MiB",
            took.as_secs_f64(),
            joined.as_secs_f64(),
            recovery.snapshot_bytes >> 20
        ));
        // It leaves again, so that the next one finds the same cluster.
        let name = cluster.nodes[place].name.clone();
        cluster.does(&["cluster", "remove", &name, "--reason", "benchmark", "--yes"]).await?;
        cluster.nodes[place].kill()?;
    }
    for pid in ours::pids(&mut cluster) {
        recovery.resident_bytes.push(ours::resident_bytes(pid)?);
    }
    cluster.finish()?;
    Ok(recovery)
}

/// The size of the snapshots that a node has.
fn snapshot_bytes(cluster: &Cluster, place: usize) -> u64 {
    let root = cluster.nodes[place].data.join("snapshots");
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Resident memory of the nodes of a fresh cluster that has been idle for a while, in bytes.
pub(crate) async fn idle(wait: Duration) -> Result<Vec<u64>> {
    let mut cluster = ours::start().await?;
    tokio::time::sleep(wait).await;
    let resident = ours::pids(&mut cluster).into_iter().map(ours::resident_bytes).collect();
    cluster.finish()?;
    resident
}
