//! What gets lost between the supervisor and the log, and what follows from it.

use std::time::Duration;

use exchequer_domain::Code;
use exchequer_state::Body;
use exchequer_state::jobs::JobState;
use exchequer_state::workers::{Desired, Step, WorkerState};

use super::set;
use super::stage::{Loss, Stage};

const SECOND: Duration = Duration::from_secs(1);

fn finishes(body: &Body) -> bool {
    matches!(body, Body::FinishJobs(_))
}

fn drains(body: &Body) -> bool {
    matches!(body, Body::StepWorkers(steps) if steps.steps.iter().any(|(_, step)| matches!(step, Step::Drain { .. })))
}

fn is_over(stage: &Stage) -> bool {
    stage.ground().loss.lock().is_none_or(|loss| loss.times == 0)
}

/// Goal: where the log takes nothing for longer than a job's lease, or loses the answers, the end of a job is asked about until
/// it is known; the job is given to nobody else meanwhile and its end is recorded once, also where its worker has died since.
/// Method: ends that are turned away thirty times over, or carried out and not answered.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_job_is_asked_about_until_it_is_known() {
    for (code, dies) in
        [(Code::Overloaded, false), (Code::OutcomeUnknown, false), (Code::Internal, false), (Code::Overloaded, true)]
    {
        let mut stage = Stage::new();
        stage.add(&[1], Desired::Running);
        stage.lead().await;
        stage.until_state(1, WorkerState::Running).await;
        *stage.ground().loss.lock() = Some(Loss { meets: finishes, code, times: 30 });
        let job = stage.job("count 5");
        stage.until("it was tried", |stage| stage.ground().loss.lock().is_some_and(|loss| loss.times < 29)).await;
        stage.add(&[2], Desired::Running);
        if dies {
            stage.kill(1);
        }
        let took = stage.until("it gets through", is_over).await;
        assert!(took > 35 * SECOND, "longer than a lease: {took:?}");
        stage.until("it is done", |stage| stage.job_is(job).state == JobState::Completed).await;
        let done = stage.job_is(job);
        assert_eq!((done.attempt, done.failed, done.result.as_slice()), (1, 0, b"5".as_slice()), "{code}");
        // Whoever held it goes on.
        let next = stage.job("count 6");
        stage.until("the next is done", |stage| stage.job_is(next).state == JobState::Completed).await;
        stage.until_state(1, WorkerState::Running).await;
    }
}

/// Goal: a worker that the registry has draining is told so also where the answer to that step was lost, and is given nothing
/// more. Method: the step is carried out, its answers are lost.
#[tokio::test(start_paused = true)]
async fn a_drain_whose_answer_is_lost_is_a_drain() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Running);
    stage.lead().await;
    stage.until_state(1, WorkerState::Running).await;
    *stage.ground().loss.lock() = Some(Loss { meets: drains, code: Code::OutcomeUnknown, times: 3 });
    set(&stage, 1, Desired::Stopped);
    stage.until_state(1, WorkerState::Draining).await;
    let job = stage.job("count 5");
    let took = stage.until_state(1, WorkerState::Stopped).await;
    assert!(is_over(&stage) && took < 5 * SECOND, "{took:?}");
    assert_eq!(stage.job_is(job).state, JobState::Available);
    assert_eq!(stage.record(1).ended.map(|ended| (ended.code, ended.wanted)), Some((Some(0), true)));
}
