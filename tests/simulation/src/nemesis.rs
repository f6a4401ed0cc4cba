//! The faults: which of them a run has, when they strike, and how they end.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::time::Duration;

use crate::fault::Fault;
use crate::host::Order;
use crate::run::Run;
use crate::world::host_name;

/// What ends a fault.
#[derive(Debug, Clone)]
enum Cure {
    Start(usize),
    StopThenStart(usize),
    Repair,
    Calm,
    Room(usize),
    Clock(usize),
    Speed(usize),
}

/// A run's share of faults.
pub(crate) struct Nemesis {
    faults: Vec<Fault>,
    pause_ms: u64,
    next_ms: u64,
    cures: Vec<(u64, Cure)>,
    /// A partition or a hold is in force; they do not mix.
    cut: bool,
    /// A machine that is to lose its power as soon as its node is in a later term than this.
    at_vote: Option<(usize, u64)>,
}

impl Nemesis {
    /// Draws which kinds of faults a run has: each run a different mixture, always with some crash.
    pub(crate) fn draw(rng: &mut StdRng) -> Nemesis {
        let mut faults: Vec<Fault> = Fault::ALL.iter().copied().filter(|_| rng.random_range(0..10) < 4).collect();
        if !faults.iter().any(|fault| Fault::CRASHES.contains(fault)) {
            faults.push(Fault::CRASHES[rng.random_range(0..Fault::CRASHES.len())]);
        }
        Nemesis {
            faults,
            pause_ms: rng.random_range(150..1500),
            next_ms: 0,
            cures: Vec::new(),
            cut: false,
            at_vote: None,
        }
    }

    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Strikes if it is time to.
    pub(crate) fn act(&mut self, run: &mut Run) {
        let now = run.world.now_ms();
        while let Some(at) = self.cures.iter().position(|(due, _)| *due <= now) {
            let (_, cure) = self.cures.remove(at);
            self.cure(run, cure);
        }
        self.cut_at_vote(run);
        if now < self.next_ms {
            return;
        }
        self.next_ms = now + run.rng.random_range(self.pause_ms / 4..self.pause_ms * 2);
        let fault = self.faults[run.rng.random_range(0..self.faults.len())];
        if let Some(text) = self.strike(run, fault) {
            run.world.count(fault.name(), &text);
        }
    }

    /// The power goes in the very step in which the node on the watched machine is seen in a later term: its vote was
    /// answered, or it asks for others', and whatever was written of that and not synced is lost as often as not.
    fn cut_at_vote(&mut self, run: &mut Run) {
        let Some((slot, term)) = self.at_vote else { return };
        let Some(now) = run.term(slot) else {
            self.at_vote = None;
            return;
        };
        if now > term {
            self.at_vote = None;
            run.crash(slot);
            self.later(run, 20..1000, Cure::Start(slot));
            run.world.count(Fault::VoteCut.name(), &format!("{} in term {now}", host_name(slot)));
        }
    }

    /// Ends everything.
    pub(crate) fn end(&mut self, run: &mut Run) {
        for (_, cure) in std::mem::take(&mut self.cures) {
            self.cure(run, cure);
        }
        self.cure(run, Cure::Repair);
        self.cure(run, Cure::Calm);
        for slot in 0..run.up.len() {
            run.set_full(slot, false);
            run.start(slot);
        }
    }

    fn later(&mut self, run: &mut Run, range: std::ops::Range<u64>, cure: Cure) {
        let due = run.world.now_ms() + run.rng.random_range(range);
        self.cures.push((due, cure));
    }

    fn cure(&mut self, run: &mut Run, cure: Cure) {
        match cure {
            Cure::Start(slot) => run.start(slot),
            Cure::StopThenStart(slot) => {
                run.crash(slot);
                run.start(slot);
            }
            Cure::Repair => {
                self.cut = false;
                self.each_pair(run, |run, a, b| {
                    run.sim.release(host_name(a), host_name(b));
                    run.sim.repair(host_name(a), host_name(b));
                });
                run.world.event("the network is repaired");
            }
            Cure::Calm => {
                let base = Duration::from_millis(run.base_latency_ms);
                self.each_pair(run, |run, a, b| {
                    run.sim.set_link_max_message_latency(host_name(a), host_name(b), base);
                    run.sim.set_link_fail_rate(host_name(a), host_name(b), 0.0);
                });
            }
            Cure::Room(slot) => {
                let node = run.world.lock().slots[slot].node.clone();
                if let Some(node) = node {
                    node.set_room(true);
                }
            }
            Cure::Clock(slot) => run.skew(slot, 0),
            Cure::Speed(slot) => run.slow(slot, 1),
        }
    }

