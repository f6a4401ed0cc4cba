//! Dry runs and the feed of the journal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::money::{credit, two_users};
use super::{Reply, World};

async fn post(world: &World, path: &str, body: Value) -> Reply {
    world.post(path, &body.to_string()).await
}

async fn feed(world: &World, query: &str) -> Value {
    world.get(&format!("/v1/ledger/feed?{query}")).await.json()
}

/// Goal: a dry run says what the same request then does, and nothing has changed before. Method: a transfer, a credit and
/// a revert, each rehearsed, compared with the ledger before, and sent.
#[tokio::test]
async fn dry_runs_foretell() {
    let world = World::new();
    two_users(&world).await;
    credit(&world, 1, "BTC", "2").await;
    let id = "018f3a5e0000700080000000000000ab";
    let transfer = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.5", "id": id});
    let back = json!({"transfer": id, "reason": "test"});
    let more = json!({"user": 2, "asset": "BTC", "amount": "1"});
    let all = [("transfer", "transfers", transfer), ("revert", "revert", back), ("credit", "credit", more)];
    for (kind, route, body) in all {
        let before = (world.get("/v1/ledger/trial-balance").await.json(), feed(&world, "limit=1000").await);
        let foreseen = post(&world, "/v1/ledger/dry-run", json!({ kind: body })).await;
        assert_eq!(foreseen.header("exq-applied-index"), world.house.inside.lock().index.to_string());
        let foreseen = foreseen.json();
        assert_eq!((&foreseen["outcome"], &foreseen["error"]), (&json!("posted"), &Value::Null), "{foreseen}");
        let after = (world.get("/v1/ledger/trial-balance").await.json(), feed(&world, "limit=1000").await);
        assert_eq!(before, after, "{kind}");
        let done = post(&world, &format!("/v1/ledger/{route}"), body).await.json();
        assert_eq!(foreseen["entries"][0]["number"], done["first_entry"], "{done}");
        let entry = feed(&world, &format!("from={}", done["first_entry"])).await["entries"][0].clone();
        for field in ["number", "kind", "reason", "debit_holder", "credit_holder", "asset", "amount"] {
            assert_eq!(foreseen["entries"][0][field], entry[field], "{field} of {kind}");
        }
    }
    let other = id.replace("ab", "ac");
    let fresh = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.5", "id": other});
    let foreseen = post(&world, "/v1/ledger/dry-run", json!({ "transfer": fresh })).await.json();
    let entry = json!({
        "number": 5, "kind": "post", "reason": "internal", "transfer": other, "debit_holder": "user 1",
        "debit_balance": "1.50000000", "credit_holder": "user 2", "credit_balance": "1.50000000", "asset": "BTC",
        "amount": "0.50000000",
    });
    assert_eq!(foreseen["entries"], json!([entry]));
}

/// Goal: a refusal is foretold with its code and with what it does to the id; a request that cannot be understood is
/// refused itself.
#[tokio::test]
async fn dry_runs_foretell_refusals() {
    let world = World::new();
    two_users(&world).await;
    credit(&world, 1, "BTC", "1").await;
    let id = "018f3a5e0000700080000000000000ab";
    for (body, code, burns) in [
        (json!({"transfer": {"from": 1, "to": 2, "asset": "BTC", "amount": "1.5", "id": id}}), "EXQ-0808", true),
        (json!({"transfer": {"from": 1, "to": 9, "asset": "BTC", "amount": "0.5"}}), "EXQ-0803", false),
        (json!({"transfer": {"from": 1, "to": 1, "asset": "BTC", "amount": "0.5"}}), "EXQ-0805", false),
        (json!({"revert": {"transfer": id, "reason": "test"}}), "EXQ-0812", true),
    ] {
        let foreseen = post(&world, "/v1/ledger/dry-run", body.clone()).await.json();
        assert_eq!((&foreseen["outcome"], &foreseen["error"]["code"]), (&json!("refused"), &json!(code)), "{body}");
        assert_eq!((&foreseen["burns_id"], &foreseen["entries"]), (&json!(burns), &json!([])), "{body}");
    }
    // Nothing of that used the id.
    let good = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.5", "id": id});
    assert_eq!(post(&world, "/v1/ledger/transfers", good.clone()).await.json()["existed"], false);
    let again = post(&world, "/v1/ledger/dry-run", json!({ "transfer": good })).await.json();
    assert_eq!((&again["outcome"], &again["entries"]), (&json!("exists"), &json!([])));
    for (body, code, status) in [
        (json!({"transfer": {"from": 1, "to": 2, "asset": "BTC", "amount": "1e9"}}), "EXQ-0108", 400),
        (json!({"transfer": {"from": 1, "to": 2, "asset": "DOGE", "amount": "1"}}), "EXQ-0801", 404),
        (json!({"transfer": {"from": 1, "to": 2}}), "EXQ-0108", 400),
        (json!({"transfer": {}, "credit": {}}), "EXQ-0108", 400),
        (json!({"pay": {}}), "EXQ-0108", 400),
        (json!({"revert": {"transfer": id, "reason": " "}}), "EXQ-0406", 422),
    ] {
        assert_eq!(post(&world, "/v1/ledger/dry-run", body.clone()).await.refusal(), (status, code.into()), "{body}");
    }
}

