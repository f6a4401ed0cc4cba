//! The nonces of a hot wallet, one after the other.
//!
//! The counter here decides; what the chain says is only a floor. A nonce that was given is never given to another payment:
//! where its payout came to nothing unsigned it is a gap, and only a transaction that pays nobody fills it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Gaps that are remembered.
pub(crate) const GAPS_MAX: usize = 256;

/// A wallet's nonces: its row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The next one.
    pub next: u64,
    /// Given, not used, and not on their way.
    pub gaps: BTreeSet<u64>,
    /// Whether one was ever given.
    pub used: bool,
}

impl Lane {
    /// Takes note of the next nonce that the chain would take. Answers whether it is above ours: somebody else uses the key.
    pub(crate) fn floor(&mut self, chain: u64) -> bool {
        let foreign = self.used && chain > self.next;
        self.next = self.next.max(chain);
        self.gaps = self.gaps.split_off(&chain);
        foreign
    }

    /// One that was given came to nothing, unsigned. Of more than are remembered, the oldest stay: they stop the others.
    pub(crate) fn gap(&mut self, nonce: u64) {
        if self.gaps.len() < GAPS_MAX {
            self.gaps.insert(nonce);
        }
    }

    /// Gives the next one.
    pub(crate) fn take(&mut self) {
        self.next += 1;
        self.used = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the chain raises the counter and never lowers it; what it has passed is no gap; and a counter that was in use and
    /// is passed by the chain is told.
    #[test]
    fn the_chain_is_a_floor() {
        let mut lane = Lane::default();
        assert!(!lane.floor(7), "a wallet that was used before");
        lane.take();
        lane.take();
        lane.gaps = BTreeSet::from([7, 8]);
        assert!(!lane.floor(3));
        assert_eq!((lane.next, lane.gaps.len()), (9, 2));
        assert!(!lane.floor(8));
        assert_eq!((lane.next, lane.gaps.clone()), (9, BTreeSet::from([8])));
        assert!(lane.floor(10));
        assert_eq!((lane.next, lane.gaps.len()), (10, 0));
    }
}
