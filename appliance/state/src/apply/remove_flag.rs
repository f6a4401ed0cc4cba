//! `RemoveFlag`: there is no such flag any more.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

/// Removes a flag: whoever asks for it finds it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFlag {
    /// Of a flag that exists.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl RemoveFlag {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let flag = entry.state.flags.get(&self.name).ok_or(Rejection::FlagUnknown)?;

        let detail = format!("was {}", flag.rule.summary());

        entry.change(Table::Flag.family(), Table::Flag.key(self.name.as_bytes()), Edit::Delete);
        entry.state.flags.remove(&self.name);
        entry.event(EventKind::FlagChanged { name: self.name.clone() });
        entry.audit(actor, AuditAction::RemoveFlag, self.name, detail, self.reason);
        Ok(Done::FlagRemoved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::tests::world::{World, flag};

    /// Goal: a removed flag is off, on record, and can be made anew; one that is not there cannot be removed.
    #[test]
    fn a_removed_flag_is_off() {
        let mut world = World::new();
        let remove = |reason: &str| Body::RemoveFlag(RemoveFlag { name: "a".into(), reason: reason.into() });
        assert_eq!(world.refused(remove("done")), Rejection::FlagUnknown);
        world.run(flag("a", 1_000)).unwrap();
        assert!(world.state.flags().is_on("a", "x", None, world.now));
        assert_eq!(world.refused(remove(" ")), Rejection::ReasonMissing);
        assert_eq!(world.run(remove("done")), Ok(Done::FlagRemoved));
        assert!(!world.state.flags().is_on("a", "x", None, world.now));
        assert_eq!(world.audit().pop().unwrap().content.detail, "was on for all");
        assert_eq!(world.run(flag("a", 1)), Ok(Done::FlagSet { version: 1 }));
    }
}
