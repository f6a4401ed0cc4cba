//! Market data: the book, its best prices, and trades.
//!
//! Each trade is an aggregate of its own: the number of an aggregate is that of its trade.

use exchequer_domain::Timestamp;
use exchequer_state::markets::{HISTORY_PAGE_MAX, Markets, TradeRecord};
use exchequer_state::matching::{Side, TradeId};
use exchequer_state::{Rows, State};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::Error;
use super::params::Params;
use super::read::{Fresh, unreadable};
use super::view::{View, symbol, symbols};

const DEPTH_MAX: usize = 5_000;

pub(crate) fn ping(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        call.params.end()?;
        Ok(json!({}))
    })
}

pub(crate) fn time(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        call.params.end()?;
        Ok(json!({"serverTime": call.now_ms}))
    })
}

/// Deep books cost more.
pub(crate) fn depth_weight(params: &mut Params) -> u32 {
    match params.limit(100, DEPTH_MAX).unwrap_or(0) {
        0..=100 => 5,
        101..=500 => 25,
        501..=1_000 => 50,
        _ => 250,
    }
}

pub(crate) fn depth(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let (symbol, limit) = (symbol(&mut call.params)?, call.params.limit(100, DEPTH_MAX)?);
        call.params.end()?;
        let look = |state: &State| {
            let view = View::named(state, &symbol)?;
            let market = state.markets().market(view.id).ok_or_else(Error::symbol)?;
            let side = |side| {
                let levels = market.book().depth(side).take(limit);
                levels.map(|level| [view.price(level.price), view.lots(level.lots)]).collect::<Vec<_>>()
            };
            Ok((side(Side::Buy), side(Side::Sell)))
        };
        let ((bids, asks), at) = call.app.spot_look(Fresh::Local, look).await?;
        Ok(json!({"lastUpdateId": at.index, "bids": bids, "asks": asks}))
    })
}

fn trade(view: &View, id: TradeId, trade: &TradeRecord) -> Value {
    json!({
        "id": id.0,
        "price": view.price(trade.price),
        "qty": view.lots(trade.lots),
        "quoteQty": view.quote(trade.quote),
        "time": trade.time.millis(),
        "isBuyerMaker": trade.taker == Side::Sell,
        "isBestMatch": true,
    })
}

fn aggregate(view: &View, id: TradeId, trade: &TradeRecord) -> Value {
    json!({
        "a": id.0,
        "p": view.price(trade.price),
        "q": view.lots(trade.lots),
        "f": id.0,
        "l": id.0,
        "T": trade.time.millis(),
        "m": trade.taker == Side::Sell,
        "M": true,
    })
}

pub(crate) fn trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let (symbol, limit) = (symbol(&mut call.params)?, call.params.limit(500, HISTORY_PAGE_MAX)?);
        call.params.end()?;
        page(call, symbol, None, limit).await
    })
}

pub(crate) fn historical_trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let (symbol, limit) = (symbol(&mut call.params)?, call.params.limit(500, HISTORY_PAGE_MAX)?);
        let from = call.params.number("fromId")?.map(TradeId);
        call.params.end()?;
        page(call, symbol, from, limit).await
    })
}

async fn page(call: &mut Call, symbol: String, from: Option<TradeId>, limit: usize) -> Result<Value, Error> {
    let read = move |state: &State, rows: &dyn Rows| {
        let view = View::named(state, &symbol)?;
        let page = Markets::trades(rows, view.id, from, limit).map_err(unreadable)?;
        Ok(page.iter().map(|(id, record)| trade(&view, *id, record)).collect())
    };
    Ok(Value::Array(call.app.spot_read(Fresh::Local, read).await?.0))
}

/// A span of time that a request asks for, in milliseconds, both ends included.
pub(crate) fn span(params: &mut Params) -> Result<(Option<u64>, Option<u64>), Error> {
    let (start, end) = (params.number("startTime")?, params.number("endTime")?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(Error::invalid("startTime"));
    }
    Ok((start, end))
}

