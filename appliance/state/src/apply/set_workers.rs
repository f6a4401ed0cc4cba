//! `SetWorkers`: somebody wants workers to run, or not to.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::workers::Desired;

/// Decides what is wanted of workers, all or none. Wanting a failed one to run starts it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetWorkers {
    /// Which ones; each once.
    pub workers: Vec<WorkerId>,
    /// What is wanted of each.
    pub desired: Desired,
    /// Why.
    pub reason: String,
}

impl SetWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        workers::check_workers(&self.workers)?;
        for worker in &self.workers {
            entry.state.workers.known(*worker)?;
        }

        let mut changed = 0;
        for worker in &self.workers {
            if entry.desire_worker(*worker, self.desired)? {
                let (target, reason) = (worker.to_string(), self.reason.clone());
                let detail = format!("desired {}", self.desired.as_str());
                entry.audit(actor, AuditAction::SetWorker, target, detail, reason);
                changed += 1;
            }
        }
        Ok(Done::WorkersChanged { changed })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rejection::Rejection;
    use crate::tests::world::{World, add, desire, selftest};
    use crate::workers::{FailedBy, Step, WorkerState};
    use crate::{Body, EventKind};

    /// Goal: what is wanted changes, is recorded and told once; asking again leaves no trace; unknown workers change nothing.
    #[test]
    fn decides_once() {
        let mut world = World::new();
        world.run(add(&[selftest(1), selftest(2)])).unwrap();
        let stop = desire(selftest(1), Desired::Stopped);
        assert_eq!(world.run(stop.clone()), Ok(Done::WorkersChanged { changed: 1 }));
        let worker = world.record(selftest(1));
        assert_eq!((worker.desired, worker.wills, worker.held), (Desired::Stopped, 2, true));
        let desired = EventKind::WorkerDesired { worker: selftest(1), desired: Desired::Stopped };
        assert_eq!(world.events().last(), Some(&desired));
        let audits = world.audit().len();
        assert_eq!(world.run(stop), Ok(Done::WorkersChanged { changed: 0 }));
        assert_eq!(world.audit().len(), audits);

        let workers = vec![selftest(2), selftest(3)];
        let body = Body::SetWorkers(SetWorkers { workers, desired: Desired::Stopped, reason: "why".into() });
        assert_eq!(world.refused(body), Rejection::WorkerUnknown { worker: selftest(3) });
    }

    /// Goal: a failed worker starts again when somebody wants it to, with its crashes forgotten, and stays failed when it is
    /// to stop.
    #[test]
    fn clears_failures() {
        let mut world = World::new();
        world.lead();
        world.run(add(&[selftest(1)])).unwrap();
        for _ in 0..5 {
            world.now = world.record(selftest(1)).next_start;
            world.step(selftest(1), Step::Spawned { attempt: 1 }).unwrap();
            world.step(selftest(1), Step::Exited { code: Some(1), wanted: false }).unwrap();
        }
        let failed = world.record(selftest(1));
        assert_eq!((failed.observed.name(), failed.crashes.len()), (WorkerState::Failed, 5));
        world.run(desire(selftest(1), Desired::Stopped)).unwrap();
        assert_eq!(world.record(selftest(1)).observed.name(), WorkerState::Failed);
        world.now = world.now.plus(Duration::from_secs(1));
        world.run(desire(selftest(1), Desired::Running)).unwrap();
        let cleared = world.record(selftest(1));
        assert_eq!((cleared.observed.name(), cleared.crashes.len(), cleared.streak), (WorkerState::Stopped, 0, 0));
        assert!(cleared.wants_start(world.now));
        let moved = EventKind::WorkerMoved { worker: selftest(1), from: WorkerState::Failed, to: WorkerState::Stopped };
        assert_eq!(world.events().last(), Some(&moved));

        world.step(selftest(1), Step::GaveUp(FailedBy::BinaryMissing)).unwrap();
        assert_eq!(world.run(desire(selftest(1), Desired::Running)), Ok(Done::WorkersChanged { changed: 1 }));
        assert_eq!(world.record(selftest(1)).observed.name(), WorkerState::Stopped);
    }
}
