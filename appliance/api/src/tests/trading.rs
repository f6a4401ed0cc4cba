//! Markets, orders and API keys through the door.

use serde_json::{Value, json};

use super::money::{credit, two_users};
use super::{Reply, World};

pub(super) async fn post(world: &World, path: &str, body: Value) -> Reply {
    world.post(path, &body.to_string()).await
}

/// Two users with money, and an open market.
pub(super) async fn open_market() -> World {
    let world = World::new();
    two_users(&world).await;
    credit(&world, 1, "USDT", "100000").await.json();
    credit(&world, 2, "BTC", "2").await.json();
    let body = json!({
        "symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick": "0.01", "lot": "0.00001",
        "fees": [{"maker_ppm": 1000, "taker_ppm": 2000}], "filters": {"notional_min": "5"}, "reason": "test",
    });
    assert_eq!(post(&world, "/v1/markets", body).await.json()["number"], 1);
    assert_eq!(phase(&world, "trading").await.json()["phase"], "trading");
    world
}

async fn phase(world: &World, phase: &str) -> Reply {
    post(world, "/v1/markets/BTCUSDT/phase", json!({"phase": phase, "reason": "test"})).await
}

pub(super) fn limit(user: u64, side: &str, price: &str, quantity: &str) -> Value {
    json!({"user": user, "market": "BTCUSDT", "side": side, "kind": "limit", "price": price, "quantity": quantity})
}

async fn account(world: &World, user: u64, asset: &str) -> Value {
    let accounts = world.get(&format!("/v1/ledger/accounts?user={user}")).await.json();
    let accounts = accounts["accounts"].as_array().unwrap().clone();
    accounts.into_iter().find(|account| account["asset"] == asset).unwrap()
}

/// Goal: two orders trade at the first one's price, and everyone has to the last digit what the trade and its fees leave.
#[tokio::test]
async fn two_orders_trade() {
    let world = open_market().await;
    let ask = post(&world, "/v1/orders", limit(2, "sell", "64000.15", "0.5")).await.json();
    assert_eq!((&ask["orders"][0]["status"], &ask["fills"]), (&json!("open"), &json!([])));
    assert_eq!(account(&world, 2, "BTC").await["reserved"], "0.50000000");
    let book = world.get("/v1/markets/BTCUSDT/book?depth=5").await.json();
    assert_eq!(book["asks"], json!([{"price": "64000.15", "quantity": "0.50000", "orders": 1}]));
    let bid = post(&world, "/v1/orders", limit(1, "buy", "65000.00", "0.20000")).await.json();
    let order = &bid["orders"][0];
    assert_eq!((&order["status"], &order["executed"]), (&json!("filled"), &json!("0.20000")));
    assert_eq!(order["executed_quote"], "12800.03000000");
    let fill = json!({"trade": 1, "price": "64000.15", "quantity": "0.20000", "fee": "0.00040000", "fee_asset": "BTC"});
    assert_eq!(bid["fills"], json!([fill]));
    assert_eq!(account(&world, 1, "BTC").await["posted"], "0.19960000");
    assert_eq!(account(&world, 1, "USDT").await["available"], "87199.97000000");
    assert_eq!(account(&world, 2, "USDT").await["posted"], "12787.22997000");
    let market = world.get("/v1/markets/BTCUSDT").await.json();
    assert_eq!(
        (&market["last"], &market["ask"], &market["bid"]),
        (&json!("64000.15"), &json!("64000.15"), &Value::Null)
    );

    let all = world.get("/v1/orders?user=2&market=BTCUSDT&state=all").await.json();
    assert_eq!(all["orders"][0]["status"], "partly-filled");
    let body = json!({"user": 2, "market": "BTCUSDT", "order": ask["orders"][0]["order"]});
    let ended = post(&world, "/v1/orders/cancel", body.clone()).await.json();
    assert_eq!((&ended["orders"][0]["status"], &ended["orders"][0]["ended"]), (&json!("ended"), &json!("cancelled")));
    assert_eq!(post(&world, "/v1/orders/cancel", body).await.refusal(), (404, "EXQ-0907".into()));
    assert_eq!(world.get("/v1/orders?user=2&market=BTCUSDT").await.json()["orders"], json!([]));
    assert_eq!(account(&world, 2, "BTC").await["available"], "1.80000000");
    world.get("/v1/ledger/verify").await.json();
}

