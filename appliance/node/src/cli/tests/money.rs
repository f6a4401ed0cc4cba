//! The verbs about money on chains against a node that answers as told.

use clap::Parser as _;
use exchequer_domain::{ChainAddress, Network, UserId};
use exchequer_state::ledger::Asset;
use exchequer_state::withdrawals::{FeeMode, Order, payment_hash};
use serde_json::{Value, json};

use super::verbs::ran;
use crate::cli::Cli;
use crate::cli::exit::Exit;

fn changed() -> Value {
    json!({"index": 9, "command_id": "c"})
}

/// Goal: every change asks the route that the API has, with the body that it takes, and says what came of it.
#[tokio::test]
async fn changes_send_what_the_api_takes() {
    let moved = |state: &str| json!({"withdrawal": 7, "state": state, "index": 9, "command_id": "c"});
    let reviewed = json!({"payout": 3, "state": "broadcast", "index": 9, "command_id": "c"});
    for (words, what, body, answer, printed) in [
        (
            "wallet register hot-1 --role hot --network tron --xpub x --own T1 --own T2 --pinned --reason r --yes",
            "POST /v1/wallets",
            json!({
                "name": "hot-1", "role": "hot", "family": null, "network": "tron", "xpub": "x", "pinned": true,
                "addresses": [
                    {"address": "T1", "change": false, "index": 0}, {"address": "T2", "change": false, "index": 1},
                ],
                "reason": "r",
            }),
            json!({"wallet": 4, "index": 9, "command_id": "c"}),
            "Registered wallet 4",
        ),
        (
            "wallet retire 4 --reason r --yes",
            "POST /v1/wallets/4/retire",
            json!({"reason": "r"}),
            changed(),
            "Wallet 4 is out of use",
        ),
        (
            "listing set tron USDT --contract T1 --decimals 6 --min 10 --max 100 --step 1 --fee 2 --reason r --yes",
            "PUT /v1/listings",
            json!({
                "network": "tron", "asset": "USDT", "contract": "T1", "decimals": 6, "deposit_min": "0",
                "withdrawal_min": "10", "withdrawal_max": "100", "withdrawal_step": "1", "withdrawal_fee": "2",
                "reason": "r",
            }),
            json!({"version": 2, "index": 9, "command_id": "c"}),
            "USDT on tron is at version 2",
        ),
        (
            "price set BTC 91250.5 --source desk",
            "PUT /v1/prices",
            json!({"asset": "BTC", "usd": "91250.5", "source": "desk", "at": null}),
            changed(),
            "A unit of BTC is worth 91250.5 US dollars",
        ),
        (
            "address allocate 12 bsc --fresh",
            "POST /v1/users/12/addresses",
            json!({"network": "bsc", "fresh": true}),
            json!({"address": "0xab", "networks": ["bsc"], "pool_index": 1, "given_at": null, "new": true}),
            "0xab",
        ),
        (
            "deposit assign 7 --user 12 --reason r --yes",
            "POST /v1/deposits/7/assign",
            json!({"user": 12, "exchange": false, "moved": null, "reason": "r"}),
            changed(),
            "Deposit 7 is user 12's",
        ),
        (
            "deposit rescan polygon 100 200 --reason r",
            "POST /v1/directives",
            json!({"target": "deposit.polygon", "action": "rescan", "payload": "100 200", "idempotent": true,
                   "priority": null, "key": null, "not_before": null, "deadline": null, "max_attempts": 1,
                   "needs_approval": null, "reason": "r"}),
            json!({"directives": [{"directive": 17, "new": true}], "index": 1, "command_id": "c"}),
            "Asked for; what the state has otherwise is told by: exchequer command show 17",
        ),
        (
            "deposit resume polygon --from 9:ab --reason r --yes",
            "POST /v1/scans/polygon/resume",
            json!({"from": {"height": 9, "hash": "ab"}, "reason": "r"}),
            changed(),
            "polygon goes on",
        ),
        (
            "reconcile explain 7 --close --reason r --yes",
            "POST /v1/reconciliation/discrepancies/7/explain",
            json!({"explanation": "r", "close": true}),
            changed(),
            "Discrepancy 7 is closed",
        ),
        (
            "reconcile adjust 7 --difference -40 --category owners-move --reason r --yes",
            "POST /v1/reconciliation/discrepancies/7/adjust",
            json!({"difference": "-40", "category": "owners-move", "reason": "r"}),
            changed(),
            "Discrepancy 7 is adjusted",
        ),
        (
            "withdrawal request 12 --client-id w --asset USDT --network tron --to T1 --amount 5 --yes",
            "POST /v1/users/12/withdrawals",
            json!({
                "client_id": "w", "asset": "USDT", "network": "tron", "address": "T1", "memo": null, "amount": "5",
                "fee_mode": "deduct", "otp": null,
            }),
            json!({"withdrawal": 7, "state": "awaiting-approval", "first": true, "index": 9, "command_id": "c"}),
            "Withdrawal 7 is awaiting-approval",
        ),
        (
            "withdrawal reject 7 --reason r",
            "POST /v1/withdrawals/7/reject",
            json!({"reason": "r"}),
            moved("rejected"),
            "Withdrawal 7 is rejected",
        ),
        (
            "payout retry 3 --from stuck --reason r --yes",
            "POST /v1/payouts/3/review",
            json!({
                "decision": "resend", "from": "stuck", "tx": null, "block": null, "fee": null, "proof": null,
                "reason": "r",
            }),
            reviewed.clone(),
            "Payout 3 is broadcast",
        ),
        (
            "policy simulate --user 12 --asset USDT --network tron --amount 5",
            "POST /v1/withdrawal-policy/simulate",
            json!({"user": 12, "asset": "USDT", "network": "tron", "amount": "5", "destination": null, "address": null}),
            json!({
                "verdict": "approve", "rule": "ten thousand a day", "needs": [{"group": "treasury", "count": 1}],
                "delay": null, "usd": "5.000000", "day_left_usd": "0.000000", "month_left_usd": "1.000000",
            }),
            "Verdict",
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Good, ""), "{words}");
        assert!(ran.out.starts_with(printed), "{words}: {}", ran.out);
        let [asked] = ran.asked.try_into().unwrap();
        assert_eq!(asked.what, what, "{words}");
        let mut sent: Value = serde_json::from_str(&asked.body).unwrap();
        if let Some(fields) = sent.as_object_mut() {
            fields.remove("command_id");
        }
        assert_eq!(sent, body, "{words}");
    }
}

