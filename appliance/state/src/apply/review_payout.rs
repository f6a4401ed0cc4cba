//! `ReviewPayout`: a person decides about a payout. Nobody can have money paid twice by it: whatever frees money, or says that
//! it was paid by other means, needs the same proof that a worker needs, and another person.

use exchequer_domain::{BlockRef, Family, Network, TxId};
use serde::{Deserialize, Serialize};

use super::step_payout::check_fee_told;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::{WalletRole, own_transfer_key};
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::withdrawals::{Death, Ending, Payout, PayoutId, PayoutStanding, Purpose, Refusal, Stage, Standing};

/// Decides about a payout that is stuck, unknown or in review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPayout {
    /// Which.
    pub payout: PayoutId,
    /// The stage in which it was found.
    pub from: Stage,
    /// What is to be done.
    pub decision: PayoutDecision,
    /// Why.
    pub reason: String,
}

/// What a person decides about a payout. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayoutDecision {
    /// The same bytes are sent again.
    Resend,
    /// It is replaced by an attempt that pays more to the network.
    Bump,
    /// It is replaced by an attempt that pays nobody.
    CancelByNoop,
    /// It was paid by a transaction that is not one of its attempts.
    MarkExternal {
        /// That transaction.
        tx: TxId,
        /// In which block.
        block: BlockRef,
        /// What the network took from the hot wallet for it, in minor units of its coin.
        fee: u128,
        /// Why none of its own attempts can be mined.
        proof: Death,
    },
    /// Its withdrawals fail, and their money is free again.
    Refund {
        /// Why none of its attempts can be mined.
        proof: Death,
    },
    /// It ended as its worker says, though no balance has shown it yet.
    Confirm,
}

impl PayoutDecision {
    /// Whether it says where money is, which takes two persons.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        match self {
            PayoutDecision::MarkExternal { .. } | PayoutDecision::Refund { .. } | PayoutDecision::Confirm => true,
            PayoutDecision::Resend | PayoutDecision::Bump | PayoutDecision::CancelByNoop => false,
        }
    }

    /// Whether it rests on nobody's having signed anything, which the state alone cannot know: a node asks its signer first.
    #[must_use]
    pub const fn says_never_signed(&self) -> bool {
        match self {
            PayoutDecision::MarkExternal { proof, .. } | PayoutDecision::Refund { proof } => {
                matches!(proof, Death::NeverSigned)
            }
            PayoutDecision::Resend | PayoutDecision::Bump | PayoutDecision::CancelByNoop | PayoutDecision::Confirm => {
                false
            }
        }
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            PayoutDecision::Resend => "send the same bytes again".into(),
            PayoutDecision::Bump => "pay more to the network".into(),
            PayoutDecision::CancelByNoop => "take its place with a transaction that pays nobody".into(),
            PayoutDecision::MarkExternal { tx, proof, .. } => {
                format!("it was paid by transaction {tx}; {}", proof.describe())
            }
            PayoutDecision::Refund { proof } => format!("give the money back; {}", proof.describe()),
            PayoutDecision::Confirm => "it ended without paying, as its worker says".into(),
        }
    }
}

