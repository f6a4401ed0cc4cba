//! Who may hold how many connections of a door. This is asked before anybody can have shown who they are, so addresses are all
//! there is to go by.
//!
//! Invariants:
//! - One address, of IPv6 one network of 64 bits, never has more than its share.
//! - Whoever takes all they can leaves the last places to those who hold few, and to this machine itself some beyond these:
//!   an operator at a new address, or at the node, is heard while others crowd its door.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use exchequer_api::{Place, Sockets};

/// Connections that one door holds at once, but for those of [`HOME`].
pub(super) const CONNECTIONS_MAX: u32 = 4_096;
/// The last of these, for addresses that hold fewer than [`FEW`].
const LAST: u32 = 256;
/// What a browser, a command line or a peer needs.
const FEW: u32 = 8;
/// Beyond all, for this machine's own address while it holds fewer than these.
const HOME: u32 = 32;
/// Connections of one address where the node's file does not say: an eighth of all, and the same number as of its sockets and
/// streams. A program needs a few; a proxy or a house behind one address that needs more has it set.
pub(crate) const OF_ADDRESS: u32 = 512;
/// What the node's file may say: from what one browser needs to all there are, where whoever stands in front counts.
pub(crate) const OF_ADDRESS_RANGE: RangeInclusive<u32> = FEW..=CONNECTIONS_MAX;

/// The places of one door.
#[derive(Debug, Clone)]
pub(super) struct Places {
    of_address: u32,
    open: Sockets,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// The address has its share.
    OfAddress,
    /// So many connections are open in all.
    OfAll,
}

impl Places {
    /// No connection is open yet; `of_address` is the share of one address.
    pub(super) fn new(of_address: u32) -> Places {
        Places { of_address, open: Sockets::default() }
    }

    /// A place for one more connection from an address.
    pub(super) fn take(&self, from: IpAddr) -> Result<Place, Full> {
        self.open.take_where(from, |all, here| {
            if here >= self.of_address {
                return Err(Full::OfAddress);
            }
            let is_free = all < CONNECTIONS_MAX - LAST
                || all < CONNECTIONS_MAX && here < FEW
                || all < CONNECTIONS_MAX + HOME && here < HOME && from.to_canonical().is_loopback();
            if is_free { Ok(()) } else { Err(Full::OfAll) }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn v4(number: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number))
    }

    /// Goal: neither an address nor a whole network of its own gets more than its share, and a place that is given back is free.
    /// Method: one of IPv4 in both spellings, and many of one network of IPv6.
    #[test]
    fn an_address_has_its_share() {
        let places = Places::new(9);
        let mapped = |at: u32| {
            if at.is_multiple_of(2) { v4(1) } else { IpAddr::V6(Ipv4Addr::from(0x0a00_0001).to_ipv6_mapped()) }
        };
        let mut held: Vec<Place> = (0..9).map(|at| places.take(mapped(at)).unwrap()).collect();
        assert_eq!(places.take(v4(1)).unwrap_err(), Full::OfAddress);
        held.pop();
        held.push(places.take(v4(1)).unwrap());
        let of_network = |low: u16| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 7, low, 0, 0, low));
        held.extend((0..9).map(|low| places.take(of_network(low)).unwrap()));
        assert_eq!(places.take(of_network(9)).unwrap_err(), Full::OfAddress);
        assert!(places.take(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 8, 0, 0, 0, 1))).is_ok());
        drop(held);
        assert_eq!(places.open.counts(), (0, 0));
    }

    /// Goal: a crowd of a few addresses shuts nobody else out, and a crowd of many not whoever sits at the node. Method: eight
    /// addresses that take all they get, then newcomers to the last place, then the node's own address.
    #[test]
    fn a_crowd_leaves_places() {
        let places = Places::new(OF_ADDRESS);
        let mut held = Vec::new();
        for address in 0..8 {
            while let Ok(place) = places.take(v4(address)) {
                held.push(place);
            }
        }
        assert_eq!(held.len() as u32, CONNECTIONS_MAX - LAST);
        assert_eq!(places.take(v4(7)).unwrap_err(), Full::OfAll, "it holds many");
        for address in 100.. {
            let before = held.len();
            held.extend((0..FEW).map_while(|_| places.take(v4(address)).ok()));
            if held.len() == before {
                break;
            }
            assert!(places.take(v4(address)).is_err(), "no more than few");
        }
        assert_eq!(held.len() as u32, CONNECTIONS_MAX);
        let home = IpAddr::V6(Ipv6Addr::LOCALHOST);
        held.extend((0..HOME).map(|_| places.take(home).unwrap()));
        assert_eq!(places.take(home).unwrap_err(), Full::OfAll);
    }
}
