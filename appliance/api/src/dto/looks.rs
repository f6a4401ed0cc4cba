//! Looks at what the ledger would do, and at what it does.

use exchequer_domain::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Amount, AssetCode, Balance, ProblemShape, TransferIdText};
use super::{CreditUser, LedgerEntry, RevertTransfer, TransferBetweenUsers};

/// `POST /v1/ledger/dry-run`: a request that moves money, as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DryRun {
    /// `POST /v1/ledger/transfers`.
    Transfer(TransferBetweenUsers),
    /// `POST /v1/ledger/credit`.
    Credit(CreditUser),
    /// `POST /v1/ledger/revert`.
    Revert(RevertTransfer),
}

/// The answer to [`DryRun`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DryRunResult {
    /// The transfer's id.
    #[schemars(with = "TransferIdText")]
    pub id: String,
    /// `posted`, `exists` where it was posted before, or `refused`.
    #[schemars(extend("enum" = ["posted", "exists", "refused"]))]
    pub outcome: String,
    /// Why it would be refused.
    #[schemars(with = "Option<ProblemShape>")]
    pub error: Option<Problem>,
    /// Whether the refusal would use up the transfer's id.
    pub burns_id: bool,
    /// The entries that there would be: first those of holds whose time is over, then its own.
    pub entries: Vec<ForeseenEntry>,
}

/// An entry that there would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForeseenEntry {
    /// The number that it would have.
    pub number: u64,
    /// `post`, `revert` or `expire`.
    pub kind: String,
    /// Why: `internal`, `funding` and so on.
    pub reason: String,
    /// The transfer, hexadecimal.
    #[schemars(with = "TransferIdText")]
    pub transfer: String,
    /// The holder of the debited account.
    pub debit_holder: String,
    /// What would be posted on that account afterwards.
    #[schemars(with = "Balance")]
    pub debit_balance: String,
    /// The holder of the credited account.
    pub credit_holder: String,
    /// What would be posted on that account afterwards.
    #[schemars(with = "Balance")]
    pub credit_balance: String,
    /// What it counts.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// How much.
    #[schemars(with = "Amount")]
    pub amount: String,
}

/// `GET /v1/ledger/feed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerFeed {
    /// The entries, in the order of their numbers, without a gap.
    pub entries: Vec<LedgerEntry>,
    /// What to give as `from` to go on.
    pub next_from: u64,
    /// The number of the last entry there was.
    pub head: u64,
}
