//! The commands of people: what each does, what each refuses, and random logs of them.

pub(super) mod golden;
mod sign_ins;
mod takeover;

use exchequer_domain::{AdminId, NodeId, Timestamp, UserId};
use proptest::collection::vec;
use proptest::prelude::*;

use super::world::{DAY, HOUR, SECOND, World};
use crate::api_keys::Range;
use crate::audit::AuditAction;
use crate::people::{AdminStatus, Factor, Permission, Principal, Role, SESSIONS_MAX, SessionId, customers};
use crate::settings::Value;
use crate::{
    Actor, Body, CloseSessions, Command, CreateAdmin, CreateUsers, CredentialChange, Done, Field, NoteSignInFailure,
    OpenSession, Rejection, SessionSwap, SetCredentials, SetSetting, StepUp, TouchSession, UpdateAdmin, Which,
};

const MINUTE: u64 = 60 * SECOND;
const NODE: Actor = Actor::Node(NodeId(1));
const ADA: Principal = Principal::Admin(AdminId(1));
const USER: Principal = Principal::User(UserId(1));

fn admin(name: &str, person: &str, roles: &[Role]) -> Body {
    Body::CreateAdmin(Box::new(CreateAdmin {
        name: name.into(),
        person: person.into(),
        roles: roles.to_vec(),
        ranges: vec![],
        password: vec![1; 8],
        must_change: false,
        totp: Some(vec![2; 8]),
        recovery: vec![[3; 32], [4; 32]],
        reason: "test".into(),
    }))
}

fn update(id: u32, roles: Option<&[Role]>, status: Option<AdminStatus>) -> Body {
    let (admin, roles) = (AdminId(id), roles.map(<[Role]>::to_vec));
    Body::UpdateAdmin(UpdateAdmin { admin, roles, status, ranges: None, reason: "test".into() })
}

fn set_credentials(of: Principal, revision: u64, change: CredentialChange, session: Option<SessionSwap>) -> Body {
    Body::SetCredentials(Box::new(SetCredentials { of, revision, change, session, reason: "test".into() }))
}

fn open(of: Principal, revision: u64, token: u8, factor: Factor) -> Body {
    let (session, address, agent) = (SessionId([token; 32]), Some([9; 16]), "curl".to_owned());
    Body::OpenSession(Box::new(OpenSession { of, revision, session, factor, address, agent }))
}

fn fail(of: Principal) -> Body {
    Body::NoteSignInFailure(NoteSignInFailure { of: Some(of), session: None, address: None })
}

fn begin(user: u64, revision: u64, name: &str) -> Body {
    let change = CredentialChange::Begin { name: name.into(), password: vec![1; 8] };
    set_credentials(Principal::User(UserId(user)), revision, change, None)
}

impl World {
    fn as_actor(&mut self, actor: Actor, body: Body) -> Result<Done, Rejection> {
        let command = Command { actor, ..self.command(body) };
        self.send(&command)
    }

    fn node(&mut self, body: Body) -> Result<Done, Rejection> {
        self.as_actor(NODE, body)
    }

    /// Admin 1 is an owner, admin 2 a security officer; users 1 and 2 can sign in, user 1 with a second factor.
    fn with_people() -> World {
        let mut world = World::new();
        world.run(admin("ada", "Ada L.", &[Role::Owner])).unwrap();
        world.as_actor(Actor::Admin(AdminId(1)), admin("sam", "Sam O.", &[Role::SecurityOfficer])).unwrap();
        world.run(Body::CreateUsers(CreateUsers { count: 2, kyc_level: 1, fee_tier: 0 })).unwrap();
        world.run(begin(1, 0, "u1@example")).unwrap();
        world.run(begin(2, 0, "u2@example")).unwrap();
        let factor = CredentialChange::Factor { totp: vec![5; 8], step: 10, recovery: vec![[3; 32]] };
        world.as_actor(Actor::User(UserId(1)), set_credentials(USER, 1, factor, None)).unwrap();
        world
    }

    fn sessions(&self, of: Principal) -> usize {
        match of {
            Principal::Admin(id) => self.state.people().sessions_of(id).count(),
            Principal::User(user) => customers::sessions(&self.rows, user).unwrap().len(),
        }
    }
}

fn not_permitted() -> Rejection {
    Rejection::NotPermitted { permission: None }
}

