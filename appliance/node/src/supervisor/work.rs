//! What workers say, and the jobs that go back and forth.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{Code, Timestamp, WorkerId};
use exchequer_state::jobs::{self, JobId, LeasedJob, QueueName, SNOOZE_MAX};
use exchequer_state::settings::{Scope, Scoping, schema};
use exchequer_state::workers::Observed;
use exchequer_state::{Actor, Body, Done, FinishJobs, JobEnd, LeaseJobs, RenewJobs, State};
use exchequer_workers::proto::{self, from_worker, job_end};
use tokio::time::Instant;

use super::decide::TERM_PATIENCE;
use super::ground::{Ground, Refused, Until};
use super::launch::{End, Launcher};
use super::leadership::{Event, Leadership};

/// A worker's lease of a job. Renewed as long as its heartbeats name the job.
const JOB_LEASE_US: u64 = 30_000_000;
/// Between two renewals.
pub(super) const JOB_RENEWAL: Duration = Duration::from_secs(10);
/// What the state takes of a text of an error.
const ERROR_BYTES_MAX: usize = jobs::ERROR_BYTES_MAX;

impl<G: Ground, L: Launcher> Leadership<G, L> {
    pub(super) fn said(&mut self, worker: WorkerId, run: u64, message: from_worker::Message) {
        use from_worker::Message as Said;
        let Some(held) = self.of(worker, run) else { return };
        let Some(session) = &mut held.session else { return };
        session.heard = Instant::now();
        match message {
            Said::Heartbeat(beat) => {
                session.counters = beat.counters.into_iter().collect();
                session.follows = beat.settings_revision;
                session.named = beat.jobs;
            }
            Said::WantJobs(want) => {
                if !session.wants(want.queues, want.at_once) {
                    tracing::warn!(%worker, "a worker wants jobs of queues that cannot be");
                }
            }
            Said::JobProgress(progress) => {
                if let Some((attempt, permille)) = session.jobs.get_mut(&progress.job)
                    && *attempt == progress.attempt
                {
                    *permille = u16::try_from(progress.permille.min(1_000)).unwrap_or(0);
                }
            }
            Said::JobEnd(end) => self.finish(worker, run, end),
            Said::ErrorSeen(error) => {
                if let Ok(fingerprint) = <[u8; 8]>::try_from(error.fingerprint) {
                    session.error(fingerprint, error.message);
                }
            }
            Said::Condition(condition) => {
                let text = cut(condition.degraded_by, exchequer_state::workers::ERROR_BYTES_MAX);
                session.reported = Some(text).filter(|text| !text.is_empty());
            }
            Said::DirectiveAcked(_) | Said::DirectiveRunning(_) | Said::DirectiveEnd(_) => {
                self.directive_said(worker, run, message);
            }
            // Its process's end says so as well; lines of the log go another way; the hello was heard.
            Said::Drained(_) | Said::Log(_) | Said::Hello(_) => {}
        }
    }

