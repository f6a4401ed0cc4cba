//! The state's store.

use std::time::Duration;

use anyhow::{Result, ensure};
use exchequer_tests::cluster::Deadline;

use super::bench::{Bench, Kind, VICTIM};
use super::damage::Damage;
use crate::support::SOON;

/// Goal: a damaged row of the state is never served, and a damaged store is repaired from the log or refused. Method: the
/// state's table, manifest, `CURRENT` and options, and the pointer to its folder, each damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused_or_repaired() -> Result<()> {
    let mut bench = Bench::prepare("damaged state").await?;
    for kind in [
        Kind { every_row: true, ..Kind::new("state table", "state-", ".sst") },
        Kind::new("state MANIFEST", "state-1/MANIFEST", ""),
        Kind::new("state CURRENT", "state-1/CURRENT", ""),
        Kind::new("state OPTIONS", "state-1/OPTIONS", ""),
        Kind::new("CURRENT", "CURRENT", ""),
    ] {
        bench.every_damage(kind).await?;
    }
    bench.replace().await?;
    bench.finish()
}

/// Goal: no backup is made of a damaged store: `snapshot save` says EXQ-0504, leaves no file, and the node stops. Method:
/// the state's table of the victim, damaged at several places; where the node comes up with it, because nothing that it
/// loads is hit, it is asked for a snapshot.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_gives_no_backup() -> Result<()> {
    let mut bench = Bench::prepare("no backup").await?;
    let mut refusals = 0;
    for damage in [Damage::Flip(20), Damage::Flip(37), Damage::Zero(50), Damage::Flip(70)] {
        bench.inflict(Kind::new("state table", "state-", ".sst"), damage).await?;
        let cluster = &mut bench.cluster;
        cluster.nodes[VICTIM].start()?;
        let victim = cluster.http(VICTIM)?;
        let deadline = Deadline::within(SOON);
        let ended = loop {
            if let Some(ended) = cluster.nodes[VICTIM].server()?.ended()? {
                break Some(ended);
            }
            if cluster.exq_at(VICTIM).run(["status"]).await?.exit == 0 && victim.status().await.is_ok() {
                break None;
            }
            ensure!(!deadline.passed(), "it neither serves nor ends: {}", cluster.nodes[VICTIM].log());
            deadline.pause().await;
        };
        if ended.is_none() {
            let file = cluster.home().join("backup");
            let saved = cluster.exq_at(VICTIM).run(["snapshot", "save", &file.to_string_lossy()]).await?;
            let refused = saved.refused()?;
            // Where the node met the damage by itself in this very moment, its end may cut the answer off.
            let cut_off = ["EXQ-0111", "EXQ-0305"].contains(&refused.code.as_str());
            ensure!(cut_off || refused.code == "EXQ-0504", "it is refused with {refused}");
            ensure!(!file.exists() && !file.with_extension("part").exists(), "it left a file");
            let ended = cluster.nodes[VICTIM].server()?.end(Duration::from_secs(5)).await?;
            ensure!(ended.exit == Some(4) && ended.code() == Some("EXQ-0504"), "{ended:?}");
            refusals += u32::from(!cut_off);
            bench.story.tell(format_args!("{damage}: {refused}"));
        }
        bench.cluster.nodes[VICTIM].kill()?;
    }
    ensure!(refusals > 0, "no snapshot was refused with EXQ-0504, so nothing is shown");
    bench.replace().await?;
    bench.finish()
}
