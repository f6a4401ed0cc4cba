//! Free ports on the loopback.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::{Context as _, Result};
use rand::RngExt as _;

/// Below the ports that the kernel hands out for outgoing connections: one of those could be taken meanwhile.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
const TRIES: usize = 200;

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port on which nothing listens, and which this process was not given before.
///
/// # Errors
/// When none is found.
pub fn free_port() -> Result<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let fresh = |port: &u16| GIVEN.lock().is_ok_and(|mut given| given.insert(*port));
    let mut drawn = (0..TRIES).map(|_| rand::rng().random_range(PORTS));
    drawn.find(|port| free(port) && fresh(port)).context("no free port was found")
}
