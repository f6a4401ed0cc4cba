//! Entering, looking up and ending orders.

use exchequer_domain::UserId;
use exchequer_state::ids;
use exchequer_state::markets::{ClientOrderId, HISTORY_PAGE_MAX, OrderRecord};
use exchequer_state::matching::{OrderId, Side};
use exchequer_state::{
    Actor, Body, CancelOrder, CancelOrders, Command, Done, OrderRef, Outcome, PlaceOrder, Rejection, Rows, State,
    Traded,
};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::{Error, Purpose, of_rejection};
use super::market_data::span;
use super::order_spec::{Asked, name};
use super::order_view::{cancelled, placed, queried};
use super::params::Params;
use super::read::{Fresh, PATIENCE, unreadable};
use super::view::{View, symbol};

impl Call {
    /// Has one command committed and applied; the state's refusals as the state gives them.
    ///
    /// The same request sent again makes the same commands: each takes effect once, and gets the outcome that it had.
    pub(crate) async fn submit(&mut self, body: Body) -> Result<Result<Done, Rejection>, Error> {
        let id = self.imprint.command(self.made.commands);
        self.made.commands += 1;
        let command = Command { id, actor: Actor::ApiKey(self.key), epoch: None, body };
        let app = self.app.clone();
        // To its end, also when the client goes away.
        let ended = self.app.finish(async move { app.backend.submit(vec![command], PATIENCE).await }).await;
        let submitted = ended.map_err(|problem| match problem.code {
            exchequer_domain::Code::Internal => Error::unknown_outcome(),
            _ => Error::from(problem),
        })?;
        match submitted.outcomes.into_iter().next() {
            Some(Outcome::Done(done)) => Ok(Ok(done)),
            Some(Outcome::Rejected(rejection)) => Ok(Err(rejection)),
            None => Err(Error::unknown_outcome()),
        }
    }

    /// The same where what is done are orders.
    pub(crate) async fn trade(&mut self, body: Body, purpose: Purpose) -> Result<Traded, Error> {
        match self.submit(body).await? {
            Ok(Done::Traded(traded)) => Ok(*traded),
            // It took effect, but not as it must have: nothing can be promised.
            Ok(_) => Err(Error::unknown_outcome()),
            Err(rejection) => Err(of_rejection(&rejection, purpose)),
        }
    }

    /// A name for an order that the client gave none.
    pub(crate) fn drawn_name(&mut self) -> Result<ClientOrderId, Error> {
        let name = self.imprint.name(self.made.names);
        self.made.names += 1;
        ClientOrderId::new(&name).ok_or_else(Error::internal)
    }

    /// A market as this node knows it.
    pub(crate) async fn market(&self, symbol: &str) -> Result<View, Error> {
        Ok(self.app.spot_look(Fresh::Local, |state| View::named(state, symbol)).await?.0)
    }

    /// The order that parameters ask for, in the units of its market.
    pub(crate) async fn spec(&self, asked: &Asked) -> Result<(View, exchequer_state::OrderSpec), Error> {
        let look = |state: &State| {
            let view = View::named(state, &asked.symbol)?;
            let spec = asked.spec(state, &view)?;
            Ok((view, spec))
        };
        Ok(self.app.spot_look(Fresh::Local, look).await?.0)
    }
}

pub(crate) fn place(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let drawn = call.drawn_name()?;
        let asked = Asked::read(&mut call.params, drawn)?;
        call.params.end()?;
        let (view, order) = call.spec(&asked).await?;
        call.count_orders(1)?;
        let body = Body::PlaceOrder(Box::new(PlaceOrder { user: call.user, market: view.id, order }));
        let Traded { orders, fills } = call.trade(body, asked.kind.purpose()).await?;
        let order = orders.first().ok_or_else(Error::unknown_outcome)?;
        Ok(placed(&view, order, &fills, asked.response))
    })
}