    fn finish(&mut self, worker: WorkerId, run: u64, end: proto::JobEnd) {
        let now = self.shared.ground.now();
        let Some(session) = self.of(worker, run).and_then(|held| held.session.as_mut()) else { return };
        let proto::JobEnd { job, attempt, end } = end;
        if session.ending.get(&job) == Some(&attempt) {
            // Said again while it is on its way.
            return;
        }
        if session.jobs.get(&job).is_none_or(|(present, _)| *present != attempt) {
            let message = "the job is not in this worker's hands".to_owned();
            session.say(proto::JobRefused { job, attempt, code: Code::WorkerUnexpected.to_string(), message });
            return;
        }
        session.jobs.remove(&job);
        session.ending.insert(job, attempt);
        let end = match end {
            Some(job_end::End::Completed(result)) if result.len() <= jobs::RESULT_BYTES_MAX => {
                session.done += 1;
                JobEnd::Completed { result }
            }
            Some(job_end::End::Failed(error)) => {
                session.failed += 1;
                JobEnd::Failed { error: cut(error, ERROR_BYTES_MAX) }
            }
            Some(job_end::End::SnoozedMs(ms)) => {
                JobEnd::Snoozed { until: now.plus(Duration::from_millis(ms).min(SNOOZE_MAX)) }
            }
            Some(job_end::End::Completed(_)) | None => {
                session.failed += 1;
                JobEnd::Failed { error: "the worker's answer is none".to_owned() }
            }
        };
        let body = Body::FinishJobs(FinishJobs { worker, results: vec![(JobId(job), attempt, end)] });
        // What is not known is not said: a worker that is told of a refusal believes that somebody else has done its work.
        self.command_for_certain(Actor::Worker(worker), body, move |done| {
            let refused = match done {
                Ok(Done::Jobs(results)) => match results.into_iter().next() {
                    Some(Ok(())) => None,
                    Some(Err(refusal)) => Some((refusal.code().to_string(), refusal.message())),
                    None => Some((Code::Internal.to_string(), "the command has no outcome".to_owned())),
                },
                Ok(_) => Some((Code::Internal.to_string(), "the command came to something else".to_owned())),
                Err(rejection) => Some(rejection.problem()).map(|problem| (problem.code.to_string(), problem.message)),
            };
            Event::JobEnded { worker, run, job, attempt, refused }
        });
    }

    pub(super) fn job_ended(
        &mut self,
        worker: WorkerId,
        run: u64,
        job: u64,
        attempt: u32,
        refused: Option<(String, String)>,
    ) {
        let Some(held) = self.of(worker, run) else { return };
        let Some(session) = &mut held.session else { return };
        session.ending.remove(&job);
        match refused {
            None => session.say(proto::JobRecorded { job, attempt }),
            Some((code, message)) => session.say(proto::JobRefused { job, attempt, code, message }),
        };
        if held.closing {
            return self.give_back(worker);
        }
        self.lease_jobs_for(worker);
    }

    /// Takes jobs for the workers that want some, where there are any, and no more than there are. Who has least in hand comes
    /// first.
    pub(super) fn lease_jobs(&mut self) {
        let in_hand = |held: &super::session::Held| {
            held.session.as_ref().map_or(0, |session| session.jobs.len() + session.ending.len())
        };
        let mut workers: Vec<(usize, WorkerId)> =
            self.held.iter().map(|(worker, held)| (in_hand(held), *worker)).collect();
        workers.sort_unstable();
        for (_, worker) in workers {
            self.lease_jobs_for(worker);
        }
    }

    fn lease_jobs_for(&mut self, worker: WorkerId) {
        if !self.leads {
            return;
        }
        let ground = self.shared.ground.clone();
        let Some(held) = self.held.get_mut(&worker).filter(|held| !held.killed && held.drain_until.is_none()) else {
            return;
        };
        let run = held.run;
        let Some(session) = &mut held.session else { return };
        let room = session.room();
        if room == 0 {
            return;
        }
        let now = ground.now();
        let (queues, claimed) = (&session.queues, &self.claimed);
        let claims = ground.state(|state| {
            let observed = state.workers().get(worker).map(|record| &record.observed);
            let works = matches!(observed, Some(Observed::Running { .. } | Observed::Degraded { .. }));
            if works { claim(state, queues, claimed, room, now) } else { Claims::new() }
        });
        let claims = claims.unwrap_or_default();
        let max = claims.iter().map(|(_, jobs)| *jobs).sum::<u64>();
        let max = u32::try_from(max).unwrap_or(room).min(room);
        if max == 0 {
            return;
        }
        session.leasing = true;
        let queues = session.queues.clone();
        for (queue, jobs) in &claims {
            *self.claimed.entry(queue.clone()).or_insert(0) += jobs;
        }
        let body = Body::LeaseJobs(LeaseJobs { worker, queues, max, lease_us: JOB_LEASE_US });
        self.command(Actor::Worker(worker), body, move |done| {
            let jobs = done.map(|done| match done {
                Done::JobsLeased(jobs) => jobs,
                _ => Vec::new(),
            });
            Event::Leased { worker, run, claims, jobs }
        });
    }

