//! Reservations: money that open orders keep back.
//!
//! An order that rests is what it has reserved: the amount follows from its price and quantity, and its own row says so.
//! To write a posting for every order that comes and goes would be to write the same thing twice, most of it for
//! nothing, since nearly all orders end without a trade. So an account only knows the sum of what its orders keep back,
//! in memory; whoever keeps the orders reserves for each of them once more after [`Ledger::load`]. Everything else that
//! would leave the account counts reservations like holds, and a trade posts what it moves.
//!
//! A hold is the right thing where what keeps the money back is not itself a row of the state, or has to expire.

use crate::account::AccountId;
use crate::chart::Side;
use crate::entry::Entry;
use crate::halt::Halt;
use crate::ledger::Ledger;
use crate::planted::Bug;
use crate::undo::Undo;

impl Ledger {
    /// Sets an amount aside, in minor units of the account's asset; false, and nothing done, where the account has less
    /// available, or where the asset's turnover would not fit into 128
    /// bits with it. An account with overdraft has always enough.
    ///
    /// After [`Ledger::load`] every open order reserves anew; within a log entry it is [`Entry::reserve`].
    ///
    /// # Errors
    /// There is no such account, or it is one whose money leaves on the credit side.
    pub fn reserve(&mut self, account: AccountId, amount: u128) -> Result<bool, Halt> {
        let ignored = self.has(Bug::LimitIgnoresReservations);
        let slot = self.slot_mut(account)?;
        let room = match slot.limit {
            Some(Side::Debit) => return Err(Halt::Invariant("only what is owed to somebody is reserved")),
            Some(Side::Credit) if ignored => Some(slot.sums.available(Side::Credit)),
            Some(Side::Credit) | None => slot.debit_room(),
        };
        let asset = slot.asset as usize;
        let (_, total) = self.totals.get_mut(asset).ok_or(Halt::Invariant("an account's asset has a total"))?;
        // What is reserved will be posted some day, and must fit then: nothing can be refused any more in the middle of
        // a trade.
        if room.is_some_and(|room| amount > room) || !total.has_room(amount) {
            return Ok(false);
        }
        // No account's sum exceeds its asset's.
        total.reserved += amount;
        self.slot_mut(account)?.reserved += amount;
        Ok(true)
    }
}

impl Entry<'_> {
    /// As [`Ledger::reserve`]; taken back with the step it is part of.
    ///
    /// # Errors
    /// As [`Ledger::reserve`].
    pub fn reserve(&mut self, account: AccountId, amount: u128) -> Result<bool, Halt> {
        self.remember_slot(account)?;
        self.ledger.reserve(account, amount)
    }

    /// Gives back what was reserved, all or a part of it.
    ///
    /// # Errors
    /// There is no such account, or less is reserved: an order gives back more than it holds.
    pub fn unreserve(&mut self, account: AccountId, amount: u128) -> Result<(), Halt> {
        self.remember_slot(account)?;
        let kept = u128::from(self.ledger.has(Bug::ReservationKept) && amount > 1);
        let slot = self.ledger.slot_mut(account)?;
        let left = slot.reserved.checked_sub(amount);
        slot.reserved = left.ok_or(Halt::Invariant("an order gives back what it has reserved"))? + kept;
        let asset = slot.asset as usize;
        let (_, total) = self.ledger.totals.get_mut(asset).ok_or(Halt::Invariant("an account's asset has a total"))?;
        let left = total.reserved.checked_sub(amount);
        total.reserved = left.ok_or(Halt::Invariant("an asset's reservations are those of its accounts"))? + kept;
        Ok(())
    }

    fn remember_slot(&mut self, account: AccountId) -> Result<(), Halt> {
        if self.marks > 0 {
            let slot = *self.ledger.slot(account)?;
            self.undo.push(Undo::Slot(account, slot));
            self.undo.push(Undo::Total(slot.asset, self.ledger.total(slot.asset)?));
        }
        Ok(())
    }
}