/// Goal: the operator token makes an owner as long as there is none, a node only the very first admin, and an admin others,
/// but none of its own person.
#[test]
fn who_makes_admins() {
    let mut world = World::new();
    assert_eq!(world.node(admin("ada", "Ada L.", &[Role::Owner])), Ok(Done::AdminCreated { admin: AdminId(1) }));
    assert_eq!(world.node(admin("bob", "Bob", &[Role::Owner])), Err(not_permitted()));
    assert_eq!(world.refused(admin("bob", "Bob", &[Role::Owner])), not_permitted());
    let ada = Actor::Admin(AdminId(1));
    assert_eq!(world.as_actor(ada, admin("ada2", "Ada L.", &[Role::Support])), Err(Rejection::OwnRoles));
    assert_eq!(
        world.as_actor(ada, admin("ada", "Bob", &[Role::Support])),
        Err(Rejection::AdminExists { admin: AdminId(1) })
    );
    assert!(world.as_actor(ada, admin("bob", "Bob", &[Role::Support, Role::Auditor, Role::Support])).is_ok());
    assert_eq!(world.state.people().admin(AdminId(2)).unwrap().roles, [Role::Support, Role::Auditor]);
    let bob = Actor::Admin(AdminId(2));
    let needs = Rejection::NotPermitted { permission: Some(Permission::PeopleChange) };
    assert_eq!(world.as_actor(bob, admin("eve", "Eve", &[Role::Owner])), Err(needs));
    assert_eq!(world.audit().last().unwrap().content.actor, ada);
    let invalid = |field| Rejection::Invalid { field };
    for (bad, field) in [
        (admin("A", "x", &[Role::Support]), Field::SignInName),
        (admin("", "x", &[Role::Support]), Field::SignInName),
        (admin("12", "x", &[Role::Support]), Field::SignInName),
        (admin("x", " x", &[Role::Support]), Field::Person),
        (admin("x", "x", &[]), Field::AdminRoles),
        (admin("x", "x", &[Role::TreasuryOperator, Role::TreasuryApprover]), Field::AdminRoles),
    ] {
        assert_eq!(world.as_actor(ada, bad), Err(invalid(field)));
    }
}

/// Goal: nobody changes what they may do themselves, the last active owner stays, and whoever loses something loses the
/// sessions with it. Method: own account, second account of the same person, the last owner by the operator token.
#[test]
fn privileges_change_by_others_only() {
    let mut world = World::with_people();
    let (ada, sam) = (Actor::Admin(AdminId(1)), Actor::Admin(AdminId(2)));
    assert_eq!(world.as_actor(sam, update(2, Some(&[Role::Owner]), None)), Err(Rejection::OwnRoles));
    world.as_actor(ada, admin("sam2", "Sam O.", &[Role::Support])).unwrap();
    assert_eq!(world.as_actor(sam, update(3, Some(&[Role::Owner]), None)), Err(Rejection::OwnRoles));
    assert_eq!(world.refused(update(1, None, Some(AdminStatus::Disabled))), Rejection::LastOwner);
    assert_eq!(world.refused(update(1, Some(&[Role::Auditor]), None)), Rejection::LastOwner);
    assert_eq!(world.refused(update(9, None, None)), Rejection::AdminUnknown { admin: AdminId(9) });

    world.node(open(Principal::Admin(AdminId(2)), 1, 7, Factor::Totp { step: 5 })).unwrap();
    assert_eq!(world.as_actor(ada, update(2, None, None)), Ok(Done::AdminUpdated { changed: false }));
    assert_eq!(world.sessions(Principal::Admin(AdminId(2))), 1);
    assert_eq!(world.as_actor(ada, update(2, Some(&[Role::Owner]), None)), Ok(Done::AdminUpdated { changed: true }));
    assert_eq!(world.sessions(Principal::Admin(AdminId(2))), 0);
    assert_eq!(
        world.as_actor(sam, update(1, None, Some(AdminStatus::Disabled))),
        Ok(Done::AdminUpdated { changed: true })
    );
    assert!(!world.state.people().may(AdminId(1), Permission::StatusRead));
    // A disabled admin is refused in the log, whatever a node believed.
    assert_eq!(world.as_actor(ada, update(2, Some(&[Role::Support]), None)), Err(not_permitted()));
}

