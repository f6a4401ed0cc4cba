//! One run: a cluster, a safety phase full of faults, a liveness phase without any, and the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use exchequer_raft::{Role, Status, Timing};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use turmoil::Sim;

use crate::fault::Fault;
use crate::host::{self, LISTS, Order, Plan};
use crate::machine::{Activation, List};
use crate::nemesis::Nemesis;
use crate::operator::Settling;
use crate::report::{Report, Verdict};
use crate::world::{World, host_name};

/// A step of the simulation.
const STEP: Duration = Duration::from_millis(1);
/// Steps between looks at the invariants.
const LOOK_STEPS: u64 = 10;
/// Between the operator's rounds.
const OPERATOR_STEPS: u64 = 250;
/// The cluster must be whole by then.
const FOUNDING_MS: u64 = 30_000;
/// After the last fault the cluster must have healed by then.
const HEALING_MS: u64 = 60_000;

/// A run under way.
pub(crate) struct Run {
    pub(crate) seed: u64,
    pub(crate) sim: Sim<'static>,
    pub(crate) world: Arc<World>,
    pub(crate) rng: StdRng,
    /// Which machines run.
    pub(crate) up: Vec<bool>,
    pub(crate) base_latency_ms: u64,
    /// What is known about the membership being at rest.
    pub(crate) settling: Option<Settling>,
    pub(crate) steps: u64,
}

impl Run {
    pub(crate) fn new(seed: u64, verbose: bool) -> Run {
        let mut rng = StdRng::seed_from_u64(seed);
        let slots = rng.random_range(3..=5);
        let base_latency_ms = rng.random_range(1..=15);
        let mut builder = turmoil::Builder::new();
        builder
            .rng_seed(seed)
            .epoch(UNIX_EPOCH + Duration::from_secs(1_800_000_000))
            .simulation_duration(Duration::from_secs(3600))
            .tick_duration(STEP)
            .min_message_latency(Duration::from_micros(200))
            .max_message_latency(Duration::from_millis(base_latency_ms))
            .tcp_capacity(4096)
            .enable_random_order();
        let plan = Plan {
            timing: Timing {
                snapshot_bytes: rng.random_range(1_000..8_000),
                entries_kept: rng.random_range(0..60),
                ..Timing::default()
            },
            sync_ms: rng.random_range(0..=8),
            clients: rng.random_range(1..=3),
            pause_ms: rng.random_range(30..150),
        };
        let world = World::new(seed, slots, verbose);
        world.event(&format!("seed {seed}: {slots} machines, latency to {base_latency_ms} ms, {plan:?}"));
        let mut sim = builder.build();
        for slot in 0..slots {
            let (shared, plan) = (world.clone(), plan.clone());
            sim.host(host_name(slot), move || host::run(shared.clone(), slot, plan.clone()));
        }
        Run { seed, sim, world, rng, up: vec![true; slots], base_latency_ms, settling: None, steps: 0 }
    }

