//! The nonces of a payer, one after the other.
//!
//! The counter here decides. What the chain says is a floor only of a payer whose nonces were never given here: of one in use it moves
//! nothing. A nonce that was given is never given to another payment, whoever sets the counter back: a signer knows for what it was
//! decided, and refuses another one. Where its payout came to nothing unsigned it is a gap, and only a transaction that pays nobody
//! fills it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::payout::IN_FLIGHT_MAX;
use super::refusal::Refusal;
use crate::planted::{self, Bug};

/// Gaps that are remembered, and nonces from the counter on that were given before it was set back.
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
    /// Of payouts that came to nothing, unsigned, from the counter on since it was set back below them: gaps when their turn comes.
    pub given_up: BTreeSet<u64>,
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
    /// counter was set back below is a gap in its turn.
    pub(crate) fn gap(&mut self, nonce: u64) {
        if nonce < self.next {
            if self.gaps.len() < GAPS_MAX {
                self.gaps.insert(nonce);
            }
        } else if self.held.remove(&nonce) && !planted::has(Bug::GivenUpNonceGiven) {
            // As many as were held: there is room.
            self.given_up.insert(nonce);
        }
    }

    /// Whether there is no place left for the gaps that one payout more could make. What is given up needs one in its turn.
    pub(crate) fn is_full(&self) -> bool {
        self.gaps.len() + self.given_up.len() >= GAPS_MAX - IN_FLIGHT_MAX
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

    /// Sets the counter; `held` are the nonces of open payouts from there on. What was given up stays given up, on either side of it.
    ///
    /// # Errors
    /// `Gaps`: more than there is a place for among the gaps.
    pub(crate) fn set(&mut self, next: u64, held: BTreeSet<u64>) -> Result<(), Refusal> {
        let mut gaps = std::mem::take(&mut self.gaps);
        gaps.append(&mut self.given_up);
        let given_up = gaps.split_off(&next);
        // Nothing but payments brings the turn of what is given up: there must be room for one.
        if gaps.len() + given_up.len() + held.len() >= GAPS_MAX - IN_FLIGHT_MAX {
            return Err(Refusal::Gaps);
        }
        (self.next, self.used, self.gaps) = (next, true, gaps);
        self.held = if planted::has(Bug::HeldNonceGiven) { BTreeSet::new() } else { held };
        self.given_up = if planted::has(Bug::GivenUpNonceGiven) { BTreeSet::new() } else { given_up };
        self.pass_over();
        Ok(())
    }

    /// Goes past what was given before; what was given up is a gap from then on.
    fn pass_over(&mut self) {
        loop {
            if self.given_up.remove(&self.next) {
                self.gaps.insert(self.next);
            } else if !self.held.remove(&self.next) {
                return;
            }
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

    /// Goal: a counter that is set back passes over what was given before, once each: what open payouts have, and what was given up, be
    /// it before or after it was set, which is a gap from then on, and before that none; the same where it is set on. No counter goes
    /// over its end.
    #[test]
    fn a_counter_is_set_back() {
        let mut lane = Lane { next: 40, gaps: BTreeSet::from([3, 20]), used: true, ..Lane::default() };
        lane.set(10, BTreeSet::from([10, 12, 39])).unwrap();
        assert_eq!((lane.next, lane.gaps.clone()), (11, BTreeSet::from([3])));
        lane.gap(12);
        assert_eq!(lane.gaps, BTreeSet::from([3]), "not in its turn");
        let mut on = lane.clone();
        lane.take().unwrap();
        assert_eq!((lane.next, lane.gaps.clone()), (13, BTreeSet::from([3, 12])));
        let mut given = Vec::new();
        while lane.next < 40 {
            given.push(lane.next);
            lane.take().unwrap();
        }
        assert!(!given.contains(&12) && !given.contains(&20) && !given.contains(&39), "{given:?}");
        assert_eq!((lane.next, lane.held.len(), lane.given_up.len()), (40, 0, 0), "39 was passed over");
        lane.gap(39);
        assert_eq!(lane.gaps, BTreeSet::from([3, 12, 20, 39]));
        on.set(30, BTreeSet::from([39])).unwrap();
        assert_eq!((on.next, on.gaps, on.given_up.len()), (30, BTreeSet::from([3, 12, 20]), 0));
        lane.next = u64::MAX;
        assert_eq!(lane.take(), Err(Refusal::NonceBeyond));
    }

    /// Goal: there is a place for every gap that what was passed over can become, and a payment that brings its turn can always be
    /// decided. Method: the most that a counter is set back over, one more, and the most again with gaps before it.
    #[test]
    fn what_is_passed_over_has_its_place() {
        let most = (GAPS_MAX - IN_FLIGHT_MAX - 1) as u64;
        for (next, begin, over) in [(0, 0, false), (0, 5, false), (most, 0, false), (0, 0, true), (most, 0, true)] {
            let gaps: BTreeSet<u64> = (begin..begin + most + u64::from(over)).collect();
            let mut lane = Lane { next: 1_000, gaps: gaps.clone(), used: true, ..Lane::default() };
            assert_eq!(lane.set(next, BTreeSet::new()), if over { Err(Refusal::Gaps) } else { Ok(()) });
            if over {
                continue;
            }
            assert!(!lane.is_full());
            while !lane.given_up.is_empty() {
                lane.take().unwrap();
            }
            assert_eq!(lane.gaps, gaps);
        }
        let mut lane = Lane { next: 1_000, gaps: (0..most - 1).collect(), used: true, ..Lane::default() };
        assert_eq!(lane.clone().set(990, BTreeSet::from([990, 991])), Err(Refusal::Gaps));
        lane.set(990, BTreeSet::from([995])).unwrap();
        lane.gap(995);
        assert!(!lane.is_full());
    }
}