/// Goal: an admin may send what its roles allow and nothing else, a customer what is its own. Method: one body of each kind
/// of need, by a role that has it and one that has not.
#[test]
fn the_log_asks_for_permissions() {
    let mut world = World::with_people();
    let (ada, sam) = (Actor::Admin(AdminId(1)), Actor::Admin(AdminId(2)));
    let setting = || {
        let (key, value) = ("autopilot.promote".to_owned(), Value::Bool(false));
        Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() })
    };
    let needs = Rejection::NotPermitted { permission: Some(Permission::ConfigurationChange) };
    assert_eq!(world.as_actor(sam, setting()), Err(needs));
    assert!(world.as_actor(ada, setting()).is_ok());
    assert_eq!(world.as_actor(Actor::User(UserId(1)), setting()), Err(not_permitted()));
    let rotate = Body::RotateOperatorToken(crate::RotateOperatorToken { new_hash: [1; 32], reason: "test".into() });
    assert_eq!(world.as_actor(ada, rotate), Err(not_permitted()));
    let close = |of| Body::CloseSessions(CloseSessions { of, which: Which::All, reason: String::new() });
    assert!(world.as_actor(Actor::User(UserId(1)), close(USER)).is_ok());
    assert_eq!(world.as_actor(Actor::User(UserId(1)), close(Principal::User(UserId(2)))), Err(not_permitted()));
    assert_eq!(world.as_actor(Actor::User(UserId(1)), close(ADA)), Err(not_permitted()));
    assert_eq!(world.as_actor(Actor::Admin(AdminId(9)), setting()), Err(not_permitted()));
    // Only a node, which has checked what was shown, opens a session or counts a failure.
    for body in [open(ADA, 1, 1, Factor::Totp { step: 1 }), fail(ADA)] {
        assert_eq!(world.as_actor(ada, body.clone()), Err(not_permitted()));
        assert_eq!(world.run(body), Err(not_permitted()));
    }
}

/// Goal: a code is taken once, a recovery code as well, and what was checked against former credentials opens nothing;
/// for admins and for users.
#[test]
fn factors_are_spent() {
    for of in [ADA, USER] {
        let mut world = World::with_people();
        let revision = if of == ADA { 1 } else { 2 };
        let step = 20;
        let own = if of == ADA { Actor::Admin(AdminId(1)) } else { Actor::User(UserId(1)) };
        assert_eq!(world.node(open(of, revision, 1, Factor::Totp { step })), Ok(Done::SessionOpened));
        assert_eq!(world.node(open(of, revision, 2, Factor::Totp { step })), Err(Rejection::FactorUsed));
        assert_eq!(world.node(open(of, revision, 2, Factor::Totp { step: step - 1 })), Err(Rejection::FactorUsed));
        assert_eq!(world.node(open(of, revision, 2, Factor::None)), Err(Rejection::FactorMissing));
        let code = Factor::Recovery { hash: [3; 32] };
        assert_eq!(world.node(open(of, revision, 2, code)), Ok(Done::SessionOpened));
        assert_eq!(world.node(open(of, revision, 3, code)), Err(Rejection::FactorUsed));
        assert_eq!(world.node(open(of, revision, 3, Factor::Recovery { hash: [8; 32] })), Err(Rejection::FactorUsed));
        assert_eq!(world.node(open(of, revision, 1, Factor::Totp { step: step + 1 })), Err(Rejection::SessionExists));
        assert_eq!(
            world.node(open(of, revision + 1, 3, Factor::Totp { step: step + 1 })),
            Err(Rejection::CredentialsChanged)
        );

        let step_up =
            |step| Body::StepUp(StepUp { of, session: SessionId([1; 32]), revision, factor: Factor::Totp { step } });
        assert_eq!(world.node(step_up(step)), Err(Rejection::FactorUsed));
        assert_eq!(world.node(step_up(step + 1)), Ok(Done::SteppedUp));
        assert_eq!(world.node(step_up(step + 1)), Err(Rejection::FactorUsed));

        // A changed password ends the other sessions, and the one it was changed in goes on under a new token.
        let swap = SessionSwap { former: SessionId([1; 32]), next: SessionId([5; 32]) };
        let change =
            |revision| set_credentials(of, revision, CredentialChange::Password { password: vec![6; 8] }, Some(swap));
        assert_eq!(world.as_actor(own, change(revision + 1)), Err(Rejection::CredentialsChanged));
        assert_eq!(world.as_actor(own, change(revision)), Ok(Done::CredentialsSet { revision: revision + 1 }));
        assert_eq!(world.sessions(of), 1);
        assert_eq!(world.node(step_up(step + 2)), Err(Rejection::SessionUnknown), "the former token opens nothing");
        assert_eq!(world.run(change(revision + 1)), Err(not_permitted()), "only their own");
        let reset = || set_credentials(of, revision + 1, CredentialChange::Reset { password: vec![7; 8] }, None);
        assert_eq!(world.as_actor(own, reset()), Err(not_permitted()), "only by others");
        assert!(world.run(reset()).is_ok());
        assert_eq!(world.sessions(of), 0);
        assert_eq!(
            world.node(open(of, revision + 2, 6, Factor::None)),
            Ok(Done::SessionOpened),
            "nothing enrolled yet"
        );
    }
}

