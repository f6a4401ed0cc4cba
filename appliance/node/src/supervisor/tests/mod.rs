//! The supervisor from what is wanted to what is observed, over a state in memory with workers in this process.

mod chaos;
mod decisions;
mod directives;
mod leases;
mod losses;
mod money;
mod stage;

use std::sync::atomic::Ordering;
use std::time::Duration;

use exchequer_state::jobs::JobState;
use exchequer_state::workers::{DegradedBy, Desired, FailedBy, Observed, WorkerState};
use exchequer_state::{Body, RemoveWorkers, RestartWorkers, SetWorkers};
use exchequer_workers::protocol::{LEASE, LEASE_REST};

use super::ground::Ground as _;
use stage::{Stage, worker};

const SECOND: Duration = Duration::from_secs(1);

fn set(stage: &Stage, instance: u16, desired: Desired) {
    let workers = vec![worker(instance)];
    stage.ground().run(Body::SetWorkers(SetWorkers { workers, desired, reason: "test".into() }));
}

/// Goal: a worker that is wanted is started and does jobs; one that is not wanted any more finishes what it has in hand and
/// ends; a restart replaces its process; one that is removed is gone. Method: two workers, jobs, paused time.
#[tokio::test(start_paused = true)]
async fn follows_what_is_wanted() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.add(&[2], Desired::Stopped);
    stage.lead().await;
    let took = stage.until_state(1, WorkerState::Running).await;
    assert!(took < SECOND, "{took:?}");
    let record = stage.record(1);
    assert_eq!(
        (record.version.as_str(), record.pid, record.binary.map(|digest| digest.0)),
        ("1.0.0", Some(1_000), Some([7; 32]))
    );
    assert_eq!((stage.state_of(2), stage.starts(2)), (WorkerState::Stopped, 0));

    let jobs: Vec<_> = (1..=10).map(|count| stage.job(&format!("count {count}"))).collect();
    stage
        .until("the jobs are done", |stage| jobs.iter().all(|job| stage.job_is(*job).state == JobState::Completed))
        .await;
    let results: Vec<Vec<u8>> = jobs.iter().map(|job| stage.job_is(*job).result).collect();
    assert_eq!(results, (1..=10).map(|count: u32| count.to_string().into_bytes()).collect::<Vec<_>>());

    let long = stage.job("sleep 5s");
    stage.until("it is begun", |stage| matches!(stage.job_is(long).state, JobState::Executing { .. })).await;
    set(&stage, 1, Desired::Stopped);
    stage.until_state(1, WorkerState::Draining).await;
    let waiting = stage.job("count 1");
    let took = stage.until_state(1, WorkerState::Stopped).await;
    assert!(took > 3 * SECOND && took < 6 * SECOND, "it finishes what it has begun: {took:?}");
    assert_eq!(stage.job_is(long).state, JobState::Completed);
    assert_eq!(stage.job_is(waiting).state, JobState::Available, "and takes nothing new");
    assert_eq!(stage.record(1).ended.map(|ended| (ended.code, ended.wanted)), Some((Some(0), true)));

    set(&stage, 2, Desired::Running);
    stage.until_state(2, WorkerState::Running).await;
    let restart = RestartWorkers { workers: vec![worker(2)], reason: "test".into() };
    stage.ground().run(Body::RestartWorkers(restart));
    stage.until("another process", |stage| stage.starts(2) == 2 && stage.state_of(2) == WorkerState::Running).await;
    assert_eq!(stage.record(2).crashes, []);
    stage.ground().run(Body::RemoveWorkers(RemoveWorkers { workers: vec![worker(1)], reason: "test".into() }));
    stage.pass(SECOND).await;
    assert_eq!(stage.shared.launcher.running.lock().len(), 1);
}

/// Goal: a worker that crashes comes back after 1, 2, 4 and 8 seconds, and after the fifth crash not any more, until someone
/// wants it again; what it had in hand fails at once and is done by another. Method: jobs that end its process.
#[tokio::test(start_paused = true)]
async fn crashes_back_off_and_end() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
    for (crash, pause) in [1, 2, 4, 8].into_iter().enumerate() {
        stage.kill(1);
        stage.until("it is seen", |stage| stage.record(1).crashes.len() == crash + 1).await;
        let took = stage.until_state(1, WorkerState::Running).await;
        let pause = Duration::from_secs(pause);
        assert!(took >= pause && took < pause + SECOND, "crash {crash}: {took:?}");
    }
    stage.kill(1);
    stage.until_state(1, WorkerState::Failed).await;
    assert!(matches!(stage.record(1).observed, Observed::Failed { why: FailedBy::CrashLoop, .. }));
    let starts = stage.starts(1);
    stage.pass(120 * SECOND).await;
    assert_eq!(stage.starts(1), starts);
    set(&stage, 1, Desired::Running);
    stage.until_state(1, WorkerState::Running).await;
}

