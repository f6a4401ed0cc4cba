//! Directives on their way to workers, and what becomes of them.
//!
//! The dispatcher hands them over and waits for nothing. Whatever was given to a worker that dies is lost: nobody knows how
//! far it came, and the state says what follows from that.

use std::sync::Arc;

use exchequer_domain::WorkerId;
use exchequer_state::directives::{DirectiveId, DirectiveStep, Dispatched, Target};
use exchequer_workers::proto::{self, directive_end, from_worker};
use tokio::sync::mpsc;

use super::Present;
use super::ground::Ground;
use super::launch::Launcher;
use super::leadership::{Event, Leadership};
use crate::dispatcher::{Courier, Step};
use crate::house::House;

/// Longest text that a directive's end keeps.
const TEXT_BYTES_MAX: usize = 500;

/// A directive that is to be brought to a worker.
pub(crate) struct Errand {
    directive: Dispatched,
    epoch: u64,
    steps: mpsc::UnboundedSender<Step>,
}

/// A directive that a worker has.
#[derive(Debug)]
pub(super) struct Given {
    attempt: u32,
    steps: mpsc::UnboundedSender<Step>,
}

impl Given {
    /// Its worker is dead.
    pub(super) fn lost(&self, id: DirectiveId) {
        // Nobody hears it when the leadership is over.
        let _ = self.steps.send((id, self.attempt, DirectiveStep::Lost));
    }
}

impl Errand {
    fn tell(&self, step: DirectiveStep) {
        // Nobody hears it when the leadership is over.
        let _ = self.steps.send((self.directive.id, self.directive.attempt, step));
    }

    fn returned(&self, why: &str) {
        self.tell(DirectiveStep::Returned { why: why.to_owned() });
    }
}

/// Brings directives to the workers of this node.
pub(crate) struct Wire {
    present: Present,
}

impl Wire {
    pub(crate) fn new(house: &Arc<House>) -> Wire {
        Wire { present: house.workers.present.clone() }
    }
}

impl Courier for Wire {
    fn deliver(&self, directive: Dispatched, epoch: u64, steps: mpsc::UnboundedSender<Step>) {
        let errand = Errand { directive, epoch, steps };
        let tell = self.present.lock().clone();
        let Some(tell) = tell else { return errand.returned("this node does not supervise workers yet") };
        if let Err(back) = tell.try_send(Event::Errand(Box::new(errand)))
            && let Event::Errand(errand) = back.into_inner()
        {
            errand.returned("the supervisor has too much to do");
        }
    }
}

impl<G: Ground, L: Launcher> Leadership<G, L> {
    pub(super) fn deliver(&mut self, errand: Errand) {
        if errand.epoch != self.epoch || !self.leads {
            return errand.returned("it is of another leadership");
        }
        let Target::Worker(worker) = errand.directive.target else {
            // Each of several would end by itself, and one directive has one end.
            return errand.returned("ask each worker by itself");
        };
        let held = self.held.get_mut(&worker).filter(|held| !held.killed && held.drain_until.is_none());
        let session = held.and_then(|held| held.session.as_mut());
        let Some(session) = session.filter(|session| session.welcomed && session.parted.is_none()) else {
            return errand.returned("the worker is not at work");
        };
        let Dispatched { id, attempt, name, payload, deadline, .. } = errand.directive.clone();
        let deadline_us = deadline.map_or(0, |deadline| deadline.0);
        if !session.say(proto::Directive { id: id.0, name, payload, deadline_us }) {
            return errand.returned("the worker does not listen");
        }
        if let Some(former) = session.directives.insert(id, Given { attempt, steps: errand.steps }) {
            former.lost(id);
        }
    }

    /// What a worker says of a directive that it has.
    pub(super) fn directive_said(&mut self, worker: WorkerId, run: u64, message: from_worker::Message) {
        use from_worker::Message as Said;
        let cut = |mut text: String| {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
            text
        };
        let (id, step) = match message {
            Said::DirectiveAcked(acked) => (acked.directive, DirectiveStep::Acked),
            Said::DirectiveRunning(running) => (running.directive, DirectiveStep::Running),
            Said::DirectiveEnd(end) => match end.end {
                Some(directive_end::End::Succeeded(text)) => {
                    (end.directive, DirectiveStep::Succeeded { result: cut(text).into_bytes() })
                }
                Some(directive_end::End::Failed(error)) => (end.directive, DirectiveStep::Failed { error: cut(error) }),
                None => (end.directive, DirectiveStep::Lost),
            },
            _ => return,
        };
        let id = DirectiveId(id);
        let Some(session) = self.of(worker, run).and_then(|held| held.session.as_mut()) else { return };
        let over = !matches!(step, DirectiveStep::Acked | DirectiveStep::Running);
        if let Some(given) = session.directives.get(&id) {
            let _ = given.steps.send((id, given.attempt, step));
        }
        if over {
            session.directives.remove(&id);
        }
    }
}
