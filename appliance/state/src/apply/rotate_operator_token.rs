//! `RotateOperatorToken`: the cluster gets a new operator token; the old one opens nothing any more.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;

/// Replaces the operator token. The token itself never comes here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateOperatorToken {
    /// BLAKE3 of the new token.
    pub new_hash: [u8; 32],
    /// Why.
    pub reason: String,
}

impl RotateOperatorToken {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;

        entry.set_operator_token_hash(self.new_hash);
        let target = "operator token".to_owned();
        entry.audit(actor, AuditAction::RotateOperatorToken, target, String::new(), self.reason);
        entry.event(EventKind::OperatorTokenRotated);
        Ok(Done::OperatorTokenRotated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::rejection::Rejection;
    use crate::tests::world::World;

    /// Goal: the new hash replaces the old one, and no token changes hands without a reason.
    #[test]
    fn replaces_the_token() {
        let mut world = World::new();
        let rotate =
            |reason: &str| Body::RotateOperatorToken(RotateOperatorToken { new_hash: [9; 32], reason: reason.into() });
        assert_eq!(world.refused(rotate("")), Rejection::ReasonMissing);
        assert_eq!(world.run(rotate("left the company")), Ok(Done::OperatorTokenRotated));
        assert_eq!(world.state.access().operator_token_hash(), Some(&[9; 32]));
    }
}
