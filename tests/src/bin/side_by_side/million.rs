//! An exchange of full size: how long it takes to load, what it takes in memory and on disk, how soon its leader serves
//! again after SIGKILL, and how long nothing is acknowledged then.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::Value;

use super::ours;
use super::outage::{self, End};

/// A load of full size takes minutes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a cluster is left alone before its memory is read.
const QUIET: Duration = Duration::from_secs(20);

/// How much is loaded.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Size {
    pub(crate) users: u64,
    pub(crate) assets: u64,
    pub(crate) orders: u64,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Million {
    pub(crate) size: Size,
    /// What `exchequer bench load` reported.
    pub(crate) load: Value,
    /// Resident memory of the servers when they had nothing to do for a while.
    pub(crate) resident_bytes: Vec<u64>,
    /// From the start of a leader that was killed to its readiness, in seconds.
    pub(crate) restarts: Vec<f64>,
    /// The longest gap between acknowledgements around the kill of the leader, in seconds.
    pub(crate) gaps: Vec<f64>,
    /// Resident memory of the servers after all of it.
    pub(crate) resident_bytes_after: Vec<u64>,
}

/// Loads a fresh cluster, then kills its leader over and over.
pub(crate) async fn run(size: Size, times: usize, say: &mut dyn FnMut(&str)) -> Result<Million> {
    let mut cluster = ours::start().await?;
    let pids: Vec<String> = ours::pids(&mut cluster).iter().map(ToString::to_string).collect();
    let folders: Vec<String> = cluster.nodes.iter().map(|node| node.data.display().to_string()).collect();
    let Size { users, assets, orders } = size;
    let (users, assets, orders) = (users.to_string(), assets.to_string(), orders.to_string());
    let words = ["bench", "load", "--users", &users, "--assets", &assets, "--orders", &orders];
    let words = words.map(str::to_owned).into_iter();
    let more = ["--server-pids".to_owned(), pids.join(","), "--data-dirs".to_owned(), folders.join(",")];
    let ran = cluster.exq().patience(PATIENCE).run(words.chain(more).collect::<Vec<_>>()).await?.good()?;
    let load = ran.json()?;
    say(&format!("loaded: {load}"));
    tokio::time::sleep(QUIET).await;
    let resident_bytes = ours::pids(&mut cluster).into_iter().map(ours::resident_bytes).collect::<Result<Vec<_>>>()?;
    say(&format!("resident: {}", super::mebibytes(&resident_bytes)));
    let (mut restarts, mut gaps) = (Vec::new(), Vec::new());
    for time in 0..times {
        let leader = cluster.leader().await?;
        cluster.nodes[leader].kill()?;
        let begun = Instant::now();
        cluster.nodes[leader].start()?;
        ours::ready(&cluster, leader).await?;
        restarts.push(begun.elapsed().as_secs_f64());
        cluster.voters(3).await?;
        say(&format!(
            "restart {:>2}: the killed leader is ready after {:.3} s",
            time + 1,
            begun.elapsed().as_secs_f64()
        ));
    }
    for time in 0..times {
        let (gap, unknown) = outage::ours(&mut cluster, End::Killed).await?;
        gaps.push(gap);
        say(&format!("failover {:>2}: nothing was acknowledged for {gap:.3} s ({unknown} unknown)", time + 1));
    }
    let resident_bytes_after =
        ours::pids(&mut cluster).into_iter().map(ours::resident_bytes).collect::<Result<Vec<_>>>()?;
    ensure!(!resident_bytes_after.is_empty(), "no server runs");
    cluster.does(&["ledger", "verify"]).await.context("the ledger after all of it")?;
    cluster.finish()?;
    Ok(Million { size, load, resident_bytes, restarts, gaps, resident_bytes_after })
}