pub(crate) fn aggregate_trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let (symbol, limit) = (symbol(&mut call.params)?, call.params.limit(500, HISTORY_PAGE_MAX)?);
        let from = call.params.number("fromId")?.map(TradeId);
        let (start, end) = span(&mut call.params)?;
        call.params.end()?;
        if from.is_some() && (start.is_some() || end.is_some()) {
            return Err(Error::new(-1128, "Combination of optional parameters invalid."));
        }
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let first = match (from, start, end) {
                (Some(from), _, _) => Some(from),
                (None, Some(start), _) => Some(first_at(rows, &view, start)?),
                (None, None, Some(end)) => {
                    let after = first_at(rows, &view, end.saturating_add(1))?;
                    Some(TradeId(after.0.saturating_sub(limit as u64)))
                }
                (None, None, None) => None,
            };
            let page = Markets::trades(rows, view.id, first, limit).map_err(unreadable)?;
            let inside = |time: Timestamp| end.is_none_or(|end| time.millis() <= end);
            let page = page.iter().filter(|(_, record)| inside(record.time));
            Ok(page.map(|(id, record)| aggregate(&view, *id, record)).collect())
        };
        Ok(Value::Array(call.app.spot_read(Fresh::Local, read).await?.0))
    })
}

/// The number of the first trade at a moment or later; one past the last where there is none. Numbers are dense and
/// times ascend, so that a few dozen rows are looked at.
pub(crate) fn first_at(rows: &dyn Rows, view: &View, ms: u64) -> Result<TradeId, Error> {
    let one = |from| Markets::trades(rows, view.id, from, 1).map_err(unreadable);
    let last = one(None)?.first().map_or(0, |(id, _)| id.0);
    let (mut low, mut high) = (1, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let early = one(Some(TradeId(middle)))?.first().is_some_and(|(_, record)| record.time.millis() < ms);
        if early { low = middle + 1 } else { high = middle }
    }
    Ok(TradeId(low))
}

/// What a request about one market, several, or all gets: an object for one, else a list.
async fn of_markets(call: &mut Call, each: fn(&State, &View) -> Result<Option<Value>, Error>) -> Result<Value, Error> {
    let single = call.params.has("symbol");
    let symbols = symbols(&mut call.params)?;
    call.params.ignore(&["symbolStatus"]);
    call.params.end()?;
    let look = |state: &State| {
        let views: Vec<View> = match &symbols {
            Some(symbols) => symbols.iter().map(|symbol| View::named(state, symbol)).collect::<Result<_, _>>()?,
            None => state.markets().records().filter_map(|record| View::of(state, record)).collect(),
        };
        views.iter().filter_map(|view| each(state, view).transpose()).collect::<Result<Vec<Value>, Error>>()
    };
    let (mut values, _) = call.app.spot_look(Fresh::Local, look).await?;
    match single {
        true => values.pop().ok_or_else(|| Error::new(-1112, "No orders on book for symbol.")),
        false => Ok(Value::Array(values)),
    }
}

/// One market costs less than all.
pub(crate) fn ticker_weight(params: &mut Params) -> u32 {
    if params.has("symbol") { 2 } else { 4 }
}

pub(crate) fn ticker_price(call: &mut Call) -> Answer<'_> {
    Box::pin(of_markets(call, |state, view| {
        let last = state.markets().market(view.id).and_then(exchequer_state::matching::Market::last);
        Ok(last.map(|last| json!({"symbol": view.symbol, "price": view.price(last)})))
    }))
}

pub(crate) fn book_ticker(call: &mut Call) -> Answer<'_> {
    Box::pin(of_markets(call, |state, view| {
        let market = state.markets().market(view.id).ok_or_else(Error::symbol)?;
        let best = |side| {
            let best = market.book().depth(side).next();
            best.map_or_else(Default::default, |best| (best.price, best.lots))
        };
        let ((bid, bid_lots), (ask, ask_lots)) = (best(Side::Buy), best(Side::Sell));
        Ok(Some(json!({
            "symbol": view.symbol,
            "bidPrice": view.price(bid),
            "bidQty": view.lots(bid_lots),
            "askPrice": view.price(ask),
            "askQty": view.lots(ask_lots),
        })))
    }))
}
