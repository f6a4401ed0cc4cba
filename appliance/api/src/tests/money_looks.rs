//! What is looked at of money on chains, and the consent of persons to withdrawals.

use axum::http::Method;
use exchequer_domain::Timestamp;
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::people::{Principal, Role};
use exchequer_state::withdrawals::{WithdrawalId, consent_bytes};
use exchequer_state::{Body as Change, CreditSandbox};
use serde_json::json;

use super::World;
use super::approvals::{CLUSTER, OPS, SAM, Who, confirm, in_force_with, post};
use super::money_on_chains::{listed, rich, stock, wanted};
use super::people::{admin, code, session};

/// Who may agree to withdrawals: the fourth admin.
const TESS: Who = Who(4);

/// Goal: where there is nothing to be seen, that is said; what is asked for wrongly or is not there is refused by its code; and
/// nobody sees it but those whose work it is, a customer their own deposits alone. Method: a table of routes with their answers, one
/// of wrong requests with their refusals, and each route by a customer and by somebody of markets.
#[tokio::test]
async fn what_there_is_to_see() {
    let world = World::new();
    listed(&world).await;
    stock(&world, 2).await;
    let ((one, own), (two, _)) = (rich(&world), rich(&world));
    let deposits = |user: u64| format!("/v1/users/{user}/deposits");
    let no_deposits = json!({ "deposits": [], "next_before": null });
    let empty = [
        ("/v1/attention".to_owned(), json!({ "matters": [] })),
        ("/v1/gas".to_owned(), json!({ "networks": [] })),
        ("/v1/sweeps".to_owned(), json!({ "sweeps": [] })),
        ("/v1/sweeps?network=ethereum&before=7&limit=500".to_owned(), json!({ "sweeps": [] })),
        ("/v1/holdings?network=tron".to_owned(), json!({ "network": "tron", "holdings": [] })),
        ("/v1/holdings?network=bsc&from=4294967295&limit=1".to_owned(), json!({ "network": "bsc", "holdings": [] })),
        (deposits(one.0), no_deposits.clone()),
        (format!("{}?network=ethereum&limit=1", deposits(one.0)), no_deposits.clone()),
    ];
    for (path, answer) in &empty {
        let mut seen = world.get(path).await.effect();
        seen.as_object_mut().unwrap().retain(|name, _| answer.get(name).is_some());
        assert_eq!(seen, *answer, "{path}");
    }
    let stranger = "/v1/holdings?network=ethereum&address=0x52908400098527886E0F7030069857D2E4169EE7";
    let waiting = format!("{}?waiting=true", deposits(one.0));
    for (path, refusal) in [
        ("/v1/attention?network=tron", (400, "EXQ-0108")),
        ("/v1/gas?network=tron", (400, "EXQ-0108")),
        ("/v1/sweeps?network=dogecoin", (400, "EXQ-0108")),
        ("/v1/sweeps?limit=0", (400, "EXQ-0108")),
        ("/v1/sweeps?limit=501", (400, "EXQ-0108")),
        ("/v1/sweeps?before=0", (400, "EXQ-0108")),
        ("/v1/sweeps/1", (404, "EXQ-0109")),
        ("/v1/sweeps/one", (400, "EXQ-0108")),
        ("/v1/sweeps/-1", (400, "EXQ-0108")),
        ("/v1/holdings", (400, "EXQ-0108")),
        ("/v1/holdings?network=ethereum&from=4294967296", (400, "EXQ-0108")),
        ("/v1/holdings?network=ethereum&address=0x12", (400, "EXQ-0108")),
        (stranger, (404, "EXQ-0109")),
        ("/v1/payouts/1", (404, "EXQ-1408")),
        ("/v1/payouts/first", (400, "EXQ-0108")),
        ("/v1/payouts/1?network=tron", (400, "EXQ-0108")),
        ("/v1/users/99/deposits", (404, "EXQ-0803")),
        ("/v1/users/me/deposits", (400, "EXQ-0108")),
        (waiting.as_str(), (400, "EXQ-0108")),
        ("/v1/deposits?waiting=perhaps", (400, "EXQ-0108")),
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()), "{path}: {}", reply.message());
    }
    let finance = session(&world.house, Principal::Admin(admin(&world.house, "fay", &[Role::Finance], true)));
    for path in empty.iter().map(|(path, _)| path.as_str()).chain(["/v1/sweeps/1", "/v1/payouts/1"]) {
        let is_own = path.starts_with("/v1/users/");
        let reply = world.with(&own, Method::GET, path, None).await;
        match is_own {
            true => assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text()),
            false => assert_eq!(reply.refusal(), (401, "EXQ-0212".to_owned()), "{path}: no admin's session"),
        }
        let reply = world.with(&finance, Method::GET, path, None).await;
        assert_eq!(reply.refusal(), (403, "EXQ-0213".to_owned()), "{path}");
    }
    assert_eq!(world.with(&own, Method::GET, &deposits(two.0), None).await.refusal(), (403, "EXQ-0213".into()));
}

/// A withdrawal of so much that a person has to agree to it; its number.
async fn waits(world: &World, name: &str) -> (u64, String) {
    let (user, own) = rich(world);
    let (asset, id) = (Asset(1), TransferId(u128::from(user.0) + 1_000));
    world.house.run(Change::CreditSandbox(CreditSandbox { user, asset, amount: 90_000_000_000, id }));
    let mut asked = wanted(name, "20000");
    asked["otp"] = json!(code(&world.house));
    let path = format!("/v1/users/{}/withdrawals", user.0);
    let reply = world.with(&own, Method::POST, &path, Some(&asked)).await;
    assert_eq!(reply.json()["state"], "awaiting-approval", "{}", reply.text());
    (reply.json()["withdrawal"].as_u64().unwrap(), own)
}

