//! Candles for charts.

use exchequer_state::market_data::kline::Query;
use exchequer_state::market_data::kline::page::LIMIT_MAX;
use exchequer_state::market_data::{Interval, Kline};
use exchequer_state::matching::Ticks;
use exchequer_state::{Rows, State};
use serde_json::{Value, json};

use super::{or_error, symbol};
use crate::candles;
use crate::listing::number;
use crate::spot::door::{Answer, Call};
use crate::spot::error::Error;
use crate::spot::params::Params;
use crate::spot::read::Fresh;
use crate::spot::view::View;

/// Most candles of one answer; the library asks again for what is missing.
const BARS_MAX: usize = 5_000;
/// The latest moment that is taken as one, in seconds: in the year 3000.
pub(super) const SECONDS_MAX: u64 = 32_503_680_000;

/// The library's names of the intervals.
pub(super) const RESOLUTIONS: [(&str, Interval); 16] = [
    ("1S", Interval::S1),
    ("1", Interval::M1),
    ("3", Interval::M3),
    ("5", Interval::M5),
    ("15", Interval::M15),
    ("30", Interval::M30),
    ("60", Interval::H1),
    ("120", Interval::H2),
    ("240", Interval::H4),
    ("360", Interval::H6),
    ("480", Interval::H8),
    ("720", Interval::H12),
    ("1D", Interval::D1),
    ("3D", Interval::D3),
    ("1W", Interval::W1),
    ("1M", Interval::Month),
];

/// Their names alone.
pub(super) const NAMES: &[&str] = &{
    let mut names = [""; RESOLUTIONS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = RESOLUTIONS[at].0;
        at += 1;
    }
    names
};

/// Those of whole minutes.
pub(super) fn minutes() -> Vec<&'static str> {
    let names = RESOLUTIONS.iter().map(|(name, _)| *name);
    names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

fn interval(name: &str) -> Result<Interval, Error> {
    // The library leaves the one away, sometimes.
    let name = match name {
        "S" | "D" | "W" | "M" => &format!("1{name}"),
        name => name,
    };
    let found = RESOLUTIONS.iter().find(|(known, _)| *known == name);
    found.map(|(_, interval)| *interval).ok_or_else(|| Error::new(-1120, "Invalid interval."))
}

/// What a chart asks for.
#[derive(Debug, Clone)]
struct Asked {
    symbol: String,
    interval: Interval,
    /// In milliseconds, included; none where the count alone decides.
    from: Option<u64>,
    /// In milliseconds, not included.
    to: u64,
    count: usize,
}

impl Asked {
    fn read(params: &mut Params) -> Result<Asked, Error> {
        let symbol = symbol(params)?;
        let interval = interval(params.required("resolution")?)?;
        let mut seconds = |name: &str| match params.number(name)? {
            Some(time) if time > SECONDS_MAX => Err(Error::invalid(name)),
            time => Ok(time.map(|time| time * 1_000)),
        };
        let (from, to) = (seconds("from")?, seconds("to")?);
        let to = to.ok_or_else(|| Error::missing("to"))?;
        let count = params.number("countback")?.filter(|count| *count > 0);
        if count.is_none() && from.is_none_or(|from| from >= to) {
            return Err(Error::invalid("from"));
        }
        // A count has the last word.
        let from = from.filter(|_| count.is_none());
        let count = count.map_or(BARS_MAX, |count| usize::try_from(count).unwrap_or(BARS_MAX).min(BARS_MAX));
        Ok(Asked { symbol, interval, from, to, count })
    }
}

/// The candles up to the end that is asked for, the latest ones: as many as are asked for or a few more.
fn candles(state: &State, rows: &dyn Rows, view: &View, asked: &Asked, now_ms: u64) -> Result<Vec<Kline>, Error> {
    let mut pages: Vec<Vec<Kline>> = Vec::new();
    let (mut end, mut count) = (asked.to.checked_sub(1), 0);
    while let Some(until) = end.filter(|_| count < asked.count) {
        let query = Query { start: None, end: Some(until), limit: LIMIT_MAX };
        let page = candles::page(state, rows, view.id, asked.interval, &query, now_ms)?;
        let Some(first) = page.first().map(|kline| kline.open_time) else { break };
        count += page.len();
        pages.push(page);
        let enough = asked.from.is_some_and(|from| first <= from);
        end = first.checked_sub(1).filter(|_| !enough);
    }
    Ok(pages.into_iter().rev().flatten().collect())
}

