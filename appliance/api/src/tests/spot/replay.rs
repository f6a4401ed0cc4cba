//! Signed requests that come again.

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use serde_json::{Value, json};

use super::super::{Reply, World};
use super::socket::Door;
use super::ws_api::ed25519;
use super::{NOW_MS, good, key, limit, open, refusal, sent, sign, signed, world};

/// What a user has, and everything that happened.
async fn everything(world: &World) -> Value {
    let mut seen = Vec::new();
    for user in [1, 2] {
        for (path, query) in [
            ("/api/v3/account", ""),
            ("/api/v3/allOrders", "symbol=BTCUSDT"),
            ("/api/v3/openOrders", "symbol=BTCUSDT"),
            ("/api/v3/myTrades", "symbol=BTCUSDT"),
        ] {
            let mut answer = good(&signed(world, user, Method::GET, path, query).await);
            // The moment of the account's last change is that of the read.
            answer.as_object_mut().map(|map| map.remove("updateTime"));
            seen.push(answer);
        }
    }
    seen.push(good(&open(world, "/api/v3/depth?symbol=BTCUSDT").await)["asks"].clone());
    Value::Array(seen)
}

/// Parameters with their moment and signature.
fn text(query: &str) -> String {
    let text = format!("{query}&timestamp={NOW_MS}");
    format!("{text}&signature={}", sign(&text))
}

async fn ask(world: &World, method: Method, path: &str, text: &str) -> Reply {
    sent(world, &key(2, 'T'), method, &format!("{path}?{text}")).await
}

