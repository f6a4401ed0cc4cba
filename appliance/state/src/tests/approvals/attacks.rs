//! The attacks that approvals withstand, and what is asked again when an operation is carried out.

use super::*;
use crate::directives::{DirectiveAction, Priority, Refusal, Target};
use crate::settings::Value;
use crate::{CredentialChange, NewDirective, ReleaseDirectives, SendDirectives, SetCredentials};

fn refused(done: Result<Done, Rejection>) -> Rejection {
    match done {
        Ok(Done::Approved { execution: Execution::Refused(why), .. }) => *why,
        other => panic!("{other:?}"),
    }
}

fn update(admin: AdminId, roles: Option<Role>, status: Option<AdminStatus>) -> Body {
    let roles = roles.map(|role| vec![role]);
    Body::UpdateAdmin(UpdateAdmin { admin, roles, status, ranges: None, reason: "test".into() })
}

/// What the operator token proposes, which needs two others.
fn propose_by_token(world: &mut World, body: &Body) -> ProposalId {
    match world.run(Body::Propose(Propose { operation: operation_of(body), ttl_us: None, reason: "please".into() })) {
        Ok(Done::Proposed { proposal, .. }) => proposal,
        other => panic!("{other:?}"),
    }
}

/// Goal: the attacks on approvals are refused, and none of them leaves anything behind. Method: each by example, against
/// one proposal that can be approved in the end.
#[test]
fn attacks_are_refused() {
    let mut world = in_force();
    let id = propose(&mut world, OPS, &critical(5)).unwrap();
    let other = propose(&mut world, OPS, &critical(9)).unwrap();
    let proposal = world.state.approvals().get(id).unwrap().clone();
    let forged = |bytes: Vec<u8>| sign(SAM, &bytes);
    let changed = operation_hash(&operation_of(&critical(9)));
    let (hash, expires) = (proposal.hash(), proposal.expires);
    for (attack, signature) in [
        ("an approval of another proposal", signature(&world, SAM, other)),
        ("one of another cluster", forged(approval_bytes(ClusterId([8; 16]), id, hash, expires))),
        ("one of another operation", forged(approval_bytes(CLUSTER, id, changed, expires))),
        ("one that lasts longer", forged(approval_bytes(CLUSTER, id, hash, Timestamp(expires.0 + 1)))),
        ("a confirmation of a key", forged(confirmation_bytes(CLUSTER, ApprovalKeyId(1), ADA, &public(ADA)))),
        ("somebody else's signature", signature(&world, ADA, id)),
        ("nothing", Signature([0; 32], [0; 32])),
    ] {
        assert_eq!(approve_with(&mut world, SAM, id, signature), Err(Rejection::ApprovalSignature), "{attack}");
    }
    let signature = signature(&world, SAM, id);
    let foreign = Approve { proposal: id, admin: SAM, key: ApprovalKeyId(2), signature };
    assert_eq!(send(&mut world, ADA, Body::Approve(foreign.clone())), Err(Rejection::NotAPerson), "as somebody else");
    let own = Approve { admin: ADA, ..foreign };
    let key = ApprovalKeyId(2);
    assert_eq!(send(&mut world, ADA, Body::Approve(own)), Err(Rejection::ApprovalKeyUnknown { key }), "another's key");
    assert_eq!(approve(&mut world, OPS, id), Err(Rejection::OwnProposal));
    let own = propose(&mut world, ADA, &critical(6)).unwrap();
    assert_eq!(approve(&mut world, ADA2, own), Err(Rejection::OwnProposal), "by a second account");
    let by_second = propose(&mut world, ADA2, &critical(6)).unwrap();
    assert_eq!(approve(&mut world, ADA, by_second), Err(Rejection::OwnProposal), "by the first account");
    let records = world.state.approvals().get(id).unwrap().approvals.len();
    assert_eq!(records, 0);
    executed(approve_with(&mut world, SAM, id, signature));
    assert_eq!(approve_with(&mut world, SAM, id, signature), Err(Rejection::ProposalUnknown { proposal: id }), "again");
    let enrol = EnrolApprovalKey { public: public(SAM), label: String::new(), reason: "test".into() };
    assert_eq!(send(&mut world, ADA, Body::EnrolApprovalKey(enrol)), Err(Rejection::ApprovalKeyExists));
}

