//! `SetFlag`: a flag is on for these.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::flags::{self, CHANGES_KEPT, DESCRIPTION_BYTES_MAX, Flag, FlagChange, Rule};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;

/// Makes a flag, or gives one another rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetFlag {
    /// 1 to 64 characters of a-z, 0-9 and `.-_`, a letter first.
    pub name: String,
    /// For people; at most 200 bytes. None leaves it as it is.
    pub description: Option<String>,
    /// For whom it is on.
    pub rule: Rule,
    /// Refused unless its version is this one; zero for one that does not exist.
    pub if_version: Option<u32>,
    /// Why.
    pub reason: String,
}

impl SetFlag {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        flags::check_name(&self.name, Field::FlagName)?;
        let is_text = |text: &String| text.len() <= DESCRIPTION_BYTES_MAX && !text.chars().any(char::is_control);
        if !self.description.iter().all(is_text) {
            return Err(Rejection::Invalid { field: Field::FlagDescription }.into());
        }
        self.rule.check()?;
        check_reason(&self.reason)?;
        let flags = &entry.state.flags;
        let before = flags.get(&self.name);
        let present = before.map_or(0, |flag| flag.version);
        if self.if_version.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present: present.into() }.into());
        }
        if !flags.has_room(&self.name) {
            return Err(Rejection::FlagsFull.into());
        }

        let version = present.saturating_add(1);
        let summary = self.rule.summary();
        let was = before.map_or_else(|| "nothing".to_owned(), |flag| flag.rule.summary());
        let detail = format!("version {version}: {was} -> {summary}");
        let mut changes = before.map(|flag| flag.changes.clone()).unwrap_or_default();
        let (time, reason) = (entry.now, self.reason.clone());
        changes.push(FlagChange { version, summary, actor, reason, time });
        changes.drain(..changes.len().saturating_sub(CHANGES_KEPT));
        let flag = Flag {
            name: self.name.clone(),
            description: self.description.or_else(|| before.map(|flag| flag.description.clone())).unwrap_or_default(),
            rule: self.rule,
            version,
            created_at: before.map_or(entry.now, |flag| flag.created_at),
            changes,
        };

        entry.put(Table::Flag, flag.name.as_bytes(), &flag);
        entry.state.flags.put(flag);
        entry.event(EventKind::FlagChanged { name: self.name.clone() });
        entry.audit(actor, AuditAction::SetFlag, self.name, detail, self.reason);
        Ok(Done::FlagSet { version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::flags::{ALLOWED_MAX, FLAGS_MAX};
    use crate::tests::world::{World, flag};

    fn body(change: impl FnOnce(&mut SetFlag)) -> Body {
        let Body::SetFlag(mut command) = flag("a", 500) else { panic!("not the command") };
        change(&mut command);
        Body::SetFlag(command)
    }

    /// Goal: a flag is made, changed, remembered and on record, and guards against a second writer.
    #[test]
    fn versions_and_history() {
        let mut world = World::new();
        assert_eq!(world.refused(body(|flag| flag.if_version = Some(1))), Rejection::StaleRevision { present: 0 });
        for version in 1..=25 {
            let set = body(|flag| {
                flag.if_version = Some(version - 1);
                flag.rule.permille = version as u16;
                flag.description = (version == 1).then(|| "what it does".to_owned());
            });
            assert_eq!(world.run(set), Ok(Done::FlagSet { version }));
        }
        let flag = world.state.flags().get("a").unwrap();
        assert_eq!((flag.version, flag.description.as_str(), flag.rule.permille), (25, "what it does", 25));
        assert_eq!(flag.changes.iter().map(|change| change.version).collect::<Vec<_>>(), (6..=25).collect::<Vec<_>>());
        let record = world.audit().pop().unwrap().content;
        assert_eq!(record.detail, "version 25: on for 2.4% -> on for 2.5%");
        assert_eq!(record.target, "a");
    }

    /// Goal: what breaks a rule is refused, at both sides of each limit.
    #[test]
    fn refuses_broken_fields() {
        let mut world = World::new();
        let invalid = |field| Rejection::Invalid { field };
        for name in ["", "A", "1a", ".a", "a b", "é", &"a".repeat(65)] {
            assert_eq!(world.refused(body(|flag| flag.name = name.into())), invalid(Field::FlagName), "{name}");
        }
        let long = Some("d".repeat(201));
        assert_eq!(world.refused(body(|flag| flag.description = long)), invalid(Field::FlagDescription));
        assert_eq!(world.refused(body(|flag| flag.rule.permille = 1_001)), invalid(Field::FlagPermille));
        let subjects = |count: usize| (0..count).map(|number| format!("{number:04}")).collect::<Vec<_>>();
        for allowed in [
            vec!["b".to_owned(), "a".to_owned()],
            vec!["a".to_owned(), "a".to_owned()],
            vec![String::new()],
            vec!["s".repeat(65)],
            vec!["a\n".to_owned()],
            subjects(ALLOWED_MAX + 1),
        ] {
            assert_eq!(world.refused(body(|flag| flag.rule.allowed = allowed)), invalid(Field::FlagSubjects));
        }
        let twice = vec![exchequer_domain::Network::Tron; 2];
        assert_eq!(world.refused(body(|flag| flag.rule.networks = twice)), invalid(Field::FlagNetworks));
        assert_eq!(world.refused(body(|flag| flag.reason = " ".into())), Rejection::ReasonMissing);
        let most = body(|flag| {
            flag.rule.allowed = subjects(ALLOWED_MAX);
            flag.name = "a".repeat(64);
            flag.description = Some("d".repeat(200));
        });
        world.run(most).unwrap();
    }

    /// Goal: there is a bound, and what is there can still be changed.
    #[test]
    fn flags_are_bounded() {
        let mut world = World::new();
        let commands: Vec<_> = (0..FLAGS_MAX).map(|number| world.command(flag(&format!("f{number}"), 1))).collect();
        world.entry(&commands);
        assert_eq!(world.refused(flag("one-more", 1)), Rejection::FlagsFull);
        world.run(flag("f7", 2)).unwrap();
    }
}