/// Goal: a person of treasury agrees to a withdrawal by a signature over that withdrawal's payment, and refuses one with a reason,
/// whereupon its money is free; nobody else does either, and nothing is decided twice. Method: every other caller, signatures over
/// something else, of another's key and of no key, and then the right one; a refusal without a reason, of what is not there, and
/// twice.
#[tokio::test]
async fn withdrawals_wait_for_a_persons_consent() {
    let world = World::new();
    listed(&world).await;
    let ((first, own), (second, _)) = (waits(&world, "w-1").await, waits(&world, "w-2").await);
    let world = in_force_with(world, &[("tess", Role::TreasuryApprover)]).await;
    let key = json!({ "public_key": hex::encode(TESS.public()), "label": "laptop", "reason": "first" });
    assert_eq!(post(&world, TESS, "/v1/approval-keys", key).await.json()["number"], TESS.0);
    let confirmed = confirm(&world, SAM, TESS).await;
    assert_eq!(confirmed.status.as_u16(), 200, "{}", confirmed.text());
    let bytes = async |number: u64| {
        let shown = world.get(&format!("/v1/withdrawals/{number}")).await.json();
        let until = Timestamp(shown["approve_until_us"].as_u64().unwrap());
        consent_bytes(CLUSTER, WithdrawalId(number), shown["hash"].as_str().unwrap().parse().unwrap(), until)
    };
    let (this, other) = (bytes(first).await, bytes(second).await);
    let approve = |number: u64| format!("/v1/withdrawals/{number}/approve");
    let with = |key: u32, signature: String| json!({ "key": key, "signature": signature });
    let good = || with(TESS.0, TESS.signs(&this));
    for (what, body, refusal) in [
        ("another withdrawal's", with(TESS.0, TESS.signs(&other)), (403, "EXQ-1105")),
        ("another's signature", with(TESS.0, SAM.signs(&this)), (403, "EXQ-1105")),
        ("another's key", with(SAM.0, SAM.signs(&this)), (404, "EXQ-1106")),
        ("no such key", with(9, TESS.signs(&this)), (404, "EXQ-1106")),
        ("half a signature", with(TESS.0, TESS.signs(&this)[..64].to_owned()), (400, "EXQ-0108")),
        ("no signature", with(TESS.0, String::new()), (400, "EXQ-0108")),
        ("more than is asked", json!({ "key": 4, "signature": TESS.signs(&this), "amount": "1" }), (400, "EXQ-0108")),
    ] {
        let reply = post(&world, TESS, &approve(first), body).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()), "{what}: {}", reply.message());
    }
    for (number, refusal) in [("99", (404, "EXQ-1408")), ("0x1", (400, "EXQ-0108"))] {
        let reply = post(&world, TESS, &format!("/v1/withdrawals/{number}/approve"), good()).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()), "{number}");
    }
    let reason = json!({ "reason": "it is not theirs" });
    for rest in ["approve", "reject"] {
        let (path, body) =
            (format!("/v1/withdrawals/{first}/{rest}"), if rest == "approve" { good() } else { reason.clone() });
        let customer = world.with(&own, Method::POST, &path, Some(&body)).await;
        assert_eq!(customer.refusal(), (401, "EXQ-0212".to_owned()), "{rest} by its user");
        let operations = post(&world, OPS, &path, body).await;
        assert_eq!(operations.refusal(), (403, "EXQ-0213".to_owned()), "{rest} by operations");
    }
    let house = world.post(&approve(first), &good().to_string()).await;
    assert_eq!(house.refusal().0, 403, "the operator token is no person: {}", house.text());
    let reject = |number: u64| format!("/v1/withdrawals/{number}/reject");
    for (body, refusal) in [(json!({}), (400, "EXQ-0108")), (json!({ "reason": " " }), (422, "EXQ-0406"))] {
        let reply = post(&world, TESS, &reject(second), body).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()));
    }
    assert_eq!(post(&world, TESS, &reject(99), reason.clone()).await.refusal(), (404, "EXQ-1408".to_owned()));
    let shown = async |number: u64| world.get(&format!("/v1/withdrawals/{number}")).await.json();
    for number in [first, second] {
        let now = shown(number).await;
        assert_eq!((&now["state"], &now["approved_by"]), (&json!("awaiting-approval"), &json!([])), "{now}");
    }

    let agreed = post(&world, TESS, &approve(first), good()).await.json();
    assert_eq!((&agreed["withdrawal"], &agreed["state"]), (&json!(first), &json!("queued")), "{agreed}");
    assert_eq!(shown(first).await["approved_by"], json!([TESS.0]));
    assert_eq!(post(&world, TESS, &approve(first), good()).await.refusal(), (409, "EXQ-1409".to_owned()), "twice");
    let held = async |number: u64| {
        let user = shown(number).await["user"].clone();
        let balance = world.get(&format!("/v1/ledger/balance?user={user}&asset=USDT")).await.json();
        balance["held"].as_str().unwrap().to_owned()
    };
    assert_eq!(held(second).await, "20000.000000");
    let refused = post(&world, TESS, &reject(second), reason.clone()).await.json();
    assert_eq!((&refused["state"], held(second).await), (&json!("rejected"), "0.000000".to_owned()), "{refused}");
    assert_eq!(post(&world, TESS, &reject(second), reason).await.refusal(), (404, "EXQ-1408".to_owned()), "it is over");
}