/// Goal: an admin who is suspended between their approval and the execution has approved nothing, nor has one who lost the
/// role; a suspended initiator's operation is refused. Method: proposals that need two, of which the first is lost before the
/// second comes; the same proposal passes once another person approves it.
#[test]
fn who_was_suspended_has_approved_nothing() {
    let mut world = in_force();
    let (suspended, demoted) = (propose_by_token(&mut world, &critical(4)), propose_by_token(&mut world, &critical(5)));
    for id in [suspended, demoted] {
        approve(&mut world, OPS, id).unwrap();
    }
    let late = propose(&mut world, OPS, &critical(6)).unwrap();
    let waits = |proposal| Ok(Done::Approved { proposal, approvals: 1, needed: 2, execution: Execution::Waits });
    send(&mut world, ADA, update(OPS, None, Some(AdminStatus::Disabled))).unwrap();
    assert_eq!(approve(&mut world, SAM, suspended), waits(suspended));
    assert_eq!(refused(approve(&mut world, SAM, late)), Rejection::NotPermitted { permission: None });
    executed(approve(&mut world, ADA, suspended));

    let back = propose(&mut world, ADA, &update(OPS, Some(Role::Auditor), Some(AdminStatus::Active))).unwrap();
    executed(approve(&mut world, SAM, back));
    assert_eq!(approve(&mut world, SAM, demoted), waits(demoted), "an auditor approves nothing");
    executed(approve(&mut world, ADA, demoted));
    assert_eq!(world.state.settings().revision(), 2);
}

/// Goal: an initiator who lost the role meanwhile has their operation refused when it would be carried out.
#[test]
fn who_lost_the_role_carries_nothing_out() {
    let mut world = in_force();
    let late = propose(&mut world, OPS, &critical(5)).unwrap();
    let demote = propose(&mut world, ADA, &update(OPS, Some(Role::Auditor), None)).unwrap();
    executed(approve(&mut world, SAM, demote));
    let permission = Some(Permission::ConfigurationChange);
    assert_eq!(refused(approve(&mut world, SAM, late)), Rejection::NotPermitted { permission });
    assert_eq!(world.state.settings().revision(), 0);
}

/// Goal: what widens somebody's power needs another person, and the person whom it is about is none: not by the account that
/// it is about, nor by another of theirs. Taking access away needs nobody. Method: each kind of grant, refused alone; then a
/// proposal about a person, approved by each account of theirs, and by somebody else.
#[test]
fn nobody_consents_to_their_own_power() {
    let mut world = in_force_with(Role::Owner);
    let needed = Rejection::ApprovalNeeded { needed: 1, permission: Permission::ApproveChange };
    let change = CredentialChange::Reset { password: vec![1; 8] };
    let reason = || "test".to_owned();
    let reset = SetCredentials {
        of: crate::people::Principal::Admin(ADA2),
        revision: 1,
        change,
        session: None,
        reason: reason(),
    };
    for body in [
        admin("eve", "Eve", Role::Auditor),
        update(ADA2, Some(Role::Owner), None),
        update(ADA2, None, Some(AdminStatus::Active)),
        Body::SetCredentials(Box::new(reset)),
    ] {
        assert_eq!(send(&mut world, SAM, body.clone()), Err(needed.clone()), "{}", body.name());
        let id = propose(&mut world, SAM, &body).unwrap();
        for by in [ADA, ADA2].into_iter().filter(|_| !matches!(body, Body::CreateAdmin(_))) {
            assert_eq!(approve(&mut world, by, id), Err(Rejection::OwnProposal), "{} by {by}", body.name());
        }
        executed(approve(&mut world, OPS, id));
    }
    assert!(send(&mut world, SAM, update(ADA2, None, Some(AdminStatus::Disabled))).is_ok());
    let second = admin("sam2", "SAM O.", Role::Owner);
    let id = propose(&mut world, SAM, &second).unwrap();
    assert_eq!(refused(approve(&mut world, ADA, id)), Rejection::OwnRoles, "a second account of one's own");
}