/// The answer: the candles, or where there are some further back.
fn shown(view: &View, asked: &Asked, candles: &[Kline]) -> Value {
    let from = candles.partition_point(|kline| asked.from.is_some_and(|from| kline.open_time < from));
    let (before, wanted) = candles.split_at_checked(from).unwrap_or((candles, &[]));
    let wanted = wanted.get(wanted.len().saturating_sub(asked.count)..).unwrap_or_default();
    if wanted.is_empty() {
        return match before.last() {
            Some(last) => json!({"s": "no_data", "nextTime": last.open_time / 1_000}),
            None => json!({"s": "no_data"}),
        };
    }
    let price = |of: fn(&Kline) -> u64| -> Vec<Value> {
        wanted.iter().map(|kline| number(&view.price(Ticks(of(kline))))).collect()
    };
    json!({
        "s": "ok",
        "t": wanted.iter().map(|kline| kline.open_time / 1_000).collect::<Vec<_>>(),
        "o": price(|kline| kline.open),
        "h": price(|kline| kline.high),
        "l": price(|kline| kline.low),
        "c": price(|kline| kline.close),
        "v": wanted.iter().map(|kline| number(&view.base(kline.base))).collect::<Vec<_>>(),
    })
}

pub(super) fn history(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let asked = match Asked::read(&mut call.params) {
            Ok(asked) => asked,
            Err(error) => return Ok(or_error(Err(error))),
        };
        let now_ms = call.now_ms;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = match View::named(state, &asked.symbol) {
                Ok(view) => view,
                Err(error) => return Ok(or_error(Err(error))),
            };
            Ok(shown(&view, &asked, &candles(state, rows, &view, &asked, now_ms)?))
        };
        Ok(call.app.spot_read(Fresh::Local, read).await?.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000;

    fn asked(query: &str) -> Result<Asked, i32> {
        let mut params = Params::new(query.as_bytes(), b"").unwrap();
        Asked::read(&mut params).map_err(|error| error.code)
    }

    fn view() -> View {
        let step = |decimals| exchequer_state::markets::Step { units: 1, decimals };
        View {
            id: exchequer_state::markets::MarketId(1),
            symbol: "BTCUSDT".into(),
            base: "BTC".into(),
            quote: "USDT".into(),
            base_decimals: 8,
            quote_decimals: 6,
            tick: step(1),
            lot: step(5),
            quote_per_tick: 1,
        }
    }

    /// Goal: what the library asks for is understood, and what makes no sense is refused. Method: queries with their
    /// parts, and without.
    #[test]
    fn requests_are_read() {
        let good = asked("symbol=Exchequer:BTCUSDT&resolution=D&from=100&to=200&countback=7&currencyCode=USD").unwrap();
        assert_eq!((good.symbol.as_str(), good.interval, good.count), ("BTCUSDT", Interval::D1, 7));
        assert_eq!((good.from, good.to), (None, 200_000));
        let span = asked("symbol=BTCUSDT&resolution=60&from=100&to=200").unwrap();
        assert_eq!((span.interval, span.from, span.count), (Interval::H1, Some(100_000), BARS_MAX));
        assert_eq!(asked("symbol=B&resolution=1&to=200&countback=999999999999").unwrap().count, BARS_MAX);
        for (query, code) in [
            ("resolution=1&from=1&to=2", -1102),
            ("symbol=B&resolution=7&from=1&to=2", -1120),
            ("symbol=B&resolution=&from=1&to=2", -1102),
            ("symbol=B&resolution=1&from=1", -1102),
            ("symbol=B&resolution=1&from=2&to=2", -1130),
            ("symbol=B&resolution=1&to=2", -1130),
            ("symbol=B&resolution=1&from=1&to=99999999999999", -1130),
            ("symbol=B&resolution=1&from=-1&to=2", -1100),
        ] {
            assert_eq!(asked(query).unwrap_err(), code, "{query}");
        }
        assert_eq!(minutes().len(), 11);
    }

    /// Goal: a chart gets the candles of its span as numbers, the latest where it asks for a number of them, and is told
    /// where to go on when there are none. Method: three candles, asked for in each way.
    #[test]
    fn candles_are_shown() {
        let kline = |minute: u64, price: u64| Kline {
            open_time: minute * MINUTE,
            open: price,
            high: price + 5,
            low: price - 5,
            close: price + 1,
            base: 150_000_000,
            trades: 1,
            ..Kline::default()
        };
        let candles = [kline(10, 640_000), kline(11, 640_010), kline(12, 640_020)];
        let show = |query: &str, candles: &[Kline]| {
            shown(&view(), &asked(&format!("symbol=B&resolution=1&{query}")).unwrap(), candles)
        };
        let answer = show("from=660&to=780", &candles);
        let right = json!({
            "s": "ok", "t": [660, 720], "o": [64001.0, 64002.0], "h": [64001.5, 64002.5], "l": [64000.5, 64001.5],
            "c": [64001.1, 64002.1], "v": [1.5, 1.5],
        });
        assert_eq!(answer, right);
        assert_eq!(show("from=660&to=780&countback=1", &candles)["t"], json!([720]));
        assert_eq!(show("from=0&to=780&countback=9", &candles)["t"], json!([600, 660, 720]));
        assert_eq!(show("from=721&to=770", &candles), json!({"s": "no_data", "nextTime": 720}));
        assert_eq!(show("from=1&to=2", &[]), json!({"s": "no_data"}));
    }
}
