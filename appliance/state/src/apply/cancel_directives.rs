//! `CancelDirectives`: someone takes back what was not dispatched yet.

use serde::{Deserialize, Serialize};

use super::directives::{check_count, target};
use super::jobs::{check_reason_of, is_person};
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::directives::{DirectiveId, DirectiveState, Refusal};
use crate::outcome::Done;

/// Takes directives back, each by itself. What is in flight cannot be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelDirectives {
    /// Which.
    pub directives: Vec<DirectiveId>,
    /// Why; a person must say.
    pub reason: String,
}

impl CancelDirectives {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.directives.len())?;
        check_reason_of(actor, &self.reason)?;

        let cancelled: Vec<Result<(), Refusal>> =
            self.directives.iter().map(|id| entry.cancel_directive(*id)).collect();
        if is_person(actor) {
            let detail = format!("{} cancelled", cancelled.iter().filter(|result| result.is_ok()).count());
            entry.audit(actor, AuditAction::DirectivesCancelled, target(&self.directives), detail, self.reason);
        }
        Ok(Done::Directives(cancelled))
    }
}

impl Entry<'_> {
    fn cancel_directive(&mut self, id: DirectiveId) -> Result<(), Refusal> {
        let unknown = Refusal::Unknown { directive: id };
        let directive = self.state.directives.get(id).ok_or(unknown)?;
        if directive.state.epoch().is_some() {
            return Err(Refusal::State { directive: id });
        }
        let directive = self.state.directives.take(id).ok_or(unknown)?;
        self.end_directive(directive, DirectiveState::Cancelled);
        Ok(())
    }
}
