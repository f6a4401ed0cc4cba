//! Assets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{AssetCode, CommandIdText, Moment, Reason, Title};

/// One asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    /// The ticker, such as `BTC`.
    #[schemars(with = "AssetCode")]
    pub code: String,
    /// Its number.
    pub number: u32,
    /// Decimals of a unit: amounts have so many digits behind the point.
    pub decimals: u8,
    /// For people.
    pub name: String,
    /// When it was created, in replicated time.
    #[schemars(with = "Moment")]
    pub created_at: String,
}

/// `GET /v1/assets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assets {
    /// Every asset, in the order of the numbers.
    pub assets: Vec<Asset>,
}

/// `POST /v1/assets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateAsset {
    /// 1 to 16 characters of A-Z and 0-9; no other asset's.
    #[schemars(with = "AssetCode")]
    pub code: String,
    /// 0 to 18; cannot be changed later.
    #[schemars(range(max = 18))]
    pub decimals: u8,
    /// For people; 1 to 100 bytes.
    #[schemars(with = "Title")]
    pub name: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`CreateAsset`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssetCreated {
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub code: String,
    /// Its number.
    pub number: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
