//! Wrong passwords, wrong codes, used codes: what they cost whom.

use axum::http::Method;
use exchequer_state::people::{Principal, Role};
use serde_json::json;

use super::super::World;
use super::{
    MINUTE_US, PASSWORD, SECRET, admin, code, customer, session, sign_in, sign_in_from, typed, unlimited, wait,
};
use crate::people::totp;

/// Goal: whatever is wrong with a sign-in, the answer is the same to the byte, but for its own id. Method: an unknown name,
/// a wrong password, no code, a wrong code, a used one, a disabled account, a locked one, a customer at the admins' door.
#[tokio::test]
async fn one_refusal_for_everything() {
    let world = World::new();
    let house = &world.house;
    unlimited(house);
    admin(house, "ada", &[Role::Owner], true);
    customer(house);
    let good = typed(house, "ada");
    assert_eq!(sign_in(&world, &good).await.status.as_u16(), 200);
    let with = |name: &str, password: &str, otp: Option<&str>| {
        let otp = otp.map(str::to_owned);
        json!({ "name": name, "password": password, "otp": otp, "bearer": true })
    };
    let mut refusals = vec![
        sign_in(&world, &with("nobody", PASSWORD, Some(&code(house)))).await,
        sign_in(&world, &with("ada", "a horse in a bathroom", Some("000000"))).await,
        sign_in(&world, &with("ada", PASSWORD, None)).await,
        sign_in(&world, &good).await,
        sign_in(&world, &with("u1", PASSWORD, None)).await,
        sign_in(&world, &json!({ "name": "ada", "password": PASSWORD, "recovery_code": "wrong" })).await,
        sign_in(&world, &with(&"x".repeat(10_000), &"y".repeat(10_000), None)).await,
    ];
    for _ in 0..5 {
        sign_in(&world, &with("ada", "wrong wrong wrong", None)).await;
    }
    wait(house, MINUTE_US / 2);
    refusals.push(sign_in(&world, &typed(house, "ada")).await);
    for refusal in &refusals {
        assert_eq!(refusal.refusal(), (401, "EXQ-0211".to_owned()));
        assert_eq!(refusal.body, refusals[0].body);
        assert!(!refusal.headers.contains_key("set-cookie"));
    }
    wait(house, 15 * MINUTE_US);
    assert_eq!(sign_in(&world, &typed(house, "ada")).await.status.as_u16(), 200, "the lock is over");
}

/// Goal: guessing at a name locks new sign-ins of it and nothing else; sessions go on, and so do other names. Method:
/// five wrong passwords from five addresses, then a session that was open, and another admin.
#[tokio::test]
async fn a_lock_leaves_sessions_and_others_alone() {
    let world = World::new();
    let house = &world.house;
    let ada = admin(house, "ada", &[Role::Owner], true);
    admin(house, "bob", &[Role::Auditor], true);
    let open = session(house, Principal::Admin(ada));
    let wrong = json!({ "name": "ada", "password": "wrong wrong wrong", "otp": "000000" });
    for host in 1..=5 {
        let reply = sign_in_from(&world, &format!("198.51.100.{host}:9"), "/v1/session", &wrong).await;
        assert_eq!(reply.refusal(), (401, "EXQ-0211".into()));
    }
    wait(house, MINUTE_US / 2);
    assert_eq!(sign_in(&world, &typed(house, "ada")).await.refusal().1, "EXQ-0211", "locked");
    let shown = world.with(&open, Method::GET, "/v1/session", None).await;
    assert_eq!((shown.status.as_u16(), shown.json()["name"].as_str()), (200, Some("ada")));
    let step_up = json!({ "otp": code(house) });
    assert_eq!(world.with(&open, Method::POST, "/v1/session/step-up", Some(&step_up)).await.status.as_u16(), 200);
    assert_eq!(sign_in(&world, &typed(house, "bob")).await.status.as_u16(), 200);
    let admins = world.with(&open, Method::GET, "/v1/admins", None).await.json();
    assert!(admins["admins"][0]["locked_until"].is_string(), "{admins}");
}

