//! Emergency and maintenance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Banner, CommandIdText, MarketSymbol, Moment, Reason};

/// `GET /v1/emergency`: whether the exchange is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyStatus {
    /// Whether it is.
    pub stopped: bool,
    /// Since when.
    #[schemars(with = "Option<Moment>")]
    pub since: Option<String>,
    /// Who stopped it.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The log entry of the stop.
    pub index: Option<u64>,
    /// What is blocked, in the order in which it was: `signing`, `withdrawals`, `sweeps`, `trading`, `changes`.
    pub blocked: Vec<String>,
    /// The markets that the stop made cancel-only.
    pub markets: Vec<StoppedMarket>,
}

/// A market that a stop made cancel-only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoppedMarket {
    /// Its name.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The phase that it was in before.
    pub before: String,
    /// The phase that it is in.
    pub phase: String,
}

/// `POST /v1/emergency/stop` and `POST /v1/emergency/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmergency {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ChangeEmergency`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmergencyChanged {
    /// Whether the exchange is stopped now.
    pub stopped: bool,
    /// How many markets became cancel-only, or reopen.
    pub markets: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `GET /v1/maintenance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceSchedule {
    /// What is announced and open, by number.
    pub windows: Vec<MaintenanceWindow>,
}

/// Maintenance that is announced or open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceWindow {
    /// Its number.
    pub number: u64,
    /// `system`, or the network that it is of.
    pub extent: String,
    /// Whether it is open.
    pub open: bool,
    /// When it begins, or began.
    #[schemars(with = "Moment")]
    pub starts_at: String,
    /// When it ends by itself; none where somebody has to end it.
    #[schemars(with = "Option<Moment>")]
    pub ends_at: Option<String>,
    /// What customers are told.
    #[schemars(with = "Banner")]
    pub banner: String,
    /// Who announced it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// `POST /v1/maintenance/system` and `POST /v1/maintenance/networks/{network}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleMaintenance {
    /// When it begins; at once where it is not given.
    #[schemars(with = "Option<Moment>")]
    pub starts_at: Option<String>,
    /// When it ends by itself; when somebody ends it, where it is not given.
    #[schemars(with = "Option<Moment>")]
    pub ends_at: Option<String>,
    /// What customers are told.
    #[schemars(with = "Banner")]
    pub banner: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ScheduleMaintenance`], and to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaintenanceChanged {
    /// Its number.
    pub number: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/maintenance/windows/{id}/end`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndMaintenance {
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}
