//! What is to be done about one worker now: from what the registry says of it and what is known of its process.
//!
//! Pure: times come from outside. One thing at a time; what remains is decided in the next round.

use std::time::Duration;

use exchequer_domain::Timestamp;
use exchequer_state::workers::{DegradedBy, Observed, WorkerRecord};
use exchequer_workers::protocol::HEARTBEAT;

/// A process that has not said who it is after so long is ended.
pub(super) const HELLO_PATIENCE: Duration = Duration::from_secs(10);
/// A worker that was silent for so long is degraded.
pub(super) const LATE_AFTER: Duration = HEARTBEAT.saturating_mul(3);
/// One that was silent for so long is ended and started anew.
pub(super) const DEAD_AFTER: Duration = HEARTBEAT.saturating_mul(10);
/// Between the request to end that a process can hear, and the end that it cannot.
pub(super) const TERM_PATIENCE: Duration = Duration::from_secs(2);
/// A worker that goes by old settings for so long is degraded.
pub(super) const SETTINGS_PATIENCE: Duration = Duration::from_secs(10);

/// What is known of a worker's process under this leadership.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// For how long it has been there.
    pub(super) age: Duration,
    /// Since when it was not heard of; none before its hello.
    pub(super) silence: Option<Duration>,
    /// Since when the deadline of its draining is over; none where it does not drain or may go on.
    pub(super) overdue: Option<Duration>,
    /// It was told to drain.
    pub(super) drains: bool,
    /// It was asked to end by a signal.
    pub(super) terminated: bool,
    /// It was ended by force; its exit is about to be seen.
    pub(super) killed: bool,
    /// For how long it goes by settings that are not the present ones.
    pub(super) old_settings: Duration,
    /// Its queue's oldest job waits longer than `threshold.queue_age` says.
    pub(super) old_queue: bool,
    /// What it says is wrong with itself.
    pub(super) reported: Option<String>,
    /// What is wrong with it, or that nothing is, has held for long enough to be told.
    pub(super) holds: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Start a process: so many starts in a row.
    Start { attempt: u32 },
    /// Tell the registry that its process is gone, since there is none.
    Lost,
    /// Have it finish and end.
    Drain,
    /// Tell the worker what the registry says: that it has to finish, and until when.
    TellToDrain {
        /// The deadline that was recorded.
        deadline: Timestamp,
    },
    /// Ask the process to end.
    Terminate,
    /// End the process, and why.
    Kill(&'static str),
    /// Tell the registry that it is degraded.
    Degrade(DegradedBy),
    /// Tell the registry that it is well.
    Recover,
}

/// What is to be done now; none where all is as it should be. No `record`: it was removed. No `seen`: it has no process.
pub(super) fn decide(record: Option<&WorkerRecord>, seen: Option<&Seen>, now: Timestamp) -> Option<Act> {
    let Some(record) = record else {
        return seen.filter(|seen| !seen.killed).map(|_| Act::Kill("it was removed"));
    };
    let Some(seen) = seen else {
        if record.observed.epoch().is_some() {
            return Some(Act::Lost);
        }
        return record.wants_start(now).then(|| Act::Start { attempt: record.streak.saturating_add(1) });
    };
    if seen.killed {
        return None;
    }
    if record.wants_drain() {
        return Some(Act::Drain);
    }
    if let Some(overdue) = seen.overdue {
        return match (seen.terminated, overdue >= TERM_PATIENCE) {
            (false, _) => Some(Act::Terminate),
            (true, true) => Some(Act::Kill("it did not end in time")),
            (true, false) => None,
        };
    }
    match (&record.observed, seen.silence) {
        (Observed::Stopped { .. } | Observed::Failed { .. }, _) => Some(Act::Kill("it should have no process")),
        (Observed::Starting { .. }, _) if seen.age >= HELLO_PATIENCE => Some(Act::Kill("it never said who it is")),
        (Observed::Starting { .. }, _) => None,
        (Observed::Running { .. } | Observed::Degraded { .. } | Observed::Draining { .. }, Some(silence))
            if silence >= DEAD_AFTER =>
        {
            Some(Act::Kill("it was silent for too long"))
        }
        // Nobody heard that the registry had taken the step.
        (Observed::Draining { deadline, .. }, _) => (!seen.drains).then_some(Act::TellToDrain { deadline: *deadline }),
        (Observed::Running { .. } | Observed::Degraded { .. }, _) if !seen.holds => None,
        (Observed::Running { .. }, _) => condition(seen).map(Act::Degrade),
        (Observed::Degraded { why, .. }, _) => match condition(seen) {
            None => Some(Act::Recover),
            Some(other) if other != *why => Some(Act::Degrade(other)),
            Some(_) => None,
        },
    }
}

/// What is wrong with it, the worst first.
pub(super) fn condition(seen: &Seen) -> Option<DegradedBy> {
    if seen.silence.is_some_and(|silence| silence >= LATE_AFTER) {
        return Some(DegradedBy::HeartbeatLate);
    }
    if let Some(text) = &seen.reported {
        return Some(DegradedBy::Reported(text.clone()));
    }
    if seen.old_settings >= SETTINGS_PATIENCE {
        return Some(DegradedBy::SettingsOld);
    }
    seen.old_queue.then_some(DegradedBy::QueueOld)
}