/// Goal: five failures lock new sign-ins from elsewhere for a minute; sessions that are open go on, can be used and stepped
/// up, and where it has signed in before it signs in. Method: the same for an admin and a user.
#[test]
fn a_lock_leaves_sessions_alone() {
    for (of, revision) in [(ADA, 1), (USER, 2)] {
        let mut world = World::with_people();
        world.node(open(of, revision, 1, Factor::Totp { step: 20 })).unwrap();
        for _ in 0..5 {
            assert_eq!(world.node(fail(of)), Ok(Done::SignInFailureNoted));
        }
        let elsewhere = |step| match open(of, revision, 2, Factor::Totp { step }) {
            Body::OpenSession(command) => {
                Body::OpenSession(Box::new(OpenSession { address: Some([8; 16]), ..*command }))
            }
            other => other,
        };
        assert_eq!(world.node(elsewhere(21)), Err(Rejection::SignInLocked));
        let touch = || Body::TouchSession(TouchSession { of, session: SessionId([1; 32]) });
        assert_eq!(world.node(touch()), Ok(Done::SessionTouched));
        let factor = Factor::Totp { step: 22 };
        let step_up = Body::StepUp(StepUp { of, session: SessionId([1; 32]), revision, factor });
        assert_eq!(world.node(step_up), Ok(Done::SteppedUp));
        assert_eq!(world.sessions(of), 1);
        assert_eq!(world.node(open(of, revision, 3, Factor::Totp { step: 23 })), Ok(Done::SessionOpened), "at home");
        world.now = Timestamp(world.now.0 + MINUTE - 1);
        assert_eq!(world.node(elsewhere(24)), Err(Rejection::SignInLocked));
        world.now = Timestamp(world.now.0 + 1);
        assert_eq!(world.node(elsewhere(24)), Ok(Done::SessionOpened));
    }
    // A name that nobody has leaves nothing behind that counts.
    let mut world = World::with_people();
    let nobody = Body::NoteSignInFailure(NoteSignInFailure { of: None, session: None, address: None });
    let rows = world.rows.iter().count();
    assert_eq!(world.node(nobody), Ok(Done::SignInFailureNoted));
    assert_eq!(world.rows.iter().count(), rows + 2, "its command's id, and its place in the log of sign-ins");
}

/// Goal: whoever has a session and guesses codes loses it.
#[test]
fn guessing_in_a_session_ends_it() {
    for (of, revision) in [(ADA, 1), (USER, 2)] {
        let mut world = World::with_people();
        world.node(open(of, revision, 1, Factor::Totp { step: 20 })).unwrap();
        let session = Some(SessionId([1; 32]));
        let guess = || Body::NoteSignInFailure(NoteSignInFailure { of: Some(of), session, address: None });
        for _ in 0..4 {
            world.node(guess()).unwrap();
        }
        assert_eq!(world.sessions(of), 1);
        world.node(guess()).unwrap();
        assert_eq!(world.sessions(of), 0);
        assert_eq!(world.node(guess()), Err(Rejection::SessionUnknown));
        let opened = world.node(open(of, revision, 2, Factor::Totp { step: 21 }));
        assert_eq!(opened, Ok(Done::SessionOpened), "the name is not locked by it");
    }
}

