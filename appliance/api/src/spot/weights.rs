//! How much an address may ask for, and how many orders an account may enter, in windows of fixed length.
//!
//! Counted by each node for itself and in memory: what it protects is this node. Memory is bounded: past a number of
//! addresses the further ones share one count.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use exchequer_domain::UserId;
use parking_lot::Mutex;

use super::error::Error;
use super::limits::Limits;

/// Requests over the limit in one minute after which an address is banned.
const DEFIANCE_MAX: u32 = 100;
/// The first ban; each one within a day of the last is twice as long.
const BAN_MS: u64 = 120_000;
/// The longest ban.
const BAN_MS_MAX: u64 = 3 * DAY_MS;
/// Addresses that are counted apart from each other, and bans that are remembered.
const ADDRESSES_MAX: usize = 1 << 16;
/// Accounts that are counted apart from each other.
const ACCOUNTS_MAX: usize = 1 << 20;

const MINUTE_MS: u64 = 60_000;
const TEN_SECONDS_MS: u64 = 10_000;
const FIVE_MINUTES_MS: u64 = 5 * MINUTE_MS;
const DAY_MS: u64 = 86_400_000;

/// What has been used up, for the headers of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// In the present ten seconds.
    pub(crate) ten_seconds: u32,
    /// Today.
    pub(crate) day: u32,
}

#[derive(Debug, Clone, Copy)]
struct Ban {
    until_ms: u64,
    lasts_ms: u64,
}

#[derive(Debug, Default)]
struct Inside {
    minute: u64,
    /// Weight, and requests beyond the limit.
    used: HashMap<u128, (u32, u32)>,
    bans: HashMap<u128, Ban>,
    five_minutes: u64,
    opened: HashMap<u128, u32>,
    ten_seconds: u64,
    day: u64,
    recent: HashMap<UserId, u32>,
    today: HashMap<UserId, u32>,
}

/// The counts of this node.
#[derive(Debug, Default)]
pub(crate) struct Weights(Mutex<Inside>);

/// Addresses of one customer share a count: of IPv6, those of one network of 64 bits.
pub(crate) fn group(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) | 0xffff_0000_0000,
        IpAddr::V6(address) => match Ipv6Addr::to_ipv4_mapped(&address) {
            Some(address) => group(IpAddr::V4(address)),
            None => u128::from(address) & !u128::from(u64::MAX) | 1,
        },
    }
}

/// All addresses for which there is no room.
const OTHERS: u128 = 0;

fn seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000).max(1)
}

impl Weights {
    /// Counts a request of an address; answers what the address has used in this minute, also where it is refused.
    pub(crate) fn request(
        &self,
        address: IpAddr,
        weight: u32,
        limits: &Limits,
        now_ms: u64,
    ) -> (u32, Result<(), Error>) {
        let inside = &mut *self.0.lock();
        if inside.minute != now_ms / MINUTE_MS {
            inside.minute = now_ms / MINUTE_MS;
            inside.used.clear();
        }
        let mut group = group(address);
        if let Some(ban) = inside.bans.get(&group).filter(|ban| ban.until_ms > now_ms) {
            return (limits.weight, Err(Error::banned(ban.until_ms, seconds(ban.until_ms - now_ms))));
        }
        if inside.used.len() >= ADDRESSES_MAX && !inside.used.contains_key(&group) {
            group = OTHERS;
        }
        let (used, beyond) = inside.used.entry(group).or_default();
        *used = used.saturating_add(weight);
        let used = *used;
        if used <= limits.weight {
            return (used, Ok(()));
        }
        *beyond += 1;
        if *beyond > DEFIANCE_MAX && group != OTHERS {
            let until_ms = inside.ban(group, now_ms);
            return (used, Err(Error::banned(until_ms, seconds(until_ms - now_ms))));
        }
        (used, Err(Error::weight(limits.weight, seconds(MINUTE_MS - now_ms % MINUTE_MS))))
    }

