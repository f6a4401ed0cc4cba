//! What the two large listings of exchanges ask of one: `/coingecko` and `/cmc`, at every node, without a key.
//!
//! Both read what this node has. A pair is named by its two assets with a stroke between; where several markets have the
//! same two assets, the oldest one that is not delisted stands for the pair. Refusals are the spot dialect's.

mod coingecko;
mod coinmarketcap;

use exchequer_state::markets::{HISTORY_PAGE_MAX, Markets, TradeRecord};
use exchequer_state::matching::{Phase, Side, Ticks, TradeId};
use exchequer_state::{Rows, State};
use serde_json::Value;

use crate::candles::present;
use crate::route::Route;
use crate::spot::arg::Arg;
use crate::spot::door::{Call, Endpoint, Gives};
use crate::spot::error::Error;
use crate::spot::market_data::first_at;
use crate::spot::read::{Fresh, unreadable};
use crate::spot::tickers::change_percent;
use crate::spot::view::View;

/// Most prices of one side of a book.
const DEPTH_MAX: usize = 5_000;
/// How many pages of trades one request looks through at most.
const PAGES_MAX: u64 = 10;

/// What they ask for.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::open("/coingecko/pairs", None, |_| 4, coingecko::pairs).says("The pairs").gives(Gives::List),
    Endpoint::open("/coingecko/tickers", None, |_| 40, coingecko::tickers)
        .says("The last 24 hours of each pair")
        .gives(Gives::List),
    Endpoint::open("/coingecko/orderbook", None, |_| 50, coingecko::order_book)
        .says("The book of a pair")
        .takes(&[&[TICKER_ID, DEPTH]]),
    Endpoint::open("/coingecko/historical_trades", None, |_| 25, coingecko::historical_trades)
        .says("Trades of a pair, by the side of the taker")
        .takes(&[&[
            TICKER_ID,
            Arg::word("type", &["buy", "sell"], "Only trades of takers on this side."),
            Arg::number("limit", 0, u64::MAX, "How many at most; zero, and more than 1,000, mean 1,000."),
            Arg::moment("start_time", "Not before this moment, in seconds or milliseconds."),
            Arg::moment("end_time", "Not after this moment, in seconds or milliseconds."),
        ]]),
    Endpoint::open("/cmc/summary", None, |_| 40, coinmarketcap::summary)
        .says("The last 24 hours of each pair")
        .gives(Gives::List),
    Endpoint::open("/cmc/assets", None, |_| 4, coinmarketcap::assets).says("The assets"),
    Endpoint::open("/cmc/ticker", None, |_| 40, coinmarketcap::ticker).says("Prices and volumes of each pair"),
    Endpoint::open("/cmc/orderbook/{pair}", None, |_| 50, coinmarketcap::order_book)
        .says("The book of a pair")
        .takes(&[&[DEPTH, Arg::number("level", 1, 3, "The best prices, the first ones, or all.")]]),
    Endpoint::open("/cmc/trades/{pair}", None, |_| 100, coinmarketcap::trades)
        .says("Trades of a pair in the last 24 hours")
        .gives(Gives::List),
];

const TICKER_ID: Arg = Arg::text("ticker_id", "^[A-Z0-9]{1,12}_[A-Z0-9]{1,12}$", "BTC_USDT", "The pair.").needed();
const DEPTH: Arg = Arg::number("depth", 0, u64::MAX, "How many prices of both sides together; zero is all.");

/// The routes of both.
pub(crate) fn routes() -> Vec<Route> {
    ENDPOINTS.iter().map(|endpoint| endpoint.route()).collect()
}

/// A pair's name.
fn pair(view: &View) -> String {
    format!("{}_{}", view.base, view.quote)
}

/// The markets that stand for a pair.
fn listed(state: &State) -> Vec<View> {
    let mut views: Vec<View> = Vec::new();
    for record in state.markets().records() {
        let delisted = state.markets().market(record.id).is_none_or(|market| market.phase() == Phase::Delisted);
        let Some(view) = View::of(state, record).filter(|_| !delisted) else { continue };
        if !views.iter().any(|known| known.base == view.base && known.quote == view.quote) {
            views.push(view);
        }
    }
    views
}

/// Something of each market that stands for a pair, with its last 24 hours.
async fn each<T: Send, All: FromIterator<T> + Send>(
    call: &Call,
    of: impl Fn(&View, Day) -> T + Send,
) -> Result<All, Error> {
    let now_ms = call.now_ms;
    let look = |state: &State| Ok(listed(state).iter().map(|view| of(view, Day::of(state, view, now_ms))).collect());
    Ok(call.app.spot_look(Fresh::Local, look).await?.0)
}

/// Bids and asks of a pair, so many of each.
async fn book(call: &Call, name: &str, count: usize) -> Result<[Vec<[String; 2]>; 2], Error> {
    let look = |state: &State| {
        let view = named(state, name)?;
        Ok([Side::Buy, Side::Sell].map(|side| levels(state, &view, side, count)))
    };
    Ok(call.app.spot_look(Fresh::Local, look).await?.0)
}

