//! Approvals: what they do, the attacks that they withstand, and random lives of proposals.

mod attacks;
pub(super) mod generate;
pub(super) mod golden;
mod random;

use exchequer_domain::{AdminId, ClusterId, Timestamp};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::trading::{ALICE, BOB, BTC, ONE, balance, credit, exchange};
use super::world::{DAY, HOUR, World, between, set};
use crate::approvals::{
    ApprovalKeyId, Ending, ProposalId, ProposalOver, Signature, TTL_US_MAX, approval_bytes, confirmation_bytes,
    operation_hash, operation_of, over_key,
};
use crate::people::{AdminStatus, Permission, Role};
use crate::rows::{Family, Rows as _};
use crate::settings::Value;
use crate::{
    Actor, Approve, Body, Command, ConfirmApprovalKey, CreateAdmin, Done, EmergencyResume, EmergencyStop,
    EnrolApprovalKey, Execution, Field, Propose, RejectProposal, Rejection, RevokeApprovalKey, RevokeProposal, State,
    UpdateAdmin,
};

const CLUSTER: ClusterId = ClusterId([7; 16]);
/// Owner.
const ADA: AdminId = AdminId(1);
/// Security officer.
pub(super) const SAM: AdminId = AdminId(2);
/// Operations.
pub(super) const OPS: AdminId = AdminId(3);
/// Treasury operator.
pub(super) const TOM: AdminId = AdminId(4);
/// Treasury approver.
pub(super) const ANN: AdminId = AdminId(5);
/// Ada's second account, written otherwise.
const ADA2: AdminId = AdminId(6);

/// The key of an admin: as many keys as admins are enrolled, in their order.
fn pair(admin: AdminId) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[admin.0 as u8; 32]).unwrap()
}

fn public(admin: AdminId) -> [u8; 32] {
    pair(admin).public_key().as_ref().try_into().unwrap()
}

fn sign(admin: AdminId, bytes: &[u8]) -> Signature {
    Signature::new(pair(admin).sign(bytes).as_ref()).unwrap()
}

pub(super) fn send(world: &mut World, admin: AdminId, body: Body) -> Result<Done, Rejection> {
    let command = Command { actor: Actor::Admin(admin), ..world.command(body) };
    world.send(&command)
}

fn admin(name: &str, person: &str, role: Role) -> Body {
    Body::CreateAdmin(Box::new(CreateAdmin {
        name: name.into(),
        person: person.into(),
        roles: vec![role],
        ranges: vec![],
        password: vec![1; 8],
        must_change: false,
        totp: Some(vec![2; 8]),
        recovery: vec![],
        reason: "test".into(),
    }))
}

/// A market, users with money, and the people above.
fn people() -> World {
    people_with(Role::SecurityOfficer)
}

/// The same with another role of Sam's.
fn people_with(sam: Role) -> World {
    let mut world = exchange(2);
    credit(&mut world, ALICE, BTC, ONE);
    staff(&mut world, sam);
    world
}

/// The people above, each with a key that nobody has confirmed.
pub(super) fn staff(world: &mut World, sam: Role) {
    world.run(admin("ada", "Ada L.", Role::Owner)).unwrap();
    for (name, person, role) in [
        ("sam", "Sam O.", Role::SecurityOfficer),
        ("ops", "Olga", Role::Operations),
        ("tom", "Tom", Role::TreasuryOperator),
        ("ann", "Ann", Role::TreasuryApprover),
    ] {
        send(world, ADA, admin(name, person, role)).unwrap();
    }
    // A second account of hers, which only another owner can make.
    for (role, make) in [(Role::Owner, true), (sam, false)] {
        let (roles, status, ranges, reason) = (Some(vec![role]), None, None, "test".to_owned());
        send(world, ADA, Body::UpdateAdmin(UpdateAdmin { admin: SAM, roles, status, ranges, reason })).unwrap();
        if make {
            send(world, SAM, admin("ada2", "ADA L.", Role::Operations)).unwrap();
        }
    }
    for id in 1..=6 {
        let (public, label, reason) = (public(AdminId(id)), "test".to_owned(), "test".to_owned());
        let enrolled = send(world, AdminId(id), Body::EnrolApprovalKey(EnrolApprovalKey { public, label, reason }));
        assert_eq!(enrolled, Ok(Done::ApprovalKeyEnrolled { key: ApprovalKeyId(id) }));
    }
}

