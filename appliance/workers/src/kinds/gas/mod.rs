//! Gas top-up: what moving deposits and paying withdrawals costs is brought to where it is needed, and no more than that.
//!
//! Deposit addresses get exactly what a planned sweep lacks, when it is planned; hot wallets are kept between two marks. On TRON
//! energy and bandwidth are paid by burning TRX, so that TRX is what is brought; where operators want it, energy is lent instead, from
//! a stake of the gas wallet ([`stake`]), and nothing is rented. On Bitcoin coins pay for themselves, and a gas worker only tells what
//! fees are.
//!
//! Invariants:
//! - One top-up of an address is under way at a time; how many it gets in a day, and how much a network spends on them, the state
//!   bounds once more.
//! - What is brought is final before the sweep that it is for is decided.

pub mod lending;
pub mod plan;
pub mod stake;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_domain::WorkerId;

use super::nodes::{Nodes, configured};
use super::paying::{self, Counts};
use super::{Doing, JobEnding, Kind};
use crate::host::Bench;

pub use work::TopUps;

/// The kind.
pub struct Gas {
    nodes: Nodes,
    counts: Arc<Counts>,
    top_ups: TopUps,
}

impl Default for Gas {
    fn default() -> Gas {
        Gas { nodes: configured(), counts: Arc::default(), top_ups: TopUps::default() }
    }
}

impl Kind for Gas {
    fn queues(&self, _: WorkerId) -> Vec<String> {
        Vec::new()
    }

    fn settings(&self, _: &BTreeMap<String, String>) {}

    fn job<'a>(&'a self, _: &'a Bench, _: &'a crate::proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async { JobEnding::Failed("a gas worker takes no jobs".to_owned()) })
    }

    fn directive<'a>(
        &'a self,
        _: &'a Bench,
        directive: &'a crate::proto::Directive,
    ) -> Doing<'a, Result<String, String>> {
        Box::pin(async move { Err(format!("a gas worker knows no directive `{}`", directive.name)) })
    }

    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        Box::pin(paying::run(bench, self.nodes.clone(), &self.counts, &self.top_ups))
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        self.counts.read()
    }
}