/// Goal: a signed request that comes again takes effect once and gets the answer that it had, also where it was refused.
/// Method: every request that changes something, sent twice byte for byte; everything is compared around the second time.
#[tokio::test]
async fn a_request_takes_effect_once() {
    let world = world();
    good(&limit(&world, 1, "SELL", "5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.1", "50000", "").await);
    for name in ["a", "b", "c", "d", "e"] {
        good(&limit(&world, 2, "BUY", "0.1", "40000", &format!("&newClientOrderId={name}")).await);
    }
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.2&price=41000";
    let replace = |mode: &str, old: &str, rest: &str| {
        format!("{order}&cancelReplaceMode={mode}&cancelOrigClientOrderId={old}{rest}")
    };
    let pair = "symbol=BTCUSDT&side=SELL&quantity=0.01&aboveType=LIMIT_MAKER&abovePrice=60000&belowType=STOP_LOSS\
                &belowStopPrice=40000&listClientOrderId=both";
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    for (method, path, query) in [
        (&post, "/api/v3/order", order.to_owned()),
        (&post, "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.3".into()),
        (&post, "/api/v3/order", "symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.01&trailingDelta=100".into()),
        (&post, "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=5000".into()),
        (&put, "/api/v3/order/amend/keepPriority", "symbol=BTCUSDT&origClientOrderId=a&newQty=0.05".into()),
        (&post, "/api/v3/order/cancelReplace", replace("STOP_ON_FAILURE", "b", "")),
        (&post, "/api/v3/order/cancelReplace", replace("STOP_ON_FAILURE", "c", "&cancelRestrictions=ONLY_NEW")),
        (&post, "/api/v3/order/cancelReplace", replace("ALLOW_FAILURE", "absent", "")),
        (&delete, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=d".into()),
        (&delete, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=e&cancelRestrictions=ONLY_NEW".into()),
        (&delete, "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=absent".into()),
        (&post, "/api/v3/orderList/oco", pair.into()),
        (&delete, "/api/v3/orderList", "symbol=BTCUSDT&listClientOrderId=both".into()),
        (&delete, "/api/v3/openOrders", "symbol=BTCUSDT".into()),
    ] {
        let text = text(&query);
        let first = ask(&world, method.clone(), path, &text).await;
        let before = everything(&world).await;
        let second = ask(&world, method.clone(), path, &text).await;
        assert_eq!((first.status, first.json()), (second.status, second.json()), "{method} {path} {query}");
        assert_eq!(before, everything(&world).await, "{method} {path} {query}");
    }
}

/// Goal: no other way of putting the same request makes it another one, and what is signed anew is one. Method: an order in
/// the query, again in the body, over both, with its signature elsewhere and in capitals; then with another moment.
#[tokio::test]
async fn a_request_is_known_however_it_is_put() {
    let world = world();
    let query = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.2&price=41000";
    let payload = format!("{query}&timestamp={NOW_MS}");
    let signature = sign(&payload);
    let (front, back) = payload.split_at(query.len() - 2);
    let open_orders = async || good(&signed(&world, 2, Method::GET, "/api/v3/openOrders", "").await);
    for (query, form) in [
        (format!("{payload}&signature={signature}"), String::new()),
        (format!("signature={}&{payload}", signature.to_uppercase()), String::new()),
        (String::new(), format!("{payload}&signature={signature}")),
        (format!("{front}&signature={signature}"), back.to_owned()),
    ] {
        let request = Request::builder().method(Method::POST).uri(format!("/api/v3/order?{query}"));
        let reply = world.send(request.header("X-MBX-APIKEY", key(2, 'T')).body(Body::from(form)).unwrap()).await;
        // Split in the middle of a value it means something else, and is refused.
        assert!(reply.status.is_success() || reply.status.is_client_error(), "{}", reply.text());
        assert_eq!(open_orders().await.as_array().unwrap().len(), 1, "{query}");
    }
    let later = format!("{query}&timestamp={}", NOW_MS - 1);
    good(&ask(&world, Method::POST, "/api/v3/order", &format!("{later}&signature={}", sign(&later))).await);
    assert_eq!(open_orders().await.as_array().unwrap().len(), 2);
}

/// Goal: a request that means something else when it comes again is refused as one that was used. Method: a trailing stop,
/// whose distance follows from the last price, around a trade at another price.
#[tokio::test]
async fn a_request_with_another_meaning_is_refused() {
    let world = world();
    good(&limit(&world, 1, "SELL", "1", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.1", "50000", "").await);
    let stop = text("symbol=BTCUSDT&side=SELL&type=STOP_LOSS&quantity=0.01&trailingDelta=100");
    good(&ask(&world, Method::POST, "/api/v3/order", &stop).await);
    good(&limit(&world, 1, "BUY", "1", "49000", "").await);
    good(&limit(&world, 2, "SELL", "0.1", "49000", "").await);
    let before = everything(&world).await;
    assert_eq!(refusal(&ask(&world, Method::POST, "/api/v3/order", &stop).await), (400, -2010));
    assert_eq!(before, everything(&world).await);
}

/// Goal: the same holds over the socket and for Ed25519 keys, also from one connection to the next; without a signature,
/// after a logon, each request is one of its own. Method: an order twice in each way.
#[tokio::test]
async fn sockets_know_requests_again() {
    let world = world();
    let (name, pair) = ed25519(&world, 2);
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let signed_params = |mut params: Value| {
        params["apiKey"] = json!(name);
        params["timestamp"] = json!(NOW_MS);
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs: Vec<String> =
            params.as_object().unwrap().iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
        params["signature"] = json!(base64(pair.sign(pairs.join("&").as_bytes()).as_ref()));
        params
    };
    let order = json!({
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "40000",
    });
    let door = Door::new(&world);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let mut client = door.connect("/ws-api/v3").await;
        answers.push(client.ask("order.place", signed_params(order.clone())).await["result"].clone());
    }
    assert_eq!((&answers[0], answers[0]["status"].as_str()), (&answers[1], Some("NEW")));
    let mut client = door.connect("/ws-api/v3").await;
    assert_eq!(client.ask("session.logon", signed_params(json!({}))).await["status"], 200);
    let mut unsigned = order.clone();
    unsigned["timestamp"] = json!(NOW_MS);
    for _ in 0..2 {
        answers.push(client.ask("order.place", unsigned.clone()).await["result"].clone());
    }
    assert!(answers[2]["orderId"] != answers[3]["orderId"] && answers[3]["orderId"].is_u64(), "{answers:?}");
    let open_orders = good(&signed(&world, 2, Method::GET, "/api/v3/openOrders", "").await);
    assert_eq!(open_orders.as_array().unwrap().len(), 3);
}
