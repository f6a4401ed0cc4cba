//! What CoinGecko asks of a spot exchange: numbers as text, times in milliseconds.

use exchequer_state::matching::Side;
use exchequer_state::{Rows, State};
use serde_json::{Value, json};

use super::{Day, Wanted, book, each, listed, named, of_depth, pair, word};
use crate::spot::door::{Answer, Call};
use crate::spot::error::Error;
use crate::spot::params::Params;
use crate::spot::read::Fresh;
use crate::spot::view::View;

/// Trades where no limit is given.
const TRADES: usize = 500;
/// Most trades of one answer.
const TRADES_MAX: usize = 1_000;
/// Numbers below are times in seconds, others in milliseconds.
const MILLISECONDS_FROM: u64 = 100_000_000_000;

pub(super) fn pairs(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let of = |view: &View| json!({"ticker_id": pair(view), "base": view.base, "target": view.quote});
        let look = |state: &State| Ok(listed(state).iter().map(of).collect());
        Ok(Value::Array(call.app.spot_look(Fresh::Local, look).await?.0))
    })
}

pub(super) fn tickers(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let of = |view: &View, day: Day| {
            json!({
                "ticker_id": pair(view),
                "base_currency": view.base,
                "target_currency": view.quote,
                "last_price": day.last,
                "base_volume": day.base,
                "target_volume": day.quote,
                "bid": day.bid,
                "ask": day.ask,
                "high": day.high,
                "low": day.low,
            })
        };
        Ok(Value::Array(each(call, of).await?))
    })
}

fn ticker_id(params: &mut Params) -> Result<String, Error> {
    params.required("ticker_id").map(str::to_owned)
}

pub(super) fn order_book(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let name = ticker_id(&mut call.params)?;
        let count = of_depth(call.params.number("depth")?);
        let [bids, asks] = book(call, &name, count).await?;
        Ok(json!({"ticker_id": name, "timestamp": call.now_ms.to_string(), "bids": bids, "asks": asks}))
    })
}

/// A time in either unit, in milliseconds.
fn time(params: &mut Params, name: &str) -> Result<Option<u64>, Error> {
    let time = params.number(name)?;
    Ok(time.map(|time| if time < MILLISECONDS_FROM { time * 1_000 } else { time }))
}

pub(super) fn historical_trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let name = ticker_id(&mut call.params)?;
        let taker = match call.params.text("type")? {
            None => None,
            Some("buy") => Some(Side::Buy),
            Some("sell") => Some(Side::Sell),
            Some(_) => return Err(Error::invalid("type")),
        };
        let limit = match call.params.number("limit")? {
            None => TRADES,
            Some(0) => TRADES_MAX,
            Some(limit) => usize::try_from(limit).unwrap_or(TRADES_MAX).min(TRADES_MAX),
        };
        let (start, end) = (time(&mut call.params, "start_time")?, time(&mut call.params, "end_time")?);
        let read = move |state: &State, rows: &dyn Rows| {
            let view = named(state, &name)?;
            let found = super::trades(rows, &view, Wanted { start, end, taker, limit })?;
            let of = |side: Side| {
                let found = found.iter().filter(|(_, trade)| trade.taker == side);
                let shown = found.map(|(id, trade)| {
                    json!({
                        "trade_id": id.0,
                        "price": view.price(trade.price),
                        "base_volume": view.lots(trade.lots),
                        "target_volume": view.quote(trade.quote),
                        "trade_timestamp": trade.time.millis().to_string(),
                        "type": word(side),
                    })
                });
                Value::Array(shown.collect())
            };
            Ok(json!({"buy": of(Side::Buy), "sell": of(Side::Sell)}))
        };
        Ok(call.app.spot_read(Fresh::Local, read).await?.0)
    })
}
