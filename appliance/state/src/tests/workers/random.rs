//! Random lives of workers against rules that are written apart from the code.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{NodeId, Timestamp, WorkerId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::generate::{self, worker};
use crate::tests::world::{World, add, desire, selftest};
use crate::workers::{Desired, FailedBy, Step, WorkerState};
use crate::{EventKind, Input, Rejection};

/// What happens next.
#[derive(Debug, Clone)]
enum Act {
    Step(WorkerId, Step),
    Want(WorkerId, Desired),
    Activate,
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        12 => (worker(), generate::step()).prop_map(|(worker, step)| Act::Step(worker, step)),
        3 => (worker(), prop_oneof![4 => Just(Desired::Running), 1 => Just(Desired::Stopped)])
            .prop_map(|(worker, desired)| Act::Want(worker, desired)),
        1 => Just(Act::Activate),
        6 => prop_oneof![Just(1), Just(8), Just(60), Just(600)].prop_map(Act::Wait),
    ]
}

/// A worker as the rules of the manual have it: whole histories, and everything computed from them.
#[derive(Debug, Clone)]
struct Life {
    state: &'static str,
    wanted: bool,
    /// Crashes that count, since somebody last forgave them.
    crashes: Vec<u64>,
    started: u64,
    /// Crashes in a row, and the first moment of the next start.
    streak: u32,
    next: u64,
    /// Starts in a row that the leader's machine did not make, and whether it lacks the program.
    unstarted: u32,
    lacks: bool,
}

impl Life {
    fn forgive(&mut self, now: u64) {
        (self.crashes, self.streak, self.next, self.unstarted) = (Vec::new(), 0, now, 0);
    }

    /// Whether the step can happen; it then has.
    fn step(&mut self, step: &Step, now: u64) -> bool {
        let lives = ["starting", "running", "degraded"].contains(&self.state);
        let next = match step {
            Step::Spawned { .. } if self.state == "stopped" && self.wanted && now >= self.next => {
                self.started = now;
                "starting"
            }
            Step::Registered { .. } if ["starting", "draining"].contains(&self.state) => {
                self.unstarted = 0;
                if self.state == "starting" { "running" } else { "draining" }
            }
            Step::NotStarted if ["starting", "draining"].contains(&self.state) => {
                self.unstarted += 1;
                self.next = now + 1_000_000 * (1_u64 << (self.unstarted - 1).min(10)).min(60);
                "stopped"
            }
            Step::Drain { .. } if lives || self.state == "draining" => "draining",
            Step::Exited { wanted: false, .. } if lives && self.wanted => {
                self.crashes.push(now);
                let recent = self.crashes.iter().filter(|at| now - **at < 600_000_000).count();
                if recent >= 5 {
                    "failed"
                } else {
                    if now - self.started >= 600_000_000 {
                        self.streak = 0;
                    }
                    self.streak += 1;
                    self.next = now + 1_000_000 * (1_u64 << (self.streak - 1).min(10)).min(60);
                    "stopped"
                }
            }
            Step::Exited { .. } if lives || self.state == "draining" => "stopped",
            Step::Exited { .. } if self.state == "failed" => "failed",
            Step::Degraded(_) if ["running", "degraded"].contains(&self.state) => "degraded",
            Step::Recovered if self.state == "degraded" => "running",
            Step::GaveUp(why) if self.state != "failed" => {
                self.lacks = *why == FailedBy::BinaryMissing;
                "failed"
            }
            _ => return false,
        };
        if matches!(step, Step::Exited { .. }) {
            self.unstarted = 0;
        }
        self.state = next;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Goal: whatever happens to workers, in any order, state, back-off and end are those of the rules; every move is told,
    /// and every failure with it. Method: random steps, wishes, new leaders and waits against the rules above; the rows are
    /// read back after every entry by the world itself. A failure prints the smallest run and the seed.
    #[test]
    fn lives_follow_the_rules(acts in vec(act(), 1..120)) {
        let mut world = World::new();
        world.lead();
        let ids = [1, 2, 3].map(selftest);
        world.run(add(&ids)).unwrap();
        let start = world.now.0;
        let fresh = Life { state: "stopped", wanted: true, crashes: Vec::new(), started: 0, streak: 0, next: start, unstarted: 0, lacks: false };
        let mut lives: BTreeMap<WorkerId, Life> = ids.iter().map(|id| (*id, fresh.clone())).collect();
        let mut told = world.events().len();
        for act in acts {
            let before: BTreeMap<WorkerId, &str> = lives.iter().map(|(id, life)| (*id, life.state)).collect();
            let now = world.now.0;
            match act {
                Act::Step(id, step) => {
                    let allowed = lives.get_mut(&id).unwrap().step(&step, now);
                    prop_assert_eq!(world.step(id, step.clone()).is_ok(), allowed, "{} {:?}", id, step);
                }
                Act::Want(id, desired) => {
                    let life = lives.get_mut(&id).unwrap();
                    let wanted = desired == Desired::Running;
                    if wanted && (!life.wanted || life.state == "failed") {
                        life.forgive(now);
                    }
                    if wanted && life.state == "failed" {
                        life.state = "stopped";
                    }
                    life.wanted = wanted;
                    world.run(desire(id, desired)).unwrap();
                }
                Act::Activate => {
                    world.apply(Input::Activate { node: NodeId(1), boot: [0; 16] }).unwrap();
                    for life in lives.values_mut() {
                        let lives = !["stopped", "failed"].contains(&life.state);
                        let lacked = life.state == "failed" && life.lacks;
                        if lives || lacked || (life.state == "stopped" && life.unstarted > 0) {
                            (life.state, life.next, life.unstarted) = ("stopped", now, 0);
                        }
                    }
                }
                Act::Wait(seconds) => world.now = world.now.plus(Duration::from_secs(seconds)),
            }
            for (id, life) in &lives {
                let record = world.record(*id);
                prop_assert_eq!(record.observed.name().as_str(), life.state);
                prop_assert_eq!(record.desired == Desired::Running, life.wanted);
                prop_assert_eq!((record.streak, record.unstarted), (life.streak, life.unstarted));
                if life.state == "stopped" {
                    prop_assert_eq!(record.next_start, Timestamp(life.next));
                    prop_assert_eq!(record.wants_start(world.now), life.wanted && world.now.0 >= life.next);
                }
                prop_assert_eq!(record.observed.epoch().is_some(), !["stopped", "failed"].contains(&life.state));
            }
            let events = world.events();
            let moves: Vec<(WorkerId, &str)> = events[told..].iter().filter_map(|event| match event {
                EventKind::WorkerMoved { worker, from, to } => {
                    assert_eq!(from.as_str(), before[worker]);
                    Some((*worker, to.as_str()))
                }
                _ => None,
            }).collect();
            let expected = lives.iter().filter(|(id, life)| life.state != before[*id]);
            prop_assert_eq!(moves, expected.map(|(id, life)| (*id, life.state)).collect::<Vec<_>>());
            let failures = |events: &[EventKind]| {
                events.iter().filter(|event| matches!(event, EventKind::WorkerFailed { .. })).count()
            };
            let failed = lives.iter().filter(|(id, life)| life.state == "failed" && before[*id] != "failed").count();
            prop_assert_eq!(failures(&events[told..]), failed);
            told = events.len();
        }
        prop_assert!(world.state.workers().iter().all(|worker| worker.observed.name() != WorkerState::Stopped
            || worker.pid.is_none()));
        prop_assert_eq!(world.run(add(&[selftest(1)])), Err(Rejection::WorkerExists { worker: selftest(1) }));
    }
}
