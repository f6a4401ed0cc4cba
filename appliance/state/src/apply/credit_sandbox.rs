//! `CreditSandbox`: a user gets money that nobody paid in, to try things out with.

use exchequer_domain::UserId;
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Transfer, TransferId};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, money};
use crate::command::Actor;
use crate::outcome::Done;
use crate::state::State;

/// Moves money from equity, which may be overdrawn for it, to a user's main account. Only in a sandbox cluster; not
/// audited. The same transfer id again with the same content is the same transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditSandbox {
    /// Who gets it.
    pub user: UserId,
    /// Of what.
    pub asset: Asset,
    /// How much, in minor units; more than zero.
    pub amount: u128,
    /// The transfer's name.
    pub id: TransferId,
}

impl CreditSandbox {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        money::done(self.post(entry.state, &mut entry.ledger, actor)?)
    }

    /// The part that a dry run has too.
    pub(super) fn post(
        self,
        state: &State,
        ledger: &mut ledger::Entry<'_>,
        actor: Actor,
    ) -> Result<ledger::Outcome, Stop> {
        let CreditSandbox { user, asset, amount, id } = self;
        money::sandbox(state)?;
        state.assets.known(asset)?;
        state.users.known(user)?;

        let equity = OpenAccount { key: AccountKey { holder: Holder::Equity, asset }, overdraft: true };
        let (actor, reference) = (money::actor_of(actor), money::reference_of(id));
        let cause = Cause { reason: Reason::Funding, actor, reference };
        let outcome = ledger.run_opening(&[equity, money::account_of(user, asset)], |[debit, credit]| Transfer {
            id,
            legs: Leg::Post { debit, credit, amount }.into(),
            cause,
            note: None,
        })?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::Fault;

    use super::*;
    use crate::Body;
    use crate::rejection::Rejection;
    use crate::tests::world::{World, asset, credit, user};

    /// Goal: the first credit opens the account; a repetition by the transfer's id is none, with another amount it is
    /// refused; debits equal credits.
    #[test]
    fn credits_once() {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("")]);
        let done = Done::Transfer(ledger::Done::Posted { first: 1, postings: 1 });
        assert_eq!(world.run(credit(1, 10, 100)), Ok(done));
        let exists = Done::Transfer(ledger::Done::Exists { first: 1, postings: 1, time: world.now });
        assert_eq!(world.run(credit(1, 10, 100)), Ok(exists));
        let field = ledger::Field::Amount;
        let other = Rejection::Ledger(ledger::Rejection::ExistsDifferent { field });
        assert_eq!(world.refused(credit(1, 11, 100)), other);
        assert_eq!((world.balance(1), world.state.ledger().accounts()), (10, 2));
        let balance = world.state.ledger().trial_balance(Asset(1)).unwrap();
        assert_eq!((balance.customers.credits_posted, balance.system[0].sums.debits_posted), (10, 10));
    }

    /// Goal: an unknown user or asset, no amount, and a cluster that is no sandbox are refused, and no account is opened.
    #[test]
    fn refuses_without_a_trace() {
        let mut world = World::new();
        assert_eq!(world.refused(credit(1, 1, 1)), Rejection::AssetUnknown { asset: Asset(1) });
        world.entry_of([asset("BTC")]);
        assert_eq!(world.refused(credit(1, 1, 1)), Rejection::UserUnknown { user: UserId(1) });
        world.entry_of([user("")]);
        let zero = ledger::Rejection::Leg { leg: 0, fault: Fault::AmountZero };
        assert_eq!(world.refused(credit(1, 0, 1)), Rejection::Ledger(zero));
        assert_eq!(world.refused(credit(1, 1, 0)), Rejection::Ledger(ledger::Rejection::IdInvalid));
        let Body::CreditSandbox(good) = credit(1, 1, 1) else { panic!("not a credit") };
        let other = Body::CreditSandbox(CreditSandbox { asset: Asset(2), ..good });
        assert_eq!(world.refused(other), Rejection::AssetUnknown { asset: Asset(2) });
        let mut world = World::real();
        world.entry_of([asset("BTC"), user("")]);
        assert_eq!(world.refused(credit(1, 1, 1)), Rejection::SandboxOnly);
    }
}
