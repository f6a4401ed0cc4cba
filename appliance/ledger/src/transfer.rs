//! Transfers: one or more legs that take effect together or not at all, under an id that is remembered for ever.

use std::ops::Deref;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::cause::{Cause, Reason};
use crate::entry::{Entry, Stop};
use crate::halt::Halt;
use crate::ids::Used;
use crate::limits::{ID_AHEAD_MS_MAX, LEGS_MAX, NOTE_BYTES_MAX};
use crate::outcome::{Done, Fault, Field, Rejection};
use crate::planted::Bug;
use crate::posting::{Kind, Posting};

/// The name of a transfer, chosen by its sender, remembered for ever.
///
/// UUIDs of version 7 are cheapest, because they ascend with time; every other number but zero and all ones works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferId(pub u128);

impl TransferId {
    /// Whether the id is a UUID of version 7.
    pub(crate) const fn is_time_ordered(self) -> bool {
        (self.0 >> 76) & 0xf == 7 && (self.0 >> 62) & 3 == 2
    }

    /// Milliseconds since 1970 as a time-ordered id holds them.
    pub(crate) const fn millis(self) -> u64 {
        (self.0 >> 80) as u64
    }
}

/// The name of a hold: the transfer that placed it, and the position of the leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldId {
    /// The transfer that placed it.
    pub transfer: TransferId,
    /// The leg, from 0.
    pub leg: u8,
}

/// One step of a transfer. Amounts are in minor units of the accounts' asset. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leg {
    /// Moves money at once.
    Post {
        /// The account that is debited.
        debit: AccountId,
        /// The account that is credited.
        credit: AccountId,
        /// More than zero.
        amount: u128,
    },
    /// Keeps money back for a later capture.
    Hold {
        /// The account that will be debited.
        debit: AccountId,
        /// The account that will be credited.
        credit: AccountId,
        /// More than zero.
        amount: u128,
        /// From this moment on it cannot be captured and is released by itself; none for never.
        expires: Option<Timestamp>,
    },
    /// Moves money that a hold keeps back; the rest stays held.
    Capture {
        /// The hold.
        hold: HoldId,
        /// More than zero; none for all that is left.
        amount: Option<u128>,
    },
    /// Gives money that a hold keeps back free again; the rest stays held.
    Release {
        /// The hold.
        hold: HoldId,
        /// More than zero; none for all that is left.
        amount: Option<u128>,
    },
}

/// The legs of a transfer; a single one needs no memory of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Legs {
    /// One leg.
    One(Leg),
    /// Any number of legs.
    Many(Vec<Leg>),
}

impl Deref for Legs {
    type Target = [Leg];

    fn deref(&self) -> &[Leg] {
        match self {
            Legs::One(leg) => std::slice::from_ref(leg),
            Legs::Many(legs) => legs,
        }
    }
}

impl PartialEq for Legs {
    fn eq(&self, other: &Legs) -> bool {
        **self == **other
    }
}

impl Eq for Legs {}

impl From<Leg> for Legs {
    fn from(leg: Leg) -> Legs {
        Legs::One(leg)
    }
}

impl From<Vec<Leg>> for Legs {
    fn from(legs: Vec<Leg>) -> Legs {
        Legs::Many(legs)
    }
}

/// Moves, holds, captures and releases money, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its name.
    pub id: TransferId,
    /// What it does, in this order, each leg seeing what the earlier ones did.
    pub legs: Legs,
    /// Why.
    pub cause: Cause,
    /// A text for people; mandatory for adjustments.
    pub note: Option<Box<str>>,
}

impl Transfer {
    /// What can be judged without the state.
    fn check(&self, now: Timestamp) -> Result<(), Rejection> {
        check_id(self.id, now)?;
        if self.legs.is_empty() {
            return Err(Rejection::LegsMissing);
        }
        if self.legs.len() > LEGS_MAX {
            return Err(Rejection::LegsTooMany);
        }
        if matches!(self.cause.reason, Reason::Expiry | Reason::Reversal) {
            return Err(Rejection::ReasonReserved);
        }
        check_reference(&self.cause)?;
        check_note(self.cause.reason, self.note.as_deref())?;
        for (leg, what) in (0_u8..).zip(self.legs.iter()) {
            let (amount, same) = match what {
                Leg::Post { debit, credit, amount } | Leg::Hold { debit, credit, amount, .. } => {
                    (*amount, debit == credit)
                }
                Leg::Capture { amount, .. } | Leg::Release { amount, .. } => (amount.unwrap_or(1), false),
            };
            if amount == 0 {
                return Err(Rejection::Leg { leg, fault: Fault::AmountZero });
            }
            if same {
                return Err(Rejection::Leg { leg, fault: Fault::SameAccount });
            }
        }
        Ok(())
    }

