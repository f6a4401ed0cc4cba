//! Workers through the door.

use std::time::Duration;

use exchequer_domain::{Digest, NodeId, WorkerId, WorkerKind};
use exchequer_state::workers::{FailedBy, Step, Summary, WorkerReport};
use exchequer_state::{Actor, At, Body, Command, Input, Outcome, ReportWorkers, StepWorkers};
use serde_json::{Value, json};

use super::World;

fn id(instance: u16) -> WorkerId {
    WorkerId { kind: WorkerKind::Selftest, network: None, instance }
}

impl World {
    /// Node 1 leads from now on.
    fn lead(&self) {
        let inside = &mut *self.house.inside.lock();
        inside.index += 1;
        let at = At { index: inside.index, term: 1, time: inside.now };
        let input = Input::Activate { node: NodeId(1), boot: [0; 16] };
        let applied = inside.state.apply(at, input, &inside.rows).unwrap();
        inside.rows.apply_changes(&applied.changes);
    }

    /// A command of the leader's.
    fn as_leader(&self, number: u128, body: Body) {
        let inside = &mut *self.house.inside.lock();
        inside.index += 1;
        let at = At { index: inside.index, term: 1, time: inside.now };
        let epoch = inside.state.epoch().map(|epoch| epoch.index);
        let id = exchequer_domain::CommandId((number + (1 << 64)).to_be_bytes());
        let command = Command { id, actor: Actor::Node(NodeId(1)), epoch, body }.encode();
        let applied = inside.state.apply(at, Input::Commands(&[&command]), &inside.rows).unwrap();
        inside.rows.apply_changes(&applied.changes);
        let outcome = Outcome::decode(&applied.outcomes[0]).unwrap();
        assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    }

    fn steps(&self, number: u128, steps: impl IntoIterator<Item = (WorkerId, Step)>) {
        self.as_leader(number, Body::StepWorkers(StepWorkers { steps: steps.into_iter().collect() }));
    }

    async fn add(&self, workers: &[&str]) {
        let body = json!({"workers": workers, "desired": "running", "reason": "test"}).to_string();
        assert_eq!(self.post("/v1/workers", &body).await.json()["changed"], workers.len());
    }
}

fn spawned() -> Step {
    Step::Spawned { attempt: 1 }
}

fn registered(version: &str) -> Step {
    Step::Registered { version: version.into(), binary: Digest([3; 32]), pid: 7, settings_revision: 0 }
}

const WHY: &str = r#"{"reason":"test"}"#;

/// Goal: what is added, started, stopped, restarted and removed is so in the registry, and refusals have their codes.
#[tokio::test]
async fn a_worker_s_life() {
    let world = World::new();
    world.lead();
    world.add(&["selftest/1", "selftest/2"]).await;
    world.steps(1, [(id(1), spawned()), (id(1), registered("0.1.0"))]);
    let worker = world.get("/v1/workers/selftest%2F1").await.json();
    assert_eq!(
        (&worker["state"], &worker["desired"], &worker["pid"]),
        (&json!("running"), &json!("running"), &json!(7))
    );
    let path = |verb| format!("/v1/workers/selftest%2F1/{verb}");
    assert_eq!(world.post(&path("remove"), WHY).await.refusal(), (409, "EXQ-1004".into()));
    assert_eq!(world.post(&path("restart"), WHY).await.json()["changed"], 1);
    assert_eq!(world.get("/v1/workers/selftest%2F1").await.json()["generation"], 2);
    assert_eq!(world.post(&path("stop"), WHY).await.json()["changed"], 1);
    assert_eq!(world.post(&path("stop"), WHY).await.json()["changed"], 0);
    assert_eq!(world.post(&path("restart"), WHY).await.refusal(), (409, "EXQ-1004".into()));
    world.steps(2, [(id(1), Step::Exited { code: Some(0), wanted: true })]);
    assert_eq!(world.post(&path("remove"), WHY).await.json()["changed"], 1);
    assert_eq!(world.get("/v1/workers/selftest%2F1").await.refusal(), (404, "EXQ-1001".into()));
    for wrong in ["selftest%2F0", "nobody%2F1", "selftest", "deposit%2F1"] {
        assert_eq!(world.get(&format!("/v1/workers/{wrong}")).await.refusal(), (400, "EXQ-0108".into()), "{wrong}");
    }
    let again = r#"{"workers":["selftest/2"],"reason":"test"}"#;
    assert_eq!(world.post("/v1/workers", again).await.refusal(), (409, "EXQ-1002".into()));
    let inside = r#"{"workers":["order-matching/1"],"reason":"test"}"#;
    assert_eq!(world.post("/v1/workers", inside).await.refusal(), (422, "EXQ-1005".into()));
}

