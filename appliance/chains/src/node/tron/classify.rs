//! What nodes of TRON mean by the code of a broadcast.

use crate::node::{Broadcast, Hindrance};

/// What a code of a broadcast means. `DUP_TRANSACTION_ERROR` is no proof of anything: it is looked up.
#[must_use]
pub fn classify(code: &str, message: &str) -> Broadcast {
    let text = format!("{code}: {message}");
    match code {
        "SUCCESS" => Broadcast::Accepted,
        "DUP_TRANSACTION_ERROR" => Broadcast::AlreadyKnown,
        "SIGERROR" | "TOO_BIG_TRANSACTION_ERROR" | "TRANSACTION_EXPIRATION_ERROR" => Broadcast::RefusedForGood(text),
        "TAPOS_ERROR" => Broadcast::NotNow(Hindrance::StaleReference, text),
        "CONTRACT_VALIDATE_ERROR" | "CONTRACT_EXE_ERROR" => Broadcast::NotNow(Hindrance::Validation, text),
        "BANDWITH_ERROR" => Broadcast::NotNow(Hindrance::Funds, text),
        "SERVER_BUSY" | "NO_CONNECTION" | "BLOCK_UNSOLIDIFIED" => Broadcast::NotNow(Hindrance::NodeBusy, text),
        // `NOT_ENOUGH_EFFECTIVE_CONNECTION` comes after the transaction is in the node's pool; `OTHER_ERROR` says nothing.
        _ => Broadcast::Unknown(text),
    }
}
