//! What the listings of exchanges and charts are served.

use axum::http::Method;
use exchequer_domain::Network;
use exchequer_state::ledger::Asset;
use exchequer_state::markets::MarketId;
use exchequer_state::matching::PhaseChange;
use exchequer_state::{ConfigureNetworkAsset, SetMarketPhase};
use serde_json::json;

use super::super::money_on_chains::listed;
use super::{Change, NOW_MS, World, good, limit, open, refusal, world};

/// A world with one trade of 0.2 at 64000.15, and 0.3 left of the ask.
async fn traded() -> World {
    let world = world();
    good(&limit(&world, 2, "SELL", "0.5", "64000.15", "").await);
    good(&limit(&world, 1, "BUY", "0.2", "65000", "").await);
    good(&limit(&world, 1, "BUY", "0.1", "63000", "").await);
    world
}

/// Goal: CoinGecko finds the fields that it asks for, exact and as text. Method: each address after one trade, with its
/// parameters.
#[tokio::test]
async fn coingecko_is_served() {
    let world = traded().await;
    let get = async |path: &str| good(&open(&world, path).await);
    let pairs = get("/coingecko/pairs").await;
    assert_eq!(pairs, json!([{"ticker_id": "BTC_USDT", "base": "BTC", "target": "USDT"}]));
    let tickers = get("/coingecko/tickers").await;
    let right = json!([{
        "ticker_id": "BTC_USDT", "base_currency": "BTC", "target_currency": "USDT", "last_price": "64000.15",
        "base_volume": "0.20000000", "target_volume": "12800.03000000", "bid": "63000.00", "ask": "64000.15",
        "high": "64000.15", "low": "64000.15",
    }]);
    assert_eq!(tickers, right);
    for depth in ["", "&depth=0", "&depth=2", "&depth=200"] {
        let book = get(&format!("/coingecko/orderbook?ticker_id=BTC_USDT{depth}")).await;
        assert_eq!(book["ticker_id"], "BTC_USDT");
        assert_eq!(book["timestamp"], NOW_MS.to_string());
        assert_eq!(book["bids"], json!([["63000.00", "0.10000"]]));
        assert_eq!(book["asks"], json!([["64000.15", "0.30000"]]));
    }
    let trade = json!({
        "trade_id": 1, "price": "64000.15", "base_volume": "0.20000", "target_volume": "12800.03000000",
        "trade_timestamp": NOW_MS.to_string(), "type": "buy",
    });
    let seconds = NOW_MS / 1_000;
    for (query, bought) in [
        (String::new(), true),
        ("&type=buy&limit=0".to_owned(), true),
        ("&type=sell".to_owned(), false),
        (format!("&start_time={seconds}&end_time={seconds}"), true),
        (format!("&start_time={NOW_MS}"), true),
        (format!("&start_time={}", seconds + 1), false),
        (format!("&end_time={}", seconds - 1), false),
    ] {
        let trades = get(&format!("/coingecko/historical_trades?ticker_id=BTC_USDT{query}")).await;
        let bought = if bought { json!([trade]) } else { json!([]) };
        assert_eq!(trades, json!({"buy": bought, "sell": []}), "{query}");
    }
}

/// Goal: CoinMarketCap is told that an asset comes and goes where a network is open for it, and no longer. Method: a listed
/// token; its withdrawals are switched off, then its network is suspended.
#[tokio::test]
async fn what_comes_and_goes_is_told() {
    let world = World::new();
    listed(&world).await;
    let told = async |withdraw: &str, deposit: &str| {
        let assets = good(&open(&world, "/cmc/assets").await);
        assert_eq!(assets["USDT"], json!({"name": "Tether", "can_withdraw": withdraw, "can_deposit": deposit}));
    };
    told("true", "true").await;
    let (network, asset, reason) = (Network::Ethereum, Asset(1), "test".to_owned());
    let (deposits, withdrawals, sweeps) = (None, Some(false), None);
    let off = ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason };
    world.house.run(Change::ConfigureNetworkAsset(off));
    told("false", "true").await;
    let suspended = json!({ "state": "suspended", "reason": "test" });
    good(&world.call(Method::PUT, "/v1/networks/ethereum", Some(&suspended.to_string())).await);
    told("false", "false").await;
}

