//! A transaction that is to be decided, and what became of that.

use crate::money::proto;

/// What became of a transaction that was to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prepared {
    /// It is decided, as this payout.
    Decided(u64),
    /// The payer has too little in the books; the state has put down what it waits for.
    Waits,
    /// It is not taken.
    Refused {
        /// The stable code.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// Nobody knows.
    Unknown(String),
}

/// A transaction that is ready to be decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What it uses up.
    pub claim: proto::Claim,
    /// Its bytes, as [`exchequer_chains::Unsigned`] encodes them.
    pub unsigned: Vec<u8>,
    /// The most that it can cost, in minor units of the network's coin.
    pub fee_max: u64,
}

impl Draft {
    /// As the state takes it.
    #[must_use]
    pub fn preparation(self, noop: bool) -> proto::Preparation {
        proto::Preparation { noop, claim: Some(self.claim), unsigned: self.unsigned, fee_max: self.fee_max }
    }
}
