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

/// The day of replicated time as a node shows it, counted from a day long ago.
fn day(status: &Value) -> Result<i64> {
    let time = status["time"].as_str().context("a status without a time")?;
    let parts: Vec<i64> = time.split(['-', 'T']).take(3).map(str::parse).collect::<Result<_, _>>()?;
    let [year, month, day] = parts.as_slice() else { anyhow::bail!("{time} is no time") };
    // A year that begins with March has its odd day at the end.
    let (year, month) = if *month < 3 { (year - 1, month + 9) } else { (*year, month - 3) };
    Ok(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

/// Whether clocks can be set here; says so where they cannot.
fn no_clocks(test: &str) -> bool {
    let missing = !Path::new(FAKETIME).exists();
    if missing {
        println!("SKIPPED {test}: the Debian package `faketime` is not installed");
    }
    missing
}

/// Three voters, each with a wall clock of its own.
async fn three_with_clocks() -> Result<Cluster> {
    let mut cluster = Cluster::empty()?;
    for name in ["n1", "n2", "n3"] {
        add_with_clock(&mut cluster, name, "+0s")?;
    }
    cluster.found(0).await?;
    cluster.join(1).await?;
    cluster.join(2).await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    Ok(cluster)
}

/// Sets a node's wall clock off by so much.
fn set(cluster: &Cluster, place: usize, jump: &str) -> Result<()> {
    let file = cluster.home().join(format!("{}.clock", cluster.nodes[place].name));
    fs::write(file, format!("{jump}\n")).context("the clock cannot be set")
}

/// Goal: a node whose clock jumps ten minutes says so with EXQ-0701, gives up leadership and cannot get it; replicated
/// time does not leap, tokens do not expire early, no write is lost; and with its clock right again it may lead. Method:
/// libfaketime under the leader of three, ten minutes ahead and then ten minutes behind; then a new machine whose clock
/// is 45 minutes behind joins.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_does_not_lead() -> Result<()> {
    let story = Story::of("clock");
    if no_clocks("a_clock_that_jumps_does_not_lead") {
        return Ok(());
    }
    let mut cluster = three_with_clocks().await?;
    let token = cluster.join_token().await?;

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
            cluster.hand_over(&name, "its clock is right").await
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

/// Goal: of two voters that are left, whose clocks differ by days, either may lead, but replicated time follows neither:
/// a command that is sent again is not applied again, also after both were started anew. When a majority agrees that
/// days have passed, replicated time moves on with it. Method: one of three stopped, another three days ahead made the
/// leader, the same command id at every stage; at the end all three clocks three days ahead and a cold start.
#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_clock_moves_no_time() -> Result<()> {
    let story = Story::of("days");
    if no_clocks("one_wrong_clock_moves_no_time") {
        return Ok(());
    }
    let mut cluster = three_with_clocks().await?;
    let leader = cluster.leader().await?;
    let (wrong, gone) = ((leader + 1) % 3, (leader + 2) % 3);
    let id = "c0ffee00c0ffee00c0ffee00c0ffee00";
    let put = async |cluster: &Cluster| {
        cluster.does(&["scratch", "put", "again", "paid", "--command-id", id]).await?.number("version")
    };
    let today = async |cluster: &Cluster| day(&cluster.status().await?);
    ensure!(put(&cluster).await? == 1, "the first time");
    let began = today(&cluster).await?;

    cluster.nodes[gone].stop().await?;
    set(&cluster, wrong, "+259200s")?;
    for place in [leader, wrong] {
        until("both say that the clocks differ", SOON, async || {
            ensure!(cluster.nodes[place].log().contains("EXQ-0701"), "not in its log");
            let status = cluster.exq_at(place).run(["status"]).await?.exits(2)?;
            ensure!(status.stdout.contains("nobody can tell which one is right"), "{status}");
            Ok(())
        })
        .await?;
    }
    ensure!(put(&cluster).await? == 1, "a repetition at the first leader was applied");
    let name = cluster.nodes[wrong].name.clone();
    cluster.hand_over(&name, "it is the other one").await?;
    ensure!(cluster.leader().await? == wrong, "{name} does not lead");
    ensure!(put(&cluster).await? == 1, "a repetition at the leader with the wrong clock was applied");
    story.tell(format_args!(
        "{name} leads three days ahead, {} does not run: the command is known",
        cluster.nodes[gone].name
    ));

    for place in [leader, wrong] {
        cluster.nodes[place].kill()?;
    }
    for place in [leader, wrong] {
        cluster.nodes[place].start()?;
    }
    cluster.leader().await?;
    ensure!(put(&cluster).await? == 1, "a repetition after a cold start was applied");
    // The test may run over a midnight.
    let passed = today(&cluster).await? - began;
    ensure!(passed < 2, "replicated time went on by {passed} days");
    story.tell("started anew, the two elect a leader, and the command is known");

    cluster.nodes[gone].start()?;
    until("the node with the wrong clock does not lead", SOON, async || {
        ensure!(cluster.leader().await? != wrong, "it leads");
        let log = cluster.nodes[wrong].log();
        ensure!(log.contains("this node's clock is off"), "it does not know");
        Ok(())
    })
    .await?;
    ensure!(put(&cluster).await? == 1, "a repetition among all three was applied");

    for place in 0..3 {
        cluster.nodes[place].kill()?;
        set(&cluster, place, "+259200s")?;
    }
    for place in 0..3 {
        cluster.nodes[place].start()?;
    }
    cluster.leader().await?;
    until("replicated time moves on", SOON, async || {
        cluster.does(&["scratch", "put", "other", "value"]).await?;
        let passed = today(&cluster).await? - began;
        ensure!(passed >= 3, "it went on by {passed} days");
        Ok(())
    })
    .await?;
    ensure!(put(&cluster).await? == 2, "an id is remembered for 24 to 48 hours, and three days have passed");
    story.tell("three days later by all three clocks replicated time has moved on");
    cluster.finish()
}