    pub(super) fn leased(
        &mut self,
        worker: WorkerId,
        run: u64,
        claims: &Claims,
        jobs: Result<Vec<LeasedJob>, Refused>,
    ) {
        for (queue, jobs) in claims {
            if let Some(claimed) = self.claimed.get_mut(queue) {
                *claimed = claimed.saturating_sub(*jobs);
            }
        }
        self.claimed.retain(|_, jobs| *jobs > 0);
        let Some(held) = self.of(worker, run) else { return };
        let Some(session) = &mut held.session else { return };
        session.leasing = false;
        let jobs = jobs.unwrap_or_default();
        for job in &jobs {
            session.jobs.insert(job.id.0, (job.attempt, 0));
        }
        let jobs: Vec<proto::Job> = jobs
            .into_iter()
            .map(|LeasedJob { id, attempt, queue, payload, .. }| proto::Job {
                id: id.0,
                attempt,
                queue: queue.to_string(),
                payload,
            })
            .collect();
        // One that does not listen is found silent; one that is gone gives them back when its end is dealt with.
        if !jobs.is_empty() && !session.say(proto::Jobs { jobs }) {
            held.end(End::Forced);
        }
        if self.held.get(&worker).is_some_and(|held| held.closing) {
            self.give_back(worker);
        }
    }

    /// Prolongs the leases of jobs that the workers' heartbeats name, and of those whose end is not known to be in the log.
    pub(super) fn renew_jobs(&mut self) {
        let mut renewals = Vec::new();
        for (worker, held) in &self.held {
            let Some(session) = held.session.as_ref() else { continue };
            let named = session.named.iter().filter(|_| session.parted.is_none());
            let named = named.filter_map(|id| session.jobs.get(id).map(|job| (id, job)));
            let named = named.map(|(id, (attempt, permille))| (JobId(*id), *attempt, *permille));
            let ending = session.ending.iter().map(|(id, attempt)| (JobId(*id), *attempt, 1_000));
            let jobs: Vec<(JobId, u32, u16)> = named.chain(ending).collect();
            if !jobs.is_empty() {
                renewals.push((*worker, jobs));
            }
        }
        for (worker, jobs) in renewals {
            let (shared, epoch) = (self.shared.clone(), self.epoch);
            let body = Body::RenewJobs(RenewJobs { worker, jobs, lease_us: JOB_LEASE_US });
            tokio::spawn(async move {
                // Whose lease is over learns it when it ends the job.
                let _ = shared.carry_out(Actor::Worker(worker), epoch, body, Until::Asked).await;
            });
        }
    }

    /// Deals with the end of a worker once all is heard of it: what it had in hand failed.
    pub(super) fn close(&mut self, worker: WorkerId) {
        let Some(held) = self.held.get_mut(&worker) else { return };
        if !held.is_over() || held.closing {
            return;
        }
        held.closing = true;
        self.give_back(worker);
    }

    /// Gives back what a dead worker had in hand, and tells the registry of its end afterwards: until then the worker counts
    /// as acting.
    fn give_back(&mut self, worker: WorkerId) {
        let leads = self.leads;
        let Some(held) = self.held.get_mut(&worker) else { return };
        let run = held.run;
        let in_hand = held.session.as_mut().map(|session| std::mem::take(&mut session.jobs)).unwrap_or_default();
        if in_hand.is_empty() || !leads {
            self.closed(worker, run);
            return;
        }
        let error = "its worker ended".to_owned();
        let failed =
            |(id, (attempt, _)): (u64, (u32, u16))| (JobId(id), attempt, JobEnd::Failed { error: error.clone() });
        let results = in_hand.into_iter().map(failed).collect();
        held.returning += 1;
        let body = Body::FinishJobs(FinishJobs { worker, results });
        // What is refused was ended already, or is somebody else's.
        self.command(Actor::Worker(worker), body, move |_| Event::Closed { worker, run });
    }

    /// What a dead worker had in hand is given back.
    pub(super) fn returned(&mut self, worker: WorkerId, run: u64) {
        if let Some(held) = self.of(worker, run) {
            held.returning = held.returning.saturating_sub(1);
            self.closed(worker, run);
        }
    }