    /// The first field in which this differs from what was posted under its id.
    fn difference(&self, postings: &[Posting], note: Option<&str>) -> Option<Field> {
        if postings.iter().any(|posting| posting.kind == Kind::Revert) {
            return Some(Field::Kind);
        }
        if postings.len() != self.legs.len() {
            return Some(Field::Legs);
        }
        let differing = self.legs.iter().zip(postings).find_map(|(leg, posting)| leg_difference(leg, posting));
        differing
            .or_else(|| cause_difference(&self.cause, postings))
            .or_else(|| (self.note.as_deref() != note).then_some(Field::Note))
    }
}

fn leg_difference(leg: &Leg, posting: &Posting) -> Option<Field> {
    let kind = match leg {
        Leg::Post { .. } => Kind::Post,
        Leg::Hold { .. } => Kind::Hold,
        Leg::Capture { .. } => Kind::Capture,
        Leg::Release { .. } => Kind::Release,
    };
    if kind != posting.kind {
        return Some(Field::LegKind);
    }
    match leg {
        Leg::Post { debit, credit, amount } | Leg::Hold { debit, credit, amount, .. } => {
            if *debit != posting.debit {
                return Some(Field::Debit);
            }
            if *credit != posting.credit {
                return Some(Field::Credit);
            }
            if *amount != posting.amount {
                return Some(Field::Amount);
            }
        }
        Leg::Capture { hold, amount } | Leg::Release { hold, amount } => {
            if *hold != posting.subject {
                return Some(Field::Hold);
            }
            if amount.is_none() != posting.whole || amount.is_some_and(|amount| amount != posting.amount) {
                return Some(Field::Amount);
            }
        }
    }
    match leg {
        Leg::Hold { expires, .. } if *expires != posting.expires => Some(Field::Expiry),
        _ => None,
    }
}

pub(crate) fn cause_difference(cause: &Cause, postings: &[Posting]) -> Option<Field> {
    let first = postings.first()?;
    if cause.reason != first.cause.reason {
        return Some(Field::Reason);
    }
    if cause.actor != first.cause.actor {
        return Some(Field::Actor);
    }
    (cause.reference != first.cause.reference).then_some(Field::Reference)
}

pub(crate) fn check_id(id: TransferId, now: Timestamp) -> Result<(), Rejection> {
    if id.0 == 0 || id.0 == u128::MAX || id.is_own() {
        return Err(Rejection::IdInvalid);
    }
    if id.is_time_ordered() && id.millis() > now.millis().saturating_add(ID_AHEAD_MS_MAX) {
        return Err(Rejection::IdAhead);
    }
    Ok(())
}

pub(crate) fn check_reference(cause: &Cause) -> Result<(), Rejection> {
    if cause.reference == [0; 32] { Err(Rejection::ReferenceMissing) } else { Ok(()) }
}

pub(crate) fn check_note(reason: Reason, note: Option<&str>) -> Result<(), Rejection> {
    match note {
        None if reason == Reason::Adjustment => Err(Rejection::NoteMissing),
        Some(note) if note.trim().is_empty() => Err(Rejection::NoteMissing),
        Some(note) if note.len() > NOTE_BYTES_MAX => Err(Rejection::NoteTooLong),
        Some(_) | None => Ok(()),
    }
}

