//! Those who come in, take a place, move, or keep the others waiting.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Deadline, free_port, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{SOON, Story, until_voters};

fn request(token: &str, name: &str) -> Value {
    json!({
        "token": token, "name": name, "api_address": "127.0.0.1:1", "peer_address": "127.0.0.1:2",
        "certificate_request": "AAAA", "release": "0.1.0", "logic": 1, "replaces": null,
    })
}

/// Goal: whoever reaches the API's port without a token writes nothing to the log, and no field of a join is endless.
/// Method: joins with an altered token and a name of half a megabyte, then with a good token and such a name; the log
/// must not grow by an entry for each, the refusals are in the node's log with the caller's address, and the token is
/// still good.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_write_nothing() -> Result<()> {
    let story = Story::of("strangers");
    let mut cluster = Cluster::sandbox(1).await?;
    let good = cluster.join_token().await?;
    let mut altered = good.clone();
    altered.replace_range(30..34, if &good[30..34] == "AAAA" { "BBBB" } else { "AAAA" });
    let stranger = cluster.http(0)?.token(None);
    let last = async || cluster.http(0)?.status().await?["last_index"].as_u64().context("no index");
    let before = last().await?;
    let endless = "x".repeat(500_000);
    for (token, code) in [(&altered, "EXQ-0203"), (&good, "EXQ-0108")] {
        for _ in 0..20 {
            let answer = stranger.call(Method::POST, "/v1/cluster/join", Some(&request(token, &endless))).await?;
            ensure!(answer.code() == Some(code), "{}", answer.text);
        }
    }
    let grown = last().await? - before;
    ensure!(grown < 10, "40 refused joins made {grown} entries");
    let log = cluster.nodes[0].log();
    let line = log.lines().find(|line| line.contains("a node was not admitted")).context("no refusal in the log")?;
    ensure!(line.contains("EXQ-0203") && line.contains("127.0.0.1:"), "{line}");
    story.tell(format_args!("40 joins of a stranger made {grown} entries: {line}"));
    let guessed = format!("exq_{}", "A".repeat(43));
    let answer = stranger.token(Some(guessed.clone())).call(Method::GET, "/v1/status", None).await?;
    ensure!(answer.code() == Some("EXQ-0202"), "{}", answer.text);
    let log = cluster.nodes[0].log();
    let line = log.lines().find(|line| line.contains("EXQ-0202")).context("no refused token in the log")?;
    ensure!(line.contains("127.0.0.1:") && !log.contains(&guessed), "{line}");

    let place = cluster.add("n2")?;
    let words = Cluster::new_node(&cluster.nodes[place], &["join", &cluster.nodes[0].api, "--token", &good]);
    cluster.offline().run(words).await?.good()?;
    story.tell("the token is still good");
    cluster.finish()
}

/// The members as the cluster says: id and vote.
async fn votes(cluster: &Cluster) -> Result<Vec<(u64, bool)>> {
    let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
    let peers = peers["peers"].as_array().context("no peers")?;
    Ok(peers.iter().filter_map(|peer| Some((peer["id"].as_u64()?, peer["voter"] == true))).collect())
}

