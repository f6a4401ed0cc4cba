//! Orders, on behalf of a user: for support and for trying things out. Users trade through their own doors.

use axum::extract::State;
use exchequer_domain::{Code, CommandId, Problem, UserId};
use exchequer_state::markets::{Ask, ClientOrderId, Fill, HISTORY_PAGE_MAX, OrderRecord, OrderStatus};
use exchequer_state::matching::{By, Life, OrderId, Side, When};
use exchequer_state::{
    Body as Change, CancelOrder, CancelOrders, Done, OrderRef, OrderSpec, PlaceOrder, Rejection, Traded,
};

use super::market_changes::find;
use crate::app::App;
use crate::auth::Caller;
use crate::dto::shapes;
use crate::extract::{Body, Params};
use crate::money::Rules;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::{Committed, Effect};
use crate::{dto, words};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

/// Orders in one answer, at most: those that are over are rows.
const LIMIT_MAX: usize = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/orders", list).needs(Permission::UsersRead).says("A user's orders in a market").asks([
            Param::number("user", 1, u64::MAX, "The user's number").needed(),
            Param::text::<shapes::MarketSymbol>("market", "The market").needed(),
            Param::word("state", &["open", "all"], "Which; the open ones where nothing is said"),
            Param::number("from", 0, u64::MAX, "The number of the first one"),
            Param::number("limit", 1, LIMIT_MAX as u64, "Orders in the answer, at most"),
        ]),
        Route::post("/v1/orders", place).says("Places an order for a user"),
        Route::post("/v1/orders/cancel", cancel)
            .needs(Permission::MarketsChange)
            .danger(Danger::Level1)
            .says("Cancels an order of a user"),
        Route::post("/v1/orders/cancel-all", cancel_all)
            .needs(Permission::MarketsChange)
            .danger(Danger::Level2)
            .says("Cancels all orders of a user in a market"),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Orders>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let user = params.number("user", 1..=u64::MAX)?.map(UserId).ok_or_else(|| missing("user"))?;
    let symbol = params.take("market")?.ok_or_else(|| missing("market"))?;
    let all = match params.take("state")?.as_deref() {
        None | Some("open") => false,
        Some("all") => true,
        Some(_) => return Err(Problem::new(Code::BadRequest, "`state` is `open` or `all`").into()),
    };
    let from = params.number("from", 0..=u64::MAX)?.map(OrderId);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        if state.users().get(user).is_none() {
            return Err(Rejection::UserUnknown { user }.problem());
        }
        let rules = Rules::find(state, &symbol)?;
        let market = rules.record.id;
        let orders: Vec<OrderRecord> = if all {
            state.markets().orders(rows, user, market, from, limit).map_err(|halt| halt.problem())?
        } else {
            let wanted = |order: &&OrderRecord| from.is_none_or(|from| order.id >= from);
            let open = state.markets().open_orders(user, market).take(HISTORY_PAGE_MAX);
            let mut open: Vec<OrderRecord> = open.filter(wanted).copied().collect();
            open.sort_unstable_by_key(|order| order.id);
            open.truncate(limit);
            open
        };
        Ok(dto::Orders { orders: orders.iter().map(|order| view(&rules, order)).collect() })
    });
    Ok(seen.await?)
}

fn missing(name: &str) -> Problem {
    Problem::new(Code::BadRequest, format!("the query must name `{name}`"))
}

async fn place(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::PlaceOrder>,
) -> Result<Committed<dto::OrdersChanged>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let rules = find(&app, &request.market).await?;
    let order = spec(&rules, &request, id)?;
    let command = PlaceOrder { user: UserId(request.user), market: rules.record.id, order };
    answer(&rules, app.submit_as(caller.0, id, Change::PlaceOrder(Box::new(command))).await?)
}

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CancelOrder>,
) -> Result<Committed<dto::OrdersChanged>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let order = match (request.order, &request.client_id) {
        (Some(order), None) => OrderRef::Id(OrderId(order)),
        (None, Some(name)) => OrderRef::Name(client_id(name)?),
        _ => return Err(Problem::new(Code::BadRequest, "either `order` or `client_id` says which order").into()),
    };
    let rules = find(&app, &request.market).await?;
    let command = CancelOrder { user: UserId(request.user), market: rules.record.id, order };
    answer(&rules, app.submit_as(caller.0, id, Change::CancelOrder(command)).await?)
}

async fn cancel_all(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CancelOrders>,
) -> Result<Committed<dto::OrdersChanged>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let side = request.side.as_deref().map(words::parse_side).transpose()?;
    let rules = find(&app, &request.market).await?;
    let command = CancelOrders { user: UserId(request.user), market: rules.record.id, side };
    answer(&rules, app.submit_as(caller.0, id, Change::CancelOrders(command)).await?)
}

fn client_id(text: &str) -> Result<ClientOrderId, Problem> {
    let wrong = "`client_id` is 1 to 36 characters of A-Z, a-z, 0-9 and . : / _ -";
    ClientOrderId::new(text).ok_or_else(|| Problem::new(Code::BadRequest, wrong))
}