    fn closed(&mut self, worker: WorkerId, run: u64) {
        // Jobs that it still gets, and ends that are not known to be in the log, are its own: they come back here.
        if !self.of(worker, run).is_some_and(|held| held.is_settled() && held.returning == 0) {
            return;
        }
        let Some(held) = self.held.remove(&worker) else { return };
        self.deliveries_lost(worker, run);
        if let Some(process) = &held.process {
            self.shared.tickets.take_back(worker, process.pid);
        }
        let code = held.exited.and_then(|(code, _)| code);
        let wanted = held.drain_until.is_some();
        if wanted {
            tracing::info!(%worker, ?code, "a worker has ended");
        } else if self.leads {
            tracing::warn!(%worker, ?code, "a worker ended by itself");
        }
        self.steps.push((worker, exchequer_state::workers::Step::Exited { code, wanted }));
        self.send_steps();
    }

    /// Ends conversations and processes of which only the other half is gone.
    pub(super) fn tidy(&mut self) {
        let now = Instant::now();
        let late = |since: &Instant| now - *since >= TERM_PATIENCE;
        let mut over = Vec::new();
        for (worker, held) in &mut self.held {
            let gone = held.exited.as_ref().is_some_and(|(_, since)| late(since));
            let parted = held.session.as_ref().and_then(|session| session.parted).is_some_and(|since| late(&since));
            if gone && !parted {
                if let Some(session) = held.session.as_mut().filter(|session| session.parted.is_none()) {
                    session.parted = Some(now);
                    over.push(*worker);
                }
            } else if parted && held.exited.is_none() && !held.killed {
                held.end(End::Forced);
            }
        }
        for worker in over {
            self.close(worker);
        }
    }

    /// All settings of a worker.
    pub(super) fn settings_of(&self, worker: WorkerId) -> proto::Settings {
        let read = self.shared.ground.state(|state| {
            let settings = state.settings();
            let scope = Scope::worker(worker);
            let own = schema::ALL.iter().filter(|setting| setting.scoping == Scoping::Workers);
            let values = own.map(|setting| (setting.key.to_owned(), settings.value_for(setting, scope).0.to_string()));
            proto::Settings { revision: settings.revision(), values: values.collect() }
        });
        read.unwrap_or_default()
    }

    /// Gives workers the present settings where theirs are older.
    pub(super) fn push_settings(&mut self) {
        let Ok(revision) = self.shared.ground.state(|state| state.settings().revision()) else { return };
        let now = Instant::now();
        let behind = |held: &super::session::Held| {
            held.session.as_ref().is_some_and(|session| session.welcomed && session.given.0 != revision)
        };
        let workers: Vec<WorkerId> =
            self.held.iter().filter(|(_, held)| behind(held)).map(|(worker, _)| *worker).collect();
        for worker in workers {
            let settings = self.settings_of(worker);
            if let Some(session) = self.held.get_mut(&worker).and_then(|held| held.session.as_mut()) {
                let revision = settings.revision;
                // One that cannot be told now is told in the next round.
                if session.say(settings) {
                    session.given = (revision, now);
                }
            }
        }
    }
}

/// How many jobs of each queue.
pub(super) type Claims = Vec<(QueueName, u64)>;

/// What a worker with so much room may take of its queues, besides what others are taking.
fn claim(state: &State, queues: &[QueueName], claimed: &BTreeMap<QueueName, u64>, room: u32, now: Timestamp) -> Claims {
    let (mut room, mut claims) = (u64::from(room), Claims::new());
    for queue in queues {
        // One that is paused or has used up its rate gives nothing.
        let open = state.jobs().has_work(std::slice::from_ref(queue), now);
        let Some((_, depth)) = state.jobs().queue(queue, now).filter(|_| open) else { continue };
        let taken = claimed.get(queue).copied().unwrap_or(0);
        let jobs = u64::from(depth.available).saturating_sub(taken).min(room);
        if jobs > 0 {
            claims.push((queue.clone(), jobs));
            room -= jobs;
        }
    }
    claims
}

pub(super) fn cut(mut text: String, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.truncate(end);
    text
}
