//! The commands, one file each, and the entry in which they run.
//!
//! Every command validates everything, then computes, then mutates through the [`Entry`], which keeps the working set
//! and its rows in step. No command may fail after its first mutation, except by a halt.

mod admit_node;
mod bootstrap;
mod create_join_token;
mod entry;
mod put_scratch;
mod raise_version;
mod record_action;
mod reform;
mod remove_node;
mod request_digest;
mod revert_settings;
mod rotate_authority;
mod rotate_operator_token;
mod set_setting;
mod update_node;

pub use admit_node::AdmitNode;
pub use bootstrap::{Bootstrap, FirstNode};
pub use create_join_token::CreateJoinToken;
pub(crate) use entry::Entry;
pub use put_scratch::PutScratch;
pub use raise_version::RaiseVersion;
pub use record_action::RecordAction;
pub(crate) use record_action::TARGET_BYTES_MAX;
pub use reform::Reform;
pub use remove_node::RemoveNode;
pub use request_digest::RequestDigest;
pub use revert_settings::RevertSettings;
pub use rotate_authority::RotateAuthority;
pub use rotate_operator_token::RotateOperatorToken;
pub use set_setting::SetSetting;
pub use update_node::UpdateNode;

use exchequer_ledger as ledger;

use crate::command::{Actor, Body};
use crate::halt::Halt;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::RowsUnavailable;

/// Longest reason.
pub(crate) const REASON_BYTES_MAX: usize = 500;

/// Why a command did not take effect.
#[derive(Debug)]
pub(crate) enum Stop {
    Rejected(Rejection),
    Halt(Halt),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Stop {
        Stop::Rejected(rejection)
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Stop {
        Stop::Halt(halt)
    }
}

impl From<ledger::Halt> for Stop {
    fn from(halt: ledger::Halt) -> Stop {
        Stop::Halt(halt.into())
    }
}

impl From<RowsUnavailable> for Stop {
    fn from(error: RowsUnavailable) -> Stop {
        Stop::Halt(error.into())
    }
}

impl Body {
    /// Runs the command; `actor` is already known to be allowed to act.
    fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        match self {
            Body::Bootstrap(command) => command.apply(entry, actor),
            Body::Reform(command) => command.apply(entry, actor),
            Body::SetSetting(command) => command.apply(entry, actor),
            Body::RevertSettings(command) => command.apply(entry, actor),
            Body::CreateJoinToken(command) => command.apply(entry, actor),
            Body::AdmitNode(command) => command.apply(entry, actor),
            Body::UpdateNode(command) => command.apply(entry, actor),
            Body::RemoveNode(command) => command.apply(entry, actor),
            Body::RotateAuthority(command) => command.apply(entry, actor),
            Body::RotateOperatorToken(command) => command.apply(entry, actor),
            Body::RecordAction(command) => command.apply(entry, actor),
            Body::PutScratch(command) => command.apply(entry),
            Body::Digest(command) => Ok(command.apply(entry)),
            Body::RaiseVersion(command) => command.apply(entry, actor),
        }
    }
}

/// Whether a reason may stand in the audit.
///
/// # Errors
/// `ReasonMissing`, `ReasonTooLong`.
pub fn check_reason(reason: &str) -> Result<(), Rejection> {
    if reason.trim().is_empty() {
        return Err(Rejection::ReasonMissing);
    }
    if reason.len() > REASON_BYTES_MAX {
        return Err(Rejection::ReasonTooLong);
    }
    Ok(())
}
