//! What the figures were in the last day: sampled of a node with a state in memory, read through the door.

use std::time::{Duration, Instant};

use exchequer_state::people::{Principal, Role};
use serde_json::{Value, json};

use super::World;
use super::people::{admin, session, wait};
use super::trading::{limit, open_market, post};
use crate::backend::Backend as _;
use crate::history::{History, KEPT_MINUTES, Process, SAMPLED_EVERY_US, Series};

const PROCESS: Process = Process { disk_free_bytes: Some(7_000), resident_bytes: None };

/// Lets the house sample a minute later.
fn sample(world: &World) {
    wait(&world.house, SAMPLED_EVERY_US);
    let now = world.house.inside.lock().now;
    world.house.history.sample(&*world.house, now, PROCESS);
}

async fn read(world: &World, series: &str) -> Value {
    world.get(&format!("/v1/history?series={series}&points=1440")).await.json()
}

/// The figures of each series, and of amounts the asset.
fn values(read: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = |one: &Value| [text(&one["series"]), text(&one["asset"])].join(" ").trim().to_owned();
    let points = |one: &Value| one["points"].as_array().unwrap().iter().map(|point| text(&point["value"])).collect();
    read["series"].as_array().unwrap().iter().map(|one| (name(one), points(one))).collect()
}

fn line(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
}

/// Goal: each sample is what was the case when it was taken; amounts are whole minor units with their asset, and what a day brought
/// is a difference. Method: a market with one trade between two samples, and an admin who signs in.
#[tokio::test]
async fn figures_are_those_of_their_minutes() {
    let world = open_market().await;
    sample(&world);
    post(&world, "/v1/orders", limit(2, "sell", "64000.15", "0.5")).await.json();
    post(&world, "/v1/orders", limit(1, "buy", "65000.00", "0.2")).await.json();
    let ada = admin(&world.house, "ada", &[Role::Owner], true);
    sample(&world);
    session(&world.house, Principal::Admin(ada));
    sample(&world);
    let seen =
        read(&world, "orders_open,traded_24h,fees,admin_sessions,markets_trading,disk_free_bytes,resident_bytes").await;
    assert_eq!(
        values(&seen),
        [
            line("disk_free_bytes", &["7000", "7000", "7000"]),
            line("resident_bytes", &[]),
            line("markets_trading", &["1", "1", "1"]),
            line("orders_open", &["0", "1", "1"]),
            line("admin_sessions", &["0", "0", "1"]),
            // 0.2 BTC at 64,000.15 USDT, of eight decimals each; the buyer came second and pays 0.2 %, the seller 0.1 %.
            line("traded_24h USDT", &["0", "1280003000000", "1280003000000"]),
            line("fees BTC", &["0", "40000", "40000"]),
            line("fees USDT", &["0", "1280003000", "1280003000"]),
        ]
    );
    let of = |name: &str| seen["series"].as_array().unwrap().iter().find(|one| one["series"] == name).unwrap().clone();
    let fees = of("fees");
    assert_eq!(
        (&fees["unit"], &fees["decimals"], &fees["source"]),
        (&json!("minor-units"), &json!(8), &json!("state"))
    );
    assert_eq!((&of("disk_free_bytes")["source"], &seen["node"]), (&json!("node"), &json!(1)));
    let first = of("orders_open")["points"][0]["at"].clone();
    assert_eq!((&seen["kept_since"], &seen["step_s"], &seen["sampled_every_s"]), (&first, &json!(60), &json!(60)));
    assert_eq!(of("orders_open")["day_before"], Value::Null, "nothing is known of yesterday");

    // A day later what was traded has left the window, and the day before is told.
    wait(&world.house, (KEPT_MINUTES - 2) * SAMPLED_EVERY_US);
    sample(&world);
    let seen = read(&world, "traded_24h,fees").await;
    let day_before = seen["series"].as_array().unwrap().iter().map(|one| one["day_before"]["value"].clone());
    assert_eq!(day_before.collect::<Vec<_>>(), ["1280003000000", "40000", "1280003000"]);
    assert_eq!(values(&seen)[0].1.last().unwrap(), "0");
    assert_eq!(world.house.now_ms() / 60_000 - KEPT_MINUTES, minute_of(&seen["kept_since"]));
}

