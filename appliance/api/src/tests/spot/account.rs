//! What an account has and its trades.

use axum::http::Method;
use serde_json::json;

use super::{NOW_MS, good, limit, open, signed, world};

/// Goal: balances, rates and trades are exact, and orders hold what they may take. Method: one trade and one open order.
#[tokio::test]
async fn an_account_after_a_trade() {
    let world = world();
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.2", "50000", "").await);
    let account = good(&signed(&world, 1, Method::GET, "/api/v3/account", "").await);
    assert_eq!(
        account["balances"],
        json!([
            {"asset": "BTC", "free": "9.50000000", "locked": "0.30000000"},
            {"asset": "USDT", "free": "1009990.00000000", "locked": "0.00000000"},
        ])
    );
    assert_eq!((&account["commissionRates"]["taker"], &account["uid"]), (&json!("0.002000"), &json!(1)));
    let trades = good(&signed(&world, 2, Method::GET, "/api/v3/myTrades", "symbol=BTCUSDT").await);
    let order = trades[0]["orderId"].clone();
    assert_eq!(
        trades,
        json!([{
            "symbol": "BTCUSDT", "id": 1, "orderId": order, "orderListId": -1, "price": "50000.00", "qty": "0.20000",
            "quoteQty": "10000.00000000", "commission": "0.00040000", "commissionAsset": "BTC", "time": NOW_MS,
            "isBuyer": true, "isMaker": false, "isBestMatch": true,
        }])
    );
    for (query, count) in [
        (format!("&orderId={order}"), 1),
        ("&orderId=7".into(), 0),
        ("&fromId=2".into(), 0),
        (format!("&startTime={NOW_MS}"), 1),
        (format!("&endTime={}", NOW_MS - 1), 0),
    ] {
        let query = format!("symbol=BTCUSDT{query}");
        let found = good(&signed(&world, 2, Method::GET, "/api/v3/myTrades", &query).await);
        assert_eq!(found.as_array().unwrap().len(), count, "{query}");
    }
    let rates = good(&signed(&world, 2, Method::GET, "/api/v3/account/commission", "symbol=BTCUSDT").await);
    assert_eq!(rates["standardCommission"]["maker"], "0.001000");
    let used = good(&signed(&world, 2, Method::GET, "/api/v3/rateLimit/order", "").await);
    assert_eq!((&used[0]["count"], &used[1]["count"]), (&json!(1), &json!(1)));
    for path in ["/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs"] {
        assert_eq!(good(&signed(&world, 2, Method::GET, path, "").await), json!([]), "{path}");
        assert_eq!(good(&open(&world, path).await), json!([]), "{path}");
    }
    let assets = good(&signed(&world, 2, Method::GET, "/sapi/v1/capital/config/getall", "").await);
    assert_eq!((&assets[0]["coin"], &assets[0]["networkList"]), (&json!("BTC"), &json!([])));
}
