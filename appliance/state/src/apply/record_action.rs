//! `RecordAction`: something done outside the state goes on the audit record.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::{Action, AuditAction};
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Longest target.
pub(crate) const TARGET_BYTES_MAX: usize = 256;

/// Puts on record what a node did at an actor's wish, such as a promotion or a saved snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordAction {
    /// What was done.
    pub action: Action,
    /// To what; may be empty.
    pub target: String,
    /// Why.
    pub reason: String,
}

impl RecordAction {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        if self.target.len() > TARGET_BYTES_MAX {
            return Err(Rejection::Invalid { field: Field::Target }.into());
        }
        check_reason(&self.reason)?;

        let action = AuditAction::Outside(self.action);
        let sequence = entry.audit(actor, action, self.target, String::new(), self.reason);
        entry.event(EventKind::ActionRecorded { sequence });
        Ok(Done::ActionRecorded { sequence })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::tests::world::World;

    /// Goal: an action outside the state is on the chain with its actor, target and reason; one without a reason, or
    /// with an endless target, is not.
    #[test]
    fn is_on_the_record() {
        let mut world = World::new();
        let record = |target: &str, reason: &str| {
            let (target, reason) = (target.to_owned(), reason.to_owned());
            Body::RecordAction(RecordAction { action: Action::Promote, target, reason })
        };
        assert_eq!(world.run(record("node 3", "caught up")), Ok(Done::ActionRecorded { sequence: 2 }));
        let content = world.audit().pop().unwrap().content;
        assert_eq!((content.action.as_str(), content.target.as_str()), ("promote", "node 3"));
        assert_eq!(world.refused(record("node 3", " ")), Rejection::ReasonMissing);
        let endless = record(&"x".repeat(TARGET_BYTES_MAX + 1), "why");
        assert_eq!(world.refused(endless), Rejection::Invalid { field: Field::Target });
    }
}
