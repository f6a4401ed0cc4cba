//! Holds: money kept back for a later capture, in any number of parts, until it is captured, released or expired.
//!
//! A hold is resolved when nothing is left of it, and only once. Expiry follows replicated time: at the start of each
//! log entry, earliest first. A hold whose time is over cannot be captured even before its turn has come.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::cause::{Actor, Cause, Reason};
use crate::entry::{Dirty, Entry};
use crate::halt::Halt;
use crate::ids::Used;
use crate::outcome::Fault;
use crate::planted::Bug;
use crate::posting::{Kind, Posting};
use crate::rows::Table;
use crate::transfer::{HoldId, LegStop};
use crate::undo::Undo;

/// An open hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The account that would be debited.
    pub debit: AccountId,
    /// The account that would be credited.
    pub credit: AccountId,
    /// What it still keeps back.
    pub remaining: u128,
    /// When it expires; none for never.
    pub expires: Option<Timestamp>,
    /// The number of the last posting that changed it.
    pub last_posting: u64,
    /// Whether it changed since its row was written, or has none: it is in the queue then.
    #[serde(skip)]
    pub(crate) dirty: bool,
    /// Whether it has a row.
    #[serde(skip)]
    pub(crate) has_row: bool,
}

impl Entry<'_> {
    pub(crate) fn check_hold(&self, debit: AccountId, expires: Option<Timestamp>) -> Result<(), LegStop> {
        if expires.is_some_and(|expires| expires <= self.now) {
            return Err(Fault::ExpiryPassed.into());
        }
        let sizes = self.ledger.sizes;
        if self.ledger.slot(debit)?.open_holds >= sizes.account_holds || self.ledger.holds.len() >= sizes.holds {
            return Err(Fault::HoldsFull.into());
        }
        Ok(())
    }

    pub(crate) fn place_hold(&mut self, posting: Posting) -> Result<(), Halt> {
        let Posting { debit, credit, amount, expires, subject, .. } = posting;
        let last_posting = self.ledger.next;
        self.post(posting, true)?;
        let hold = Hold { debit, credit, remaining: amount, expires, last_posting, dirty: true, has_row: false };
        self.set_hold(subject, Some(hold));
        self.push_dirty(last_posting, Dirty::Hold(subject));
        self.ledger.slot_mut(debit)?.open_holds += 1;
        Ok(())
    }

    /// Captures or releases a part of a hold, or all that is left.
    pub(crate) fn reduce_hold(&mut self, id: HoldId, amount: Option<u128>, posting: Posting) -> Result<(), LegStop> {
        let Some(hold) = self.ledger.holds.get(&id).copied() else {
            return Err(self.missing_hold(id, &posting)?.into());
        };
        let expired = hold.expires.is_some_and(|expires| expires <= self.now);
        if expired && !self.ledger.has(Bug::ExpiredHoldCaptured) {
            return Err(Fault::HoldExpired.into());
        }
        if amount.is_some_and(|amount| amount > hold.remaining) {
            return Err(Fault::HoldExceeded.into());
        }
        let whole = amount.is_none();
        self.take_from_hold(id, hold, amount.unwrap_or(hold.remaining), Posting { whole, ..posting })?;
        Ok(())
    }

    fn take_from_hold(&mut self, id: HoldId, hold: Hold, amount: u128, posting: Posting) -> Result<(), Halt> {
        let number = self.ledger.next;
        let taken = if self.ledger.has(Bug::HoldNotReduced) { amount / 2 } else { amount };
        let remaining = hold.remaining.checked_sub(taken).ok_or(Halt::Invariant("a hold holds what is taken"))?;
        let dirties = remaining > 0 && !hold.dirty;
        let (debit, credit) = (hold.debit, hold.credit);
        self.post(Posting { debit, credit, amount, subject: id, ..posting }, dirties)?;
        if remaining > 0 {
            self.set_hold(id, Some(Hold { remaining, last_posting: number, dirty: true, ..hold }));
            if dirties {
                self.push_dirty(number, Dirty::Hold(id));
            }
            return Ok(());
        }
        self.set_hold(id, None);
        if hold.has_row {
            self.delete(Table::Hold, &hold_key(id));
        }
        let slot = self.ledger.slot_mut(debit)?;
        slot.open_holds =
            slot.open_holds.checked_sub(1).ok_or(Halt::Invariant("an open hold is counted on its account"))?;
        Ok(())
    }

    /// Why there is no open hold of this id, for a leg that asks for it.
    fn missing_hold(&mut self, id: HoldId, asking: &Posting) -> Result<Fault, Halt> {
        let number = match self.used(id.transfer)? {
            Some(Used::Posted { first, postings }) if id.leg < postings => first + u64::from(id.leg),
            // An earlier leg of the same transfer.
            None if id.transfer == asking.transfer && id.leg < asking.leg => {
                self.ledger.next - u64::from(asking.leg - id.leg)
            }
            Some(_) | None => return Ok(Fault::HoldUnknown),
        };
        let (placed, _) = self.postings_of(number, 1)?;
        let held = placed.iter().any(|posting| posting.kind == Kind::Hold);
        Ok(if held { Fault::HoldResolved } else { Fault::HoldUnknown })
    }

    /// Releases what is left of holds whose time is over, so many per entry.
    pub(crate) fn expire_holds(&mut self) -> Result<(), Halt> {
        for _ in 0..self.ledger.sizes.expiries {
            let Some(&(expires, id)) = self.ledger.expiries.first() else { break };
            if expires > self.now {
                break;
            }
            let hold = *self.ledger.holds.get(&id).ok_or(Halt::Invariant("what can expire is an open hold"))?;
            let mut reference = [0; 32];
            reference[15] = id.leg;
            reference[16..].copy_from_slice(&id.transfer.0.to_be_bytes());
            let cause = Cause { reason: Reason::Expiry, actor: Actor::System, reference };
            let posting = Posting { kind: Kind::Expire, whole: true, ..Posting::of(id.transfer, &cause, id.leg, 1) };
            self.take_from_hold(id, hold, hold.remaining, posting)?;
        }
        Ok(())
    }

    /// Puts, replaces or removes an open hold, and keeps the expiries in step.
    fn set_hold(&mut self, id: HoldId, hold: Option<Hold>) {
        let before = self.ledger.set_hold(id, hold);
        self.remember(|| Undo::Hold(id, before));
    }

    /// Writes the row of a hold that is still open.
    pub(crate) fn put_hold(&mut self, id: HoldId) {
        if let Some(hold) = self.ledger.holds.get_mut(&id) {
            (hold.dirty, hold.has_row) = (false, true);
            let hold = *hold;
            self.put(Table::Hold, &hold_key(id), &hold);
        }
    }
}

/// The key of a hold's row, without the table.
pub(crate) fn hold_key(id: HoldId) -> [u8; 17] {
    let mut key = [0; 17];
    key[..16].copy_from_slice(&id.transfer.0.to_be_bytes());
    key[16] = id.leg;
    key
}

pub(crate) fn hold_of_key(key: &[u8]) -> Option<HoldId> {
    let (transfer, leg) = key.split_first_chunk()?;
    let [leg] = *leg else { return None };
    Some(HoldId { transfer: crate::transfer::TransferId(u128::from_be_bytes(*transfer)), leg })
}
