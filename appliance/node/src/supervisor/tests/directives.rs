//! Directives on their way through the supervisor, over a state in memory with workers in this process.

use std::time::Duration;

use exchequer_state::directives::{Directive, DirectiveAction, DirectiveId, Priority, Stage as At, Target};
use exchequer_state::workers::{Desired, WorkerState};
use exchequer_state::{Body, Done, NewDirective, SendDirectives};

use super::set;
use super::stage::{Stage, worker};

const SECOND: Duration = Duration::from_secs(1);

fn send(stage: &Stage, target: Target, name: &str, payload: &str, idempotent: bool) -> DirectiveId {
    let action = DirectiveAction::Custom { name: name.into(), payload: payload.as_bytes().to_vec(), idempotent };
    let directive = NewDirective {
        key: None,
        priority: Priority::Normal,
        target,
        action,
        not_before: None,
        deadline: None,
        max_attempts: 3,
        needs_approval: false,
    };
    let send = SendDirectives { directives: vec![directive], reason: "test".into() };
    match stage.ground().run(Body::SendDirectives(send)) {
        Done::DirectivesSent(sent) => sent[0].directive,
        other => panic!("{other:?}"),
    }
}

fn to(instance: u16) -> Target {
    Target::Worker(worker(instance))
}

async fn until(stage: &Stage, id: DirectiveId, at: At) -> Directive {
    stage.until(&format!("directive {id} is {at:?}"), |stage| stage.directive(id).state.stage() == at).await;
    stage.directive(id)
}

/// Goal: a directive reaches its worker, one at a time, and what comes out is recorded; a failure of one that may do harm
/// twice is its end, of another one there are three. Method: two workers, directives to one of them and to both.
#[tokio::test(start_paused = true)]
async fn what_comes_out_is_recorded() {
    let mut stage = Stage::new();
    stage.add(&[1, 2], Desired::Running);
    stage.lead().await;
    let first = send(&stage, to(1), "sleep", "2s", false);
    let second = send(&stage, to(1), "echo", "hello", false);
    until(&stage, first, At::Running).await;
    stage.pass(SECOND).await;
    assert_eq!(stage.directive(second).state.stage(), At::Queued, "the target is busy");
    let done = until(&stage, second, At::Succeeded).await;
    assert_eq!((done.result.as_slice(), done.attempt), (b"hello".as_slice(), 1));
    assert_eq!(stage.directive(first).state.stage(), At::Succeeded);

    let harmful = send(&stage, to(1), "fail", "no", false);
    let harmless = send(&stage, to(2), "fail", "no", true);
    let failed = until(&stage, harmful, At::Failed).await;
    assert_eq!((failed.attempt, failed.error.as_deref()), (1, Some("no")));
    assert_eq!(until(&stage, harmless, At::Failed).await.attempt, 3);

    let kind: Target = "selftest".parse().unwrap();
    let all = until(&stage, send(&stage, kind, "count", "7", false), At::Succeeded).await;
    assert_eq!(String::from_utf8_lossy(&all.result), "selftest/1: 7\nselftest/2: 7");
}

/// Goal: one whose worker dies with it is sent again where that does no harm, and waits for a person where it may; so is one
/// whose leadership ends. Method: a killed worker and a new leadership, with a directive of either sort in hand.
#[tokio::test(start_paused = true)]
async fn a_death_is_not_passed_over() {
    let mut stage = Stage::new();
    stage.add(&[1, 2], Desired::Running);
    stage.lead().await;
    let (harmful, harmless) = (send(&stage, to(1), "sleep", "5s", false), send(&stage, to(2), "sleep", "5s", true));
    until(&stage, harmful, At::Running).await;
    until(&stage, harmless, At::Running).await;
    stage.kill(1);
    stage.kill(2);
    assert_eq!(until(&stage, harmful, At::NeedsReview).await.attempt, 1);
    assert!(until(&stage, harmless, At::Succeeded).await.attempt >= 2);

    let (harmful, harmless) = (send(&stage, to(1), "sleep", "5s", false), send(&stage, to(2), "sleep", "5s", true));
    until(&stage, harmful, At::Running).await;
    until(&stage, harmless, At::Running).await;
    stage.lead().await;
    assert_eq!(stage.directive(harmful).state.stage(), At::NeedsReview);
    assert!(until(&stage, harmless, At::Succeeded).await.attempt >= 2);
}

/// Goal: one to a worker that is not to run waits until it is, and holds up nothing; no attempt fails meanwhile. Method: a
/// stopped worker, started after a minute.
#[tokio::test(start_paused = true)]
async fn the_stopped_are_waited_for() {
    let mut stage = Stage::new();
    stage.add(&[1], Desired::Stopped);
    stage.lead().await;
    let waits = send(&stage, to(1), "echo", "at last", false);
    stage.pass(60 * SECOND).await;
    assert_eq!((stage.directive(waits).state.stage(), stage.directive(waits).attempt), (At::Queued, 0));
    set(&stage, 1, Desired::Running);
    stage.until_state(1, WorkerState::Running).await;
    let done = until(&stage, waits, At::Succeeded).await;
    assert_eq!((done.result.as_slice(), done.failed), (b"at last".as_slice(), 0));
}
