//! The table of routes: who may use them, and that nothing but refusals comes out of wrong requests.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use super::memory::{Memory, TOKEN};
use super::{World, request};
use crate::route::Access;

/// A path with something in its variable part.
fn concrete(path: &str) -> String {
    path.replace("{key}", "a")
        .replace("{id}", "00")
        .replace("{user}", "1")
        .replace("{symbol}", "BTCUSDT")
        .replace("{worker}", "selftest%2F1")
        .replace("{network}", "tron")
        .replace("{name}", "a")
        .replace("{network}", "tron")
        .replace("{symbol}", "BTCUSDT")
        .replace("{consumer}", "a")
        .replace("{name}", "a")
        .replace("{name}", "a")
        .replace("{network}", "tron")
        .replace("{id}", "00")
        .replace("{user}", "1")
        .replace("{symbol}", "BTCUSDT")
        .replace("{worker}", "selftest%2F1")
}

/// Goal: no route is open by mistake. Method: the routes that need neither a token nor a session are exactly those listed
/// here.
#[test]
fn only_these_routes_need_nobody() {
    let open: Vec<(&str, Access)> = crate::routes()
        .iter()
        .filter(|route| !route.access.is_for_admins() && ![Access::ApiKey, Access::Customer].contains(&route.access))
        .map(|route| (route.path, route.access))
        .collect();
    assert_eq!(
        open,
        [
            ("/livez", Access::Open),
            ("/readyz", Access::Open),
            ("/leader", Access::Open),
            ("/metrics", Access::Open),
            ("/", Access::Open),
            ("/ui", Access::Open),
            ("/ui/", Access::Open),
            ("/ui/{*path}", Access::Open),
            ("/v1/openapi.json", Access::Open),
            ("/v1/openapi-spot.json", Access::Open),
            ("/v1/cluster/join", Access::JoinToken),
            ("/v1/session", Access::SignIn),
            ("/v1/users/session", Access::SignIn),
        ]
    );
    assert_eq!(
        crate::routes().iter().filter(|route| route.access != Access::ApiKey).count(),
        219,
        "a new route is to be counted here, after a look at who may use it"
    );
}

/// Goal: every other route refuses a request without the token, with a wrong one, and with something else in its
/// place, before it looks at anything else. Method: every route of the table and of the gateway, without a body.
#[tokio::test]
async fn every_other_route_needs_the_operator_token() {
    let world = World::new();
    for route in crate::routes().iter().filter(|route| route.access.is_for_admins()) {
        let path = concrete(route.path);
        for (token, code) in [(None, "EXQ-0201"), (Some("exq_wrong"), "EXQ-0202"), (Some("x"), "EXQ-0202")] {
            let reply = world.send(request(route.method.clone(), &path, token, None)).await;
            assert_eq!(reply.refusal(), (401, code.to_owned()), "{} {path}", route.method);
            assert_eq!(reply.header("www-authenticate"), "Bearer");
        }
        let basic =
            Request::builder().method(route.method.clone()).uri(&path).header(header::AUTHORIZATION, "Basic eA==");
        assert_eq!(world.send(basic.body(Body::empty()).unwrap()).await.refusal(), (401, "EXQ-0202".into()));
        let twice = request(route.method.clone(), &path, Some(TOKEN), None);
        let (mut parts, body) = twice.into_parts();
        parts.headers.append(header::AUTHORIZATION, "Bearer exq_wrong".parse().unwrap());
        assert_eq!(world.send(Request::from_parts(parts, body)).await.refusal(), (401, "EXQ-0202".into()));
    }
    let methods = ["gateway.v1.Gateway/Submit", "gateway.v1.Gateway/SubmitStream", "events.v1.Events/Subscribe"];
    for method in methods.into_iter().chain(["events.v1.Events/Commit"]) {
        let path = format!("/exchequer.{method}");
        let mut call = request(Method::POST, &path, None, None);
        call.headers_mut().insert(header::CONTENT_TYPE, "application/grpc".parse().unwrap());
        assert_eq!(world.send(call).await.header("grpc-status"), "16", "unauthenticated");
    }
    assert_eq!(world.house.knobs.lock().calls, Vec::<String>::new(), "nothing was asked of the node");
}

/// Goal: a node whose cluster is not made yet says so instead of calling every token wrong.
#[tokio::test]
async fn before_the_bootstrap_nothing_is_served() {
    let house = Arc::new(Memory::empty());
    let world = World { router: crate::router(house.clone()), house };
    assert_eq!(world.get("/v1/status").await.refusal(), (503, "EXQ-0105".into()));
    assert_eq!(world.get("/livez").await.status, StatusCode::OK);
}

