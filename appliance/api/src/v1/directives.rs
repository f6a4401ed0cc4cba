//! Directives: what is asked of workers; the admin's command queue.

use axum::extract::State;
use exchequer_domain::{Code, Problem};
use exchequer_state::directives::{
    Decision, Directive, DirectiveAction, DirectiveId, DirectiveState, Directives, Priority, Refusal, Stage, Target,
};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::{
    Body as Change, CancelDirectives, Done, NewDirective, ReleaseDirectives, ReviewDirective, SendDirectives,
};

use super::jobs::number;
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::words;

/// Directives in one answer, at most.
const LIMIT_MAX: usize = 200;
/// Directives in one answer where the client does not say.
const LIMIT: usize = 50;
/// Directives looked at for one answer, during which nothing is applied.
const LOOKED_AT_MAX: usize = 20_000;
/// Attempts where nothing is said.
const ATTEMPTS: u32 = 3;
/// The states of open directives.
const STATES: &[&str] = &["pending-approval", "queued", "dispatched", "acked", "running", "needs-review"];

pub(crate) fn routes() -> Vec<Route> {
    let before =
        || Param::number("before", 1, u64::MAX, "Only numbers below this one; the latest where nothing is said");
    let limit = || Param::number("limit", 1, LIMIT_MAX as u64, "Directives in the answer, at most");
    let named = || Param::number("directive", 1, u64::MAX, "Its number");
    vec![
        Route::get("/v1/directives", list)
            .says("Open directives, latest first")
            .more("A page may have fewer than `limit` although more follow: `next_before` tells.")
            .asks([before(), limit(), Param::word("state", STATES, "Only in this state")])
            .needs(Permission::WorkersRead),
        Route::get("/v1/directives/history", history)
            .says("Directives that are over, latest first")
            .asks([before(), limit()])
            .needs(Permission::WorkersRead),
        Route::get("/v1/directives/{directive}", show)
            .says("One directive, open or over")
            .named(named())
            .needs(Permission::WorkersRead),
        Route::post("/v1/directives", send)
            .says("Asks something of a worker, of the workers of a kind, or of all")
            .needs(Permission::WorkersControl)
            .danger(Danger::Level2),
        Route::post("/v1/directives/release", release)
            .approvable()
            .says("Releases directives that wait for approval")
            .more("Another person than who sent them; once the two-person rule is in force two.")
            .needs(Permission::WorkersControl)
            .danger(Danger::Level2),
        Route::post("/v1/directives/cancel", cancel)
            .says("Takes directives back that were not dispatched yet")
            .needs(Permission::WorkersControl),
        Route::post("/v1/directives/{directive}/review", review)
            .says("Decides about a directive of which nobody knows what became")
            .named(named())
            .needs(Permission::WorkersControl)
            .danger(Danger::Level2),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Directives>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    let stage = params.take("state")?.map(|text| stage(&text)).transpose()?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        let (mut directives, mut next_before) = (Vec::new(), None);
        for (looked_at, directive) in state.directives().latest(DirectiveId(before)).enumerate() {
            if directives.len() == limit || looked_at == LOOKED_AT_MAX {
                next_before = Some(directive.id.0 + 1);
                break;
            }
            if stage.is_none_or(|stage| directive.state.stage() == stage) {
                directives.push(view(directive));
            }
        }
        Ok(dto::Directives { directives, next_before })
    });
    Ok(seen.await?)
}

async fn history(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Directives>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.unwrap_or(u64::MAX);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT);
    params.end()?;
    let seen = app.read_rows(freshness, move |_, rows| {
        let directives = Directives::history(rows, DirectiveId(before), limit).map_err(|halt| halt.problem())?;
        let next_before = directives.last().filter(|_| directives.len() == limit).map(|directive| directive.id.0);
        Ok(dto::Directives { directives: directives.iter().map(view).collect(), next_before })
    });
    Ok(seen.await?)
}

async fn show(State(app): State<App>, Name(name): Name, mut params: Params) -> Result<Seen<dto::Directive>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = DirectiveId(number("directive", &name)?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.directives().find(rows, id).map_err(|halt| halt.problem())?;
        let unknown = || Problem::new(Code::DirectiveUnknown, format!("there is no directive {id}"));
        found.as_ref().map(view).ok_or_else(unknown)
    });
    Ok(seen.await?)
}

