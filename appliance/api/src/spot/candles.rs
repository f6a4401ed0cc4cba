//! Klines, as the dialect lists them.

use exchequer_state::market_data::kline::Query;
use exchequer_state::market_data::kline::page::{LIMIT_DEFAULT, LIMIT_MAX};
use exchequer_state::market_data::{Interval, Kline};
use exchequer_state::matching::Ticks;
use exchequer_state::{Rows, State};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::Error;
use super::market_data::span;
use super::params::Params;
use super::read::Fresh;
use super::view::{View, symbol};
use crate::candles::{self, Fault};

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            // The limit was cut before: what is left is an end before the start.
            Fault::Query(_) => Error::invalid("startTime"),
            Fault::Unreadable(problem) => problem.into(),
        }
    }
}

pub(crate) fn klines(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let interval = interval(&mut call.params)?;
        let (start, end) = span(&mut call.params)?;
        let limit = call.params.limit(LIMIT_DEFAULT.into(), LIMIT_MAX.into())?;
        utc(&mut call.params)?;
        call.params.end()?;
        let query = Query { start, end, limit: u16::try_from(limit).unwrap_or(LIMIT_MAX) };
        let now_ms = call.now_ms;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let page = candles::page(state, rows, view.id, interval, &query, now_ms)?;
            Ok((view, page))
        };
        let ((view, page), _) = call.app.spot_read(Fresh::Local, read).await?;
        Ok(page.iter().map(|kline| line(&view, interval, kline)).collect())
    })
}

pub(crate) fn interval(params: &mut Params) -> Result<Interval, Error> {
    params.required("interval")?.parse().map_err(|_| Error::new(-1120, "Invalid interval."))
}

/// Periods begin in UTC; another time zone is refused rather than taken for it.
fn utc(params: &mut Params) -> Result<(), Error> {
    match params.text("timeZone")? {
        None | Some("0" | "00:00" | "0:00" | "+00:00" | "+0:00" | "-00:00" | "-0:00") => Ok(()),
        Some(_) => Err(Error::invalid("timeZone")),
    }
}

fn line(view: &View, interval: Interval, kline: &Kline) -> Value {
    let price = |ticks| view.price(Ticks(ticks));
    json!([
        kline.open_time,
        price(kline.open),
        price(kline.high),
        price(kline.low),
        price(kline.close),
        view.base(kline.base),
        kline.close_time(interval),
        view.quote(kline.quote),
        kline.trades,
        view.base(kline.taker_base),
        view.quote(kline.taker_quote),
        "0",
    ])
}