/// Goal: a join removes nobody: that needs the operator, who says so when the token is made, and it happens only once
/// the newcomer votes. Method: a token for nobody's place shown with `--replace`; then a token for the place of a node
/// that is dead, with the autopilot's promotions off; then the promotion.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_taken_once_the_newcomer_votes() -> Result<()> {
    let story = Story::of("replace");
    let mut cluster = Cluster::sandbox(3).await?;
    let old = cluster.nodes[2].id;
    let place = cluster.add("n4")?;
    let token = cluster.join_token().await?;
    let mut words = Cluster::new_node(&cluster.nodes[place], &["join", &cluster.nodes[0].api, "--token", &token]);
    words.extend(["--replace".into(), old.to_string().into()]);
    cluster.offline().run(words).await?.refused_with("EXQ-0108")?;
    ensure!(votes(&cluster).await?.len() == 3, "a refused join changed the members");
    story.tell("a token that is for nobody's place removes nobody");

    cluster.does(&["settings", "set", "autopilot.promote", "false", "--reason", "step by step"]).await?;
    cluster.nodes[2].kill()?;
    cluster.nodes[place].name = "n3".to_owned();
    cluster.join_with(place, &["--replace", "n3"]).await?;
    let new = cluster.nodes[place].id;
    until("the newcomer follows the log", SOON, async || {
        let http = cluster.http(place)?;
        let (ours, theirs) = (http.status().await?, cluster.http(0)?.status().await?);
        ensure!(ours["applied"].as_u64() >= theirs["committed"].as_u64().map(|at| at - 5), "{ours}");
        Ok(())
    })
    .await?;
    let members = votes(&cluster).await?;
    ensure!(members.contains(&(old, true)) && members.contains(&(new, false)), "{members:?}");
    story.tell("the newcomer learns; the old node is still a voter");

    cluster.does(&["cluster", "promote", &new.to_string(), "--force", "--reason", "it is there"]).await?;
    until("the old node is gone", SOON, async || {
        let members = votes(&cluster).await?;
        ensure!(members.contains(&(new, true)) && !members.iter().any(|(id, _)| *id == old), "{members:?}");
        Ok(())
    })
    .await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    let tail = cluster.does(&["audit", "tail", "-n", "20"]).await?.json()?;
    let entries = tail["entries"].as_array().context("no entries")?;
    let removal = entries.iter().find(|entry| entry["action"] == "remove-node").context("no removal on record")?;
    let leader = format!("node {}", cluster.nodes[cluster.leader().await?].id);
    ensure!(removal["actor"] == leader.as_str() && removal["target"] == format!("node {old}"), "{removal}");
    cluster.agree(&[0, 1, place], SOON).await?;
    story.tell(format_args!("with its vote the newcomer has the place: {removal}"));
    cluster.finish()
}

/// Goal: a node that moved to another peer address is found there by the others, also by the leader that sent to the
/// old one all the while. Method: a follower is started with another `peer.advertise`; the membership names it, writes
/// reach it, and it agrees.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_moved_is_found() -> Result<()> {
    let story = Story::of("moved");
    let mut cluster = Cluster::sandbox(3).await?;
    let moved = format!("127.0.0.1:{}", free_port()?);
    let id = cluster.nodes[2].id;
    cluster.nodes[2].stop().await?;
    cluster.nodes[2].config.push_str(&format!("[peer]\nlisten = \"{moved}\"\nadvertise = \"{moved}\"\n"));
    cluster.nodes[2].start()?;
    until("the members know the new address", SOON, async || {
        let peers = cluster.exq_at(0).run(["cluster", "peers"]).await?.good()?.json()?;
        let found = peers["peers"].as_array().into_iter().flatten().find(|peer| peer["id"] == id).cloned();
        let peer = found.context("it is no member")?;
        ensure!(peer["address"] == moved.as_str() && peer["state"] == "follower", "{peer}");
        Ok(())
    })
    .await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.does(&["scratch", "put", "after", "the move"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    story.tell(format_args!("n3 is at {moved} and takes part"));
    // It counts: with another one gone the cluster still has a majority.
    cluster.nodes[1].kill()?;
    until("a write without n2", SOON, async || cluster.does(&["scratch", "put", "without", "n2"]).await.map(drop))
        .await?;
    cluster.finish()
}

/// Goal: a change of authority that a silent member holds up says so, keeps nobody from joining, and ends when that
/// member is removed. Method: a follower is killed, the authority changed, a node joins by a fresh token, the follower
/// is removed.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_member_holds_up_no_join() -> Result<()> {
    let story = Story::of("authority");
    let mut cluster = Cluster::sandbox(3).await?;
    let old = fs::read(cluster.ca_path())?;
    cluster.nodes[2].kill()?;
    cluster
        .does(&["cluster", "certificates", "rotate", "--authority", "--reason", "its key may be known", "--yes"])
        .await?;
    until("the status says who is waited for", SOON, async || {
        for place in [0, 1] {
            let status = cluster.http(place)?.status().await?;
            ensure!(status["authority_waits"] == json!(["n3"]), "{}", status["authority_waits"]);
        }
        Ok(())
    })
    .await?;
    let place = cluster.add("n4")?;
    cluster.join(place).await?;
    story.tell("n3 is waited for, and n4 joined meanwhile");
    cluster.does(&["cluster", "remove", "n3", "--reason", "it does not come back", "--yes"]).await?;
    until("the new authority has been taken up", SOON, async || {
        for place in [0, 1, place] {
            let authorities = fs::read(cluster.nodes[place].data.join("ca.pem"))?;
            let count = String::from_utf8_lossy(&authorities).matches("BEGIN CERTIFICATE").count();
            ensure!(authorities != old && count == 1, "{} trusts {count}", cluster.nodes[place].name);
            let status = cluster.http(place)?.status().await?;
            ensure!(status["authority_waits"].is_null(), "{}", status["authority_waits"]);
        }
        Ok(())
    })
    .await?;
    cluster.agree(&[0, 1, place], SOON).await?;
    story.tell("without n3 the change has ended");
    cluster.finish()
}

