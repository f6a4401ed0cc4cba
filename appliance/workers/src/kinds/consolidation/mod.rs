//! Consolidation: deposits are gathered in the exchange's wallets where that is worth what it costs.
//!
//! The worker decides which addresses are swept and tells why the others are not; it keeps nothing but where it looks next. What
//! may be moved is the state's to say, what is there the chain's, and each transfer is decided, signed, sent and watched by the
//! engine ([`super::paying`]).
//!
//! Invariants:
//! - What is held is not swept, and nothing goes anywhere but to pinned wallets.
//! - A sweep that lacks gas waits until what was brought to it is final; balances are read anew before it is decided.
//! - One transfer of an address is under way at a time, and each pays for its own gas.
//! - Nothing counts as swept because it was planned: what has arrived for good does.

mod accounts;
mod bitcoin;
pub mod coins;
pub mod economics;
pub mod market;
pub mod targets;
pub mod view;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Family, WorkerId};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::nodes::{Nodes, configured};
use super::paying::{self, Counts, Desk, Errands, Prepared, Round};
use super::{Doing, JobEnding, Kind};
use crate::host::Bench;
use crate::money::proto::{
    ExplainSweeps, Explained, Holding, HoldingKey, PlanSweeps, Planned, PreparePayout, change_request,
};
use crate::protocol::cut_to;
use view::View;

/// Between two looks at what lies on addresses.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Holdings of one look.
const HOLDINGS_MAX: u32 = 500;
/// Plans, or verdicts, that are told at once: what the state takes.
const TOLD_MAX: usize = 200;
/// The longest reason that the state takes, in bytes.
const WHY_BYTES_MAX: usize = 300;

/// What is to be told after a look.
#[derive(Default)]
struct Notes {
    plans: Vec<Planned>,
    verdicts: Vec<Explained>,
    troubles: Vec<String>,
}

impl Notes {
    /// It is to be swept, with so much gas first, in minor units of the network's coin.
    fn plan(&mut self, of: HoldingKey, gas: u128, why: &str) {
        let why = cut_to(why.to_owned(), WHY_BYTES_MAX);
        self.plans.push(Planned { of: Some(of), gas: gas.to_string(), why, drop: false });
    }

    /// What was planned is not done after all.
    fn drop_plan(&mut self, of: HoldingKey, why: &str) {
        let why = cut_to(why.to_owned(), WHY_BYTES_MAX);
        self.plans.push(Planned { of: Some(of), gas: "0".to_owned(), why, drop: true });
    }

    /// It is not swept. What was told before and differs in numbers alone is not told again.
    fn explain(&mut self, holding: &Holding, why: &str) {
        if accounts::gist(&holding.told) != accounts::gist(why) {
            self.verdicts.push(Explained { of: holding.of, why: cut_to(why.to_owned(), WHY_BYTES_MAX) });
        }
    }

    /// Tells the state.
    async fn tell(&mut self, desk: &Desk) -> Result<bool, String> {
        let any = !self.plans.is_empty();
        for plans in self.plans.chunks(TOLD_MAX) {
            desk.tell(change_request::Change::PlanSweeps(PlanSweeps { plans: plans.to_vec() })).await?;
        }
        for verdicts in self.verdicts.chunks(TOLD_MAX) {
            desk.tell(change_request::Change::ExplainSweeps(ExplainSweeps { verdicts: verdicts.to_vec() })).await?;
        }
        Ok(any)
    }
}

/// Decides sweeps. It remembers where it looks next, and nothing on which money hangs.
pub struct Sweeps {
    every: Duration,
    next: Mutex<(Option<Instant>, Option<HoldingKey>)>,
}

impl Default for Sweeps {
    fn default() -> Sweeps {
        Sweeps::every(LOOK_EVERY)
    }
}

impl Sweeps {
    /// One that looks so often.
    #[must_use]
    pub fn every(every: Duration) -> Sweeps {
        Sweeps { every, next: Mutex::default() }
    }

