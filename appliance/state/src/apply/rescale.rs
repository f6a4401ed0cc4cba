//! `Rescale`: a fleet gets another size within its bounds.

use exchequer_domain::{Network, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::{Bounds, Fleet, Pressure, check_fleet};

/// Brings a fleet to a size within its bounds. The leader asks for what [`crate::workers::Workers::scalings_due`] says, and is
/// refused where it is not due any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescale {
    /// Of workers.
    pub kind: WorkerKind,
    /// Where; given exactly where the kind has networks.
    pub network: Option<Network>,
    /// How many are to run.
    pub to: u16,
    /// What decided it: for the audit.
    pub why: String,
}

impl Rescale {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let Rescale { kind, network, to, why } = self;
        check_reason(&why)?;
        check_fleet(kind, network)?;
        let fleet = entry.state.workers.fleet(kind, network);
        let (fleet, Bounds { min, max, .. }) =
            fleet.and_then(|fleet| fleet.bounds.map(|bounds| (fleet.clone(), bounds))).ok_or(Rejection::ScaleUnset)?;
        if !(min..=max).contains(&to) {
            return Err(Rejection::ScaleOutOfBounds { min, max }.into());
        }
        let from = entry.state.workers.wanted(kind, network);
        let due = || fleet.due(from, entry.now).is_some_and(|scaling| scaling.to == to);
        if matches!(actor, Actor::Node(_)) && !due() {
            return Err(Rejection::ScaleNotDue.into());
        }
        entry.check_growth(kind, network, to)?;

        entry.put_fleet(Fleet { pressure: Pressure::Steady, scaled_at: Some(entry.now), ..fleet });
        entry.resize_fleet(kind, network, to)?;
        let detail = format!("workers {from} -> {to}");
        entry.audit(actor, AuditAction::Rescale, workers::fleet_name(kind, network), detail, why);
        if from != to {
            entry.event(EventKind::WorkersScaled { kind, network, from, to });
        }
        Ok(Done::WorkersScaled { from, to })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tests::world::World;
    use crate::workers::{FleetReport, GROWS_AFTER};
    use crate::{Body, EventKind, ReportWorkers, SetScale};

    const KIND: WorkerKind = WorkerKind::Selftest;

    fn rescale(to: u16, why: &str) -> Body {
        Body::Rescale(Rescale { kind: KIND, network: None, to, why: why.into() })
    }

    fn measure(world: &mut World, age_s: u64) {
        let fleet = FleetReport { kind: KIND, network: None, queue_depth: 7, queue_age_us: age_s * 1_000_000 };
        let body = Body::ReportWorkers(ReportWorkers { reports: Vec::new(), fleets: vec![fleet] });
        world.run_as_leader(body).unwrap();
    }

    /// Goal: the leader may do what is due, once, and its reason is in the audit; before and after it is refused. Method: a
    /// queue that is too old for just not long enough, then long enough.
    #[test]
    fn the_leader_does_what_is_due() {
        let mut world = World::new();
        world.lead();
        assert_eq!(world.run_as_leader(rescale(2, "why")), Err(Rejection::ScaleUnset));
        let bounds = SetScale {
            kind: KIND,
            network: None,
            min: 1,
            max: 4,
            queue_age_target_us: 4_000_000,
            reason: "why".into(),
        };
        world.run(Body::SetScale(bounds)).unwrap();
        measure(&mut world, 5);
        let almost = GROWS_AFTER - Duration::from_micros(1);
        world.now = world.now.plus(almost);
        measure(&mut world, 5);
        assert_eq!(world.state.workers().scalings_due(world.now).count(), 0);
        assert_eq!(world.run_as_leader(rescale(2, "why")), Err(Rejection::ScaleNotDue));
        world.now = world.now.plus(Duration::from_micros(1));
        let due: Vec<_> = world.state.workers().scalings_due(world.now).collect();
        let [scaling] = due.as_slice() else { panic!("{due:?}") };
        assert_eq!(scaling.to, 2);
        assert_eq!(world.run_as_leader(rescale(3, "why")), Err(Rejection::ScaleNotDue));
        let why = scaling.why.clone();
        assert_eq!(world.run_as_leader(rescale(2, &why)), Ok(Done::WorkersScaled { from: 1, to: 2 }));
        let record = world.audit().last().unwrap().content.clone();
        assert_eq!(record.reason, "7 jobs wait, the oldest for 5000 ms, with a target of 4000 ms");
        assert_eq!(record.detail, "workers 1 -> 2");
        let scaled = EventKind::WorkersScaled { kind: KIND, network: None, from: 1, to: 2 };
        assert_eq!(world.events().last(), Some(&scaled));
        assert_eq!(world.run_as_leader(rescale(3, &why)), Err(Rejection::ScaleNotDue));
    }

    /// Goal: a person needs no pressure, and keeps to the bounds.
    #[test]
    fn people_keep_to_the_bounds() {
        let mut world = World::new();
        assert_eq!(world.refused(rescale(1, "why")), Rejection::ScaleUnset);
        let (kind, network, queue_age_target_us) = (KIND, None, 4_000_000);
        let bounds = SetScale { kind, network, min: 1, max: 4, queue_age_target_us, reason: "why".into() };
        world.run(Body::SetScale(bounds)).unwrap();
        assert_eq!(world.run(rescale(4, "why")), Ok(Done::WorkersScaled { from: 1, to: 4 }));
        for outside in [0, 5] {
            assert_eq!(world.refused(rescale(outside, "why")), Rejection::ScaleOutOfBounds { min: 1, max: 4 });
        }
    }
}
