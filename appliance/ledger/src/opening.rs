//! Transfers between accounts that are opened for them: what other rooms of the state build in place.

use crate::account::{AccountId, OpenAccount};
use crate::entry::{Entry, Stop};
use crate::halt::Halt;
use crate::outcome::{Done, Outcome, Rejection};
use crate::transfer::{Transfer, TransferId};

/// How far an entry has come, as [`Entry::progress`] saw it.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    accounts: usize,
    assets: usize,
    changes: usize,
    next: u64,
}

impl Entry<'_> {
    /// How far the entry has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let Entry { ledger, changes, .. } = self;
        Progress {
            accounts: ledger.accounts.len(),
            assets: ledger.totals.len(),
            changes: changes.len(),
            next: ledger.next,
        }
    }

    /// Takes back the accounts that were opened since then for something that was refused; false, and nothing done, where
    /// anything else was done since, which may be theirs.
    pub fn take_back_openings(&mut self, since: Progress) -> bool {
        let count = self.ledger.accounts.len();
        let opened = count.saturating_sub(since.accounts);
        // An opening is one changed row.
        let nothing_else = self.ledger.next == since.next && self.changes.len() == since.changes + opened;
        let slot = |place: usize| self.ledger.accounts.slot(AccountId(u32::try_from(place).ok()?));
        let mut new = (since.accounts..count).filter_map(slot);
        if !nothing_else || self.marks > 0 || new.any(|slot| slot.reserved > 0) {
            return false;
        }
        for last in (since.accounts..count).rev() {
            let asset_of = |place: usize| {
                let slot = self.ledger.accounts.slot(AccountId(u32::try_from(place).ok()?));
                slot.map(|slot| slot.asset as usize)
            };
            // The first account of an asset brought its total with it.
            let asset = asset_of(last);
            let is_first = (since.accounts..last).all(|place| asset_of(place) != asset);
            self.ledger.remove_last_account(is_first && asset.is_some_and(|asset| asset >= since.assets));
        }
        self.changes.truncate(since.changes);
        self.overlay.retain(|_, at| *at < since.changes);
        true
    }

    /// Whether an id was used before: a transfer under it is a repetition, or refused.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn is_used(&mut self, id: TransferId) -> Result<bool, Halt> {
        // The transfer itself will ask again.
        if let Some(key) = self.ledger.id_lookup(id)
            && !self.fetched.contains_key(&key)
        {
            let row = self.history.get(&key)?;
            self.fetched.insert(key, row);
        }
        Ok(self.used(id)?.is_some())
    }

    /// Opens those of `accounts` whose keys have none yet, then runs the transfer that `build` makes of their numbers.
    /// Where it is refused no account is opened, and only its id may be burnt.
    ///
    /// # Errors
    /// As [`Entry::run`].
    pub fn run_opening<const N: usize>(
        &mut self,
        accounts: &[OpenAccount; N],
        build: impl FnOnce([AccountId; N]) -> Transfer,
    ) -> Result<Outcome, Halt> {
        let mark = self.mark(true);
        let mut ids = [AccountId(0); N];
        for (id, account) in ids.iter_mut().zip(accounts) {
            *id = match self.opened(account) {
                Ok(id) => id,
                Err(Stop::Halt(halt)) => return Err(halt),
                Err(Stop::Rejected(rejection)) => {
                    self.rewind(mark)?;
                    return Ok(Outcome::Rejected(rejection));
                }
            };
        }
        let transfer = build(ids);
        let outcome = self.run_transfer(&transfer)?;
        match outcome {
            Outcome::Done(_) => self.forget(mark),
            Outcome::Rejected(rejection) => {
                self.rewind(mark)?;
                if rejection.burns() {
                    self.burn(transfer.id, rejection);
                }
            }
        }
        Ok(outcome)
    }

    fn opened(&mut self, account: &OpenAccount) -> Result<AccountId, Stop> {
        if let Some(id) = self.ledger.find(&account.key) {
            return Ok(id);
        }
        match self.open_account(account)? {
            Done::AccountOpened { account } | Done::AccountExists { account } => Ok(account),
            Done::Posted { .. } | Done::Exists { .. } | Done::Bulk(_) => Err(Rejection::AccountsFull.into()),
        }
    }
}
