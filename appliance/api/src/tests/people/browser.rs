//! What a browser is told and asked: cookies, headers, and requests that other pages make it send.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use exchequer_domain::{Code, Problem};
use exchequer_state::people::Role;
use serde_json::json;

use super::super::World;
use super::{PASSWORD, admin, code, sign_in, unlimited, wait};

const HOST: &str = "house.example";
const ORIGIN: &str = "https://house.example";

struct Page {
    cookie: String,
    csrf: String,
}

fn asked(method: Method, path: &str, page: &Page, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut asked = Request::builder().method(method).uri(path).header(header::HOST, HOST);
    asked = asked.header(header::COOKIE, &page.cookie).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        asked = asked.header(*name, *value);
    }
    asked.body(Body::from(body.to_owned())).unwrap()
}

async fn page(world: &World) -> Page {
    let body = json!({ "name": "ada", "password": PASSWORD, "otp": code(&world.house) });
    let reply = sign_in(world, &body).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let (cookie, flags) = reply.header("set-cookie").split_once(';').unwrap();
    assert_eq!(flags, " Path=/; Secure; HttpOnly; SameSite=Strict");
    assert!(cookie.starts_with("__Host-exchequer="), "{cookie}");
    let json = reply.json();
    assert!(json["token"].is_null(), "a page gets no token that it could keep elsewhere");
    Page { cookie: cookie.to_owned(), csrf: json["csrf_token"].as_str().unwrap().to_owned() }
}

/// Goal: a page's session works from that page alone. Method: a change without the token against forgery, with one of
/// another session, from another origin, with no origin, with everything; and a read.
#[tokio::test]
async fn other_pages_change_nothing() {
    let world = World::new();
    unlimited(&world.house);
    admin(&world.house, "ada", &[Role::Owner], true);
    let one = page(&world).await;
    wait(&world.house, 30_000_000);
    let other = page(&world).await;
    let change = r#"{"value":"false","reason":"test"}"#;
    let path = "/v1/settings/autopilot.promote";
    let forged: [&[(&str, &str)]; 6] = [
        &[("origin", ORIGIN)],
        &[("origin", ORIGIN), ("x-csrf-token", &other.csrf)],
        &[("origin", ORIGIN), ("x-csrf-token", &one.csrf), ("x-csrf-token", &one.csrf)],
        &[("origin", "https://evil.example"), ("x-csrf-token", &one.csrf)],
        &[("origin", "http://house.example"), ("x-csrf-token", &one.csrf)],
        &[("x-csrf-token", &one.csrf)],
    ];
    let before = world.house.inside.lock().index;
    for headers in forged {
        let reply = world.raw(asked(Method::PUT, path, &one, headers, change)).await;
        assert_eq!(reply.refusal(), (403, "EXQ-0219".into()), "{headers:?}");
    }
    assert_eq!(world.house.inside.lock().index, before);
    let good = [("origin", ORIGIN), ("x-csrf-token", one.csrf.as_str())];
    assert_eq!(world.raw(asked(Method::PUT, path, &one, &good, change)).await.status, StatusCode::OK);
    assert_eq!(world.raw(asked(Method::GET, path, &one, &[], "")).await.status, StatusCode::OK);
    let foreign = [("origin", "https://evil.example")];
    assert_eq!(world.raw(asked(Method::GET, path, &one, &foreign, "")).await.refusal().1, "EXQ-0219");
    // A cookie that somebody else added beside it spoils both.
    let two = Page { cookie: format!("{}; {}", one.cookie, other.cookie), csrf: String::new() };
    assert_eq!(world.raw(asked(Method::GET, path, &two, &[], "")).await.refusal().1, "EXQ-0201");
    // Nobody is signed in by a stranger's form.
    let body = json!({ "name": "ada", "password": PASSWORD, "otp": code(&world.house) }).to_string();
    let nobody = Page { cookie: "a=b".into(), csrf: String::new() };
    let reply = world.raw(asked(Method::POST, "/v1/session", &nobody, &foreign, &body)).await;
    assert_eq!(reply.refusal().1, "EXQ-0219");
}

