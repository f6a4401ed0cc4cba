//! The membership drill.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use reqwest::Method;

use crate::support::{SOON, Story, members, until_voters, voters};

/// Goal: an operator can install, grow, shrink, back up, rebuild and recover a cluster with the command line alone, and
/// no acknowledged write is lost on the way. Method: one script of what a manual would tell: init, join two, transfer,
/// remove a follower, join, remove the leader, join, save a snapshot and the keyring, destroy everything, restore on
/// one machine, join two, lose two of three, recover from the last one, see old members refused, join again. Each
/// step's exit code is checked, and what was written before is read after.
#[tokio::test(flavor = "multi_thread")]
async fn the_membership_drill() -> Result<()> {
    let story = Story::of("membership");
    let mut cluster = Cluster::empty()?;
    install(&mut cluster, &story).await?;
    grow_and_shrink(&mut cluster, &story).await?;
    let (snapshot, keyring) = back_up(&cluster, &story).await?;
    destroy_and_restore(&mut cluster, &story, &snapshot, &keyring).await?;
    lose_and_recover(&mut cluster, &story).await?;
    story.tell("done");
    cluster.finish()
}

async fn write(cluster: &Cluster, key: &str, value: &str) -> Result<()> {
    cluster.does(&["scratch", "put", key, value]).await.map(drop)
}

async fn holds(cluster: &Cluster, values: &[(&str, &str)]) -> Result<()> {
    for (key, value) in values {
        let got = cluster.exq().plain().run(["scratch", "get", key]).await?.good()?;
        ensure!(got.stdout.trim_end() == *value, "{key} should be {value}, not {}", got.stdout);
    }
    cluster.does(&["audit", "verify"]).await.map(drop)
}

async fn install(cluster: &mut Cluster, story: &Story) -> Result<()> {
    for name in ["n1", "n2", "n3"] {
        cluster.add(name)?;
    }
    // Nothing runs yet: the client says so and does not hang.
    cluster.exq_at(0).run(["status"]).await?.refused_with("EXQ-0208")?;
    cluster.found(0).await?;
    until("a single healthy node", SOON, async || cluster.does(&["status"]).await.map(drop)).await?;
    let again = Cluster::new_node(&cluster.nodes[0], &["init"]);
    cluster.offline().run(again).await?.refused_with("EXQ-0106")?;
    story.tell("n1 is a cluster of one; a second init in its folder is refused");

    cluster.join(1).await?;
    cluster.join(2).await?;
    until_voters(cluster, &["n1", "n2", "n3"]).await?;
    story.tell("n2 and n3 joined and vote");
    write(cluster, "first", "gold").await?;
    cluster.does(&["settings", "set", "read.stale_max", "25s", "--reason", "OPS-1"]).await?;
    Ok(())
}

async fn grow_and_shrink(cluster: &mut Cluster, story: &Story) -> Result<()> {
    cluster.hand_over("n2", "maintenance of n1").await?;
    let led_by = |name: &'static str| {
        let cluster = &*cluster;
        async move {
            until(&format!("{name} leads"), SOON, async || {
                let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
                let leader = members(&peers).into_iter().find(|(_, state, _)| state == "leader");
                ensure!(leader.is_some_and(|(leader, _, _)| leader == name), "{peers}");
                Ok(())
            })
            .await
        }
    };
    led_by("n2").await?;
    let again = ["cluster", "transfer-leader", "n2", "--reason", "again"];
    cluster.exq().run(again).await?.refused_with("EXQ-0309")?;
    story.tell("leadership was transferred to n2; to transfer it there again is refused");

    cluster.exq().run(["cluster", "remove", "n3", "--reason", "no terminal"]).await?.refused_with("EXQ-0108")?;
    let removed = cluster.nodes[2].id;
    cluster.does(&["cluster", "remove", "n3", "--reason", "its disk died", "--yes"]).await?;
    let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
    ensure!(voters(&peers) == ["n1", "n2"], "{peers}");
    cluster
        .exq()
        .run(["cluster", "remove", &removed.to_string(), "--reason", "twice", "--yes"])
        .await?
        .refused_with("EXQ-0309")?;
    until("a status that says degraded", SOON, async || cluster.exq().run(["status"]).await?.exits(2)).await?;
    story.tell("n3, a follower, was removed only with consent; two voters are a degraded cluster (exit code 2)");
    refused_as(cluster, 2, "EXQ-0310", story).await?;

    let fourth = cluster.add("n4")?;
    cluster.join(fourth).await?;
    until_voters(cluster, &["n1", "n2", "n4"]).await?;
    story.tell("n4 joined and votes");

    write(cluster, "second", "silver").await?;
    cluster.does(&["cluster", "remove", "n2", "--reason", "sold", "--yes"]).await?;
    until("two voters and a leader", SOON, async || {
        let peers = cluster.exq_at(0).run(["cluster", "peers"]).await?.good()?.json()?;
        ensure!(voters(&peers) == ["n1", "n4"], "{peers}");
        ensure!(members(&peers).iter().any(|(_, state, _)| state == "leader"), "{peers}");
        Ok(())
    })
    .await?;
    refused_as(cluster, 1, "EXQ-0310", story).await?;
    let fifth = cluster.add("n5")?;
    cluster.join(fifth).await?;
    until_voters(cluster, &["n1", "n4", "n5"]).await?;
    write(cluster, "third", "bronze").await?;
    holds(cluster, &[("first", "gold"), ("second", "silver"), ("third", "bronze")]).await?;
    story.tell("n2, the leader, was removed and n5 joined; all is there");
    Ok(())
}

