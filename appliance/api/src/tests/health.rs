//! Health and metrics.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use exchequer_raft::Role;

use super::memory::member;
use super::{World, request};
use crate::backend::Check;

fn check(name: &'static str, good: bool, detail: &str) -> Check {
    Check { name, good, detail: detail.into() }
}

/// Goal: a load balancer sees ready or not, an operator sees why. Method: text and JSON, with a check that concerns
/// writes alone.
#[tokio::test]
async fn readiness_says_why() {
    let world = World::new();
    world.house.knobs.lock().checks = vec![check("leader", true, "n1"), check("disk", false, "the disk is full")];
    let get = async |path| world.send(request(Method::GET, path, None, None)).await;
    let reply = get("/readyz").await;
    assert_eq!((reply.status, reply.text().as_str()), (StatusCode::OK, "[+]leader ok\n"));
    for path in ["/readyz?write", "/readyz?write=true&format=text"] {
        let reply = get(path).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(reply.text(), "[+]leader ok\n[-]disk: the disk is full\n");
    }
    let reply = get("/readyz?write&format=json").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let json = reply.json();
    assert_eq!((&json["ready"], &json["checks"][1]["detail"]), (&false.into(), &"the disk is full".into()));
    for path in ["/readyz?wirte", "/readyz?format=xml", "/readyz?write=maybe", "/readyz?write&write"] {
        assert_eq!(get(path).await.refusal(), (400, "EXQ-0108".into()), "{path}");
    }
}

/// Goal: `/leader` is good only where writes may go. Method: a leader, one that lost its majority, one whose
/// activation is not applied, a follower, and a node that knows no leader.
#[tokio::test]
async fn leader_only_with_a_majority_behind_it() {
    let world = World::new();
    let get = async || {
        let reply = world.send(request(Method::GET, "/leader", None, None)).await;
        (reply.status.as_u16(), reply.text())
    };
    assert_eq!(get().await, (200, "n1 (node 1) leads\n".into()));
    world.house.knobs.lock().status.quorum_age = None;
    assert_eq!(get().await.0, 200, "the only voter has itself");
    world.house.knobs.lock().status.members.insert(2, member("n2", true));
    assert_eq!(get().await.0, 503);
    world.house.knobs.lock().status.quorum_age = Some(Duration::from_millis(999));
    assert_eq!(get().await.0, 200);
    world.house.knobs.lock().status.quorum_age = Some(Duration::from_millis(1001));
    assert_eq!(get().await.0, 503);
    {
        let status = &mut world.house.knobs.lock().status;
        (status.quorum_age, status.epoch) = (Some(Duration::ZERO), None);
    }
    assert_eq!(get().await.0, 503);
    {
        let status = &mut world.house.knobs.lock().status;
        (status.role, status.leader) = (Role::Follower, Some((2, String::new())));
    }
    assert_eq!(get().await, (503, "n2 (node 2) leads\n".into()));
    world.house.knobs.lock().status.leader = None;
    assert_eq!(get().await, (503, "no leader is known\n".into()));
}

/// Goal: a process is dead only when it stops, and metrics have the type that Prometheus asks for.
#[tokio::test]
async fn liveness_and_metrics() {
    let world = World::new();
    world.house.knobs.lock().status.role = Role::Candidate;
    assert_eq!(world.get("/livez").await.text(), "ok\n");
    world.house.knobs.lock().status.role = Role::Stopped;
    assert_eq!(world.get("/livez").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let reply = world.send(request(Method::GET, "/metrics", None, None)).await;
    assert_eq!(
        (reply.header("content-type"), reply.text().as_str()),
        ("text/plain; version=0.0.4", "exchequer_up 1\n")
    );
}