/// Goal: the token that holds is asked at each request, and a rotation can be sent again with the same outcome. Method:
/// rotate it, by the hash of the new one, twice under one id.
#[tokio::test]
async fn a_rotated_token_is_refused() {
    let world = World::new();
    let bad = r#"{"new_hash":"06","reason":"it leaked"}"#;
    assert_eq!(world.post("/v1/operator-token/rotate", bad).await.refusal(), (400, "EXQ-0108".into()));
    let (hash, id) = ("06".repeat(32), "07".repeat(16));
    let body = format!(r#"{{"new_hash":"{hash}","reason":"it leaked","command_id":"{id}"}}"#);
    let reply = world.post("/v1/operator-token/rotate", &body).await;
    assert_eq!(reply.json()["command_id"], id);
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(world.get("/v1/status").await.refusal(), (401, "EXQ-0202".into()));
    assert_eq!(world.send(request(Method::GET, "/v1/status", Some("exq_next"), None)).await.status, StatusCode::OK);
    let again = world.send(request(Method::POST, "/v1/operator-token/rotate", Some("exq_next"), Some(&body))).await;
    assert_eq!((again.status, &again.json()["command_id"]), (StatusCode::OK, &reply.json()["command_id"]));
}

/// Goal: whatever a route is sent instead of what it takes, the answer is a refusal in the one form. Method: every
/// route that takes a body, with each kind of broken body.
#[tokio::test]
async fn broken_bodies_are_refused_in_the_one_form() {
    let world = World::new();
    let large = format!(r#"{{"reason":"{}"}}"#, "x".repeat(2 << 20));
    let ours = |route: &&crate::route::Route| {
        let has_body = route.note.as_ref().is_some_and(|note| note.shape.body.is_some());
        has_body
            && matches!(
                route.access,
                Access::Operator
                    | Access::Permitted(_)
                    | Access::PermittedOrOwn(_)
                    | Access::SignIn
                    | Access::JoinToken
            )
    };
    for route in crate::routes().iter().filter(ours) {
        let path = concrete(route.path);
        let call = |body: &str| request(route.method.clone(), &path, Some(TOKEN), Some(body));
        for body in ["", "{", "[]", "nonsense", r#"{"no_such_field":1}"#, r#"{"reason":7}"#] {
            let reply = world.send(call(body)).await;
            assert_eq!(reply.refusal(), (400, "EXQ-0108".into()), "{path} with {body}: {}", reply.message());
        }
        assert_eq!(world.send(call(&large)).await.refusal(), (413, "EXQ-0110".into()), "{path}");
        let (parts, _) = call("").into_parts();
        let bad_utf8 = Request::from_parts(parts, Body::from(b"{\"reason\":\"\xff\"}".to_vec()));
        assert_eq!(world.send(bad_utf8).await.refusal(), (400, "EXQ-0108".into()), "{path}");
        let (mut parts, body) = call("{}").into_parts();
        parts.headers.remove(header::CONTENT_TYPE);
        let untyped = Request::from_parts(parts, body);
        assert_eq!(world.send(untyped).await.refusal(), (415, "EXQ-0108".into()), "{path}");
    }
    assert_eq!(world.house.knobs.lock().calls, Vec::<String>::new(), "nothing was asked of the node");
}

/// Goal: a body that does not say how long it is has the same limit. Method: a stream of pieces.
#[tokio::test]
async fn bodies_of_unknown_length_are_limited() {
    let world = World::new();
    let (parts, _) = request(Method::POST, "/v1/snapshot", Some(TOKEN), Some("")).into_parts();
    let pieces = (0..2048).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 1024])));
    let endless = Request::from_parts(parts, Body::from_stream(futures::stream::iter(pieces)));
    assert_eq!(world.send(endless).await.refusal(), (413, "EXQ-0110".into()));
}

/// Goal: addresses and methods that do not exist are refused in the one form too.
#[tokio::test]
async fn unknown_addresses_and_methods() {
    let world = World::new();
    for path in ["/v1", "/v1/", "/v1/no-such", "/v2/status", "/exchequer.gateway.v2.Gateway/Submit"] {
        assert_eq!(world.get(path).await.refusal(), (404, "EXQ-0109".into()), "{path}");
    }
    let reply = world.call(Method::DELETE, "/v1/settings", None).await;
    assert_eq!(reply.refusal(), (405, "EXQ-0108".into()));
    assert!(reply.message().contains("DELETE"), "{}", reply.message());
    assert_eq!(reply.header("allow"), "GET,HEAD");
    let reply = world.post("/livez", "{}").await;
    assert_eq!(reply.refusal(), (405, "EXQ-0108".into()));
}

/// Goal: a panic in a handler, or in a change it began, is a refusal and not a lost connection.
#[tokio::test]
async fn panics_are_refusals() {
    let world = World::new();
    world.house.knobs.lock().panic = true;
    for path in ["/v1/scratch/a", "/v1/settings"] {
        assert_eq!(world.get(path).await.refusal(), (500, "EXQ-0112".into()), "{path}");
    }
    let reply = world.post("/v1/cluster/remove", r#"{"node":1,"reason":"test"}"#).await;
    assert_eq!(reply.refusal(), (500, "EXQ-0112".into()));
    assert!(!reply.text().contains("asked for"), "what panicked stays in the log: {}", reply.text());
}

/// Goal: every answer names its node and its request. Method: a refusal and a success, with and without an id.
#[tokio::test]
async fn answers_name_node_and_request() {
    let world = World::new();
    for path in ["/livez", "/v1/no-such", "/v1/status"] {
        let reply = world.get(path).await;
        assert_eq!(reply.header("exq-node"), "1");
        assert_eq!(reply.header("x-request-id").len(), 32);
    }
    let mut named = request(Method::GET, "/livez", None, None);
    named.headers_mut().insert("x-request-id", "mine".parse().unwrap());
    assert_eq!(world.send(named).await.header("x-request-id"), "mine");
}
