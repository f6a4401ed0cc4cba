//! Random deaths of workers, of the leader and of all nodes, over jobs that flow.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_state::jobs::{Backoff, JobId, QueueName};
use exchequer_state::{Body, Done, EnqueueJobs, NewJob, Outcome};
use exchequer_tests::cluster::{Cluster, Http, until};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{SOON, Story};
use crate::workers::{add, all_run, names, signal, workers};

/// Kills in the slice that runs with every test run.
const KILLS: usize = 50;
/// Names another number of kills.
const KILLS_VARIABLE: &str = "EXCHEQUER_CHAOS_KILLS";
/// Names the seed of an earlier run.
const SEED_VARIABLE: &str = "EXCHEQUER_CHAOS_SEED";
const WORKERS: usize = 12;
/// A job outlives so many deaths of its workers.
const ATTEMPTS: u32 = 20;
/// Nothing that a cluster does by itself takes longer, however busy the machine.
const AT_LAST: Duration = Duration::from_secs(60);

/// A sequence of numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // Xorshift: good enough to choose victims.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap_or(0)
    }
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

async fn leading(cluster: &Cluster) -> Result<Http> {
    Ok(cluster.http(cluster.leader().await?)?.timeout(Duration::from_secs(3)))
}

/// Enters jobs whose results tell them apart, through whoever leads; their numbers. An answer that is lost is not asked for
/// again: those jobs are in the queue or not, and its counts tell.
async fn enqueue(cluster: &Cluster, jobs: &[(u64, String)]) -> Result<Vec<(JobId, u64)>> {
    let queue = QueueName::try_from("selftest".to_owned())?;
    let job = |(_, payload): &(u64, String)| NewJob {
        queue: queue.clone(),
        key: None,
        priority: 5,
        payload: payload.as_bytes().to_vec(),
        not_before: None,
        deadline: None,
        max_attempts: ATTEMPTS,
        backoff: Backoff { first_us: 100_000, most_us: 1_000_000 },
    };
    let body = Body::EnqueueJobs(EnqueueJobs { jobs: jobs.iter().map(job).collect(), reason: "chaos".into() });
    let outcomes = leading(cluster).await?.submit(vec![body]).await?;
    let Some(Outcome::Done(Done::JobsEnqueued(entered))) = outcomes.into_iter().next() else { bail!("not entered") };
    Ok(entered.iter().zip(jobs).map(|(entered, (number, _))| (entered.job, *number)).collect())
}

/// Ends a worker's process at random; false where there is none that could be ended now.
async fn kill_worker(cluster: &Cluster, dice: &mut Dice) -> Result<bool> {
    let seen = workers(&leading(cluster).await?).await?;
    let pids: Vec<u64> = seen.values().filter_map(|worker| worker["pid"].as_u64()).collect();
    let Some(pid) = pids.get(dice.below(pids.len())) else { return Ok(false) };
    // It may have ended since.
    Ok(signal(u32::try_from(*pid)?, Signal::KILL).is_ok())
}

/// Lets those run again that were given up after five deaths in ten minutes, as a person would; how many.
async fn start_again(cluster: &Cluster) -> Result<usize> {
    let http = leading(cluster).await?;
    let seen = workers(&http).await?;
    let failed: Vec<&String> = seen.iter().filter(|(_, one)| one["state"] == "failed").map(|(name, _)| name).collect();
    for name in &failed {
        let path = format!("/v1/workers/{}/start", name.replace('/', "%2F"));
        http.call(Method::POST, &path, Some(&json!({"reason": "chaos"}))).await?.good()?;
    }
    Ok(failed.len())
}

