//! Fleets of workers, and the programs that they run.

use std::collections::BTreeMap;

use axum::extract::State;
use exchequer_domain::{Code, Digest, Network, Problem, WorkerKind};
use exchequer_state::people::Permission;
use exchequer_state::settings::{Danger, Value};
use exchequer_state::workers::Fleet;
use exchequer_state::{Body as Change, Done, ForgetBinary, RegisterBinary, SetScale, State as Exchange, UseBinary};

use super::workers::{kind_of, network_of};
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, Params, duration, reason};
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

/// How long a fleet's oldest job should wait at most, where the client does not say.
const QUEUE_AGE_TARGET_US: u64 = 30_000_000;

pub(crate) fn routes() -> Vec<Route> {
    let read = |route: Route| route.needs(Permission::WorkersRead);
    let control = |route: Route, danger| route.needs(Permission::WorkersControl).danger(danger);
    vec![
        read(Route::get("/v1/workers/fleets", fleets))
            .says("How many workers of each kind there are and shall be, and what they run"),
        control(Route::put("/v1/workers/fleets", scale), Danger::Level1)
            .says("Sets how many workers of a kind there shall be")
            .more("The leader scales between the bounds by the age of the queue. The same least and most is a fixed number."),
        read(Route::get("/v1/workers/binaries", binaries)).says("The registered programs of workers"),
        control(Route::post("/v1/workers/binaries", register), Danger::Level2)
            .fresh()
            .approvable()
            .says("Registers a program that workers can run"),
        control(Route::post("/v1/workers/binaries/forget", forget), Danger::Level1)
            .says("Forgets a registered program that nothing runs"),
        control(Route::post("/v1/workers/binaries/use", uses), Danger::Level2)
            .fresh()
            .says("Decides what the workers of a kind run from their next start on"),
    ]
}

/// The name of a fleet, such as `deposit.bitcoin`.
pub(super) fn fleet_name(kind: WorkerKind, network: Option<Network>) -> String {
    network.map_or_else(|| kind.to_string(), |network| format!("{kind}.{network}"))
}

async fn fleets(State(app): State<App>, mut params: Params) -> Result<Seen<dto::WorkerFleets>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    Ok(app.read(freshness, |state| Ok(dto::WorkerFleets { fleets: all(state) })).await?)
}

fn all(state: &Exchange) -> Vec<dto::WorkerFleet> {
    let workers = state.workers();
    let mut fleets: BTreeMap<(WorkerKind, Option<Network>), Option<&Fleet>> =
        workers.iter().map(|worker| ((worker.id.kind, worker.id.network), None)).collect();
    fleets.extend(workers.fleets().map(|fleet| ((fleet.kind, fleet.network), Some(fleet))));
    let view = |((kind, network), fleet): ((WorkerKind, Option<Network>), Option<&Fleet>)| {
        let bounds = fleet.and_then(|fleet| fleet.bounds);
        dto::WorkerFleet {
            kind: kind.to_string(),
            network: network.map(|network| network.to_string()),
            workers: u16::try_from(workers.fleet_of(kind, network).count()).unwrap_or(u16::MAX),
            wanted: workers.wanted(kind, network),
            min: bounds.map(|bounds| bounds.min),
            max: bounds.map(|bounds| bounds.max),
            queue_age_target: bounds.map(|bounds| Value::DurationUs(bounds.queue_age_target_us).to_string()),
            queue_age: Value::DurationUs(fleet.map_or(0, |fleet| fleet.queue_age_us)).to_string(),
            queue_depth: fleet.map_or(0, |fleet| fleet.queue_depth),
            measured_at: fleet.and_then(|fleet| fleet.measured_at).map(|at| at.to_string()),
            scaled_at: fleet.and_then(|fleet| fleet.scaled_at).map(|at| at.to_string()),
            binary: fleet.and_then(|fleet| fleet.binary.clone()),
        }
    };
    fleets.into_iter().map(view).collect()
}

async fn scale(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ScaleWorkers>,
) -> Result<Committed<dto::WorkersScaled>, Refused> {
    let kind = kind_of(&request.kind)?;
    let network = request.network.as_deref().map(network_of).transpose()?;
    let target = request.queue_age_target.map(|text| duration("queue_age_target", &text)).transpose()?;
    let target = target.map_or(Ok(QUEUE_AGE_TARGET_US), |target| u64::try_from(target.as_micros()));
    let queue_age_target_us = target.unwrap_or(u64::MAX);
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let (min, max) = (request.min, request.max);
    let change = Change::SetScale(SetScale { kind, network, min, max, queue_age_target_us, reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::WorkersScaled { from, to } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::WorkersScaled { from, to, index: effect.index, command_id: id.to_string() }))
}

async fn binaries(State(app): State<App>, mut params: Params) -> Result<Seen<dto::WorkerBinaries>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let binaries = state.workers().binaries().map(|binary| {
            let users = state.workers().fleets().filter(|fleet| fleet.binary.as_ref() == Some(&binary.name));
            dto::WorkerBinary {
                name: binary.name.clone(),
                version: binary.version.clone(),
                hash: binary.hash.to_string(),
                path: binary.path.clone(),
                registered_at: binary.registered_at.to_string(),
                registered_by: binary.registered_by.to_string(),
                used_by: users.map(|fleet| fleet_name(fleet.kind, fleet.network)).collect(),
            }
        });
        Ok(dto::WorkerBinaries { binaries: binaries.collect() })
    });
    Ok(seen.await?)
}

async fn register(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::RegisterWorkerBinary>,
) -> Result<Committed<dto::WorkerBinaryChanged>, Refused> {
    let hash: Digest =
        request.hash.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`hash`: {error}")))?;
    let reason = reason(request.reason)?;
    let (name, version, path) = (request.name, request.version, request.path);
    let change = Change::RegisterBinary(RegisterBinary { name, version, hash, path, reason });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn forget(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ForgetWorkerBinary>,
) -> Result<Committed<dto::WorkerBinaryChanged>, Refused> {
    let change = Change::ForgetBinary(ForgetBinary { name: request.name, reason: reason(request.reason)? });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn uses(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::UseWorkerBinary>,
) -> Result<Committed<dto::WorkerBinaryChanged>, Refused> {
    let kind = kind_of(&request.kind)?;
    let network = request.network.as_deref().map(network_of).transpose()?;
    let reason = reason(request.reason)?;
    let change = Change::UseBinary(UseBinary { kind, network, binary: request.binary, reason });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn changed(
    app: &App,
    caller: Caller,
    id: Option<&str>,
    change: Change,
) -> Result<Committed<dto::WorkerBinaryChanged>, Refused> {
    let id = app.command_id(id)?;
    let effect = app.submit_as(caller.0, id, change).await?;
    let changed = match effect.done {
        Done::WorkerBinaryRegistered | Done::WorkerBinaryForgotten => true,
        Done::WorkerBinaryUsed { changed } => changed,
        _ => return Err(effect.unexpected()),
    };
    Ok(Committed(id, dto::WorkerBinaryChanged { changed, index: effect.index, command_id: id.to_string() }))
}