/// Goal: a list is what was selected, and tells of mixed versions.
#[tokio::test]
async fn lists_and_versions() {
    let world = World::new();
    world.lead();
    world.add(&["selftest/1", "selftest/2", "deposit/bitcoin-1", "deposit/tron-1"]).await;
    world.steps(
        1,
        [1, 2].into_iter().flat_map(|n| [(id(n), spawned()), (id(n), registered(["", "1", "2"][usize::from(n)]))]),
    );
    let names = |list: &Value| -> Vec<String> {
        list["workers"].as_array().unwrap().iter().map(|one| one["worker"].as_str().unwrap().to_owned()).collect()
    };
    for (query, expected) in [
        ("", vec!["selftest/1", "selftest/2", "deposit/bitcoin-1", "deposit/tron-1"]),
        ("?kind=deposit", vec!["deposit/bitcoin-1", "deposit/tron-1"]),
        ("?network=tron", vec!["deposit/tron-1"]),
        ("?state=running", vec!["selftest/1", "selftest/2"]),
        ("?kind=deposit&state=running", vec![]),
    ] {
        let list = world.get(&format!("/v1/workers{query}")).await.json();
        assert_eq!(names(&list), expected, "{query}");
    }
    let list = world.get("/v1/workers").await.json();
    assert_eq!(list["versions"], json!([{"version": "1", "workers": 1}, {"version": "2", "workers": 1}]));
    for wrong in ["?kind=nobody", "?network=moon", "?state=happy"] {
        assert_eq!(world.get(&format!("/v1/workers{wrong}")).await.refusal(), (400, "EXQ-0108".into()), "{wrong}");
    }
}

/// Goal: what was previewed is done, and nothing else: a set that has changed is refused, each worker has its result, and
/// it can be taken back.
#[tokio::test]
async fn many_at_once() {
    let world = World::new();
    world.add(&["selftest/1", "selftest/2", "deposit/bitcoin-1"]).await;
    let look = "/v1/workers/bulk/preview?action=stop&kind=selftest";
    let preview = world.get(look).await.json();
    let stops = |worker: &str| json!({"worker": worker, "effect": "stops"});
    assert_eq!(preview["items"], json!([stops("selftest/1"), stops("selftest/2")]));
    let run = |plan: &Value| json!({"action": "stop", "kind": "selftest", "plan": plan, "reason": "test"}).to_string();
    world.post("/v1/workers/selftest%2F2/stop", WHY).await.json();
    assert_eq!(world.post("/v1/workers/bulk", &run(&preview["plan"])).await.refusal(), (409, "EXQ-1009".into()));
    let preview = world.get(look).await.json();
    assert_eq!(preview["changes"], 1);
    let done = world.post("/v1/workers/bulk", &run(&preview["plan"])).await.json();
    assert_eq!((&done["bulk"], &done["changed"]), (&json!(1), &json!(1)));
    let record = world.get("/v1/workers/bulk/1").await.json();
    assert_eq!(
        record["items"][0],
        json!({"worker": "selftest/1", "effect": "stops", "before": "running", "undone": null})
    );
    assert_eq!((&record["items"][1]["effect"], &record["selector"]), (&json!("nothing"), &json!("kind=selftest")));
    assert_eq!(world.get("/v1/workers/bulk").await.json()["bulks"][0]["changed"], 1);
    assert_eq!(world.post("/v1/workers/bulk/1/undo", WHY).await.json()["changed"], 1);
    assert_eq!(world.get("/v1/workers/selftest%2F1").await.json()["desired"], "running");
    assert_eq!(world.get("/v1/workers/bulk/1").await.json()["items"][0]["undone"], "restored");
    assert_eq!(world.post("/v1/workers/bulk/1/undo", WHY).await.refusal(), (409, "EXQ-1010".into()));
    assert_eq!(world.get("/v1/workers/bulk/2").await.refusal(), (404, "EXQ-0109".into()));
}

