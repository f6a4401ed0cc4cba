//! What is worked out of a market's klines and book: indicators and statistics.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::State as Exchange;
use exchequer_state::market_data::depth::{Book, Level, Snapshot};
use exchequer_state::market_data::indicators::{Candle, Indicator as _, Spec};
use exchequer_state::market_data::kline::Query;
use exchequer_state::market_data::kline::page::LIMIT_MAX;
use exchequer_state::market_data::statistics::{VOLATILITY_DAYS, near, spread, volatility};
use exchequer_state::market_data::{Interval, Kline};
use exchequer_state::matching::{Side, Ticks};

use super::markets::live;
use crate::app::App;
use crate::candles::{self, Fault};
use crate::dto::{self, shapes};
use crate::extract::{Name, Params};
use crate::money::{Rules, steps_text};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use exchequer_state::people::Permission;

/// Points where the client does not say.
const POINTS: usize = 100;
/// Most points of an answer.
const POINTS_MAX: usize = 1_000;
/// Pages of candles behind an answer: averages that never forget begin this far back.
const PAGES: usize = 4;
/// Levels of each side that statistics look at.
const LEVELS: usize = 5_000;
/// Distances from the middle, in percent.
const DISTANCES: [u32; 2] = [1, 2];

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/markets/{symbol}/indicators", indicators)
            .needs(Permission::MarketsRead)
            .says("An indicator over a market's candles")
            .more("Averages that never forget begin four thousand candles before the end.")
            .named(symbol())
            .asks([
                Param::text::<shapes::IndicatorText>("indicator", "Which, with its parameters").needed(),
                Param::text::<shapes::IntervalText>("interval", "The length of the candles").needed(),
                Param::number("limit", 1, POINTS_MAX as u64, "Points, at most"),
                Param::number("end_ms", 0, u64::MAX, "The latest open time, in milliseconds since 1970"),
            ]),
        Route::get("/v1/markets/{symbol}/statistics", statistics)
            .needs(Permission::MarketsRead)
            .says("A market's last 24 hours, spread, depth near the middle and volatility")
            .named(symbol()),
    ]
}

fn symbol() -> Param {
    Param::text::<shapes::MarketSymbol>("symbol", "The market's symbol")
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        match fault {
            Fault::Query(error) => bad(error.to_string()),
            Fault::Unreadable(problem) => problem,
        }
    }
}

fn bad(text: String) -> Problem {
    Problem::new(Code::BadRequest, text)
}

async fn indicators(
    State(app): State<App>,
    Name(symbol): Name,
    mut params: Params,
) -> Result<Seen<dto::Indicators>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::Setting))?;
    let named = params.take("indicator")?.ok_or_else(|| bad("the query lacks `indicator`, such as `ema:20`".into()))?;
    let spec: Spec = named.parse().map_err(|error| bad(format!("`indicator`: {error}")))?;
    let interval = params.take("interval")?.ok_or_else(|| bad("the query lacks `interval`, such as `1h`".into()))?;
    let interval: Interval = interval.parse().map_err(|error| bad(format!("`interval`: {error}")))?;
    let limit = params.number("limit", 1..=POINTS_MAX)?.unwrap_or(POINTS);
    let mut end = params.number("end_ms", 0..=u64::MAX)?;
    params.end()?;
    if matches!(spec, Spec::Vwap) && interval == Interval::S1 {
        return Err(bad("vwap adds up the day from 00:00 UTC, for which candles of `1s` are too many".into()).into());
    }
    let mut running = spec.start().map_err(|error| bad(format!("`indicator`: {error}")))?;

    let (mut klines, mut found) = (Vec::new(), None);
    for _ in 0..PAGES {
        let (symbol, now_ms) = (symbol.clone(), app.backend.now_ms());
        let query = Query { start: None, end, limit: LIMIT_MAX };
        let seen = app.read_rows(freshness, move |state, rows| {
            let rules = Rules::find(state, &symbol)?;
            let page = candles::page(state, rows, rules.record.id, interval, &query, now_ms)?;
            Ok((rules, page))
        });
        let seen = seen.await?;
        let (rules, mut page) = seen.value;
        found.get_or_insert((rules, seen.at));
        end = page.first().and_then(|first: &Kline| first.open_time.checked_sub(1));
        let full = page.len() == usize::from(LIMIT_MAX);
        page.append(&mut klines);
        klines = page;
        if !full || end.is_none() {
            break;
        }
    }
    let (rules, at) = found.ok_or_else(|| Problem::new(Code::Internal, "no page was read"))?;
    let price = unit(rules.record.tick.decimals) * rules.record.tick.units as f64;
    let volume = unit(rules.base.decimals);
    let mut points = Vec::with_capacity(klines.len());
    for kline in &klines {
        let candle =
            Candle::of(kline, price, volume).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        let values = running.push(&candle).map(|values| values.as_slice().to_vec());
        points.push(dto::IndicatorPoint { open_time_ms: kline.open_time, values });
    }
    points.drain(..points.len().saturating_sub(limit));
    let value = dto::Indicators {
        symbol: rules.record.symbol,
        interval: interval.to_string(),
        indicator: named,
        columns: spec.columns().iter().map(|column| (*column).to_owned()).collect(),
        points,
    };
    Ok(Seen { value, at })
}