/// Goal: whatever dies and whenever, no job is lost, none has its effect twice, and what was wanted of workers is restored.
/// Method: SIGKILL to workers, to the leading node and to all nodes at random, while jobs are entered and done; in the end
/// every job that was acknowledged is completed with its own result, the queue counts one completion for each job that it was
/// given and nothing in the dead letter, and all workers run.
#[tokio::test(flavor = "multi_thread")]
async fn worker_chaos() -> Result<()> {
    let story = Story::of("worker chaos");
    let seed = variable(SEED_VARIABLE).unwrap_or_else(rand::random::<u64>);
    let kills: usize = variable(KILLS_VARIABLE).unwrap_or(KILLS);
    story.tell(format_args!("{kills} kills; the same again with {SEED_VARIABLE}={seed} {KILLS_VARIABLE}={kills}"));
    let mut dice = Dice(seed | 1);
    let mut cluster = Cluster::sandbox(3).await?;
    add(&cluster, WORKERS).await?;
    all_run(&cluster, WORKERS, 0, SOON).await?;

    let mut acknowledged: Vec<(JobId, u64)> = Vec::new();
    let (mut number, mut done, mut started) = (0, [0_usize; 3], 0);
    while done.iter().sum::<usize>() < kills {
        let mut jobs = Vec::new();
        for _ in 0..1 + dice.below(5) {
            number += 1;
            let slow = dice.below(3) == 0;
            jobs.push((number, if slow { format!("sleep {}ms", dice.below(900)) } else { format!("count {number}") }));
        }
        let entered = until("jobs are taken", AT_LAST, async || enqueue(&cluster, &jobs).await).await?;
        acknowledged.extend(entered.into_iter().zip(&jobs).map(|((id, number), (_, payload))| {
            // What only waits has no result.
            (id, if payload.starts_with("count") { number } else { 0 })
        }));
        match dice.below(25) {
            0 => {
                for node in &mut cluster.nodes {
                    node.kill()?;
                }
                for node in &mut cluster.nodes {
                    node.start()?;
                }
                done[2] += 1;
            }
            1..=3 => {
                let leader = cluster.leader().await?;
                cluster.nodes[leader].kill()?;
                cluster.nodes[leader].start()?;
                done[1] += 1;
            }
            _ => {
                let killed = until("the registry is read", AT_LAST, async || kill_worker(&cluster, &mut dice).await);
                done[0] += usize::from(killed.await?);
                started += until("the registry is read", AT_LAST, async || start_again(&cluster).await).await?;
            }
        }
    }
    let [alone, leaders, all] = done;
    story.tell(format_args!(
        "{alone} workers, {leaders} leaders and {all} times all nodes were killed; {started} starts by hand"
    ));

    let queue = until("all jobs are done", AT_LAST * 2, async || {
        start_again(&cluster).await?;
        let queues = leading(&cluster).await?.get("/v1/queues").await?;
        let queue = queues["queues"].as_array().and_then(|all| all.iter().find(|one| one["queue"] == "selftest"));
        let queue = queue.context("no queue")?.clone();
        let open = ["available", "waiting", "executing"].map(|field| queue[field].as_u64().unwrap_or(1));
        ensure!(open == [0, 0, 0], "{queue}");
        Ok(queue)
    })
    .await?;
    ensure!(queue["completed"] == queue["enqueued"], "not one completion for each job: {queue}");
    ensure!(queue["discarded"] == 0 && queue["cancelled"] == 0 && queue["dead"] == 0, "{queue}");
    let entered = queue["enqueued"].as_u64().unwrap_or(0);
    ensure!(entered >= acknowledged.len() as u64, "{entered} jobs, and {} were acknowledged", acknowledged.len());
    let http = leading(&cluster).await?;
    for (id, number) in &acknowledged {
        let job = http.get(&format!("/v1/jobs/{}", id.0)).await?;
        let expected = if *number == 0 { String::new() } else { number.to_string() };
        ensure!(job["state"] == "completed" && job["result"] == expected.as_str(), "job {id}, number {number}: {job}");
    }
    let running = all_run(&cluster, WORKERS, 0, AT_LAST).await?;
    ensure!(running.keys().cloned().collect::<Vec<_>>().len() == names(WORKERS).len(), "{running:?}");
    story.tell(format_args!("{entered} jobs, {} of them acknowledged: each is done once", acknowledged.len()));
    cluster.finish()
}
