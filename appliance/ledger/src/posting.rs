//! Postings: what the journal holds of a leg. Fixed size, so that a block of them is a table.

use exchequer_domain::Timestamp;

use crate::account::{AccountId, Sums};
use crate::cause::{Actor, Cause, Reason};
use crate::codec::{DecodeError, field};
use crate::transfer::{HoldId, TransferId};

/// Bytes of a posting in the journal.
pub(crate) const POSTING_BYTES: usize = 256;

/// What a posting did. Bytes are never given to another kind.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Money moved at once.
    Post = 1,
    /// A hold was placed.
    Hold = 2,
    /// Held money moved.
    Capture = 3,
    /// Held money was given free.
    Release = 4,
    /// What was left of a hold was given free because its time was over.
    Expire = 5,
    /// Money moved back, by a revert.
    Revert = 6,
}

impl Kind {
    const fn from_byte(byte: u8) -> Option<Kind> {
        Some(match byte {
            1 => Kind::Post,
            2 => Kind::Hold,
            3 => Kind::Capture,
            4 => Kind::Release,
            5 => Kind::Expire,
            6 => Kind::Revert,
            _ => return None,
        })
    }
}

/// One posting. Its number is its place in the journal, from 1, without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// What it did.
    pub kind: Kind,
    /// The transfer it belongs to; of an expiry, the transfer that placed the hold.
    pub transfer: TransferId,
    /// The leg's position.
    pub leg: u8,
    /// How many postings the transfer has.
    pub legs: u8,
    /// Why.
    pub cause: Cause,
    /// The debited account.
    pub debit: AccountId,
    /// The credited account.
    pub credit: AccountId,
    /// In minor units of their asset.
    pub amount: u128,
    /// The hold that was placed, captured or released; of a revert, the reverted transfer and leg.
    pub subject: HoldId,
    /// When the placed hold expires.
    pub expires: Option<Timestamp>,
    /// Whether all that was left was asked for, not a certain amount.
    pub whole: bool,
    /// The debit account's sums afterwards.
    pub debit_after: Sums,
    /// The credit account's sums afterwards.
    pub credit_after: Sums,
    /// The number of the debit account's posting before this one; zero for none.
    pub debit_previous: u64,
    /// The number of the credit account's posting before this one; zero for none.
    pub credit_previous: u64,
    /// Which of its accounts and its hold entered the queue of changed things by it.
    pub(crate) dirties: Dirties,
}

/// Which things a posting put into the queue of what changed since its row was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dirties {
    pub(crate) debit: bool,
    pub(crate) credit: bool,
    pub(crate) hold: bool,
}

impl Posting {
    /// A posting of a transfer, its effect still to be filled in.
    pub(crate) fn of(transfer: TransferId, cause: &Cause, leg: u8, legs: usize) -> Posting {
        Posting {
            kind: Kind::Post,
            transfer,
            leg,
            // Checked against LEGS_MAX, which fits.
            legs: legs as u8,
            cause: *cause,
            debit: AccountId(0),
            credit: AccountId(0),
            amount: 0,
            subject: HoldId { transfer: TransferId(0), leg: 0 },
            expires: None,
            whole: false,
            debit_after: Sums::default(),
            credit_after: Sums::default(),
            debit_previous: 0,
            credit_previous: 0,
            dirties: Dirties::default(),
        }
    }

    /// The sums of `account` afterwards and the number of its posting before; none if it is neither side.
    #[must_use]
    pub fn side(&self, account: AccountId) -> Option<(Sums, u64)> {
        if account == self.debit {
            Some((self.debit_after, self.debit_previous))
        } else if account == self.credit {
            Some((self.credit_after, self.credit_previous))
        } else {
            None
        }
    }

    pub(crate) fn append(&self, bytes: &mut Vec<u8>) {
        let mut record = [0_u8; POSTING_BYTES];
        let (actor_kind, actor) = self.cause.actor.parts();
        let Dirties { debit, credit, hold } = self.dirties;
        record[0] = self.kind as u8;
        record[1] = u8::from(debit) | u8::from(credit) << 1 | u8::from(hold) << 2 | u8::from(self.whole) << 3;
        record[2] = self.leg;
        record[3] = self.legs;
        record[4] = self.cause.reason as u8;
        record[5] = actor_kind;
        record[6] = self.subject.leg;
        record[8..16].copy_from_slice(&actor.to_be_bytes());
        record[16..32].copy_from_slice(&self.transfer.0.to_be_bytes());
        record[32..64].copy_from_slice(&self.cause.reference);
        record[64..68].copy_from_slice(&self.debit.0.to_be_bytes());
        record[68..72].copy_from_slice(&self.credit.0.to_be_bytes());
        record[72..80].copy_from_slice(&self.debit_previous.to_be_bytes());
        record[80..88].copy_from_slice(&self.credit_previous.to_be_bytes());
        record[88..96].copy_from_slice(&self.expires.map_or(0, |at| at.0).to_be_bytes());
        record[96..112].copy_from_slice(&self.amount.to_be_bytes());
        record[112..128].copy_from_slice(&self.subject.transfer.0.to_be_bytes());
        for (at, sums) in [(128, &self.debit_after), (192, &self.credit_after)] {
            record[at..at + 16].copy_from_slice(&sums.debits_posted.to_be_bytes());
            record[at + 16..at + 32].copy_from_slice(&sums.credits_posted.to_be_bytes());
            record[at + 32..at + 48].copy_from_slice(&sums.debits_pending.to_be_bytes());
            record[at + 48..at + 64].copy_from_slice(&sums.credits_pending.to_be_bytes());
        }
        bytes.extend_from_slice(&record);
    }

    pub(crate) fn decode(record: &[u8]) -> Result<Posting, DecodeError> {
        let [kind, flags, leg, legs, reason, actor_kind, subject_leg, reserved] = field(record, 0)?;
        let number = |at| field(record, at).map(u64::from_be_bytes);
        let wide = |at| field(record, at).map(u128::from_be_bytes);
        let account = |at| field(record, at).map(|bytes| AccountId(u32::from_be_bytes(bytes)));
        let sums = |at| {
            Ok(Sums {
                debits_posted: wide(at)?,
                credits_posted: wide(at + 16)?,
                debits_pending: wide(at + 32)?,
                credits_pending: wide(at + 48)?,
            })
        };
        if record.len() != POSTING_BYTES || flags > 0xf || reserved != 0 {
            return Err(DecodeError::Malformed);
        }
        Ok(Posting {
            kind: Kind::from_byte(kind).ok_or(DecodeError::Malformed)?,
            transfer: TransferId(wide(16)?),
            leg,
            legs,
            cause: Cause {
                reason: Reason::from_byte(reason).ok_or(DecodeError::Malformed)?,
                actor: Actor::from_parts(actor_kind, number(8)?).ok_or(DecodeError::Malformed)?,
                reference: field(record, 32)?,
            },
            debit: account(64)?,
            credit: account(68)?,
            amount: wide(96)?,
            subject: HoldId { transfer: TransferId(wide(112)?), leg: subject_leg },
            expires: Some(Timestamp(number(88)?)).filter(|at| at.0 != 0),
            whole: flags & 8 != 0,
            debit_after: sums(128)?,
            credit_after: sums(192)?,
            debit_previous: number(72)?,
            credit_previous: number(80)?,
            dirties: Dirties { debit: flags & 1 != 0, credit: flags & 2 != 0, hold: flags & 4 != 0 },
        })
    }
}
