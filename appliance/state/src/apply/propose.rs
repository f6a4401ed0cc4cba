//! `Propose`: an operation waits for the approval of others.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::approvals::{
    OPERATION_BYTES_MAX, PROPOSALS_MAX, Policy, Proposal, ProposalId, TTL_US, TTL_US_MAX, TTL_US_MIN, about,
    operation_body,
};
use crate::audit::AuditAction;
use crate::command::{Actor, Body};
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Proposals of one initiator that may wait at once.
const PROPOSALS_OF_ONE_MAX: usize = 20;
/// Room that only the end of an emergency may take up.
const RESERVED: usize = 10;

/// Proposes an operation that needs approval. Its initiator must be allowed to ask for it now, and again when it is carried
/// out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Propose {
    /// The encoded body of the command.
    #[serde(with = "crate::codec::block")]
    pub operation: Vec<u8>,
    /// How long it waits, in microseconds; a day where there is none.
    pub ttl_us: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Propose {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let ttl_us = self.ttl_us.unwrap_or(TTL_US);
        if !(TTL_US_MIN..=TTL_US_MAX).contains(&ttl_us) {
            return Err(Rejection::Invalid { field: Field::ProposalTtl }.into());
        }
        if self.operation.len() > OPERATION_BYTES_MAX {
            return Err(Rejection::TooLarge.into());
        }
        let body = operation_body(&self.operation).map_err(|_| Rejection::BadRequest)?;
        let Policy { needed, permission } = entry.policy_of(&body, actor).ok_or(Rejection::NothingToApprove)?;
        entry.check_may(actor, &body)?;
        // Nobody takes up all the room, and the end of an emergency has some of its own.
        let approvals = &entry.state.approvals;
        let of_initiator = approvals.open().filter(|proposal| proposal.initiator == actor).count();
        let room = match body {
            Body::EmergencyResume(_) => approvals.waiting() < PROPOSALS_MAX,
            _ => approvals.waiting() < PROPOSALS_MAX - RESERVED && of_initiator < PROPOSALS_OF_ONE_MAX,
        };
        if !room {
            return Err(Rejection::ProposalsFull.into());
        }

        let id = ProposalId(entry.state.approvals.count() + 1);
        let expires = entry.now.plus(std::time::Duration::from_micros(ttl_us));
        let proposal = Proposal {
            id,
            initiator: actor,
            operation: self.operation,
            reason: self.reason.clone(),
            created: entry.now,
            expires,
            needed,
            permission,
            about: about(&body, &entry.state.people),
            approvals: Vec::new(),
        };
        entry.count_proposal(id);
        let detail = format!("{}, needs {needed}, until {expires}, hash {}", body.name(), proposal.hash());
        entry.audit(actor, AuditAction::ProposalMade, format!("proposal {}", id.0), detail, self.reason);
        entry.event(EventKind::ProposalMade { proposal: id });
        entry.put_proposal(proposal);
        Ok(Done::Proposed { proposal: id, needed, expires })
    }
}