/// Goal: fleets are scaled and shown, programs registered, used and forgotten.
#[tokio::test]
async fn fleets_and_programs() {
    let world = World::new();
    let scale = r#"{"kind":"selftest","min":2,"max":3,"queue_age_target":"5s","reason":"test"}"#;
    let done = world.put("/v1/workers/fleets", scale).await.json();
    assert_eq!((&done["from"], &done["to"]), (&json!(0), &json!(2)));
    let hash = "ab".repeat(32);
    let register = json!({"name": "next", "version": "2", "hash": hash, "path": "/opt/next", "reason": "test"});
    assert_eq!(world.post("/v1/workers/binaries", &register.to_string()).await.json()["changed"], true);
    let again = world.post("/v1/workers/binaries", &register.to_string()).await;
    assert_eq!(again.refusal(), (409, "EXQ-1008".into()));
    let uses = r#"{"kind":"selftest","binary":"next","reason":"test"}"#;
    assert_eq!(world.post("/v1/workers/binaries/use", uses).await.json()["changed"], true);
    let fleet = world.get("/v1/workers/fleets").await.json()["fleets"][0].clone();
    let shown = ["workers", "wanted", "min", "max", "queue_age_target", "binary"].map(|field| fleet[field].clone());
    assert_eq!(shown, [json!(2), json!(2), json!(2), json!(3), json!("5s"), json!("next")]);
    assert_eq!(world.get("/v1/workers/binaries").await.json()["binaries"][0]["used_by"], json!(["selftest"]));
    let forget = r#"{"name":"next","reason":"test"}"#;
    assert_eq!(world.post("/v1/workers/binaries/forget", forget).await.refusal(), (409, "EXQ-1008".into()));
}

