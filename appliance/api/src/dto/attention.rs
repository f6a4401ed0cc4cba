//! What of money waits for people.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Moment, NetworkName};

/// Something that waits for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matter {
    /// What is amiss, such as `payout-set-aside`, `lane-blocked`, `queue-stands` or `withdrawal-set-aside`.
    pub concern: String,
    /// On which network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// What it is about: a payout, an address that pays, an asset, or what concerns the whole network.
    pub subject: String,
    /// Since when, in replicated time.
    #[schemars(with = "Moment")]
    pub since: String,
    /// How urgent it is, such as `P1`.
    pub severity: String,
    /// The payout to begin with, where there is one.
    pub payout: Option<u64>,
    /// The withdrawal to begin with, where there is one.
    pub withdrawal: Option<u64>,
    /// What can be done about it.
    pub what_to_do: String,
}

/// `GET /v1/attention`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attention {
    /// What waits, the first thousand.
    pub matters: Vec<Matter>,
}