fn confirm(world: &mut World, by: AdminId, of: AdminId) -> Result<Done, Rejection> {
    let key = ApprovalKeyId(of.0);
    let signature = sign(by, &confirmation_bytes(CLUSTER, key, of, &public(of)));
    let (public, with, reason) = (public(of), ApprovalKeyId(by.0), "test".to_owned());
    send(world, by, Body::ConfirmApprovalKey(ConfirmApprovalKey { key, public, with, signature, reason }))
}

/// As before, with the two-person rule in force and everybody's key confirmed.
fn in_force() -> World {
    in_force_with(Role::SecurityOfficer)
}

fn in_force_with(sam: Role) -> World {
    let mut world = people_with(sam);
    enforce(&mut world);
    world
}

/// Puts the two-person rule in force, with everybody's key confirmed.
pub(super) fn enforce(world: &mut World) {
    confirm(world, ADA, SAM).unwrap();
    confirm(world, SAM, ADA).unwrap();
    for id in [OPS, TOM, ANN, ADA2] {
        confirm(world, SAM, id).unwrap();
    }
}

fn critical(value: i64) -> Body {
    set("autopilot.min_quorum", Value::Integer(value), None)
}

pub(super) fn propose(world: &mut World, by: AdminId, body: &Body) -> Result<ProposalId, Rejection> {
    let propose = Propose { operation: operation_of(body), ttl_us: None, reason: "please".into() };
    match send(world, by, Body::Propose(propose))? {
        Done::Proposed { proposal, .. } => Ok(proposal),
        other => panic!("{other:?}"),
    }
}

/// The signature of an admin for a proposal as it is.
fn signature(world: &World, by: AdminId, id: ProposalId) -> Signature {
    let proposal = world.state.approvals().get(id).unwrap();
    sign(by, &approval_bytes(CLUSTER, id, proposal.hash(), proposal.expires))
}

fn approve_with(world: &mut World, by: AdminId, proposal: ProposalId, signature: Signature) -> Result<Done, Rejection> {
    let key = ApprovalKeyId(by.0);
    send(world, by, Body::Approve(Approve { proposal, admin: by, key, signature }))
}

pub(super) fn approve(world: &mut World, by: AdminId, proposal: ProposalId) -> Result<Done, Rejection> {
    let signature = signature(world, by, proposal);
    approve_with(world, by, proposal, signature)
}

pub(super) fn executed(done: Result<Done, Rejection>) -> Done {
    match done {
        Ok(Done::Approved { execution: Execution::Done(done), .. }) => *done,
        other => panic!("{other:?}"),
    }
}

fn ending(world: &World, id: ProposalId) -> Ending {
    let row = world.rows.get(Family::History, &over_key(id)).unwrap().unwrap();
    ProposalOver::decode(&row).unwrap().ending
}

/// Goal: before two persons have confirmed keys a critical change passes, and the audit says that it was one person's; the
/// first two confirm each other's; from that entry on it needs the approval of another person, whoever asks. Method: the
/// same change along the way.
#[test]
fn the_first_two_put_the_rule_in_force() {
    let mut world = people();
    assert_eq!(send(&mut world, ADA, critical(5)), Ok(Done::SettingChanged { revision: 1 }));
    let detail = world.audit().last().unwrap().content.detail.clone();
    assert!(detail.ends_with("(by one person: the two-person rule is not in force)"), "{detail}");
    assert_eq!(confirm(&mut world, ADA, ADA), Err(Rejection::OwnApprovalKey));
    assert_eq!(confirm(&mut world, ADA2, ADA), Err(Rejection::OwnApprovalKey), "the same person");
    assert_eq!(confirm(&mut world, ADA, SAM), Ok(Done::ApprovalKeyConfirmed { in_force: false }));
    assert_eq!(send(&mut world, ADA, critical(6)), Ok(Done::SettingChanged { revision: 2 }));
    assert_eq!(confirm(&mut world, SAM, ADA), Ok(Done::ApprovalKeyConfirmed { in_force: true }));
    let permission = Permission::ApproveChange;
    for (admin, needed) in [(Some(ADA), 1), (Some(OPS), 1), (None, 2)] {
        let refused = match admin {
            Some(admin) => send(&mut world, admin, critical(7)),
            None => world.run(critical(7)),
        };
        assert_eq!(refused, Err(Rejection::ApprovalNeeded { needed, permission }));
    }
    assert_eq!(send(&mut world, ADA, set("autopilot.promote", Value::Bool(false), None)).map(|_| ()), Ok(()));
    assert_eq!(State::load(&world.rows).unwrap().approvals(), world.state.approvals());
    // Whoever is not confirmed confirms nobody any more, and whoever approves no changes never.
    assert_eq!(confirm(&mut world, TOM, OPS), Err(Rejection::NotPermitted { permission: Some(permission) }));
    assert_eq!(confirm(&mut world, OPS, TOM), Err(Rejection::ApprovalKeyUnknown { key: ApprovalKeyId(3) }));
}

