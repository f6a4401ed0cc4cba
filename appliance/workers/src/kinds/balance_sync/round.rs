//! One comparison of a network with its chain, from its beginning to its end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use exchequer_chains::node::Panel;
use exchequer_domain::{BlockRef, ChainAddress, Family, Network};
use futures::StreamExt as _;
use tokio::time::Instant;

use super::super::nodes::{Nodes, panel, params};
use super::Counts;
use super::read::{Read, Readings, read};
use crate::money::proto::{self, change_request::Change, done::Done, report_balances};
use crate::money::{Changed, Link, Requests, change, words};

/// Deposit addresses that one round goes through: with a round a minute all of a million in half a day.
const SWEPT: usize = 1_500;
/// The same where a node goes through everything for each answer, however many are asked for.
const SWEPT_BITCOIN: usize = 10_000;
/// Readings of one report.
const REPORTED: usize = 200;
/// Between two tellings of what cannot be judged yet.
const AGAIN: Duration = Duration::from_secs(3);
/// For so long what cannot be judged yet is told again, on a test network and elsewhere.
const PATIENCE_TEST: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(600);
/// The code of a block that the state does not know, or not yet.
const BLOCK_UNKNOWN: &str = "EXQ-1601";

/// Compares one network, round by round.
pub struct Round {
    network: Network,
    link: Arc<dyn Link>,
    nodes: Nodes,
    requests: Requests,
    counts: Arc<Counts>,
    /// The nodes, by the version of the configuration that they are of.
    panel: Option<(u32, Panel)>,
}

/// What was read, with the last payout that there was then.
struct Told {
    at: BlockRef,
    time_us: u64,
    payouts: u64,
    read: Vec<Read>,
}

