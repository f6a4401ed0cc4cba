//! Free ports on the loopback, for programs that must be told theirs.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use parking_lot::Mutex;

use crate::dice::Dice;

/// Below the ports that the kernel hands out for outgoing connections: one of those could be taken meanwhile.
const FIRST: u16 = 12_000;
const COUNT: u64 = 20_000;
const TRIES: usize = 200;

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port on which nothing listens, and which this process was not given before.
pub(crate) fn free_port() -> Result<u16> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut dice = Dice::new(u64::from(std::process::id()) ^ u64::from(now.subsec_nanos()) << 20);
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let drawn = (0..TRIES).filter_map(|_| u16::try_from(dice.below(COUNT)).ok()).map(|step| FIRST + step);
    drawn.filter(free).find(|port| GIVEN.lock().insert(*port)).context("no free port was found")
}
