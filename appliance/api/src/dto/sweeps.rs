//! Sweeps, what lies on deposit addresses, and gas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::Moment;

/// A plan to sweep what lies on a deposit address, or coins of a network as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// Its number.
    pub sweep: u64,
    /// On which network.
    pub network: String,
    /// Of which asset.
    pub asset: String,
    /// The address's index in the pool; none for coins as a whole.
    pub index: Option<u32>,
    /// `needs-gas`, `gas-pending`, `ready`, `sweeping`, `done` or `failed`.
    pub state: String,
    /// What is to be brought to it first, in units of the network's coin; none where nothing is.
    pub gas: Option<String>,
    /// The payout that it waits for, or that ended it.
    pub payout: Option<u64>,
    /// Why it is worth it, or why it failed.
    pub why: String,
    /// Payouts that brought gas for it, the latest ones.
    pub top_ups: Vec<u64>,
    /// When it was made, in replicated time.
    #[schemars(with = "Moment")]
    pub made_at: String,
    /// When it last moved, in replicated time.
    #[schemars(with = "Moment")]
    pub moved_at: String,
}

/// `GET /v1/sweeps`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sweeps {
    /// The newest first.
    pub sweeps: Vec<Sweep>,
}

/// What lies on a deposit address of one asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holding {
    /// The address's index in the pool; none for coins as a whole.
    pub index: Option<u32>,
    /// The address.
    pub address: Option<String>,
    /// Of which asset.
    pub asset: String,
    /// What may be moved, what is on its way included, in the network's smallest unit.
    pub free: String,
    /// What of that is on its way, in the network's smallest unit.
    pub on_its_way: String,
    /// Since when there is something.
    #[schemars(with = "Moment")]
    pub since: String,
    /// Deposits that wait to be swept.
    pub waiting: u64,
    /// Whether nothing of it is swept because its user is frozen, or it is nobody's.
    pub held: bool,
    /// Why it is not swept, or what its plan waits for. Numbers in it are of when it was first so.
    pub why: String,
    /// Since when that is so; none where nothing was said yet.
    #[schemars(with = "Option<Moment>")]
    pub said_at: Option<String>,
    /// The plan to sweep it.
    pub sweep: Option<Sweep>,
    /// How often the address got gas within 24 hours.
    pub top_ups: u32,
}

/// `GET /v1/holdings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Holdings {
    /// On which network.
    pub network: String,
    /// By index and asset.
    pub holdings: Vec<Holding>,
}

/// An address from which gas is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GasStation {
    /// Of which wallet.
    pub wallet: u32,
    /// `gas` or `hot`.
    pub role: String,
    /// The address's number in it.
    pub index: u32,
    /// The address; none where the wallet has no such address any more.
    pub address: Option<String>,
    /// What it had of the network's coin, without what is staked.
    pub balance: String,
    /// When it had that, in replicated time.
    #[schemars(with = "Moment")]
    pub at: String,
    /// How much of its stake is lent that the exchange has not lent, in the network's coin; none where none is. TRON only.
    #[serde(default)]
    pub stray: Option<String>,
}

/// How long what there is lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GasRunway {
    /// Of which wallets: `gas`, or `hot` for the fees of withdrawals.
    pub role: String,
    /// What they have together of the network's coin.
    pub balance: String,
    /// What is spent in an hour on average; none before a whole hour was watched.
    pub hourly: Option<String>,
    /// Whole hours that it lasts; none where it is longer than 90 days, or nobody can say.
    pub hours: Option<u32>,
    /// `fine`, `P2`, `P1` or `P0`.
    pub level: String,
}

/// What was spent on one use of gas, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GasSpent {
    /// `withdrawal`, `sweep`, `top-up`, `no-op`, `failed` or `stake`.
    pub purpose: String,
    /// Transactions.
    pub count: u64,
    /// Their fees, in the network's coin.
    pub fees: String,
    /// What one cost on average.
    pub each: String,
}

/// Energy that is lent from the stake of a gas wallet (TRON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GasLoan {
    /// Whose stake it is of.
    pub wallet: u32,
    /// The address's number in it.
    pub index: u32,
    /// To which address.
    pub to: String,
    /// How much of the stake, in the network's coin.
    pub stake: String,
    /// `lending`, `lent`, `returning`, or `doubted` where the network is asked whether it is lent.
    pub state: String,
    /// Since when, in replicated time.
    #[schemars(with = "Moment")]
    pub since: String,
}

/// Gas on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkGas {
    /// Which network.
    pub network: String,
    /// Its coin.
    pub asset: String,
    /// The fee for a unit as it was told last: wei for gas, satoshi for 1,000 virtual bytes, sun for energy.
    pub fee: Option<String>,
    /// The fee up to which what can wait goes; none as long as less than a day of fees is known.
    pub fee_gate: Option<String>,
    /// Hours of the last seven days of which the fee is known.
    pub fee_hours: u32,
    /// The day's budget for what is brought to addresses, in whole US dollars.
    #[schemars(range(max = 10_000_000))]
    pub budget_usd: u64,
    /// What was decided today to be brought to addresses, fees included, in the network's coin.
    pub topped_today: String,
    /// The same in US dollars; none without a fresh reference price.
    pub topped_today_usd: Option<String>,
    /// Whether four fifths of the budget are used.
    pub budget_nearly_used: bool,
    /// The addresses from which gas is paid.
    pub stations: Vec<GasStation>,
    /// How long it lasts.
    pub runways: Vec<GasRunway>,
    /// What was spent on what.
    pub spent: Vec<GasSpent>,
    /// What is lent, may be, or may still be. TRON only.
    #[serde(default)]
    pub loans: Vec<GasLoan>,
}

/// `GET /v1/gas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gas {
    /// Every network of which something is known.
    pub networks: Vec<NetworkGas>,
}

/// What a payout does with a stake (TRON).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnStake {
    /// `freeze`, `unfreeze`, `collect`, `lend` or `take back`.
    pub what: String,
    /// How much of the stake, in the network's coin; none of what is collected.
    pub stake: Option<String>,
    /// To which address it is lent, or was.
    pub to: Option<String>,
    /// The sweep that it is lent for.
    pub sweep: Option<u64>,
}

/// What a payout moves between addresses of the exchange's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnMove {
    /// Of which asset.
    pub asset: u32,
    /// Where to.
    pub to: String,
    /// How much, in the network's smallest unit.
    pub on_chain: String,
    /// How much, in minor units.
    pub amount: String,
    /// The sweep that it carries out, or brings gas for; none of what no plan asked for.
    pub sweep: Option<u64>,
}
