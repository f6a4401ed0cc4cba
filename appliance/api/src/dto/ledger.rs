//! The ledger: accounts, entries, transfers. Amounts are decimal text with all decimals of their asset.

use exchequer_domain::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{
    Amount, AssetCode, Balance, CommandIdText, HashText, Moment, ProblemShape, Reason, TransferIdText,
};

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Account {
    /// Its number.
    pub account: u32,
    /// Whose it is and what for: `user 7`, `fee-income`, `equity`.
    pub holder: String,
    /// What it counts.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// What is posted on its normal side; negative where overdraft let it come to that.
    #[schemars(with = "Balance")]
    pub posted: String,
    /// What open holds keep back of it.
    #[schemars(with = "Amount")]
    pub held: String,
    /// What open orders keep back of it.
    #[schemars(with = "Amount")]
    pub reserved: String,
    /// What can leave.
    #[schemars(with = "Amount")]
    pub available: String,
    /// How many entries it has.
    pub entries: u64,
    /// The number of the last one; zero for none.
    pub last_entry: u64,
}

/// `GET /v1/ledger/accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accounts {
    /// The accounts of a user, or those that are nobody's.
    pub accounts: Vec<Account>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntry {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// The entry of the log that made it.
    pub index: u64,
    /// When, in replicated time.
    #[schemars(with = "Moment")]
    pub time: String,
    /// `post`, `hold`, `capture`, `release`, `expire` or `revert`.
    pub kind: String,
    /// Why: `trade`, `internal`, `funding` and so on.
    pub reason: String,
    /// Who or what caused it.
    pub actor: String,
    /// What caused it, hexadecimal.
    pub reference: String,
    /// The transfer, hexadecimal.
    #[schemars(with = "TransferIdText")]
    pub transfer: String,
    /// Which leg of the transfer, from 0.
    pub leg: u8,
    /// The debited account.
    pub debit: u32,
    /// Its holder.
    pub debit_holder: String,
    /// The credited account.
    pub credit: u32,
    /// Its holder.
    pub credit_holder: String,
    /// What it counts.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// How much.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// What is posted on the asked account's normal side afterwards; negative where it is overdrawn. None where no account
    /// was asked for.
    #[schemars(with = "Option<Balance>")]
    pub balance: Option<String>,
}

/// `GET /v1/ledger/entries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerEntries {
    /// The entries, in the order asked for.
    pub entries: Vec<LedgerEntry>,
    /// Where the next page begins; none at the end.
    pub next_from: Option<u64>,
}

/// `GET /v1/ledger/balance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerBalance {
    /// The account; none where the user has none for the asset yet.
    pub account: Option<u32>,
    /// Whose.
    pub user: u64,
    /// Of what.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// As of when, in replicated time.
    #[schemars(with = "Moment")]
    pub at: String,
    /// What was posted.
    #[schemars(with = "Balance")]
    pub posted: String,
    /// What holds kept back of it. What orders keep back is not in the journal: see the accounts.
    #[schemars(with = "Amount")]
    pub held: String,
    /// The last entry that counts; zero for none.
    pub last_entry: u64,
    /// Whether it can no longer change.
    pub is_final: bool,
}

/// `GET /v1/ledger/transfers/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerTransfer {
    /// Its id, hexadecimal.
    #[schemars(with = "TransferIdText")]
    pub id: String,
    /// `posted`, or `burnt` where it failed and its id cannot be used again.
    pub status: String,
    /// Its entries.
    pub entries: Vec<LedgerEntry>,
    /// Its note.
    pub note: Option<String>,
    /// The transfer that reverted it.
    #[schemars(with = "Option<TransferIdText>")]
    pub reverted_by: Option<String>,
    /// Why it failed.
    #[schemars(with = "Option<ProblemShape>")]
    pub error: Option<Problem>,
}

/// `POST /v1/ledger/transfers`: between users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBetweenUsers {
    /// Who pays.
    #[schemars(range(min = 1))]
    pub from: u64,
    /// Who gets it.
    #[schemars(range(min = 1))]
    pub to: u64,
    /// Of what.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// How much.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// A text for people; at most 500 bytes.
    #[schemars(length(min = 1, max = 500))]
    pub note: Option<String>,
    /// The transfer's id, 32 hexadecimal digits; made of the command's id where nothing is said.
    #[schemars(with = "Option<TransferIdText>")]
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/ledger/credit`: money out of nothing, in sandbox clusters only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditUser {
    /// Who gets it.
    #[schemars(range(min = 1))]
    pub user: u64,
    /// Of what.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// How much.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// The transfer's id, 32 hexadecimal digits; made of the command's id where nothing is said.
    #[schemars(with = "Option<TransferIdText>")]
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/ledger/revert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevertTransfer {
    /// The transfer to undo.
    #[schemars(with = "TransferIdText")]
    pub transfer: String,
    /// Why; also the note of the revert.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// The id of the revert, 32 hexadecimal digits; made of the command's id where nothing is said.
    #[schemars(with = "Option<TransferIdText>")]
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to every transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TransferPosted {
    /// The transfer's id, hexadecimal.
    #[schemars(with = "TransferIdText")]
    pub id: String,
    /// The number of its first entry.
    pub first_entry: u64,
    /// How many entries it has, with consecutive numbers.
    pub entries: u8,
    /// Whether it was posted before, under another command.
    pub existed: bool,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// What there is of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AssetBalance {
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// Everything ever debited, which is also everything ever credited.
    #[schemars(with = "Amount")]
    pub turnover: String,
    /// What all users together have.
    #[schemars(with = "Balance")]
    pub users: String,
    /// What open holds keep back of it.
    #[schemars(with = "Amount")]
    pub users_held: String,
    /// The accounts that are nobody's.
    pub system: Vec<Account>,
}

/// `GET /v1/ledger/trial-balance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrialBalance {
    /// Every asset that has an account.
    pub assets: Vec<AssetBalance>,
}

/// `GET /v1/ledger/verify`: the whole journal was read, and makes what the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LedgerVerified {
    /// How many entries there are.
    pub entries: u64,
    /// The hash that vouches for all of them.
    #[schemars(with = "HashText")]
    pub hash: String,
}
