//! One run: a cluster, a safety phase full of faults, a liveness phase without any, and the verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, UNIX_EPOCH};

use exchequer_raft::planted::{self, Bug};
use exchequer_raft::{Fatal, Role, Status, Timing};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};
use turmoil::Sim;

use crate::host::{self, LISTS, Order, Plan};
use crate::machine::{Activation, List};
use crate::nemesis::{Fault, Nemesis};
use crate::world::{World, address, host_name};

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

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Everything held, and faults were at work.
    Passed,
    /// Everything held, but what ought to have been put to the test was not: not a pass.
    Invalid(String),
    /// Something did not hold.
    Violated(String),
}

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The hash of everything that happened.
    pub trace: [u8; 32],
    /// The last events before the end.
    pub tail: String,
    /// Faults and other things worth counting.
    pub counts: BTreeMap<String, u64>,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
}

/// A run that takes longer than this, in real time, has stopped its simulated clock: something spins.
const HANG: Duration = Duration::from_secs(240);

/// Runs a seed on a thread of its own, so that a panic or a spin is a verdict and not the end.
#[must_use]
pub fn run_seed(seed: u64, bug: Option<Bug>, verbose: bool) -> Report {
    let (done, report) = std::sync::mpsc::channel();
    let worker = std::thread::Builder::new().name(format!("seed-{seed}")).stack_size(16 << 20).spawn(move || {
        // Nobody waits any more after a hang.
        let _ = done.send(run_here(seed, bug, verbose));
    });
    match worker {
        Ok(thread) => match report.recv_timeout(HANG) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout) => lost(seed, "simulated time stands still: something spins"),
            Err(RecvTimeoutError::Disconnected) => {
                let panic = thread.join().err();
                let text = panic.as_ref().and_then(|panic| {
                    panic
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).into()))
                });
                lost(seed, &format!("panic: {}", text.unwrap_or_default()))
            }
        },
        Err(error) => lost(seed, &format!("the thread could not be started: {error}")),
    }
}

fn lost(seed: u64, text: &str) -> Report {
    Report {
        seed,
        verdict: Verdict::Violated(text.to_owned()),
        trace: [0; 32],
        tail: String::new(),
        counts: BTreeMap::new(),
        simulated_ms: 0,
    }
}

fn run_here(seed: u64, bug: Option<Bug>, verbose: bool) -> Report {
    planted::plant(bug);
    exchequer_raft::seed_thread(Some(seed));
    let mut run = Run::new(seed, verbose);
    run.all();
    exchequer_raft::seed_thread(None);
    planted::plant(None);
    run.report()
}

/// The leading part of a row in postcard, behind its version byte.
fn leading<T: serde::de::DeserializeOwned>(row: &[u8]) -> Option<T> {
    postcard::take_from_bytes(row.get(1..)?).ok().map(|(value, _)| value)
}

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
    settling: Option<Settling>,
    steps: u64,
}

/// The membership on its way to being the same, and not a joint one, in the logs of all nodes.
#[derive(Debug, Clone, Copy)]
struct Settling {
    term: u64,
    /// The end of the log when the leader first said that all nodes vote.
    first: u64,
    /// The end of the log when `first` was committed: the end of a joint configuration is before it.
    second: Option<u64>,
}

