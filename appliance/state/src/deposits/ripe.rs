//! What of a user's money may leave: not what was deposited and is not final yet, also where it was traded away.

use exchequer_domain::UserId;
use exchequer_ledger::{Account, AccountKey, Asset, Holder, Ledger, Side};

use super::room::Deposits;

/// The sub-account whose debit balance is what a user owes the exchange, after a deposit was taken back that the user had
/// spent. It is the only one that may be overdrawn.
pub const DEBT_SUB_ACCOUNT: u16 = u16::MAX;

/// Why nothing of a user's may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingLeaves {
    /// The user has less of an asset, without what is held, than it deposited of it and is not final: it was traded for
    /// something else.
    TradedAway {
        /// Of this asset.
        asset: Asset,
    },
    /// The user owes the exchange something.
    Debt {
        /// Of this asset.
        asset: Asset,
        /// So much, in minor units.
        amount: u128,
    },
}

/// What of a user's asset may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawable {
    /// So much, in minor units.
    Amount(u128),
    /// Nothing, of any asset.
    Nothing(NothingLeaves),
}

fn account(ledger: &Ledger, user: UserId, sub_account: u16, asset: Asset) -> Option<Account> {
    let holder = Holder::Customer { customer: user.0, sub_account };
    ledger.find(&AccountKey { holder, asset }).and_then(|id| ledger.account(id))
}

impl Deposits {
    /// What a user owes of an asset, in minor units.
    #[must_use]
    pub fn debt(ledger: &Ledger, user: UserId, asset: Asset) -> u128 {
        account(ledger, user, DEBT_SUB_ACCOUNT, asset).map_or(0, |account| account.sums.balance(Side::Debit))
    }

    /// Why nothing of a user's may leave, where that is so.
    #[must_use]
    pub fn nothing_leaves(&self, ledger: &Ledger, user: UserId) -> Option<NothingLeaves> {
        for (asset, _) in ledger.totals() {
            let amount = Deposits::debt(ledger, user, asset);
            if amount > 0 {
                return Some(NothingLeaves::Debt { asset, amount });
            }
        }
        let traded_away = |(asset, unripe): &(Asset, u128)| {
            // What a withdrawal holds is as good as gone and backs nothing; what orders keep back is there until they trade.
            let has = account(ledger, user, 0, *asset).map_or(0, |account| account.sums.available(Side::Credit));
            has < *unripe
        };
        self.unripe_of(user).find(traded_away).map(|(asset, _)| NothingLeaves::TradedAway { asset })
    }

    /// What of a user's asset may leave: what is available without what is not final yet. Nothing at all while the user owes
    /// something, or has less of an asset, without what is held, than is not final of it. The ledger stands apart, because while an entry is
    /// applied it is not in the state.
    #[must_use]
    pub fn withdrawable(&self, ledger: &Ledger, user: UserId, asset: Asset) -> Withdrawable {
        if let Some(why) = self.nothing_leaves(ledger, user) {
            return Withdrawable::Nothing(why);
        }
        let available = account(ledger, user, 0, asset).map_or(0, |account| account.available());
        Withdrawable::Amount(available.saturating_sub(self.unripe(user, asset)))
    }
}
