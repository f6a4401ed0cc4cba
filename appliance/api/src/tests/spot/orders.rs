//! Market data and orders.

use axum::http::Method;
use serde_json::json;

use super::{NOW_MS, good, limit, open, refusal, signed, world};

/// Goal: a program can learn everything it needs to place an order. Method: the main answers, field by field.
#[tokio::test]
async fn market_data_has_the_documented_form() {
    let world = world();
    assert_eq!(good(&open(&world, "/api/v3/ping").await), json!({}));
    assert_eq!(good(&open(&world, "/api/v3/time").await), json!({"serverTime": NOW_MS}));
    let info = good(&open(&world, "/api/v3/exchangeInfo?symbol=BTCUSDT").await);
    let market = &info["symbols"][0];
    assert_eq!((&market["symbol"], &market["status"]), (&json!("BTCUSDT"), &json!("TRADING")));
    assert_eq!((&market["baseAsset"], &market["quoteAsset"]), (&json!("BTC"), &json!("USDT")));
    let lot = json!({"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.00000", "stepSize": "0.00001"});
    assert_eq!(market["filters"][1], lot);
    let price = json!({"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00", "tickSize": "0.01"});
    assert_eq!(market["filters"][0], price);

    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.2", "50000.00", "").await);
    good(&limit(&world, 2, "BUY", "1", "49999.99", "").await);
    let depth = open(&world, "/api/v3/depth?symbol=BTCUSDT&limit=5").await;
    let book = good(&depth);
    assert_eq!(book["bids"], json!([["49999.99", "1.00000"]]));
    assert_eq!(book["asks"], json!([["50000.00", "0.30000"]]));
    assert!(book["lastUpdateId"].as_u64().unwrap() > 0);
    let trade = json!({
        "id": 1, "price": "50000.00", "qty": "0.20000", "quoteQty": "10000.00000000", "time": NOW_MS,
        "isBuyerMaker": false, "isBestMatch": true,
    });
    for path in ["/api/v3/trades?symbol=BTCUSDT", "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=1"] {
        assert_eq!(good(&open(&world, path).await), json!([trade]), "{path}");
    }
    let aggregate = json!([{
        "a": 1, "p": "50000.00", "q": "0.20000", "f": 1, "l": 1, "T": NOW_MS, "m": false, "M": true,
    }]);
    for query in ["", "&fromId=1", &format!("&startTime={NOW_MS}"), &format!("&endTime={NOW_MS}")] {
        let path = format!("/api/v3/aggTrades?symbol=BTCUSDT{query}");
        assert_eq!(good(&open(&world, &path).await), aggregate, "{path}");
    }
    let after = format!("/api/v3/aggTrades?symbol=BTCUSDT&startTime={}", NOW_MS + 1);
    assert_eq!(good(&open(&world, &after).await), json!([]));
    let ticker = json!({"symbol": "BTCUSDT", "price": "50000.00"});
    assert_eq!(good(&open(&world, "/api/v3/ticker/price?symbol=BTCUSDT").await), ticker);
    assert_eq!(good(&open(&world, "/api/v3/ticker/price").await), json!([ticker]));
    assert_eq!(
        good(&open(&world, "/api/v3/ticker/bookTicker?symbols=%5B%22BTCUSDT%22%5D").await),
        json!([{
            "symbol": "BTCUSDT", "bidPrice": "49999.99", "bidQty": "1.00000", "askPrice": "50000.00",
            "askQty": "0.30000",
        }])
    );
    let average = good(&open(&world, "/api/v3/avgPrice?symbol=BTCUSDT").await);
    assert_eq!(average, json!({"mins": 5, "price": "50000.00000000", "closeTime": NOW_MS}));
}