/// Goal: a diagnosis names what is wrong first, and a next step. Method: one cause after another, with the verdict, the check
/// that decides it, and a word of the next step.
#[tokio::test]
async fn diagnoses_say_what_to_do() {
    let world = World::new();
    let diagnose = async |check: &str, verdict: &str, step: &str| {
        let found = world.get("/v1/workers/selftest%2F1/diagnosis").await.json();
        assert_eq!(found["verdict"], verdict, "{found:#}");
        if !check.is_empty() {
            let checks = found["checks"].as_array().unwrap();
            let one = checks.iter().find(|one| one["name"] == check).unwrap();
            assert_eq!((&one["verdict"], &one["detail"]), (&json!(verdict), &found["finding"]), "{found:#}");
        }
        assert!(found["next_step"].as_str().unwrap().contains(step), "{found:#}");
    };
    world.add(&["selftest/1"]).await;
    diagnose("leader", "warning", "again").await;
    world.lead();
    diagnose("state", "warning", "few seconds").await;
    let wait = |seconds| {
        let inside = &mut *world.house.inside.lock();
        inside.now = inside.now.plus(Duration::from_secs(seconds));
    };
    wait(60);
    world.put("/v1/scratch/a", r#"{"value":""}"#).await.json();
    diagnose("state", "bad", "supervisor").await;
    world.steps(1, [(id(1), spawned()), (id(1), registered("1"))]);
    diagnose("", "good", "").await;
    let heartbeat = world.house.inside.lock().now;
    let summary = Summary {
        cpu_permille: 1,
        memory_bytes: 2,
        queue_depth: 3,
        queue_age_us: 9_000_000,
        done_per_minute: 4,
        success_permille: 1_000,
        heartbeat,
    };
    let report =
        WorkerReport { worker: id(1), summary, settings_revision: 0, errors: vec![([1; 8], "no disk".into())] };
    world.as_leader(2, Body::ReportWorkers(ReportWorkers { reports: vec![report], fleets: vec![] }));
    diagnose("errors", "warning", "worker show").await;
    let scale = r#"{"kind":"selftest","min":1,"max":2,"queue_age_target":"5s","reason":"test"}"#;
    world.put("/v1/workers/fleets", scale).await.json();
    diagnose("queue", "warning", "worker scale").await;
    let set = r#"{"value":"30m","reason":"test"}"#;
    world.put("/v1/settings/join.token_ttl", set).await.json();
    diagnose("settings", "warning", "restart").await;
    wait(31);
    world.put("/v1/scratch/a", r#"{"value":""}"#).await.json();
    diagnose("heartbeat", "bad", "restart").await;
    world.steps(3, [(id(1), Step::Exited { code: None, wanted: false })]);
    diagnose("back-off", "warning", "wait").await;
    world.steps(4, [(id(1), Step::GaveUp(FailedBy::BinaryMissing))]);
    diagnose("failure", "bad", "worker start").await;
    world.house.knobs.lock().status.leader = None;
    diagnose("leader", "bad", "exchequer status").await;
}

/// Goal: what keeps a worker from its work although nothing is wrong with itself is named, with the next step: a paused
/// queue, a flag, a switch of its network, maintenance, a stop. Method: one after the other, and taken away.
#[tokio::test]
async fn diagnoses_see_what_is_forbidden() {
    let world = World::new();
    world.add(&["selftest/1", "withdrawal/tron-1"]).await;
    let check = async |worker: &str, name: &str| {
        let found = world.get(&format!("/v1/workers/{worker}/diagnosis")).await.json();
        let one = found["checks"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
        let word = |field: &str| one[field].as_str().unwrap().to_owned();
        assert_eq!(word("verdict") == "good", word("next_step").is_empty(), "{one}");
        (word("verdict"), word("detail"), word("next_step"))
    };
    let (own, tron) = ("selftest%2F1", "withdrawal%2Ftron-1");
    let good = |found: &(String, String, String)| found.0 == "good";
    for name in ["pause", "flags", "network", "maintenance", "emergency"] {
        assert!(good(&check(own, name).await), "{name}");
    }
    let because = |found: (String, String, String), verdict: &str, what: &str, step: &str| {
        assert!(found.0 == verdict && found.1.contains(what) && found.2.contains(step), "{found:?}");
    };
    let pause = Some(r#"{"paused":true,"reason":"test"}"#);
    world.call(axum::http::Method::PATCH, "/v1/queues/selftest", pause).await.json();
    because(check(own, "pause").await, "warning", "paused", "queue resume selftest");
    let flag = r#"{"description":"d","on":false,"reason":"test"}"#;
    world.put("/v1/flags/selftest.fast", flag).await.json();
    because(check(own, "flags").await, "warning", "selftest.fast", "flag show selftest.fast");
    assert!(good(&check(tron, "flags").await));
    because(check(tron, "network").await, "warning", "withdrawals are off", "network show tron");
    world.put("/v1/networks/tron", r#"{"state":"enabled","reason":"test"}"#).await.json();
    assert!(good(&check(tron, "network").await));
    world.put("/v1/networks/tron", r#"{"withdrawals":false,"reason":"test"}"#).await.json();
    because(check(tron, "network").await, "warning", "switched off", "network show tron");
    world.post("/v1/maintenance/networks/tron", r#"{"banner":"Soon.","reason":"test"}"#).await.json();
    because(check(tron, "maintenance").await, "warning", "Soon.", "maintenance end 1");
    assert!(good(&check(own, "maintenance").await), "it is of another network");
    let tron_switches = world.get("/v1/networks/tron").await.json();
    assert_eq!(tron_switches["deposits"]["refused"], "under maintenance", "{tron_switches}");
    world.post("/v1/emergency/stop", r#"{"reason":"test"}"#).await.json();
    because(check(own, "emergency").await, "bad", "stopped since", "emergency resume");
}
