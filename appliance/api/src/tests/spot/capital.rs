//! Money in and out in the dialect.

use axum::body::Body;
use axum::http::{Method, Request};
use exchequer_domain::UserId;
use exchequer_state::api_keys::{Credential, Range, Scopes};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::{Body as Change, CreateApiKey, CreditSandbox};
use serde_json::{Value, json};

use super::super::money_on_chains::{listed, rich, stock, wanted};
use super::super::{Reply, World};
use super::socket::Door;
use super::{SECRET, good, refusal, sign, window};
use crate::route::ClientAddress;

/// A key of a user's that reads; and withdraws from one address, where that is wanted.
fn key(world: &World, user: UserId, withdraw: bool) -> String {
    let key = format!("{}{:063}", if withdraw { 'W' } else { 'R' }, user.0);
    let range = Range::new(std::net::Ipv4Addr::LOCALHOST.into(), 32).unwrap();
    world.house.run(Change::CreateApiKey(Box::new(CreateApiKey {
        user,
        key: key.clone(),
        label: String::new(),
        credential: Credential::Hmac { sealed: SECRET.iter().rev().copied().collect() },
        scopes: Scopes { read: true, trade: false, withdraw },
        ranges: if withdraw { vec![range] } else { Vec::new() },
        reason: "test".into(),
    })));
    key
}

async fn ask(world: &World, key: &str, method: Method, path: &str, query: &str) -> Reply {
    let text = format!("{query}&timestamp={}&recvWindow={}", world.house.inside.lock().now.millis(), window());
    let text = text.trim_start_matches('&');
    let uri = format!("/sapi/v1/capital/{path}?{text}&signature={}", sign(text));
    let mut request =
        Request::builder().method(method).uri(uri).header("X-MBX-APIKEY", key).body(Body::empty()).unwrap();
    request.extensions_mut().insert(ClientAddress("127.0.0.1:9".parse().unwrap()));
    world.send(request).await
}

/// Goal: the dialect tells over which networks an asset comes and goes, gives one address and no second, and pays listed
/// addresses only. Method: a listed token, a user with a key that may withdraw, one address in the pool.
#[tokio::test]
async fn in_and_out() {
    let world = World::new();
    listed(&world).await;
    stock(&world, 1).await;
    let (user, _) = rich(&world);
    let (reader, key) = (key(&world, user, false), key(&world, user, true));
    let all = good(&ask(&world, &key, Method::GET, "config/getall", "").await);
    let network = &all[0]["networkList"][0];
    assert_eq!((&network["network"], &network["withdrawFee"]), (&json!("ETH"), &json!("4.000000")));
    assert_eq!((&network["isDefault"], &all[0]["withdrawAllEnable"]), (&json!(true), &json!(true)));
    let first = good(&ask(&world, &key, Method::GET, "deposit/address", "coin=USDT").await);
    let again = good(&ask(&world, &key, Method::GET, "deposit/address", "coin=USDT&network=ETH").await);
    assert_eq!(first, again);
    assert!(first["address"].as_str().unwrap().starts_with("0x"));
    for (query, code) in [("coin=NONE", -4024), ("coin=USDT&network=TRX", -4018), ("network=ETH", -1102)] {
        assert_eq!(refusal(&ask(&world, &key, Method::GET, "deposit/address", query).await), (400, code), "{query}");
    }
    for path in ["deposit/hisrec", "withdraw/history"] {
        assert_eq!(good(&ask(&world, &key, Method::GET, path, "").await), Value::Array(Vec::new()), "{path}");
    }
    let to = "0x52908400098527886E0F7030069857D2E4169EE7";
    let order = format!("coin=USDT&network=ETH&address={to}&amount=50&withdrawOrderId=rent");
    assert_eq!(refusal(&ask(&world, &reader, Method::POST, "withdraw/apply", &order).await), (401, -1002));
    let reply = ask(&world, &key, Method::POST, "withdraw/apply", &order).await;
    assert_eq!(refusal(&reply), (400, -4007), "not listed: {}", reply.text());
    let lost = order.replace(to, "0xdAC17F958D2ee523a2206206994597C13D831ec7");
    assert_eq!(refusal(&ask(&world, &key, Method::POST, "withdraw/apply", &lost).await), (400, -4007));
}

/// Goal: a user hears of each edge that a withdrawal goes, with the dialect's number of its state, and nobody else does. Method: two
/// users who listen; one asks for a withdrawal, and takes it back.
#[tokio::test]
async fn withdrawals_are_told() {
    let world = World::new();
    listed(&world).await;
    let ((user, session), (other, _)) = (rich(&world), rich(&world));
    let door = Door::new(&world);
    let listens = async |user: UserId| {
        let (mut client, key) = (door.connect("/ws-api/v3").await, key(&world, user, false));
        let (now, window) = (world.house.inside.lock().now.millis(), window());
        let signed = sign(&format!("apiKey={key}&recvWindow={window}&timestamp={now}"));
        let params = json!({"apiKey": key, "timestamp": now, "recvWindow": window, "signature": signed});
        let answer = client.ask("userDataStream.subscribe.signature", params).await;
        assert_eq!(answer["status"], 200, "{answer}");
        client
    };
    let (mut own, mut another) = (listens(user).await, listens(other).await);
    let path = |rest: &str| format!("/v1/users/{}/withdrawals{rest}", user.0);
    world.with(&session, Method::POST, &path(""), Some(&wanted("w-1", "20"))).await.json();
    let told = own.until(|value| value["event"]["e"] == "withdrawUpdate").await["event"].clone();
    assert_eq!((&told["i"], &told["s"], &told["X"]), (&json!(1), &json!(0), &json!("confirming")));
    world.with(&session, Method::POST, &path("/cancel"), Some(&json!({ "withdrawal": 1 }))).await.json();
    let told = own.until(|value| value["event"]["e"] == "withdrawUpdate").await["event"].clone();
    assert_eq!((&told["s"], &told["X"]), (&json!(1), &json!("cancelled")));
    let credit = CreditSandbox { user: other, asset: Asset(1), amount: 5, id: TransferId(99) };
    world.house.run(Change::CreditSandbox(credit));
    assert_eq!(another.next().await["event"]["e"], "balanceUpdate", "it is the first thing that the other one hears");
}
