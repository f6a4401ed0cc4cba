//! Steps of workers: from what the registry wants to processes, and from processes to what the registry says.

use std::time::Duration;

use exchequer_domain::{Code, Timestamp, WorkerId};
use exchequer_state::outcome::Stepped;
use exchequer_state::settings::{Scope, schema};
use exchequer_state::workers::{FailedBy, Step, WorkerRecord};
use exchequer_state::{Actor, Body, Done, StepWorkers};
use exchequer_workers::link::SupervisorEnd;
use exchequer_workers::proto::{self, Hello, Welcome, from_worker};
use exchequer_workers::protocol::PROTOCOL_VERSION;
use tokio::time::Instant;

use super::bounds;
use super::decide::{Act, decide};
use super::ground::{Ground, Refused};
use super::launch::{End, LaunchError, Launcher, Process};
use super::leadership::{Event, Leadership};
use super::limits::Limits;
use super::money::Caller;
use super::session::{Held, Running, Session};
use super::usage::Meter;

/// Steps of one command.
const STEPS_MAX: usize = 256;
/// A hello that comes before its process is known waits so long.
const EARLY: Duration = Duration::from_millis(20);

impl<G: Ground, L: Launcher> Leadership<G, L> {
    /// Compares what is wanted with what there is, worker by worker.
    pub(super) fn reconcile(&mut self) {
        let ground = self.shared.ground.clone();
        let now = ground.now();
        let read = ground.state(|state| {
            let records: Vec<WorkerRecord> = state.workers().iter().cloned().collect();
            let old = |record: &WorkerRecord| {
                let age = super::report::queue_of(state, record.id, now).map_or(0, |depth| depth.age_us);
                let most = state.settings().get_for(&schema::THRESHOLD_QUEUE_AGE, &Scope::worker(record.id));
                u128::from(age) > most.as_micros()
            };
            let olds: Vec<bool> = records.iter().map(old).collect();
            (records, olds)
        });
        let Ok((records, olds)) = read else { return };
        let moment = Instant::now();
        for (record, old) in records.iter().zip(olds) {
            if self.is_busy(record.id) {
                continue;
            }
            let seen = self.held.get_mut(&record.id).map(|held| held.seen(old, moment));
            if let Some(act) = decide(Some(record), seen.as_ref(), now) {
                self.act(record.id, act, now);
            }
        }
        let gone: Vec<WorkerId> = {
            let known = |worker: &WorkerId| records.binary_search_by_key(worker, |record| record.id).is_ok();
            self.held.keys().copied().filter(|worker| !known(worker)).collect()
        };
        for worker in gone.into_iter().filter(|worker| !self.is_busy(*worker)).collect::<Vec<_>>() {
            let seen = self.held.get_mut(&worker).map(|held| held.seen(false, moment));
            if let Some(act) = decide(None, seen.as_ref(), now) {
                self.act(worker, act, now);
            }
        }
        self.send_steps();
    }

    /// Whether a step of the worker is under way, or its end is being dealt with.
    fn is_busy(&self, worker: WorkerId) -> bool {
        self.stepping.contains(&worker)
            || self.steps.iter().any(|(of, _)| *of == worker)
            || self.held.get(&worker).is_some_and(|held| held.closing || held.exited.is_some())
    }

    fn act(&mut self, worker: WorkerId, act: Act, now: Timestamp) {
        let step = match act {
            Act::Start { attempt } => Step::Spawned { attempt },
            Act::Lost => Step::Exited { code: None, wanted: false },
            Act::Drain => Step::Drain { deadline: now.plus(self.drain_within(worker)) },
            Act::TellToDrain { deadline } => return self.tell_to_drain(worker, deadline.since(now)),
            Act::Degrade(why) => {
                self.note_condition(worker);
                Step::Degraded(why)
            }
            Act::Recover => {
                self.note_condition(worker);
                Step::Recovered
            }
            Act::Terminate | Act::Kill(_) => {
                if let Some(held) = self.held.get_mut(&worker) {
                    match act {
                        Act::Kill(why) => {
                            tracing::warn!(%worker, why, "a worker's process is killed");
                            held.end(End::Forced);
                        }
                        _ => held.end(End::Asked),
                    }
                }
                return;
            }
        };
        self.steps.push((worker, step));
    }

    fn note_condition(&mut self, worker: WorkerId) {
        if let Some(held) = self.held.get_mut(&worker) {
            held.condition.stepped(Instant::now());
        }
    }

