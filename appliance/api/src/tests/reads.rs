//! How fresh reads are.

use std::time::Duration;

use axum::http::StatusCode;
use exchequer_domain::{Code, Problem};

use super::World;

/// Every route that reads the state, with what it is when nothing is asked for.
const READS: [(&str, bool); 8] = [
    ("/v1/settings", true),
    ("/v1/settings/autopilot.promote", true),
    ("/v1/settings/history", true),
    ("/v1/settings/diff?from=0", true),
    ("/v1/audit", true),
    ("/v1/status", false),
    ("/v1/cluster/peers", false),
    ("/v1/cluster/autopilot", false),
];

fn with(path: &str, more: &str) -> String {
    format!("{path}{}{more}", if path.contains('?') { '&' } else { '?' })
}

/// Goal: a read is linearizable or local as documented and as asked, and the answer says how old it is. Method: every
/// read with and without `consistency`; the backend notes whether it was asked to catch up.
#[tokio::test]
async fn linearizable_or_local() {
    let world = World::new();
    world.house.knobs.lock().age = Duration::from_millis(1234);
    for (path, by_default) in READS {
        for (path, linearizable) in [
            (path.to_owned(), by_default),
            (with(path, "consistency=linearizable"), true),
            (with(path, "consistency=local"), false),
        ] {
            world.house.knobs.lock().calls.clear();
            let reply = world.get(&path).await;
            assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
            let calls = world.house.knobs.lock().calls.clone();
            assert_eq!(calls, vec!["linearize"; usize::from(linearizable)], "{path}");
            assert_eq!((reply.header("exq-applied-index"), reply.header("exq-age-ms")), ("2", "1234"), "{path}");
            assert_eq!(reply.header("exq-node"), "1");
        }
        for bad in ["consistency=strong", "consistency=linearizable&max_stale=5s", "max_stale=5", "max_stales=5s"] {
            assert_eq!(world.get(&with(path, bad)).await.refusal(), (400, "EXQ-0108".into()), "{path} {bad}");
        }
    }
}

/// Goal: a node that is behind refuses a local read that asks for fresher data, with the limit of the client, else of
/// the setting; and what an operator needs in an outage is never refused. Method: ages around both limits.
#[tokio::test]
async fn too_stale() {
    let world = World::new();
    for (age, query, good) in [
        (Duration::from_secs(5), "consistency=local&max_stale=5s", true),
        (Duration::from_millis(5001), "consistency=local&max_stale=5s", false),
        (Duration::from_secs(10), "consistency=local", true),
        (Duration::from_secs(11), "consistency=local", false),
        (Duration::from_secs(11), "consistency=local&max_stale=1m", true),
        (Duration::MAX, "consistency=local&max_stale=1d", false),
        (Duration::MAX, "consistency=linearizable", true),
    ] {
        world.house.knobs.lock().age = age;
        let reply = world.get(&format!("/v1/settings?{query}")).await;
        match good {
            true => assert_eq!(reply.status, StatusCode::OK, "{age:?} {query}"),
            false => assert_eq!(reply.refusal(), (503, "EXQ-0317".into()), "{age:?} {query}"),
        }
    }
    let peers = world.get("/v1/cluster/peers").await;
    assert_eq!(peers.status, StatusCode::OK);
    assert!(!peers.headers.contains_key("exq-age-ms"), "it never was in touch with a leader");
    let peers = world.get("/v1/cluster/peers?consistency=local&max_stale=5s").await;
    assert_eq!(peers.refusal(), (503, "EXQ-0317".into()));
}

/// Goal: without a leader a linearizable read is refused with the reason and a local one is answered.
#[tokio::test]
async fn without_a_leader() {
    let world = World::new();
    world.house.knobs.lock().refuse = Some(Problem::new(Code::NoLeader, "no leader"));
    assert_eq!(world.get("/v1/audit").await.refusal(), (503, "EXQ-0303".into()));
    assert_eq!(world.get("/v1/audit?consistency=local").await.status, StatusCode::OK);
    assert_eq!(world.get("/v1/status").await.status, StatusCode::OK);
}
