//! Approvals of withdrawals: who counts, what a signature binds, and what time does. Failure mode 27, spec 2.14 (c).

use exchequer_domain::{AdminId, ClusterId};
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::super::world::{DAY, HOUR, SECOND};
use super::*;
use crate::approvals::{ApprovalKeyId, Signature, confirmation_bytes};
use crate::people::{AdminStatus, Role};
use crate::planted::Bug;
use crate::withdrawals::{Group, Need, Verdict, WithdrawalPolicy, consent_bytes, payment_hash};
use crate::{ApproveWithdrawal, ConfirmApprovalKey, CreateAdmin, EnrolApprovalKey, RevokeApprovalKey, UpdateAdmin};

const CLUSTER: ClusterId = ClusterId([7; 16]);
const OWNER: u32 = 1;
pub(super) const OFFICER: u32 = 2;
/// Treasury approvers; the last is a second account of the first one's person.
const APPROVERS: [u32; 6] = [3, 4, 5, 6, 7, 8];

fn pair(admin: u32) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[admin as u8; 32]).unwrap()
}

fn public(admin: u32) -> [u8; 32] {
    pair(admin).public_key().as_ref().try_into().unwrap()
}

fn sign(admin: u32, bytes: &[u8]) -> Signature {
    Signature::new(pair(admin).sign(bytes).as_ref()).unwrap()
}

pub(super) fn send_as(world: &mut World, admin: u32, body: Body) -> Result<Done, Rejection> {
    let command = Command { actor: Actor::Admin(AdminId(admin)), ..world.command(body) };
    world.send(&command)
}

/// A bank with an owner, a security officer and treasury approvers, whose keys are confirmed.
fn treasury() -> World {
    treasury_of(bank(2))
}

/// The same people for a bank of another kind.
pub(super) fn treasury_of(mut world: World) -> World {
    for id in 1..=8 {
        let role = match id {
            OWNER => Role::Owner,
            OFFICER => Role::SecurityOfficer,
            _ => Role::TreasuryApprover,
        };
        let person = if id == APPROVERS[5] { "PERSON 3".to_owned() } else { format!("person {id}") };
        let create = CreateAdmin {
            name: format!("admin{id}"),
            person,
            roles: vec![role],
            ranges: vec![],
            password: vec![1; 8],
            must_change: false,
            totp: Some(vec![2; 8]),
            recovery: vec![],
            reason: "test".into(),
        };
        let create = Body::CreateAdmin(Box::new(create));
        match id {
            OWNER => world.run(create).unwrap(),
            _ => send_as(&mut world, OWNER, create).unwrap(),
        };
        let (public, label, reason) = (public(id), "test".to_owned(), "test".to_owned());
        send_as(&mut world, id, Body::EnrolApprovalKey(EnrolApprovalKey { public, label, reason })).unwrap();
    }
    let confirm = |world: &mut World, by: u32, of: u32| {
        let (key, public) = (ApprovalKeyId(of), public(of));
        let signature = sign(by, &confirmation_bytes(CLUSTER, key, AdminId(of), &public));
        let (with, reason) = (ApprovalKeyId(by), "test".to_owned());
        let body = Body::ConfirmApprovalKey(ConfirmApprovalKey { key, public, with, signature, reason });
        send_as(world, by, body).unwrap();
    };
    confirm(&mut world, OWNER, OFFICER);
    for of in [OWNER].into_iter().chain(APPROVERS) {
        confirm(&mut world, OFFICER, of);
    }
    world
}

fn consent(world: &World, admin: u32, id: WithdrawalId) -> Signature {
    let one = withdrawal(world, id);
    sign(admin, &consent_bytes(CLUSTER, id, one.hash, one.approval_until))
}

