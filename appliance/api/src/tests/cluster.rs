//! The cluster as a node shows it, and the changes that are more than one command.

use std::time::Duration;

use bytes::Bytes;
use exchequer_domain::NodeId;
use exchequer_raft::{PeerView, Role};
use exchequer_state::registry::NodeVersion;
use exchequer_state::{AdmitNode, Body, CreateJoinToken};
use serde_json::json;
use tokio::time::Instant;

use super::World;
use super::memory::member;

fn heard(ago: Duration, last_index: u64) -> PeerView {
    PeerView {
        heard: Instant::now() - ago,
        clock_offset_us: 0,
        round_trip: Duration::from_millis(1),
        applied_index: last_index,
        last_index,
        snapshot_index: None,
        term: 3,
        has_room: true,
        led_at: None,
        agrees: Some(true),
        extra: Bytes::new(),
    }
}

/// Three voters and a learner, all heard of a moment ago; this one leads. The second node's id is 4.
fn three() -> World {
    let world = World::new();
    let token =
        CreateJoinToken { token_id: [1; 8], secret_hash: [1; 32], ttl_us: None, replaces: None, reason: "test".into() };
    world.house.run(Body::CreateJoinToken(token));
    world.house.run(Body::AdmitNode(Box::new(AdmitNode {
        token_id: [1; 8],
        token_secret_hash: [1; 32],
        name: "n2".into(),
        api_address: "n2.example:8640".into(),
        peer_address: "n2.example:8641".into(),
        version: NodeVersion::of_this_program(),
        key_fingerprint: [3; 32],
        replaces: None,
    })));
    {
        let mut knobs = world.house.knobs.lock();
        knobs.status.members.extend([(4, member("n2", true)), (5, member("n3", true)), (6, member("n4", false))]);
        knobs.peers = [4, 5, 6].map(|id| (NodeId(id), heard(Duration::from_millis(100), 38))).to_vec();
    }
    world
}

