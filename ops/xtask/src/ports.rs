//! Free ports on loopback, in the neighbourhood of the product's own.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// The API port that an installed node has; the peer port is the next one.
pub(crate) const API: u16 = 8640;
/// Between the API ports of two nodes on one machine.
const STRIDE: u16 = 10;
/// After so many occupied pairs the machine is not one for a demo.
const TRIES: u16 = 200;

/// `count` API ports whose neighbour, the peer port, is free as well.
///
/// # Errors
/// Too many are taken.
pub(crate) fn choose(count: usize) -> Result<Vec<u16>> {
    let candidates = (0..TRIES).map(|step| API + step * STRIDE);
    let chosen: Vec<u16> = candidates.filter(|port| is_free(*port) && is_free(port + 1)).take(count).collect();
    if chosen.len() < count {
        bail!("no {count} free pairs of ports from {API} on");
    }
    Ok(chosen)
}

/// Whether a server could listen here now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an occupied port is passed over, for the API as well as for the peer. Method: occupy one, choose again.
    #[test]
    fn occupied_ports_are_passed_over() {
        let first = choose(2).unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first[0] + 1)).unwrap();
        assert!(!is_free(first[0] + 1));
        let again = choose(2).unwrap();
        assert!(!again.contains(&first[0]), "{first:?} {again:?}");
        assert!(again[1] >= again[0] + STRIDE);
    }
}