    /// Counts a connection that an address opens.
    pub(crate) fn connection(&self, address: IpAddr, limits: &Limits, now_ms: u64) -> Result<(), Error> {
        let inside = &mut *self.0.lock();
        if inside.five_minutes != now_ms / FIVE_MINUTES_MS {
            inside.five_minutes = now_ms / FIVE_MINUTES_MS;
            inside.opened.clear();
        }
        let mut group = group(address);
        if inside.opened.len() >= ADDRESSES_MAX && !inside.opened.contains_key(&group) {
            group = OTHERS;
        }
        let opened = inside.opened.entry(group).or_default();
        *opened = opened.saturating_add(1);
        if *opened <= limits.connections {
            return Ok(());
        }
        Err(Error::connections(limits.connections, seconds(FIVE_MINUTES_MS - now_ms % FIVE_MINUTES_MS)))
    }

    /// Counts orders of an account, if it may enter so many more.
    pub(crate) fn orders(&self, user: UserId, count: u32, limits: &Limits, now_ms: u64) -> Result<Orders, Error> {
        let inside = &mut *self.0.lock();
        inside.turn(now_ms);
        let Orders { ten_seconds, day } = inside.counts(user);
        if ten_seconds.saturating_add(count) > limits.orders_ten_seconds {
            let wait = seconds(TEN_SECONDS_MS - now_ms % TEN_SECONDS_MS);
            return Err(Error::orders(limits.orders_ten_seconds, "10 SECOND", wait));
        }
        if day.saturating_add(count) > limits.orders_day {
            return Err(Error::orders(limits.orders_day, "1 DAY", seconds(DAY_MS - now_ms % DAY_MS)));
        }
        let user = inside.place(user);
        *inside.recent.entry(user).or_default() += count;
        *inside.today.entry(user).or_default() += count;
        Ok(Orders { ten_seconds: ten_seconds + count, day: day + count })
    }

    /// What an account has entered.
    pub(crate) fn orders_of(&self, user: UserId, now_ms: u64) -> Orders {
        let inside = &mut *self.0.lock();
        inside.turn(now_ms);
        inside.counts(user)
    }
}

impl Inside {
    fn ban(&mut self, group: u128, now_ms: u64) -> u64 {
        let last = self.bans.get(&group).filter(|ban| ban.until_ms + DAY_MS > now_ms);
        let lasts_ms = last.map_or(BAN_MS, |ban| (ban.lasts_ms * 2).min(BAN_MS_MAX));
        if self.bans.len() >= ADDRESSES_MAX {
            self.bans.retain(|_, ban| ban.until_ms > now_ms);
        }
        let until_ms = now_ms + lasts_ms;
        if self.bans.len() < ADDRESSES_MAX || self.bans.contains_key(&group) {
            self.bans.insert(group, Ban { until_ms, lasts_ms });
        }
        until_ms
    }

    fn turn(&mut self, now_ms: u64) {
        if self.ten_seconds != now_ms / TEN_SECONDS_MS {
            self.ten_seconds = now_ms / TEN_SECONDS_MS;
            self.recent.clear();
        }
        if self.day != now_ms / DAY_MS {
            self.day = now_ms / DAY_MS;
            self.today.clear();
        }
    }

    /// No user has the number zero: under it those are counted for whom there is no room.
    fn place(&self, user: UserId) -> UserId {
        if self.today.len() >= ACCOUNTS_MAX && !self.today.contains_key(&user) { UserId(0) } else { user }
    }

