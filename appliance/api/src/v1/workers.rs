//! Workers: what there is, what is wanted of them, and what is wrong with one.

use std::collections::BTreeMap;

use axum::extract::State;
use exchequer_domain::{Code, Network, NodeId, Problem, WorkerId, WorkerKind};
use exchequer_state::people::Permission;
use exchequer_state::settings::{Danger, Value};
use exchequer_state::workers::{Desired, Ended, Observed, Selector, WorkerRecord, WorkerState};
use exchequer_state::{
    AddWorkers, Body as Change, Done, Rejection, RemoveWorkers, RestartWorkers, SetWorkers, State as Exchange,
};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

/// The words for states, in the order of [`WorkerState::ALL`].
const STATES: &[&str] = &["stopped", "starting", "running", "draining", "degraded", "failed"];

pub(crate) fn routes() -> Vec<Route> {
    let read = |route: Route| route.needs(Permission::WorkersRead);
    let control = |route: Route, danger| route.needs(Permission::WorkersControl).danger(danger);
    vec![
        read(Route::get("/v1/workers", list)).says("Workers, by kind, network and instance").asks(selector_params()),
        control(Route::post("/v1/workers", add), Danger::Level1).says("Adds workers, all or none"),
        read(Route::get("/v1/workers/{worker}", one)).says("One worker").named(worker_param()),
        read(Route::get("/v1/workers/{worker}/diagnosis", diagnosis))
            .says("What is wrong with a worker, and what to do next")
            .named(worker_param()),
        control(Route::post("/v1/workers/{worker}/start", start), Danger::Level1)
            .says("Wants a worker to run; a failed one starts again")
            .named(worker_param()),
        control(Route::post("/v1/workers/{worker}/stop", stop), Danger::Level2)
            .says("Wants a worker to finish what it has begun, and to stop")
            .named(worker_param()),
        control(Route::post("/v1/workers/{worker}/restart", restart), Danger::Level1)
            .says("Replaces a worker's process")
            .named(worker_param()),
        control(Route::post("/v1/workers/{worker}/remove", remove), Danger::Level2)
            .says("Removes a worker that is stopped")
            .named(worker_param()),
    ]
}

fn worker_param() -> Param {
    Param::text::<shapes::WorkerName>("worker", "The worker's name, its slash written `%2F`")
}

/// What a selector takes from a query.
pub(super) fn selector_params() -> [Param; 3] {
    [
        Param::text::<shapes::KindName>("kind", "Only workers of this kind"),
        Param::text::<shapes::NetworkName>("network", "Only workers on this network"),
        Param::word("state", STATES, "Only workers in this state"),
    ]
}

/// The selector of a query.
pub(super) fn selector(params: &mut Params) -> Result<Selector, Problem> {
    let (kind, network, state) = (params.take("kind")?, params.take("network")?, params.take("state")?);
    selector_of(kind.as_deref(), network.as_deref(), state.as_deref())
}

/// The selector of words.
pub(super) fn selector_of(kind: Option<&str>, network: Option<&str>, state: Option<&str>) -> Result<Selector, Problem> {
    let state = state.map(|word| {
        let found = WorkerState::ALL.iter().copied().find(|state| state.as_str() == word);
        found.ok_or_else(|| Problem::new(Code::BadRequest, format!("`state` is one of {}", STATES.join(", "))))
    });
    Ok(Selector {
        kind: kind.map(kind_of).transpose()?,
        network: network.map(network_of).transpose()?,
        state: state.transpose()?,
    })
}

pub(super) fn kind_of(text: &str) -> Result<WorkerKind, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`kind`: {error}")))
}

pub(super) fn network_of(text: &str) -> Result<Network, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`network`: {error}")))
}

pub(super) fn worker_id(text: &str) -> Result<WorkerId, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`worker`: {error}")))
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Workers>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let selector = selector(&mut params)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let meant = state.workers().iter().filter(|worker| selector.takes(worker));
        let workers: Vec<dto::Worker> = meant.map(|worker| view(state, worker)).collect();
        let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
        for worker in workers.iter().filter(|worker| worker.epoch.is_some() && !worker.version.is_empty()) {
            *versions.entry(worker.version.as_str()).or_default() += 1;
        }
        let versions = versions
            .into_iter()
            .map(|(version, workers)| dto::WorkerVersion { version: version.to_owned(), workers })
            .collect();
        Ok(dto::Workers { workers, versions })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(worker): Name, mut params: Params) -> Result<Seen<dto::Worker>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = worker_id(&worker)?;
    Ok(app.read(freshness, |state| Ok(view(state, known(state, id)?))).await?)
}

async fn diagnosis(
    State(app): State<App>,
    Name(worker): Name,
    mut params: Params,
) -> Result<Seen<dto::WorkerDiagnosis>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = worker_id(&worker)?;
    let leader = app.backend.status().leader.map(|(node, _)| NodeId(node));
    Ok(app.read(freshness, |state| Ok(super::worker_diagnosis::of(state, known(state, id)?, leader))).await?)
}

