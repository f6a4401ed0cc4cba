//! `RevertSettings`: every setting goes back to its value as of a revision.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::people::Permission;
use crate::rejection::Rejection;
use crate::rows::{self, Table};
use crate::settings::{self, Key, SettingChange, Value};

/// How many revisions back a revert may go: it reads them all while the log waits.
pub(crate) const REVERT_REVISIONS_MAX: u64 = 10_000;
/// How many of the changed keys the audit names.
const KEYS_SHOWN_MAX: usize = 100;

/// Brings every setting back to its value as of a revision; each one that differs gets a revision of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertSettings {
    /// Zero for the defaults.
    pub to_revision: u64,
    /// Refused unless the latest revision over all settings is this one.
    pub if_revision: Option<u64>,
    /// Why.
    pub reason: String,
}

impl RevertSettings {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let latest = entry.state.settings.revision();
        check_reason(&self.reason)?;
        if self.if_revision.is_some_and(|expected| expected != latest) {
            return Err(Rejection::StaleRevision { present: latest }.into());
        }
        if self.to_revision > latest {
            return Err(Rejection::RevisionUnknown { latest }.into());
        }
        let oldest = latest.saturating_sub(REVERT_REVISIONS_MAX);
        if self.to_revision < oldest {
            return Err(Rejection::RevisionTooFar { oldest }.into());
        }

        let mut back = values_as_of(entry, self.to_revision)?;
        back.retain(|key, value| entry.state.settings.state(key).is_some_and(|state| state.value != *value));
        let changed = u32::try_from(back.len()).unwrap_or(u32::MAX);
        if changed == 0 {
            return Ok(Done::SettingsReverted { revision: latest, changed });
        }
        if let Actor::Admin(id) = actor
            && back.keys().any(|key| settings::is_of_people(key))
            && !entry.state.people.may(id, Permission::PeopleChange)
        {
            return Err(Rejection::NotPermitted { permission: Some(Permission::PeopleChange) }.into());
        }

        let target = format!("revision {}", self.to_revision);
        let mut detail = back.keys().take(KEYS_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        if let Some(more) = back.len().checked_sub(KEYS_SHOWN_MAX).filter(|more| *more > 0) {
            detail.push_str(&format!(" and {more} more"));
        }
        let parse = |(key, value): (String, Option<Value>)| match Key::parse(&key) {
            Ok(key) => Ok((key, value)),
            Err(_) => Err(Halt::Invariant(format!("`{key}` in the history is no setting"))),
        };
        let back = back.into_iter().map(parse).collect::<Result<Vec<_>, Halt>>()?;
        for (key, value) in back {
            entry.set_setting(&key, value, actor, self.reason.clone());
        }
        entry.audit(actor, AuditAction::RevertSettings, target, detail, self.reason);
        Ok(Done::SettingsReverted { revision: entry.state.settings.revision(), changed })
    }
}

/// The values as of `revision` of the settings that changed after it: what their first later change replaced.
fn values_as_of(entry: &Entry<'_>, revision: u64) -> Result<BTreeMap<String, Option<Value>>, Halt> {
    let mut open: BTreeSet<String> = entry.state.settings.changed_after(revision).map(str::to_owned).collect();
    let mut values = BTreeMap::new();
    let mut see = |change: SettingChange| {
        if change.revision > revision && open.remove(&change.key) {
            values.insert(change.key, change.old);
        }
        !open.is_empty()
    };
    rows::for_each(entry.rows, Table::SettingHistory, settings::history_range(revision, u64::MAX), |_, row| {
        let change = SettingChange::decode(row).map_err(|error| Halt::row(Table::SettingHistory, error))?;
        Ok(see(change))
    })?;
    for change in &entry.revisions {
        see(change.clone());
    }
    match open.first() {
        None => Ok(values),
        Some(key) => Err(Halt::Invariant(format!("the history of `{key}` after revision {revision} is not there"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{ALONE, World, set};
    use crate::{Body, Outcome};

    const A: &str = "autopilot.min_quorum";
    const B: &str = "log.entries_kept";

    fn revert(to_revision: u64, if_revision: Option<u64>) -> Body {
        Body::RevertSettings(RevertSettings { to_revision, if_revision, reason: "test".into() })
    }

    fn values(world: &World) -> [Option<Value>; 2] {
        [A, B].map(|key| world.state.settings().state(key).and_then(|state| state.value.clone()))
    }

    /// Goal: every setting comes back to its value as of the revision, each under a revision of its own, and a revert
    /// can itself be reverted.
    #[test]
    fn goes_back_and_forth() {
        let mut world = World::new();
        for (key, value) in [(A, 5), (B, 7), (A, 6)] {
            world.run(set(key, Value::Integer(value), None)).unwrap();
        }
        let integers = |a: Option<i64>, b: Option<i64>| [a, b].map(|value| value.map(Value::Integer));
        let done = |revision, changed| Ok(Done::SettingsReverted { revision, changed });
        assert_eq!(world.run(revert(1, Some(3))), done(5, 2));
        assert_eq!(values(&world), integers(Some(5), None));
        assert_eq!(world.run(revert(3, None)), done(7, 2));
        assert_eq!(values(&world), integers(Some(6), Some(7)));
        assert_eq!(world.run(revert(0, None)), done(9, 2));
        assert_eq!(values(&world), integers(None, None));
        assert_eq!(world.audit().last().unwrap().content.detail, format!("{A}, {B}{ALONE}"));
    }

    /// Goal: a revert to what holds already is done without a revision, an event or an audit record.
    #[test]
    fn nothing_to_change_is_no_change() {
        let mut world = World::new();
        world.run(set(A, Value::Integer(5), None)).unwrap();
        world.run(set(A, Value::Integer(4), None)).unwrap();
        world.run(set(A, Value::Integer(5), None)).unwrap();
        let (audit, events) = (world.audit().len(), world.state.event_sequence());
        assert_eq!(world.run(revert(1, None)), Ok(Done::SettingsReverted { revision: 3, changed: 0 }));
        assert_eq!((world.audit().len(), world.state.event_sequence()), (audit, events));
    }

    /// Goal: a revert sees the changes made earlier in its own entry, whose history is not in the rows yet.
    #[test]
    fn sees_its_own_entry() {
        let mut world = World::new();
        world.run(set(A, Value::Integer(5), None)).unwrap();
        let bodies = [set(A, Value::Integer(6), None), set(B, Value::Integer(9), None), revert(1, None)];
        let commands = bodies.map(|body| world.command(body));
        let last = world.entry(&commands).pop();
        assert_eq!(last, Some(Outcome::Done(Done::SettingsReverted { revision: 5, changed: 2 })));
        assert_eq!(values(&world), [Some(Value::Integer(5)), None]);
    }

    /// Goal: revisions that do not exist, that are too far back, or that someone else has passed are refused.
    #[test]
    fn refuses_bad_revisions() {
        let mut world = World::new();
        assert_eq!(world.refused(revert(1, None)), Rejection::RevisionUnknown { latest: 0 });
        let made = REVERT_REVISIONS_MAX + 2;
        let commands: Vec<_> =
            (0..made).map(|n| world.command(set(A, Value::Integer(1 + n as i64 % 2), None))).collect();
        world.entry(&commands);
        assert_eq!(world.refused(revert(made, Some(3))), Rejection::StaleRevision { present: made });
        assert_eq!(world.refused(revert(1, None)), Rejection::RevisionTooFar { oldest: 2 });
        let done = Done::SettingsReverted { revision: made, changed: 0 };
        assert_eq!(world.run(revert(2, None)), Ok(done), "across several pages of history");
    }
}
