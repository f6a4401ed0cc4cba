//! `RejectProposal` and `RevokeProposal`: a proposal ends without being carried out; and how proposals end at all.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::approvals::{
    ApprovalsHead, Ending, Policy, Proposal, ProposalId, ProposalOver, holds_sealed, is_person, over_key, policy_of,
};
use crate::audit::AuditAction;
use crate::codec;
use crate::command::{Actor, Body};
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

/// Ends a proposal because somebody who could have approved it does not want it. One is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectProposal {
    /// Which.
    pub proposal: ProposalId,
    /// Why.
    pub reason: String,
}

impl RejectProposal {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let proposal = entry.waiting(self.proposal)?;
        let people = &entry.state.people;
        match actor {
            Actor::Admin(id) if !people.may(id, proposal.permission) => {
                return Err(Rejection::NotPermitted { permission: Some(proposal.permission) }.into());
            }
            // To refuse is never the dangerous side.
            Actor::Admin(_) | Actor::Operator => {}
            Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => {
                return Err(Rejection::NotAPerson.into());
            }
        }

        let target = format!("proposal {}", proposal.id.0);
        entry.audit(actor, AuditAction::ProposalRejected, target, String::new(), self.reason.clone());
        entry.end_proposal(proposal, Ending::Rejected { by: actor, reason: self.reason });
        Ok(Done::ProposalEnded)
    }
}

/// Ends a proposal because its initiator takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeProposal {
    /// Which.
    pub proposal: ProposalId,
    /// Why.
    pub reason: String,
}

impl RevokeProposal {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let proposal = entry.waiting(self.proposal)?;
        let people = &entry.state.people;
        let own = match actor {
            Actor::Admin(id) => is_person(proposal.initiator, people.person_of(id), people),
            Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => {
                actor == proposal.initiator
            }
        };
        if !own {
            return Err(Rejection::NotOwnProposal.into());
        }

        let target = format!("proposal {}", proposal.id.0);
        entry.audit(actor, AuditAction::ProposalRevoked, target, String::new(), self.reason.clone());
        entry.end_proposal(proposal, Ending::Revoked { reason: self.reason });
        Ok(Done::ProposalEnded)
    }
}

impl Entry<'_> {
    /// A proposal that waits.
    fn waiting(&self, id: ProposalId) -> Result<Proposal, Rejection> {
        self.state.approvals.get(id).cloned().ok_or(Rejection::ProposalUnknown { proposal: id })
    }

    /// What an operation needs.
    pub(super) fn policy_of(&self, body: &Body, actor: Actor) -> Option<Policy> {
        policy_of(body, actor, self.state, self.ledger.ledger())
    }

    /// How many persons must approve a proposal as things stand: as many as when it was made, or more.
    pub(super) fn needed_of(&self, proposal: &Proposal) -> u8 {
        let now = proposal.body().ok().and_then(|body| self.policy_of(&body, proposal.initiator));
        now.map_or(proposal.needed, |policy| policy.needed.max(proposal.needed))
    }

    pub(super) fn put_proposal(&mut self, proposal: Proposal) {
        self.put(Table::Proposal, &proposal.id.0.to_be_bytes(), &proposal);
        self.state.approvals.put(proposal);
    }

    pub(super) fn put_approvals_head(&mut self, head: ApprovalsHead) {
        self.put(Table::Proposal, &[], &head);
        self.state.approvals.head = head;
    }

    pub(super) fn count_proposal(&mut self, id: ProposalId) {
        let head = ApprovalsHead { proposals: id.0, ..self.state.approvals.head };
        self.put_approvals_head(head);
    }

    /// The one way in which a proposal ends.
    pub(super) fn end_proposal(&mut self, proposal: Proposal, ending: Ending) {
        let id = proposal.id;
        self.event(EventKind::ProposalEnded { proposal: id, how: ending.as_str().to_owned() });
        self.change(Table::Proposal.family(), Table::Proposal.key(&id.0.to_be_bytes()), Edit::Delete);
        self.state.approvals.remove(id);
        let hash = proposal.hash();
        let operation = match proposal.body() {
            Ok(body) if holds_sealed(&body) => Vec::new(),
            Ok(_) | Err(_) => proposal.operation,
        };
        let proposal = Proposal { operation, ..proposal };
        let over = ProposalOver { proposal, hash, ended: self.now, index: self.at.index, ending };
        self.change(Table::ProposalOver.family(), over_key(id), Edit::Put(codec::encode(&over)));
    }

    /// Ends the proposals whose time is over.
    pub(crate) fn pass_time_in_approvals(&mut self) {
        for id in self.state.approvals.expired(self.now) {
            if let Some(proposal) = self.state.approvals.get(id).cloned() {
                self.end_proposal(proposal, Ending::Expired);
            }
        }
    }
}
