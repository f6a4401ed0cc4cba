//! Jobs and directives in hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinSet};

use super::{Bench, Parted, send};
use crate::fingerprint;
use crate::kinds::{JobEnding, Kind};
use crate::proto::{
    Directive, DirectiveAcked, DirectiveEnd, DirectiveRunning, ErrorSeen, FromWorker, Heartbeat, Job, JobEnd, Level,
    Log, WantJobs, directive_end, job_end, to_worker,
};
use crate::protocol::{RESULT_BYTES_MAX, cut};

/// What one task came to.
pub(super) enum Ended {
    Job(u64, u32, JobEnding),
    Directive(u64, Result<String, String>),
    /// A bug in the kind, in the task of this id.
    Panicked(Id, String),
}

/// What a task is for.
#[derive(Clone, Copy)]
enum For {
    Job(u64, u32),
    Directive(u64),
}

pub(super) struct Work {
    bench: Bench,
    kind: Arc<dyn Kind>,
    out: mpsc::Sender<FromWorker>,
    tasks: JoinSet<Ended>,
    purposes: BTreeMap<Id, For>,
    /// From their arrival until the supervisor says what became of their ends, with their attempts.
    jobs: BTreeMap<u64, u32>,
    takes: bool,
    settings_revision: u64,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    jobs_recorded: u64,
    jobs_refused: u64,
    jobs_failed: u64,
    directives: u64,
}

impl Work {
    /// With the settings that the welcome brought.
    pub(super) fn new(
        bench: Bench,
        kind: Arc<dyn Kind>,
        out: mpsc::Sender<FromWorker>,
        settings_revision: u64,
    ) -> Work {
        Work {
            bench,
            kind,
            out,
            tasks: JoinSet::new(),
            purposes: BTreeMap::new(),
            jobs: BTreeMap::new(),
            takes: true,
            settings_revision,
            counters: Counters::default(),
        }
    }