fn known(state: &Exchange, id: WorkerId) -> Result<&WorkerRecord, Problem> {
    state.workers().get(id).ok_or_else(|| Rejection::WorkerUnknown { worker: id }.problem())
}

fn ended(ended: Ended) -> String {
    match ended.code {
        Some(code) => format!("exit {code} at {}", ended.at),
        None => format!("signal at {}", ended.at),
    }
}

fn view(state: &Exchange, worker: &WorkerRecord) -> dto::Worker {
    let (why, deadline) = match &worker.observed {
        Observed::Degraded { why, .. } => (Some(why.to_string()), None),
        Observed::Failed { why, .. } => (Some(why.as_str().to_owned()), None),
        Observed::Draining { deadline, .. } => (None, Some(deadline.to_string())),
        Observed::Stopped { .. } | Observed::Starting { .. } | Observed::Running { .. } => (None, None),
    };
    let errors = worker.errors.iter().rev().map(|group| dto::WorkerError {
        fingerprint: hex::encode(group.fingerprint),
        message: group.message.clone(),
        count: group.count,
        first: group.first.to_string(),
        last: group.last.to_string(),
    });
    let summary = worker.summary.map(|summary| dto::WorkerSummary {
        cpu_permille: summary.cpu_permille,
        memory_bytes: summary.memory_bytes,
        queue_depth: summary.queue_depth,
        queue_age: Value::DurationUs(summary.queue_age_us).to_string(),
        done_per_minute: summary.done_per_minute,
        success_permille: summary.success_permille,
        heartbeat: summary.heartbeat.to_string(),
    });
    dto::Worker {
        worker: worker.id.to_string(),
        kind: worker.id.kind.to_string(),
        network: worker.id.network.map(|network| network.to_string()),
        instance: worker.id.instance,
        desired: worker.desired.as_str().to_owned(),
        held: worker.held,
        state: worker.observed.name().to_string(),
        since: worker.observed.since().to_string(),
        why,
        epoch: worker.observed.epoch(),
        deadline,
        version: worker.version.clone(),
        binary_hash: worker.binary.map(|hash| hash.to_string()),
        binary: state.workers().binary_of(worker.id).map(|binary| binary.name.clone()),
        generation: worker.generation,
        started_generation: worker.started_generation,
        pid: worker.pid,
        settings_revision: worker.settings_revision,
        started_at: worker.started_at.map(|at| at.to_string()),
        next_start: worker.next_start.to_string(),
        crashes: worker.crashes.len(),
        ended: worker.ended.map(ended),
        summary,
        errors: errors.collect(),
    }
}

async fn add(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::AddWorkers>,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    let workers = request.workers.iter().map(|text| worker_id(text)).collect::<Result<Vec<_>, Problem>>()?;
    let desired = match request.desired.as_deref() {
        None | Some("stopped") => Desired::Stopped,
        Some("running") => Desired::Running,
        Some(_) => return Err(Problem::new(Code::BadRequest, "`desired` is `running` or `stopped`").into()),
    };
    let reason = reason(request.reason)?;
    let change = Change::AddWorkers(AddWorkers { workers, desired, reason });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn start(
    State(app): State<App>,
    caller: Caller,
    Name(worker): Name,
    Body(request): Body<dto::ControlWorker>,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    desire(&app, caller, &worker, request, Desired::Running).await
}

async fn stop(
    State(app): State<App>,
    caller: Caller,
    Name(worker): Name,
    Body(request): Body<dto::ControlWorker>,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    desire(&app, caller, &worker, request, Desired::Stopped).await
}

async fn desire(
    app: &App,
    caller: Caller,
    worker: &str,
    request: dto::ControlWorker,
    desired: Desired,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    let (workers, reason) = (vec![worker_id(worker)?], reason(request.reason)?);
    let change = Change::SetWorkers(SetWorkers { workers, desired, reason });
    changed(app, caller, request.command_id.as_deref(), change).await
}

async fn restart(
    State(app): State<App>,
    caller: Caller,
    Name(worker): Name,
    Body(request): Body<dto::ControlWorker>,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    let (workers, reason) = (vec![worker_id(&worker)?], reason(request.reason)?);
    let change = Change::RestartWorkers(RestartWorkers { workers, reason });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Name(worker): Name,
    Body(request): Body<dto::ControlWorker>,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    let (workers, reason) = (vec![worker_id(&worker)?], reason(request.reason)?);
    let change = Change::RemoveWorkers(RemoveWorkers { workers, reason });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn changed(
    app: &App,
    caller: Caller,
    id: Option<&str>,
    change: Change,
) -> Result<Committed<dto::WorkersChanged>, Refused> {
    let id = app.command_id(id)?;
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::WorkersChanged { changed } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::WorkersChanged { changed, index: effect.index, command_id: id.to_string() }))
}