    fn counts(&self, user: UserId) -> Orders {
        let user = self.place(user);
        let of = |map: &HashMap<UserId, u32>| map.get(&user).copied().unwrap_or_default();
        Orders { ten_seconds: of(&self.recent), day: of(&self.today) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_080_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn status(result: &Result<(), Error>) -> u16 {
        result.as_ref().err().map_or(200, |error| error.status.as_u16())
    }

    /// Goal: an address may use its weight in each minute, is refused beyond it with the time to wait, and others are not
    /// concerned. Method: the last unit and the first one too many, then the next minute.
    #[test]
    fn weight_is_limited_by_the_minute() {
        let (weights, limits) = (Weights::default(), Limits::default());
        let (one, other) = (address("10.0.0.1"), address("10.0.0.2"));
        assert_eq!(weights.request(one, limits.weight, &limits, NOW), (limits.weight, Ok(())));
        let (used, refused) = weights.request(one, 1, &limits, NOW);
        assert_eq!((used, status(&refused), refused.unwrap_err().retry_after), (limits.weight + 1, 429, Some(20)));
        assert_eq!(weights.request(address("::ffff:10.0.0.1"), 1, &limits, NOW).1.unwrap_err().code, -1003);
        assert_eq!(weights.request(other, 1, &limits, NOW), (1, Ok(())));
        assert_eq!(weights.request(one, 1, &limits, NOW + 20_000), (1, Ok(())));
        let v6 = |text| weights.request(address(text), 1, &limits, NOW + 20_000).0;
        assert_eq!((v6("2001:db8::1"), v6("2001:db8::2"), v6("2001:db8:0:1::1")), (1, 2, 1));
    }

    /// Goal: an address opens only so many connections, and others are not concerned. Method: the last one, the first too
    /// many, and the next five minutes.
    #[test]
    fn connections_are_limited() {
        let (weights, limits) = (Weights::default(), Limits::default());
        let one = address("10.0.0.1");
        for _ in 0..limits.connections {
            weights.connection(one, &limits, NOW).unwrap();
        }
        let refused = weights.connection(one, &limits, NOW);
        assert_eq!((status(&refused), refused.unwrap_err().code), (429, -1034));
        weights.connection(address("10.0.0.2"), &limits, NOW).unwrap();
        weights.connection(one, &limits, NOW + FIVE_MINUTES_MS).unwrap();
    }

    /// Goal: who goes on after the refusals is banned, and longer the next time. Method: two rounds.
    #[test]
    fn going_on_is_banned() {
        let (weights, limits) = (Weights::default(), Limits::default());
        let one = address("10.0.0.1");
        let mut now = NOW;
        for lasts in [BAN_MS, 2 * BAN_MS, 4 * BAN_MS] {
            weights.request(one, limits.weight, &limits, now).1.unwrap();
            for _ in 0..DEFIANCE_MAX {
                assert_eq!(status(&weights.request(one, 1, &limits, now).1), 429);
            }
            let banned = weights.request(one, 1, &limits, now).1.unwrap_err();
            assert_eq!((banned.status.as_u16(), banned.retry_after), (418, Some(lasts / 1_000)));
            assert_eq!(status(&weights.request(one, 1, &limits, now + lasts - 1).1), 418);
            now += lasts;
        }
        weights.request(one, 1, &limits, now).1.unwrap();
    }

    /// Goal: an account's orders are limited in both windows and counted for the headers.
    #[test]
    fn orders_are_limited() {
        let (weights, limits) = (Weights::default(), Limits::default());
        let user = UserId(1);
        for count in 1..=limits.orders_ten_seconds {
            assert_eq!(weights.orders(user, 1, &limits, NOW), Ok(Orders { ten_seconds: count, day: count }));
        }
        let refused = weights.orders(user, 1, &limits, NOW).unwrap_err();
        assert_eq!((refused.code, refused.status.as_u16(), refused.retry_after), (-1015, 429, Some(10)));
        assert_eq!(weights.orders(UserId(2), 2, &limits, NOW), Ok(Orders { ten_seconds: 2, day: 2 }));
        assert_eq!(weights.orders(user, 1, &limits, NOW + TEN_SECONDS_MS).unwrap().day, limits.orders_ten_seconds + 1);
        assert_eq!(weights.orders_of(user, NOW + DAY_MS), Orders::default());
    }

    /// Goal: many addresses take bounded memory and can still ask. Method: more of them than are counted apart.
    #[test]
    fn memory_is_bounded() {
        let (weights, limits) = (Weights::default(), Limits::default());
        for number in 0..ADDRESSES_MAX as u32 + 1_000 {
            weights.request(IpAddr::V4(number.into()), 1, &limits, NOW).1.unwrap();
        }
        assert_eq!(weights.0.lock().used.len(), ADDRESSES_MAX + 1);
    }
}