    /// Whether nothing is in hand.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.tasks.is_empty()
    }

    /// Says which jobs are wanted.
    pub(super) async fn ask(&self) -> Result<(), Parted> {
        let at_once = if self.takes { self.kind.at_once() } else { 0 };
        send(&self.out, WantJobs { queues: self.kind.queues(self.bench.worker), at_once }).await
    }

    pub(super) async fn take_nothing(&mut self) -> Result<(), Parted> {
        self.takes = false;
        self.ask().await
    }

    pub(super) async fn receive(&mut self, message: to_worker::Message) -> Result<(), Parted> {
        match message {
            to_worker::Message::Settings(settings) => {
                self.settings_revision = settings.revision;
                self.kind.settings(&settings.values.into_iter().collect());
                self.ask().await?;
                self.beat().await
            }
            to_worker::Message::Jobs(jobs) => {
                for job in jobs.jobs {
                    self.begin_job(job);
                }
                Ok(())
            }
            to_worker::Message::JobRecorded(end) => {
                self.counters.jobs_recorded += 1;
                self.jobs.remove(&end.job);
                Ok(())
            }
            to_worker::Message::JobRefused(end) => {
                self.counters.jobs_refused += 1;
                self.jobs.remove(&end.job);
                tracing::warn!(trace = %format_args!("job-{}", end.job), "{}: {}", end.code, end.message);
                Ok(())
            }
            to_worker::Message::Directive(directive) => self.begin_directive(directive).await,
            // The loop takes these.
            to_worker::Message::Lease(_)
            | to_worker::Message::Welcome(_)
            | to_worker::Message::Drain(_)
            | to_worker::Message::Refused(_) => Ok(()),
        }
    }

    fn begin_job(&mut self, job: Job) {
        // The supervisor gave it again with another attempt: the one in hand has lost its lease, and its end is refused.
        self.jobs.insert(job.id, job.attempt);
        let (kind, bench, purpose) = (self.kind.clone(), self.bench.clone(), For::Job(job.id, job.attempt));
        let task = self.tasks.spawn(async move {
            let ending = kind.job(&bench, &job).await;
            Ended::Job(job.id, job.attempt, ending)
        });
        self.purposes.insert(task.id(), purpose);
    }

    async fn begin_directive(&mut self, directive: Directive) -> Result<(), Parted> {
        let id = directive.id;
        send(&self.out, DirectiveAcked { directive: id }).await?;
        send(&self.out, DirectiveRunning { directive: id }).await?;
        self.counters.directives += 1;
        let (kind, bench) = (self.kind.clone(), self.bench.clone());
        let task = self.tasks.spawn(async move {
            let came = kind.directive(&bench, &directive).await;
            Ended::Directive(directive.id, came)
        });
        self.purposes.insert(task.id(), For::Directive(id));
        Ok(())
    }

    /// Waits for the next task to end; for ever where there is none.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ended))) => {
                self.purposes.remove(&id);
                ended
            }
            Some(Err(error)) => Ended::Panicked(error.id(), error.to_string()),
        }
    }

    pub(super) async fn settle(&mut self, ended: Ended) -> Result<(), Parted> {
        match ended {
            Ended::Job(job, attempt, ending) => self.end_job(job, attempt, ending).await,
            Ended::Directive(directive, came) => self.end_directive(directive, came).await,
            Ended::Panicked(id, text) => match self.purposes.remove(&id) {
                Some(For::Job(job, attempt)) => self.end_job(job, attempt, JobEnding::Failed(text)).await,
                Some(For::Directive(directive)) => self.end_directive(directive, Err(text)).await,
                None => Ok(()),
            },
        }
    }

    async fn end_job(&mut self, job: u64, attempt: u32, ending: JobEnding) -> Result<(), Parted> {
        let end = match ending {
            JobEnding::Completed(result) if result.len() > RESULT_BYTES_MAX => {
                self.failed(&format!("the result has {} bytes", result.len())).await?;
                job_end::End::Failed("its result is too long".to_owned())
            }
            JobEnding::Completed(result) => job_end::End::Completed(result),
            JobEnding::Failed(why) => {
                self.failed(&why).await?;
                job_end::End::Failed(cut(why))
            }
            JobEnding::Snoozed(span) => job_end::End::SnoozedMs(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
        };
        send(&self.out, JobEnd { job, attempt, end: Some(end) }).await
    }

    async fn end_directive(&mut self, directive: u64, came: Result<String, String>) -> Result<(), Parted> {
        let end = match came {
            Ok(text) => directive_end::End::Succeeded(cut(text)),
            Err(why) => {
                self.error(&why).await?;
                directive_end::End::Failed(cut(why))
            }
        };
        send(&self.out, DirectiveEnd { directive, end: Some(end) }).await
    }

    async fn failed(&mut self, why: &str) -> Result<(), Parted> {
        self.counters.jobs_failed += 1;
        self.error(why).await
    }

    async fn error(&self, why: &str) -> Result<(), Parted> {
        let fingerprint = fingerprint::of(why).to_vec();
        send(&self.out, ErrorSeen { fingerprint, message: cut(why.to_owned()) }).await
    }

    pub(super) async fn log(&self, line: Log) -> Result<(), Parted> {
        if line.level() == Level::Error {
            self.error(&line.text).await?;
        }
        send(&self.out, line).await
    }

    pub(super) async fn beat(&self) -> Result<(), Parted> {
        let host = [
            ("jobs_recorded", self.counters.jobs_recorded),
            ("jobs_refused", self.counters.jobs_refused),
            ("jobs_failed", self.counters.jobs_failed),
            ("directives", self.counters.directives),
            ("outside_refused", self.bench.outside.refused()),
        ];
        let mut counters = self.kind.counters();
        counters.extend(host.map(|(name, count)| (name.to_owned(), count)));
        let heartbeat = Heartbeat {
            counters: counters.into_iter().collect(),
            jobs: self.jobs.keys().copied().collect(),
            settings_revision: self.settings_revision,
        };
        // One that cannot be sent now is late anyhow.
        match self.out.try_send(heartbeat.into()) {
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Parted),
        }
    }
}
