//! Charts: the UDF data feed of TradingView's charting library under `/udf`, at every node, without a key.
//!
//! Times are whole seconds. What cannot be answered is `{"s":"error"}` with a sentence, and status 200: the library looks
//! at nothing else. A request over the limits of its address gets the spot dialect's refusal.

mod history;

use exchequer_state::State;
use exchequer_state::markets::Step;
use exchequer_state::matching::Phase;
use serde_json::{Value, json};

use crate::route::Route;
use crate::spot::arg::Arg;
use crate::spot::door::{Answer, Call, Endpoint, Gives};
use crate::spot::error::Error;
use crate::spot::params::Params;
use crate::spot::read::Fresh;
use crate::spot::view::View;

/// Where trading is said to be.
const EXCHANGE: &str = "Exchequer";
const KIND: &str = "crypto";
/// Symbols that a search finds where no limit is given, and at most.
const FOUND: u64 = 30;
const FOUND_MAX: u64 = 1_000;

/// What a chart asks for.
pub(crate) const ENDPOINTS: &[Endpoint] = &[
    Endpoint::open("/udf/config", None, |_| 1, config).says("What the feed can do"),
    Endpoint::open("/udf/time", None, |_| 1, time).says("The node's clock, in seconds").gives(Gives::Number),
    Endpoint::open("/udf/symbols", None, |_| 2, symbols).says("A market, as a chart needs it").takes(&[&[SYMBOL]]),
    Endpoint::open("/udf/search", None, |_| 4, search)
        .says("Markets whose name has a text in it")
        .takes(&[&[
            Arg::text("query", "^[A-Za-z0-9/]{0,20}$", "btc", "The text."),
            Arg::word("exchange", &[EXCHANGE], "Where: there is one."),
            Arg::word("type", &[KIND], "What: there is one."),
            Arg::number("limit", 0, u64::MAX, "How many at most; more than 1,000 mean 1,000."),
        ]])
        .gives(Gives::List),
    Endpoint::open("/udf/history", None, |_| 10, history::history).says("Candles of a market").takes(&[&[
        SYMBOL,
        Arg::word("resolution", history::NAMES, "How long a candle lasts.").needed(),
        Arg::number("from", 0, history::SECONDS_MAX, "Not before this moment, in seconds."),
        Arg::number("to", 0, history::SECONDS_MAX, "Before this moment, in seconds.").needed(),
        Arg::number("countback", 0, u64::MAX, "How many; in place of `from`. Not more than 5,000 are given."),
    ]]),
];

const SYMBOL: Arg = Arg::text("symbol", "^([A-Za-z]{1,20}:)?[A-Z0-9]{1,20}$", "BTCUSDT", "The market.").needed();

/// The routes.
pub(crate) fn routes() -> Vec<Route> {
    ENDPOINTS.iter().map(|endpoint| endpoint.route()).collect()
}

/// A refusal as the library takes it.
fn or_error(answer: Result<Value, Error>) -> Value {
    answer.unwrap_or_else(|error| json!({"s": "error", "errmsg": error.msg}))
}

fn config(_: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        Ok(json!({
            "supported_resolutions": history::RESOLUTIONS.map(|(name, _)| name),
            "supports_group_request": false,
            "supports_marks": false,
            "supports_search": true,
            "supports_time": true,
            "supports_timescale_marks": false,
            "exchanges": [{"value": EXCHANGE, "name": EXCHANGE, "desc": EXCHANGE}],
            "symbols_types": [{"name": KIND, "value": KIND}],
        }))
    })
}

fn time(call: &mut Call) -> Answer<'_> {
    Box::pin(async move { Ok(json!(call.now_ms / 1_000)) })
}

/// The symbol that a request names, with or without the exchange before it.
fn symbol(params: &mut Params) -> Result<String, Error> {
    let text = params.required("symbol")?;
    Ok(text.rsplit_once(':').map_or(text, |(_, symbol)| symbol).to_owned())
}

/// A step as the library has it: so many of the smallest units that `scale` tells.
fn scale(step: Step) -> (u64, u64) {
    (step.units, 10_u64.saturating_pow(step.decimals.into()))
}

fn symbols(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let named = symbol(&mut call.params);
        let look = |state: &State| Ok(named.clone().and_then(|symbol| View::named(state, &symbol)));
        let (view, _) = call.app.spot_look(Fresh::Local, look).await?;
        Ok(or_error(view.map(|view| described(&view))))
    })
}

fn described(view: &View) -> Value {
    let (minmov, pricescale) = scale(view.tick);
    json!({
        "name": view.symbol,
        "ticker": view.symbol,
        "full_name": format!("{EXCHANGE}:{}", view.symbol),
        "description": format!("{} / {}", view.base, view.quote),
        "type": KIND,
        "session": "24x7",
        "timezone": "Etc/UTC",
        "exchange": EXCHANGE,
        "listed_exchange": EXCHANGE,
        "format": "price",
        "minmov": minmov,
        "minmov2": 0,
        "pricescale": pricescale,
        "pointvalue": 1,
        "has_seconds": true,
        "seconds_multipliers": ["1"],
        "has_intraday": true,
        "intraday_multipliers": history::minutes(),
        "has_daily": true,
        "daily_multipliers": ["1", "3"],
        "has_weekly_and_monthly": true,
        "supported_resolutions": history::RESOLUTIONS.map(|(name, _)| name),
        "volume_precision": view.lot.decimals,
        "data_status": "streaming",
        "currency_code": view.quote,
    })
}

fn search(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let query = call.params.raw("query").unwrap_or_default().to_ascii_uppercase();
        let exchange = call.params.raw("exchange").unwrap_or_default().to_owned();
        let kind = call.params.raw("type").unwrap_or_default().to_owned();
        let limit = call.params.number("limit")?.unwrap_or(FOUND).min(FOUND_MAX);
        let elsewhere = !(exchange.is_empty() || exchange == EXCHANGE) || !(kind.is_empty() || kind == KIND);
        let look = |state: &State| {
            let markets = state.markets();
            let there = |id| markets.market(id).is_some_and(|market| market.phase() != Phase::Delisted);
            let views =
                markets.records().filter(|record| there(record.id)).filter_map(|record| View::of(state, record));
            let fits = |view: &View| {
                let names = [view.symbol.clone(), format!("{}/{}", view.base, view.quote)];
                !elsewhere && names.iter().any(|name| name.contains(&query))
            };
            let found = views.filter(fits).take(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found
                .map(|view| {
                    json!({
                        "symbol": view.symbol,
                        "ticker": view.symbol,
                        "full_name": format!("{EXCHANGE}:{}", view.symbol),
                        "description": format!("{} / {}", view.base, view.quote),
                        "exchange": EXCHANGE,
                        "type": KIND,
                    })
                })
                .collect())
        };
        Ok(Value::Array(call.app.spot_look(Fresh::Local, look).await?.0))
    })
}