/// What one minor unit is worth in units, for charts.
fn unit(decimals: u8) -> f64 {
    10_f64.powi(-i32::from(decimals))
}

async fn statistics(
    State(app): State<App>,
    Name(symbol): Name,
    mut params: Params,
) -> Result<Seen<dto::MarketStatistics>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::Setting))?;
    params.end()?;
    let now_ms = app.backend.now_ms();
    let seen = app.read_rows(freshness, move |state, rows| {
        let rules = Rules::find(state, &symbol)?;
        let id = rules.record.id;
        let days = u16::try_from(VOLATILITY_DAYS + 1).unwrap_or(LIMIT_MAX);
        let query = Query { start: None, end: None, limit: days };
        let daily = candles::page(state, rows, id, Interval::D1, &query, now_ms)?;
        let closes: Vec<f64> = daily.iter().map(|kline| kline.close as f64).collect();
        let day = candles::tape(state, id)?.day(candles::present(state, now_ms));
        let book = snapshot(state, &rules)?;
        Ok(dto::MarketStatistics {
            symbol: rules.record.symbol.clone(),
            day: day.map(|stats| dto::MarketDay {
                open: rules.price(Ticks(stats.total.open)),
                high: rules.price(Ticks(stats.total.high)),
                low: rules.price(Ticks(stats.total.low)),
                last: rules.price(Ticks(stats.total.close)),
                volume: rules.in_base(stats.total.base),
                quote_volume: rules.in_quote(stats.total.quote),
                taker_buy_volume: rules.in_base(stats.total.taker_base),
                trades: stats.total.trades,
                change_percent: stats.change_milli_percent() as f64 / 1_000.0,
            }),
            spread: spread(&book).map(|spread| {
                let ticks = u64::try_from(spread.ticks.unsigned_abs()).unwrap_or(u64::MAX);
                let sign = if spread.ticks < 0 { "-" } else { "" };
                let price = format!("{sign}{}", steps_text(ticks, rules.record.tick));
                dto::BookSpread { price, basis_points: spread.basis_points }
            }),
            depth: DISTANCES.iter().filter_map(|percent| distance(&rules, &book, *percent)).collect(),
            volatility_30d: volatility(&closes),
        })
    });
    Ok(seen.await?)
}

fn distance(rules: &Rules, book: &Book, percent: u32) -> Option<dto::BookDepth> {
    let near = near(book, percent)?;
    Some(dto::BookDepth {
        percent,
        bids: rules.in_base(near.bids),
        asks: rules.in_base(near.asks),
        imbalance: near.imbalance(),
    })
}

/// The book in minor units of base.
fn snapshot(state: &Exchange, rules: &Rules) -> Result<Book, Problem> {
    let market = live(state, rules.record.id)?;
    let levels = |side| {
        let level = |level: exchequer_state::matching::Depth| Level {
            price: level.price.0,
            total: u128::from(level.lots.0) * u128::from(rules.record.base_per_lot),
        };
        market.book().depth(side).take(LEVELS).map(level).collect()
    };
    Ok(Book::restore(&Snapshot { last_update: 0, bids: levels(Side::Buy), asks: levels(Side::Sell) }))
}
