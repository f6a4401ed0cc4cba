//! What streams of markets say, field by field as the dialect names them. Times are milliseconds since 1970.

use exchequer_domain::Timestamp;
use exchequer_market_data::depth::{Diff, Level};
use exchequer_market_data::ticker::{AverageScale, Stats};
use exchequer_market_data::{Interval, Kline};
use exchequer_state::Best;
use exchequer_state::markets::{Step, TradeRecord};
use exchequer_state::matching::{Lots, Side, Ticks, TradeId};
use serde::Serialize;

use super::super::decimal::of_steps;
use super::super::view::View;
use super::line::Text;

/// Any of them as text. Nothing that is sent has maps or numbers that JSON lacks, so that it cannot fail.
pub(crate) fn text(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// A message with the name of its stream, as one text.
pub(crate) fn wrapped(name: &str, message: &Text) -> Text {
    Text::new(format!("{{\"stream\":\"{name}\",\"data\":{}}}", message.0.as_str()))
}

#[derive(Serialize)]
struct Trade<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    t: u64,
    p: String,
    q: String,
    #[serde(rename = "T")]
    time: u64,
    m: bool,
    #[serde(rename = "M")]
    best_match: bool,
}

pub(crate) fn trade(view: &View, id: TradeId, record: &TradeRecord, event_time: u64) -> String {
    text(&Trade {
        e: "trade",
        event_time,
        s: &view.symbol,
        t: id.0,
        p: view.price(record.price),
        q: view.lots(record.lots),
        time: record.time.millis(),
        m: record.taker == Side::Sell,
        best_match: true,
    })
}

#[derive(Serialize)]
struct AggregateTrade<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    a: u64,
    p: String,
    q: String,
    f: u64,
    l: u64,
    #[serde(rename = "T")]
    time: u64,
    m: bool,
    #[serde(rename = "M")]
    best_match: bool,
}

pub(crate) fn aggregate(view: &View, id: TradeId, record: &TradeRecord, event_time: u64) -> String {
    text(&AggregateTrade {
        e: "aggTrade",
        event_time,
        s: &view.symbol,
        a: id.0,
        p: view.price(record.price),
        q: view.lots(record.lots),
        f: id.0,
        l: id.0,
        time: record.time.millis(),
        m: record.taker == Side::Sell,
        best_match: true,
    })
}

#[derive(Serialize)]
struct BookTicker<'a> {
    u: u64,
    s: &'a str,
    b: String,
    #[serde(rename = "B")]
    bid_quantity: String,
    a: String,
    #[serde(rename = "A")]
    ask_quantity: String,
}

/// The price and quantity of one side; zeros where it is empty.
fn best(view: &View, best: Option<Best>) -> (String, String) {
    let Best { price, lots } = best.unwrap_or(Best { price: Ticks(0), lots: Lots(0) });
    (view.price(price), view.lots(lots))
}

pub(crate) fn book_ticker(view: &View, index: u64, bid: Option<Best>, ask: Option<Best>) -> String {
    let ((b, bid_quantity), (a, ask_quantity)) = (best(view, bid), best(view, ask));
    text(&BookTicker { u: index, s: &view.symbol, b, bid_quantity, a, ask_quantity })
}

fn levels(view: &View, levels: &[Level]) -> Vec<[String; 2]> {
    let lots = |total: u128| Lots(u64::try_from(total).unwrap_or(u64::MAX));
    levels.iter().map(|level| [view.price(Ticks(level.price)), view.lots(lots(level.total))]).collect()
}

#[derive(Serialize)]
struct Depth<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    #[serde(rename = "U")]
    first: u64,
    u: u64,
    b: Vec<[String; 2]>,
    a: Vec<[String; 2]>,
    /// Of the best ten levels after it; the dialect has none.
    cs: u32,
}

pub(crate) fn depth(view: &View, diff: &Diff, event_time: u64) -> String {
    text(&Depth {
        e: "depthUpdate",
        event_time,
        s: &view.symbol,
        first: diff.first,
        u: diff.last,
        b: levels(view, &diff.bids),
        a: levels(view, &diff.asks),
        cs: diff.checksum,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Partial {
    last_update_id: u64,
    bids: Vec<[String; 2]>,
    asks: Vec<[String; 2]>,
}

pub(crate) fn partial(view: &View, last_update_id: u64, bids: &[Level], asks: &[Level]) -> String {
    text(&Partial { last_update_id, bids: levels(view, bids), asks: levels(view, asks) })
}

#[derive(Serialize)]
struct KlineEvent<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    k: KlineBody<'a>,
}

#[derive(Serialize)]
struct KlineBody<'a> {
    t: u64,
    #[serde(rename = "T")]
    close_time: u64,
    s: &'a str,
    i: &'a str,
    f: i64,
    #[serde(rename = "L")]
    last_trade: i64,
    o: String,
    c: String,
    h: String,
    l: String,
    v: String,
    n: u64,
    x: bool,
    q: String,
    #[serde(rename = "V")]
    taker_base: String,
    #[serde(rename = "Q")]
    taker_quote: String,
    #[serde(rename = "B")]
    unused: &'a str,
}

/// A trade's number; -1 for none.
fn number(id: u64) -> i64 {
    if id == 0 { -1 } else { i64::try_from(id).unwrap_or(i64::MAX) }
}

pub(crate) fn kline(view: &View, interval: Interval, kline: &Kline, closed: bool, event_time: u64) -> String {
    let price = |ticks| view.price(Ticks(ticks));
    text(&KlineEvent {
        e: "kline",
        event_time,
        s: &view.symbol,
        k: KlineBody {
            t: kline.open_time,
            close_time: kline.close_time(interval),
            s: &view.symbol,
            i: interval.name(),
            f: number(kline.first_trade),
            last_trade: number(kline.last_trade),
            o: price(kline.open),
            c: price(kline.close),
            h: price(kline.high),
            l: price(kline.low),
            v: view.base(kline.base),
            n: kline.trades,
            x: closed,
            q: view.quote(kline.quote),
            taker_base: view.base(kline.taker_base),
            taker_quote: view.quote(kline.taker_quote),
            unused: "0",
        },
    })
}

#[derive(Serialize)]
struct MiniTicker<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    c: String,
    o: String,
    h: String,
    l: String,
    v: String,
    q: String,
}

