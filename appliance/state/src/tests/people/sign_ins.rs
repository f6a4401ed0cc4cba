//! The log of sign-ins.

use super::*;
use crate::people::{SIGN_INS_MAX, SignInRecord, SignInWhat};
use crate::rows::Table;

fn newest(world: &World) -> SignInRecord {
    world.state.sign_ins().iter().max_by_key(|record| record.number).unwrap().clone()
}

/// Goal: whoever comes in, is refused, or loses sessions is put down, with who, what, from where and by whom, in the entry in which it
/// happened, and nothing else is. Method: the same for an admin and a customer, step by step; a refused command and one that ends
/// nothing leave the log as it was.
#[test]
fn what_happens_to_sign_ins_is_put_down() {
    for (of, revision) in [(ADA, 1), (USER, 2)] {
        let mut world = World::with_people();
        assert_eq!(world.state.sign_ins().iter().count(), 0);
        let own = if of == ADA { Actor::Admin(AdminId(1)) } else { Actor::User(UserId(1)) };
        let expect = |world: &World, number: u64, what: SignInWhat, address: Option<[u8; 16]>| {
            let expected =
                SignInRecord { number, time: world.state.time(), index: world.index, of: Some(of), what, address };
            assert_eq!(newest(world), expected);
        };
        world.node(open(of, revision, 1, Factor::Totp { step: 20 })).unwrap();
        let opened = SignInWhat::Opened { session: SessionId([1; 32]), with_factor: true, agent: "curl".into() };
        expect(&world, 1, opened, Some([9; 16]));
        world.node(open(of, revision, 2, Factor::Totp { step: 20 })).unwrap_err();
        assert_eq!(newest(&world).number, 1, "a code that was used opens nothing, and the node is told so");
        world.node(fail(of)).unwrap();
        expect(&world, 2, SignInWhat::Refused, None);
        for _ in 0..6 {
            world.node(fail(of)).unwrap();
        }
        expect(&world, 8, SignInWhat::Refused, None);

        let close = |which| Body::CloseSessions(CloseSessions { of, which, reason: "test".into() });
        world.as_actor(own, close(Which::Others(SessionId([1; 32])))).unwrap();
        assert_eq!(newest(&world).number, 8, "there were no others");
        world.as_actor(own, close(Which::One(SessionId([1; 32])))).unwrap();
        expect(&world, 9, SignInWhat::Closed { session: Some(SessionId([1; 32])), count: 1, by: own }, None);

        for (token, step) in [(3, 21), (4, 22), (5, 23)] {
            world.node(open(of, revision, token, Factor::Totp { step })).unwrap();
        }
        let swap = SessionSwap { former: SessionId([3; 32]), next: SessionId([6; 32]) };
        let change = CredentialChange::Password { password: vec![6; 8] };
        world.as_actor(own, set_credentials(of, revision, change, Some(swap))).unwrap();
        expect(&world, 13, SignInWhat::Closed { session: None, count: 2, by: own }, None);
        let session = Some(SessionId([6; 32]));
        for _ in 0..5 {
            assert_eq!(newest(&world).number, 13, "a wrong code in a session is no sign-in");
            world.node(Body::NoteSignInFailure(NoteSignInFailure { of: Some(of), session, address: None })).unwrap();
        }
        expect(&world, 14, SignInWhat::Closed { session, count: 1, by: NODE }, None);
    }
}

/// Goal: sessions that go with an account are put down as ended by who stopped it. Method: a frozen customer with a session and one
/// without, a disabled admin.
#[test]
fn stopping_an_account_ends_its_sessions() {
    let mut world = World::with_people();
    world.node(open(USER, 2, 1, Factor::Totp { step: 20 })).unwrap();
    let freeze = |user: u64| {
        let status = Some(crate::users::UserStatus::Frozen);
        let (user, reason) = (UserId(user), "test".to_owned());
        Body::UpdateUser(crate::UpdateUser { user, kyc_level: None, fee_tier: None, status, label: None, reason })
    };
    world.run(freeze(2)).unwrap();
    assert_eq!(newest(&world).number, 1, "it had none");
    world.run(freeze(1)).unwrap();
    let closed = |by| SignInWhat::Closed { session: None, count: 1, by };
    assert_eq!((newest(&world).of, newest(&world).what), (Some(USER), closed(Actor::Operator)));
    let sam = Principal::Admin(AdminId(2));
    world.node(open(sam, 1, 2, Factor::Totp { step: 20 })).unwrap();
    let ada = Actor::Admin(AdminId(1));
    world.as_actor(ada, update(2, None, Some(AdminStatus::Disabled))).unwrap();
    assert_eq!((newest(&world).of, newest(&world).what), (Some(sam), closed(ada)));
}

/// Goal: whoever guesses names fills 1,000 rows and no more, keeps nobody's sign-in from being seen, and is counted. Method: an admin
/// comes in, then 2,500 names that nobody has; the rows that are left, and the state that they make.
#[test]
fn guessing_names_fills_nothing() {
    let mut world = World::with_people();
    world.node(open(ADA, 1, 1, Factor::Totp { step: 20 })).unwrap();
    let admins = newest(&world);
    let guess = || Body::NoteSignInFailure(NoteSignInFailure { of: None, session: None, address: Some([7; 16]) });
    for _ in 0..5 {
        let commands: Vec<Command> = (0..500).map(|_| Command { actor: NODE, ..world.command(guess()) }).collect();
        world.entry(&commands);
    }
    let rows = world.rows.iter().filter(|(_, key, _)| key[0] == Table::SignIn as u8).count();
    assert_eq!((rows, world.state.sign_ins().iter().count()), (SIGN_INS_MAX + 1, SIGN_INS_MAX + 1));
    assert_eq!(world.state.sign_ins().refused_of_nobody(), 2_500);
    assert!(world.state.sign_ins().iter().any(|record| *record == admins));
    let loaded = crate::State::load(&world.rows).unwrap();
    assert_eq!(loaded.sign_ins(), world.state.sign_ins());
}

/// Goal: a row that is not where it belongs stops the node instead of passing for another one. Method: each way out of place.
#[test]
fn rows_out_of_place_halt() {
    let mut world = World::with_people();
    world.node(fail(ADA)).unwrap();
    world.node(fail(ADA)).unwrap();
    let rows: Vec<(Vec<u8>, Vec<u8>)> = world
        .rows
        .iter()
        .filter(|(_, key, _)| key[0] == Table::SignIn as u8)
        .map(|(_, key, value)| (key.to_vec(), value.to_vec()))
        .collect();
    let [(_, value), (key, _)] = rows.as_slice() else { panic!("{rows:?}") };
    let mut far = key.clone();
    *far.last_mut().unwrap() += 2;
    let mut other = key.clone();
    other[1] = 0;
    for misplaced in [far, other, key[..5].to_vec(), [key.as_slice(), &[0]].concat()] {
        let mut rows = world.rows.clone();
        rows.put(crate::Family::Working, misplaced.clone(), value.clone());
        let code = crate::State::load(&rows).unwrap_err().problem().code;
        assert_eq!(code, exchequer_domain::Code::FileCorrupt, "{misplaced:?}");
    }
}
