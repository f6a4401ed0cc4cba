//! What the signer decides, as a code and a sentence.

use serde::{Deserialize, Serialize};

/// Why something was signed or refused. Variants are only ever appended; names in logs never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// It was signed.
    Signed,
    /// The same as before was signed again, with the same bytes.
    SignedAgain,
    /// The request, or its transaction, does not read, or is too large.
    Malformed,
    /// The transaction contains something that is not understood to the last byte.
    NotUnderstood,
    /// Its effects differ from what was described.
    OtherThanDescribed,
    /// The network is not in the policy, or is another chain.
    Network,
    /// Keys of this purpose do not do that.
    Kind,
    /// A key does not have the address that is spent from, or is not the one that must sign.
    Key,
    /// The destination is not one that is allowed.
    Destination,
    /// The token's contract is not listed.
    Token,
    /// It may cost more than is allowed.
    Fee,
    /// It would pay more in an hour than is allowed.
    VelocityHour,
    /// It would pay more in a day than is allowed.
    VelocityDay,
    /// No rule allows so much.
    NoRule,
    /// Too few persons approved it.
    ApprovalMissing,
    /// A signature is not one over this payment by an enrolled key.
    ApprovalForged,
    /// An approval is over.
    ApprovalExpired,
    /// Whoever asked for it approved it.
    ApprovalOwn,
    /// One person approved it twice.
    ApprovalDuplicate,
    /// Another transaction has this nonce, and this one does not replace it.
    NonceTaken,
    /// The nonce is far below what was signed.
    NonceOld,
    /// An earlier attempt at the payment could take effect beside this one.
    NotExclusive,
    /// The payment was described otherwise before.
    PaymentChanged,
    /// The payment is over.
    PaymentOver,
    /// Coins are said to be of another amount than before.
    AmountChanged,
    /// The epoch is over.
    StaleEpoch,
    /// The log is not followed up to the epoch.
    NotCaughtUp,
    /// The feed is refused.
    Feed,
    /// The vault is sealed.
    Sealed,
    /// Too much was asked in a short time.
    Rate,
    /// Memory or log cannot be written.
    Storage,
    /// A bug.
    Internal,
    /// It was done; nothing was signed by it.
    Done,
    /// Another user of the system knocked at the socket.
    Peer,
    /// The log has no decision for the transaction.
    NotDecided,
    /// The log has declared the transaction dead.
    AttemptDead,
    /// The nonce is far above every one that was signed.
    NonceFar,
    /// It could come for too long.
    ExpiryFar,
    /// What it uses up or pays is that of a signature whose bytes this vault does not know.
    UnreadRecord,
    /// The signer's clock is far ahead of replicated time.
    Clock,
    /// It alone would pay more than an hour or a day allows: no time cures that.
    OverVelocity,
}

impl Code {
    /// The word in logs and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Signed => "signed",
            Code::SignedAgain => "signed-again",
            Code::Malformed => "malformed",
            Code::NotUnderstood => "not-understood",
            Code::OtherThanDescribed => "other-than-described",
            Code::Network => "network",
            Code::Kind => "kind",
            Code::Key => "key",
            Code::Destination => "destination",
            Code::Token => "token",
            Code::Fee => "fee",
            Code::VelocityHour => "velocity-hour",
            Code::VelocityDay => "velocity-day",
            Code::NoRule => "no-rule",
            Code::ApprovalMissing => "approval-missing",
            Code::ApprovalForged => "approval-forged",
            Code::ApprovalExpired => "approval-expired",
            Code::ApprovalOwn => "approval-own",
            Code::ApprovalDuplicate => "approval-duplicate",
            Code::NonceTaken => "nonce-taken",
            Code::NonceOld => "nonce-old",
            Code::NotExclusive => "not-exclusive",
            Code::PaymentChanged => "payment-changed",
            Code::PaymentOver => "payment-over",
            Code::AmountChanged => "amount-changed",
            Code::StaleEpoch => "stale-epoch",
            Code::NotCaughtUp => "not-caught-up",
            Code::Feed => "feed",
            Code::Sealed => "sealed",
            Code::Rate => "rate",
            Code::Storage => "storage",
            Code::Internal => "internal",
            Code::Done => "done",
            Code::Peer => "peer",
            Code::NotDecided => "not-decided",
            Code::AttemptDead => "attempt-dead",
            Code::NonceFar => "nonce-far",
            Code::ExpiryFar => "expiry-far",
            Code::UnreadRecord => "unread-record",
            Code::Clock => "clock",
            Code::OverVelocity => "over-velocity",
        }
    }

    /// Whether a signature was given.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Code::Signed | Code::SignedAgain)
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What.
    pub code: Code,
    /// Why, for people.
    pub reason: String,
    /// Where it is more than a wallet may pay within an hour or a day: what it may pay now, in the smallest unit of the coin that it is
    /// about. It is told to whoever asked, and is no part of the signing log.
    #[serde(skip)]
    pub room: Option<u128>,
}

impl Verdict {
    pub(crate) fn of(code: Code, reason: impl Into<String>) -> Verdict {
        Verdict { code, reason: reason.into(), room: None }
    }

    pub(crate) fn refuse(code: Code, reason: impl Into<String>) -> Verdict {
        Verdict::of(code, reason)
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.reason)
    }
}