/// Goal: whoever lets withdrawals go on is shown what stops them, and the request names it, each with what it comes to; where nothing
/// stops them nothing is named.
#[tokio::test]
async fn a_resumption_names_what_it_accepts() {
    let seen = json!([{"discrepancy": 7, "difference": "-40"}, {"discrepancy": 9, "difference": "0"}]);
    let stop = json!({"stopped": "USDT", "since": "2026-11-29T00:00:00Z", "by": 7, "stopped_by": seen});
    // Both answers at once.
    let answer = json!({"networks": [], "stops": [stop], "left_out": 0, "index": 9, "command_id": "c"});
    for (stop, seen, printed) in [
        ("USDT", seen, "Withdrawals go on: USDT; accepted: 7 (-40), 9 (0)"),
        ("tron", json!([]), "Withdrawals go on: tron; accepted: none"),
    ] {
        let ran = ran(&answer, &format!("reconcile resume {stop} --reason r --yes")).await;
        assert_eq!((ran.exit, ran.err.as_str(), ran.out.trim_end()), (Exit::Good, "", printed));
        let [status, asked] = ran.asked.try_into().unwrap();
        assert_eq!(status.what, "GET /v1/reconciliation?consistency=linearizable");
        assert_eq!(asked.what, format!("POST /v1/reconciliation/{stop}/resume"));
        let sent: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!((&sent["seen"], &sent["reason"]), (&seen, &json!("r")));
    }
}

