//! One leadership: its processes, their conversations, and the one task that decides about them.
//!
//! Whatever waits (proposals, starts, conversations) waits in a task of its own and comes back as an event: the loop
//! itself never waits, because leases hang on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::WorkerId;
use exchequer_state::directives::DirectiveId;
use exchequer_state::jobs::{LeasedJob, QueueName};
use exchequer_state::workers::Step;
use exchequer_state::{Actor, Body, Command, Done, Outcome, Rejection};
use exchequer_workers::link::SupervisorEnd;
use exchequer_workers::proto::{Hello, Lease, from_worker};
use exchequer_workers::protocol::{LEASE, LEASE_RENEWAL, LEASE_REST};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Shared;
use super::directives::{Carried, Delivery};
use super::ground::{Ground, Refused, Until, ask};
use super::launch::{End, LaunchError, Launcher, Process};
use super::report::Reports;
use super::session::Held;
use super::vigil::Vigil;
use super::work::Claims;

/// Between two looks at the registry and at the queues.
const ROUND: Duration = Duration::from_millis(50);
/// Events that may wait. Conversations wait then, and their workers.
const EVENTS_WAITING_MAX: usize = 4_096;
/// How long the end of a leadership waits for what its workers had sent.
const WIND_UP_PATIENCE: Duration = Duration::from_secs(10);

/// Something that a leadership waited for.
pub(crate) enum Event {
    /// A conversation has begun.
    Hello { hello: Hello, end: Box<SupervisorEnd> },
    /// A process was started, or was not.
    Launched { worker: WorkerId, run: u64, process: Result<Process, LaunchError> },
    /// A process is gone.
    Exited { worker: WorkerId, run: u64, code: Option<i32> },
    /// A worker said something.
    Said { worker: WorkerId, run: u64, message: from_worker::Message },
    /// A conversation is over.
    Parted { worker: WorkerId, run: u64 },
    /// The registry took steps, or did not.
    Stepped { steps: Vec<(WorkerId, Step)>, done: Result<Done, Refused> },
    /// A worker's lease of jobs came through, or did not; what it had claimed of which queues.
    Leased { worker: WorkerId, run: u64, claims: Claims, jobs: Result<Vec<LeasedJob>, Refused> },
    /// A job's end came through, or was refused.
    JobEnded { worker: WorkerId, run: u64, job: u64, attempt: u32, refused: Option<(String, String)> },
    /// A directive is to be brought to a worker.
    Delivery(Box<Delivery>),
    /// What a dead worker had in hand is given back.
    Closed { worker: WorkerId, run: u64 },
}

