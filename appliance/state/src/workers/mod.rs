//! The room of workers: which there are, what is wanted of each, what is observed of it, and what they run.
//!
//! The leader's supervisor makes what is observed follow what is wanted and tells each step; heartbeats stay with it, and
//! come here summed up every ten seconds. Invariants: at most [`WORKERS_MAX`] workers; a state changes only by a step that
//! [`Observed::step`] allows; back-off and the end of a crash loop are decided here, in replicated time, so that they
//! outlive a leader; after an activation no worker has a process of an earlier leadership; what a name of a program stands
//! for never changes.

mod binary;
mod bulk;
mod fleet;
mod machine;
mod record;
mod states;

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{Network, Timestamp, WorkerId, WorkerKind};

pub use binary::WorkerBinary;
pub use bulk::{BulkAction, BulkEffect, BulkItem, BulkRecord, Planned, Selector, Undone, plan_hash};
pub use fleet::{Bounds, Fleet, FleetReport, GROWS_AFTER, MEASURED_WITHIN, Pressure, SHRINKS_AFTER, Scaling};
pub use machine::Next;
pub use record::{Ended, ErrorGroup, Summary, WorkerRecord, WorkerReport};
pub use states::{DegradedBy, Desired, FailedBy, Observed, Step, StepName, WorkerState};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rejection::Rejection;
use crate::rows::{self, Rows, Table};

/// Workers that may exist.
pub const WORKERS_MAX: usize = 512;
/// Workers of one kind on one network that the scaling may keep.
pub const FLEET_SIZE_MAX: u16 = 64;
/// Workers that one command names, steps or reports at most.
pub const WORKERS_AT_ONCE_MAX: usize = WORKERS_MAX;
/// So many crashes within [`CRASH_WINDOW`] are a crash loop.
pub const CRASHES_MAX: usize = 5;
/// How far back crashes count.
pub const CRASH_WINDOW: Duration = Duration::from_secs(600);
/// A worker that ran for so long has no crashes in a row.
pub const FORGIVEN_AFTER: Duration = Duration::from_secs(600);
/// Errors of a worker that are told apart.
pub const ERROR_GROUPS_MAX: usize = 20;
/// Longest text of an error, or of what a worker says is wrong with it.
pub const ERROR_BYTES_MAX: usize = 300;
/// Errors in one report of a worker.
pub const ERRORS_IN_REPORT_MAX: usize = 20;
/// The next report of a worker is taken so long after the one before; the leader sends one every ten seconds.
pub const REPORTED_AFTER: Duration = Duration::from_secs(5);
/// Longest version of a worker's program.
pub const VERSION_BYTES_MAX: usize = 64;
/// Registered programs.
pub const BINARIES_MAX: usize = 32;
/// Longest name of a registered program.
pub const BINARY_NAME_BYTES_MAX: usize = 63;
/// Longest path of a registered program.
pub const BINARY_PATH_BYTES_MAX: usize = 255;
/// The shortest age of a queue that scaling can aim at, in microseconds.
pub const QUEUE_AGE_TARGET_US_MIN: u64 = 10_000;
/// The longest, in microseconds: a day.
pub const QUEUE_AGE_TARGET_US_MAX: u64 = 86_400 * 1_000_000;
/// Records of what was done to many workers that are kept.
pub const BULKS_KEPT: usize = 100;

/// Every worker, fleet and registered program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workers {
    workers: BTreeMap<WorkerId, WorkerRecord>,
    fleets: BTreeMap<(WorkerKind, Option<Network>), Fleet>,
    binaries: BTreeMap<String, WorkerBinary>,
    bulks: BTreeMap<u64, BulkRecord>,
}

