//! Jobs: seeing them, entering them, ending them, and letting them begin anew.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::jobs::{Backoff, Job, JobId, JobState, Jobs, QueueName, Refusal, Stage};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, CancelJobs, Done, EnqueueJobs, NewJob, RetryJobs};

use crate::app::App;
use crate::auth::Caller;
use crate::dto::{self, shapes};
use crate::extract::{Body, Name, Params, duration, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::words;

/// Jobs in one answer, at most.
const LIMIT_MAX: usize = 200;
/// Jobs in one answer where the client does not say.
const LIMIT: usize = 50;
/// Jobs looked at for one answer, during which nothing is applied.
const LOOKED_AT_MAX: usize = 20_000;
/// Attempts where nothing is said.
const ATTEMPTS: u32 = 5;
/// Priority where nothing is said.
const PRIORITY: u8 = 5;
/// The states of open jobs and of the dead letter.
const STATES: &[&str] = &["available", "scheduled", "executing", "retryable", "discarded"];

pub(crate) fn routes() -> Vec<Route> {
    let before =
        || Param::number("before", 1, u64::MAX, "Only numbers below this one; the latest where nothing is said");
    let limit = || Param::number("limit", 1, LIMIT_MAX as u64, "Jobs in the answer, at most");
    vec![
        Route::get("/v1/jobs", list)
            .says("Open jobs and those of the dead letter, latest first")
            .more("A page may have fewer than `limit` although more follow: `next_before` tells.")
            .asks([
                before(),
                limit(),
                Param::text::<shapes::QueueNameText>("queue", "Only of this queue"),
                Param::word("state", STATES, "Only in this state"),
            ])
            .needs(Permission::WorkersRead),
        Route::get("/v1/jobs/history", history)
            .says("Jobs that are over, latest first")
            .asks([before(), limit()])
            .needs(Permission::WorkersRead),
        Route::get("/v1/jobs/{job}", show)
            .says("One job, open or over")
            .named(Param::number("job", 1, u64::MAX, "Its number"))
            .needs(Permission::WorkersRead),
        Route::post("/v1/jobs", enqueue)
            .says("Enters a job into a queue")
            .needs(Permission::WorkersControl)
            .danger(Danger::Level1),
        Route::post("/v1/jobs/cancel", cancel)
            .says("Ends jobs that are not done yet")
            .more("Of one that a worker has, nothing is heard any more; what it did outside stays done.")
            .needs(Permission::WorkersControl)
            .danger(Danger::Level1),
        Route::post("/v1/jobs/retry", retry)
            .says("Lets jobs of the dead letter begin anew, and such that wait begin at once")
            .needs(Permission::WorkersControl)
            .danger(Danger::Level1),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Jobs>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let queue = params.take("queue")?.map(|text| queue(&text)).transpose()?;
    let stage = params.take("state")?.map(|text| stage(&text)).transpose()?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let (mut jobs, mut next_before) = (Vec::new(), None);
        for (looked_at, job) in state.jobs().latest(JobId(before)).enumerate() {
            if jobs.len() == limit || looked_at == LOOKED_AT_MAX {
                next_before = Some(job.id.0 + 1);
                break;
            }
            if queue.as_ref().is_none_or(|queue| job.queue == *queue)
                && stage.is_none_or(|stage| job.state.stage() == stage)
            {
                jobs.push(view(job));
            }
        }
        Ok(dto::Jobs { jobs, next_before })
    });
    Ok(seen.await?)
}

async fn history(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Jobs>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    params.end()?;
    let seen = app.read_rows(freshness, move |_, rows| {
        let jobs = Jobs::history(rows, JobId(before), limit).map_err(|halt| halt.problem())?;
        let next_before = jobs.last().filter(|_| jobs.len() == limit).map(|job| job.id.0);
        Ok(dto::Jobs { jobs: jobs.iter().map(view).collect(), next_before })
    });
    Ok(seen.await?)
}

async fn show(State(app): State<App>, Name(job): Name, mut params: Params) -> Result<Seen<dto::Job>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = JobId(number("job", &job)?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let job = state.jobs().find(rows, id).map_err(|halt| halt.problem())?;
        job.as_ref().map(view).ok_or_else(|| Problem::new(Code::JobUnknown, format!("there is no job {id}")))
    });
    Ok(seen.await?)
}