/// Goal: reads ask for what was typed, and nothing dangerous is done where nobody can be asked. Method: a table; the answers
/// are empty.
#[tokio::test]
async fn reads_and_questions() {
    let deposits = json!({"deposits": [], "next_before": null});
    let withdrawals = json!({"withdrawals": [], "next_before": null});
    for (words, what, answer) in [
        ("wallet list", "GET /v1/wallets?consistency=linearizable", json!({"wallets": []})),
        ("wallet pool", "GET /v1/address-pools?consistency=linearizable", json!({"pools": []})),
        ("listing list", "GET /v1/listings?consistency=linearizable", json!({"listings": []})),
        ("price list", "GET /v1/prices?consistency=linearizable", json!({"prices": []})),
        ("address list 12", "GET /v1/users/12/addresses?consistency=linearizable", json!({"addresses": []})),
        (
            "address book 12",
            "GET /v1/users/12/address-book?consistency=linearizable",
            json!({"listed_only": false, "listed_only_ends_at": null, "entries": []}),
        ),
        (
            "deposit list --user 12 --network tron --waiting -n 5",
            "GET /v1/deposits?consistency=linearizable&user=12&network=tron&waiting=true&limit=5",
            deposits,
        ),
        (
            "deposit explain tron ab",
            "GET /v1/deposits/explain?consistency=linearizable&network=tron&tx=ab",
            json!({"network": "tron", "tx": "ab", "findings": [], "deposits": []}),
        ),
        ("deposit scan", "GET /v1/scans?consistency=linearizable", json!({"networks": []})),
        (
            "sweep list --network tron --limit 5",
            "GET /v1/sweeps?consistency=linearizable&limit=5&network=tron",
            json!({"sweeps": []}),
        ),
        (
            "sweep explain tron T1",
            "GET /v1/holdings?consistency=linearizable&network=tron&address=T1",
            json!({"network": "tron", "holdings": []}),
        ),
        ("gas status", "GET /v1/gas?consistency=linearizable", json!({"networks": []})),
        (
            "reconcile status",
            "GET /v1/reconciliation?consistency=linearizable",
            json!({"networks": [], "stops": [], "left_out": 0}),
        ),
        (
            "reconcile runs tron -n 2",
            "GET /v1/reconciliation/runs?consistency=linearizable&network=tron&limit=2",
            json!({"runs": [], "next_before": null}),
        ),
        (
            "reconcile discrepancies --network tron --over -n 5",
            "GET /v1/reconciliation/discrepancies?consistency=linearizable&network=tron&over=true&limit=5",
            json!({"discrepancies": [], "next_before": null}),
        ),
        (
            "withdrawal list --state review --before 9",
            "GET /v1/withdrawals?consistency=linearizable&state=review&before=9&limit=100",
            withdrawals,
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!((ran.exit, ran.err.as_str()), (Exit::Good, ""), "{words}");
        assert_eq!(ran.asked[0].what, what, "{words}");
    }
    for words in [
        "wallet retire 4 --reason r",
        "listing set tron USDT --decimals 6 --min 1 --max 2 --step 1 --fee 0 --reason r",
        "deposit assign 7 --exchange --reason r",
        "withdrawal request 12 --client-id w --asset USDT --network tron --to T1 --amount 5",
        "payout bump 3 --from stuck --reason r",
        "payout nonce ethereum --wallet 2 --index 0 --next 20 --reason r",
        "reconcile adjust 7 --difference -40 --category loss --reason r",
    ] {
        let ran = ran(&Value::Null, words).await;
        assert_eq!((ran.exit, ran.asked.len()), (Exit::Failed, 0), "{words}");
        assert!(ran.err.contains("--yes"), "{words}: {}", ran.err);
    }
}

/// Goal: an approval signs the payment that is shown, or nothing: a server that shows one payment and the hash of another
/// gets no signature. Method: a withdrawal whose address, amount or memo is not that of its hash.
#[tokio::test]
async fn another_payment_is_not_signed() {
    let address = "TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW";
    let order = Order {
        user: UserId(12),
        client_id: "w".into(),
        asset: Asset(2),
        network: Network::Tron,
        to: ChainAddress::canonical(address).unwrap(),
        memo: None,
        amount: 0,
        mode: FeeMode::Deduct,
    };
    let honest = json!({
        "withdrawal": 7, "user": 12, "client_id": "w", "asset": "USDT", "asset_number": 2, "network": "tron",
        "address": address, "memo": null, "amount": "5.000000", "fee": "1.000000", "receives": "4.000000",
        "on_chain": "4000000", "fee_cap": "1000", "usd": "5.000000", "destination": "new",
        "state": "awaiting-approval", "tx": null, "block": null, "payout": null, "initiator": "user 12",
        "rule": "any", "policy_version": 1, "needs": ["1 of treasury"], "approved_by": [],
        "hash": payment_hash(&order, 4_000_000, 1_000).to_string(), "approve_until_us": 5,
        "requested_at": "2026-11-29T00:00:00Z", "moved_at": "2026-11-29T00:00:00Z",
    });
    let words = "withdrawal approve 7 --key-file /nonexistent --yes";
    let good = ran(&honest, words).await;
    assert!(good.err.contains("/nonexistent"), "the payment is believed, the key is not there: {}", good.err);
    for (field, value) in [
        ("address", json!("TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMX")),
        ("on_chain", json!("4000001")),
        ("memo", json!("7")),
        ("fee_cap", json!("1001")),
        ("asset_number", json!(3)),
        ("network", json!("ethereum")),
    ] {
        let mut other = honest.clone();
        other[field] = value;
        let ran = ran(&other, words).await;
        assert!(ran.err.contains("nothing is signed"), "{field}: {}", ran.err);
        assert_eq!(ran.asked.len(), 1, "{field}");
    }
    let mut over = honest.clone();
    over["state"] = json!("queued");
    assert!(ran(&over, words).await.err.contains("EXQ-1409"));
}

/// Goal: what takes evidence wants its file, and what names a user or the exchange wants one of both.
#[test]
fn words_that_do_not_go_together() {
    for words in [
        "exchequer payout refund 3 --from review --reason r",
        "exchequer payout bump 3 --from queued --reason r",
        "exchequer deposit assign 7 --reason r",
        "exchequer deposit assign 7 --user 1 --exchange --reason r",
        "exchequer deposit resume tron --from 9 --reason r",
        "exchequer wallet register w --role hot --reason r",
    ] {
        assert!(Cli::try_parse_from(words.split(' ')).is_err(), "{words}");
    }
}
