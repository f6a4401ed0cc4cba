//! `RemoveWorkers`: the registry forgets workers.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::Desired;

/// Removes workers that are to be stopped and have no process, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveWorkers {
    /// Which ones; each once.
    pub workers: Vec<WorkerId>,
    /// Why.
    pub reason: String,
}

impl RemoveWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        workers::check_workers(&self.workers)?;
        for worker in &self.workers {
            let record = entry.state.workers.known(*worker)?;
            if record.desired == Desired::Running || record.observed.epoch().is_some() {
                return Err(Rejection::WorkerRuns { worker: *worker }.into());
            }
        }

        for worker in &self.workers {
            entry.remove_worker(*worker);
            entry.audit(actor, AuditAction::RemoveWorker, worker.to_string(), String::new(), self.reason.clone());
        }
        Ok(Done::WorkersChanged { changed: u32::try_from(self.workers.len()).unwrap_or(u32::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{World, add, desire, selftest};
    use crate::workers::Step;
    use crate::{Body, EventKind};

    fn remove(worker: WorkerId) -> Body {
        Body::RemoveWorkers(RemoveWorkers { workers: vec![worker], reason: "why".into() })
    }

    /// Goal: only a worker that is to be stopped and has no process is removed.
    #[test]
    fn removes_what_is_over() {
        let mut world = World::new();
        world.lead();
        let id = selftest(1);
        world.run(add(&[id])).unwrap();
        world.start(id);
        assert_eq!(world.refused(remove(id)), Rejection::WorkerRuns { worker: id });
        world.run(desire(id, Desired::Stopped)).unwrap();
        assert_eq!(world.refused(remove(id)), Rejection::WorkerRuns { worker: id });
        world.step(id, Step::Exited { code: Some(0), wanted: true }).unwrap();
        assert_eq!(world.run(remove(id)), Ok(Done::WorkersChanged { changed: 1 }));
        assert_eq!(world.state.workers().count(), 0);
        assert_eq!(world.events().last(), Some(&EventKind::WorkerRemoved { worker: id }));
        assert_eq!(world.refused(remove(id)), Rejection::WorkerUnknown { worker: id });
    }
}
