//! What klines and windows are by definition, computed from the list of trades.

use std::collections::BTreeMap;

use crate::kline::Kline;
use crate::{Interval, Side, Trade};

/// The kline of these trades, in their order.
pub(crate) fn kline<'a>(open_time: u64, trades: impl Iterator<Item = &'a Trade>) -> Option<Kline> {
    let trades: Vec<&Trade> = trades.collect();
    let (first, last) = (trades.first()?, trades.last()?);
    let bought = || trades.iter().filter(|trade| trade.taker == Side::Buy);
    Some(Kline {
        open_time,
        open: first.price,
        high: trades.iter().map(|trade| trade.price).max()?,
        low: trades.iter().map(|trade| trade.price).min()?,
        close: last.price,
        base: trades.iter().map(|trade| trade.base).sum(),
        quote: trades.iter().map(|trade| trade.quote).sum(),
        taker_base: bought().map(|trade| trade.base).sum(),
        taker_quote: bought().map(|trade| trade.quote).sum(),
        trades: trades.len() as u64,
        first_trade: first.id,
        last_trade: last.id,
    })
}

/// Every kline of an interval, by open time.
pub(crate) fn klines(interval: Interval, trades: &[Trade]) -> BTreeMap<u64, Kline> {
    let mut periods: BTreeMap<u64, Vec<&Trade>> = BTreeMap::new();
    for trade in trades {
        periods.entry(interval.open(trade.time.millis())).or_default().push(trade);
    }
    periods.into_iter().filter_map(|(open, trades)| Some((open, kline(open, trades.into_iter())?))).collect()
}
