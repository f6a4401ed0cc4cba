//! Which outcomes random logs have seen: the table is printed, and a rare one fails.

use std::collections::BTreeMap;

use crate::{BulkFault, Done, Fault, Field, Outcome, Rejection};

/// How often each outcome was seen.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeMap<String, u64>);

/// Every outcome there is, by the name that [`name`] gives it.
fn all() -> Vec<String> {
    let plain = [
        "AccountOpened",
        "AccountExists",
        "Posted",
        "Exists",
        "Bulk",
        "AccountExistsDifferent",
        "AccountsFull",
        "IdInvalid",
        "IdAhead",
        "LegsMissing",
        "LegsTooMany",
        "ReasonReserved",
        "ReferenceMissing",
        "NoteMissing",
        "NoteTooLong",
        "IdBurnt",
        "RevertUnknown",
        "RevertImpossible",
        "AlreadyReverted",
        "BulkEmpty",
        "BulkTooLarge",
        "Bulk.IdBurnt",
        "Bulk.IdInvalid",
        "Bulk.IdAhead",
        "Bulk.Malformed",
        "Bulk.Leg",
        "Bulk.ExistsDifferent",
    ];
    let fields = [
        Field::Kind,
        Field::Legs,
        Field::LegKind,
        Field::Hold,
        Field::Debit,
        Field::Credit,
        Field::Amount,
        Field::Expiry,
        Field::Reason,
        Field::Actor,
        Field::Reference,
        Field::Note,
    ];
    let faults = [
        Fault::AmountZero,
        Fault::SameAccount,
        Fault::DebitAccountUnknown,
        Fault::CreditAccountUnknown,
        Fault::AssetsDiffer,
        Fault::ExpiryPassed,
        Fault::HoldsFull,
        Fault::HoldUnknown,
        Fault::HoldResolved,
        Fault::HoldExpired,
        Fault::HoldExceeded,
        Fault::TurnoverOverflow,
        Fault::DebitExceedsBalance,
        Fault::CreditExceedsBalance,
    ];
    let fields = fields.map(|field| format!("ExistsDifferent.{field:?}"));
    let faults = faults.map(|fault| format!("Leg.{fault:?}"));
    plain.map(String::from).into_iter().chain(fields).chain(faults).collect()
}

/// An outcome's name; exhaustive, so that a new one cannot be forgotten.
fn name(outcome: &Outcome) -> String {
    let plain = match outcome {
        Outcome::Done(done) => match done {
            Done::AccountOpened { .. } => "AccountOpened",
            Done::AccountExists { .. } => "AccountExists",
            Done::Posted { .. } => "Posted",
            Done::Exists { .. } => "Exists",
            Done::Bulk(_) => "Bulk",
        },
        Outcome::Rejected(rejection) => match rejection {
            Rejection::AccountExistsDifferent { .. } => "AccountExistsDifferent",
            Rejection::AccountsFull => "AccountsFull",
            Rejection::IdInvalid => "IdInvalid",
            Rejection::IdAhead => "IdAhead",
            Rejection::LegsMissing => "LegsMissing",
            Rejection::LegsTooMany => "LegsTooMany",
            Rejection::ReasonReserved => "ReasonReserved",
            Rejection::ReferenceMissing => "ReferenceMissing",
            Rejection::NoteMissing => "NoteMissing",
            Rejection::NoteTooLong => "NoteTooLong",
            Rejection::ExistsDifferent { field } => return format!("ExistsDifferent.{field:?}"),
            Rejection::IdBurnt => "IdBurnt",
            Rejection::RevertUnknown => "RevertUnknown",
            Rejection::RevertImpossible => "RevertImpossible",
            Rejection::AlreadyReverted => "AlreadyReverted",
            Rejection::Leg { fault, .. } => return format!("Leg.{fault:?}"),
            Rejection::BulkEmpty => "BulkEmpty",
            Rejection::BulkTooLarge => "BulkTooLarge",
            Rejection::BulkFailed { because, .. } => match because {
                BulkFault::Leg { .. } => "Bulk.Leg",
                BulkFault::ExistsDifferent { .. } => "Bulk.ExistsDifferent",
                BulkFault::IdBurnt => "Bulk.IdBurnt",
                BulkFault::IdInvalid => "Bulk.IdInvalid",
                BulkFault::IdAhead => "Bulk.IdAhead",
                BulkFault::Malformed => "Bulk.Malformed",
            },
        },
    };
    plain.to_owned()
}

impl Coverage {
    pub(super) fn outcome(&mut self, outcome: &Outcome) {
        *self.0.entry(name(outcome)).or_default() += 1;
    }

    /// Something other than a command's outcome.
    pub(super) fn count(&mut self, what: &str) {
        *self.0.entry(format!("query.{what}")).or_default() += 1;
    }

    /// Prints the table; every outcome and every given query must have been seen `least` times.
    pub(super) fn finish(mut self, queries: &[&str], least: u64) {
        let queries = queries.iter().map(|query| format!("query.{query}"));
        for name in all().into_iter().chain(queries) {
            self.0.entry(name).or_default();
        }
        for (name, count) in &self.0 {
            println!("{count:>10} {name}");
        }
        let rare: Vec<_> = self.0.iter().filter(|(_, count)| **count < least).collect();
        assert!(rare.is_empty(), "seen less than {least} times: {rare:?}");
    }
}
