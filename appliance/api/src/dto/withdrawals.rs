//! Withdrawals, and the payouts that pay them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::deposits::Block;
use super::shapes::{
    Amount, AssetCode, ChainAddressText, ClientWithdrawalText, CommandIdText, FeeModeWord, HashText, MemoText, Moment,
    NetworkName, OtpText, Reason, SignatureText, TransactionText, UnitsText,
};
use super::sweeps::{OwnMove, OwnStake};

/// `POST /v1/users/{user}/withdrawals`. The same name with the same content is the same withdrawal, for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestWithdrawal {
    /// The name that the client gives it.
    #[schemars(with = "ClientWithdrawalText")]
    pub client_id: String,
    /// Of what.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// On which network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// Where to.
    #[schemars(with = "ChainAddressText")]
    pub address: String,
    /// What the receiver wants to be told.
    #[schemars(with = "Option<MemoText>")]
    pub memo: Option<String>,
    /// How much.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// Who bears the fee: `deduct`, which is meant where nothing is said, or `on-top`.
    #[schemars(with = "Option<FeeModeWord>")]
    pub fee_mode: Option<String>,
    /// The user's second factor of this moment; without it the withdrawal waits for it.
    #[schemars(with = "Option<OtpText>")]
    pub otp: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RequestWithdrawal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalRequested {
    /// Its number.
    pub withdrawal: u64,
    /// Where it stands.
    pub state: String,
    /// Whether it was asked for by this; otherwise it was there before.
    pub first: bool,
    /// What its user should look at before anybody goes on, such as an address that looks like a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// Names a withdrawal, to take it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedWithdrawal {
    /// Its number.
    #[schemars(range(min = 1))]
    pub withdrawal: u64,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// Shows the second factor for a withdrawal that waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmWithdrawal {
    /// Its number.
    #[schemars(range(min = 1))]
    pub withdrawal: u64,
    /// The user's second factor of this moment.
    #[schemars(with = "OtpText")]
    pub otp: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to what moves a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalMoved {
    /// Its number.
    pub withdrawal: u64,
    /// Where it stands since.
    pub state: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// A withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawal {
    /// Its number.
    pub withdrawal: u64,
    /// Whose money.
    pub user: u64,
    /// The name that the client gave it.
    pub client_id: String,
    /// Of what.
    pub asset: String,
    /// The asset's number, which approvals sign.
    pub asset_number: u32,
    /// On which network.
    pub network: String,
    /// Where to.
    pub address: String,
    /// What the receiver wants to be told.
    pub memo: Option<String>,
    /// What was asked for.
    #[schemars(with = "Amount")]
    pub amount: String,
    /// What it costs its user.
    #[schemars(with = "Amount")]
    pub fee: String,
    /// What the receiver gets.
    #[schemars(with = "Amount")]
    pub receives: String,
    /// The same in the network's smallest units.
    pub on_chain: String,
    /// The most that its transaction may cost, in minor units of the network's coin.
    #[schemars(with = "UnitsText")]
    pub fee_cap: String,
    /// What it was worth in US dollars when it was asked for; none where nobody could say.
    #[schemars(with = "Option<Amount>")]
    pub usd: Option<String>,
    /// What kind of place it goes to: `new`, `listed`, `internal`, or `lookalike` for a new one that looks like a known one.
    pub destination: String,
    /// What is to be looked at before it goes on, such as an address that looks like a known one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Where it stands, such as `awaiting-approval`, `queued`, `broadcast` or `completed`.
    pub state: String,
    /// Its transaction, once it is signed.
    #[schemars(with = "Option<HashText>")]
    pub tx: Option<String>,
    /// The block that it was paid in.
    pub block: Option<Block>,
    /// The payout that pays it or did.
    pub payout: Option<u64>,
    /// Who asked; empty for its user.
    pub initiator: String,
    /// The rule of the policy that judged it; empty for its user.
    pub rule: String,
    /// The version of that policy.
    pub policy_version: u32,
    /// Who has to approve it, such as `2 of treasury`.
    pub needs: Vec<String>,
    /// The numbers of the admins who did.
    pub approved_by: Vec<u32>,
    /// The hash of the payment, which approvals sign.
    #[schemars(with = "HashText")]
    pub hash: String,
    /// Until when it may be signed for the chain by its approvals, which name this moment, in microseconds since 1970; zero where
    /// nobody has to approve it. What waits for longer is put before people again.
    pub approve_until_us: u64,
    /// When time moves it on or ends it unless somebody does before: the end of the time to confirm or approve it, or of a delay.
    #[schemars(with = "Option<Moment>")]
    pub due_at: Option<String>,
    /// When it was asked for, in replicated time.
    #[schemars(with = "Moment")]
    pub requested_at: String,
    /// When it moved last.
    #[schemars(with = "Moment")]
    pub moved_at: String,
}

/// A list of withdrawals, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawals {
    /// The withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// Where there may be more: what to give as `before` to go on.
    pub next_before: Option<u64>,
}

/// One edge that a withdrawal went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalTrace {
    /// When, in replicated time.
    #[schemars(with = "Moment")]
    pub at: String,
    /// In which entry of the log.
    pub index: u64,
    /// The state before; none for the first.
    pub from: Option<String>,
    /// The state after.
    pub to: String,
    /// On whose behalf; none where time did it.
    pub by: Option<String>,
    /// On what grounds.
    pub what: String,
}

