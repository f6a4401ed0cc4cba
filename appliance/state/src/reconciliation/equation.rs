//! The equations: what must be equal, and what each came to.

use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

/// What must hold. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Equation {
    /// What users have, available and locked, is what the ledger owes them.
    E1,
    /// Debits are credits: assets without liabilities are equity, income and expenses.
    E2,
    /// What lies on the exchange's addresses is what the ledger keeps there, but for what is known to be under way.
    E3,
    /// What lies on an address is what came in less what went out and what that cost.
    E4,
    /// What the exchange has covers what it owes.
    E5,
    /// What is locked is what open orders and withdrawals lock.
    E6,
    /// Fees of trades are the income from trading.
    E7,
    /// A wallet's coin for fees: what was there and came less what was sent and burnt is what is there.
    E8,
}

impl Equation {
    /// Every equation.
    pub const ALL: &'static [Equation] = &[
        Equation::E1,
        Equation::E2,
        Equation::E3,
        Equation::E4,
        Equation::E5,
        Equation::E6,
        Equation::E7,
        Equation::E8,
    ];

    /// Its short name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Equation::E1 => "E1",
            Equation::E2 => "E2",
            Equation::E3 => "E3",
            Equation::E4 => "E4",
            Equation::E5 => "E5",
            Equation::E6 => "E6",
            Equation::E7 => "E7",
            Equation::E8 => "E8",
        }
    }

    /// What must hold, in words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Equation::E1 => "what users have is what the ledger owes them",
            Equation::E2 => "debits are credits in every asset",
            Equation::E3 => "the ledger's custody is what the addresses hold, but for what is under way",
            Equation::E4 => "every address holds what came in less what went out and what that cost",
            Equation::E5 => "custody covers what users are owed",
            Equation::E6 => "what is locked is what open orders and withdrawals lock",
            Equation::E7 => "fees of trades are income",
            Equation::E8 => "wallets that pay fees hold what came in less what was sent and burnt",
        }
    }
}

/// Two sides of an equation, less than zero where an account is overdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// What is.
    pub is: i128,
    /// What should be.
    pub should: i128,
}

/// What an equation came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Which equation.
    pub equation: Equation,
    /// For which asset; none where it is of all, or of a network's addresses.
    pub asset: Option<Asset>,
    /// Its two sides; none where it counts cases instead.
    pub sum: Option<Sum>,
    /// Whether it holds; none where it cannot be judged.
    pub holds: Option<bool>,
    /// What is to be said of it.
    pub remark: String,
}