/// Goal: two who confirm a third and each other at one moment leave one of the possible orders, on every node the same.
/// Method: all confirmations in one entry.
#[test]
fn confirmations_of_one_entry_have_an_order() {
    let mut world = people();
    let command = |world: &mut World, by: AdminId, of: AdminId| {
        let key = ApprovalKeyId(of.0);
        let signature = sign(by, &confirmation_bytes(CLUSTER, key, of, &public(of)));
        let (public, with, reason) = (public(of), ApprovalKeyId(by.0), "test".to_owned());
        let body = Body::ConfirmApprovalKey(ConfirmApprovalKey { key, public, with, signature, reason });
        Command { actor: Actor::Admin(by), ..world.command(body) }
    };
    let commands =
        [(ADA, SAM), (SAM, OPS), (ADA2, ANN), (ADA, SAM), (SAM, ADA)].map(|(by, of)| command(&mut world, by, of));
    let outcomes = world.entry(&commands);
    let key = ApprovalKeyId(6);
    let expected = [
        crate::Outcome::Done(Done::ApprovalKeyConfirmed { in_force: false }),
        crate::Outcome::Done(Done::ApprovalKeyConfirmed { in_force: true }),
        crate::Outcome::Rejected(Rejection::ApprovalKeyUnknown { key }),
        crate::Outcome::Rejected(Rejection::ApprovalKeyConfirmed),
        crate::Outcome::Done(Done::ApprovalKeyConfirmed { in_force: true }),
    ];
    assert_eq!(outcomes, expected);
}

/// Goal: the approval that is needed last carries the operation out in its own entry, with the initiator as actor and the
/// proposal on record, and the proposal is history. Method: a setting and a transfer of money, each by those who may.
#[test]
fn the_last_approval_carries_it_out() {
    let mut world = in_force();
    let id = propose(&mut world, OPS, &critical(5)).unwrap();
    assert_eq!(executed(approve(&mut world, SAM, id)), Done::SettingChanged { revision: 1 });
    let record = world.audit().pop().unwrap().content;
    assert_eq!((record.actor, record.detail.as_str()), (Actor::Admin(OPS), "3 -> 5 (proposal 1)"));
    assert_eq!((ending(&world, id), world.state.approvals().waiting()), (Ending::Executed, 0));
    let money = between(1, 2, 400, 77);
    let id = propose(&mut world, TOM, &money).unwrap();
    let permission = Some(Permission::ApproveMoney);
    assert_eq!(approve(&mut world, SAM, id), Err(Rejection::NotPermitted { permission }));
    assert!(matches!(executed(approve(&mut world, ANN, id)), Done::Transfer(_)));
    assert_eq!(balance(&world, BOB, BTC).0, 400);
    assert_eq!(
        approve_with(&mut world, ANN, id, Signature([0; 32], [0; 32])),
        Err(Rejection::ProposalUnknown { proposal: id })
    );
}

/// Goal: whoever shows the operator token proposes, but is no person: two others must approve.
#[test]
fn the_operator_token_needs_two_others() {
    let mut world = in_force();
    let operation = operation_of(&critical(5));
    let proposed = world.run(Body::Propose(Propose { operation, ttl_us: None, reason: "please".into() }));
    let expires = Timestamp(world.now.0 + DAY);
    assert_eq!(proposed, Ok(Done::Proposed { proposal: ProposalId(1), needed: 2, expires }));
    let waits = approve(&mut world, ADA, ProposalId(1));
    let proposal = ProposalId(1);
    assert_eq!(waits, Ok(Done::Approved { proposal, approvals: 1, needed: 2, execution: Execution::Waits }));
    assert_eq!(approve(&mut world, ADA2, proposal), Err(Rejection::ApprovedAlready), "the same person");
    executed(approve(&mut world, SAM, proposal));
    let body =
        Body::Approve(Approve { proposal, admin: ADA, key: ApprovalKeyId(1), signature: Signature([0; 32], [0; 32]) });
    assert_eq!(world.refused(body), Rejection::NotAPerson);
}

