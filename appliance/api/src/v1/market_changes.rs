//! Making markets, configuring them, and bringing them to other phases.

use axum::extract::State;
use exchequer_domain::{Code, DecimalError, Problem};
use exchequer_state::State as Exchange;
use exchequer_state::ledger::Asset;
use exchequer_state::markets::{MarketId, MarketRecord};
use exchequer_state::matching::{Breaker, Fees, Filters, Percent};
use exchequer_state::{Body as Change, ConfigureMarket, CreateMarket, Done, SetMarketPhase};

use super::markets::live;
use crate::app::App;
use crate::auth::Caller;
use crate::dto::shapes;
use crate::extract::{Body, Name, duration, reason};
use crate::money::{Rules, limit, step};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit};
use crate::route::Route;
use crate::submit::Committed;
use crate::{dto, money, words};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

/// What a market is never changes, so a look at it may be old; the change itself decides anew.
const LOOK: Freshness = Freshness::Local(Limit::None);

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/markets", create)
            .needs(Permission::MarketsChange)
            .danger(Danger::Level1)
            .says("Makes a market, which begins before its opening"),
        Route::post("/v1/markets/{symbol}/configure", configure)
            .needs(Permission::MarketsChange)
            .danger(Danger::Level1)
            .says("Changes a market's limits, its circuit breaker or its reference price")
            .named(Param::text::<shapes::MarketSymbol>("symbol", "The market's symbol")),
        Route::post("/v1/markets/{symbol}/phase", set_phase)
            .needs(Permission::MarketsChange)
            .danger(Danger::Level2)
            .says("Brings a market to a phase")
            .named(Param::text::<shapes::MarketSymbol>("symbol", "The market's symbol")),
    ]
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CreateMarket>,
) -> Result<Committed<dto::MarketCreated>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let (tick, lot) = (step("tick", &request.tick)?, step("lot", &request.lot)?);
    let fees: Vec<Fees> =
        request.fees.iter().map(|tier| Fees { maker_ppm: tier.maker_ppm, taker_ppm: tier.taker_ppm }).collect();
    let (symbol, base, quote) = (request.symbol.clone(), request.base, request.quote);
    let limits = request.filters.unwrap_or_default();
    // The assets may have been created a moment ago through another node.
    let found = app.read(Freshness::Linearizable, |state| {
        let (base, quote) = (money::asset(state, &base)?.clone(), money::asset(state, &quote)?.clone());
        let (id, symbol, fees) = (MarketId(0), request.symbol.clone(), fees.clone());
        let (base_asset, quote_asset) = (base.number, quote.number);
        let record = record(id, symbol, base_asset, quote_asset, tick, lot, fees);
        let rules = Rules { record, base, quote };
        Ok((base_asset, quote_asset, changed(&rules, Filters::default(), &limits)?))
    });
    let (base, quote, filters) = found.await?.value;
    let command = CreateMarket { symbol: request.symbol.clone(), base, quote, tick, lot, fees, filters, reason };
    let effect = app.submit_as(caller.0, id, Change::CreateMarket(Box::new(command))).await?;
    let Done::MarketCreated { market } = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::MarketCreated { symbol, number: market.0, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

/// A market that does not exist yet, as far as its prices and quantities go.
fn record(
    id: MarketId,
    symbol: String,
    base: Asset,
    quote: Asset,
    tick: exchequer_state::markets::Step,
    lot: exchequer_state::markets::Step,
    fees: Vec<Fees>,
) -> MarketRecord {
    MarketRecord { id, symbol, base, quote, tick, lot, base_per_lot: 1, quote_per_tick: 1, fees }
}

async fn configure(
    State(app): State<App>,
    caller: Caller,
    Name(symbol): Name,
    Body(request): Body<dto::ConfigureMarket>,
) -> Result<Committed<dto::MarketConfigured>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let breaker = request.breaker.as_ref().map(breaker).transpose()?;
    if request.filters.is_none() && breaker.is_none() && request.reference.is_none() {
        return Err(Problem::new(Code::BadRequest, "nothing is to be changed").into());
    }
    // The filters are replaced as a whole, so what is not given is what holds now.
    let found = app.read(Freshness::Linearizable, |state| {
        let rules = Rules::find(state, &symbol)?;
        let present = *live(state, rules.record.id)?.filters();
        let filters = request.filters.as_ref().map(|limits| changed(&rules, present, limits)).transpose()?;
        let reference = request.reference.as_deref().map(|price| rules.ticks("reference", price)).transpose()?;
        Ok((rules.record.id, filters, reference))
    });
    let (market, filters, reference) = found.await?.value;
    let command = ConfigureMarket { market, filters, breaker, reference, reason };
    let effect = app.submit_as(caller.0, id, Change::ConfigureMarket(Box::new(command))).await?;
    let Done::MarketConfigured = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::MarketConfigured { symbol, index: effect.index, command_id: id.to_string() }))
}

