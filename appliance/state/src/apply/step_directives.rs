//! `StepDirectives`: what becomes of directives that are in flight.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::directives::check_count;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::directives::{
    Directive, DirectiveId, DirectiveState, DirectiveStep, ERROR_BYTES_MAX, RESULT_BYTES_MAX, RETURNED_US, Refusal,
    Stage, Target,
};
use crate::outcome::Done;
use crate::planted::{self, Bug};

/// Takes steps in their order, each by itself. The leader may send it, or the one worker that a directive is for; with the
/// present epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDirectives {
    /// Directive, attempt, and what became of it.
    pub steps: Vec<(DirectiveId, u32, DirectiveStep)>,
}

impl StepDirectives {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.steps.len())?;
        for (.., step) in &self.steps {
            match step {
                DirectiveStep::Succeeded { result } if result.len() > RESULT_BYTES_MAX => {
                    return Err(Refusal::Result.into());
                }
                DirectiveStep::Failed { error: text } | DirectiveStep::Returned { why: text }
                    if text.len() > ERROR_BYTES_MAX =>
                {
                    return Err(Refusal::Error.into());
                }
                DirectiveStep::Acked
                | DirectiveStep::Running
                | DirectiveStep::Succeeded { .. }
                | DirectiveStep::Failed { .. }
                | DirectiveStep::Returned { .. }
                | DirectiveStep::Lost => {}
            }
        }
        if !matches!(actor, Actor::Worker(_)) {
            entry.check_leader(actor)?;
        }

        let steps = self.steps.into_iter().map(|(id, attempt, step)| entry.step_directive(actor, id, attempt, step));
        Ok(Done::Directives(steps.collect()))
    }
}

impl Entry<'_> {
    fn step_directive(
        &mut self,
        actor: Actor,
        id: DirectiveId,
        attempt: u32,
        step: DirectiveStep,
    ) -> Result<(), Refusal> {
        let epoch = self.epoch();
        let directive = self.state.directives.get(id).ok_or(Refusal::Unknown { directive: id })?;
        let own = match actor {
            Actor::Worker(worker) => directive.target == Target::Worker(worker),
            Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Admin(_) | Actor::User(_) => true,
        };
        let stage = directive.state.stage();
        let fits = match step {
            DirectiveStep::Acked | DirectiveStep::Returned { .. } => stage == Stage::Dispatched,
            DirectiveStep::Running => matches!(stage, Stage::Dispatched | Stage::Acked),
            DirectiveStep::Succeeded { .. } | DirectiveStep::Failed { .. } | DirectiveStep::Lost => true,
        };
        let same = directive.attempt == attempt || planted::has(Bug::AttemptNotCompared);
        let in_flight = directive.state.epoch() == Some(epoch) && same;
        let refusal = Refusal::State { directive: id };
        if !(own && fits && in_flight) {
            return Err(refusal);
        }
        let directive = self.state.directives.take(id).ok_or(refusal)?;
        let since = self.now;
        match step {
            DirectiveStep::Acked => {
                let state = DirectiveState::Acked { epoch };
                self.state.directives.put(Directive { state, since, ..directive });
            }
            DirectiveStep::Running => {
                let state = DirectiveState::Running { epoch };
                self.state.directives.put(Directive { state, since, ..directive });
            }
            DirectiveStep::Succeeded { result } => {
                self.end_directive(Directive { result, error: None, ..directive }, DirectiveState::Succeeded);
            }
            DirectiveStep::Failed { error } => {
                let again = directive.is_idempotent() || planted::has(Bug::HarmRetried);
                self.fail_directive(directive, error, again);
            }
            DirectiveStep::Returned { why } => {
                let not_before = self.now.plus(Duration::from_micros(RETURNED_US));
                self.queue_directive(Directive { not_before, error: Some(why), ..directive });
            }
            DirectiveStep::Lost if directive.is_idempotent() => {
                self.fail_directive(directive, "its worker died while it had it".into(), true);
            }
            DirectiveStep::Lost => self.lose_directive(directive),
        }
        Ok(())
    }
}
