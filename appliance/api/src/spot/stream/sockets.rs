//! How many sockets are open: an upgraded connection is the door's no more, and must be counted as long as it lives.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::weights::group;

#[derive(Debug, Default)]
struct Inside {
    all: u32,
    by_address: BTreeMap<u128, u32>,
}

/// The sockets that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<Inside>>);

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Sockets,
    address: u128,
}

impl Sockets {
    /// A place for one more socket of an address as the node's acceptor knows it, of IPv6 of a network of 64 bits; none
    /// where there are so many of all, or of that address.
    pub(crate) fn take(&self, address: Option<IpAddr>, all_max: u32, of_address_max: u32) -> Option<Place> {
        let address = group(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let mut inside = self.0.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.all >= all_max || here >= of_address_max {
            return None;
        }
        inside.all += 1;
        inside.by_address.insert(address, here + 1);
        Some(Place { of: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.of.0.lock();
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
        let (sockets, of_all, of_one) = (Sockets::default(), 9, 4);
        let take = |last: u8| sockets.take(Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))), of_all, of_one);
        let mut places: Vec<Place> = (0..of_one).map(|_| take(1).unwrap()).collect();
        assert!(take(1).is_none());
        places.pop();
        places.push(take(1).unwrap());
        for address in 2.. {
            let Some(place) = take(address) else { break };
            places.push(place);
        }
        assert_eq!(places.len(), of_all as usize);
        drop(places);
        let inside = sockets.0.lock();
        assert!(inside.by_address.is_empty() && inside.all == 0);
    }
}
