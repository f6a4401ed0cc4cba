//! A worker's condition over time: what comes and goes within seconds is no step, and no worker takes one more often than
//! every ten seconds, because each is an entry of the log and an event that people see.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use exchequer_state::workers::DegradedBy;
use tokio::time::Instant;

/// For so long it must be the same.
pub(super) const HELD_FOR: Duration = Duration::from_secs(5);
/// Between two steps of a worker.
pub(super) const STEP_PAUSE: Duration = Duration::from_secs(10);

/// What was found of one worker last.
#[derive(Debug, Default)]
pub(super) struct Condition {
    /// The sort alone: a text may change with every look.
    found: Option<Discriminant<DegradedBy>>,
    since: Option<Instant>,
    stepped: Option<Instant>,
}

impl Condition {
    /// Takes note of what is found now; whether it may become a step.
    pub(super) fn holds(&mut self, found: Option<&DegradedBy>, now: Instant) -> bool {
        let sort = found.map(discriminant);
        if self.found != sort {
            (self.found, self.since) = (sort, Some(now));
        }
        let patience = match found {
            // These have waited by their own measure.
            Some(DegradedBy::HeartbeatLate | DegradedBy::SettingsOld) => Duration::ZERO,
            Some(DegradedBy::QueueOld | DegradedBy::Reported(_)) | None => HELD_FOR,
        };
        let held = self.since.map_or(Duration::MAX, |since| now - since);
        held >= patience && self.stepped.is_none_or(|at| now - at >= STEP_PAUSE)
    }

    /// A step was made of it.
    pub(super) fn stepped(&mut self, now: Instant) {
        self.stepped = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: usize) -> DegradedBy {
        DegradedBy::Reported(text.to_string())
    }

    /// Goal: what flaps makes no step; what stays makes one after five seconds, and then one in ten seconds at most, whatever
    /// its text. Method: a look every 50 ms for a minute; each step that may be made is made.
    #[test]
    fn what_flaps_makes_no_step() {
        let steps = |found: &dyn Fn(usize) -> Option<DegradedBy>| {
            let (start, mut condition, mut steps) = (Instant::now(), Condition::default(), Vec::new());
            let mut present = None;
            for look in 0..1_200 {
                let now = start + Duration::from_millis(50) * u32::try_from(look).unwrap();
                let found = found(look);
                if condition.holds(found.as_ref(), now) && found != present {
                    condition.stepped(now);
                    steps.push((now - start).as_secs());
                    present = found;
                }
            }
            steps
        };
        let none = Vec::<u64>::new();
        assert_eq!(steps(&|look| (look % 2 == 0).then_some(DegradedBy::QueueOld)), none);
        assert_eq!(steps(&|look| (look / 90 % 2 == 0).then(|| said(look))), none, "four seconds and a half each");
        assert_eq!(steps(&|_| Some(DegradedBy::QueueOld)), [5]);
        assert_eq!(steps(&|_| Some(DegradedBy::HeartbeatLate)), [0]);
        assert_eq!(steps(&|look| Some(said(look))), [5, 15, 25, 35, 45, 55], "a text that changes all the time");
        let slow = steps(&|look| (look / 140 % 2 == 0).then_some(DegradedBy::QueueOld));
        assert!(slow.len() > 1 && slow.windows(2).all(|pair| pair[1] - pair[0] >= 10), "seven seconds each: {slow:?}");
    }
}