/// A transaction that was decided for a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayoutAttempt {
    /// From 1.
    pub number: u16,
    /// `payment`, or `no-op` for one that pays nobody.
    pub purpose: String,
    /// What it uses up: a nonce, coins, or a span of time.
    pub claim: String,
    /// The most that it can cost, in minor units of the network's coin.
    #[schemars(with = "UnitsText")]
    pub fee_max: String,
    /// Its transaction, once it is signed.
    #[schemars(with = "Option<HashText>")]
    pub tx: Option<String>,
    /// When it was decided.
    #[schemars(with = "Moment")]
    pub prepared_at: String,
    /// The latest answers of endpoints.
    pub answers: Vec<String>,
    /// Whether it was proved that it can never be mined.
    pub dead: bool,
}

/// A payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payout {
    /// Its number.
    pub payout: u64,
    /// On which network.
    pub network: String,
    /// The wallet that pays.
    pub wallet: u32,
    /// The number of its address that pays.
    pub wallet_index: u32,
    /// Where it stands.
    pub state: String,
    /// What for: `withdrawals`, `sweep`, `top-up` or `stake`.
    pub errand: String,
    /// The withdrawals that it pays.
    pub withdrawals: Vec<u64>,
    /// What it moves between addresses of the exchange's own.
    pub moves: Option<OwnMove>,
    /// What it does with a stake.
    #[serde(default)]
    pub stake: Option<OwnStake>,
    /// Its attempts, in order; each excludes every other.
    pub attempts: Vec<PayoutAttempt>,
    /// How it ended without paying, as its worker says; no balance and no person has agreed yet.
    pub denied: Option<String>,
    /// When it was decided, in replicated time.
    #[schemars(with = "Moment")]
    pub created_at: String,
    /// When it moved last.
    #[schemars(with = "Moment")]
    pub moved_at: String,
}

/// `GET /v1/withdrawals/{withdrawal}/explain`: the whole story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WithdrawalExplained {
    /// The withdrawal.
    pub withdrawal: Withdrawal,
    /// What it waits for, or why nothing goes on.
    pub now: String,
    /// Every edge that it went.
    pub traces: Vec<WithdrawalTrace>,
    /// What pays it or did.
    pub payout: Option<Payout>,
}

/// `POST /v1/withdrawals/{withdrawal}/approve`: by a signature of the sender's enrolled key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveWithdrawal {
    /// The number of the key.
    pub key: u32,
    /// Over the withdrawal's number, its hash, and the moment after which it cannot be approved.
    #[schemars(with = "SignatureText")]
    pub signature: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// Another spender of a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConflictingSpend {
    /// The transaction that made the coin.
    #[schemars(with = "TransactionText")]
    pub tx: String,
    /// Which of its outputs.
    pub output: u32,
    /// Who spent it.
    #[schemars(with = "TransactionText")]
    pub by: String,
    /// Blocks upon that, its own included.
    pub confirmations: u32,
}

/// Why no attempt of a payout can be mined any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum DeathProof {
    /// No attempt was ever signed.
    NeverSigned,
    /// The wallet's next nonce at a final block is above the payout's, and no attempt is in the chain.
    NonceUsed {
        /// The final block.
        at: Block,
        /// The wallet's next nonce there.
        next: u64,
        /// The attempts that were looked for and are not there.
        #[schemars(with = "Vec<TransactionText>")]
        absent: Vec<String>,
    },
    /// Coins of every attempt were spent by others.
    Conflicts {
        /// One for each attempt at least.
        conflicts: Vec<ConflictingSpend>,
    },
    /// The time of every attempt is over, and they are in no final block.
    Expired {
        /// The last final block.
        at: Block,
        /// Its time.
        #[schemars(with = "Moment")]
        time: String,
        /// The endpoints that do not know them, by their place in the configuration.
        absent_at: Vec<u8>,
        /// The attempts that were looked for.
        #[schemars(with = "Vec<TransactionText>")]
        absent: Vec<String>,
    },
}

/// `POST /v1/payouts/{payout}/review`: what a person decides about a payout that is stuck, unknown or in review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewPayout {
    /// `resend`, `bump`, `cancel-by-noop`, `mark-external`, `refund` or `confirm`.
    #[schemars(regex(pattern = r"^(resend|bump|cancel-by-noop|mark-external|refund|confirm)$"))]
    pub decision: String,
    /// The state in which it was found; refused where it has moved since.
    #[schemars(regex(pattern = r"^(stuck|unknown|review)$"))]
    pub from: String,
    /// With `mark-external`: the transaction that paid.
    #[schemars(with = "Option<TransactionText>")]
    pub tx: Option<String>,
    /// With `mark-external`: the block that it is in.
    pub block: Option<Block>,
    /// With `mark-external`: what the network took for it from the hot wallet, in minor units of its coin.
    #[schemars(with = "Option<Amount>")]
    pub fee: Option<String>,
    /// With `mark-external` and `refund`: why none of its own attempts can be mined.
    pub proof: Option<DeathProof>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/networks/{network}/nonce`: the next nonce of an address that pays is set, once another person has approved it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetNonce {
    /// The wallet's number.
    pub wallet: u32,
    /// The number of its address; of the deposit wallet, the index in the pool.
    pub wallet_index: u32,
    /// The next nonce of that address, as several nodes of the network have it.
    #[schemars(range(max = 9_007_199_254_740_991_u64))]
    pub next: u64,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`SetNonce`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NonceSet {
    /// The next one; above what was asked for where open payouts have that.
    pub next: u64,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// The answer to [`ReviewPayout`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PayoutReviewed {
    /// Its number.
    pub payout: u64,
    /// Where it stands since.
    pub state: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
