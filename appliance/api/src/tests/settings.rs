//! Settings through the door: what holds, changes, history, differences.

use axum::http::StatusCode;
use exchequer_domain::{Code, Problem};
use exchequer_state::settings::{Value, schema};
use exchequer_state::{Body, SetSetting};
use serde_json::json;

use super::World;

const KEY: &str = "autopilot.last_contact_max";

async fn set(world: &World, value: &str, if_revision: Option<u64>) -> super::Reply {
    let body = json!({"value": value, "if_revision": if_revision, "reason": "test"});
    world.put(&format!("/v1/settings/{KEY}"), &body.to_string()).await
}

/// Goal: one setting shows all that a person needs to change it, and who changed it. Method: before and after a change.
#[tokio::test]
async fn shows_what_holds_and_who_did_it() {
    let world = World::new();
    let reply = world.get(&format!("/v1/settings/{KEY}")).await;
    assert_eq!(
        reply.json(),
        json!({
            "key": KEY, "value": "10s", "default": "10s", "is_default": true, "kind": "duration", "min": "1s",
            "max": "10m", "choices": [], "takes": "a duration from 1s to 10m", "danger": 1,
            "description": "A node silent for longer is shown as unhealthy.", "revision": 0, "changed": null,
            "places": "nowhere", "from": null, "overrides": [], "guard_percent": null, "takes_effect": "at once",
        })
    );
    assert_eq!((reply.header("exq-applied-index"), reply.header("exq-age-ms")), ("2", "0"));

    let changed = set(&world, "20s", Some(0)).await;
    assert_eq!(changed.status, StatusCode::OK);
    let id = changed.json()["command_id"].as_str().unwrap().to_owned();
    assert_eq!(changed.json(), json!({"key": KEY, "value": "20s", "revision": 1, "index": 3, "command_id": id}));
    assert_eq!(changed.header("exq-command-id"), id);

    let one = world.get(&format!("/v1/settings/{KEY}")).await.json();
    assert_eq!((&one["value"], &one["is_default"], &one["revision"]), (&json!("20s"), &json!(false), &json!(1)));
    assert_eq!(one["changed"], json!({"by": "operator", "reason": "test", "at": "2025-11-24T16:00:00.000Z"}));
    let all = world.get("/v1/settings").await.json();
    assert_eq!(all["revision"], 1);
    assert_eq!(all["settings"].as_array().unwrap().len(), schema::ALL.len());
    assert!(all["settings"].as_array().unwrap().contains(&one));
}

/// Goal: a repeated command takes effect once, and its outcome can be asked for. Method: the same id twice, then with
/// another body, then the outcomes by id.
#[tokio::test]
async fn commands_take_effect_once() {
    let world = World::new();
    let id = "0123456789abcdef0123456789abcdef";
    let path = format!("/v1/settings/{KEY}");
    let body = |value| json!({"value": value, "reason": "test", "command_id": id}).to_string();
    assert_eq!(world.put(&path, &body("20s")).await.json()["revision"], 1);
    assert_eq!(world.put(&path, &body("20s")).await.json()["revision"], 1);
    let reused = world.put(&path, &body("30s")).await;
    assert_eq!(reused.refusal(), (409, "EXQ-0314".into()));
    assert_eq!(reused.header("exq-command-id"), id);

    let outcome = world.get(&format!("/v1/commands/{id}")).await.json();
    let effect = json!({"kind": "setting-changed", "revision": 1});
    assert_eq!(outcome, json!({"command_id": id, "status": "done", "effect": effect}));
    let stale = set(&world, "30s", Some(0)).await;
    let outcome = world.get(&format!("/v1/commands/{}", stale.header("exq-command-id"))).await.json();
    assert_eq!((&outcome["status"], &outcome["error"]["code"]), (&json!("rejected"), &json!("EXQ-0404")));
    assert_eq!(world.get(&format!("/v1/commands/{}", "9".repeat(32))).await.refusal(), (404, "EXQ-0109".into()));
    assert_eq!(world.get("/v1/commands/xyz").await.refusal(), (400, "EXQ-0108".into()));
}

/// Goal: a client whose answer was lost learns the id to ask by. Method: an unknown outcome of a change whose id the
/// node drew, and of one whose id the client chose.
#[tokio::test]
async fn unknown_outcomes_name_the_command() {
    let world = World::new();
    world.house.knobs.lock().refuse = Some(Problem::new(Code::OutcomeUnknown, "the answer was lost"));
    let lost = set(&world, "20s", None).await;
    assert_eq!(lost.refusal(), (504, "EXQ-0305".into()));
    assert!(lost.message().contains(lost.header("exq-command-id")), "{}", lost.message());
    let chosen = "f".repeat(32);
    let body = json!({"to_revision": 0, "reason": "test", "command_id": chosen}).to_string();
    assert_eq!(world.post("/v1/settings/revert", &body).await.header("exq-command-id"), chosen);
}

