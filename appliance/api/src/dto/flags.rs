//! Flags.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Changed;
use super::shapes::{CommandIdText, FlagName, Moment, NetworkName, Reason, Subject};

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// Its name.
    #[schemars(with = "FlagName")]
    pub name: String,
    /// For people.
    pub description: String,
    /// What it is at this moment, in a line.
    pub summary: String,
    /// Whether it is on for anyone at all.
    pub on: bool,
    /// Of a thousand subjects, how many it is on for.
    pub permille: u16,
    /// Subjects for which it is on beside those.
    pub allowed: Vec<String>,
    /// Where it is on; everywhere when there is none.
    pub networks: Vec<String>,
    /// From this moment on it is off.
    #[schemars(with = "Option<Moment>")]
    pub expires_at: Option<String>,
    /// Whether that moment is over.
    pub expired: bool,
    /// How often it was set, from 1.
    pub version: u32,
    /// What was last done to it, the newest first.
    pub changes: Vec<FlagChange>,
}

/// One change of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagChange {
    /// The version that it made.
    pub version: u32,
    /// What the flag was from then on.
    pub summary: String,
    /// Who, why and when.
    #[serde(flatten)]
    pub changed: Changed,
}

/// `GET /v1/flags`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flags {
    /// Every flag, by name.
    pub flags: Vec<Flag>,
}

/// `PUT /v1/flags/{name}`: the whole rule; what is not given is as for a flag that is on for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFlag {
    /// For people; the present one where none is given.
    #[schemars(length(max = 200))]
    pub description: Option<String>,
    /// Whether it is on for anyone at all.
    pub on: bool,
    /// Of a thousand subjects, how many it is on for; a thousand where nothing is said.
    #[schemars(range(max = 1000))]
    pub permille: Option<u16>,
    /// Subjects for which it is on beside those.
    #[schemars(with = "Option<Vec<Subject>>", length(max = 1000))]
    pub allowed: Option<Vec<String>>,
    /// Where it is on; everywhere when there is none.
    #[schemars(with = "Option<Vec<NetworkName>>")]
    pub networks: Option<Vec<String>>,
    /// From this moment on it is off.
    #[schemars(with = "Option<Moment>")]
    pub expires_at: Option<String>,
    /// Refused unless its version is this one; zero for one that does not exist.
    pub if_version: Option<u32>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`SetFlag`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagSet {
    /// The flag.
    #[schemars(with = "FlagName")]
    pub name: String,
    /// Its version since.
    pub version: u32,
    /// What it is since, in a line.
    pub summary: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/flags/{name}/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlagChecked {
    /// The flag.
    #[schemars(with = "FlagName")]
    pub name: String,
    /// For whom it was asked.
    pub subject: String,
    /// Whether it is on.
    pub on: bool,
    /// Why.
    pub why: String,
}

/// The removal of something that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveNamed {
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RemoveNamed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedRemoved {
    /// What was removed.
    pub name: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
