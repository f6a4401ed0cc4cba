//! What a thief of a session, or whoever knows a name, gets at the doors.

use axum::body::Body;
use axum::http::{Method, header};
use exchequer_state::people::{Permission, Principal, Role};
use exchequer_state::settings::Value;
use exchequer_state::{Body as Change, SetSetting};
use serde_json::json;

use super::super::{World, request};
use super::{MINUTE_US, PASSWORD, admin, customer, session, sign_in_from, typed, unlimited, wait};
use crate::people::token::Token;
use crate::route::{Access, Fresh};

/// Goal: what a thief of a session wants is asked for with a second factor, whatever attention it asks for, and what gives
/// away the keyring or everything is of few. Method: the whole list, by hand.
#[test]
fn what_asks_for_a_fresh_factor() {
    let routes = crate::routes();
    let of = |fresh: Fresh| -> Vec<(&str, &str)> {
        let found = routes.iter().filter(|route| route.fresh == fresh);
        let mut found: Vec<_> = found.map(|route| (route.method.as_str(), route.path)).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(
        of(Fresh::Always),
        [
            ("PATCH", "/v1/admins/{name}"),
            ("POST", "/v1/admins"),
            ("POST", "/v1/admins/{name}/reset"),
            ("POST", "/v1/approval-keys"),
            ("POST", "/v1/approval-keys/{id}/revoke"),
            ("POST", "/v1/cluster/tokens"),
            ("POST", "/v1/deposits/{deposit}/assign"),
            ("POST", "/v1/directives/release"),
            ("POST", "/v1/emergency/resume"),
            ("POST", "/v1/emergency/stop"),
            ("POST", "/v1/keyring/export"),
            ("POST", "/v1/ledger/revert"),
            ("POST", "/v1/ledger/transfers"),
            ("POST", "/v1/maintenance/system"),
            ("POST", "/v1/networks/{network}/nonce"),
            ("POST", "/v1/payouts/{payout}/review"),
            ("POST", "/v1/reconciliation/discrepancies/{discrepancy}/adjust"),
            ("POST", "/v1/reconciliation/{stop}/resume"),
            ("POST", "/v1/scans/{network}/apply"),
            ("POST", "/v1/scans/{network}/resume"),
            ("POST", "/v1/secrets/{name}/remove"),
            ("POST", "/v1/session/recovery-codes"),
            ("POST", "/v1/snapshot"),
            ("POST", "/v1/users/session/recovery-codes"),
            ("POST", "/v1/users/{user}/api-keys"),
            ("POST", "/v1/users/{user}/credentials"),
            ("POST", "/v1/wallets"),
            ("POST", "/v1/workers/binaries"),
            ("POST", "/v1/workers/binaries/use"),
            ("PUT", "/v1/secrets/{name}"),
            ("PUT", "/v1/withdrawal-policy"),
        ]
    );
    assert_eq!(
        of(Fresh::Sometimes),
        [
            ("POST", "/v1/settings/revert"),
            ("POST", "/v1/settings/{key}/unset"),
            ("PUT", "/v1/networks/{network}"),
            ("PUT", "/v1/settings/{key}"),
        ]
    );
    let needs =
        |path: &str| routes.iter().find(|route| route.path == path && route.method == Method::POST).unwrap().access;
    for (path, permission) in [
        ("/v1/cluster/tokens", Permission::ClusterAdmit),
        ("/v1/snapshot", Permission::SnapshotSave),
        ("/v1/events/consumers", Permission::EventsConsume),
        ("/v1/events/consumers/{consumer}/commit", Permission::EventsConsume),
        ("/v1/events/consumers/{consumer}/remove", Permission::EventsConsume),
    ] {
        assert_eq!(needs(path), Access::Permitted(permission), "{path}");
    }
}

/// Goal: a setting of the highest danger, and a network's endpoints and confirmations, want a second factor that was shown
/// just now, in whatever way they are changed; what is switched in a hurry does not. Method: an owner's session, fresh and a
/// minute later; each way, before and after.
#[tokio::test]
async fn settings_and_networks_ask_by_what_is_touched() {
    let world = World::new();
    let house = &world.house;
    let ada = Principal::Admin(admin(house, "ada", &[Role::Owner], true));
    let value = |value: &str| json!({ "value": value, "reason": "test" });
    let reason = || json!({ "reason": "test" });
    let (put, post) = (Method::PUT, Method::POST);
    let dangerous = [
        (put.clone(), "/v1/settings/autopilot.min_quorum", value("3")),
        (put.clone(), "/v1/settings/people.lock_after", value("50")),
        (post.clone(), "/v1/settings/people.lock_after/unset", reason()),
        (post.clone(), "/v1/settings/revert", json!({ "to_revision": 0, "reason": "test" })),
        (put.clone(), "/v1/networks/tron", json!({ "endpoints": ["https://n.example"], "reason": "test" })),
        (put.clone(), "/v1/networks/tron", json!({ "withdrawable": 40, "reason": "test" })),
        (put.clone(), "/v1/networks/tron", json!({ "fee_max": "40", "reason": "test" })),
    ];
    for (method, path, body) in dangerous {
        let token = session(house, ada);
        wait(house, MINUTE_US);
        let stale = world.with(&token, method.clone(), path, Some(&body)).await;
        assert_eq!(stale.refusal(), (403, "EXQ-0216".into()), "{path} {body}");
        let fresh = world.with(&session(house, ada), method, path, Some(&body)).await;
        assert_eq!(fresh.status.as_u16(), 200, "{path} {body}: {}", fresh.text());
    }
    let token = session(house, ada);
    wait(house, MINUTE_US);
    for (path, body) in [
        ("/v1/settings/autopilot.promote", value("false")),
        ("/v1/networks/tron", json!({ "withdrawals": false, "reason": "test" })),
    ] {
        assert_eq!(world.with(&token, put.clone(), path, Some(&body)).await.status.as_u16(), 200, "{path}");
    }
    let back = json!({ "to_revision": house.inside.lock().state.settings().revision() - 1, "reason": "test" });
    let harmless = world.with(&token, post, "/v1/settings/revert", Some(&back)).await;
    assert_eq!(harmless.status.as_u16(), 200, "{}", harmless.text());
}

/// Goal: through a node that is out of touch no session changes anything, since it may have been ended elsewhere; it reads,
/// and the operator token works. Method: both sides of the limit.
#[tokio::test]
async fn a_node_out_of_touch_takes_no_changes_of_sessions() {
    let world = World::new();
    let house = &world.house;
    let ada = Principal::Admin(admin(house, "ada", &[Role::Owner], true));
    let token = session(house, ada);
    let path = "/v1/settings/autopilot.promote";
    let body = json!({ "value": "false", "reason": "test" });
    let within = std::time::Duration::from_secs(2);
    house.knobs.lock().age = within;
    assert_eq!(world.with(&token, Method::PUT, path, Some(&body)).await.status.as_u16(), 200);
    house.knobs.lock().age = within + std::time::Duration::from_millis(1);
    assert_eq!(world.with(&token, Method::PUT, path, Some(&body)).await.refusal(), (503, "EXQ-0317".into()));
    assert_eq!(world.with(&token, Method::GET, path, None).await.status.as_u16(), 200);
    assert_eq!(world.call(Method::PUT, path, Some(&body.to_string())).await.status.as_u16(), 200);
}

/// Goal: what a browser sends along by itself commits no offset over gRPC, where nothing proves that its page asked. Method:
/// the cookie of a session whose token, shown as bearer, does.
#[tokio::test]
async fn a_cookie_is_nothing_to_programs() {
    let world = World::new();
    let token = session(&world.house, Principal::Admin(admin(&world.house, "ada", &[Role::Owner], true)));
    let secret = token.strip_prefix("exqs_").unwrap();
    assert!(Token::parse(secret).is_some());
    let call = |name: header::HeaderName, value: String| {
        let mut call = request(Method::POST, "/exchequer.events.v1.Events/Commit", None, None);
        call.headers_mut().insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap());
        call.headers_mut().insert(name, value.parse().unwrap());
        // An empty message in its frame.
        *call.body_mut() = Body::from(vec![0_u8; 5]);
        call
    };
    let cookie = world.send(call(header::COOKIE, format!("__Host-exchequer={secret}"))).await;
    assert_eq!(cookie.header("grpc-status"), "16", "unauthenticated");
    let bearer = world.send(call(header::AUTHORIZATION, format!("Bearer {token}"))).await;
    assert!(!bearer.headers.contains_key("grpc-status"), "it got in: {:?}", bearer.headers);
    let reads = session(&world.house, Principal::Admin(admin(&world.house, "bob", &[Role::Auditor], true)));
    let follower = world.send(call(header::AUTHORIZATION, format!("Bearer {reads}"))).await;
    assert_eq!(follower.header("grpc-status"), "7", "who only follows events moves no offsets");
}

