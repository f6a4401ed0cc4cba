//! What a signer refuses before it judges, and how a trouble of its parts reads as a refusal.

use exchequer_domain::Timestamp;

use crate::keys::KeyError;
use crate::policy::{Code, Verdict};
use crate::record::{CLOCK_SKEW_US_MAX, MemoryError};

/// A clock that is far ahead of replicated time would open windows of velocity before their time, end approvals that hold, and date
/// signatures in days to come. One that is behind makes nothing possible, see `Known::no_earlier`.
pub(super) fn check_clock(now: Timestamp, time: Option<Timestamp>) -> Result<(), Verdict> {
    let Some(time) = time else { return Ok(()) };
    let ahead_us = now.0.saturating_sub(time.0);
    if ahead_us <= CLOCK_SKEW_US_MAX {
        return Ok(());
    }
    let ahead = ahead_us / 1_000_000;
    let why =
        format!("the signer's clock is {ahead} seconds ahead of replicated time: compare the clocks of the nodes");
    Err(Verdict::refuse(Code::Clock, why))
}

pub(super) fn sealed_now() -> Verdict {
    Verdict::refuse(Code::Sealed, "the vault is sealed: unseal it first")
}

pub(super) fn of_key(error: KeyError) -> Verdict {
    let code = match &error {
        KeyError::Network(_) => Code::Network,
        KeyError::Missing { .. } | KeyError::OtherAddress { .. } | KeyError::Tag(_) => Code::Key,
        KeyError::Internal(_) => Code::Internal,
    };
    Verdict::refuse(code, error.to_string())
}

pub(super) fn of_memory(error: MemoryError) -> Verdict {
    let code = match &error {
        MemoryError::Stale { .. } | MemoryError::FormerLineage { .. } => Code::StaleEpoch,
        MemoryError::Behind { .. } => Code::NotCaughtUp,
        MemoryError::Gap { .. }
        | MemoryError::Order
        | MemoryError::Ahead
        | MemoryError::Future
        | MemoryError::Forged
        | MemoryError::Proof(_) => Code::Feed,
        MemoryError::File(_)
        | MemoryError::OldPolicy { .. }
        | MemoryError::Lost { .. }
        | MemoryError::OtherVault { .. }
        | MemoryError::InUse { .. }
        | MemoryError::Damaged { .. }
        | MemoryError::Broken
        | MemoryError::Full => Code::Storage,
        MemoryError::Internal => Code::Internal,
    };
    Verdict::refuse(code, error.to_string())
}
