//! `BulkWorkers` and `UndoBulk`: the same is done to many workers, and taken back.

use exchequer_domain::Digest;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::workers::{BulkAction, BulkEffect, BulkItem, BulkRecord, Desired, Planned, Selector, Undone, plan_hash};

/// Does the same to every worker that a selector means, if that still comes to what its sender saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkWorkers {
    /// What.
    pub action: BulkAction,
    /// To which workers.
    pub selector: Selector,
    /// The [`plan_hash`] of what the sender saw.
    pub plan: Digest,
    /// Why.
    pub reason: String,
}

/// Takes back what was done to many workers: what was wanted of each before is wanted again, where nobody has decided
/// otherwise since. A restart cannot be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoBulk {
    /// The number of its record.
    pub bulk: u64,
    /// Why.
    pub reason: String,
}

impl BulkWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let BulkWorkers { action, selector, plan: seen, reason } = self;
        check_reason(&reason)?;
        let plan = entry.state.workers.plan(action, selector);
        if plan_hash(action, selector, &plan) != seen {
            return Err(Rejection::BulkChanged.into());
        }
        if plan.is_empty() {
            return Err(Rejection::BulkEmpty.into());
        }

        let id = entry.state.workers.bulks().next_back().map_or(0, |bulk| bulk.id) + 1;
        let mut items = Vec::with_capacity(plan.len());
        for planned in plan {
            items.push(entry.bulk_item(planned)?);
        }
        let changed = items.iter().filter(|item| item.effect != BulkEffect::Nothing).count();
        let detail = format!("{} {changed} of {} workers", action.as_str(), items.len());
        entry.audit(actor, AuditAction::BulkWorkers, format!("bulk {id}"), detail, reason.clone());
        entry.put_bulk(BulkRecord { id, action, selector, by: actor, reason, at: entry.now, items, undone: None });
        Ok(Done::WorkersBulk { bulk: id, changed: u32::try_from(changed).unwrap_or(u32::MAX) })
    }
}

impl UndoBulk {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let UndoBulk { bulk: id, reason } = self;
        check_reason(&reason)?;
        let mut bulk = entry.state.workers.bulk(id).cloned().ok_or(Rejection::BulkUnknown)?;
        if bulk.undone.is_some() {
            return Err(Rejection::BulkUndone.into());
        }
        if bulk.action == BulkAction::Restart {
            return Err(Rejection::BulkNotUndoable.into());
        }

        for item in &mut bulk.items {
            item.undone = Some(entry.undo_item(item)?);
        }
        bulk.undone = Some((actor, entry.now));
        let restored = bulk.items.iter().filter(|item| item.undone == Some(Undone::Restored)).count();
        let detail = format!("{restored} of {} workers restored", bulk.items.len());
        entry.audit(actor, AuditAction::UndoBulk, format!("bulk {id}"), detail, reason);
        entry.put_bulk(bulk);
        Ok(Done::WorkersBulk { bulk: id, changed: u32::try_from(restored).unwrap_or(u32::MAX) })
    }
}

