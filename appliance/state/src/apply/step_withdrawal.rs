//! `StepWithdrawal`: a user, a person or a worker moves a withdrawal that no payout has yet.

use exchequer_domain::Network;
use serde::{Deserialize, Serialize};

use super::request_withdrawal::check_fresh;
use super::withdrawals::check_worker;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::{EventKind, Severity};
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::users::UserStatus;
use crate::withdrawals::{Ending, Proof, Refusal, Stage, Standing, WHY_BYTES_MAX, Waiting, Withdrawal, WithdrawalId};

/// Moves a withdrawal from the stage that its sender found it in. Of a user's cancel and a worker's payout that come
/// together, the one that is first in the log takes effect, and the other is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepWithdrawal {
    /// Which.
    pub withdrawal: WithdrawalId,
    /// The stage in which it was found.
    pub from: Stage,
    /// What happens to it.
    pub step: WithdrawalStep,
}

/// What happens to a withdrawal. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WithdrawalStep {
    /// Its user showed a second factor for it.
    Confirm(Proof),
    /// Its user takes it back.
    Cancel,
    /// A person refuses it.
    Reject {
        /// Why.
        reason: String,
    },
    /// A worker says what it waits for.
    Wait(Waiting),
}

impl StepWithdrawal {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let StepWithdrawal { withdrawal: id, from, step } = self;
        let from = if planted::has(Bug::StageNotCompared) { entry.stage_now(id)? } else { from };
        let one = entry.withdrawal_at(id, from)?;
        check_hand(&step, &one, actor)?;
        entry.check_key(actor)?;
        match step {
            WithdrawalStep::Confirm(proof) => {
                if from != Stage::Confirming {
                    return Err(Refusal::Edge { from, to: Stage::Screening }.into());
                }
                entry.may_go_on(&one)?;
                check_fresh(&one.order, proof, entry.now)?;
                entry.screen(one, from)?;
            }
            WithdrawalStep::Cancel => {
                if !from.can_be_cancelled() {
                    return Err(Refusal::Edge { from, to: Stage::Cancelled }.into());
                }
                entry.end_unpaid(one, from, Ending::Cancelled, "taken back".into())?;
            }
            WithdrawalStep::Reject { reason } => {
                check_reason(&reason)?;
                if !from.may_become(Stage::Rejected) {
                    return Err(Refusal::Edge { from, to: Stage::Rejected }.into());
                }
                let what = format!("refused: {reason}");
                entry.audit(actor, AuditAction::WithdrawalRejected, target(&one), String::new(), reason.clone());
                entry.end_unpaid(one, from, Ending::Rejected { by: Some(actor), reason }, what)?;
            }
            WithdrawalStep::Wait(reason) => {
                check_worker(actor, one.order.network)?;
                if matches!(&reason, Waiting::SetAside { why } if why.len() > WHY_BYTES_MAX) {
                    return Err(Refusal::Why.into());
                }
                let Standing::Queued { since, reason: before } = &one.standing else {
                    return Err(Refusal::Edge { from, to: Stage::Queued }.into());
                };
                // It is tried again and again, at another price each time: what was told first stays.
                let is_said = match &reason {
                    Waiting::FeeCapTooLow { needed } if *needed <= one.fee_cap => {
                        return Err(Refusal::FeeCap { most: one.fee_cap }.into());
                    }
                    Waiting::FeeCapTooLow { .. } => before.is_like(&reason),
                    _ => *before == reason,
                };
                if !is_said {
                    let since = *since;
                    entry.wait_for(one, since, reason);
                }
            }
        }
        Ok(Done::WithdrawalMoved { stage: entry.stage_now(id)? })
    }
}

/// Whether it is the sender's to do: a worker tells what a withdrawal waits for and nothing else, and that a second factor was
/// shown says the session of the very user, for whom nobody else has it.
fn check_hand(step: &WithdrawalStep, one: &Withdrawal, actor: Actor) -> Result<(), Rejection> {
    let may = match (step, actor) {
        (WithdrawalStep::Wait(_), _) => true,
        (_, Actor::Worker(_)) => return Err(Rejection::WorkerMayNot),
        (WithdrawalStep::Confirm(_), actor) => actor == Actor::User(one.order.user),
        (WithdrawalStep::Cancel | WithdrawalStep::Reject { .. }, _) => true,
    };
    if may || planted::has(Bug::AnyHand) { Ok(()) } else { Err(Rejection::NotPermitted { permission: None }) }
}

/// What an audit record says of a withdrawal.
pub(super) fn target(one: &Withdrawal) -> String {
    format!("withdrawal {}", one.id)
}

impl Entry<'_> {
    /// Whether a key, where the sender is one, is of a user that may still use it.
    pub(super) fn check_key(&self, actor: Actor) -> Result<(), Refusal> {
        let Actor::ApiKey(key) = actor else { return Ok(()) };
        let user = self.state.api_keys.get(key).and_then(|key| self.state.users.get(key.user));
        if user.is_some_and(|user| user.status == UserStatus::Frozen) { Err(Refusal::Frozen) } else { Ok(()) }
    }

    /// Puts down what a queued withdrawal waits for, and tells people of what no refill cures.
    pub(super) fn wait_for(&mut self, mut one: Withdrawal, since: exchequer_domain::Timestamp, reason: Waiting) {
        match &reason {
            // Tried again and again: once, however the chain words it.
            Waiting::SetAside { .. } | Waiting::FeeCapTooLow { .. } if is_waiting(&one, |it| it.is_like(&reason)) => {}
            Waiting::SetAside { why } => self.hindered(&one, why.clone()),
            Waiting::FeeCapTooLow { .. } => self.hindered(&one, reason.describe()),
            Waiting::FeeTooHigh => self.fees_too_high(one.order.network),
            Waiting::Turn | Waiting::InsufficientHot | Waiting::InsufficientGas => {}
        }
        let what = format!("waits: {}", reason.describe());
        one.standing = Standing::Queued { since, reason };
        self.trace(&mut one, Some(Stage::Queued), Stage::Queued, what);
        self.put_withdrawal(one);
    }

    /// A chain does not make a withdrawal's transfer.
    pub(super) fn hindered(&mut self, one: &Withdrawal, why: String) {
        let (withdrawal, network, asset) = (one.id, one.order.network, one.order.asset);
        self.event(EventKind::WithdrawalHindered { withdrawal, network, asset, why, severity: Severity::P1 });
    }

    /// Of fees that are too high a network tells when the first of what is queued begins to wait for lower ones.
    fn fees_too_high(&mut self, network: Network) {
        let waits = |one| is_waiting(one, |reason| *reason == Waiting::FeeTooHigh);
        if !self.state.withdrawals.queue(network).any(waits) {
            self.event(EventKind::FeesTooHigh { network, severity: Severity::P2 });
        }
    }
}

/// Whether it is queued and waits for such a thing.
fn is_waiting(one: &Withdrawal, such: impl Fn(&Waiting) -> bool) -> bool {
    matches!(&one.standing, Standing::Queued { reason, .. } if such(reason))
}
