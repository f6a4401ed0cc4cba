//! Directives on their way to workers, and what becomes of them.
//!
//! The dispatcher hands them over and waits for nothing. One that is for several workers is given to all of them that there
//! are, and ends when the last of them has ended it: lost where one of them died with it, failed where one of them failed.
//!
//! Invariant: a delivery is over exactly once: each worker that has it ends it, or dies and is found dead.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_domain::WorkerId;
use exchequer_state::directives::{
    DirectiveId, DirectiveStep, Dispatched, ERROR_BYTES_MAX, Priority, RESULT_BYTES_MAX,
};
use exchequer_workers::proto::{self, directive_end, from_worker};
use tokio::sync::mpsc;

use super::Present;
use super::ground::Ground;
use super::launch::Launcher;
use super::leadership::{Event, Leadership};
use super::work::cut;
use crate::dispatcher::{Courier, Step};
use crate::house::House;

/// A directive that is to be brought to workers.
pub(crate) struct Delivery {
    pub(super) directive: Dispatched,
    pub(super) epoch: u64,
    pub(super) steps: mpsc::UnboundedSender<Step>,
}

impl Delivery {
    fn tell(&self, step: DirectiveStep) {
        // Nobody hears it when the leadership is over.
        let _ = self.steps.send((self.directive.id, self.directive.attempt, step));
    }

    fn returned(&self, why: &str) {
        self.tell(DirectiveStep::Returned { why: why.to_owned() });
    }
}

/// How one worker ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ended {
    Succeeded(String),
    Failed(String),
    /// It died with it.
    Lost,
    /// It never had it.
    NotTold,
}

/// A delivery that is under way.
pub(super) struct Carried {
    delivery: Delivery,
    /// The workers that have not ended it: which process, and whether it was told.
    left: BTreeMap<WorkerId, (u64, bool)>,
    ended: BTreeMap<WorkerId, Ended>,
    /// The furthest that anybody has said.
    acked: bool,
    running: bool,
}

impl Carried {
    /// Who has just begun, or has heard of it: the first one counts.
    fn goes_on(&mut self, step: DirectiveStep) {
        let (acked, running) = (true, step == DirectiveStep::Running);
        if (running && !self.running) || !self.acked {
            self.delivery.tell(step);
        }
        (self.acked, self.running) = (acked, self.running || running);
    }

    fn end(&mut self, worker: WorkerId, ended: Ended) {
        if self.left.remove(&worker).is_some() {
            self.ended.insert(worker, ended);
        }
    }

    /// What became of it, once nobody has it any more.
    fn outcome(&self) -> Option<DirectiveStep> {
        if !self.left.is_empty() {
            return None;
        }
        let alone = self.ended.len() == 1;
        let said = |worker: &WorkerId, text: &str| if alone { text.to_owned() } else { format!("{worker}: {text}") };
        let (mut results, mut failures, mut told) = (Vec::new(), Vec::new(), false);
        for (worker, ended) in &self.ended {
            told |= *ended != Ended::NotTold;
            match ended {
                Ended::Succeeded(text) => results.push(said(worker, text)),
                Ended::Failed(why) => failures.push(said(worker, why)),
                Ended::NotTold => failures.push(said(worker, "it ended before it was told")),
                Ended::Lost => return Some(DirectiveStep::Lost),
            }
        }
        Some(match (failures.is_empty(), told) {
            (true, _) => DirectiveStep::Succeeded { result: cut(results.join("\n"), RESULT_BYTES_MAX).into_bytes() },
            (false, true) => DirectiveStep::Failed { error: cut(failures.join("\n"), ERROR_BYTES_MAX) },
            (false, false) => DirectiveStep::Returned { why: cut(failures.join("\n"), ERROR_BYTES_MAX) },
        })
    }
}

/// Brings directives to the workers of this node.
pub(crate) struct Wire {
    pub(super) present: Present,
}

impl Wire {
    pub(crate) fn new(house: &Arc<House>) -> Wire {
        Wire { present: house.workers.present.clone() }
    }
}

impl Courier for Wire {
    fn deliver(&self, directive: Dispatched, epoch: u64, steps: mpsc::UnboundedSender<Step>) {
        let delivery = Delivery { directive, epoch, steps };
        let tell = self.present.lock().clone();
        let Some(tell) = tell else { return delivery.returned("this node does not supervise workers yet") };
        if let Err(back) = tell.try_send(Event::Delivery(Box::new(delivery)))
            && let Event::Delivery(delivery) = back.into_inner()
        {
            delivery.returned("the supervisor has too much to do");
        }
    }
}

