//! Pairs of orders of which one can take effect, which the dialect calls order lists.
//!
//! A list's number follows from its first order, which is the limit order, and so does its name: the state knows orders
//! and which of them belong together, and no lists.

use exchequer_domain::UserId;
use exchequer_state::markets::{Ask, ClientOrderId, MarketId, OrderRecord};
use exchequer_state::matching::{By, Life, Side, When};
use exchequer_state::{Body, CancelOrder, OrderRef, OrderSpec, PlacePair, Rows, State, Traded};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::{Error, Purpose};
use super::order_spec::{lots, name, price, response, self_trade, side};
use super::order_view::{Response, cancelled, list_of, of_list, placed};
use super::params::Params;
use super::read::{Fresh, unreadable};
use super::view::{View, symbol};

/// A list, its two orders in the order of their numbers.
fn shown(view: &View, orders: &[OrderRecord], time_ms: u64) -> serde_json::Map<String, Value> {
    let mut sorted = orders.to_vec();
    sorted.sort_unstable_by_key(|order| order.id);
    let open = sorted.iter().any(|order| order.status.is_open());
    let first = sorted.first();
    let mut map = serde_json::Map::new();
    let mut put = |name: &str, value: Value| {
        map.insert(name.to_owned(), value);
    };
    put("orderListId", json!(first.map_or(-1, list_of)));
    put("contingencyType", json!("OCO"));
    put("listStatusType", json!(if open { "EXEC_STARTED" } else { "ALL_DONE" }));
    put("listOrderStatus", json!(if open { "EXECUTING" } else { "ALL_DONE" }));
    put("listClientOrderId", json!(first.map_or("", |order| order.client_id.as_str())));
    put("transactionTime", json!(time_ms));
    put("symbol", json!(view.symbol));
    let orders = sorted
        .iter()
        .map(|order| json!({"symbol": view.symbol, "orderId": order.id.0, "clientOrderId": order.client_id.as_str()}));
    put("orders", Value::Array(orders.collect()));
    map
}

/// What the end of orders shows, where they were a list.
pub(crate) fn shown_if_list(view: &View, orders: &[OrderRecord], time_ms: u64, cancel: &str) -> Option<Value> {
    let [first, second] = orders else { return None };
    if first.partner != Some(second.id) {
        return None;
    }
    let mut map = shown(view, orders, time_ms);
    let mut sorted = [first, second];
    sorted.sort_unstable_by_key(|order| order.id);
    let reports = sorted.map(|order| cancelled(view, order, cancel));
    map.insert("orderReports".into(), Value::Array(reports.to_vec()));
    Some(Value::Object(map))
}

/// One of the two orders as it is asked for.
struct Leg {
    kind: String,
    name: Option<ClientOrderId>,
    price: Option<String>,
    stop: Option<String>,
    life: Option<String>,
}

impl Leg {
    fn read(params: &mut Params, which: &str) -> Result<Leg, Error> {
        let kind = params.required(&format!("{which}Type"))?.to_owned();
        let name = name(params, &format!("{which}ClientOrderId"))?;
        let mut text = |field: &str| params.text(&format!("{which}{field}")).map(|text| text.map(str::to_owned));
        let leg = Leg { kind, name, price: text("Price")?, stop: text("StopPrice")?, life: text("TimeInForce")? };
        for field in ["IcebergQty", "TrailingDelta"] {
            let field = format!("{which}{field}");
            if params.has(&field) {
                return Err(Error::not_required(&field));
            }
        }
        params.ignore(&[&format!("{which}StrategyId"), &format!("{which}StrategyType")]);
        Ok(leg)
    }
}

pub(crate) fn place(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let params = &mut call.params;
        let symbol = symbol(params)?;
        let side = side(params)?;
        let quantity = params.required("quantity")?.to_owned();
        let list_name = name(params, "listClientOrderId")?;
        let (above, below) = (Leg::read(params, "above")?, Leg::read(params, "below")?);
        let self_trade = self_trade(params)?;
        let response = response(params, Response::Result)?;
        params.end()?;
        let is_limit = |leg: &Leg| leg.kind == "LIMIT_MAKER";
        let (limit, stop, names) = match (side, is_limit(&above), is_limit(&below)) {
            (_, true, true) => return Err(Error::new(-1168, "At least one OCO order must be contingent.")),
            (Side::Sell, true, false) => (above, below, ("abovePrice", "belowPrice", "belowStopPrice")),
            (Side::Buy, false, true) => (below, above, ("belowPrice", "abovePrice", "aboveStopPrice")),
            (Side::Sell, false, true) => {
                return Err(Error::new(-1166, "A limit order in a sell OCO must be above."));
            }
            (Side::Buy, true, false) => return Err(Error::new(-1165, "A limit order in a buy OCO must be below.")),
            (_, false, false) => return Err(Error::new(-1158, "Order type not supported in OCO.")),
        };
        let has_price = match stop.kind.as_str() {
            "STOP_LOSS" => false,
            "STOP_LOSS_LIMIT" => true,
            _ => return Err(Error::new(-1158, "Order type not supported in OCO.")),
        };
        let view = call.market(&symbol).await?;
        let lots = lots(&view, "quantity", &quantity)?;
        let limit_price = price(&view, names.0, limit.price.as_deref().ok_or_else(|| Error::missing(names.0))?)?;
        let at = price(&view, names.2, stop.stop.as_deref().ok_or_else(|| Error::missing(names.2))?)?;
        let ask = if has_price {
            let text = stop.price.as_deref().ok_or_else(|| Error::missing(names.1))?;
            let life = match stop.life.as_deref() {
                Some("GTC") => Life::Rest { until: None, peak: None, post_only: false },
                Some("IOC") => Life::Immediate,
                Some("FOK") => Life::FillOrKill,
                Some(_) => return Err(Error::new(-1115, "Invalid timeInForce.")),
                None => return Err(Error::missing(&names.1.replace("Price", "TimeInForce"))),
            };
            Ask::Limit { price: price(&view, names.1, text)?, lots, life }
        } else if stop.price.is_some() {
            return Err(Error::not_required(names.1));
        } else {
            Ask::Market { by: By::Lots, quantity: lots.0.into() }
        };
        if limit.stop.is_some() || limit.life.is_some() {
            return Err(Error::not_required(&names.0.replace("Price", "StopPrice")));
        }
        // The limit order comes first, and a list is called as its first order.
        let limit_name = limit.name.or(list_name).map_or_else(|| call.drawn_name(), Ok)?;
        let client_id = stop.name.map_or_else(|| call.drawn_name(), Ok)?;
        let spec = OrderSpec { client_id, side, ask, when: Some(When::StopLoss(at)), self_trade };
        call.count_orders(2)?;
        let pair = PlacePair { user: call.user, market: view.id, stop: spec, limit_name, price: limit_price };
        let traded = call.trade(Body::PlacePair(Box::new(pair)), Purpose::Limit).await?;
        let Traded { orders, fills } = traded;
        let mut map = shown(&view, &orders, orders.first().map_or(call.now_ms, |order| order.updated.millis()));
        let reports = orders.iter().map(|order| placed(&view, order, &fills, response));
        map.insert("orderReports".into(), Value::Array(reports.collect()));
        Ok(Value::Object(map))
    })
}

