//! `OpenAccounts`: accounts of the ledger by holder and asset, for benches and tests.

use exchequer_domain::UserId;
use exchequer_ledger as ledger;
use exchequer_ledger::Holder;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Accounts that one command opens at most.
pub const ACCOUNTS_AT_ONCE_MAX: usize = 8_190;

/// Opens accounts, each by itself: some may be there, others be refused by the ledger. Only in a sandbox cluster;
/// elsewhere accounts are opened by what needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAccounts {
    /// 1 to 8,190; their assets and customers exist, or the whole command is refused.
    pub accounts: Vec<ledger::OpenAccount>,
}

impl OpenAccounts {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        entry.sandbox()?;
        if !(1..=ACCOUNTS_AT_ONCE_MAX).contains(&self.accounts.len()) {
            return Err(Rejection::Invalid { field: Field::AccountCount }.into());
        }
        for ledger::OpenAccount { key, .. } in &self.accounts {
            entry.state.assets.known(key.asset)?;
            if let Holder::Customer { customer, .. } = key.holder {
                entry.state.users.known(UserId(customer))?;
            }
        }

        let mut outcomes = Vec::with_capacity(self.accounts.len());
        for account in &self.accounts {
            outcomes.push(entry.ledger.run_open(account)?);
        }
        Ok(Done::Accounts(outcomes))
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::{AccountId, AccountKey, Asset, OpenAccount, Outcome};

    use super::*;
    use crate::Body;
    use crate::tests::world::{World, asset, user};

    const A: Asset = Asset(1);

    fn open(holder: Holder, asset: Asset, overdraft: bool) -> OpenAccount {
        OpenAccount { key: AccountKey { holder, asset }, overdraft }
    }

    /// Goal: each account has its own outcome, also where one of them is refused; what is opened is found.
    #[test]
    fn opens_each_by_itself() {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("")]);
        let customer = Holder::Customer { customer: 1, sub_account: 3 };
        let (venue, other) = (open(Holder::Venue { venue: 1 }, A, true), open(Holder::Venue { venue: 1 }, A, false));
        let accounts = vec![venue, venue, other, open(customer, A, false)];
        let account = AccountId(0);
        let expected = vec![
            Outcome::Done(ledger::Done::AccountOpened { account }),
            Outcome::Done(ledger::Done::AccountExists { account }),
            Outcome::Rejected(ledger::Rejection::AccountExistsDifferent { account }),
            Outcome::Done(ledger::Done::AccountOpened { account: AccountId(1) }),
        ];
        assert_eq!(world.run(Body::OpenAccounts(OpenAccounts { accounts })), Ok(Done::Accounts(expected)));
        assert_eq!(world.state.ledger().find(&AccountKey { holder: customer, asset: A }), Some(AccountId(1)));
    }

    /// Goal: an account of an asset or a user that does not exist, none, too many, and a cluster that is no sandbox are
    /// refused, and nothing is opened.
    #[test]
    fn refuses_the_whole() {
        let mut world = World::new();
        world.entry_of([asset("BTC")]);
        let good = open(Holder::Equity, A, true);
        let command = |accounts| Body::OpenAccounts(OpenAccounts { accounts });
        let unknown = Rejection::AssetUnknown { asset: Asset(2) };
        assert_eq!(world.refused(command(vec![good, open(Holder::Equity, Asset(2), true)])), unknown);
        let stranger = open(Holder::Customer { customer: 1, sub_account: 0 }, A, false);
        assert_eq!(world.refused(command(vec![good, stranger])), Rejection::UserUnknown { user: UserId(1) });
        for count in [0, ACCOUNTS_AT_ONCE_MAX + 1] {
            let refused = world.refused(command(vec![good; count]));
            assert_eq!(refused, Rejection::Invalid { field: Field::AccountCount });
        }
        assert_eq!(World::real().refused(command(vec![good])), Rejection::SandboxOnly);
    }
}
