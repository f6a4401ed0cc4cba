//! Reconciliation: runs, equations, discrepancies, and what persons make of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deposits::Block;
use super::shapes::{CommandIdText, DifferenceText, HashText, Moment, Reason, StopText};

/// `GET /v1/reconciliation`: how every network stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reconciliation {
    /// The networks.
    pub networks: Vec<NetworkReconciliation>,
    /// What stops withdrawals, until people let them go on.
    pub stops: Vec<WithdrawalStop>,
    /// Discrepancies that found no room.
    pub left_out: u64,
}

/// Withdrawals that are stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalStop {
    /// How far: a network, the code of an asset, or `everywhere`.
    #[schemars(with = "StopText")]
    pub stopped: String,
    /// Since when, in replicated time.
    #[schemars(with = "Moment")]
    pub since: String,
    /// The discrepancy that stopped them first; none where that found no room, or where none was needed.
    pub by: Option<u64>,
    /// Every discrepancy that stops them now. Whoever lets them go on names them all.
    pub stopped_by: Vec<SeenDiscrepancy>,
}

/// A discrepancy that stops withdrawals, and what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenDiscrepancy {
    /// Its number.
    #[schemars(range(min = 1))]
    pub discrepancy: u64,
    /// What is missing, as the discrepancy has it; zero where the two sides agree again.
    #[schemars(with = "DifferenceText")]
    pub difference: String,
}

/// `POST /v1/reconciliation/{stop}/resume`: lets withdrawals go on, once another person has approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumePayments {
    /// Every discrepancy that stops them, with what it came to when you looked. Where another one stops them as well, or more is
    /// missing by now, it is refused.
    #[schemars(length(max = 5_000))]
    pub seen: Vec<SeenDiscrepancy>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// How a network stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkReconciliation {
    /// The network.
    pub network: String,
    /// The number of its last run; zero before the first.
    pub last_run: u64,
    /// The run that is going on.
    pub running: Option<u64>,
    /// When the last run ended, in replicated time.
    #[schemars(with = "Option<Moment>")]
    pub ended_at: Option<String>,
    /// The block that the last run compared.
    pub block: Option<Block>,
    /// When all deposit addresses were gone through last.
    #[schemars(with = "Option<Moment>")]
    pub whole_at: Option<String>,
    /// Addresses that have moved since they were compared.
    pub touched: u64,
    /// Open discrepancies of the network.
    pub open: u64,
    /// Since when nothing is paid out there because something is missing.
    #[schemars(with = "Option<Moment>")]
    pub stopped_since: Option<String>,
    /// The discrepancy that stopped it.
    pub stopped_by: Option<u64>,
}

/// What an equation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EquationOutcome {
    /// `E1` to `E8`.
    pub equation: String,
    /// What must hold.
    pub says: String,
    /// For which asset; none where it is of all.
    pub asset: Option<String>,
    /// What is, as a whole number with a sign; none where it counts cases.
    pub is: Option<String>,
    /// What should be.
    pub should: Option<String>,
    /// Whether it holds; none where it cannot be judged.
    pub holds: Option<bool>,
    /// What is to be said of it.
    pub remark: String,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciliationRun {
    /// Its number.
    pub run: u64,
    /// On which network.
    pub network: String,
    /// At which block.
    pub block: Block,
    /// When it began, in replicated time.
    #[schemars(with = "Moment")]
    pub begun_at: String,
    /// When it ended.
    #[schemars(with = "Moment")]
    pub ended_at: String,
    /// The number of the ledger's last posting at its end.
    pub posting: u64,
    /// The hash of the journal then.
    #[schemars(with = "HashText")]
    pub journal: String,
    /// How many balances were judged.
    pub judged: u32,
    /// How many of them differ.
    pub differing: u32,
    /// How many could not be read.
    pub failed: u32,
    /// Whether all deposit addresses were gone through with its end.
    pub whole: bool,
    /// The hash over everything that was read.
    #[schemars(with = "HashText")]
    pub inputs: String,
    /// What each equation came to.
    pub equations: Vec<EquationOutcome>,
    /// Discrepancies that were open at its end.
    pub open: Vec<u64>,
}

/// Runs, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReconciliationRuns {
    /// The runs.
    pub runs: Vec<ReconciliationRun>,
    /// Where there may be more: what to give as `before` to go on.
    pub next_before: Option<u64>,
}

/// A line of a discrepancy's story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoryLine {
    /// When, in replicated time.
    #[schemars(with = "Moment")]
    pub at: String,
    /// Who; none where it came by itself.
    pub by: Option<String>,
    /// What.
    pub what: String,
}

/// A discrepancy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discrepancy {
    /// Its number.
    pub discrepancy: u64,
    /// `address`, `books`, `solvency`, `ledger`, `locks`, `chain`, `fees`, `dust`, `own-transaction`, `unread` or `room`.
    pub scope: String,
    /// On which network; none where it is on none alone.
    pub network: Option<String>,
    /// At which address, where it is at one.
    pub address: Option<String>,
    /// The token's contract; none for the network's own coin.
    pub contract: Option<String>,
    /// Of which asset; none where that is not listed.
    pub asset: Option<String>,
    /// What is there above what should be, as a whole number with a sign: in the network's smallest units where it is on a
    /// network, in minor units otherwise. What an adjustment must name.
    pub difference: String,
    /// The same as a decimal number, where the asset is listed.
    pub amount: Option<String>,
    /// What it seems to be, such as `missed-deposit` or `unknown-outflow`.
    pub class: String,
    /// How urgent it is, `P0` first.
    pub severity: String,
    /// `open`, `explained`, `adjusted` or `closed`.
    pub status: String,
    /// What withdrawals it stops: those of a network, of an asset by its code, or `everywhere`; none where it stops none.
    #[schemars(with = "Option<StopText>")]
    pub stops: Option<String>,
    /// When it was seen first, in replicated time.
    #[schemars(with = "Moment")]
    pub first_seen_at: String,
    /// When it was seen last.
    #[schemars(with = "Moment")]
    pub last_seen_at: String,
    /// Since when the two sides agree again.
    #[schemars(with = "Option<Moment>")]
    pub gone_since: Option<String>,
    /// What happened to it.
    pub story: Vec<StoryLine>,
}

/// Discrepancies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Discrepancies {
    /// The discrepancies; open ones the oldest first, those that are over the newest first.
    pub discrepancies: Vec<Discrepancy>,
    /// Where there may be more: what to give as `before` to go on.
    pub next_before: Option<u64>,
}

/// `POST /v1/reconciliation/discrepancies/{discrepancy}/explain`: says what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainDiscrepancy {
    /// What it is.
    #[schemars(with = "Reason")]
    pub explanation: String,
    /// Whether it is over. Only where the two sides agree again, or no posting could make them.
    #[serde(default)]
    pub close: bool,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/reconciliation/discrepancies/{discrepancy}/adjust`: puts the books right, once another person has approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdjustDiscrepancy {
    /// The difference that is meant, as the discrepancy has it.
    #[schemars(regex(pattern = r"^-?[0-9]{1,39}$"))]
    pub difference: String,
    /// What it is booked as, such as `opening-balance`, `unknown-sender` or `loss`.
    pub category: String,
    /// Why; kept in the audit and in the journal.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}