    fn drain_within(&self, worker: WorkerId) -> Duration {
        let setting = &schema::WORKER_DRAIN_DEADLINE;
        let read = self.shared.ground.state(|state| state.settings().get_for(setting, &Scope::worker(worker)));
        read.unwrap_or(setting.default)
    }

    /// Proposes the steps that wait, where none are under way.
    pub(super) fn send_steps(&mut self) {
        if !self.leads || self.steps.is_empty() || !self.stepping.is_empty() {
            return;
        }
        let Ok(node) = self.shared.ground.state(|state| state.epoch().map(|epoch| epoch.node)) else { return };
        let Some(node) = node else { return };
        let steps: Vec<(WorkerId, Step)> = self.steps.drain(..self.steps.len().min(STEPS_MAX)).collect();
        self.stepping = steps.iter().map(|(worker, _)| *worker).collect();
        let body = Body::StepWorkers(StepWorkers { steps: steps.clone() });
        self.command(Actor::Node(node), body, move |done| Event::Stepped { steps, done });
    }

    /// Goes on with what the registry has taken.
    pub(super) fn stepped(&mut self, steps: Vec<(WorkerId, Step)>, done: Result<Done, Refused>) {
        self.stepping.clear();
        let taken: Vec<Stepped> = match done {
            Ok(Done::WorkersStepped(taken)) => taken,
            Ok(other) => {
                tracing::error!(?other, "steps of workers came to something else");
                Vec::new()
            }
            Err(refused) => {
                tracing::debug!(problem = %refused.problem(), "steps of workers were not taken");
                Vec::new()
            }
        };
        let mut taken = taken.into_iter();
        for (worker, step) in steps {
            let taken = match taken.next() {
                Some(Stepped::Taken) => true,
                Some(Stepped::Refused(why)) => {
                    tracing::debug!(%worker, why = %why.problem(), "a step of a worker was refused");
                    false
                }
                None => false,
            };
            if self.leads {
                self.follow(worker, &step, taken);
            }
        }
        self.send_steps();
    }

    fn follow(&mut self, worker: WorkerId, step: &Step, taken: bool) {
        match step {
            Step::Spawned { .. } if taken => self.launch(worker),
            Step::Registered { .. } => self.welcome(worker, taken),
            Step::Drain { .. } if taken => {
                let within = self.drain_within(worker);
                self.tell_to_drain(worker, within);
            }
            // Told again in the next round where it still holds.
            Step::Spawned { .. }
            | Step::Drain { .. }
            | Step::Exited { .. }
            | Step::Degraded(_)
            | Step::Recovered
            | Step::GaveUp(_)
            | Step::Cleared
            | Step::NotStarted => {}
        }
    }

    fn tell_to_drain(&mut self, worker: WorkerId, within: Duration) {
        let Some(held) = self.held.get_mut(&worker) else { return };
        held.drain_until = Some(Instant::now() + within);
        let within_ms = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
        let said = held.session.as_ref().is_some_and(|session| session.say(proto::Drain { within_ms }));
        if !said {
            // It has not said who it is, or does not listen: nothing is in hand, or it will not be finished.
            held.end(End::Asked);
        }
    }

    fn launch(&mut self, worker: WorkerId) {
        let read = self.shared.ground.state(|state| {
            let (settings, scope) = (state.settings(), Scope::worker(worker));
            let limits = Limits {
                cpu_permille: u64::try_from(settings.get_for(&schema::WORKER_CPU_QUOTA, &scope)).unwrap_or(0),
                memory_bytes: settings.get_for(&schema::WORKER_MEMORY_MAX, &scope),
            };
            (state.workers().binary_of(worker).cloned(), limits)
        });
        let Ok((program, limits)) = read else { return };
        self.runs += 1;
        let run = self.runs;
        self.held.insert(worker, Held::new(run, Instant::now()));
        let (shared, tell) = (self.shared.clone(), self.tell.clone());
        tokio::spawn(async move {
            let process = shared.launcher.launch(worker, program, limits).await;
            let _ = tell.send(Event::Launched { worker, run, process }).await;
        });
    }

