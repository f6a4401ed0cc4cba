//! How long nothing is acknowledged when the leader is killed, and when leadership is handed over.

use std::time::Duration;

use anyhow::{Result, ensure};
use exchequer_tests::cluster::Cluster;
use exchequer_tests::load::{Load, Running};
use serde::Serialize;

use super::etcd::Etcd;
use super::ours::Bench;

const WRITERS: usize = 8;
const KEYS: u64 = 100_000;
/// How long writers write before anything happens. `bench raft` warms up for a second of its own.
const BEFORE: Duration = Duration::from_millis(2_500);
/// A member of etcd without a leader keeps a put for seconds and then refuses it; a client that waited would see a gap
/// of its own making.
const ETCD_PATIENCE: Duration = Duration::from_millis(250);
/// How long a run lasts: long enough for the worst that is expected.
const SECONDS: f64 = 7.0;

/// What ends a leadership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGKILL of its process.
    Killed,
    /// By command.
    HandedOver,
}

/// The longest gap between acknowledgements in each run, in seconds.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Gaps {
    pub(crate) ours: Vec<f64>,
    pub(crate) ours_unknown: Vec<u64>,
    pub(crate) etcd: Vec<f64>,
}

/// Ends leaderships on both stores in turn.
pub(crate) async fn run(
    cluster: &mut Cluster,
    etcd: &mut Etcd,
    end: End,
    times: usize,
    say: &mut dyn FnMut(&str),
) -> Result<Gaps> {
    let mut gaps = Gaps::default();
    for time in 0..times {
        let (gap, unknown) = ours(cluster, end).await?;
        gaps.ours.push(gap);
        gaps.ours_unknown.push(unknown);
        gaps.etcd.push(theirs(etcd, end).await?);
        let etcd = gaps.etcd.last().copied().unwrap_or_default();
        say(&format!("{end:?} {:>2}  exchequer {gap:.3} s ({unknown} unknown)  etcd {etcd:.3} s", time + 1));
    }
    Ok(gaps)
}

/// Ends one leadership of ours; the longest gap in seconds, and how many writes have no known outcome.
pub(crate) async fn ours(cluster: &mut Cluster, end: End) -> Result<(f64, u64)> {
    let leader = cluster.leader().await?;
    let bench = Bench { clients: WRITERS, batch: None, in_flight: 1, seconds: SECONDS, keys: KEYS, fill: false };
    let measured = match end {
        End::Killed => {
            // The handle of the process is apart from what the bench needs to know of the cluster.
            let pid = cluster.nodes[leader].server()?.pid();
            let kill = async {
                tokio::time::sleep(BEFORE).await;
                let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
                pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL))
            };
            let (measured, killed) = tokio::join!(bench.run(cluster, &[]), kill);
            ensure!(matches!(killed, Some(Ok(()))), "the leader could not be killed");
            // What is left of it is waited for, and it starts again.
            cluster.nodes[leader].kill()?;
            cluster.nodes[leader].start()?;
            cluster.voters(3).await?;
            measured?
        }
        End::HandedOver => {
            let hand_over = async {
                tokio::time::sleep(BEFORE).await;
                cluster.does(&["cluster", "transfer-leader", "--reason", "benchmark"]).await
            };
            let (measured, handed) = tokio::join!(bench.run(cluster, &[]), hand_over);
            handed?;
            measured?
        }
    };
    ensure!(measured.writes > 0, "nothing was written: {:?}", measured.first_failure);
    Ok((measured.longest_gap_us as f64 / 1e6, measured.unknown))
}

async fn theirs(etcd: &mut Etcd, end: End) -> Result<f64> {
    let leader = etcd.leader().await?;
    let load = Load { writers: WRITERS, batch: 1, value_bytes: 256, keys: KEYS, fill: false };
    let running = Running::start(&etcd.doors(1, ETCD_PATIENCE).await?, &load);
    tokio::time::sleep(Duration::from_secs(1)).await;
    running.reset_gap();
    tokio::time::sleep(BEFORE - Duration::from_secs(1)).await;
    match end {
        End::Killed => etcd.kill(leader)?,
        End::HandedOver => etcd.move_leader().await?,
    }
    tokio::time::sleep(Duration::from_secs_f64(SECONDS) - BEFORE).await;
    let gap = running.longest_gap().as_secs_f64();
    running.stop().await;
    if end == End::Killed {
        etcd.launch(leader)?;
        etcd.leader().await?;
    }
    Ok(gap)
}
