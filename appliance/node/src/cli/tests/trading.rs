//! The verbs of assets, users, keys, markets, orders and the ledger: what they send and what they print.

use serde_json::{Value, json};

use super::verbs::ran;
use crate::cli::exit::Exit;

/// Goal: changes ask the route that the API has, with the body that it takes, and say what came of it. Method: a table of
/// words, request, body without the drawn command id and without what is not given, answer, and printed text.
#[tokio::test]
async fn changes_send_what_the_api_takes() {
    let posted = json!({"id": "ab", "first_entry": 7, "entries": 1, "existed": false, "index": 9, "command_id": "c"});
    for (words, what, body, answer, printed) in [
        (
            "asset create BTC --decimals 8 --name Bitcoin --reason r",
            "POST /v1/assets",
            json!({"code": "BTC", "decimals": 8, "name": "Bitcoin", "reason": "r"}),
            json!({"code": "BTC", "number": 1, "index": 9, "command_id": "c"}),
            "Created asset BTC with number 1",
        ),
        (
            "user create --label Ada --kyc-level 2",
            "POST /v1/users",
            json!({"label": "Ada", "kyc_level": 2, "fee_tier": 0}),
            json!({"user": 12, "count": 1, "index": 9, "command_id": "c"}),
            "Created user 12",
        ),
        (
            "user update 12 --status frozen --reason r",
            "PATCH /v1/users/12",
            json!({"status": "frozen", "reason": "r"}),
            json!({"user": 12, "changed": true, "index": 9, "command_id": "c"}),
            "User 12 is changed",
        ),
        (
            "market create BTCUSDT --base BTC --quote USDT --tick 0.01 --lot 0.1 --fees 1/2,0/1 --price-min 5 --reason r",
            "POST /v1/markets",
            json!({
                "symbol": "BTCUSDT", "base": "BTC", "quote": "USDT", "tick": "0.01", "lot": "0.1", "reason": "r",
                "fees": [{"maker_ppm": 1, "taker_ppm": 2}, {"maker_ppm": 0, "taker_ppm": 1}],
                "filters": {"price_min": "5"},
            }),
            json!({"symbol": "BTCUSDT", "number": 1, "index": 9, "command_id": "c"}),
            "Created market BTCUSDT with number 1",
        ),
        (
            "market halt BTCUSDT --reason r",
            "POST /v1/markets/BTCUSDT/phase",
            json!({"phase": "halt", "reason": "r"}),
            json!({"symbol": "BTCUSDT", "phase": "halt", "index": 9, "command_id": "c"}),
            "BTCUSDT is in the phase halt",
        ),
        (
            "market phase BTCUSDT cancel-only --reason r",
            "POST /v1/markets/BTCUSDT/phase",
            json!({"phase": "cancel-only", "reason": "r"}),
            json!({"symbol": "BTCUSDT", "phase": "cancel-only", "index": 9, "command_id": "c"}),
            "BTCUSDT is in the phase cancel-only",
        ),
        (
            "ledger transfer 1 2 BTC 0.1 --note hello",
            "POST /v1/ledger/transfers",
            json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.1", "note": "hello"}),
            posted.clone(),
            "Posted transfer ab, entry 7",
        ),
        (
            "ledger credit 1 BTC -1",
            "POST /v1/ledger/credit",
            json!({"user": 1, "asset": "BTC", "amount": "-1"}),
            posted.clone(),
            "Posted transfer ab, entry 7",
        ),
        (
            "ledger revert ab --reason r",
            "POST /v1/ledger/revert",
            json!({"transfer": "ab", "reason": "r"}),
            posted,
            "Posted transfer ab, entry 7",
        ),
        (
            "apikey revoke 12 3 --reason r",
            "POST /v1/users/12/api-keys/revoke",
            json!({"key": "3", "reason": "r"}),
            json!({"id": 3, "index": 9, "command_id": "c"}),
            "Revoked API key 3",
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!((ran.exit, ran.out.trim_end()), (Exit::Good, printed), "{words}: {}", ran.err);
        assert_eq!(ran.asked[0].what, what, "{words}");
        let mut sent: Value = serde_json::from_str(&ran.asked[0].body).unwrap();
        let fields = sent.as_object_mut().unwrap();
        assert_eq!(fields.remove("command_id").unwrap().as_str().map(str::len), Some(32), "{words}");
        fields.retain(|_, value| !value.is_null());
        assert_eq!(sent, body, "{words}");
    }
}

/// Goal: orders reach the API as they were typed, to the last digit. Method: a limit and a market order, and the answer in
/// words.
#[tokio::test]
async fn orders_are_sent_as_typed() {
    let answer = json!({"orders": [], "fills": [], "index": 9, "command_id": "c"});
    let sent = async |words: &str| {
        let ran = ran(&answer, words).await;
        assert_eq!(ran.exit, Exit::Good, "{words}: {}", ran.err);
        let mut sent: Value = serde_json::from_str(&ran.asked[0].body).unwrap();
        sent.as_object_mut().unwrap().retain(|name, value| !value.is_null() && name != "command_id");
        (ran.asked[0].what.clone(), sent)
    };
    let (what, order) =
        sent("order place 12 BTCUSDT buy --price 64000.150 --quantity 0.10 --life post-only --stop-loss 7").await;
    assert_eq!(what, "POST /v1/orders");
    let expected = json!({
        "user": 12, "market": "BTCUSDT", "side": "buy", "kind": "limit", "price": "64000.150", "quantity": "0.10",
        "life": "post-only", "trigger": {"kind": "stop-loss", "price": "7"},
    });
    assert_eq!(order, expected);
    let (_, order) = sent("order place 12 BTCUSDT sell --market --quote-quantity 5").await;
    assert_eq!((&order["kind"], &order["quote_quantity"]), (&json!("market"), &json!("5")));
    let (what, order) = sent("order cancel 12 BTCUSDT --all --side sell").await;
    assert_eq!((what.as_str(), &order["side"]), ("POST /v1/orders/cancel-all", &json!("sell")));
    let none = ran(&answer, "order cancel 12 BTCUSDT").await;
    assert_eq!((none.exit, none.asked.len()), (Exit::Failed, 0));
    let consent = ran(&answer, "market delist BTCUSDT --reason r").await;
    assert!(consent.asked.is_empty() && consent.err.contains("--yes"), "{}", consent.err);
}

/// Goal: reads ask for what their flags say. Method: a table of words and requests; the answer does not matter here.
#[tokio::test]
async fn reads_ask_for_what_was_typed() {
    for (words, what) in [
        ("asset list --stale", "GET /v1/assets?consistency=local"),
        ("user list --from 7 -n 5", "GET /v1/users?consistency=linearizable&from=7&limit=5"),
        ("apikey list 12", "GET /v1/users/12/api-keys?consistency=linearizable"),
        ("market show BTCUSDT", "GET /v1/markets/BTCUSDT?consistency=linearizable"),
        ("book BTCUSDT -n 5", "GET /v1/markets/BTCUSDT/book?consistency=linearizable&depth=5"),
        ("ledger accounts --user 12", "GET /v1/ledger/accounts?consistency=linearizable&user=12"),
        (
            "ledger entries --user 12 --asset BTC --order oldest",
            "GET /v1/ledger/entries?consistency=linearizable&user=12&asset=BTC&limit=50&order=oldest",
        ),
        ("ledger verify --stale", "GET /v1/ledger/verify?consistency=local"),
        ("ledger feed --from 7 -n 5", "GET /v1/ledger/feed?consistency=linearizable&from=7&limit=5"),
        ("ledger feed --stale", "GET /v1/ledger/feed?consistency=local&from=1&limit=100"),
        ("ledger trial-balance BTC", "GET /v1/ledger/trial-balance?consistency=linearizable&asset=BTC"),
    ] {
        assert_eq!(ran(&Value::Null, words).await.asked[0].what, what, "{words}");
    }
}

/// Goal: a dry run sends what the command would send, without a command's id, and ends as the command would. Method: each
/// kind, with an answer that is good and one that refuses.
#[tokio::test]
async fn dry_runs_send_what_the_command_would() {
    let transfer = json!({"from": 1, "to": 2, "asset": "BTC", "amount": "0.1", "note": "gift"});
    let credit = json!({"user": 1, "asset": "BTC", "amount": "-1"});
    let revert = json!({"transfer": "ab", "reason": "r"});
    let entry = json!({
        "number": 7, "kind": "post", "reason": "internal", "transfer": "ab", "debit_holder": "user 1",
        "debit_balance": "0.9", "credit_holder": "user 2", "credit_balance": "0.1", "asset": "BTC", "amount": "0.1",
    });
    for (words, kind, body) in [
        ("ledger dry-run transfer 1 2 BTC 0.1 --note gift", "transfer", transfer),
        ("ledger dry-run credit 1 BTC -1", "credit", credit),
        ("ledger dry-run revert ab --reason r", "revert", revert),
    ] {
        let good =
            json!({"id": "ab", "outcome": "posted", "error": null, "burns_id": false, "entries": [entry.clone()]});
        let ran_good = ran(&good, words).await;
        assert_eq!(ran_good.exit, Exit::Good, "{words}");
        assert_eq!(ran_good.asked[0].what, "POST /v1/ledger/dry-run");
        let mut sent = serde_json::from_str::<Value>(&ran_good.asked[0].body).unwrap()[kind].clone();
        sent.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(sent, body, "{words}");
        assert!(ran_good.out.contains("would be posted") && ran_good.out.contains("user 2"), "{}", ran_good.out);
        let error = json!({"code": "EXQ-0808", "message": "too little", "hint": "look"});
        let bad = json!({"id": "ab", "outcome": "refused", "error": error, "burns_id": true, "entries": []});
        let ran_bad = ran(&bad, words).await;
        assert_ne!(ran_bad.exit, Exit::Good, "{words}");
        assert!(ran_bad.out.contains("its id could not be used again"), "{}", ran_bad.out);
    }
}
