//! Verification of the whole journal, in steps: numbers without gaps, unbroken hashes, every sum the fold of its
//! account's postings, and the fold of all of them what the ledger holds. For `exchequer ledger verify`, and for a
//! background task that takes a step now and then.
//!
//! A step is short however many accounts there are: behind the last posting they are compared with the ledger a few at a
//! time, and what is posted meanwhile is folded before the next few. So every account agreed with the ledger at some
//! moment at which all of the journal had been folded, and every posting after that moment agrees with the one before it.

use exchequer_domain::Digest;

use crate::account::{AccountId, Sums};
use crate::halt::Halt;
use crate::journal;
use crate::ledger::Ledger;
use crate::posting::{Kind, Posting};
use crate::rows::{History, Table};

/// Accounts that one step compares: a few hundred microseconds, most of it waiting for memory.
const COMPARED_AT_ONCE: usize = if cfg!(test) { 16 } else { 1 << 12 };
/// Accounts of one page of the fold: memory that is there is never moved.
const PAGE: usize = 1 << 12;

/// A verification under way. Takes about 80 bytes of memory per account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    next: u64,
    chain: Digest,
    /// In pages; accounts without a posting may be missing.
    accounts: Vec<Vec<Folded>>,
    /// What was posted in each asset, and what is pending; in the order of the ledger's totals.
    turnover: Vec<(u128, u128)>,
    /// Accounts before this one agree with the ledger.
    compared: usize,
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
        Verification { next: 1, chain: Digest::ZERO, accounts: Vec::new(), turnover: Vec::new(), compared: 0 }
    }

    /// The number of the next posting to verify.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Verifies up to `blocks` more blocks and, behind the last one, a few thousand accounts. Gives whether the end of both
    /// is reached and all of it agrees with the ledger; the ledger may move on between steps. After the end it begins again
    /// with the first account.
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
                self.fold(number, &posting, ledger)?;
            }
            (self.next, self.chain) = (block.end(), block.hash);
        }
        if self.next < ledger.next {
            return Ok(false);
        }
        if self.chain != ledger.chain {
            return Err(damaged);
        }
        self.compare(ledger)
    }

    fn fold(&mut self, number: u64, posting: &Posting, ledger: &Ledger) -> Result<(), Halt> {
        let sides = [
            (posting.debit, posting.debit_after, posting.debit_previous, true),
            (posting.credit, posting.credit_after, posting.credit_previous, false),
        ];
        for (account, after, previous, is_debit) in sides {
            let folded = self.place(account).ok_or(Halt::Invariant("the fold has a place for each account"))?;
            let sums = step_sums(folded.sums, posting, is_debit);
            if sums != Some(after) || folded.last_posting != previous {
                return Err(Halt::Invariant("a sum is the fold of its account's postings"));
            }
            *folded = Folded { sums: after, last_posting: number, postings: folded.postings + 1 };
        }
        let asset = ledger.slot(posting.debit)?.asset as usize;
        if asset >= self.turnover.len() {
            self.turnover.resize(ledger.totals.len().max(asset + 1), (0, 0));
        }
        // The debit side alone: the credit side gets the same amount.
        let fits = self.turnover.get_mut(asset).and_then(|(posted, pending)| {
            let sums = Sums { debits_posted: *posted, debits_pending: *pending, ..Sums::default() };
            let after = step_sums(sums, posting, true)?;
            (*posted, *pending) = (after.debits_posted, after.debits_pending);
            Some(())
        });
        fits.ok_or(Halt::Invariant("sums fit into 128 bits"))
    }

    /// Compares the next accounts; all of the journal is folded. Gives whether none is left.
    fn compare(&mut self, ledger: &Ledger) -> Result<bool, Halt> {
        let until = (self.compared + COMPARED_AT_ONCE).min(ledger.accounts.len());
        for number in self.compared..until {
            let account = AccountId(u32::try_from(number).map_err(|_| Halt::Invariant("accounts are limited"))?);
            let slot = ledger.slot(account)?;
            let held = Folded { sums: slot.sums, last_posting: slot.last_posting, postings: slot.postings };
            if held != self.folded(account) {
                return Err(Halt::Invariant("an account's sums are the fold of its postings"));
            }
            slot.check()?;
        }
        self.compared = until;
        if until < ledger.accounts.len() {
            return Ok(false);
        }
        self.compared = 0;
        for (place, (_, total)) in ledger.totals.iter().enumerate() {
            if self.turnover.get(place).copied().unwrap_or_default() != (total.posted, total.pending) {
                return Err(Halt::Invariant("an asset's turnover is the fold of its postings"));
            }
        }
        Ok(true)
    }

    /// The place of an account in the fold, made where there is none.
    fn place(&mut self, account: AccountId) -> Option<&mut Folded> {
        let (page, at) = (account.0 as usize / PAGE, account.0 as usize % PAGE);
        if page >= self.accounts.len() {
            self.accounts.resize(page + 1, Vec::new());
        }
        let page = self.accounts.get_mut(page)?;
        if page.is_empty() {
            page.resize(PAGE, Folded::default());
        }
        page.get_mut(at)
    }

    fn folded(&self, account: AccountId) -> Folded {
        let page = self.accounts.get(account.0 as usize / PAGE);
        page.and_then(|page| page.get(account.0 as usize % PAGE)).copied().unwrap_or_default()
    }

    /// An account's sums as the postings so far make them.
    #[must_use]
    pub fn sums(&self, account: AccountId) -> Sums {
        self.folded(account).sums
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
