//! Why a command about withdrawals is refused.

use exchequer_domain::{Code, Problem, Timestamp};
use serde::{Deserialize, Serialize};

use super::errand::MoveFault;
use super::lane::NONCE_END;
use super::payout::{
    ATTEMPTS_MAX, IN_FLIGHT_MAX, INPUTS_MAX, PAYOUT_WITHDRAWALS_MAX, PayoutId, RAW_BYTES_MAX, WHY_BYTES_MAX,
};
use super::policy_check::PolicyFault;
use super::stage::Stage;
use super::withdrawal::{CLIENT_ID_BYTES_MAX, MEMO_BYTES_MAX, WithdrawalId};
use super::{OPEN_OF_USER_MAX, OPEN_WITHDRAWALS_MAX, SPENT_OF_USER_MAX};

/// What of a request is different from the one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Differs {
    /// The asset.
    Asset,
    /// The network.
    Network,
    /// The address.
    Address,
    /// The memo.
    Memo,
    /// The amount.
    Amount,
    /// Who bears the fee.
    FeeMode,
}

impl Differs {
    const fn as_str(self) -> &'static str {
        match self {
            Differs::Asset => "asset",
            Differs::Network => "network",
            Differs::Address => "address",
            Differs::Memo => "memo",
            Differs::Amount => "amount",
            Differs::FeeMode => "fee mode",
        }
    }
}

