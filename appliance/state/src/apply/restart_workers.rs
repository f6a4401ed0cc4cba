//! `RestartWorkers`: the processes of workers are replaced.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::Desired;

/// Replaces the processes of workers that are to run, all or none. A failed one is started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartWorkers {
    /// Which ones; each once.
    pub workers: Vec<WorkerId>,
    /// Why.
    pub reason: String,
}

impl RestartWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        workers::check_workers(&self.workers)?;
        for worker in &self.workers {
            if entry.state.workers.known(*worker)?.desired == Desired::Stopped {
                return Err(Rejection::WorkerStopped { worker: *worker }.into());
            }
        }

        for worker in &self.workers {
            let generation = entry.restart_worker(*worker)?;
            let (target, detail) = (worker.to_string(), format!("generation {generation}"));
            entry.audit(actor, AuditAction::RestartWorker, target, detail, self.reason.clone());
        }
        Ok(Done::WorkersChanged { changed: u32::try_from(self.workers.len()).unwrap_or(u32::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{World, add, desire, selftest};
    use crate::workers::{Step, WorkerState};
    use crate::{Body, EventKind};

    fn restart(workers: &[WorkerId]) -> Body {
        Body::RestartWorkers(RestartWorkers { workers: workers.to_vec(), reason: "why".into() })
    }

    /// Goal: a restart asks for the next generation, ends a wait after crashes and a failure, and is done when a process of
    /// that generation runs.
    #[test]
    fn asks_for_the_next_generation() {
        let mut world = World::new();
        world.lead();
        let id = selftest(1);
        world.run(add(&[id])).unwrap();
        world.start(id);
        assert!(!world.record(id).wants_drain());
        assert_eq!(world.run(restart(&[id])), Ok(Done::WorkersChanged { changed: 1 }));
        assert_eq!(world.events().last(), Some(&EventKind::WorkerRestarted { worker: id, generation: 2 }));
        let worker = world.record(id);
        assert_eq!((worker.generation, worker.started_generation, worker.wants_drain()), (2, 1, true));
        world.step(id, Step::Exited { code: Some(0), wanted: true }).unwrap();
        world.start(id);
        assert_eq!((world.record(id).started_generation, world.record(id).wants_drain()), (2, false));

        world.step(id, Step::Exited { code: None, wanted: false }).unwrap();
        assert!(!world.record(id).wants_start(world.now));
        world.run(restart(&[id])).unwrap();
        assert!(world.record(id).wants_start(world.now));
        world.step(id, Step::GaveUp(crate::workers::FailedBy::Refused)).unwrap();
        world.run(restart(&[id])).unwrap();
        assert_eq!(world.record(id).observed.name(), WorkerState::Stopped);
    }

    /// Goal: what is to be stopped is not restarted, nor is anything else named with it.
    #[test]
    fn stopped_ones_are_refused() {
        let mut world = World::new();
        world.run(add(&[selftest(1), selftest(2)])).unwrap();
        world.run(desire(selftest(2), Desired::Stopped)).unwrap();
        let refused = world.refused(restart(&[selftest(1), selftest(2)]));
        assert_eq!(refused, Rejection::WorkerStopped { worker: selftest(2) });
        assert_eq!(world.refused(restart(&[selftest(9)])), Rejection::WorkerUnknown { worker: selftest(9) });
    }
}