impl ReviewPayout {
    /// The row keys that it looks up: whether a transaction is one of the exchange's own, where blocks tell what was spent.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let PayoutDecision::MarkExternal { tx, .. } = &self.decision else { return Vec::new() };
        let networks = Network::ALL.iter().filter(|network| network.family() == Family::Bitcoin);
        networks.map(|network| own_transfer_key(*network, tx)).collect()
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let ReviewPayout { payout: id, from, decision, reason } = self;
        check_reason(&reason)?;
        let network = entry.state.withdrawals.payout(id).map(|payout| payout.network);
        let mut payout = entry.payout_at(id, network.ok_or(Refusal::PayoutUnknown { payout: id })?, from)?;
        let present = payout.stage();
        if !matches!(present, Stage::Stuck | Stage::Unknown | Stage::Review) {
            return Err(Refusal::Moved { stage: present }.into());
        }
        let target = format!("payout {id}");
        let mut detail = decision.describe();
        if let (PayoutDecision::Confirm, Some(denial)) = (&decision, &payout.denied) {
            detail = format!("{detail}: {}", denial.describe());
        }
        // Who wants it paid after all wants nothing in its place, unless that is on its way already.
        let has_noop = payout.attempts.iter().any(|attempt| attempt.purpose == Purpose::Noop);
        let wants_noop = payout.wants_noop && (has_noop || planted::has(Bug::NoopOutlivesRetry));
        let stage = match decision {
            PayoutDecision::Resend => {
                payout.wants_noop = wants_noop;
                // What was never signed has no bytes: it is signed first.
                let latest = payout.latest().is_some_and(|attempt| attempt.tx.is_some());
                payout.standing = match (latest, payout.attempts.len()) {
                    (true, _) => PayoutStanding::Broadcast,
                    (false, 1) => PayoutStanding::Preparing,
                    (false, _) => PayoutStanding::Replacing,
                };
                entry.move_on(payout, present, &detail)?
            }
            PayoutDecision::Bump => {
                entry.check_replaceable(&payout)?;
                entry.check_front(&payout)?;
                payout.wants_noop = wants_noop;
                payout.standing = PayoutStanding::Stuck;
                entry.move_on(payout, present, &detail)?
            }
            PayoutDecision::CancelByNoop => {
                entry.check_replaceable(&payout)?;
                payout.wants_noop = true;
                payout.standing = PayoutStanding::Stuck;
                entry.move_on(payout, present, &detail)?
            }
            PayoutDecision::MarkExternal { tx, block, fee, proof } => {
                entry.check_death(&payout, &proof)?;
                if payout.attempts.iter().any(|attempt| attempt.tx == Some(tx)) {
                    return Err(Refusal::Attempt.into());
                }
                let dearest = payout.attempts.iter().map(|attempt| attempt.fee_max).max();
                check_fee_told(fee, dearest.unwrap_or(0))?;
                entry.note_paid(&payout, tx, block.height, fee, true)?;
                for withdrawal in payout.withdrawals.clone() {
                    let one = entry.withdrawal_at(withdrawal, present)?;
                    entry.capture(&one, tx)?;
                    let ending = Ending::Paid { payout: id, tx, block: Some(block) };
                    entry.stand(one, present, Standing::Over(ending), Stage::Completed, detail.clone())?;
                }
                entry.log_deaths(&payout, &proof);
                entry.note_gap(&payout)?;
                entry.end_move(&mut payout, Some(tx), fee)?;
                entry.close_payout(payout, fee, tx, Stage::Completed)?;
                Stage::Completed
            }
            PayoutDecision::Refund { proof } => entry.bury(payout, &proof, false)?,
            PayoutDecision::Confirm => entry.confirm_denial(payout)?,
        };
        entry.audit(actor, AuditAction::PayoutReviewed, target, detail, reason);
        Ok(Done::PayoutMoved { stage })
    }
}

impl Entry<'_> {
    /// Whether nothing keeps a payout's nonce from its turn: what comes before it and is signed by nobody, or is a gap, keeps all
    /// behind it waiting, whatever they pay to the network.
    pub(super) fn check_front(&self, payout: &Payout) -> Result<(), Stop> {
        let Some(nonce) = payout.nonce() else { return Ok(()) };
        let others = self.state.withdrawals.payouts(payout.network);
        let unsigned = others.filter(|other| other.payer == payout.payer && !other.was_signed());
        let unsigned =
            unsigned.filter_map(|other| Some((other.nonce()?, other.id))).filter(|(first, _)| *first < nonce);
        if let Some((nonce, other)) = unsigned.min() {
            return Err(Refusal::Behind { nonce, payout: Some(other) }.into());
        }
        let lane = self.lane_of(payout.network, payout.payer)?;
        match lane.gaps.first().filter(|gap| **gap < nonce) {
            Some(gap) => Err(Refusal::Behind { nonce: *gap, payout: None }.into()),
            None => Ok(()),
        }
    }

    /// Whether a worker can put another transaction in the place of what was never signed: on TRON, and of a sweep that gives all that
    /// its coins hold, there is none, and it would be stuck for ever. What was signed ends there by itself.
    fn check_replaceable(&self, payout: &Payout) -> Result<(), Stop> {
        let replaced = match payout.network.family() {
            Family::Evm => true,
            Family::Tron => false,
            Family::Bitcoin => self.payer_role(payout.payer)? != WalletRole::Deposit,
        };
        if replaced || payout.was_signed() || planted::has(Bug::UnsignedIsStuck) {
            Ok(())
        } else {
            Err(Refusal::NothingReplaces { payout: payout.id }.into())
        }
    }

    /// As a person wants it; a stage may stay as it is.
    fn move_on(&mut self, mut payout: Payout, from: Stage, what: &str) -> Result<Stage, Stop> {
        // It goes on, so that it has not ended.
        payout.denied = None;
        let to = payout.stage();
        if from != to && !from.may_become(to) {
            return Err(Refusal::Edge { from, to }.into());
        }
        Ok(self.move_payout(payout, from, what))
    }
}