fn trouble(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Round {
    /// A round's beginning.
    #[must_use]
    pub fn new(network: Network, link: Arc<dyn Link>, nodes: Nodes, requests: Requests, counts: Arc<Counts>) -> Round {
        Round { network, link, nodes, requests, counts, panel: None }
    }

    /// Makes the nodes anew the next time.
    pub fn forget(&mut self) {
        self.panel = None;
    }

    async fn change(&self, step: report_balances::Step) -> Result<Done, (String, String)> {
        let asked = Change::ReportBalances(proto::ReportBalances { step: Some(step) });
        match change(self.link.as_ref(), &self.requests, asked).await {
            Changed::Done(done) => Ok(done),
            Changed::Refused { code, message } => Err((code, message)),
            Changed::Unknown(why) => Err((String::new(), why)),
        }
    }

    /// Compares the network once. Whether it is a test network.
    ///
    /// # Errors
    /// Why it came to nothing, for people.
    pub async fn run(&mut self) -> Result<bool, String> {
        let config = self.link.network().await.map_err(trouble)?;
        if config.listings.is_empty() {
            return Ok(config.test);
        }
        if self.panel.as_ref().is_none_or(|(version, _)| *version != config.version) {
            let nodes = (self.nodes)(&params(self.network, config.test), &config)?;
            self.panel = Some((config.version, panel(nodes, config.test)?));
        }
        let Some((_, panel)) = &self.panel else { return Err("there are no nodes".to_owned()) };
        panel.refresh().await;
        let work = self.link.balance_work().await.map_err(trouble)?;
        let Some(settled) = work.settled.as_ref() else { return Ok(config.test) };
        let settled = words::block(Some(settled)).map_err(trouble)?;
        let header = panel.agreed_header(settled.height).await.map_err(trouble)?;
        if header.block != settled {
            let step = report_balances::Step::Diverged(words::of_block(settled));
            self.change(step).await.map_err(|(_, why)| why)?;
            return Err(format!(
                "nodes have block {} at height {}, and another one is settled",
                header.block.hash, settled.height
            ));
        }
        let begin = report_balances::Begin { block: Some(words::of_block(settled)) };
        let run = match self.change(report_balances::Step::Begin(begin)).await {
            Ok(Done::Run(run)) => run,
            Ok(_) => return Err("a run begins with its number".to_owned()),
            Err((_, why)) => return Err(why),
        };
        self.counts.height.store(settled.height, Ordering::Relaxed);

        let (addresses, swept, whole) = self.addresses(&work).await?;
        let mut coins = Vec::new();
        for listing in &config.listings {
            coins.push(words::coin(&listing.coin).map_err(trouble)?);
        }
        let all = read(panel, self.network.family(), header, &addresses, &coins).await;
        let failed: usize = all.iter().map(|some| some.failed).sum();
        let why = all.iter().find_map(|some| some.why.clone());
        // What was read of now can be in no payout that was decided after this.
        let payouts = match self.network.family() {
            Family::Evm => work.payouts,
            Family::Bitcoin | Family::Tron => self.link.balance_work().await.map_err(trouble)?.payouts,
        };
        let deadline = Instant::now() + if config.test { PATIENCE_TEST } else { PATIENCE };
        let unheard = self.tell_all(run, payouts, all, deadline).await?;
        let failed = failed + unheard;
        let end = report_balances::End {
            run,
            failed: u32::try_from(failed).unwrap_or(u32::MAX),
            swept,
            // A part that could not be read was not gone through.
            whole: whole && failed == 0,
        };
        match self.change(report_balances::Step::End(end)).await {
            Ok(Done::Reconciled(holds)) => {
                Counts::add(&self.counts.differing, usize::from(!holds));
            }
            Ok(_) => return Err("a run ends with its outcome".to_owned()),
            Err((_, why)) => return Err(why),
        }
        match why {
            Some(why) if failed > 0 => Err(format!("{failed} balances could not be read: {why}")),
            Some(_) | None => Ok(config.test),
        }
    }

    /// The addresses of this round: of wallets, what was touched, and a part of all deposit addresses; where the next round goes
    /// on, and whether this one comes to the end of them.
    async fn addresses(&self, work: &proto::BalanceWorkReply) -> Result<(Vec<ChainAddress>, u32, bool), String> {
        let mut addresses = BTreeSet::new();
        for wallet in self.link.wallets().await.map_err(trouble)?.wallets {
            for own in wallet.addresses {
                addresses.insert(words::address(&own.address).map_err(trouble)?);
            }
        }
        for touched in &work.touched {
            addresses.insert(words::address(touched).map_err(trouble)?);
        }
        let most = if self.network.family() == Family::Bitcoin { SWEPT_BITCOIN } else { SWEPT };
        let mut pages = self.link.addresses(work.sweep_next).await.map_err(trouble)?;
        let mut swept = 0;
        if let Some(page) = pages.next().await {
            for address in page.map_err(trouble)?.addresses.into_iter().take(most) {
                addresses.insert(words::address(&address).map_err(trouble)?);
                swept += 1;
            }
        }
        let next = work.sweep_next.saturating_add(swept);
        let whole = next >= work.stocked;
        Ok((addresses.into_iter().collect(), if whole { 0 } else { next }, whole))
    }

    /// Tells everything that was read, again and again where it cannot be judged yet. How much nobody heard.
    async fn tell_all(&self, run: u64, payouts: u64, all: Vec<Readings>, deadline: Instant) -> Result<usize, String> {
        let mut rest: Vec<Told> = Vec::new();
        for Readings { at, time_ms, read, .. } in all {
            let Some(at) = at else { continue };
            Counts::add(&self.counts.readings, read.len());
            Counts::add(&self.counts.disputed, read.iter().filter(|one| one.amount.is_none()).count());
            let time_us = time_ms.saturating_mul(1_000);
            rest.extend(read.chunks(REPORTED).map(|some| Told { at, time_us, payouts, read: some.to_vec() }));
        }
        let mut unheard = 0;
        while !rest.is_empty() {
            let last = Instant::now() >= deadline;
            let mut waiting = Vec::new();
            for told in rest {
                match self.tell(run, &told, last).await {
                    Ok(waits) if waits.is_empty() => {}
                    Ok(waits) => {
                        Counts::add(&self.counts.waited, waits.len());
                        let read = waits.iter().filter_map(|at| told.read.get(*at as usize)).cloned().collect();
                        waiting.push(Told { read, ..told });
                    }
                    // The scanner is not there yet, or the block was reorganised away.
                    Err((code, _)) if code == BLOCK_UNKNOWN && !last => waiting.push(told),
                    Err((code, _)) if code == BLOCK_UNKNOWN => unheard += told.read.len(),
                    Err((_, why)) => return Err(why),
                }
            }
            rest = waiting;
            if !rest.is_empty() {
                tokio::time::sleep(AGAIN).await;
            }
        }
        Ok(unheard)
    }

    async fn tell(&self, run: u64, told: &Told, last: bool) -> Result<Vec<u32>, (String, String)> {
        let reading = |one: &Read| report_balances::Reading {
            address: one.address.to_string(),
            coin: words::of_coin(one.coin.as_ref()),
            amount: one.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            nonce: one.nonce,
        };
        let read = report_balances::Read {
            run,
            at: Some(words::of_block(told.at)),
            payouts: told.payouts,
            readings: told.read.iter().map(reading).collect(),
            last,
            time_us: told.time_us,
        };
        match self.change(report_balances::Step::Read(read)).await? {
            Done::BalancesJudged(judged) => Ok(judged.waits),
            _ => Err((String::new(), "readings are judged".to_owned())),
        }
    }
}
