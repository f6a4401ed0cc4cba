//! The chart of accounts: who can hold what, and on which side an account's balance normally is.
//!
//! | holder | class | normal side | what its balance is |
//! |---|---|---|---|
//! | [`Holder::Customer`] | liability | credit | what the exchange owes the customer |
//! | [`Holder::Clearing`] | liability | credit | the other side of holds whose receiver is not known yet |
//! | [`Holder::Suspense`] | liability | credit | money whose owner is not known yet |
//! | [`Holder::Custody`] | asset | debit | coins that the exchange's keys control, per network and store |
//! | [`Holder::Venue`] | asset | debit | what a bank or another exchange keeps for the exchange |
//! | [`Holder::FeeIncome`] | income | credit | fees earned |
//! | [`Holder::GasExpense`] | expense | debit | fees paid to networks |
//! | [`Holder::Equity`] | equity | credit | what the owners put in, and what adjustments gave or took |
//!
//! Per asset, assets and expenses on the debit side equal liabilities, income and equity on the credit side: each leg
//! adds the same amount to both. An account may not leave its normal side unless it was opened with `overdraft`.
//! The worked examples are in the crate's README, and are tests.

use serde::{Deserialize, Serialize};

/// Who an account belongs to and what it is for. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Holder {
    /// A customer of the exchange.
    Customer {
        /// The customer's number.
        customer: u64,
        /// 0 for the main account.
        sub_account: u16,
    },
    /// Holds whose receiver is not known yet.
    Clearing,
    /// Money whose owner is not known yet.
    Suspense,
    /// Coins on a network.
    Custody {
        /// The network's number.
        network: u32,
        /// Which of the exchange's wallets.
        store: Store,
    },
    /// Money at a bank or another exchange.
    Venue {
        /// The venue's number.
        venue: u32,
    },
    /// Fees earned.
    FeeIncome,
    /// Fees paid to a network.
    GasExpense {
        /// The network's number.
        network: u32,
    },
    /// The owners' share.
    Equity,
}

/// Which wallet of the exchange. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Store {
    /// The customers' deposit addresses.
    Deposit,
    /// What withdrawals are paid from.
    Hot,
    /// What is kept offline.
    Cold,
}

/// A side of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// The left one: what comes in to an asset.
    Debit,
    /// The right one: what comes in to a liability.
    Credit,
}

impl Holder {
    /// The side on which the account's balance normally is.
    #[must_use]
    pub const fn normal_side(self) -> Side {
        match self {
            Holder::Custody { .. } | Holder::Venue { .. } | Holder::GasExpense { .. } => Side::Debit,
            Holder::Customer { .. } | Holder::Clearing | Holder::Suspense | Holder::FeeIncome | Holder::Equity => {
                Side::Credit
            }
        }
    }
}