/// Goal: the guard of settings decides what needs a second person, everywhere: critical settings, guarded ones that move far,
/// both also where a value is taken away or brought back, and in one place. Method: each alone, on both sides of the guard.
#[test]
fn settings_are_guarded_in_every_form() {
    let mut world = in_force();
    let needed = Err(Rejection::ApprovalNeeded { needed: 1, permission: Permission::ApproveChange });
    let far = || set("limit.orders_day", Value::Integer(400_000), None);
    let scoped = |seconds| {
        let value = Value::DurationUs(seconds * crate::tests::world::SECOND);
        set("threshold.queue_age@kind:selftest", value, None)
    };
    let unset = |key| crate::tests::world::unset(key, None);
    assert_eq!(send(&mut world, OPS, far()), needed);
    assert_eq!(send(&mut world, OPS, scoped(91)), needed);
    assert!(
        send(&mut world, OPS, scoped(90)).is_ok()
            && send(&mut world, OPS, unset("threshold.queue_age@kind:selftest")).is_ok()
    );
    for body in [far(), critical(5), scoped(300)] {
        let id = propose(&mut world, OPS, &body).unwrap();
        executed(approve(&mut world, SAM, id));
    }
    world.now = Timestamp(world.now.0 + 2 * DAY);
    for key in ["limit.orders_day", "autopilot.min_quorum", "threshold.queue_age@kind:selftest"] {
        assert_eq!(send(&mut world, OPS, unset(key)), needed, "{key}");
    }
    let revert = crate::RevertSettings { to_revision: 2, if_revision: None, reason: "test".into() };
    assert_eq!(send(&mut world, OPS, Body::RevertSettings(revert.clone())), needed);
    let id = propose(&mut world, OPS, &Body::RevertSettings(revert)).unwrap();
    executed(approve(&mut world, SAM, id));
}

/// Goal: a directive that waits for consent is released by another person than who sent it, and once the rule is in force by
/// two. Method: the same directive before and after.
#[test]
fn directives_are_released_by_others() {
    let mut world = people();
    let directive = |key: &str| NewDirective {
        key: Some(key.into()),
        priority: Priority::Normal,
        target: Target::System,
        action: DirectiveAction::Stop,
        not_before: None,
        deadline: None,
        max_attempts: 1,
        needs_approval: true,
    };
    let sent = SendDirectives { directives: vec![directive("a"), directive("b")], reason: "test".into() };
    send(&mut world, OPS, Body::SendDirectives(sent)).unwrap();
    let release = |id| {
        let directives = vec![crate::directives::DirectiveId(id)];
        Body::ReleaseDirectives(ReleaseDirectives { directives, reason: "test".into() })
    };
    let own = Refusal::Own { directive: crate::directives::DirectiveId(1) };
    assert_eq!(send(&mut world, OPS, release(1)), Ok(Done::Directives(vec![Err(own)])));
    assert_eq!(send(&mut world, ADA, release(1)), Ok(Done::Directives(vec![Ok(())])));
    confirm(&mut world, ADA, SAM).unwrap();
    confirm(&mut world, SAM, ADA).unwrap();
    let permission = Permission::ApproveChange;
    assert_eq!(send(&mut world, ADA, release(2)), Err(Rejection::ApprovalNeeded { needed: 1, permission }));
    let id = propose(&mut world, OPS, &release(2)).unwrap();
    assert_eq!(executed(approve(&mut world, SAM, id)), Done::Directives(vec![Ok(())]));
}

/// Goal: what was sealed in an operation is in no row any more once its proposal is over, and its hash stays.
#[test]
fn sealed_texts_do_not_stay() {
    let mut world = in_force();
    let body = crate::tests::world::secret("node-key", b"a sealed text of some length");
    let id = propose(&mut world, ADA, &body).unwrap();
    let found = |world: &World| {
        let text = b"a sealed text of some length";
        world.rows.iter().filter(|(_, _, row)| row.windows(text.len()).any(|at| at == text)).count()
    };
    assert_eq!(found(&world), 1);
    let reject = RejectProposal { proposal: id, reason: "no".into() };
    send(&mut world, SAM, Body::RejectProposal(reject)).unwrap();
    assert_eq!(found(&world), 0);
    let over = ProposalOver::decode(&world.rows.get(Family::History, &over_key(id)).unwrap().unwrap()).unwrap();
    assert_eq!((over.hash, over.proposal.operation), (operation_hash(&operation_of(&body)), vec![]));
}
