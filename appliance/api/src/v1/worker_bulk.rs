//! The same for many workers: what it would come to, doing it, what was done, and taking it back.

use axum::extract::State;
use exchequer_domain::{Code, Digest, Problem};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::workers::{BulkAction, BulkEffect, BulkRecord, Selector, plan_hash};
use exchequer_state::{Body as Change, BulkWorkers, Done, Rejection, UndoBulk};

use super::workers::{selector, selector_of, selector_params};
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

const ACTIONS: &[&str] = &["start", "stop", "restart"];

pub(crate) fn routes() -> Vec<Route> {
    let number = || Param::number("id", 1, u64::MAX, "The number of the record");
    let read = |route: Route| route.needs(Permission::WorkersRead);
    let control = |route: Route, danger| route.needs(Permission::WorkersControl).danger(danger);
    vec![
        read(Route::get("/v1/workers/bulk/preview", preview))
            .says("What doing the same to many workers would come to")
            .asks([Param::word("action", ACTIONS, "What would be done").needed()])
            .asks(selector_params()),
        control(Route::post("/v1/workers/bulk", run), Danger::Level2)
            .says("Does to many workers what a preview showed")
            .more("Refused where the workers have changed since, so that it would come to something else."),
        read(Route::get("/v1/workers/bulk", list)).says("What was done to many workers, the latest 100"),
        read(Route::get("/v1/workers/bulk/{id}", one))
            .says("What was done to many workers, worker by worker")
            .named(number()),
        control(Route::post("/v1/workers/bulk/{id}/undo", undo), Danger::Level2)
            .says("Takes back what was done to many workers, where nobody has decided otherwise since")
            .named(number()),
    ]
}

fn action(word: &str) -> Result<BulkAction, Problem> {
    let all = [BulkAction::Start, BulkAction::Stop, BulkAction::Restart];
    let found = all.into_iter().find(|action| action.as_str() == word);
    found.ok_or_else(|| Problem::new(Code::BadRequest, format!("`action` is one of {}", ACTIONS.join(", "))))
}

async fn preview(State(app): State<App>, mut params: Params) -> Result<Seen<dto::WorkersPreview>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let word = params.take("action")?;
    let action = action(word.as_deref().unwrap_or_default())?;
    let selector = selector(&mut params)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let plan = state.workers().plan(action, selector);
        let items = plan.iter().map(|planned| dto::WorkersPreviewItem {
            worker: planned.worker.to_string(),
            effect: planned.effect.as_str().to_owned(),
        });
        Ok(dto::WorkersPreview {
            action: action.as_str().to_owned(),
            items: items.collect(),
            changes: plan.iter().filter(|planned| planned.effect != BulkEffect::Nothing).count(),
            plan: plan_hash(action, selector, &plan).to_string(),
        })
    });
    Ok(seen.await?)
}

async fn run(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::BulkWorkers>,
) -> Result<Committed<dto::WorkersBulkDone>, Refused> {
    let action = action(&request.action)?;
    let (kind, network, state) = (&request.kind, &request.network, &request.state);
    let selector = selector_of(kind.as_deref(), network.as_deref(), state.as_deref())?;
    let plan: Digest =
        request.plan.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`plan`: {error}")))?;
    let change = BulkWorkers { action, selector, plan, reason: reason(request.reason)? };
    done(&app, caller, request.command_id.as_deref(), Change::BulkWorkers(change)).await
}

async fn undo(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    Body(request): Body<dto::ControlWorker>,
) -> Result<Committed<dto::WorkersBulkDone>, Refused> {
    let change = UndoBulk { bulk: number(&id)?, reason: reason(request.reason)? };
    done(&app, caller, request.command_id.as_deref(), Change::UndoBulk(change)).await
}

async fn done(
    app: &App,
    caller: Caller,
    id: Option<&str>,
    change: Change,
) -> Result<Committed<dto::WorkersBulkDone>, Refused> {
    let id = app.command_id(id)?;
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::WorkersBulk { bulk, changed } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::WorkersBulkDone { bulk, changed, index: effect.index, command_id: id.to_string() }))
}

fn number(text: &str) -> Result<u64, Problem> {
    // Rust would take a plus sign.
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| Problem::new(Code::BadRequest, "the number of a record is a whole number from 1"))
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::WorkersBulks>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let bulks = state.workers().bulks().rev();
        let brief = |record| dto::WorkersBulk { items: Vec::new(), ..view(record) };
        Ok(dto::WorkersBulks { bulks: bulks.map(brief).collect() })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(id): Name, mut params: Params) -> Result<Seen<dto::WorkersBulk>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = number(&id)?;
    let seen = app.read(freshness, |state| {
        state.workers().bulk(id).map(view).ok_or_else(|| {
            let problem = Rejection::BulkUnknown.problem();
            Problem::new(Code::NotFound, problem.message)
        })
    });
    Ok(seen.await?)
}

fn view(record: &BulkRecord) -> dto::WorkersBulk {
    let items = record.items.iter().map(|item| dto::WorkersBulkItem {
        worker: item.worker.to_string(),
        effect: item.effect.as_str().to_owned(),
        before: item.before.as_str().to_owned(),
        undone: item.undone.map(|undone| undone.as_str().to_owned()),
    });
    dto::WorkersBulk {
        bulk: record.id,
        action: record.action.as_str().to_owned(),
        selector: words(record.selector),
        by: record.by.to_string(),
        reason: record.reason.clone(),
        at: record.at.to_string(),
        workers: record.items.len(),
        changed: record.items.iter().filter(|item| item.effect != BulkEffect::Nothing).count(),
        undone_by: record.undone.map(|(by, _)| by.to_string()),
        items: items.collect(),
    }
}

fn words(selector: Selector) -> String {
    let parts = [
        selector.kind.map(|kind| format!("kind={kind}")),
        selector.network.map(|network| format!("network={network}")),
        selector.state.map(|state| format!("state={state}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
