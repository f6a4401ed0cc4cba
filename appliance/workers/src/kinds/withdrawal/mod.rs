//! The withdrawal worker of a network: it decides the transactions that pay users. All that comes after is the engine's
//! ([`super::paying`]).
//!
//! Invariants:
//! - Of an asset nobody is paid before those that came earlier, but for those whom the state lets be passed.
//! - What would fail is not sent: every payment is tried on a node first, and what it costs is within what it may cost.
//! - From an address nothing is sent that it has not, with all that is on its way from it.

mod accounts;
mod bitcoin;
mod evm;
mod lanes;
mod tron;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchequer_chains::{Coin, NetworkParams, check_destination};
use exchequer_domain::{Family, WorkerId};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::decimals::{Decimals, Looked};
use super::nodes::{Nodes, configured};
use super::paying::{self, Counts, Desk, Errands, Round};
use super::{Doing, JobEnding, Kind};
use crate::host::Bench;
use crate::money::proto::{self, Withdrawal as Queued, change_request, wait};
use crate::money::words;

/// Queued withdrawals that are looked at in a round.
const QUEUED_MAX: u32 = 500;
/// So often what is passed by others is tried again.
const PASSED_AGAIN: Duration = Duration::from_secs(120);
/// So often the same is said of a withdrawal that waits.
const SAID_AGAIN: Duration = Duration::from_secs(60);
/// For so long an asset rests of which nothing can be paid now.
const REST: Duration = Duration::from_secs(2);
/// Withdrawals of which is remembered when they were tried, or what was said.
const REMEMBERED_MAX: usize = 10_000;
/// The longest reason.
const WHY_BYTES_MAX: usize = 300;

/// Why a withdrawal is not decided now.
enum Hindered {
    /// It waits, and the state is told for what.
    Waits(wait::Why),
    /// Nobody knows enough; it is tried again.
    Trouble(String),
}

impl From<String> for Hindered {
    fn from(why: String) -> Hindered {
        Hindered::Trouble(why)
    }
}

/// It may cost more than it may: where only its own bound is below that, it alone is set aside, and those behind it go on.
fn too_dear(round: &Round, one: &Queued, fee_max: u64) -> Hindered {
    let network = paying::fee_cap(&round.config, &[]);
    Hindered::Waits(match fee_max <= network && one.fee_cap < fee_max {
        true => wait::Why::FeeCapTooLow(fee_max),
        false => wait::Why::FeeTooHigh(true),
    })
}

fn set_aside(why: &dyn std::fmt::Display) -> Hindered {
    Hindered::Waits(wait::Why::SetAside(crate::protocol::cut_to(why.to_string(), WHY_BYTES_MAX)))
}

/// Decides payments. It remembers how often something was tried and said, and nothing on which money hangs.
#[derive(Default)]
pub struct Payments {
    /// When each of those that others pass was last tried.
    tried: Mutex<BTreeMap<u64, Instant>>,
    /// What was last said of each that waits, and when.
    said: Mutex<BTreeMap<u64, (wait::Why, Instant)>>,
    /// Until when each asset rests.
    resting: Mutex<BTreeMap<u32, Instant>>,
    /// Since when something waits for a batch.
    waiting: Mutex<Option<Instant>>,
    /// When gaps among nonces were last looked at for their own sake.
    filled: Mutex<Option<Instant>>,
    /// Which tokens count as they are listed.
    decimals: tokio::sync::Mutex<Decimals>,
}

impl Errands for Payments {
    fn queued(&self) -> u32 {
        QUEUED_MAX
    }

    fn decide<'a>(&'a self, desk: &'a Desk, round: &'a Round) -> Doing<'a, Result<bool, String>> {
        Box::pin(async move {
            if !round.config.withdrawals {
                return Ok(false);
            }
            match desk.network().family() {
                Family::Evm => evm::decide(self, desk, round).await,
                Family::Tron => tron::decide(self, desk, round).await,
                Family::Bitcoin => bitcoin::decide(self, desk, round).await,
            }
        })
    }
}

