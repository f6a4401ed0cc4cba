//! The settings' room: typed values with a revision, and the whole history of who changed what and why.
//!
//! Invariants: revisions count from 1 without gaps over all settings; every revision has one row of history; a value
//! that is set fits its setting's kind and range, and stands in a place that its setting has.

pub mod guard;
mod history;
pub mod schema;
mod scope;
mod value;

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

pub use guard::needs_second_person;
pub use history::{Difference, SettingChange, diff, history, history_key, history_range};
pub use schema::{Danger, Effect, Setting, Typed};
pub use scope::{Key, KeyError, Place, Scope, Scoping};
pub use value::{FromValue, Kind, Value, ValueError};

use crate::codec;
use crate::halt::Halt;
use crate::rejection::Rejection;
use crate::rows::{self, Rows, Table};

/// Places other than everywhere in which settings have, or had, values of their own: what was there once keeps its row.
pub const OVERRIDES_MAX: usize = 8_192;
/// A key that is no setting's is echoed up to this length.
const KEY_CHARS_SHOWN_MAX: usize = 64;

/// What was last done to one setting in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingState {
    /// The value; none where a less specific one holds again, or the default.
    pub value: Option<Value>,
    /// The revision that did it.
    pub revision: u64,
    /// Replicated time of that revision.
    pub changed_at: Timestamp,
    /// What held there when the present day of changes began: see [`guard`].
    pub before: Value,
    /// When that day began.
    pub before_at: Timestamp,
}

/// All settings that were ever changed, and through [`Settings::get`] the defaults of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// By key, the place included.
    states: BTreeMap<String, SettingState>,
    /// Those whose place is not everywhere.
    overrides: usize,
    revision: u64,
}

impl Settings {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Settings, Halt> {
        let mut settings = Settings::default();
        rows::for_each_of_table(rows, Table::Setting, |key, value| {
            let key = String::from_utf8(key.to_vec()).map_err(|_| Halt::RowDamaged { table: Table::Setting })?;
            let state: SettingState = codec::decode(value).map_err(|error| Halt::row(Table::Setting, error))?;
            settings.put(key, state);
            Ok(())
        })?;
        Ok(settings)
    }

    /// The plain value: the one that was set, or the default.
    #[must_use]
    pub fn get<T: FromValue>(&self, setting: &Typed<T>) -> T {
        self.set_in(setting.setting.key).and_then(T::from_value).unwrap_or(setting.default)
    }

    /// The value that holds for someone: the most specific one that was set, or the default.
    #[must_use]
    pub fn get_for<T: FromValue>(&self, setting: &Typed<T>, scope: &Scope) -> T {
        let set = self.most_specific(&setting.setting, *scope);
        set.and_then(|(value, _)| T::from_value(value)).unwrap_or(setting.default)
    }

    /// The plain value, whatever its kind.
    #[must_use]
    pub fn value(&self, setting: &Setting) -> Value {
        self.set_in(setting.key).cloned().unwrap_or_else(|| setting.default.value())
    }

    /// The value that holds for someone, and the place that it was set for; none where the default holds.
    #[must_use]
    pub fn value_for(&self, setting: &Setting, scope: Scope) -> (Value, Option<Place>) {
        match self.most_specific(setting, scope) {
            Some((value, place)) => (value.clone(), Some(place)),
            None => (setting.default.value(), None),
        }
    }

    /// The value that holds in a place.
    #[must_use]
    pub fn value_at(&self, key: &Key) -> Value {
        self.value_for(key.setting, Scope::of(key.place)).0
    }

    /// The value that would hold in a place with this one of its own, or with none.
    #[must_use]
    pub fn value_after(&self, key: &Key, own: Option<&Value>) -> Value {
        own.map_or_else(|| self.value_without(key), Value::clone)
    }

    /// The value that would hold in a place if it had none of its own.
    pub(crate) fn value_without(&self, key: &Key) -> Value {
        let mut less = Scope::of(key.place).places().skip(1);
        let set = less.find_map(|place| self.set_in(&scope::text(key.setting.key, place)));
        set.cloned().unwrap_or_else(|| key.setting.default.value())
    }

