//! `TransferBetweenUsers`: money goes from one user to another inside the exchange.

use exchequer_domain::UserId;
use exchequer_ledger as ledger;
use exchequer_ledger::{Asset, Cause, Leg, Reason, Transfer, TransferId};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, money};
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::state::State;
use crate::users::UserStatus;

/// Moves money from a user's main account to another user's. The same transfer id again with the same content is the
/// same transfer, also where the sender was frozen in between.
///
/// Where an unknown user or asset, or a frozen sender refuses it, the transfer's id can still be used; where the balance
/// does, it is burnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferBetweenUsers {
    /// Who pays; not frozen.
    pub from: UserId,
    /// Who gets it; not the same.
    pub to: UserId,
    /// Of what.
    pub asset: Asset,
    /// How much, in minor units; more than zero.
    pub amount: u128,
    /// The transfer's name.
    pub id: TransferId,
    /// A text for people; at most 500 bytes.
    pub note: Option<Box<str>>,
}

impl TransferBetweenUsers {
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
        let TransferBetweenUsers { from, to, asset, amount, id, note } = self;
        // A used id decides alone: whoever lost the answer must get the first one.
        if !ledger.is_used(id)? {
            state.assets.known(asset)?;
            state.users.known(to)?;
            match state.users.known(from)?.status {
                UserStatus::Active => {}
                UserStatus::Frozen => return Err(Rejection::UserFrozen { user: from }.into()),
            }
        }

        let (actor, reference) = (money::actor_of(actor), money::reference_of(id));
        let cause = Cause { reason: Reason::Internal, actor, reference };
        let accounts = [money::account_of(from, asset), money::account_of(to, asset)];
        let outcome = ledger.run_opening(&accounts, |[debit, credit]| Transfer {
            id,
            legs: Leg::Post { debit, credit, amount }.into(),
            cause,
            note,
        })?;
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::Fault;

    use super::*;
    use crate::tests::world::{World, asset, between, credit, freeze, user};
    use crate::{Body, Command};

    fn funded() -> World {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("Ada"), user("Bob"), credit(1, 10, 100)]);
        world
    }

    /// Goal: money moves once, whether the command is sent again or the transfer under another command; what comes to
    /// nothing leaves both balances alone.
    #[test]
    fn moves_once() {
        let mut world = funded();
        let command = world.command(between(1, 2, 4, 101));
        let done = Done::Transfer(ledger::Done::Posted { first: 2, postings: 1 });
        assert_eq!(world.send(&command), Ok(done.clone()));
        assert_eq!(world.send(&command), Ok(done));
        let exists = Ok(Done::Transfer(ledger::Done::Exists { first: 2, postings: 1, time: world.now }));
        assert_eq!(world.run(between(1, 2, 4, 101)), exists);
        let low = Rejection::Ledger(ledger::Rejection::Leg { leg: 0, fault: Fault::DebitExceedsBalance });
        assert_eq!(world.run(between(1, 2, 7, 102)), Err(low));
        assert_eq!(world.run(between(1, 2, 6, 102)), Err(Rejection::Ledger(ledger::Rejection::IdBurnt)));
        assert_eq!((world.balance(1), world.balance(2)), (6, 4));
        world.run(freeze(1)).unwrap();
        assert_eq!(world.run(between(1, 2, 4, 101)), exists, "a repetition of what has happened");
    }

    /// Goal: a frozen user sends nothing and receives; the transfer can be sent once the user is active again.
    #[test]
    fn frozen_users_only_receive() {
        let mut world = funded();
        world.run(freeze(1)).unwrap();
        assert_eq!(world.refused(between(1, 2, 4, 101)), Rejection::UserFrozen { user: UserId(1) });
        world.run(credit(2, 5, 102)).unwrap();
        assert!(world.run(between(2, 1, 5, 103)).is_ok());
        let Body::UpdateUser(update) = freeze(1) else { panic!("not an update") };
        let active = crate::UpdateUser { status: Some(UserStatus::Active), ..update };
        world.run(Body::UpdateUser(active)).unwrap();
        assert!(world.run(between(1, 2, 4, 101)).is_ok());
        assert_eq!((world.balance(1), world.balance(2)), (11, 4));
    }

    /// Goal: unknown users and assets, one user on both sides, no amount and a blank note are refused without a trace; it
    /// needs no sandbox.
    #[test]
    fn refuses_without_a_trace() {
        let mut world = funded();
        assert_eq!(world.refused(between(3, 2, 1, 101)), Rejection::UserUnknown { user: UserId(3) });
        assert_eq!(world.refused(between(1, 3, 1, 101)), Rejection::UserUnknown { user: UserId(3) });
        let leg = |fault| Rejection::Ledger(ledger::Rejection::Leg { leg: 0, fault });
        assert_eq!(world.refused(between(1, 1, 1, 101)), leg(Fault::SameAccount));
        assert_eq!(world.refused(between(1, 2, 0, 101)), leg(Fault::AmountZero));
        let Body::TransferBetweenUsers(good) = between(1, 2, 1, 101) else { panic!("not a transfer") };
        let foreign = TransferBetweenUsers { asset: Asset(2), ..good.clone() };
        let unknown = Rejection::AssetUnknown { asset: Asset(2) };
        assert_eq!(world.refused(Body::TransferBetweenUsers(foreign)), unknown);
        let blank = TransferBetweenUsers { note: Some(" ".into()), ..good };
        let missing = Rejection::Ledger(ledger::Rejection::NoteMissing);
        assert_eq!(world.refused(Body::TransferBetweenUsers(blank)), missing);
        let mut world = World::real();
        world.entry_of([asset("BTC"), user(""), user("")]);
        assert_eq!(world.run(between(1, 2, 1, 101)), Err(leg(Fault::DebitExceedsBalance)));
    }

    /// Goal: what a node sends on its own behalf is told from what the operator sends. Method: the same transfer by both.
    #[test]
    fn the_actor_is_part_of_the_transfer() {
        let mut world = funded();
        world.run(between(1, 2, 4, 101)).unwrap();
        let command = world.command(between(1, 2, 4, 101));
        let by_node = Command { actor: Actor::Node(exchequer_domain::NodeId(1)), ..command };
        let other = ledger::Rejection::ExistsDifferent { field: ledger::Field::Actor };
        assert_eq!(world.send(&by_node), Err(Rejection::Ledger(other)));
    }
}
