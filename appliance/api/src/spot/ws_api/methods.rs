//! The methods, and what of the dialect's handlers serves each.

use super::super::door::{Handler, Needs};
use super::super::params::Params;
use super::super::routes::my_trades_weight;
use super::super::{account, candles, exchange_info, lists, market_data, orders, replace, tickers};

/// One method.
#[derive(Clone, Copy)]
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) needs: Needs,
    pub(crate) weight: fn(&mut Params) -> u32,
    pub(crate) handler: Handler,
}

const fn open(name: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Method {
    Method { name, needs: Needs::Nothing, weight, handler }
}

const fn read(name: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Method {
    Method { name, needs: Needs::Read, weight, handler }
}

const fn trade(name: &'static str, weight: fn(&mut Params) -> u32, handler: Handler) -> Method {
    Method { name, needs: Needs::Trade, weight, handler }
}

/// Every method that a handler serves; those of sessions are not among them.
const METHODS: &[Method] = &[
    open("ping", |_| 1, market_data::ping),
    open("time", |_| 1, market_data::time),
    open("exchangeInfo", |_| 20, exchange_info::exchange_info),
    open("depth", market_data::depth_weight, market_data::depth),
    open("trades.recent", |_| 25, market_data::trades),
    open("trades.historical", |_| 25, market_data::historical_trades),
    open("trades.aggregate", |_| 4, market_data::aggregate_trades),
    open("klines", |_| 2, candles::klines),
    open("uiKlines", |_| 2, candles::klines),
    open("avgPrice", |_| 2, tickers::average_price),
    open("ticker.24hr", tickers::day_weight, tickers::day),
    open("ticker", tickers::window_weight, tickers::window),
    open("ticker.price", market_data::ticker_weight, market_data::ticker_price),
    open("ticker.book", market_data::ticker_weight, market_data::book_ticker),
    trade("order.place", |_| 1, orders::place),
    trade("order.test", |_| 1, orders::test),
    read("order.status", |_| 4, orders::get),
    trade("order.cancel", |_| 1, orders::cancel),
    trade("order.cancelReplace", |_| 1, replace::cancel_replace),
    trade("order.amend.keepPriority", |_| 4, replace::amend),
    trade("orderList.place.oco", |_| 1, lists::place),
    read("orderList.status", |_| 4, lists::get),
    trade("orderList.cancel", |_| 1, lists::cancel),
    read("openOrderLists.status", |_| 6, lists::open),
    read("openOrders.status", orders::open_weight, orders::open),
    trade("openOrders.cancelAll", |_| 1, orders::cancel_all),
    read("allOrders", |_| 20, orders::all),
    read("myTrades", my_trades_weight, account::my_trades),
    read("account.status", |_| 20, account::account),
    read("account.commission", |_| 20, account::commissions),
    read("account.rateLimits.orders", |_| 40, account::order_counts),
];

/// The method of this name.
pub(crate) fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a name is one method.
    #[test]
    fn names_are_unique() {
        for (at, method) in METHODS.iter().enumerate() {
            assert!(!METHODS[..at].iter().any(|other| other.name == method.name), "{}", method.name);
        }
    }
}
