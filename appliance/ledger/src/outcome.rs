//! Outcomes, and the order in which they are decided. Codes and numbers only; texts are made where they are shown.
//!
//! Where several refusals fit, the first of this list is given, on every node and in every version:
//!
//! 1. By the command alone, which burns no id: [`Rejection::IdInvalid`], [`Rejection::IdAhead`],
//!    of a bulk [`Rejection::BulkEmpty`], [`Rejection::BulkTooLarge`], [`Rejection::LegsMissing`],
//!    [`Rejection::LegsTooMany`], [`Rejection::ReasonReserved`],
//!    [`Rejection::ReferenceMissing`], [`Rejection::NoteMissing`], [`Rejection::NoteTooLong`]; then per leg, in their
//!    order, [`Fault::AmountZero`], [`Fault::SameAccount`].
//! 2. By the id: [`Done::Exists`], [`Rejection::ExistsDifferent`] with the first differing [`Field`] in the order of
//!    that enum, [`Rejection::IdBurnt`].
//! 3. By the state, which burns the id: of a revert [`Rejection::RevertUnknown`], [`Rejection::RevertImpossible`],
//!    [`Rejection::AlreadyReverted`]; then per leg, in their order, each seeing what the earlier ones did:
//!    [`Fault::DebitAccountUnknown`], [`Fault::CreditAccountUnknown`], [`Fault::AssetsDiffer`],
//!    [`Fault::ExpiryPassed`], [`Fault::HoldsFull`], [`Fault::HoldUnknown`], [`Fault::HoldResolved`],
//!    [`Fault::HoldExpired`], [`Fault::HoldExceeded`], [`Fault::TurnoverOverflow`], [`Fault::DebitExceedsBalance`],
//!    [`Fault::CreditExceedsBalance`].
//!
//! An id that failed by the state is burnt for ever: a late repetition cannot succeed after its sender acted on the
//! failure. In a bulk, only the transfer that failed burns its id.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It took effect, now or when its id was first used.
    Done(Done),
    /// It was refused and changed nothing, except that its id may be burnt.
    Rejected(Rejection),
}

/// The effect of a command. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// The account is new.
    AccountOpened {
        /// Its number.
        account: AccountId,
    },
    /// The account was there.
    AccountExists {
        /// Its number.
        account: AccountId,
    },
    /// The transfer was posted.
    Posted {
        /// The number of its first posting.
        first: u64,
        /// How many postings it has, with consecutive numbers: one per leg.
        postings: u8,
    },
    /// The transfer was posted before.
    Exists {
        /// The number of its first posting.
        first: u64,
        /// How many postings it has.
        postings: u8,
        /// When it was posted.
        time: Timestamp,
    },
    /// Every transfer of the bulk is posted; each has its own effect here, in their order.
    Bulk(Vec<Done>),
}

/// Why a command was refused. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rejection {
    /// An account of this key exists with another overdraft flag.
    AccountExistsDifferent {
        /// Its number.
        account: AccountId,
    },
    /// As many accounts as there may be exist.
    AccountsFull,
    /// The id is all zeros or all ones.
    IdInvalid,
    /// The id is a time-ordered one whose time is more than a minute ahead of replicated time.
    IdAhead,
    /// The transfer has no leg.
    LegsMissing,
    /// The transfer has more legs than [`crate::limits::LEGS_MAX`].
    LegsTooMany,
    /// Only the ledger itself, or a revert, gives this reason.
    ReasonReserved,
    /// The reference of the cause is zero.
    ReferenceMissing,
    /// An adjustment needs a note.
    NoteMissing,
    /// The note is longer than [`crate::limits::NOTE_BYTES_MAX`].
    NoteTooLong,
    /// The id was used before for another transfer.
    ExistsDifferent {
        /// The first difference.
        field: Field,
    },
    /// The id was used before for a transfer that failed; draw a new id.
    IdBurnt,
    /// There is no transfer to revert under that id.
    RevertUnknown,
    /// The transfer has legs other than plain ones and captures, or is itself a revert.
    RevertImpossible,
    /// The transfer was reverted before.
    AlreadyReverted,
    /// A leg is wrong.
    Leg {
        /// Its position, from 0.
        leg: u8,
        /// What is wrong.
        fault: Fault,
    },
    /// The bulk has no transfer.
    BulkEmpty,
    /// The bulk has more transfers than [`crate::limits::BULK_TRANSFERS_MAX`].
    BulkTooLarge,
    /// A transfer of the bulk was refused, so none of them was posted.
    BulkFailed {
        /// Its position, from 0.
        transfer: u16,
        /// Why, without its leg's position.
        because: BulkFault,
    },
}

