//! The WebSocket API, and users' events.

use axum::http::Method;
use exchequer_domain::UserId;
use exchequer_state::api_keys::{ApiKeyId, Credential, Scopes};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::{Body as Change, CreateApiKey, CreditSandbox, RevokeApiKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::super::World;
use super::socket::{Client, Door};
use super::{NOW_MS, good, key, limit, open, sign, signed, window, world};

/// Parameters with key, moment and signature.
fn with_signature(user: u64, mut params: Value) -> Value {
    let map = params.as_object_mut().unwrap();
    map.insert("apiKey".into(), json!(key(user, 'T')));
    map.insert("timestamp".into(), json!(NOW_MS));
    map.insert("recvWindow".into(), json!(window()));
    // By name, as the map is.
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let pairs: Vec<String> = map.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    let signature = sign(&pairs.join("&"));
    map.insert("signature".into(), json!(signature));
    params
}

/// An order that rests.
fn order(side: &str, quantity: &str, price: &str) -> Value {
    json!({
        "symbol": "BTCUSDT", "side": side, "type": "LIMIT", "timeInForce": "GTC", "quantity": quantity, "price": price,
    })
}

fn refusal(answer: &Value) -> (u64, i64) {
    (answer["status"].as_u64().unwrap(), answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("{answer}")))
}

fn result(answer: &Value) -> &Value {
    assert_eq!(answer["status"], 200, "{answer}");
    &answer["result"]
}

async fn subscribed(door: &Door, user: u64) -> Client {
    let mut client = door.connect("/ws-api/v3").await;
    let answer = client.ask("userDataStream.subscribe.signature", with_signature(user, json!({}))).await;
    assert_eq!(result(&answer), &json!({"subscriptionId": 0}));
    client
}

