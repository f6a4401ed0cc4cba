//! Rehearsals: an entry that is carried out and taken back whole, to see what it would do.

use crate::account::{AccountId, AccountKey};
use crate::entry::Entry;
use crate::halt::Halt;
use crate::ledger::{At, Ledger};
use crate::posting::{POSTING_BYTES, Posting};
use crate::rows::{History, Table};

/// A posting that would be made. Its accounts are told by their keys, because they may not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsed {
    /// The number that it would have now.
    pub number: u64,
    /// The posting, with the balances after it.
    pub posting: Posting,
    /// The debited account.
    pub debit: AccountKey,
    /// The credited account.
    pub credit: AccountKey,
}

/// What an entry would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal<T> {
    /// What the caller made of it.
    pub value: T,
    /// The postings that would be made, expiries first.
    pub postings: Vec<Rehearsed>,
}

impl Ledger {
    /// Opens an entry as [`Ledger::enter`] does, lets `run` act in it, and takes everything back. The ledger is the same
    /// afterwards, also where it fails.
    ///
    /// # Errors
    /// Those of `run`, and rows that cannot be read: the node must stop.
    pub fn rehearse<T, E: From<Halt>>(
        &mut self,
        at: At,
        history: &dyn History,
        run: impl FnOnce(&mut Entry<'_>) -> Result<T, E>,
    ) -> Result<Rehearsal<T>, E> {
        let first = self.next;
        let mut entry = Entry::new(self, at, history);
        let mark = entry.mark(true);
        let ran = match entry.expire_holds() {
            Ok(()) => run(&mut entry),
            Err(halt) => Err(halt.into()),
        };
        let postings = entry.rehearsed(first);
        entry.abandon(mark)?;
        Ok(Rehearsal { value: ran?, postings: postings? })
    }
}

impl Entry<'_> {
    /// The postings so far, the first of which has the number `first`.
    fn rehearsed(&self, first: u64) -> Result<Vec<Rehearsed>, Halt> {
        let key = |account: AccountId| self.ledger.identity(account).map(|(key, _)| key);
        let records = (first..).zip(self.postings.chunks_exact(POSTING_BYTES));
        let all = records.map(|(number, record)| {
            let posting = Posting::decode(record).map_err(|error| Halt::row(Table::Journal, error))?;
            Ok(Rehearsed { number, posting, debit: key(posting.debit)?, credit: key(posting.credit)? })
        });
        all.collect()
    }
}
