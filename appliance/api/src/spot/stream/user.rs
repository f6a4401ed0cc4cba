//! What a user is told of their orders and balances, field by field as the dialect names it.

use exchequer_domain::{Network, format_decimal};
use exchequer_state::OrderStep;
use exchequer_state::deposits::{DepositId, DepositStage};
use exchequer_state::markets::{ClientOrderId, Fill, OrderRecord, OrderStatus};
use exchequer_state::matching::{End, Lots, OrderId, Side, Ticks};
use exchequer_state::withdrawals::{Stage, WithdrawalId};
use serde_json::{Map, Value, json};

use super::super::capital::{deposit_status, network_word};
use super::super::order_view::{Terms, kind, list_of, self_trade, side, status};
use super::super::view::View;
use super::messages::text;

/// Where an event comes from: its entry, and its place among the entry's events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) index: u64,
    pub(crate) place: usize,
    pub(crate) time_ms: u64,
}

impl Origin {
    /// A number that no other event has, the same on every node.
    fn number(self) -> u64 {
        self.index.saturating_mul(EVENTS_OF_AN_ENTRY) + self.place as u64
    }
}

/// More than an entry can have; numbers stay below 2^53 for as many entries as there will be.
const EVENTS_OF_AN_ENTRY: u64 = 1 << 17;

/// The dialect's word for what happened.
const fn execution(step: OrderStep, order: &OrderRecord) -> &'static str {
    match step {
        OrderStep::Entered | OrderStep::Triggered => "NEW",
        OrderStep::Traded { .. } => "TRADE",
        OrderStep::Amended => "REPLACED",
        OrderStep::Reduced => "TRADE_PREVENTION",
        OrderStep::Ended => match order.status {
            OrderStatus::Ended(End::Cancelled | End::CancelledAll | End::Replaced | End::CancelAfter) => "CANCELED",
            OrderStatus::Ended(End::SelfTrade) => "TRADE_PREVENTION",
            _ => "EXPIRED",
        },
    }
}

/// The report of one thing that happened to an order.
pub(crate) fn execution_report(view: &View, order: &OrderRecord, step: OrderStep, origin: Origin) -> String {
    let Terms { price, time_in_force, quantity, by_quote, stop, peak } = Terms::of(order);
    let (fill, taker) = match step {
        OrderStep::Traded { fill, taker } => (Some(fill), taker),
        _ => (None, false),
    };
    let (commission, asset) = match (fill, order.side) {
        (Some(Fill { fee, .. }), Side::Buy) => (view.base(fee), json!(view.base)),
        (Some(Fill { fee, .. }), Side::Sell) => (view.quote(fee), json!(view.quote)),
        (None, _) => ("0".to_owned(), Value::Null),
    };
    let quote = fill.map_or(0, |fill| view.notional(fill.price, fill.lots));
    let open = order.status.is_open();
    let working = open && order.status != OrderStatus::Waiting;
    let word = execution(step, order);
    // A cancel's own name is not told: the state does not know it.
    let original = if word == "CANCELED" { order.client_id.as_str() } else { "" };
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    put("e", json!("executionReport"));
    put("E", json!(origin.time_ms));
    put("s", json!(view.symbol));
    put("c", json!(order.client_id.as_str()));
    put("S", json!(side(order.side)));
    put("o", json!(kind(order)));
    put("f", json!(time_in_force));
    put("q", json!(view.lots(quantity)));
    put("p", json!(view.price(price)));
    put("P", json!(view.price(stop.unwrap_or(Ticks(0)))));
    put("F", json!(view.lots(peak.unwrap_or(Lots(0)))));
    put("g", json!(list_of(order)));
    put("C", json!(original));
    put("x", json!(word));
    // What is filled later in the same step is told later.
    put("X", json!(status(order.status)));
    put("r", json!("NONE"));
    put("i", json!(order.id.0));
    put("l", json!(view.lots(fill.map_or(Lots(0), |fill| fill.lots))));
    put("z", json!(view.lots(order.executed)));
    put("L", json!(view.price(fill.map_or(Ticks(0), |fill| fill.price))));
    put("n", json!(commission));
    put("N", asset);
    put("T", json!(origin.time_ms));
    put("t", fill.map_or(json!(-1), |fill| json!(fill.trade.0)));
    put("I", json!(origin.number()));
    put("w", json!(working));
    put("m", json!(fill.is_some() && !taker));
    put("M", json!(fill.is_some()));
    put("O", json!(order.created.millis()));
    put("Z", json!(view.quote(order.quote)));
    put("Y", json!(view.quote(quote)));
    put("Q", json!(view.quote(by_quote)));
    if order.status != OrderStatus::Waiting {
        put("W", json!(order.created.millis()));
    }
    put("V", json!(self_trade(order.self_trade)));
    if order.prevented > Lots(0) {
        put("A", json!(view.lots(order.prevented)));
    }
    text(&Value::Object(shown))
}

