//! Reverts: a transfer is undone by a counter-entry, once; nothing is ever removed from the journal.

use serde::{Deserialize, Serialize};

use crate::cause::{Actor, Cause, Reason};
use crate::entry::{Entry, Stop};
use crate::ids::Used;
use crate::outcome::{Done, Field, Rejection};
use crate::planted::Bug;
use crate::posting::{Kind, Posting};
use crate::rows::Table;
use crate::transfer::{HoldId, TransferId, cause_difference, check_id, check_note, check_reference};

/// Moves back what a transfer moved: its legs in reverse order, with the sides exchanged. Limits hold as for any other
/// transfer. Only transfers of plain legs and captures can be reverted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revert {
    /// The name of the revert, which is a transfer itself.
    pub id: TransferId,
    /// The transfer to undo.
    pub of: TransferId,
    /// Who or what undoes it.
    pub actor: Actor,
    /// What causes it, as in [`Cause`].
    pub reference: [u8; 32],
    /// A text for people.
    pub note: Option<Box<str>>,
}

impl Revert {
    fn cause(&self) -> Cause {
        Cause { reason: Reason::Reversal, actor: self.actor, reference: self.reference }
    }

    fn difference(&self, postings: &[Posting], note: Option<&str>) -> Option<Field> {
        let same = |posting: &Posting| posting.kind == Kind::Revert && posting.subject.transfer == self.of;
        if !postings.iter().all(same) {
            return Some(Field::Kind);
        }
        cause_difference(&self.cause(), postings).or_else(|| (self.note.as_deref() != note).then_some(Field::Note))
    }
}

impl Entry<'_> {
    /// Posts the counter-entry of a transfer, or tells what became of the revert's id before.
    pub(crate) fn revert(&mut self, revert: &Revert) -> Result<Done, Stop> {
        let cause = revert.cause();
        check_id(revert.id, self.now)?;
        check_reference(&cause)?;
        check_note(cause.reason, revert.note.as_deref())?;
        match self.used(revert.id)? {
            None => {}
            Some(Used::Burnt { .. }) => return Err(Rejection::IdBurnt.into()),
            Some(Used::Posted { first, postings }) => {
                let (found, time) = self.postings_of(first, postings)?;
                let note = self.note(first)?;
                return match revert.difference(&found, note.as_deref()) {
                    None => Ok(Done::Exists { first, postings, time }),
                    Some(field) => Err(Rejection::ExistsDifferent { field }.into()),
                };
            }
        }
        let mark = self.mark(true);
        match self.post_revert(revert, &cause) {
            Ok(done) => {
                self.forget(mark);
                Ok(done)
            }
            Err(Stop::Rejected(rejection)) => {
                self.rewind(mark)?;
                self.burn(revert.id, rejection);
                Err(Stop::Rejected(rejection))
            }
            Err(halt) => Err(halt),
        }
    }

    fn post_revert(&mut self, revert: &Revert, cause: &Cause) -> Result<Done, Stop> {
        let Some(Used::Posted { first, postings }) = self.used(revert.of)? else {
            return Err(Rejection::RevertUnknown.into());
        };
        let (originals, _) = self.postings_of(first, postings)?;
        if originals.iter().any(|posting| !matches!(posting.kind, Kind::Post | Kind::Capture)) {
            return Err(Rejection::RevertImpossible.into());
        }
        let key = Table::Reverted.key(&revert.of.0.to_be_bytes());
        if self.get(&key)?.is_some() && !self.ledger.has(Bug::RevertTwice) {
            return Err(Rejection::AlreadyReverted.into());
        }
        let number = self.ledger.next;
        for (leg, original) in (0_u8..).zip(originals.iter().rev()) {
            let (debit, credit, amount) = (original.credit, original.debit, original.amount);
            self.check_room(debit, credit, amount).map_err(|stop| stop.at(leg))?;
            let subject = HoldId { transfer: revert.of, leg: original.leg };
            let posting = Posting::of(revert.id, cause, leg, originals.len());
            self.post(Posting { kind: Kind::Revert, debit, credit, amount, subject, ..posting }, false)?;
        }
        self.put_overlaid(Table::Reverted, &revert.of.0.to_be_bytes(), &revert.id);
        if let Some(note) = &revert.note {
            self.put_note(number, note);
        }
        self.use_id(revert.id, number, postings);
        Ok(Done::Posted { first: number, postings })
    }
}