/// Goal: spraying one password over many names from one address comes to an end after five in a minute, before anything
/// is hashed or gets into the log; another address is not affected. Method: many names, none of which exists.
#[tokio::test]
async fn spraying_is_stopped_at_the_door() {
    let world = World::new();
    let house = &world.house;
    admin(house, "ada", &[Role::Owner], true);
    let tries = |number: usize| json!({ "name": format!("name{number}"), "password": "Summer2026!!" });
    for number in 0..5 {
        assert_eq!(sign_in(&world, &tries(number)).await.refusal().1, "EXQ-0211");
    }
    let before = house.inside.lock().index;
    for number in 5..100 {
        let reply = sign_in(&world, &tries(number)).await;
        assert_eq!(reply.refusal(), (429, "EXQ-0220".into()));
        assert_eq!(reply.header("retry-after"), "60");
    }
    assert_eq!(house.inside.lock().index, before, "nothing of it is in the log");
    let good = typed(house, "ada");
    assert_eq!(sign_in_from(&world, "203.0.113.9:1", "/v1/session", &good).await.status.as_u16(), 200);
    wait(house, MINUTE_US);
    assert_eq!(sign_in(&world, &tries(0)).await.refusal().1, "EXQ-0211");
}

/// Goal: a code of the authenticator works once, in whatever it is used, and a recovery code once for ever; for admins and
/// customers. Method: the same code for a sign-in and a step-up; the same recovery code twice.
#[tokio::test]
async fn codes_work_once() {
    let world = World::new();
    let house = &world.house;
    unlimited(house);
    admin(house, "ada", &[Role::Owner], true);
    let first = sign_in(&world, &typed(house, "ada")).await.json();
    let token = first["token"].as_str().unwrap().to_owned();
    assert_eq!(first["must"], "nothing");
    assert!(first["csrf_token"].is_null() && token.starts_with("exqs_"), "{first}");
    let same = json!({ "otp": code(house) });
    let step_up = |body| async move { body };
    let replayed = world.with(&token, Method::POST, "/v1/session/step-up", Some(&step_up(same).await)).await;
    assert_eq!(replayed.refusal(), (403, "EXQ-0215".into()));
    wait(house, MINUTE_US / 2);
    let next = json!({ "otp": code(house) });
    assert_eq!(world.with(&token, Method::POST, "/v1/session/step-up", Some(&next)).await.status.as_u16(), 200);
    assert_eq!(sign_in(&world, &typed(house, "ada")).await.refusal().1, "EXQ-0211", "used for the step-up");
    let recovery =
        json!({ "name": "ada", "password": PASSWORD, "recovery_code": "ABCD EFGH IJKL MNOP", "bearer": true });
    assert_eq!(sign_in(&world, &recovery).await.status.as_u16(), 200);
    assert_eq!(sign_in(&world, &recovery).await.refusal().1, "EXQ-0211");
}

/// Goal: whoever stole a session cannot guess codes in it. Method: five wrong ones; the session is over.
#[tokio::test]
async fn guessing_codes_ends_the_session() {
    let world = World::new();
    let house = &world.house;
    let ada = admin(house, "ada", &[Role::Owner], true);
    let token = session(house, Principal::Admin(ada));
    let wrong = json!({ "otp": "000000" });
    for _ in 0..5 {
        let reply = world.with(&token, Method::POST, "/v1/session/step-up", Some(&wrong)).await;
        assert_eq!(reply.refusal(), (403, "EXQ-0215".into()));
    }
    assert_eq!(world.with(&token, Method::GET, "/v1/session", None).await.refusal(), (401, "EXQ-0212".into()));
}

