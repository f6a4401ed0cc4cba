//! Transfers between accounts that are opened for them: what other rooms of the state build in place.

use crate::account::{AccountId, OpenAccount};
use crate::entry::{Entry, Stop};
use crate::halt::Halt;
use crate::outcome::{Done, Outcome, Rejection};
use crate::transfer::{Transfer, TransferId};

impl Entry<'_> {
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
