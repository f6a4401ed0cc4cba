//! The audit through the door.

use exchequer_state::settings::Value;
use exchequer_state::{Body, Family, SetSetting, audit};
use serde_json::{Value as Json, json};

use super::World;
use super::people::wait;

/// A world whose audit has `records` records.
fn world(records: u64) -> World {
    let world = World::new();
    more(&world, records - 1);
    world
}

/// So many records more, two or three a millisecond.
fn more(world: &World, records: u64) {
    for number in 0..records {
        let value = Value::Integer(1 + i64::try_from(number % 2).unwrap());
        let key = "autopilot.min_quorum".to_owned();
        wait(&world.house, 400);
        world.house.run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
    }
}

/// Changes a network; answers the entry.
async fn configure(world: &World, network: &str) -> u64 {
    let tradable = 10 + world.get("/v1/audit").await.json()["head"].as_u64().unwrap();
    let body = json!({ "tradable": tradable, "withdrawable": tradable, "reason": "test" });
    let reply = world.put(&format!("/v1/networks/{network}"), &body.to_string()).await;
    assert_eq!(reply.status, axum::http::StatusCode::OK, "{}", reply.text());
    reply.json()["index"].as_u64().unwrap()
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

/// Goal: what was done to one thing, by one, or of one kind is found among everything else, newest first page, each record once, and
/// an answer says where to go on. Method: 700 records of a setting with networks in between, asked for by name and by beginning, in
/// both directions, page by page.
#[tokio::test]
async fn filters_find_what_they_name() {
    let world = world(350);
    configure(&world, "tron").await;
    more(&world, 349);
    configure(&world, "bitcoin").await;
    configure(&world, "tron").await;

    let tron = world.get("/v1/audit?target=tron").await.json();
    assert_eq!((sequences(&tron), &tron["next_before"]), (vec![351, 702], &Json::Null));
    assert_eq!(tron["looked_through"], 702);
    let networks = world.get("/v1/audit?action=configure-*&target=*&actor=operator").await.json();
    assert_eq!(sequences(&networks), [351, 701, 702]);
    for none in ["target=tro", "actor=admin*", "action=configure", "target=TRON"] {
        assert_eq!(sequences(&world.get(&format!("/v1/audit?{none}")).await.json()), Vec::<u64>::new(), "{none}");
    }

    let newest = world.get("/v1/audit?target=tron&limit=1").await.json();
    assert_eq!((sequences(&newest), newest["next_before"].as_u64()), (vec![702], Some(702)));
    let older = world.get("/v1/audit?target=tron&limit=1&before=702").await.json();
    assert_eq!((sequences(&older), older["next_before"].as_u64()), (vec![351], Some(351)));
    assert_eq!(sequences(&world.get("/v1/audit?target=tron&before=351").await.json()), Vec::<u64>::new());
    let forward = world.get("/v1/audit?target=tron&limit=1&after=0").await.json();
    assert_eq!((sequences(&forward), forward["next_after"].as_u64()), (vec![351], Some(351)));
    let last = world.get("/v1/audit?target=tron&after=351").await.json();
    assert_eq!((sequences(&last), &last["next_after"]), (vec![702], &Json::Null));

    let back = world.get("/v1/audit?before=11&limit=4").await.json();
    assert_eq!((sequences(&back), back["next_before"].as_u64()), (vec![7, 8, 9, 10], Some(7)));
    let long = "x".repeat(201);
    for bad in
        ["after=1&before=9", "before=0", "target=", "actor=%0A", &format!("target={long}"), "from=now", "index=0"]
    {
        assert_eq!(world.get(&format!("/v1/audit?{bad}")).await.refusal(), (400, "EXQ-0108".into()), "{bad}");
    }
}

/// Goal: what a change did is found by the entry that its answer names, and a span of time has its ends, whatever else there is.
/// Method: a change in the middle of 600 records; its entry, one that made no record, and times around it, compared with each
/// record's own time.
#[tokio::test]
async fn entries_and_times_are_found() {
    let world = world(300);
    let index = configure(&world, "tron").await;
    more(&world, 300);
    let found = world.get(&format!("/v1/audit?index={index}")).await.json();
    assert_eq!((sequences(&found), &found["entries"][0]["target"]), (vec![301], &json!("tron")));
    assert_eq!((&found["entries"][0]["index"], &found["looked_through"]), (&json!(index), &json!(1)));
    assert_eq!(sequences(&world.get("/v1/audit?index=999999").await.json()), Vec::<u64>::new());

    let all = world.get("/v1/audit?limit=1000").await.json();
    let times: Vec<String> =
        all["entries"].as_array().unwrap().iter().map(|entry| entry["time"].as_str().unwrap().to_owned()).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]) && times[0] < times[599], "time passes in this test");
    for (from, to) in [(0, 599), (100, 100), (250, 400), (301, 300)] {
        let (from, to) = (&times[from], &times[to]);
        let page = world.get(&format!("/v1/audit?limit=1000&from={from}&to={to}")).await.json();
        let expected: Vec<u64> =
            (1..).zip(&times).filter(|(_, time)| *time >= from && *time <= to).map(|(at, _)| at).collect();
        assert_eq!(sequences(&page), expected, "{from} to {to}");
        assert_eq!(page["looked_through"], expected.len(), "nothing outside is looked through");
    }
}

/// Goal: a filter never reads years in one request, and nothing is missed where the answer was cut. Method: 10,400 records of which
/// the third is wanted, from both ends.
#[tokio::test]
async fn a_filter_has_an_end() {
    let world = world(2);
    configure(&world, "tron").await;
    more(&world, 10_397);
    let cut = world.get("/v1/audit?target=tron").await.json();
    assert_eq!((sequences(&cut), cut["looked_through"].as_u64()), (Vec::new(), Some(10_000)));
    let next = cut["next_before"].as_u64().unwrap();
    let rest = world.get(&format!("/v1/audit?target=tron&before={next}")).await.json();
    assert_eq!((sequences(&rest), &rest["next_before"], &rest["looked_through"]), (vec![3], &Json::Null, &json!(400)));
    let forward = world.get("/v1/audit?target=none&after=0").await.json();
    assert_eq!((sequences(&forward), forward["next_after"].as_u64()), (Vec::new(), Some(10_000)));
}
