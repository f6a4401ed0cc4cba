//! What happened in a window of time: the day's ticker, windows of other lengths, and the average price.

use exchequer_domain::{Timestamp, format_decimal};
use exchequer_state::market_data::ticker::{AverageScale, Stats, Window};
use exchequer_state::markets::{Markets, StoredKlines};
use exchequer_state::matching::{Lots, Side, Ticks, TradeId};
use exchequer_state::{Rows, State};
use serde_json::{Map, Value, json};

use super::decimal::of_steps;
use super::door::{Answer, Call};
use super::error::Error;
use super::params::Params;
use super::read::{Fresh, unreadable};
use super::view::{View, symbol, symbols};
use crate::candles::{present, tape};

/// Decimals of prices that are averages.
const AVERAGE_DIGITS: u8 = 8;
/// Most markets of one request about windows.
const WINDOW_SYMBOLS_MAX: usize = 100;

fn scale(view: &View) -> AverageScale {
    AverageScale { base_decimals: view.base_decimals, quote_decimals: view.quote_decimals, digits: AVERAGE_DIGITS }
}

fn average(view: &View, stats: &Stats) -> String {
    let worth = stats.average(&scale(view));
    worth.map_or_else(|| view.price(Ticks(stats.total.close)), |worth| format_decimal(worth, AVERAGE_DIGITS))
}

fn signed(value: i128, text: String) -> String {
    if value < 0 { format!("-{text}") } else { text }
}

/// The difference of two prices.
pub(crate) fn change(view: &View, stats: &Stats) -> String {
    let ticks = stats.change();
    // Two prices are 64 bits each, and so is the distance between them.
    signed(ticks, of_steps(u64::try_from(ticks.unsigned_abs()).unwrap_or(u64::MAX), view.tick))
}

/// The same in percent, with three decimals.
pub(crate) fn change_percent(stats: &Stats) -> String {
    let percent = stats.change_milli_percent();
    signed(percent, format_decimal(percent.unsigned_abs(), 3))
}

/// What both tickers say of a window; without a price all is zero.
fn figures(view: &View, window: Window, stats: Option<Stats>, now: Timestamp, mini: bool) -> Map<String, Value> {
    let now_ms = now.millis();
    let nothing =
        || Stats { open_time: window.begin(now_ms), close_time: now_ms, previous_close: None, total: <_>::default() };
    let stats = stats.unwrap_or_else(nothing);
    let total = &stats.total;
    let price = |ticks| Value::String(view.price(Ticks(ticks)));
    let number = |id: u64| if total.trades == 0 { json!(-1) } else { json!(id) };
    let mut figures = Map::new();
    let mut say = |name: &str, value: Value| drop(figures.insert(name.to_owned(), value));
    say("symbol", view.symbol.clone().into());
    if !mini {
        say("priceChange", change(view, &stats).into());
        say("priceChangePercent", change_percent(&stats).into());
        say("weightedAvgPrice", average(view, &stats).into());
    }
    say("openPrice", price(total.open));
    say("highPrice", price(total.high));
    say("lowPrice", price(total.low));
    say("lastPrice", price(total.close));
    say("volume", view.base(total.base).into());
    say("quoteVolume", view.quote(total.quote).into());
    say("openTime", stats.open_time.into());
    say("closeTime", stats.close_time.into());
    say("firstId", number(total.first_trade));
    say("lastId", number(total.last_trade));
    say("count", total.trades.into());
    figures
}

/// `FULL` unless `MINI` is asked for.
fn is_mini(params: &mut Params) -> Result<bool, Error> {
    match params.text("type")? {
        None | Some("FULL") => Ok(false),
        Some("MINI") => Ok(true),
        Some(_) => Err(Error::invalid("type")),
    }
}

/// How many markets a request names; none where it means all.
fn named(params: &mut Params) -> Option<usize> {
    // What cannot be read is refused later.
    Some(symbols(params).ok()??.len())
}

/// One market costs less than many.
pub(crate) fn day_weight(params: &mut Params) -> u32 {
    match named(params) {
        Some(0..=20) => 2,
        Some(21..=100) => 40,
        Some(_) | None => 80,
    }
}

