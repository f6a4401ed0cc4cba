//! Networks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{AssetCode, CommandIdText, EndpointText, Moment, NetworkName, NetworkStateWord, Reason, UnitsText};

/// One network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Network {
    /// Its name.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// What it is used for.
    #[schemars(with = "NetworkStateWord")]
    pub state: String,
    /// Deposits: switched on or off, and what holds.
    pub deposits: Switch,
    /// Withdrawals.
    pub withdrawals: Switch,
    /// Sweeps.
    pub sweeps: Switch,
    /// Confirmations until a deposit can be traded with; where nodes tell what is final, its block has to be as well.
    pub tradable: u32,
    /// Confirmations until it can be withdrawn.
    pub withdrawable: u32,
    /// The highest rate that is offered for a unit of the network's work, in minor units of its coin.
    #[schemars(with = "Option<UnitsText>")]
    pub fee_rate_max: Option<String>,
    /// The most that one transaction may cost, in minor units of its coin.
    #[schemars(with = "Option<UnitsText>")]
    pub fee_max: Option<String>,
    /// The endpoints, in the order in which they are tried; keys in them are references to secrets.
    pub endpoints: Vec<String>,
    /// The assets with switches of their own.
    pub assets: Vec<NetworkAsset>,
    /// How often it was changed; zero for one that never was.
    pub version: u32,
    /// When that was last, in replicated time.
    #[schemars(with = "Option<Moment>")]
    pub changed_at: Option<String>,
}

/// One operation on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Switch {
    /// Whether it is switched on.
    pub on: bool,
    /// Why it may not be done all the same; none where it may.
    pub refused: Option<String>,
}

/// An asset's own switches on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkAsset {
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// Whether deposits are switched on.
    pub deposits: bool,
    /// Whether withdrawals are.
    pub withdrawals: bool,
    /// Whether sweeps are.
    pub sweeps: bool,
}

/// `GET /v1/networks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Networks {
    /// Every network.
    pub networks: Vec<Network>,
}

/// `PUT /v1/networks/{network}`: what is not given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureNetwork {
    /// What it is used for.
    #[schemars(with = "Option<NetworkStateWord>")]
    pub state: Option<String>,
    /// Whether deposits are credited.
    pub deposits: Option<bool>,
    /// Whether withdrawals are paid.
    pub withdrawals: Option<bool>,
    /// Whether deposits are gathered.
    pub sweeps: Option<bool>,
    /// Confirmations until a deposit can be traded with; where nodes tell what is final, its block has to be as well.
    #[schemars(range(min = 1, max = 10_000))]
    pub tradable: Option<u32>,
    /// Confirmations until it can be withdrawn.
    #[schemars(range(min = 1, max = 10_000))]
    pub withdrawable: Option<u32>,
    /// The highest rate that is offered for a unit of the network's work, in minor units of its coin; 1 at least.
    #[schemars(with = "Option<UnitsText>")]
    pub fee_rate_max: Option<String>,
    /// The most that one transaction may cost, in minor units of its coin; 1 at least.
    #[schemars(with = "Option<UnitsText>")]
    pub fee_max: Option<String>,
    /// All endpoints, in the order in which they are tried.
    #[schemars(with = "Option<Vec<EndpointText>>", length(max = 8))]
    pub endpoints: Option<Vec<String>>,
    /// Refused unless its version is this one; zero for one that never changed.
    pub if_version: Option<u32>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/networks/{network}/assets`: what is not given stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureNetworkAsset {
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// Whether deposits are credited.
    pub deposits: Option<bool>,
    /// Whether withdrawals are paid.
    pub withdrawals: Option<bool>,
    /// Whether deposits are gathered.
    pub sweeps: Option<bool>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkConfigured {
    /// The network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// Its version since; none where only an asset was switched.
    pub version: Option<u32>,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