impl Entry<'_> {
    fn bulk_item(&mut self, Planned { worker, effect }: Planned) -> Result<BulkItem, Rejection> {
        let before = self.state.workers.known(worker)?.desired;
        match effect {
            BulkEffect::Starts | BulkEffect::StartsAgain => {
                self.desire_worker(worker, Desired::Running)?;
            }
            BulkEffect::Stops => {
                self.desire_worker(worker, Desired::Stopped)?;
            }
            BulkEffect::Restarts => {
                self.restart_worker(worker)?;
            }
            BulkEffect::Nothing => {}
        }
        let wills = self.state.workers.known(worker)?.wills;
        Ok(BulkItem { worker, effect, before, wills, undone: None })
    }

    fn undo_item(&mut self, item: &BulkItem) -> Result<Undone, Rejection> {
        let Some(worker) = self.state.workers.get(item.worker) else { return Ok(Undone::Removed) };
        let (desired, wills) = (worker.desired, worker.wills);
        if item.effect == BulkEffect::Nothing || desired == item.before {
            return Ok(Undone::Nothing);
        }
        if wills != item.wills {
            return Ok(Undone::DecidedSince);
        }
        self.desire_worker(item.worker, item.before)?;
        Ok(Undone::Restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::tests::world::{World, add, desire, selftest};
    use crate::workers::{BULKS_KEPT, FailedBy, Step, WorkerState};

    fn bulk(world: &World, action: BulkAction, selector: Selector) -> Body {
        let plan = plan_hash(action, selector, &world.state.workers().plan(action, selector));
        Body::BulkWorkers(BulkWorkers { action, selector, plan, reason: "why".into() })
    }

    fn undo(bulk: u64) -> Body {
        Body::UndoBulk(UndoBulk { bulk, reason: "why".into() })
    }

    fn world() -> World {
        let mut world = World::new();
        world.lead();
        world.run(add(&[1, 2, 3, 4].map(selftest))).unwrap();
        world.run(desire(selftest(4), Desired::Stopped)).unwrap();
        world
    }

    fn desired(world: &World) -> Vec<Desired> {
        world.state.workers().iter().map(|worker| worker.desired).collect()
    }

    const ALL: Selector = Selector { kind: None, network: None, state: None };

    /// Goal: every worker that is meant is stopped, with its own result; taking it back restores what nobody has decided
    /// otherwise since, once.
    #[test]
    fn stops_and_takes_back() {
        let mut world = world();
        let body = bulk(&world, BulkAction::Stop, ALL);
        assert_eq!(world.run(body), Ok(Done::WorkersBulk { bulk: 1, changed: 3 }));
        assert_eq!(desired(&world), [Desired::Stopped; 4]);
        let effects: Vec<_> = world.state.workers().bulk(1).unwrap().items.iter().map(|item| item.effect).collect();
        assert_eq!(effects, [BulkEffect::Stops, BulkEffect::Stops, BulkEffect::Stops, BulkEffect::Nothing]);

        world.run(desire(selftest(2), Desired::Running)).unwrap();
        world.run(desire(selftest(2), Desired::Stopped)).unwrap();
        let gone = crate::RemoveWorkers { workers: vec![selftest(3)], reason: "why".into() };
        world.run(Body::RemoveWorkers(gone)).unwrap();
        assert_eq!(world.run(undo(1)), Ok(Done::WorkersBulk { bulk: 1, changed: 1 }));
        assert_eq!(desired(&world), [Desired::Running, Desired::Stopped, Desired::Stopped]);
        let record = world.state.workers().bulk(1).unwrap();
        let undone: Vec<_> = record.items.iter().filter_map(|item| item.undone).collect();
        assert_eq!(undone, [Undone::Restored, Undone::DecidedSince, Undone::Removed, Undone::Nothing]);
        assert_eq!(record.undone, Some((Actor::Operator, world.now)));
        assert_eq!(world.refused(undo(1)), Rejection::BulkUndone);
        assert_eq!(world.refused(undo(2)), Rejection::BulkUnknown);
    }

    /// Goal: what is run is what was seen. Method: between look and run a worker is added, removed, decided about, or has
    /// failed; or another action or selector is sent with the hash.
    #[test]
    fn a_changed_set_is_refused() {
        let mut world = world();
        let start = Selector { state: Some(WorkerState::Stopped), ..ALL };
        let seen = bulk(&world, BulkAction::Start, start);
        let Body::BulkWorkers(seen_start) = &seen else { panic!("not a bulk") };
        let others = [
            BulkWorkers { action: BulkAction::Stop, ..seen_start.clone() },
            BulkWorkers { selector: ALL, ..seen_start.clone() },
        ];
        for other in others {
            assert_eq!(world.refused(Body::BulkWorkers(other)), Rejection::BulkChanged);
        }
        let changes: [fn(&mut World); 4] = [
            |world| drop(world.run(add(&[selftest(5)]))),
            |world| drop(world.run(desire(selftest(4), Desired::Running))),
            |world| world.step(selftest(1), Step::GaveUp(FailedBy::Refused)).unwrap(),
            |world| world.start(selftest(1)),
        ];
        for change in changes {
            let mut changed = world.clone();
            change(&mut changed);
            assert_eq!(changed.refused(seen.clone()), Rejection::BulkChanged);
        }
        assert_eq!(world.run(seen), Ok(Done::WorkersBulk { bulk: 1, changed: 1 }));
        let none = Selector { state: Some(WorkerState::Draining), ..ALL };
        assert_eq!(world.refused(bulk(&world, BulkAction::Stop, none)), Rejection::BulkEmpty);
    }

    /// Goal: a restart reaches what is to run, and failed ones start again; it cannot be taken back.
    #[test]
    fn restarts_and_starts_again() {
        let mut world = world();
        world.step(selftest(1), Step::GaveUp(FailedBy::Refused)).unwrap();
        let body = bulk(&world, BulkAction::Restart, ALL);
        assert_eq!(world.run(body), Ok(Done::WorkersBulk { bulk: 1, changed: 3 }));
        assert_eq!(world.record(selftest(2)).generation, 2);
        assert_eq!(world.record(selftest(1)).observed.name(), WorkerState::Stopped);
        assert_eq!(world.refused(undo(1)), Rejection::BulkNotUndoable);
        world.step(selftest(1), Step::GaveUp(FailedBy::Refused)).unwrap();
        let failed = Selector { state: Some(WorkerState::Failed), ..ALL };
        let body = bulk(&world, BulkAction::Start, failed);
        assert_eq!(world.run(body), Ok(Done::WorkersBulk { bulk: 2, changed: 1 }));
        let item = world.state.workers().bulk(2).unwrap().items[0];
        assert_eq!((item.worker, item.effect), (selftest(1), BulkEffect::StartsAgain));
    }

    /// Goal: records are kept up to their limit, the latest ones.
    #[test]
    fn records_are_bounded() {
        let mut world = world();
        for number in 1..=BULKS_KEPT as u64 + 2 {
            let body = bulk(&world, BulkAction::Restart, ALL);
            assert_eq!(world.run(body), Ok(Done::WorkersBulk { bulk: number, changed: 3 }));
        }
        assert_eq!(world.state.workers().bulks().count(), BULKS_KEPT);
        assert_eq!(world.state.workers().bulks().next().unwrap().id, 3);
    }
}