/// That a list began or is over, with its orders in the order of their numbers.
pub(crate) fn list_status(
    view: &View,
    list: i64,
    orders: &[(OrderId, ClientOrderId)],
    is_over: bool,
    time_ms: u64,
) -> String {
    let shown = orders.iter().map(|(id, name)| json!({"s": view.symbol, "i": id.0, "c": name.as_str()}));
    let shown: Vec<Value> = shown.collect();
    text(&json!({
        "e": "listStatus",
        "E": time_ms,
        "s": view.symbol,
        "g": list,
        "c": "OCO",
        "l": if is_over { "ALL_DONE" } else { "EXEC_STARTED" },
        "L": if is_over { "ALL_DONE" } else { "EXECUTING" },
        "r": "NONE",
        // A list is called after its first order.
        "C": orders.first().map_or("", |(_, name)| name.as_str()),
        "T": time_ms,
        "O": shown,
    }))
}

/// What a user has of one asset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) asset: String,
    pub(crate) decimals: u8,
    pub(crate) free: u128,
    pub(crate) locked: u128,
}

/// The balances that may have changed.
pub(crate) fn account_position(balances: &[Balance], time_ms: u64) -> String {
    let shown = balances.iter().map(|balance| {
        json!({
            "a": balance.asset,
            "f": format_decimal(balance.free, balance.decimals),
            "l": format_decimal(balance.locked, balance.decimals),
        })
    });
    let shown: Vec<Value> = shown.collect();
    text(&json!({"e": "outboundAccountPosition", "E": time_ms, "u": time_ms, "B": shown}))
}

/// Money that came or went other than by a trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) asset: String,
    pub(crate) decimals: u8,
    pub(crate) amount: u128,
    pub(crate) came: bool,
    pub(crate) time_ms: u64,
}

pub(crate) fn balance_update(moved: &Moved) -> String {
    let amount = format_decimal(moved.amount, moved.decimals);
    let delta = if moved.came { amount } else { format!("-{amount}") };
    text(&json!({"e": "balanceUpdate", "E": moved.time_ms, "a": moved.asset, "d": delta, "T": moved.time_ms}))
}

/// What became of a deposit. The dialect has no such event: the number of the state is that of `/sapi/v1/capital/deposit/hisrec`.
pub(crate) fn deposit_update(id: DepositId, network: Network, stage: DepositStage, time_ms: u64) -> String {
    let (status, word, network) = (deposit_status(stage), stage.as_str(), network_word(network));
    text(&json!({"e": "depositUpdate", "E": time_ms, "T": time_ms, "i": id.0, "n": network, "s": status, "X": word}))
}

/// What became of a withdrawal. The dialect has no such event: the number of the state is that of `/sapi/v1/capital/withdraw/history`.
pub(crate) fn withdrawal_update(id: WithdrawalId, stage: Stage, time_ms: u64) -> String {
    let (status, word) = (stage.binance(), stage.as_str());
    text(&json!({"e": "withdrawUpdate", "E": time_ms, "T": time_ms, "i": id.0, "s": status, "X": word}))
}

/// An event of one subscription, as the WebSocket API sends it.
pub(crate) fn of_subscription(number: u32, event: &str) -> String {
    format!("{{\"subscriptionId\":{number},\"event\":{event}}}")
}
