//! Directives on real nodes: they reach workers' processes, and have their effect once whoever is killed.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_domain::Timestamp;
use exchequer_tests::cluster::{Cluster, until};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::{SOON, Story};
use crate::workers::{add, epoch, pids, signal, workers};

/// Sends one by the command line; its number.
async fn send(cluster: &Cluster, target: &str, action: &str, flags: &[&str]) -> Result<u64> {
    let words = [&["command", "send", target, action, "--reason", "test"], flags].concat();
    let sent = cluster.does(&words).await?.json()?;
    sent["directives"][0]["directive"].as_u64().context("no number")
}

async fn show(cluster: &Cluster, directive: u64) -> Result<Value> {
    cluster.does(&["command", "show", &directive.to_string()]).await?.json()
}

async fn until_is(cluster: &Cluster, directive: u64, state: &str) -> Result<Value> {
    until(&format!("directive {directive} is {state}"), SOON, async || {
        let seen = show(cluster, directive).await?;
        ensure!(seen["state"] == state, "{seen}");
        Ok(seen)
    })
    .await
}

/// How often a worker has made this mark, on whatever node.
fn marks(cluster: &Cluster, mark: &str) -> usize {
    let path = |data: &std::path::Path| -> Vec<std::path::PathBuf> {
        let folders = std::fs::read_dir(data.join("workers")).into_iter().flatten().flatten();
        folders.map(|folder| folder.path().join("marks")).collect()
    };
    let files = cluster.nodes.iter().flat_map(|node| path(&node.data));
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap_or_default());
    texts.map(|text| text.lines().filter(|line| *line == mark).count()).sum()
}

async fn until_marked(cluster: &Cluster, mark: &str) -> Result<()> {
    until(&format!("there is the mark {mark}"), SOON, async || {
        ensure!(marks(cluster, mark) > 0, "there is none");
        Ok(())
    })
    .await
}

/// Goal: a directive gets to its worker, and what comes out is told; one for a worker that is stopped waits, and is over at its
/// deadline. One in the hands of a worker or of a leader that is killed has its effect once: it waits for a person where doing
/// it twice may do harm, and is done again where not. Method: three nodes, directives by the command line that leave a mark in
/// a file before they take their time; SIGKILL of workers and of the leader once the marks are there; marks are counted.
#[tokio::test(flavor = "multi_thread")]
async fn directives_take_effect_once() -> Result<()> {
    let story = Story::of("directives");
    let mut cluster = Cluster::sandbox(3).await?;
    add(&cluster, 2).await?;
    cluster.does(&["worker", "add", "selftest/3", "--reason", "test"]).await?;
    let first = running(&cluster, 0).await?;

    let echo = send(&cluster, "selftest/1", "echo", &["--payload", "hello"]).await?;
    let seen = until_is(&cluster, echo, "succeeded").await?;
    ensure!(seen["result"] == "hello" && seen["attempt"] == 1, "{seen}");
    let fails = send(&cluster, "selftest/1", "fail", &["--payload", "no"]).await?;
    let seen = until_is(&cluster, fails, "failed").await?;
    ensure!(seen["error"] == "no" && seen["attempt"] == 1, "{seen}");
    let now = Timestamp(u64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_micros())?);
    let deadline = now.plus(Duration::from_secs(4)).to_string();
    let early = send(&cluster, "selftest/3", "echo", &["--deadline", &deadline]).await?;
    let waits = send(&cluster, "selftest/3", "echo", &["--payload", "at last"]).await?;
    ensure!(until_is(&cluster, early, "expired").await?["attempt"] == 0, "it was dispatched");
    ensure!(show(&cluster, waits).await?["state"] == "queued", "it does not wait");
    cluster.does(&["worker", "start", "selftest/3", "--reason", "test"]).await?;
    ensure!(until_is(&cluster, waits, "succeeded").await?["result"] == "at last", "something else came out");
    story.tell("directives came back with what they came to, or too late");

    let once = send(&cluster, "selftest/1", "mark", &["--payload", "once"]).await?;
    let again = send(&cluster, "selftest/2", "mark", &["--payload", "again", "--idempotent"]).await?;
    until_marked(&cluster, "once").await?;
    until_marked(&cluster, "again").await?;
    signal(*first.get("selftest/1").context("no process")?, Signal::KILL)?;
    signal(*first.get("selftest/2").context("no process")?, Signal::KILL)?;
    until_is(&cluster, once, "needs-review").await?;
    let seen = until_is(&cluster, again, "succeeded").await?;
    ensure!(seen["attempt"] == 2 && seen["result"] == "again", "{seen}");
    ensure!(marks(&cluster, "once") == 1, "{} marks", marks(&cluster, "once"));
    let review = ["command", "review", &once.to_string(), "done", "--yes", "--reason", "test"];
    cluster.does(&review).await?;
    story.tell("the workers were killed: one directive was for a person, the other was done again");

    running(&cluster, 0).await?;
    let (before, leader) = (epoch(&cluster).await?, cluster.leader().await?);
    let once = send(&cluster, "selftest/1", "mark", &["--payload", "led once"]).await?;
    let again = send(&cluster, "selftest/2", "mark", &["--payload", "led again", "--idempotent"]).await?;
    until_marked(&cluster, "led once").await?;
    until_marked(&cluster, "led again").await?;
    cluster.nodes[leader].kill()?;
    running(&cluster, before).await?;
    until_is(&cluster, once, "needs-review").await?;
    let seen = until_is(&cluster, again, "succeeded").await?;
    ensure!(seen["result"] == "led again", "{seen}");
    ensure!(marks(&cluster, "led once") == 1, "{} marks", marks(&cluster, "led once"));
    let review = ["command", "review", &once.to_string(), "retry", "--yes", "--reason", "test"];
    cluster.does(&review).await?;
    until_is(&cluster, once, "succeeded").await?;
    ensure!(marks(&cluster, "led once") == 2, "a person said so: {} marks", marks(&cluster, "led once"));
    story.tell("the leader was killed: as with the workers");
    cluster.finish()
}

