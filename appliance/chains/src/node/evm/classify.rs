//! What EVM nodes mean by refusing a transaction. There are no codes for it, only words, and every client has its own.

use crate::node::{Broadcast, Hindrance};

/// Words that say that the node has these bytes. Looked for after what contains them and means the opposite.
const KNOWN: [&str; 5] = [
    "already known",
    "already imported",
    "known transaction",
    "alreadyknown",
    "transaction with the same hash was already imported",
];
/// Words that say that these bytes never become valid.
const FOR_GOOD: [&str; 13] = [
    "invalid chain id",
    "invalid sender",
    "invalid signature",
    "invalid transaction v, r, s",
    "intrinsic gas too low",
    "intrinsic gas too high",
    "rlp:",
    "failed to decode",
    "transaction type not supported",
    "oversized data",
    "max initcode size exceeded",
    "tip above fee cap",
    "max priority fee per gas higher than max fee per gas",
];
/// Words that say what stands in the way, the more special ones first.
const HINDRANCES: [(&str, Hindrance); 24] = [
    ("replacement transaction underpriced", Hindrance::ReplacementUnderpriced),
    ("replacement underpriced", Hindrance::ReplacementUnderpriced),
    ("could not replace existing", Hindrance::ReplacementUnderpriced),
    ("future transaction tries to replace pending", Hindrance::ReplacementUnderpriced),
    ("nonce too low", Hindrance::NonceTooLow),
    ("old nonce", Hindrance::NonceTooLow),
    ("invalid nonce", Hindrance::NonceTooLow),
    ("nonce too high", Hindrance::NonceTooHigh),
    ("nonce gap", Hindrance::NonceTooHigh),
    ("gapped nonce", Hindrance::NonceTooHigh),
    ("insufficient funds", Hindrance::Funds),
    ("insufficient balance", Hindrance::Funds),
    ("max fee per gas less than block base fee", Hindrance::FeeTooLow),
    ("fee cap less than block base fee", Hindrance::FeeTooLow),
    ("feecap too low", Hindrance::FeeTooLow),
    ("gas tip cap", Hindrance::FeeTooLow),
    ("gas price below", Hindrance::FeeTooLow),
    ("underpriced", Hindrance::FeeTooLow),
    ("exceeds the configured cap", Hindrance::Validation),
    ("exceeds block gas limit", Hindrance::Validation),
    ("execution reverted", Hindrance::Validation),
    ("txpool is full", Hindrance::NodeBusy),
    ("account limit exceeded", Hindrance::NodeBusy),
    ("inflight transaction limit", Hindrance::NodeBusy),
];

/// What a refusal in words means.
#[must_use]
pub fn classify(message: &str) -> Broadcast {
    let words = message.to_lowercase();
    let says = |part: &str| words.contains(part);
    // "unknown transaction" contains "known transaction".
    let unknown = words.contains("unknown transaction") || words.contains("unknown tx");
    if !unknown && KNOWN.iter().any(|part| says(part)) {
        return Broadcast::AlreadyKnown;
    }
    if let Some((_, why)) = HINDRANCES.iter().find(|(part, _)| says(part)) {
        return Broadcast::NotNow(*why, message.to_owned());
    }
    if FOR_GOOD.iter().any(|part| says(part)) {
        return Broadcast::RefusedForGood(message.to_owned());
    }
    // Words that nobody has listed are not certain to mean a refusal.
    Broadcast::Unknown(message.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what clients say is understood, and what is not understood is unknown. Method: texts of geth, erigon, nethermind,
    /// besu, bor, nitro and anvil, and traps.
    #[test]
    fn words_of_clients_are_understood() {
        let known = [
            "already known",
            "transaction already imported",
            "known transaction: 0xab",
            "ALREADY_EXISTS: already known",
        ];
        for text in known {
            assert_eq!(classify(text), Broadcast::AlreadyKnown, "{text}");
        }
        for text in ["unknown transaction", "Unknown transaction: known transaction", "internal error", "", "timeout"] {
            assert!(matches!(classify(text), Broadcast::Unknown(_)), "{text}");
        }
        let hindered = [
            ("replacement transaction underpriced", Hindrance::ReplacementUnderpriced),
            ("nonce too low: next nonce 5, tx nonce 4", Hindrance::NonceTooLow),
            ("nonce too high", Hindrance::NonceTooHigh),
            ("Insufficient funds for gas * price + value", Hindrance::Funds),
            ("max fee per gas less than block base fee: address 0x..", Hindrance::FeeTooLow),
            ("transaction underpriced: gas tip cap 1, minimum needed 25000000000", Hindrance::FeeTooLow),
            ("txpool is full", Hindrance::NodeBusy),
        ];
        for (text, hindrance) in hindered {
            assert_eq!(classify(text), Broadcast::NotNow(hindrance, text.into()), "{text}");
        }
        for text in ["invalid chain id for signer", "invalid sender", "intrinsic gas too low", "rlp: expected List"] {
            assert!(matches!(classify(text), Broadcast::RefusedForGood(_)), "{text}");
        }
        assert!(classify("nonce too low").may_be_out(), "it may be ours that used the nonce");
    }
}
