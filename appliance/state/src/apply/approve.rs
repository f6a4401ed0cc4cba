//! `Approve`: one person consents to a proposal; the last one that is needed carries it out.

use exchequer_domain::AdminId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::approvals::{
    APPROVALS_MAX, Approval, ApprovalKeyId, Ending, Proposal, ProposalId, Signature, approval_bytes, same_person,
};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::{Done, Execution};
use crate::rejection::Rejection;

/// Approves a proposal by a signature over the hash of its operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approve {
    /// Which.
    pub proposal: ProposalId,
    /// Who approves; always the sender.
    pub admin: AdminId,
    /// With which key of theirs.
    pub key: ApprovalKeyId,
    /// Over [`approval_bytes`].
    pub signature: Signature,
}

impl Approve {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let cluster = entry.cluster()?.id;
        if actor != Actor::Admin(self.admin) {
            return Err(Rejection::NotAPerson.into());
        }
        let (approvals, people) = (&entry.state.approvals, &entry.state.people);
        let proposal = approvals.get(self.proposal).ok_or(Rejection::ProposalUnknown { proposal: self.proposal })?;
        if !people.may(self.admin, proposal.permission) {
            return Err(Rejection::NotPermitted { permission: Some(proposal.permission) }.into());
        }
        let person = people.person_of(self.admin);
        if proposal.is_of(person, people) {
            return Err(Rejection::OwnProposal.into());
        }
        let key = approvals.usable(self.key, self.admin, people).filter(|key| key.confirmed.is_some());
        let key = key.ok_or(Rejection::ApprovalKeyUnknown { key: self.key })?;
        let bytes = approval_bytes(cluster, proposal.id, proposal.hash(), proposal.expires);
        if !key.verifies(&bytes, &self.signature) {
            return Err(Rejection::ApprovalSignature.into());
        }
        let of_person = |approval: &&Approval| same_person(people.person_of(approval.admin), person);
        let before = proposal.approvals.iter().find(of_person);
        if before.is_some_and(|approval| approvals.counts(proposal, approval, people)) {
            return Err(Rejection::ApprovedAlready.into());
        }
        // One that does not count any more, such as of a revoked key, makes room.
        let counting = proposal.approvals.iter().filter(|approval| approvals.counts(proposal, approval, people));
        let mut proposal = Proposal { approvals: counting.cloned().collect(), ..proposal.clone() };
        if proposal.approvals.len() >= APPROVALS_MAX {
            return Err(Rejection::ProposalsFull.into());
        }

        let Approve { admin, key, signature, .. } = self;
        proposal.approvals.push(Approval { admin, key, at: entry.now, signature });
        let counted = entry.state.approvals.counted(&proposal, &entry.state.people);
        let needed = entry.needed_of(&proposal);
        let detail = format!("{counted} of {needed}, key {}, hash {}", key.0, proposal.hash());
        entry.audit(actor, AuditAction::ProposalApproved, format!("proposal {}", proposal.id.0), detail, String::new());
        entry.event(EventKind::ProposalApproved { proposal: proposal.id, admin });
        let approvals = u8::try_from(counted).unwrap_or(u8::MAX);
        if approvals < needed {
            let id = proposal.id;
            entry.put_proposal(proposal);
            return Ok(Done::Approved { proposal: id, approvals, needed, execution: Execution::Waits });
        }
        entry.execute(proposal, approvals, needed)
    }
}

impl Entry<'_> {
    /// Carries an approved proposal out, in this entry and as its initiator. A refusal ends the proposal too.
    fn execute(&mut self, proposal: Proposal, approvals: u8, needed: u8) -> Result<Done, Stop> {
        let id = proposal.id;
        let before = self.ledger.progress();
        let carried_out = match proposal.body() {
            Ok(body) => self.perform(proposal.initiator, body, Some(id)),
            Err(_) => Err(Rejection::BadRequest.into()),
        };
        let (execution, ending) = match carried_out {
            Ok(done) => (Execution::Done(Box::new(done)), Ending::Executed),
            Err(Stop::Rejected(why)) => {
                self.ledger.take_back_openings(before);
                (Execution::Refused(Box::new(why.clone())), Ending::RefusedAtExecution { why })
            }
            Err(Stop::Halt(halt)) => return Err(halt.into()),
        };
        self.end_proposal(proposal, ending);
        Ok(Done::Approved { proposal: id, approvals, needed, execution })
    }
}
