//! Wallets, addresses, deposits, withdrawals and their policy, over a state in memory.

use axum::http::Method;
use exchequer_domain::UserId;
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::people::Principal;
use exchequer_state::{
    Actor, Body as Change, CreateAsset, CredentialChange, CreditSandbox, Outcome, SetCredentials, UpdateUser,
};
use serde_json::{Value, json};

use super::World;
use super::people::{MINUTE_US, SECRET, code, customer, session, wait};
use crate::backend::Backend as _;
use crate::people::FACTOR_PURPOSE;

/// A token's contract, and somebody's wallet.
const TOKEN: &str = "0xdAC17F958D2ee523a2206206994597C13D831ec7";
const RECEIVER: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

async fn done(world: &World, method: Method, path: &str, body: Value) -> Value {
    let reply = world.call(method, path, Some(&body.to_string())).await;
    assert_eq!(reply.status.as_u16(), 200, "{path}: {}", reply.text());
    reply.json()
}

/// USDT of six decimals on Ethereum, at a dollar; withdrawals of 10 to 100,000 for a fee of 4.
pub(super) async fn listed(world: &World) {
    let (code, name, reason) = ("USDT".to_owned(), "Tether".to_owned(), "test".to_owned());
    world.house.run(Change::CreateAsset(CreateAsset { code, decimals: 6, name, reason }));
    done(world, Method::PUT, "/v1/listings", listing()).await;
    price(world).await;
    let open = json!({ "state": "enabled", "fee_max": "1000000", "reason": "test" });
    done(world, Method::PUT, "/v1/networks/ethereum", open).await;
}

fn listing() -> Value {
    json!({
        "network": "ethereum", "asset": "USDT", "contract": TOKEN.to_lowercase(), "decimals": 6, "deposit_min": "1",
        "withdrawal_min": "10", "withdrawal_max": "100000", "withdrawal_step": "0.000001", "withdrawal_fee": "4",
        "reason": "test",
    })
}

async fn price(world: &World) {
    done(world, Method::PUT, "/v1/prices", json!({ "asset": "USDT", "usd": "1", "source": "desk" })).await;
}

/// Addresses for users in the pool of the EVM networks, numbered from one.
pub(super) async fn stock(world: &World, count: u64) {
    let one =
        |number: u64| json!({ "address": format!("0x{:040x}", 0xabcd_ef01_0000_u64 + number), "mac": "07".repeat(32) });
    let addresses: Vec<Value> = (1..=count).map(one).collect();
    let body = json!({ "family": "evm", "first_index": 0, "addresses": addresses });
    let next = done(world, Method::POST, "/v1/address-pools/stock", body).await;
    assert_eq!(next["next"], count);
}

/// A customer of the highest level with a second factor, a thousand dollars and an open session.
pub(super) fn rich(world: &World) -> (UserId, String) {
    let house = &world.house;
    let user = customer(house);
    let (reason, status, label) = ("test".to_owned(), None, None);
    let update = UpdateUser { user, kyc_level: Some(3), fee_tier: None, status, label, reason };
    house.run(Change::UpdateUser(update));
    let (of, totp) = (Principal::User(user), house.seal(FACTOR_PURPOSE, SECRET).unwrap());
    let revision = {
        let inside = house.inside.lock();
        crate::people::credentials(&inside.state, &inside.rows, of).unwrap().unwrap().0.revision
    };
    let change = CredentialChange::Factor { totp, step: 1, recovery: vec![[7; 32]] };
    let enrol = SetCredentials { of, revision, change, session: None, reason: "test".into() };
    let enrolled = house.run_as(Actor::User(user), Change::SetCredentials(Box::new(enrol)));
    assert!(matches!(enrolled, Outcome::Done(_)), "{enrolled:?}");
    let (asset, id) = (Asset(1), TransferId(u128::from(user.0)));
    house.run(Change::CreditSandbox(CreditSandbox { user, asset, amount: 1_000_000_000, id }));
    let token = session(house, of);
    (user, token)
}

pub(super) fn wanted(client_id: &str, amount: &str) -> Value {
    json!({
        "client_id": client_id, "asset": "USDT", "network": "ethereum", "address": RECEIVER.to_lowercase(),
        "amount": amount,
    })
}

