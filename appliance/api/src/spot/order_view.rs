//! Orders as the dialect shows them.

use exchequer_state::markets::{Ask, Fill, OrderRecord, OrderStatus};
use exchequer_state::matching::{By, End, Life, Lots, OrderId, SelfTrade, Side, Ticks, When};
use serde_json::{Map, Value, json};

use super::view::View;

/// The dialect's word for where an order is.
pub(crate) const fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Waiting | OrderStatus::Open => "NEW",
        OrderStatus::PartlyFilled => "PARTIALLY_FILLED",
        OrderStatus::Filled | OrderStatus::Ended(End::Completed) => "FILLED",
        OrderStatus::Ended(End::Cancelled | End::CancelledAll | End::Replaced | End::CancelAfter) => "CANCELED",
        OrderStatus::Ended(End::SelfTrade) => "EXPIRED_IN_MATCH",
        OrderStatus::Ended(
            End::Pair
            | End::Deadline
            | End::Unfilled
            | End::Quote
            | End::StepsMax
            | End::PriceBand
            | End::Full
            | End::Refused
            | End::Delisted,
        ) => "EXPIRED",
    }
}

/// The dialect's word for what an order is.
pub(crate) const fn kind(order: &OrderRecord) -> &'static str {
    match (order.ask, order.when) {
        (Ask::Limit { life: Life::Rest { post_only: true, .. }, .. }, None) => "LIMIT_MAKER",
        (Ask::Limit { .. }, None) => "LIMIT",
        (Ask::Limit { .. }, Some(When::TakeProfit(_))) => "TAKE_PROFIT_LIMIT",
        (Ask::Limit { .. }, Some(When::StopLoss(_) | When::Trailing(_))) => "STOP_LOSS_LIMIT",
        (Ask::Market { .. }, None) => "MARKET",
        (Ask::Market { .. }, Some(When::TakeProfit(_))) => "TAKE_PROFIT",
        (Ask::Market { .. }, Some(When::StopLoss(_) | When::Trailing(_))) => "STOP_LOSS",
    }
}

pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(crate) const fn self_trade(mode: SelfTrade) -> &'static str {
    match mode {
        SelfTrade::Allow => "NONE",
        SelfTrade::ExpireTaker => "EXPIRE_TAKER",
        SelfTrade::ExpireMaker => "EXPIRE_MAKER",
        SelfTrade::ExpireBoth => "EXPIRE_BOTH",
        SelfTrade::Decrement => "DECREMENT",
    }
}

/// The number of an order's list: that of the first of its two orders, with the market, so that it is unique in all
/// markets; -1 where it is in none.
pub(crate) fn list_of(order: &OrderRecord) -> i64 {
    let Some(partner) = order.partner else { return -1 };
    let sequence = order.id.min(partner).sequence();
    i64::try_from(sequence * LIST_MARKETS + u64::from(order.market.0)).unwrap_or(-1)
}

/// Above the highest number of a market.
pub(crate) const LIST_MARKETS: u64 = 1 << 10;

/// The market and the lowest order number that a list's number stands for.
pub(crate) fn of_list(list: u64) -> (u32, OrderId) {
    // The market's part is below 2^10.
    let market = (list % LIST_MARKETS) as u32;
    (market, OrderId((list / LIST_MARKETS) << 20))
}

/// Quantity in lots of base; zero where an order is measured in quote.
fn quantity(order: &OrderRecord) -> Lots {
    match order.ask {
        Ask::Limit { lots, .. } => lots,
        Ask::Market { by: By::Lots, quantity } => Lots(u64::try_from(quantity).unwrap_or(u64::MAX)),
        // What the quote came to.
        Ask::Market { by: By::Quote, .. } => order.executed,
    }
}

/// What an order asks for, in the terms of the dialect.
pub(crate) struct Terms {
    /// The limit; zero where there is none.
    pub(crate) price: Ticks,
    pub(crate) time_in_force: &'static str,
    /// In lots of base; what it came to where it is measured in quote.
    pub(crate) quantity: Lots,
    /// In minor units of quote; zero where it is measured in base.
    pub(crate) by_quote: u128,
    pub(crate) stop: Option<Ticks>,
    pub(crate) peak: Option<Lots>,
}

