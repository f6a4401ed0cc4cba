//! Answers of nodes of TRON that are about no block.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

#[derive(Deserialize)]
pub(super) struct WireError<'a> {
    #[serde(default, borrow, rename = "Error")]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct WireParameters {
    #[serde(rename = "chainParameter")]
    pub(super) list: Vec<WireParameter>,
}

#[derive(Deserialize)]
pub(super) struct WireParameter {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireResources {
    #[serde(default)]
    pub(super) free_net_used: u64,
    #[serde(default)]
    pub(super) free_net_limit: u64,
    #[serde(default, rename = "NetUsed")]
    pub(super) net_used: u64,
    #[serde(default, rename = "NetLimit")]
    pub(super) net_limit: u64,
    #[serde(default, rename = "EnergyUsed")]
    pub(super) energy_used: u64,
    #[serde(default, rename = "EnergyLimit")]
    pub(super) energy_limit: u64,
}

#[derive(Deserialize)]
pub(super) struct WireAccount {
    #[serde(default)]
    pub(super) balance: u64,
}

#[derive(Deserialize)]
pub(super) struct WireTrial<'a> {
    #[serde(borrow)]
    pub(super) result: WireResult<'a>,
    #[serde(default)]
    pub(super) energy_used: u64,
    #[serde(default)]
    pub(super) constant_result: Vec<String>,
    #[serde(default)]
    pub(super) transaction: Value,
}

#[derive(Deserialize)]
pub(super) struct WireResult<'a> {
    #[serde(default)]
    pub(super) result: bool,
    #[serde(default, borrow)]
    pub(super) code: Option<&'a str>,
    #[serde(default, borrow)]
    pub(super) message: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct WireBroadcast {
    #[serde(default)]
    pub(super) result: bool,
    #[serde(default)]
    pub(super) code: Option<String>,
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default)]
    pub(super) txid: Option<String>,
}