/// Goal: whoever goes on where the answer before ended sees every entry once, in order. Method: pages of several sizes
/// over a journal longer than one read.
#[tokio::test]
async fn the_feed_has_no_gaps() {
    let world = World::new();
    two_users(&world).await;
    assert_eq!(feed(&world, "").await, json!({"entries": [], "next_from": 1, "head": 0}));
    for _ in 0..150 {
        credit(&world, 1, "BTC", "1").await;
    }
    for limit in [1, 7, 64, 65, 1000] {
        let (mut from, mut numbers) = (1, Vec::new());
        loop {
            let page = feed(&world, &format!("from={from}&limit={limit}")).await;
            let entries = page["entries"].as_array().unwrap();
            assert!(entries.len() <= limit && page["head"] == 150);
            numbers.extend(entries.iter().map(|entry| entry["number"].as_u64().unwrap()));
            from = page["next_from"].as_u64().unwrap();
            if entries.is_empty() {
                break;
            }
        }
        assert_eq!((numbers, from), ((1..=150).collect::<Vec<u64>>(), 151), "{limit}");
    }
    let beyond = world.get("/v1/ledger/feed?from=152").await;
    assert_eq!(beyond.refusal(), (404, "EXQ-0109".into()));
    assert!(beyond.message().contains("150"), "{}", beyond.message());
    assert_eq!(feed(&world, "from=152&consistency=local").await["next_from"], 152);
    for query in ["from=0", "limit=0", "limit=1001", "wait_ms=20001", "wait_ms=-1", "after=1"] {
        let reply = world.get(&format!("/v1/ledger/feed?{query}")).await;
        assert_eq!(reply.refusal(), (400, "EXQ-0108".into()), "{query}");
    }
}

/// Goal: whoever waits at the end gets the next entry when it is made, and an empty answer when none is. Method: a reader
/// that waits longer than the test may take, an entry of the log without postings, then a credit; and one that waits for
/// nothing.
#[tokio::test]
async fn the_feed_waits() {
    let world = Arc::new(World::new());
    two_users(&world).await;
    let reader = {
        let world = world.clone();
        tokio::spawn(async move { feed(&world, "from=1&wait_ms=20000").await })
    };
    post(&world, "/v1/users", json!({"label": "Eve"})).await;
    tokio::task::yield_now().await;
    assert!(!reader.is_finished(), "there is no entry yet");
    credit(&world, 1, "BTC", "1").await;
    let page = tokio::time::timeout(Duration::from_secs(10), reader).await.expect("it is told at once").unwrap();
    assert_eq!((&page["entries"][0]["number"], &page["next_from"]), (&json!(1), &json!(2)));
    let page = feed(&world, "from=2&wait_ms=20").await;
    assert_eq!(page, json!({"entries": [], "next_from": 2, "head": 1}));
}
