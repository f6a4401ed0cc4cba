//! What CoinMarketCap asks of a spot exchange: numbers as numbers in its summary, as text elsewhere, times in
//! milliseconds.

use std::collections::BTreeSet;

use exchequer_state::assets::AssetRecord;
use exchequer_state::ledger::Asset;
use exchequer_state::networks::Operation;
use exchequer_state::{Rows, State};
use serde_json::{Map, Value, json};

use super::{Day, Wanted, book, each, named, number, of_depth, pair, word};
use crate::spot::door::{Answer, Call};
use crate::spot::error::Error;
use crate::spot::read::Fresh;
use crate::spot::view::View;

/// Most trades of one answer.
const TRADES_MAX: usize = 10_000;
/// Prices of each side at the middle level.
const BEST: usize = 50;
const DAY_MS: u64 = 86_400_000;

pub(super) fn summary(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let of = |view: &View, day: Day| {
            json!({
                "trading_pairs": pair(view),
                "base_currency": view.base,
                "quote_currency": view.quote,
                "last_price": number(&day.last),
                "lowest_ask": number(&day.ask),
                "highest_bid": number(&day.bid),
                "base_volume": number(&day.base),
                "quote_volume": number(&day.quote),
                "price_change_percent_24h": number(&day.change),
                "highest_price_24h": number(&day.high),
                "lowest_price_24h": number(&day.low),
            })
        };
        Ok(Value::Array(each(call, of).await?))
    })
}

pub(super) fn assets(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let look = |state: &State| {
            // Over any network that is open for it at the moment.
            let open = |operation: Operation| {
                let listings = state.custody().listings();
                let allowed = listings.filter(|one| state.may(one.network, one.asset, operation).is_ok());
                allowed.map(|one| one.asset).collect::<BTreeSet<Asset>>()
            };
            let (withdrawn, deposited) = (open(Operation::Withdrawal), open(Operation::Deposit));
            let text = |set: &BTreeSet<Asset>, asset: Asset| set.contains(&asset).to_string();
            let of = |asset: &AssetRecord| {
                json!({
                    "name": asset.name,
                    "can_withdraw": text(&withdrawn, asset.number),
                    "can_deposit": text(&deposited, asset.number),
                })
            };
            let assets = state.assets().iter();
            Ok(assets.map(|asset| (asset.code.clone(), of(asset))).collect::<Map<String, Value>>())
        };
        Ok(Value::Object(call.app.spot_look(Fresh::Local, look).await?.0))
    })
}

pub(super) fn ticker(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let of = |view: &View, day: Day| {
            let ticker = json!({
                "last_price": day.last,
                "base_volume": day.base,
                "quote_volume": day.quote,
                "isFrozen": if day.trading { "0" } else { "1" },
            });
            (pair(view), ticker)
        };
        Ok(Value::Object(each(call, of).await?))
    })
}

pub(super) fn order_book(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let name = call.tail.clone();
        let count = of_depth(call.params.number("depth")?);
        let count = match call.params.number("level")? {
            Some(1) => 1,
            Some(2) => count.min(BEST),
            None | Some(3) => count,
            Some(_) => return Err(Error::invalid("level")),
        };
        let [bids, asks] = book(call, &name, count).await?;
        Ok(json!({"timestamp": call.now_ms.to_string(), "bids": bids, "asks": asks}))
    })
}

pub(super) fn trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let name = call.tail.clone();
        let wanted = Wanted { start: Some(call.now_ms.saturating_sub(DAY_MS)), limit: TRADES_MAX, ..Wanted::default() };
        let read = move |state: &State, rows: &dyn Rows| {
            let view = named(state, &name)?;
            let found = super::trades(rows, &view, wanted)?;
            let shown = found.iter().map(|(id, trade)| {
                json!({
                    "trade_id": id.0,
                    "price": view.price(trade.price),
                    "base_volume": view.lots(trade.lots),
                    "quote_volume": view.quote(trade.quote),
                    "timestamp": trade.time.millis().to_string(),
                    "type": word(trade.taker),
                })
            });
            Ok(Value::Array(shown.collect()))
        };
        Ok(call.app.spot_read(Fresh::Local, read).await?.0)
    })
}
