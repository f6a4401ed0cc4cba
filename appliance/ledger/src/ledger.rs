//! The working set, and the doors through which log entries come in.

use std::collections::{BTreeSet, VecDeque};

use exchequer_domain::{Digest, Timestamp};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::account::{AccountId, AccountKey, Asset, Slot, Sums};
use crate::accounts::Accounts;
use crate::chart::Holder;
use crate::command::Command;
use crate::entry::{Dirty, Entry};
use crate::halt::Halt;
use crate::hold::Hold;
use crate::ids::Ids;
use crate::limits::Sizes;
use crate::outcome::Outcome;
use crate::posting::Posting;
use crate::revert::Revert;
use crate::rows::{Change, History, Table};
use crate::transfer::{HoldId, Leg, Transfer, TransferId};

/// Where and when a log entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The entry's index.
    pub index: u64,
    /// Replicated time: the leader's stamp.
    pub time: Timestamp,
}

/// What an entry did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// One outcome per command.
    pub outcomes: Vec<Outcome>,
    /// The rows that changed, to be written in this order.
    pub changes: Vec<Change>,
}

/// What a dry run shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trial {
    /// One outcome per command.
    pub outcomes: Vec<Outcome>,
    /// The postings that would be made, expiries first, with the balances after each.
    pub postings: Vec<Posting>,
}

/// An asset's turnover, in its minor units: as much debited as credited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Everything ever posted.
    pub posted: u128,
    /// What open holds keep back.
    pub pending: u128,
    /// What open orders keep back; in no row, see [`crate::reservation`].
    pub reserved: u128,
}

impl Total {
    /// Whether so much more can be promised or posted: all of it together has to fit, so that what was promised can
    /// always be posted.
    pub(crate) fn has_room(&self, amount: u128) -> bool {
        let promised = self.pending.checked_add(self.reserved).and_then(|sum| sum.checked_add(amount));
        promised.and_then(|sum| sum.checked_add(self.posted)).is_some()
    }
}

/// The row of what moves on with every entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The number of the next posting.
    pub(crate) next: u64,
    /// The hash of the last block.
    pub(crate) chain: Digest,
    /// When the ledger last changed.
    pub(crate) time: Timestamp,
    /// The first posting whose effects may not be in rows of accounts and holds.
    pub(crate) horizon: u64,
    /// As in [`Ids`].
    pub(crate) ids_from: u64,
    /// As in [`Ids`].
    pub(crate) fence: u128,
}

/// The working set: everything that `apply` decides by, except what is looked up in [`History`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    pub(crate) sizes: Sizes,
    pub(crate) accounts: Accounts,
    /// Accounts that are not customers', in the order of their numbers.
    pub(crate) system: Vec<AccountId>,
    /// In the order of their first account.
    pub(crate) totals: Vec<(Asset, Total)>,
    /// Looked up, never iterated.
    pub(crate) holds: HashMap<HoldId, Hold>,
    pub(crate) expiries: BTreeSet<(Timestamp, HoldId)>,
    pub(crate) ids: Ids,
    /// What changed since its row was written, by the posting that changed it first.
    pub(crate) dirty: VecDeque<(u64, Dirty)>,
    pub(crate) next: u64,
    pub(crate) chain: Digest,
    pub(crate) time: Timestamp,
    /// Memory for the postings of an entry; empty between entries.
    pub(crate) buffer: Vec<u8>,
    #[cfg(test)]
    pub(crate) bug: Option<crate::planted::Bug>,
}

impl Default for Ledger {
    fn default() -> Ledger {
        Ledger::with_sizes(Sizes::STANDARD)
    }
}

impl Ledger {
    /// The ledger before the first entry.
    #[must_use]
    pub fn new() -> Ledger {
        Ledger::default()
    }

