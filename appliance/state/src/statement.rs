//! What is read of the ledger through the state: accounts, balances, postings, transfers, the trial balance.
//!
//! `rows` must show everything that the state has applied.

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger::query::{BalanceAt, Posted, TransferState};
use exchequer_ledger::{
    Account, AccountId, AccountKey, Asset, Holder, Ledger, Side, TransferId, TrialBalance, Verification,
};

use crate::halt::Halt;
use crate::money::HistoryOf;
use crate::rows::Rows;
use crate::state::State;

/// What an account has, in minor units of its asset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Balance {
    /// What is posted on its normal side.
    pub posted: u128,
    /// What open holds and open orders keep back of it.
    pub held: u128,
    /// What can leave: posted without held, and zero where more is held.
    pub available: u128,
    /// What is posted on the other side, where overdraft let it come to that.
    pub overdrawn: u128,
}

impl Balance {
    /// The balance of an account.
    #[must_use]
    pub fn of(account: &Account) -> Balance {
        let (sums, side) = (&account.sums, account.key.holder.normal_side());
        let (held, other) = match side {
            Side::Debit => (sums.credits_pending, Side::Credit),
            Side::Credit => (sums.debits_pending, Side::Debit),
        };
        let held = held.saturating_add(account.reserved);
        Balance { posted: sums.balance(side), held, available: account.available(), overdrawn: sums.balance(other) }
    }
}

/// Which postings of an account, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// The newest first, from the one before a number, or from the newest of all.
    Newest {
        /// The number before which the page begins.
        before: Option<u64>,
    },
    /// The oldest first, from a number on.
    Oldest {
        /// The lowest number of the page.
        from: u64,
    },
}

impl State {
    /// The ledger as of the last entry.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The account of a holder for an asset.
    #[must_use]
    pub fn account(&self, key: &AccountKey) -> Option<Account> {
        self.ledger.find(key).and_then(|id| self.ledger.account(id))
    }