/// Goal: an approval that was good when it was given does not count any more when its key is revoked or its admin lost the
/// role; the proposal waits for another one, and a new key of the same person does. Method: proposals of the operator token,
/// which need two.
#[test]
fn approvals_count_as_things_stand() {
    let mut world = in_force();
    for number in 1..=2 {
        let operation = operation_of(&critical(number));
        world.run(Body::Propose(Propose { operation, ttl_us: None, reason: "please".into() })).unwrap();
    }
    let (first, second) = (ProposalId(1), ProposalId(2));
    for id in [first, second] {
        approve(&mut world, OPS, id).unwrap();
    }
    let revoke = RevokeApprovalKey { key: ApprovalKeyId(3), reason: "lost".into() };
    send(&mut world, OPS, Body::RevokeApprovalKey(revoke)).unwrap();
    let waits = |proposal| Ok(Done::Approved { proposal, approvals: 1, needed: 2, execution: Execution::Waits });
    assert_eq!(approve(&mut world, SAM, first), waits(first));
    let lost = ApprovalKeyId(3);
    assert_eq!(approve(&mut world, OPS, first), Err(Rejection::ApprovalKeyUnknown { key: lost }));
    let disable = UpdateAdmin {
        admin: SAM,
        roles: None,
        status: Some(AdminStatus::Disabled),
        ranges: None,
        reason: "left".into(),
    };
    assert!(send(&mut world, ADA, Body::UpdateAdmin(disable)).is_ok(), "taking access away needs one");
    assert_eq!(approve(&mut world, ADA, first), waits(first), "neither of the two before counts");
}

/// Goal: a proposal of an initiator who may not do it any more is refused when it would be carried out, changes nothing and
/// is over; so is one that does not fit any more.
#[test]
fn everything_is_checked_again() {
    let mut world = in_force();
    let late = propose(&mut world, OPS, &critical(5)).unwrap();
    let stale = propose(&mut world, ADA, &set("autopilot.min_quorum", Value::Integer(6), Some(0))).unwrap();
    let then = propose(&mut world, ADA, &critical(4)).unwrap();
    executed(approve(&mut world, SAM, then));
    let refused = |done: Result<Done, Rejection>| match done {
        Ok(Done::Approved { execution: Execution::Refused(why), .. }) => *why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(approve(&mut world, SAM, stale)), Rejection::StaleRevision { present: 1 });
    let disable = UpdateAdmin {
        admin: OPS,
        roles: None,
        status: Some(AdminStatus::Disabled),
        ranges: None,
        reason: "left".into(),
    };
    send(&mut world, ADA, Body::UpdateAdmin(disable)).unwrap();
    assert_eq!(refused(approve(&mut world, SAM, late)), Rejection::NotPermitted { permission: None });
    assert!(matches!(ending(&world, late), Ending::RefusedAtExecution { .. }));
    assert_eq!(world.state.settings().revision(), 1);
    assert_eq!(world.state.approvals().waiting(), 0);
}

