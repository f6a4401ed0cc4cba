//! Commands: what can be asked of the ledger.

use serde::{Deserialize, Serialize};

use crate::account::OpenAccount;
use crate::revert::Revert;
use crate::transfer::Transfer;

/// What can be asked of the ledger. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Opens an account.
    Open(OpenAccount),
    /// Moves, holds, captures or releases money.
    Transfer(Transfer),
    /// Undoes a transfer by a counter-entry.
    Revert(Revert),
    /// Several transfers, all or none. Transfers that need not stand or fall together are commands of their own.
    Bulk(Vec<Transfer>),
}
