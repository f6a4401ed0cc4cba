//! `ReleaseDirectives`: others agree to directives that wait for that.

use serde::{Deserialize, Serialize};

use super::directives::{check_count, target};
use super::{Entry, Stop, check_reason};
use crate::approvals::is_person;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::directives::{DirectiveId, Refusal};
use crate::outcome::Done;

/// Releases directives that wait for approval, each by itself. Once the two-person rule is in force it is itself approved;
/// before that, nobody releases what they sent themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseDirectives {
    /// Which.
    pub directives: Vec<DirectiveId>,
    /// Why.
    pub reason: String,
}

impl ReleaseDirectives {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.directives.len())?;
        check_reason(&self.reason)?;

        let released: Vec<Result<(), Refusal>> =
            self.directives.iter().map(|id| entry.release_as(*id, actor)).collect();
        let detail = format!("{} released", released.iter().filter(|result| result.is_ok()).count());
        entry.audit(actor, AuditAction::DirectivesReleased, target(&self.directives), detail, self.reason);
        Ok(Done::Directives(released))
    }
}

impl Entry<'_> {
    fn release_as(&mut self, id: DirectiveId, actor: Actor) -> Result<(), Refusal> {
        let people = &self.state.people;
        let own = self.state.directives.get(id).is_some_and(|directive| match actor {
            Actor::Admin(admin) => is_person(directive.issued_by, people.person_of(admin), people),
            Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => {
                directive.issued_by == actor
            }
        });
        if own && !self.is_approved() {
            return Err(Refusal::Own { directive: id });
        }
        self.release_directive(id)
    }
}