/// Goal: no token that was there before a sign-in is the session's afterwards, and signing out takes the cookie back and
/// makes the token worthless. Method: a sign-in that brings a cookie along; then the end.
#[tokio::test]
async fn tokens_are_always_fresh() {
    let world = World::new();
    unlimited(&world.house);
    admin(&world.house, "ada", &[Role::Owner], true);
    let planted = page(&world).await;
    wait(&world.house, 30_000_000);
    let body = json!({ "name": "ada", "password": PASSWORD, "otp": code(&world.house) }).to_string();
    let reply = world.raw(asked(Method::POST, "/v1/session", &planted, &[("origin", ORIGIN)], &body)).await;
    let fresh = reply.header("set-cookie").split_once(';').unwrap().0.to_owned();
    assert_ne!(fresh, planted.cookie);
    let csrf = reply.json()["csrf_token"].as_str().unwrap().to_owned();
    let session = Page { cookie: fresh, csrf };
    let headers = [("origin", ORIGIN), ("x-csrf-token", session.csrf.as_str())];
    let out = world.raw(asked(Method::DELETE, "/v1/session", &session, &headers, "")).await;
    assert_eq!(out.header("set-cookie"), "__Host-exchequer=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert_eq!(world.raw(asked(Method::GET, "/v1/session", &session, &[], "")).await.refusal().1, "EXQ-0212");
    assert_eq!(world.raw(asked(Method::GET, "/v1/session", &planted, &[], "")).await.status, StatusCode::OK);
}

/// Goal: every answer tells a browser to make nothing of it but data; that a node lives, and nothing else, is noticed by another
/// node's console. Method: an answer of each kind, and the word of a node that stops.
#[tokio::test]
async fn every_answer_is_protected() {
    let world = World::new();
    for path in ["/livez", "/v1/no-such", "/v1/status", "/v1/openapi.json", "/api/v3/time", "/metrics"] {
        let reply = world.get(path).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(reply.header(name), value, "{path}");
        }
        let elsewhere = if path == "/livez" { "cross-origin" } else { "same-origin" };
        assert_eq!(reply.header("cross-origin-resource-policy"), elsewhere, "{path}");
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    world.house.knobs.lock().status.role = exchequer_raft::Role::Stopped;
    let stopping = world.get("/livez").await;
    assert_eq!(stopping.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        stopping.header("cross-origin-resource-policy"),
        "same-origin",
        "a node that stops is not to be gone on at"
    );
}

/// Goal: a browser that signs out of a session which is over forgets its cookie too, and nothing else makes it forget: neither a
/// forged request nor an end that could not be written, which is to be tried again. Method: each of them, and a program.
#[tokio::test]
async fn a_cookie_goes_with_its_session() {
    let world = World::new();
    unlimited(&world.house);
    admin(&world.house, "ada", &[Role::Owner], true);
    let page = page(&world).await;
    let own = [("origin", ORIGIN), ("x-csrf-token", page.csrf.as_str())];
    let out = async |page: &Page, headers: &[(&str, &str)]| {
        let reply = world.raw(asked(Method::DELETE, "/v1/session", page, headers, "")).await;
        (reply.refusal().1, reply.headers.get(header::SET_COOKIE).is_some())
    };
    assert_eq!(out(&page, &[("origin", "https://evil.example")]).await, ("EXQ-0219".into(), false));
    world.house.knobs.lock().refuse = Some(Problem::new(Code::NoQuorum, "no majority answers"));
    assert_eq!(out(&page, &own).await, ("EXQ-0304".into(), false));
    world.house.knobs.lock().refuse = None;
    // It ends elsewhere; this browser does not know yet.
    let token = format!("exqs_{}", page.cookie.split_once('=').unwrap().1);
    assert_eq!(world.with(&token, Method::DELETE, "/v1/session", None).await.status, StatusCode::OK);
    assert_eq!(out(&page, &own).await, ("EXQ-0212".into(), true));
    let reply = world.raw(asked(Method::DELETE, "/v1/session", &page, &own, "")).await;
    assert_eq!(reply.header("set-cookie"), "__Host-exchequer=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    let seen = world.raw(asked(Method::GET, "/v1/session", &page, &own, "")).await;
    assert!(
        seen.refusal().1 == "EXQ-0212" && seen.headers.get(header::SET_COOKIE).is_none(),
        "a look takes nothing away"
    );
    let doubled = Page { cookie: format!("{}; {}", page.cookie, page.cookie), csrf: String::new() };
    assert_eq!(out(&doubled, &own).await, ("EXQ-0201".into(), true));
    let nobody = Page { cookie: "a=b".into(), csrf: String::new() };
    assert_eq!(out(&nobody, &own).await, ("EXQ-0201".into(), false));
    let program = world.with(&token, Method::DELETE, "/v1/session", None).await;
    assert!(program.refusal().1 == "EXQ-0212" && program.headers.get(header::SET_COOKIE).is_none());
}
