//! The room of sweeps: what lies on deposit addresses and may be gathered, the plans to gather it, and why something is not.
//!
//! Invariants:
//! - What is free on an address is what its final deposits brought, less what sweeps of it that are final took, and, of the
//!   network's own coin, with what was topped up and without what the network took. What waits for a decision, can be taken
//!   back, or is too small to be credited is no part of it.
//! - A deposit is swept when a sweep that is final has taken what it brought, in the order in which deposits became free; of
//!   coins when the coin itself was spent. Nothing is swept because somebody meant to.
//! - An address has one open plan of an asset at a time; what a plan waits for is what happened, not what was intended.
//!
//! Holdings are rows: of a million addresses only those with something on them take room, and none of them memory.

mod holding;
mod plan;
mod read;
mod room;

use serde::{Deserialize, Serialize};

pub use holding::{HOLDINGS_PAGE_MAX, Holding, HoldingKey, Told, WHY_BYTES_MAX};
pub(crate) use holding::{Line, Swept, Taken, line_key, swept_key};
pub(crate) use plan::over_key;
pub use plan::{SweepPlan, SweepStage, SweepStatus};
pub use room::{PLANS_OF_NETWORK_MAX, Sweeps};

/// The number of a plan to sweep something, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SweepId(pub u64);

impl std::fmt::Display for SweepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
