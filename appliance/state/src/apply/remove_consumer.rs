//! `RemoveConsumer`: a consumer's offset is kept no more.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rows::{Edit, Family, Table};

/// Removes a consumer. Its name may be used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveConsumer {
    /// Which.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl RemoveConsumer {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let offset = entry.state.events.known(&self.name)?.offset;

        entry.change(Family::Working, Table::Consumer.key(self.name.as_bytes()), Edit::Delete);
        entry.state.events.remove(&self.name);
        entry.audit(actor, AuditAction::ConsumerRemoved, self.name, format!("offset {offset}"), self.reason);
        Ok(Done::ConsumerRemoved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Topics;
    use crate::tests::world::World;
    use crate::{AddConsumer, Body, Rejection};

    /// Goal: what is removed is gone, with its row, and on record.
    #[test]
    fn is_gone() {
        let mut world = World::new();
        let remove = || Body::RemoveConsumer(RemoveConsumer { name: "a".into(), reason: "test".into() });
        assert_eq!(world.refused(remove()), Rejection::ConsumerUnknown);
        let add = AddConsumer { name: "a".into(), topics: Topics::ALL, offset: Some(1), reason: "test".into() };
        world.run(Body::AddConsumer(add)).unwrap();
        assert_eq!(world.run(remove()), Ok(Done::ConsumerRemoved));
        assert_eq!(world.state.events().consumers().len(), 0);
        assert!(world.rows.iter().all(|(_, key, _)| key[0] != Table::Consumer as u8));
        assert_eq!(world.audit().last().unwrap().content.action, AuditAction::ConsumerRemoved);
    }
}
