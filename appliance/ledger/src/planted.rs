//! Bugs that tests switch on, to see that the model catches them. In a program nothing of this is left.

use crate::ledger::Ledger;

/// A bug that the model must catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// An id that was used can be used again.
    IdForgotten,
    /// An id that failed can be used again.
    IdNotBurnt,
    /// What was taken from a hold is still held.
    HoldNotReduced,
    /// A hold is captured although its time is over.
    ExpiredHoldCaptured,
    /// A hold's money counts as available.
    LimitIgnoresHolds,
    /// A transfer that is taken back leaves its sums behind.
    RewindForgetsSums,
    /// A revert is not remembered.
    RevertTwice,
    /// An account leaves the window without a row.
    AccountRowLost,
    /// An id leaves the window without a place in a page or a row.
    IdLostWhenSealed,
    /// The credit side of a capture is forgotten.
    CreditForgotten,
    /// A bulk that fails leaves its first transfers behind.
    BulkInHalves,
    /// A difference in the amount of a repeated transfer is not seen.
    AmountNotCompared,
    /// A balance at a time leaves out what was posted at that very time.
    BalanceBeforeTime,
    /// A number of the journal is left out.
    NumberSkipped,
    /// What is reserved counts as available.
    LimitIgnoresReservations,
    /// A part of what is given back stays reserved.
    ReservationKept,
}

impl Bug {
    #[cfg(test)]
    pub(crate) const ALL: [Bug; 14] = [
        Bug::IdForgotten,
        Bug::IdNotBurnt,
        Bug::HoldNotReduced,
        Bug::ExpiredHoldCaptured,
        Bug::LimitIgnoresHolds,
        Bug::RewindForgetsSums,
        Bug::RevertTwice,
        Bug::AccountRowLost,
        Bug::IdLostWhenSealed,
        Bug::CreditForgotten,
        Bug::BulkInHalves,
        Bug::AmountNotCompared,
        Bug::BalanceBeforeTime,
        Bug::NumberSkipped,
    ];
}

impl Ledger {
    /// Whether this bug is planted.
    #[cfg(test)]
    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Whether this bug is planted: never.
    #[cfg(not(test))]
    pub(crate) const fn has(&self, _: Bug) -> bool {
        false
    }
}
