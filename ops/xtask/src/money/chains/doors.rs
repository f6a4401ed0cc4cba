//! Two doors before each network's node: the endpoints that the exchange has, of which each can be closed and goes wrong by itself.
//!
//! Behind both is one node. What each says is asked for, judged and believed apart all the same, so that whatever needs two endpoints
//! needs both doors.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use exchequer_test_nodes::Endpoint;
use exchequer_test_nodes::faults::{Fault, Faults, Rule};

use super::Chains;
use crate::stop::Stop;

/// How many doors a network has.
pub(crate) const DOORS: usize = 2;

/// A door.
pub(super) struct Door {
    endpoint: Endpoint,
    /// Held while it is closed or silent: another one's end of that would be this one's.
    shut: Mutex<()>,
}

/// The doors of a network.
pub(super) struct Doors {
    network: &'static str,
    doors: [Door; DOORS],
    /// Held while one of them lies: two that lie alike are a quorum, against which nothing helps.
    lying: Mutex<()>,
}

impl Doors {
    pub(super) fn of(network: &'static str, endpoints: [Endpoint; DOORS]) -> Doors {
        let doors = endpoints.map(|endpoint| Door { endpoint, shut: Mutex::default() });
        Doors { network, doors, lying: Mutex::default() }
    }
}

/// Which doors of a network are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// One of them.
    One(usize),
    /// All.
    Both,
}

impl Which {
    fn has(self, door: usize) -> bool {
        match self {
            Which::One(one) => one == door,
            Which::Both => true,
        }
    }
}

fn lock(mutex: &Mutex<()>) -> MutexGuard<'_, ()> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Chains {
    fn doors(&self, network: &str) -> Result<&Doors> {
        self.doors.iter().find(|doors| doors.network == network).with_context(|| format!("no network {network}"))
    }

    /// The endpoints that the exchange is to use.
    ///
    /// # Errors
    /// There is no such network.
    pub(crate) fn urls(&self, network: &str) -> Result<Vec<String>> {
        Ok(self.doors(network)?.doors.iter().map(|door| door.endpoint.url()).collect())
    }

    /// What goes wrong at each door.
    ///
    /// # Errors
    /// There is no such network.
    pub(crate) fn faults(&self, network: &str) -> Result<[&Faults; DOORS]> {
        Ok(self.doors(network)?.doors.each_ref().map(|door| door.endpoint.faults()))
    }

    /// Closes doors while something is done, as if what listens there had died, and opens them again, however that ends.
    ///
    /// # Errors
    /// What was done failed, or a door cannot be opened.
    pub(crate) fn closed<T>(&self, network: &str, which: Which, done: impl FnOnce() -> Result<T>) -> Result<T> {
        let doors = self.meant(network, which)?;
        // One after the other in their order, so that nobody waits for who waits for him.
        let _alone: Vec<_> = doors.iter().map(|door| lock(&door.shut)).collect();
        doors.iter().for_each(|door| self.runtime.block_on(door.endpoint.close()));
        let outcome = done();
        doors.iter().try_for_each(|door| self.runtime.block_on(door.endpoint.open()))?;
        outcome
    }

    /// Has doors do all they are asked and answer nothing for a while.
    ///
    /// # Errors
    /// Stopped.
    pub(crate) fn silent(&self, network: &str, which: Which, time: Duration, stop: &Stop) -> Result<()> {
        let doors = self.meant(network, which)?;
        let _alone: Vec<_> = doors.iter().map(|door| lock(&door.shut)).collect();
        doors.iter().for_each(|door| door.endpoint.faults().add(Fault::Hang));
        let waited = stop.pause(time);
        doors.iter().for_each(|door| door.endpoint.faults().lift(&Fault::Hang));
        waited
    }

    /// Has one door lie for a while; what it says follows from the chain's height. No other door of the network lies meanwhile.
    ///
    /// # Errors
    /// There is no such door, the node tells no height, or stopped.
    pub(crate) fn lying(
        &self,
        network: &str,
        door: usize,
        lie: impl FnOnce(u64) -> Rule,
        time: Duration,
        stop: &Stop,
    ) -> Result<()> {
        let doors = self.doors(network)?;
        let faults = doors.doors.get(door).context("no such door")?.endpoint.faults();
        let _alone = lock(&doors.lying);
        let rule = lie(self.height(network)?);
        let fault = rule.fault.clone();
        faults.add(rule);
        let waited = stop.pause(time);
        faults.lift(&fault);
        waited
    }

    fn meant(&self, network: &str, which: Which) -> Result<Vec<&Door>> {
        let doors = self.doors(network)?.doors.iter().enumerate();
        Ok(doors.filter(|(at, _)| which.has(*at)).map(|(_, door)| door).collect())
    }
}
