//! What a node's supervisor has counted since the start of its process, for metrics and for people.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use exchequer_api::backend::Supervised;
use exchequer_domain::WorkerId;
use parking_lot::Mutex;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The epoch that workers are supervised in; zero where this node does not lead.
    epoch: AtomicU64,
    processes: AtomicU64,
    started: AtomicU64,
    commands: AtomicU64,
    fenced: AtomicU64,
    refused: AtomicU64,
    /// Fenced commands by worker.
    fenced_of: Mutex<BTreeMap<WorkerId, u64>>,
}

impl Counts {
    pub(super) fn lead(&self, epoch: Option<u64>) {
        self.epoch.store(epoch.unwrap_or(0), Ordering::Relaxed);
    }

    pub(super) fn processes(&self, processes: usize) {
        let processes = processes as u64;
        self.processes.store(processes, Ordering::Relaxed);
        metrics::gauge!("exchequer_worker_processes").set(processes as f64);
    }

    pub(super) fn started(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("exchequer_worker_starts_total").increment(1);
    }

    pub(super) fn command(&self) {
        self.commands.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("exchequer_worker_commands_total").increment(1);
    }

    /// A command of a leadership that is over.
    pub(super) fn fenced(&self, worker: Option<WorkerId>) {
        self.fenced.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("exchequer_worker_commands_fenced_total").increment(1);
        if let Some(worker) = worker {
            *self.fenced_of.lock().entry(worker).or_insert(0) += 1;
        }
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("exchequer_worker_commands_refused_total").increment(1);
    }

    /// The counts now.
    pub(crate) fn read(&self) -> Supervised {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Supervised {
            epoch: Some(count(&self.epoch)).filter(|epoch| *epoch > 0),
            processes: count(&self.processes),
            started: count(&self.started),
            commands: count(&self.commands),
            fenced: count(&self.fenced),
            refused: count(&self.refused),
            fenced_of: self.fenced_of.lock().iter().map(|(worker, count)| (*worker, *count)).collect(),
        }
    }
}