/// Goal: a worker's process goes by a changed setting without being started anew, and the registry says by which revision.
/// Method: a value for one worker by the command line; three jobs that wait, of which it holds as many as it is told.
#[tokio::test(flavor = "multi_thread")]
async fn settings_reach_running_workers() -> Result<()> {
    let story = Story::of("worker config");
    let cluster = Cluster::sandbox(1).await?;
    add(&cluster, 1).await?;
    let before = running(&cluster, 0).await?;
    let set = ["worker", "config", "selftest/1", "set", "worker.jobs_at_once", "1", "--reason", "test"];
    let revision = cluster.does(&set).await?.json()?["revision"].as_u64().context("no revision")?;
    until("the process goes by it", SOON, async || {
        let seen = cluster.does(&["worker", "config", "selftest/1"]).await?.json()?;
        ensure!(seen["revision"] == revision && seen["follows"] == revision, "{seen}");
        let own =
            seen["settings"].as_array().and_then(|all| all.iter().find(|one| one["key"] == "worker.jobs_at_once"));
        let own = own.context("it is not shown")?;
        ensure!(own["value"] == "1" && own["from"] == "worker.jobs_at_once@worker:selftest/1", "{own}");
        Ok(())
    })
    .await?;
    ensure!(running(&cluster, 0).await? == before, "another process");
    for _ in 0..3 {
        cluster.does(&["job", "enqueue", "selftest", "--payload", "sleep 1s", "--reason", "test"]).await?;
    }
    let http = cluster.http(0)?;
    let mut most = 0;
    until("the jobs are done", SOON, async || {
        let queues = http.get("/v1/queues").await?;
        let queue = &queues["queues"][0];
        most = most.max(queue["executing"].as_u64().context("no queue")?);
        ensure!(queue["completed"] == 3, "{queue}");
        Ok(())
    })
    .await?;
    ensure!(most == 1, "it held {most} jobs at once");
    story.tell(format_args!("revision {revision} holds in the process"));
    cluster.finish()
}

/// Waits until the workers run that are to.
async fn running(cluster: &Cluster, after: u64) -> Result<BTreeMap<String, u32>> {
    until("the workers run", SOON, async || {
        let seen = workers(&cluster.http(cluster.leader().await?)?).await?;
        let wanted = seen.into_iter().filter(|(_, worker)| worker["desired"] == "running").collect();
        let count = BTreeMap::len(&wanted);
        pids(&wanted, count, after)
    })
    .await
}