/// Checks an order as far as it can be checked without the book.
pub(crate) fn test(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let drawn = call.drawn_name()?;
        let asked = Asked::read(&mut call.params, drawn)?;
        let rates = call.params.flag("computeCommissionRates")?.unwrap_or(false);
        call.params.end()?;
        let (view, _) = call.spec(&asked).await?;
        if !rates {
            return Ok(json!({}));
        }
        let commission = super::account::commission(call, &view).await?;
        Ok(json!({
            "standardCommissionForOrder": {"maker": commission["maker"], "taker": commission["taker"]},
            "specialCommissionForOrder": {"maker": "0.000000", "taker": "0.000000"},
            "taxCommissionForOrder": {"maker": "0.000000", "taker": "0.000000"},
            "discount": {"enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "", "discount": "0.000000"},
        }))
    })
}

/// Which order a request means.
pub(crate) fn which(params: &mut Params, id: &str, orig: &str) -> Result<OrderRef, Error> {
    let (number, text) = (params.number(id)?, name(params, orig)?);
    match (number, text) {
        (Some(number), _) => Ok(OrderRef::Id(OrderId(number))),
        (None, Some(name)) => Ok(OrderRef::Name(name)),
        (None, None) => {
            let msg = format!("Param '{orig}' or '{id}' must be sent, but both were empty/null!");
            Err(Error::new(-1102, msg))
        }
    }
}

/// An order of a user in a market, open or over.
pub(crate) fn find(
    state: &State,
    rows: &dyn Rows,
    user: UserId,
    view: &View,
    order: OrderRef,
) -> Result<Option<OrderRecord>, Error> {
    let markets = state.markets();
    let found = match order {
        OrderRef::Id(id) => markets.order(rows, user, view.id, id),
        OrderRef::Name(name) => match markets.open_order_named(user, view.id, name) {
            Some(open) => Ok(Some(*open)),
            None => markets.order_named(rows, user, name),
        },
    };
    Ok(found.map_err(unreadable)?.filter(|order| order.market == view.id))
}

pub(crate) fn get(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let order = which(&mut call.params, "orderId", "origClientOrderId")?;
        call.params.end()?;
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let found = find(state, rows, user, &view, order)?.ok_or_else(Error::no_order)?;
            Ok(queried(&view, &found))
        };
        Ok(call.app.spot_read(Fresh::Exact, read).await?.0)
    })
}

/// A restriction of cancels, checked against the order as it is now; the cancel itself is not conditional.
pub(crate) async fn restricted(call: &Call, view: &View, order: OrderRef, word: &str) -> Result<(), Error> {
    let wanted = match word {
        "ONLY_NEW" => "NEW",
        "ONLY_PARTIALLY_FILLED" => "PARTIALLY_FILLED",
        _ => {
            let msg = "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.";
            return Err(Error::new(-1145, msg));
        }
    };
    let (user, view, id) = (call.user, view.clone(), call.imprint.command(call.made.commands));
    let read = move |state: &State, rows: &dyn Rows| {
        // The order is what this request, sent before, has made of it: what was done then is the answer.
        if ids::is_known(state.time(), rows, id).map_err(unreadable)? {
            return Ok(());
        }
        let found = find(state, rows, user, &view, order)?;
        let found = found.filter(|order| order.status.is_open()).ok_or_else(Error::cancel)?;
        if super::order_view::status(found.status) == wanted {
            return Ok(());
        }
        Err(Error::new(-2011, "Order was not canceled due to cancel restrictions."))
    };
    call.app.spot_read(Fresh::Exact, read).await?;
    Ok(())
}

pub(crate) fn cancel(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let order = which(&mut call.params, "orderId", "origClientOrderId")?;
        let cancel = name(&mut call.params, "newClientOrderId")?;
        let restriction = call.params.text("cancelRestrictions")?.map(str::to_owned);
        call.params.end()?;
        let cancel = cancel.map_or_else(|| call.drawn_name(), Ok)?;
        let view = call.market(&symbol).await?;
        if let Some(word) = restriction {
            restricted(call, &view, order, &word).await?;
        }
        let body = Body::CancelOrder(CancelOrder { user: call.user, market: view.id, order });
        let Traded { orders, .. } = call.trade(body, Purpose::Cancel).await?;
        if let Some(list) = super::lists::shown_if_list(&view, &orders, call.now_ms, cancel.as_str()) {
            return Ok(list);
        }
        let order = orders.first().ok_or_else(Error::unknown_outcome)?;
        Ok(cancelled(&view, order, cancel.as_str()))
    })
}

