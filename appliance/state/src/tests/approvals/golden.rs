//! What the golden script has of approvals; each with its sender.

use exchequer_domain::{AdminId, Timestamp};

use super::super::world::set;
use crate::approvals::{ApprovalKeyId, ProposalId, Signature, operation_of};
use crate::people::Permission;
use crate::settings::Value;
use crate::{
    Actor, Approve, Body, ConfirmApprovalKey, Done, EnrolApprovalKey, Execution, Propose, RejectProposal, Rejection,
    RevokeApprovalKey, RevokeProposal,
};

pub(in crate::tests) fn script() -> Vec<(Actor, Body)> {
    let reason = || "why".to_owned();
    let (ada, operator, signature) = (Actor::Admin(AdminId(1)), Actor::Operator, Signature([3; 32], [4; 32]));
    let propose = |ttl_us| {
        let operation = operation_of(&set("autopilot.min_quorum", Value::Integer(7), None));
        Body::Propose(Propose { operation, ttl_us, reason: reason() })
    };
    let enrol = |public, label: &str| {
        Body::EnrolApprovalKey(EnrolApprovalKey { public: [public; 32], label: label.into(), reason: reason() })
    };
    let (key, proposal) = (ApprovalKeyId(1), ProposalId(1));
    let confirm = ConfirmApprovalKey { key, public: [8; 32], with: ApprovalKeyId(2), signature, reason: reason() };
    vec![
        (operator, propose(None)),
        (operator, propose(Some(300_000_000))),
        (operator, Body::RejectProposal(RejectProposal { proposal, reason: reason() })),
        (ada, Body::RevokeProposal(RevokeProposal { proposal: ProposalId(300), reason: reason() })),
        (ada, enrol(8, "laptop")),
        (ada, enrol(9, "")),
        (ada, Body::ConfirmApprovalKey(confirm)),
        (ada, Body::RevokeApprovalKey(RevokeApprovalKey { key: ApprovalKeyId(2), reason: reason() })),
        (ada, Body::Approve(Approve { proposal: ProposalId(2), admin: AdminId(1), key, signature })),
    ]
}

pub(in crate::tests) fn done() -> Vec<Done> {
    let approved = |execution| Done::Approved { proposal: ProposalId(300), approvals: 1, needed: 2, execution };
    vec![
        Done::Proposed { proposal: ProposalId(300), needed: 2, expires: Timestamp(300) },
        approved(Execution::Waits),
        approved(Execution::Done(Box::new(Done::SettingChanged { revision: 300 }))),
        approved(Execution::Refused(Box::new(Rejection::ReasonMissing))),
        Done::ProposalEnded,
        Done::ApprovalKeyEnrolled { key: ApprovalKeyId(300) },
        Done::ApprovalKeyConfirmed { in_force: true },
        Done::ApprovalKeyRevoked,
    ]
}

pub(in crate::tests) fn rejected() -> Vec<Rejection> {
    vec![
        Rejection::ApprovalNeeded { needed: 2, permission: Permission::ApproveMoney },
        Rejection::NothingToApprove,
        Rejection::ProposalUnknown { proposal: ProposalId(300) },
        Rejection::ProposalsFull,
        Rejection::NotAPerson,
        Rejection::OwnProposal,
        Rejection::NotOwnProposal,
        Rejection::ApprovedAlready,
        Rejection::ApprovalSignature,
        Rejection::ApprovalKeyUnknown { key: ApprovalKeyId(300) },
        Rejection::ApprovalKeyExists,
        Rejection::ApprovalKeysFull,
        Rejection::ApprovalKeyConfirmed,
        Rejection::OwnApprovalKey,
        Rejection::LastApprovalKeys,
    ]
}