fn approve_with(world: &mut World, admin: u32, id: WithdrawalId, signature: Signature) -> Result<Stage, Rejection> {
    let (key, of) = (ApprovalKeyId(admin), AdminId(admin));
    let approve = ApproveWithdrawal { withdrawal: id, admin: of, key, signature };
    match send_as(world, admin, Body::ApproveWithdrawal(approve))? {
        Done::WithdrawalMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

pub(super) fn approve(world: &mut World, admin: u32, id: WithdrawalId) -> Result<Stage, Rejection> {
    let signature = consent(world, admin, id);
    approve_with(world, admin, id, signature)
}

fn big(world: &mut World, name: &str, dollars: u128) -> WithdrawalId {
    let (id, stage) = request(world, order(ALICE, name, dollars * DOLLAR)).unwrap();
    assert_eq!(stage, Stage::AwaitingApproval);
    id
}

/// Goal: a signature counts for one payment of one withdrawal until one moment, of one person's own confirmed key. Method: every
/// other signature in turn; then replays.
#[test]
fn signatures_bind_the_payment() {
    let mut world = treasury();
    let id = big(&mut world, "a", 20_000);
    let twin = big(&mut world, "b", 20_000);
    let one = withdrawal(&world, id);
    let until = one.approval_until;
    let hash = |change: fn(&mut Order)| {
        let mut order = one.order.clone();
        change(&mut order);
        payment_hash(&order, one.on_chain, one.fee_cap)
    };
    let by_3 = |withdrawal, hash, until| sign(3, &consent_bytes(CLUSTER, withdrawal, hash, until));
    let hashes = [
        hash(|order| order.asset = BTC),
        hash(|order| order.network = Network::Tron),
        hash(|order| order.to = address("0xdef")),
        hash(|order| order.memo = Some("7".into())),
        payment_hash(&one.order, one.on_chain + 1, one.fee_cap),
        payment_hash(&one.order, one.on_chain, one.fee_cap + 1),
    ];
    let mut forged: Vec<Signature> = hashes.into_iter().map(|hash| by_3(id, hash, until)).collect();
    forged.push(consent(&world, 3, twin));
    forged.push(consent(&world, 4, id));
    forged.push(by_3(id, one.hash, Timestamp(until.0 + 1)));
    forged.push(sign(3, &consent_bytes(ClusterId([8; 16]), id, one.hash, until)));
    for (number, signature) in forged.into_iter().enumerate() {
        assert_eq!(approve_with(&mut world, 3, id, signature), Err(Rejection::ApprovalSignature), "{number}");
    }
    let right = consent(&world, 3, id);
    assert_eq!(approve_with(&mut world, 3, id, right), Ok(Stage::Queued));
    assert_eq!(refusal(approve_with(&mut world, 3, id, right)), Refusal::Moved { stage: Stage::Queued });
    assert_eq!(approve_with(&mut world, 3, twin, right), Err(Rejection::ApprovalSignature));
    let records = withdrawal(&world, id);
    assert_eq!((records.consents.len(), records.approval_until), (1, until), "a signer can see it for itself");
}

/// Goal: persons count, not accounts, and only with keys and offices that hold; an approval that does not count any more makes
/// room. Method: two of five, with a second account, an owner, a revoked key and a disabled admin.
#[test]
fn persons_count() {
    let mut world = treasury();
    let id = big(&mut world, "a", 200_000);
    assert!(matches!(approve(&mut world, OWNER, id), Err(Rejection::NotPermitted { .. })));
    assert_eq!(approve(&mut world, 3, id), Ok(Stage::AwaitingApproval));
    assert_eq!(approve(&mut world, 3, id), Err(Rejection::ApprovedAlready));
    assert_eq!(approve(&mut world, APPROVERS[5], id), Err(Rejection::ApprovedAlready), "the same person");
    let as_another = ApproveWithdrawal {
        withdrawal: id,
        admin: AdminId(4),
        key: ApprovalKeyId(4),
        signature: consent(&world, 4, id),
    };
    assert_eq!(send_as(&mut world, 5, Body::ApproveWithdrawal(as_another)), Err(Rejection::NotAPerson));
    let revoke = RevokeApprovalKey { key: ApprovalKeyId(3), reason: "lost".into() };
    send_as(&mut world, OFFICER, Body::RevokeApprovalKey(revoke)).unwrap();
    assert_eq!(approve(&mut world, 4, id), Ok(Stage::AwaitingApproval), "the first does not count any more");
    let disable = UpdateAdmin {
        admin: AdminId(4),
        roles: None,
        status: Some(AdminStatus::Disabled),
        ranges: None,
        reason: "left".into(),
    };
    send_as(&mut world, OWNER, Body::UpdateAdmin(disable)).unwrap();
    assert_eq!(approve(&mut world, 5, id), Ok(Stage::AwaitingApproval), "nor does the second");
    assert_eq!(approve(&mut world, 6, id), Ok(Stage::Queued));
    assert_eq!(withdrawal(&world, id).consents.len(), 2);
}

/// Goal: whoever asked for a withdrawal in a customer's name never approves it, under whichever account. Method: a withdrawal
/// that an approver's own account asked for, as a former role let it.
#[test]
fn initiators_do_not_approve() {
    let mut world = treasury();
    let id = big(&mut world, "a", 20_000);
    // As if it had been asked for by the person of the third admin.
    let mut one = withdrawal(&world, id);
    one.initiator = Actor::Admin(AdminId(3));
    world.rows.put(Family::Working, Table::Withdrawal.key(&id.0.to_be_bytes()), codec::encode(&one));
    world.state = State::load(&world.rows).unwrap();
    for own in [3, APPROVERS[5]] {
        assert_eq!(refusal(approve(&mut world, own, id)), Refusal::OwnWithdrawal);
    }
    assert_eq!(approve(&mut world, 4, id), Ok(Stage::Queued));
}

/// Goal: what nobody approves ends after a day with its money free; what needs a delay waits for it after the last approval; one
/// person's no is enough. Method: the moments around both ends.
#[test]
fn time_and_refusal() {
    let mut world = treasury();
    let id = big(&mut world, "a", 20_000);
    let later_id = big(&mut world, "b", 20_000);
    world.now = Timestamp(world.now.0 + DAY - 1_000);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(stage(&world, id), Stage::AwaitingApproval);
    let reject = WithdrawalStep::Reject { reason: "the address is on a list".into() };
    let rejected = step_withdrawal(&mut world, Actor::Admin(AdminId(4)), later_id, reject);
    assert_eq!(rejected, Ok(Stage::Rejected));
    later(&mut world, 1_000);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(stage(&world, id), Stage::Expired);
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 0));
    price(&mut world);
    // Nobody can say what it is worth: three persons and an hour.
    later(&mut world, 700 * SECOND);
    let (id, _) = request(&mut world, order(ALICE, "c", 5 * DOLLAR)).unwrap();
    for admin in [3, 4, 5] {
        approve(&mut world, admin, id).unwrap();
    }
    assert_eq!(stage(&world, id), Stage::Approved);
    later(&mut world, HOUR - 1);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(stage(&world, id), Stage::Approved);
    later(&mut world, 1);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!(stage(&world, id), Stage::Queued);
}

