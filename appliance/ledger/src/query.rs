//! Queries: accounts, balances now and at a time, transfers by id, holds, and the ordered feed of postings.
//!
//! `history` must show everything that the ledger has applied.

use exchequer_domain::{Digest, Timestamp};

use crate::account::{Account, AccountId, AccountKey, Asset, Sums};
use crate::codec;
use crate::entry::index_key;
use crate::halt::Halt;
use crate::hold::Hold;
use crate::ids::{IdRow, Used};
use crate::journal::{self, Block};
use crate::ledger::{Ledger, Total};
use crate::limits::PAGE_MAX;
use crate::outcome::Rejection;
use crate::planted::Bug;
use crate::posting::Posting;
use crate::rows::{History, Table};
use crate::transfer::{HoldId, TransferId};

/// A posting with its place and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// The index of the log entry that made it.
    pub index: u64,
    /// When.
    pub time: Timestamp,
    /// What.
    pub posting: Posting,
}

/// A balance at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceAt {
    /// The account's sums then.
    pub sums: Sums,
    /// The last posting that counts; zero for none.
    pub last_posting: u64,
    /// Whether it can still change, because replicated time has not gone past the time asked for.
    pub is_final: bool,
}

/// What became of a transfer's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    /// It was posted.
    Posted {
        /// Its postings.
        postings: Vec<Posted>,
        /// Its note.
        note: Option<String>,
        /// The transfer that reverted it.
        reverted_by: Option<TransferId>,
    },
    /// It failed, and its id is burnt.
    Burnt {
        /// Why it failed.
        because: Rejection,
    },
}

impl Ledger {
    /// How many accounts there are; their ids are all numbers below.
    #[must_use]
    pub fn accounts(&self) -> u32 {
        self.accounts.len() as u32
    }

    /// The account of a holder for an asset.
    #[must_use]
    pub fn find(&self, key: &AccountKey) -> Option<AccountId> {
        self.accounts.find(key)
    }

    /// An account as it is now.
    #[must_use]
    pub fn account(&self, id: AccountId) -> Option<Account> {
        let (slot, key) = (self.accounts.slot(id)?, *self.accounts.key(id)?);
        let overdraft = slot.limit.is_none();
        let (sums, last_posting, postings) = (slot.sums, slot.last_posting, slot.postings);
        let (open_holds, reserved) = (slot.open_holds, slot.reserved);
        Some(Account { id, key, overdraft, sums, last_posting, postings, open_holds, reserved })
    }

    /// The turnover of each asset, in the order in which the assets appeared.
    pub fn totals(&self) -> impl Iterator<Item = (Asset, Total)> {
        self.totals.iter().copied()
    }

    /// An open hold.
    #[must_use]
    pub fn hold(&self, id: HoldId) -> Option<Hold> {
        self.holds.get(&id).copied()
    }

    /// How many holds are open.
    #[must_use]
    pub fn open_holds(&self) -> usize {
        self.holds.len()
    }

    /// The number of the last posting; zero before the first.
    #[must_use]
    pub fn last_posting(&self) -> u64 {
        self.next - 1
    }

    /// The hash of the journal's last block, which vouches for the whole journal.
    #[must_use]
    pub fn chain(&self) -> Digest {
        self.chain
    }

    /// When the ledger last changed.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// The ordered feed: postings from a number on, at most `limit` and [`PAGE_MAX`].
    ///
    /// # Errors
    /// The rows cannot be read or are damaged.
    pub fn feed(&self, from: u64, limit: usize, history: &dyn History) -> Result<Vec<Posted>, Halt> {
        let limit = limit.min(PAGE_MAX);
        let mut feed = Vec::new();
        let mut number = from.max(1);
        while number < self.next && feed.len() < limit {
            let block = journal::block_of(history, number)?;
            while number < block.end() && feed.len() < limit {
                feed.push(posted(&block, number)?);
                number += 1;
            }
        }
        Ok(feed)
    }

