//! `SetScale`: how many workers of a kind there shall be on a network.

use exchequer_domain::{Network, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::workers::{Bounds, Fleet, Pressure, check_fleet};

/// Sets the bounds between which the leader scales a fleet, and brings it into them at once. The same least and most is a
/// fixed size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetScale {
    /// Of workers.
    pub kind: WorkerKind,
    /// Where; given exactly where the kind has networks.
    pub network: Option<Network>,
    /// At least so many are to run.
    pub min: u16,
    /// At most so many are started by the scaling.
    pub max: u16,
    /// The fleet's oldest job should not wait longer, in microseconds.
    pub queue_age_target_us: u64,
    /// Why.
    pub reason: String,
}

impl SetScale {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let SetScale { kind, network, min, max, queue_age_target_us, reason } = self;
        check_reason(&reason)?;
        check_fleet(kind, network)?;
        let bounds = Bounds { min, max, queue_age_target_us };
        bounds.check()?;
        let from = entry.state.workers.wanted(kind, network);
        let to = from.clamp(min, max);
        entry.check_growth(kind, network, to)?;

        let fleet = entry.state.workers.fleet(kind, network).cloned().unwrap_or(Fleet::new(kind, network));
        let before = match fleet.bounds {
            Some(Bounds { min, max, .. }) => format!("{min}..{max}"),
            None => "none".to_owned(),
        };
        entry.put_fleet(Fleet { bounds: Some(bounds), pressure: Pressure::Steady, ..fleet });
        entry.resize_fleet(kind, network, to)?;
        let target_ms = queue_age_target_us / 1_000;
        let detail = format!("bounds {before} -> {min}..{max}, target {target_ms} ms, workers {from} -> {to}");
        entry.audit(actor, AuditAction::SetScale, workers::fleet_name(kind, network), detail, reason);
        if from != to {
            entry.event(EventKind::WorkersScaled { kind, network, from, to });
        }
        Ok(Done::WorkersScaled { from, to })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::rejection::{Field, Rejection};
    use crate::tests::world::{World, add, desire, selftest};
    use crate::workers::{Desired, WORKERS_MAX};

    fn scale(min: u16, max: u16) -> Body {
        let (kind, network, queue_age_target_us) = (WorkerKind::Selftest, None, 1_000_000);
        Body::SetScale(SetScale { kind, network, min, max, queue_age_target_us, reason: "why".into() })
    }

    fn running(world: &World) -> Vec<u16> {
        let running = world.state.workers().iter().filter(|worker| worker.desired == Desired::Running);
        running.map(|worker| worker.id.instance).collect()
    }

    /// Goal: a fleet is brought into its bounds at once: missing workers are added, surplus ones stop from the highest number
    /// on, and what the scaling stopped starts again before new ones are added; what a person stopped stays.
    #[test]
    fn brings_into_bounds() {
        let mut world = World::new();
        assert_eq!(world.run(scale(3, 5)), Ok(Done::WorkersScaled { from: 0, to: 3 }));
        assert_eq!(running(&world), [1, 2, 3]);
        assert_eq!(world.run(scale(0, 1)), Ok(Done::WorkersScaled { from: 3, to: 1 }));
        assert_eq!(running(&world), [1]);
        world.run(desire(selftest(2), Desired::Stopped)).unwrap();
        assert_eq!(world.run(scale(3, 3)), Ok(Done::WorkersScaled { from: 1, to: 3 }));
        assert_eq!(running(&world), [1, 3, 4]);
        assert_eq!(world.state.workers().count(), 4);
        let audit = world.audit().last().unwrap().content.clone();
        assert_eq!(
            (audit.target.as_str(), audit.detail.as_str()),
            ("selftest", "bounds 0..1 -> 3..3, target 1000 ms, workers 1 -> 3")
        );
    }

    /// Goal: bounds that are none, and growth beyond what may exist, are refused and change nothing.
    #[test]
    fn refuses_bad_bounds() {
        let mut world = World::new();
        let size = Rejection::Invalid { field: Field::FleetSize };
        assert_eq!((world.refused(scale(2, 1)), world.refused(scale(1, 65))), (size.clone(), size));
        let Body::SetScale(command) = scale(1, 2) else { panic!("not a scale") };
        let quick = SetScale { queue_age_target_us: 9_999, ..command.clone() };
        let target = Rejection::Invalid { field: Field::QueueAgeTarget };
        assert_eq!(world.refused(Body::SetScale(quick)), target);
        let kind = WorkerKind::MarketData;
        let inside = Body::SetScale(SetScale { kind, ..command });
        assert_eq!(world.refused(inside), Rejection::WorkerKindInside { kind });
        let others = (1..=WORKERS_MAX as u16 - 2).map(|instance| exchequer_domain::WorkerId {
            kind: WorkerKind::Risk,
            network: None,
            instance,
        });
        world.run(add(&others.collect::<Vec<_>>())).unwrap();
        assert_eq!(world.refused(scale(3, 3)), Rejection::WorkersFull);
        assert!(world.run(scale(2, 3)).is_ok());
    }
}
