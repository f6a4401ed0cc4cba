//! Random deaths of workers, and of leaderships, over jobs.

use std::time::Duration;

use exchequer_state::Body;
use exchequer_state::SetWorkers;
use exchequer_state::jobs::{JobId, JobState};
use exchequer_state::workers::{Desired, WorkerState};

use super::super::ground::Ground as _;
use super::super::launch::End;
use super::stage::{Stage, worker};

/// Kills in the slice that runs with every test run.
const KILLS: usize = 50;
/// Names another number of kills.
const KILLS_VARIABLE: &str = "EXCHEQUER_CHAOS_KILLS";
/// Names the seed of an earlier run.
const SEED_VARIABLE: &str = "EXCHEQUER_CHAOS_SEED";
const WORKERS: u16 = 4;

/// A sequence of numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // Xorshift: good enough to choose victims.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Goal: whatever dies and whenever, no job is lost and none has its effect twice. Method: workers and leaderships die at
/// random moments while jobs of random lengths are done; in the end every job is completed with its own result, and the queue
/// counts as many completions as there were jobs.
#[tokio::test(start_paused = true)]
#[allow(clippy::print_stdout, reason = "the seed of a run that fails")]
async fn no_job_is_lost_or_done_twice() {
    let seed = variable(SEED_VARIABLE).unwrap_or_else(|| u64::from(std::process::id()) << 20 | 0x5eed);
    let kills = variable(KILLS_VARIABLE).unwrap_or(KILLS);
    println!("seed {seed}, {kills} kills; again with {SEED_VARIABLE}={seed} {KILLS_VARIABLE}={kills}");
    let mut dice = Dice(seed | 1);
    let mut stage = Stage::new();
    stage.add(&(1..=WORKERS).collect::<Vec<_>>(), Desired::Running);
    stage.lead().await;
    let mut jobs: Vec<(JobId, u64)> = Vec::new();
    let (mut killed, mut deposed) = (0, 0);
    while killed + deposed < kills {
        for _ in 0..dice.below(4) {
            let number = jobs.len() as u64 + 1;
            jobs.push((stage.job(&format!("count {number}")), number));
        }
        if dice.below(3) == 0 {
            jobs.push((stage.job(&format!("sleep {}ms", 1 + dice.below(1_500))), 0));
        }
        stage.pass(Duration::from_millis(dice.below(700))).await;
        if dice.below(12) == 0 {
            stage.lead().await;
            deposed += 1;
        } else {
            let victim = worker(u16::try_from(1 + dice.below(u64::from(WORKERS))).unwrap());
            let ends = stage.shared.launcher.running.lock().get(&victim).cloned();
            if ends.is_some_and(|ends| ends.send(End::Forced).is_ok()) {
                killed += 1;
            }
        }
        // Whoever dies too often is given up; people want it again.
        for instance in 1..=WORKERS {
            if stage.state_of(instance) == WorkerState::Failed {
                let again =
                    SetWorkers { workers: vec![worker(instance)], desired: Desired::Running, reason: "chaos".into() };
                stage.ground().run(Body::SetWorkers(again));
            }
        }
    }
    stage.until("all jobs are over", |stage| jobs.iter().all(|(job, _)| !stage.job_is(*job).is_open())).await;
    let mut completed = 0;
    for (id, number) in &jobs {
        let job = stage.job_is(*id);
        match job.state {
            JobState::Completed => {
                completed += 1;
                let expected = if *number == 0 { String::new() } else { number.to_string() };
                assert_eq!(String::from_utf8_lossy(&job.result), expected, "job {id}");
            }
            // Its workers died on it as often as it may be tried.
            JobState::Discarded => assert_eq!(job.failed, job.max_attempts, "job {id}"),
            other => panic!("job {id} is {other:?}"),
        }
    }
    let queue = "selftest".parse().unwrap();
    let totals = stage.ground().state(|state| state.jobs().queue(&queue, state.time()).unwrap().0.totals).unwrap();
    assert_eq!(totals.completed, completed);
    println!("{} jobs, {killed} workers and {deposed} leaderships died; {completed} jobs completed", jobs.len());
}
