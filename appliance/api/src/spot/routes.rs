//! The table of the dialect: what each address, or method of the WebSocket API, needs and weighs.

use super::door::{Endpoint, Handler, Needs, Weight};
use super::params::Params;
use super::{account, candles, exchange_info, lists, market_data, orders, replace, tickers};
use crate::route::Route;

const fn read(path: &'static str, name: Option<&'static str>, weight: Weight, handler: Handler) -> Endpoint {
    Endpoint { method: "GET", path, name, needs: Needs::Read, weight, handler }
}

const fn trade(
    method: &'static str,
    path: &'static str,
    name: Option<&'static str>,
    weight: Weight,
    handler: Handler,
) -> Endpoint {
    Endpoint { method, path, name, needs: Needs::Trade, weight, handler }
}

/// A search by order costs less than one through all trades.
fn my_trades_weight(params: &mut Params) -> u32 {
    if params.has("orderId") { 5 } else { 20 }
}

/// Everything that the dialect answers, over HTTP and over the WebSocket API.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint::open("/api/v3/ping", Some("ping"), |_| 1, market_data::ping),
    Endpoint::open("/api/v3/time", Some("time"), |_| 1, market_data::time),
    Endpoint::open("/api/v3/exchangeInfo", Some("exchangeInfo"), |_| 20, exchange_info::exchange_info),
    Endpoint::open("/api/v3/depth", Some("depth"), market_data::depth_weight, market_data::depth),
    Endpoint::open("/api/v3/trades", Some("trades.recent"), |_| 25, market_data::trades),
    Endpoint::open("/api/v3/historicalTrades", Some("trades.historical"), |_| 25, market_data::historical_trades),
    Endpoint::open("/api/v3/aggTrades", Some("trades.aggregate"), |_| 4, market_data::aggregate_trades),
    Endpoint::open("/api/v3/klines", Some("klines"), |_| 2, candles::klines),
    Endpoint::open("/api/v3/uiKlines", Some("uiKlines"), |_| 2, candles::klines),
    Endpoint::open("/api/v3/avgPrice", Some("avgPrice"), |_| 2, tickers::average_price),
    Endpoint::open("/api/v3/ticker/24hr", Some("ticker.24hr"), tickers::day_weight, tickers::day),
    Endpoint::open("/api/v3/ticker", Some("ticker"), tickers::window_weight, tickers::window),
    Endpoint::open("/api/v3/ticker/price", Some("ticker.price"), market_data::ticker_weight, market_data::ticker_price),
    Endpoint::open(
        "/api/v3/ticker/bookTicker",
        Some("ticker.book"),
        market_data::ticker_weight,
        market_data::book_ticker,
    ),
    trade("POST", "/api/v3/order", Some("order.place"), |_| 1, orders::place),
    trade("POST", "/api/v3/order/test", Some("order.test"), |_| 1, orders::test),
    read("/api/v3/order", Some("order.status"), |_| 4, orders::get),
    trade("DELETE", "/api/v3/order", Some("order.cancel"), |_| 1, orders::cancel),
    trade("POST", "/api/v3/order/cancelReplace", Some("order.cancelReplace"), |_| 1, replace::cancel_replace),
    trade("PUT", "/api/v3/order/amend/keepPriority", Some("order.amend.keepPriority"), |_| 4, replace::amend),
    read("/api/v3/openOrders", Some("openOrders.status"), orders::open_weight, orders::open),
    trade("DELETE", "/api/v3/openOrders", Some("openOrders.cancelAll"), |_| 1, orders::cancel_all),
    read("/api/v3/allOrders", Some("allOrders"), |_| 20, orders::all),
    trade("POST", "/api/v3/orderList/oco", Some("orderList.place.oco"), |_| 1, lists::place),
    read("/api/v3/orderList", Some("orderList.status"), |_| 4, lists::get),
    trade("DELETE", "/api/v3/orderList", Some("orderList.cancel"), |_| 1, lists::cancel),
    read("/api/v3/openOrderList", Some("openOrderLists.status"), |_| 6, lists::open),
    read("/api/v3/account", Some("account.status"), |_| 20, account::account),
    read("/api/v3/myTrades", Some("myTrades"), my_trades_weight, account::my_trades),
    read("/api/v3/account/commission", Some("account.commission"), |_| 20, account::commissions),
    read("/api/v3/rateLimit/order", Some("account.rateLimits.orders"), |_| 40, account::order_counts),
    Endpoint::open("/sapi/v1/margin/allPairs", None, |_| 1, account::nothing),
    Endpoint::open("/sapi/v1/margin/isolated/allPairs", None, |_| 10, account::nothing),
    read("/sapi/v1/capital/config/getall", None, |_| 10, account::assets),
];

pub(crate) fn routes() -> Vec<Route> {
    ENDPOINTS.iter().map(|endpoint| endpoint.route()).collect()
}

/// What the WebSocket API has under this name; the methods of sessions are not here.
pub(crate) fn named(name: &str) -> Option<Endpoint> {
    ENDPOINTS.iter().find(|endpoint| endpoint.name == Some(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a name is one method, and has one address.
    #[test]
    fn names_are_unique() {
        for (at, endpoint) in ENDPOINTS.iter().enumerate() {
            let others = &ENDPOINTS[..at];
            assert!(
                others.iter().all(|other| other.name != endpoint.name || endpoint.name.is_none()),
                "{:?}",
                endpoint.name
            );
            let address = (endpoint.method, endpoint.path);
            assert!(others.iter().all(|other| (other.method, other.path) != address), "{address:?}");
        }
    }
}
