//! `AddWorkers`: the registry knows more workers.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, workers};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::{Desired, WORKERS_MAX, check_fleet};

/// Adds workers, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddWorkers {
    /// Which ones; each once, and none that is there.
    pub workers: Vec<WorkerId>,
    /// What is wanted of each.
    pub desired: Desired,
    /// Why.
    pub reason: String,
}

impl AddWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        workers::check_workers(&self.workers)?;
        for worker in &self.workers {
            check_fleet(worker.kind, worker.network)?;
            if worker.instance == 0 {
                return Err(Rejection::WorkerUnknown { worker: *worker }.into());
            }
            if entry.state.workers.get(*worker).is_some() {
                return Err(Rejection::WorkerExists { worker: *worker }.into());
            }
        }
        if entry.state.workers.count() + self.workers.len() > WORKERS_MAX {
            return Err(Rejection::WorkersFull.into());
        }

        let detail = format!("desired {}", self.desired.as_str());
        for worker in &self.workers {
            entry.add_worker(*worker, self.desired);
            let (target, detail, reason) = (worker.to_string(), detail.clone(), self.reason.clone());
            entry.audit(actor, AuditAction::AddWorker, target, detail, reason);
        }
        Ok(Done::WorkersChanged { changed: u32::try_from(self.workers.len()).unwrap_or(u32::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::{Network, WorkerKind};

    use super::*;
    use crate::EventKind;
    use crate::rejection::Field;
    use crate::tests::world::{World, add, selftest};
    use crate::workers::WorkerState;

    /// Goal: workers are added as asked, each with a record and an event; none where one of them cannot be.
    #[test]
    fn adds_all_or_none() {
        let mut world = World::new();
        assert_eq!(world.run(add(&[selftest(2), selftest(1)])), Ok(Done::WorkersChanged { changed: 2 }));
        let ids: Vec<WorkerId> = world.state.workers().iter().map(|worker| worker.id).collect();
        assert_eq!(ids, [selftest(1), selftest(2)]);
        let worker = world.record(selftest(1));
        assert_eq!((worker.desired, worker.observed.name()), (Desired::Running, WorkerState::Stopped));
        let (added, audits) = (world.events(), world.audit());
        assert_eq!(added[added.len() - 2..], [2, 1].map(|n| EventKind::WorkerAdded { worker: selftest(n) }));
        assert_eq!(audits.last().unwrap().content.target, "selftest/1");

        let exists = Rejection::WorkerExists { worker: selftest(2) };
        assert_eq!(world.refused(add(&[selftest(3), selftest(2)])), exists);
    }

    /// Goal: what is no worker is refused: none, one twice, number zero, a network too much or too few, a kind without
    /// processes, and more than there may be.
    #[test]
    fn refuses_what_is_no_worker() {
        let mut world = World::new();
        let count = Rejection::Invalid { field: Field::WorkerCount };
        assert_eq!(world.refused(add(&[])), count);
        assert_eq!(world.refused(add(&[selftest(1), selftest(1)])), count);
        assert_eq!(world.refused(add(&[selftest(0)])), Rejection::WorkerUnknown { worker: selftest(0) });
        let of = |kind, network| WorkerId { kind, network, instance: 1 };
        let kind = WorkerKind::Selftest;
        assert_eq!(world.refused(add(&[of(kind, Some(Network::Bsc))])), Rejection::WorkerNetwork { kind });
        let kind = WorkerKind::Deposit;
        assert_eq!(world.refused(add(&[of(kind, None)])), Rejection::WorkerNetwork { kind });
        let kind = WorkerKind::OrderMatching;
        assert_eq!(world.refused(add(&[of(kind, None)])), Rejection::WorkerKindInside { kind });
        let many: Vec<WorkerId> = (1..=512).map(selftest).collect();
        assert_eq!(world.run(add(&many)), Ok(Done::WorkersChanged { changed: 512 }));
        assert_eq!(world.refused(add(&[selftest(513)])), Rejection::WorkersFull);
    }
}
