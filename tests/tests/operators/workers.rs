//! Worker processes on real nodes: they come back whoever is killed, and end with those who started them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exchequer_state::jobs::{Backoff, QueueName};
use exchequer_state::{Body, EnqueueJobs, NewJob, Outcome};
use exchequer_tests::cluster::{Cluster, Deadline, Http, until};
use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

use crate::support::{SOON, Story};

/// As many as the platform is measured with.
const WORKERS: usize = 24;
/// How long after the kill of a leader all workers run again, at most.
const RESTORED_WITHIN: Duration = Duration::from_secs(3);
/// What a busy machine with fewer processors than nodes is granted on top.
const GRACE: Duration = Duration::from_secs(12);
/// What is left of a node that was killed.
const DEAD_WITHIN: Duration = Duration::from_secs(1);

pub(crate) fn names(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("selftest/{number}")).collect()
}

pub(crate) async fn add(cluster: &Cluster, count: usize) -> Result<()> {
    let body = json!({ "workers": names(count), "desired": "running", "reason": "test" });
    let http = cluster.http(cluster.leader().await?)?;
    http.call(Method::POST, "/v1/workers", Some(&body)).await?.good().map(drop)
}

/// The workers as a node knows them, by name.
pub(crate) async fn workers(http: &Http) -> Result<BTreeMap<String, Value>> {
    let answer = http.clone().timeout(Duration::from_secs(2)).get("/v1/workers").await?;
    let list = answer["workers"].as_array().context("no workers")?;
    let name = |worker: &Value| worker["worker"].as_str().unwrap_or_default().to_owned();
    Ok(list.iter().map(|worker| (name(worker), worker.clone())).collect())
}

/// Whether all run, under this leadership where one is given; their processes.
pub(crate) fn pids(workers: &BTreeMap<String, Value>, count: usize, after: u64) -> Result<BTreeMap<String, u32>> {
    ensure!(workers.len() == count, "{} workers", workers.len());
    let of = |(name, worker): (&String, &Value)| {
        ensure!(worker["state"] == "running", "{name} is {}", worker["state"]);
        ensure!(worker["epoch"].as_u64().is_some_and(|epoch| epoch > after), "{name} is of an earlier leadership");
        let pid = worker["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        Ok((name.clone(), pid.with_context(|| format!("{name} has no process"))?))
    };
    workers.iter().map(of).collect()
}

/// Waits until all run under a leadership later than `after`; their processes.
pub(crate) async fn all_run(
    cluster: &Cluster,
    count: usize,
    after: u64,
    within: Duration,
) -> Result<BTreeMap<String, u32>> {
    until("all workers run", within, async || {
        for (place, node) in cluster.nodes.iter().enumerate() {
            if node.is_started()
                && let Ok(workers) = workers(&cluster.http(place)?).await
                && let Ok(pids) = pids(&workers, count, after)
            {
                return Ok(pids);
            }
        }
        anyhow::bail!("not all run yet")
    })
    .await
}

pub(crate) async fn epoch(cluster: &Cluster) -> Result<u64> {
    let seen = workers(&cluster.http(cluster.leader().await?)?).await?;
    seen.values().filter_map(|worker| worker["epoch"].as_u64()).max().context("no worker has an epoch")
}

pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("no process id")?;
    kill_process(pid, signal).with_context(|| format!("process {} is gone", pid.as_raw_nonzero()))
}

pub(crate) fn lives(pid: u32) -> bool {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    // One that is dead and not waited for yet does nothing any more.
    let zombie = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')));
    test_kill_process(process).is_ok() && !zombie
}

async fn none_lives(pids: &BTreeMap<String, u32>, within: Duration) -> Result<Duration> {
    let deadline = Deadline::within(within);
    until("no process is left", within, async || {
        let left: Vec<&String> = pids.iter().filter(|(_, pid)| lives(**pid)).map(|(name, _)| name).collect();
        ensure!(left.is_empty(), "{left:?} live on");
        Ok(())
    })
    .await?;
    Ok(deadline.elapsed())
}

/// Goal: every worker that is killed comes back; those of a leader that is killed die within a second and run again under the
/// next one within three; after the death of all nodes what is wanted is restored. Method: three nodes, 24 selftest workers,
/// SIGKILL to each worker, to the leader, to all nodes; times are printed.
#[tokio::test(flavor = "multi_thread")]
async fn workers_come_back() -> Result<()> {
    let story = Story::of("workers");
    let mut cluster = Cluster::sandbox(3).await?;
    add(&cluster, WORKERS).await?;
    let first = all_run(&cluster, WORKERS, 0, SOON).await?;
    story.tell(format_args!("{WORKERS} workers run"));

    for pid in first.values() {
        signal(*pid, Signal::KILL)?;
    }
    let second = until("other processes", SOON, async || {
        let http = cluster.http(cluster.leader().await?)?;
        let pids = pids(&workers(&http).await?, WORKERS, 0)?;
        ensure!(pids.iter().all(|(name, pid)| first.get(name) != Some(pid)), "the killed ones still count");
        Ok(pids)
    })
    .await?;
    story.tell("each was killed and runs again");

    let (before, leader) = (epoch(&cluster).await?, cluster.leader().await?);
    let killed = Instant::now();
    cluster.nodes[leader].kill()?;
    let died = none_lives(&second, DEAD_WITHIN).await?;
    let third = all_run(&cluster, WORKERS, before, RESTORED_WITHIN + GRACE).await?;
    let took = killed.elapsed();
    story.tell(format_args!("the leader was killed: its workers died in {died:?}, all run again after {took:?}"));
    ensure!(took <= RESTORED_WITHIN + GRACE, "{took:?}");
    cluster.nodes[leader].start()?;
    cluster.voters(3).await?;

    let before = epoch(&cluster).await?;
    for node in &mut cluster.nodes {
        node.kill()?;
    }
    none_lives(&third, DEAD_WITHIN).await?;
    for node in &mut cluster.nodes {
        node.start()?;
    }
    all_run(&cluster, WORKERS, before, SOON).await?;
    story.tell("all nodes were killed and started: all workers run again");
    cluster.finish()
}

