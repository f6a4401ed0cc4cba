//! The deposit worker of a network: it tells the state what the network's blocks hold for the exchange.
//!
//! It decides nothing about money. The state's cursor is the only memory: every height is committed upon the block before
//! it, by compare and set, so that a worker may die anywhere, and two of them do no more than one.
//!
//! Invariants:
//! - A block is scanned with every address that was in the pool when its scan began; addresses are watched before anybody
//!   knows them.
//! - The height on which endpoints agree is asked of a quorum for each commit, and a quorum confirms each rewind.
//! - Whatever may have arrived and cannot be read is told as well: it waits for people, and is not lost.

mod commit;
mod pending;
#[cfg(test)]
pub(super) mod played;
mod proof;
mod pulse;
mod rescan;
mod scanner;
mod untold;
mod unused;
mod walk;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchequer_domain::WorkerId;

use super::nodes::{Nodes, configured};
use super::{Doing, JobEnding, Kind};
use crate::host::Bench;
use crate::proto;

pub use scanner::{Round, Scanner};
pub use watched::Watched;

/// The addresses that are watched, in the worker's folder. Nodes keep it, so that a worker on any of them need not read all of
/// them from the state; it is a copy.
pub const ADDRESSES_FILE: &str = "addresses";
/// The directive that has blocks looked at again; its payload is two heights. It changes nothing.
pub const RESCAN: &str = "rescan";
/// The same, with what is missing committed. The state takes it for a directive that two persons wanted.
pub const RESCAN_APPLY: &str = "rescan-apply";
/// Between two rounds where nothing is new.
const PAUSE: Duration = Duration::from_millis(500);
/// After a round that came to nothing.
const PAUSE_FAILED: Duration = Duration::from_secs(2);

/// What it has counted, for heartbeats.
#[derive(Debug, Default)]
pub struct Counts {
    head: AtomicU64,
    cursor: AtomicU64,
    agreed: AtomicU64,
    blocks: AtomicU64,
    sightings: AtomicU64,
    doubts: AtomicU64,
    rewinds: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    addresses: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn set(count: &AtomicU64, value: u64) {
        count.store(value, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, u64> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (head, cursor) = (of(&self.head), of(&self.cursor));
        let counts = [
            ("head", head),
            ("cursor", cursor),
            ("lag", head.saturating_sub(cursor)),
            ("agreed", of(&self.agreed)),
            ("blocks", of(&self.blocks)),
            ("sightings", of(&self.sightings)),
            ("doubts", of(&self.doubts)),
            ("rewinds", of(&self.rewinds)),
            ("commits_refused", of(&self.refused)),
            ("rounds_failed", of(&self.failed)),
            ("addresses", of(&self.addresses)),
        ];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

/// The kind.
pub struct Deposit {
    nodes: Nodes,
    counts: Arc<Counts>,
}

impl Default for Deposit {
    fn default() -> Deposit {
        Deposit::with(configured())
    }
}

impl Deposit {
    /// One that makes its nodes so.
    #[must_use]
    pub fn with(nodes: Nodes) -> Deposit {
        Deposit { nodes, counts: Arc::default() }
    }

    async fn scan(&self, bench: &Bench) {
        let (Some(link), Some(network)) = (bench.money.clone(), bench.worker.network) else {
            bench.condition("it has no way to the node's money link".to_owned());
            return std::future::pending().await;
        };
        let requests = bench.requests.clone();
        let scanner = Scanner::new(network, link, self.nodes.clone(), requests, self.counts.clone());
        let mut scanner = scanner.with_file(bench.folder.join(ADDRESSES_FILE));
        let mut told = String::new();
        loop {
            let round = scanner.round().await;
            let (condition, pause) = match round {
                Ok(Round::More) => (String::new(), Duration::ZERO),
                Ok(Round::Idle) => (scanner.concern(), PAUSE),
                Err(why) => {
                    Counts::add(&self.counts.failed, 1);
                    scanner.forget();
                    (why, PAUSE_FAILED)
                }
            };
            if condition != told {
                if !condition.is_empty() {
                    tracing::warn!("{condition}");
                }
                bench.condition(condition.clone());
                told = condition;
            }
            tokio::time::sleep(pause).await;
        }
    }
}

impl Kind for Deposit {
    fn queues(&self, _: WorkerId) -> Vec<String> {
        Vec::new()
    }

    fn settings(&self, _: &BTreeMap<String, String>) {}

    fn job<'a>(&'a self, _: &'a Bench, _: &'a proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async { JobEnding::Failed("a deposit worker takes no jobs".to_owned()) })
    }

    fn directive<'a>(&'a self, bench: &'a Bench, directive: &'a proto::Directive) -> Doing<'a, Result<String, String>> {
        Box::pin(async move {
            let applies = match directive.name.as_str() {
                RESCAN => false,
                RESCAN_APPLY => true,
                other => {
                    return Err(format!(
                        "a deposit worker knows no directive `{other}`; it knows `{RESCAN}` and `{RESCAN_APPLY}`"
                    ));
                }
            };
            let (Some(link), Some(network)) = (bench.money.clone(), bench.worker.network) else {
                return Err("it has no way to the node's money link".to_owned());
            };
            let payload = String::from_utf8_lossy(&directive.payload);
            let file = bench.folder.join(ADDRESSES_FILE);
            let commit = applies.then_some(rescan::Commit { directive: directive.id, requests: &bench.requests });
            rescan::rescan(network, link, &self.nodes, file, &payload, commit).await
        })
    }

    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        Box::pin(self.scan(bench))
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        self.counts.read()
    }
}