/// Which list a request means.
#[derive(Debug, Clone, Copy)]
enum Which {
    Number(u64),
    Name(ClientOrderId),
}

impl Which {
    fn read(params: &mut Params, parameter: &str) -> Result<Which, Error> {
        match (params.number("orderListId")?, name(params, parameter)?) {
            (Some(number), _) => Ok(Which::Number(number)),
            (None, Some(name)) => Ok(Which::Name(name)),
            (None, None) => {
                let msg = format!("Param 'orderListId' or '{parameter}' must be sent, but both were empty/null!");
                Err(Error::new(-1102, msg))
            }
        }
    }
}

/// The orders of a list of a user.
fn find(state: &State, rows: &dyn Rows, user: UserId, which: Which) -> Result<Option<[OrderRecord; 2]>, Error> {
    let markets = state.markets();
    let first = match which {
        Which::Number(number) => {
            let (market, from) = of_list(number);
            let page = markets.orders(rows, user, MarketId(market), Some(from), 1).map_err(unreadable)?;
            page.into_iter().next().filter(|order| order.id.sequence() == from.sequence())
        }
        Which::Name(name) => markets.order_named(rows, user, name).map_err(unreadable)?,
    };
    let Some(first) = first else { return Ok(None) };
    let Some(partner) = first.partner else { return Ok(None) };
    let second = markets.order(rows, user, first.market, partner).map_err(unreadable)?;
    Ok(second.map(|second| [first, second]))
}

fn no_list() -> Error {
    Error::new(-2018, "Order list does not exist.")
}

pub(crate) fn get(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let which = Which::read(&mut call.params, "origClientOrderId")?;
        call.params.end()?;
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let orders = find(state, rows, user, which)?.ok_or_else(no_list)?;
            let view = View::numbered(state, orders[0].market)?;
            Ok(Value::Object(shown(&view, &orders, orders[0].created.millis())))
        };
        Ok(call.app.spot_read(Fresh::Exact, read).await?.0)
    })
}

pub(crate) fn cancel(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let which = Which::read(&mut call.params, "listClientOrderId")?;
        let cancel = name(&mut call.params, "newClientOrderId")?;
        call.params.end()?;
        let cancel = cancel.map_or_else(|| call.drawn_name(), Ok)?;
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let orders = find(state, rows, user, which)?.filter(|orders| orders[0].market == view.id);
            let orders = orders.ok_or_else(Error::cancel)?;
            // Where neither is open it is the state that refuses, or that knows this request from before.
            let open = orders.iter().find(|order| order.status.is_open()).unwrap_or(&orders[0]);
            Ok((view, open.id, orders))
        };
        let (view, id, mut list) = call.app.spot_read(Fresh::Exact, read).await?.0;
        let body = Body::CancelOrder(CancelOrder { user, market: view.id, order: OrderRef::Id(id) });
        let Traded { orders, .. } = call.trade(body, Purpose::Cancel).await?;
        // One of them may have been over before.
        for order in orders {
            list.iter_mut().filter(|known| known.id == order.id).for_each(|known| *known = order);
        }
        shown_if_list(&view, &list, call.now_ms, cancel.as_str()).ok_or_else(Error::unknown_outcome)
    })
}

pub(crate) fn open(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        call.params.end()?;
        let user = call.user;
        let look = |state: &State| {
            let markets = state.markets();
            let mut lists = Vec::new();
            for view in markets.records().filter_map(|record| View::of(state, record)) {
                let orders: Vec<OrderRecord> = markets.open_orders(user, view.id).copied().collect();
                for first in orders.iter().rev() {
                    let second = orders.iter().find(|other| first.partner == Some(other.id) && first.id < other.id);
                    if let Some(second) = second {
                        lists.push(Value::Object(shown(&view, &[*first, *second], first.created.millis())));
                    }
                }
            }
            Ok(Value::Array(lists))
        };
        Ok(call.app.spot_look(Fresh::Exact, look).await?.0)
    })
}
