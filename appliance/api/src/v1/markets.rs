//! Markets: what there is, and their books.

use axum::extract::State;
use exchequer_domain::{Problem, format_duration};
use exchequer_state::State as Exchange;
use exchequer_state::markets::MarketId;
use exchequer_state::matching::{Filters, Lots, Market, PRICE_TICKS_MAX, Percent, Side};
use std::time::Duration;

use crate::app::App;
use crate::dto::shapes;
use crate::extract::{Name, Params};
use crate::money::{Rules, steps_text};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::{dto, words};
use exchequer_state::people::Permission;

/// Prices of each side in one answer, at most.
const DEPTH_MAX: usize = 1_000;
/// Prices of each side where the client does not say.
const DEPTH: usize = 20;
/// Markets that are looked at in one read.
const MARKETS_AT_ONCE: usize = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/markets", list).needs(Permission::MarketsRead).says("All markets"),
        Route::get("/v1/markets/{symbol}", one)
            .needs(Permission::MarketsRead)
            .says("One market: phase, limits, best prices")
            .named(Param::text::<shapes::MarketSymbol>("symbol", "The market's symbol")),
        Route::get("/v1/markets/{symbol}/book", book)
            .needs(Permission::MarketsRead)
            .says("A market's book, price by price")
            .named(Param::text::<shapes::MarketSymbol>("symbol", "The market's symbol"))
            .asks([Param::number("depth", 1, DEPTH_MAX as u64, "Prices of each side, at most")]),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Markets>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let first = app.read(freshness, |state| page(state, 0)).await?;
    let (mut found, at) = (first.value, first.at);
    let mut markets = Vec::new();
    loop {
        let full = found.len() == MARKETS_AT_ONCE;
        markets.append(&mut found);
        if !full {
            return Ok(Seen { value: dto::Markets { markets }, at });
        }
        let skipped = markets.len();
        found = app.page(freshness, move |state, _| page(state, skipped)).await?.value;
    }
}

fn page(state: &Exchange, skipped: usize) -> Result<Vec<dto::Market>, Problem> {
    state.markets().records().skip(skipped).take(MARKETS_AT_ONCE).map(|record| view(state, record.id)).collect()
}

async fn one(State(app): State<App>, Name(symbol): Name, mut params: Params) -> Result<Seen<dto::Market>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| view(state, Rules::find(state, &symbol)?.record.id));
    Ok(seen.await?)
}

async fn book(State(app): State<App>, Name(symbol): Name, mut params: Params) -> Result<Seen<dto::Book>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let depth = params.number("depth", 1..=DEPTH_MAX)?.unwrap_or(DEPTH);
    params.end()?;
    let seen = app.read(freshness, |state| {
        let rules = Rules::find(state, &symbol)?;
        let market = live(state, rules.record.id)?;
        let levels = |side| {
            let level = |level: exchequer_state::matching::Depth| dto::Level {
                price: rules.price(level.price),
                quantity: rules.quantity(level.lots),
                orders: level.orders,
            };
            market.book().depth(side).take(depth).map(level).collect()
        };
        Ok(dto::Book {
            symbol: rules.record.symbol.clone(),
            phase: words::phase(market.phase()).to_owned(),
            bids: levels(Side::Buy),
            asks: levels(Side::Sell),
        })
    });
    Ok(seen.await?)
}

pub(super) fn live(state: &Exchange, id: MarketId) -> Result<&Market, Problem> {
    state.markets().market(id).ok_or_else(|| exchequer_state::Rejection::MarketUnknown.problem())
}

fn view(state: &Exchange, id: MarketId) -> Result<dto::Market, Problem> {
    let rules = Rules::of(state, id)?;
    let market = live(state, id)?;
    let record = &rules.record;
    let breaker = market.breaker();
    let price = |ticks| rules.price(ticks);
    Ok(dto::Market {
        symbol: record.symbol.clone(),
        number: id.0,
        base: rules.base.code.clone(),
        quote: rules.quote.code.clone(),
        phase: words::phase(market.phase()).to_owned(),
        phase_ends_at: words::phase_end(market.phase()).map(|at| at.to_string()),
        tick: steps_text(1, record.tick),
        lot: steps_text(1, record.lot),
        fees: record
            .fees
            .iter()
            .map(|fees| dto::FeeTier { maker_ppm: fees.maker_ppm, taker_ppm: fees.taker_ppm })
            .collect(),
        filters: filters(&rules, market.filters()),
        breaker: dto::CircuitBreaker {
            band_ppm: breaker.band_ppm,
            pause: format_duration(Duration::from_micros(breaker.pause_us)),
            auction: format_duration(Duration::from_micros(breaker.auction_us)),
        },
        reference: market.reference().map(price),
        bid: market.book().best(Side::Buy).map(price),
        ask: market.book().best(Side::Sell).map(price),
        last: market.last().map(price),
        indication: market.indication().map(|indication| rules.price(indication.price)),
        open_orders: market.book().open_orders(),
    })
}

fn filters(rules: &Rules, filters: &Filters) -> dto::MarketFilters {
    let none = Filters::default();
    let quantity = |lots: Lots, unlimited: Lots| (lots != unlimited).then(|| rules.quantity(lots));
    let range = |range: Percent, unlimited: Percent| {
        let Percent { lowest_ppm, highest_ppm } = range;
        (range != unlimited).then_some(dto::PriceRange { lowest_ppm, highest_ppm })
    };
    let quote = |units: u128, unlimited: u128| (units != unlimited).then(|| rules.in_quote(units));
    dto::MarketFilters {
        price_min: (filters.price_min != none.price_min).then(|| rules.price(filters.price_min)),
        price_max: (filters.price_max.0 < PRICE_TICKS_MAX).then(|| rules.price(filters.price_max)),
        price_step: (filters.price_step != 1).then(|| steps_text(filters.price_step.into(), rules.record.tick)),
        quantity_min: quantity(filters.lots_min, none.lots_min),
        quantity_max: quantity(filters.lots_max, none.lots_max),
        market_quantity_max: quantity(filters.market_lots_max, none.market_lots_max),
        quantity_step: (filters.lots_step != 1).then(|| steps_text(filters.lots_step.into(), rules.record.lot)),
        notional_min: quote(filters.notional_min, none.notional_min),
        notional_max: quote(filters.notional_max, none.notional_max),
        bid_percent: range(filters.percent[0], none.percent[0]),
        ask_percent: range(filters.percent[1], none.percent[1]),
        orders_max: Some(filters.orders_max),
        stops_max: Some(filters.stops_max),
        position_max: quantity(filters.position_max, none.position_max),
    }
}
