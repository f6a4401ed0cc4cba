//! What must always hold of the whole ledger.

use crate::account::Slot;
use crate::chart::Side;
use crate::halt::Halt;
use crate::ledger::{Ledger, Total};

impl Ledger {
    /// Per asset, debits equal credits, posted and pending, and both equal the turnover; no limited account has left its
    /// side, holds and reservations counted. Takes a few nanoseconds per account; call it every so many entries.
    ///
    /// # Errors
    /// A rule is broken: the node must stop.
    pub fn check(&self) -> Result<(), Halt> {
        let mut debits = vec![Total::default(); self.totals.len()];
        let mut credits = debits.clone();
        for slot in self.accounts.slots() {
            let sums = &slot.sums;
            let sides = [
                (&mut debits, sums.debits_posted, sums.debits_pending),
                (&mut credits, sums.credits_posted, sums.credits_pending),
            ];
            for (side, posted, pending) in sides {
                let total = side.get_mut(slot.asset as usize);
                let total = total.ok_or(Halt::Invariant("an account's asset has a total"))?;
                // Wrapping: an overflow shows as a difference below.
                total.posted = total.posted.wrapping_add(posted);
                total.pending = total.pending.wrapping_add(pending);
                total.reserved = total.reserved.wrapping_add(slot.reserved);
            }
            slot.check()?;
        }
        let turnover = self.totals.iter().map(|(_, total)| total);
        if !turnover.clone().eq(debits.iter()) || !turnover.eq(credits.iter()) {
            return Err(Halt::Invariant("debits equal credits in each asset"));
        }
        Ok(())
    }
}

impl Slot {
    /// A limited account has not left its side, holds and reservations counted.
    pub(crate) fn check(&self) -> Result<(), Halt> {
        let sums = &self.sums;
        let within = match self.limit {
            Some(Side::Credit) => {
                let held = sums.debits_pending.checked_add(self.reserved);
                held.is_some_and(|held| covers(sums.credits_posted, sums.debits_posted, held))
            }
            Some(Side::Debit) => covers(sums.debits_posted, sums.credits_posted, sums.credits_pending),
            None => true,
        };
        if within { Ok(()) } else { Err(Halt::Invariant("a limited account stays on its side")) }
    }
}

fn covers(inflow: u128, outflow: u128, held: u128) -> bool {
    outflow.checked_add(held).is_some_and(|out| out <= inflow)
}