/// Goal: a session ends when it is not used and when it is old, an admin's before a user's, and there are sixteen at most.
#[test]
fn sessions_have_an_end() {
    for (of, revision, idle, life) in [(ADA, 1, 15 * MINUTE, 12 * HOUR), (USER, 2, DAY, 30 * DAY)] {
        let mut world = World::with_people();
        world.node(open(of, revision, 1, Factor::Totp { step: 20 })).unwrap();
        let touch = || Body::TouchSession(TouchSession { of, session: SessionId([1; 32]) });
        let began = world.now.0;
        while world.now.0 + idle - 1 < began + life {
            world.now = Timestamp(world.now.0 + idle - 1);
            assert_eq!(world.node(touch()), Ok(Done::SessionTouched));
        }
        world.now = Timestamp(began + life);
        assert_eq!(world.node(touch()), Err(Rejection::SessionUnknown), "it is old");
        world.node(open(of, revision, 2, Factor::Totp { step: 21 })).unwrap();
        assert_eq!(world.sessions(of), 1, "what was over is gone");
        world.now = Timestamp(world.now.0 + idle);
        let touch = Body::TouchSession(TouchSession { of, session: SessionId([2; 32]) });
        assert_eq!(world.node(touch), Err(Rejection::SessionUnknown), "it was not used");
        for number in 0..2 * SESSIONS_MAX as u8 {
            world.node(open(of, revision, 100 + number, Factor::Totp { step: 30 + u64::from(number) })).unwrap();
        }
        assert_eq!(world.sessions(of), SESSIONS_MAX);
        let index = world.rows.iter().filter(|(_, key, _)| [0x69, 0xa1].contains(&key[0])).count();
        assert_eq!(index, SESSIONS_MAX, "no row of a session that was displaced");
    }
    let mut world = World::with_people();
    world.node(open(ADA, 1, 1, Factor::Totp { step: 20 })).unwrap();
    world.now = Timestamp(world.now.0 + DAY);
    world.run(Body::Digest(crate::RequestDigest {})).unwrap();
    assert_eq!(world.sessions(ADA), 0, "a day forgets them");
}

/// Goal: a user's name is the user's as long as it has it, and nobody else's.
#[test]
fn names_of_users() {
    let mut world = World::with_people();
    let named = |world: &World, name| customers::named(&world.rows, name).unwrap();
    assert_eq!(named(&world, "u1@example"), Some(UserId(1)));
    assert_eq!(world.refused(begin(2, 1, "u1@example")), Rejection::SignInNameTaken);
    assert_eq!(world.run(begin(1, 2, "other")), Ok(Done::CredentialsSet { revision: 3 }));
    assert_eq!((named(&world, "u1@example"), named(&world, "other")), (None, Some(UserId(1))));
    assert!(customers::credentials(&world.rows, UserId(1)).unwrap().unwrap().totp.is_none(), "begun anew");
    assert_eq!(world.run(begin(2, 1, "u1@example")), Ok(Done::CredentialsSet { revision: 2 }));
    assert_eq!(world.refused(begin(3, 0, "u3")), Rejection::UserUnknown { user: UserId(3) });
    assert_eq!(world.audit().last().unwrap().content.action, AuditAction::CredentialsSet);
    let mut world = World::with_people();
    let ranges = vec![Range { address: [0; 16], prefix: 129 }];
    let (admin, roles, status, reason) = (AdminId(2), None, None, "test".to_owned());
    let ranges = Body::UpdateAdmin(UpdateAdmin { admin, roles, status, ranges: Some(ranges), reason });
    assert_eq!(world.refused(ranges), Rejection::Invalid { field: Field::AdminRanges });
}

fn principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        (1_u32..5).prop_map(|id| Principal::Admin(AdminId(id))),
        (1_u64..4).prop_map(|id| Principal::User(UserId(id))),
    ]
}

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        4 => Just(NODE),
        1 => Just(Actor::Operator),
        2 => (1_u32..5).prop_map(|id| Actor::Admin(AdminId(id))),
        1 => (1_u64..4).prop_map(|id| Actor::User(UserId(id))),
    ]
}

fn factor() -> impl Strategy<Value = Factor> {
    prop_oneof![
        2 => Just(Factor::None),
        4 => (0_u64..40).prop_map(|step| Factor::Totp { step }),
        1 => (2_u8..6).prop_map(|byte| Factor::Recovery { hash: [byte; 32] }),
    ]
}

fn session() -> impl Strategy<Value = SessionId> {
    (0_u8..12).prop_map(|byte| SessionId([byte; 32]))
}

