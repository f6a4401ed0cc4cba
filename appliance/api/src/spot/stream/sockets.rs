//! How many connections are open, of all and of each address: sockets, streams, and whatever a door accepts. An upgraded connection is
//! the door's no more, and must be counted as long as it lives.

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

/// The connections that are open.
#[derive(Debug, Clone, Default)]
pub struct Sockets(Arc<Mutex<Inside>>);

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    of: Sockets,
    address: u128,
}

impl Sockets {
    /// A place for one more socket of an address as the node's acceptor knows it, of IPv6 of a network of 64 bits; none
    /// where there are so many of all, or of that address.
    pub(crate) fn take(&self, address: Option<IpAddr>, all_max: u32, of_address_max: u32) -> Option<Place> {
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.take_where(address, |all, here| if all >= all_max || here >= of_address_max { Err(()) } else { Ok(()) })
            .ok()
    }

    /// A place for one more of an address where `may` lets it, which is told how many there are of all and of that address.
    ///
    /// # Errors
    /// That of `may`.
    pub fn take_where<E>(&self, from: IpAddr, may: impl FnOnce(u32, u32) -> Result<(), E>) -> Result<Place, E> {
        let address = group(from);
        let mut inside = self.0.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or(0);
        may(inside.all, here)?;
        inside.all += 1;
        inside.by_address.insert(address, here + 1);
        Ok(Place { of: self.clone(), address })
    }

    /// How many there are of all, and of how many addresses.
    #[must_use]
    pub fn counts(&self) -> (u32, usize) {
        let inside = self.0.lock();
        (inside.all, inside.by_address.len())
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
        assert_eq!(sockets.counts(), (0, 0));
    }
}
