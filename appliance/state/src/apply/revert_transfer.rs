//! `RevertTransfer`: a transfer is undone by a counter-entry, and it is on record why.

use exchequer_ledger as ledger;
use exchequer_ledger::{Revert, TransferId};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason, money};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;

/// Moves back what a transfer moved; limits hold as for any transfer. The same revert again is no second one and leaves
/// no second record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertTransfer {
    /// The name of the revert, which is a transfer itself.
    pub id: TransferId,
    /// The transfer to undo.
    pub of: TransferId,
    /// Why; also the note of the revert.
    pub reason: String,
}

impl RevertTransfer {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let done = money::done(self.post(&mut entry.ledger, actor)?)?;
        if matches!(done, Done::Transfer(ledger::Done::Posted { .. })) {
            let (target, detail) = (format!("transfer {:032x}", self.of.0), format!("by {:032x}", self.id.0));
            entry.audit(actor, AuditAction::RevertTransfer, target, detail, self.reason);
        }
        Ok(done)
    }

    /// The part that a dry run has too.
    pub(super) fn post(&self, ledger: &mut ledger::Entry<'_>, actor: Actor) -> Result<ledger::Outcome, Stop> {
        check_reason(&self.reason)?;

        Ok(ledger.run_revert(&self.revert(actor))?)
    }

    /// As the ledger knows it.
    pub(super) fn revert(&self, actor: Actor) -> Revert {
        let note = Some(self.reason.as_str().into());
        let (actor, reference) = (money::actor_of(actor), money::reference_of(self.id));
        Revert { id: self.id, of: self.of, actor, reference, note }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rejection::Rejection;
    use crate::tests::world::{World, credit};
    use crate::{Body, money::HistoryOf};

    fn revert(id: u128, of: u128) -> Body {
        Body::RevertTransfer(RevertTransfer { id: TransferId(id), of: TransferId(of), reason: "wrong user".into() })
    }

    /// Goal: a revert moves the money back once, is on record once with its reason, and names itself where the transfer
    /// is looked up; a second revert is refused for good.
    #[test]
    fn undoes_once() {
        let mut world = World::with_accounts();
        world.run(credit(1, 10, 100)).unwrap();
        let done = Done::Transfer(ledger::Done::Posted { first: 2, postings: 1 });
        assert_eq!(world.run(revert(101, 100)), Ok(done));
        assert_eq!(world.balance(1), 0);
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.action, record.reason.as_str()), (AuditAction::RevertTransfer, "wrong user"));
        assert_eq!(record.target, format!("transfer {:032x}", 100));
        let records = world.audit().len();
        let exists = Done::Transfer(ledger::Done::Exists { first: 2, postings: 1, time: world.now });
        assert_eq!(world.run(revert(101, 100)), Ok(exists));
        assert_eq!(world.run(revert(102, 100)), Err(Rejection::Ledger(ledger::Rejection::AlreadyReverted)));
        assert_eq!(world.run(revert(103, 9)), Err(Rejection::Ledger(ledger::Rejection::RevertUnknown)));
        assert_eq!(world.audit().len(), records);
        let found = world.state.ledger().transfer(TransferId(101), &HistoryOf(&world.rows)).unwrap().unwrap();
        let ledger::query::TransferState::Posted { note, .. } = found else { panic!("{found:?}") };
        assert_eq!(note.as_deref(), Some("wrong user"));
    }

    /// Goal: a revert needs a reason, but no sandbox.
    #[test]
    fn needs_a_reason() {
        let mut world = World::real();
        let silent = RevertTransfer { id: TransferId(1), of: TransferId(2), reason: " ".into() };
        assert_eq!(world.refused(Body::RevertTransfer(silent)), Rejection::ReasonMissing);
        assert_eq!(world.run(revert(1, 2)), Err(Rejection::Ledger(ledger::Rejection::RevertUnknown)));
    }
}
