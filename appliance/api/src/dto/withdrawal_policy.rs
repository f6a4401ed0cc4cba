//! The withdrawal policy: who must agree, and how much may leave.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Amount, AssetCode, ChainAddressText, CommandIdText, Moment, NetworkName, Reason, Span};

/// So many persons of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyNeed {
    /// The group's name.
    pub group: String,
    /// How many of it.
    #[schemars(range(min = 1, max = 9))]
    pub count: u8,
}

/// What a user withdrew in a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accumulated {
    /// How long.
    #[schemars(with = "Span")]
    pub window: String,
    /// Together with this withdrawal so many US dollars or more.
    #[schemars(with = "Amount")]
    pub usd_from: String,
}

/// A rule; what it does not say is not looked at. The first that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRule {
    /// Its name.
    pub name: String,
    /// Of one of these assets.
    #[schemars(with = "Vec<AssetCode>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<String>,
    /// On one of these networks.
    #[schemars(with = "Vec<NetworkName>")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// To one of these: `new`, `listed`, `internal`, `lookalike`. `new` is also for those that look like a known one; what a rule
    /// allows that does not name `lookalike` waits for a person all the same where the address is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<String>,
    /// Worth so many US dollars or more.
    #[schemars(with = "Option<Amount>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_from: Option<String>,
    /// Worth less than so many US dollars.
    #[schemars(with = "Option<Amount>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_below: Option<String>,
    /// Worth so much or more together with what the same user withdrew in a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulated: Option<Accumulated>,
    /// What becomes of them: `allow`, `block` or `approve`.
    pub verdict: String,
    /// With `approve`: who must agree.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<PolicyNeed>,
    /// With `approve`: how long they wait after that.
    #[schemars(with = "Option<Span>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<String>,
}

/// A named set of admins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyGroup {
    /// Its name.
    pub name: String,
    /// The numbers of the admins in it; everybody who may approve movements of money where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<u32>,
}

/// What the users of a KYC level may withdraw, in US dollars.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyLimit {
    /// In any 24 hours.
    #[schemars(with = "Amount")]
    pub day_usd: String,
    /// In any 30 days.
    #[schemars(with = "Amount")]
    pub month_usd: String,
}

/// `GET /v1/withdrawal-policy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalPolicy {
    /// The rules, in their order.
    pub rules: Vec<PolicyRule>,
    /// The groups.
    pub groups: Vec<PolicyGroup>,
    /// What may be withdrawn, by KYC level from 0.
    pub limits: Vec<PolicyLimit>,
    /// Whether what the hot wallet can pay passes what it cannot.
    pub small_may_pass: bool,
    /// How often it was changed; zero for the one that every cluster begins with.
    pub version: u32,
    /// When that was last, in replicated time.
    #[schemars(with = "Option<Moment>")]
    pub changed_at: Option<String>,
}

/// `PUT /v1/withdrawal-policy`: the whole policy in the place of the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetWithdrawalPolicy {
    /// The rules, in their order; what none of them is for is blocked.
    #[schemars(length(min = 1, max = 100))]
    pub rules: Vec<PolicyRule>,
    /// The groups; `treasury`, without members, is one of them.
    #[schemars(length(min = 1, max = 20))]
    pub groups: Vec<PolicyGroup>,
    /// What may be withdrawn, by KYC level from 0.
    pub limits: Vec<PolicyLimit>,
    /// Whether what the hot wallet can pay passes what it cannot.
    #[serde(default)]
    pub small_may_pass: bool,
    /// Refused unless its version is this one.
    pub if_version: Option<u32>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`SetWithdrawalPolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySet {
    /// Its version since.
    pub version: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/withdrawal-policy/simulate`: what would become of a withdrawal, as things stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulatePolicy {
    /// Whose.
    #[schemars(range(min = 1))]
    pub user: u64,
    /// Of what.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// On which network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// How much, the fee included.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// To what kind of place: `new`, `listed`, `internal` or `lookalike`; where nothing is said, what the address is or `new`.
    pub destination: Option<String>,
    /// Where to: whether it looks like an address that the user knows.
    #[schemars(with = "Option<ChainAddressText>")]
    pub address: Option<String>,
}

/// The answer to [`SimulatePolicy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicySimulated {
    /// `allow`, `block` or `approve`.
    pub verdict: String,
    /// The name of the rule; empty where none is for it.
    pub rule: String,
    /// Who would have to agree.
    pub needs: Vec<PolicyNeed>,
    /// What is to be looked at, such as an address that looks like a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// How long it would wait after that.
    #[schemars(with = "Option<Span>")]
    pub delay: Option<String>,
    /// What it is worth in US dollars; none where nobody can say.
    #[schemars(with = "Option<Amount>")]
    pub usd: Option<String>,
    /// What the user may still withdraw today, in US dollars.
    #[schemars(with = "Amount")]
    pub day_left_usd: String,
    /// The same for 30 days.
    #[schemars(with = "Amount")]
    pub month_left_usd: String,
}
