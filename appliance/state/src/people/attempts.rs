//! Failed sign-ins: what locks new ones, and whom that does not keep out.
//!
//! Whoever knows a name can fail at it. So a lock is short, and none holds where the principal has signed in before: it is
//! of the addresses from which nobody has.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::settings::{Settings, schema};

/// Longest lock of new sign-ins.
pub const LOCK_US_MAX: u64 = 15 * 60 * 1_000_000;
/// After so long without a lock the next one is as short as the first.
const QUIET_US: u64 = 24 * 3_600 * 1_000_000;
/// Failures that are remembered at most; no more are needed for a lock.
const FAILURES_MAX: usize = 100;
/// Groups of addresses that are remembered of a principal; the next one takes the place of the one not seen for longest.
pub const HOMES_MAX: usize = 4;
/// How long a group is remembered.
pub const HOME_LIFE_US: u64 = 30 * 24 * 3_600 * 1_000_000;
/// A sign-in is put down when the last one was put down longer ago.
pub(super) const HOME_SEEN_US: u64 = 24 * 3_600 * 1_000_000;

/// A group of addresses from which the principal has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// What its addresses begin with; the rest is zero.
    pub group: [u8; 16],
    /// When the principal last signed in from there, to the day.
    pub seen_at: Timestamp,
    /// Failed sign-ins from there.
    pub attempts: Attempts,
}

impl Home {
    /// Whether it still counts.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now.0 < self.seen_at.0.saturating_add(HOME_LIFE_US)
    }
}

/// The group of an address: 256 neighbours of version 4, or what one site has of version 6. Who has a new address from the
/// same provider every day is still at home.
pub(super) fn group(address: [u8; 16]) -> [u8; 16] {
    let is_v4 = std::net::Ipv6Addr::from(address).to_ipv4_mapped().is_some();
    let kept = if is_v4 { 15 } else { 6 };
    let mut group = [0; 16];
    group.iter_mut().zip(address).take(kept).for_each(|(to, from)| *to = from);
    group
}

/// How many failures lock new sign-ins, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRules {
    after: usize,
    window_us: u64,
    lock_us: u64,
}

impl LockRules {
    /// As the settings say.
    #[must_use]
    pub fn of(settings: &Settings) -> LockRules {
        let micros =
            |setting| u64::try_from(settings.get::<std::time::Duration>(setting).as_micros()).unwrap_or(u64::MAX);
        LockRules {
            after: usize::try_from(settings.get(&schema::PEOPLE_LOCK_AFTER)).unwrap_or(FAILURES_MAX).min(FAILURES_MAX),
            window_us: micros(&schema::PEOPLE_LOCK_WINDOW),
            lock_us: micros(&schema::PEOPLE_LOCK_FOR),
        }
    }
}

/// Failed sign-ins of late. They keep new sign-ins off, never the sessions that are open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// When they failed, since the last lock.
    pub failures: Vec<Timestamp>,
    /// Locks one after the other; each is twice as long as the one before.
    pub locks: u32,
    /// Until when new sign-ins are refused.
    pub locked_until: Timestamp,
}

impl Attempts {
    /// Whether new sign-ins are refused.
    #[must_use]
    pub fn is_locked(&self, now: Timestamp) -> bool {
        now < self.locked_until
    }

    /// How many failures count towards a lock now.
    #[must_use]
    pub fn counting(&self, now: Timestamp, rules: LockRules) -> usize {
        self.failures.iter().filter(|at| now.0 < at.0.saturating_add(rules.window_us)).count()
    }

    pub(super) fn succeed(&mut self) {
        (self.failures, self.locks) = (Vec::new(), 0);
    }

