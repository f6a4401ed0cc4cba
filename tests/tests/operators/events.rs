//! Someone follows events through everything that befalls a cluster.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use serde_json::Value;

use crate::support::{SOON, Story};

/// The events that a follower has written, one a line; a line that is not whole yet is not looked at.
fn followed(file: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
}

async fn change(cluster: &Cluster, number: u64) -> Result<()> {
    let value = (1_000 + number).to_string();
    let words = ["settings", "set", "autopilot.max_trailing_entries", &value, "--reason", "test"];
    until("a setting is changed", SOON, async || cluster.does(&words).await.map(drop)).await
}

/// The number of the last event, as any node knows it that can read what was acknowledged.
async fn last(cluster: &Cluster) -> Result<u64> {
    let newest = until("events are read", SOON, async || cluster.does(&["event", "tail", "-n", "1"]).await).await?;
    newest.json()?["number"].as_u64().with_context(|| newest.stdout.clone())
}

/// Goal: who follows events gets each once, in order and without a gap, whatever happens to the nodes; and all nodes tell the
/// same ones. Method: a follower with the addresses of all nodes; settings are changed while the leader is killed, brought
/// back, stopped and handed over; then the follower's lines, and the pages of every node.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_misses_nothing() -> Result<()> {
    let story = Story::of("events");
    let mut cluster = Cluster::sandbox(3).await?;
    let file = cluster.home().join("events.jsonl");
    let into = format!("exec \"$@\" > '{}'", file.display());
    let follower = cluster.exq().wrapped(["sh", "-c", &into, "sh"]).patience(20 * SOON);
    let words = ["event", "tail", "--follow", "--from", "1", "-n", "1000"];
    let follower = tokio::spawn(async move { follower.run(words).await });

    for round in 0..3_u64 {
        for number in 0..5 {
            change(&cluster, 100 * round + number).await?;
        }
        let leader = cluster.leader().await?;
        match round {
            0 => cluster.nodes[leader].kill()?,
            1 => cluster.nodes[leader].stop().await?,
            _ => {
                let other = cluster.nodes[(leader + 1) % 3].name.clone();
                cluster.hand_over(&other, "test").await?;
            }
        }
        for number in 50..55 {
            change(&cluster, 100 * round + number).await?;
        }
        if round < 2 {
            cluster.nodes[leader].start()?;
            cluster.voters(3).await?;
        }
        story.tell(format_args!("round {round}, event {}", last(&cluster).await?));
    }

    let last = last(&cluster).await?;
    until("the follower has the last event", SOON, async || {
        let newest = followed(&file)?.last().map(|event| event["number"].clone());
        ensure!(newest == Some(Value::from(last)), "{newest:?} of {last}");
        Ok(())
    })
    .await?;
    ensure!(!follower.is_finished(), "the follower ended");
    follower.abort();
    let events = followed(&file)?;
    ensure!(events.iter().map(|event| event["number"].as_u64().unwrap_or(0)).eq(1..=last), "a gap, or one twice");
    let changed = events.iter().filter(|event| event["type"] == "setting-changed").count();
    ensure!(changed >= 30, "{changed} changes of settings");

    for place in 0..3 {
        until("a node has the last event", SOON, async || {
            let told =
                cluster.exq_at(place).run(["event", "tail", "--from", "1", "-n", "1000", "--stale"]).await?.good()?;
            let told: Vec<Value> = told.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
            ensure!(told == events, "node {place} tells {} events, not {}", told.len(), events.len());
            Ok(())
        })
        .await?;
    }
    story.tell(format_args!("{last} events, each once, and the same on every node"));
    cluster.finish()
}
