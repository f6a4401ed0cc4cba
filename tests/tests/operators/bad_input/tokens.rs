//! Join tokens that are wrong, and clusters that are mixed up.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};

use super::refuse;
use crate::support::{SOON, Story, members, scene, until_voters};

/// Goal: only a token of this cluster, in time and for the first time, admits a node; a refused node leaves no trace in
/// the cluster and its folder holds no node. Method: an expired token, one used before, an altered one, texts that are
/// none, one of another cluster, and one shown to another cluster.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_admit_once_and_in_time() -> Result<()> {
    let story = Story::of("tokens");
    let mut cluster = Cluster::sandbox(1).await?;
    let other = Cluster::sandbox(1).await?;
    let place = cluster.add("n2")?;
    let folder = cluster.nodes[place].data.clone();
    let api = cluster.nodes[0].api.clone();
    let joining = |api: &str, token: &str| -> Vec<String> {
        let words = Cluster::new_node(&cluster.nodes[place], &["join", api, "--token", token]);
        words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect()
    };

    let made = cluster.does(&["cluster", "token", "create", "--ttl", "1s", "--reason", "short"]).await?;
    let (expired, expires_at) = (made.text("token")?, made.text("expires_at")?);
    let http = cluster.http(0)?;
    until("replicated time past the token's end", SOON, async || {
        http.put("tick", b"tock").await?;
        let time = http.status().await?["time"].as_str().context("no time")?.to_owned();
        ensure!(time > expires_at, "it is {time}");
        Ok(())
    })
    .await?;
    let good = cluster.join_token().await?;
    let foreign = other.join_token().await?;
    let mut altered = good.clone();
    // The secret follows the public name of 8 bytes: any change within it is another secret.
    altered.replace_range(30..34, if &good[30..34] == "AAAA" { "BBBB" } else { "AAAA" });

    let before = scene(&cluster).await?;
    let exq = cluster.offline();
    for (api, token, code) in [
        (&api, &expired, "EXQ-0204"),
        (&api, &altered, "EXQ-0203"),
        (&api, &"exqj_short".to_owned(), "EXQ-0203"),
        (&api, &cluster.token, "EXQ-0203"),
        (&api, &foreign, "EXQ-0206"),
        (&other.nodes[0].api, &good, "EXQ-0206"),
        (&"127.0.0.1:1".to_owned(), &good, "EXQ-0111"),
    ] {
        let words = joining(api, token);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        refuse(&cluster, &before, &exq, &words, code, &story).await?;
        ensure!(!folder.join("identity.toml").exists(), "a refused join left a node behind");
    }

    // None of that has used the good one up.
    exq.run(joining(&api, &good)).await?.good()?;
    until("n2 is a learner", SOON, async || {
        let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
        ensure!(members(&peers).len() == 2, "{peers}");
        Ok(())
    })
    .await?;
    let before = scene(&cluster).await?;
    let words = joining(&api, &good);
    let into_full: Vec<&str> = words.iter().map(String::as_str).collect();
    refuse(&cluster, &before, &exq, &into_full, "EXQ-0106", &story).await?;
    let elsewhere = cluster.home().join("elsewhere").to_string_lossy().into_owned();
    let words: Vec<&str> =
        into_full.iter().map(|word| if *word == folder.to_string_lossy() { &elsewhere } else { *word }).collect();
    refuse(&cluster, &before, &exq, &words, "EXQ-0205", &story).await?;
    ensure!(!fs::exists(cluster.home().join("elsewhere/identity.toml"))?, "a refused join left a node behind");
    other.finish()?;
    cluster.finish()
}

/// Goal: two clusters that are mixed up do not mix: a client, a peer and a join of one are refused by the other, with a
/// code, and both go on. Method: our client at their API; then their node at the address at which our cluster expects
/// one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn clusters_do_not_mix() -> Result<()> {
    let story = Story::of("mixed up");
    let mut ours = Cluster::sandbox(3).await?;
    let theirs = Cluster::sandbox(1).await?;
    let before = scene(&theirs).await?;
    let at_theirs = ours.exq().variable("EXCHEQUER_ADDRESS", &theirs.nodes[0].api);
    for words in [&["status"][..], &["settings", "set", "join.token_ttl", "30m", "--reason", "r"]] {
        refuse(&theirs, &before, &at_theirs, words, "EXQ-0206", &story).await?;
    }

    let (api, peer) = (ours.nodes[2].api.clone(), ours.nodes[2].peer.clone());
    ours.nodes[2].stop().await?;
    let mut stranger = Cluster::empty()?;
    stranger.add_at("s1", api, peer)?;
    stranger.found(0).await?;
    let before = scene(&stranger).await?;
    for place in [0, 1] {
        until("our nodes say that another cluster answers", SOON, async || {
            let log = ours.nodes[place].log();
            ensure!(log.contains("EXQ-0206"), "no code in its log");
            Ok(())
        })
        .await?;
    }
    let codes = |log: String| log.lines().filter(|line| line.contains("EXQ-0")).take(1).map(str::to_owned).collect();
    let said: Vec<String> = codes(ours.nodes[0].log());
    story.tell(format_args!("at n3's address stands another cluster's node: {said:?}"));
    ours.does(&["scratch", "put", "still", "here"]).await?;
    ensure!(scene(&stranger).await? == before, "the stranger's state changed");
    stranger.finish()?;

    ours.nodes[2].start()?;
    until_voters(&ours, &["n1", "n2", "n3"]).await?;
    ours.agree(&[0, 1, 2], SOON).await?;
    story.tell("with n3 back all agree");
    theirs.finish()?;
    ours.finish()
}