/// Goal: what is registered, listed and priced is shown as it was given, in canonical form, and what does not fit is refused
/// before it gets into the log. Method: each over the doors; addresses of the live network in a cluster of test networks.
#[tokio::test]
async fn wallets_listings_and_prices() {
    let world = World::new();
    listed(&world).await;
    let hot = json!({
        "name": "hot-1", "role": "hot", "network": "ethereum", "xpub": "xpub6CUG",
        "addresses": [{ "address": RECEIVER.to_lowercase(), "change": false, "index": 0 }], "pinned": true, "reason": "test",
    });
    assert_eq!(done(&world, Method::POST, "/v1/wallets", hot.clone()).await["wallet"], 1);
    assert_eq!(world.post("/v1/wallets", &hot.to_string()).await.refusal(), (409, "EXQ-1302".into()));
    let shown = world.get("/v1/wallets").await.json();
    let wallet = &shown["wallets"][0];
    assert_eq!((&wallet["addresses"][0]["address"], &wallet["family"]), (&json!(RECEIVER), &json!("evm")));
    let live = json!({
        "name": "cold", "role": "cold", "network": "bitcoin",
        "addresses": [{ "address": "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "change": false, "index": 0 }], "reason": "test",
    });
    assert_eq!(world.post("/v1/wallets", &live.to_string()).await.refusal(), (400, "EXQ-0108".into()));
    let test = live
        .to_string()
        .replace("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080");
    assert_eq!(world.post("/v1/wallets", &test).await.status.as_u16(), 200);
    for (field, value) in [("role", "warm"), ("network", "tron"), ("family", "cosmos")] {
        let mut bad = hot.clone();
        bad[field] = json!(value);
        assert_eq!(world.post("/v1/wallets", &bad.to_string()).await.status.as_u16(), 400, "{field}");
    }
    done(&world, Method::POST, "/v1/wallets/2/retire", json!({ "reason": "test" })).await;
    let retired = world.get("/v1/wallets").await.json();
    assert!(retired["wallets"][1]["retired_at"].is_string(), "{retired}");
    let again = world.post("/v1/wallets/2/retire", r#"{"reason":"test"}"#).await;
    assert_eq!(again.refusal(), (404, "EXQ-1303".into()));

    let listings = world.get("/v1/listings").await.json();
    assert_eq!((&listings["listings"][0]["contract"], &listings["listings"][0]["version"]), (&json!(TOKEN), &json!(1)));
    assert_eq!(listings["listings"][0]["withdrawal_fee"], "4.000000");
    let mut other = listing();
    other["decimals"] = json!(18);
    assert_eq!(world.put("/v1/listings", &other.to_string()).await.refusal(), (409, "EXQ-1307".into()));
    let prices = world.get("/v1/prices").await.json();
    assert_eq!((&prices["prices"][0]["usd"], &prices["prices"][0]["fresh"]), (&json!("1.000000"), &json!(true)));
    wait(&world.house, 11 * MINUTE_US);
    world.house.run(Change::CreateAsset(CreateAsset {
        code: "ETH".into(),
        decimals: 18,
        name: "Ether".into(),
        reason: "test".into(),
    }));
    let prices = world.get("/v1/prices").await.json();
    assert_eq!((&prices["prices"][0]["age_s"], &prices["prices"][0]["fresh"]), (&json!(660), &json!(false)));
}

/// Goal: a user gets one address of a family and keeps it; nobody else sees it, and an empty pool says so. Method: two
/// customers with sessions, two addresses.
#[tokio::test]
async fn addresses_of_users() {
    let world = World::new();
    listed(&world).await;
    let ((one, own), (two, other)) = (rich(&world), rich(&world));
    let path = |user: UserId| format!("/v1/users/{}/addresses", user.0);
    let ask = json!({ "network": "ethereum" });
    let none = world.with(&own, Method::POST, &path(one), Some(&ask)).await;
    assert_eq!(none.refusal(), (503, "EXQ-1305".into()));
    stock(&world, 2).await;
    let first = world.with(&own, Method::POST, &path(one), Some(&ask)).await.json();
    assert_eq!((&first["new"], &first["pool_index"]), (&json!(true), &json!(0)));
    let same = world.with(&own, Method::POST, &path(one), Some(&json!({ "network": "polygon" }))).await.json();
    assert_eq!((&same["address"], &same["new"]), (&first["address"], &json!(false)));
    let second = world.with(&other, Method::POST, &path(two), Some(&ask)).await.json();
    assert_ne!(second["address"], first["address"]);
    let list = world.with(&own, Method::GET, &path(one), None).await.json();
    assert_eq!(list["addresses"].as_array().unwrap().len(), 1);
    assert_eq!(list["addresses"][0]["networks"], json!(["ethereum", "polygon", "bsc", "arbitrum"]));
    assert_eq!(world.with(&other, Method::GET, &path(one), None).await.refusal(), (403, "EXQ-0213".into()));
    let pools = world.get("/v1/address-pools").await.json();
    assert_eq!(pools["pools"][1], json!({ "family": "evm", "stocked": 2, "given": 2, "waiting": 0 }));
    assert_eq!(world.get("/v1/scans").await.json()["networks"].as_array().unwrap().len(), 6);
}

/// Goal: a withdrawal takes the second factor of its own request, is the same under the same name, is its user's alone, and
/// its user sees nothing of the house. Method: a customer's session, codes that are wrong, missing, used and good; the same
/// name with the same content and with another; another customer; places where money would be lost.
#[tokio::test]
async fn a_customer_withdraws() {
    let world = World::new();
    listed(&world).await;
    let ((one, own), (two, other)) = (rich(&world), rich(&world));
    let house = &world.house;
    let path = |user: UserId, rest: &str| format!("/v1/users/{}/withdrawals{rest}", user.0);
    let post = async |token: &str, path: String, body: &Value| world.with(token, Method::POST, &path, Some(body)).await;

    let asked = post(&own, path(one, ""), &wanted("w-1", "100.5")).await.json();
    assert_eq!(
        (&asked["state"], &asked["withdrawal"], &asked["first"]),
        (&json!("confirming"), &json!(1), &json!(true))
    );
    let again = post(&own, path(one, ""), &wanted("w-1", "100.5")).await.json();
    assert_eq!((&again["withdrawal"], &again["first"]), (&json!(1), &json!(false)));
    assert_eq!(post(&own, path(one, ""), &wanted("w-1", "100")).await.refusal(), (409, "EXQ-1401".into()));

    let confirm = |otp: &str| json!({ "withdrawal": 1, "otp": otp });
    let wrong = post(&own, path(one, "/confirm"), &confirm("000000")).await;
    assert_eq!(wrong.refusal(), (403, "EXQ-0215".into()));
    let stranger = post(&other, path(two, "/confirm"), &confirm(&code(house))).await;
    assert_eq!(stranger.refusal(), (404, "EXQ-1408".into()));
    let moved = post(&own, path(one, "/confirm"), &confirm(&code(house))).await.json();
    assert_eq!(moved["state"], "queued", "{moved}");
    let mut used = wanted("w-2", "20");
    used["otp"] = json!(code(house));
    assert_eq!(post(&own, path(one, ""), &used).await.refusal(), (403, "EXQ-0215".into()), "a code counts once");
    wait(house, MINUTE_US);
    used["otp"] = json!(code(house));
    assert_eq!(post(&own, path(one, ""), &used).await.json()["state"], "queued");

    let list = world.with(&own, Method::GET, &path(one, ""), None).await.json();
    let first = &list["withdrawals"][1];
    assert_eq!(
        (&first["receives"], &first["fee"], &first["address"]),
        (&json!("96.500000"), &json!("4.000000"), &json!(RECEIVER))
    );
    assert_eq!((&first["rule"], &first["initiator"]), (&json!(""), &json!("")), "a customer sees nothing of the house");
    let inside = world.get("/v1/withdrawals/1").await.json();
    assert_eq!((&inside["rule"], &inside["on_chain"]), (&json!("the rest"), &json!("96500000")));
    let told = world.get("/v1/withdrawals/1/explain").await.json();
    let states: Vec<&str> = told["traces"].as_array().unwrap().iter().map(|one| one["to"].as_str().unwrap()).collect();
    assert_eq!(states, ["confirming", "screening", "approved", "queued"]);
    let queued = world.get("/v1/withdrawals?state=queued&limit=1").await.json();
    assert_eq!((&queued["withdrawals"][0]["withdrawal"], &queued["next_before"]), (&json!(2), &json!(2)));

    let cancel = json!({ "withdrawal": 1 });
    assert_eq!(post(&other, path(two, "/cancel"), &cancel).await.refusal(), (404, "EXQ-1408".into()));
    assert_eq!(post(&own, path(one, "/cancel"), &cancel).await.json()["state"], "cancelled");
    assert_eq!(post(&own, path(one, "/cancel"), &cancel).await.refusal(), (409, "EXQ-1409".into()));
    for (address, refusal) in [
        (TOKEN, (422, "EXQ-1404")),
        ("0x000000000000000000000000000000000000dEaD", (422, "EXQ-1404")),
        ("0x52908400098527886e0F7030069857D2E4169EE7", (400, "EXQ-0108")),
    ] {
        let mut lost = wanted("w-3", "20");
        lost["address"] = json!(address);
        let reply = post(&own, path(one, ""), &lost).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.to_owned()), "{address}: {}", reply.message());
    }
    let mut otp = wanted("w-4", "20");
    otp["otp"] = json!("000000");
    assert_eq!(
        world.post(&path(one, ""), &otp.to_string()).await.refusal(),
        (400, "EXQ-0108".into()),
        "not the user's"
    );
}

/// Goal: the list of a user's withdrawals on one network has all of them, however many on others are newer, page by page. Method: one on
/// Ethereum and two on BSC after it; pages of one.
#[tokio::test]
async fn withdrawals_are_found_behind_others() {
    let world = World::new();
    listed(&world).await;
    let mut on_bsc = listing();
    on_bsc["network"] = json!("bsc");
    done(&world, Method::PUT, "/v1/listings", on_bsc).await;
    let open = json!({ "state": "enabled", "fee_max": "1000000", "reason": "test" });
    done(&world, Method::PUT, "/v1/networks/bsc", open).await;
    let (user, own) = rich(&world);
    for (name, network) in [("w-1", "ethereum"), ("w-2", "bsc"), ("w-3", "bsc")] {
        let mut body = wanted(name, "20");
        body["network"] = json!(network);
        let path = format!("/v1/users/{}/withdrawals", user.0);
        let asked = world.with(&own, Method::POST, &path, Some(&body)).await;
        assert_eq!(asked.status.as_u16(), 200, "{}", asked.text());
    }
    let mut seen = Vec::new();
    for network in ["ethereum", "bsc", "tron"] {
        let mut before = String::new();
        loop {
            let path = format!("/v1/withdrawals?user={}&network={network}&limit=1{before}", user.0);
            let page = world.get(&path).await.json();
            seen.extend(page["withdrawals"].as_array().unwrap().iter().map(|one| (network, one["withdrawal"].clone())));
            let Some(next) = page["next_before"].as_u64() else { break };
            before = format!("&before={next}");
        }
    }
    assert_eq!(seen, [("ethereum", json!(1)), ("bsc", json!(3)), ("bsc", json!(2))]);
}

/// Goal: a second factor counts for the very withdrawal that it is sent with: neither a session that has just shown one, nor a
/// code that another withdrawal was confirmed with, lets money leave; failure mode 30. Method: a fresh session without a code; a code
/// used for one withdrawal and sent with another.
#[tokio::test]
async fn a_second_factor_is_for_one_withdrawal() {
    let world = World::new();
    listed(&world).await;
    let (user, own) = rich(&world);
    let house = &world.house;
    let path = |rest: &str| format!("/v1/users/{}/withdrawals{rest}", user.0);
    let post = async |path: String, body: Value| world.with(&own, Method::POST, &path, Some(&body)).await;
    let shown = post("/v1/users/session/step-up".to_owned(), json!({ "otp": code(house) })).await;
    assert_eq!(shown.status.as_u16(), 200, "{}", shown.text());
    for name in ["w-1", "w-2"] {
        assert_eq!(post(path(""), wanted(name, "20")).await.json()["state"], "confirming", "the session is fresh");
    }
    wait(house, MINUTE_US);
    let otp = code(house);
    let confirm = |withdrawal: u64| json!({ "withdrawal": withdrawal, "otp": otp });
    assert_eq!(post(path("/confirm"), confirm(1)).await.json()["state"], "queued");
    assert_eq!(post(path("/confirm"), confirm(2)).await.refusal(), (403, "EXQ-0215".into()));
    let list = world.with(&own, Method::GET, &path(""), None).await.json();
    let states: Vec<&str> =
        list["withdrawals"].as_array().unwrap().iter().map(|one| one["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["confirming", "queued"]);
}

/// Goal: the address book counts what its user proved, and an operator proves nothing. Method: an address by the operator,
/// one by the user with a code; states and moments.
#[tokio::test]
async fn the_address_book() {
    let world = World::new();
    listed(&world).await;
    let (user, own) = rich(&world);
    let path = format!("/v1/users/{}/address-book", user.0);
    let add = json!({ "action": "add", "network": "ethereum", "address": RECEIVER, "label": "mine" });
    done(&world, Method::POST, &path, add.clone()).await;
    let book = world.with(&own, Method::GET, &path, None).await.json();
    assert_eq!((&book["entries"][0]["state"], &book["listed_only"]), (&json!("pending"), &json!(false)));
    let confirm = json!({ "action": "confirm", "network": "ethereum", "address": RECEIVER, "otp": code(&world.house) });
    assert_eq!(world.with(&own, Method::POST, &path, Some(&confirm)).await.status.as_u16(), 200);
    let book = world.with(&own, Method::GET, &path, None).await.json();
    assert_eq!(book["entries"][0]["state"], "cooling");
    assert!(book["entries"][0]["active_at"].is_string());
    let open = json!({ "action": "listed-only", "on": true });
    assert_eq!(world.with(&own, Method::POST, &path, Some(&open)).await.status.as_u16(), 200);
    let end = json!({ "action": "listed-only", "on": false });
    let refused = world.with(&own, Method::POST, &path, Some(&end)).await;
    assert_eq!(refused.refusal(), (422, "EXQ-1407".into()), "what opens wants the factor");
}

/// Goal: the policy that is shown is one that can be set, says what it would do, and refuses an old version. Method: show,
/// set the same, set it again with the version of before; amounts around its bounds.
#[tokio::test]
async fn the_policy_reads_back() {
    let world = World::new();
    listed(&world).await;
    let (user, _) = rich(&world);
    let mut policy = world.get("/v1/withdrawal-policy").await.json();
    assert_eq!(policy["version"], 0);
    let fields = policy.as_object_mut().unwrap();
    fields.remove("version");
    fields.remove("changed_at");
    fields.insert("reason".into(), json!("test"));
    fields.insert("if_version".into(), json!(0));
    assert_eq!(done(&world, Method::PUT, "/v1/withdrawal-policy", policy.clone()).await["version"], 1);
    let stale = world.put("/v1/withdrawal-policy", &policy.to_string()).await;
    assert_eq!(stale.refusal(), (409, "EXQ-0404".into()), "{}", stale.text());
    let mut shown = world.get("/v1/withdrawal-policy").await.json();
    for name in ["rules", "groups", "limits"] {
        assert_eq!(shown[name].take(), policy[name], "{name}");
    }
    for (amount, verdict, rule) in [("9999.999999", "allow", "the rest"), ("10000", "approve", "ten thousand a day")] {
        let ask = json!({ "user": user.0, "asset": "USDT", "network": "ethereum", "amount": amount });
        let told = done(&world, Method::POST, "/v1/withdrawal-policy/simulate", ask).await;
        assert_eq!((&told["verdict"], &told["rule"]), (&json!(verdict), &json!(rule)), "{amount}");
    }
    let mut bad = policy.clone();
    bad["if_version"] = json!(1);
    bad["rules"][0]["verdict"] = json!("perhaps");
    assert_eq!(world.put("/v1/withdrawal-policy", &bad.to_string()).await.refusal(), (400, "EXQ-0108".into()));
}

/// Goal: what nobody knows of is explained as that, and not decided about. Method: a transaction and a deposit that are not
/// there, and evidence that does not go with a decision.
#[tokio::test]
async fn what_is_not_there() {
    let world = World::new();
    listed(&world).await;
    let tx = "ab".repeat(32);
    let told = world.get(&format!("/v1/deposits/explain?network=ethereum&tx=0x{tx}")).await.json();
    assert_eq!((told["tx"].as_str(), told["deposits"].as_array().unwrap().len()), (Some(tx.as_str()), 0));
    assert!(told["findings"].as_array().unwrap().iter().all(|finding| finding["good"] == false), "{told}");
    assert_eq!(world.get("/v1/deposits/1").await.refusal(), (404, "EXQ-1320".into()));
    assert_eq!(world.get("/v1/deposits").await.json()["deposits"], json!([]));
    let assign = |body: &'static str| world.post("/v1/deposits/1/assign", body);
    assert_eq!(assign(r#"{"exchange":true,"reason":"test"}"#).await.refusal(), (404, "EXQ-1320".into()));
    assert_eq!(assign(r#"{"user":1,"exchange":true,"reason":"test"}"#).await.refusal(), (400, "EXQ-0108".into()));
    let review = |body: &'static str| world.post("/v1/payouts/1/review", body);
    let refund = r#"{"decision":"refund","from":"review","proof":{"kind":"never-signed"},"reason":"test"}"#;
    assert_eq!(review(refund).await.refusal(), (404, "EXQ-1408".into()));
    let bare = r#"{"decision":"refund","from":"review","reason":"test"}"#;
    assert_eq!(review(bare).await.refusal(), (400, "EXQ-0108".into()));
    let more = r#"{"decision":"bump","from":"stuck","fee":"1","reason":"test"}"#;
    assert_eq!(review(more).await.refusal(), (400, "EXQ-0108".into()));
    let resume = world.post("/v1/scans/tron/resume", r#"{"reason":"test"}"#).await;
    assert_eq!(resume.refusal().0, 409, "{}", resume.text());
}