/// Why a transfer of a bulk was refused, flat. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BulkFault {
    /// A leg is wrong.
    Leg {
        /// Its position, from 0.
        leg: u8,
        /// What is wrong.
        fault: Fault,
    },
    /// The id exists for another transfer.
    ExistsDifferent {
        /// The first difference.
        field: Field,
    },
    /// The id is burnt.
    IdBurnt,
    /// As [`Rejection::IdInvalid`].
    IdInvalid,
    /// As [`Rejection::IdAhead`].
    IdAhead,
    /// Legs, reason, reference or note break their rule.
    Malformed,
}

impl Rejection {
    /// Whether the id of the transfer or revert is burnt by it: whether the state decided, not the command alone.
    #[must_use]
    pub const fn burns(&self) -> bool {
        match self {
            Rejection::RevertUnknown | Rejection::RevertImpossible | Rejection::AlreadyReverted => true,
            Rejection::Leg { fault, .. } => !matches!(fault, Fault::AmountZero | Fault::SameAccount),
            Rejection::AccountExistsDifferent { .. }
            | Rejection::AccountsFull
            | Rejection::IdInvalid
            | Rejection::IdAhead
            | Rejection::LegsMissing
            | Rejection::LegsTooMany
            | Rejection::ReasonReserved
            | Rejection::ReferenceMissing
            | Rejection::NoteMissing
            | Rejection::NoteTooLong
            | Rejection::ExistsDifferent { .. }
            | Rejection::IdBurnt
            | Rejection::BulkEmpty
            | Rejection::BulkTooLarge
            | Rejection::BulkFailed { .. } => false,
        }
    }
}

impl From<Rejection> for BulkFault {
    fn from(rejection: Rejection) -> BulkFault {
        match rejection {
            Rejection::Leg { leg, fault } => BulkFault::Leg { leg, fault },
            Rejection::ExistsDifferent { field } => BulkFault::ExistsDifferent { field },
            Rejection::IdBurnt => BulkFault::IdBurnt,
            Rejection::IdInvalid => BulkFault::IdInvalid,
            Rejection::IdAhead => BulkFault::IdAhead,
            Rejection::LegsMissing
            | Rejection::LegsTooMany
            | Rejection::ReasonReserved
            | Rejection::ReferenceMissing
            | Rejection::NoteMissing
            | Rejection::NoteTooLong
            | Rejection::AccountExistsDifferent { .. }
            | Rejection::AccountsFull
            | Rejection::RevertUnknown
            | Rejection::RevertImpossible
            | Rejection::AlreadyReverted
            | Rejection::BulkEmpty
            | Rejection::BulkTooLarge
            | Rejection::BulkFailed { .. } => BulkFault::Malformed,
        }
    }
}

/// What is wrong with a leg. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// The amount is zero.
    AmountZero,
    /// Debit and credit account are the same.
    SameAccount,
    /// There is no such debit account.
    DebitAccountUnknown,
    /// There is no such credit account.
    CreditAccountUnknown,
    /// The accounts count different assets.
    AssetsDiffer,
    /// The hold would have expired already.
    ExpiryPassed,
    /// The account, or the ledger, has as many open holds as it may have.
    HoldsFull,
    /// There was never such a hold.
    HoldUnknown,
    /// The hold was captured or released whole, or has expired.
    HoldResolved,
    /// The hold's time is over.
    HoldExpired,
    /// The amount is more than the hold still holds.
    HoldExceeded,
    /// The asset's turnover, all debits ever posted or pending, would exceed 128 bits.
    TurnoverOverflow,
    /// The debit account has less than this available.
    DebitExceedsBalance,
    /// The credit account, whose balance is on the debit side, has less than this available.
    CreditExceedsBalance,
}

/// A field of a transfer, in the order in which they are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Field {
    /// A transfer where a revert was, or the other way round, or a revert of something else.
    Kind,
    /// The number of legs.
    Legs,
    /// What a leg does.
    LegKind,
    /// A leg's hold.
    Hold,
    /// A leg's debit account.
    Debit,
    /// A leg's credit account.
    Credit,
    /// A leg's amount.
    Amount,
    /// When a hold expires.
    Expiry,
    /// The cause's reason.
    Reason,
    /// The cause's actor.
    Actor,
    /// The cause's reference.
    Reference,
    /// The note.
    Note,
}