/// Goal: health, tolerance and sentences follow from what was heard. Method: a healthy cluster, then voters that fall
/// silent one by one, then each other thing that can be wrong.
#[tokio::test]
async fn health_and_tolerance() {
    let world = three();
    let look = async || {
        let json = world.get("/v1/status").await.json();
        let problems: Vec<String> =
            json["problems"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
        (json["health"].as_str().unwrap().to_owned(), json["failure_tolerance"].as_u64().unwrap(), problems.join(" "))
    };
    assert_eq!(look().await, ("healthy".into(), 1, String::new()));

    let silence = |at: usize, seconds| world.house.knobs.lock().peers[at].1 = heard(Duration::from_secs(seconds), 38);
    silence(2, 60);
    let (health, tolerance, problems) = look().await;
    assert_eq!((health.as_str(), tolerance), ("degraded", 1), "a silent learner costs no tolerance");
    assert!(problems.contains("n4 (node 6) has been silent for 60 s."), "{problems}");
    silence(0, 12);
    let (health, tolerance, problems) = look().await;
    assert_eq!((health.as_str(), tolerance), ("degraded", 0));
    assert!(
        problems.contains("n2 (node 4) has been silent for 12 s.") && problems.contains("next failure"),
        "{problems}"
    );
    silence(1, 12);
    let (health, tolerance, problems) = look().await;
    assert_eq!((health.as_str(), tolerance), ("no-quorum", 0));
    assert!(problems.contains("1 of 3 voters can be reached from here; 2 are needed."), "{problems}");

    for at in 0..3 {
        silence(at, 0);
    }
    world.house.knobs.lock().peers[1].1.last_index = 0;
    world.house.knobs.lock().status.last_index = 1_001;
    world.house.knobs.lock().peers[1].1.agrees = None;
    let (health, _, problems) = look().await;
    assert_eq!(health, "degraded");
    assert!(problems.contains("n3 (node 5) is 1001 entries behind the leader."), "{problems}");
    world.house.knobs.lock().peers[1].1.agrees = Some(false);
    assert!(look().await.2.contains("n3 (node 5) has another state than this node."));
    {
        let status = &mut world.house.knobs.lock().status;
        (status.has_room, status.clock_offset_us) = (false, Some(-2_500_000));
    }
    let (_, _, problems) = look().await;
    assert!(problems.contains("disk is full") && problems.contains("2500 ms from the voters' median"), "{problems}");
    {
        let status = &mut world.house.knobs.lock().status;
        (status.has_room, status.clock_offset_us, status.clock_disputed) = (true, None, true);
    }
    assert!(look().await.2.contains("nobody can tell which one is right (EXQ-0701)"));
    world.house.knobs.lock().status.is_joint = true;
    assert!(look().await.2.contains("A change of voters is half done (joint membership)"));
    world.house.knobs.lock().age = Duration::from_secs(40);
    let (health, _, problems) = look().await;
    assert_eq!(health, "degraded", "old, but in touch");
    assert!(problems.contains("This node's state is 40 s old"), "{problems}");
    world.house.knobs.lock().status.quorum_age = Some(Duration::from_secs(2));
    assert_eq!(look().await.0, "no-quorum", "elected, but nobody answers");
    {
        let status = &mut world.house.knobs.lock().status;
        (status.role, status.leader) = (Role::Candidate, None);
    }
    assert_eq!(look().await.0, "no-quorum", "nobody leads");
    {
        let mut knobs = world.house.knobs.lock();
        (knobs.status.role, knobs.status.leader) = (Role::Follower, Some((4, String::new())));
        knobs.status.contact = Some(Duration::from_secs(4));
    }
    assert_eq!(look().await.0, "no-quorum", "the leader it knows has been silent");
}

/// Goal: the figures of the answering node are shown as they are. Method: one node.
#[tokio::test]
async fn status_of_one_node() {
    let world = World::new();
    let status = world.get("/v1/status").await.json();
    let expected = json!({
        "node": "n1", "id": 1, "cluster_id": "07".repeat(16), "sandbox": true, "role": "leader", "health": "healthy",
        "failure_tolerance": 0, "problems": [], "leader": "n1", "leader_id": 1, "term": 3, "epoch": null,
        "last_index": 40, "committed": 40, "applied": 40, "flushed": 30, "snap_index": 20,
        "state_hash": "09".repeat(32), "time": "2025-11-24T16:00:00.000Z",
        "version": NodeVersion::of_this_program().release, "voters": 1, "learners": 0,
        "authority_waits": null, "stopped_since": null, "maintenance": [], "signer": null,
    });
    assert_eq!(status, expected);
    world.house.knobs.lock().authority_waits = Some(vec![NodeId(1), NodeId(77)]);
    assert_eq!(world.get("/v1/status").await.json()["authority_waits"], json!(["n1", "node 77"]));
}

/// Goal: peers and autopilot show each member from the membership, the registry and the watch together. Method: the
/// node itself, a registered voter, one that the registry does not know, and one that was never heard of.
#[tokio::test]
async fn peers_and_autopilot() {
    let world = three();
    world.house.knobs.lock().peers.remove(1);
    let peers = world.get("/v1/cluster/peers").await.json();
    assert_eq!(peers["from"], 1);
    let us = &peers["peers"][0];
    assert_eq!(
        (&us["state"], &us["last_contact_ms"], &us["trails_leader_by"]),
        (&json!("leader"), &json!(null), &json!(null))
    );
    assert_eq!((&us["api_address"], &us["snap_index"]), (&json!("n1.example:8640"), &json!(20)));
    assert_eq!(us["stable_since"], "2025-11-24T16:00:00.000Z");
    let voter = &peers["peers"][1];
    assert_eq!((&voter["node"], &voter["id"], &voter["state"]), (&json!("n2"), &json!(4), &json!("follower")));
    assert_eq!((&voter["trails_leader_by"], &voter["last_index"]), (&json!(2), &json!(38)));
    assert!((100..3_000).contains(&voter["last_contact_ms"].as_u64().unwrap()));
    assert_eq!(voter["version"], NodeVersion::of_this_program().release);
    let silent = &peers["peers"][2];
    assert_eq!((&silent["node"], &silent["state"]), (&json!("n3"), &json!("unreachable")));
    assert_eq!((&silent["last_contact_ms"], &silent["voter"]), (&json!(null), &json!(true)));
    assert_eq!(peers["peers"][3]["state"], "learner");

    let autopilot = world.get("/v1/cluster/autopilot").await.json();
    assert_eq!((&autopilot["healthy"], &autopilot["failure_tolerance"]), (&json!(false), &json!(0)));
    assert_eq!((&autopilot["leader"], &autopilot["voters"]), (&json!(1), &json!([1, 4, 5])));
    let server =
        |at: usize| (autopilot["servers"][at]["healthy"].clone(), autopilot["servers"][at]["node_status"].clone());
    assert_eq!((server(1), server(2)), ((json!(true), json!("alive")), (json!(false), json!("failed"))));
    assert_eq!(autopilot["settings"]["autopilot.last_contact_max"], "10s");
}

/// Goal: what the routes take is what the node is asked for.
#[tokio::test]
async fn changes_reach_the_node() {
    let world = World::new();
    for (path, body, call) in [
        ("learners", json!({"node": 1, "reason": "r"}), "add_learner 1 r"),
        ("promote", json!({"node": "n1", "force": true, "reason": "r"}), "promote 1 true r"),
        ("promote", json!({"node": "n1", "reason": "r"}), "promote 1 false r"),
        ("transfer-leader", json!({"reason": "r"}), "transfer_leader None r"),
        ("transfer-leader", json!({"to": "n1", "reason": "r"}), "transfer_leader Some(node 1) r"),
        ("certificates/rotate", json!({"authority": true, "reason": "r"}), "rotate_certificates None true r"),
        ("certificates/rotate", json!({"node": 1, "reason": "r"}), "rotate_certificates Some(node 1) false r"),
        ("verify", json!({}), "verify 60s"),
        ("verify", json!({"patience": "10m"}), "verify 600s"),
    ] {
        world.house.knobs.lock().calls.clear();
        let reply = world.post(&format!("/v1/cluster/{path}"), &body.to_string()).await;
        assert_eq!(reply.status, axum::http::StatusCode::OK, "{path}: {}", reply.text());
        assert_eq!(world.house.knobs.lock().calls, [call]);
    }
    for (path, body) in [
        ("certificates/rotate", json!({"authority": true, "node": 1, "reason": "r"})),
        ("verify", json!({"patience": "11m"})),
        ("verify", json!({"patience": "10"})),
    ] {
        let reply = world.post(&format!("/v1/cluster/{path}"), &body.to_string()).await;
        assert_eq!(reply.refusal(), (400, "EXQ-0108".into()), "{body}");
    }
    let verified = world.post("/v1/cluster/verify", "{}").await.json();
    let nodes = json!([{"id": 1, "node": "n1", "hash": "04".repeat(32)}]);
    assert_eq!(verified, json!({"index": 9, "agree": true, "nodes": nodes}));
    let keyring = world.post("/v1/keyring/export", r#"{"reason":"r"}"#).await;
    assert_eq!(keyring.json(), json!({"keyring": "sealed"}));
    let snapshot = world.post("/v1/snapshot", r#"{"reason":"r"}"#).await;
    assert_eq!((snapshot.header("content-type"), snapshot.text().as_str()), ("application/zstd", "one file"));
}