    /// A user's main account for an asset; none before its first credit.
    #[must_use]
    pub fn account_of(&self, user: UserId, asset: Asset) -> Option<Account> {
        self.account(&AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset })
    }

    /// The accounts of a user, or of one of its sub-accounts, in the order of the assets. Takes as long as there are
    /// assets.
    pub fn accounts_of(&self, user: UserId, sub_account: u16) -> impl Iterator<Item = Account> {
        let holder = Holder::Customer { customer: user.0, sub_account };
        self.assets.iter().filter_map(move |asset| self.account(&AccountKey { holder, asset: asset.number }))
    }

    /// Postings of an account, at most `limit` and [`exchequer_ledger::limits::PAGE_MAX`].
    ///
    /// # Errors
    /// The rows cannot be read or are damaged.
    pub fn postings(&self, rows: &dyn Rows, account: AccountId, page: Page, limit: usize) -> Result<Vec<Posted>, Halt> {
        let history = HistoryOf(rows);
        Ok(match page {
            Page::Newest { before } => self.ledger.postings(account, before, limit, &history)?,
            Page::Oldest { from } => self.ledger.postings_from(account, from, limit, &history)?,
        })
    }

    /// The ordered feed of all postings from a number on, with the same limits.
    ///
    /// # Errors
    /// As [`State::postings`].
    pub fn posting_feed(&self, rows: &dyn Rows, from: u64, limit: usize) -> Result<Vec<Posted>, Halt> {
        Ok(self.ledger.feed(from, limit, &HistoryOf(rows))?)
    }

    /// An account's sums behind everything that was posted up to and including `time`; none for no such account.
    ///
    /// # Errors
    /// As [`State::postings`].
    pub fn balance_at(&self, rows: &dyn Rows, account: AccountId, time: Timestamp) -> Result<Option<BalanceAt>, Halt> {
        let found = self.ledger.balance_at(account, time, &HistoryOf(rows))?;
        // Replicated time goes on where the ledger stands still.
        Ok(found.map(|found| BalanceAt { is_final: time < self.time, ..found }))
    }

    /// What became of a transfer's id; none if it was never used.
    ///
    /// # Errors
    /// As [`State::postings`].
    pub fn transfer(&self, rows: &dyn Rows, id: TransferId) -> Result<Option<TransferState>, Halt> {
        Ok(self.ledger.transfer(id, &HistoryOf(rows))?)
    }

    /// What each kind of holder has of an asset; none where it has no account.
    #[must_use]
    pub fn trial_balance(&self, asset: Asset) -> Option<TrialBalance> {
        self.ledger.trial_balance(asset)
    }

    /// Verifies up to `blocks` more blocks of the journal, of at most 128 postings each. Gives whether the end is reached
    /// and all of it agrees with the ledger.
    ///
    /// # Errors
    /// The journal was changed, has a gap, cannot be read, or does not make what the ledger holds.
    pub fn verify(&self, rows: &dyn Rows, verification: &mut Verification, blocks: usize) -> Result<bool, Halt> {
        Ok(verification.step(&self.ledger, blocks, &HistoryOf(rows))?)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchequer_ledger as ledger;
    use exchequer_ledger::{Cause, Leg, Reason, Transfer};

    use super::*;
    use crate::tests::world::{SECOND, START, World, asset, between, credit, user};
    use crate::{Body, Input, PostTransfers, Rejection};

    /// Goal: balances tell what is there, held and free, for a user as for equity behind zero. Method: a credit, a hold of
    /// a part of it that later expires by itself.
    #[test]
    fn balances_tell_what_is_free() {
        let mut world = World::with_accounts();
        world.run(credit(1, 10, 100)).unwrap();
        let (debit, credit) = (AccountId(1), AccountId(2));
        let expires = Some(START.plus(Duration::from_secs(60)));
        let cause = Cause { reason: Reason::Order, actor: ledger::Actor::System, reference: [1; 32] };
        let legs = Leg::Hold { debit, credit, amount: 4, expires }.into();
        let transfers = vec![Transfer { id: TransferId(101), legs, cause, note: None }];
        world.run(Body::PostTransfers(PostTransfers { transfers })).unwrap();
        let balance = |world: &World, id| Balance::of(&world.state.ledger().account(AccountId(id)).unwrap());
        let free = Balance { posted: 10, held: 0, available: 10, overdrawn: 0 };
        assert_eq!(balance(&world, 1), Balance { held: 4, available: 6, ..free });
        assert_eq!(balance(&world, 0), Balance { overdrawn: 10, ..Balance::default() });
        world.now = START.plus(Duration::from_secs(60));
        let applied = world.apply(Input::Noop).unwrap();
        assert!(applied.changes.iter().any(|change| change.key[0] == ledger::Table::Journal as u8));
        assert_eq!(balance(&world, 1), free);
    }

    /// Goal: what was posted is found again: by account from both ends, by time, by id, as a whole. Method: a handful of
    /// transfers, one of them refused, at known times.
    #[test]
    fn what_was_posted_is_found() {
        let mut world = World::new();
        world.entry_of([asset("BTC"), asset("ETH"), user("Ada"), user("Bob"), credit(1, 10, 100)]);
        for number in 1..=5 {
            world.now = START.plus(Duration::from_micros(number * SECOND));
            world.run(between(1, 2, 1, u128::from(100 + number))).unwrap();
        }
        assert!(matches!(world.run(between(1, 2, 9, 200)), Err(Rejection::Ledger(_))));
        let (state, rows) = (&world.state, &world.rows);
        let accounts: Vec<Account> = state.accounts_of(UserId(1), 0).collect();
        let [ada] = accounts.as_slice() else { panic!("{accounts:?}") };
        let numbers = |page, limit| -> Vec<u64> {
            state.postings(rows, ada.id, page, limit).unwrap().iter().map(|posted| posted.number).collect()
        };
        assert_eq!(numbers(Page::Newest { before: None }, 2), [6, 5]);
        assert_eq!(numbers(Page::Newest { before: Some(5) }, 9), [4, 3, 2, 1]);
        assert_eq!(numbers(Page::Oldest { from: 3 }, 2), [3, 4]);
        assert_eq!(state.posting_feed(rows, 5, 9).unwrap().len(), 2);
        let at = |us| state.balance_at(rows, ada.id, START.plus(Duration::from_micros(us))).unwrap().unwrap();
        assert_eq!((at(3 * SECOND).sums.debits_posted, at(3 * SECOND).is_final), (3, true));
        assert_eq!((at(3 * SECOND - 1).sums.debits_posted, at(5 * SECOND).is_final), (2, false));
        let found = |id| state.transfer(rows, TransferId(id)).unwrap();
        assert!(matches!(found(101), Some(TransferState::Posted { .. })));
        assert!(matches!(found(200), Some(TransferState::Burnt { .. })));
        assert_eq!(found(300), None);
        assert_eq!(state.trial_balance(Asset(1)).unwrap().total.posted, 15);
        assert_eq!(state.trial_balance(Asset(2)), None);
        let mut verification = Verification::new();
        let steps = (1..).find(|_| state.verify(rows, &mut verification, 2).unwrap()).unwrap();
        assert_eq!(steps, 3, "six blocks, two at a time");
    }
}