impl Workers {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Workers, Halt> {
        let mut room = Workers::default();
        fn read<T: serde::de::DeserializeOwned>(table: Table, value: &[u8]) -> Result<T, Halt> {
            codec::decode(value).map_err(|error: DecodeError| Halt::row(table, error))
        }
        rows::for_each_of_table(rows, Table::Worker, |_, value| {
            room.put(read(Table::Worker, value)?);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::WorkerScale, |_, value| {
            room.put_fleet(read(Table::WorkerScale, value)?);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::WorkerBinary, |_, value| {
            room.put_binary(read(Table::WorkerBinary, value)?);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::WorkerBulk, |_, value| {
            room.put_bulk(read(Table::WorkerBulk, value)?);
            Ok(())
        })?;
        Ok(room)
    }

    /// How many workers there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// One worker.
    #[must_use]
    pub fn get(&self, id: WorkerId) -> Option<&WorkerRecord> {
        self.workers.get(&id)
    }

    /// Every worker, by kind, network and instance.
    pub fn iter(&self) -> impl Iterator<Item = &WorkerRecord> {
        self.workers.values()
    }

    /// The workers of a kind on a network, by instance.
    pub fn fleet_of(&self, kind: WorkerKind, network: Option<Network>) -> impl Iterator<Item = &WorkerRecord> {
        let id = |instance| WorkerId { kind, network, instance };
        self.workers.range(id(0)..=id(u16::MAX)).map(|(_, worker)| worker)
    }

    /// How many workers of a fleet shall run.
    #[must_use]
    pub fn wanted(&self, kind: WorkerKind, network: Option<Network>) -> u16 {
        let wanted = self.fleet_of(kind, network).filter(|worker| worker.desired == Desired::Running);
        u16::try_from(wanted.count()).unwrap_or(u16::MAX)
    }

    /// What was decided about the workers of a kind on a network.
    #[must_use]
    pub fn fleet(&self, kind: WorkerKind, network: Option<Network>) -> Option<&Fleet> {
        self.fleets.get(&(kind, network))
    }

    /// Every fleet about which anything was decided.
    pub fn fleets(&self) -> impl Iterator<Item = &Fleet> {
        self.fleets.values()
    }

    /// The changes of sizes that are due now.
    pub fn scalings_due(&self, now: Timestamp) -> impl Iterator<Item = Scaling> {
        self.fleets().filter_map(move |fleet| fleet.due(self.wanted(fleet.kind, fleet.network), now))
    }

    /// A registered program by name.
    #[must_use]
    pub fn binary(&self, name: &str) -> Option<&WorkerBinary> {
        self.binaries.get(name)
    }

    /// Every registered program, by name.
    pub fn binaries(&self) -> impl Iterator<Item = &WorkerBinary> {
        self.binaries.values()
    }

    /// The registered program that a worker is to run: its fleet's, else its kind's; none for the node's own.
    #[must_use]
    pub fn binary_of(&self, id: WorkerId) -> Option<&WorkerBinary> {
        let named = |network| self.fleet(id.kind, network).and_then(|fleet| fleet.binary.as_deref());
        self.binary(named(id.network).or_else(|| named(None))?)
    }

    /// A record of what was done to many workers.
    #[must_use]
    pub fn bulk(&self, id: u64) -> Option<&BulkRecord> {
        self.bulks.get(&id)
    }

    /// The records of what was done to many workers, the oldest first.
    pub fn bulks(&self) -> impl DoubleEndedIterator<Item = &BulkRecord> {
        self.bulks.values()
    }

    /// What an action would come to for each worker that a selector means.
    #[must_use]
    pub fn plan(&self, action: BulkAction, selector: Selector) -> Vec<Planned> {
        let meant = self.iter().filter(|worker| selector.takes(worker));
        meant.map(|worker| Planned { worker: worker.id, effect: action.effect(worker) }).collect()
    }

    /// The worker, or the refusal that there is none.
    pub(crate) fn known(&self, id: WorkerId) -> Result<&WorkerRecord, Rejection> {
        self.get(id).ok_or(Rejection::WorkerUnknown { worker: id })
    }

    pub(crate) fn put(&mut self, worker: WorkerRecord) {
        self.workers.insert(worker.id, worker);
    }

    pub(crate) fn remove(&mut self, id: WorkerId) {
        self.workers.remove(&id);
    }

    pub(crate) fn put_fleet(&mut self, fleet: Fleet) {
        self.fleets.insert((fleet.kind, fleet.network), fleet);
    }

    pub(crate) fn put_binary(&mut self, binary: WorkerBinary) {
        self.binaries.insert(binary.name.clone(), binary);
    }

    pub(crate) fn remove_binary(&mut self, name: &str) {
        self.binaries.remove(name);
    }

    pub(crate) fn put_bulk(&mut self, bulk: BulkRecord) {
        self.bulks.insert(bulk.id, bulk);
    }

    pub(crate) fn remove_bulk(&mut self, id: u64) {
        self.bulks.remove(&id);
    }
}

/// Refuses a kind that has no processes.
pub(crate) fn check_kind(kind: WorkerKind) -> Result<(), Rejection> {
    if has_process(kind) { Ok(()) } else { Err(Rejection::WorkerKindInside { kind }) }
}

/// Refuses a kind that has no processes, and a network that is missing or too much.
pub(crate) fn check_fleet(kind: WorkerKind, network: Option<Network>) -> Result<(), Rejection> {
    check_kind(kind)?;
    if network.is_some() == kind.has_network() { Ok(()) } else { Err(Rejection::WorkerNetwork { kind }) }
}

/// Whether the workers of a kind are processes; the others are part of every node.
#[must_use]
pub const fn has_process(kind: WorkerKind) -> bool {
    match kind {
        WorkerKind::OrderMatching | WorkerKind::MarketData => false,
        WorkerKind::Selftest
        | WorkerKind::Deposit
        | WorkerKind::Withdrawal
        | WorkerKind::Consolidation
        | WorkerKind::Gas
        | WorkerKind::BalanceSync
        | WorkerKind::PriceFeed
        | WorkerKind::Risk
        | WorkerKind::SecurityAudit
        | WorkerKind::FinancialReporting
        | WorkerKind::SystemHealth => true,
    }
}

/// The key of a fleet's row: kind and network, zero where there is none, in two bytes each.
pub(crate) fn fleet_key(kind: WorkerKind, network: Option<Network>) -> [u8; 4] {
    let network = network.map_or(0, |network| network as u16 + 1);
    let ([a, b], [c, d]) = ((kind as u16).to_be_bytes(), network.to_be_bytes());
    [a, b, c, d]
}