/// Lines of deeds: the moment of each, by the machine's clock, with the process.
fn deeds(data: &Path, worker: &str) -> Vec<(u64, u32)> {
    let path = data.join("workers").join(worker.replace('/', "-")).join("acts");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let read = |line: &str| {
        let (moment, pid) = line.split_once(' ')?;
        Some((moment.parse().ok()?, pid.parse().ok()?))
    };
    text.lines().filter_map(read).collect()
}

fn boot_clock_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000
}

async fn enqueue(http: &Http, payloads: &[&str]) -> Result<()> {
    let queue = QueueName::try_from("selftest".to_owned())?;
    let job = |payload: &&str| NewJob {
        queue: queue.clone(),
        key: None,
        priority: 5,
        payload: payload.as_bytes().to_vec(),
        not_before: None,
        deadline: None,
        max_attempts: 5,
        backoff: Backoff::default(),
    };
    let body = Body::EnqueueJobs(EnqueueJobs { jobs: payloads.iter().map(job).collect(), reason: "test".into() });
    let outcomes = http.submit(vec![body]).await?;
    ensure!(matches!(outcomes.as_slice(), [Outcome::Done(_)]), "{outcomes:?}");
    Ok(())
}

/// Goal: a leader that stands still while another takes over harms nothing: its workers do nothing outside once their lease is
/// over, what they send is refused, counted and visible, and has no effect. Method: SIGSTOP of the leader while its workers
/// act outside and have jobs that end meanwhile; SIGCONT after ten seconds; the files of deeds and the counts are read.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stood_still_is_fenced() -> Result<()> {
    let story = Story::of("fence");
    let mut cluster = Cluster::sandbox(3).await?;
    add(&cluster, 2).await?;
    let pids = all_run(&cluster, 2, 0, SOON).await?;
    let leader = cluster.leader().await?;
    let http = cluster.http(leader)?;
    enqueue(&http, &["act 600s", "act 600s", "act 600s", "act 600s", "sleep 3s", "sleep 3s"]).await?;
    let data = cluster.nodes[leader].data.clone();
    until("both act", SOON, async || {
        let acting = pids.keys().filter(|worker| !deeds(&data, worker).is_empty()).count();
        ensure!(acting > 0, "nobody acts");
        Ok(())
    })
    .await?;
    let before = epoch(&cluster).await?;
    let stopped = boot_clock_us();
    cluster.nodes[leader].pause()?;
    let stood = Instant::now();
    let others = all_run_elsewhere(&cluster, leader, 2, before).await?;
    story.tell(format_args!("the leader stands still; another runs the workers after {:?}", stood.elapsed()));
    until("ten seconds have passed", SOON, async || {
        ensure!(stood.elapsed() >= Duration::from_secs(10), "not yet");
        Ok(())
    })
    .await?;
    cluster.nodes[leader].resume()?;
    none_lives(&pids, SOON).await?;
    for (worker, pid) in &pids {
        let late = deeds(&data, worker).into_iter().filter(|(_, by)| by == pid).map(|(moment, _)| moment).max();
        let after_us = late.map_or(0, |moment| moment.saturating_sub(stopped));
        story.tell(format_args!("the last deed of {worker} was {} ms after the leader stood still", after_us / 1_000));
        ensure!(after_us <= 1_050_000, "{worker} acted {after_us} us after its leader stood still");
    }
    let counted = until("the refusals are counted", SOON, async || {
        let counted = cluster.http(leader)?.get("/v1/supervisor").await?;
        // The two jobs ended while nobody listened; their workers had said so before they were killed.
        let by_worker = counted["fenced_by_worker"].as_array().context("no counts")?;
        let fenced: u64 = by_worker.iter().filter_map(|of| of["commands"].as_u64()).sum();
        ensure!(fenced >= 2, "{counted}");
        ensure!(counted["epoch"].is_null() && counted["processes"] == 0, "{counted}");
        Ok(counted)
    })
    .await?;
    story.tell(format_args!("refused: {counted}"));
    ensure!(others.values().all(|pid| lives(*pid)), "the new leader's workers live on");
    cluster.finish()
}

async fn all_run_elsewhere(cluster: &Cluster, but: usize, count: usize, after: u64) -> Result<BTreeMap<String, u32>> {
    until("all workers run elsewhere", SOON, async || {
        for place in (0..cluster.nodes.len()).filter(|place| *place != but) {
            if let Ok(workers) = workers(&cluster.http(place)?).await
                && let Ok(pids) = pids(&workers, count, after)
            {
                return Ok(pids);
            }
        }
        anyhow::bail!("not all run yet")
    })
    .await
}