    fn each_pair(&self, run: &mut Run, mut act: impl FnMut(&mut Run, usize, usize)) {
        for a in 0..run.up.len() {
            for b in 0..a {
                act(run, a, b);
            }
        }
    }

    /// A machine that runs a node.
    fn victim(&self, run: &mut Run) -> Option<usize> {
        let running: Vec<usize> = {
            let state = run.world.lock();
            (0..run.up.len()).filter(|slot| state.slots[*slot].node.is_some()).collect()
        };
        if running.is_empty() { None } else { Some(running[run.rng.random_range(0..running.len())]) }
    }

    fn strike(&mut self, run: &mut Run, fault: Fault) -> Option<String> {
        match fault {
            Fault::Crash => {
                let slot = self.victim(run)?;
                run.crash(slot);
                self.later(run, 20..4000, Cure::Start(slot));
                Some(host_name(slot))
            }
            Fault::CrashLeader => {
                let (slot, _) = run.leader()?;
                run.crash(slot);
                self.later(run, 20..4000, Cure::Start(slot));
                Some(host_name(slot))
            }
            Fault::CrashAll => {
                for slot in 0..run.up.len() {
                    run.crash(slot);
                    self.later(run, 20..2000, Cure::Start(slot));
                }
                Some("every machine".to_owned())
            }
            Fault::PowerCut => {
                let slot = self.victim(run)?;
                let operations = run.rng.random_range(1..60);
                run.world.lock().slots[slot].platter.cut_power_in(operations);
                Some(format!("{} in {operations} operations", host_name(slot)))
            }
            Fault::SyncFailure => {
                let slot = self.victim(run)?;
                let syncs = run.rng.random_range(1..30);
                run.world.lock().slots[slot].platter.fail_sync_in(syncs);
                Some(format!("{} in {syncs} syncs", host_name(slot)))
            }
            Fault::BootCut => {
                let slot = self.victim(run)?;
                run.crash(slot);
                let operations = run.rng.random_range(1..12);
                run.world.lock().slots[slot].cut_at_boot = Some(operations);
                self.later(run, 20..2000, Cure::Start(slot));
                Some(format!("{} in {operations} operations", host_name(slot)))
            }
            Fault::VoteCut => {
                let slot = self.victim(run)?;
                let term = run.term(slot)?;
                self.at_vote = Some((slot, term));
                // Somebody has to ask for votes; where a leader is gone already, somebody will.
                if let Some((leader, _)) = run.leader() {
                    run.order_slot(leader, Order::Transfer(None));
                }
                // It counts when it happens.
                None
            }
            Fault::SlowDisk => {
                let slot = self.victim(run)?;
                let factor = run.rng.random_range(5..60);
                run.slow(slot, factor);
                self.later(run, 500..5000, Cure::Speed(slot));
                Some(format!("{} by {factor}", host_name(slot)))
            }
            Fault::Partition | Fault::IsolateLeader | Fault::OneWay | Fault::DeafFollowers | Fault::Hold => {
                self.cut_network(run, fault)
            }
            Fault::Delay => {
                let longest = run.rng.random_range(30..600);
                self.each_pair(run, |run, a, b| {
                    if run.rng.random_range(0..2) == 0 {
                        let value = Duration::from_millis(longest);
                        run.sim.set_link_max_message_latency(host_name(a), host_name(b), value);
                    }
                });
                self.later(run, 500..5000, Cure::Calm);
                Some(format!("to {longest} ms"))
            }
            Fault::Loss => {
                let rate = f64::from(run.rng.random_range(1..30)) / 1000.0;
                self.each_pair(run, |run, a, b| run.sim.set_link_fail_rate(host_name(a), host_name(b), rate));
                self.later(run, 500..4000, Cure::Calm);
                Some(format!("rate {rate}"))
            }
            Fault::Transfer => {
                let (slot, status) = run.leader()?;
                run.order_slot(slot, Order::Transfer(None));
                Some(format!("from node {}", status.node))
            }
            Fault::Stop => {
                let slot = self.victim(run)?;
                run.order_slot(slot, Order::Stop);
                self.later(run, 200..4000, Cure::StopThenStart(slot));
                Some(host_name(slot))
            }
            Fault::Snapshot => {
                let slot = self.victim(run)?;
                run.order_slot(slot, Order::Snapshot);
                Some(host_name(slot))
            }
            Fault::NoRoom => {
                let slot = self.victim(run)?;
                let node = run.world.lock().slots[slot].node.clone()?;
                node.set_room(false);
                self.later(run, 300..3000, Cure::Room(slot));
                Some(host_name(slot))
            }
            Fault::Full => {
                let slot = self.victim(run)?;
                run.set_full(slot, true);
                Some(host_name(slot))
            }
            Fault::ClockJump => {
                let slot = self.victim(run)?;
                let skew = run.rng.random_range(-5_000_000..5_000_000);
                run.skew(slot, skew);
                self.later(run, 500..6000, Cure::Clock(slot));
                Some(format!("{} by {skew} us", host_name(slot)))
            }
            Fault::Grow | Fault::Shrink | Fault::Demote | Fault::Wipe | Fault::Rot => self.change_members(run, fault),
        }
    }