/// Goal: a proposal ends by its time, by one rejection with a reason, or by its initiator, and then nothing approves it.
#[test]
fn proposals_end_once() {
    let mut world = in_force();
    let ids = [1, 2, 4].map(|value| propose(&mut world, OPS, &critical(value)).unwrap());
    let [expired, rejected, revoked] = ids;
    let signatures = ids.map(|id| signature(&world, SAM, id));
    let reason = || "no".to_owned();
    let reject = |proposal| Body::RejectProposal(RejectProposal { proposal, reason: reason() });
    let permission = Some(Permission::ApproveChange);
    assert_eq!(send(&mut world, TOM, reject(rejected)), Err(Rejection::NotPermitted { permission }));
    assert_eq!(send(&mut world, ADA, reject(rejected)), Ok(Done::ProposalEnded));
    let revoke = |proposal| Body::RevokeProposal(RevokeProposal { proposal, reason: reason() });
    assert_eq!(send(&mut world, ADA, revoke(revoked)), Err(Rejection::NotOwnProposal));
    assert_eq!(send(&mut world, OPS, revoke(revoked)), Ok(Done::ProposalEnded));
    assert_eq!(world.state.next_due(), Some(Timestamp(world.state.approvals().get(expired).unwrap().created.0 + DAY)));
    world.now = Timestamp(world.now.0 + DAY);
    world.apply(crate::Input::Noop).unwrap();
    for (id, signature) in ids.into_iter().zip(signatures) {
        let unknown = Rejection::ProposalUnknown { proposal: id };
        assert_eq!(approve_with(&mut world, SAM, id, signature), Err(unknown));
    }
    assert_eq!(ending(&world, expired), Ending::Expired);
    assert_eq!(ending(&world, rejected), Ending::Rejected { by: Actor::Admin(ADA), reason: reason() });
    assert_eq!(ending(&world, revoked), Ending::Revoked { reason: reason() });
    assert_eq!(State::load(&world.rows).unwrap().approvals(), world.state.approvals());
}

/// Goal: only what needs approval can be proposed, by whom may ask for it, for a time that makes sense, and the keys of the
/// last two persons stay.
#[test]
fn refuses_what_does_not_fit() {
    let mut world = in_force();
    let ordinary = set("autopilot.promote", Value::Bool(true), None);
    assert_eq!(propose(&mut world, ADA, &ordinary), Err(Rejection::NothingToApprove));
    let permission = Some(Permission::MoneyMove);
    assert_eq!(propose(&mut world, OPS, &between(1, 2, 1, 9)), Err(Rejection::NotPermitted { permission }));
    for ttl_us in [0, TTL_US_MAX + 1] {
        let propose = Propose { operation: operation_of(&critical(5)), ttl_us: Some(ttl_us), reason: "x".into() };
        let invalid = Rejection::Invalid { field: Field::ProposalTtl };
        assert_eq!(send(&mut world, ADA, Body::Propose(propose)), Err(invalid));
    }
    let rubbish = Propose { operation: vec![0xff; 9], ttl_us: None, reason: "x".into() };
    assert_eq!(send(&mut world, ADA, Body::Propose(rubbish)), Err(Rejection::BadRequest));
    let revoke = |id| Body::RevokeApprovalKey(RevokeApprovalKey { key: ApprovalKeyId(id), reason: "test".into() });
    for id in [3, 6] {
        send(&mut world, ADA, revoke(id)).unwrap();
    }
    assert_eq!(send(&mut world, ADA, revoke(1)), Err(Rejection::LastApprovalKeys));
    for id in [4, 5] {
        assert_eq!(send(&mut world, ADA, revoke(id)), Ok(Done::ApprovalKeyRevoked), "they approve no changes");
    }
    assert_eq!(send(&mut world, ADA, revoke(3)), Err(Rejection::ApprovalKeyUnknown { key: ApprovalKeyId(3) }));
}

/// Goal: one officer stops the exchange; to go on takes two, also while it is stopped.
#[test]
fn one_stops_and_two_resume() {
    let mut world = in_force();
    send(&mut world, OPS, Body::EmergencyStop(EmergencyStop { reason: "odd".into() })).unwrap();
    let resume = Body::EmergencyResume(EmergencyResume { reason: "fine".into() });
    let permission = Permission::EmergencyResume;
    assert_eq!(send(&mut world, OPS, resume.clone()), Err(Rejection::ApprovalNeeded { needed: 1, permission }));
    let critical = propose(&mut world, ADA, &critical(5)).unwrap();
    let since = world.state.emergency().unwrap().since;
    let done = approve(&mut world, SAM, critical);
    let Ok(Done::Approved { execution: Execution::Refused(why), .. }) = done else { panic!("{done:?}") };
    assert_eq!(*why, Rejection::EmergencyHolds { since }, "approval does not lift the emergency");
    let id = propose(&mut world, OPS, &resume).unwrap();
    world.now = Timestamp(world.now.0 + HOUR);
    assert_eq!(executed(approve(&mut world, SAM, id)), Done::EmergencyResumed { markets: 1 });
    assert_eq!(world.state.emergency(), None);
}
