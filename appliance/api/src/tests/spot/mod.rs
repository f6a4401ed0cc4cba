//! The spot dialect over a state in memory.

mod account;
mod candles;
mod capital;
mod description;
mod errors;
mod limits;
mod listing;
mod orders;
mod replay;
pub(super) mod socket;
mod stopped;
mod streams;
mod ws_api;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use exchequer_domain::UserId;
use exchequer_state::api_keys::{Credential, Scopes};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::markets::{MarketId, Step};
use exchequer_state::matching::{Fees, Filters, Lots, PhaseChange, Ticks};
use exchequer_state::{
    Body as Change, CreateApiKey, CreateAsset, CreateMarket, CreateUser, CreditSandbox, SetMarketPhase,
};
use ring::hmac;
use serde_json::Value;

use super::{Reply, World};

/// The moment of the world.
const NOW_MS: u64 = 1_764_000_000_000;
const SECRET: &[u8] = b"a secret of a test";

/// The name of a user's key: both scopes; `R` reads only.
fn key(user: u64, scope: char) -> String {
    format!("{scope}{user:063}")
}

/// A market BTCUSDT, ticks of a cent and lots of 0.00001, and two users with 10 BTC and 1,000,000 USDT each.
fn world() -> World {
    let world = World::new();
    let run = |change| world.house.run(change);
    let reason = || "test".to_owned();
    for (code, decimals) in [("BTC", 8), ("USDT", 8)] {
        run(Change::CreateAsset(CreateAsset { code: code.into(), decimals, name: code.into(), reason: reason() }));
    }
    for _ in 0..2 {
        run(Change::CreateUser(CreateUser { label: String::new(), kyc_level: 0, fee_tier: 0 }));
    }
    run(Change::CreateMarket(Box::new(CreateMarket {
        symbol: "BTCUSDT".into(),
        base: Asset(1),
        quote: Asset(2),
        tick: Step { units: 1, decimals: 2 },
        lot: Step { units: 1, decimals: 5 },
        fees: vec![Fees { maker_ppm: 1_000, taker_ppm: 2_000 }],
        filters: Filters {
            price_max: Ticks(100_000_000),
            lots_max: Lots(900_000_000),
            market_lots_max: Lots(100_000_000),
            notional_min: 500_000_000,
            notional_max: 900_000_000_000_000,
            ..Filters::default()
        },
        reason: reason(),
    })));
    run(Change::SetMarketPhase(SetMarketPhase { market: MarketId(1), phase: PhaseChange::Trading, reason: reason() }));
    for user in 1..=2 {
        for (asset, units) in [(1, 10), (2, 1_000_000)] {
            let id = TransferId(u128::from(user * 10 + asset));
            let amount = u128::from(units as u64) * 100_000_000;
            let asset = Asset(u32::try_from(asset).unwrap());
            run(Change::CreditSandbox(CreditSandbox { user: UserId(user), asset, amount, id }));
        }
        for (scope, trade) in [('T', true), ('R', false)] {
            run(Change::CreateApiKey(Box::new(CreateApiKey {
                user: UserId(user),
                key: key(user, scope),
                label: String::new(),
                credential: Credential::Hmac { sealed: SECRET.iter().rev().copied().collect() },
                scopes: Scopes { read: true, trade, withdraw: false },
                ranges: Vec::new(),
                reason: reason(),
            })));
        }
    }
    world
}

fn sign(text: &str) -> String {
    hex::encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), text.as_bytes()))
}

/// A window of its own for each request, in the part of it that is not looked at: the same text would be the same request.
fn window() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}.{:03}", 5_000 + number / 1_000, number % 1_000)
}

/// A request without a key.
async fn open(world: &World, path: &str) -> Reply {
    world.send(Request::builder().uri(path).body(Body::empty()).unwrap()).await
}

/// A signed request with its parameters in the query.
async fn signed(world: &World, user: u64, method: Method, path: &str, query: &str) -> Reply {
    let text = format!("{query}&timestamp={}&recvWindow={}", world.house.inside.lock().now.millis(), window());
    let text = text.trim_start_matches('&');
    sent(world, &key(user, 'T'), method, &format!("{path}?{text}&signature={}", sign(text))).await
}

/// A request with a key, as it is.
async fn sent(world: &World, key: &str, method: Method, path: &str) -> Reply {
    let request = Request::builder().method(method).uri(path).header("X-MBX-APIKEY", key);
    world.send(request.body(Body::empty()).unwrap()).await
}

/// Status and code of a refusal in the dialect.
fn refusal(reply: &Reply) -> (u16, i64) {
    let json = reply.json();
    assert!(!json["msg"].as_str().unwrap_or_else(|| panic!("no msg in {json}")).is_empty());
    (reply.status.as_u16(), json["code"].as_i64().unwrap())
}

fn good(reply: &Reply) -> Value {
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    reply.json()
}

/// A limit order of a user, until cancelled.
async fn limit(world: &World, user: u64, side: &str, quantity: &str, price: &str, rest: &str) -> Reply {
    let query =
        format!("symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce=GTC&quantity={quantity}&price={price}{rest}");
    signed(world, user, Method::POST, "/api/v3/order", &query).await
}
