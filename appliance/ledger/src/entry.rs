//! One log entry while it is applied: its time, its postings, its changed rows, and how to take steps back.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use hashbrown::HashMap;
use serde::Serialize;

use crate::account::{AccountId, OpenAccount};
use crate::codec;
use crate::command::Command;
use crate::halt::Halt;
use crate::journal::{self, Block};
use crate::ledger::{At, Head, Ledger};
use crate::outcome::{Done, Outcome, Rejection};
use crate::planted::Bug;
use crate::posting::{Dirties, Kind, POSTING_BYTES, Posting};
use crate::revert::Revert;
use crate::rows::{Change, Edit, History, Table};
use crate::transfer::{HoldId, Transfer, TransferId};
use crate::undo::Undo;

/// Why a command did not take effect.
#[derive(Debug)]
pub(crate) enum Stop {
    Rejected(Rejection),
    Halt(Halt),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Stop {
        Stop::Halt(halt)
    }
}

/// Something that changed since its row was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dirty {
    Account(AccountId),
    Hold(HoldId),
}

/// An open log entry. Commands take effect in order, each seeing what the earlier ones did; [`Entry::close`] gives the
/// rows. After a [`Halt`] the whole ledger must be dropped.
#[derive(Debug)]
pub struct Entry<'a> {
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) history: &'a dyn History,
    pub(crate) at: At,
    /// Replicated time: the entry's stamp, never before that of an earlier entry.
    pub(crate) now: Timestamp,
    /// The head row as it was.
    head: Head,
    /// The number of the entry's first posting.
    first: u64,
    /// Encoded postings.
    pub(crate) postings: Vec<u8>,
    pub(crate) changes: Vec<Change>,
    /// Rows read ahead.
    pub(crate) fetched: HashMap<Vec<u8>, Option<Vec<u8>>>,
    /// Where in `changes` the rows are that this entry may read again.
    pub(crate) overlay: BTreeMap<Vec<u8>, usize>,
    /// Ids that stay in memory only as long as the entry.
    pub(crate) passing_ids: Vec<TransferId>,
    pub(crate) undo: Vec<Undo>,
    pub(crate) marks: u32,
}

impl std::fmt::Debug for dyn History + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("History")
    }
}

