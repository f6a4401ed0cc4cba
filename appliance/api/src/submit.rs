//! Changes: one command, its id, and what became of it.

use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, CommandId, Problem};
use exchequer_state::{Actor, Body, Command, Done, Outcome};
use serde::Serialize;

use crate::app::App;
use crate::problem::{COMMAND_ID, Refused, text};

/// How long a change waits for a leader and its outcome; less than a request may take, so that the client gets the
/// command's id when the outcome is unknown.
pub(crate) const SUBMIT_PATIENCE: Duration = Duration::from_secs(10);

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
        let command = Command { id, actor, epoch: None, body };
        let submitted = self.backend.submit(vec![command], SUBMIT_PATIENCE).await;
        let submitted = submitted.map_err(|problem| Refused::of_command(problem, id))?;
        match submitted.outcomes.into_iter().next() {
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
