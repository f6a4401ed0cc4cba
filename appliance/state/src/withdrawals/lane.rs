//! The nonces of a payer, one after the other.
//!
//! The counter here decides. What the chain says is a floor only of a payer whose nonces were never given here: of one in use it moves
//! nothing. A nonce that was given is never given to another payment, unless two persons set the counter back: where its payout came
//! to nothing unsigned it is a gap, and only a transaction that pays nobody fills it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::planted::{self, Bug};

/// Gaps that are remembered, and nonces of open payouts above the counter.
pub(crate) const GAPS_MAX: usize = 256;
/// Nonces are below this: no account ever makes so many transactions, and whoever says so is wrong.
pub const NONCE_END: u64 = 1 << 53;

/// A payer's nonces: its row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// The next one.
    pub next: u64,
    /// Given, not used, and not on their way; below the next one.
    pub gaps: BTreeSet<u64>,
    /// Whether one was ever given.
    pub used: bool,
    /// Of payouts that were open when the counter was set back below them: passed over when their turn comes.
    pub held: BTreeSet<u64>,
}

impl Lane {
    /// Whether the chain's next nonce is above ours: somebody else uses the key, or whoever says so is wrong.
    pub(crate) fn is_passed(&self, chain: u64) -> bool {
        self.used && chain > self.next
    }

    /// Takes note of the next nonce that the chain would take, and of the same at a final block: what is below that is used for ever.
    pub(crate) fn floor(&mut self, chain: u64, settled: u64) {
        if !self.used || planted::has(Bug::ChainNonceBelieved) {
            self.next = self.next.max(chain);
        }
        let filled = if planted::has(Bug::GapForgotten) { chain } else { settled };
        self.gaps = self.gaps.split_off(&filled);
    }

    /// One that was given came to nothing, unsigned. Of more than are remembered, the oldest stay: they stop the others. One that the
    /// counter was set back below is given again in its turn.
    pub(crate) fn gap(&mut self, nonce: u64) {
        if nonce >= self.next {
            self.held.remove(&nonce);
        } else if self.gaps.len() < GAPS_MAX {
            self.gaps.insert(nonce);
        }
    }

    /// Gives the next one.
    ///
    /// # Errors
    /// `NonceBeyond`: there is none.
    pub(crate) fn take(&mut self) -> Result<(), Refusal> {
        self.next = self.next.checked_add(1).ok_or(Refusal::NonceBeyond)?;
        self.used = true;
        self.pass_over();
        Ok(())
    }

    /// Sets the counter; `held` are the nonces of open payouts from there on.
    pub(crate) fn set(&mut self, next: u64, held: BTreeSet<u64>) {
        (self.next, self.used) = (next, true);
        self.gaps.retain(|gap| *gap < next);
        self.held = if planted::has(Bug::HeldNonceGiven) { BTreeSet::new() } else { held };
        self.pass_over();
    }

    fn pass_over(&mut self) {
        while self.held.remove(&self.next) {
            self.next = self.next.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the chain raises the counter of a payer that was never used, and no other; what it has passed for ever is no gap; and a
    /// counter that was in use and is passed by the chain is told.
    #[test]
    fn the_chain_is_a_floor() {
        let mut lane = Lane::default();
        assert!(!lane.is_passed(7), "a wallet that was used before");
        lane.floor(7, 5);
        lane.take().unwrap();
        lane.take().unwrap();
        lane.gaps = BTreeSet::from([7, 8]);
        lane.floor(9, 3);
        assert_eq!((lane.next, lane.gaps.len()), (9, 2));
        lane.floor(9, 8);
        assert_eq!((lane.next, lane.gaps.clone()), (9, BTreeSet::from([8])));
        assert!(lane.is_passed(10) && !lane.is_passed(9));
        lane.floor(10, 8);
        assert_eq!(lane.next, 9);
    }

    /// Goal: a counter that is set back passes over what open payouts have, once each; what of that comes to nothing is given in its
    /// turn, and a gap again once the counter is past it. No counter goes over its end.
    #[test]
    fn a_counter_is_set_back() {
        let mut lane = Lane { next: 40, gaps: BTreeSet::from([3, 20]), used: true, held: BTreeSet::new() };
        lane.set(10, BTreeSet::from([10, 12, 39]));
        assert_eq!((lane.next, lane.gaps.clone()), (11, BTreeSet::from([3])));
        lane.gap(12);
        lane.take().unwrap();
        assert_eq!(lane.next, 12);
        for _ in 12..40 {
            lane.take().unwrap();
        }
        assert_eq!((lane.next, lane.held.len()), (41, 0), "39 was passed over");
        lane.gap(39);
        assert_eq!(lane.gaps, BTreeSet::from([3, 39]));
        lane.next = u64::MAX;
        assert_eq!(lane.take(), Err(Refusal::NonceBeyond));
    }
}
