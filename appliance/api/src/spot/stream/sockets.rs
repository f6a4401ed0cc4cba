//! How many sockets are open: an upgraded connection is the door's no more, and must be counted as long as it lives.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::weights::group;

/// Open sockets of this node, at most.
const SOCKETS_MAX: u32 = 4_096;
/// Open sockets of one address, at most; of IPv6, of a network of 64 bits.
const OF_ADDRESS_MAX: u32 = 512;

#[derive(Debug, Default)]
struct Inside {
    all: u32,
    by_address: BTreeMap<u128, u32>,
}

/// The sockets that are open.
#[derive(Debug, Clone)]
pub(crate) struct Sockets {
    inside: Arc<Mutex<Inside>>,
    all_max: u32,
    of_address_max: u32,
}

impl Default for Sockets {
    fn default() -> Sockets {
        Sockets::limited(SOCKETS_MAX, OF_ADDRESS_MAX)
    }
}

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Sockets,
    address: u128,
}

impl Sockets {
    /// So many of all, and of one address, at most.
    pub(crate) fn limited(all_max: u32, of_address_max: u32) -> Sockets {
        Sockets { inside: Arc::default(), all_max, of_address_max }
    }

    /// As [`Sockets::take`], for an address as the node's acceptor knows it.
    pub(crate) fn take_of(&self, address: Option<IpAddr>) -> Option<Place> {
        self.take(group(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }

    /// A place for one more socket of an address; none where there are too many.
    pub(crate) fn take(&self, address: u128) -> Option<Place> {
        let mut inside = self.inside.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.all >= self.all_max || here >= self.of_address_max {
            return None;
        }
        inside.all += 1;
        inside.by_address.insert(address, here + 1);
        Some(Place { of: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.of.inside.lock();
        inside.all = inside.all.saturating_sub(1);
        match inside.by_address.get(&self.address).copied() {
            Some(count) if count > 1 => drop(inside.by_address.insert(self.address, count - 1)),
            Some(_) | None => drop(inside.by_address.remove(&self.address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: neither one address nor all together hold more sockets than allowed, and a place that is given back is free.
    /// Method: one address to its limit, then many to that of the node.
    #[test]
    fn places_are_limited_and_come_back() {
        let sockets = Sockets::default();
        let mut places: Vec<Place> = (0..OF_ADDRESS_MAX).map(|_| sockets.take(1).unwrap()).collect();
        assert!(sockets.take(1).is_none());
        places.pop();
        places.push(sockets.take(1).unwrap());
        for address in 2.. {
            let Some(place) = sockets.take(address) else { break };
            places.push(place);
        }
        assert_eq!(places.len(), SOCKETS_MAX as usize);
        drop(places);
        let inside = sockets.inside.lock();
        assert!(inside.by_address.is_empty() && inside.all == 0);
    }
}
