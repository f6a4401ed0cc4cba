//! Snapshots on a node's disk.

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::until;

use super::bench::{Bench, Kind, Outcome, VALUE_BYTES, VICTIM};
use super::damage::Damage;
use crate::support::SOON;

/// Goal: a damaged snapshot never becomes anybody's state, and does not keep a node from serving. Method: the table, the
/// store's files and the manifest of the victim's snapshot, each damaged in each way; the node must come up.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_does_no_harm() -> Result<()> {
    let mut bench = Bench::prepare("damaged snapshot").await?;
    for kind in [
        Kind::new("snapshot table", "snapshots/", ".sst"),
        Kind::new("snapshot manifest", "snapshots/", "/manifest"),
        Kind::new("snapshot CURRENT", "snapshots/", "/CURRENT"),
    ] {
        for damage in Damage::ALL {
            let outcome = bench.case(kind, *damage).await?;
            ensure!(matches!(outcome, Some(Outcome::Serves)), "the state is sound, and it does not serve: {outcome:?}");
        }
    }
    bench.finish()
}

/// Goal: a leader whose snapshot is damaged does not hand it on for ever: a new node gets a sound one. Method: the
/// victim, with a bit flipped in the table of its snapshot, leads a cluster in which nobody's log reaches back; a fourth
/// node joins with nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_not_handed_on() -> Result<()> {
    let mut bench = Bench::prepare_purged("handed on").await?;
    let outcome = bench.case(Kind::new("snapshot table", "snapshots/", ".sst"), Damage::Flip(37)).await?;
    ensure!(matches!(outcome, Some(Outcome::Serves)), "{outcome:?}");
    let cluster = &mut bench.cluster;
    cluster.nodes[VICTIM].start()?;
    cluster.agree(&[0, 1, VICTIM], SOON).await?;
    cluster.hand_over("n3", "it shall hand its snapshot on").await?;
    let place = cluster.add("n4")?;
    cluster.join(place).await?;
    until("n4 has everything", SOON, async || {
        let value = cluster.http(place)?.read("k3", "local").await?.context("not yet")?;
        ensure!(value.0.len() == VALUE_BYTES, "{} bytes", value.0.len());
        Ok(())
    })
    .await?;
    cluster.agree(&[0, 1, VICTIM, place], SOON).await?;
    let verified = cluster.does(&["cluster", "verify"]).await?;
    ensure!(verified.json()?["agree"] == true, "{verified}");
    let told = cluster.nodes[place].log();
    ensure!(told.contains("receiving a snapshot"), "n4 got no snapshot, so the test proves nothing: {told}");
    bench.story.tell("n4 got the whole state by a snapshot, and all rows agree");
    bench.finish()
}

/// Goal: a store that was set up anew by mistake, because a pointer to it is lost, is never taken for the state. Method:
/// a victim whose log no longer reaches back, so that the state cannot be had from it: each pointer deleted or cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_pointer_does_not_lose_the_state() -> Result<()> {
    let mut bench = Bench::prepare_purged("lost pointer").await?;
    for kind in [
        Kind::new("CURRENT", "CURRENT", ""),
        Kind::new("state CURRENT", "state-1/CURRENT", ""),
        Kind::new("state MANIFEST", "state-1/MANIFEST", ""),
        Kind::new("log CURRENT", "log/CURRENT", ""),
    ] {
        for damage in [Damage::Delete, Damage::Truncate(0)] {
            bench.case(kind, damage).await?;
        }
    }
    bench.finish()
}