/// Goal: a job in the hands of a worker that dies is done by another at once, and one that was ended before keeps its end.
#[tokio::test(start_paused = true)]
async fn what_a_dead_worker_had_in_hand_is_done_by_another() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
    let (done, long) = (stage.job("count 3"), stage.job("sleep 10s"));
    stage
        .until("one is done and one begun", |stage| {
            stage.job_is(done).state == JobState::Completed
                && matches!(stage.job_is(long).state, JobState::Executing { .. })
        })
        .await;
    stage.add(&[2], Desired::Running);
    stage.until_state(2, WorkerState::Running).await;
    stage.kill(1);
    let again =
        |stage: &Stage| matches!(stage.job_is(long).state, JobState::Executing { worker: by, .. } if by == worker(2));
    let took = stage.until("the other has it", again).await;
    assert!(took < SECOND, "no lease had to end: {took:?}");
    assert_eq!((stage.job_is(long).failed, stage.job_is(long).attempt, stage.job_is(done).attempt), (1, 2, 1));
    stage.until("it is done", |stage| stage.job_is(long).state == JobState::Completed).await;
}

/// Goal: a worker that falls silent is degraded, then ended and started anew; one that is deaf to the request to end is ended
/// after its deadline; one that says it is unwell is degraded until it says otherwise.
#[tokio::test(start_paused = true)]
async fn the_silent_the_deaf_and_the_unwell() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
    stage.job("unwell no peers");
    stage.until_state(1, WorkerState::Degraded).await;
    assert!(
        matches!(stage.record(1).observed, Observed::Degraded { why: DegradedBy::Reported(text), .. } if text == "no peers")
    );
    stage.job("unwell");
    stage.until_state(1, WorkerState::Running).await;

    stage.job("deaf");
    stage.pass(SECOND).await;
    set(&stage, 1, Desired::Stopped);
    stage.until_state(1, WorkerState::Draining).await;
    let took = stage.until_state(1, WorkerState::Stopped).await;
    assert!(took >= 29 * SECOND && took <= 33 * SECOND, "{took:?}");
    set(&stage, 1, Desired::Running);
    stage.until_state(1, WorkerState::Running).await;

    stage.job("hang");
    stage.until_state(1, WorkerState::Degraded).await;
    assert!(matches!(stage.record(1).observed, Observed::Degraded { why: DegradedBy::HeartbeatLate, .. }));
    stage.until("it is ended", |stage| stage.record(1).crashes.len() == 1).await;
    stage.until_state(1, WorkerState::Running).await;
}

/// Goal: a program that is not there is given up with its reason, and no attempt is repeated under this leader; the next one
/// tries again, since its machine may have the program.
#[tokio::test(start_paused = true)]
async fn a_missing_program_is_given_up() {
    use exchequer_state::{RegisterBinary, UseBinary};
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    let (name, path, version) = ("next".to_owned(), "/opt/next".to_owned(), "2".to_owned());
    let hash = exchequer_domain::Digest([9; 32]);
    stage.ground().run(Body::RegisterBinary(RegisterBinary { name, version, hash, path, reason: "test".into() }));
    let kind = worker(1).kind;
    let used = UseBinary { kind, network: None, binary: Some("next".into()), reason: "test".into() };
    stage.ground().run(Body::UseBinary(used));
    stage.lead().await;
    stage.until_state(1, WorkerState::Failed).await;
    assert!(matches!(stage.record(1).observed, Observed::Failed { why: FailedBy::BinaryMissing, .. }));
    stage.pass(60 * SECOND).await;
    assert_eq!(stage.starts(1), 0);
    let told = stage.shared.logs.tail(worker(1), 1);
    assert!(told[0].text.contains("/opt/next is not there"), "{told:?}");

    // Another machine may have it.
    let used = UseBinary { kind, network: None, binary: None, reason: "test".into() };
    stage.ground().run(Body::UseBinary(used));
    stage.pass(SECOND).await;
    assert_eq!(stage.state_of(1), WorkerState::Failed);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
}

/// Goal: a machine that cannot start processes is no fault of its workers: starts are tried again, ever less often, and never
/// end in a failure; the next leader begins at once. Method: a launcher that refuses seven starts, and one that refuses all.
#[tokio::test(start_paused = true)]
async fn starts_that_are_not_made_are_no_crashes() {
    let mut stage = Stage::new();
    stage.shared.launcher.refuses.store(7, Ordering::Relaxed);
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    let took = stage.until_state(1, WorkerState::Running).await;
    assert!(took >= 123 * SECOND && took < 126 * SECOND, "1, 2, 4 and so on up to 60 s: {took:?}");
    assert_eq!((stage.record(1).crashes.len(), stage.record(1).unstarted, stage.record(1).streak), (0, 0, 0));

    stage.shared.launcher.refuses.store(u32::MAX, Ordering::Relaxed);
    stage.kill(1);
    stage.until("it waits for long", |stage| stage.record(1).unstarted >= 6).await;
    stage.shared.launcher.refuses.store(0, Ordering::Relaxed);
    stage.lead().await;
    assert!(stage.until_state(1, WorkerState::Running).await < SECOND);
}