fn body() -> impl Strategy<Value = Body> {
    let roles = || vec(prop::sample::select(Role::ALL), 0..3);
    let name = || prop::sample::select(vec!["ada", "sam", "bob", "eve", "Eve"]);
    let create = (name(), name(), roles()).prop_map(|(name, person, roles)| admin(name, person, &roles));
    let status = prop::option::of(prop_oneof![Just(AdminStatus::Active), Just(AdminStatus::Disabled)]);
    let update = (1_u32..5, prop::option::of(roles()), status)
        .prop_map(|(id, roles, status)| update(id, roles.as_deref(), status));
    let change = prop_oneof![
        name().prop_map(|name| CredentialChange::Begin { name: name.into(), password: vec![1] }),
        Just(CredentialChange::Password { password: vec![2] }),
        (0_u64..40).prop_map(|step| CredentialChange::Factor { totp: vec![3], step, recovery: vec![[3; 32]] }),
        Just(CredentialChange::Recovery { recovery: vec![[4; 32], [5; 32]] }),
        Just(CredentialChange::Reset { password: vec![6] }),
    ];
    let swap = prop::option::of((session(), session()).prop_map(|(former, next)| SessionSwap { former, next }));
    let set = (principal(), 0_u64..4, change, swap)
        .prop_map(|(of, revision, change, session)| set_credentials(of, revision, change, session));
    let open = (principal(), 0_u64..4, 0_u8..12, factor())
        .prop_map(|(of, revision, token, factor)| open(of, revision, token, factor));
    let touch = (principal(), session()).prop_map(|(of, session)| Body::TouchSession(TouchSession { of, session }));
    let step_up = (principal(), session(), 0_u64..4, factor())
        .prop_map(|(of, session, revision, factor)| Body::StepUp(StepUp { of, session, revision, factor }));
    let which = prop_oneof![session().prop_map(Which::One), session().prop_map(Which::Others), Just(Which::All)];
    let close = (principal(), which)
        .prop_map(|(of, which)| Body::CloseSessions(CloseSessions { of, which, reason: String::new() }));
    let fail = (prop::option::weighted(0.9, principal()), prop::option::weighted(0.4, session()))
        .prop_map(|(of, session)| Body::NoteSignInFailure(NoteSignInFailure { of, session, address: None }));
    prop_oneof![2 => create, 2 => update, 5 => set, 8 => open, 2 => touch, 3 => step_up, 1 => close, 4 => fail]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Goal: whatever is asked of people in whatever order, nobody refused changes anything, there is an owner from the
    /// first on, both tables of users' sessions agree, and several commands in one entry see each other as those of
    /// several entries do. Method: random logs in entries of several commands, and the same with one command an entry;
    /// after every entry the world loads the state anew from its rows and compares.
    #[test]
    fn random_logs(steps in vec((prop_oneof![3 => Just(0), 2 => Just(MINUTE), 1 => Just(HOUR), 1 => Just(DAY)],
        vec((actor(), body()), 1..5)), 1..30)) {
        let (mut together, mut apart) = (World::with_people(), World::with_people());
        for (pause, commands) in steps {
            for world in [&mut together, &mut apart] {
                world.now = Timestamp(world.now.0 + pause);
            }
            let commands_of = |world: &mut World| -> Vec<Command> {
                commands.iter().map(|(actor, body)| Command { actor: *actor, ..world.command(body.clone()) }).collect()
            };
            let (whole, single) = (commands_of(&mut together), commands_of(&mut apart));
            let expected = together.entry(&whole);
            let index = together.index;
            for (command, expected) in single.iter().zip(expected) {
                apart.index = index - 1;
                prop_assert_eq!(apart.entry(std::slice::from_ref(command)), vec![expected]);
            }
            prop_assert!(together.state.people().has_owner());
            prop_assert_eq!(together.state.people(), apart.state.people());
            let mut of_tokens = 0;
            for (_, key, _) in together.rows.iter().filter(|(_, key, _)| key[0] == 0xa1) {
                let id = SessionId(key[1..].try_into().unwrap());
                prop_assert!(customers::session(&together.rows, &id).unwrap().is_some());
                of_tokens += 1;
            }
            let sessions: usize = (1..4).map(|user| together.sessions(Principal::User(UserId(user)))).sum();
            prop_assert_eq!(of_tokens, sessions);
        }
        prop_assert_eq!(cold(&together), cold(&apart));
    }
}

fn cold(world: &World) -> Vec<(Vec<u8>, Vec<u8>)> {
    let of_people = world.rows.iter().filter(|(_, key, _)| (0xa0..=0xa3).contains(&key[0]));
    of_people.map(|(_, key, value)| (key.to_vec(), value.to_vec())).collect()
}
