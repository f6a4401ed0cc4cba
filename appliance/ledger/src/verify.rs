//! Verification of the whole journal, in steps: numbers without gaps, unbroken hashes, every sum the fold of its
//! account's postings, and the fold of all of them what the ledger holds. For `exchequer ledger verify`, and for a
//! background task that takes a step now and then.

use exchequer_domain::Digest;

use crate::account::{AccountId, Sums};
use crate::halt::Halt;
use crate::journal;
use crate::ledger::Ledger;
use crate::posting::{Kind, Posting};
use crate::rows::{History, Table};

/// A verification under way. Takes about 80 bytes of memory per account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    next: u64,
    chain: Digest,
    accounts: Vec<Folded>,
}

/// An account as its postings so far make it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Folded {
    sums: Sums,
    last_posting: u64,
    postings: u64,
}

impl Default for Verification {
    fn default() -> Verification {
        Verification::new()
    }
}

impl Verification {
    /// Before the first posting.
    #[must_use]
    pub fn new() -> Verification {
        Verification { next: 1, chain: Digest::ZERO, accounts: Vec::new() }
    }

    /// The number of the next posting to verify.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Verifies up to `blocks` more blocks. Gives whether the end is reached and all of it agrees with the ledger; the
    /// ledger may move on between steps.
    ///
    /// # Errors
    /// The journal was changed, has a gap, cannot be read, or does not make what the ledger holds.
    pub fn step(&mut self, ledger: &Ledger, blocks: usize, history: &dyn History) -> Result<bool, Halt> {
        let damaged = Halt::RowDamaged { table: Table::Journal };
        for _ in 0..blocks {
            if self.next >= ledger.next {
                break;
            }
            let block = journal::block_of(history, self.next)?.hashed();
            if block.first != self.next || block.previous != self.chain || block.end() > ledger.next {
                return Err(damaged);
            }
            for posting in block.iter() {
                let (number, posting) = posting?;
                self.fold(number, &posting)?;
            }
            (self.next, self.chain) = (block.end(), block.hash);
        }
        if self.next < ledger.next {
            return Ok(false);
        }
        self.finish(ledger)?;
        Ok(true)
    }

    fn fold(&mut self, number: u64, posting: &Posting) -> Result<(), Halt> {
        let sides = [
            (posting.debit, posting.debit_after, posting.debit_previous, true),
            (posting.credit, posting.credit_after, posting.credit_previous, false),
        ];
        for (account, after, previous, is_debit) in sides {
            let place = account.0 as usize;
            if place >= self.accounts.len() {
                self.accounts.resize(place + 1, Folded::default());
            }
            let folded =
                self.accounts.get_mut(place).ok_or(Halt::Invariant("the fold has a place for each account"))?;
            let sums = step_sums(folded.sums, posting, is_debit);
            if sums != Some(after) || folded.last_posting != previous {
                return Err(Halt::Invariant("a sum is the fold of its account's postings"));
            }
            *folded = Folded { sums: after, last_posting: number, postings: folded.postings + 1 };
        }
        Ok(())
    }

    fn finish(&self, ledger: &Ledger) -> Result<(), Halt> {
        if self.chain != ledger.chain || self.accounts.len() > ledger.slots.len() {
            return Err(Halt::RowDamaged { table: Table::Journal });
        }
        for (place, account) in (0..).zip(&ledger.slots) {
            let folded = self.accounts.get(place).copied().unwrap_or_default();
            let held = Folded { sums: account.sums, last_posting: account.last_posting, postings: account.postings };
            if held != folded {
                return Err(Halt::Invariant("an account's sums are the fold of its postings"));
            }
        }
        ledger.check()
    }

    /// An account's sums as the postings so far make them.
    #[must_use]
    pub fn sums(&self, account: AccountId) -> Sums {
        self.accounts.get(account.0 as usize).map(|folded| folded.sums).unwrap_or_default()
    }
}

/// The sums of one side behind a posting; none where they would leave 128 bits.
fn step_sums(mut sums: Sums, posting: &Posting, is_debit: bool) -> Option<Sums> {
    let (posted, pending) = match is_debit {
        true => (&mut sums.debits_posted, &mut sums.debits_pending),
        false => (&mut sums.credits_posted, &mut sums.credits_pending),
    };
    match posting.kind {
        Kind::Post | Kind::Revert => *posted = posted.checked_add(posting.amount)?,
        Kind::Hold => *pending = pending.checked_add(posting.amount)?,
        Kind::Release | Kind::Expire => *pending = pending.checked_sub(posting.amount)?,
        Kind::Capture => {
            *pending = pending.checked_sub(posting.amount)?;
            *posted = posted.checked_add(posting.amount)?;
        }
    }
    Some(sums)
}
