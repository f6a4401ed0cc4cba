//! `DispatchDirectives`: the leader takes what is to be done next.
//!
//! What starts, stops or restarts workers takes effect here. The rest is in flight from now on, and the outcome says what
//! the leader has to deliver.

use serde::{Deserialize, Serialize};

use super::directives::check_count;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::directives::{Directive, DirectiveAction, DirectiveId, DirectiveState, Dispatched};
use crate::outcome::Done;

/// Payloads of what is dispatched at once: with the first that reaches it, it is enough. The outcome is kept for a day.
const DISPATCHED_BYTES_ENOUGH: usize = 64 << 10;

/// Dispatches what comes first and has a free target. Only the leader may send it, with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DispatchDirectives {
    /// At most so many.
    pub max: u32,
}

impl DispatchDirectives {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.max as usize)?;
        entry.check_leader(actor)?;

        let stopped = entry.state.emergency.is_some();
        let mut turn = entry.state.directives.turn(&entry.state.workers, stopped);
        let (mut dispatched, mut left, mut bytes) = (Vec::new(), self.max, 0);
        while left > 0 && bytes < DISPATCHED_BYTES_ENOUGH {
            let Some((id, target)) = turn.next(&entry.state.directives) else { break };
            left -= 1;
            match entry.dispatch_directive(id) {
                Some(sent) => {
                    bytes += sent.payload.len();
                    dispatched.push(sent);
                }
                None => turn.free(&entry.state.directives, target),
            }
        }
        Ok(Done::DirectivesDispatched(dispatched))
    }
}

impl Entry<'_> {
    /// Dispatches one whose target is free; what is to be delivered, where it is not over with that.
    fn dispatch_directive(&mut self, id: DirectiveId) -> Option<Dispatched> {
        let directive = self.state.directives.take(id)?;
        let directive = Directive { attempt: directive.attempt + 1, dispatched_at: Some(self.now), ..directive };
        let DirectiveAction::Custom { name, payload, idempotent: _ } = &directive.action else {
            match self.carry_out(&directive) {
                Ok(()) => self.end_directive(directive, DirectiveState::Succeeded),
                Err(why) => {
                    let error = Some(why.problem().to_string());
                    self.end_directive(Directive { error, ..directive }, DirectiveState::Failed);
                }
            }
            return None;
        };
        let dispatched = Dispatched {
            id,
            attempt: directive.attempt,
            priority: directive.priority,
            target: directive.target,
            name: name.clone(),
            payload: payload.clone(),
            deadline: directive.deadline,
        };
        let state = DirectiveState::Dispatched { epoch: self.epoch() };
        self.state.directives.put(Directive { state, since: self.now, ..directive });
        Some(dispatched)
    }
}