pub(crate) struct Leadership<G, L> {
    pub(super) shared: Arc<Shared<G, L>>,
    pub(super) epoch: u64,
    began: Instant,
    /// False from its end on.
    pub(super) leads: bool,
    pub(super) held: BTreeMap<WorkerId, Held>,
    pub(super) runs: u64,
    /// Steps that wait for the ones under way.
    pub(super) steps: Vec<(WorkerId, Step)>,
    /// Steps under way to the registry.
    pub(super) stepping: Vec<WorkerId>,
    /// Directives that workers have.
    pub(super) deliveries: BTreeMap<DirectiveId, Carried>,
    pub(super) reports: Reports,
    /// What leases under way may take of each queue.
    pub(super) claimed: BTreeMap<QueueName, u64>,
    vigil: Vigil,
    pub(super) tell: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl<G: Ground, L: Launcher> Leadership<G, L> {
    pub(super) fn new(shared: Arc<Shared<G, L>>, epoch: u64) -> (Leadership<G, L>, mpsc::Sender<Event>) {
        let (tell, events) = mpsc::channel(EVENTS_WAITING_MAX);
        let vigil = Vigil::new((shared.clock)(), Instant::now());
        let leadership = Leadership {
            shared,
            epoch,
            began: Instant::now(),
            leads: true,
            held: BTreeMap::new(),
            runs: 0,
            steps: Vec::new(),
            stepping: Vec::new(),
            deliveries: BTreeMap::new(),
            reports: Reports::new(),
            claimed: BTreeMap::new(),
            vigil,
            tell: tell.clone(),
            events,
        };
        (leadership, tell)
    }

    /// Supervises until it is over; then every process is ended at once.
    pub(super) async fn run(&mut self, over: impl Future<Output = ()>) {
        tracing::info!(epoch = self.epoch, "this node supervises the workers");
        self.shared.counts.lead(Some(self.epoch));
        let mut rounds = interval(ROUND);
        let mut renewals = interval(LEASE_RENEWAL);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                () = &mut over => break,
                _ = renewals.tick() => self.renew(),
                _ = rounds.tick() => self.round(),
                Some(event) = self.events.recv() => self.take(event),
            }
        }
        self.leads = false;
        self.shared.counts.lead(None);
        tracing::info!(epoch = self.epoch, processes = self.held.len(), "the workers of this leadership are ended");
        for held in self.held.values_mut() {
            held.end(End::Forced);
        }
    }

    /// Hands on what the workers had sent before their end. It is refused where another leader is active, and counted.
    pub(super) async fn wind_up(mut self) {
        let deadline = Instant::now() + WIND_UP_PATIENCE;
        while !self.held.values().all(|held| held.is_over() && held.is_settled()) {
            match tokio::time::timeout_at(deadline, self.events.recv()).await {
                Ok(Some(event)) => self.take(event),
                Ok(None) | Err(_) => break,
            }
        }
        self.shared.counts.processes(0);
    }

    fn round(&mut self) {
        self.tidy();
        self.reconcile();
        self.lease_jobs();
        self.push_settings();
        self.deliver_all_waiting();
        self.report();
        self.shared.counts.processes(self.held.len());
    }

    /// The moment until which workers may act outside: a second after a majority last answered.
    pub(super) fn lease_until(&mut self) -> Option<u64> {
        // First the clock: where the machine stands still before the age is known, the lease only becomes shorter.
        let now = (self.shared.clock)();
        let age = self.shared.ground.majority_age(self.epoch)?;
        let awake = self.vigil.look(now, Instant::now(), age);
        // Leases of the leadership before may not be over yet.
        if !awake || age >= LEASE || self.began.elapsed() < LEASE_REST {
            return None;
        }
        Some(now + u64::try_from((LEASE - age).as_micros()).unwrap_or(0))
    }

    /// Whether this worker may act outside at all: in an emergency nobody does who moves money.
    pub(super) fn may_act(&self, worker: WorkerId) -> bool {
        let stopped = || self.shared.ground.state(|state| state.emergency().is_some());
        !worker.kind.moves_money() || stopped().is_ok_and(|stopped| !stopped)
    }

    fn renew(&mut self) {
        let Some(until_us) = self.lease_until() else { return };
        for (_, held) in self.held.iter().filter(|(worker, held)| !held.killed && self.may_act(**worker)) {
            if let Some(session) = held.session.as_ref().filter(|session| session.welcomed) {
                session.say(Lease { until_us });
            }
        }
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Hello { hello, end } => self.hello(hello, *end),
            Event::Launched { worker, run, process } => self.launched(worker, run, process),
            Event::Exited { worker, run, code } => {
                if let Some(held) = self.of(worker, run) {
                    held.exited = Some((code, Instant::now()));
                    self.close(worker);
                }
            }
            Event::Said { worker, run, message } => self.said(worker, run, message),
            Event::Parted { worker, run } => {
                if let Some(session) = self.of(worker, run).and_then(|held| held.session.as_mut()) {
                    session.parted = Some(Instant::now());
                    self.close(worker);
                }
            }
            Event::Stepped { steps, done } => self.stepped(steps, done),
            Event::Leased { worker, run, claims, jobs } => self.leased(worker, run, &claims, jobs),
            Event::JobEnded { worker, run, job, attempt, refused } => {
                self.job_ended(worker, run, job, attempt, refused);
            }
            Event::Delivery(delivery) => self.deliver(*delivery),
            Event::Closed { worker, run } => self.returned(worker, run),
        }
    }

    /// What is held of a worker, where it is still this process of it.
    pub(super) fn of(&mut self, worker: WorkerId, run: u64) -> Option<&mut Held> {
        self.held.get_mut(&worker).filter(|held| held.run == run)
    }

    /// Has one command carried out in a task of its own; `then` makes the event of what came of it.
    pub(super) fn command(
        &self,
        actor: Actor,
        body: Body,
        then: impl FnOnce(Result<Done, Refused>) -> Event + Send + 'static,
    ) {
        let (shared, tell, epoch) = (self.shared.clone(), self.tell.clone(), self.epoch);
        tokio::spawn(async move {
            let done = shared.carry_out(actor, epoch, body, Until::Asked).await;
            // The leadership may be over and wound up.
            let _ = tell.send(then(done)).await;
        });
    }

    /// The same for a command of which something has to be known before anybody is told anything: it is asked about until
    /// the leadership is wound up.
    pub(super) fn command_for_certain(
        &self,
        actor: Actor,
        body: Body,
        then: impl FnOnce(Result<Done, Rejection>) -> Event + Send + 'static,
    ) {
        let (shared, tell, epoch) = (self.shared.clone(), self.tell.clone(), self.epoch);
        tokio::spawn(async move {
            let wanted = || !tell.is_closed();
            let done = match shared.carry_out(actor, epoch, body, Until::Known { wanted: &wanted }).await {
                Ok(done) => Ok(done),
                Err(Refused::Rejected(rejection)) => Err(rejection),
                // Nobody is there any more who could be told.
                Err(Refused::Failed(_)) => return,
            };
            let _ = tell.send(then(done)).await;
        });
    }
}

