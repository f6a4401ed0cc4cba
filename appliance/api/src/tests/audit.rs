//! The audit through the door.

use exchequer_state::settings::Value;
use exchequer_state::{Body, Family, SetSetting, audit};
use serde_json::{Value as Json, json};

use super::World;

/// A world whose audit has `records` records.
fn world(records: u64) -> World {
    let world = World::new();
    for number in 1..records {
        let value = Value::Integer(1 + i64::try_from(number % 2).unwrap());
        let key = "autopilot.min_quorum".to_owned();
        world.house.run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
    }
    world
}

fn sequences(page: &Json) -> Vec<u64> {
    page["entries"].as_array().unwrap().iter().map(|entry| entry["sequence"].as_u64().unwrap()).collect()
}

/// Goal: the newest records without being asked for anything, and every record once when paging from the start.
#[tokio::test]
async fn pages() {
    let world = world(700);
    let newest = world.get("/v1/audit?limit=3").await.json();
    assert_eq!((sequences(&newest), &newest["head"]), (vec![698, 699, 700], &json!(700)));
    let entry = &newest["entries"][2];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("set-setting"), &json!("operator")));
    assert_eq!((&entry["target"], &entry["reason"]), (&json!("autopilot.min_quorum"), &json!("test")));
    assert_eq!(entry["previous"], newest["entries"][1]["hash"]);

    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = world.get(&format!("/v1/audit?after={after}&limit=300")).await.json();
        seen.extend(sequences(&page));
        match page["next_after"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert!(seen.iter().copied().eq(1..=700));
    assert_eq!(sequences(&world.get("/v1/audit?after=9999").await.json()), Vec::<u64>::new());
    for query in ["limit=0", "limit=1001", "after=x", "befor=1"] {
        assert_eq!(world.get(&format!("/v1/audit?{query}")).await.refusal(), (400, "EXQ-0108".into()), "{query}");
    }
}

/// Goal: the whole chain is checked, across pages. Method: an intact one; then a record changed, and one missing.
#[tokio::test]
async fn verifies() {
    let world = world(700);
    let verified = world.get("/v1/audit/verify").await.json();
    assert_eq!(verified["records"], 700);
    assert_eq!(verified["hash"], world.house.inside.lock().state.audit().hash.to_string());

    let other = self::world(800);
    let foreign = |sequence: u64| {
        let inside = other.house.inside.lock();
        let (_, _, row) = inside.rows.iter().find(|(_, key, _)| *key == audit::key(sequence)).unwrap();
        row.to_vec()
    };
    let intact = foreign(601);
    world.house.inside.lock().rows.put(Family::History, audit::key(600), intact);
    let broken = world.get("/v1/audit/verify").await;
    assert_eq!(broken.refusal(), (500, "EXQ-0606".into()));
    assert!(broken.message().contains("record 600"), "{}", broken.message());
    let cut = world.get("/v1/audit?after=599&limit=1").await;
    assert_eq!(cut.status, axum::http::StatusCode::OK, "what is there can be looked at");
}
