//! The emergency stop on real nodes, in the states that a cluster can be in.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Http, until};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{SOON, Story};
use crate::workers::{add, all_run};

/// Asks the leader, whoever that is by now.
async fn ask(cluster: &Cluster, path: &str, body: &Value) -> Result<Value> {
    until(path, SOON, async || {
        let http = cluster.http(cluster.leader().await?)?;
        http.call(Method::POST, path, Some(body)).await?.good()
    })
    .await
}

async fn stopped_at(http: &Http) -> Result<bool> {
    let seen = http.get("/v1/emergency?consistency=local").await?;
    Ok(seen["stopped"] == true && seen["blocked"].as_array().map(Vec::len) == Some(5))
}

/// Waits until every node that runs shows it in its own state.
async fn everywhere(cluster: &Cluster, stopped: bool) -> Result<()> {
    until("every node knows", SOON, async || {
        for (place, _) in cluster.nodes.iter().enumerate().filter(|(_, node)| node.is_started()) {
            ensure!(stopped_at(&cluster.http(place)?).await? == stopped, "node {place} does not");
        }
        Ok(())
    })
    .await
}

fn order(price: &str) -> Value {
    json!({"user": 1, "market": "BTCUSDT", "side": "buy", "kind": "limit", "price": price, "quantity": "0.1"})
}

/// Stops the exchange, sees that nothing goes on but what an emergency needs, and resumes.
async fn stop_and_resume(
    cluster: &Cluster,
    story: &Story,
    when: &str,
    meanwhile: impl AsyncFnOnce() -> Result<()>,
) -> Result<()> {
    let began = Instant::now();
    ask(cluster, "/v1/emergency/stop", &json!({"reason": when})).await?;
    everywhere(cluster, true).await?;
    story.tell(format_args!("{when}: every node is stopped after {:?}", began.elapsed()));
    let http = cluster.http(cluster.leader().await?)?;
    for (path, body) in [
        ("/v1/orders", order("100")),
        ("/v1/assets", json!({"code": "ETH", "decimals": 8, "name": "Ether", "reason": "test"})),
    ] {
        let refused = http.call(Method::POST, path, Some(&body)).await?;
        ensure!(refused.status == 503, "{when}: {path} answers {}", refused.text);
    }
    let market = http.get("/v1/markets/BTCUSDT").await?;
    ensure!(market["phase"] == "cancel-only", "{when}: {market}");
    meanwhile().await?;
    everywhere(cluster, true).await?;
    ask(cluster, "/v1/emergency/resume", &json!({"reason": "over"})).await?;
    everywhere(cluster, false).await?;
    let phase = json!({"phase": "trading", "reason": "test"});
    ask(cluster, "/v1/markets/BTCUSDT/phase", &phase).await.map(drop)
}

async fn nothing() -> Result<()> {
    Ok(())
}

/// Goal: a stop takes effect at every node, whatever the cluster is doing: nothing new is taken, orders can be cancelled, what
/// workers had in hand is not lost, and neither a restart nor another leader takes it back. Method: a stop and a resume while
/// all is quiet; with jobs and directives in flight; with an order that rests; during maintenance; with a follower down, which
/// learns of it later; right after the leader was killed; and with all nodes killed in the middle.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_holds_in_every_state() -> Result<()> {
    let story = Story::of("emergency");
    let mut cluster = Cluster::sandbox(3).await?;
    for code in ["BTC", "USDT"] {
        cluster.does(&["asset", "create", code, "--decimals", "8", "--name", code, "--reason", "test"]).await?;
    }
    cluster.does(&["user", "create", "--label", "Ada"]).await?;
    let market = ["market", "create", "BTCUSDT", "--base", "BTC", "--quote", "USDT", "--tick", "0.01"];
    let rest = ["--lot", "0.00001", "--fees", "1000/2000", "--notional-min", "5", "--reason", "test"];
    cluster.does(&[market.as_slice(), &rest].concat()).await?;
    cluster.does(&["ledger", "credit", "1", "USDT", "100000"]).await?;
    cluster.does(&["market", "resume", "BTCUSDT", "--reason", "open"]).await?;
    stop_and_resume(&cluster, &story, "while all is quiet", nothing).await?;

    add(&cluster, 2).await?;
    all_run(&cluster, 2, 0, SOON).await?;
    let job = ["job", "enqueue", "selftest", "--payload", "sleep 2s", "--reason", "test"];
    let job = cluster.does(&job).await?.json()?["jobs"][0]["job"].as_u64().context("no job")?;
    let directive = ["command", "send", "selftest/1", "sleep", "--payload", "2s", "--reason", "test"];
    let directive = cluster.does(&directive).await?.json()?["directives"][0]["directive"].as_u64().context("none")?;
    stop_and_resume(&cluster, &story, "with work in flight", nothing).await?;
    until("the work is done", SOON, async || {
        let http = cluster.http(cluster.leader().await?)?;
        let (job, directive) =
            (http.get(&format!("/v1/jobs/{job}")).await?, http.get(&format!("/v1/directives/{directive}")).await?);
        ensure!(job["state"] == "completed" && directive["state"] == "succeeded", "{job} {directive}");
        Ok(())
    })
    .await?;

    ask(&cluster, "/v1/orders", &order("100")).await?;
    stop_and_resume(&cluster, &story, "with an order that rests", async || {
        let cancel = json!({"user": 1, "market": "BTCUSDT"});
        ask(&cluster, "/v1/orders/cancel-all", &cancel).await.map(drop)
    })
    .await?;
    let open = cluster.does(&["order", "list", "1", "BTCUSDT"]).await?.json()?;
    ensure!(open["orders"].as_array().map(Vec::len) == Some(0), "the cancelled order is back: {open}");

    ask(&cluster, "/v1/maintenance/system", &json!({"banner": "Soon.", "reason": "test"})).await?;
    stop_and_resume(&cluster, &story, "during maintenance", nothing).await?;
    ask(&cluster, "/v1/maintenance/windows/1/end", &json!({"reason": "test"})).await?;

    let leader = cluster.leader().await?;
    let follower = (leader + 1) % 3;
    cluster.nodes[follower].kill()?;
    let began = Instant::now();
    ask(&cluster, "/v1/emergency/stop", &json!({"reason": "a follower is down"})).await?;
    everywhere(&cluster, true).await?;
    story.tell(format_args!("with a follower down: both others are stopped after {:?}", began.elapsed()));
    cluster.nodes[follower].start()?;
    everywhere(&cluster, true).await?;
    ask(&cluster, "/v1/emergency/resume", &json!({"reason": "over"})).await?;
    everywhere(&cluster, false).await?;

    let leader = cluster.leader().await?;
    cluster.nodes[leader].kill()?;
    let began = Instant::now();
    ask(&cluster, "/v1/emergency/stop", &json!({"reason": "the leader is gone"})).await?;
    everywhere(&cluster, true).await?;
    story.tell(format_args!("right after a failover: stopped {:?} after the kill", began.elapsed()));
    for node in cluster.nodes.iter_mut().filter(|node| node.is_started()) {
        node.kill()?;
    }
    for node in &mut cluster.nodes {
        node.start()?;
    }
    cluster.leader().await?;
    everywhere(&cluster, true).await?;
    story.tell("all nodes were killed: the stop holds");
    // After a kill the log brings it back; after an orderly end it is what was written that does.
    for node in &mut cluster.nodes {
        node.stop().await?;
    }
    for node in &mut cluster.nodes {
        node.start()?;
    }
    cluster.leader().await?;
    everywhere(&cluster, true).await?;
    story.tell("all nodes were stopped and started: the stop holds");
    cluster.finish()
}
