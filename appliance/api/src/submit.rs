//! Changes: one command, its id, and what became of it.

use std::time::Duration;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, CommandId, Problem, parse_duration};
use exchequer_state::approvals::operation_of;
use exchequer_state::{Actor, Body, Command, Done, Outcome, Propose, Rejection};
use serde::Serialize;

use crate::app::App;
use crate::dto;
use crate::problem::{COMMAND_ID, Refused, text};

/// How long a change waits for a leader and its outcome; less than a request may take, so that the client gets the
/// command's id when the outcome is unknown.
pub(crate) const SUBMIT_PATIENCE: Duration = Duration::from_secs(10);

/// Says that a change is to be proposed, and how long it waits.
pub(crate) const PROPOSE: &str = "exq-propose";

/// A change that took effect.
pub(crate) struct Effect {
    pub(crate) done: Done,
    pub(crate) index: u64,
    pub(crate) id: CommandId,
}

/// An answer that names its command.
pub(crate) struct Committed<T>(pub(crate) CommandId, pub(crate) T);

impl<T: Serialize> IntoResponse for Committed<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        response.headers_mut().insert(COMMAND_ID, text(&self.0.to_string()));
        response
    }
}

/// That a request's change is to be proposed instead of made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proposing {
    /// How long the proposal waits.
    ttl_us: Option<u64>,
}

tokio::task_local! {
    /// Whether the changes of the present request are proposed.
    pub(crate) static PROPOSING: Option<Proposing>;
}

impl Proposing {
    /// What the header asks for: how long the proposal waits, or `true`. Where nothing can need approval it is refused: the
    /// change would be made, or something else would not be.
    pub(crate) fn of(headers: &HeaderMap, approvable: bool) -> Result<Option<Proposing>, Problem> {
        let Some(value) = headers.get(PROPOSE) else { return Ok(None) };
        if !approvable {
            return Err(Rejection::NothingToApprove.problem());
        }
        let bad = || {
            Problem::new(
                Code::BadRequest,
                "the header `exq-propose` is `true`, or how long the proposal waits, such as 24h",
            )
        };
        let text = value.to_str().map_err(|_| bad())?;
        if text == "true" {
            return Ok(Some(Proposing { ttl_us: None }));
        }
        let span = parse_duration(text).map_err(|_| bad())?;
        Ok(Some(Proposing { ttl_us: Some(u64::try_from(span.as_micros()).map_err(|_| bad())?) }))
    }
}

/// The change that has another one wait for approval.
fn proposed(body: &Body, ttl_us: Option<u64>) -> Body {
    Body::Propose(Propose { operation: operation_of(body), ttl_us, reason: PROPOSED.to_owned() })
}

/// The reason of a proposal; the operation has its own.
const PROPOSED: &str = "see the operation";

impl App {
    /// The id that the client chose, or a fresh one.
    pub(crate) fn command_id(&self, given: Option<&str>) -> Result<CommandId, Problem> {
        match given {
            None => Ok(self.backend.new_id()),
            Some(text) => {
                text.parse().map_err(|error| Problem::new(Code::BadRequest, format!("`command_id`: {error}")))
            }
        }
    }

    /// A refusal; during maintenance with what was announced, and with the seconds to wait.
    fn refused(&self, mut problem: Problem, id: CommandId) -> Refused {
        // Where the state cannot be read by now, the refusal itself stands.
        let closed = (problem.code == Code::UnderMaintenance).then(|| self.closed().ok().flatten()).flatten();
        let Some(closed) = closed else { return Refused::of_command(problem, id) };
        problem.message = format!("{}: {}", problem.message, closed.banner);
        Refused::of_command(problem, id).later(closed.retry_after_s)
    }

    /// Has one command committed and applied, on somebody's behalf.
    pub(crate) async fn submit_as(&self, actor: Actor, id: CommandId, body: Body) -> Result<Effect, Refused> {
        let body = match PROPOSING.try_with(|proposing| *proposing) {
            // What a node does beside it in its own name is not what was asked for.
            Ok(Some(Proposing { ttl_us })) if !matches!(actor, Actor::Node(_)) => proposed(&body, ttl_us),
            Ok(_) | Err(_) => body,
        };
        let command = Command { id, actor, epoch: None, body };
        let submitted = self.backend.submit(vec![command], SUBMIT_PATIENCE).await;
        let submitted = submitted.map_err(|problem| Refused::of_command(problem, id))?;
        match submitted.outcomes.into_iter().next() {
            Some(Outcome::Done(Done::Proposed { proposal, needed, expires })) => {
                let (expires_at, command_id) = (expires.to_string(), id.to_string());
                let once = None;
                Err(Refused::proposed(id, dto::Proposed { proposal: proposal.0, needed, expires_at, once, command_id }))
            }
            Some(Outcome::Done(done)) => Ok(Effect { done, index: submitted.index, id }),
            Some(Outcome::Rejected(rejection)) => Err(self.refused(rejection.problem(), id)),
            None => Err(Refused::of_command(Problem::new(Code::OutcomeUnknown, "the command has no outcome"), id)),
        }
    }
}

impl Effect {
    /// Another effect than the one that was asked for: a bug, but the command did take effect.
    pub(crate) fn unexpected(&self) -> Refused {
        Refused::of_command(Problem::new(Code::Internal, "the command had another effect than expected"), self.id)
    }
}
