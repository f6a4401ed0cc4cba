//! Assets, users and the ledger through the door.

use serde_json::{Value, json};

use super::{Reply, World};

async fn post(world: &World, path: &str, body: Value) -> Reply {
    world.post(path, &body.to_string()).await
}

/// BTC and USDT, both of 8 decimals, and two users.
pub(super) async fn two_users(world: &World) {
    for (code, decimals) in [("BTC", 8), ("USDT", 8)] {
        let body = json!({"code": code, "decimals": decimals, "name": code, "reason": "test"});
        assert_eq!(post(world, "/v1/assets", body).await.json()["code"], code);
    }
    for (label, user) in [("Ada", 1), ("Bob", 2)] {
        assert_eq!(post(world, "/v1/users", json!({ "label": label })).await.json()["user"], user);
    }
}

pub(super) async fn credit(world: &World, user: u64, asset: &str, amount: &str) -> Reply {
    post(world, "/v1/ledger/credit", json!({"user": user, "asset": asset, "amount": amount})).await
}

async fn posted(world: &World, user: u64, asset: &str) -> String {
    let balance = world.get(&format!("/v1/ledger/balance?user={user}&asset={asset}")).await.json();
    balance["posted"].as_str().unwrap().to_owned()
}

/// Goal: assets are listed as they were created, and a code is given once.
#[tokio::test]
async fn assets() {
    let world = World::new();
    two_users(&world).await;
    let assets = world.get("/v1/assets").await.json();
    let created_at = "2025-11-24T16:00:00.000Z";
    let first = json!({"code": "BTC", "number": 1, "decimals": 8, "name": "BTC", "created_at": created_at});
    assert_eq!((&assets["assets"][0], assets["assets"].as_array().unwrap().len()), (&first, 2));
    let again = json!({"code": "BTC", "decimals": 8, "name": "x", "reason": "test"});
    assert_eq!(post(&world, "/v1/assets", again).await.refusal(), (409, "EXQ-0802".into()));
    let odd = json!({"code": "btc", "decimals": 8, "name": "x", "reason": "test"});
    assert_eq!(post(&world, "/v1/assets", odd).await.refusal(), (400, "EXQ-0108".into()));
    let unsaid = json!({"code": "ETH", "decimals": 18, "name": "x", "reason": " "});
    assert_eq!(post(&world, "/v1/assets", unsaid).await.refusal(), (422, "EXQ-0406".into()));
}

/// Goal: users are found by number and page, and change as asked. Method: two by name, more in bulk, an update twice.
#[tokio::test]
async fn users() {
    let world = World::new();
    two_users(&world).await;
    let more = post(&world, "/v1/users", json!({"count": 5, "kyc_level": 2})).await.json();
    assert_eq!((&more["user"], &more["count"]), (&json!(3), &json!(5)));
    let page = world.get("/v1/users?from=2&limit=3").await.json();
    let users: Vec<u64> = page["users"].as_array().unwrap().iter().map(|user| user["user"].as_u64().unwrap()).collect();
    assert_eq!((users, &page["count"], &page["next_from"]), (vec![2, 3, 4], &json!(7), &json!(5)));
    assert_eq!(page["users"][0]["label"], "Bob");
    assert_eq!(world.get("/v1/users?from=5").await.json()["next_from"], Value::Null);

    let update = json!({"status": "frozen", "kyc_level": 3, "reason": "court"}).to_string();
    let call = async || world.call(axum::http::Method::PATCH, "/v1/users/1", Some(&update)).await.json();
    assert_eq!((&call().await["changed"], &call().await["changed"]), (&json!(true), &json!(false)));
    let ada = world.get("/v1/users/1").await.json();
    assert_eq!((&ada["label"], &ada["status"], &ada["kyc_level"]), (&json!("Ada"), &json!("frozen"), &json!(3)));

    for (path, code) in [
        ("/v1/users/9", 404),
        ("/v1/users/0", 400),
        ("/v1/users/x", 400),
        ("/v1/users/+1", 400),
        ("/v1/users?from=%2B1", 400),
        ("/v1/users?limit=101", 400),
    ] {
        assert_eq!(world.get(path).await.refusal().0, code, "{path}");
    }
    let both = json!({"label": "x", "count": 2});
    assert_eq!(post(&world, "/v1/users", both).await.refusal(), (400, "EXQ-0108".into()));
}

