//! Energy that is lent (TRON): to whom, how much, and how far that is.
//!
//! A loan ends in two ways alone: taking it back is final, or the network does not have it for an hour, as a quorum of its nodes says
//! each time it is asked, and several times.

use std::time::Duration;

use exchequer_domain::{ChainAddress, Timestamp};
use serde::{Deserialize, Serialize};

use super::GasBook;
use crate::planted::{self, Bug};
use crate::withdrawals::{Payer, PayoutId};

/// Loans of a network that there may be at once.
pub const LOANS_MAX: usize = 100;
/// What is lent for less than this may not be seen everywhere yet: that it is not found says nothing.
pub const UNSEEN_MAX: Duration = Duration::from_secs(10 * 60);
/// What is not found for so long is not lent.
pub const DOUBTED_MAX: Duration = Duration::from_secs(60 * 60);

/// So often at least, one time after the other, the network must not have it before a loan is over.
pub const MISSED_MIN: u8 = 3;

/// How far a loan is. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoanStage {
    /// It is decided: it may be lent already.
    Lending {
        /// This payout lends it.
        payout: PayoutId,
    },
    /// It is lent, finally.
    Lent,
    /// Taking it back is decided: it may be back already.
    Returning {
        /// This payout takes it back.
        payout: PayoutId,
    },
    /// Whether it is lent the network is asked: its lending was signed and came to nothing, or it was lent and was not found there.
    Doubted,
}

impl LoanStage {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LoanStage::Lending { .. } => "lending",
            LoanStage::Lent => "lent",
            LoanStage::Returning { .. } => "returning",
            LoanStage::Doubted => "doubted",
        }
    }
}

/// A part of the stake that is lent, may be, or may still be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loan {
    /// Whose stake it is.
    pub payer: Payer,
    /// To which address.
    pub to: ChainAddress,
    /// Its index in the pool.
    pub to_index: u32,
    /// How much of the stake, in sun.
    pub sun: u64,
    /// How far it is.
    pub stage: LoanStage,
    /// Since when.
    pub since: Timestamp,
    /// How often the network did not have it since it is doubted, one time after the other.
    pub missed: u8,
}

impl GasBook {
    /// What is lent, may be, or may still be, in the order in which it was decided.
    #[must_use]
    pub fn loans(&self) -> &[Loan] {
        &self.loans
    }

    /// The loan to an address; there is one at a time.
    #[must_use]
    pub fn loan(&self, to: &ChainAddress) -> Option<&Loan> {
        self.loans.iter().find(|loan| loan.to == *to)
    }

    pub(crate) fn move_loan(&mut self, to: &ChainAddress, stage: LoanStage, now: Timestamp) {
        if let Some(loan) = self.loans.iter_mut().find(|loan| loan.to == *to) {
            (loan.stage, loan.since, loan.missed) = (stage, now, 0);
        }
    }

    /// The network has a loan, or has it not, as a quorum of its nodes says. Gives the loan where that is news: one that is lent is
    /// not there. What is being lent or taken back is not judged: it may be either way.
    pub(crate) fn note_loan(&mut self, to: &ChainAddress, there: bool, now: Timestamp) -> Option<Loan> {
        let loan = self.loans.iter_mut().find(|loan| loan.to == *to)?;
        let age = now.since(loan.since);
        match (loan.stage, there) {
            (LoanStage::Lending { .. } | LoanStage::Returning { .. }, _) | (LoanStage::Lent, true) => None,
            (LoanStage::Lent, false) if age < UNSEEN_MAX || planted::has(Bug::LoanNotMissed) => None,
            (LoanStage::Lent, false) => {
                (loan.stage, loan.since, loan.missed) = (LoanStage::Doubted, now, 1);
                Some(loan.clone())
            }
            (LoanStage::Doubted, true) => {
                (loan.stage, loan.since, loan.missed) = (LoanStage::Lent, now, 0);
                None
            }
            (LoanStage::Doubted, false) => {
                loan.missed = loan.missed.saturating_add(1);
                let often = loan.missed >= MISSED_MIN || planted::has(Bug::LoanEndedAtOnce);
                if age >= DOUBTED_MAX && often {
                    self.end_loan(to);
                }
                None
            }
        }
    }

    /// What was decided to be frozen and was not freed since, of every address together, in sun.
    #[must_use]
    pub fn frozen(&self) -> u64 {
        self.frozen.iter().fold(0, |sum, (_, sun)| sum.saturating_add(*sun))
    }

    /// So much more of an address is frozen.
    pub(crate) fn freeze(&mut self, payer: Payer, sun: u64) {
        self.set_frozen(payer, |frozen| frozen.saturating_add(sun));
    }

    /// So much less of an address is frozen. What others had frozen there is in no book.
    pub(crate) fn thaw(&mut self, payer: Payer, sun: u64) {
        self.set_frozen(payer, |frozen| frozen.saturating_sub(sun));
    }

    fn set_frozen(&mut self, payer: Payer, to: impl Fn(u64) -> u64) {
        let before = self.frozen.iter().find(|(of, _)| *of == payer).map_or(0, |(_, sun)| *sun);
        self.frozen.retain(|(of, _)| *of != payer);
        if to(before) > 0 {
            self.frozen.push((payer, to(before)));
        }
    }

    /// How much of the stake of an address is lent beyond what the book has, in sun, as it was told last: others lend it.
    #[must_use]
    pub fn stray(&self, payer: Payer) -> u64 {
        self.strays.iter().find(|(of, _)| *of == payer).map_or(0, |(_, sun)| *sun)
    }

    /// Whether it is another amount than before.
    pub(crate) fn note_stray(&mut self, payer: Payer, sun: u64) -> bool {
        let before = self.stray(payer);
        self.strays.retain(|(of, _)| *of != payer);
        if sun > 0 {
            self.strays.push((payer, sun));
        }
        before != sun
    }

    pub(crate) fn end_loan(&mut self, to: &ChainAddress) {
        self.loans.retain(|loan| loan.to != *to);
    }
}
