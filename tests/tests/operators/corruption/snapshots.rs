//! Snapshots on a node's disk.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::until;

use super::bench::{Bench, Outcome, VICTIM};
use super::damage::Damage;
use crate::support::SOON;

/// Goal: a damaged snapshot never becomes anybody's state, and does not keep a node from serving. Method: the table, the
/// store's files and the manifest of the victim's snapshot, each damaged in each way; the node must come up.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_does_no_harm() -> Result<()> {
    let mut bench = Bench::prepare("damaged snapshot").await?;
    for (kind, begin, end) in [
        ("snapshot table", "snapshots/", ".sst"),
        ("snapshot manifest", "snapshots/", "/manifest"),
        ("snapshot CURRENT", "snapshots/", "/CURRENT"),
    ] {
        let file = bench.file(begin, end)?;
        for damage in Damage::ALL {
            if let Outcome::Refused(ended) = bench.case(kind, &file, *damage).await? {
                ensure!(false, "{kind}, {damage}: the state is sound, and the node ended: {}", ended.error());
            }
        }
    }
    bench.finish()
}

/// Goal: a leader whose snapshot is damaged does not hand it on for ever: a new node gets a sound one. Method: the
/// victim, with a bit flipped in the table of its snapshot, leads a cluster whose log no longer reaches back; a fourth
/// node joins with nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_not_handed_on() -> Result<()> {
    let mut bench = Bench::prepare("handed on").await?;
    let table = bench.file("snapshots/", ".sst")?;
    let outcome = bench.case("snapshot table", &table, Damage::Flip(37)).await?;
    ensure!(matches!(outcome, Outcome::Repaired), "{outcome:?}");
    let cluster = &mut bench.cluster;
    cluster.nodes[VICTIM].start()?;
    cluster.agree(&[0, 1, VICTIM], SOON).await?;
    cluster.does(&["settings", "set", "log.entries_kept", "0", "--reason", "a short log"]).await?;
    cluster.does(&["cluster", "transfer-leader", "n3", "--reason", "it shall hand its snapshot on"]).await?;
    until("the victim's log begins behind its snapshot", SOON, async || {
        let held = fs::read_dir(cluster.nodes[VICTIM].data.join("snapshots"))?.count();
        ensure!(held > 0, "no snapshot");
        ensure!(cluster.leader().await? == VICTIM, "it does not lead");
        Ok(())
    })
    .await?;
    let place = cluster.add("n4")?;
    cluster.join(place).await?;
    until("n4 has everything", SOON, async || {
        let status = cluster.http(place)?.status().await?;
        let value = cluster.http(place)?.read("k3", "local").await?.context("not yet")?;
        ensure!(value.0.len() == 2_000 && status["applied"].as_u64() > Some(250), "{status}");
        Ok(())
    })
    .await?;
    cluster.agree(&[0, 1, VICTIM, place], SOON).await?;
    let verified = cluster.does(&["cluster", "verify"]).await?;
    ensure!(verified.json()?["agree"] == true, "{verified}");
    let received = cluster.nodes[place].log().contains("receiving a snapshot");
    bench.story.tell(format_args!("n4 has the whole state (by a snapshot: {received})"));
    bench.finish()
}
