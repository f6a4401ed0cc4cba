//! Wrong requests, and what they are told.

use axum::body::Body;
use axum::http::{Method, Request};
use exchequer_domain::{Code, Problem};

use super::{NOW_MS, good, key, limit, open, refusal, sent, sign, signed, world};

/// Goal: each way to send a wrong order has its code, and nothing is held for it. Method: a table.
#[tokio::test]
async fn wrong_orders_have_their_codes() {
    let world = world();
    good(&limit(&world, 1, "SELL", "1", "50000", "&newClientOrderId=used").await);
    let before = good(&signed(&world, 1, Method::GET, "/api/v3/account", "").await);
    for (query, code) in [
        ("symbol=NONE&side=BUY&type=MARKET&quantity=1", -1121),
        ("symbol=BTC%20USDT&side=BUY&type=MARKET&quantity=1", -1100),
        ("side=BUY&type=MARKET&quantity=1", -1102),
        ("symbol=BTCUSDT&side=UP&type=MARKET&quantity=1", -1117),
        ("symbol=BTCUSDT&side=BUY&type=NOW&quantity=1", -1116),
        ("symbol=BTCUSDT&side=BUY&type=MARKET", -1102),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=", -1105),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&price=1", -1106),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1e9", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=NaN", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=-1", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0", -1013),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.000001", -1013),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.000000001", -1111),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=99999999999999999999999999999999999999999", -1108),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=1", -1102),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTD&quantity=1&price=1", -1115),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=1.001", -1013),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.00001&price=1", -1013),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=1000001", -1013),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=8000&price=900", -2010),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=1&price=900&icebergQty=0.1", -1014),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=900&icebergQty=2", -2010),
        ("symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=1&price=50000", -2010),
        ("symbol=BTCUSDT&side=BUY&type=STOP_LOSS&quantity=1", -1102),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=", -1118),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&newClientOrderId=a%20b", -1100),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&misspelt=1", -1104),
        ("symbol=BTCUSDT&side=BUY&side=BUY&type=MARKET&quantity=1", -1101),
        ("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&selfTradePreventionMode=X", -1130),
        ("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=60000&newClientOrderId=used", -2010),
    ] {
        let reply = signed(&world, 1, Method::POST, "/api/v3/order", query).await;
        assert_eq!(refusal(&reply), (400, code), "{query}: {}", reply.text());
    }
    let cancel = signed(&world, 1, Method::DELETE, "/api/v3/order", "symbol=BTCUSDT").await;
    assert_eq!(refusal(&cancel), (400, -1102));
    let empty = signed(&world, 1, Method::GET, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=").await;
    assert_eq!(refusal(&empty), (400, -1119));
    let unknown = signed(&world, 1, Method::GET, "/api/v3/order", "symbol=BTCUSDT&orderId=1").await;
    assert_eq!(refusal(&unknown), (400, -2013));
    let after = good(&signed(&world, 1, Method::GET, "/api/v3/account", "").await);
    assert_eq!(before["balances"], after["balances"]);
}

/// Goal: a request is only taken from the holder of a key that works, in time and within its scopes. Method: each thing
/// that can be wrong with it.
#[tokio::test]
async fn keys_and_signatures_are_checked() {
    let world = world();
    let path = |text: &str, signature: &str| format!("/api/v3/account?{text}&signature={signature}");
    let text = format!("timestamp={NOW_MS}");
    let right = path(&text, &sign(&text));
    good(&sent(&world, &key(1, 'R'), Method::GET, &right).await);
    assert_eq!(refusal(&open(&world, &right).await), (400, -2014));
    for (name, status, code) in [("short", 400, -2014), ("x".repeat(64).as_str(), 401, -2015)] {
        assert_eq!(refusal(&sent(&world, name, Method::GET, &right).await), (status, code), "{name}");
    }
    let wrong = path(&text, &sign("timestamp=1"));
    assert_eq!(refusal(&sent(&world, &key(1, 'T'), Method::GET, &wrong).await), (400, -1022));
    let unsigned = format!("/api/v3/account?{text}");
    assert_eq!(refusal(&sent(&world, &key(1, 'T'), Method::GET, &unsigned).await), (400, -1102));
    for (text, code) in [
        (format!("timestamp={}", NOW_MS - 5_001), -1021),
        (format!("timestamp={}", NOW_MS + 1_001), -1021),
        (format!("recvWindow=70000&timestamp={NOW_MS}"), -1131),
    ] {
        let reply = sent(&world, &key(1, 'T'), Method::GET, &path(&text, &sign(&text))).await;
        assert_eq!(refusal(&reply), (400, code), "{text}");
    }
    let order = format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp={NOW_MS}");
    let order = format!("/api/v3/order?{order}&signature={}", sign(&order));
    assert_eq!(refusal(&sent(&world, &key(1, 'R'), Method::POST, &order).await), (401, -1002));
    let body = format!("symbol=BTCUSDT&timestamp={NOW_MS}");
    let form = format!("{body}&signature={}", sign(&body));
    let request =
        Request::builder().method(Method::DELETE).uri("/api/v3/openOrders").header("X-MBX-APIKEY", key(1, 'T'));
    let reply = world.send(request.body(Body::from(form)).unwrap()).await;
    assert_eq!(refusal(&reply), (400, -2011), "a signed body is taken");
}

/// Goal: what the node cannot do is told apart from what it may have done. Method: refusals of the house.
#[tokio::test]
async fn failures_of_the_node_have_their_codes() {
    let world = world();
    for (code, status, expected) in
        [(Code::OutcomeUnknown, 504, -1007), (Code::NoLeader, 503, -1008), (Code::Overloaded, 503, -1008)]
    {
        world.house.knobs.lock().refuse = Some(Problem::new(code, "x"));
        assert_eq!(refusal(&limit(&world, 1, "BUY", "1", "40000", "").await), (status, expected), "{code}");
    }
    world.house.knobs.lock().refuse = None;
    let unknown = open(&world, "/api/v3/nothing").await;
    assert_eq!(refusal(&unknown), (404, -1020));
    let request = Request::builder().method(Method::POST).uri("/api/v3/order").body(Body::from(vec![b'a'; 10 << 20]));
    assert_eq!(refusal(&world.send(request.unwrap()).await).0, 413);
    world.house.knobs.lock().panic = true;
    assert_eq!(refusal(&limit(&world, 1, "BUY", "1", "40000", "").await), (504, -1007));
}

/// Goal: an address that asks too much is slowed and then banned, in the dialect.
#[tokio::test]
async fn who_asks_too_much_is_refused() {
    let world = world();
    for _ in 0..24 {
        good(&open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=5000").await);
    }
    let refused = open(&world, "/api/v3/ping").await;
    assert_eq!((refusal(&refused), refused.header("x-mbx-used-weight-1m")), ((429, -1003), "6001"));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    for _ in 0..100 {
        open(&world, "/api/v3/ping").await;
    }
    let banned = open(&world, "/api/v3/ping").await;
    assert_eq!((refusal(&banned), banned.header("retry-after")), ((418, -1003), "120"));
    world.house.inside.lock().now.0 += 121_000_000;
    good(&open(&world, "/api/v3/ping").await);
}