/// Goal: a bad order changes nothing and is refused with the right code. Method: each kind, and the balance afterwards.
#[tokio::test]
async fn bad_orders_change_nothing() {
    let world = open_market().await;
    for (price, quantity, refusal) in [
        ("64000.151", "0.5", (422, "EXQ-0906")),
        ("64000.15", "0.000001", (422, "EXQ-0906")),
        ("64000.15", "0.000000001", (400, "EXQ-0108")),
        ("64000.15", "0", (400, "EXQ-0108")),
        ("64000.15", "-1", (400, "EXQ-0108")),
        ("NaN", "0.5", (400, "EXQ-0108")),
        ("1e4", "0.5", (400, "EXQ-0108")),
        ("64000.15", "99999999999999999999999999999999999999999", (400, "EXQ-0108")),
        ("0.01", "0.00001", (422, "EXQ-0906")),
        ("64000.15", "2", (422, "EXQ-0906")),
    ] {
        let reply = post(&world, "/v1/orders", limit(1, "buy", price, quantity)).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.into()), "{price} {quantity}: {}", reply.message());
    }
    let market = |more: Value| {
        let mut body = json!({"user": 1, "market": "BTCUSDT", "side": "buy", "kind": "market"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for more in [json!({}), json!({"quantity": "1", "quote_quantity": "1"}), json!({"quantity": "1", "price": "1"})] {
        assert_eq!(post(&world, "/v1/orders", market(more)).await.refusal(), (400, "EXQ-0108".into()));
    }
    let mut odd = limit(1, "bid", "64000.15", "0.5");
    assert_eq!(post(&world, "/v1/orders", odd.clone()).await.refusal(), (400, "EXQ-0108".into()));
    odd["side"] = json!("buy");
    odd["market"] = json!("NOPE");
    assert_eq!(post(&world, "/v1/orders", odd).await.refusal(), (404, "EXQ-0901".into()));
    assert_eq!(account(&world, 1, "USDT").await["available"], "100000.00000000");
}

/// Goal: an order that is sent again is the same one, and a name is used by one open order at a time.
#[tokio::test]
async fn orders_are_placed_once() {
    let world = open_market().await;
    let mut body = limit(1, "buy", "60000", "0.1");
    body["command_id"] = json!("0123456789abcdef0123456789abcdef");
    let first = post(&world, "/v1/orders", body.clone()).await.effect();
    assert_eq!(post(&world, "/v1/orders", body).await.effect(), first);
    assert_eq!(first["orders"][0]["client_id"], "0123456789abcdef0123456789abcdef");
    let mut named = limit(1, "buy", "60000", "0.1");
    named["client_id"] = json!("mine");
    post(&world, "/v1/orders", named.clone()).await.json();
    assert_eq!(post(&world, "/v1/orders", named).await.refusal(), (409, "EXQ-0905".into()));
    let ended = post(&world, "/v1/orders/cancel-all", json!({"user": 1, "market": "BTCUSDT"})).await.json();
    assert_eq!(ended["orders"].as_array().unwrap().len(), 2);
    assert_eq!(account(&world, 1, "USDT").await["reserved"], "0.00000000");
}

/// Goal: phases hold what they say. Method: halt, an order, resume; words that are no phase, an end that is none.
#[tokio::test]
async fn phases() {
    let world = open_market().await;
    assert_eq!(phase(&world, "halt").await.json()["phase"], "halt");
    assert_eq!(post(&world, "/v1/orders", limit(1, "buy", "60000", "0.1")).await.refusal(), (422, "EXQ-0906".into()));
    assert_eq!(phase(&world, "closed").await.refusal(), (400, "EXQ-0108".into()));
    let body = json!({"phase": "trading", "ends_at": "2099-01-01T00:00:00Z", "reason": "x"});
    assert_eq!(post(&world, "/v1/markets/BTCUSDT/phase", body).await.refusal(), (400, "EXQ-0108".into()));
    let body = json!({"phase": "auction", "ends_at": "2099-01-01T00:00:00Z", "reason": "x"});
    assert_eq!(post(&world, "/v1/markets/BTCUSDT/phase", body).await.json()["phase"], "auction");
    assert_eq!(world.get("/v1/markets/BTCUSDT").await.json()["phase_ends_at"], "2099-01-01T00:00:00.000Z");
    assert_eq!(phase(&world, "delisted").await.json()["phase"], "delisted");
    assert_eq!(phase(&world, "trading").await.refusal(), (422, "EXQ-0906".into()));
}

/// Goal: a market shows the limits that it was given, and keeps those that a change does not name.
#[tokio::test]
async fn limits_are_shown_and_changed() {
    let world = open_market().await;
    let change = json!({
        "filters": {"price_max": "100000", "quantity_min": "0.0001", "orders_max": 5,
            "bid_percent": {"lowest_ppm": 200_000, "highest_ppm": 1_200_000}},
        "breaker": {"band_ppm": 100_000, "pause": "2m", "auction": "1m"}, "reference": "64000", "reason": "test",
    });
    post(&world, "/v1/markets/BTCUSDT/configure", change).await.json();
    let market = world.get("/v1/markets/BTCUSDT").await.json();
    let filters = json!({
        "price_max": "100000.00", "quantity_min": "0.00010", "notional_min": "5.00000000", "orders_max": 5,
        "stops_max": 1000, "bid_percent": {"lowest_ppm": 200_000, "highest_ppm": 1_200_000},
    });
    assert_eq!(market["filters"], filters);
    assert_eq!(market["breaker"], json!({"band_ppm": 100_000, "pause": "2m", "auction": "1m"}));
    assert_eq!(
        (&market["reference"], &market["tick"], &market["lot"]),
        (&json!("64000.00"), &json!("0.01"), &json!("0.00001"))
    );
    assert_eq!(
        post(&world, "/v1/orders", limit(1, "buy", "100000.01", "0.1")).await.refusal(),
        (422, "EXQ-0906".into())
    );
    // A list of an object's values in order is no object.
    let listed = json!({"filters": [null, null], "reason": "test"});
    assert_eq!(post(&world, "/v1/markets/BTCUSDT/configure", listed).await.refusal(), (400, "EXQ-0108".into()));
    let nothing = json!({"reason": "test"});
    assert_eq!(post(&world, "/v1/markets/BTCUSDT/configure", nothing).await.refusal(), (400, "EXQ-0108".into()));
    let body = json!({
        "symbol": "X", "base": "BTC", "quote": "USDT", "tick": "0.000001", "lot": "0.00000001", "fees": [], "reason": "x",
    });
    assert_eq!(post(&world, "/v1/markets", body.clone()).await.refusal(), (400, "EXQ-0108".into()), "no fees");
    let mut fine = body;
    fine["fees"] = json!([{"maker_ppm": 0, "taker_ppm": 0}]);
    assert_eq!(post(&world, "/v1/markets", fine).await.refusal(), (422, "EXQ-0903".into()));
}

/// Goal: a key's secret is in the answer that made it and nowhere else, and a revoked key is gone. Method: a key of each
/// kind, the list, the revocation twice.
#[tokio::test]
async fn api_keys() {
    let world = World::new();
    two_users(&world).await;
    let path = "/v1/users/1/api-keys";
    let hmac = json!({"label": "bot", "scopes": ["read", "trade"], "addresses": ["10.0.0.0/8"], "reason": "test"});
    let made = post(&world, path, hmac).await.json();
    let secret = made["secret"].as_str().unwrap();
    assert_eq!((made["key"].as_str().unwrap().len(), secret.len()), (64, 64));
    let ed =
        json!({"label": null, "scopes": ["read"], "addresses": null, "public_key": "07".repeat(32), "reason": "x"});
    let pair = post(&world, path, ed).await.json();
    assert_eq!(pair["secret"], Value::Null);
    let listed = world.get(path).await;
    assert!(!listed.text().contains(secret));
    let keys = listed.json()["keys"].as_array().unwrap().clone();
    assert_eq!((&keys[0]["scopes"], &keys[0]["addresses"]), (&json!(["read", "trade"]), &json!(["10.0.0.0/8"])));
    assert_eq!((&keys[1]["kind"], &keys[1]["public_key"]), (&json!("ed25519"), &json!("07".repeat(32))));

    let revoke = json!({"key": made["key"], "reason": "leaked", "command_id": "07".repeat(16)});
    let other = post(&world, "/v1/users/2/api-keys/revoke", revoke.clone()).await;
    assert_eq!(other.refusal(), (404, "EXQ-0209".into()), "another user's");
    let done = post(&world, "/v1/users/1/api-keys/revoke", revoke.clone()).await.effect();
    assert_eq!(done["id"], 1);
    assert_eq!(post(&world, "/v1/users/1/api-keys/revoke", revoke).await.effect(), done, "the same command again");
    assert_eq!(world.get(path).await.json()["keys"].as_array().unwrap().len(), 1);
    for bad in [
        json!({"scopes": [], "reason": "x"}),
        json!({"scopes": ["all"], "reason": "x"}),
        json!({"scopes": ["read"], "addresses": ["10.0.0.0/33"], "reason": "x"}),
        json!({"scopes": ["withdraw"], "reason": "x"}),
        json!({"scopes": ["read"], "public_key": "07", "reason": "x"}),
    ] {
        assert_eq!(post(&world, path, bad.clone()).await.refusal(), (400, "EXQ-0108".into()), "{bad}");
    }
}

/// Goal: indicators and statistics are those of the market's candles and book. Method: one trade and a book on both
/// sides, worked out by hand; bad questions.
#[tokio::test]
async fn charts_and_figures() {
    let world = open_market().await;
    post(&world, "/v1/orders", limit(2, "sell", "60000", "0.5")).await.json();
    post(&world, "/v1/orders", limit(1, "buy", "60000", "0.2")).await.json();
    post(&world, "/v1/orders", limit(1, "buy", "59940", "0.1")).await.json();
    let path = |query: &str| format!("/v1/markets/BTCUSDT/indicators?{query}");
    let sma = world.get(&path("indicator=sma:1&interval=1h")).await.json();
    assert_eq!((&sma["columns"], sma["points"].as_array().unwrap().len()), (&json!(["sma"]), 1));
    assert_eq!(sma["points"][0]["values"], json!([60_000.0]));
    let early = world.get(&path("indicator=macd:12,26,9&interval=1h&limit=5")).await.json();
    assert_eq!(
        (&early["columns"], &early["points"][0]["values"]),
        (&json!(["macd", "signal", "histogram"]), &json!(null))
    );
    for query in [
        "interval=1h",
        "indicator=sma:1",
        "indicator=sma:0&interval=1h",
        "indicator=abc&interval=1h",
        "indicator=sma:1&interval=7h",
        "indicator=vwap&interval=1s",
        "indicator=sma:1&interval=1h&limit=0",
    ] {
        assert_eq!(world.get(&path(query)).await.refusal(), (400, "EXQ-0108".into()), "{query}");
    }
    let statistics = world.get("/v1/markets/BTCUSDT/statistics").await.json();
    assert_eq!(statistics["day"]["volume"], "0.20000000");
    assert_eq!(statistics["day"]["taker_buy_volume"], "0.20000000");
    assert_eq!((&statistics["spread"]["price"], &statistics["volatility_30d"]), (&json!("60.00"), &json!(null)));
    let depth = json!({"percent": 1, "bids": "0.10000000", "asks": "0.30000000", "imbalance": -0.5});
    assert_eq!(statistics["depth"][0], depth);
}