    /// What became of a transfer's or revert's id; none if it was never used.
    ///
    /// # Errors
    /// As [`Ledger::feed`].
    pub fn transfer(&self, id: TransferId, history: &dyn History) -> Result<Option<TransferState>, Halt> {
        let used = self.ids.find(id, history, |key| Ok(history.get(key)?))?;
        Ok(Some(match used {
            None => return Ok(None),
            Some(Used::Posted { first, postings }) => {
                let postings = self.feed(first, usize::from(postings), history)?;
                let note = history.get(&Table::Note.key(&first.to_be_bytes()))?;
                let note = note.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Note, error)));
                let by = history.get(&Table::Reverted.key(&id.0.to_be_bytes()))?;
                let by = by.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::Reverted, error)));
                TransferState::Posted { postings, note: note.transpose()?, reverted_by: by.transpose()? }
            }
            Some(Used::Burnt { because: Some(because) }) => TransferState::Burnt { because },
            Some(Used::Burnt { because: None }) => {
                let row = history.get(&Table::LateId.key(&id.0.to_be_bytes()))?;
                let row = row.ok_or(Halt::RowDamaged { table: Table::LateId })?;
                match codec::decode(&row).map_err(|error| Halt::row(Table::LateId, error))? {
                    IdRow::Burnt { because, .. } => TransferState::Burnt { because },
                    IdRow::Posted { .. } => return Err(Halt::RowDamaged { table: Table::LateId }),
                }
            }
        }))
    }

    /// An account's postings, newest first, at most `limit` and [`PAGE_MAX`]; `before` a number, or from the newest.
    ///
    /// # Errors
    /// As [`Ledger::feed`].
    pub fn postings(
        &self,
        account: AccountId,
        before: Option<u64>,
        limit: usize,
        history: &dyn History,
    ) -> Result<Vec<Posted>, Halt> {
        let mut found = Vec::new();
        let Some(slot) = self.accounts.slot(account) else { return Ok(found) };
        let mut number = slot.last_posting;
        if let Some(before) = before.filter(|before| (1..=number).contains(before)) {
            let time = journal::block_of(history, before)?.time;
            number = self.indexed_from(account, time, before, history)?.unwrap_or(number);
        }
        self.walk(account, number, history, |posted, _| {
            if before.is_none_or(|before| posted.number < before) {
                found.push(posted);
            }
            found.len() < limit.min(PAGE_MAX)
        })?;
        Ok(found)
    }

    /// An account's postings from a number on, oldest first, at most `limit` and [`PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Ledger::feed`].
    pub fn postings_from(
        &self,
        account: AccountId,
        from: u64,
        limit: usize,
        history: &dyn History,
    ) -> Result<Vec<Posted>, Halt> {
        let (mut found, limit) = (Vec::new(), limit.min(PAGE_MAX));
        let Some(slot) = self.accounts.slot(account) else { return Ok(found) };
        let mut from = from.max(1);
        // Postings know the one before, so each indexed one is walked back to where the last walk began.
        while found.len() < limit && from <= slot.last_posting {
            let time = journal::block_of(history, from)?.time;
            let end = self.indexed_from(account, time, from, history)?.unwrap_or(slot.last_posting);
            let start = found.len();
            self.walk(account, end, history, |posted, _| {
                let wanted = posted.number >= from;
                if wanted {
                    found.push(posted);
                }
                wanted
            })?;
            if let Some(newest_first) = found.get_mut(start..) {
                newest_first.reverse();
            }
            from = end.saturating_add(1);
        }
        found.truncate(limit);
        Ok(found)
    }

    /// An account's balance behind everything that was posted up to and including `time`; none for no such account.
    /// Reads 64 postings at most, however long ago that was.
    ///
    /// # Errors
    /// As [`Ledger::feed`].
    pub fn balance_at(
        &self,
        account: AccountId,
        time: Timestamp,
        history: &dyn History,
    ) -> Result<Option<BalanceAt>, Halt> {
        let Some(slot) = self.accounts.slot(account) else { return Ok(None) };
        let is_final = time < self.time;
        let start = match time.0.checked_add(1).filter(|_| is_final) {
            Some(later) => self.indexed_from(account, Timestamp(later), 0, history)?,
            None => None,
        };
        let mut found = BalanceAt { sums: Sums::default(), last_posting: 0, is_final };
        self.walk(account, start.unwrap_or(slot.last_posting), history, |posted, sums| {
            if posted.time > time || (self.has(Bug::BalanceBeforeTime) && posted.time == time) {
                return true;
            }
            (found.sums, found.last_posting) = (sums, posted.number);
            false
        })?;
        Ok(Some(found))
    }

    /// The first indexed posting of an account from this time and number on.
    fn indexed_from(
        &self,
        account: AccountId,
        time: Timestamp,
        number: u64,
        history: &dyn History,
    ) -> Result<Option<u64>, Halt> {
        let until = index_key(account, Timestamp(u64::MAX), u64::MAX);
        let row = history.scan(&index_key(account, time, number), &until, 1, false)?;
        let Some((key, _)) = row.first() else { return Ok(None) };
        let number = key.last_chunk().copied().map(u64::from_be_bytes);
        number.map(Some).ok_or(Halt::RowDamaged { table: Table::AccountIndex })
    }

    /// Calls `each` with an account's postings and its sums after them, newest first, until it returns `false`.
    fn walk(
        &self,
        account: AccountId,
        from: u64,
        history: &dyn History,
        mut each: impl FnMut(Posted, Sums) -> bool,
    ) -> Result<(), Halt> {
        let mut number = from;
        let mut block: Option<Block> = None;
        while number > 0 {
            let present = match block.take().filter(|block| (block.first..block.end()).contains(&number)) {
                Some(present) => present,
                None => journal::block_of(history, number)?,
            };
            let posted = posted(&present, number)?;
            let side = posted.posting.side(account);
            let (sums, previous) = side.ok_or(Halt::RowDamaged { table: Table::Journal })?;
            if previous >= number {
                return Err(Halt::RowDamaged { table: Table::Journal });
            }
            if !each(posted, sums) {
                break;
            }
            (number, block) = (previous, Some(present));
        }
        Ok(())
    }
}

fn posted(block: &Block, number: u64) -> Result<Posted, Halt> {
    let posting = block.posting(number)?.ok_or(Halt::RowDamaged { table: Table::Journal })?;
    Ok(Posted { number, index: block.index, time: block.time, posting })
}
