//! The ledger: accounts, entries, transfers. Amounts are decimal text with all decimals of their asset.

use exchequer_domain::Problem;
use serde::{Deserialize, Serialize};

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub account: u32,
    /// Whose it is and what for: `user 7`, `fee-income`, `equity`.
    pub holder: String,
    /// What it counts.
    pub asset: String,
    /// What is posted on its normal side; negative where overdraft let it come to that.
    pub posted: String,
    /// What open holds keep back of it.
    pub held: String,
    /// What open orders keep back of it.
    pub reserved: String,
    /// What can leave.
    pub available: String,
    /// How many entries it has.
    pub entries: u64,
    /// The number of the last one; zero for none.
    pub last_entry: u64,
}

/// `GET /v1/ledger/accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// The accounts of a user, or those that are nobody's.
    pub accounts: Vec<Account>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its number, from 1 without gaps.
    pub number: u64,
    /// The entry of the log that made it.
    pub index: u64,
    /// When, in replicated time.
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
    pub asset: String,
    /// How much.
    pub amount: String,
    /// What is posted on the asked account's normal side afterwards; negative where it is overdrawn. None where no account
    /// was asked for.
    pub balance: Option<String>,
}

/// `GET /v1/ledger/entries`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerEntries {
    /// The entries, in the order asked for.
    pub entries: Vec<LedgerEntry>,
    /// Where the next page begins; none at the end.
    pub next_from: Option<u64>,
}

/// `GET /v1/ledger/balance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerBalance {
    /// The account; none where the user has none for the asset yet.
    pub account: Option<u32>,
    /// Whose.
    pub user: u64,
    /// Of what.
    pub asset: String,
    /// As of when, in replicated time.
    pub at: String,
    /// What was posted.
    pub posted: String,
    /// What holds kept back of it. What orders keep back is not in the journal: see the accounts.
    pub held: String,
    /// The last entry that counts; zero for none.
    pub last_entry: u64,
    /// Whether it can no longer change.
    pub is_final: bool,
}

/// `GET /v1/ledger/transfers/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerTransfer {
    /// Its id, hexadecimal.
    pub id: String,
    /// `posted`, or `burnt` where it failed and its id cannot be used again.
    pub status: String,
    /// Its entries.
    pub entries: Vec<LedgerEntry>,
    /// Its note.
    pub note: Option<String>,
    /// The transfer that reverted it.
    pub reverted_by: Option<String>,
    /// Why it failed.
    pub error: Option<Problem>,
}

/// `POST /v1/ledger/transfers`: between users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferBetweenUsers {
    /// Who pays.
    pub from: u64,
    /// Who gets it.
    pub to: u64,
    /// Of what.
    pub asset: String,
    /// How much.
    pub amount: String,
    /// A text for people; at most 500 bytes.
    pub note: Option<String>,
    /// The transfer's id, 32 hexadecimal digits; made of the command's id where nothing is said.
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    pub command_id: Option<String>,
}

/// `POST /v1/ledger/credit`: money out of nothing, in sandbox clusters only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreditUser {
    /// Who gets it.
    pub user: u64,
    /// Of what.
    pub asset: String,
    /// How much.
    pub amount: String,
    /// The transfer's id, 32 hexadecimal digits; made of the command's id where nothing is said.
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    pub command_id: Option<String>,
}

/// `POST /v1/ledger/revert`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevertTransfer {
    /// The transfer to undo.
    pub transfer: String,
    /// Why; also the note of the revert.
    pub reason: String,
    /// The id of the revert, 32 hexadecimal digits; made of the command's id where nothing is said.
    pub id: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    pub command_id: Option<String>,
}

/// The answer to every transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferPosted {
    /// The transfer's id, hexadecimal.
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
    pub command_id: String,
}

/// What there is of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetBalance {
    /// The asset.
    pub asset: String,
    /// Everything ever debited, which is also everything ever credited.
    pub turnover: String,
    /// What all users together have.
    pub users: String,
    /// What open holds keep back of it.
    pub users_held: String,
    /// The accounts that are nobody's.
    pub system: Vec<Account>,
}

/// `GET /v1/ledger/trial-balance`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialBalance {
    /// Every asset that has an account.
    pub assets: Vec<AssetBalance>,
}

/// `GET /v1/ledger/verify`: the whole journal was read, and makes what the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerVerified {
    /// How many entries there are.
    pub entries: u64,
    /// The hash that vouches for all of them.
    pub hash: String,
}
