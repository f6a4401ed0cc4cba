//! What the registry is told of workers at work every ten seconds, and what follows from it: changes of fleets' sizes.

use std::time::Duration;

use exchequer_domain::{Timestamp, WorkerId};
use exchequer_state::jobs::QueueName;
use exchequer_state::workers::{FleetReport, Summary, WorkerReport};
use exchequer_state::{Actor, Body, ReportWorkers, Rescale, State};
use exchequer_workers::kinds::default_queue;
use tokio::time::Instant;

use super::ground::{Ground, Until};
use super::launch::Launcher;
use super::leadership::Leadership;
use super::work::JOB_RENEWAL;

/// Between two reports of a worker.
const REPORT: Duration = Duration::from_secs(10);
/// Between two looks at the sizes of fleets.
const SCALING: Duration = Duration::from_secs(5);
/// Bytes of one command of reports, as far as they can be told; more than any one report has.
const REPORT_BYTES_MAX: usize = 64 << 10;
/// What a report takes without its errors.
const SUMMARY_BYTES: usize = 128;

/// When what is due.
#[derive(Debug)]
pub(super) struct Reports {
    reported: Instant,
    scaled: Instant,
    renewed: Instant,
}

impl Reports {
    pub(super) fn new() -> Reports {
        let now = Instant::now();
        Reports { reported: now, scaled: now, renewed: now }
    }
}

/// How much waits in a queue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    pub(super) depth: u64,
    pub(super) age_us: u64,
}

/// What waits in the queue of a worker's own kind.
pub(super) fn queue_of(state: &State, worker: WorkerId, now: Timestamp) -> Option<Waiting> {
    let name = QueueName::try_from(default_queue(worker)).ok()?;
    let (_, depth) = state.jobs().queue(&name, now)?;
    Some(Waiting {
        depth: u64::from(depth.available),
        age_us: u64::try_from(depth.oldest.as_micros()).unwrap_or(u64::MAX),
    })
}

impl<G: Ground, L: Launcher> Leadership<G, L> {
    /// Does what is due by now.
    pub(super) fn report(&mut self) {
        let now = Instant::now();
        if now - self.reports.renewed >= JOB_RENEWAL {
            self.reports.renewed = now;
            self.renew_jobs();
        }
        if now - self.reports.reported >= REPORT {
            self.report_workers(now - self.reports.reported);
            self.reports.reported = now;
        }
        if now - self.reports.scaled >= SCALING {
            self.reports.scaled = now;
            self.scale();
        }
    }

    fn report_workers(&mut self, span: Duration) {
        let ground = self.shared.ground.clone();
        let (now, moment) = (ground.now(), Instant::now());
        let mut reports = Vec::new();
        for (worker, held) in &mut self.held {
            let (Some(process), Some(session)) = (&mut held.process, &mut held.session) else { continue };
            if !session.welcomed || held.exited.is_some() {
                continue;
            }
            let usage = process.meter.read(process.pid, moment);
            let waiting = ground.state(|state| queue_of(state, *worker, now)).ok().flatten();
            let (done, failed) = (std::mem::take(&mut session.done), std::mem::take(&mut session.failed));
            let minutes_us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
            let silence = u64::try_from((moment - session.heard).as_micros()).unwrap_or(u64::MAX);
            let summary = Summary {
                cpu_permille: usage.cpu_permille,
                memory_bytes: usage.memory_bytes,
                queue_depth: waiting.map_or(0, |waiting| waiting.depth),
                queue_age_us: waiting.map_or(0, |waiting| waiting.age_us),
                done_per_minute: done.saturating_mul(60_000_000) / minutes_us,
                success_permille: u16::try_from(done.saturating_mul(1_000).checked_div(done + failed).unwrap_or(1_000))
                    .unwrap_or(1_000),
                heartbeat: Timestamp(now.0.saturating_sub(silence)),
            };
            let (settings_revision, errors) = (session.follows, std::mem::take(&mut session.errors));
            reports.push(WorkerReport { worker: *worker, summary, settings_revision, errors });
        }
        let fleets = ground.state(|state| {
            let measured = state.workers().fleets().filter(|fleet| fleet.bounds.is_some());
            let measure = |kind, network| {
                let waiting = queue_of(state, WorkerId { kind, network, instance: 1 }, now);
                FleetReport {
                    kind,
                    network,
                    queue_depth: waiting.map_or(0, |waiting| waiting.depth),
                    queue_age_us: waiting.map_or(0, |waiting| waiting.age_us),
                }
            };
            measured.map(|fleet| measure(fleet.kind, fleet.network)).collect::<Vec<_>>()
        });
        // Each by itself: what becomes of one is no matter of the other's.
        let fleets = fleets.unwrap_or_default();
        if !fleets.is_empty() {
            self.in_background(Body::ReportWorkers(ReportWorkers { reports: Vec::new(), fleets }));
        }
        let size = |report: &WorkerReport| {
            SUMMARY_BYTES + report.errors.iter().map(|(_, message)| 16 + message.len()).sum::<usize>()
        };
        let mut reports = reports.into_iter().peekable();
        while reports.peek().is_some() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(report) =
                reports.next_if(|report| batch.is_empty() || bytes + size(report) <= REPORT_BYTES_MAX)
            {
                bytes += size(&report);
                batch.push(report);
            }
            let fleets = Vec::new();
            self.in_background(Body::ReportWorkers(ReportWorkers { reports: batch, fleets }));
        }
    }

    /// Brings fleets to the size that their queues ask for.
    fn scale(&mut self) {
        let now = self.shared.ground.now();
        let due = self.shared.ground.state(|state| state.workers().scalings_due(now).collect::<Vec<_>>());
        for scaling in due.unwrap_or_default() {
            tracing::info!(kind = %scaling.kind, to = scaling.to, why = scaling.why, "a fleet gets another size");
            let (kind, network) = (scaling.kind, scaling.network);
            self.in_background(Body::Rescale(Rescale { kind, network, to: scaling.to, why: scaling.why }));
        }
    }

    /// Has a command of this node carried out; what it comes to is for the next time to see.
    fn in_background(&self, body: Body) {
        let Some(node) = self.shared.ground.state(|state| state.epoch().map(|epoch| epoch.node)).ok().flatten() else {
            return;
        };
        let (shared, epoch) = (self.shared.clone(), self.epoch);
        tokio::spawn(async move {
            if let Err(refused) = shared.carry_out(Actor::Node(node), epoch, body, Until::Asked).await {
                tracing::debug!(problem = %refused.problem(), "a report was not taken");
            }
        });
    }
}