/// Goal: orders live and end over the socket as over HTTP, and are counted together. Method: each verb, beside the same
/// question over HTTP.
#[tokio::test]
async fn requests_are_those_of_the_other_addresses() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws-api/v3").await;
    assert_eq!(result(&client.ask("ping", json!({})).await), &json!({}));
    assert_eq!(result(&client.ask("time", json!({})).await), &json!({"serverTime": NOW_MS}));
    let placed = client.ask("order.place", with_signature(1, order("SELL", "0.5", "50000"))).await;
    assert_eq!(result(&placed)["status"], "NEW");
    let limits = placed["rateLimits"].as_array().unwrap();
    assert_eq!((&limits[0]["count"], &limits[2]["rateLimitType"]), (&json!(1), &json!("REQUEST_WEIGHT")));
    let id = result(&placed)["orderId"].clone();
    let of = json!({"symbol": "BTCUSDT", "orderId": id});
    let status = client.ask("order.status", with_signature(1, of.clone())).await;
    assert_eq!(result(&status)["origQty"], "0.50000");
    let open_orders = client.ask("openOrders.status", with_signature(1, json!({"symbol": "BTCUSDT"}))).await;
    assert_eq!(result(&open_orders).as_array().unwrap().len(), 1);
    let smaller = json!({"symbol": "BTCUSDT", "orderId": id, "newQty": "0.4"});
    let amended = client.ask("order.amend.keepPriority", with_signature(1, smaller)).await;
    assert_eq!(result(&amended)["amendedOrder"]["qty"], "0.40000");
    let depth = client.ask("depth", json!({"symbol": "BTCUSDT", "limit": 5, "returnRateLimits": false})).await;
    assert_eq!(result(&depth)["asks"], json!([["50000.00", "0.40000"]]));
    assert_eq!(depth.get("rateLimits"), None);
    assert_eq!(result(&depth), &good(&open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=5").await));
    let mut replace = order("SELL", "0.3", "51000");
    replace["cancelReplaceMode"] = json!("STOP_ON_FAILURE");
    replace["cancelOrderId"] = id.clone();
    let replaced = client.ask("order.cancelReplace", with_signature(1, replace)).await;
    assert_eq!(result(&replaced)["newOrderResult"], "SUCCESS");
    let name = result(&replaced)["newOrderResponse"]["clientOrderId"].clone();
    let cancelled = json!({"symbol": "BTCUSDT", "origClientOrderId": name});
    let cancelled = client.ask("order.cancel", with_signature(1, cancelled)).await;
    assert_eq!(result(&cancelled)["status"], "CANCELED");
    let tested = client.ask("order.test", with_signature(1, order("SELL", "0.5", "50000"))).await;
    assert_eq!(result(&tested), &json!({}));
    let all = client.ask("openOrders.cancelAll", with_signature(1, json!({"symbol": "BTCUSDT"}))).await;
    assert_eq!(refusal(&all), (400, -2011));
    let account = client.ask("account.status", with_signature(1, json!({"omitZeroBalances": true}))).await;
    assert_eq!(result(&account)["balances"][0], json!({"asset": "BTC", "free": "10.00000000", "locked": "0.00000000"}));
    // Two orders were entered here; the next one, over HTTP, is the third.
    let third = limit(&world, 1, "SELL", "0.5", "50000", "").await;
    assert_eq!(third.header("x-mbx-order-count-10s"), "3");
    let unknown = client.ask("nothing", json!({})).await;
    assert_eq!(refusal(&unknown), (400, -1020));
}

/// Goal: a request is only taken from the holder of a key that works, in time and within its scopes. Method: each thing
/// that can be wrong with it.
#[tokio::test]
async fn keys_and_signatures_are_checked() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws-api/v3").await;
    let right = with_signature(1, order("SELL", "0.5", "50000"));
    let changed = |name: &str, value: Value| {
        let mut params = right.clone();
        params[name] = value;
        params
    };
    for (params, expected) in [
        (changed("quantity", json!("0.6")), (400, -1022)),
        (changed("signature", json!("00")), (400, -1022)),
        (changed("timestamp", json!(NOW_MS - 6_000)), (400, -1021)),
        (changed("timestamp", json!("soon")), (400, -1100)),
        (changed("apiKey", json!("short")), (400, -2014)),
        (changed("apiKey", json!("x".repeat(64))), (401, -2015)),
        (changed("apiKey", json!(key(1, 'R'))), (401, -1002)),
        (order("SELL", "0.5", "50000"), (400, -1102)),
    ] {
        assert_eq!(refusal(&client.ask("order.place", params.clone()).await), expected, "{params}");
    }
    for text in ["nonsense", "[]", r#"{"id":1,"method":7}"#, r#"{"id":1,"method":"ping","params":[1]}"#] {
        client.text(text).await;
        assert_eq!(client.next().await["status"], 400, "{text}");
    }
    assert_eq!(refusal(&client.ask("userDataStream.subscribe", json!({})).await), (400, -1002));
    let logon = with_signature(1, json!({}));
    assert_eq!(refusal(&client.ask("session.logon", logon).await), (400, -4056), "only Ed25519 keys log on");
    result(&client.ask("order.place", right).await);
}

/// A key of a user that signs with Ed25519.
pub(super) fn ed25519(world: &World, user: u64) -> (String, Ed25519KeyPair) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let mut public = [0; 32];
    public.copy_from_slice(pair.public_key().as_ref());
    let name = key(user, 'E');
    world.house.run(Change::CreateApiKey(Box::new(CreateApiKey {
        user: UserId(user),
        key: name.clone(),
        label: String::new(),
        credential: Credential::Ed25519 { public },
        scopes: Scopes { read: true, trade: true, withdraw: false },
        ranges: Vec::new(),
        reason: "test".into(),
    })));
    (name, pair)
}