/// The server of a node that may not take part says so with a code, in its log and when it is asked whether it is ready.
async fn refused_as(cluster: &mut Cluster, place: usize, code: &str, story: &Story) -> Result<()> {
    let asked = cluster.http(place)?;
    let node = &mut cluster.nodes[place];
    until(&format!("{} says {code}", node.name), SOON, async || {
        ensure!(node.log().contains(code), "its log ends: {}", node.log().lines().last().unwrap_or_default());
        let ready = asked.call(Method::GET, "/readyz", None).await?;
        ensure!(ready.status == 503 && ready.text.contains(code), "{}", ready.text);
        Ok(())
    })
    .await?;
    let line = node.log().lines().find(|line| line.contains(code)).unwrap_or_default().to_owned();
    story.tell(format_args!("{} is told: {}", node.name, line.split_once("EXQ-").map_or("", |(_, rest)| rest)));
    node.kill()
}

async fn back_up(cluster: &Cluster, story: &Story) -> Result<(String, String)> {
    let path = |name: &str| cluster.home().join(name).to_string_lossy().into_owned();
    let (snapshot, keyring) = (path("backup.exqsnap"), path("exchequer.keyring"));
    let saved = cluster.does(&["snapshot", "save", &snapshot]).await?;
    let inspected = cluster.offline().run(["snapshot", "inspect", &snapshot]).await?.good()?;
    ensure!(inspected.text("cluster_id")? == cluster.cluster_id, "{inspected}");
    ensure!(inspected.number("index")? == saved.number("index")?, "{inspected}");
    cluster.exq().run(["snapshot", "save", &snapshot]).await?.refused_with("EXQ-0108")?;
    cluster.does(&["keyring", "export", &keyring, "--reason", "yearly backup"]).await?;
    story.tell(format_args!("a snapshot to index {} and the keyring are saved", saved.number("index")?));
    Ok((snapshot, keyring))
}

async fn destroy_and_restore(cluster: &mut Cluster, story: &Story, snapshot: &str, keyring: &str) -> Result<()> {
    for node in cluster.nodes.iter_mut().filter(|node| node.is_started()) {
        node.kill()?;
    }
    for node in &cluster.nodes {
        fs::remove_dir_all(&node.data).with_context(|| format!("{} cannot be removed", node.data.display()))?;
    }
    story.tell("every server was killed and every folder removed");

    let reborn = cluster.add("r1")?;
    let mut words = Cluster::new_node(&cluster.nodes[reborn], &["snapshot", "restore", snapshot, "--keyring", keyring]);
    words.extend(["--reason", "building B burnt down"].map(Into::into));
    cluster.offline().run(words.clone()).await?.refused_with("EXQ-0108")?;
    words.push("--yes".into());
    let restored = cluster.offline().run(words.clone()).await?.good()?;
    ensure!(restored.number("lineage")? > 1 && restored.text("cluster_id")? == cluster.cluster_id, "{restored}");
    cluster.nodes[reborn].id = restored.number("node_id")?;
    cluster.offline().run(words).await?.refused_with("EXQ-0106")?;
    cluster.nodes[reborn].start()?;
    until_voters(cluster, &["r1"]).await?;
    holds(cluster, &[("first", "gold"), ("second", "silver"), ("third", "bronze")]).await?;
    let setting = cluster.does(&["settings", "get", "read.stale_max"]).await?;
    ensure!(setting.text("value")? == "25s", "{setting}");
    story.tell("restored on one node with consent: values, settings, operator token and audit are there");

    for name in ["r2", "r3"] {
        let place = cluster.add(name)?;
        cluster.join(place).await?;
    }
    until_voters(cluster, &["r1", "r2", "r3"]).await?;
    write(cluster, "fourth", "iron").await?;
    story.tell("r2 and r3 joined and vote");
    Ok(())
}