    pub(super) fn launched(&mut self, worker: WorkerId, run: u64, process: Result<Process, LaunchError>) {
        let tell = self.tell.clone();
        let Some(held) = self.of(worker, run) else { return };
        match process {
            Ok(Process { pid, binary, ends, exited }) => {
                held.process = Some(Running { pid, binary, ends, meter: Meter::default() });
                // It was to end before it had begun.
                if held.killed {
                    held.end(End::Forced);
                } else if held.terminated {
                    held.end(End::Asked);
                }
                self.shared.counts.started();
                tokio::spawn(async move {
                    let code = exited.await.unwrap_or(None);
                    let _ = tell.send(Event::Exited { worker, run, code }).await;
                });
            }
            Err(error) => {
                tracing::warn!(%worker, %error, "a worker's process was not started");
                self.shared.logs.raw(worker, format!("its process was not started: {error}"));
                self.held.remove(&worker);
                self.deliveries_lost(worker, run);
                self.steps.push((
                    worker,
                    match error {
                        LaunchError::Binary(_) => Step::GaveUp(FailedBy::BinaryMissing),
                        LaunchError::System(_) => Step::NotStarted,
                    },
                ));
            }
        }
    }

    /// Someone says that they are a worker: it must be the process that was started for it.
    pub(super) fn hello(&mut self, hello: Hello, end: SupervisorEnd) {
        let refuse = |message: &str| {
            let refused = proto::Refused { code: Code::WorkerUnexpected.to_string(), message: message.to_owned() };
            let _ = end.out.try_send(refused.into());
        };
        let Ok(worker) = hello.worker.parse::<WorkerId>() else { return refuse("there is no such worker") };
        let leads = self.leads;
        let Some(held) = self.held.get_mut(&worker).filter(|held| leads && !held.killed && held.session.is_none())
        else {
            return refuse("this worker is not expected");
        };
        let Some(process) = &held.process else {
            // The system was faster than the news of it.
            let tell = self.tell.clone();
            tokio::spawn(async move {
                tokio::time::sleep(EARLY).await;
                let _ = tell.send(Event::Hello { hello, end: Box::new(end) }).await;
            });
            return;
        };
        if end.peer_pid.unwrap_or(hello.pid) != process.pid {
            tracing::warn!(%worker, expected = process.pid, found = ?end.peer_pid, "another process poses as a worker");
            return refuse("another process was started for this worker");
        }
        if hello.protocol != PROTOCOL_VERSION {
            tracing::warn!(%worker, protocol = hello.protocol, "a worker speaks another protocol");
            refuse("the supervisor speaks version 1 of the protocol");
            held.end(End::Forced);
            self.steps.push((worker, Step::GaveUp(FailedBy::Protocol)));
            return self.send_steps();
        }
        let SupervisorEnd { out, mut inbox, .. } = end;
        let (run, pid, binary) = (held.run, process.pid, process.binary);
        let version = hello.version.clone();
        held.session = Some(Session::new(hello, out, Instant::now()));
        let settings = self.settings_of(worker);
        let (tell, logs) = (self.tell.clone(), self.shared.logs.clone());
        tokio::spawn(async move {
            while let Some(said) = inbox.recv().await {
                let Some(message) = said.message else { continue };
                if let from_worker::Message::Log(line) = message {
                    // Not for the loop, however many there are.
                    logs.line(worker, line);
                    continue;
                }
                let message = bounds::message(message);
                if tell.send(Event::Said { worker, run, message }).await.is_err() {
                    return;
                }
            }
            let _ = tell.send(Event::Parted { worker, run }).await;
        });
        let settings_revision = settings.revision;
        self.steps.push((worker, Step::Registered { version, binary, pid, settings_revision }));
        self.send_steps();
    }

    /// Tells a worker to go ahead once the registry has it.
    fn welcome(&mut self, worker: WorkerId, taken: bool) {
        let settings = self.settings_of(worker);
        let lease_until_us = self.lease_until().filter(|_| self.may_act(worker)).unwrap_or(0);
        let epoch = self.epoch;
        let Some(held) = self.held.get_mut(&worker) else { return };
        let Some(session) = &mut held.session else { return };
        if !taken {
            session.say(proto::Refused {
                code: Code::WorkerUnexpected.to_string(),
                message: "the registry refuses it".to_owned(),
            });
            return held.end(End::Forced);
        }
        let now = Instant::now();
        (session.welcomed, session.heard) = (true, now);
        (session.given, session.follows) = ((settings.revision, now), settings.revision);
        // Only who works on a network has anything to ask there.
        let pid = held.process.as_ref().map(|process| process.pid).filter(|_| worker.kind.has_network());
        let ticket = pid.map(|pid| self.shared.tickets.give(Caller { worker, epoch, pid })).unwrap_or_default();
        let welcome = Welcome { epoch, lease_until_us, settings: Some(settings), ticket };
        tracing::info!(%worker, version = session.hello.version, "a worker is at work");
        if !session.say(welcome) {
            return held.end(End::Forced);
        }
        self.deliver_waiting(worker);
    }
}