fn minute_of(moment: &Value) -> u64 {
    exchequer_domain::Timestamp::parse(moment.as_str().unwrap()).unwrap().millis() / 60_000
}

/// Goal: a node that does not keep up tells no old state as the present one: the minute is a gap, and what it knows of itself is
/// there all the same. Method: three samples, of which the second is of a state two minutes old.
#[tokio::test]
async fn a_stale_minute_is_a_gap() {
    let world = World::new();
    sample(&world);
    world.house.knobs.lock().age = Duration::from_secs(120);
    sample(&world);
    world.house.knobs.lock().age = Duration::from_millis(5);
    sample(&world);
    let seen = read(&world, "workers_wanted,state_age_ms").await;
    assert_eq!(values(&seen), [line("state_age_ms", &["0", "120000", "5"]), line("workers_wanted", &["0", "0"])]);
    let at = |place: usize| minute_of(&seen["series"][1]["points"][place]["at"]);
    assert_eq!(at(1) - at(0), 2, "the points say which minute is missing");
}

/// Goal: before the first sample, and before the cluster is made, nothing is known and that is said; a node that was started anew
/// says since when it knows. Method: an empty history, then one sample.
#[tokio::test]
async fn a_history_begins() {
    let world = World::new();
    let seen = read(&world, "workers_wanted,fees").await;
    assert_eq!((&seen["kept_since"], &seen["sampled_at"]), (&Value::Null, &Value::Null));
    assert_eq!(values(&seen), [line("workers_wanted", &[])], "no asset has fees yet");
    sample(&world);
    let now = world.house.inside.lock().now;
    assert_eq!(read(&world, "workers_wanted").await["kept_since"], now.to_string());
    world.house.history.sample(&*world.house, now, PROCESS);
    assert_eq!(values(&read(&world, "workers_wanted").await), [line("workers_wanted", &["0"])], "one a minute");
}

/// Goal: whoever asks for what there is not is told what there is. Method: each kind of wrong request.
#[tokio::test]
async fn wrong_requests() {
    let world = World::new();
    let many: Vec<&str> = Series::NAMES.iter().take(13).copied().collect();
    for (query, says) in [
        (String::new(), "`series`"),
        ("series=".to_owned(), "there is no series ``"),
        ("series=workers".to_owned(), "there is no series `workers`"),
        ("series=fees,fees".to_owned(), "more than once"),
        (format!("series={}", many.join(",")), "12 are answered at once"),
        ("series=fees&points=1".to_owned(), "from 2 to 1440"),
        ("series=fees&points=1441".to_owned(), "from 2 to 1440"),
        ("series=fees&consistency=local".to_owned(), "does not know"),
    ] {
        let reply = world.get(&format!("/v1/history?{query}")).await;
        assert_eq!(reply.refusal(), (400, "EXQ-0108".into()), "{query}");
        assert!(reply.message().contains(says), "{query}: {}", reply.message());
    }
    let hint = world.get("/v1/history?series=nope").await.json()["error"]["hint"].as_str().unwrap().to_owned();
    assert!(Series::NAMES.iter().all(|name| hint.contains(name)), "{hint}");
}

/// Goal: a sample costs the node nothing that is felt. Method: a thousand samples of a house with a market that trades; the time of
/// each is printed, and none takes as long as a read may.
#[tokio::test]
async fn a_sample_is_cheap() {
    let world = open_market().await;
    post(&world, "/v1/orders", limit(2, "sell", "64000.15", "0.5")).await.json();
    post(&world, "/v1/orders", limit(1, "buy", "65000.00", "0.2")).await.json();
    let history = History::default();
    let now = world.house.inside.lock().now;
    let mut took: Vec<Duration> = (1..=1_000)
        .map(|minute| {
            let began = Instant::now();
            history.sample(&*world.house, now.plus(Duration::from_secs(60 * minute)), PROCESS);
            began.elapsed()
        })
        .collect();
    took.sort();
    println!("median {:?}, the 99th of a hundred {:?}", took[500], took[990]);
    assert!(took[500] < Duration::from_millis(1), "{:?}", took[500]);
}