fn spec(rules: &Rules, request: &dto::PlaceOrder, id: CommandId) -> Result<OrderSpec, Problem> {
    let bad = |message: &str| Problem::new(Code::BadRequest, message);
    let side = words::parse_side(&request.side)?;
    let quantity = request.quantity.as_deref();
    let ask = match request.kind.as_str() {
        "limit" => {
            let (Some(price), Some(quantity), None) = (&request.price, quantity, &request.quote_quantity) else {
                return Err(bad("a limit order has a `price` and a `quantity`"));
            };
            let life = match request.life.as_deref() {
                None | Some("rest") => Life::Rest { until: None, peak: None, post_only: false },
                Some("post-only") => Life::Rest { until: None, peak: None, post_only: true },
                Some("immediate") => Life::Immediate,
                Some("fill-or-kill") => Life::FillOrKill,
                Some(_) => return Err(bad("`life` is one of rest, post-only, immediate, fill-or-kill")),
            };
            Ask::Limit { price: rules.ticks("price", price)?, lots: rules.lots("quantity", quantity)?, life }
        }
        "market" => match (quantity, &request.quote_quantity) {
            _ if request.price.is_some() || request.life.is_some() => {
                return Err(bad("a market order has neither `price` nor `life`"));
            }
            (Some(text), None) => Ask::Market { by: By::Lots, quantity: rules.lots("quantity", text)?.0.into() },
            (None, Some(text)) => Ask::Market { by: By::Quote, quantity: rules.quote_units("quote_quantity", text)? },
            _ => return Err(bad("a market order has either a `quantity` or a `quote_quantity`")),
        },
        _ => return Err(bad("`kind` is one of limit, market")),
    };
    let when = request.trigger.as_ref().map(|trigger| {
        let price = rules.ticks("trigger.price", &trigger.price)?;
        match trigger.kind.as_str() {
            "stop-loss" => Ok(When::StopLoss(price)),
            "take-profit" => Ok(When::TakeProfit(price)),
            "trailing" => Ok(When::Trailing(price)),
            _ => Err(bad("`trigger.kind` is one of stop-loss, take-profit, trailing")),
        }
    });
    // A repeated command must be the same one to the last byte, so its order's name follows from its id.
    let client_id = request.client_id.as_deref().map_or_else(|| client_id(&id.to_string()), client_id)?;
    let self_trade = words::parse_self_trade(request.self_trade.as_deref())?;
    Ok(OrderSpec { client_id, side, ask, when: when.transpose()?, self_trade })
}

fn answer(rules: &Rules, effect: Effect) -> Result<Committed<dto::OrdersChanged>, Refused> {
    let Done::Traded(traded) = &effect.done else { return Err(effect.unexpected()) };
    let Traded { orders, fills } = traded.as_ref();
    // All orders of one command that trade are of one side.
    let side = orders.first().map_or(Side::Buy, |order| order.side);
    let answer = dto::OrdersChanged {
        orders: orders.iter().map(|order| view(rules, order)).collect(),
        fills: fills.iter().map(|one| fill(rules, side, one)).collect(),
        index: effect.index,
        command_id: effect.id.to_string(),
    };
    Ok(Committed(effect.id, answer))
}

fn fill(rules: &Rules, side: Side, fill: &Fill) -> dto::Fill {
    let (fee, asset) = match side {
        Side::Buy => (rules.in_base(fill.fee), &rules.base),
        Side::Sell => (rules.in_quote(fill.fee), &rules.quote),
    };
    dto::Fill {
        trade: fill.trade.0,
        price: rules.price(fill.price),
        quantity: rules.quantity(fill.lots),
        fee,
        fee_asset: asset.code.clone(),
    }
}

fn view(rules: &Rules, order: &OrderRecord) -> dto::Order {
    let (kind, price, quantity, quote_quantity, life) = match order.ask {
        Ask::Limit { price, lots, life } => {
            ("limit", Some(rules.price(price)), Some(rules.quantity(lots)), None, Some(life_word(life).to_owned()))
        }
        Ask::Market { by: By::Lots, quantity } => {
            let lots = exchequer_state::matching::Lots(u64::try_from(quantity).unwrap_or(u64::MAX));
            ("market", None, Some(rules.quantity(lots)), None, None)
        }
        Ask::Market { by: By::Quote, quantity } => ("market", None, None, Some(rules.in_quote(quantity)), None),
    };
    let trigger = order.when.map(|when| {
        let (kind, price) = match when {
            When::StopLoss(price) => ("stop-loss", price),
            When::TakeProfit(price) => ("take-profit", price),
            When::Trailing(price) => ("trailing", price),
        };
        dto::Trigger { kind: kind.to_owned(), price: rules.price(price) }
    });
    let (status, ended) = match order.status {
        OrderStatus::Waiting => ("waiting", None),
        OrderStatus::Open => ("open", None),
        OrderStatus::PartlyFilled => ("partly-filled", None),
        OrderStatus::Filled => ("filled", None),
        OrderStatus::Ended(why) => ("ended", Some(words::end(why).to_owned())),
    };
    dto::Order {
        order: order.id.0,
        market: rules.record.symbol.clone(),
        user: order.user.0,
        client_id: order.client_id.as_str().to_owned(),
        side: words::side(order.side).to_owned(),
        kind: kind.to_owned(),
        price,
        quantity,
        quote_quantity,
        life,
        trigger,
        status: status.to_owned(),
        ended,
        executed: rules.quantity(order.executed),
        executed_quote: rules.in_quote(order.quote),
        created_at: order.created.to_string(),
        updated_at: order.updated.to_string(),
    }
}

const fn life_word(life: Life) -> &'static str {
    match life {
        Life::Rest { post_only: true, .. } => "post-only",
        Life::Rest { .. } => "rest",
        Life::Immediate => "immediate",
        Life::FillOrKill => "fill-or-kill",
    }
}