pub(crate) fn mini_ticker(view: &View, stats: &Stats, event_time: u64) -> String {
    let price = |ticks| view.price(Ticks(ticks));
    let total = &stats.total;
    text(&MiniTicker {
        e: "24hrMiniTicker",
        event_time,
        s: &view.symbol,
        c: price(total.close),
        o: price(total.open),
        h: price(total.high),
        l: price(total.low),
        v: view.base(total.base),
        q: view.quote(total.quote),
    })
}

#[derive(Serialize)]
struct Ticker<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    p: String,
    #[serde(rename = "P")]
    percent: String,
    w: String,
    x: String,
    c: String,
    #[serde(rename = "Q")]
    last_quantity: String,
    b: String,
    #[serde(rename = "B")]
    bid_quantity: String,
    a: String,
    #[serde(rename = "A")]
    ask_quantity: String,
    o: String,
    h: String,
    l: String,
    v: String,
    q: String,
    #[serde(rename = "O")]
    open_time: u64,
    #[serde(rename = "C")]
    close_time: u64,
    #[serde(rename = "F")]
    first_trade: i64,
    #[serde(rename = "L")]
    last_trade: i64,
    n: u64,
}

/// A whole number with a sign as a decimal.
fn signed(value: i128, text: impl Fn(u64) -> String) -> String {
    let plain = text(u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX));
    if value < 0 { format!("-{plain}") } else { plain }
}

/// What a ticker is made of beside the window.
pub(crate) struct Now {
    pub(crate) bid: Option<Best>,
    pub(crate) ask: Option<Best>,
    pub(crate) last_lots: Lots,
}

/// A price that is the average of many, with the decimals of the market's prices.
pub(crate) fn average(view: &View, stats: &Stats) -> String {
    let digits = view.tick.decimals;
    let scale = AverageScale { base_decimals: view.base_decimals, quote_decimals: view.quote_decimals, digits };
    match stats.average(&scale) {
        Some(average) => exchequer_domain::format_decimal(average, digits),
        None => view.price(Ticks(stats.total.close)),
    }
}

pub(crate) fn ticker(view: &View, stats: &Stats, now: &Now, event_time: u64) -> String {
    let price = |ticks| view.price(Ticks(ticks));
    let total = &stats.total;
    let ((b, bid_quantity), (a, ask_quantity)) = (best(view, now.bid), best(view, now.ask));
    let percent = Step { units: 1, decimals: 3 };
    text(&Ticker {
        e: "24hrTicker",
        event_time,
        s: &view.symbol,
        p: signed(stats.change(), price),
        percent: signed(stats.change_milli_percent(), |value| of_steps(value, percent)),
        w: average(view, stats),
        x: price(stats.previous_close.unwrap_or(total.open)),
        c: price(total.close),
        last_quantity: view.lots(now.last_lots),
        b,
        bid_quantity,
        a,
        ask_quantity,
        o: price(total.open),
        h: price(total.high),
        l: price(total.low),
        v: view.base(total.base),
        q: view.quote(total.quote),
        open_time: stats.open_time,
        close_time: stats.close_time,
        first_trade: number(total.first_trade),
        last_trade: number(total.last_trade),
        n: total.trades,
    })
}

#[derive(Serialize)]
struct AveragePrice<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
    s: &'a str,
    i: &'a str,
    w: String,
    #[serde(rename = "T")]
    last_trade_time: u64,
}

pub(crate) fn average_price(view: &View, stats: &Stats, last_trade_time: u64, event_time: u64) -> String {
    let w = average(view, stats);
    text(&AveragePrice { e: "avgPrice", event_time, s: &view.symbol, i: "5m", w, last_trade_time })
}

#[derive(Serialize)]
struct Bare<'a> {
    e: &'a str,
    #[serde(rename = "E")]
    event_time: u64,
}

/// The server is about to go away.
pub(crate) fn server_shutdown(event_time: u64) -> String {
    text(&Bare { e: "serverShutdown", event_time })
}

/// Nothing more comes of a user's events.
pub(crate) fn stream_terminated(event_time: u64) -> String {
    text(&Bare { e: "eventStreamTerminated", event_time })
}

/// The moment of an entry.
pub(crate) fn at(time: Timestamp) -> u64 {
    time.millis()
}