/// Goal: leases are given only once those of the leadership before are over, and not any more when no majority answers; then
/// nothing is done outside. Method: a worker that acts all the time, and a leader whose majority falls silent.
#[tokio::test(start_paused = true)]
async fn leases_follow_the_majority() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    let began = tokio::time::Instant::now();
    stage.lead().await;
    let acts = Stage::acts;
    stage.job("act 600s");
    stage.until("it acts", |stage| acts(stage) > 0).await;
    assert!(began.elapsed() >= LEASE_REST, "{:?}", began.elapsed());
    let before = acts(&stage);
    stage.pass(10 * SECOND).await;
    assert!(acts(&stage) - before >= 900, "renewals come in time");

    stage.ground().majority_age_us.store(u64::MAX, Ordering::Relaxed);
    stage.pass(LEASE + SECOND / 10).await;
    let over = acts(&stage);
    stage.pass(10 * SECOND).await;
    assert_eq!((acts(&stage), stage.state_of(1)), (over, WorkerState::Running));
    // A majority that answered almost a second ago: the lease is as short as that.
    stage.ground().majority_age_us.store(900_000, Ordering::Relaxed);
    let before = acts(&stage);
    stage.pass(10 * SECOND).await;
    let share = acts(&stage) - before;
    assert!(share > 200 && share < 700, "{share} of 1000: a tenth of a second in each quarter");
}

/// Goal: at the end of a leadership all its workers are ended at once, and start again under the next one; what they had sent
/// before is refused by the state, counted and told, and has no effect. Method: a leader that learns of its successor late,
/// with a job that ends in between.
#[tokio::test(start_paused = true)]
async fn a_late_leader_is_fenced() {
    let mut stage = Stage::new();
    stage.add(&[1, 2], Desired::Running);
    let first = stage.lead().await;
    stage.until("both run", |stage| [1, 2].iter().all(|n| stage.state_of(*n) == WorkerState::Running)).await;
    let job = stage.job("sleep 3s");
    stage.until("it is begun", |stage| matches!(stage.job_is(job).state, JobState::Executing { .. })).await;
    let second = stage.ground().activate();
    assert!(second > first);
    assert!([1, 2].iter().all(|n| stage.state_of(*n) == WorkerState::Stopped), "their processes count as dead");
    stage.until("its worker ends the job", |stage| stage.shared.counts.read().fenced > 0).await;
    assert!(!matches!(stage.job_is(job).state, JobState::Completed), "what it sent has no effect");
    stage.deposed().await;
    stage.until("all are ended", |stage| stage.shared.launcher.running.lock().is_empty()).await;
    let counted = stage.shared.counts.read();
    assert_eq!(counted.epoch, None);
    assert!(counted.fenced_of.iter().any(|(by, count)| [worker(1), worker(2)].contains(by) && *count > 0));

    stage.take_the_lead(second);
    stage.until("both run again", |stage| [1, 2].iter().all(|n| stage.state_of(*n) == WorkerState::Running)).await;
    stage.until("the job is done", |stage| stage.job_is(job).state == JobState::Completed).await;
    assert_eq!(stage.job_is(job).failed, 0, "the end of a leadership is no failure of a job");
    assert_eq!(stage.record(1).crashes, []);
}

/// Goal: summaries reach the registry every ten seconds and not more often, with what was done and the errors; settings reach
/// workers at once.
#[tokio::test(start_paused = true)]
async fn summaries_and_settings() {
    use exchequer_state::SetSetting;
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
    for _ in 0..20 {
        stage.job("count 1");
    }
    stage.job("fail node 17 is away");
    stage.until("a summary", |stage| stage.record(1).summary.is_some()).await;
    let record = stage.record(1);
    let summary = record.summary.unwrap();
    assert!(summary.done_per_minute >= 100 && summary.success_permille < 1_000, "{summary:?}");
    assert!(record.errors.iter().any(|group| group.message == "node 17 is away"), "{:?}", record.errors);
    let first = record.reported_at;
    stage.pass(9 * SECOND).await;
    assert_eq!(stage.record(1).reported_at, first);
    stage.until("the next one", |stage| stage.record(1).reported_at != first).await;

    let set = SetSetting {
        key: "worker.jobs_at_once".into(),
        value: exchequer_state::settings::Value::Integer(1),
        if_revision: None,
        reason: "test".into(),
    };
    stage.ground().run(Body::SetSetting(set));
    let revision = stage.ground().state(|state| state.settings().revision()).unwrap();
    stage.pass(SECOND).await;
    let jobs = [stage.job("sleep 2s"), stage.job("sleep 2s")];
    stage.pass(SECOND).await;
    assert!(matches!(stage.job_is(jobs[0]).state, JobState::Executing { .. }));
    assert_eq!(stage.job_is(jobs[1]).state, JobState::Available, "one at a time");
    stage.until("the registry knows", |stage| stage.record(1).settings_revision == revision).await;
}