    fn cut_network(&mut self, run: &mut Run, fault: Fault) -> Option<String> {
        if self.cut {
            return None;
        }
        let count = run.up.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut run.rng);
        let (first, second) = (order[0], order[1]);
        let text = match fault {
            Fault::Partition => {
                let size = run.rng.random_range(1..count);
                let (left, right) = order.split_at(size);
                for a in left {
                    for b in right {
                        run.sim.partition(host_name(*a), host_name(*b));
                    }
                }
                format!("{left:?} from {right:?}")
            }
            Fault::IsolateLeader => {
                let (leader, _) = run.leader()?;
                for other in (0..count).filter(|other| *other != leader) {
                    run.sim.partition(host_name(leader), host_name(other));
                }
                host_name(leader)
            }
            Fault::DeafFollowers => {
                let (leader, _) = run.leader()?;
                for other in (0..count).filter(|other| *other != leader) {
                    run.sim.partition_oneway(host_name(leader), host_name(other));
                }
                host_name(leader)
            }
            Fault::Hold => {
                run.sim.hold(host_name(first), host_name(second));
                format!("{first} and {second}")
            }
            _ => {
                run.sim.partition_oneway(host_name(first), host_name(second));
                format!("{first} to {second}")
            }
        };
        self.cut = true;
        self.later(run, 200..6000, Cure::Repair);
        Some(text)
    }

    /// Faults that change who the members are. Only one at a time, and only while all members are well: a cluster that
    /// has lost a majority of its disks is not expected to live.
    fn change_members(&mut self, run: &mut Run, fault: Fault) -> Option<String> {
        if !run.is_settled() {
            return None;
        }
        run.unsettle();
        let (used, free): (Vec<usize>, Vec<usize>) = {
            let state = run.world.lock();
            (0..run.up.len()).partition(|slot| state.slots[*slot].id > 0)
        };
        let slot = used[run.rng.random_range(0..used.len())];
        let id = run.world.lock().slots[slot].id;
        let text = format!("node {id} on {}", host_name(slot));
        match fault {
            Fault::Grow => {
                let slot = *free.first()?;
                run.assign(slot);
                return Some(host_name(slot));
            }
            Fault::Shrink if used.len() < 4 => {
                // There has to be one too many first.
                let slot = *free.first()?;
                run.assign(slot);
                return None;
            }
            Fault::Shrink => {
                run.crash(slot);
                let mut state = run.world.lock();
                state.slots[slot].platter.wipe();
                state.slots[slot].id = 0;
            }
            Fault::Demote => {
                let (leader, _) = run.leader()?;
                run.order_slot(leader, Order::Demote(id));
            }
            Fault::Wipe => {
                run.crash(slot);
                run.wipe(slot);
                if run.rng.random_range(0..2) == 0 {
                    run.world.lock().slots[slot].cut_at_boot = Some(run.rng.random_range(1..12));
                }
                self.later(run, 20..2000, Cure::Start(slot));
            }
            _ => {
                run.crash(slot);
                self.rot(run, slot);
                self.later(run, 20..2000, Cure::Start(slot));
            }
        }
        Some(text)
    }

    /// Takes synced entries from a crashed machine's log. Where it certainly acknowledged one of them it must refuse to
    /// start; where that is not certain the disk is replaced, for a node cannot know what it does not know.
    fn rot(&self, run: &mut Run, slot: usize) {
        let count = if run.rng.random_range(0..2) == 0 { usize::MAX } else { run.rng.random_range(1..20) };
        let now = run.world.now_ms();
        let certain = {
            let mut state = run.world.lock();
            let here = &mut state.slots[slot];
            let first = here.platter.lose_log_rows(1, count);
            let first = first.and_then(|key| key.as_slice().try_into().ok()).map(u64::from_be_bytes);
            let known = here.committed.iter().rev().find(|(at, _)| at + 1000 <= now).map(|(_, index)| *index);
            let certain = first.zip(known).is_some_and(|(first, known)| first <= known);
            here.rotten = certain;
            here.must_refuse = certain;
            certain
        };
        if !certain {
            run.wipe(slot);
        }
    }
}
