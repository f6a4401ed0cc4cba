//! `StepWorkers`: the leader's supervisor tells what happened to workers.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::{Done, Stepped};
use crate::rejection::{Field, Rejection};
use crate::settings::{Scope, schema};
use crate::workers::{Step, WORKERS_AT_ONCE_MAX};

/// Takes steps in their order, each by itself: one that cannot happen is refused and the others go on. Only the leader may
/// send it, with its epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepWorkers {
    /// Worker and step; a worker may have several.
    pub steps: Vec<(WorkerId, Step)>,
}

impl StepWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        if !(1..=WORKERS_AT_ONCE_MAX).contains(&self.steps.len()) {
            return Err(Rejection::Invalid { field: Field::WorkerCount }.into());
        }
        let steps = self.steps.into_iter().map(|(worker, step)| match entry.step_worker(worker, &step) {
            Ok(()) => Stepped::Taken,
            Err(why) => Stepped::Refused(Box::new(why)),
        });
        Ok(Done::WorkersStepped(steps.collect()))
    }
}

impl Entry<'_> {
    fn step_worker(&mut self, worker: WorkerId, step: &Step) -> Result<(), Rejection> {
        let record = self.state.workers.known(worker)?;
        // That is for people to say.
        if matches!(step, Step::Cleared) {
            let (state, step) = (record.observed.name(), step.name());
            return Err(Rejection::WorkerStep { worker, state, step });
        }
        let epoch = self.state.epoch.map_or(0, |epoch| epoch.index);
        let setting = &schema::WORKER_RESTART_BACKOFF_MAX;
        let backoff_max = self.state.settings.get_for(setting, &Scope::worker(worker));
        let after = record.after(step, self.now, epoch, backoff_max)?;
        self.move_worker(after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchequer_domain::{Digest, NodeId, Timestamp};

    use super::*;
    use crate::command::{Actor, Command};
    use crate::event::{EventKind, Severity};
    use crate::settings::Value;
    use crate::tests::world::{World, add, desire, registered, selftest};
    use crate::workers::{Desired, FailedBy, Observed, StepName, WorkerState};
    use crate::{Body, Input, SetSetting};

    const CRASH: Step = Step::Exited { code: Some(101), wanted: false };

    fn world() -> World {
        let mut world = World::new();
        world.lead();
        world.run(add(&[selftest(1), selftest(2)])).unwrap();
        world
    }

    /// Starts a worker at the first moment at which it may be, and lets it crash after a while; how long that moment was away.
    fn crash(world: &mut World, runs: Duration) -> Duration {
        let id = selftest(1);
        let next = world.record(id).next_start;
        let waits = next.since(world.now);
        if !waits.is_zero() {
            world.now = Timestamp(next.0 - 1);
            let early = Rejection::WorkerBackOff { worker: id, until: next };
            assert_eq!(world.step(id, Step::Spawned { attempt: 1 }), Err(early));
        }
        world.now = next.max(world.now);
        world.start(id);
        world.now = world.now.plus(runs);
        world.step(id, CRASH).unwrap();
        waits
    }

    /// Goal: a worker's life is kept: program, process, settings and end; every move is told once; a refused step changes
    /// nothing and keeps the others from nothing.
    #[test]
    fn a_life_is_kept() {
        let mut world = world();
        let id = selftest(1);
        let steps = vec![
            (id, Step::Spawned { attempt: 1 }),
            (id, Step::Recovered),
            (selftest(9), Step::Spawned { attempt: 1 }),
            (id, registered(41)),
            (id, Step::Cleared),
        ];
        let outcome = world.run_as_leader(Body::StepWorkers(StepWorkers { steps })).unwrap();
        let refused = |why| Stepped::Refused(Box::new(why));
        let expected = vec![
            Stepped::Taken,
            refused(Rejection::WorkerStep { worker: id, state: WorkerState::Starting, step: StepName::Recovered }),
            refused(Rejection::WorkerUnknown { worker: selftest(9) }),
            Stepped::Taken,
            refused(Rejection::WorkerStep { worker: id, state: WorkerState::Running, step: StepName::Cleared }),
        ];
        assert_eq!(outcome, Done::WorkersStepped(expected));
        let worker = world.record(id);
        assert_eq!((worker.version.as_str(), worker.binary, worker.pid), ("0.1.0", Some(Digest([3; 32])), Some(41)));
        assert_eq!((worker.settings_revision, worker.started_at), (2, Some(world.now)));
        let moves = [
            EventKind::WorkerMoved { worker: id, from: WorkerState::Stopped, to: WorkerState::Starting },
            EventKind::WorkerMoved { worker: id, from: WorkerState::Starting, to: WorkerState::Running },
        ];
        let events = world.events();
        assert_eq!(events[events.len() - 2..], moves);
        world.step(id, Step::Exited { code: None, wanted: true }).unwrap();
        let worker = world.record(id);
        assert_eq!((worker.pid, worker.ended.map(|ended| (ended.code, ended.wanted))), (None, Some((None, true))));
        assert!(worker.wants_start(world.now), "an end that was wanted is no crash");
    }

    /// Goal: waits double from one second, and the fifth crash within ten minutes ends it with an urgent event; nothing
    /// starts it again. Method: five crashes at once, with a start a microsecond too early before each.
    #[test]
    fn crash_loops_end() {
        let mut world = world();
        let waits: Vec<u64> = (0..5).map(|_| crash(&mut world, Duration::ZERO).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8]);
        let failed = Observed::Failed { since: world.now, why: FailedBy::CrashLoop };
        assert_eq!(world.record(selftest(1)).observed, failed);
        let alarm = EventKind::WorkerFailed { worker: selftest(1), why: FailedBy::CrashLoop, severity: Severity::P1 };
        assert_eq!(world.events().last(), Some(&alarm));
        world.now = world.now.plus(Duration::from_secs(86_400));
        let why = Rejection::WorkerStep { worker: selftest(1), state: WorkerState::Failed, step: StepName::Spawned };
        assert_eq!(world.step(selftest(1), Step::Spawned { attempt: 1 }), Err(why));
    }

    /// Goal: crashes far enough apart never end it: waits grow to the bound of the worker, a minute where none is set, and
    /// begin anew after ten minutes of work.
    #[test]
    fn rare_crashes_go_on() {
        let mut world = world();
        let run = Duration::from_secs(200);
        let waits: Vec<u64> = (0..9).map(|_| crash(&mut world, run).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        crash(&mut world, Duration::from_secs(600));
        assert_eq!(crash(&mut world, run).as_secs(), 1);
        assert!(world.record(selftest(1)).next_start.since(world.now) < Duration::from_secs(60));
        for bound in [3, 4] {
            let key = format!("worker.restart_backoff_max@worker:{}", selftest(1));
            let value = Value::DurationUs(bound * 1_000_000);
            world.run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() })).unwrap();
            for _ in 0..3 {
                crash(&mut world, run);
            }
            assert_eq!(crash(&mut world, run).as_secs(), bound);
        }
    }

    /// Goal: what crashes while it is to stop just stops, and what is to stop is not started.
    #[test]
    fn unwanted_workers_stay_down() {
        let mut world = world();
        world.start(selftest(1));
        world.run(desire(selftest(1), Desired::Stopped)).unwrap();
        assert!(world.record(selftest(1)).wants_drain());
        world.step(selftest(1), CRASH).unwrap();
        let worker = world.record(selftest(1));
        assert_eq!((worker.observed.name(), worker.crashes.len()), (WorkerState::Stopped, 0));
        let unwanted = Rejection::WorkerNotWanted { worker: selftest(1) };
        assert_eq!(world.step(selftest(1), Step::Spawned { attempt: 1 }), Err(unwanted));
    }

    /// Goal: a new leadership finds every worker without a process, wants what was wanted, and no back-off is lost; the
    /// former leader's words are refused. Method: workers in each state with a process, one in a back-off, one failed.
    #[test]
    fn a_new_leadership_begins_with_none() {
        let mut world = world();
        world.run(add(&[selftest(3), selftest(4), selftest(5), selftest(6)])).unwrap();
        (1..=4).for_each(|number| world.start(selftest(number)));
        world.step(selftest(2), Step::Drain { deadline: world.now }).unwrap();
        world.step(selftest(3), Step::Degraded(crate::workers::DegradedBy::HeartbeatLate)).unwrap();
        world.step(selftest(4), CRASH).unwrap();
        world.step(selftest(5), Step::Spawned { attempt: 1 }).unwrap();
        world.step(selftest(6), Step::GaveUp(FailedBy::Protocol)).unwrap();
        let (waits, former) = (world.record(selftest(4)).next_start, world.state.epoch().unwrap().index);
        world.apply(Input::Activate { node: NodeId(1), boot: [1; 16] }).unwrap();
        let states: Vec<WorkerState> = world.state.workers().iter().map(|worker| worker.observed.name()).collect();
        assert_eq!(states, [[WorkerState::Stopped; 5].as_slice(), &[WorkerState::Failed]].concat());
        assert!(world.state.workers().iter().all(|worker| worker.desired == Desired::Running && worker.pid.is_none()));
        assert_eq!(world.record(selftest(4)).next_start, waits);
        let starts = world.state.workers().iter().filter(|worker| worker.wants_start(world.now)).count();
        assert_eq!(starts, 4);

        let body = Body::StepWorkers(StepWorkers { steps: vec![(selftest(1), registered(1))] });
        let stale = Command { actor: Actor::Node(NodeId(1)), epoch: Some(former), ..world.command(body.clone()) };
        let current = world.state.epoch().unwrap().index;
        assert_eq!(world.send(&stale), Err(Rejection::StaleEpoch { current }));
        for (actor, epoch) in [(Actor::Node(NodeId(1)), None), (Actor::Operator, Some(current))] {
            let command = Command { actor, epoch, ..world.command(body.clone()) };
            assert_eq!(world.send(&command), Err(Rejection::EpochMissing));
        }
    }

    /// Goal: a worker is heard with the present epoch only, and asks for nothing that is not a worker's.
    #[test]
    fn workers_are_fenced() {
        let mut world = world();
        let former = world.state.epoch().unwrap().index;
        world.lead();
        let current = world.state.epoch().unwrap().index;
        let say = |world: &mut World, epoch| {
            let body = add(&[selftest(8)]);
            let command = Command { actor: Actor::Worker(selftest(1)), epoch, ..world.command(body) };
            world.send(&command).unwrap_err()
        };
        assert_eq!(say(&mut world, None), Rejection::StaleEpoch { current });
        assert_eq!(say(&mut world, Some(former)), Rejection::StaleEpoch { current });
        assert_eq!(say(&mut world, Some(current)), Rejection::WorkerMayNot);
    }
}