impl<'a> Entry<'a> {
    pub(crate) fn new(ledger: &'a mut Ledger, at: At, history: &'a dyn History) -> Entry<'a> {
        let (first, head, now) = (ledger.next, ledger.head(), ledger.time.max(at.time));
        let postings = std::mem::take(&mut ledger.buffer);
        Entry {
            ledger,
            history,
            at,
            now,
            head,
            first,
            postings,
            changes: Vec::new(),
            fetched: HashMap::new(),
            overlay: BTreeMap::new(),
            passing_ids: Vec::new(),
            undo: Vec::new(),
            marks: 0,
        }
    }

    /// Reads in one go the rows that these commands will need, as far as that can be told beforehand.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub fn prefetch(&mut self, commands: &[Command]) -> Result<(), Halt> {
        let keys = self.ledger.lookups(commands);
        if !keys.is_empty() {
            let rows = self.history.get_many(&keys)?;
            self.fetched.extend(keys.into_iter().zip(rows));
        }
        Ok(())
    }

    /// Runs one command.
    ///
    /// # Errors
    /// The node must stop, and the ledger must not be used any more.
    pub fn run(&mut self, command: &Command) -> Result<Outcome, Halt> {
        let result = match command {
            Command::Open(command) => self.open_account(command),
            Command::Transfer(transfer) => self.transfer(transfer),
            Command::Revert(revert) => self.revert(revert),
            Command::Bulk(transfers) => self.bulk(transfers),
        };
        outcome(result)
    }

    /// As [`Entry::run`], of an account.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn run_open(&mut self, command: &OpenAccount) -> Result<Outcome, Halt> {
        let result = self.open_account(command);
        outcome(result)
    }

    /// As [`Entry::run`], of a transfer.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn run_transfer(&mut self, transfer: &Transfer) -> Result<Outcome, Halt> {
        let result = self.transfer(transfer);
        outcome(result)
    }

    /// As [`Entry::run`], of a revert.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn run_revert(&mut self, revert: &Revert) -> Result<Outcome, Halt> {
        let result = self.revert(revert);
        outcome(result)
    }

    /// A posting that this entry made, with the balances after it.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn posting(&self, number: u64) -> Result<Option<Posting>, Halt> {
        if number < self.first || number >= self.ledger.next {
            return Ok(None);
        }
        Ok(self.postings_of(number, 1)?.0.pop())
    }

    /// The ledger as the commands so far left it.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }

    /// Ends the entry: the rows that changed, to be written in this order.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn close(mut self) -> Result<Vec<Change>, Halt> {
        self.seal_blocks();
        let window = self.ledger.sizes.window_postings;
        while let Some((since, dirty)) = self.ledger.dirty.front().copied() {
            if since.saturating_add(window) >= self.ledger.next {
                break;
            }
            self.ledger.dirty.pop_front();
            match dirty {
                Dirty::Account(account) if self.ledger.has(Bug::AccountRowLost) => {
                    self.ledger.slot_mut(account)?.dirty = false;
                }
                Dirty::Account(account) => self.put_account(account)?,
                Dirty::Hold(hold) => self.put_hold(hold),
            }
        }
        let Entry { ledger, mut changes, passing_ids, head, mut postings, now, .. } = self;
        for id in &passing_ids {
            ledger.ids.known.remove(id);
        }
        let lose = ledger.has(Bug::IdLostWhenSealed);
        ledger.ids.seal(ledger.next - 1, &ledger.sizes, lose, &mut changes);
        if !changes.is_empty() {
            ledger.time = now;
        }
        let new_head = ledger.head();
        if new_head != head {
            let value = codec::encode(&new_head);
            changes.push(Change { table: Table::Head, key: Table::Head.key(&[]), edit: Edit::Put(value) });
        }
        postings.clear();
        ledger.buffer = postings;
        Ok(changes)
    }

    fn seal_blocks(&mut self) {
        let mut first = self.first;
        for chunk in self.postings.chunks(self.ledger.sizes.block_postings * POSTING_BYTES) {
            let value = Block::encode(self.at.index, self.now, self.ledger.chain, chunk);
            self.ledger.chain = Block::hash(&value);
            let key = Table::Journal.key(&first.to_be_bytes());
            self.changes.push(Change { table: Table::Journal, key, edit: Edit::Put(value) });
            first += (chunk.len() / POSTING_BYTES) as u64;
        }
    }

    /// Puts a posting into the journal and its effect into both accounts. Everything was checked before.
    pub(crate) fn post(&mut self, mut posting: Posting, dirties_hold: bool) -> Result<(), Halt> {
        let number = self.ledger.next;
        let bug = Some(Bug::CreditForgotten).filter(|bug| self.ledger.has(*bug));
        let (debit_id, credit_id) = (posting.debit, posting.credit);
        let slots = self.ledger.accounts.pair_mut(debit_id, credit_id);
        let [debit, credit] = slots.ok_or(Halt::Invariant("a posting has two different accounts"))?;
        if debit.asset != credit.asset {
            return Err(Halt::Invariant("a posting has one asset"));
        }
        let total = self.ledger.totals.get_mut(debit.asset as usize);
        let (_, total) = total.ok_or(Halt::Invariant("an account's asset has a total"))?;
        if self.marks > 0 {
            self.undo.push(Undo::Slot(debit_id, *debit));
            self.undo.push(Undo::Slot(credit_id, *credit));
            self.undo.push(Undo::Total(debit.asset, *total));
        }

        let amount = posting.amount;
        let (left, right) = (&mut debit.sums, &mut credit.sums);
        if matches!(posting.kind, Kind::Capture | Kind::Release | Kind::Expire) {
            for sum in [&mut left.debits_pending, &mut right.credits_pending, &mut total.pending] {
                *sum = sum.checked_sub(amount).ok_or(Halt::Invariant("what a hold gives back is pending"))?;
            }
        }
        let grows = match posting.kind {
            Kind::Post | Kind::Capture | Kind::Revert => {
                Some([&mut left.debits_posted, &mut right.credits_posted, &mut total.posted])
            }
            Kind::Hold => Some([&mut left.debits_pending, &mut right.credits_pending, &mut total.pending]),
            Kind::Release | Kind::Expire => None,
        };
        let forgotten = bug == Some(Bug::CreditForgotten) && posting.kind == Kind::Capture;
        for (side, sum) in (0..).zip(grows.into_iter().flatten()) {
            if forgotten && side == 1 {
                continue;
            }
            *sum = sum.checked_add(amount).ok_or(Halt::Invariant("sums fit into 128 bits"))?;
        }

        (posting.debit_after, posting.credit_after) = (debit.sums, credit.sums);
        (posting.debit_previous, posting.credit_previous) = (debit.last_posting, credit.last_posting);
        posting.dirties = Dirties { debit: !debit.dirty, credit: !credit.dirty, hold: dirties_hold };
        for (slot, account) in [(debit, debit_id), (credit, credit_id)] {
            (slot.last_posting, slot.postings) = (number, slot.postings + 1);
            if !slot.dirty {
                slot.dirty = true;
                self.ledger.dirty.push_back((number, Dirty::Account(account)));
            }
            if slot.postings.is_multiple_of(self.ledger.sizes.index_postings) {
                let key = index_key(account, self.now, number);
                self.changes.push(Change { table: Table::AccountIndex, key, edit: Edit::Put(vec![codec::VERSION]) });
            }
        }
        posting.append(&mut self.postings);
        self.ledger.next = number + 1 + u64::from(self.ledger.has(Bug::NumberSkipped) && number == 30);
        Ok(())
    }

    pub(crate) fn push_dirty(&mut self, number: u64, dirty: Dirty) {
        self.ledger.dirty.push_back((number, dirty));
    }

    /// Postings by number, of this entry or an earlier one, and when they were posted.
    pub(crate) fn postings_of(&self, first: u64, count: u8) -> Result<(Vec<Posting>, Timestamp), Halt> {
        let Some(place) = first.checked_sub(self.first) else {
            return journal::read(self.history, first, usize::from(count));
        };
        let records = self.postings.chunks_exact(POSTING_BYTES).skip(place as usize).take(usize::from(count));
        let postings = records.map(Posting::decode).collect::<Result<Vec<_>, _>>();
        Ok((postings.map_err(|error| Halt::row(Table::Journal, error))?, self.now))
    }

    pub(crate) fn note(&self, first: u64) -> Result<Option<String>, Halt> {
        let row = self.get(&Table::Note.key(&first.to_be_bytes()))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Note, error))).transpose()
    }

    pub(crate) fn put_note(&mut self, first: u64, note: &str) {
        self.put_overlaid(Table::Note, &first.to_be_bytes(), note);
    }

    /// A row as of now: written by this entry, read ahead, or from below.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        let own = self.overlay.get(key).and_then(|place| self.changes.get(*place));
        if let Some(Change { edit: Edit::Put(value), .. }) = own {
            return Ok(Some(value.clone()));
        }
        match self.fetched.get(key) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.history.get(key)?),
        }
    }

    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, table: Table, suffix: &[u8], value: &T) {
        let edit = Edit::Put(codec::encode(value));
        self.changes.push(Change { table, key: table.key(suffix), edit });
    }

    /// As `put`, for rows that the same entry may read.
    pub(crate) fn put_overlaid<T: Serialize + ?Sized>(&mut self, table: Table, suffix: &[u8], value: &T) {
        self.overlay.insert(table.key(suffix), self.changes.len());
        self.put(table, suffix, value);
    }

    pub(crate) fn delete(&mut self, table: Table, suffix: &[u8]) {
        self.changes.push(Change { table, key: table.key(suffix), edit: Edit::Delete });
    }
}

fn outcome(result: Result<Done, Stop>) -> Result<Outcome, Halt> {
    match result {
        Ok(done) => Ok(Outcome::Done(done)),
        Err(Stop::Rejected(rejection)) => Ok(Outcome::Rejected(rejection)),
        Err(Stop::Halt(halt)) => Err(halt),
    }
}

/// The key of an indexed posting of an account.
pub(crate) fn index_key(account: AccountId, time: Timestamp, number: u64) -> Vec<u8> {
    let mut suffix = [0; 20];
    suffix[..4].copy_from_slice(&account.0.to_be_bytes());
    suffix[4..12].copy_from_slice(&time.0.to_be_bytes());
    suffix[12..].copy_from_slice(&number.to_be_bytes());
    Table::AccountIndex.key(&suffix)
}
