//! `ReviewDirective`: a person says what became of a directive that nobody knows of.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::directives::{Decision, Directive, DirectiveId, DirectiveState, Refusal};
use crate::outcome::Done;

/// Decides what becomes of a directive that needs review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewDirective {
    /// Which.
    pub directive: DirectiveId,
    /// What became of it, or shall.
    pub decision: Decision,
    /// Why.
    pub reason: String,
}

impl ReviewDirective {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let id = self.directive;
        let unknown = Refusal::Unknown { directive: id };
        let directive = entry.state.directives.get(id).ok_or(unknown)?;
        if directive.state != DirectiveState::NeedsReview {
            return Err(Refusal::State { directive: id }.into());
        }

        let directive = entry.state.directives.take(id).ok_or(unknown)?;
        let detail = match self.decision {
            Decision::Retry => {
                // Whoever decides that now wants it done, whatever its sender had in mind.
                entry.queue_directive(Directive { deadline: None, ..directive });
                "retry"
            }
            Decision::Done => {
                entry.end_directive(directive, DirectiveState::Succeeded);
                "done"
            }
            Decision::Failed => {
                entry.end_directive(directive, DirectiveState::Failed);
                "failed"
            }
        };
        entry.audit(actor, AuditAction::DirectiveReviewed, format!("directive {id}"), detail.into(), self.reason);
        Ok(Done::DirectiveReviewed)
    }
}
