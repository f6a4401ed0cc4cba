//! Queues of jobs: how much is in them, pausing them, and their rates.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::jobs::{Depth, Queue, Rate};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, ConfigureQueue, Done, RateChange};

use super::jobs::queue;
use crate::app::App;
use crate::auth::Caller;
use crate::dto::{self, shapes};
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/queues", list)
            .says("The queues of jobs, with how much is in them")
            .needs(Permission::WorkersRead),
        Route::patch("/v1/queues/{queue}", configure)
            .says("Pauses a queue of jobs, lets it go on, or changes its rate")
            .more("A queue that does not exist yet is made, so that it can be paused before its first job.")
            .named(Param::text::<shapes::QueueNameText>("queue", "Its name"))
            .needs(Permission::WorkersControl)
            .danger(Danger::Level1),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Queues>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let queues = state.jobs().queues(state.time()).map(|(queue, depth)| view(queue, depth)).collect();
        Ok(dto::Queues { queues })
    });
    Ok(seen.await?)
}

async fn configure(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ConfigureQueue>,
) -> Result<Committed<dto::QueueConfigured>, Refused> {
    let name = queue(&name)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let rate = match (request.rate, request.no_rate) {
        (Some(rate), None | Some(false)) => RateChange::Set(Rate { per_second: rate.per_second, burst: rate.burst }),
        (None, Some(true)) => RateChange::Lift,
        (None, None | Some(false)) if request.paused.is_some() => RateChange::Keep,
        (None, None | Some(false)) => return Err(Problem::new(Code::BadRequest, "nothing is to be changed").into()),
        (Some(_), Some(true)) => return Err(Problem::new(Code::BadRequest, "`rate` does not go with `no_rate`").into()),
    };
    let change = ConfigureQueue { queue: name.clone(), paused: request.paused, rate, reason };
    let effect = app.submit_as(caller.0, id, Change::ConfigureQueue(change)).await?;
    let Done::QueueConfigured = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::QueueConfigured { queue: name.to_string(), index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

fn view(queue: &Queue, depth: Depth) -> dto::Queue {
    dto::Queue {
        queue: queue.name.to_string(),
        paused: queue.paused,
        rate: queue.rate.map(|rate| dto::QueueRate { per_second: rate.per_second, burst: rate.burst }),
        available: depth.available,
        waiting: depth.waiting,
        executing: depth.executing,
        dead: depth.dead,
        oldest_ms: u64::try_from(depth.oldest.as_millis()).unwrap_or(u64::MAX),
        enqueued: queue.totals.enqueued,
        completed: queue.totals.completed,
        failed: queue.totals.failed,
        discarded: queue.totals.discarded,
        cancelled: queue.totals.cancelled,
    }
}