impl Payments {
    /// What may be decided now, in its order.
    fn wanted<'a>(&self, round: &'a Round) -> Vec<&'a Queued> {
        let now = Instant::now();
        self.resting.lock().retain(|_, until| *until > now);
        let (resting, mut tried) = (self.resting.lock().clone(), self.tried.lock());
        tried.retain(|_, at| now.duration_since(*at) < PASSED_AGAIN);
        let wanted = round.due.withdrawals.iter().filter(|one| !resting.contains_key(&one.asset));
        let wanted = wanted.filter(|one| {
            let again = !one.passed || !tried.contains_key(&one.id);
            if one.passed && again && tried.len() < REMEMBERED_MAX {
                tried.insert(one.id, now);
            }
            again
        });
        wanted.collect()
    }

    /// Whether gaps among nonces are looked at now, where nothing else is to be decided.
    fn may_fill(&self) -> bool {
        let mut filled = self.filled.lock();
        let due = filled.is_none_or(|at| at.elapsed() >= REST);
        if due {
            *filled = Some(Instant::now());
        }
        due
    }

    /// Nothing of an asset can be paid now: it is not looked at again at once.
    fn rest(&self, asset: u32) {
        self.resting.lock().insert(asset, Instant::now() + REST);
    }

    /// Tells the state what a withdrawal waits for, unless that was told a moment ago; whether others may pass it.
    async fn waits(&self, desk: &Desk, withdrawal: u64, why: wait::Why) -> Result<bool, String> {
        let passed = matches!(why, wait::Why::SetAside(_) | wait::Why::FeeCapTooLow(_));
        let lately = {
            let mut said = self.said.lock();
            said.retain(|_, (_, at)| at.elapsed() < SAID_AGAIN);
            said.get(&withdrawal).is_some_and(|(before, _)| *before == why)
        };
        if lately {
            return Ok(passed);
        }
        let asked = proto::Wait { withdrawal, why: Some(why.clone()) };
        desk.tell(change_request::Change::Wait(asked)).await?;
        let mut said = self.said.lock();
        if said.len() < REMEMBERED_MAX {
            said.insert(withdrawal, (why, Instant::now()));
        }
        Ok(passed)
    }
}

impl Payments {
    /// Where withdrawals go, and how much each is. None of a token goes anywhere that counts otherwise than it is listed, or of which
    /// that is not known: it would be a power of ten too much or too little.
    async fn destinations<'a>(
        &self,
        round: &Round,
        wanted: Vec<&'a Queued>,
    ) -> Result<Vec<accounts::Wanted<'a>>, String> {
        let mut unpayable = BTreeMap::new();
        if wanted.iter().any(|one| !one.coin.is_empty()) {
            let Looked { wrong, uncounted } = self.decimals.lock().await.look(&round.panel, &round.config).await?;
            unpayable.extend(wrong.into_iter().map(|doubt| (doubt.token, doubt.why)));
            unpayable.extend(uncounted.into_iter().map(|(token, why)| (token.to_string(), why)));
        }
        let to = |one: &Queued| match unpayable.get(&one.coin) {
            Some(why) => Err(Hindered::Trouble(why.clone())),
            None => destination(&round.params, round, one),
        };
        Ok(wanted.into_iter().map(|one| (one, to(one))).collect())
    }
}

/// Where a withdrawal goes, and how much it is; not where nobody could ever get it back.
fn destination(params: &NetworkParams, round: &Round, one: &Queued) -> Result<(Coin, u128), Hindered> {
    let to = words::address(&one.to).map_err(|error| set_aside(&error))?;
    let amount = words::amount(&one.on_chain).map_err(|error| error.to_string())?;
    let coin = match words::coin(&one.coin).map_err(|error| set_aside(&error))? {
        None => Coin::Native,
        Some(contract) => Coin::Token(contract),
    };
    let is_token = |to: &exchequer_domain::ChainAddress| {
        round.config.listings.iter().any(|listing| listing.coin.as_str() == to.as_str())
    };
    check_destination(params, &to, &coin, |_| false, is_token).map_err(|error| set_aside(&error))?;
    Ok((coin, amount))
}

/// The kind.
pub struct Withdrawal {
    nodes: Nodes,
    counts: Arc<Counts>,
    payments: Payments,
}

impl Default for Withdrawal {
    fn default() -> Withdrawal {
        Withdrawal { nodes: configured(), counts: Arc::default(), payments: Payments::default() }
    }
}

impl Kind for Withdrawal {
    fn queues(&self, _: WorkerId) -> Vec<String> {
        Vec::new()
    }

    fn settings(&self, _: &BTreeMap<String, String>) {}

    fn job<'a>(&'a self, _: &'a Bench, _: &'a crate::proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async { JobEnding::Failed("a withdrawal worker takes no jobs".to_owned()) })
    }

    fn directive<'a>(
        &'a self,
        _: &'a Bench,
        directive: &'a crate::proto::Directive,
    ) -> Doing<'a, Result<String, String>> {
        Box::pin(async move { Err(format!("a withdrawal worker knows no directive `{}`", directive.name)) })
    }

    fn work<'a>(&'a self, bench: &'a Bench) -> Doing<'a, ()> {
        Box::pin(paying::run(bench, self.nodes.clone(), &self.counts, &self.payments))
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        self.counts.read()
    }
}
