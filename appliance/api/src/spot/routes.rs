//! The table of the dialect: what each address needs and weighs.

use super::door::{Endpoint, Handler, Needs};
use super::params::Params;
use super::{account, candles, exchange_info, lists, market_data, orders, replace, tickers};
use crate::route::Route;

const fn endpoint(
    method: &'static str,
    path: &'static str,
    needs: Needs,
    weight: fn(&mut Params) -> u32,
    handler: Handler,
) -> Endpoint {
    Endpoint { method, path, needs, weight, handler }
}

fn open(path: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Route {
    endpoint("GET", path, Needs::Nothing, weight, handler).route()
}

fn read(path: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Route {
    endpoint("GET", path, Needs::Read, weight, handler).route()
}

fn trade(method: &'static str, path: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Route {
    endpoint(method, path, Needs::Trade, weight, handler).route()
}

/// A search by order costs less than one through all trades.
pub(crate) fn my_trades_weight(params: &mut Params) -> u32 {
    if params.has("orderId") { 5 } else { 20 }
}

pub(crate) fn routes() -> Vec<Route> {
    vec![
        open("/api/v3/ping", |_| 1, market_data::ping),
        open("/api/v3/time", |_| 1, market_data::time),
        open("/api/v3/exchangeInfo", |_| 20, exchange_info::exchange_info),
        open("/api/v3/depth", market_data::depth_weight, market_data::depth),
        open("/api/v3/trades", |_| 25, market_data::trades),
        open("/api/v3/historicalTrades", |_| 25, market_data::historical_trades),
        open("/api/v3/aggTrades", |_| 4, market_data::aggregate_trades),
        open("/api/v3/klines", |_| 2, candles::klines),
        open("/api/v3/uiKlines", |_| 2, candles::klines),
        open("/api/v3/avgPrice", |_| 2, tickers::average_price),
        open("/api/v3/ticker/24hr", tickers::day_weight, tickers::day),
        open("/api/v3/ticker", tickers::window_weight, tickers::window),
        open("/api/v3/ticker/price", market_data::ticker_weight, market_data::ticker_price),
        open("/api/v3/ticker/bookTicker", market_data::ticker_weight, market_data::book_ticker),
        trade("POST", "/api/v3/order", |_| 1, orders::place),
        trade("POST", "/api/v3/order/test", |_| 1, orders::test),
        read("/api/v3/order", |_| 4, orders::get),
        trade("DELETE", "/api/v3/order", |_| 1, orders::cancel),
        trade("POST", "/api/v3/order/cancelReplace", |_| 1, replace::cancel_replace),
        trade("PUT", "/api/v3/order/amend/keepPriority", |_| 4, replace::amend),
        read("/api/v3/openOrders", orders::open_weight, orders::open),
        trade("DELETE", "/api/v3/openOrders", |_| 1, orders::cancel_all),
        read("/api/v3/allOrders", |_| 20, orders::all),
        trade("POST", "/api/v3/orderList/oco", |_| 1, lists::place),
        read("/api/v3/orderList", |_| 4, lists::get),
        trade("DELETE", "/api/v3/orderList", |_| 1, lists::cancel),
        read("/api/v3/openOrderList", |_| 6, lists::open),
        read("/api/v3/account", |_| 20, account::account),
        read("/api/v3/myTrades", my_trades_weight, account::my_trades),
        read("/api/v3/account/commission", |_| 20, account::commissions),
        read("/api/v3/rateLimit/order", |_| 40, account::order_counts),
        open("/sapi/v1/margin/allPairs", |_| 1, account::nothing),
        open("/sapi/v1/margin/isolated/allPairs", |_| 10, account::nothing),
        read("/sapi/v1/capital/config/getall", |_| 10, account::assets),
    ]
}
