//! The demo's exchange: who trades on it, what is seen of it, and whether its money adds up.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::cluster::Cluster;
use crate::crowd::{self, Crowd, Exchange, Watch};
use crate::product::{ASK_EVERY, Access, Balanced};
use crate::stop::Stop;
use crate::{process, say};

/// So many trades in each market show that it works.
const TRADES_WANTED: u64 = 5;
/// How long that may take. It takes seconds.
const TRADES_LIMIT: Duration = Duration::from_secs(60);
/// How often the ledger is added up.
const BALANCE_EVERY: Duration = Duration::from_secs(5);

/// The exchange at work.
pub(super) struct Trading {
    crowd: Crowd,
    watch: Watch,
    operator: Access,
    /// The user that a visitor may trade for.
    pub(super) visitor: u64,
    balance: Option<(Instant, Balanced)>,
}

impl Trading {
    /// Makes the exchange where it is not there yet, and sets the crowd to work.
    ///
    /// # Errors
    /// The product refused something.
    pub(super) fn begin(cluster: &Cluster, seed: Option<u64>, stop: &Stop) -> Result<Trading> {
        let seed = seed.map_or_else(crowd::draw_seed, Ok)?;
        say::line(format_args!("simulated traders: {} of them, seed {seed}", crowd::TRADERS));
        let operator = cluster.anyone();
        let enlisted = crowd::enlist(&cluster.product, &operator, &cluster.folder.join("traders.json"))?;
        let addresses: Vec<String> = cluster.nodes.iter().map(|node| node.api.clone()).collect();
        let exchange = Exchange::new(&operator.ca, &addresses)?;
        let mut watch = exchange.watch();
        watch.look(stop)?;
        let crowd = Crowd::start(&exchange, &enlisted, &watch.lasts(), seed)?;
        Ok(Trading { crowd, watch, operator, visitor: enlisted.visitor.unwrap_or_default(), balance: None })
    }

    /// Waits until every market has had trades, lets everybody go home, and has the whole ledger verified.
    pub(super) fn try_once(mut self, cluster: &Cluster, stop: &Stop) -> Result<()> {
        let before = self.watch.trades();
        process::until("trades in every market", TRADES_LIMIT, ASK_EVERY, stop, || {
            self.watch.look(stop)?;
            let now = self.watch.trades();
            let quiet = now.iter().zip(&before).find(|(now, before)| now.1 < before.1 + TRADES_WANTED);
            match quiet {
                None => Ok(Some(())),
                Some((now, before)) => bail!("{}: {} trades", now.0, now.1 - before.1),
            }
        })?;
        let told = self.crowd.told();
        self.crowd.finish()?;
        self.watch.look(stop)?;
        let entries = cluster.product.verify_ledger(&self.operator)?;
        let balance = cluster.product.balanced(&self.operator)?;
        if let Some(asset) = balance.wrong {
            bail!("what users and the exchange have of {asset} does not add up");
        }
        say::line(format_args!("{}{told}", self.watch.table()));
        say::line(format_args!("the ledger verifies: {entries} entries, {} assets that add up", balance.assets));
        Ok(())
    }

    /// Everything about it, as a person sees it.
    ///
    /// # Errors
    /// Stopped.
    pub(super) fn picture(&mut self, cluster: &Cluster, stop: &Stop) -> Result<String> {
        self.watch.look(stop)?;
        if self.balance.as_ref().is_none_or(|(at, _)| at.elapsed() >= BALANCE_EVERY)
            && let Ok(balance) = cluster.product.balanced(&self.operator)
        {
            self.balance = Some((Instant::now(), balance));
        }
        Ok(format!("{}{}\n{}\n", self.watch.table(), conservation(self.balance.as_ref()), self.crowd.told()))
    }

    /// Lets everybody go home.
    ///
    /// # Errors
    /// A trader gave up before.
    pub(super) fn end(self) -> Result<()> {
        self.crowd.finish()
    }
}

fn conservation(balance: Option<&(Instant, Balanced)>) -> String {
    match balance {
        None => "conservation: not known yet".to_owned(),
        Some((_, Balanced { wrong: Some(asset), .. })) => format!("CONSERVATION BROKEN: {asset} does not add up"),
        Some((at, Balanced { assets, wrong: None })) => {
            let age = at.elapsed().as_secs();
            format!(
                "conservation ok: in each of {assets} assets what users have and the exchange has adds up ({age} s ago)"
            )
        }
    }
}