    fn most_specific(&self, setting: &Setting, scope: Scope) -> Option<(&Value, Place)> {
        let mut places = scope.places();
        places.find_map(|place| Some((self.set_in(&scope::text(setting.key, place))?, place)))
    }

    fn set_in(&self, key: &str) -> Option<&Value> {
        self.states.get(key).and_then(|state| state.value.as_ref())
    }

    /// The places other than everywhere in which a setting has a value of its own, by key.
    pub fn overrides_of(&self, setting: &Setting) -> impl Iterator<Item = (Key, &SettingState)> {
        let (from, until) = (format!("{}@", setting.key), format!("{}A", setting.key));
        let set = self.states.range(from..until).filter(|(_, state)| state.value.is_some());
        set.filter_map(|(key, state)| Some((Key::parse(key).ok()?, state)))
    }

    /// What was last done to this setting; none where it never changed.
    #[must_use]
    pub fn state(&self, key: &str) -> Option<&SettingState> {
        self.states.get(key)
    }

    /// The revision that last changed this setting; zero where none did.
    #[must_use]
    pub fn revision_of(&self, key: &str) -> u64 {
        self.states.get(key).map_or(0, |state| state.revision)
    }

    /// The latest revision over all settings.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The settings that changed after `revision`.
    pub(crate) fn changed_after(&self, revision: u64) -> impl Iterator<Item = &str> {
        self.states.iter().filter(move |(_, state)| state.revision > revision).map(|(key, _)| key.as_str())
    }

    /// The greatest danger of those settings that going back to a revision may change.
    #[must_use]
    pub fn danger_of_revert(&self, to_revision: u64) -> Danger {
        let settings = self.changed_after(to_revision).filter_map(|key| schema::find(key.split('@').next()?));
        settings.map(|setting| setting.danger).max().unwrap_or(Danger::Level0)
    }

    pub(crate) fn put(&mut self, key: String, state: SettingState) {
        self.revision = self.revision.max(state.revision);
        let is_override = key.contains('@');
        if self.states.insert(key, state).is_none() && is_override {
            self.overrides += 1;
        }
    }

    /// Whether there is room for what a change of `key` puts there.
    pub(crate) fn has_room(&self, key: &Key) -> bool {
        key.place == Place::Everywhere || self.overrides < OVERRIDES_MAX || self.states.contains_key(&key.to_string())
    }
}

/// Whether a key, which may name a place, is of how people sign in.
pub(crate) fn is_of_people(key: &str) -> bool {
    key.starts_with("people.")
}

/// The setting and the place of a key, under the rules of `logic_version`.
pub(crate) fn known(key: &str, logic_version: u32) -> Result<Key, Rejection> {
    // Echoed in the outcome, which is kept for two days, so not at any length.
    let shown = || key.chars().take(KEY_CHARS_SHOWN_MAX).collect();
    match Key::parse(key) {
        Ok(known) if known.setting.since <= logic_version => Ok(known),
        Ok(_) | Err(KeyError::Unknown) => Err(Rejection::SettingUnknown { key: shown() }),
        Err(KeyError::Place(setting)) if setting.since <= logic_version => {
            Err(Rejection::SettingPlace { key: setting.key.to_owned() })
        }
        Err(KeyError::Place(_)) => Err(Rejection::SettingUnknown { key: shown() }),
    }
}

