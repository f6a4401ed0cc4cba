//! The table of the dialect: what each address, or method of the WebSocket API, needs and weighs.

use super::door::{Endpoint, Gives, Handler, Needs, Weight};
use super::params::Params;
use super::{account, arg, candles, capital, exchange_info, lists, market_data, orders, replace, tickers, withdraw};
use crate::route::Route;

const fn read(path: &'static str, name: Option<&'static str>, weight: Weight, handler: Handler) -> Endpoint {
    Endpoint { needs: Needs::Read, ..Endpoint::open(path, name, weight, handler) }
}

const fn trade(
    method: &'static str,
    path: &'static str,
    name: Option<&'static str>,
    weight: Weight,
    handler: Handler,
) -> Endpoint {
    Endpoint { method, needs: Needs::Trade, ..Endpoint::open(path, name, weight, handler) }
}

const fn withdrawing(path: &'static str, weight: Weight, handler: Handler) -> Endpoint {
    Endpoint { method: "POST", needs: Needs::Withdraw, ..Endpoint::open(path, None, weight, handler) }
}

/// A search by order costs less than one through all trades.
fn my_trades_weight(params: &mut Params) -> u32 {
    if params.has("orderId") { 5 } else { 20 }
}

/// Everything that the dialect answers, over HTTP and over the WebSocket API.
const ENDPOINTS: &[Endpoint] = &[
    Endpoint::open("/api/v3/ping", Some("ping"), |_| 1, market_data::ping).says("Whether the node answers"),
    Endpoint::open("/api/v3/time", Some("time"), |_| 1, market_data::time).says("The node's clock"),
    Endpoint::open("/api/v3/exchangeInfo", Some("exchangeInfo"), |_| 20, exchange_info::exchange_info)
        .says("What is traded, in which steps and under which filters")
        .takes(&[&[arg::SYMBOL_OR_ALL, arg::SYMBOLS, arg::SYMBOL_STATUS, arg::PERMISSIONS, arg::PERMISSION_SETS]]),
    Endpoint::open("/api/v3/depth", Some("depth"), market_data::depth_weight, market_data::depth)
        .says("The prices of a book, the best first")
        .takes(&[&[arg::SYMBOL, arg::DEPTH]]),
    Endpoint::open("/api/v3/trades", Some("trades.recent"), |_| 25, market_data::trades)
        .says("The latest trades of a market")
        .takes(&[&[arg::SYMBOL, arg::LIMIT]])
        .gives(Gives::List),
    Endpoint::open("/api/v3/historicalTrades", Some("trades.historical"), |_| 25, market_data::historical_trades)
        .says("Trades of a market from a number on")
        .takes(&[&[arg::SYMBOL, arg::LIMIT, arg::FROM_ID]])
        .gives(Gives::List),
    Endpoint::open("/api/v3/aggTrades", Some("trades.aggregate"), |_| 4, market_data::aggregate_trades)
        .says("Trades of a market, those of one order at one price as one")
        .takes(&[&[arg::SYMBOL, arg::LIMIT, arg::FROM_ID, arg::START, arg::END]])
        .gives(Gives::List),
    Endpoint::open("/api/v3/klines", Some("klines"), |_| 2, candles::klines)
        .says("Candles of a market")
        .takes(&[arg::CANDLES])
        .gives(Gives::List),
    Endpoint::open("/api/v3/uiKlines", Some("uiKlines"), |_| 2, candles::klines)
        .says("The same, for charts")
        .takes(&[arg::CANDLES])
        .gives(Gives::List),
    Endpoint::open("/api/v3/avgPrice", Some("avgPrice"), |_| 2, tickers::average_price)
        .says("The average price of the last minutes")
        .takes(&[&[arg::SYMBOL]]),
    Endpoint::open("/api/v3/ticker/24hr", Some("ticker.24hr"), tickers::day_weight, tickers::day)
        .says("What happened in the last 24 hours")
        .takes(&[&[arg::SYMBOL_OR_ALL, arg::SYMBOLS, arg::FORM, arg::ANY_STATUS]])
        .gives(Gives::Either),
    Endpoint::open("/api/v3/ticker", Some("ticker"), tickers::window_weight, tickers::window)
        .says("What happened in a window up to now")
        .takes(&[&[arg::SYMBOL_OR_ALL, arg::SYMBOLS, arg::FORM, arg::WINDOW, arg::ANY_STATUS]])
        .gives(Gives::Either),
    Endpoint::open("/api/v3/ticker/price", Some("ticker.price"), market_data::ticker_weight, market_data::ticker_price)
        .says("The latest price")
        .takes(&[&[arg::SYMBOL_OR_ALL, arg::SYMBOLS, arg::ANY_STATUS]])
        .gives(Gives::Either),
    Endpoint::open(
        "/api/v3/ticker/bookTicker",
        Some("ticker.book"),
        market_data::ticker_weight,
        market_data::book_ticker,
    )
    .says("The best prices of a book")
    .takes(&[&[arg::SYMBOL_OR_ALL, arg::SYMBOLS, arg::ANY_STATUS]])
    .gives(Gives::Either),
    trade("POST", "/api/v3/order", Some("order.place"), |_| 1, orders::place)
        .says("Enters an order")
        .takes(&[arg::ORDER]),
    trade("POST", "/api/v3/order/test", Some("order.test"), |_| 1, orders::test)
        .says("Checks an order without entering it")
        .takes(&[arg::ORDER, &[arg::RATES]]),
    read("/api/v3/order", Some("order.status"), |_| 4, orders::get).says("An order, open or over").takes(&[&[
        arg::SYMBOL,
        arg::ORDER_ID,
        arg::ORIG_ID,
    ]]),
    trade("DELETE", "/api/v3/order", Some("order.cancel"), |_| 1, orders::cancel)
        .says("Cancels an order, and its list with it")
        .takes(&[&[arg::SYMBOL, arg::ORDER_ID, arg::ORIG_ID, arg::NEW_ID, arg::RESTRICTIONS]]),
    trade("POST", "/api/v3/order/cancelReplace", Some("order.cancelReplace"), |_| 1, replace::cancel_replace)
        .says("Cancels an order and enters another in one step")
        .takes(&[arg::REPLACED, arg::ORDER]),
    trade("PUT", "/api/v3/order/amend/keepPriority", Some("order.amend.keepPriority"), |_| 4, replace::amend)
        .says("Makes an order smaller where it stands")
        .takes(&[&[arg::SYMBOL, arg::ORDER_ID, arg::ORIG_ID, arg::NEW_QUANTITY]]),
    read("/api/v3/openOrders", Some("openOrders.status"), orders::open_weight, orders::open)
        .says("The account's open orders")
        .takes(&[&[arg::SYMBOL_OR_ALL]])
        .gives(Gives::List),
    trade("DELETE", "/api/v3/openOrders", Some("openOrders.cancelAll"), |_| 1, orders::cancel_all)
        .says("Cancels the account's open orders in a market")
        .takes(&[&[arg::SYMBOL]])
        .gives(Gives::List),
    read("/api/v3/allOrders", Some("allOrders"), |_| 20, orders::all)
        .says("The account's orders in a market, open and over")
        .takes(&[&[arg::SYMBOL, arg::ORDER_ID, arg::START, arg::END, arg::LIMIT]])
        .gives(Gives::List),
    trade("POST", "/api/v3/orderList/oco", Some("orderList.place.oco"), |_| 1, lists::place)
        .says("Enters two orders of which one ends the other")
        .takes(&[arg::PAIR]),
    read("/api/v3/orderList", Some("orderList.status"), |_| 4, lists::get)
        .says("A list of two orders")
        .takes(&[&[arg::LIST_ID, arg::ORIG_LIST_NAME]]),
    trade("DELETE", "/api/v3/orderList", Some("orderList.cancel"), |_| 1, lists::cancel)
        .says("Cancels a list of two orders")
        .takes(&[&[arg::SYMBOL, arg::LIST_ID, arg::LIST_NAME, arg::NEW_ID]]),
    read("/api/v3/openOrderList", Some("openOrderLists.status"), |_| 6, lists::open)
        .says("The account's open lists")
        .gives(Gives::List),
    read("/api/v3/account", Some("account.status"), |_| 20, account::account)
        .says("The account: what it may do and what it has")
        .takes(&[&[arg::OMIT_ZERO]]),
    read("/api/v3/myTrades", Some("myTrades"), my_trades_weight, account::my_trades)
        .says("The account's trades in a market")
        .takes(&[&[arg::SYMBOL, arg::ORDER_ID, arg::FROM_ID, arg::START, arg::END, arg::LIMIT]])
        .gives(Gives::List),
    read("/api/v3/account/commission", Some("account.commission"), |_| 20, account::commissions)
        .says("What the account pays in a market")
        .takes(&[&[arg::SYMBOL]]),
    read("/api/v3/rateLimit/order", Some("account.rateLimits.orders"), |_| 40, account::order_counts)
        .says("How many orders the account has entered")
        .gives(Gives::List),
    Endpoint::open("/sapi/v1/margin/allPairs", None, |_| 1, account::nothing)
        .says("There is no margin trading: an empty list")
        .takes(&[arg::UNUSED])
        .gives(Gives::List),
    Endpoint::open("/sapi/v1/margin/isolated/allPairs", None, |_| 10, account::nothing)
        .says("There is no margin trading: an empty list")
        .takes(&[arg::UNUSED])
        .gives(Gives::List),
    read("/sapi/v1/capital/config/getall", None, |_| 10, account::assets)
        .says("The assets, with what the account has of each, and over which networks they come and go")
        .gives(Gives::List),
    read("/sapi/v1/capital/deposit/address", None, |_| 10, capital::address)
        .says("Where the account deposits an asset to; given to it where it has none")
        .takes(&[&[arg::COIN.needed(), arg::CHAIN]]),
    read("/sapi/v1/capital/deposit/hisrec", None, |_| 1, capital::deposits)
        .says("The account's deposits, the newest first")
        .takes(&[arg::DEPOSITS])
        .gives(Gives::List),
    withdrawing("/sapi/v1/capital/withdraw/apply", |_| 600, withdraw::withdraw)
        .says("Asks for a withdrawal to a listed address")
        .takes(&[arg::WITHDRAW]),
    read("/sapi/v1/capital/withdraw/history", None, |_| 10, withdraw::withdrawals)
        .says("The account's withdrawals, the newest first")
        .takes(&[arg::WITHDRAWALS])
        .gives(Gives::List),
];

/// The endpoints, as their description needs them.
pub(crate) const fn endpoints() -> &'static [Endpoint] {
    ENDPOINTS
}

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