impl Entry<'_> {
    /// Posts a transfer, or tells what became of its id before.
    pub(crate) fn transfer(&mut self, transfer: &Transfer) -> Result<Done, Stop> {
        transfer.check(self.now)?;
        match self.used(transfer.id)? {
            None => {}
            Some(Used::Burnt { .. }) => return Err(Rejection::IdBurnt.into()),
            Some(Used::Posted { first, postings }) => {
                let (found, time) = self.postings_of(first, postings)?;
                let note = self.note(first)?;
                let difference = transfer.difference(&found, note.as_deref());
                let unseen = Some(Field::Amount).filter(|_| self.ledger.has(Bug::AmountNotCompared));
                return match difference.filter(|field| Some(*field) != unseen) {
                    None => Ok(Done::Exists { first, postings, time }),
                    Some(field) => Err(Rejection::ExistsDifferent { field }.into()),
                };
            }
        }
        self.place(transfer)
    }

    /// Posts the legs of a transfer whose id is new.
    pub(crate) fn place(&mut self, transfer: &Transfer) -> Result<Done, Stop> {
        let (first, count) = (self.ledger.next, transfer.legs.len());
        let mark = self.mark(count > 1);
        for (leg, what) in (0_u8..).zip(transfer.legs.iter()) {
            if let Err(stop) = self.leg(transfer, leg, what) {
                let stop = stop.at(leg);
                self.rewind(mark)?;
                if let Stop::Rejected(rejection) = stop {
                    self.burn(transfer.id, rejection);
                }
                return Err(stop);
            }
        }
        self.forget(mark);
        if let Some(note) = &transfer.note {
            self.put_note(first, note);
        }
        let postings = u8::try_from(count).map_err(|_| Halt::Invariant("a transfer has at most 128 legs"))?;
        self.use_id(transfer.id, first, postings);
        Ok(Done::Posted { first, postings })
    }

    fn leg(&mut self, transfer: &Transfer, leg: u8, what: &Leg) -> Result<(), LegStop> {
        match *what {
            Leg::Post { debit, credit, amount } => {
                self.check_pair(debit, credit)?;
                self.check_room(debit, credit, amount)?;
                let mut posting = Posting::of(transfer.id, &transfer.cause, leg, transfer.legs.len());
                (posting.kind, posting.debit, posting.credit, posting.amount) = (Kind::Post, debit, credit, amount);
                Ok(self.post(posting, false)?)
            }
            Leg::Hold { debit, credit, amount, expires } => {
                self.check_pair(debit, credit)?;
                self.check_hold(debit, expires)?;
                self.check_room(debit, credit, amount)?;
                let mut posting = Posting::of(transfer.id, &transfer.cause, leg, transfer.legs.len());
                (posting.kind, posting.debit, posting.credit, posting.amount) = (Kind::Hold, debit, credit, amount);
                (posting.subject, posting.expires) = (HoldId { transfer: transfer.id, leg }, expires);
                Ok(self.place_hold(posting)?)
            }
            Leg::Capture { hold, amount } => {
                let posting = Posting::of(transfer.id, &transfer.cause, leg, transfer.legs.len());
                self.reduce_hold(hold, amount, Posting { kind: Kind::Capture, ..posting })
            }
            Leg::Release { hold, amount } => {
                let posting = Posting::of(transfer.id, &transfer.cause, leg, transfer.legs.len());
                self.reduce_hold(hold, amount, Posting { kind: Kind::Release, ..posting })
            }
        }
    }

    /// Both accounts exist and count the same asset.
    pub(crate) fn check_pair(&self, debit: AccountId, credit: AccountId) -> Result<(), LegStop> {
        let accounts = &self.ledger.accounts;
        let debit = accounts.slot(debit).ok_or(Fault::DebitAccountUnknown)?;
        let credit = accounts.slot(credit).ok_or(Fault::CreditAccountUnknown)?;
        if debit.asset != credit.asset { Err(Fault::AssetsDiffer.into()) } else { Ok(()) }
    }

    /// The amount fits into 128 bits, and each limited account has it. Holds count.
    pub(crate) fn check_room(&self, debit: AccountId, credit: AccountId, amount: u128) -> Result<(), LegStop> {
        let (debit, credit) = (self.ledger.slot(debit)?, self.ledger.slot(credit)?);
        let total = self.ledger.total(debit.asset)?;
        // No account's sum can exceed its asset's turnover, so this one check stands for all of theirs.
        if !total.has_room(amount) {
            return Err(Fault::TurnoverOverflow.into());
        }
        let held = if self.ledger.has(Bug::LimitIgnoresHolds) { debit.sums.debits_pending } else { 0 };
        if debit.debit_room().is_some_and(|room| amount > room.saturating_add(held)) {
            return Err(Fault::DebitExceedsBalance.into());
        }
        if credit.credit_room().is_some_and(|room| amount > room) {
            return Err(Fault::CreditExceedsBalance.into());
        }
        Ok(())
    }
}

/// Why a leg did not take effect.
#[derive(Debug)]
pub(crate) enum LegStop {
    Fault(Fault),
    Halt(Halt),
}

impl LegStop {
    pub(crate) fn at(self, leg: u8) -> Stop {
        match self {
            LegStop::Fault(fault) => Stop::Rejected(Rejection::Leg { leg, fault }),
            LegStop::Halt(halt) => Stop::Halt(halt),
        }
    }
}

impl From<Fault> for LegStop {
    fn from(fault: Fault) -> LegStop {
        LegStop::Fault(fault)
    }
}

impl From<Halt> for LegStop {
    fn from(halt: Halt) -> LegStop {
        LegStop::Halt(halt)
    }
}
