//! A plan to sweep what lies on an address, or coins of a network as a whole.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::SweepId;
use super::holding::HoldingKey;
use crate::rows::Table;
use crate::withdrawals::PayoutId;

/// Where a plan stands. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweepStatus {
    /// The address has too little of the network's coin for the fee.
    NeedsGas {
        /// So much is to be brought at most, in minor units of that coin.
        amount: u128,
    },
    /// It is being brought.
    GasPending {
        /// By this payout.
        payout: PayoutId,
    },
    /// The sweep can be decided.
    Ready,
    /// It is decided.
    Sweeping {
        /// This payout.
        payout: PayoutId,
    },
    /// It is final.
    Done {
        /// This payout did it.
        payout: PayoutId,
    },
    /// It came to nothing.
    Failed {
        /// Why.
        why: String,
    },
}

/// A status without its data. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SweepStage {
    /// [`SweepStatus::NeedsGas`].
    NeedsGas,
    /// [`SweepStatus::GasPending`].
    GasPending,
    /// [`SweepStatus::Ready`].
    Ready,
    /// [`SweepStatus::Sweeping`].
    Sweeping,
    /// [`SweepStatus::Done`].
    Done,
    /// [`SweepStatus::Failed`].
    Failed,
}

impl SweepStage {
    /// All of them.
    pub const ALL: &'static [SweepStage] = &[
        SweepStage::NeedsGas,
        SweepStage::GasPending,
        SweepStage::Ready,
        SweepStage::Sweeping,
        SweepStage::Done,
        SweepStage::Failed,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SweepStage::NeedsGas => "needs-gas",
            SweepStage::GasPending => "gas-pending",
            SweepStage::Ready => "ready",
            SweepStage::Sweeping => "sweeping",
            SweepStage::Done => "done",
            SweepStage::Failed => "failed",
        }
    }
}

impl SweepStatus {
    /// The status without its data.
    #[must_use]
    pub const fn stage(&self) -> SweepStage {
        match self {
            SweepStatus::NeedsGas { .. } => SweepStage::NeedsGas,
            SweepStatus::GasPending { .. } => SweepStage::GasPending,
            SweepStatus::Ready => SweepStage::Ready,
            SweepStatus::Sweeping { .. } => SweepStage::Sweeping,
            SweepStatus::Done { .. } => SweepStage::Done,
            SweepStatus::Failed { .. } => SweepStage::Failed,
        }
    }

    /// Whether nothing follows any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, SweepStatus::Done { .. } | SweepStatus::Failed { .. })
    }
}

/// A plan: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepPlan {
    /// Its number.
    pub id: SweepId,
    /// What is swept.
    pub of: HoldingKey,
    /// Where it stands.
    pub status: SweepStatus,
    /// Why it is worth it, or what it waits for, as it was told.
    pub why: String,
    /// When it was made.
    pub made: Timestamp,
    /// When it last moved.
    pub moved: Timestamp,
    /// Payouts that brought the network's coin for it, the latest ones.
    pub top_ups: Vec<PayoutId>,
}

/// Payouts that a plan remembers.
pub(super) const TOP_UPS_KEPT: usize = 8;

impl SweepPlan {
    pub(crate) fn note_top_up(&mut self, payout: PayoutId) {
        self.top_ups.push(payout);
        let excess = self.top_ups.len().saturating_sub(TOP_UPS_KEPT);
        self.top_ups.drain(..excess);
    }
}

/// The row key of a plan that is over.
pub(crate) fn over_key(id: SweepId) -> Vec<u8> {
    Table::SweepPlanOver.key(&id.0.to_be_bytes())
}