/// Why the network does not do it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shut {
    /// The exchange is stopped.
    Emergency,
    /// Under maintenance.
    Maintenance {
        /// Until then, where an end is planned.
        until: Option<Timestamp>,
    },
    /// Switched off, for the network or the asset on it.
    Off,
}

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The client's name for it is empty, too long, or not visible ASCII.
    ClientId,
    /// The memo is empty, too long, or has control characters.
    Memo,
    /// Another withdrawal of the user has this name.
    ExistsDifferent {
        /// That one.
        withdrawal: WithdrawalId,
        /// The first difference.
        differs: Differs,
    },
    /// Nothing is paid out there now.
    Shut {
        /// Why.
        why: Shut,
    },
    /// The asset cannot be withdrawn on this network.
    NotListed,
    /// The amount is below the least, above the most, no multiple of the step, or not more than the fee.
    Amount {
        /// The least, in minor units.
        min: u128,
        /// The most, in minor units.
        max: u128,
        /// The step, in minor units.
        step: u128,
    },
    /// The address is the exchange's own.
    OwnAddress,
    /// Only addresses of the address book are paid, and this is none.
    AddressNotListed,
    /// The address counts from a later moment on.
    AddressCooling {
        /// Then.
        until: Timestamp,
    },
    /// Users of this KYC level may not withdraw so much.
    Limit {
        /// What is left in the window, in millionths of a dollar.
        left_usd: u64,
        /// Whether it is the month's, not the day's.
        month: bool,
    },
    /// The money is there, and cannot leave before its deposits have more confirmations.
    Unripe {
        /// What can leave, in minor units.
        ripe: u128,
    },
    /// No limit is set for what a transaction on the network may cost.
    FeeCapUnset,
    /// The transaction may cost more than was approved, or than the network's limit.
    FeeCap {
        /// The most, in minor units of the network's coin.
        most: u64,
    },
    /// The second factor was shown for something else, or too long ago.
    Proof,
    /// As many withdrawals are open as there may be, in all or of this user.
    Full,
    /// There is no such withdrawal any more.
    Unknown {
        /// As given.
        withdrawal: WithdrawalId,
    },
    /// There is no such payout any more.
    PayoutUnknown {
        /// As given.
        payout: PayoutId,
    },
    /// It is in another stage than the command expects.
    Moved {
        /// The present stage.
        stage: Stage,
    },
    /// There is no way from this stage to that.
    Edge {
        /// From.
        from: Stage,
        /// To.
        to: Stage,
    },
    /// Only the worker that pays out on this network may do it.
    NotTheWorker,
    /// The wallet pays out nothing: it is none of the network's hot wallets, or has ended.
    Wallet,
    /// As much is under way from this wallet as may be.
    InFlight,
    /// The nonce is another than the next one.
    Nonce {
        /// The next one.
        next: u64,
    },
    /// The claim is none of this network's, or one that does not exclude every earlier attempt.
    Claim,
    /// A coin is none of the wallet's, or kept for another payout.
    Coin,
    /// Nothing to pay, too much at once, of another network, or out of its turn.
    Turn,
    /// The hot wallet has not enough of it in the books.
    HotShort {
        /// Whether it is the network's coin for the fee.
        gas: bool,
    },
    /// As many attempts as there may be, or no such attempt.
    Attempt,
    /// A transaction's bytes are missing or too long, or its name is another's.
    Raw,
    /// A remark is too long.
    Why,
    /// What is shown does not prove that nothing of it can be mined any more.
    NoProof {
        /// Which payout.
        payout: PayoutId,
    },
    /// The policy cannot be that.
    Policy {
        /// What is wrong.
        what: PolicyFault,
    },
    /// The policy was changed meanwhile.
    PolicyVersion {
        /// The present version.
        present: u32,
    },
    /// Whoever asked for it cannot approve it.
    OwnWithdrawal,
    /// The person is in none of the groups that must approve it.
    NotInGroup,
    /// The address book is full, or has no such address, or has it already.
    Book,
    /// The user's money is not free: the user is frozen.
    Frozen,
    /// The user owes the exchange something, after a deposit was taken back that was spent.
    Owes,
    /// Too many nonces of the wallet were given and not used.
    Gaps,
    /// It is not moved like this.
    Move {
        /// Why.
        what: MoveFault,
    },
    /// Only the leading node says what its signer did.
    NotTheNode,
    /// That a payment can never be mined is its worker's word, and nothing takes its place on that alone.
    Unconfirmed {
        /// Which payout.
        payout: PayoutId,
    },
    /// Nobody says that it ended without paying.
    NotDenied {
        /// Which payout.
        payout: PayoutId,
    },
    /// What comes before it is not signed, or missing.
    Behind {
        /// The nonce of that.
        nonce: u64,
        /// Its payout; none where it is a gap.
        payout: Option<PayoutId>,
    },
    /// A nonce is one that no account ever comes to.
    NonceBeyond,
    /// Nobody signed anything of it, and nothing takes the place of what it decided.
    NothingReplaces {
        /// Which payout.
        payout: PayoutId,
    },
    /// An attempt of another payout under way is the same transaction.
    SameBytes {
        /// That payout.
        payout: PayoutId,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::ClientId
            | Refusal::Memo
            | Refusal::Why
            | Refusal::Raw
            | Refusal::NotTheWorker
            | Refusal::NotTheNode => Code::BadRequest,
            Refusal::ExistsDifferent { .. } => Code::WithdrawalExists,
            Refusal::Shut { .. } | Refusal::FeeCapUnset => Code::WithdrawalsShut,
            Refusal::NotListed | Refusal::Amount { .. } => Code::WithdrawalAmount,
            Refusal::OwnAddress | Refusal::AddressNotListed | Refusal::AddressCooling { .. } | Refusal::Book => {
                Code::WithdrawalAddress
            }
            Refusal::Limit { .. } => Code::WithdrawalLimit,
            Refusal::Unripe { .. } | Refusal::Owes => Code::WithdrawalUnripe,
            Refusal::Proof => Code::WithdrawalProof,
            Refusal::Full => Code::Overloaded,
            Refusal::Unknown { .. } | Refusal::PayoutUnknown { .. } => Code::WithdrawalUnknown,
            Refusal::Moved { .. } | Refusal::Edge { .. } => Code::WithdrawalStage,
            Refusal::Wallet
            | Refusal::InFlight
            | Refusal::Nonce { .. }
            | Refusal::Claim
            | Refusal::Coin
            | Refusal::Turn
            | Refusal::Attempt
            | Refusal::Gaps
            | Refusal::FeeCap { .. }
            | Refusal::NonceBeyond
            | Refusal::NothingReplaces { .. }
            | Refusal::SameBytes { .. }
            | Refusal::Behind { .. } => Code::PayoutRefused,
            Refusal::HotShort { .. } => Code::HotWalletShort,
            Refusal::NoProof { .. } | Refusal::Unconfirmed { .. } | Refusal::NotDenied { .. } => Code::PayoutNotDead,
            Refusal::Policy { .. } => Code::WithdrawalPolicy,
            Refusal::PolicyVersion { .. } => Code::StaleRevision,
            Refusal::OwnWithdrawal | Refusal::NotInGroup => Code::ApprovalForbidden,
            Refusal::Frozen => Code::UserFrozen,
            Refusal::Move { .. } => Code::MoveRefused,
        }
    }

    /// The code, what is wrong, and what to do about it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.code(), self.message())
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::ClientId => {
                format!("a client's name for a withdrawal is 1 to {CLIENT_ID_BYTES_MAX} visible ASCII characters")
            }
            Refusal::Memo => format!("a memo is 1 to {MEMO_BYTES_MAX} bytes without control characters"),
            Refusal::ExistsDifferent { withdrawal, differs } => {
                format!("withdrawal {withdrawal} has this name and another {}", differs.as_str())
            }
            Refusal::Shut { why } => match why {
                Shut::Emergency => "the exchange is stopped".into(),
                Shut::Maintenance { until: Some(until) } => format!("under maintenance until {until}"),
                Shut::Maintenance { until: None } => "under maintenance".into(),
                Shut::Off => "withdrawals are switched off there".into(),
            },
            Refusal::NotListed => "the asset cannot be withdrawn on this network".into(),
            Refusal::Amount { min, max, step } => {
                format!("the amount is {min} to {max} minor units in steps of {step}, and more than the fee")
            }
            Refusal::OwnAddress => "the address is the exchange's or the user's own".into(),
            Refusal::AddressNotListed => "only addresses of the address book are paid, and this is none".into(),
            Refusal::AddressCooling { until } => format!("the address counts from {until} on"),
            Refusal::Limit { left_usd, month } => format!(
                "{}.{:06} dollars are left of the {}",
                left_usd / 1_000_000,
                left_usd % 1_000_000,
                if *month { "30 days' limit" } else { "24 hours' limit" }
            ),
            Refusal::Unripe { ripe } => format!("{ripe} minor units can leave; the rest was deposited too lately"),
            Refusal::FeeCapUnset => "the most that a transaction on the network may cost is not set".into(),
            Refusal::FeeCap { most } => {
                format!("a transaction may cost {most} minor units of the network's coin at most")
            }
            Refusal::Proof => "the second factor was shown for another request, or too long ago".into(),
            Refusal::Full => format!(
                "{OPEN_WITHDRAWALS_MAX} withdrawals are open, or {OPEN_OF_USER_MAX} of this user, or it made {SPENT_OF_USER_MAX} in 30 days"
            ),
            Refusal::Unknown { withdrawal } => format!("there is no open withdrawal {withdrawal}"),
            Refusal::PayoutUnknown { payout } => format!("there is no open payout {payout}"),
            Refusal::Moved { stage } => format!("it is {stage}"),
            Refusal::Edge { from, to } => format!("what is {from} cannot become {to}"),
            Refusal::NotTheWorker => "only the network's worker that does it says this".into(),
            Refusal::Wallet => "the network has no such wallet in use that pays for this".into(),
            Refusal::InFlight => format!("{IN_FLIGHT_MAX} payouts from this address are in no block yet"),
            Refusal::Nonce { next } => format!("the wallet's next nonce is {next}"),
            Refusal::NonceBeyond => {
                format!("no account ever comes to nonce {NONCE_END}: look at the endpoints of the network")
            }
            Refusal::Claim => "the attempt does not exclude every earlier one, or is none of this network's".into(),
            Refusal::Coin => format!("a coin is not free, or there are not 1 to {INPUTS_MAX} of them"),
            Refusal::Turn => {
                format!("1 to {PAYOUT_WITHDRAWALS_MAX} withdrawals of the network are paid at once, in their turn")
            }
            Refusal::HotShort { gas: false } => "the hot wallet has not enough of it".into(),
            Refusal::HotShort { gas: true } => "the hot wallet has not enough of the network's coin for the fee".into(),
            Refusal::Attempt => format!("there is no such attempt, or there are {ATTEMPTS_MAX} already"),
            Refusal::Raw => format!("a transaction is 1 to {RAW_BYTES_MAX} bytes, and its name is nobody else's"),
            Refusal::Why => format!("a remark is at most {WHY_BYTES_MAX} bytes, and 8 answers are told at once"),
            Refusal::NoProof { payout } => format!("it is not proved that payout {payout} can never be mined"),
            Refusal::Policy { what } => match what {
                PolicyFault::Rules => "a policy has 1 to 100 rules".into(),
                PolicyFault::Groups => "a policy has the group `treasury` without members, and each group once".into(),
                PolicyFault::Names => "a rule and a group have a name of 1 to 60 bytes".into(),
                PolicyFault::Limits => "each KYC level has a limit, and a day's is not above its month's".into(),
                PolicyFault::Range => "a rule's range or window holds nothing, or is longer than 30 days".into(),
                PolicyFault::Approvals => "a rule asks for 1 to 9 persons of a group that has so many".into(),
            },
            Refusal::PolicyVersion { present } => format!("the policy is at version {present}"),
            Refusal::OwnWithdrawal => "whoever asked for a withdrawal does not approve it".into(),
            Refusal::NotInGroup => "nobody waits for this person's approval".into(),
            Refusal::Book => "the address book has no room, no such address, or has it already".into(),
            Refusal::Frozen => "the user is frozen".into(),
            Refusal::Owes => "the user owes the exchange something; nothing of theirs leaves before it is paid".into(),
            Refusal::Gaps => "too many nonces of the wallet are missing on chain; fill them first".into(),
            Refusal::Move { what } => what.as_str().into(),
            Refusal::NotTheNode => "only the leading node says what its signer did".into(),
            Refusal::Unconfirmed { payout } => {
                format!(
                    "that payout {payout} was not paid waits for balances that agree; nothing takes its place before"
                )
            }
            Refusal::NotDenied { payout } => {
                format!(
                    "the worker of payout {payout} does not say that it ended without paying: nothing is to be confirmed"
                )
            }
            Refusal::Behind { nonce, payout: Some(payout) } => format!(
                "payout {payout} comes before it with nonce {nonce} and is not signed: to pay more helps nothing, see to that one"
            ),
            Refusal::Behind { nonce, payout: None } => format!(
                "nonce {nonce} before it is missing on chain: to pay more helps nothing before its worker has filled that"
            ),
            Refusal::NothingReplaces { payout } => {
                format!("nothing of payout {payout} was signed, and no other transaction takes its place")
            }
            Refusal::SameBytes { payout } => {
                format!(
                    "an attempt of payout {payout} is the same transaction to the last byte: make it at another moment"
                )
            }
        }
    }
}