pub(crate) fn day(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let single = call.params.has("symbol");
        let symbols = symbols(&mut call.params)?;
        let mini = is_mini(&mut call.params)?;
        call.params.ignore(&["symbolStatus"]);
        call.params.end()?;
        let now_ms = call.now_ms;
        let look = |state: &State| match &symbols {
            Some(symbols) => symbols.iter().map(|symbol| View::named(state, symbol)).collect::<Result<Vec<_>, _>>(),
            None => Ok(state.markets().records().filter_map(|record| View::of(state, record)).collect()),
        };
        let (views, _) = call.app.spot_look(Fresh::Local, look).await?;
        let mut values = Vec::with_capacity(views.len());
        // Each market by itself: nothing is applied during a read.
        for view in views {
            let read = move |state: &State, rows: &dyn Rows| day_of(state, rows, &view, now_ms, mini);
            values.push(call.app.spot_read(Fresh::Local, read).await?.0);
        }
        match single {
            true => values.pop().ok_or_else(Error::symbol),
            false => Ok(Value::Array(values)),
        }
    })
}

fn day_of(state: &State, rows: &dyn Rows, view: &View, now_ms: u64, mini: bool) -> Result<Value, Error> {
    let now = present(state, now_ms);
    let stats = tape(state, view.id)?.day(now);
    let mut figures = figures(view, Window::DAY, stats, now, mini);
    if mini {
        return Ok(Value::Object(figures));
    }
    let market = state.markets().market(view.id).ok_or_else(Error::symbol)?;
    let mut say = |name: &str, value: String| drop(figures.insert(name.to_owned(), value.into()));
    let last = TradeId(tape(state, view.id)?.klines().last_trade());
    let last = Markets::trade(rows, view.id, last).map_err(unreadable)?;
    say("lastQty", view.lots(last.map_or(Lots(0), |record| record.lots)));
    say("prevClosePrice", view.price(Ticks(stats.and_then(|stats| stats.previous_close).unwrap_or(0))));
    for (side, price, quantity) in [(Side::Buy, "bidPrice", "bidQty"), (Side::Sell, "askPrice", "askQty")] {
        let best = market.book().depth(side).next();
        say(price, view.price(best.as_ref().map_or(Ticks(0), |best| best.price)));
        say(quantity, view.lots(best.map_or(Lots(0), |best| best.lots)));
    }
    Ok(Value::Object(figures))
}

/// Each market has its price.
pub(crate) fn window_weight(params: &mut Params) -> u32 {
    let count = named(params).unwrap_or(1).clamp(1, 50);
    u32::try_from(count).unwrap_or(50) * 4
}

pub(crate) fn window(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let single = call.params.has("symbol");
        let symbols = symbols(&mut call.params)?.ok_or_else(|| Error::missing("symbol"))?;
        let mini = is_mini(&mut call.params)?;
        let window = match call.params.text("windowSize")? {
            None => Window::DAY,
            Some(text) => text.parse().map_err(|_| Error::invalid("windowSize"))?,
        };
        call.params.ignore(&["symbolStatus"]);
        call.params.end()?;
        if symbols.len() > WINDOW_SYMBOLS_MAX {
            return Err(Error::new(-1101, "Too many symbols sent for this endpoint."));
        }
        let now_ms = call.now_ms;
        let mut values = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            let read = move |state: &State, rows: &dyn Rows| {
                let view = View::named(state, &symbol)?;
                let now = present(state, now_ms);
                let stats = tape(state, view.id)?.window(window, now, &StoredKlines::new(rows, view.id));
                let stats = stats.map_err(|halt| halt.problem())?;
                Ok((view, stats, now))
            };
            let ((view, stats, now), _) = call.app.spot_read(Fresh::Local, read).await?;
            values.push(Value::Object(figures(&view, window, stats, now, mini)));
        }
        match single {
            true => values.pop().ok_or_else(Error::symbol),
            false => Ok(Value::Array(values)),
        }
    })
}

pub(crate) fn average_price(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        call.params.end()?;
        let now_ms = call.now_ms;
        let look = |state: &State| {
            let view = View::named(state, &symbol)?;
            let recent = tape(state, view.id)?.average_price(present(state, now_ms));
            let price = recent.map_or_else(|| view.price(Ticks(0)), |recent| average(&view, &recent.stats));
            let closed = recent.map_or(0, |recent| recent.last_trade_ms);
            Ok(json!({"mins": Window::AVERAGE.minutes(), "price": price, "closeTime": closed}))
        };
        Ok(call.app.spot_look(Fresh::Local, look).await?.0)
    })
}