/// Goal: CoinMarketCap finds the fields that it asks for: numbers in the summary, text elsewhere. Method: each address
/// after one trade, also in a halted market.
#[tokio::test]
async fn coinmarketcap_is_served() {
    let world = traded().await;
    let get = async |path: &str| good(&open(&world, path).await);
    let summary = get("/cmc/summary").await;
    let right = json!([{
        "trading_pairs": "BTC_USDT", "base_currency": "BTC", "quote_currency": "USDT", "last_price": 64000.15,
        "lowest_ask": 64000.15, "highest_bid": 63000.0, "base_volume": 0.2, "quote_volume": 12800.03,
        "price_change_percent_24h": 0.0, "highest_price_24h": 64000.15, "lowest_price_24h": 64000.15,
    }]);
    assert_eq!(summary, right);
    let assets = get("/cmc/assets").await;
    assert_eq!(assets["BTC"], json!({"name": "BTC", "can_withdraw": "false", "can_deposit": "false"}));
    let ticker = get("/cmc/ticker").await;
    let right = json!({
        "last_price": "64000.15", "base_volume": "0.20000000", "quote_volume": "12800.03000000", "isFrozen": "0",
    });
    assert_eq!(ticker, json!({"BTC_USDT": right}));
    for query in ["", "?depth=100&level=2", "?level=1", "?level=3"] {
        let book = get(&format!("/cmc/orderbook/BTC_USDT{query}")).await;
        assert_eq!((&book["bids"], &book["asks"][0][1]), (&json!([["63000.00", "0.10000"]]), &json!("0.30000")));
    }
    let trades = get("/cmc/trades/BTC_USDT").await;
    let right = json!([{
        "trade_id": 1, "price": "64000.15", "base_volume": "0.20000", "quote_volume": "12800.03000000",
        "timestamp": NOW_MS.to_string(), "type": "buy",
    }]);
    assert_eq!(trades, right);
    let halt = SetMarketPhase { market: MarketId(1), phase: PhaseChange::Halt, reason: "test".into() };
    world.house.run(Change::SetMarketPhase(halt));
    assert_eq!(get("/cmc/ticker").await["BTC_USDT"]["isFrozen"], "1");
}

/// Goal: a pair that is not there, and parameters that make no sense, are refused in the dialect's form. Method: each
/// address with such a request.
#[tokio::test]
async fn listings_refuse() {
    let world = traded().await;
    for (path, code) in [
        ("/coingecko/orderbook", -1102),
        ("/coingecko/orderbook?ticker_id=BTCUSDT", -1121),
        ("/coingecko/orderbook?ticker_id=BTC_USDT&depth=-1", -1100),
        ("/coingecko/historical_trades?ticker_id=ETH_BTC", -1121),
        ("/coingecko/historical_trades?ticker_id=BTC_USDT&type=both", -1130),
        ("/cmc/orderbook/ETH_BTC", -1121),
        ("/cmc/orderbook/BTC_USDT?level=4", -1130),
        ("/cmc/trades/%00", -1121),
    ] {
        assert_eq!(refusal(&open(&world, path).await), (400, code), "{path}");
    }
}

/// Goal: the charting library finds what it needs to draw a market, and is told what is not there in its own form. Method:
/// its requests, in their order, after one trade.
#[tokio::test]
async fn charts_are_served() {
    let world = traded().await;
    let get = async |path: &str| good(&open(&world, path).await);
    let config = get("/udf/config").await;
    assert_eq!((&config["supports_search"], &config["supports_group_request"]), (&json!(true), &json!(false)));
    assert_eq!(config["supported_resolutions"].as_array().unwrap().len(), 16);
    assert_eq!(open(&world, "/udf/time").await.text(), (NOW_MS / 1_000).to_string());

    let symbol = get("/udf/symbols?symbol=Exchequer:BTCUSDT").await;
    for (field, value) in [
        ("ticker", json!("BTCUSDT")),
        ("description", json!("BTC / USDT")),
        ("minmov", json!(1)),
        ("pricescale", json!(100)),
        ("session", json!("24x7")),
        ("timezone", json!("Etc/UTC")),
        ("volume_precision", json!(5)),
        ("supported_resolutions", config["supported_resolutions"].clone()),
    ] {
        assert_eq!(symbol[field], value, "{field}");
    }
    let found = get("/udf/search?query=btc%2Fu&type=&exchange=&limit=30").await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["symbol"]), (1, &json!("BTCUSDT")));
    for nothing in ["query=eth", "query=btc&exchange=NYSE", "query=&type=stock", "query=&limit=0"] {
        assert_eq!(get(&format!("/udf/search?{nothing}")).await, json!([]), "{nothing}");
    }

    let now = NOW_MS / 1_000;
    let minute = now - now % 60;
    let candle = json!({
        "s": "ok", "t": [minute], "o": [64000.15], "h": [64000.15], "l": [64000.15], "c": [64000.15], "v": [0.2],
    });
    for query in [format!("from={}&to={}", now - 3_600, now + 60), format!("to={}&countback=300", now + 60)] {
        let path = format!("/udf/history?symbol=BTCUSDT&resolution=1&{query}");
        assert_eq!(get(&path).await, candle, "{query}");
    }
    let before = get(&format!("/udf/history?symbol=BTCUSDT&resolution=60&from=1&to={}", now - 7_200)).await;
    assert_eq!(before, json!({"s": "no_data"}));
    let after = get(&format!("/udf/history?symbol=BTCUSDT&resolution=1&from={}&to={}", now + 600, now + 900)).await;
    assert_eq!(after, json!({"s": "no_data", "nextTime": minute}));

    for path in [
        "/udf/symbols",
        "/udf/symbols?symbol=NOPE",
        "/udf/history?symbol=NOPE&resolution=1&from=1&to=2",
        "/udf/history?symbol=BTCUSDT&resolution=7&from=1&to=2",
        "/udf/history?symbol=BTCUSDT&resolution=1&from=2&to=1",
    ] {
        let answer = get(path).await;
        assert_eq!(answer["s"], "error", "{path}: {answer}");
        assert!(answer["errmsg"].as_str().is_some_and(|text| !text.is_empty()), "{path}: {answer}");
    }
}
