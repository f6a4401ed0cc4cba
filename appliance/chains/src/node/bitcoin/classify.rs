//! What Bitcoin nodes mean by refusing a transaction.

use crate::node::{Broadcast, Hindrance};

/// Codes of Bitcoin nodes.
const IN_WARM_UP: i64 = -28;
const DECODE_FAILED: i64 = -22;
const IN_CHAIN: i64 = -27;
/// Words that say what stands in the way of a transaction that may still be taken.
const HINDRANCES: [(&str, Hindrance); 15] = [
    ("min relay fee not met", Hindrance::FeeTooLow),
    ("mempool min fee not met", Hindrance::FeeTooLow),
    ("insufficient fee", Hindrance::ReplacementUnderpriced),
    ("txn-mempool-conflict", Hindrance::ReplacementUnderpriced),
    ("too many potential replacements", Hindrance::ReplacementUnderpriced),
    ("replacement-adds-unconfirmed", Hindrance::ReplacementUnderpriced),
    ("bad-txns-inputs-missingorspent", Hindrance::InputsGone),
    ("missing-inputs", Hindrance::InputsGone),
    ("bad-txns-spends-conflicting-tx", Hindrance::InputsGone),
    ("bad-txns-premature-spend-of-coinbase", Hindrance::NotYet),
    ("non-final", Hindrance::NotYet),
    ("non-bip68-final", Hindrance::NotYet),
    ("too-long-mempool-chain", Hindrance::NodeBusy),
    // This node's guard against absurd fees; another one may have another bound.
    ("max-fee-exceeded", Hindrance::Validation),
    ("fee exceeds maximum configured", Hindrance::Validation),
];
/// Words that say that the node has the transaction.
const KNOWN: [&str; 5] = [
    "txn-already-in-mempool",
    "txn-already-known",
    "txn-same-nonwitness-data-in-mempool",
    "already in block chain",
    "already in utxo set",
];
/// Words that say that no node takes these bytes, ever.
const FOR_GOOD: [&str; 6] = [
    "mandatory-script-verify-flag-failed",
    "bad-txns-in-belowout",
    "bad-txns-vin-empty",
    "bad-txns-vout",
    "bad-txns-inputs-duplicate",
    "bad-txns-oversize",
];

/// What a refusal means.
#[must_use]
pub fn classify(code: i64, message: &str) -> Broadcast {
    let words = message.to_lowercase();
    if code == IN_CHAIN || KNOWN.iter().any(|part| words.contains(part)) {
        return Broadcast::AlreadyKnown;
    }
    if code == IN_WARM_UP {
        return Broadcast::NotNow(Hindrance::NodeBusy, message.to_owned());
    }
    if let Some((_, why)) = HINDRANCES.iter().find(|(part, _)| words.contains(part)) {
        return Broadcast::NotNow(*why, message.to_owned());
    }
    if code == DECODE_FAILED || FOR_GOOD.iter().any(|part| words.contains(part)) {
        return Broadcast::RefusedForGood(message.to_owned());
    }
    // The rest are one node's policies (dust, size, data): other nodes may have other ones.
    Broadcast::Unknown(message.to_owned())
}
