//! Changes of membership that would harm.

use anyhow::{Result, ensure};
use exchequer_tests::cluster::{Cluster, until};

use super::refuse;
use crate::support::{SOON, Story, scene, until_voters, voters};

/// Goal: a node that quorum needs is not removed, and leadership is not given to who cannot lead. Method: with one of
/// three voters dead, remove the other follower and the leader, and transfer to the dead one; then bring it back.
#[tokio::test(flavor = "multi_thread")]
async fn what_quorum_needs_stays() -> Result<()> {
    let story = Story::of("quorum");
    let mut cluster = Cluster::sandbox(3).await?;
    ensure!(cluster.leader().await? == 0, "n1 should lead a fresh cluster");
    cluster.nodes[2].kill()?;
    // At once, before anybody has noticed: the change cannot be carried through, so it must not begin.
    let exq = cluster.exq_at(0);
    let soon = exq.run(["cluster", "remove", "n2", "--reason", "r", "--yes"]).await?;
    soon.refused_with("EXQ-0306")?;
    story.tell("n3 is dead for a moment only: n2 is not removed");
    until("n3 is missed", SOON, async || exq.run(["status"]).await?.exits(2)).await?;
    let before = scene(&cluster).await?;
    refuse(&cluster, &before, &exq, &["cluster", "remove", "n2", "--reason", "r", "--yes"], "EXQ-0306", &story).await?;
    refuse(&cluster, &before, &exq, &["cluster", "remove", "n1", "--reason", "r", "--yes"], "EXQ-0306", &story).await?;
    refuse(&cluster, &before, &exq, &["cluster", "transfer-leader", "n3", "--reason", "r"], "EXQ-0111", &story).await?;
    cluster.leader().await?;
    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    story.tell("n3 is back and nothing is missing");
    cluster.finish()
}

/// Goal: a learner that lags gets no vote unless it is forced, and never leads. Method: one that never ran and one that
/// stands still while entries are written; then `--force`.
#[tokio::test(flavor = "multi_thread")]
async fn a_lagging_learner_gets_no_vote() -> Result<()> {
    let story = Story::of("lagging");
    let mut cluster = Cluster::sandbox(3).await?;
    for (key, value) in [("autopilot.promote", "false"), ("autopilot.max_trailing_entries", "5")] {
        cluster.does(&["settings", "set", key, value, "--reason", "by hand"]).await?;
    }
    let place = cluster.add("n4")?;
    cluster.join(place).await?;
    until("n4 is a learner that keeps up", SOON, async || {
        let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
        let learner = peers["peers"].as_array().and_then(|all| all.iter().find(|peer| peer["node"] == "n4")).cloned();
        let learner = learner.unwrap_or_default();
        ensure!(learner["state"] == "learner" && learner["trails_leader_by"] == 0, "{peers}");
        Ok(())
    })
    .await?;
    cluster.nodes[place].pause()?;
    let leader = cluster.http(cluster.leader().await?)?;
    for number in 0..20_u8 {
        leader.put(&format!("k{number}"), b"while it stands still").await?;
    }
    let exq = cluster.exq_at(0);
    let before = scene(&cluster).await?;
    refuse(&cluster, &before, &exq, &["cluster", "promote", "n4", "--reason", "r"], "EXQ-0307", &story).await?;
    refuse(&cluster, &before, &exq, &["cluster", "transfer-leader", "n4", "--reason", "r"], "EXQ-0312", &story).await?;
    exq.run(["cluster", "promote", "n4", "--force", "--reason", "on my head"]).await?.good()?;
    let peers = exq.run(["cluster", "peers"]).await?.good()?.json()?;
    ensure!(voters(&peers) == ["n1", "n2", "n3", "n4"], "{peers}");
    story.tell("with --force it has its vote");
    cluster.nodes[place].resume()?;
    cluster.agree(&[0, 1, 2, place], SOON).await?;
    story.tell("it goes on and catches up");
    cluster.finish()
}
