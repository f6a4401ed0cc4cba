//! `DispatchDirectives`: the leader takes what is to be done next.
//!
//! What starts, stops or restarts workers takes effect here. The rest is in flight from now on, and the outcome says what
//! the leader has to deliver.

use serde::{Deserialize, Serialize};

use super::directives::check_count;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::directives::{Directive, DirectiveAction, DirectiveId, DirectiveState, Dispatched, Target};
use crate::outcome::Done;
use crate::planted::{self, Bug};

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

        let mut heads = entry.state.directives.heads();
        // Targets of several workers whose first directive waits: what came later for a part of them waits behind it. One
        // worker is nobody's whole, so that its own queue is enough.
        let (mut awaited, mut awaited_in_emergency): (Vec<Target>, Vec<Target>) = (Vec::new(), Vec::new());
        let (mut dispatched, mut left, mut bytes) = (Vec::new(), self.max, 0);
        while left > 0 && bytes < DISPATCHED_BYTES_ENOUGH {
            let Some((_, id, target)) = heads.pop_first() else { break };
            let Some(directive) = entry.state.directives.get(id) else { continue };
            let urgent = directive.is_emergency();
            let overlaps = |awaited: &[Target]| awaited.iter().any(|other| other.overlaps(&target));
            let overtakes = overlaps(&awaited_in_emergency) || (!urgent && overlaps(&awaited));
            if entry.state.directives.is_busy(directive) || (overtakes && !planted::has(Bug::WaitingOvertaken)) {
                match target {
                    Target::Worker(_) => {}
                    Target::Kind { .. } | Target::System if urgent => awaited_in_emergency.push(target),
                    Target::Kind { .. } | Target::System => awaited.push(target),
                }
                continue;
            }
            left -= 1;
            match entry.dispatch_directive(id) {
                Some(sent) => {
                    bytes += sent.payload.len();
                    dispatched.push(sent);
                }
                // It is over, and its target is free for the next.
                None => heads.extend(entry.state.directives.head(target)),
            }
        }
        Ok(Done::DirectivesDispatched(dispatched))
    }
}

impl Entry<'_> {
    /// Dispatches one whose target is free; what is to be delivered, where it is not over with that.
    fn dispatch_directive(&mut self, id: DirectiveId) -> Option<Dispatched> {
        let directive = self.state.directives.take(id)?;
        let directive = Directive { attempt: directive.attempt + 1, ..directive };
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
