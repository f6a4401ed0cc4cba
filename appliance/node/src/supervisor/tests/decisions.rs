//! What is decided about one worker, case by case.

use std::time::Duration;

use exchequer_domain::Timestamp;
use exchequer_state::workers::{DegradedBy, Desired, WorkerRecord, WorkerState};

use super::super::decide::{
    Act, DEAD_AFTER, HELLO_PATIENCE, LATE_AFTER, SETTINGS_PATIENCE, Seen, TERM_PATIENCE, decide,
};
use super::stage::Stage;

/// A record in a state, by way of the real registry.
async fn record_in(state: WorkerState) -> WorkerRecord {
    let mut stage = Stage::new();
    stage.add(&[1], if state == WorkerState::Stopped { Desired::Stopped } else { Desired::Running });
    if state != WorkerState::Stopped {
        stage.lead().await;
        stage.until_state(1, state).await;
    }
    stage.record(1)
}

fn seen() -> Seen {
    Seen { silence: Some(Duration::ZERO), holds: true, ..Seen::default() }
}

/// Goal: each case of a worker at work comes to what it should, the worst first. Method: a record of the registry with one
/// fact after the other.
#[tokio::test(start_paused = true)]
async fn a_worker_at_work() {
    let running = record_in(WorkerState::Running).await;
    let now = Timestamp(u64::MAX / 2);
    let on = |seen: Seen| decide(Some(&running), Some(&seen), now);
    assert_eq!(on(seen()), None);
    let silent = |span| Seen { silence: Some(span), ..seen() };
    assert_eq!(on(silent(LATE_AFTER)), Some(Act::Degrade(DegradedBy::HeartbeatLate)));
    assert!(matches!(on(silent(DEAD_AFTER)), Some(Act::Kill(_))));
    assert_eq!(on(Seen { killed: true, ..silent(DEAD_AFTER) }), None, "once is enough");
    assert_eq!(on(Seen { old_queue: true, ..seen() }), Some(Act::Degrade(DegradedBy::QueueOld)));
    assert_eq!(on(Seen { old_queue: true, holds: false, ..seen() }), None, "it may be over in a moment");
    let old = Seen { old_settings: SETTINGS_PATIENCE, old_queue: true, ..seen() };
    assert_eq!(on(old.clone()), Some(Act::Degrade(DegradedBy::SettingsOld)));
    let told = Seen { reported: Some("no peers".into()), ..old };
    assert_eq!(on(told), Some(Act::Degrade(DegradedBy::Reported("no peers".into()))));
    assert_eq!(decide(Some(&running), None, now), Some(Act::Lost), "it should have a process");
    assert!(matches!(decide(None, Some(&seen()), now), Some(Act::Kill(_))), "it was removed");
    assert_eq!(decide(None, None, now), None);

    let mut unwanted = running.clone();
    unwanted.desired = Desired::Stopped;
    assert_eq!(decide(Some(&unwanted), Some(&seen()), now), Some(Act::Drain));
    let mut restarted = running.clone();
    restarted.generation += 1;
    assert_eq!(decide(Some(&restarted), Some(&seen()), now), Some(Act::Drain));
}

/// Goal: a worker starts when it is wanted and its wait is over, has ten seconds to say who it is, and is ended by and by
/// when its deadline is over.
#[tokio::test(start_paused = true)]
async fn beginnings_and_ends() {
    use exchequer_state::workers::Observed;
    let stopped = record_in(WorkerState::Stopped).await;
    let now = stopped.next_start;
    assert_eq!(decide(Some(&stopped), None, now), None, "it is not wanted");
    assert!(matches!(decide(Some(&stopped), Some(&seen()), now), Some(Act::Kill(_))), "it should have no process");
    let wanted = WorkerRecord { desired: Desired::Running, streak: 2, ..stopped };
    assert_eq!(decide(Some(&wanted), None, now), Some(Act::Start { attempt: 3 }));
    assert_eq!(decide(Some(&wanted), None, Timestamp(now.0 - 1)), None, "its wait is not over");

    let starting = WorkerRecord {
        observed: Observed::Starting { since: now, epoch: 7, attempt: 1 },
        started_generation: wanted.generation,
        ..wanted
    };
    let fresh = Seen { age: HELLO_PATIENCE / 2, ..Seen::default() };
    assert_eq!(decide(Some(&starting), Some(&fresh), now), None);
    let mute = Seen { age: HELLO_PATIENCE, ..Seen::default() };
    assert!(matches!(decide(Some(&starting), Some(&mute), now), Some(Act::Kill(_))));

    let draining = WorkerRecord { observed: Observed::Draining { since: now, epoch: 7, deadline: now }, ..starting };
    let told = Seen { drains: true, ..seen() };
    assert_eq!(decide(Some(&draining), Some(&told), now), None, "it may still finish");
    let untold = decide(Some(&draining), Some(&seen()), now);
    assert_eq!(untold, Some(Act::TellToDrain { deadline: now }), "only the registry knows that it is to");
    let silent = Seen { silence: Some(DEAD_AFTER), ..told.clone() };
    assert!(matches!(decide(Some(&draining), Some(&silent), now), Some(Act::Kill(_))));
    let late = Seen { overdue: Some(Duration::ZERO), ..told };
    assert_eq!(decide(Some(&draining), Some(&late), now), Some(Act::Terminate));
    let asked = Seen { terminated: true, ..late };
    assert_eq!(decide(Some(&draining), Some(&asked), now), None);
    let stays = Seen { overdue: Some(TERM_PATIENCE), ..asked };
    assert!(matches!(decide(Some(&draining), Some(&stays), now), Some(Act::Kill(_))));
}
