//! The machines of a run: switched on and off, crashed, wiped, given a node, told what to do.

use std::sync::atomic::Ordering;

use exchequer_raft::Fatal;
use rand::RngExt;

use crate::host::Order;
use crate::run::Run;
use crate::world::host_name;

/// The leading part of a row in postcard, behind its version byte.
fn leading<T: serde::de::DeserializeOwned>(row: &[u8]) -> Option<T> {
    postcard::take_from_bytes(row.get(1..)?).ok().map(|(value, _)| value)
}
impl Run {
    /// Crashes the machines whose disk or node has stopped, and starts the others again.
    pub(crate) fn bury(&mut self) {
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
        // What the node did in its last moments counts as much as what was seen of it before.
        if let Some(term) = self.term(slot) {
            let mut state = self.world.lock();
            let id = state.slots[slot].id;
            state.invariants.promised(id, term);
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
        let (state, log, purged, installed, voted, promised, id) = {
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
            (applied, log, purged, installed, voted, state.invariants.promise_of(id), id)
        };
        if state > log.max(purged) && !installed {
            let text = format!("{}: the rows are those of {state:?}, the log ends at {log:?}", host_name(slot));
            self.world.violate("state behind log", &text);
        }
        if voted < promised {
            let text = format!("node {id} acted on a vote of term {promised}, its disk has one of term {voted}");
            self.world.violate("durable vote", &text);
        }
    }

    /// The term of the vote on which the node on a machine acts; none where no node runs.
    pub(crate) fn term(&self, slot: usize) -> Option<u64> {
        let node = self.world.lock().slots[slot].node.clone();
        node.map(|node| node.promised_term())
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

    /// Makes a machine's disk slower by a factor.
    pub(crate) fn slow(&self, slot: usize, factor: u64) {
        self.world.lock().slots[slot].slow.store(factor, Ordering::Relaxed);
    }

    /// Sets a machine's clock off by so much.
    pub(crate) fn skew(&self, slot: usize, skew_us: i64) {
        self.world.lock().slots[slot].skew_us.store(skew_us, Ordering::Relaxed);
    }
}
