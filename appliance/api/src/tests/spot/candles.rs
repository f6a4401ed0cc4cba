//! Klines and tickers.

use exchequer_domain::Timestamp;
use serde_json::{Value, json};

use super::{NOW_MS, World, good, limit, open, refusal, world};

/// The beginning of the minute that the world begins in.
const MINUTE: u64 = NOW_MS / 60_000 * 60_000;

fn wait(world: &World, ms: u64) {
    let inside = &mut *world.house.inside.lock();
    inside.now = Timestamp(inside.now.0 + ms * 1_000);
}

/// Trades at 100.00, 110.00 and, two minutes later, 90.00; one BTC, then 0.5, then 2.
async fn traded() -> World {
    let world = world();
    for (quantity, price, pause) in [("1", "100", 0), ("0.5", "110", 120_000), ("2", "90", 0)] {
        good(&limit(&world, 1, "SELL", quantity, price, "").await);
        good(&limit(&world, 2, "BUY", quantity, price, "").await);
        wait(&world, pause);
    }
    world
}

async fn klines(world: &World, query: &str) -> Value {
    good(&open(world, &format!("/api/v3/klines?symbol=BTCUSDT&{query}")).await)
}

/// Goal: klines have the documented form, the one that is open and those without trades too. Method: three trades in two
/// of three minutes, worked out by hand.
#[tokio::test]
async fn klines_have_the_documented_form() {
    let world = traded().await;
    let line = |open: u64, prices: [&str; 4], volume: &str, quote: &str, trades: u64, taker: [&str; 2]| {
        let [first, high, low, last] = prices;
        json!([open, first, high, low, last, volume, open + 59_999, quote, trades, taker[0], taker[1], "0"])
    };
    let minutes = json!([
        line(
            MINUTE,
            ["100.00", "110.00", "100.00", "110.00"],
            "1.50000000",
            "155.00000000",
            2,
            ["1.50000000", "155.00000000"]
        ),
        line(MINUTE + 60_000, ["110.00"; 4], "0.00000000", "0.00000000", 0, ["0.00000000"; 2]),
        line(MINUTE + 120_000, ["90.00"; 4], "2.00000000", "180.00000000", 1, ["2.00000000", "180.00000000"]),
    ]);
    assert_eq!(klines(&world, "interval=1m").await, minutes);
    assert_eq!(klines(&world, "interval=1m&startTime=0&limit=2&timeZone=0").await, json!([minutes[0], minutes[1]]));
    assert_eq!(klines(&world, &format!("interval=1m&endTime={MINUTE}")).await, json!([minutes[0]]));
    assert_eq!(klines(&world, &format!("interval=1m&startTime={}", NOW_MS + 3_600_000)).await, json!([]));
    assert_eq!(good(&open(&world, "/api/v3/uiKlines?symbol=BTCUSDT&interval=1m").await), minutes);
    for interval in ["1s", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"] {
        let lines = klines(&world, &format!("interval={interval}")).await;
        let last = lines.as_array().unwrap().last().unwrap();
        assert_eq!(last[4], "90.00", "{interval}");
    }
    let day = klines(&world, "interval=1d").await;
    assert_eq!((&day[0][2], &day[0][3], &day[0][8]), (&json!("110.00"), &json!("90.00"), &json!(3)));
}

/// Goal: bad questions about klines and windows are refused with the dialect's codes.
#[tokio::test]
async fn bad_questions_are_refused() {
    let world = world();
    for (query, code) in [
        ("klines?symbol=BTCUSDT", -1102),
        ("klines?symbol=BTCUSDT&interval=7m", -1120),
        ("klines?symbol=NONE&interval=1m", -1121),
        ("klines?symbol=BTCUSDT&interval=1m&limit=0", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&startTime=2&endTime=1", -1130),
        ("klines?symbol=BTCUSDT&interval=1m&timeZone=8", -1130),
        ("ticker?windowSize=1d", -1102),
        ("ticker?symbol=BTCUSDT&windowSize=8d", -1130),
        ("ticker?symbol=BTCUSDT&type=HALF", -1130),
        ("ticker/24hr?symbol=NONE", -1121),
        ("avgPrice?symbol=NONE", -1121),
    ] {
        assert_eq!(refusal(&open(&world, &format!("/api/v3/{query}")).await), (400, code), "{query}");
    }
}

/// Goal: the day's ticker, other windows and the average price say what happened in their time and no longer. Method: the
/// same trades, worked out by hand; then the same a day later, and a market without trades.
#[tokio::test]
async fn tickers_say_what_happened() {
    let quiet = world();
    let ticker = good(&open(&quiet, "/api/v3/ticker/24hr?symbol=BTCUSDT").await);
    assert_eq!((&ticker["count"], &ticker["firstId"], &ticker["lastPrice"]), (&json!(0), &json!(-1), &json!("0.00")));
    let average = good(&open(&quiet, "/api/v3/avgPrice?symbol=BTCUSDT").await);
    assert_eq!(average, json!({"mins": 5, "price": "0.00", "closeTime": 0}));

    let world = traded().await;
    good(&limit(&world, 1, "SELL", "0.1", "95", "").await);
    let now = NOW_MS + 120_000;
    let ticker = good(&open(&world, "/api/v3/ticker/24hr?symbol=BTCUSDT").await);
    let expected = json!({
        "symbol": "BTCUSDT", "priceChange": "-10.00", "priceChangePercent": "-10.000",
        "weightedAvgPrice": "95.71428571", "prevClosePrice": "0.00", "lastPrice": "90.00", "lastQty": "2.00000",
        "bidPrice": "0.00", "bidQty": "0.00000", "askPrice": "95.00", "askQty": "0.10000", "openPrice": "100.00",
        "highPrice": "110.00", "lowPrice": "90.00", "volume": "3.50000000", "quoteVolume": "335.00000000",
        "openTime": (now - 86_400_000) / 60_000 * 60_000, "closeTime": now, "firstId": 1, "lastId": 3, "count": 3,
    });
    assert_eq!(ticker, expected);
    assert_eq!(good(&open(&world, "/api/v3/ticker/24hr").await), json!([expected]));
    let mini = good(&open(&world, "/api/v3/ticker/24hr?symbol=BTCUSDT&type=MINI").await);
    assert_eq!((mini.get("askPrice"), &mini["volume"]), (None, &json!("3.50000000")));
    let minute = good(&open(&world, "/api/v3/ticker?symbols=%5B%22BTCUSDT%22%5D&windowSize=1m").await);
    assert_eq!((&minute[0]["count"], &minute[0]["openPrice"]), (&json!(1), &json!("90.00")));
    let week = good(&open(&world, "/api/v3/ticker?symbol=BTCUSDT&windowSize=7d").await);
    assert_eq!((&week["count"], &week["lowPrice"], &week["lastId"]), (&json!(3), &json!("90.00"), &json!(3)));
    let average = good(&open(&world, "/api/v3/avgPrice?symbol=BTCUSDT").await);
    assert_eq!(average, json!({"mins": 5, "price": "95.71428571", "closeTime": now}));

    wait(&world, 86_400_000 + 60_000);
    let later = good(&open(&world, "/api/v3/ticker/24hr?symbol=BTCUSDT").await);
    assert_eq!(
        (&later["count"], &later["lastPrice"], &later["highPrice"]),
        (&json!(0), &json!("90.00"), &json!("90.00"))
    );
}
