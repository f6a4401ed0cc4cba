//! `StepWithdrawal`: a user, a person or a worker moves a withdrawal that no payout has yet.

use serde::{Deserialize, Serialize};

use super::request_withdrawal::check_fresh;
use super::withdrawals::check_worker;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::planted::{self, Bug};
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
        match step {
            WithdrawalStep::Confirm(proof) => {
                if from != Stage::Confirming {
                    return Err(Refusal::Edge { from, to: Stage::Screening }.into());
                }
                entry.may_withdraw(one.order.network, one.order.asset)?;
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
                if *before != reason {
                    let since = *since;
                    entry.wait_for(one, since, reason);
                }
            }
        }
        Ok(Done::WithdrawalMoved { stage: entry.stage_now(id)? })
    }
}

/// What an audit record says of a withdrawal.
pub(super) fn target(one: &Withdrawal) -> String {
    format!("withdrawal {}", one.id)
}

impl Entry<'_> {
    /// Puts down what a queued withdrawal waits for.
    pub(super) fn wait_for(&mut self, mut one: Withdrawal, since: exchequer_domain::Timestamp, reason: Waiting) {
        let what = format!("waits: {}", reason.describe());
        one.standing = Standing::Queued { since, reason };
        self.trace(&mut one, Some(Stage::Queued), Stage::Queued, what);
        self.put_withdrawal(one);
    }
}