    /// Where to look now; none where it is not time yet.
    fn due(&self, family: Family) -> Option<Option<HoldingKey>> {
        let mut next = self.next.lock();
        // Blocks with outputs are rare, and all of them are read.
        let every = if family == Family::Bitcoin { self.every * 15 } else { self.every };
        if next.0.is_some_and(|at| at > Instant::now()) {
            return None;
        }
        next.0 = Some(Instant::now() + every);
        Some(next.1)
    }

    async fn look(&self, desk: &Desk, round: &Round, after: Option<HoldingKey>) -> Result<bool, String> {
        let view = View::read(desk, round, HOLDINGS_MAX, after).await?;
        if !view.reply.sweeps {
            return Ok(false);
        }
        let (mut notes, decisions, seen) = if desk.network().family() == Family::Bitcoin {
            let (notes, decisions) = bitcoin::look(desk, round, &view).await?;
            (notes, decisions, view.reply.holdings.len())
        } else {
            match accounts::Look::begin(desk, round, &view).await? {
                Some(mut look) => {
                    let decisions = look.carry_out().await;
                    let seen = look.consider(&view.reply.holdings).await;
                    (look.notes, decisions, seen)
                }
                None => {
                    let mut notes = Notes::default();
                    for holding in &view.reply.holdings {
                        notes.explain(holding, "not swept: the network takes more for gas than may be paid");
                    }
                    (notes, Vec::new(), view.reply.holdings.len())
                }
            }
        };
        let last = seen.checked_sub(1).and_then(|last| view.reply.holdings.get(last)?.of);
        let whole = seen == view.reply.holdings.len() && !view.reply.more;
        // What is left of a page comes first in the next look; behind the last one it begins again.
        self.next.lock().1 = if whole { None } else { last.or(after) };
        let decided = self.decide_all(desk, decisions, &mut notes).await;
        let planned = notes.tell(desk).await?;
        match notes.troubles.into_iter().next() {
            Some(why) if !decided && !planned => Err(why),
            Some(_) | None => Ok(decided || planned),
        }
    }

    async fn decide_all(&self, desk: &Desk, decisions: Vec<PreparePayout>, notes: &mut Notes) -> bool {
        let mut any = false;
        for prepared in desk.prepare_all(decisions).await {
            match prepared {
                Prepared::Decided(_) => any = true,
                Prepared::Waits => notes.troubles.push("a sweep waits for coin in the books".to_owned()),
                Prepared::Refused { code, message } => {
                    notes.troubles.push(format!("a sweep was not decided ({code}): {message}"));
                }
                Prepared::Unknown(why) => notes.troubles.push(why),
            }
        }
        any
    }
}

impl Errands for Sweeps {
    fn decide<'a>(&'a self, desk: &'a Desk, round: &'a Round) -> Doing<'a, Result<bool, String>> {
        Box::pin(async move {
            match self.due(desk.network().family()) {
                Some(after) => self.look(desk, round, after).await.map(|_| false),
                None => Ok(false),
            }
        })
    }
}

/// The kind.
pub struct Consolidation {
    nodes: Nodes,
    counts: Arc<Counts>,
    sweeps: Sweeps,
}

impl Default for Consolidation {
    fn default() -> Consolidation {
        Consolidation { nodes: configured(), counts: Arc::default(), sweeps: Sweeps::default() }
    }
}

impl Kind for Consolidation {
    fn queues(&self, _: WorkerId) -> Vec<String> {
        Vec::new()
    }

    fn settings(&self, _: &BTreeMap<String, String>) {}

    fn job<'a>(&'a self, _: &'a Bench, _: &'a crate::proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async { JobEnding::Failed("a consolidation worker takes no jobs".to_owned()) })
    }

    fn directive<'a>(
        &'a self,
        _: &'a Bench,
        directive: &'a crate::proto::Directive,
    ) -> Doing<'a, Result<String, String>> {
        Box::pin(async move { Err(format!("a consolidation worker knows no directive `{}`", directive.name)) })
    }

    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        Box::pin(paying::run(bench, self.nodes.clone(), &self.counts, &self.sweeps))
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        self.counts.read()
    }
}
