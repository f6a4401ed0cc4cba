//! The settings' room: typed values with a revision, and the whole history of who changed what and why.
//!
//! Invariants: revisions count from 1 without gaps over all settings; every revision has one row of history; a value
//! that is set fits its setting's kind and range.

mod history;
pub mod schema;
mod value;

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

pub use history::{Difference, SettingChange, diff, history, history_key, history_range};
pub use schema::{Danger, Setting, Typed};
pub use value::{FromValue, Kind, Value, ValueError};

use crate::codec;
use crate::halt::Halt;
use crate::rejection::Rejection;
use crate::rows::{self, Rows, Table};

/// What was last done to one setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingState {
    /// The value; none where it went back to the default.
    pub value: Option<Value>,
    /// The revision that did it.
    pub revision: u64,
    /// Replicated time of that revision.
    pub changed_at: Timestamp,
}

/// All settings that were ever changed, and through [`Settings::get`] the defaults of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    states: BTreeMap<String, SettingState>,
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

    /// The value that holds: the one that was set, or the default.
    #[must_use]
    pub fn get<T: FromValue>(&self, setting: &Typed<T>) -> T {
        let set = self.states.get(setting.setting.key).and_then(|state| state.value.as_ref());
        set.and_then(T::from_value).unwrap_or(setting.default)
    }

    /// The value that holds, whatever its kind.
    #[must_use]
    pub fn value(&self, setting: &Setting) -> Value {
        let set = self.states.get(setting.key).and_then(|state| state.value.clone());
        set.unwrap_or_else(|| setting.default.value())
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

    pub(crate) fn put(&mut self, key: String, state: SettingState) {
        self.revision = self.revision.max(state.revision);
        self.states.insert(key, state);
    }
}

/// Checks that a value fits its setting under the rules of `logic_version`.
pub(crate) fn check(key: &str, value: &Value, logic_version: u32) -> Result<(), Rejection> {
    // Echoed in the outcome, which is kept for two days, so not at any length.
    let unknown = || Rejection::SettingUnknown { key: key.chars().take(schema::KEY_CHARS_MAX).collect() };
    let setting = schema::find(key).filter(|setting| setting.since <= logic_version).ok_or_else(unknown)?;
    match setting.kind.check(value) {
        Ok(()) => Ok(()),
        Err(ValueError::WrongUnit) => Err(Rejection::SettingWrongUnit { key: key.to_owned() }),
        Err(ValueError::OutOfRange) => Err(Rejection::SettingOutOfRange { key: key.to_owned() }),
    }
}
