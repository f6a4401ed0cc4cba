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
    #[serde(default, rename = "TotalEnergyLimit")]
    pub(super) total_energy_limit: u64,
    #[serde(default, rename = "TotalEnergyWeight")]
    pub(super) total_energy_weight: u64,
}

#[derive(Deserialize)]
pub(super) struct WireAccount {
    #[serde(default)]
    pub(super) balance: u64,
    #[serde(default, rename = "frozenV2")]
    pub(super) frozen: Vec<WireFrozen>,
    #[serde(default, rename = "unfrozenV2")]
    pub(super) ending: Vec<WireEnding>,
    #[serde(default, rename = "delegated_frozenV2_balance_for_bandwidth")]
    pub(super) lent_for_bandwidth: u64,
    #[serde(default)]
    pub(super) account_resource: WireAccountResource,
}

/// What is staked and not lent; without a type it is for bandwidth.
#[derive(Deserialize)]
pub(super) struct WireFrozen {
    #[serde(default, rename = "type")]
    pub(super) of: String,
    #[serde(default)]
    pub(super) amount: u64,
}

#[derive(Deserialize)]
pub(super) struct WireEnding {
    #[serde(default, rename = "unfreeze_amount")]
    pub(super) amount: u64,
    #[serde(default, rename = "unfreeze_expire_time")]
    pub(super) free_ms: u64,
}

#[derive(Deserialize, Default)]
pub(super) struct WireAccountResource {
    #[serde(default, rename = "delegated_frozenV2_balance_for_energy")]
    pub(super) lent_for_energy: u64,
}

/// What one lends to another: what is locked is told beside what is not.
#[derive(Deserialize)]
pub(super) struct WireLent {
    #[serde(default, rename = "delegatedResource")]
    pub(super) parts: Vec<WirePart>,
}

#[derive(Deserialize)]
pub(super) struct WirePart {
    #[serde(default, rename = "frozen_balance_for_energy")]
    pub(super) for_energy: u64,
}

impl WireAccount {
    /// What it owns beside its balance, in sun.
    pub(super) fn staked(&self) -> u64 {
        let frozen = self.frozen.iter().map(|one| one.amount);
        let lent = [self.lent_for_bandwidth, self.account_resource.lent_for_energy];
        frozen.chain(self.ending.iter().map(|one| one.amount)).chain(lent).fold(0, u64::saturating_add)
    }

    /// What of its stake for energy is not lent, in sun.
    pub(super) fn energy_stake(&self) -> u64 {
        self.frozen.iter().filter(|one| one.of == "ENERGY").fold(0, |sum, one| sum.saturating_add(one.amount))
    }
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
