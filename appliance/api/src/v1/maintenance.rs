//! Maintenance: announced, begun, ended; and the refusal that customers get during it.

use axum::extract::State;
use exchequer_domain::{Code, Network, Problem};
use exchequer_state::maintenance::{Extent, Window, WindowId};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, Done, EndMaintenance, ScheduleMaintenance, State as Exchange};

use crate::app::App;
use crate::auth::Caller;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{dto, words};

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/maintenance", list).says("Maintenance that is announced or open").needs(Permission::StatusRead),
        Route::post("/v1/maintenance/system", system)
            .says("Announces maintenance of the whole exchange, or begins it")
            .more("While it is open, what customers would change is refused with 503, its text and `Retry-After`.")
            .needs(Permission::MaintenanceChange)
            .danger(Danger::Level3),
        Route::post("/v1/maintenance/networks/{network}", network)
            .says("Announces maintenance of one network, or begins it")
            .named(Param::text::<shapes::NetworkWord>("network", "The network"))
            .needs(Permission::MaintenanceChange)
            .danger(Danger::Level2),
        Route::post("/v1/maintenance/windows/{id}/end", end)
            .says("Ends maintenance early, or calls it off")
            .named(Param::number("id", 1, u64::MAX >> 1, "Its number"))
            .needs(Permission::MaintenanceChange)
            .danger(Danger::Level1),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::MaintenanceSchedule>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Local(Limit::Setting))?;
    params.end()?;
    Ok(app.read(freshness, |state| Ok(dto::MaintenanceSchedule { windows: windows(state) })).await?)
}

/// What is announced and open, by number.
pub(super) fn windows(state: &Exchange) -> Vec<dto::MaintenanceWindow> {
    state.maintenance().windows().map(view).collect()
}

fn view(window: &Window) -> dto::MaintenanceWindow {
    dto::MaintenanceWindow {
        number: window.id.0,
        extent: window.extent.to_string(),
        open: window.open,
        starts_at: window.starts.to_string(),
        ends_at: window.ends.map(|ends| ends.to_string()),
        banner: window.banner.clone(),
        by: window.by.to_string(),
        reason: window.reason.clone(),
    }
}

async fn system(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ScheduleMaintenance>,
) -> Result<Committed<dto::MaintenanceChanged>, Refused> {
    schedule(&app, caller, Extent::System, request).await
}

async fn network(
    State(app): State<App>,
    caller: Caller,
    Name(network): Name,
    Body(request): Body<dto::ScheduleMaintenance>,
) -> Result<Committed<dto::MaintenanceChanged>, Refused> {
    let network = network.parse::<Network>();
    let network = network.map_err(|error| Problem::new(Code::BadRequest, format!("the path: {error}")))?;
    schedule(&app, caller, Extent::Network(network), request).await
}

async fn schedule(
    app: &App,
    caller: Caller,
    extent: Extent,
    request: dto::ScheduleMaintenance,
) -> Result<Committed<dto::MaintenanceChanged>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let time = |name: &str, text: Option<String>| text.map(|text| words::parse_time(name, &text)).transpose();
    let (starts, ends) = (time("starts_at", request.starts_at)?, time("ends_at", request.ends_at)?);
    let command = ScheduleMaintenance { extent, starts, ends, banner: request.banner, reason };
    let effect = app.submit_as(caller.0, id, Change::ScheduleMaintenance(command)).await?;
    let Done::MaintenanceScheduled { window } = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, dto::MaintenanceChanged { number: window.0, index, command_id }))
}

async fn end(
    State(app): State<App>,
    caller: Caller,
    Name(number): Name,
    Body(request): Body<dto::EndMaintenance>,
) -> Result<Committed<dto::MaintenanceChanged>, Refused> {
    let number: u64 = number.parse().map_err(|_| Problem::new(Code::BadRequest, "the path has no number"))?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = EndMaintenance { window: WindowId(number), reason };
    let effect = app.submit_as(caller.0, id, Change::EndMaintenance(command)).await?;
    let Done::MaintenanceEnded = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, dto::MaintenanceChanged { number, index, command_id }))
}
