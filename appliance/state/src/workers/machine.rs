//! The state machine of one worker: which step leads where.
//!
//! Invariant: every pair of a state and a step is decided, by a next state or by a refusal.

use exchequer_domain::Timestamp;

use super::states::{Observed, Step};

/// Where a step leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Into this state.
    To(Observed),
    /// It ended by itself: what was counted of it decides between a new start and the end.
    Crashed,
}

impl Observed {
    /// Where a step leads that happens now, under the leadership `epoch`; none where it cannot happen in this state.
    #[must_use]
    pub fn step(&self, step: &Step, now: Timestamp, epoch: u64) -> Option<Next> {
        use Observed as O;
        let since = now;
        Some(Next::To(match (self, step) {
            (O::Stopped { .. }, Step::Spawned { attempt }) => O::Starting { since, epoch, attempt: *attempt },
            (O::Starting { epoch, .. }, Step::Registered { .. }) => O::Running { since, epoch: *epoch },
            // It was told to end before it could say who it is.
            (O::Draining { .. }, Step::Registered { .. }) => self.clone(),
            (
                O::Starting { epoch, .. } | O::Running { epoch, .. } | O::Degraded { epoch, .. },
                Step::Drain { deadline },
            ) => O::Draining { since, epoch: *epoch, deadline: *deadline },
            // Who is told twice ends at the earlier moment.
            (O::Draining { since, epoch, deadline: before }, Step::Drain { deadline }) => {
                O::Draining { since: *since, epoch: *epoch, deadline: *before.min(deadline) }
            }
            (O::Starting { .. } | O::Running { .. } | O::Degraded { .. }, Step::Exited { wanted: false, .. }) => {
                return Some(Next::Crashed);
            }
            (O::Starting { .. } | O::Running { .. } | O::Degraded { .. }, Step::Exited { wanted: true, .. })
            // It was to end, and has.
            | (O::Draining { .. }, Step::Exited { .. })
            // It never had a process.
            | (O::Starting { .. } | O::Draining { .. }, Step::NotStarted) => O::Stopped { since },
            // What was given up may still have had a process.
            (O::Failed { .. }, Step::Exited { .. }) => self.clone(),
            (O::Running { epoch, .. }, Step::Degraded(why)) => {
                O::Degraded { since, epoch: *epoch, why: why.clone() }
            }
            (O::Degraded { since, epoch, .. }, Step::Degraded(why)) => {
                O::Degraded { since: *since, epoch: *epoch, why: why.clone() }
            }
            (O::Degraded { epoch, .. }, Step::Recovered) => O::Running { since, epoch: *epoch },
            (
                O::Stopped { .. }
                | O::Starting { .. }
                | O::Running { .. }
                | O::Draining { .. }
                | O::Degraded { .. },
                Step::GaveUp(why),
            ) => O::Failed { since, why: *why },
            (O::Failed { .. }, Step::Cleared) => O::Stopped { since },
            (
                O::Starting { .. }
                | O::Running { .. }
                | O::Draining { .. }
                | O::Degraded { .. }
                | O::Failed { .. },
                Step::Spawned { .. },
            )
            | (
                O::Stopped { .. } | O::Running { .. } | O::Degraded { .. } | O::Failed { .. },
                Step::Registered { .. },
            )
            | (O::Stopped { .. } | O::Failed { .. }, Step::Drain { .. })
            | (O::Stopped { .. }, Step::Exited { .. })
            | (
                O::Stopped { .. } | O::Starting { .. } | O::Draining { .. } | O::Failed { .. },
                Step::Degraded(_),
            )
            | (
                O::Stopped { .. }
                | O::Starting { .. }
                | O::Running { .. }
                | O::Draining { .. }
                | O::Failed { .. },
                Step::Recovered,
            )
            | (O::Failed { .. }, Step::GaveUp(_))
            | (
                O::Stopped { .. }
                | O::Starting { .. }
                | O::Running { .. }
                | O::Draining { .. }
                | O::Degraded { .. },
                Step::Cleared,
            )
            | (
                O::Stopped { .. } | O::Running { .. } | O::Degraded { .. } | O::Failed { .. },
                Step::NotStarted,
            ) => return None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Digest;

    use super::super::states::{DegradedBy, FailedBy, WorkerState};
    use super::*;

    const NOW: Timestamp = Timestamp(900);
    const BEFORE: Timestamp = Timestamp(500);
    const EPOCH: u64 = 7;

    fn states() -> Vec<Observed> {
        let (since, epoch) = (BEFORE, EPOCH);
        vec![
            Observed::Stopped { since },
            Observed::Starting { since, epoch, attempt: 2 },
            Observed::Running { since, epoch },
            Observed::Draining { since, epoch, deadline: Timestamp(1_000) },
            Observed::Degraded { since, epoch, why: DegradedBy::QueueOld },
            Observed::Failed { since, why: FailedBy::Protocol },
        ]
    }

    fn steps() -> Vec<(&'static str, Step)> {
        let registered =
            Step::Registered { version: "1".into(), binary: Digest([1; 32]), pid: 4, settings_revision: 3 };
        vec![
            ("spawned", Step::Spawned { attempt: 3 }),
            ("registered", registered),
            ("drain", Step::Drain { deadline: Timestamp(950) }),
            ("exited", Step::Exited { code: Some(0), wanted: true }),
            ("crashed", Step::Exited { code: None, wanted: false }),
            ("degraded", Step::Degraded(DegradedBy::SettingsOld)),
            ("recovered", Step::Recovered),
            ("gave up", Step::GaveUp(FailedBy::CrashLoop)),
            ("cleared", Step::Cleared),
            ("not started", Step::NotStarted),
        ]
    }

    /// Goal: every transition is the one of this table, with the moment, the epoch and the data that it should have.
    /// Method: every state with every step against the table; `-` is a refusal, `=` leaves the state as it is to the last
    /// field, `!` is a crash.
    #[test]
    fn every_transition() {
        let table = [
            ("stopped", "starting", "-", "-", "-", "-", "-", "-", "failed", "-", "-"),
            ("starting", "-", "running", "draining", "stopped", "!", "-", "-", "failed", "-", "stopped"),
            ("running", "-", "-", "draining", "stopped", "!", "degraded", "-", "failed", "-", "-"),
            ("draining", "-", "=", "draining", "stopped", "stopped", "-", "-", "failed", "-", "stopped"),
            ("degraded", "-", "-", "draining", "stopped", "!", "degraded", "running", "failed", "-", "-"),
            ("failed", "-", "-", "-", "=", "=", "-", "-", "-", "stopped", "-"),
        ];
        assert_eq!(table.len(), WorkerState::ALL.len());
        for (state, row) in states().iter().zip(table) {
            let (name, a, b, c, d, e, f, g, h, i, j) = row;
            assert_eq!(state.name().as_str(), name);
            for ((label, step), expected) in steps().iter().zip([a, b, c, d, e, f, g, h, i, j]) {
                let next = state.step(step, NOW, 99);
                let found = match &next {
                    None => "-",
                    Some(Next::Crashed) => "!",
                    Some(Next::To(same)) if same == state => "=",
                    Some(Next::To(other)) => other.name().as_str(),
                };
                assert_eq!(found, expected, "{name} and {label}");
                if let Some(Next::To(next)) = next {
                    let since = if next.name() == state.name() { BEFORE } else { NOW };
                    assert_eq!(next.since(), since, "{name} and {label}");
                    let epoch = match next.name() {
                        WorkerState::Starting => Some(99),
                        WorkerState::Stopped | WorkerState::Failed => None,
                        _ => Some(EPOCH),
                    };
                    assert_eq!(next.epoch(), epoch, "{name} and {label}");
                }
            }
        }
    }

    /// Goal: data of a step arrives in the state. Method: the steps that carry any, on states that take them.
    #[test]
    fn data_is_kept() {
        let step = |state: usize, step: &Step| states()[state].step(step, NOW, 99);
        let starting = Observed::Starting { since: NOW, epoch: 99, attempt: 3 };
        assert_eq!(step(0, &Step::Spawned { attempt: 3 }), Some(Next::To(starting)));
        for (deadline, expected) in [(950, 950), (1_050, 1_000)] {
            let draining = Observed::Draining { since: BEFORE, epoch: EPOCH, deadline: Timestamp(expected) };
            assert_eq!(step(3, &Step::Drain { deadline: Timestamp(deadline) }), Some(Next::To(draining)));
        }
        let degraded = Observed::Degraded { since: BEFORE, epoch: EPOCH, why: DegradedBy::HeartbeatLate };
        assert_eq!(step(4, &Step::Degraded(DegradedBy::HeartbeatLate)), Some(Next::To(degraded)));
        let failed = Observed::Failed { since: NOW, why: FailedBy::BinaryMissing };
        assert_eq!(step(0, &Step::GaveUp(FailedBy::BinaryMissing)), Some(Next::To(failed)));
    }
}
