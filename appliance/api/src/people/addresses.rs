//! How many sign-ins one address may try in a minute, as this node counts. It is the first thing that is looked at, before
//! anything costs memory or reaches the log.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

const MINUTE_MS: u64 = 60_000;
const SWEEP_MS: u64 = 1_000;
/// Addresses that are remembered; with more of them in one minute those that are not share counts.
const ADDRESSES_MAX: usize = 65_536;
/// Counts that they share, so that a flood fills some of them and not the only one.
const BUCKETS: u64 = 4_096;
/// As many tries as of one customer of a provider are taken of one site, which has 65,536 customers' worth of addresses.
const SITE_FACTOR: usize = 8;

/// Tries of the last minute.
#[derive(Default)]
pub(crate) struct Addresses(Mutex<Known>);

/// Whose tries are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Whose {
    /// One address of version 4, or what one customer of a provider has of version 6; unspecified where nothing is known.
    One(IpAddr),
    /// What one site has of version 6.
    Site([u16; 3]),
    /// Some of those that are not remembered.
    Bucket(u64),
}

#[derive(Default)]
struct Known {
    tries: HashMap<Whose, Vec<u64>>,
    /// When those without a try of late were last forgotten: it costs a look at each, so not at every try of a flood.
    swept_ms: u64,
}

impl Addresses {
    /// Counts a try; where it is one too many, after how many seconds the next one may be made.
    pub(crate) fn allow(&self, address: Option<IpAddr>, most: usize, now_ms: u64) -> Result<(), u64> {
        let known = &mut *self.0.lock();
        let counted: Vec<(Whose, usize)> = homes(address)
            .into_iter()
            .flatten()
            .map(|(whose, factor)| (known.place(whose, now_ms), most.saturating_mul(factor)))
            .collect();
        for (whose, most) in &counted {
            let tries = known.tries.entry(*whose).or_default();
            tries.retain(|at| !is_old(*at, now_ms));
            if tries.len() >= *most {
                let first = tries.iter().rev().nth(most.saturating_sub(1)).copied().unwrap_or(now_ms);
                return Err(first.saturating_add(MINUTE_MS).saturating_sub(now_ms).div_ceil(1_000).max(1));
            }
        }
        for (whose, _) in counted {
            known.tries.entry(whose).or_default().push(now_ms);
        }
        Ok(())
    }
}

impl Known {
    /// Where tries are counted: apart while there is room.
    fn place(&mut self, whose: Whose, now_ms: u64) -> Whose {
        if self.tries.len() < ADDRESSES_MAX || self.tries.contains_key(&whose) {
            return whose;
        }
        if now_ms >= self.swept_ms.saturating_add(SWEEP_MS) {
            self.swept_ms = now_ms;
            self.tries.retain(|_, tries| !tries.iter().all(|at| is_old(*at, now_ms)));
        }
        if self.tries.len() < ADDRESSES_MAX {
            return whose;
        }
        // The map's own hash, which nobody outside this process can compute.
        Whose::Bucket(self.tries.hasher().hash_one(whose) % BUCKETS)
    }
}

fn is_old(at: u64, now_ms: u64) -> bool {
    now_ms >= at.saturating_add(MINUTE_MS)
}

/// Whom an address stands for, and how many times as many tries they have: one customer of a provider has 2^64 addresses of
/// version 6, and one site 2^80.
fn homes(address: Option<IpAddr>) -> [Option<(Whose, usize)>; 2] {
    match address.map(|address| address.to_canonical()) {
        None => [Some((Whose::One(IpAddr::V6(Ipv6Addr::UNSPECIFIED)), 1)), None],
        Some(IpAddr::V4(address)) => [Some((Whose::One(IpAddr::V4(address)), 1)), None],
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            let one = Whose::One(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)));
            [Some((one, 1)), Some((Whose::Site([a, b, c]), SITE_FACTOR))]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: five a minute from one address, told when the next may come, others not affected; a site of version 6 has eight
    /// times as many, however many networks it uses; and no flood of addresses takes more memory or all of the room. Method:
    /// moments around the minute; networks of one site; a flood, and strangers after it.
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
        let site = |network: u16| ip(&format!("2001:db9:7:{network:x}::1"));
        let taken = (0..100).filter(|network| addresses.allow(site(*network), 5, 0).is_ok()).count();
        assert_eq!(taken, 5 * SITE_FACTOR);
        assert_eq!(addresses.allow(ip("2001:db9:8::1"), 5, 0), Ok(()), "another site");
        for number in 0..2 * ADDRESSES_MAX as u32 {
            let _ = addresses.allow(Some(IpAddr::V4(number.into())), 5, 100_000);
        }
        assert!(addresses.0.lock().tries.len() <= ADDRESSES_MAX + BUCKETS as usize);
        // A flood of many addresses fills what is shared; one of few fills little of it.
        let addresses = Addresses::default();
        for number in 0..ADDRESSES_MAX as u32 {
            assert_eq!(addresses.allow(Some(IpAddr::V4(number.into())), 5, 100_000), Ok(()));
        }
        for _ in 0..100 {
            let _ = addresses.allow(ip("203.0.113.1"), 5, 100_000);
        }
        assert!(addresses.allow(ip("203.0.113.1"), 5, 100_000).is_err());
        let strangers =
            (1..=100).filter(|host| addresses.allow(ip(&format!("192.0.2.{host}")), 5, 100_000).is_ok()).count();
        assert!(strangers >= 90, "{strangers} of 100 have a count of their own, or nearly");
    }
}
