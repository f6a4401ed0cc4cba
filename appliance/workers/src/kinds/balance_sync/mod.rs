//! The balance-sync worker of a network: it reads what lies on the exchange's addresses, and the state judges it.
//!
//! Every round is a run: it begins at the state's settled block, which nodes must have too, reads the wallets, what was touched,
//! and a part of all deposit addresses, and tells what a quorum of endpoints says of one block. It decides nothing.
//!
//! Invariants:
//! - What is told was read at the block that is told with it, and endpoints that are not at that block have no say.
//! - What endpoints contradict each other about is told as that, apart from the rest.
//! - A reading that the state cannot judge yet is told again, the same one, until it can or its time is over.

mod read;
mod round;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchequer_domain::{Network, WorkerId};
use tokio::sync::Notify;

use super::nodes::{Nodes, configured};
use super::{Doing, JobEnding, Kind};
use crate::host::Bench;
use crate::proto;

pub use round::Round;

/// Between two rounds on a test network.
const PAUSE_TEST: Duration = Duration::from_secs(10);
/// After a round that came to nothing.
const PAUSE_FAILED: Duration = Duration::from_secs(15);

/// Between two rounds. A node of Bitcoin goes through all outputs there are for one.
const fn pause(network: Network, test: bool) -> Duration {
    match (network, test) {
        (_, true) => PAUSE_TEST,
        (Network::Bitcoin, false) => Duration::from_secs(1_800),
        (Network::Ethereum | Network::Polygon | Network::Bsc | Network::Arbitrum | Network::Tron, false) => {
            Duration::from_secs(60)
        }
    }
}

/// What it has counted, for heartbeats.
#[derive(Debug, Default)]
pub struct Counts {
    rounds: AtomicU64,
    failed: AtomicU64,
    readings: AtomicU64,
    waited: AtomicU64,
    disputed: AtomicU64,
    differing: AtomicU64,
    height: AtomicU64,
}

impl Counts {
    fn add(count: &AtomicU64, more: usize) {
        count.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// The counts now.
    #[must_use]
    pub fn read(&self) -> BTreeMap<String, u64> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = [
            ("rounds", of(&self.rounds)),
            ("rounds_failed", of(&self.failed)),
            ("readings", of(&self.readings)),
            ("readings_waited", of(&self.waited)),
            ("readings_disputed", of(&self.disputed)),
            ("rounds_differing", of(&self.differing)),
            ("height", of(&self.height)),
        ];
        counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }
}

/// The kind.
pub struct BalanceSync {
    nodes: Nodes,
    counts: Arc<Counts>,
    /// Somebody wants a round now.
    wanted: Notify,
}

impl Default for BalanceSync {
    fn default() -> BalanceSync {
        BalanceSync::with(configured())
    }
}

impl BalanceSync {
    /// One that makes its nodes so.
    #[must_use]
    pub fn with(nodes: Nodes) -> BalanceSync {
        BalanceSync { nodes, counts: Arc::default(), wanted: Notify::new() }
    }

    async fn compare(&self, bench: &Bench) {
        let (Some(link), Some(network)) = (bench.money.clone(), bench.worker.network) else {
            bench.condition("it has no way to the node's money link".to_owned());
            return std::future::pending().await;
        };
        let requests = bench.requests.clone();
        let mut round = Round::new(network, link, self.nodes.clone(), requests, self.counts.clone());
        let mut told = String::new();
        loop {
            let (condition, pause) = match round.run().await {
                Ok(test) => {
                    Counts::add(&self.counts.rounds, 1);
                    (String::new(), pause(network, test))
                }
                Err(why) => {
                    Counts::add(&self.counts.failed, 1);
                    round.forget();
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
            // Whoever wants one does not wait for the next.
            let _ = tokio::time::timeout(pause, self.wanted.notified()).await;
        }
    }
}

impl Kind for BalanceSync {
    fn queues(&self, _: WorkerId) -> Vec<String> {
        Vec::new()
    }

    fn settings(&self, _: &BTreeMap<String, String>) {}

    fn job<'a>(&'a self, _: &'a Bench, _: &'a proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async { JobEnding::Failed("a balance-sync worker takes no jobs".to_owned()) })
    }

    fn directive<'a>(&'a self, _: &'a Bench, directive: &'a proto::Directive) -> Doing<'a, Result<String, String>> {
        Box::pin(async move {
            match directive.name.as_str() {
                "reconcile" => {
                    self.wanted.notify_one();
                    Ok("a round begins".to_owned())
                }
                other => Err(format!("a balance-sync worker knows no directive `{other}`")),
            }
        })
    }

    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        Box::pin(self.compare(bench))
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        self.counts.read()
    }
}
