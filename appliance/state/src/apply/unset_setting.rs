//! `UnsetSetting`: a setting has no value of its own any more.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::settings;

/// Takes a setting's value away, in one place or everywhere: the less specific value holds again, or the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsetSetting {
    /// Of a setting in the schema; with the place behind an `@` where the value held only there.
    pub key: String,
    /// Refused unless the last revision of this key is this one.
    pub if_revision: Option<u64>,
    /// Why.
    pub reason: String,
}

impl UnsetSetting {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let settings = &entry.state.settings;
        let key = settings::known(&self.key, entry.state.logic_version())?;
        check_reason(&self.reason)?;
        let present = settings.revision_of(&self.key);
        if self.if_revision.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present }.into());
        }
        if settings.state(&self.key).is_none_or(|state| state.value.is_none()) {
            return Err(Rejection::SettingNotSet { key: self.key }.into());
        }

        let detail = format!("{} -> {}", settings.value_at(&key), settings.value_without(&key));

        let revision = entry.set_setting(&key, None, actor, self.reason.clone());
        entry.audit(actor, AuditAction::UnsetSetting, self.key, detail, self.reason);
        Ok(Done::SettingChanged { revision })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Place, Scope, Value, schema};
    use crate::tests::world::{World, set, unset};
    use crate::{Body, RevertSettings};

    const KEY: &str = "worker.restart_backoff_max";

    /// Goal: a value that is taken away is a revision with its history and an audit record, guards against a second writer,
    /// and comes back with a revert. Method: a value in one place above another one.
    #[test]
    fn takes_away_and_comes_back() {
        let mut world = World::new();
        let seconds = |s: u64| Value::DurationUs(s * 1_000_000);
        let own = format!("{KEY}@kind:selftest");
        let held = |world: &World| {
            let scope = Scope::worker("selftest/1".parse().unwrap());
            world.state.settings().value_for(&schema::WORKER_RESTART_BACKOFF_MAX.setting, scope)
        };
        world.run(set(KEY, seconds(20), None)).unwrap();
        world.run(set(&own, seconds(5), Some(0))).unwrap();
        assert_eq!(held(&world), (seconds(5), Some(Place::Kind("selftest".parse().unwrap()))));
        assert_eq!(world.refused(unset(&own, Some(1))), Rejection::StaleRevision { present: 2 });
        assert_eq!(world.run(unset(&own, Some(2))), Ok(Done::SettingChanged { revision: 3 }));
        assert_eq!(held(&world), (seconds(20), Some(Place::Everywhere)));
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.target.as_str(), record.detail.as_str()), (own.as_str(), "5s -> 20s"));
        assert_eq!(world.refused(unset(&own, None)), Rejection::SettingNotSet { key: own });
        world.run(unset(KEY, None)).unwrap();
        assert_eq!(held(&world), (seconds(60), None));
        let back = RevertSettings { to_revision: 2, if_revision: None, reason: "test".into() };
        assert_eq!(world.run(Body::RevertSettings(back)), Ok(Done::SettingsReverted { revision: 6, changed: 2 }));
        assert_eq!(held(&world), (seconds(5), Some(Place::Kind("selftest".parse().unwrap()))));
    }

    /// Goal: what was never set, or does not exist, cannot be taken away.
    #[test]
    fn refuses_what_is_not_set() {
        let mut world = World::new();
        assert_eq!(world.refused(unset(KEY, None)), Rejection::SettingNotSet { key: KEY.into() });
        assert_eq!(world.refused(unset("no.such", None)), Rejection::SettingUnknown { key: "no.such".into() });
        let nowhere = unset("read.stale_max@kind:selftest", None);
        assert_eq!(world.refused(nowhere), Rejection::SettingPlace { key: "read.stale_max".into() });
        let Body::UnsetSetting(command) = unset(KEY, None) else { panic!("not the command") };
        let blank = Body::UnsetSetting(UnsetSetting { reason: " ".into(), ..command });
        assert_eq!(world.refused(blank), Rejection::ReasonMissing);
    }
}
