//! Bad input of operators: each gets its code, and nothing changes.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use exchequer_domain::{Code, Problem};
use serde_json::json;

use super::memory::Memory;
use super::{World, request};
use crate::app::App;
use crate::problem::Refused;
use crate::route::{self, Route};

fn join(token: &str, name: &str) -> String {
    json!({
        "token": token, "name": name, "api_address": "h:1", "peer_address": "h:2", "certificate_request": "",
        "release": "0.1.0", "logic": 1, "replaces": null,
    })
    .to_string()
}

/// Goal: a join token admits one node in its time, without the operator token; after that each reason has its code.
#[tokio::test]
async fn join_tokens() {
    let world = World::new();
    let make = async |ttl: &str| {
        let reply = world.post("/v1/cluster/tokens", &json!({"ttl": ttl, "reason": "grow"}).to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()["token"].as_str().unwrap().to_owned()
    };
    let (used, expired) = (make("15m").await, make("1s").await);
    let call = async |body: &str| world.send(request(Method::POST, "/v1/cluster/join", None, Some(body))).await;
    assert_eq!(call(&join("exqj_77", "n2")).await.refusal(), (403, "EXQ-0203".into()));
    let joined = call(&join(&used, "n2")).await;
    assert_eq!(joined.json()["cluster_id"], "07".repeat(16));
    assert_eq!(call(&join(&used, "n3")).await.refusal(), (403, "EXQ-0205".into()));
    world.house.inside.lock().now.0 += 2_000_000;
    assert_eq!(call(&join(&expired, "n3")).await.refusal(), (403, "EXQ-0204".into()));
    let taken = make("15m").await;
    assert_eq!(call(&join(&taken, "n1")).await.refusal(), (409, "EXQ-0309".into()));
    for ttl in ["15", "x", "1ms", "8d"] {
        let body = json!({"ttl": ttl, "reason": "grow"}).to_string();
        assert_eq!(world.post("/v1/cluster/tokens", &body).await.refusal(), (400, "EXQ-0108".into()), "{ttl}");
    }
}

/// Goal: every change asks for a reason that the audit takes, before anything is done. Method: every route that has
/// one, without it, with a blank one, and with one that is too long.
#[tokio::test]
async fn reasons() {
    let world = World::new();
    for (path, mut body) in [
        ("/v1/cluster/tokens", json!({})),
        ("/v1/cluster/learners", json!({"node": 1})),
        ("/v1/cluster/promote", json!({"node": 1})),
        ("/v1/cluster/remove", json!({"node": 1})),
        ("/v1/cluster/transfer-leader", json!({})),
        ("/v1/cluster/certificates/rotate", json!({})),
        ("/v1/settings/revert", json!({"to_revision": 0})),
        ("/v1/snapshot", json!({})),
        ("/v1/keyring/export", json!({})),
        ("/v1/operator-token/rotate", json!({"new_hash": "06".repeat(32)})),
    ] {
        assert_eq!(world.post(path, &body.to_string()).await.refusal(), (400, "EXQ-0108".into()), "{path}");
        body["reason"] = json!(" \t");
        assert_eq!(world.post(path, &body.to_string()).await.refusal(), (422, "EXQ-0406".into()), "{path}");
        body["reason"] = json!("é".repeat(251));
        assert_eq!(world.post(path, &body.to_string()).await.refusal(), (413, "EXQ-0110".into()), "{path}");
        assert_eq!(world.house.knobs.lock().calls, Vec::<String>::new(), "{path}");
        body["reason"] = json!("drill");
        let reply = world.post(path, &body.to_string()).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        world.house.knobs.lock().calls.clear();
        world.house.knobs.lock().token = super::TOKEN;
    }
}

/// Goal: what the cluster refuses reaches the client with its code and a fitting status.
#[tokio::test]
async fn refusals_of_the_cluster() {
    let world = World::new();
    let node = r#"{"node":"n1","reason":"test"}"#;
    for (path, code, status) in [
        ("/v1/cluster/remove", Code::WouldLoseQuorum, 409),
        ("/v1/cluster/promote", Code::LearnerLagging, 409),
        ("/v1/cluster/learners", Code::AlreadyDone, 409),
        ("/v1/cluster/remove", Code::NoQuorum, 503),
        ("/v1/cluster/promote", Code::ChangeInProgress, 409),
        ("/v1/cluster/learners", Code::NodeRemoved, 410),
    ] {
        world.house.knobs.lock().refuse = Some(Problem::new(code, "as the test says"));
        assert_eq!(world.post(path, node).await.refusal(), (status, code.to_string()), "{path}");
    }
    for (code, status) in
        [(Code::DiskFull, 507), (Code::Overloaded, 429), (Code::NoLeader, 503), (Code::SandboxOnly, 403)]
    {
        world.house.knobs.lock().refuse = Some(Problem::new(code, "as the test says"));
        let reply = world.put("/v1/scratch/a", r#"{"value":""}"#).await;
        assert_eq!(reply.refusal(), (status, code.to_string()));
        assert_eq!(reply.header("exq-command-id").len(), 32);
    }
}

/// Goal: a node is named by id or name and nothing is done to a wrong one. Method: good and bad references; a node
/// whose name is a number is not taken for the node with that id.
#[tokio::test]
async fn nodes_by_id_and_name() {
    let world = World::new();
    for (node, good) in [
        (json!(1), true),
        (json!("1"), true),
        (json!("n1"), true),
        (json!(2), false),
        (json!("n2"), false),
        (json!(""), false),
        (json!(0), false),
    ] {
        world.house.knobs.lock().calls.clear();
        let reply = world.post("/v1/cluster/remove", &json!({"node": node, "reason": "test"}).to_string()).await;
        if good {
            assert_eq!(reply.json(), json!({"id": 1, "node": "n1"}), "{node}");
            assert_eq!(world.house.knobs.lock().calls, ["remove 1 test"]);
        } else {
            assert_eq!(reply.refusal(), (404, "EXQ-0308".into()), "{node}");
            assert_eq!(world.house.knobs.lock().calls, Vec::<String>::new());
        }
    }
    for node in [json!(-1), json!(1.5), json!(null), json!([1])] {
        let body = json!({"node": node, "reason": "test"}).to_string();
        assert_eq!(world.post("/v1/cluster/remove", &body).await.refusal(), (400, "EXQ-0108".into()), "{node}");
    }
    let token = world.post("/v1/cluster/tokens", r#"{"reason":"grow"}"#).await.json()["token"].clone();
    let named = join(token.as_str().unwrap(), "1");
    let joined = world.send(request(Method::POST, "/v1/cluster/join", None, Some(&named))).await.json();
    assert_ne!(joined["node_id"], 1);
    let removed = world.post("/v1/cluster/remove", r#"{"node":"1","reason":"test"}"#).await.json();
    assert_eq!(removed, json!({"id": 1, "node": "n1"}));
}

/// Goal: an answer that never comes is a refusal in the one form, and says whether something may have happened.
/// Method: a handler that never answers, on routes that wait a moment.
#[tokio::test]
async fn answers_that_never_come() {
    let house = Arc::new(Memory::new());
    let app = App::new(house.clone());
    let never = async || -> Result<(), Refused> {
        std::future::pending::<()>().await;
        Ok(())
    };
    let mut routes = vec![Route::with(Method::GET, "/read", never), Route::with(Method::POST, "/change", never)];
    for route in &mut routes {
        route.patience = Duration::from_millis(20);
    }
    let world = World { house, router: route::surround(&app, route::assemble(&app, routes)) };
    assert_eq!(world.get("/read").await.refusal(), (504, "EXQ-0313".into()));
    assert_eq!(world.post("/change", "{}").await.refusal(), (504, "EXQ-0305".into()));
}
