//! Deposits, users' addresses and address books, and how far networks are scanned.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{
    Amount, ChainAddressText, CommandIdText, HashText, Label, MemoText, Moment, NetworkName, OtpText, Reason,
};

/// A block of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Its hash.
    #[schemars(with = "HashText")]
    pub hash: String,
}

/// A deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deposit {
    /// Its number.
    pub deposit: u64,
    /// On which network.
    pub network: String,
    /// By which transaction.
    #[schemars(with = "HashText")]
    pub tx: String,
    /// Where in it.
    pub place: String,
    /// To which address.
    pub address: String,
    /// Whose it is, or would be; none where it is nobody's yet.
    pub user: Option<u64>,
    /// Of which asset; none where the coin is not listed.
    pub asset: Option<String>,
    /// The token's contract; none for the network's own coin.
    pub contract: Option<String>,
    /// How much, in the network's smallest units; none where it does not fit into 128 bits.
    pub on_chain: Option<String>,
    /// How much of the asset that is; none where it is not listed.
    #[schemars(with = "Option<Amount>")]
    pub amount: Option<String>,
    /// What became of it, such as `confirming`, `credited`, `unlocked` or `suspense`.
    pub state: String,
    /// Why it waits for a decision, where it does.
    pub why: Option<String>,
    /// What its user owes since it was taken back.
    #[schemars(with = "Option<Amount>")]
    pub debt: Option<String>,
    /// Its block; none while it is in none.
    pub block: Option<Block>,
    /// How many blocks it is deep, its own included.
    pub confirmations: u64,
    /// When it was seen first, in replicated time.
    #[schemars(with = "Moment")]
    pub seen_at: String,
    /// When it changed last.
    #[schemars(with = "Moment")]
    pub changed_at: String,
}

/// A list of deposits, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deposits {
    /// The deposits.
    pub deposits: Vec<Deposit>,
    /// Where there may be more: what to give as `before` to go on.
    pub next_before: Option<u64>,
}

/// One step of an explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Whether it speaks for the credit.
    pub good: bool,
    /// What was found.
    pub text: String,
}

/// A deposit, and what of it speaks for its credit and against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositExplained {
    /// The deposit.
    pub deposit: Deposit,
    /// The steps, the last one is the verdict.
    pub findings: Vec<Finding>,
}

/// `GET /v1/deposits/explain?network=&tx=`: why a transaction was or was not credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositExplanation {
    /// On which network.
    pub network: String,
    /// Which transaction.
    #[schemars(with = "HashText")]
    pub tx: String,
    /// What holds of the network and of the transaction.
    pub findings: Vec<Finding>,
    /// What is known as deposits of it.
    pub deposits: Vec<DepositExplained>,
}

/// `POST /v1/deposits/{deposit}/assign`: decides whose money it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignSuspense {
    /// To this user.
    #[schemars(range(min = 1))]
    pub user: Option<u64>,
    /// To the exchange itself.
    #[serde(default)]
    pub exchange: bool,
    /// To nobody who did not have it before: the exchange moved it between its own wallets by hand.
    pub moved: Option<MovedByHand>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// What the exchange moved between its own wallets by hand; where it arrived says the deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MovedByHand {
    /// Where it came from: `hot`, `cold` or `deposit`.
    pub from: String,
    /// With `deposit`, where each address has a balance of its own: the address's index in the pool.
    pub index: Option<u32>,
    /// What the network took for it out of the same place, in units of its coin.
    #[schemars(with = "Amount")]
    pub fee: String,
}

/// `POST /v1/scans/{network}/apply`: what was missed in these blocks becomes deposits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRescan {
    /// The first block's height.
    pub from: u64,
    /// The last block's height, at most 1,999 above.
    pub to: u64,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// How far a network is scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainHead {
    /// The network.
    pub network: String,
    /// The last block whose payments are all known.
    pub scanned: Option<Block>,
    /// The height that its nodes are at.
    pub head: u64,
    /// How many blocks are not scanned yet.
    pub behind: u64,
    /// The highest height that is final; none where the network does not tell.
    pub finalized: Option<u64>,
    /// The height up to which two endpoints agree.
    pub agreed: u64,
    /// Up to which height deposits can leave.
    pub settled: u64,
    /// Since when the network stands still, because its chain was reorganised below what was settled.
    #[schemars(with = "Option<Moment>")]
    pub halted_since: Option<String>,
    /// The last block in common then.
    pub common: Option<Block>,
}

