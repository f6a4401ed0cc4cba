//! The API keys' room: what programs of users sign their requests with.
//!
//! A key's name is public; what proves its possession is a shared secret, sealed with the cluster's keyring before it was
//! proposed, or the public half of an Ed25519 pair. Invariants: numbers go from 1 without gaps; a name belongs to one key
//! for ever; a revoked key never works again.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use exchequer_domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Rows, Table};

/// Length of a key's name: letters and digits.
pub const KEY_BYTES: usize = 64;
/// Longest label.
pub const KEY_LABEL_BYTES_MAX: usize = 100;
/// Longest sealed secret.
pub const SEALED_SECRET_BYTES_MAX: usize = 512;
/// Keys of one user that are not revoked.
pub const KEYS_OF_USER_MAX: usize = 30;
/// Keys that may exist, revoked ones included.
pub const KEYS_MAX: usize = 1 << 22;
/// Ranges of addresses that a key may be used from.
pub const RANGES_MAX: usize = 30;

/// What addresses of version 4 have in common where they are mapped into version 6.
const MAPPED_BITS: u8 = 96;

/// The number of a key, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKeyId(pub u32);

/// What a key proves itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// HMAC-SHA256 with a secret, here sealed with the cluster's keyring.
    Hmac {
        /// The sealed secret.
        #[serde(with = "crate::codec::block")]
        sealed: Vec<u8>,
    },
    /// Ed25519.
    Ed25519 {
        /// The public key.
        public: [u8; 32],
    },
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes {
    /// Reading the user's own data.
    pub read: bool,
    /// Entering, changing and cancelling orders.
    pub trade: bool,
    /// Asking for withdrawals.
    pub withdraw: bool,
}

/// A range of addresses; IPv4 is mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// An address of the range.
    pub address: [u8; 16],
    /// How many of its bits all addresses of the range share, up to 128.
    pub prefix: u8,
}

impl Range {
    /// The range of an address and a prefix length of its own family; nothing where that is too long.
    #[must_use]
    pub fn new(address: IpAddr, prefix: u8) -> Option<Range> {
        let (most, mapped) = match address {
            IpAddr::V4(_) => (32, MAPPED_BITS),
            IpAddr::V6(_) => (128, 0),
        };
        let range = (prefix <= most).then(|| Range { address: octets(address), prefix: prefix + mapped });
        range.filter(Range::is_sound)
    }

    /// Whether it is one of a family: `::ffff:10.0.0.0/8` says IPv4 and would mean every address there is.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_v4 = Ipv6Addr::from(self.address).to_ipv4_mapped().is_some();
        self.prefix <= 128 && (!is_v4 || self.prefix >= MAPPED_BITS)
    }

    /// Whether an address is in it; one of version 4 is in ranges of version 4 alone.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let octets = octets(address);
        let differing = u128::from_be_bytes(self.address) ^ u128::from_be_bytes(octets);
        let is_v4 = Ipv6Addr::from(octets).to_ipv4_mapped().is_some();
        u32::from(self.prefix) <= differing.leading_zeros() && (!is_v4 || self.prefix >= MAPPED_BITS)
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    let mapped = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    Ipv6Addr::octets(&mapped)
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its number.
    pub id: ApiKeyId,
    /// Its name, sent with every request.
    pub key: String,
    /// Whose it is.
    pub user: UserId,
    /// For people.
    pub label: String,
    /// What it proves itself with.
    pub credential: Credential,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Where it may be used from; anywhere when there is none.
    pub ranges: Vec<Range>,
    /// Replicated time of its creation.
    pub created_at: Timestamp,
    /// Since when it does not work any more.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it may be used from an address.
    #[must_use]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.ranges.is_empty() || self.ranges.iter().any(|range| range.contains(address))
    }
}

/// Every key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys {
    /// In the order of their numbers.
    keys: Vec<ApiKey>,
    names: BTreeMap<String, ApiKeyId>,
    /// Those of a user that are not revoked.
    of_user: BTreeMap<UserId, Vec<ApiKeyId>>,
}