/// Goal: approvals hold from the last moment at which they can be given, through the delay, for a day; what is not decided an hour
/// before that is put before the same people again, with signatures of its own, and is paid then; nobody is put before people whom
/// the policy lets pass. Method: one with an hour's delay is approved at the last moment and waits in the queue, then behind a
/// frozen user; another needs nobody.
#[test]
fn old_approvals_are_asked_for_again() {
    let mut world = treasury();
    let (free, stood) = request(&mut world, order(ALICE, "free", 5 * DOLLAR)).unwrap();
    assert_eq!(stood, Stage::Queued);
    later(&mut world, 700 * SECOND);
    let (id, _) = request(&mut world, order(ALICE, "a", 5 * DOLLAR)).unwrap();
    later(&mut world, DAY - 1_000);
    for admin in [3, 4, 5] {
        approve(&mut world, admin, id).unwrap();
    }
    let first = consent(&world, 3, id);
    let holds_until = withdrawal(&world, id).approval_until;
    assert_eq!(holds_until.0 - world.now.0, 1_000 + HOUR + DAY, "through the delay and a day");
    let to = |world: &mut World, at: Timestamp| {
        world.now = at;
        world.apply(crate::Input::Noop).unwrap();
    };
    let again = Timestamp(holds_until.0 - HOUR);
    to(&mut world, Timestamp(again.0 - 1));
    assert_eq!(stage(&world, id), Stage::Queued);
    to(&mut world, again);
    assert_eq!((stage(&world, id), stage(&world, free)), (Stage::AwaitingApproval, Stage::Queued));
    let one = withdrawal(&world, id);
    assert!(one.consents.is_empty() && one.approval_until > holds_until, "{one:?}");
    assert_eq!(approve_with(&mut world, 3, id, first), Err(Rejection::ApprovalSignature));
    for admin in [3, 4, 5] {
        approve(&mut world, admin, id).unwrap();
    }
    // Held back for weeks: nobody's approval lasts for that.
    let stand = |status| crate::UpdateUser {
        user: ALICE,
        kyc_level: None,
        fee_tier: None,
        status: Some(status),
        label: None,
        reason: "test".into(),
    };
    world.run(Body::UpdateUser(stand(crate::users::UserStatus::Frozen))).unwrap();
    let held_until = withdrawal(&world, id).approval_until;
    let delay_over = Timestamp(world.now.0 + HOUR);
    to(&mut world, delay_over);
    assert_eq!(stage(&world, id), Stage::Approved, "its user is frozen");
    to(&mut world, held_until);
    assert_eq!(stage(&world, id), Stage::AwaitingApproval);
    world.run(Body::UpdateUser(stand(crate::users::UserStatus::Active))).unwrap();
    for admin in [3, 4, 5] {
        approve(&mut world, admin, id).unwrap();
    }
    let delay_over = Timestamp(world.now.0 + HOUR);
    to(&mut world, delay_over);
    assert_eq!(stage(&world, id), Stage::Queued);
}