/// Goal: the life of an order is told as the dialect documents it, from entry over a partial trade to its cancel.
#[tokio::test]
async fn an_order_lives_and_ends() {
    let world = world();
    let resting = good(&limit(&world, 1, "SELL", "0.5", "50000", "&newClientOrderId=mine").await);
    let id = resting["orderId"].as_u64().unwrap();
    assert_eq!((&resting["status"], &resting["fills"]), (&json!("NEW"), &json!([])));
    let taker = limit(&world, 2, "BUY", "0.2", "50000", "&newOrderRespType=FULL").await;
    assert_eq!((taker.header("x-mbx-order-count-10s"), taker.header("x-mbx-used-weight-1m")), ("1", "2"));
    let taken = good(&taker);
    assert_eq!((&taken["status"], &taken["executedQty"]), (&json!("FILLED"), &json!("0.20000")));
    assert_eq!(taken["cummulativeQuoteQty"], "10000.00000000");
    let fill = json!({
        "price": "50000.00", "qty": "0.20000", "commission": "0.00040000", "commissionAsset": "BTC", "tradeId": 1,
    });
    assert_eq!(taken["fills"], json!([fill]));
    for query in [format!("orderId={id}"), "origClientOrderId=mine".into()] {
        let reply = signed(&world, 1, Method::GET, "/api/v3/order", &format!("symbol=BTCUSDT&{query}")).await;
        let order = good(&reply);
        assert_eq!((&order["status"], &order["executedQty"]), (&json!("PARTIALLY_FILLED"), &json!("0.20000")));
        assert_eq!(
            (&order["type"], &order["timeInForce"], &order["side"]),
            (&json!("LIMIT"), &json!("GTC"), &json!("SELL"))
        );
    }
    let listed = good(&signed(&world, 1, Method::GET, "/api/v3/openOrders", "").await);
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["orderId"]), (1, &json!(id)));
    let amended = format!("symbol=BTCUSDT&orderId={id}&newQty=0.4");
    let amended = good(&signed(&world, 1, Method::PUT, "/api/v3/order/amend/keepPriority", &amended).await);
    assert_eq!(amended["amendedOrder"]["qty"], "0.40000");
    let more = format!("symbol=BTCUSDT&orderId={id}&newQty=0.9");
    assert_eq!(refusal(&signed(&world, 1, Method::PUT, "/api/v3/order/amend/keepPriority", &more).await), (400, -2038));
    let cancel = format!("symbol=BTCUSDT&orderId={id}&newClientOrderId=gone");
    let cancelled = good(&signed(&world, 1, Method::DELETE, "/api/v3/order", &cancel).await);
    assert_eq!((&cancelled["status"], &cancelled["origClientOrderId"]), (&json!("CANCELED"), &json!("mine")));
    assert_eq!(cancelled["clientOrderId"], "gone");
    assert_eq!(refusal(&signed(&world, 1, Method::DELETE, "/api/v3/order", &cancel).await), (400, -2011));
    let all = good(&signed(&world, 1, Method::GET, "/api/v3/allOrders", "symbol=BTCUSDT").await);
    assert_eq!((all.as_array().unwrap().len(), &all[0]["status"]), (1, &json!("CANCELED")));
}

