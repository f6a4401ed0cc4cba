//! Stopping the exchange, and letting it go on.

use axum::extract::State;
use exchequer_domain::Problem;
use exchequer_state::emergency::Brake;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, Done, EmergencyResume, EmergencyStop, State as Exchange};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Params, reason};
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{dto, words};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/emergency", status)
            .says("Whether the exchange is stopped")
            .more("Answered from what the node has, unless the query asks for more: it is looked at when little works.")
            .needs(Permission::StatusRead),
        Route::post("/v1/emergency/stop", stop)
            .says("Stops the exchange")
            .more(
                "In one entry of the log: signing, withdrawals and sweeps are blocked, every market that trades or gathers \
                 orders becomes cancel-only, and changes wait that the emergency does not need.",
            )
            .needs(Permission::EmergencyStop)
            .danger(Danger::Level3),
        Route::post("/v1/emergency/resume", resume)
            .approvable()
            .says("Lets the exchange go on")
            .more(
                "Markets that traded reopen with an auction. Needs the approval of a second person once the two-person rule \
                 is in force.",
            )
            .needs(Permission::EmergencyResume)
            .danger(Danger::Level3),
    ]
}

async fn status(State(app): State<App>, mut params: Params) -> Result<Seen<dto::EmergencyStatus>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::None))?;
    params.end()?;
    Ok(app.read(freshness, |state| Ok(view(state))).await?)
}

fn view(state: &Exchange) -> dto::EmergencyStatus {
    let emergency = state.emergency();
    let markets = emergency.map(|emergency| emergency.phases.as_slice()).unwrap_or_default();
    let market = |(id, before): &(exchequer_state::markets::MarketId, exchequer_state::matching::Phase)| {
        let symbol = state.markets().record(*id)?.symbol.clone();
        let phase = words::phase(state.markets().market(*id)?.phase()).to_owned();
        Some(dto::StoppedMarket { symbol, before: words::phase(*before).to_owned(), phase })
    };
    let blocked = |brake: &&Brake| emergency.is_some_and(|emergency| emergency.blocks(**brake));
    dto::EmergencyStatus {
        stopped: emergency.is_some(),
        since: emergency.map(|emergency| emergency.since.to_string()),
        by: emergency.map(|emergency| emergency.by.to_string()),
        reason: emergency.map(|emergency| emergency.reason.clone()),
        index: emergency.map(|emergency| emergency.index),
        blocked: Brake::ALL.iter().filter(blocked).map(|brake| brake.as_str().to_owned()).collect(),
        markets: markets.iter().filter_map(market).collect(),
    }
}

async fn stop(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ChangeEmergency>,
) -> Result<Committed<dto::EmergencyChanged>, Refused> {
    let (reason, id) = asked(&app, request)?;
    let effect = app.submit_as(caller.0, id, Change::EmergencyStop(EmergencyStop { reason })).await?;
    let Done::EmergencyStopped { markets, .. } = effect.done else { return Err(effect.unexpected()) };
    let command_id = id.to_string();
    Ok(Committed(id, dto::EmergencyChanged { stopped: true, markets, index: effect.index, command_id }))
}

async fn resume(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ChangeEmergency>,
) -> Result<Committed<dto::EmergencyChanged>, Refused> {
    let (reason, id) = asked(&app, request)?;
    let effect = app.submit_as(caller.0, id, Change::EmergencyResume(EmergencyResume { reason })).await?;
    let Done::EmergencyResumed { markets } = effect.done else { return Err(effect.unexpected()) };
    let command_id = id.to_string();
    Ok(Committed(id, dto::EmergencyChanged { stopped: false, markets, index: effect.index, command_id }))
}

fn asked(app: &App, request: dto::ChangeEmergency) -> Result<(String, exchequer_domain::CommandId), Problem> {
    Ok((reason(request.reason)?, app.command_id(request.command_id.as_deref())?))
}