/// Goal: what does not fit is refused with the code and the status that say why, and nothing changes.
#[tokio::test]
async fn refuses_what_does_not_fit() {
    let world = World::new();
    assert_eq!(set(&world, "20s", Some(7)).await.refusal(), (409, "EXQ-0404".into()));
    assert_eq!(set(&world, "20", None).await.refusal(), (422, "EXQ-0402".into()));
    assert_eq!(set(&world, "20MiB", None).await.refusal(), (422, "EXQ-0402".into()));
    let outside = set(&world, "11m", None).await;
    assert_eq!(outside.refusal(), (422, "EXQ-0403".into()));
    assert!(outside.message().contains("from 1s to 10m"), "{}", outside.message());
    let good = r#"{"value":"20s","reason":"test"}"#;
    assert_eq!(world.put("/v1/settings/no.such", good).await.refusal(), (404, "EXQ-0401".into()));
    assert_eq!(world.get("/v1/settings/no.such").await.refusal(), (404, "EXQ-0401".into()));
    assert_eq!(world.get("/v1/settings/%ff").await.refusal(), (400, "EXQ-0108".into()));
    let path = format!("/v1/settings/{KEY}");
    for (reason, code) in [(" ".to_owned(), (422, "EXQ-0406")), ("x".repeat(501), (413, "EXQ-0110"))] {
        let body = json!({"value": "20s", "reason": reason}).to_string();
        assert_eq!(world.put(&path, &body).await.refusal(), (code.0, code.1.into()));
    }
    for id in ["", "12", &"z".repeat(32)] {
        let body = json!({"value": "20s", "reason": "test", "command_id": id}).to_string();
        assert_eq!(world.put(&path, &body).await.refusal(), (400, "EXQ-0108".into()), "{id}");
    }
    let revert = |body: serde_json::Value| body.to_string();
    let unknown = world.post("/v1/settings/revert", &revert(json!({"to_revision": 9, "reason": "test"}))).await;
    assert_eq!(unknown.refusal(), (404, "EXQ-0405".into()));
    assert_eq!(world.get("/v1/settings").await.json()["revision"], 0);
}