/// Goal: freezing a customer ends what it has open and keeps it out, with the one refusal; and staff ends its sessions
/// without freezing it, if they may change users. Method: over the doors.
#[tokio::test]
async fn staff_signs_a_customer_out() {
    let world = World::new();
    let house = &world.house;
    unlimited(house);
    let user = Principal::User(customer(house));
    let ada = Principal::Admin(admin(house, "ada", &[Role::Owner], true));
    let bob = Principal::Admin(admin(house, "bob", &[Role::Support], true));
    let reason = json!({ "reason": "asked by telephone" });
    let path = "/v1/users/1/sessions/revoke";
    let (first, second) = (session(house, user), session(house, user));
    let refused = world.with(&session(house, bob), Method::POST, path, Some(&reason)).await;
    assert_eq!(refused.refusal(), (403, "EXQ-0213".into()));
    let ended = world.with(&session(house, ada), Method::POST, path, Some(&reason)).await;
    assert_eq!(ended.json()["sessions"], 2);
    for token in [first, second] {
        assert_eq!(world.with(&token, Method::GET, "/v1/users/1", None).await.refusal().1, "EXQ-0212");
    }
    let nobody = world.with(&session(house, ada), Method::POST, "/v1/users/9/sessions/revoke", Some(&reason)).await;
    assert_eq!(nobody.refusal().0, 404);

    let open = session(house, user);
    let typed = json!({ "name": "u1", "password": PASSWORD, "bearer": true });
    let sign_in = async || sign_in_from(&world, "192.0.2.1:5", "/v1/users/session", &typed).await;
    assert_eq!(sign_in().await.status.as_u16(), 200);
    let status = |status: &str| json!({ "status": status, "reason": "odd" });
    let ada = session(house, ada);
    assert_eq!(world.with(&ada, Method::PATCH, "/v1/users/1", Some(&status("frozen"))).await.status.as_u16(), 200);
    assert_eq!(world.with(&open, Method::GET, "/v1/users/1", None).await.refusal().1, "EXQ-0212");
    assert_eq!(sign_in().await.refusal(), (401, "EXQ-0211".into()));
    assert_eq!(world.with(&ada, Method::PATCH, "/v1/users/1", Some(&status("active"))).await.status.as_u16(), 200);
    assert_eq!(sign_in().await.status.as_u16(), 200);
}

