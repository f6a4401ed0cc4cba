//! Taking over what is somebody else's: accounts of customers, roles, names, the way back in.

use super::*;
use crate::api_keys::{Credential, Scopes};
use crate::people::RESET_HOLD_US;
use crate::tests::world::{first_node, set, unset};
use crate::users::UserStatus;
use crate::{CreateApiKey, FirstNode, Reform, RevertSettings, UpdateUser};

const SAM: Actor = Actor::Admin(AdminId(2));

fn key(user: u64, name: char) -> Body {
    Body::CreateApiKey(Box::new(CreateApiKey {
        user: UserId(user),
        key: name.to_string().repeat(64),
        label: String::new(),
        credential: Credential::Ed25519 { public: [7; 32] },
        scopes: Scopes { read: true, trade: true, withdraw: false },
        ranges: vec![],
        reason: "test".into(),
    }))
}

fn freeze(status: UserStatus) -> Body {
    let (kyc_level, fee_tier, label) = (None, None, None);
    let status = Some(status);
    Body::UpdateUser(UpdateUser { user: UserId(1), kyc_level, fee_tier, status, label, reason: "test".into() })
}

/// Goal: whoever gives a customer another password gains nothing that lasts: the keys are revoked, on the record, and no new
/// one is made for a day, whoever asks but the operator; the first password of a customer holds nobody up. Method: keys
/// before, during and at the end of the day, for both ways of giving a password.
#[test]
fn a_given_password_gains_nothing_that_lasts() {
    let reset = set_credentials(USER, 2, CredentialChange::Reset { password: vec![9; 8] }, None);
    for given in [begin(1, 2, "u1@example"), reset] {
        let mut world = World::with_people();
        let (own, ada) = (Actor::User(UserId(1)), Actor::Admin(AdminId(1)));
        assert!(world.as_actor(own, key(1, 'a')).is_ok(), "first credentials hold nothing up");
        let until = Timestamp(world.now.0 + RESET_HOLD_US);
        world.as_actor(ada, given).unwrap();
        assert_eq!(world.state.api_keys().of_user(UserId(1)).count(), 0);
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.action, record.actor, record.target.as_str()), (AuditAction::ApiKeyRevoked, ada, "1"));
        for actor in [own, ada] {
            assert_eq!(world.as_actor(actor, key(1, 'b')), Err(Rejection::CredentialsHeld { until }));
        }
        let password = CredentialChange::Password { password: vec![6; 8] };
        world.as_actor(own, set_credentials(USER, 3, password, None)).unwrap();
        world.now = Timestamp(until.0 - 1);
        assert_eq!(
            world.as_actor(own, key(1, 'b')),
            Err(Rejection::CredentialsHeld { until }),
            "its own one meanwhile"
        );
        assert!(world.run(key(1, 'c')).is_ok(), "the operator");
        world.now = until;
        assert!(world.as_actor(own, key(1, 'b')).is_ok());
    }
}

/// Goal: who is frozen is signed out, signs in no more and gets no key, and all of it comes back. Method: a user with a
/// session; its password can be given anew all the same.
#[test]
fn a_frozen_user_is_signed_out() {
    let mut world = World::with_people();
    world.node(open(USER, 2, 1, Factor::Totp { step: 20 })).unwrap();
    world.run(freeze(UserStatus::Frozen)).unwrap();
    assert_eq!(world.sessions(USER), 0);
    assert_eq!(world.node(open(USER, 2, 2, Factor::Totp { step: 21 })), Err(Rejection::PrincipalUnknown));
    assert_eq!(world.refused(key(1, 'a')), Rejection::UserFrozen { user: UserId(1) });
    assert!(world.run(begin(1, 2, "u1@example")).is_ok());
    world.run(freeze(UserStatus::Active)).unwrap();
    assert_eq!(world.node(open(USER, 3, 2, Factor::None)), Ok(Done::SessionOpened));
    assert!(world.run(key(1, 'a')).is_ok());
}

/// Goal: who changes people does not get further by them: a security officer makes, changes and resets no account that may
/// what the officer may not, whatever person it is said to be; it stops one all the same. An owner does it for others, not
/// for itself. Method: each command about an account above, beside, and one that would come to be above.
#[test]
fn nobody_rises_by_another_account() {
    let lacks = |permission| Err(Rejection::NotPermitted { permission: Some(permission) });
    let mut world = World::with_people();
    let ada = Actor::Admin(AdminId(1));
    assert_eq!(world.as_actor(SAM, admin("eve", "Eve", &[Role::Owner])), lacks(Permission::ClusterChange));
    assert_eq!(world.as_actor(SAM, admin("eve", "Eve", &[Role::TreasuryOperator])), lacks(Permission::MarketsRead));
    assert_eq!(
        world.as_actor(SAM, admin("eve", "Eve", &[Role::SecurityOfficer])),
        Ok(Done::AdminCreated { admin: AdminId(3) })
    );
    assert_eq!(world.as_actor(SAM, update(3, Some(&[Role::Owner]), None)), lacks(Permission::ClusterChange));
    let reset = |of| set_credentials(of, 1, CredentialChange::Reset { password: vec![7; 8] }, None);
    assert_eq!(world.as_actor(SAM, reset(ADA)), lacks(Permission::ClusterChange));
    assert_eq!(world.as_actor(SAM, update(1, Some(&[Role::SecurityOfficer]), None)), lacks(Permission::ClusterChange));
    let eve = Principal::Admin(AdminId(3));
    assert!(world.as_actor(SAM, reset(eve)).is_ok());

    world.as_actor(ada, update(3, Some(&[Role::Owner]), None)).unwrap();
    assert!(world.as_actor(SAM, update(3, None, Some(AdminStatus::Disabled))).is_ok(), "stopped");
    assert_eq!(world.as_actor(SAM, update(3, None, Some(AdminStatus::Active))), lacks(Permission::ClusterChange));
    for role in [Role::TreasuryOperator, Role::TreasuryApprover] {
        assert_eq!(world.as_actor(ada, admin("ada2", "ada l.", &[role])), Err(Rejection::OwnRoles), "for itself");
    }
    assert!(world.as_actor(ada, admin("tom", "Tom", &[Role::TreasuryOperator])).is_ok());
}

