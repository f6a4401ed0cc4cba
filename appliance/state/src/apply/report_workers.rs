//! `ReportWorkers`: the leader sums up what it saw of workers and their queues.

use exchequer_domain::WorkerId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::workers::{
    ERRORS_IN_REPORT_MAX, FleetReport, REPORTED_AFTER, WORKERS_AT_ONCE_MAX, WorkerReport, check_fleet,
};

/// Takes reports of workers that have a process, and measurements of fleets. Only the leader may send it, with its epoch,
/// every ten seconds. Reports that come too early, or of workers without a process, are passed over and named in the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWorkers {
    /// Of workers, each once.
    pub reports: Vec<WorkerReport>,
    /// Of fleets, each once.
    pub fleets: Vec<FleetReport>,
}

impl ReportWorkers {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let (reports, fleets) = (self.reports.len(), self.fleets.len());
        let errors_fit = self.reports.iter().all(|report| report.errors.len() <= ERRORS_IN_REPORT_MAX);
        if reports + fleets == 0 || reports.max(fleets) > WORKERS_AT_ONCE_MAX || !errors_fit {
            return Err(Rejection::Invalid { field: Field::WorkerReports }.into());
        }
        for fleet in &self.fleets {
            check_fleet(fleet.kind, fleet.network)?;
        }

        let passed_over = self.reports.into_iter().filter_map(|report| entry.report_worker(report)).collect();
        for report in self.fleets {
            // What nobody decided anything about needs no record.
            if let Some(fleet) = entry.state.workers.fleet(report.kind, report.network) {
                let mut fleet = fleet.clone();
                fleet.measure(report, entry.now);
                entry.put_fleet(fleet);
            }
        }
        Ok(Done::WorkersReported { passed_over })
    }
}

impl Entry<'_> {
    /// Takes a report, or gives the worker back where it does not.
    fn report_worker(&mut self, report: WorkerReport) -> Option<WorkerId> {
        let worker = report.worker;
        let Some(record) = self.state.workers.get(worker) else { return Some(worker) };
        let early = record.reported_at.is_some_and(|at| self.now.since(at) < REPORTED_AFTER);
        if early || record.observed.epoch().is_none() {
            return Some(worker);
        }
        let mut record = record.clone();
        record.report(report, self.now);
        self.put_worker(record);
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use exchequer_domain::Timestamp;

    use super::*;
    use crate::Body;
    use crate::tests::world::{World, add, selftest};
    use crate::workers::Summary;

    fn report(worker: WorkerId, heartbeat: Timestamp, errors: usize) -> WorkerReport {
        let summary = Summary {
            cpu_permille: 12,
            memory_bytes: 1 << 20,
            queue_depth: 3,
            queue_age_us: 4,
            done_per_minute: 5,
            success_permille: 999,
            heartbeat,
        };
        let errors = vec![([1; 8], "disk".to_owned()); errors];
        WorkerReport { worker, summary, settings_revision: 9, errors }
    }

    fn reports(reports: Vec<WorkerReport>) -> Body {
        Body::ReportWorkers(ReportWorkers { reports, fleets: Vec::new() })
    }

    /// Goal: a report of a worker with a process is kept; one that comes too early, or of a worker without, is passed over;
    /// no sign of life is from the future.
    #[test]
    fn keeps_what_is_seen() {
        let mut world = World::new();
        world.lead();
        world.run(add(&[selftest(1), selftest(2)])).unwrap();
        world.start(selftest(1));
        let late = world.now.plus(Duration::from_secs(99));
        let some = vec![report(selftest(1), late, 2), report(selftest(2), late, 0), report(selftest(3), late, 0)];
        let passed_over = vec![selftest(2), selftest(3)];
        assert_eq!(world.run_as_leader(reports(some)), Ok(Done::WorkersReported { passed_over }));
        let worker = world.record(selftest(1));
        assert_eq!(worker.summary.unwrap(), report(selftest(1), world.now, 0).summary);
        assert_eq!((worker.settings_revision, worker.errors.len(), worker.errors[0].count), (9, 1, 2));

        for (pause_ms, passed_over) in [(4_999, vec![selftest(1)]), (1, vec![])] {
            world.now = world.now.plus(Duration::from_millis(pause_ms));
            let one = reports(vec![report(selftest(1), world.now, 1)]);
            assert_eq!(world.run_as_leader(one), Ok(Done::WorkersReported { passed_over }));
        }
        assert_eq!(world.record(selftest(1)).errors[0].count, 3);
        world.step(selftest(1), crate::workers::Step::Exited { code: None, wanted: true }).unwrap();
        assert_eq!(world.record(selftest(1)).summary, None, "what has no process does nothing");
    }

    /// Goal: nothing, and more errors than a report may hold, are refused.
    #[test]
    fn refuses_reports_out_of_bounds() {
        let mut world = World::new();
        world.lead();
        let invalid = Err(Rejection::Invalid { field: Field::WorkerReports });
        assert_eq!(world.run_as_leader(reports(vec![])), invalid);
        let errors = ERRORS_IN_REPORT_MAX + 1;
        assert_eq!(world.run_as_leader(reports(vec![report(selftest(1), world.now, errors)])), invalid);
    }
}