pub(crate) fn cancel_all(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        call.params.end()?;
        let view = call.market(&symbol).await?;
        let body = Body::CancelOrders(CancelOrders { user: call.user, market: view.id, side: None::<Side> });
        let Traded { mut orders, .. } = call.trade(body, Purpose::Cancel).await?;
        let name = call.drawn_name()?;
        orders.sort_unstable_by_key(|order| order.id);
        let mut shown = Vec::new();
        let mut rest = orders.as_slice();
        while let Some((order, after)) = rest.split_first() {
            rest = after;
            match after.iter().position(|other| order.partner == Some(other.id)) {
                Some(at) => {
                    let both = [*order, *after.get(at).ok_or_else(Error::internal)?];
                    shown.extend(super::lists::shown_if_list(&view, &both, call.now_ms, name.as_str()));
                }
                None if orders.iter().any(|other| other.id < order.id && order.partner == Some(other.id)) => {}
                None => shown.push(cancelled(&view, order, name.as_str())),
            }
        }
        Ok(Value::Array(shown))
    })
}

/// Asking for all markets costs more.
pub(crate) fn open_weight(params: &mut Params) -> u32 {
    if params.has("symbol") { 6 } else { 80 }
}

pub(crate) fn open(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let named = call.params.has("symbol").then(|| symbol(&mut call.params)).transpose()?;
        call.params.end()?;
        let user = call.user;
        let look = |state: &State| {
            let markets = state.markets();
            let views: Vec<View> = match &named {
                Some(symbol) => vec![View::named(state, symbol)?],
                None => markets.records().filter_map(|record| View::of(state, record)).collect(),
            };
            let mut shown = Vec::new();
            for view in &views {
                let mut orders: Vec<&OrderRecord> = markets.open_orders(user, view.id).collect();
                orders.reverse();
                shown.extend(orders.into_iter().map(|order| queried(view, order)));
            }
            Ok(shown)
        };
        Ok(Value::Array(call.app.spot_look(Fresh::Exact, look).await?.0))
    })
}

/// How many pages a search by time looks through at most.
const PAGES_MAX: usize = 20;

pub(crate) fn all(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let from = call.params.number("orderId")?.map(OrderId);
        let (start, end) = span(&mut call.params)?;
        let limit = call.params.limit(500, HISTORY_PAGE_MAX)?;
        call.params.end()?;
        if let (Some(start), Some(end)) = (start, end)
            && end - start > DAY_MS
        {
            return Err(Error::new(-1127, "More than 24 hours between startTime and endTime."));
        }
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let page = |from, limit| state.markets().orders(rows, user, view.id, from, limit).map_err(unreadable);
            if start.is_none() && end.is_none() {
                return Ok(page(from, limit)?.iter().map(|order| queried(&view, order)).collect());
            }
            // Numbers ascend with the time of entry, so that pages in order are in time.
            let mut next = Some(from.unwrap_or(OrderId(0)));
            let mut found: Vec<OrderRecord> = Vec::new();
            for _ in 0..PAGES_MAX {
                let orders = page(next, HISTORY_PAGE_MAX)?;
                let (count, last) = (orders.len(), orders.last().map(|order| (order.id, order.created.millis())));
                let after = |order: &OrderRecord| start.is_none_or(|start| order.created.millis() >= start);
                let before = |order: &OrderRecord| end.is_none_or(|end| order.created.millis() <= end);
                found.extend(orders.into_iter().filter(|order| after(order) && before(order)));
                let Some((id, created)) = last.filter(|_| count == HISTORY_PAGE_MAX) else { break };
                if (start.is_some() && found.len() >= limit) || end.is_some_and(|end| created > end) {
                    break;
                }
                next = Some(OrderId(id.0 + 1));
            }
            if start.is_some() {
                found.truncate(limit);
            } else {
                found.drain(..found.len().saturating_sub(limit));
            }
            Ok(found.iter().map(|order| queried(&view, order)).collect())
        };
        Ok(Value::Array(call.app.spot_read(Fresh::Exact, read).await?.0))
    })
}

pub(crate) const DAY_MS: u64 = 86_400_000;
