//! `SetWithdrawalPolicy`: other rules for who must agree to withdrawals, and how much may leave.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::withdrawals::{Refusal, WithdrawalPolicy};

/// Puts another policy in the place of the present one. It judges what is confirmed from then on; what waits for approval goes
/// on waiting for what it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetWithdrawalPolicy {
    /// The policy; its version and time are given here.
    pub policy: WithdrawalPolicy,
    /// The version that the sender saw.
    pub if_version: Option<u32>,
    /// Why.
    pub reason: String,
}

impl SetWithdrawalPolicy {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let SetWithdrawalPolicy { policy, if_version, reason } = self;
        check_reason(&reason)?;
        policy.check()?;
        let present = entry.state.withdrawals.policy.version;
        if if_version.is_some_and(|version| version != present) {
            return Err(Refusal::PolicyVersion { present }.into());
        }

        let version = present.saturating_add(1);
        let policy = WithdrawalPolicy { version, changed_at: entry.now, ..policy };
        let detail = format!("version {version}, {} rules", policy.rules.len());
        entry.put_withdrawal_policy(policy);
        entry.audit(actor, AuditAction::WithdrawalPolicySet, "withdrawal policy".into(), detail, reason);
        entry.event(EventKind::WithdrawalPolicySet { version });
        Ok(Done::WithdrawalPolicySet { version })
    }
}
