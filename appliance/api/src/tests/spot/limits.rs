//! The limits of the door follow the settings.

use axum::http::Method;
use exchequer_state::settings::Value;
use exchequer_state::{Body as Change, SetSetting};
use serde_json::json;

use super::{good, limit, open, refusal, signed, world};
use crate::tests::World;

/// Changes a limit, and lets the time pass after which the door has heard of it.
fn change(world: &World, key: &str, value: i64) {
    let (key, value) = (key.to_owned(), Value::Integer(value));
    world.house.run(Change::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
    world.house.inside.lock().now.0 += 100_000;
}

/// Goal: a changed limit holds for the next request, and clients are told of it. Method: each limit of requests is lowered
/// below what was used, and raised again.
#[tokio::test]
async fn changed_limits_hold() {
    let world = world();
    let told = async || good(&open(&world, "/api/v3/exchangeInfo").await)["rateLimits"].clone();
    let limits = |limits: serde_json::Value| -> Vec<u64> {
        limits.as_array().unwrap().iter().map(|limit| limit["limit"].as_u64().unwrap()).collect()
    };
    assert_eq!(limits(told().await), [6_000, 50, 160_000]);

    good(&limit(&world, 1, "BUY", "0.001", "10000.00", "").await);
    change(&world, "limit.orders_ten_seconds", 1);
    assert_eq!(refusal(&limit(&world, 1, "BUY", "0.001", "10000.00", "").await), (429, -1015));
    let counts = good(&signed(&world, 1, Method::GET, "/api/v3/rateLimit/order", "").await);
    assert_eq!((&counts[0]["limit"], &counts[0]["count"]), (&json!(1), &json!(1)));
    change(&world, "limit.orders_ten_seconds", 2);
    good(&limit(&world, 1, "BUY", "0.001", "10000.00", "").await);
    change(&world, "limit.orders_ten_seconds", 50);
    change(&world, "limit.orders_day", 2);
    assert_eq!(refusal(&limit(&world, 1, "BUY", "0.001", "10000.00", "").await), (429, -1015));
    assert_eq!(limits(told().await), [6_000, 50, 2]);

    change(&world, "limit.request_weight", 100);
    for _ in 0..6 {
        open(&world, "/api/v3/exchangeInfo").await;
    }
    assert_eq!(refusal(&open(&world, "/api/v3/exchangeInfo").await), (429, -1003));
    change(&world, "limit.request_weight", 6_000);
    assert_eq!(limits(told().await), [6_000, 50, 2]);
}