async fn enqueue(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::EnqueueJob>,
) -> Result<Committed<dto::JobsEnqueued>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let unsaid = Backoff::default();
    let span = |name, text: Option<String>, unsaid| match text {
        Some(text) => duration(name, &text).map(|span| u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        None => Ok(unsaid),
    };
    let first_us = span("backoff", request.backoff, unsaid.first_us)?;
    let most_us = span("backoff_max", request.backoff_max, unsaid.most_us.max(first_us))?;
    let moment = |name, text: Option<String>| text.map(|text| words::parse_time(name, &text)).transpose();
    let job = NewJob {
        queue: queue(&request.queue)?,
        key: request.key,
        priority: request.priority.unwrap_or(PRIORITY),
        payload: request.payload.unwrap_or_default().into_bytes(),
        not_before: moment("not_before", request.not_before)?,
        deadline: moment("deadline", request.deadline)?,
        max_attempts: request.max_attempts.unwrap_or(ATTEMPTS),
        backoff: Backoff { first_us, most_us },
    };
    let change = Change::EnqueueJobs(EnqueueJobs { jobs: vec![job], reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::JobsEnqueued(jobs) = &effect.done else { return Err(effect.unexpected()) };
    let jobs = jobs.iter().map(|entered| dto::JobEnqueued { job: entered.job.0, new: entered.new }).collect();
    Ok(Committed(id, dto::JobsEnqueued { jobs, index: effect.index, command_id: id.to_string() }))
}

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ChangeJobs>,
) -> Result<Committed<dto::JobsChanged>, Refused> {
    let jobs = request.jobs.iter().copied().map(JobId).collect();
    let change = Change::CancelJobs(CancelJobs { jobs, reason: reason(request.reason)? });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn retry(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ChangeJobs>,
) -> Result<Committed<dto::JobsChanged>, Refused> {
    let jobs = request.jobs.iter().copied().map(JobId).collect();
    let change = Change::RetryJobs(RetryJobs { jobs, reason: reason(request.reason)? });
    changed(&app, caller, request.command_id.as_deref(), change).await
}

async fn changed(
    app: &App,
    caller: Caller,
    command_id: Option<&str>,
    change: Change,
) -> Result<Committed<dto::JobsChanged>, Refused> {
    let id = app.command_id(command_id)?;
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::Jobs(results) = &effect.done else { return Err(effect.unexpected()) };
    let each = |result: &Result<(), Refusal>| dto::Each { error: result.as_ref().err().map(Refusal::problem) };
    let outcomes = results.iter().map(each).collect();
    Ok(Committed(id, dto::JobsChanged { outcomes, index: effect.index, command_id: id.to_string() }))
}

/// A queue's name.
pub(super) fn queue(text: &str) -> Result<QueueName, Problem> {
    text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`queue`: {error}")))
}

/// A number of a path.
pub(super) fn number(name: &str, text: &str) -> Result<u64, Problem> {
    // Rust would take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|number| digits && *number > 0);
    number.ok_or_else(|| Problem::new(Code::BadRequest, format!("`{name}` is a whole number from 1")))
}

fn stage(text: &str) -> Result<Stage, Problem> {
    let found = Stage::ALL.into_iter().find(|stage| STATES.contains(&text) && stage.as_str() == text);
    found.ok_or_else(|| Problem::new(Code::BadRequest, format!("`state` is one of {}", STATES.join(", "))))
}

fn view(job: &Job) -> dto::Job {
    let lease = match job.state {
        JobState::Executing { worker, epoch, until } => {
            Some(dto::JobLease { worker: worker.to_string(), epoch, until: until.to_string() })
        }
        JobState::Available
        | JobState::Scheduled
        | JobState::Retryable
        | JobState::Completed
        | JobState::Discarded
        | JobState::Cancelled => None,
    };
    dto::Job {
        job: job.id.0,
        queue: job.queue.to_string(),
        key: job.key.clone(),
        priority: job.priority,
        state: job.state.stage().as_str().to_owned(),
        since: job.since.to_string(),
        lease,
        attempt: job.attempt,
        failed: job.failed,
        snoozes: job.snoozes,
        max_attempts: job.max_attempts,
        not_before: job.not_before.to_string(),
        deadline: job.deadline.map(|at| at.to_string()),
        progress_permille: job.progress_permille,
        payload: String::from_utf8_lossy(&job.payload).into_owned(),
        result: String::from_utf8_lossy(&job.result).into_owned(),
        error: job.error.clone(),
        by: job.by.to_string(),
        enqueued_at: job.enqueued_at.to_string(),
    }
}