impl Run {
    fn new(seed: u64, verbose: bool) -> Run {
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

    fn all(&mut self) {
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

    fn step(&mut self) {
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

    /// Crashes the machines whose disk or node has stopped, and starts the others again.
    fn bury(&mut self) {
        for slot in 0..self.up.len() {
            let (stopped, expected, lost, id) = {
                let state = self.world.lock();
                let Some(here) = state.slots.get(slot) else { continue };
                if here.boots == 0 || !self.up[slot] {
                    continue;
                }
                let off = here.platter.is_off();
                let expected = match &here.fatal {
                    None => true,
                    Some(Fatal::Disk(_) | Fatal::Halt { .. }) => off || here.full,
                    Some(Fatal::LogLost { .. }) => here.lost,
                    Some(Fatal::Diverged { .. } | Fatal::Undecodable { .. }) => false,
                };
                let halted = matches!(&here.fatal, Some(Fatal::Halt { code, .. }) if code == "SIM-0001");
                (off || here.fatal.is_some(), expected && !halted, here.lost, here.id)
            };
            if !stopped {
                continue;
            }
            if !expected {
                let fatal = self.world.lock().slots.get(slot).and_then(|here| here.fatal.clone());
                self.world.violate("fatal", &format!("node {id} stopped without a reason: {fatal:?}"));
                return;
            }
            self.crash(slot);
            if lost {
                self.world.count("refused and replaced", &format!("node {id}"));
                self.wipe(slot);
            }
            self.set_full(slot, false);
            self.start(slot);
        }
    }

    /// The power of a machine goes.
    pub(crate) fn crash(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.up[slot], false) {
            return;
        }
        self.sim.crash(host_name(slot));
        let gone = {
            let mut state = self.world.lock();
            let state = &mut *state;
            let here = &mut state.slots[slot];
            let dice = &mut state.dice;
            here.platter.crash(&mut |below| dice.random_range(0..below.max(1)));
            here.fatal = None;
            here.lost = false;
            (here.node.take(), here.orders.take())
        };
        // Outside of the lock: what a node leaves may still call back.
        drop(gone);
        self.autopsy(slot);
    }

    /// Looks at what a crash left on a disk: the state's rows must not be ahead of the log that vouches for them, and a
    /// vote that the node was seen to act on must be there.
    fn autopsy(&self, slot: usize) {
        let (state, log, purged, installed, voted, term, id) = {
            let state = self.world.lock();
            if state.slots[slot].rotten {
                return;
            }
            let platter = &state.slots[slot].platter;
            let applied = platter.state_row(0, b"applied").and_then(|row| leading::<Option<(u64, u64)>>(&row)?);
            let applied = applied.map(|(_, index)| index);
            let log = platter.last_log_key(1).and_then(|key| key.as_slice().try_into().ok()).map(u64::from_be_bytes);
            let purged = platter.log_row(0, b"purged").and_then(|row| leading::<(u64, u64)>(&row));
            let purged = purged.map(|(_, index)| index);
            // An installed snapshot takes the place of the state before the log is told.
            let names = platter.snapshot_names();
            let installed = names.iter().any(|name| name.get(..20).and_then(|index| index.parse().ok()) == applied);
            let voted = platter.log_row(0, b"vote").and_then(|row| leading::<u64>(&row)).unwrap_or(0);
            let id = state.slots[slot].id;
            (applied, log, purged, installed, voted, state.invariants.term_of(id), id)
        };
        if state > log.max(purged) && !installed {
            let text = format!("{}: the rows are those of {state:?}, the log ends at {log:?}", host_name(slot));
            self.world.violate("state behind log", &text);
        }
        if voted < term {
            let text = format!("node {id} acted in term {term}, its disk has a vote of term {voted}");
            self.world.violate("durable vote", &text);
        }
    }

    /// The machine is switched on.
    pub(crate) fn start(&mut self, slot: usize) {
        if std::mem::replace(&mut self.up[slot], true) {
            return;
        }
        self.world.lock().slots[slot].committed.clear();
        self.sim.bounce(host_name(slot));
    }

    /// Puts a new node on a machine that is down or was never used.
    pub(crate) fn assign(&mut self, slot: usize) {
        let id = {
            let mut state = self.world.lock();
            let id = state.new_id();
            state.slots[slot].id = id;
            id
        };
        self.world.event(&format!("node {id} is put on {}", host_name(slot)));
        if self.up[slot] && self.steps > 0 {
            self.crash(slot);
            self.start(slot);
        }
    }

    /// Takes everything from a crashed machine's disk; the node that comes back is another one.
    pub(crate) fn wipe(&mut self, slot: usize) {
        {
            let mut state = self.world.lock();
            let here = &mut state.slots[slot];
            here.platter.wipe();
            here.rotten = false;
            here.must_refuse = false;
        }
        self.assign(slot);
    }

    pub(crate) fn set_full(&self, slot: usize, full: bool) {
        let mut state = self.world.lock();
        let here = &mut state.slots[slot];
        here.full = full;
        here.platter.set_full(full);
    }

    pub(crate) fn order_slot(&mut self, slot: usize, order: Order) {
        // A machine that was just switched on takes orders from its next step on.
        for _ in 0..200 {
            if let Some(orders) = &self.world.lock().slots[slot].orders {
                // Gone means that it crashes: an order is lost like any other call.
                let _ = orders.send(order);
                return;
            }
            if self.steps > 200 {
                return;
            }
            self.step();
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

    /// The operator's round: brings the membership in line with the machines.
    fn operate(&mut self) {
        let Some((slot, status)) = self.leader() else {
            self.settling = None;
            return;
        };
        self.settling = match self.settling.filter(|settling| settling.term == status.term && self.is_whole()) {
            None if self.is_whole() => Some(Settling { term: status.term, first: status.last_index, second: None }),
            Some(Settling { term, first, second: None }) if status.committed_index >= first => {
                Some(Settling { term, first, second: Some(status.last_index) })
            }
            other => other,
        };
        let (wanted, removed) = {
            let mut state = self.world.lock();
            let wanted: BTreeMap<u64, usize> =
                state.slots.iter().enumerate().filter(|(_, s)| s.id > 0).map(|(slot, s)| (s.id, slot)).collect();
            let removed: Vec<u64> = (1..=wanted.keys().last().copied().unwrap_or(0))
                .filter(|id| !wanted.contains_key(id) && !status.members.contains_key(id))
                .collect();
            state.removed.extend(&removed);
            (wanted, removed)
        };
        drop(removed);
        let missing = wanted.iter().find(|(id, _)| !status.members.contains_key(id));
        let ready = status.members.iter().find(|(id, member)| {
            let near = member.matched_index.is_some_and(|matched| matched + 20 >= status.last_index);
            !member.voter && near && wanted.contains_key(id)
        });
        let dead = status.members.keys().find(|id| !wanted.contains_key(id));
        let order = match (missing, ready, dead) {
            (Some((id, slot)), _, _) => Order::AddLearner(*id, address(*slot)),
            (None, Some((id, _)), _) => Order::Promote(*id),
            (None, None, Some(id)) => Order::Remove(*id),
            (None, None, None) => return,
        };
        self.order_slot(slot, order);
    }

    /// Whether every machine's node runs and votes, and nobody else is a member.
    pub(crate) fn is_whole(&self) -> bool {
        let Some((_, status)) = self.leader() else { return false };
        let state = self.world.lock();
        let ids: Vec<u64> = state.slots.iter().map(|here| here.id).filter(|id| *id > 0).collect();
        let running = state.slots.iter().all(|here| here.id == 0 || here.node.is_some());
        running
            && status.members.len() == ids.len()
            && ids.iter().all(|id| status.members.get(id).is_some_and(|member| member.voter))
    }

    /// Whether all nodes run, vote, and have applied the entry that says so: then losing one disk loses nothing.
    pub(crate) fn is_settled(&self) -> bool {
        let second = self.settling.and_then(|settling| settling.second);
        self.is_whole()
            && second.is_some_and(|second| self.statuses().iter().all(|(_, status)| status.applied_index >= second))
    }

    /// The membership is about to change.
    pub(crate) fn unsettle(&mut self) {
        self.settling = None;
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

    fn report(self) -> Report {
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

    /// Makes a machine's disk slower by a factor.
    pub(crate) fn slow(&self, slot: usize, factor: u64) {
        self.world.lock().slots[slot].slow.store(factor, Ordering::Relaxed);
    }

    /// Sets a machine's clock off by so much.
    pub(crate) fn skew(&self, slot: usize, skew_us: i64) {
        self.world.lock().slots[slot].skew_us.store(skew_us, Ordering::Relaxed);
    }
}