/// Goal: where two groups must agree, one person does not stand for both. Method: a policy of two overlapping groups, which takes
/// two persons to set.
#[test]
fn groups_are_filled_by_different_persons() {
    let mut world = bank(2);
    let need = |group: &str| Need { group: group.into(), count: 1 };
    let mut policy = WithdrawalPolicy::default();
    let group = |name: &str, members: &[u32]| Group {
        name: name.into(),
        members: members.iter().copied().map(AdminId).collect(),
    };
    policy.groups.extend([group("left", &[3, 4]), group("right", &[3])]);
    policy.rules[2].then = Verdict::Approve { needs: vec![need("left"), need("right")], delay_us: 0 };
    let set = crate::SetWithdrawalPolicy { policy, if_version: None, reason: "test".into() };
    let body = Body::SetWithdrawalPolicy(Box::new(set));
    world.run(body.clone()).unwrap();
    let policy = world.state.withdrawals().policy().clone();
    let mut world = treasury();
    assert!(matches!(world.run(body), Err(Rejection::ApprovalNeeded { .. })), "it is critical");
    let row = codec::encode(&policy);
    world.rows.put(Family::Working, Table::WithdrawalsHead.key(&[1]), row);
    world.state = State::load(&world.rows).unwrap();
    let id = big(&mut world, "a", 20_000);
    assert_eq!(refusal(approve(&mut world, 5, id)), Refusal::NotInGroup);
    assert_eq!(approve(&mut world, 3, id), Ok(Stage::AwaitingApproval), "one person, one place");
    assert_eq!(approve(&mut world, 4, id), Ok(Stage::Queued), "the first moves over");
}

/// Goal: the guards of approvals are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_approvals_are_caught() {
    catches(Bug::ConsentUnsigned, signatures_bind_the_payment);
    catches(Bug::PersonCountsTwice, persons_count);
    catches(Bug::InitiatorApproves, initiators_do_not_approve);
    catches(Bug::OldConsents, old_approvals_are_asked_for_again);
}
