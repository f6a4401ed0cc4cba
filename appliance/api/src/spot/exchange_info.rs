//! `exchangeInfo`: what is traded, in which steps, under which filters.

use exchequer_domain::format_decimal;
use exchequer_state::State;
use exchequer_state::markets::MarketRecord;
use exchequer_state::matching::{Filters, Lots, Phase, Side, Ticks};
use serde_json::{Value, json};

use super::decimal::of_steps;
use super::door::{Answer, Call};
use super::error::Error;
use super::limits::Limits;
use super::read::Fresh;
use super::view::{View, symbols};

pub(crate) fn exchange_info(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbols = symbols(&mut call.params)?;
        let status = call.params.text("symbolStatus")?.map(str::to_owned);
        if status.as_deref().is_some_and(|status| !["TRADING", "HALT", "BREAK"].contains(&status)) {
            return Err(Error::new(-1122, "Invalid symbolStatus."));
        }
        call.params.ignore(&["showPermissionSets"]);
        let permissions = call.params.raw("permissions").map(|text| text.contains("SPOT"));
        call.params.end()?;
        let (markets, _) = call
            .app
            .spot_look(Fresh::Local, |state| {
                let all = || state.markets().records().map(|record| record.id).collect();
                let ids: Vec<_> = match &symbols {
                    Some(symbols) => {
                        let find = |symbol: &String| state.markets().find(symbol).ok_or_else(Error::symbol);
                        symbols.iter().map(find).collect::<Result<_, _>>()?
                    }
                    None if permissions == Some(false) => Vec::new(),
                    None => all(),
                };
                let of = |id| state.markets().record(id).and_then(|record| market(state, record));
                Ok(ids.into_iter().filter_map(of).collect::<Vec<Value>>())
            })
            .await?;
        let of_status = |market: &Value| status.as_deref().is_none_or(|status| market["status"] == status);
        let markets: Vec<Value> = markets.into_iter().filter(of_status).collect();
        Ok(json!({
            "timezone": "UTC",
            "serverTime": call.now_ms,
            "rateLimits": rate_limits(&call.app.limits(call.now_ms)),
            "exchangeFilters": [],
            "symbols": markets,
        }))
    })
}

/// The limits of addresses and accounts.
fn rate_limits(limits: &Limits) -> Value {
    json!([
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limits.weight},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": limits.orders_ten_seconds},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": limits.orders_day},
    ])
}

/// The dialect's word for a phase.
const fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Trading | Phase::PostOnly => "TRADING",
        Phase::PreOpen | Phase::Auction { .. } | Phase::Uncrossing { .. } | Phase::CancelOnly { .. } => "BREAK",
        Phase::Halt | Phase::Delisted => "HALT",
    }
}

fn market(state: &State, record: &MarketRecord) -> Option<Value> {
    let view = View::of(state, record)?;
    let market = state.markets().market(record.id)?;
    Some(json!({
        "symbol": view.symbol,
        "status": status(market.phase()),
        "baseAsset": view.base,
        "baseAssetPrecision": view.base_decimals,
        "quoteAsset": view.quote,
        "quotePrecision": view.quote_decimals,
        "quoteAssetPrecision": view.quote_decimals,
        "baseCommissionPrecision": view.base_decimals,
        "quoteCommissionPrecision": view.quote_decimals,
        "orderTypes": [
            "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"
        ],
        "icebergAllowed": true,
        "ocoAllowed": true,
        "otoAllowed": false,
        "opoAllowed": false,
        "quoteOrderQtyMarketAllowed": true,
        "allowTrailingStop": true,
        "cancelReplaceAllowed": true,
        "amendAllowed": true,
        "pegInstructionsAllowed": false,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": filters(&view, market.filters()),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }))
}

fn filters(view: &View, filters: &Filters) -> Value {
    let step = |count: u32, step| of_steps(u64::from(count.max(1)), step);
    let price = |ticks: Ticks| view.price(ticks);
    let lots = |lots: Lots| view.lots(lots);
    let ppm = |ppm: u32| format_decimal(u128::from(ppm), 6);
    let (bid, ask) = (filters.percent[Side::Buy as usize], filters.percent[Side::Sell as usize]);
    let lots_step = step(filters.lots_step, view.lot);
    let mut list = vec![
        json!({
            "filterType": "PRICE_FILTER",
            "minPrice": price(filters.price_min),
            "maxPrice": price(filters.price_max),
            "tickSize": step(filters.price_step, view.tick),
        }),
        json!({
            "filterType": "LOT_SIZE",
            "minQty": lots(filters.lots_min),
            "maxQty": lots(filters.lots_max),
            "stepSize": lots_step,
        }),
        json!({"filterType": "ICEBERG_PARTS", "limit": super::order_spec::PARTS_MAX}),
        json!({
            "filterType": "MARKET_LOT_SIZE",
            "minQty": lots(filters.lots_min),
            "maxQty": lots(filters.market_lots_max),
            "stepSize": lots_step,
        }),
        json!({
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": ppm(bid.highest_ppm),
            "bidMultiplierDown": ppm(bid.lowest_ppm),
            "askMultiplierUp": ppm(ask.highest_ppm),
            "askMultiplierDown": ppm(ask.lowest_ppm),
            "avgPriceMins": 0,
        }),
        json!({
            "filterType": "NOTIONAL",
            "minNotional": view.quote(filters.notional_min),
            "applyMinToMarket": true,
            "maxNotional": view.quote(filters.notional_max),
            "applyMaxToMarket": true,
            "avgPriceMins": 0,
        }),
        json!({"filterType": "MAX_NUM_ORDERS", "maxNumOrders": filters.orders_max}),
        json!({"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": filters.stops_max}),
    ];
    if filters.position_max != Lots(u64::MAX) {
        list.push(json!({"filterType": "MAX_POSITION", "maxPosition": lots(filters.position_max)}));
    }
    Value::Array(list)
}