/// Goal: money moves exactly, once per id, and is found again in every view. Method: a credit, a transfer twice under one
/// command, its revert; then accounts, entries, balance, transfer, trial balance and verification.
#[tokio::test]
async fn money_moves() {
    let world = World::new();
    two_users(&world).await;
    let credited = credit(&world, 1, "BTC", "2.5").await.json();
    assert_eq!((&credited["first_entry"], &credited["existed"]), (&json!(1), &json!(false)));
    let id = "0123456789abcdef0123456789abcdef";
    let body = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.10000001", "note": "lunch", "command_id": id});
    let first = post(&world, "/v1/ledger/transfers", body.clone()).await.effect();
    assert_eq!(post(&world, "/v1/ledger/transfers", body).await.effect(), first);
    assert_eq!(
        (posted(&world, 1, "BTC").await, posted(&world, 2, "BTC").await),
        ("2.39999999".into(), "0.10000001".into())
    );
    assert_eq!(posted(&world, 2, "USDT").await, "0.00000000", "no account yet");

    let transfer = first["id"].as_str().unwrap();
    let found = world.get(&format!("/v1/ledger/transfers/{transfer}")).await.json();
    assert_eq!(
        (&found["status"], &found["note"], &found["reverted_by"]),
        (&json!("posted"), &json!("lunch"), &Value::Null)
    );
    assert_eq!(found["entries"][0]["amount"], "0.10000001");
    let undo = json!({"transfer": transfer, "reason": "typo"});
    let undone = post(&world, "/v1/ledger/revert", undo.clone()).await.json();
    assert_eq!(post(&world, "/v1/ledger/revert", undo).await.refusal(), (409, "EXQ-0812".into()));
    let found = world.get(&format!("/v1/ledger/transfers/{transfer}")).await.json();
    assert_eq!(found["reverted_by"], undone["id"]);
    assert_eq!(posted(&world, 1, "BTC").await, "2.50000000");

    let entries = world.get("/v1/ledger/entries?user=1&asset=BTC&limit=2").await.json();
    let balances: Vec<&str> =
        entries["entries"].as_array().unwrap().iter().map(|entry| entry["balance"].as_str().unwrap()).collect();
    assert_eq!((balances, &entries["next_from"]), (vec!["2.50000000", "2.39999999"], &json!(1)));
    let rest = world.get("/v1/ledger/entries?user=1&asset=BTC&from=1").await.json();
    assert_eq!((&rest["entries"][0]["reason"], &rest["next_from"]), (&json!("funding"), &Value::Null));
    for (query, numbers) in [("order=oldest", [1, 2, 3]), ("", [3, 2, 1]), ("limit=3&from=3", [3, 2, 1])] {
        let all = world.get(&format!("/v1/ledger/entries?{query}")).await.json();
        let found: Vec<u64> =
            all["entries"].as_array().unwrap().iter().map(|e| e["number"].as_u64().unwrap()).collect();
        assert_eq!((found, &all["next_from"]), (numbers.to_vec(), &Value::Null), "{query}");
    }

    let accounts = world.get("/v1/ledger/accounts?user=1").await.json();
    assert_eq!(
        (&accounts["accounts"][0]["holder"], &accounts["accounts"][0]["available"]),
        (&json!("user 1"), &json!("2.50000000"))
    );
    let system = world.get("/v1/ledger/accounts").await.json();
    assert_eq!(
        (&system["accounts"][0]["holder"], &system["accounts"][0]["posted"]),
        (&json!("equity"), &json!("-2.50000000"))
    );
    let trial = world.get("/v1/ledger/trial-balance").await.json();
    assert_eq!((&trial["assets"][0]["users"], trial["assets"].as_array().unwrap().len()), (&json!("2.50000000"), 1));
    assert_eq!(world.get("/v1/ledger/verify").await.json()["entries"], 3);
}

/// Goal: what is no amount changes nothing and is refused with the right code. Method: each kind of bad amount, and bad
/// users, assets and balances; the balances afterwards.
#[tokio::test]
async fn bad_amounts_change_nothing() {
    let world = World::new();
    two_users(&world).await;
    credit(&world, 1, "BTC", "1").await.json();
    let bad = [
        "0",
        "0.00",
        "-1",
        "",
        " 1",
        "1 ",
        "1e9",
        "1E-3",
        "NaN",
        "inf",
        "0x1",
        "1,5",
        ".5",
        "1.",
        "+1",
        "0.000000001",
        "1.000000000",
        "340282366920938463463374607431768211456",
        "１",
    ];
    for amount in bad {
        assert_eq!(credit(&world, 1, "BTC", amount).await.refusal(), (400, "EXQ-0108".into()), "{amount}");
        let body = json!({"from": 1, "to": 2, "asset": "BTC", "amount": amount});
        assert_eq!(post(&world, "/v1/ledger/transfers", body).await.refusal(), (400, "EXQ-0108".into()), "{amount}");
    }
    for (from, to, asset, amount, refusal) in [
        (1, 2, "BTC", "1.00000001", (422, "EXQ-0808")),
        (1, 2, "DOGE", "1", (404, "EXQ-0801")),
        (1, 9, "BTC", "1", (404, "EXQ-0803")),
        (1, 1, "BTC", "1", (422, "EXQ-0805")),
    ] {
        let body = json!({"from": from, "to": to, "asset": asset, "amount": amount});
        let reply = post(&world, "/v1/ledger/transfers", body).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.into()), "{asset} {amount}: {}", reply.message());
    }
    let number = r#"{"user":1,"asset":"BTC","amount":1.5}"#;
    assert_eq!(world.post("/v1/ledger/credit", number).await.refusal(), (400, "EXQ-0108".into()), "never a float");
    assert_eq!(posted(&world, 1, "BTC").await, "1.00000000");
    assert_eq!(world.get("/v1/ledger/entries").await.json()["entries"].as_array().unwrap().len(), 1);
}

