//! Dry runs: what a command that moves money would do now. Not a replicated command, but the same code.

use exchequer_ledger as ledger;
use exchequer_ledger::Rehearsal;

use super::Stop;
use crate::command::{Actor, Body};
use crate::halt::Halt;
use crate::money::{self, HistoryOf};
use crate::outcome::{Done, Outcome};
use crate::rejection::Rejection;
use crate::rows::Rows;
use crate::state::State;

/// What a command would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    /// Its outcome.
    pub outcome: Outcome,
    /// The postings that it would make, after those of holds whose time is over.
    pub postings: Vec<ledger::Rehearsed>,
}

impl State {
    /// What a transfer between users, a sandbox credit or a revert would do as the next entry, at this moment of replicated
    /// time; any other command is a bad request. The state is the same afterwards: the ledger carries the command out and
    /// takes it back, and nobody may look at the state meanwhile.
    ///
    /// # Errors
    /// The rows cannot be read or are damaged: the node must stop.
    pub fn dry_run(&mut self, rows: &dyn Rows, index: u64, actor: Actor, body: Body) -> Result<DryRun, Halt> {
        let history = HistoryOf(rows);
        let at = ledger::At { index: index.saturating_add(1), time: self.time };
        let mut ledger = std::mem::take(&mut self.ledger);
        let ran = ledger.rehearse(at, &history, |entry| match body {
            Body::TransferBetweenUsers(command) => command.post(self, entry, actor),
            Body::CreditSandbox(command) => command.post(self, entry, actor),
            Body::RevertTransfer(command) => command.post(entry, actor),
            _ => Err(Rejection::BadRequest.into()),
        });
        let checked = money::check(&ledger, index);
        self.ledger = ledger;
        checked?;
        let (outcome, postings) = match ran {
            Ok(Rehearsal { value: ledger::Outcome::Done(done), postings }) => {
                (Outcome::Done(Done::Transfer(done)), postings)
            }
            Ok(Rehearsal { value: ledger::Outcome::Rejected(why), .. }) => {
                (Outcome::Rejected(Rejection::Ledger(why)), Vec::new())
            }
            Err(Stop::Rejected(why)) => (Outcome::Rejected(why), Vec::new()),
            Err(Stop::Halt(halt)) => return Err(halt),
        };
        Ok(DryRun { outcome, postings })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::UserId;
    use exchequer_ledger::{Asset, TransferId};

    use super::*;
    use crate::tests::world::{World, asset, between, credit, freeze, user};
    use crate::{CreditSandbox, RevertTransfer, TransferBetweenUsers};

    fn revert(id: u128, of: u128) -> Body {
        Body::RevertTransfer(RevertTransfer { id: TransferId(id), of: TransferId(of), reason: "wrong user".into() })
    }

    /// Goal: a dry run says what the command then does, to the number of the entry, and changes nothing. Method: good and
    /// bad commands of each kind; each is rehearsed twice, the state compared with a copy, and then carried out.
    #[test]
    fn foretells_and_changes_nothing() {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("Ada"), user("Bob"), user("Eve"), credit(1, 10, 100), credit(3, 5, 101)]);
        world.entry_of([freeze(3)]);
        let unknown = Body::TransferBetweenUsers(TransferBetweenUsers {
            from: UserId(1),
            to: UserId(2),
            asset: Asset(9),
            amount: 1,
            id: TransferId(120),
            note: None,
        });
        let nobody = CreditSandbox { user: UserId(9), asset: Asset(1), amount: 1, id: TransferId(121) };
        let commands = [
            between(1, 2, 4, 110),
            between(1, 2, 4, 110),
            between(1, 2, 5, 110),
            between(2, 1, 5, 111),
            between(2, 1, 4, 111),
            between(3, 1, 1, 112),
            unknown,
            credit(2, 7, 113),
            credit(2, 8, 100),
            Body::CreditSandbox(nobody),
            revert(114, 110),
            revert(115, 110),
            revert(116, 999),
        ];
        for body in commands {
            let before = world.state.clone();
            let index = world.index;
            let next = before.ledger().last_posting() + 1;
            let first = world.state.dry_run(&world.rows, index, Actor::Operator, body.clone()).unwrap();
            let again = world.state.dry_run(&world.rows, index, Actor::Operator, body.clone()).unwrap();
            assert_eq!((&first, &world.state), (&again, &before), "{body:?}");
            assert!(first.postings.iter().zip(next..).all(|(posted, number)| posted.number == number));
            let done = world.run(body.clone());
            match &first.outcome {
                Outcome::Done(expected) => assert_eq!(done.as_ref(), Ok(expected), "{body:?}"),
                Outcome::Rejected(why) => assert_eq!(done.as_ref(), Err(why), "{body:?}"),
            }
            let posted = world.state.posting_feed(&world.rows, next, 10).unwrap();
            let made: Vec<_> = posted.iter().map(|posted| (posted.number, posted.posting)).collect();
            let foretold: Vec<_> = first.postings.iter().map(|posted| (posted.number, posted.posting)).collect();
            assert_eq!(made, foretold, "{body:?}");
        }
    }

    /// Goal: a first credit shows the accounts that it would open, and opens none; other commands are refused.
    #[test]
    fn accounts_are_not_opened() {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("Ada")]);
        let index = world.index;
        let run = world.state.dry_run(&world.rows, index, Actor::Operator, credit(1, 10, 100)).unwrap();
        let [posted] = run.postings.as_slice() else { panic!("{run:?}") };
        let customer = ledger::Holder::Customer { customer: 1, sub_account: 0 };
        assert_eq!((posted.debit.holder, posted.credit.holder), (ledger::Holder::Equity, customer));
        assert_eq!((posted.posting.credit_after.credits_posted, world.state.ledger().accounts()), (10, 0));
        let run = world.state.dry_run(&world.rows, index, Actor::Operator, user("Bob")).unwrap();
        assert_eq!(run, DryRun { outcome: Outcome::Rejected(Rejection::BadRequest), postings: Vec::new() });
    }
}
