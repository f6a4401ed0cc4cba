//! A clock that jumps.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use serde_json::Value;

use crate::support::{SOON, Story, until_voters};

/// Debian's package `faketime` puts it here.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// Replicated time as a node shows it, in seconds of its day.
fn seconds(status: &Value) -> Result<f64> {
    let time = status["time"].as_str().context("a status without a time")?;
    let clock = time.split('T').nth(1).context("a time without a T")?.trim_end_matches('Z');
    let parts: Vec<f64> = clock.split(':').map(str::parse).collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [hours, minutes, seconds] => Ok(hours * 3600.0 + minutes * 60.0 + seconds),
        _ => anyhow::bail!("{time} is no time"),
    }
}

/// Goal: a node whose clock jumps ten minutes says so with EXQ-0701, gives up leadership and cannot get it; replicated
/// time does not leap, tokens do not expire early, no write is lost; and with its clock right again it may lead. Method:
/// libfaketime under the leader of three, ten minutes ahead and then ten minutes behind; then a new machine whose clock
/// is 45 minutes behind joins.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_does_not_lead() -> Result<()> {
    let story = Story::of("clock");
    if !Path::new(FAKETIME).exists() {
        println!("SKIPPED a_clock_that_jumps_does_not_lead: the Debian package `faketime` is not installed");
        return Ok(());
    }
    let mut cluster = Cluster::empty()?;
    for name in ["n1", "n2", "n3"] {
        add_with_clock(&mut cluster, name, "+0s")?;
    }
    cluster.found(0).await?;
    cluster.join(1).await?;
    cluster.join(2).await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    let token = cluster.join_token().await?;
    let set = |cluster: &Cluster, place: usize, jump: &str| {
        let file = cluster.home().join(format!("{}.clock", cluster.nodes[place].name));
        fs::write(file, format!("{jump}\n")).context("the clock cannot be set")
    };

    for jump in ["+600s", "-600s"] {
        let wrong = cluster.leader().await?;
        cluster.does(&["scratch", "put", "before", jump]).await?;
        let began = seconds(&cluster.http(wrong)?.status().await?)?;
        let started = std::time::Instant::now();
        set(&cluster, wrong, jump)?;
        let name = cluster.nodes[wrong].name.clone();
        until("the node says that its clock is off", SOON, async || {
            ensure!(cluster.nodes[wrong].log().contains("EXQ-0701"), "not in its log");
            let status = cluster.exq_at(wrong).run(["status"]).await?.exits(2)?;
            ensure!(status.stdout.contains("clock"), "{status}");
            Ok(())
        })
        .await?;
        let next = until("another node leads", SOON, async || {
            let leader = cluster.leader().await?;
            ensure!(leader != wrong, "{name} still leads");
            Ok(leader)
        })
        .await?;
        story.tell(format_args!("{name}'s clock jumps by {jump}: EXQ-0701, and {} leads", cluster.nodes[next].name));
        let stubborn = ["cluster", "transfer-leader", &name, "--reason", "stubborn"];
        let refused = cluster.exq_at(next).run(stubborn).await?.refused_with("EXQ-0701")?;
        story.tell(format_args!("leadership for {name} -> {refused}"));
        ensure!(cluster.leader().await? != wrong, "{name} leads with a wrong clock");

        cluster.does(&["scratch", "put", "after", jump]).await?;
        let passed = seconds(&cluster.http(next)?.status().await?)? - began;
        let truly = started.elapsed().as_secs_f64();
        // At midnight the day's seconds begin anew.
        let passed = if passed < -40_000.0 { passed + 86_400.0 } else { passed };
        ensure!((passed - truly).abs() < 10.0, "replicated time went on by {passed} s while {truly} s passed");
        ensure!(cluster.http(next)?.read("before", "linearizable").await?.is_some(), "a write is lost");
        story.tell(format_args!("replicated time went on by {passed:.1} s while {truly:.1} s passed"));

        set(&cluster, wrong, "+0s")?;
        until_voters(&cluster, &["n1", "n2", "n3"]).await?;
        until("the leader has seen that the clock is right", SOON, async || {
            cluster.does(&["cluster", "transfer-leader", &name, "--reason", "its clock is right"]).await.map(drop)
        })
        .await?;
        cluster.agree(&[0, 1, 2], SOON).await?;
        story.tell(format_args!("with its clock right {name} may lead again"));
    }

    let place = add_with_clock(&mut cluster, "n4", "-2700s")?;
    let words = Cluster::new_node(&cluster.nodes[place], &["join", &cluster.nodes[0].api, "--token", &token]);
    let exq = cluster.nodes[place]
        .launch
        .variables
        .iter()
        .fold(cluster.offline(), |exq, (name, value)| exq.variable(name, value));
    exq.run(words).await?.good()?;
    story.tell("a token from before the jumps is still good, also for a machine whose clock is 45 minutes behind");
    cluster.nodes[place].start()?;
    until("n4 takes part and says that its clock is off", SOON, async || {
        ensure!(cluster.nodes[place].log().contains("EXQ-0701"), "not in its log");
        ensure!(cluster.http(place)?.read("after", "local").await?.is_some(), "it has no values");
        Ok(())
    })
    .await?;
    story.tell("n4 is let in by the others, has the values, and is told EXQ-0701");
    cluster.finish()
}

/// Adds a node whose clock is what a file says, so far off at first. Its place.
fn add_with_clock(cluster: &mut Cluster, name: &str, off: &str) -> Result<usize> {
    let place = cluster.add(name)?;
    let file = cluster.home().join(format!("{name}.clock"));
    fs::write(&file, format!("{off}\n"))?;
    cluster.nodes[place].launch.variables = [
        ("LD_PRELOAD", FAKETIME.into()),
        ("FAKETIME_TIMESTAMP_FILE", file.into_os_string()),
        ("FAKETIME_NO_CACHE", "1".into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
    ]
    .map(|(name, value)| (name.into(), value))
    .to_vec();
    Ok(place)
}