/// Goal: a refused read says why. Method: queries that lack or contradict something.
#[tokio::test]
async fn bad_queries() {
    let world = World::new();
    two_users(&world).await;
    for (path, refusal) in [
        ("/v1/ledger/entries?account=99", (404, "EXQ-0809")),
        ("/v1/ledger/entries?user=1", (400, "EXQ-0108")),
        ("/v1/ledger/entries?account=1&user=1&asset=BTC", (400, "EXQ-0108")),
        ("/v1/ledger/entries?order=up", (400, "EXQ-0108")),
        ("/v1/ledger/entries?limit=1001", (400, "EXQ-0108")),
        ("/v1/ledger/balance?user=1", (400, "EXQ-0108")),
        ("/v1/ledger/balance?user=1&asset=BTC&at=yesterday", (400, "EXQ-0108")),
        ("/v1/ledger/accounts?user=7", (404, "EXQ-0803")),
        ("/v1/ledger/transfers/xyz", (400, "EXQ-0108")),
        ("/v1/ledger/transfers/00000000000000000000000000000001", (404, "EXQ-0109")),
        ("/v1/ledger/trial-balance?asset=DOGE", (404, "EXQ-0801")),
        ("/v1/ledger/statement", (400, "EXQ-0108")),
        ("/v1/ledger/statement?user=9", (404, "EXQ-0803")),
        ("/v1/ledger/statement?user=1&from=2099-01-01T00:00:00Z", (400, "EXQ-0108")),
        ("/v1/ledger/statement?user=1&format=xml", (400, "EXQ-0108")),
    ] {
        assert_eq!(world.get(path).await.refusal(), (refusal.0, refusal.1.into()), "{path}");
    }
}

/// Goal: a statement begins with what there was, ends with what there is, and each line follows from the one before, over
/// several pages and in both forms. Method: 150 transfers of known amounts, statements of all and of a span.
#[tokio::test]
async fn statements() {
    let world = World::new();
    two_users(&world).await;
    credit(&world, 1, "BTC", "10").await.json();
    for _ in 0..150 {
        world.house.inside.lock().now.0 += 1_000_000;
        let body = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.01"});
        post(&world, "/v1/ledger/transfers", body).await.json();
    }
    let reply = world.get("/v1/ledger/statement?user=1").await;
    assert_eq!(reply.header("content-type"), "text/csv; charset=utf-8");
    let text = reply.text();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(lines.iter().all(|line| line.len() == 13), "{text}");
    assert_eq!(lines.len(), 1 + 1 + 151 + 1);
    let (headings, opening, closing) = (&lines[0], &lines[1], lines.last().unwrap());
    let at = |name: &str| headings.iter().position(|heading| *heading == name).unwrap();
    assert_eq!((opening[at("line")], opening[at("balance")]), ("opening", "0.00000000"));
    assert_eq!((closing[at("line")], closing[at("balance")]), ("closing", "8.50000000"));
    let units = |text: &str| i128::try_from(exchequer_domain::parse_decimal(text, 8).unwrap()).unwrap();
    let mut balance = 0;
    for line in &lines[2..lines.len() - 1] {
        let amount = units(line[at("amount")]);
        balance += if line[at("direction")] == "credit" { amount } else { -amount };
        assert_eq!(balance, units(line[at("balance")]), "{line:?}");
    }
    let span = "from=2025-11-24T16:00:11Z&until=2025-11-24T16:00:20Z";
    let text = world.get(&format!("/v1/ledger/statement?user=1&{span}&format=json-lines")).await.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (lines.len(), &lines[0]["balance"], &lines[11]["balance"]),
        (12, &json!("9.90000000"), &json!("9.80000000"))
    );
}