/// Checks that a value fits its setting and its place under the rules of `logic_version`.
pub(crate) fn check(key: &str, value: &Value, logic_version: u32) -> Result<Key, Rejection> {
    let known = known(key, logic_version)?;
    match known.setting.kind.check(value) {
        Ok(()) => Ok(known),
        Err(ValueError::WrongUnit) => Err(Rejection::SettingWrongUnit { key: known.setting.key.to_owned() }),
        Err(ValueError::OutOfRange) => Err(Rejection::SettingOutOfRange { key: known.setting.key.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{World, set, unset};
    use crate::{Done, Rejection};

    const KEY: &str = "worker.drain_deadline";

    /// Goal: of several values the most specific one holds, and where one is taken away the next does. Method: the table of
    /// all places of one worker, set in one order and taken away in another, against every place that is left; others see
    /// only what covers them.
    #[test]
    fn the_most_specific_value_holds() {
        let mut world = World::new();
        let seconds = |s: u64| Value::DurationUs(s * 1_000_000);
        // From the least to the most specific one; the value tells which.
        let keys = [
            KEY.to_owned(),
            format!("{KEY}@kind:deposit"),
            format!("{KEY}@network:tron"),
            format!("{KEY}@kind:deposit,network:tron"),
            format!("{KEY}@worker:deposit/tron-2"),
        ];
        let worker = Scope::worker("deposit/tron-2".parse().unwrap());
        for present in 0_u32..1 << keys.len() {
            // What differs from the table's line before this one.
            for (at, key) in keys.iter().enumerate() {
                let wanted = present & 1 << at != 0;
                let has = world.state.settings().state(key).is_some_and(|state| state.value.is_some());
                match (has, wanted) {
                    (false, true) => drop(world.run(set(key, seconds(100 + at as u64), None)).unwrap()),
                    (true, false) => drop(world.run(unset(key, None)).unwrap()),
                    (true, true) | (false, false) => {}
                }
            }
            let settings = world.state.settings();
            let best = |mask: u32| match (present & mask).checked_ilog2() {
                Some(at) => std::time::Duration::from_secs(100 + u64::from(at)),
                None => schema::WORKER_DRAIN_DEADLINE.default,
            };
            let seen = |scope: &Scope| settings.get_for(&schema::WORKER_DRAIN_DEADLINE, scope);
            let of = |text: &str| Scope::worker(text.parse().unwrap());
            for (scope, mask) in [
                (worker, 0b11111),
                (of("deposit/tron-1"), 0b01111),
                (Scope::kind("deposit".parse().unwrap(), Some("tron".parse().unwrap())), 0b01111),
                (of("gas/tron-2"), 0b00101),
                (Scope::network("tron".parse().unwrap()), 0b00101),
                (of("deposit/bsc-2"), 0b00011),
                (of("selftest/2"), 0b00001),
                (Scope::EVERYWHERE, 0b00001),
            ] {
                assert_eq!(seen(&scope), best(mask), "{present:05b} for {scope:?}");
            }
            assert_eq!(settings.get(&schema::WORKER_DRAIN_DEADLINE), best(1));
            let place = settings.value_for(&schema::WORKER_DRAIN_DEADLINE.setting, worker).1;
            let key = place.map(|place| scope::text(KEY, place));
            assert_eq!(key.as_ref(), present.checked_ilog2().map(|at| &keys[at as usize]));
            let overrides = settings.overrides_of(&schema::WORKER_DRAIN_DEADLINE.setting).count();
            assert_eq!(overrides, (present >> 1).count_ones() as usize);
        }
    }

    /// Goal: a value stands only where its setting has places, and there is a bound to them. Method: a setting without
    /// places, a kind without networks, then more workers than there is room for; what is there can still be changed.
    #[test]
    fn places_are_checked_and_bounded() {
        let mut world = World::new();
        let second = Value::DurationUs(1_000_000);
        for key in [
            "read.stale_max@network:tron",
            "worker.drain_deadline@kind:selftest,network:tron",
            "worker.drain_deadline@tron",
        ] {
            let name = key.split('@').next().unwrap().to_owned();
            assert_eq!(world.refused(set(key, second.clone(), None)), Rejection::SettingPlace { key: name }, "{key}");
        }
        let key = |number: usize| format!("worker.drain_deadline@worker:selftest/{number}");
        let commands: Vec<_> =
            (1..=OVERRIDES_MAX).map(|number| world.command(set(&key(number), second.clone(), None))).collect();
        world.entry(&commands);
        assert_eq!(world.refused(set(&key(OVERRIDES_MAX + 1), second.clone(), None)), Rejection::OverridesFull);
        world.run(unset(&key(7), None)).unwrap();
        assert_eq!(world.refused(set(&key(OVERRIDES_MAX + 1), second.clone(), None)), Rejection::OverridesFull);
        let revision = OVERRIDES_MAX as u64 + 2;
        assert_eq!(world.run(set(&key(7), second.clone(), None)), Ok(Done::SettingChanged { revision }));
        world.run(set("worker.drain_deadline", second, None)).unwrap();
    }
}