impl<G: Ground, L> Shared<G, L> {
    /// Has one command carried out, and counts what became of it.
    pub(super) async fn carry_out(
        &self,
        actor: Actor,
        epoch: u64,
        body: Body,
        until: Until<'_>,
    ) -> Result<Done, Refused> {
        let command = Command { id: self.ground.command_id(), actor, epoch: Some(epoch), body };
        self.carry_out_command(command, until).await
    }

    /// The same for a command that has an id already; it carries an epoch.
    pub(super) async fn carry_out_command(&self, command: Command, until: Until<'_>) -> Result<Done, Refused> {
        let epoch = command.epoch;
        let worker = match command.actor {
            Actor::Worker(worker) => Some(worker),
            Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Admin(_) | Actor::User(_) => None,
        };
        if worker.is_some() {
            self.counts.command();
        }
        let done = ask(&*self.ground, command, until).await;
        self.count(worker, epoch, &done);
        done
    }

    /// Has several commands of a worker's carried out, in their order. What nobody knows of is for the worker to ask about again,
    /// under the same ids.
    pub(super) async fn carry_out_all(&self, worker: WorkerId, commands: Vec<Command>) -> Vec<Result<Done, Refused>> {
        let epoch = commands.first().and_then(|command| command.epoch);
        commands.iter().for_each(|_| self.counts.command());
        let outcomes = self.ground.submit_all(commands).await.into_iter().map(|outcome| match outcome {
            Ok(Outcome::Done(done)) => Ok(done),
            Ok(Outcome::Rejected(rejection)) => Err(Refused::Rejected(rejection)),
            Err(problem) => Err(Refused::Failed(problem)),
        });
        outcomes.inspect(|done| self.count(Some(worker), epoch, done)).collect()
    }

    fn count(&self, worker: Option<WorkerId>, epoch: Option<u64>, done: &Result<Done, Refused>) {
        match done {
            Err(Refused::Rejected(Rejection::StaleEpoch { current })) => {
                self.counts.fenced(worker);
                let who = worker.map_or_else(|| "the supervisor".to_owned(), |worker| worker.to_string());
                tracing::warn!(worker = who, ?epoch, current, "a command of a leadership that is over was refused");
            }
            Err(_) => self.counts.refused(),
            Ok(_) => {}
        }
    }
}