    /// One more sign-in failed; answers until when it locks, where it does.
    pub(super) fn fail(&mut self, now: Timestamp, rules: LockRules) -> Option<Timestamp> {
        if self.is_locked(now) {
            return None;
        }
        if now.0 >= self.locked_until.0.saturating_add(QUIET_US) {
            self.locks = 0;
        }
        self.failures.retain(|at| now.0 < at.0.saturating_add(rules.window_us));
        self.failures.push(now);
        if self.failures.len() < rules.after {
            return None;
        }
        let doubled = rules.lock_us.saturating_mul(1_u64.checked_shl(self.locks).unwrap_or(u64::MAX));
        self.failures.clear();
        self.locks = self.locks.saturating_add(1);
        self.locked_until = Timestamp(now.0.saturating_add(doubled.min(LOCK_US_MAX)));
        Some(self.locked_until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::Credentials;

    const MINUTE: u64 = 60_000_000;
    const DAY: u64 = 24 * 60 * MINUTE;

    /// Goal: five failures in fifteen minutes lock for a minute, each further lock twice as long up to a quarter of an hour,
    /// and a quiet day begins anew. Method: failures at chosen moments, also just too far apart.
    #[test]
    fn locks_double() {
        let rules = LockRules::of(&Settings::default());
        let mut attempts = Attempts::default();
        for minute in [0, 4, 8, 12] {
            assert_eq!(attempts.fail(Timestamp(minute * MINUTE), rules), None);
        }
        assert_eq!(attempts.fail(Timestamp(15 * MINUTE), rules), None, "the first one is fifteen minutes ago");
        let mut now = 16 * MINUTE;
        assert_eq!(attempts.fail(Timestamp(now), rules), Some(Timestamp(17 * MINUTE)));
        assert!(attempts.is_locked(Timestamp(17 * MINUTE - 1)) && !attempts.is_locked(Timestamp(17 * MINUTE)));
        assert_eq!(attempts.fail(Timestamp(now + 1), rules), None, "a locked name is not locked longer");
        assert_eq!(attempts.locked_until, Timestamp(17 * MINUTE));
        let mut spans = Vec::new();
        for _ in 0..6 {
            now = attempts.locked_until.0;
            let locked = (0..5).find_map(|_| attempts.fail(Timestamp(now), rules)).unwrap();
            spans.push((locked.0 - now) / MINUTE);
        }
        assert_eq!(spans, [2, 4, 8, 15, 15, 15]);
        now = attempts.locked_until.0 + DAY;
        let locked = (0..5).find_map(|_| attempts.fail(Timestamp(now), rules)).unwrap();
        assert_eq!((locked.0 - now) / MINUTE, 1);
    }

    /// Goal: where a principal has signed in of late, failures elsewhere lock nobody out, those from there do; four such
    /// places are remembered, for thirty days. Method: neighbours and strangers, of both versions, at both ends of the time.
    #[test]
    fn home_is_not_locked_from_elsewhere() {
        let ip = |text: &str| match text.parse::<std::net::IpAddr>().unwrap() {
            std::net::IpAddr::V4(address) => Some(address.to_ipv6_mapped().octets()),
            std::net::IpAddr::V6(address) => Some(address.octets()),
        };
        let rules = LockRules::of(&Settings::default());
        let mut credentials = Credentials::new("ada".into(), vec![1], false);
        let lock = |credentials: &mut Credentials, from: &str, now: u64| {
            (0..5).find_map(|_| credentials.fail(ip(from), Timestamp(now), rules)).is_some()
        };
        let locked = |credentials: &Credentials, from: &str, now: u64| credentials.is_locked(ip(from), Timestamp(now));
        credentials.succeed(ip("192.0.2.7"), Timestamp(0));
        assert!(lock(&mut credentials, "198.51.100.1", 1));
        assert!(locked(&credentials, "203.0.113.1", 1) && credentials.is_locked(None, Timestamp(1)));
        assert!(!locked(&credentials, "192.0.2.8", 1), "a neighbour");
        assert!(lock(&mut credentials, "192.0.2.99", 1) && locked(&credentials, "192.0.2.8", 1), "from there it is");
        let now = 2 * MINUTE;
        assert!(!locked(&credentials, "203.0.113.1", now) && !locked(&credentials, "192.0.2.8", now));

        for (day, from) in ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:4::1"].iter().enumerate() {
            credentials.succeed(ip(from), Timestamp((day as u64 + 1) * DAY));
        }
        assert_eq!(credentials.homes.len(), HOMES_MAX);
        assert!(lock(&mut credentials, "198.51.100.1", 5 * DAY));
        assert!(locked(&credentials, "192.0.2.7", 5 * DAY), "not seen for longest, forgotten");
        assert!(!locked(&credentials, "2001:db8:1:ffff::1", 5 * DAY), "the same site");
        let last = DAY + HOME_LIFE_US;
        assert!(lock(&mut credentials, "198.51.100.1", last - 1));
        assert!(!locked(&credentials, "2001:db8:1::1", last - 1) && locked(&credentials, "2001:db8:1::1", last));
    }
}
