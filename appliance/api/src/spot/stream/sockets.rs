//! How many sockets are open: an upgraded connection is the door's no more, and must be counted as long as it lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::limits::Limits;

#[derive(Debug, Default)]
struct Inside {
    all: u32,
    by_address: BTreeMap<u128, u32>,
}

/// The sockets that are open.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sockets(Arc<Mutex<Inside>>);

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Sockets,
    address: u128,
}

impl Sockets {
    /// A place for one more socket of an address, of IPv6 of a network of 64 bits; none where there are too many.
    pub(crate) fn take(&self, address: u128, limits: &Limits) -> Option<Place> {
        let mut inside = self.0.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or(0);
        if inside.all >= limits.sockets || here >= limits.sockets_of_address {
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
        let (sockets, limits) = (Sockets::default(), Limits::default());
        let mut places: Vec<Place> =
            (0..limits.sockets_of_address).map(|_| sockets.take(1, &limits).unwrap()).collect();
        assert!(sockets.take(1, &limits).is_none());
        places.pop();
        places.push(sockets.take(1, &limits).unwrap());
        for address in 2.. {
            let Some(place) = sockets.take(address, &limits) else { break };
            places.push(place);
        }
        assert_eq!(places.len(), limits.sockets as usize);
        drop(places);
        assert!(sockets.0.lock().by_address.is_empty() && sockets.0.lock().all == 0);
    }
}