/// Goal: history, difference and revert agree with each other. Method: two settings changed three times, then back.
#[tokio::test]
async fn history_difference_and_revert() {
    let world = World::new();
    for value in ["20s", "30s"] {
        set(&world, value, None).await;
    }
    world.put("/v1/settings/autopilot.min_quorum", r#"{"value":"5","reason":"grow"}"#).await;

    let history = world.get("/v1/settings/history").await.json();
    let revisions = |page: &serde_json::Value| {
        let changes = page["changes"].as_array().unwrap().clone();
        changes.iter().map(|change| change["revision"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((revisions(&history), &history["next_before"]), (vec![3, 2, 1], &json!(null)));
    let first = &history["changes"][2];
    assert_eq!((&first["from"], &first["to"], &first["by"]), (&json!(null), &json!("20s"), &json!("operator")));
    let one = world.get(&format!("/v1/settings/history?key={KEY}&limit=1")).await.json();
    assert_eq!((revisions(&one), &one["next_before"]), (vec![2], &json!(2)));
    let rest = world.get(&format!("/v1/settings/history?key={KEY}&limit=1&before=2")).await.json();
    assert_eq!((revisions(&rest), &rest["next_before"]), (vec![1], &json!(null)));

    let difference = world.get("/v1/settings/diff?from=1").await.json();
    assert_eq!(
        difference,
        json!({"from": 1, "to": 3, "differences": [
            {"key": KEY, "from": "20s", "to": "30s"},
            {"key": "autopilot.min_quorum", "from": null, "to": "5"},
        ]})
    );
    assert_eq!(world.get("/v1/settings/diff?from=3&to=1").await.json()["differences"][0]["to"], "20s");
    assert_eq!(world.get("/v1/settings/diff?from=2&to=2").await.json()["differences"], json!([]));

    let body = r#"{"to_revision":1,"if_revision":2,"reason":"test"}"#;
    assert_eq!(world.post("/v1/settings/revert", body).await.refusal(), (409, "EXQ-0404".into()));
    let reverted =
        world.post("/v1/settings/revert", r#"{"to_revision":1,"if_revision":3,"reason":"test"}"#).await.json();
    assert_eq!((&reverted["revision"], &reverted["changed"]), (&json!(5), &json!(2)));
    assert_eq!(world.get(&format!("/v1/settings/{KEY}")).await.json()["value"], "20s");

    for query in ["", "?to=1", "?from=x", "?from=-1", "?from=1&from=2", "?from=1&fro=2"] {
        assert_eq!(
            world.get(&format!("/v1/settings/diff{query}")).await.refusal(),
            (400, "EXQ-0108".into()),
            "{query}"
        );
    }
    assert_eq!(world.get("/v1/settings/diff?from=1&to=99").await.refusal(), (404, "EXQ-0405".into()));
    for query in ["limit=0", "limit=1001", "before=0", "page=2"] {
        let refusal = world.get(&format!("/v1/settings/history?{query}")).await.refusal();
        assert_eq!(refusal, (400, "EXQ-0108".into()), "{query}");
    }
    assert_eq!(world.get("/v1/settings/history?key=no.such").await.refusal(), (404, "EXQ-0401".into()));
}

/// Goal: a value of its own is set, seen, found in the history and taken away again through the door. Method: one for a
/// worker, whose key has a stroke, above the plain one.
#[tokio::test]
async fn values_in_places() {
    let world = World::new();
    let (plain, own) = ("worker.memory_max", "worker.memory_max@worker:deposit/tron-1");
    let path = "/v1/settings/worker.memory_max@worker:deposit%2Ftron-1";
    let put = |value: &str| json!({"value": value, "reason": "test"}).to_string();
    let before = world.get(path).await.json();
    assert_eq!(
        (&before["value"], &before["from"], &before["is_default"]),
        (&json!("512MiB"), &json!(null), &json!(true))
    );
    world.put("/v1/settings/worker.memory_max", &put("1GiB")).await;
    assert_eq!(world.put(path, &put("2GiB")).await.json()["key"], own);
    let held = world.get(path).await.json();
    assert_eq!((&held["value"], &held["from"], &held["revision"]), (&json!("2GiB"), &json!(own), &json!(2)));
    let all = world.get("/v1/settings/worker.memory_max").await.json();
    assert_eq!(all["overrides"], json!([{"key": own, "value": "2GiB", "revision": 2}]));
    assert_eq!((&all["value"], &all["places"]), (&json!("1GiB"), &json!("workers")));

    let preview = world.get("/v1/settings/preview?key=worker.memory_max&value=4GiB").await.json();
    assert_eq!((&preview["from"], &preview["to"], &preview["changes"]), (&json!("1GiB"), &json!("4GiB"), &json!(true)));
    assert_eq!((&preview["not_in"], &preview["revision"]), (&json!([own]), &json!(1)));
    assert_eq!(preview["takes_effect"], "at the next start of the worker");
    let away = world.get("/v1/settings/preview?key=worker.memory_max").await.json();
    assert_eq!((&away["to"], &away["needs_second_person"]), (&json!("512MiB"), &json!(false)));
    let far = world.get("/v1/settings/preview?key=limit.orders_day&value=1000000").await.json();
    assert_eq!(far["needs_second_person"], true);

    let unset = |revision: u64| json!({"if_revision": revision, "reason": "test"}).to_string();
    let unset_path = format!("{path}/unset");
    assert_eq!(world.post(&unset_path, &unset(1)).await.refusal(), (409, "EXQ-0404".into()));
    assert_eq!(world.post(&unset_path, &unset(2)).await.json()["revision"], 3);
    assert_eq!(world.post(&unset_path, &unset(3)).await.refusal(), (409, "EXQ-0309".into()));
    let held = world.get(path).await.json();
    assert_eq!((&held["value"], &held["from"]), (&json!("1GiB"), &json!(plain)));
    let history = world.get("/v1/settings/history?key=worker.memory_max%40worker%3Adeposit%2Ftron-1").await.json();
    assert_eq!(history["changes"].as_array().unwrap().len(), 2);
    assert_eq!(history["changes"][0]["to"], json!(null));

    let nowhere = world.put("/v1/settings/read.stale_max@network:tron", &put("20s")).await;
    assert_eq!(nowhere.refusal(), (422, "EXQ-0409".into()));
    let kind = world.get("/v1/settings/worker.drain_deadline@kind:selftest,network:tron").await;
    assert_eq!(kind.refusal(), (422, "EXQ-0409".into()));
    assert!(kind.message().contains("@kind:selftest"), "{}", kind.message());
}

/// Goal: a long history is read over many pages without a gap, and no request reads without end. Method: more revisions
/// than pages and searches hold, the setting looked for at the far end.
#[tokio::test]
async fn long_histories() {
    let world = World::new();
    set(&world, "20s", None).await;
    for number in 0..10_400_i64 {
        let value = Value::Integer(1 + number % 2);
        let key = "autopilot.min_quorum".to_owned();
        world.house.run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
    }
    let page = world.get("/v1/settings/history?limit=1000").await.json();
    let revisions: Vec<u64> =
        page["changes"].as_array().unwrap().iter().map(|change| change["revision"].as_u64().unwrap()).collect();
    assert!(revisions.iter().copied().eq((9_402..=10_401).rev()));

    let path = format!("/v1/settings/history?key={KEY}");
    let searched = world.get(&path).await.json();
    assert_eq!(searched["changes"], json!([]));
    let next = searched["next_before"].as_u64().unwrap();
    assert!((2..=402).contains(&next), "{next}");
    let found = world.get(&format!("{path}&before={next}")).await.json();
    assert_eq!((&found["changes"][0]["revision"], &found["next_before"]), (&json!(1), &json!(null)));

    assert_eq!(world.get("/v1/settings/diff?from=0").await.refusal(), (413, "EXQ-0110".into()));
    let difference = world.get("/v1/settings/diff?from=402").await.json();
    assert_eq!(difference["differences"][0]["to"], "2");
}
