//! Accounts: four sums per holder and asset, and the limit that keeps a balance on its normal side.

use serde::{Deserialize, Serialize};

use crate::chart::{Holder, Side};
use crate::entry::{Entry, Stop};
use crate::halt::Halt;
use crate::outcome::{Done, Rejection};
use crate::rows::Table;
use crate::undo::Undo;

/// The number of an asset. Amounts of different assets never meet in one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Asset(pub u32);

/// The number of an account: from 0, in the order of opening, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u32);

/// What makes an account the only one of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AccountKey {
    /// Whose it is and what for.
    pub holder: Holder,
    /// What it counts.
    pub asset: Asset,
}

/// Opens an account. The same key again gives the account that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAccount {
    /// What account.
    pub key: AccountKey,
    /// Whether its balance may leave its normal side.
    pub overdraft: bool,
}

/// The four sums of an account, in minor units of its asset. A balance is never one signed number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Everything ever debited.
    pub debits_posted: u128,
    /// Everything ever credited.
    pub credits_posted: u128,
    /// Debits of open holds.
    pub debits_pending: u128,
    /// Credits of open holds.
    pub credits_pending: u128,
}

impl Sums {
    /// What is on the normal side: the balance, and zero where the other side is larger.
    #[must_use]
    pub fn balance(&self, side: Side) -> u128 {
        match side {
            Side::Debit => self.debits_posted.saturating_sub(self.credits_posted),
            Side::Credit => self.credits_posted.saturating_sub(self.debits_posted),
        }
    }

    /// The balance without what holds keep back: what can still leave the account.
    #[must_use]
    pub fn available(&self, side: Side) -> u128 {
        let held = match side {
            Side::Debit => self.credits_pending,
            Side::Credit => self.debits_pending,
        };
        self.balance(side).saturating_sub(held)
    }
}

/// An account as queries show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// Its holder and asset.
    pub key: AccountKey,
    /// Whether its balance may leave its normal side.
    pub overdraft: bool,
    /// Its sums.
    pub sums: Sums,
    /// The number of the last posting that changed it; zero for none.
    pub last_posting: u64,
    /// How many postings changed it.
    pub postings: u64,
    /// Holds that keep its money back.
    pub open_holds: u32,
    /// What open orders keep back of it.
    pub reserved: u128,
}

impl Account {
    /// What can still leave the account: the balance without what holds and reservations keep back.
    #[must_use]
    pub fn available(&self) -> u128 {
        self.sums.available(self.key.holder.normal_side()).saturating_sub(self.reserved)
    }
}

/// What `apply` needs of an account, dense in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) sums: Sums,
    /// What orders keep back; in no row of the ledger, see [`crate::reservation`].
    pub(crate) reserved: u128,
    pub(crate) last_posting: u64,
    pub(crate) postings: u64,
    pub(crate) open_holds: u32,
    /// Position of its asset in the ledger's totals.
    pub(crate) asset: u32,
    /// The side that must stay the larger one; none where overdraft is allowed.
    pub(crate) limit: Option<Side>,
    /// Whether it changed since its row was written: it is in the queue then.
    pub(crate) dirty: bool,
}

impl Slot {
    /// What may still leave on the debit side, for accounts that are limited there.
    pub(crate) fn debit_room(&self) -> Option<u128> {
        let available = || self.sums.available(Side::Credit).saturating_sub(self.reserved);
        (self.limit == Some(Side::Credit)).then(available)
    }

    /// What may still leave on the credit side, for accounts that are limited there.
    pub(crate) fn credit_room(&self) -> Option<u128> {
        (self.limit == Some(Side::Debit)).then(|| self.sums.available(Side::Debit))
    }
}

/// The row of an account.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct AccountRow {
    pub(crate) key: AccountKey,
    pub(crate) overdraft: bool,
    pub(crate) sums: Sums,
    pub(crate) last_posting: u64,
    pub(crate) postings: u64,
}

impl Entry<'_> {
    /// Opens an account, or gives the one that has this key.
    pub(crate) fn open_account(&mut self, command: &OpenAccount) -> Result<Done, Stop> {
        if let Some(account) = self.ledger.accounts.find(&command.key) {
            let (_, overdraft) = self.ledger.identity(account)?;
            return match overdraft == command.overdraft {
                true => Ok(Done::AccountExists { account }),
                false => Err(Rejection::AccountExistsDifferent { account }.into()),
            };
        }
        if self.ledger.accounts.len() >= self.ledger.sizes.accounts {
            return Err(Rejection::AccountsFull.into());
        }

        let (account, new_asset) = self.ledger.add_account(command.key, command.overdraft)?;
        self.remember(|| Undo::Opened { new_asset });
        self.put_account(account)?;
        Ok(Done::AccountOpened { account })
    }

    /// Writes the account's row as it is now.
    pub(crate) fn put_account(&mut self, account: AccountId) -> Result<(), Halt> {
        let (key, overdraft) = self.ledger.identity(account)?;
        let slot = self.ledger.slot_mut(account)?;
        slot.dirty = false;
        let row =
            AccountRow { key, overdraft, sums: slot.sums, last_posting: slot.last_posting, postings: slot.postings };
        self.put(Table::Account, &account.0.to_be_bytes(), &row);
        Ok(())
    }
}