    pub(crate) fn with_sizes(sizes: Sizes) -> Ledger {
        Ledger {
            sizes,
            accounts: Accounts::default(),
            system: Vec::new(),
            totals: Vec::new(),
            holds: HashMap::new(),
            expiries: BTreeSet::new(),
            ids: Ids { from: 1, ..Ids::default() },
            dirty: VecDeque::new(),
            next: 1,
            chain: Digest::ZERO,
            time: Timestamp(0),
            buffer: Vec::new(),
            #[cfg(test)]
            bug: None,
        }
    }

    /// Opens a log entry and lets holds expire whose time is over; needed for every entry, also one without commands. `history` shows everything that was applied before.
    ///
    /// # Errors
    /// The node must stop, and this ledger must not be used any more.
    pub fn enter<'a>(&'a mut self, at: At, history: &'a dyn History) -> Result<Entry<'a>, Halt> {
        let mut entry = Entry::new(self, at, history);
        entry.expire_holds()?;
        Ok(entry)
    }

    /// Applies a whole log entry of commands, in their order. Commands of one list need not succeed together; that is
    /// what [`Command::Bulk`] is for.
    ///
    /// # Errors
    /// The node must stop, and this ledger must not be used any more.
    pub fn apply(&mut self, at: At, commands: &[Command], history: &dyn History) -> Result<Applied, Halt> {
        let mut entry = self.enter(at, history)?;
        entry.prefetch(commands)?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            outcomes.push(entry.run(command)?);
        }
        let changes = entry.close()?;
        Ok(Applied { outcomes, changes })
    }

    /// What these commands would do now, as one entry. The ledger is the same afterwards.
    ///
    /// # Errors
    /// As [`Ledger::apply`], but the ledger is the same afterwards all the same.
    pub fn dry_run(&mut self, at: At, commands: &[Command], history: &dyn History) -> Result<Trial, Halt> {
        let rehearsal = self.rehearse(at, history, |entry| {
            entry.prefetch(commands)?;
            commands.iter().map(|command| entry.run(command)).collect::<Result<Vec<_>, Halt>>()
        })?;
        let postings = rehearsal.postings.into_iter().map(|posted| posted.posting).collect();
        Ok(Trial { outcomes: rehearsal.value, postings })
    }

    /// Keys of rows that an entry with these commands may read, to be fetched before it is applied. Ascending new ids
    /// need none. Late time-ordered ids also need one seek in the pages, which is not a key, and a capture that fails may
    /// read one row more.
    #[must_use]
    pub fn lookups(&self, commands: &[Command]) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        for command in commands {
            match command {
                Command::Open(_) => {}
                Command::Transfer(transfer) => self.transfer_lookups(transfer, &mut keys),
                Command::Revert(revert) => self.revert_lookups(revert, &mut keys),
                Command::Bulk(transfers) => {
                    transfers.iter().for_each(|transfer| self.transfer_lookups(transfer, &mut keys));
                }
            }
        }
        keys
    }

    /// The key of the row that tells what became of an id, where it is not in memory.
    #[must_use]
    pub fn id_lookup(&self, id: TransferId) -> Option<Vec<u8>> {
        self.ids.lookup(id)
    }

    /// As [`Ledger::lookups`], of a revert.
    pub fn revert_lookups(&self, revert: &Revert, keys: &mut Vec<Vec<u8>>) {
        keys.extend(self.ids.lookup(revert.id));
        keys.extend(self.ids.lookup(revert.of));
        keys.push(Table::Reverted.key(&revert.of.0.to_be_bytes()));
    }

    /// As [`Ledger::lookups`], of a transfer.
    pub fn transfer_lookups(&self, transfer: &Transfer, keys: &mut Vec<Vec<u8>>) {
        keys.extend(self.ids.lookup(transfer.id));
        for leg in transfer.legs.iter() {
            match leg {
                Leg::Post { .. } | Leg::Hold { .. } => {}
                Leg::Capture { hold, .. } | Leg::Release { hold, .. } => {
                    let missing = !self.holds.contains_key(hold);
                    keys.extend(Some(hold.transfer).filter(|_| missing).and_then(|id: TransferId| self.ids.lookup(id)));
                }
            }
        }
    }

    pub(crate) fn head(&self) -> Head {
        Head {
            next: self.next,
            chain: self.chain,
            time: self.time,
            horizon: self.dirty.front().map_or(self.next, |(since, _)| *since),
            ids_from: self.ids.from,
            fence: self.ids.fence,
        }
    }

    pub(crate) fn slot(&self, account: AccountId) -> Result<&Slot, Halt> {
        self.accounts.slot(account).ok_or(Halt::Invariant("an account that was checked exists"))
    }

    pub(crate) fn slot_mut(&mut self, account: AccountId) -> Result<&mut Slot, Halt> {
        self.accounts.slot_mut(account).ok_or(Halt::Invariant("an account that was checked exists"))
    }

    pub(crate) fn identity(&self, account: AccountId) -> Result<(AccountKey, bool), Halt> {
        // Overdraft is nothing but that no limit is kept.
        let overdraft = self.slot(account)?.limit.is_none();
        let key = self.accounts.key(account).ok_or(Halt::Invariant("an account that was checked exists"))?;
        Ok((*key, overdraft))
    }

    pub(crate) fn total(&self, asset: u32) -> Result<Total, Halt> {
        let total = self.totals.get(asset as usize).map(|(_, total)| *total);
        total.ok_or(Halt::Invariant("an account's asset has a total"))
    }

    /// Adds an account with empty sums, whose key is new; also tells whether its asset is new.
    pub(crate) fn add_account(&mut self, key: AccountKey, overdraft: bool) -> Result<(AccountId, bool), Halt> {
        self.add_account_by(key, overdraft, Accounts::push)
    }

    /// As [`Ledger::add_account`], with the way of adding it to the others.
    pub(crate) fn add_account_by(
        &mut self,
        key: AccountKey,
        overdraft: bool,
        add: impl FnOnce(&mut Accounts, AccountKey, Slot) -> Option<AccountId>,
    ) -> Result<(AccountId, bool), Halt> {
        let known = self.totals.iter().position(|(asset, _)| *asset == key.asset);
        let asset = known.unwrap_or(self.totals.len());
        if known.is_none() {
            self.totals.push((key.asset, Total::default()));
        }
        let slot = Slot {
            sums: Sums::default(),
            reserved: 0,
            last_posting: 0,
            postings: 0,
            open_holds: 0,
            asset: u32::try_from(asset).map_err(|_| Halt::Invariant("assets are limited by accounts"))?,
            limit: (!overdraft).then(|| key.holder.normal_side()),
            dirty: false,
        };
        let added = add(&mut self.accounts, key, slot);
        let account = added.ok_or(Halt::Invariant("accounts are limited, and each key has one"))?;
        if !matches!(key.holder, Holder::Customer { .. }) {
            self.system.push(account);
        }
        Ok((account, known.is_none()))
    }

    pub(crate) fn remove_last_account(&mut self, with_asset: bool) {
        if let Some((key, _)) = self.accounts.pop()
            && !matches!(key.holder, Holder::Customer { .. })
        {
            self.system.pop();
        }
        if with_asset {
            self.totals.pop();
        }
    }

    /// Puts, replaces or removes an open hold, keeps the expiries in step, and gives what was there.
    pub(crate) fn set_hold(&mut self, id: HoldId, hold: Option<Hold>) -> Option<Hold> {
        let before = match hold {
            Some(hold) => self.holds.insert(id, hold),
            None => self.holds.remove(&id),
        };
        let (old, new) = (before.and_then(|hold| hold.expires), hold.and_then(|hold| hold.expires));
        if old != new {
            if let Some(at) = old {
                self.expiries.remove(&(at, id));
            }
            if let Some(at) = new {
                self.expiries.insert((at, id));
            }
        }
        before
    }
}
