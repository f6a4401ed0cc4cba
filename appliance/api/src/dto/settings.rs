//! The settings: what holds, what held, and changing it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{CommandIdText, Moment, Reason, SettingKey};

/// One setting in `GET /v1/settings` and `GET /v1/settings/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// `room.name`.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// The value that holds.
    pub value: String,
    /// The value where none is set.
    pub default: String,
    /// Whether the default holds because nobody set a value, also not a less specific one.
    pub is_default: bool,
    /// `bool`, `integer`, `duration`, `bytes` or `choice`.
    pub kind: String,
    /// The smallest value; none for kinds without a range.
    pub min: Option<String>,
    /// The largest value; none for kinds without a range.
    pub max: Option<String>,
    /// The words of a `choice`; empty for other kinds.
    pub choices: Vec<String>,
    /// What it takes, in words.
    pub takes: String,
    /// What a change can do: 0 nothing that hurts, 1 cost performance, 2 cost redundancy, 3 stop the cluster.
    pub danger: u8,
    /// One sentence.
    pub description: String,
    /// The revision that last changed it in this place; zero where none did.
    pub revision: u64,
    /// Who did so, why and when.
    pub changed: Option<Changed>,
    /// In which places it may have values of its own: `nowhere`, `networks`, `assets` or `workers`.
    pub places: String,
    /// The key whose value holds here; none where the default does.
    pub from: Option<String>,
    /// The values of its own that it has in places, by key; only where the setting was asked for without a place.
    pub overrides: Vec<SettingOverride>,
    /// How many percent one person alone may change it by in a day; none where any change goes.
    pub guard_percent: Option<u8>,
    /// When a change takes effect.
    pub takes_effect: String,
}

/// A value that a setting has in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingOverride {
    /// The key, with the place.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// The value.
    pub value: String,
    /// The revision that set it.
    pub revision: u64,
}

/// `POST /v1/settings/{key}/unset`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsetSetting {
    /// Refused unless the key's revision is this one.
    pub if_revision: Option<u64>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// Who changed something, why and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Changed {
    /// On whose behalf: `operator` or `node ID`.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, in replicated time.
    #[schemars(with = "Moment")]
    pub at: String,
}

/// `GET /v1/settings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Settings {
    /// The latest revision over all settings.
    pub revision: u64,
    /// Every setting, by key.
    pub settings: Vec<Setting>,
}

/// `PUT /v1/settings/{key}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSetting {
    /// With its unit, such as `20s`.
    #[schemars(length(min = 1, max = 100))]
    pub value: String,
    /// Refused unless the setting's revision is this one; zero for one that never changed.
    pub if_revision: Option<u64>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`SetSetting`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingSet {
    /// The setting.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// The value that holds since.
    pub value: String,
    /// The revision that the change made.
    pub revision: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/settings/preview?key=&value=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingPreview {
    /// The key.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// Whether anything would be different.
    pub changes: bool,
    /// What holds there.
    pub from: String,
    /// What would hold.
    pub to: String,
    /// The key's revision, to be given as `if_revision`.
    pub revision: u64,
    /// When it would take effect.
    pub takes_effect: String,
    /// What the change can do, as in [`Setting`].
    pub danger: u8,
    /// Whether one person alone may not make it, once two have approval keys.
    pub needs_second_person: bool,
    /// The more specific keys whose values go on to hold in their places.
    pub not_in: Vec<String>,
}

/// The answer to [`UnsetSetting`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingUnset {
    /// The key.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// The revision that the change made.
    pub revision: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// One revision in `GET /v1/settings/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingChange {
    /// From 1 over all settings, without gaps.
    pub revision: u64,
    /// The setting.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// The value before; none where the default held.
    pub from: Option<String>,
    /// The value after; none where it went back to the default.
    pub to: Option<String>,
    /// Who, why and when.
    #[serde(flatten)]
    pub changed: Changed,
    /// The log entry.
    pub index: u64,
}

/// `GET /v1/settings/history?key=&limit=&before=`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingHistory {
    /// The latest revision over all settings.
    pub revision: u64,
    /// Newest first.
    pub changes: Vec<SettingChange>,
    /// Where there is more: what to give as `before` to go on.
    pub next_before: Option<u64>,
}

/// One setting in [`SettingsDiff`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingDifference {
    /// The setting.
    #[schemars(with = "SettingKey")]
    pub key: String,
    /// Its value as of the first revision; none is the default.
    pub from: Option<String>,
    /// Its value as of the second revision; none is the default.
    pub to: Option<String>,
}

/// `GET /v1/settings/diff?from=&to=`; `to` is the latest revision where it is not given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsDiff {
    /// The first revision; zero for the defaults.
    pub from: u64,
    /// The second revision.
    pub to: u64,
    /// What differs, by key.
    pub differences: Vec<SettingDifference>,
}

/// `POST /v1/settings/revert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertSettings {
    /// Every setting goes back to its value as of this revision; zero for the defaults.
    pub to_revision: u64,
    /// Refused unless the latest revision over all settings is this one.
    pub if_revision: Option<u64>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RevertSettings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SettingsReverted {
    /// The latest revision afterwards.
    pub revision: u64,
    /// How many settings changed.
    pub changed: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