/// The market that stands for a pair of this name.
fn named(state: &State, name: &str) -> Result<View, Error> {
    listed(state).into_iter().find(|view| pair(view) == name).ok_or_else(Error::symbol)
}

/// The prices of one side of a book with what there is at each, the best first.
fn levels(state: &State, view: &View, side: Side, count: usize) -> Vec<[String; 2]> {
    let Some(market) = state.markets().market(view.id) else { return Vec::new() };
    let levels = market.book().depth(side).take(count);
    levels.map(|level| [view.price(level.price), view.lots(level.lots)]).collect()
}

/// How many prices of each side a depth means: it counts both sides, and zero is all of them.
fn of_depth(depth: Option<u64>) -> usize {
    match depth {
        None | Some(0) => DEPTH_MAX,
        Some(depth) => usize::try_from(depth.div_ceil(2)).unwrap_or(DEPTH_MAX).min(DEPTH_MAX),
    }
}

/// What one market shows of its last 24 hours; zeros where nothing was ever traded.
struct Day {
    last: String,
    bid: String,
    ask: String,
    high: String,
    low: String,
    base: String,
    quote: String,
    /// In percent, with three decimals.
    change: String,
    trading: bool,
}

impl Day {
    fn of(state: &State, view: &View, now_ms: u64) -> Day {
        let tape = state.markets().tape(view.id);
        let stats = tape.and_then(|tape| tape.day(present(state, now_ms)));
        let total = stats.map(|stats| stats.total).unwrap_or_default();
        let market = state.markets().market(view.id);
        let best = |side| {
            let best = market.and_then(|market| market.book().depth(side).next());
            view.price(best.map_or(Ticks(0), |best| best.price))
        };
        Day {
            last: view.price(Ticks(total.close)),
            bid: best(Side::Buy),
            ask: best(Side::Sell),
            high: view.price(Ticks(total.high)),
            low: view.price(Ticks(total.low)),
            base: view.base(total.base),
            quote: view.quote(total.quote),
            change: stats.as_ref().map_or_else(|| "0.000".to_owned(), change_percent),
            trading: market.is_some_and(|market| matches!(market.phase(), Phase::Trading | Phase::PostOnly)),
        }
    }
}

/// A decimal as a number of JSON, for those who want no text. What has more digits than such numbers are read with is
/// rounded by the reader anyway.
pub(crate) fn number(text: &str) -> Value {
    text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

/// Which trades are asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted {
    /// In milliseconds, both ends included.
    start: Option<u64>,
    end: Option<u64>,
    /// The side that came second.
    taker: Option<Side>,
    limit: usize,
}

/// The latest trades that are wanted, the oldest of them first. The work is bounded: what lies further back than
/// [`PAGES_MAX`] pages is not found.
fn trades(rows: &dyn Rows, view: &View, wanted: Wanted) -> Result<Vec<(TradeId, TradeRecord)>, Error> {
    let page = |from, limit| Markets::trades(rows, view.id, from, limit).map_err(unreadable);
    let last = page(None, 1)?.first().map_or(0, |(id, _)| id.0);
    let first = wanted.start.map_or(Ok(1), |start| first_at(rows, view, start).map(|id| id.0))?;
    let mut until = match wanted.end {
        Some(end) => first_at(rows, view, end.saturating_add(1))?.0,
        None => last + 1,
    };
    let mut found = Vec::new();
    for _ in 0..PAGES_MAX {
        let from = until.saturating_sub(HISTORY_PAGE_MAX as u64).max(first);
        if from >= until || found.len() >= wanted.limit {
            break;
        }
        let count = usize::try_from(until - from).unwrap_or(HISTORY_PAGE_MAX);
        let trades = page(Some(TradeId(from)), count)?;
        let of_side = |taker| wanted.taker.is_none_or(|side| side == taker);
        found.extend(trades.into_iter().rev().filter(|(_, trade)| of_side(trade.taker)));
        until = from;
    }
    found.truncate(wanted.limit);
    found.reverse();
    Ok(found)
}

/// The listings' word for who came second.
const fn word(taker: Side) -> &'static str {
    match taker {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a depth is of both sides together, and never more than a bound.
    #[test]
    fn depths_are_halved() {
        for (depth, count) in
            [(None, DEPTH_MAX), (Some(0), DEPTH_MAX), (Some(1), 1), (Some(200), 100), (Some(u64::MAX), DEPTH_MAX)]
        {
            assert_eq!(of_depth(depth), count, "{depth:?}");
        }
    }

    /// Goal: numbers are those of the text.
    #[test]
    fn numbers_are_the_texts() {
        for text in ["0.5", "64000.15", "-1.325", "123456789.123456"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("x"), Value::Null);
    }
}