/// Goal: a session that is used is not over, also where it may be unused for less than the minute in which its use is put
/// down. Method: half a minute at most, and a request every ten seconds.
#[tokio::test]
async fn a_short_session_in_use_goes_on() {
    let world = World::new();
    let house = &world.house;
    let (key, value) = ("people.admin_session_idle".to_owned(), Value::DurationUs(MINUTE_US));
    house.run(Change::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
    let token = session(house, Principal::Admin(admin(house, "ada", &[Role::Owner], true)));
    for second in (0..300).step_by(20) {
        wait(house, 20_000_000);
        let reply = world.with(&token, Method::GET, "/v1/status", None).await;
        assert_eq!(reply.status.as_u16(), 200, "after {second} s");
        // What puts the use down runs beside the request.
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }
    wait(house, MINUTE_US);
    assert_eq!(world.with(&token, Method::GET, "/v1/status", None).await.refusal().1, "EXQ-0212");
}

/// Goal: an admin's name is never another one's number. Method: the door that makes admins.
#[tokio::test]
async fn a_name_is_no_number() {
    let world = World::new();
    let ada = Principal::Admin(admin(&world.house, "ada", &[Role::Owner], true));
    let make = |name: &str| json!({ "name": name, "person": "Eve", "roles": ["support"], "reason": "hired" });
    let token = session(&world.house, ada);
    let refused = world.with(&token, Method::POST, "/v1/admins", Some(&make("1"))).await;
    assert_eq!(refused.refusal(), (400, "EXQ-0108".into()));
    assert_eq!(world.with(&token, Method::POST, "/v1/admins", Some(&make("1a"))).await.status.as_u16(), 200);
}

/// Goal: whoever knows a name keeps nobody out who signs in from where they did before. Method: an admin signs in, strangers
/// fail, the admin signs in again; from elsewhere it has to wait.
#[tokio::test]
async fn strangers_do_not_lock_anybody_out() {
    let world = World::new();
    let house = &world.house;
    unlimited(house);
    admin(house, "ada", &[Role::Owner], true);
    let good = async |address: &str| {
        wait(house, MINUTE_US / 2);
        sign_in_from(&world, address, "/v1/session", &typed(house, "ada")).await.status.as_u16()
    };
    assert_eq!(good("192.0.2.1:5").await, 200);
    let wrong = json!({ "name": "ada", "password": "wrong wrong wrong", "otp": "000000" });
    for host in 1..=5 {
        sign_in_from(&world, &format!("198.51.100.{host}:9"), "/v1/session", &wrong).await;
    }
    assert_eq!(good("203.0.113.1:5").await, 401, "nobody has signed in from there");
    assert_eq!(good("192.0.2.77:5").await, 200, "a neighbour");
}
