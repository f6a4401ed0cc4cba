//! How many sign-ins one address may try in a minute, as this node counts. It is the first thing that is looked at, before
//! anything costs memory or reaches the log.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

const MINUTE_MS: u64 = 60_000;
const SWEEP_MS: u64 = 1_000;
/// Addresses that are remembered; with more of them in one minute all that are not remembered share one count.
const ADDRESSES_MAX: usize = 65_536;

/// Tries of the last minute.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<Known>);

#[derive(Default)]
struct Known {
    tries: HashMap<IpAddr, Vec<u64>>,
    /// When those without a try of late were last forgotten: it costs a look at each, so not at every try of a flood.
    swept_ms: u64,
}

impl Addresses {
    /// Counts a try; where it is one too many, after how many seconds the next one may be made.
    pub(crate) fn allow(&self, address: Option<IpAddr>, most: usize, now_ms: u64) -> Result<(), u64> {
        let known = &mut *self.0.lock();
        let mut address = home(address);
        let is_old = |at: &u64| now_ms >= at.saturating_add(MINUTE_MS);
        if known.tries.len() >= ADDRESSES_MAX && !known.tries.contains_key(&address) {
            if now_ms >= known.swept_ms.saturating_add(SWEEP_MS) {
                known.swept_ms = now_ms;
                known.tries.retain(|_, tries| !tries.iter().all(is_old));
            }
            if known.tries.len() >= ADDRESSES_MAX {
                address = home(None);
            }
        }
        let tries = known.tries.entry(address).or_default();
        tries.retain(|at| !is_old(at));
        if tries.len() < most {
            tries.push(now_ms);
            return Ok(());
        }
        let first = tries.iter().rev().nth(most.saturating_sub(1)).copied().unwrap_or(now_ms);
        Err(first.saturating_add(MINUTE_MS).saturating_sub(now_ms).div_ceil(1_000).max(1))
    }
}

/// Whom an address stands for: one customer of a provider has 2^64 addresses of version 6.
fn home(address: Option<IpAddr>) -> IpAddr {
    match address.map(|address| address.to_canonical()) {
        None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        Some(IpAddr::V4(address)) => IpAddr::V4(address),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: five a minute from one address, told when the next may come, others not affected, and no flood of addresses
    /// takes more memory. Method: moments around the minute; one network of version 6; a flood.
    #[test]
    fn counts_per_address() {
        let addresses = Addresses::default();
        let ip = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        for second in 0..5 {
            assert_eq!(addresses.allow(ip("10.0.0.1"), 5, second * 1_000), Ok(()));
        }
        assert_eq!(addresses.allow(ip("10.0.0.1"), 5, 4_500), Err(56));
        assert_eq!(addresses.allow(ip("::ffff:10.0.0.1"), 5, 4_500), Err(56), "the same one");
        assert_eq!(addresses.allow(ip("10.0.0.2"), 5, 4_500), Ok(()));
        assert_eq!(addresses.allow(ip("10.0.0.1"), 5, 59_999), Err(1));
        assert_eq!(addresses.allow(ip("10.0.0.1"), 5, 60_000), Ok(()));
        assert_eq!(addresses.allow(ip("10.0.0.1"), 5, 60_000), Err(1));
        for host in 0..5 {
            assert_eq!(addresses.allow(ip(&format!("2001:db8::{host}")), 5, 0), Ok(()));
        }
        assert!(addresses.allow(ip("2001:db8::ffff"), 5, 0).is_err());
        for number in 0..2 * ADDRESSES_MAX as u32 {
            let _ = addresses.allow(Some(IpAddr::V4(number.into())), 5, 100_000);
        }
        assert!(addresses.0.lock().tries.len() <= ADDRESSES_MAX + 1);
        assert!(addresses.allow(ip("192.0.2.1"), 5, 100_000).is_err(), "what is not remembered shares one count");
    }
}