    pub(crate) fn all(&mut self) {
        // Three nodes found the cluster; the other machines wait for the operator.
        for slot in 0..3 {
            self.assign(slot);
        }
        self.order_slot(0, Order::Found);
        if !self.run_until(FOUNDING_MS, |run| run.is_whole()) {
            self.world.violate("founding", "three nodes without any fault did not become a cluster");
        }
        let safety_ms = self.rng.random_range(20_000..45_000);
        let mut nemesis = Nemesis::draw(&mut self.rng);
        self.world.event(&format!("safety phase of {safety_ms} ms with {:?}", nemesis.faults()));
        let end = self.world.now_ms() + safety_ms;
        while self.world.now_ms() < end && self.goes_on() {
            self.step();
            nemesis.act(self);
        }
        nemesis.end(self);
        self.world.event("liveness phase");
        if self.goes_on() && !self.run_until(HEALING_MS, |run| run.is_whole() && run.are_equal()) {
            let state = self.describe();
            self.world.violate("liveness", &format!("not healed {HEALING_MS} ms after the last fault: {state}"));
        }
        let before = self.world.lock().history.acknowledged;
        if self.goes_on() && !self.run_until(HEALING_MS, |run| run.world.lock().history.acknowledged > before + 5) {
            self.world.violate("liveness", "the healed cluster serves no writes");
        }
        if self.goes_on() {
            self.judge();
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.world.lock().violation.is_none()
    }

    /// Steps until `done` or until time is over; whether it was done.
    fn run_until(&mut self, patience_ms: u64, done: impl Fn(&Run) -> bool) -> bool {
        let deadline = self.world.now_ms() + patience_ms;
        while self.world.now_ms() < deadline && self.goes_on() {
            self.step();
            if self.steps.is_multiple_of(LOOK_STEPS) && done(self) {
                return true;
            }
        }
        !self.goes_on()
    }

    pub(crate) fn step(&mut self) {
        let stepped = self.sim.step();
        let now = u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.world.set_now_ms(now);
        if let Err(error) = stepped {
            self.world.violate("host", &error.to_string());
            return;
        }
        self.steps += 1;
        self.bury();
        if self.steps.is_multiple_of(LOOK_STEPS) {
            self.look();
        }
        if self.steps.is_multiple_of(OPERATOR_STEPS) {
            self.operate();
        }
    }

    /// The nodes that run, with what they say of themselves.
    pub(crate) fn statuses(&self) -> Vec<(usize, Status)> {
        let nodes: Vec<_> = {
            let state = self.world.lock();
            let all = state.slots.iter().enumerate();
            all.filter_map(|(slot, here)| here.node.clone().map(|node| (slot, node))).collect()
        };
        nodes.into_iter().map(|(slot, node)| (slot, node.status())).collect()
    }

    /// The machine whose node leads in the highest term.
    pub(crate) fn leader(&self) -> Option<(usize, Status)> {
        let leaders = self.statuses().into_iter().filter(|(_, status)| status.role == Role::Leader);
        leaders.max_by_key(|(_, status)| status.term)
    }

    fn look(&mut self) {
        let nodes: Vec<_> = {
            let state = self.world.lock();
            let all = state.slots.iter();
            all.filter_map(|here| here.node.clone().map(|node| (node, here.boots))).collect()
        };
        let now = self.world.now_ms();
        let mut broken = None;
        for (node, boot) in nodes {
            let status = node.status();
            let mut state = self.world.lock();
            let state = &mut *state;
            let line = format!(
                "{now} {} {:?} {} {} {} {} {:?}",
                status.node,
                status.role,
                status.term,
                status.last_index,
                status.committed_index,
                status.applied_index,
                status.digest.first_chunk::<4>()
            );
            state.trace.fold(&line);
            let acknowledged = state.history.acknowledged_index;
            let before = state.invariants.leaderships;
            let looked = state.invariants.look(&node, &status, boot, acknowledged);
            if state.invariants.leaderships > before {
                state.trace.event(now, &format!("node {} leads in term {}", status.node, status.term));
            }
            if let Some(here) = state.slots.iter_mut().find(|here| here.id == status.node) {
                here.committed.push((now, status.committed_index));
                if here.committed.len() > 120 {
                    here.committed.remove(0);
                }
            }
            broken = broken.or(looked.err());
        }
        if let Some((oracle, text)) = broken {
            self.world.violate(oracle, &text);
        }
    }

    /// Whether all running nodes have the same state.
    fn are_equal(&self) -> bool {
        let statuses = self.statuses();
        let mut states = statuses.iter().map(|(_, status)| (status.applied_index, status.digest));
        let first = states.next();
        first.is_some() && states.all(|state| Some(state) == first)
    }

    fn describe(&self) -> String {
        let statuses = self.statuses();
        let lines = statuses.iter().map(|(slot, s)| {
            format!(
                "{} node {} {:?} term {} leader {:?} last {} committed {} applied {} snapshot {:?} members {:?}",
                host_name(*slot),
                s.node,
                s.role,
                s.term,
                s.leader.as_ref().map(|(id, _)| *id),
                s.last_index,
                s.committed_index,
                s.applied_index,
                s.snapshot_index,
                s.members.iter().map(|(id, member)| (*id, member.voter)).collect::<Vec<_>>()
            )
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    /// Holds the history against the state that all nodes agree on.
    fn judge(&mut self) {
        let Some((slot, _)) = self.leader() else {
            self.world.violate("liveness", "there is no leader at the end");
            return;
        };
        let Some(node) = self.world.lock().slots[slot].node.clone() else { return };
        let read = node.read(|machine, rows, _| {
            let mut lists = BTreeMap::new();
            for list in 0..=LISTS {
                lists.insert(list, machine.list(list, rows)?);
            }
            Ok((lists, machine.activations().to_vec()))
        });
        let said = match &read {
            Ok((lists, activations)) => self.compare(lists, activations),
            Err(halt) => Err(halt.to_string()),
        };
        if let Err(text) = said {
            self.world.violate("history", &text);
        }
    }

    fn compare(&self, lists: &BTreeMap<u8, List>, activations: &[Activation]) -> Result<(), String> {
        self.world.lock().history.judge(lists, activations)
    }

    pub(crate) fn report(self) -> Report {
        let state = self.world.lock();
        let seen = [
            ("leaderships", state.invariants.leaderships),
            ("snapshots installed", state.invariants.installs),
            ("writes acknowledged", state.history.acknowledged),
            ("reads answered", state.history.reads_answered),
            ("answers unknown", state.history.unknowns),
            ("answers refused", state.history.refusals),
        ];
        let counts: BTreeMap<String, u64> = state
            .counts
            .iter()
            .map(|(what, count)| (*what, *count))
            .chain(seen)
            .map(|(w, c)| (w.to_owned(), c))
            .collect();
        let count = |kind: &str| counts.get(kind).copied().unwrap_or(0);
        let crashes: u64 = Fault::CRASHES.iter().map(|fault| count(fault.name())).sum();
        let verdict = match &state.violation {
            Some(text) => Verdict::Violated(text.clone()),
            None if crashes == 0 => Verdict::Invalid("nothing crashed".to_owned()),
            None if count("leaderships") < 2 => Verdict::Invalid("leadership never changed".to_owned()),
            None if count("writes acknowledged") < 20 => Verdict::Invalid("hardly anything was written".to_owned()),
            None => Verdict::Passed,
        };
        Report {
            seed: self.seed,
            verdict,
            trace: state.trace.hash(),
            tail: state.trace.tail(),
            counts,
            simulated_ms: self.world.now_ms(),
        }
    }
}
