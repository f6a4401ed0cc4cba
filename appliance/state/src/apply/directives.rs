//! What commands of directives share, and what time and a change of leaders do to directives.

use std::time::Duration;

use super::{Entry, Stop};
use crate::command::Actor;
use crate::directives::{Directive, DirectiveAction, DirectiveId, DirectiveState, Refusal, Stage, backoff_us};
use crate::event::EventKind;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;

/// Directives that one command deals with.
pub const DIRECTIVES_AT_ONCE_MAX: usize = 1_000;

/// Directives that time moves in one entry; what is left is due in the next.
const MOVED_PER_ENTRY: usize = 1_000;
/// Directives that stops make pointless in one entry; a stop that finds more waits for the next.
pub(crate) const SUPERSEDED_PER_ENTRY: usize = 1_000;

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(Rejection::Directives(refusal))
    }
}

/// Whether so many things can be dealt with at once.
pub(super) fn check_count(count: usize) -> Result<(), Refusal> {
    if (1..=DIRECTIVES_AT_ONCE_MAX).contains(&count) { Ok(()) } else { Err(Refusal::Count) }
}

/// What an audit record says of several directives.
pub(super) fn target(directives: &[DirectiveId]) -> String {
    match directives {
        [one] => format!("directive {one}"),
        [first, .., last] => format!("{} directives from {first} to {last}", directives.len()),
        [] => String::new(),
    }
}

impl Entry<'_> {
    /// Whether this comes from the node that leads; that its leadership is the present one was checked by its epoch.
    pub(super) fn check_leader(&self, actor: Actor) -> Result<(), Refusal> {
        let leader = self.state.epoch.map(|epoch| Actor::Node(epoch.node));
        if leader == Some(actor) { Ok(()) } else { Err(Refusal::NotTheLeader) }
    }

    /// A directive waits for its time and its turn from now on.
    pub(super) fn queue_directive(&mut self, mut directive: Directive) {
        let late = directive.deadline.is_some_and(|deadline| deadline <= self.now);
        if late && !planted::has(Bug::ExpiryIgnored) {
            return self.late_directive(directive);
        }
        if directive.action == DirectiveAction::Stop {
            // One that others had to agree to stops from now on.
            directive.not_before = directive.not_before.max(self.now);
        }
        let directive = Directive { state: DirectiveState::Queued, ready: false, since: self.now, ..directive };
        if directive.not_before <= self.now {
            self.ready_directive(directive);
        } else {
            self.state.directives.put(directive);
        }
    }

    /// A directive's time has come. A stop makes pointless what was to start the same workers by then, and is dispatched when
    /// all of that is over.
    fn ready_directive(&mut self, directive: Directive) {
        let mut ready = true;
        if directive.action == DirectiveAction::Stop && !planted::has(Bug::StopSupersedesNothing) {
            let room = SUPERSEDED_PER_ENTRY.saturating_sub(self.superseded);
            let starts = self.state.directives.starts(directive.target, directive.not_before, room + 1);
            ready = starts.len() <= room;
            for start in starts.into_iter().take(room) {
                if let Some(start) = self.state.directives.take(start) {
                    self.superseded += 1;
                    self.end_directive(start, DirectiveState::Superseded { by: directive.id });
                }
            }
        }
        self.state.directives.put(Directive { ready, ..directive });
    }

    /// It is too late to dispatch a directive. One that was dispatched before has not expired: its last attempt failed, or
    /// nobody knows what became of it.
    fn late_directive(&mut self, directive: Directive) {
        if directive.attempt == 0 {
            self.end_directive(directive, DirectiveState::Expired);
        } else if directive.error.is_some() {
            self.end_directive(directive, DirectiveState::Failed);
        } else {
            self.review_directive(directive);
        }
    }

    /// A person has to say what became of a directive.
    fn review_directive(&mut self, directive: Directive) {
        self.event(EventKind::DirectiveNeedsReview { directive: directive.id });
        let state = DirectiveState::NeedsReview;
        self.state.directives.put(Directive { state, since: self.now, ..directive });
    }

    /// Others have agreed to what waited for that: it is queued.
    ///
    /// # Errors
    /// It does not wait for anyone to agree.
    pub(crate) fn release_directive(&mut self, id: DirectiveId) -> Result<(), Refusal> {
        let directive = self.state.directives.get(id).ok_or(Refusal::Unknown { directive: id })?;
        if directive.state != DirectiveState::PendingApproval {
            return Err(Refusal::State { directive: id });
        }
        if let Some(directive) = self.state.directives.take(id) {
            self.queue_directive(directive);
        }
        Ok(())
    }

    /// A directive that was taken out is over.
    pub(super) fn end_directive(&mut self, directive: Directive, state: DirectiveState) {
        self.event(EventKind::DirectiveOver { directive: directive.id, state });
        self.state.directives.over(Directive { state, since: self.now, ..directive });
    }

    /// An attempt failed, and there may be another; or that was the last.
    pub(super) fn fail_directive(&mut self, directive: Directive, error: String, again: bool) {
        let failed = directive.failed + 1;
        let mut directive = Directive { failed, error: Some(error), ..directive };
        if !again || failed >= directive.max_attempts {
            return self.end_directive(directive, DirectiveState::Failed);
        }
        directive.not_before = self.now.plus(Duration::from_micros(backoff_us(failed)));
        self.queue_directive(directive);
    }

    /// Nobody will say what became of a directive that was in flight.
    pub(super) fn lose_directive(&mut self, directive: Directive) {
        if directive.is_idempotent() || planted::has(Bug::ReviewSkipped) {
            // What an attempt before came to says nothing of this one.
            return self.queue_directive(Directive { error: None, ..directive });
        }
        self.review_directive(directive);
    }

    /// Lets time do its work on directives: what may be dispatched now, and what is too late.
    pub(super) fn pass_time_in_directives(&mut self) {
        for _ in 0..MOVED_PER_ENTRY {
            let due = self.state.directives.due(self.now);
            let Some(directive) = due.and_then(|id| self.state.directives.take(id)) else { return };
            let late = directive.deadline.is_some_and(|deadline| deadline <= self.now);
            match directive.state.stage() {
                Stage::PendingApproval | Stage::Queued if late && planted::has(Bug::ExpiryIgnored) => {
                    self.state.directives.put(Directive { deadline: None, ..directive });
                }
                Stage::PendingApproval | Stage::Queued if late => self.late_directive(directive),
                Stage::Queued => {
                    self.ready_directive(directive);
                    if self.superseded >= SUPERSEDED_PER_ENTRY {
                        return;
                    }
                }
                // Time does nothing to these, and they are among no timers.
                Stage::PendingApproval
                | Stage::Dispatched
                | Stage::Acked
                | Stage::Running
                | Stage::Succeeded
                | Stage::Failed
                | Stage::Expired
                | Stage::Cancelled
                | Stage::Superseded
                | Stage::NeedsReview => self.state.directives.put(directive),
            }
        }
    }

    /// What the former leadership had in flight is lost with it.
    pub(super) fn orphan_directives(&mut self) {
        for id in self.state.directives.flights() {
            if let Some(directive) = self.state.directives.take(id) {
                self.lose_directive(directive);
            }
        }
    }
}