async fn send(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::SendDirective>,
) -> Result<Committed<dto::DirectivesSent>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let target: Target =
        request.target.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`target`: {error}")))?;
    let own = request.payload.is_some() || request.idempotent.is_some();
    let action = match request.action.as_str() {
        "start" | "stop" | "restart" if own => {
            let message = "`payload` and `idempotent` belong to actions that the worker knows";
            return Err(Problem::new(Code::BadRequest, message).into());
        }
        "start" => DirectiveAction::Start,
        "stop" => DirectiveAction::Stop,
        "restart" => DirectiveAction::Restart,
        _ => DirectiveAction::Custom {
            name: request.action,
            payload: request.payload.unwrap_or_default().into_bytes(),
            idempotent: request.idempotent.unwrap_or(false),
        },
    };
    let moment = |name, text: Option<String>| text.map(|text| words::parse_time(name, &text)).transpose();
    let directive = NewDirective {
        key: request.key,
        priority: request.priority.as_deref().map_or(Ok(Priority::Normal), priority)?,
        target,
        action,
        not_before: moment("not_before", request.not_before)?,
        deadline: moment("deadline", request.deadline)?,
        max_attempts: request.max_attempts.unwrap_or(ATTEMPTS),
        needs_approval: request.needs_approval.unwrap_or(false),
    };
    let change = Change::SendDirectives(SendDirectives { directives: vec![directive], reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::DirectivesSent(sent) = &effect.done else { return Err(effect.unexpected()) };
    let sent = sent.iter().map(|sent| dto::DirectiveSent { directive: sent.directive.0, new: sent.new });
    let answer = dto::DirectivesSent { directives: sent.collect(), index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CancelDirectives>,
) -> Result<Committed<dto::DirectivesChanged>, Refused> {
    let reason = reason(request.reason)?;
    let directives = request.directives.iter().copied().map(DirectiveId).collect();
    let change = Change::CancelDirectives(CancelDirectives { directives, reason });
    each(&app, caller, request.command_id.as_deref(), change).await
}

async fn release(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::ReleaseDirectives>,
) -> Result<Committed<dto::DirectivesChanged>, Refused> {
    let reason = reason(request.reason)?;
    let directives = request.directives.iter().copied().map(DirectiveId).collect();
    let change = Change::ReleaseDirectives(ReleaseDirectives { directives, reason });
    each(&app, caller, request.command_id.as_deref(), change).await
}

/// A change of several directives, each by itself.
async fn each(
    app: &App,
    caller: Caller,
    command_id: Option<&str>,
    change: Change,
) -> Result<Committed<dto::DirectivesChanged>, Refused> {
    let id = app.command_id(command_id)?;
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::Directives(results) = &effect.done else { return Err(effect.unexpected()) };
    let each = |result: &Result<(), Refusal>| dto::Each { error: result.as_ref().err().map(Refusal::problem) };
    let outcomes = results.iter().map(each).collect();
    Ok(Committed(id, dto::DirectivesChanged { outcomes, index: effect.index, command_id: id.to_string() }))
}

async fn review(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ReviewDirective>,
) -> Result<Committed<dto::DirectiveReviewed>, Refused> {
    let directive = DirectiveId(number("directive", &name)?);
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let decision = match request.decision.as_str() {
        "retry" => Decision::Retry,
        "done" => Decision::Done,
        "failed" => Decision::Failed,
        _ => return Err(Problem::new(Code::BadRequest, "`decision` is retry, done or failed").into()),
    };
    let change = Change::ReviewDirective(ReviewDirective { directive, decision, reason });
    let effect = app.submit_as(caller.0, id, change).await?;
    let Done::DirectiveReviewed = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::DirectiveReviewed { directive: directive.0, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

fn priority(text: &str) -> Result<Priority, Problem> {
    let found = Priority::ALL.into_iter().find(|priority| priority.as_str() == text);
    found.ok_or_else(|| Problem::new(Code::BadRequest, "`priority` is emergency, safety, money, normal or bulk"))
}

fn stage(text: &str) -> Result<Stage, Problem> {
    let found = Stage::ALL.into_iter().find(|stage| stage.is_open() && stage.as_str() == text);
    found.ok_or_else(|| Problem::new(Code::BadRequest, format!("`state` is one of {}", STATES.join(", "))))
}

fn view(directive: &Directive) -> dto::Directive {
    let (payload, idempotent) = match &directive.action {
        DirectiveAction::Custom { payload, idempotent, name: _ } => (payload.as_slice(), *idempotent),
        DirectiveAction::Start | DirectiveAction::Stop | DirectiveAction::Restart => (&[][..], true),
    };
    let superseded_by = match directive.state {
        DirectiveState::Superseded { by } => Some(by.0),
        DirectiveState::PendingApproval
        | DirectiveState::Queued
        | DirectiveState::Dispatched { .. }
        | DirectiveState::Acked { .. }
        | DirectiveState::Running { .. }
        | DirectiveState::Succeeded
        | DirectiveState::Failed
        | DirectiveState::Expired
        | DirectiveState::Cancelled
        | DirectiveState::NeedsReview => None,
    };
    dto::Directive {
        directive: directive.id.0,
        key: directive.key.clone(),
        priority: directive.priority.as_str().to_owned(),
        target: directive.target.to_string(),
        action: directive.action.as_str().to_owned(),
        payload: String::from_utf8_lossy(payload).into_owned(),
        idempotent,
        state: directive.state.stage().as_str().to_owned(),
        since: directive.since.to_string(),
        superseded_by,
        attempt: directive.attempt,
        dispatched_at: directive.dispatched_at.map(|at| at.to_string()),
        failed: directive.failed,
        max_attempts: directive.max_attempts,
        not_before: directive.not_before.to_string(),
        deadline: directive.deadline.map(|at| at.to_string()),
        result: String::from_utf8_lossy(&directive.result).into_owned(),
        error: directive.error.clone(),
        by: directive.issued_by.to_string(),
        issued_at: directive.issued_at.to_string(),
        reason: directive.reason.clone(),
    }
}