/// Goal: how people sign in is changed by those alone who change both settings and people, whichever way. Method: an officer
/// of operations, who changes other settings, and an owner; a value, taking it away, going back.
#[test]
fn settings_of_people_are_of_those_who_change_people() {
    let mut world = World::with_people();
    let ada = Actor::Admin(AdminId(1));
    world.as_actor(ada, admin("ops", "Ops", &[Role::Operations])).unwrap();
    let ops = Actor::Admin(AdminId(3));
    let lacks = Err(Rejection::NotPermitted { permission: Some(Permission::PeopleChange) });
    let lenient = || set("people.lock_after", Value::Integer(50), None);
    assert!(world.as_actor(ops, set("autopilot.promote", Value::Bool(false), None)).is_ok());
    assert_eq!(world.as_actor(ops, lenient()), lacks);
    assert!(world.as_actor(ada, lenient()).is_ok());
    assert_eq!(world.as_actor(ops, unset("people.lock_after", None)), lacks);
    let back =
        |to_revision| Body::RevertSettings(RevertSettings { to_revision, if_revision: None, reason: "test".into() });
    assert_eq!(world.as_actor(ops, back(1)), lacks);
    assert_eq!(world.as_actor(ops, back(2)), Ok(Done::SettingsReverted { revision: 2, changed: 0 }));
    assert!(world.as_actor(ada, back(1)).is_ok());
    let only_people = Rejection::NotPermitted { permission: Some(Permission::ConfigurationChange) };
    assert_eq!(world.as_actor(SAM, lenient()), Err(only_people));
}

/// Goal: failures from where an admin may not sign in anyway lock nobody. Method: an admin with a range, failures inside,
/// outside and from nowhere.
#[test]
fn failures_from_outside_do_not_count() {
    let mut world = World::with_people();
    let mapped = |text: &str| text.parse::<std::net::Ipv4Addr>().unwrap().to_ipv6_mapped().octets();
    let ranges = vec![Range { address: mapped("10.0.0.0"), prefix: 104 }];
    let (admin, roles, status, reason) = (AdminId(1), None, None, "test".to_owned());
    world.run(Body::UpdateAdmin(UpdateAdmin { admin, roles, status, ranges: Some(ranges), reason })).unwrap();
    let from = |address| Body::NoteSignInFailure(NoteSignInFailure { of: Some(ADA), session: None, address });
    let failures = |world: &World| world.state.people().credentials(AdminId(1)).unwrap().attempts.failures.len();
    for address in [Some(mapped("11.0.0.1")), None, Some([9; 16])] {
        for _ in 0..5 {
            world.node(from(address)).unwrap();
        }
        assert_eq!(failures(&world), 0);
    }
    world.node(from(Some(mapped("10.1.2.3")))).unwrap();
    assert_eq!(failures(&world), 1);
}

/// Goal: a restored snapshot opens no session again, whoever's; going on after a loss ends none. Method: both, with sessions
/// of an admin and a user, and a sign-in in the same entry behind it.
#[test]
fn a_restored_snapshot_has_no_sessions() {
    for restored in [true, false] {
        let mut world = World::with_people();
        world.node(open(ADA, 1, 1, Factor::Totp { step: 20 })).unwrap();
        world.node(open(USER, 2, 2, Factor::Totp { step: 20 })).unwrap();
        let node = FirstNode { name: "n1".into(), ..first_node() };
        let reform =
            Body::Reform(Box::new(Reform { lineage: 2, id: NodeId(1), node, restored, reason: "test".into() }));
        let commands = [reform, open(USER, 2, 3, Factor::Totp { step: 21 })];
        let commands = commands.map(|body| Command { actor: NODE, ..world.command(body) });
        world.entry(&commands);
        let (admins, users) = if restored { (0, 1) } else { (1, 2) };
        assert_eq!((world.sessions(ADA), world.sessions(USER)), (admins, users), "restored: {restored}");
        let of_tokens = world.rows.iter().filter(|(_, key, _)| key[0] == 0xa1).count();
        assert_eq!(of_tokens, users);
        let detail =
            world.audit().into_iter().map(|record| record.content).find(|content| content.detail.contains("lineage"));
        assert_eq!(detail.unwrap().detail.contains("every session closed"), restored);
    }
}