/// `GET /v1/scans`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainHeads {
    /// Every network.
    pub networks: Vec<ChainHead>,
}

/// `POST /v1/scans/{network}/resume`: lets a network go on that stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeChain {
    /// From this block on; where it stood if none is given.
    pub from: Option<Block>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/users/{user}/addresses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AllocateAddress {
    /// On which network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// Whether to give a new one also where the user has one.
    #[serde(default)]
    pub fresh: bool,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// An address to which a user deposits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositAddress {
    /// The address.
    pub address: String,
    /// The networks on which it counts.
    pub networks: Vec<String>,
    /// Its index in the pool.
    pub pool_index: u32,
    /// Since when it is the user's; none in the answer that gives it.
    #[schemars(with = "Option<Moment>")]
    pub given_at: Option<String>,
    /// Whether it was given just now.
    pub new: bool,
}

/// `GET /v1/users/{user}/addresses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepositAddresses {
    /// In the order in which they were given; all of them stay valid.
    pub addresses: Vec<DepositAddress>,
}

/// An address of a user's book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressBookEntry {
    /// On which network.
    pub network: String,
    /// The address.
    pub address: String,
    /// What its receiver wants to be told.
    pub memo: Option<String>,
    /// For the user.
    pub label: String,
    /// `pending`, `cooling`, `active` or `archived`.
    pub state: String,
    /// From when on it counts, where that is known.
    #[schemars(with = "Option<Moment>")]
    pub active_at: Option<String>,
    /// When it was entered.
    #[schemars(with = "Moment")]
    pub added_at: String,
}

/// `GET /v1/users/{user}/address-book`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressBook {
    /// Whether only listed addresses are paid now.
    pub listed_only: bool,
    /// From when on others are paid again.
    #[schemars(with = "Option<Moment>")]
    pub listed_only_ends_at: Option<String>,
    /// The addresses.
    pub entries: Vec<AddressBookEntry>,
}

/// `POST /v1/users/{user}/address-book`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ChangeAddressBook {
    /// Enters an address. With a second factor it begins to cool down at once; without one it waits for it.
    Add {
        /// On which network.
        #[schemars(with = "NetworkName")]
        network: String,
        /// The address.
        #[schemars(with = "ChainAddressText")]
        address: String,
        /// What its receiver wants to be told.
        #[schemars(with = "Option<MemoText>")]
        memo: Option<String>,
        /// For the user.
        #[schemars(with = "Label")]
        label: String,
        /// The user's second factor of this moment.
        #[schemars(with = "Option<OtpText>")]
        otp: Option<String>,
    },
    /// Shows the second factor for an address that waits for it.
    Confirm {
        /// On which network.
        #[schemars(with = "NetworkName")]
        network: String,
        /// The address.
        #[schemars(with = "ChainAddressText")]
        address: String,
        /// Its memo.
        #[schemars(with = "Option<MemoText>")]
        memo: Option<String>,
        /// The user's second factor of this moment.
        #[schemars(with = "OtpText")]
        otp: String,
    },
    /// Takes an address out.
    Archive {
        /// On which network.
        #[schemars(with = "NetworkName")]
        network: String,
        /// The address.
        #[schemars(with = "ChainAddressText")]
        address: String,
        /// Its memo.
        #[schemars(with = "Option<MemoText>")]
        memo: Option<String>,
    },
    /// Pays to listed addresses only from now on; or to others too, after two days.
    ListedOnly {
        /// Whether only to those.
        on: bool,
        /// The user's second factor of this moment; needed to end it.
        #[schemars(with = "Option<OtpText>")]
        otp: Option<String>,
    },
}