/// Goal: a node that stopped for good is not started again by whoever restarts services. Method: the mark that such a
/// node leaves, on a follower of three; its code, its exit code, and that it starts when the mark is taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stopped_for_good_stays_down() -> Result<()> {
    let story = Story::of("halted");
    let mut cluster = Cluster::sandbox(3).await?;
    cluster.nodes[2].stop().await?;
    let mark = cluster.nodes[2].data.join("halted");
    fs::write(&mark, json!({"code": "EXQ-0702", "message": "it differs at 7", "hint": ""}).to_string())?;
    cluster.nodes[2].start()?;
    let ended = cluster.nodes[2].end(SOON).await?;
    ensure!(ended.exit == Some(4) && ended.log.contains("EXQ-0702: "), "{ended:?}");
    story.tell(ended.error());
    fs::remove_file(&mark)?;
    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.finish()
}

/// Goal: a key that leaked opens nothing once the node has another one, and nothing else changes for the node. Method: a
/// follower's key and certificate are put aside, rotated, and put back as a thief with a copy would have them; the
/// others refuse them and say so; with the new ones the node takes part again.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_key_opens_nothing() -> Result<()> {
    const FILES: [&str; 2] = ["node.pem", "node.key"];
    let story = Story::of("replaced key");
    let mut cluster = Cluster::sandbox(3).await?;
    let data = cluster.nodes[2].data.clone();
    let take = || FILES.map(|name| fs::read(data.join(name)));
    let put = |files: &[std::io::Result<Vec<u8>>; 2]| -> Result<()> {
        for (name, bytes) in FILES.iter().zip(files) {
            fs::write(data.join(name), bytes.as_ref().map_err(|error| anyhow::anyhow!("{name}: {error}"))?)?;
        }
        Ok(())
    };
    let stolen = take();
    cluster.does(&["cluster", "certificates", "rotate", "n3", "--reason", "n3 was cloned"]).await?;
    until("the new key is on record", SOON, async || {
        let tail = cluster.does(&["audit", "tail", "-n", "5"]).await?.json()?;
        let entries = tail["entries"].as_array().context("no entries")?;
        ensure!(entries.iter().any(|entry| entry["action"] == "update-node" && entry["detail"] == "key"), "{tail}");
        Ok(())
    })
    .await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.nodes[2].stop().await?;
    let fresh = take();
    put(&stolen)?;
    cluster.nodes[2].start()?;
    for place in [0, 1] {
        until("the others refuse the old key", SOON, async || {
            let log = cluster.nodes[place].log();
            ensure!(log.contains("a key that the node has replaced") && log.contains("EXQ-0208"), "no refusal");
            Ok(())
        })
        .await?;
    }
    until("who shows a replaced key is not taken for the node", SOON, async || {
        let status = cluster.http(0)?.status().await?;
        ensure!(status["health"] == "degraded", "{status}");
        Ok(())
    })
    .await?;
    story.tell("the replaced key is refused by both others");
    cluster.nodes[2].kill()?;
    put(&fresh)?;
    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    cluster.finish()
}

/// Goal: a cluster of one is ready for as long as it runs, and its state is fresh. Method: one node, asked again and again
/// for longer than a majority may be silent.
#[tokio::test(flavor = "multi_thread")]
async fn a_single_node_stays_ready() -> Result<()> {
    let cluster = Cluster::sandbox(1).await?;
    let http = cluster.http(0)?;
    http.put("key", b"value").await?;
    until("it is ready", SOON, async || {
        let ready = http.call(Method::GET, "/readyz?write", None).await?;
        ensure!(ready.status == 200, "{}", ready.text);
        Ok(())
    })
    .await?;
    let watched = Deadline::within(Duration::from_secs(5));
    while !watched.passed() {
        let ready = http.call(Method::GET, "/readyz?write", None).await?;
        ensure!(ready.status == 200, "{}", ready.text);
        watched.pause().await;
    }
    ensure!(http.read("key", "local").await?.is_some(), "no value");
    ensure!(http.status().await?["health"] == "healthy", "it says that it is not well");
    cluster.finish()
}
