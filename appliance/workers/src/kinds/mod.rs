//! What workers are for. One folder a kind; the host around them is the same for all.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{WorkerId, WorkerKind};

use crate::host::Bench;
use crate::proto;

pub mod balance_sync;
pub mod consolidation;
mod decimals;
pub mod deposit;
pub mod gas;
pub mod nodes;
pub mod paying;
pub mod selftest;
pub mod withdrawal;

/// Something that is being done.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a job ended, as the worker sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnding {
    /// Done, with its result: at most [`crate::protocol::RESULT_BYTES_MAX`] bytes.
    Completed(Vec<u8>),
    /// Not done, and why; tried again as the queue's rules say.
    Failed(String),
    /// It cannot be begun yet: again after this time, without an attempt less.
    Snoozed(Duration),
}

/// One kind of worker: what is done with jobs, directives and settings.
///
/// The host calls it for several jobs at once, as many as it wants. Whatever it does outside goes through
/// [`Bench::outside`]; whatever it changes in the exchange is in a job's result.
pub trait Kind: Send + Sync + 'static {
    /// The queues whose jobs it takes.
    fn queues(&self, worker: WorkerId) -> Vec<String> {
        vec![default_queue(worker)]
    }

    /// The most jobs in hand.
    fn at_once(&self) -> u32 {
        1
    }

    /// Goes by these settings from now on.
    fn settings(&self, values: &BTreeMap<String, String>);

    /// Does a job.
    fn job<'a>(&'a self, bench: &'a Bench, job: &'a proto::Job) -> Doing<'a, JobEnding>;

    /// Carries out a directive; the text says what came of it.
    fn directive<'a>(&'a self, bench: &'a Bench, directive: &'a proto::Directive) -> Doing<'a, Result<String, String>>;

    /// What it does by itself, from its welcome on; it never comes to an end. It may be dropped wherever it waits, and whoever
    /// comes next goes on with it.
    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        let _ = bench;
        Box::pin(std::future::pending())
    }

    /// What it has counted.
    fn counters(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

/// The queue of a worker's own kind, and network where it has one.
#[must_use]
pub fn default_queue(worker: WorkerId) -> String {
    match worker.network {
        Some(network) => format!("{}.{network}", worker.kind),
        None => worker.kind.to_string(),
    }
}

/// The kind by its name; none where this program has no such worker yet, or it is part of the state.
#[must_use]
pub fn of(kind: WorkerKind) -> Option<Arc<dyn Kind>> {
    match kind {
        WorkerKind::Selftest => Some(Arc::new(selftest::Selftest::default())),
        WorkerKind::Deposit => Some(Arc::new(deposit::Deposit::default())),
        WorkerKind::Withdrawal => Some(Arc::new(withdrawal::Withdrawal::default())),
        WorkerKind::Consolidation => Some(Arc::new(consolidation::Consolidation::default())),
        WorkerKind::Gas => Some(Arc::new(gas::Gas::default())),
        WorkerKind::BalanceSync => Some(Arc::new(balance_sync::BalanceSync::default())),
        WorkerKind::PriceFeed
        | WorkerKind::OrderMatching
        | WorkerKind::MarketData
        | WorkerKind::Risk
        | WorkerKind::SecurityAudit
        | WorkerKind::FinancialReporting
        | WorkerKind::SystemHealth => None,
    }
}
