//! What several commands do to workers. Whoever else decides about workers, such as a directive, does it through
//! [`Entry::desire_worker`] and [`Entry::restart_worker`].

use exchequer_domain::{Network, WorkerId, WorkerKind};

use super::Entry;
use crate::event::{EventKind, Severity};
use crate::rejection::{Field, Rejection};
use crate::rows::{Edit, Table};
use crate::workers::{
    self, BULKS_KEPT, BulkRecord, Desired, Fleet, Observed, WORKERS_AT_ONCE_MAX, WORKERS_MAX, WorkerBinary,
    WorkerRecord,
};

impl Entry<'_> {
    /// From now on this is wanted of a worker, by a person or on their behalf. One that has failed is started again by this.
    /// True where anything is different now.
    pub(crate) fn desire_worker(&mut self, worker: WorkerId, desired: Desired) -> Result<bool, Rejection> {
        self.desire(worker, desired, desired == Desired::Stopped)
    }

    /// The same for a person and for the scaling; `held` tells the scaling to leave a stopped one alone.
    fn desire(&mut self, worker: WorkerId, desired: Desired, held: bool) -> Result<bool, Rejection> {
        let before = self.state.workers.known(worker)?;
        let failed = matches!(before.observed, Observed::Failed { .. });
        let again = failed && desired == Desired::Running;
        let (decides, holds) = (before.desired != desired, before.held != held);
        if !decides && !again && !holds {
            return Ok(false);
        }
        let mut after = before.clone();
        (after.desired, after.held, after.changed_at) = (desired, held, self.now);
        if decides || again {
            after.wills = after.wills.saturating_add(1);
            self.event(EventKind::WorkerDesired { worker, desired });
        }
        if decides && desired == Desired::Running {
            after.forgive(self.now);
        }
        if again {
            after.forgive(self.now);
            after.observed = Observed::Stopped { since: self.now };
        }
        self.move_worker(after);
        Ok(true)
    }

    /// The worker's process is replaced; one that has failed is started again. Gives the generation that is wanted now.
    pub(crate) fn restart_worker(&mut self, worker: WorkerId) -> Result<u32, Rejection> {
        let before = self.state.workers.known(worker)?;
        if before.desired == Desired::Stopped {
            return Err(Rejection::WorkerStopped { worker });
        }
        let mut after = before.clone();
        after.generation = after.generation.saturating_add(1);
        after.wills = after.wills.saturating_add(1);
        after.changed_at = self.now;
        after.forgive(self.now);
        if matches!(after.observed, Observed::Failed { .. }) {
            after.observed = Observed::Stopped { since: self.now };
        }
        let generation = after.generation;
        self.event(EventKind::WorkerRestarted { worker, generation });
        self.move_worker(after);
        Ok(generation)
    }

    /// Writes a worker's record and tells of its move where its state is another one.
    pub(crate) fn move_worker(&mut self, after: WorkerRecord) {
        let worker = after.id;
        let from = self.state.workers.get(worker).map_or(after.observed.name(), |before| before.observed.name());
        let (to, failed) = (after.observed.name(), after.observed.clone());
        self.put_worker(after);
        if from != to {
            self.event(EventKind::WorkerMoved { worker, from, to });
            if let Observed::Failed { why, .. } = failed {
                self.event(EventKind::WorkerFailed { worker, why, severity: Severity::P1 });
            }
        }
    }

    /// What ran under the former leadership died with it; what is wanted stays.
    pub(crate) fn orphan_workers(&mut self) {
        let orphans: Vec<_> = self.state.workers.iter().filter_map(|worker| worker.orphaned(self.now)).collect();
        for orphan in orphans {
            self.move_worker(orphan);
        }
    }

    pub(crate) fn put_worker(&mut self, worker: WorkerRecord) {
        self.put(Table::Worker, &worker.id.number().to_be_bytes(), &worker);
        self.state.workers.put(worker);
    }

    pub(crate) fn remove_worker(&mut self, worker: WorkerId) {
        let key = Table::Worker.key(&worker.number().to_be_bytes());
        self.change(Table::Worker.family(), key, Edit::Delete);
        self.state.workers.remove(worker);
        self.event(EventKind::WorkerRemoved { worker });
    }

    pub(crate) fn put_fleet(&mut self, fleet: Fleet) {
        self.put(Table::WorkerScale, &workers::fleet_key(fleet.kind, fleet.network), &fleet);
        self.state.workers.put_fleet(fleet);
    }

    pub(crate) fn put_worker_binary(&mut self, binary: WorkerBinary) {
        self.put(Table::WorkerBinary, binary.name.as_bytes(), &binary);
        self.state.workers.put_binary(binary);
    }

    pub(crate) fn remove_worker_binary(&mut self, name: &str) {
        self.change(Table::WorkerBinary.family(), Table::WorkerBinary.key(name.as_bytes()), Edit::Delete);
        self.state.workers.remove_binary(name);
    }

    /// Keeps a record of what was done to many workers; the oldest makes room for a new one.
    pub(crate) fn put_bulk(&mut self, bulk: BulkRecord) {
        self.put(Table::WorkerBulk, &bulk.id.to_be_bytes(), &bulk);
        self.state.workers.put_bulk(bulk);
        let surplus = self.state.workers.bulks().count().saturating_sub(BULKS_KEPT);
        let oldest: Vec<u64> = self.state.workers.bulks().take(surplus).map(|bulk| bulk.id).collect();
        for id in oldest {
            self.change(Table::WorkerBulk.family(), Table::WorkerBulk.key(&id.to_be_bytes()), Edit::Delete);
            self.state.workers.remove_bulk(id);
        }
    }

    /// How many workers more a fleet needs than it has to be started, and whether there may be as many.
    pub(crate) fn check_growth(&self, kind: WorkerKind, network: Option<Network>, to: u16) -> Result<(), Rejection> {
        let fleet = self.state.workers.fleet_of(kind, network);
        let usable = fleet.filter(|worker| worker.desired == Desired::Running || !worker.held).count();
        let more = usize::from(to).saturating_sub(usable);
        if self.state.workers.count() + more > WORKERS_MAX { Err(Rejection::WorkersFull) } else { Ok(()) }
    }

    /// Brings a fleet to a size: starts the stopped ones with the lowest numbers that nobody holds, adds those that are
    /// missing, or stops the ones with the highest numbers. Growth was checked. Gives the size before.
    pub(crate) fn resize_fleet(
        &mut self,
        kind: WorkerKind,
        network: Option<Network>,
        to: u16,
    ) -> Result<u16, Rejection> {
        let from = self.state.workers.wanted(kind, network);
        let of = |desired, held| {
            let fleet = self.state.workers.fleet_of(kind, network);
            let some = fleet.filter(move |worker| worker.desired == desired && worker.held == held);
            some.map(|worker| worker.id).collect::<Vec<WorkerId>>()
        };
        if to <= from {
            let running = of(Desired::Running, false);
            for worker in running.into_iter().rev().take(usize::from(from - to)) {
                self.desire(worker, Desired::Stopped, false)?;
            }
            return Ok(from);
        }
        let mut missing = to - from;
        for worker in of(Desired::Stopped, false).into_iter().take(usize::from(missing)) {
            self.desire(worker, Desired::Running, false)?;
            missing -= 1;
        }
        let mut instance = 1;
        while missing > 0 {
            let worker = WorkerId { kind, network, instance };
            if self.state.workers.get(worker).is_none() {
                self.add_worker(worker, Desired::Running);
                missing -= 1;
            }
            instance += 1;
        }
        Ok(from)
    }

    pub(crate) fn add_worker(&mut self, worker: WorkerId, desired: Desired) {
        self.put_worker(WorkerRecord::new(worker, desired, self.now));
        self.event(EventKind::WorkerAdded { worker });
    }
}

/// Whether a command names as many workers as it may, each once.
pub(super) fn check_workers(workers: &[WorkerId]) -> Result<(), Rejection> {
    let mut sorted = workers.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() == workers.len() && (1..=WORKERS_AT_ONCE_MAX).contains(&workers.len()) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::WorkerCount })
    }
}

/// The name of a fleet in the audit.
pub(super) fn fleet_name(kind: WorkerKind, network: Option<Network>) -> String {
    match network {
        Some(network) => format!("{kind}.{network}"),
        None => kind.to_string(),
    }
}
