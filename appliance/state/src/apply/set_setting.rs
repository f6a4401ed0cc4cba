//! `SetSetting`: one setting gets a value.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::settings::{self, Value};

/// Changes one setting. Setting the value that holds already is a revision too: someone confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSetting {
    /// Of a setting in the schema; with the place behind an `@` where the value holds only there.
    pub key: String,
    /// Of the setting's kind, inside its range.
    pub value: Value,
    /// Refused unless the last revision of this key is this one; zero for a setting that never changed.
    pub if_revision: Option<u64>,
    /// Why.
    pub reason: String,
}

impl SetSetting {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let settings = &entry.state.settings;
        let key = settings::check(&self.key, &self.value, entry.state.logic_version())?;
        check_reason(&self.reason)?;
        if let Some(asset) = key.place.asset().filter(|asset| entry.state.assets.get(*asset).is_none()) {
            return Err(Rejection::AssetUnknown { asset }.into());
        }
        let present = settings.revision_of(&self.key);
        if self.if_revision.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present }.into());
        }
        if !settings.has_room(&key) {
            return Err(Rejection::OverridesFull.into());
        }

        let detail = format!("{} -> {}", settings.value_at(&key), self.value);

        let revision = entry.set_setting(&key, Some(self.value), actor, self.reason.clone());
        entry.audit(actor, AuditAction::SetSetting, self.key, detail, self.reason);
        Ok(Done::SettingChanged { revision })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchequer_domain::Network;
    use exchequer_ledger::Asset;

    use super::*;
    use crate::Body;
    use crate::settings::{Scope, schema};
    use crate::tests::world::{World, asset, set};

    const KEY: &str = "autopilot.last_contact_max";

    /// Goal: a change holds, is a revision with its history and an audit record, and guards against a second writer.
    #[test]
    fn changes_and_compares() {
        let mut world = World::new();
        let seconds = |s: u64| Value::DurationUs(s * 1_000_000);
        assert_eq!(world.run(set(KEY, seconds(20), Some(0))), Ok(Done::SettingChanged { revision: 1 }));
        assert_eq!(world.state.settings().get(&schema::AUTOPILOT_LAST_CONTACT_MAX), Duration::from_secs(20));
        assert_eq!(world.refused(set(KEY, seconds(30), Some(0))), Rejection::StaleRevision { present: 1 });
        assert_eq!(world.run(set(KEY, seconds(30), Some(1))), Ok(Done::SettingChanged { revision: 2 }));
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.target.as_str(), record.detail.as_str()), (KEY, "20s -> 30s"));
        assert_eq!(record.reason, "test");
    }

    /// Goal: an asset has a value of its own where it is there, before the network's and after its own on that network. Method: the
    /// least that is swept, in each place.
    #[test]
    fn an_asset_has_a_value_of_its_own() {
        let mut world = World::new();
        let min = |place: &str, usd| set(&format!("sweeps.min_usd{place}"), Value::Integer(usd), None);
        assert_eq!(world.refused(min("@asset:1", 25)), Rejection::AssetUnknown { asset: Asset(1) });
        world.run(asset("USDT")).unwrap();
        for (place, usd) in [("@network:tron", 15), ("@asset:1", 25), ("@asset:1,network:tron", 35)] {
            world.run(min(place, usd)).unwrap();
        }
        let held = |asset, network| {
            world.state.settings().get_for(&schema::SWEEPS_MIN_USD, &Scope::asset(Asset(asset), Some(network)))
        };
        assert_eq!([held(1, Network::Tron), held(1, Network::Bsc)], [35, 25]);
        assert_eq!([held(2, Network::Tron), held(2, Network::Bsc)], [15, 10]);
    }

    /// Goal: what does not fit is refused with the rejection that names the mistake.
    #[test]
    fn refuses_what_does_not_fit() {
        let mut world = World::new();
        let key = KEY.to_owned();
        let unknown = Rejection::SettingUnknown { key: "no.such".into() };
        assert_eq!(world.refused(set("no.such", Value::Bool(true), None)), unknown);
        let wrong = Rejection::SettingWrongUnit { key: key.clone() };
        assert_eq!(world.refused(set(KEY, Value::Integer(10), None)), wrong);
        let outside = Rejection::SettingOutOfRange { key: key.clone() };
        assert_eq!(world.refused(set(KEY, Value::DurationUs(1), None)), outside);
        assert!(outside.problem().message.contains("from 1s to 10m"), "{}", outside.problem());
        let command = SetSetting { key, value: Value::DurationUs(2_000_000), if_revision: None, reason: " \n".into() };
        assert_eq!(world.refused(Body::SetSetting(command.clone())), Rejection::ReasonMissing);
        let command = SetSetting { reason: "x".repeat(501), ..command };
        assert_eq!(world.refused(Body::SetSetting(command)), Rejection::ReasonTooLong);
        let long = "k".repeat(70_000);
        let cut = Rejection::SettingUnknown { key: "k".repeat(64) };
        assert_eq!(world.refused(set(&long, Value::Bool(true), None)), cut);
    }
}
