//! Leases: of jobs, and of what is done outside.

use std::sync::atomic::Ordering;
use std::time::Duration;

use exchequer_state::jobs::JobState;
use exchequer_state::workers::{Desired, WorkerState};
use exchequer_state::{AddWorkers, Body, EmergencyResume, EmergencyStop};

use super::stage::Stage;

const SECOND: Duration = Duration::from_secs(1);

/// Goal: one job is asked for by one worker, and many are shared out, whoever else is idle. Method: twelve idle workers; the
/// commands that take jobs are counted.
#[tokio::test(start_paused = true)]
async fn no_more_workers_ask_than_there_are_jobs() {
    let mut stage = Stage::new();
    let all: Vec<u16> = (1..=12).collect();
    stage.add(&all, Desired::Running);
    stage.lead().await;
    stage.until("all run", |stage| all.iter().all(|worker| stage.state_of(*worker) == WorkerState::Running)).await;
    let asked = |stage: &Stage| {
        let mut submitted = stage.ground().submitted.lock();
        std::mem::take(&mut *submitted).iter().filter(|body| matches!(body, Body::LeaseJobs(_))).count()
    };
    asked(&stage);
    for _ in 0..20 {
        let job = stage.job("count 1");
        stage.until("it is done", |stage| stage.job_is(job).state == JobState::Completed).await;
    }
    assert_eq!(asked(&stage), 20);
    let jobs: Vec<_> = (0..40).map(|_| stage.job("sleep 1s")).collect();
    stage
        .until("all are begun", |stage| {
            jobs.iter().all(|job| matches!(stage.job_is(*job).state, JobState::Executing { .. }))
        })
        .await;
    assert_eq!(asked(&stage), 10, "four each");
}

/// Goal: after the leader's machine has stood still no worker acts outside until a majority has answered since. Method: a
/// worker that acts all the time; its machine's clock leaps, and the age of the majority's answer does not.
#[tokio::test(start_paused = true)]
async fn a_standstill_ends_leases() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.job("act 600s");
    stage.until("it acts", |stage| stage.acts() > 0).await;
    stage.pass(10 * SECOND).await;
    stage.ground().majority_age_us.store(600_000, Ordering::Relaxed);
    stage.pass(SECOND).await;
    stage.stood_us.fetch_add(10_000_000, Ordering::Relaxed);
    let before = stage.acts();
    stage.pass(Duration::from_millis(590)).await;
    assert_eq!(stage.acts(), before, "the answer was of before the standstill");
    stage.pass(2 * SECOND).await;
    assert!(stage.acts() > before, "a majority has answered since");
}

/// Goal: in an emergency nobody acts outside who moves money, within a second, nor begins anything, and all goes on after it;
/// others are not concerned. Method: a worker of withdrawals that acts all the time, then one that only counts.
#[tokio::test(start_paused = true)]
async fn an_emergency_ends_leases() {
    let mut stage = Stage::new();
    let payer = "withdrawal/tron-1".parse().unwrap();
    let workers = vec![payer];
    stage.ground().run(Body::AddWorkers(AddWorkers { workers, desired: Desired::Running, reason: "test".into() }));
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    let first = stage.job_in("withdrawal.tron", "act 600s");
    stage.until("it acts", |stage| stage.acts() > 0).await;
    assert!(matches!(stage.job_is(first).state, JobState::Executing { .. }));
    let waits = stage.job_in("withdrawal.tron", "count 1");
    stage.until("another is done", |stage| stage.job_is(waits).state == JobState::Completed).await;

    let (payment, check) = (stage.job_in("withdrawal.tron", "count 1"), stage.job("count 1"));
    stage.ground().run(Body::EmergencyStop(EmergencyStop { reason: "test".into() }));
    stage.pass(SECOND).await;
    let before = stage.acts();
    stage.pass(3 * SECOND).await;
    assert_eq!(stage.acts(), before, "its lease was renewed");
    assert_eq!(stage.job_is(check).state, JobState::Completed);
    assert_eq!(stage.job_is(payment).state, JobState::Available);
    stage.ground().run(Body::EmergencyResume(EmergencyResume { reason: "test".into() }));
    stage.pass(2 * SECOND).await;
    assert!(stage.acts() > before, "the emergency is over");
}