impl ApiKeys {
    pub(crate) fn load(rows: &dyn Rows) -> Result<ApiKeys, Halt> {
        let mut keys = ApiKeys::default();
        rows::for_each_of_table(rows, Table::ApiKey, |suffix, value| {
            let key: ApiKey = codec::decode(value).map_err(|error| Halt::row(Table::ApiKey, error))?;
            if Some(key.id) != keys.next() || suffix != key.id.0.to_be_bytes() {
                return Err(Halt::row(Table::ApiKey, DecodeError::Malformed));
            }
            keys.put(key);
            Ok(())
        })?;
        Ok(keys)
    }

    /// The number of the next key; none when there are as many as there may be.
    pub(crate) fn next(&self) -> Option<ApiKeyId> {
        (self.keys.len() < KEYS_MAX).then(|| ApiKeyId(self.keys.len() as u32 + 1))
    }

    /// A key by its number.
    #[must_use]
    pub fn get(&self, id: ApiKeyId) -> Option<&ApiKey> {
        self.keys.get((id.0 as usize).checked_sub(1)?)
    }

    /// A key by its name, revoked or not.
    #[must_use]
    pub fn by_name(&self, key: &str) -> Option<&ApiKey> {
        self.get(*self.names.get(key)?)
    }

    /// The keys of a user that are not revoked, oldest first.
    pub fn of_user(&self, user: UserId) -> impl Iterator<Item = &ApiKey> {
        self.of_user.get(&user).into_iter().flatten().filter_map(|id| self.get(*id))
    }

    /// Puts a key in its place: one that is there, or the next.
    pub(crate) fn put(&mut self, key: ApiKey) {
        let live = self.of_user.entry(key.user).or_default();
        live.retain(|id| *id != key.id);
        if key.revoked_at.is_none() {
            live.push(key.id);
            live.sort_unstable();
        } else if live.is_empty() {
            self.of_user.remove(&key.user);
        }
        self.names.insert(key.key.clone(), key.id);
        match (key.id.0 as usize).checked_sub(1).and_then(|place| self.keys.get_mut(place)) {
            Some(present) => *present = key,
            None => self.keys.push(key),
        }
    }
}

/// Whether a name can be a key's.
pub(crate) fn check_name(key: &str) -> Result<(), Rejection> {
    if key.len() == KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::ApiKeyName })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a range is what its notation says, in both families, and IPv4 written as IPv6 is the same address.
    #[test]
    fn ranges() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let range = |text: &str, prefix| Range::new(ip(text), prefix).unwrap();
        for (range, inside, outside) in [
            (range("10.1.2.3", 32), "10.1.2.3", "10.1.2.4"),
            (range("10.1.2.3", 8), "10.255.0.1", "11.0.0.0"),
            (range("10.1.2.3", 0), "255.0.0.1", "2001:db8::1"),
            (range("2001:db8::", 32), "2001:db8:1::1", "2001:db9::"),
            (range("::ffff:10.1.2.3", 128), "10.1.2.3", "10.1.2.2"),
        ] {
            assert!(range.contains(ip(inside)) && !range.contains(ip(outside)), "{range:?}");
        }
        assert_eq!(Range::new(ip("10.0.0.1"), 33), None);
        assert_eq!(Range::new(ip("::1"), 129), None);
        // What says version 4 and would mean everything.
        for prefix in [0, 8, 95] {
            assert_eq!(Range::new(ip("::ffff:10.0.0.0"), prefix), None, "{prefix}");
        }
        assert!(Range::new(ip("::ffff:10.0.0.0"), 96).is_some());
        let all_of_six = range("::", 0);
        assert!(all_of_six.contains(ip("2001:db8::1")) && !all_of_six.contains(ip("10.0.0.1")));
        assert!(!all_of_six.contains(ip("::ffff:10.0.0.1")));
    }
}
