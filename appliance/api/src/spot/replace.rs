//! Changing orders: in their place, or by another one in their stead.

use exchequer_state::{AmendOrder, Body, Done, ReplaceOrder};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::{Error, Purpose, of_book, of_rejection};
use super::order_spec::{Asked, lots, name};
use super::order_view::{cancelled, placed, queried};
use super::orders::{restricted, which};
use super::view::symbol;

/// The body of one half's refusal.
fn refusal(error: &Error) -> Value {
    json!({"code": error.code, "msg": error.msg})
}

fn halves(code: i32, msg: &str, cancel: (&str, Value), new: (&str, Value)) -> Error {
    let data = json!({
        "cancelResult": cancel.0,
        "newOrderResult": new.0,
        "cancelResponse": cancel.1,
        "newOrderResponse": new.1,
    });
    let status = if code == -2021 { axum::http::StatusCode::CONFLICT } else { axum::http::StatusCode::BAD_REQUEST };
    Error { status, data: Some(data), ..Error::new(code, msg) }
}

/// Ends an order and enters another, in one step. Where there is no such order nothing is entered, unless the mode is
/// `ALLOW_FAILURE`: then the new one is entered by a step of its own.
pub(crate) fn cancel_replace(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let carry_on = match call.params.required("cancelReplaceMode")? {
            "STOP_ON_FAILURE" => false,
            "ALLOW_FAILURE" => true,
            _ => return Err(Error::invalid("cancelReplaceMode")),
        };
        let old = which(&mut call.params, "cancelOrderId", "cancelOrigClientOrderId")?;
        let cancel = name(&mut call.params, "cancelNewClientOrderId")?;
        let restriction = call.params.text("cancelRestrictions")?.map(str::to_owned);
        call.params.ignore(&["orderRateLimitExceededMode"]);
        let drawn = call.drawn_name()?;
        let asked = Asked::read(&mut call.params, drawn)?;
        call.params.end()?;
        let cancel = cancel.map_or_else(|| call.drawn_name(), Ok)?;
        let (view, new) = call.spec(&asked).await?;
        let failed = |error: &Error| {
            let msg = "Order cancel-replace failed.";
            halves(-2022, msg, ("FAILURE", refusal(error)), ("NOT_ATTEMPTED", Value::Null))
        };
        if let Some(word) = restriction {
            restricted(call, &view, old, &word).await.map_err(|error| failed(&error))?;
        }
        call.count_orders(1)?;
        let replace = ReplaceOrder { user: call.user, market: view.id, old, new };
        let done = match call.submit(Body::ReplaceOrder(Box::new(replace))).await? {
            Ok(done) => done,
            Err(rejection) => {
                let error = of_rejection(&rejection, Purpose::Cancel);
                // Only an order that is gone already leaves room for carrying on.
                if !(carry_on && error.code == -2011) {
                    return Err(failed(&error));
                }
                let body = exchequer_state::PlaceOrder { user: call.user, market: view.id, order: new };
                let placing = call.trade(Body::PlaceOrder(Box::new(body)), asked.kind.purpose()).await;
                return Err(match placing {
                    Ok(traded) => {
                        let order = traded.orders.first().ok_or_else(Error::unknown_outcome)?;
                        let new = placed(&view, order, &traded.fills, asked.response);
                        let msg = "Order cancel-replace partially failed.";
                        halves(-2021, msg, ("FAILURE", refusal(&error)), ("SUCCESS", new))
                    }
                    Err(second) if second.code == -1007 => second,
                    Err(second) => {
                        let msg = "Order cancel-replace failed.";
                        halves(-2022, msg, ("FAILURE", refusal(&error)), ("FAILURE", refusal(&second)))
                    }
                });
            }
        };
        let Done::Replaced { traded, refused } = done else { return Err(Error::unknown_outcome()) };
        let old = traded.orders.first().ok_or_else(Error::unknown_outcome)?;
        let old = cancelled(&view, old, cancel.as_str());
        if let Some(why) = refused {
            let error = of_book(why, asked.kind.purpose());
            let msg = "Order cancel-replace partially failed.";
            return Err(halves(-2021, msg, ("SUCCESS", old), ("FAILURE", refusal(&error))));
        }
        let new = traded.orders.get(1).ok_or_else(Error::unknown_outcome)?;
        Ok(json!({
            "cancelResult": "SUCCESS",
            "newOrderResult": "SUCCESS",
            "cancelResponse": old,
            "newOrderResponse": placed(&view, new, &traded.fills, asked.response),
        }))
    })
}

/// Makes an order smaller where it stands.
pub(crate) fn amend(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let order = which(&mut call.params, "orderId", "origClientOrderId")?;
        let quantity = call.params.required("newQty")?.to_owned();
        // The order keeps its name: the state knows no other.
        if call.params.has("newClientOrderId") {
            return Err(Error::not_required("newClientOrderId"));
        }
        call.params.end()?;
        let view = call.market(&symbol).await?;
        let lots = lots(&view, "newQty", &quantity)?;
        let amend = AmendOrder { user: call.user, market: view.id, order, price: None, lots, keep_place: true };
        let traded = call.trade(Body::AmendOrder(amend), Purpose::Amend).await?;
        let order = traded.orders.first().ok_or_else(Error::unknown_outcome)?;
        let mut shown = queried(&view, order);
        if let Some(map) = shown.as_object_mut() {
            map.insert("qty".into(), map.get("origQty").cloned().unwrap_or_default());
            map.insert("cumulativeQuoteQty".into(), map.get("cummulativeQuoteQty").cloned().unwrap_or_default());
            map.insert("preventedQty".into(), json!(view.lots(order.prevented)));
        }
        Ok(json!({
            "transactTime": order.updated.millis(),
            "executionId": order.updated.0,
            "amendedOrder": shown,
        }))
    })
}