/// Goal: after a logon requests need no signature, until the logout or the key's end. Method: both.
#[tokio::test]
async fn a_logon_stands_for_signatures() {
    use base64::Engine as _;
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws-api/v3").await;
    let (name, pair) = ed25519(&world, 1);
    let text = format!("apiKey={name}&timestamp={NOW_MS}");
    let signature = base64::engine::general_purpose::STANDARD.encode(pair.sign(text.as_bytes()));
    let logon = json!({"apiKey": name, "timestamp": NOW_MS, "signature": signature});
    assert_eq!(result(&client.ask("session.logon", logon.clone()).await)["apiKey"], json!(name));
    let plain = |mut params: Value| {
        params["timestamp"] = json!(NOW_MS);
        params
    };
    let placed = client.ask("order.place", plain(order("SELL", "0.5", "50000"))).await;
    assert_eq!(result(&placed)["status"], "NEW");
    assert_eq!(refusal(&client.ask("order.place", order("SELL", "0.5", "50000")).await), (400, -1102));
    assert_eq!(result(&client.ask("userDataStream.subscribe", json!({})).await), &json!({"subscriptionId": 0}));
    assert_eq!(refusal(&client.ask("userDataStream.subscribe", json!({})).await), (400, -2035));
    assert_eq!(result(&client.ask("session.status", json!({})).await)["userDataStream"], true);
    client.text(r#"{"id":"bye","method":"session.logout"}"#).await;
    assert_eq!(client.next().await["event"]["e"], "eventStreamTerminated");
    assert_eq!(client.next().await["result"]["apiKey"], Value::Null);
    assert_eq!(refusal(&client.ask("account.status", plain(json!({}))).await), (400, -1102));

    client.ask("session.logon", logon).await;
    assert_eq!(result(&client.ask("userDataStream.subscribe", json!({})).await), &json!({"subscriptionId": 1}));
    world.house.run(Change::RevokeApiKey(RevokeApiKey { id: ApiKeyId(5), reason: "test".into() }));
    assert_eq!(refusal(&client.ask("account.status", plain(json!({}))).await), (401, -2015));
    let ended = client.until(|value| value["event"]["e"] == "eventStreamTerminated").await;
    assert_eq!(ended["subscriptionId"], 1);
    // The user may be listened to by another key at once, over the same connection.
    let by_signature = client.ask("userDataStream.subscribe.signature", with_signature(1, json!({}))).await;
    assert_eq!(result(&by_signature), &json!({"subscriptionId": 2}));
    assert_eq!(result(&client.ask("session.subscriptions", json!({})).await), &json!([{"subscriptionId": 2}]));
}

/// Goal: a pair is told of as a list, from the first report on, when it begins and when it is over. Method: one that is
/// cancelled, and one whose limit order trades in two parts.
#[tokio::test]
async fn pairs_are_told_of_as_lists() {
    let world = world();
    let door = Door::new(&world);
    good(&limit(&world, 1, "SELL", "1", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.1", "50000", "").await);
    let mut client = subscribed(&door, 2).await;
    let pair = |name: &str| {
        format!(
            "symbol=BTCUSDT&side=SELL&quantity=0.1&aboveType=LIMIT_MAKER&abovePrice=49500&belowType=STOP_LOSS\
             &belowStopPrice=40000&listClientOrderId={name}&belowClientOrderId={name}-stop"
        )
    };
    let mut told = async |count: usize| {
        let mut found = Vec::new();
        while found.len() < count {
            let told = client.next().await["event"].clone();
            if told["e"] != "outboundAccountPosition" {
                found.push(told);
            }
        }
        found
    };
    signed(&world, 1, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await;
    let path = "/api/v3/orderList/oco";
    let placed = good(&signed(&world, 2, Method::POST, path, &pair("one")).await);
    let (list, orders) = (placed["orderListId"].clone(), placed["orders"].clone());
    let begun = told(3).await;
    assert_eq!([&begun[0]["g"], &begun[1]["g"], &begun[2]["g"]], [&list, &list, &list]);
    let mut status = begun[2].clone();
    for (name, expected) in [
        ("e", json!("listStatus")),
        ("c", json!("OCO")),
        ("l", json!("EXEC_STARTED")),
        ("L", json!("EXECUTING")),
        ("C", json!("one")),
        ("T", json!(NOW_MS)),
    ] {
        assert_eq!(status[name], expected, "{name}");
    }
    let leg = |at: usize| json!({"s": "BTCUSDT", "i": orders[at]["orderId"], "c": orders[at]["clientOrderId"]});
    assert_eq!(status["O"], json!([leg(0), leg(1)]));
    let cancel = format!("symbol=BTCUSDT&orderListId={list}");
    good(&signed(&world, 2, Method::DELETE, "/api/v3/orderList", &cancel).await);
    let over = told(3).await;
    status["l"] = json!("ALL_DONE");
    status["L"] = json!("ALL_DONE");
    assert_eq!(over[2], status);

    good(&signed(&world, 2, Method::POST, path, &pair("two")).await);
    told(3).await;
    good(&limit(&world, 1, "BUY", "0.04", "49500", "").await);
    let parted = told(2).await;
    assert_eq!((&parted[0]["X"], &parted[1]["X"]), (&json!("PARTIALLY_FILLED"), &json!("EXPIRED")));
    good(&limit(&world, 1, "BUY", "0.06", "49500", "").await);
    let over = told(2).await;
    assert_eq!((&over[0]["X"], &over[1]["L"], &over[1]["C"]), (&json!("FILLED"), &json!("ALL_DONE"), &json!("two")));
    assert_eq!(over[1]["O"][1]["c"], "two-stop");
}

/// Goal: what is told last of an order is what a look shows. Method: a market order measured in quote that trades and is
/// then reduced by an order of its own owner.
#[tokio::test]
async fn the_last_report_is_what_is_shown() {
    let world = world();
    let door = Door::new(&world);
    let mut client = subscribed(&door, 2).await;
    good(&limit(&world, 1, "SELL", "0.001", "50000", "").await);
    good(&limit(&world, 2, "SELL", "0.001", "50001", "").await);
    let spend = "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=80&selfTradePreventionMode=DECREMENT";
    let shown = good(&signed(&world, 2, Method::POST, "/api/v3/order", spend).await);
    let is_of = |told: &Value| told["event"]["i"] == shown["orderId"];
    let mut last = Value::Null;
    // A position ends what is told of an entry; the first is that of the order that rests.
    for _ in 0..2 {
        loop {
            let told = client.next().await;
            if is_of(&told) {
                last = told["event"].clone();
            }
            if told["event"]["e"] == "outboundAccountPosition" {
                break;
            }
        }
    }
    assert_eq!((&last["X"], &last["z"]), (&shown["status"], &shown["executedQty"]), "{last}");
    assert_eq!(last["x"], "TRADE_PREVENTION");
}

/// Goal: a user is told of each thing that happens to their orders and balances, in order and in the documented form, and
/// of nothing of others. Method: an order that rests, trades and ends, and money that comes.
#[tokio::test]
async fn users_are_told_of_their_orders_and_money() {
    let world = world();
    let door = Door::new(&world);
    let (mut maker, mut taker) = (subscribed(&door, 1).await, subscribed(&door, 2).await);
    good(&limit(&world, 1, "SELL", "0.5", "50000", "&newClientOrderId=mine").await);
    let told = maker.next().await;
    assert_eq!(told["subscriptionId"], 0);
    let report = &told["event"];
    for (name, expected) in [
        ("e", json!("executionReport")),
        ("E", json!(NOW_MS)),
        ("s", json!("BTCUSDT")),
        ("c", json!("mine")),
        ("S", json!("SELL")),
        ("o", json!("LIMIT")),
        ("f", json!("GTC")),
        ("q", json!("0.50000")),
        ("p", json!("50000.00")),
        ("P", json!("0.00")),
        ("F", json!("0.00000")),
        ("g", json!(-1)),
        ("C", json!("")),
        ("x", json!("NEW")),
        ("X", json!("NEW")),
        ("r", json!("NONE")),
        ("l", json!("0.00000")),
        ("z", json!("0.00000")),
        ("L", json!("0.00")),
        ("n", json!("0")),
        ("N", Value::Null),
        ("t", json!(-1)),
        ("w", json!(true)),
        ("m", json!(false)),
        ("Z", json!("0.00000000")),
        ("V", json!("EXPIRE_MAKER")),
    ] {
        assert_eq!(report[name], expected, "{name}");
    }
    let position = &maker.next().await["event"];
    assert_eq!(position["e"], "outboundAccountPosition");
    assert_eq!(position["B"][0], json!({"a": "BTC", "f": "9.50000000", "l": "0.50000000"}));

    good(&limit(&world, 2, "BUY", "0.2", "50000", "").await);
    let traded = maker.next().await["event"].clone();
    assert_eq!((&traded["x"], &traded["X"], &traded["m"]), (&json!("TRADE"), &json!("PARTIALLY_FILLED"), &json!(true)));
    assert_eq!(
        (&traded["l"], &traded["L"], &traded["Y"]),
        (&json!("0.20000"), &json!("50000.00"), &json!("10000.00000000"))
    );
    assert_eq!((&traded["n"], &traded["N"], &traded["t"]), (&json!("10.00000000"), &json!("USDT"), &json!(1)));
    assert_eq!(maker.next().await["event"]["B"][1], json!({"a": "USDT", "f": "1009990.00000000", "l": "0.00000000"}));
    let kinds = [taker.next().await, taker.next().await].map(|told| told["event"]["x"].clone());
    assert_eq!(kinds, [json!("NEW"), json!("TRADE")]);
    assert_eq!(taker.next().await["event"]["e"], "outboundAccountPosition");

    let cancel = with_signature(1, json!({"symbol": "BTCUSDT", "origClientOrderId": "mine"}));
    maker.text(json!({"id": "c", "method": "order.cancel", "params": cancel}).to_string()).await;
    let ended = maker.until(|value| value["event"]["x"].is_string()).await;
    assert_eq!((&ended["event"]["x"], &ended["event"]["C"]), (&json!("CANCELED"), &json!("mine")));
    maker.until(|value| value["event"]["e"] == "outboundAccountPosition").await;

    // A market order that is measured in quote, and ends when the rest buys nothing.
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    let spend = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "100.25"});
    // Not asked: what is told before the answer counts too.
    taker.text(json!({"id": "p", "method": "order.place", "params": with_signature(2, spend)}).to_string()).await;
    let mut last = Value::Null;
    while last["e"] != "outboundAccountPosition" {
        let told = taker.next().await["event"].clone();
        if told["e"] == "executionReport" {
            assert_ne!(told["x"], "EXPIRED");
        }
        if told["x"] == "TRADE" {
            assert_eq!(told["X"], "FILLED");
        }
        last = told;
    }

    let credit = CreditSandbox { user: UserId(2), asset: Asset(2), amount: 700_000_000, id: TransferId(99) };
    world.house.run(Change::CreditSandbox(credit));
    let came = taker.until(|value| value["event"]["e"] == "balanceUpdate").await["event"].clone();
    assert_eq!((&came["a"], &came["d"], &came["T"]), (&json!("USDT"), &json!("7.00000000"), &json!(NOW_MS)));
    assert_eq!(taker.next().await["event"]["B"][0]["a"], "USDT");
    assert_eq!(result(&taker.ask("userDataStream.unsubscribe", json!({"subscriptionId": 0})).await), &json!({}));
}

/// Goal: who asks too much over the socket is refused and then closed, counted together with HTTP.
#[tokio::test]
async fn who_asks_too_much_is_refused() {
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws-api/v3").await;
    for _ in 0..23 {
        result(&client.ask("depth", json!({"symbol": "BTCUSDT", "limit": 5000})).await);
    }
    good(&open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=1000").await);
    let mut refused = client.ask("ping", json!({})).await;
    // What is left of the minute, some 200.
    for _ in 0..300 {
        if refused["status"] != 200 {
            break;
        }
        refused = client.ask("ping", json!({})).await;
    }
    assert_eq!(refusal(&refused), (429, -1003));
    assert!(refused["error"]["data"]["retryAfter"].as_u64().unwrap() > NOW_MS);
    for _ in 0..100 {
        client.text(r#"{"id":1,"method":"ping"}"#).await;
    }
    assert_eq!(client.closed().await.0, 1008);
    assert_eq!(door.refused("/ws-api/v3").await, (418, -1003));
}

/// Goal: only a change whose answer was lost is unknown. Method: refusals of the house, and a panic.
#[tokio::test]
async fn lost_answers_are_unknown() {
    use exchequer_domain::{Code, Problem};
    let world = world();
    let door = Door::new(&world);
    let mut client = door.connect("/ws-api/v3").await;
    for (code, expected) in [(Code::OutcomeUnknown, (504, -1007)), (Code::NoLeader, (503, -1008))] {
        world.house.knobs.lock().refuse = Some(Problem::new(code, "x"));
        let answer = client.ask("order.place", with_signature(1, order("SELL", "0.5", "50000"))).await;
        assert_eq!(refusal(&answer), expected, "{code}");
    }
    world.house.knobs.lock().refuse = None;
    world.house.knobs.lock().panic = true;
    let answer = client.ask("order.place", with_signature(1, order("SELL", "0.5", "50000"))).await;
    assert_eq!(refusal(&answer), (504, -1007));
}
