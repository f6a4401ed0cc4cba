//! Random commands of approvals for the random logs: with three admins and their keys at the beginning of half of them, so
//! that the two-person rule is in force there.

use exchequer_domain::AdminId;
use proptest::option;
use proptest::prelude::*;

use super::super::generate::reason;
use super::super::world::{HOUR, id, set};
use super::*;

/// What puts the rule in force, where nothing came before it.
pub(in crate::tests) fn founding() -> Vec<Command> {
    let mut commands = vec![(Actor::Operator, admin("ada", "Ada L.", Role::Owner))];
    commands.push((Actor::Admin(ADA), admin("sam", "Sam O.", Role::SecurityOfficer)));
    commands.push((Actor::Admin(ADA), admin("ops", "Olga", Role::Operations)));
    for of in [ADA, SAM, OPS] {
        let (public, label, reason) = (public(of), "test".to_owned(), "test".to_owned());
        commands.push((Actor::Admin(of), Body::EnrolApprovalKey(EnrolApprovalKey { public, label, reason })));
    }
    for (by, of) in [(ADA, SAM), (SAM, ADA), (SAM, OPS)] {
        commands.push((Actor::Admin(by), confirmation(by, of)));
    }
    let numbered = (700..).zip(commands);
    numbered.map(|(number, (actor, body))| Command { id: id(number), actor, epoch: None, body }).collect()
}

fn confirmation(by: AdminId, of: AdminId) -> Body {
    let (key, public, with) = (ApprovalKeyId(of.0), public(of), ApprovalKeyId(by.0));
    let signature = sign(by, &confirmation_bytes(CLUSTER, key, of, &public));
    Body::ConfirmApprovalKey(ConfirmApprovalKey { key, public, with, signature, reason: "test".into() })
}

fn who() -> impl Strategy<Value = AdminId> {
    (1_u32..5).prop_map(AdminId)
}

fn proposal() -> impl Strategy<Value = ProposalId> {
    (1_u64..6).prop_map(ProposalId)
}

fn operation() -> impl Strategy<Value = Body> {
    prop_oneof![
        4 => (1_i64..10).prop_map(critical),
        2 => any::<bool>().prop_map(|on| set("autopilot.promote", Value::Bool(on), None)),
        2 => reason().prop_map(|reason| Body::EmergencyResume(EmergencyResume { reason })),
        1 => Just(admin("eve", "Eve", Role::Auditor)),
        2 => (1_u128..3).prop_map(|amount| between(1, 2, amount, 77)),
    ]
}

/// One command, by whoever.
pub(in crate::tests) fn command() -> impl Strategy<Value = Command> {
    let ttl = option::of(prop_oneof![Just(0), Just(HOUR), Just(30 * HOUR)]);
    let body = prop_oneof![
        8 => (operation(), ttl, reason()).prop_map(|(body, ttl_us, reason)| {
            Body::Propose(Propose { operation: operation_of(&body), ttl_us, reason })
        }),
        // Where the rule is in force these are refused.
        4 => operation(),
        // The moment of the proposal's end is part of what is signed, so none of these fits.
        2 => (proposal(), who()).prop_map(|(proposal, admin)| {
            let (key, signature) = (ApprovalKeyId(admin.0), sign(admin, b"something else"));
            Body::Approve(Approve { proposal, admin, key, signature })
        }),
        2 => (proposal(), reason()).prop_map(|(proposal, reason)| Body::RejectProposal(RejectProposal { proposal, reason })),
        2 => (proposal(), reason()).prop_map(|(proposal, reason)| Body::RevokeProposal(RevokeProposal { proposal, reason })),
        1 => (who(), reason()).prop_map(|(of, reason)| {
            Body::EnrolApprovalKey(EnrolApprovalKey { public: public(of), label: String::new(), reason })
        }),
        1 => (who(), who()).prop_map(|(by, of)| confirmation(by, of)),
        1 => (1_u32..5, reason())
            .prop_map(|(key, reason)| Body::RevokeApprovalKey(RevokeApprovalKey { key: ApprovalKeyId(key), reason })),
    ];
    let actor = prop_oneof![1 => Just(Actor::Operator), 4 => who().prop_map(Actor::Admin)];
    (1_600_u64..1_900, actor, body.boxed()).prop_map(|(number, actor, body)| Command {
        id: id(number),
        actor,
        epoch: None,
        body,
    })
}