async fn set_phase(
    State(app): State<App>,
    caller: Caller,
    Name(symbol): Name,
    Body(request): Body<dto::SetMarketPhase>,
) -> Result<Committed<dto::MarketPhaseSet>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let ends = request.ends_at.as_deref().map(|text| words::parse_time("ends_at", text)).transpose()?;
    let phase = words::parse_phase(&request.phase, ends)?;
    let market = find(&app, &symbol).await?.record.id;
    let effect = app.submit_as(caller.0, id, Change::SetMarketPhase(SetMarketPhase { market, phase, reason })).await?;
    let Done::MarketPhase { phase } = effect.done else { return Err(effect.unexpected()) };
    let phase = words::phase(phase).to_owned();
    Ok(Committed(id, dto::MarketPhaseSet { symbol, phase, index: effect.index, command_id: id.to_string() }))
}

/// A market by its symbol, from what this node has, or else from what the cluster has.
pub(super) async fn find(app: &App, symbol: &str) -> Result<Rules, Problem> {
    let look = |state: &Exchange| Rules::find(state, symbol);
    match app.read(LOOK, look).await {
        Ok(found) => Ok(found.value),
        Err(problem) if problem.code == Code::MarketUnknown => {
            app.read(Freshness::Linearizable, look).await.map(|found| found.value)
        }
        Err(problem) => Err(problem),
    }
}

/// Filters with the limits that a client gave.
fn changed(rules: &Rules, mut filters: Filters, limits: &dto::MarketFilters) -> Result<Filters, Problem> {
    let lots = |field: &str, text: &str| rules.lots(field, text);
    let small = |field: &str, steps: u64| {
        u32::try_from(steps)
            .map_err(|_| Problem::new(Code::BadRequest, format!("`{field}`: {}", DecimalError::TooLarge)))
    };
    if let Some(text) = &limits.price_min {
        filters.price_min = rules.ticks("price_min", text)?;
    }
    if let Some(text) = &limits.price_max {
        filters.price_max = rules.ticks("price_max", text)?;
    }
    if let Some(text) = &limits.price_step {
        filters.price_step = small("price_step", rules.ticks("price_step", text)?.0)?;
    }
    if let Some(text) = &limits.quantity_min {
        filters.lots_min = lots("quantity_min", text)?;
    }
    if let Some(text) = &limits.quantity_max {
        filters.lots_max = lots("quantity_max", text)?;
    }
    if let Some(text) = &limits.market_quantity_max {
        filters.market_lots_max = lots("market_quantity_max", text)?;
    }
    if let Some(text) = &limits.quantity_step {
        filters.lots_step = small("quantity_step", lots("quantity_step", text)?.0)?;
    }
    if let Some(text) = &limits.notional_min {
        filters.notional_min = limit("notional_min", text, rules.quote.decimals)?;
    }
    if let Some(text) = &limits.notional_max {
        filters.notional_max = limit("notional_max", text, rules.quote.decimals)?;
    }
    let percent = |range: &dto::PriceRange| Percent { lowest_ppm: range.lowest_ppm, highest_ppm: range.highest_ppm };
    let [bid, ask] = filters.percent;
    filters.percent =
        [limits.bid_percent.as_ref().map_or(bid, percent), limits.ask_percent.as_ref().map_or(ask, percent)];
    filters.orders_max = limits.orders_max.unwrap_or(filters.orders_max);
    filters.stops_max = limits.stops_max.unwrap_or(filters.stops_max);
    if let Some(text) = &limits.position_max {
        filters.position_max = lots("position_max", text)?;
    }
    Ok(filters)
}

fn breaker(breaker: &dto::CircuitBreaker) -> Result<Breaker, Problem> {
    let us = |field: &str, text: &str| {
        let span = duration(field, text)?;
        u64::try_from(span.as_micros()).map_err(|_| Problem::new(Code::BadRequest, format!("`{field}` is too long")))
    };
    let (pause_us, auction_us) = (us("pause", &breaker.pause)?, us("auction", &breaker.auction)?);
    Ok(Breaker { band_ppm: breaker.band_ppm, pause_us, auction_us })
}