impl Terms {
    pub(crate) fn of(order: &OrderRecord) -> Terms {
        let (price, life) = match order.ask {
            Ask::Limit { price, life, .. } => (price, life),
            Ask::Market { .. } => (Ticks(0), Life::Rest { until: None, peak: None, post_only: false }),
        };
        let (time_in_force, peak) = match life {
            Life::Rest { peak, .. } => ("GTC", peak),
            Life::Immediate => ("IOC", None),
            Life::FillOrKill => ("FOK", None),
        };
        let by_quote = match order.ask {
            Ask::Market { by: By::Quote, quantity } => quantity,
            Ask::Limit { .. } | Ask::Market { by: By::Lots, .. } => 0,
        };
        let stop = match order.when {
            Some(When::StopLoss(at) | When::TakeProfit(at)) => Some(at),
            Some(When::Trailing(_)) | None => None,
        };
        Terms { price, time_in_force, quantity: quantity(order), by_quote, stop, peak }
    }
}

/// What all answers show of an order.
fn common(view: &View, order: &OrderRecord) -> Map<String, Value> {
    let Terms { price, time_in_force, quantity, by_quote, stop, peak } = Terms::of(order);
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("symbol", json!(view.symbol));
    put("orderId", json!(order.id.0));
    put("orderListId", json!(list_of(order)));
    put("clientOrderId", json!(order.client_id.as_str()));
    put("price", json!(view.price(price)));
    put("origQty", json!(view.lots(quantity)));
    put("executedQty", json!(view.lots(order.executed)));
    put("origQuoteOrderQty", json!(view.quote(by_quote)));
    put("cummulativeQuoteQty", json!(view.quote(order.quote)));
    put("status", json!(status(order.status)));
    put("timeInForce", json!(time_in_force));
    put("type", json!(kind(order)));
    put("side", json!(side(order.side)));
    put("selfTradePreventionMode", json!(self_trade(order.self_trade)));
    if let Some(stop) = stop {
        put("stopPrice", json!(view.price(stop)));
    }
    if let Some(peak) = peak {
        put("icebergQty", json!(view.lots(peak)));
    }
    if order.prevented > Lots(0) {
        put("preventedQuantity", json!(view.lots(order.prevented)));
    }
    shown
}

/// An order as it is asked for.
pub(crate) fn queried(view: &View, order: &OrderRecord) -> Value {
    let mut shown = common(view, order);
    let waiting = order.status == OrderStatus::Waiting;
    shown.entry("stopPrice").or_insert_with(|| json!(view.price(Ticks(0))));
    shown.entry("icebergQty").or_insert_with(|| json!(view.lots(Lots(0))));
    shown.insert("time".into(), json!(order.created.millis()));
    shown.insert("updateTime".into(), json!(order.updated.millis()));
    shown.insert("isWorking".into(), json!(!waiting));
    shown.insert("workingTime".into(), if waiting { json!(-1) } else { json!(order.created.millis()) });
    Value::Object(shown)
}

/// An order that was ended, with the name that it had and the name of the cancel.
pub(crate) fn cancelled(view: &View, order: &OrderRecord, cancel: &str) -> Value {
    let mut shown = common(view, order);
    shown.insert("origClientOrderId".into(), json!(order.client_id.as_str()));
    shown.insert("clientOrderId".into(), json!(cancel));
    shown.insert("transactTime".into(), json!(order.updated.millis()));
    Value::Object(shown)
}

/// How much of a new order an answer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// That it is there.
    Ack,
    /// How it is.
    Result,
    /// And its trades.
    Full,
}

/// An order that was entered.
pub(crate) fn placed(view: &View, order: &OrderRecord, fills: &[Fill], response: Response) -> Value {
    if response == Response::Ack {
        return json!({
            "symbol": view.symbol,
            "orderId": order.id.0,
            "orderListId": list_of(order),
            "clientOrderId": order.client_id.as_str(),
            "transactTime": order.updated.millis(),
        });
    }
    let mut shown = common(view, order);
    shown.insert("transactTime".into(), json!(order.updated.millis()));
    let waiting = order.status == OrderStatus::Waiting;
    shown.insert("workingTime".into(), if waiting { json!(-1) } else { json!(order.created.millis()) });
    if response == Response::Full {
        let fills = fills.iter().map(|fill| {
            let (commission, asset) = match order.side {
                Side::Buy => (view.base(fill.fee), &view.base),
                Side::Sell => (view.quote(fill.fee), &view.quote),
            };
            json!({
                "price": view.price(fill.price),
                "qty": view.lots(fill.lots),
                "commission": commission,
                "commissionAsset": asset,
                "tradeId": fill.trade.0,
            })
        });
        shown.insert("fills".into(), Value::Array(fills.collect()));
    }
    Value::Object(shown)
}