impl<G: Ground, L: Launcher> Leadership<G, L> {
    /// Gives it to the workers that it is for; to one that is being started, as soon as that is at work.
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        if delivery.epoch != self.epoch || !self.leads {
            return delivery.returned("it is of another leadership");
        }
        let target = delivery.directive.target;
        // It was dispatched before the stop. It waits in the state, where the end of the emergency lets it go.
        if delivery.directive.priority != Priority::Emergency
            && self.held.keys().any(|worker| target.takes(*worker) && !self.may_act(*worker))
        {
            return delivery.returned("the exchange is stopped");
        }
        let mut left = BTreeMap::new();
        for (worker, held) in
            self.held.iter().filter(|(worker, held)| target.takes(**worker) && held.takes_deliveries())
        {
            let welcomed = held.session.as_ref().filter(|session| session.welcomed);
            let told = welcomed.is_some_and(|session| session.say(message(&delivery.directive)));
            if told || welcomed.is_none() {
                left.insert(*worker, (held.run, told));
            }
        }
        if left.is_empty() {
            return delivery.returned("nobody whom it is for is at work");
        }
        let id = delivery.directive.id;
        let carried = Carried { delivery, left, ended: BTreeMap::new(), acked: false, running: false };
        // The state dispatches one only when the dispatch before is over: so is its delivery, unless its end is on its way.
        self.deliveries.insert(id, carried);
    }

    /// Gives out what waited for the end of an emergency.
    pub(super) fn deliver_all_waiting(&mut self) {
        let untold =
            |carried: &Carried| carried.left.iter().filter(|(_, (_, told))| !told).map(|(worker, _)| *worker).collect();
        let waiting: Vec<WorkerId> =
            self.deliveries.values().flat_map(|carried| -> Vec<WorkerId> { untold(carried) }).collect();
        for worker in waiting {
            if self.held.get(&worker).is_some_and(|held| held.session.as_ref().is_some_and(|session| session.welcomed))
            {
                self.deliver_waiting(worker);
            }
        }
    }

    /// A worker is at work now: what waited for that is given to it.
    pub(super) fn deliver_waiting(&mut self, worker: WorkerId) {
        let may_act = self.may_act(worker);
        let Some(held) = self.held.get(&worker) else { return };
        let Some(session) = &held.session else { return };
        for carried in self.deliveries.values_mut() {
            if let Some((run, told)) = carried.left.get_mut(&worker)
                && *run == held.run
                && !*told
                && (may_act || carried.delivery.directive.priority == Priority::Emergency)
            {
                *told = session.say(message(&carried.delivery.directive));
            }
        }
    }

    /// What a worker says of a directive that it has.
    pub(super) fn directive_said(&mut self, worker: WorkerId, run: u64, message: from_worker::Message) {
        use from_worker::Message as Said;
        let id = match &message {
            Said::DirectiveAcked(acked) => acked.directive,
            Said::DirectiveRunning(running) => running.directive,
            Said::DirectiveEnd(end) => end.directive,
            _ => return,
        };
        let Some(carried) = self.deliveries.get_mut(&DirectiveId(id)) else { return };
        if carried.left.get(&worker) != Some(&(run, true)) {
            return;
        }
        match message {
            Said::DirectiveAcked(_) => carried.goes_on(DirectiveStep::Acked),
            Said::DirectiveRunning(_) => carried.goes_on(DirectiveStep::Running),
            Said::DirectiveEnd(end) => {
                let ended = match end.end {
                    Some(directive_end::End::Succeeded(text)) => Ended::Succeeded(text),
                    Some(directive_end::End::Failed(why)) => Ended::Failed(why),
                    // It ended, and nobody knows how.
                    None => Ended::Lost,
                };
                carried.end(worker, ended);
                self.settle_deliveries();
            }
            _ => {}
        }
    }

    /// A worker's process is gone, and all that it said is heard.
    pub(super) fn deliveries_lost(&mut self, worker: WorkerId, run: u64) {
        for carried in self.deliveries.values_mut() {
            if let Some((of, told)) = carried.left.get(&worker).copied()
                && of == run
            {
                carried.end(worker, if told { Ended::Lost } else { Ended::NotTold });
            }
        }
        self.settle_deliveries();
    }

    fn settle_deliveries(&mut self) {
        self.deliveries.retain(|_, carried| match carried.outcome() {
            Some(step) => {
                carried.delivery.tell(step);
                false
            }
            None => true,
        });
    }
}

fn message(directive: &Dispatched) -> proto::Directive {
    let Dispatched { id, name, payload, deadline, .. } = directive.clone();
    proto::Directive { id: id.0, name, payload, deadline_us: deadline.map_or(0, |deadline| deadline.0) }
}
