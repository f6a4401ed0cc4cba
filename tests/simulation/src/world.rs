//! What all of a run shares: the slots (machines) with their disks and nodes, the history, the trace, the verdict.
//!
//! Everything runs on one thread; the locks are there because nodes want `Send`, and are never held over an await.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use exchequer_raft::{Address, Fatal, Node};
use exchequer_storage::sim::Platter;
use parking_lot::{Mutex, MutexGuard};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::mpsc::UnboundedSender;

use crate::history::History;
use crate::host::Order;
use crate::invariants::Invariants;
use crate::machine::SimMachine;
use crate::trace::Trace;

/// The port of the peer protocol in the simulation.
pub const PEER_PORT: u16 = 8641;

/// A machine: its name never changes, the node on it may.
pub struct Slot {
    /// The node's id; zero while no node was ever put here.
    pub id: u64,
    /// Its disk.
    pub platter: Platter,
    /// How often it was started.
    pub boots: u64,
    /// The running node.
    pub node: Option<Node<SimMachine>>,
    /// Where the operator's orders to it go.
    pub orders: Option<UnboundedSender<Order>>,
    /// Why it stopped, if it did.
    pub fatal: Option<Fatal>,
    /// Its disk was damaged on purpose: it may refuse to start, and then it is to be replaced.
    pub rotten: bool,
    /// It lost entries that it certainly acknowledged: if it starts all the same, that is a violation.
    pub must_refuse: bool,
    /// It refused to start because its log is not what it acknowledged.
    pub lost: bool,
    /// Its disk is full on purpose.
    pub full: bool,
    /// How many times longer than it should its disk takes to sync.
    pub slow: Arc<AtomicU64>,
    /// The power is cut in the first operations of its next run.
    pub cut_at_boot: Option<u64>,
    /// Its wall clock's error.
    pub skew_us: Arc<AtomicI64>,
    /// What it was known to have committed, at most a second ago: `(when in ms, index)`.
    pub committed: Vec<(u64, u64)>,
}

/// The parts that change.
pub struct State {
    /// The machines.
    pub slots: Vec<Slot>,
    /// What clients saw.
    pub history: History,
    /// What was seen of the nodes.
    pub invariants: Invariants,
    /// What happened.
    pub trace: Trace,
    /// The first violation.
    pub violation: Option<String>,
    /// Ids of nodes that were removed from the membership.
    pub removed: BTreeSet<u64>,
    /// Faults by kind, leader changes and the like.
    pub counts: BTreeMap<&'static str, u64>,
    /// Chance for everything that is decided inside hosts.
    pub dice: StdRng,
    next_id: u64,
}

/// A run's world.
pub struct World {
    state: Mutex<State>,
    now_ms: AtomicU64,
}

impl World {
    /// A world with `slots` machines.
    #[must_use]
    pub fn new(seed: u64, slots: usize, verbose: bool) -> Arc<World> {
        let mut dice = StdRng::seed_from_u64(seed ^ 0x0d15_ea5e);
        let slots = (0..slots)
            .map(|_| Slot {
                id: 0,
                platter: Platter::new(dice.random()),
                boots: 0,
                node: None,
                orders: None,
                fatal: None,
                rotten: false,
                must_refuse: false,
                lost: false,
                full: false,
                slow: Arc::new(AtomicU64::new(1)),
                cut_at_boot: None,
                skew_us: Arc::new(AtomicI64::new(dice.random_range(-200_000..200_000))),
                committed: Vec::new(),
            })
            .collect();
        let state = State {
            slots,
            history: History::default(),
            invariants: Invariants::default(),
            trace: Trace::new(verbose),
            violation: None,
            removed: BTreeSet::new(),
            counts: BTreeMap::new(),
            dice,
            next_id: 0,
        };
        Arc::new(World { state: Mutex::new(state), now_ms: AtomicU64::new(0) })
    }

    /// The parts that change; not to be held over an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Simulated time since the start.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Tells the time, once a step.
    pub fn set_now_ms(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Notes an event.
    pub fn event(&self, text: &str) {
        let now = self.now_ms();
        self.lock().trace.event(now, text);
    }

    /// Notes and counts a kind of event.
    pub fn count(&self, kind: &'static str, text: &str) {
        let now = self.now_ms();
        let mut state = self.lock();
        *state.counts.entry(kind).or_default() += 1;
        state.trace.event(now, &format!("{kind}: {text}"));
    }

    /// The run has failed; the first reason counts.
    pub fn violate(&self, oracle: &str, detail: &str) {
        let now = self.now_ms();
        let mut state = self.lock();
        state.trace.event(now, &format!("VIOLATION {oracle}: {detail}"));
        if state.violation.is_none() {
            state.violation = Some(format!("{oracle}: {detail}"));
        }
    }

    /// A number below `below`.
    pub fn roll(&self, below: u64) -> u64 {
        self.lock().dice.random_range(0..below.max(1))
    }
}

impl State {
    /// An id that no node ever had.
    pub fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// The slot on which node `id` is.
    #[must_use]
    pub fn slot_of(&self, id: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.id == id)
    }
}

/// The name of a machine on the simulated network.
#[must_use]
pub fn host_name(slot: usize) -> String {
    format!("machine-{slot}")
}

/// Where the node on a machine is reached.
#[must_use]
pub fn address(slot: usize) -> Address {
    Address { name: host_name(slot), peer: format!("{}:{PEER_PORT}", host_name(slot)) }
}
