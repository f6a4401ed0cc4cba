//! The trading part of the golden script: every command, outcome and row of markets, orders and API keys.

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger::TransferId;
use exchequer_matching::{Breaker, By, End, Life, Lots, OrderId, Phase, PhaseChange, Side, Ticks, TradeId, When};

use super::super::world::{SECOND, START};
use super::{BTC, MARKET, ONE, USDT, limit, market, name};
use crate::api_keys::{ApiKeyId, Credential, Range, Scopes};
use crate::markets::{Ask, Fill, MarketId, OrderRecord, OrderStatus};
use crate::{
    AmendOrder, Body, CancelAfter, CancelOrder, CancelOrders, ConfigureMarket, CreateApiKey, CreateAsset,
    CreditSandbox, Done, OrderRef, OrderSpec, PlaceOrder, PlacePair, Rejection, ReplaceOrder, RevokeApiKey,
    SetMarketPhase, Traded,
};

const BUYER: UserId = UserId(1);
const SELLER: UserId = UserId(2);

fn key(number: u8, credential: Credential) -> Body {
    Body::CreateApiKey(Box::new(CreateApiKey {
        user: BUYER,
        key: format!("{number:064}"),
        label: "bot".into(),
        credential,
        scopes: Scopes { read: true, trade: false, withdraw: true },
        ranges: vec![Range { address: [7; 16], prefix: 100 }],
        reason: "why".into(),
    }))
}

/// Continues a script that made the asset BTC and three users.
pub(in crate::tests) fn bodies() -> Vec<Body> {
    let reason = || "why".to_owned();
    let credit =
        |user, asset, amount, id| Body::CreditSandbox(CreditSandbox { user, asset, amount, id: TransferId(id) });
    let place = |user, order| Body::PlaceOrder(Box::new(PlaceOrder { user, market: MARKET, order }));
    let phase = |phase| Body::SetMarketPhase(SetMarketPhase { market: MARKET, phase, reason: reason() });
    let until = Some(Timestamp(START.0 + 300 * SECOND));
    let iceberg = Life::Rest { until, peak: Some(Lots(300)), post_only: true };
    let hidden = Ask::Limit { price: Ticks(1_100), lots: Lots(900), life: iceberg };
    let stop = OrderSpec { when: Some(When::StopLoss(Ticks(900))), ..limit("stop", Side::Sell, 890, 300) };
    let trailing = OrderSpec {
        when: Some(When::Trailing(Ticks(5))),
        ask: Ask::Market { by: By::Lots, quantity: 300 },
        ..limit("trailing", Side::Sell, 1, 1)
    };
    let asset = CreateAsset { code: "USDT".into(), decimals: 8, name: "Tether".into(), reason: reason() };
    vec![
        Body::CreateAsset(asset),
        key(1, Credential::Hmac { sealed: vec![1, 2, 3] }),
        key(2, Credential::Ed25519 { public: [9; 32] }),
        Body::RevokeApiKey(RevokeApiKey { id: ApiKeyId(1), reason: reason() }),
        market("BTCUSDT"),
        Body::ConfigureMarket(Box::new(ConfigureMarket {
            market: MARKET,
            filters: None,
            breaker: Some(Breaker::default()),
            reference: Some(Ticks(1_000)),
            reason: reason(),
        })),
        phase(PhaseChange::Auction { ends: until }),
        phase(PhaseChange::Trading),
        credit(BUYER, USDT, 1_000 * ONE, 401),
        credit(SELLER, BTC, ONE, 402),
        place(BUYER, limit("buy", Side::Buy, 1_000, 600)),
        place(SELLER, limit("sell", Side::Sell, 1_000, 200)),
        place(SELLER, OrderSpec { ask: hidden, ..limit("iceberg", Side::Sell, 1, 1) }),
        place(SELLER, trailing),
        Body::AmendOrder(AmendOrder {
            user: BUYER,
            market: MARKET,
            order: OrderRef::Name(name("buy")),
            price: Some(Ticks(999)),
            lots: Lots(500),
            keep_place: false,
        }),
        Body::PlacePair(Box::new(PlacePair {
            user: SELLER,
            market: MARKET,
            stop,
            limit_name: name("profit"),
            price: Ticks(1_200),
        })),
        place(BUYER, limit("old", Side::Buy, 950, 300)),
        Body::ReplaceOrder(Box::new(ReplaceOrder {
            user: BUYER,
            market: MARKET,
            old: OrderRef::Name(name("old")),
            new: limit("new", Side::Buy, 951, 300),
        })),
        Body::CancelOrder(CancelOrder { user: BUYER, market: MARKET, order: OrderRef::Id(OrderId(1 << 20)) }),
        Body::CancelOrders(CancelOrders { user: SELLER, market: MARKET, side: Some(Side::Buy) }),
        Body::CancelAfter(CancelAfter { user: SELLER, market: MARKET, at: until }),
    ]
}

/// Run some seconds later, trades again, so that klines are over.
pub(in crate::tests) fn later() -> Body {
    let order = limit("later", Side::Sell, 951, 200);
    Body::PlaceOrder(Box::new(PlaceOrder { user: SELLER, market: MARKET, order }))
}

fn record() -> OrderRecord {
    OrderRecord {
        market: MarketId(300),
        id: OrderId(300 << 20),
        user: UserId(300),
        client_id: name("web_1"),
        partner: Some(OrderId(301 << 20)),
        side: Side::Sell,
        ask: Ask::Limit { price: Ticks(300), lots: Lots(300), life: Life::FillOrKill },
        when: Some(When::TakeProfit(Ticks(300))),
        self_trade: exchequer_matching::SelfTrade::Decrement,
        executed: Lots(300),
        prevented: Lots(1),
        quote: 1 << 70,
        status: OrderStatus::Ended(End::SelfTrade),
        created: Timestamp(300),
        updated: Timestamp(301),
    }
}

pub(in crate::tests) fn done() -> Vec<Done> {
    let fill = Fill { trade: TradeId(300), price: Ticks(300), lots: Lots(300), fee: 300 };
    let traded = || Box::new(Traded { orders: vec![record()], fills: vec![fill] });
    vec![
        Done::ApiKeyCreated { id: ApiKeyId(300) },
        Done::ApiKeyRevoked,
        Done::MarketCreated { market: MarketId(300) },
        Done::MarketConfigured,
        Done::MarketPhase { phase: Phase::Uncrossing { price: Ticks(300), lots: 300 } },
        Done::Traded(traded()),
        Done::Replaced { traded: traded(), refused: Some(exchequer_matching::Rejection::Funds) },
        Done::SwitchSet { at: Some(Timestamp(300)) },
    ]
}

pub(in crate::tests) fn rejected() -> Vec<Rejection> {
    vec![
        Rejection::ApiKeyUnknown,
        Rejection::ApiKeyExists,
        Rejection::ApiKeysFull,
        Rejection::MarketUnknown,
        Rejection::MarketExists { market: MarketId(300) },
        Rejection::MarketsFull,
        Rejection::MarketLot,
        Rejection::MarketTick,
        Rejection::ClientOrderIdUsed,
        Rejection::AmendLosesPlace,
        Rejection::Order { why: exchequer_matching::Rejection::Funds },
        Rejection::MarketsBusy,
        Rejection::OpenOrdersFull,
        Rejection::ApiKeyScope,
    ]
}