/// Goal: a new admin signs in with the one-time password, must change it, must enrol a second factor, and can act then; at
/// each step the former token opens nothing any more. The same for a customer, who may act without a second factor, but not
/// make an API key. Method: the whole way over the doors.
#[tokio::test]
async fn from_one_time_password_to_acting() {
    let world = World::new();
    let house = &world.house;
    unlimited(house);
    let ada = admin(house, "ada", &[Role::Owner], true);
    let owner = session(house, Principal::Admin(ada));
    let create = json!({ "name": "bob", "person": "Bob B.", "roles": ["operations"], "reason": "hired" });
    let given = world.with(&owner, Method::POST, "/v1/admins", Some(&create)).await.json();
    customer(house);
    let give = json!({ "name": "u1@example", "reason": "asked by telephone" });
    let of_user = world.with(&owner, Method::POST, "/v1/users/1/credentials", Some(&give)).await.json();

    for (base, given, name) in [("/v1/session", given, "bob"), ("/v1/users/session", of_user, "u1@example")] {
        let first = given["one_time_password"].as_str().unwrap().to_owned();
        let body = json!({ "name": name, "password": first, "bearer": true });
        let signed = sign_in_from(&world, "192.0.2.1:5", base, &body).await.json();
        assert_eq!(signed["must"], "change-password", "{signed}");
        let mut token = signed["token"].as_str().unwrap().to_owned();
        let other = if base == "/v1/session" { "/v1/status" } else { "/v1/users/1" };
        assert_eq!(world.with(&token, Method::GET, other, None).await.refusal().1, "EXQ-0217");
        let begin = json!({ "password": first });
        let too_early = world.with(&token, Method::POST, &format!("{base}/second-factor"), Some(&begin)).await;
        assert_eq!(too_early.refusal().1, "EXQ-0217");

        let weak = json!({ "password": first, "new_password": "Password1234" });
        let path = format!("{base}/password");
        assert_eq!(world.with(&token, Method::POST, &path, Some(&weak)).await.refusal().1, "EXQ-0218");
        let change = json!({ "password": first, "new_password": "another horse, another tub" });
        let changed = world.with(&token, Method::POST, &path, Some(&change)).await.json();
        let former = std::mem::replace(&mut token, changed["session"]["token"].as_str().unwrap().to_owned());
        assert_eq!(world.with(&former, Method::GET, base, None).await.refusal().1, "EXQ-0212");

        let begin = json!({ "password": "another horse, another tub" });
        let begun = world.with(&token, Method::POST, &format!("{base}/second-factor"), Some(&begin)).await.json();
        let secret = unbase32(begun["secret"].as_str().unwrap());
        assert!(begun["uri"].as_str().unwrap().starts_with("otpauth://totp/test:"), "{begun}");
        let confirm = |otp: String, ticket: &str| json!({ "ticket": ticket, "otp": otp });
        let path = format!("{base}/second-factor/confirm");
        let ticket = begun["ticket"].as_str().unwrap();
        let wrong = confirm("000000".into(), ticket);
        assert_eq!(world.with(&token, Method::POST, &path, Some(&wrong)).await.refusal().1, "EXQ-0215");
        let otp = totp::code_at(&secret, crate::backend::Backend::now_ms(house.as_ref()));
        let stranger = confirm(otp.clone(), &ticket[..ticket.len() - 8]);
        assert_eq!(world.with(&token, Method::POST, &path, Some(&stranger)).await.refusal().1, "EXQ-0108");
        let enrolled = world.with(&token, Method::POST, &path, Some(&confirm(otp, ticket))).await.json();
        assert_eq!(enrolled["recovery_codes"].as_array().unwrap().len(), 10);
        assert_eq!(enrolled["session"]["must"], "nothing");
        let former = std::mem::replace(&mut token, enrolled["session"]["token"].as_str().unwrap().to_owned());
        assert_eq!(world.with(&former, Method::GET, base, None).await.refusal().1, "EXQ-0212");
        assert_eq!(world.with(&token, Method::GET, other, None).await.status.as_u16(), 200);
        let gone = world.with(&token, Method::DELETE, base, None).await;
        assert_eq!(gone.status.as_u16(), 200);
        assert_eq!(world.with(&token, Method::GET, base, None).await.refusal().1, "EXQ-0212");
    }
    assert_ne!(unbase32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), b"".to_vec());
    assert_eq!(unbase32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), SECRET);
}

/// RFC 4648, written apart from the code.
fn unbase32(text: &str) -> Vec<u8> {
    let five = |byte: u8| if byte.is_ascii_digit() { byte - b'2' + 26 } else { byte - b'A' };
    let bits: Vec<u8> = text.bytes().flat_map(|byte| (0..5).rev().map(move |bit| five(byte) >> bit & 1)).collect();
    bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}