/// Goal: every type of order that is offered is taken and shown as what it is. Method: one of each.
#[tokio::test]
async fn every_type_is_taken() {
    let world = world();
    good(&limit(&world, 1, "SELL", "1", "50000", "").await);
    good(&limit(&world, 1, "BUY", "1", "40000", "").await);
    good(&limit(&world, 2, "BUY", "0.1", "50000", "").await);
    for (kind, rest) in [
        ("LIMIT_MAKER", "side=BUY&quantity=0.1&price=45000"),
        ("MARKET", "side=BUY&quantity=0.01"),
        ("MARKET", "side=BUY&quoteOrderQty=500"),
        ("STOP_LOSS", "side=SELL&quantity=0.01&stopPrice=30000"),
        ("STOP_LOSS", "side=SELL&quantity=0.01&trailingDelta=100"),
        ("STOP_LOSS_LIMIT", "side=SELL&quantity=0.01&stopPrice=30000&price=29000&timeInForce=GTC"),
        ("TAKE_PROFIT", "side=SELL&quantity=0.01&stopPrice=60000"),
        ("TAKE_PROFIT_LIMIT", "side=SELL&quantity=0.01&stopPrice=60000&price=60000&timeInForce=IOC"),
        ("LIMIT", "side=BUY&quantity=0.1&price=45000&timeInForce=GTC&icebergQty=0.01"),
    ] {
        let query = format!("symbol=BTCUSDT&type={kind}&newOrderRespType=RESULT&{rest}");
        let order = good(&signed(&world, 2, Method::POST, "/api/v3/order", &query).await);
        assert_eq!(order["type"], kind, "{rest}");
        let again = signed(&world, 2, Method::POST, "/api/v3/order/test", &query).await;
        assert_eq!(good(&again), json!({}), "{rest}");
    }
    let none = good(&signed(&world, 2, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await);
    assert_eq!(none.as_array().unwrap().len(), 7);
}

/// Goal: an order is replaced in one step, and a half that failed is told apart.
#[tokio::test]
async fn orders_are_replaced() {
    let world = world();
    good(&limit(&world, 1, "BUY", "0.1", "40000", "&newClientOrderId=a").await);
    let path = "/api/v3/order/cancelReplace";
    let new = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=41000&newClientOrderId=b";
    let query =
        |mode: &str, old: &str, new: &str| format!("{new}&cancelReplaceMode={mode}&cancelOrigClientOrderId={old}");
    let done = good(&signed(&world, 1, Method::POST, path, &query("STOP_ON_FAILURE", "a", new)).await);
    assert_eq!((&done["cancelResult"], &done["newOrderResult"]), (&json!("SUCCESS"), &json!("SUCCESS")));
    assert_eq!(done["newOrderResponse"]["price"], "41000.00");
    let gone = signed(&world, 1, Method::POST, path, &query("STOP_ON_FAILURE", "a", new)).await;
    assert_eq!(refusal(&gone), (400, -2022));
    assert_eq!(gone.json()["data"]["newOrderResult"], "NOT_ATTEMPTED");
    let dear = new.replace("quantity=0.1", "quantity=100");
    let half = signed(&world, 1, Method::POST, path, &query("STOP_ON_FAILURE", "b", &dear.replace("=b", "=c"))).await;
    assert_eq!(refusal(&half), (409, -2021));
    assert_eq!(half.json()["data"]["newOrderResponse"]["code"], -2010);
}

/// Goal: a pair of orders is entered, found and ended as a list.
#[tokio::test]
async fn a_pair_is_a_list() {
    let world = world();
    good(&limit(&world, 1, "SELL", "1", "50000", "").await);
    good(&limit(&world, 2, "BUY", "0.1", "50000", "").await);
    let query = "symbol=BTCUSDT&side=SELL&quantity=0.1&aboveType=LIMIT_MAKER&abovePrice=60000&belowType=STOP_LOSS_LIMIT\
                 &belowStopPrice=40000&belowPrice=39000&belowTimeInForce=GTC&listClientOrderId=both";
    let placed = good(&signed(&world, 2, Method::POST, "/api/v3/orderList/oco", query).await);
    assert_eq!((&placed["contingencyType"], &placed["listOrderStatus"]), (&json!("OCO"), &json!("EXECUTING")));
    let list = placed["orderListId"].as_u64().unwrap();
    assert_eq!(placed["orders"].as_array().unwrap().len(), 2);
    let opened = good(&signed(&world, 2, Method::GET, "/api/v3/openOrderList", "").await);
    assert_eq!(opened[0]["orderListId"], list);
    for query in [format!("orderListId={list}"), "origClientOrderId=both".into()] {
        let found = good(&signed(&world, 2, Method::GET, "/api/v3/orderList", &query).await);
        assert_eq!(found["orderListId"], list, "{query}");
    }
    let cancel = format!("symbol=BTCUSDT&orderListId={list}");
    let ended = good(&signed(&world, 2, Method::DELETE, "/api/v3/orderList", &cancel).await);
    assert_eq!((&ended["listOrderStatus"], ended["orderReports"].as_array().unwrap().len()), (&json!("ALL_DONE"), 2));
    assert_eq!(refusal(&signed(&world, 2, Method::DELETE, "/api/v3/orderList", &cancel).await), (400, -2011));
    let missing = signed(&world, 2, Method::GET, "/api/v3/orderList", "orderListId=5").await;
    assert_eq!(refusal(&missing), (400, -2018));
}
