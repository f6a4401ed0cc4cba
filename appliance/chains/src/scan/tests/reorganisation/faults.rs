//! What endpoints do to what they are asked, and how often they did.

use std::collections::BTreeMap;
use std::fmt;

/// One kind of fault. Those from [`Fault::Parent`] on and all that change a block's contents are lies, of one endpoint of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// Lags: its head is below the network's.
    Behind,
    /// Lags: it is still on a branch that was left.
    Left,
    /// Lags: it does not have the block that its head promises.
    Missing,
    /// An answer is lost.
    Silent,
    /// Duplicated: the answer for the block before comes again.
    Repeated,
    /// Duplicated: one transaction stands twice in a block.
    DoubledTx,
    /// Duplicated: what became of a transaction stands twice in an answer.
    DoubledOutcome,
    /// Duplicated: one entry stands twice in a log.
    DoubledLog,
    /// Reordered: the answer for the block after comes in its place.
    Swapped,
    /// Reordered: transactions of a block.
    MixedTxs,
    /// Reordered: what became of the transactions of a block.
    MixedOutcomes,
    /// Reordered: entries of a log.
    MixedLogs,
    /// Lies: another amount.
    Amount,
    /// Lies: a payment is left out.
    Hidden,
    /// Lies: a payment that was never made.
    Invented,
    /// Lies: a listed contract is said to have written what another one did.
    Listed,
    /// Lies: another contract is said to have written what a listed one did.
    Unlisted,
    /// Lies: what succeeded failed, or the other way round.
    Outcome,
    /// Lies: a block follows ours, and it does not.
    Parent,
    /// Lies: a block's time.
    Time,
    /// Lies: a block of its own on ours, with or without a payment.
    MadeUp,
    /// Lies: its head is final.
    Finality,
}

impl Fault {
    /// Every one. Networks whose blocks have logs and outcomes meet them all.
    pub(super) const ALL: &'static [Fault] = &[
        Fault::Behind,
        Fault::Left,
        Fault::Missing,
        Fault::Silent,
        Fault::Repeated,
        Fault::DoubledTx,
        Fault::DoubledOutcome,
        Fault::DoubledLog,
        Fault::Swapped,
        Fault::MixedTxs,
        Fault::MixedOutcomes,
        Fault::MixedLogs,
        Fault::Amount,
        Fault::Hidden,
        Fault::Invented,
        Fault::Listed,
        Fault::Unlisted,
        Fault::Outcome,
        Fault::Parent,
        Fault::Time,
        Fault::MadeUp,
        Fault::Finality,
    ];
}

/// What was met in all worlds.
#[derive(Debug, Default)]
pub(super) struct Tally {
    faults: BTreeMap<Fault, usize>,
    /// Reorganisations by their depth.
    pub(super) depths: BTreeMap<u64, usize>,
    /// Transactions that came again in another block.
    pub(super) again: usize,
    /// Answers that the clients refused to read.
    pub(super) refused: usize,
    /// Blocks on which endpoints did not agree.
    pub(super) torn: usize,
    /// Branches that were left, and the most blocks that were dropped at once.
    pub(super) rewinds: usize,
    pub(super) deepest: usize,
    /// Arrivals that were credited.
    pub(super) credits: usize,
}

impl Tally {
    pub(super) fn count(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub(super) fn of(&self, fault: Fault) -> usize {
        self.faults.get(&fault).copied().unwrap_or(0)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "faults: {:?}", self.faults)?;
        writeln!(f, "reorganisations by depth: {:?}", self.depths)?;
        write!(f, "{} came again, {} answers refused, {} blocks torn, ", self.again, self.refused, self.torn)?;
        write!(f, "{} rewinds, the deepest {}, {} credits", self.rewinds, self.deepest, self.credits)
    }
}
