//! Refusals as people and programs see them: stable codes and texts. Made where they are shown, never in `apply`.

use exchequer_domain::{Code, Problem};

use crate::limits::{ACCOUNTS_MAX, BULK_TRANSFERS_MAX, ID_AHEAD_MS_MAX, LEGS_MAX, NOTE_BYTES_MAX};
use crate::outcome::{BulkFault, Fault, Field, Rejection};

impl Rejection {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Rejection::AccountExistsDifferent { .. } => Code::AccountDiffers,
            Rejection::AccountsFull => Code::LedgerFull,
            Rejection::IdInvalid
            | Rejection::IdAhead
            | Rejection::LegsMissing
            | Rejection::LegsTooMany
            | Rejection::ReasonReserved
            | Rejection::ReferenceMissing
            | Rejection::NoteMissing
            | Rejection::NoteTooLong
            | Rejection::BulkEmpty
            | Rejection::BulkTooLarge => Code::TransferMalformed,
            Rejection::ExistsDifferent { .. } => Code::TransferIdReused,
            Rejection::IdBurnt => Code::TransferIdBurnt,
            Rejection::RevertUnknown | Rejection::RevertImpossible | Rejection::AlreadyReverted => Code::RevertRefused,
            Rejection::Leg { fault, .. } => fault.code(),
            Rejection::BulkFailed { because, .. } => because.code(),
        }
    }

    /// What happened in this case.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Rejection::AccountExistsDifferent { account } => {
                format!("account {} has this holder and asset and another overdraft flag", account.0)
            }
            Rejection::AccountsFull => format!("there are {ACCOUNTS_MAX} accounts"),
            Rejection::IdInvalid => "a transfer id is neither all zeros nor all ones".into(),
            Rejection::IdAhead => {
                format!("the time in the transfer id is more than {} s ahead", ID_AHEAD_MS_MAX / 1_000)
            }
            Rejection::LegsMissing => "the transfer has no leg".into(),
            Rejection::LegsTooMany => format!("a transfer has at most {LEGS_MAX} legs"),
            Rejection::ReasonReserved => "only the ledger gives this reason".into(),
            Rejection::ReferenceMissing => "the cause has no reference".into(),
            Rejection::NoteMissing => "the transfer needs a note that says something".into(),
            Rejection::NoteTooLong => format!("a note is at most {NOTE_BYTES_MAX} bytes"),
            Rejection::ExistsDifferent { field } => {
                format!("the transfer id was used before with {}", field.words())
            }
            Rejection::IdBurnt => "the transfer id was used before for a transfer that failed".into(),
            Rejection::RevertUnknown => "there is no transfer of that id to revert".into(),
            Rejection::RevertImpossible => "only posted and captured money can be moved back, and no revert".into(),
            Rejection::AlreadyReverted => "the transfer was reverted before".into(),
            Rejection::Leg { leg, fault } => format!("leg {leg}: {}", fault.words()),
            Rejection::BulkEmpty => "the bulk has no transfer".into(),
            Rejection::BulkTooLarge => format!("a bulk has at most {BULK_TRANSFERS_MAX} transfers"),
            Rejection::BulkFailed { transfer, because } => {
                format!("transfer {transfer}, and with it the bulk: {}", because.message())
            }
        }
    }

    /// The code, what happened in this case, and what to do about it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.code(), self.message())
    }
}

impl BulkFault {
    const fn code(self) -> Code {
        match self {
            BulkFault::Leg { fault, .. } => fault.code(),
            BulkFault::ExistsDifferent { .. } => Code::TransferIdReused,
            BulkFault::IdBurnt => Code::TransferIdBurnt,
            BulkFault::IdInvalid | BulkFault::IdAhead | BulkFault::Malformed => Code::TransferMalformed,
        }
    }