async fn lose_and_recover(cluster: &mut Cluster, story: &Story) -> Result<()> {
    let (survivor, lost) = (cluster.nodes.len() - 1, [cluster.nodes.len() - 3, cluster.nodes.len() - 2]);
    // What was acknowledged is on a majority, which may be the two that will be lost; a settled cluster has it on all.
    cluster.agree(&[lost[0], lost[1], survivor], SOON).await?;
    for place in lost {
        cluster.nodes[place].kill()?;
    }
    until("a status that says no quorum", SOON, async || cluster.exq_at(survivor).run(["status"]).await?.exits(3))
        .await?;
    until("peers that cannot be reached", SOON, async || {
        cluster.exq_at(survivor).run(["cluster", "peers", "--stale"]).await?.exits(3)
    })
    .await?;
    let write_refused = cluster.exq_at(survivor).run(["scratch", "put", "fifth", "tin"]).await?;
    write_refused.refused_with("EXQ-0304")?;
    let folder = cluster.nodes[survivor].data.to_string_lossy().into_owned();
    let plan = ["cluster", "recover", "plan", "--data-dir", &folder];
    cluster.offline().run(plan).await?.refused_with("EXQ-0107")?;
    story.tell("two of three are lost: exit code 3, writes are refused, no plan while the server runs");

    cluster.nodes[survivor].stop().await?;
    let planned = cluster.offline().run(plan).await?.good()?;
    let lineage = planned.number("lineage")?;
    ensure!(planned.text("cluster_id")? == cluster.cluster_id && lineage > 1, "{planned}");
    let apply = ["cluster", "recover", "apply", "--data-dir", &folder, "--reason", "r1 and r2 burnt down"];
    cluster.offline().run(apply).await?.refused_with("EXQ-0605")?;
    let wrong = [&apply[..], &["--confirm", "00112233445566778899aabbccddeeff"]].concat();
    cluster.offline().run(wrong).await?.refused_with("EXQ-0605")?;
    ensure!(cluster.offline().run(plan).await?.good()?.json()? == planned.json()?, "a refused recovery left a trace");
    let right = [&apply[..], &["--confirm", &cluster.cluster_id]].concat();
    let recovered = cluster.offline().run(right.clone()).await?.good()?;
    ensure!(recovered.number("lineage")? > lineage, "{recovered}");
    cluster.offline().run(right).await?.refused_with("EXQ-0604")?;
    cluster.nodes[survivor].start()?;
    until_voters(cluster, &["r3"]).await?;
    holds(cluster, &[("first", "gold"), ("third", "bronze"), ("fourth", "iron")]).await?;
    write(cluster, "fifth", "tin").await?;
    story.tell("r3 went on alone after the cluster's id was given; all is there");

    cluster.nodes[lost[0]].start()?;
    refused_as(cluster, lost[0], "EXQ-0316", story).await?;

    for name in ["r1", "r2"] {
        let place = cluster.add(name)?;
        cluster.join(place).await?;
    }
    until("three voters", SOON, async || {
        let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
        ensure!(voters(&peers).len() == 3, "{peers}");
        cluster.does(&["status"]).await.map(drop)
    })
    .await?;
    holds(cluster, &[("first", "gold"), ("second", "silver"), ("fourth", "iron"), ("fifth", "tin")]).await?;
    let verified = cluster.does(&["cluster", "verify"]).await?;
    ensure!(verified.json()?["agree"] == true, "{verified}");
    story.tell("r1 and r2 joined again under new ids; all rows agree");
    Ok(())
}