    fn message(self) -> String {
        match self {
            BulkFault::Leg { leg, fault } => Rejection::Leg { leg, fault }.message(),
            BulkFault::ExistsDifferent { field } => Rejection::ExistsDifferent { field }.message(),
            BulkFault::IdBurnt => Rejection::IdBurnt.message(),
            BulkFault::IdInvalid => Rejection::IdInvalid.message(),
            BulkFault::IdAhead => Rejection::IdAhead.message(),
            BulkFault::Malformed => "legs, reason, reference or note break their rule".into(),
        }
    }
}

impl Fault {
    const fn code(self) -> Code {
        match self {
            Fault::AmountZero | Fault::SameAccount | Fault::AssetsDiffer => Code::TransferMalformed,
            Fault::DebitAccountUnknown | Fault::CreditAccountUnknown => Code::AccountUnknown,
            Fault::ExpiryPassed
            | Fault::HoldUnknown
            | Fault::HoldResolved
            | Fault::HoldExpired
            | Fault::HoldExceeded => Code::HoldUnavailable,
            Fault::HoldsFull | Fault::TurnoverOverflow => Code::LedgerFull,
            Fault::DebitExceedsBalance | Fault::CreditExceedsBalance => Code::BalanceTooLow,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Fault::AmountZero => "the amount is zero",
            Fault::SameAccount => "debit and credit account are the same",
            Fault::DebitAccountUnknown => "there is no such debit account",
            Fault::CreditAccountUnknown => "there is no such credit account",
            Fault::AssetsDiffer => "the accounts count different assets",
            Fault::ExpiryPassed => "the hold would have expired already",
            Fault::HoldsFull => "there are as many open holds as there may be",
            Fault::HoldUnknown => "there was never such a hold",
            Fault::HoldResolved => "nothing is left of the hold",
            Fault::HoldExpired => "the hold has expired",
            Fault::HoldExceeded => "the hold holds less than that",
            Fault::TurnoverOverflow => "the turnover of the asset would not fit into 128 bits",
            Fault::DebitExceedsBalance => "the debit account has less than that available",
            Fault::CreditExceedsBalance => "the credit account has less than that available",
        }
    }
}

impl Field {
    const fn words(self) -> &'static str {
        match self {
            Field::Kind => "a command of another kind",
            Field::Legs => "another number of legs",
            Field::LegKind => "a leg of another kind",
            Field::Hold => "another hold",
            Field::Debit => "another debit account",
            Field::Credit => "another credit account",
            Field::Amount => "another amount",
            Field::Expiry => "another expiry",
            Field::Reason => "another reason",
            Field::Actor => "another actor",
            Field::Reference => "another reference",
            Field::Note => "another note",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a client can tell a repetition from a lack of money and from a mistake of its own, also inside a bulk.
    /// Method: one refusal of each kind, alone and as the reason of a bulk's.
    #[test]
    fn codes_tell_what_to_do() {
        let leg = |fault| Rejection::Leg { leg: 3, fault };
        for (rejection, code) in [
            (Rejection::IdInvalid, Code::TransferMalformed),
            (Rejection::NoteTooLong, Code::TransferMalformed),
            (leg(Fault::SameAccount), Code::TransferMalformed),
            (Rejection::ExistsDifferent { field: Field::Amount }, Code::TransferIdReused),
            (Rejection::IdBurnt, Code::TransferIdBurnt),
            (leg(Fault::DebitExceedsBalance), Code::BalanceTooLow),
            (leg(Fault::CreditAccountUnknown), Code::AccountUnknown),
            (leg(Fault::HoldExpired), Code::HoldUnavailable),
            (leg(Fault::HoldsFull), Code::LedgerFull),
        ] {
            let bulk = Rejection::BulkFailed { transfer: 17, because: rejection.into() }.problem();
            assert_eq!((rejection.code(), bulk.code), (code, code), "{rejection:?}");
            assert!(bulk.message.contains("transfer 17"), "{bulk}");
        }
        assert_eq!(leg(Fault::AmountZero).message(), "leg 3: the amount is zero");
    }
}
