//! The exchange that is measured: a cluster with one network, wallets with money, and users with money.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::super::places::{ASSETS, Coin, MARKETS, Place};
use super::super::treasury::{self, WHY};
use super::super::{PLACES, Prices};
use crate::crowd;
use crate::demo::cluster::Cluster;
use crate::process;
use crate::product::{ASK_EVERY, Access, Product, START_LIMIT};
use crate::say;
use crate::stop::Stop;

/// What one withdrawal takes, fee included, and the terms of the listing: small enough that a user may have a thousand of them in a
/// day without anybody's consent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) network: &'static str,
    pub(super) amount: &'static str,
    pub(super) fee: &'static str,
    /// The least that may be withdrawn.
    pub(super) least: &'static str,
    /// Confirmations until it can be traded with, and withdrawn.
    pub(super) confirmations: [&'static str; 2],
    /// What each user has, in whole coins.
    pub(super) purse: u32,
    /// Withdrawals of one user.
    pub(super) of_one_user: usize,
}

/// The exchange.
pub(super) struct House {
    pub(super) product: Product,
    pub(super) access: Access,
    pub(super) stop: Stop,
    pub(super) place: &'static Place,
    pub(super) terms: Terms,
    pub(super) users: Vec<u64>,
    pub(super) hot: Vec<String>,
    _prices: Prices,
}

impl House {
    /// Sets it up, with users enough for so many withdrawals, and no withdrawal worker yet.
    ///
    /// # Errors
    /// The product refused something.
    pub(super) fn open(cluster: &Cluster, terms: Terms, url: &str, count: usize, stop: &Stop) -> Result<House> {
        let (product, access) = (cluster.product.clone(), cluster.anyone());
        let place = PLACES.iter().find(|place| place.network == terms.network).context("no such network")?;
        crowd::open_markets(&product, &access, &crowd::TRADED_ASSETS, &crowd::TRADED_MARKETS)?;
        crowd::open_markets(&product, &access, &ASSETS, &MARKETS)?;
        treasury::set_prices(&product, &access)?;
        let Coin { asset, decimals, .. } = place.coin;
        let step = place.coin.terms[2];
        let decimals = decimals.to_string();
        let listing = ["--decimals", &decimals, "--min", terms.least, "--max", "100000", "--step", step];
        product.list_asset(&access, place.network, asset, &[&listing[..], &["--fee", terms.fee]].concat(), WHY)?;
        product.add_endpoint(&access, place.network, url, WHY)?;
        let ([tradable, withdrawable], [rate_max, fee_max]) = (terms.confirmations, place.fees_max);
        let how = ["--state", "enabled", "--deposits", "on", "--withdrawals", "on"];
        let depth = ["--tradable", tradable, "--withdrawable", withdrawable];
        let fees = ["--fee-rate-max", rate_max, "--fee-max", fee_max];
        product.set_network(&access, place.network, &[&how[..], &depth, &fees].concat(), WHY)?;
        let nodes: Vec<PathBuf> = cluster.nodes.iter().map(|node| node.data.clone()).collect();
        treasury::make_vault(&product, &access, &nodes, &cluster.folder, stop)?;
        product.add_workers(&access, &[format!("deposit/{}-1", place.network)], WHY)?;
        let hot = product.hot_addresses(&access, place.family)?;
        let users = count.div_ceil(terms.of_one_user);
        let user = |at: usize| {
            let id = format!("{:032x}", 0xbe00_0000_u64 + at as u64);
            let user = product.create_known_user(&access, &format!("bench {at}"), "2", &id)?;
            product.credit(&access, user, asset, terms.purse)?;
            anyhow::Ok(user)
        };
        let users = (0..users).map(user).collect::<Result<_>>()?;
        let prices = Prices::keep(product.clone(), access.clone())?;
        Ok(House { product, access, stop: stop.clone(), place, terms, users, hot, _prices: prices })
    }

    /// Takes what was paid to the hot wallets for the exchange.
    ///
    /// # Errors
    /// It did not arrive.
    pub(super) fn take(&self, txs: &[String]) -> Result<()> {
        for tx in txs {
            treasury::take(&self.product, &self.access, self.place.network, tx, &self.stop)?;
        }
        say::line(format_args!("{} payments to the hot wallet are in the books", txs.len()));
        Ok(())
    }

    /// Lets the withdrawal worker run.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn start_paying(&self) -> Result<()> {
        let worker = format!("withdrawal/{}-1", self.place.network);
        self.product.add_workers(&self.access, std::slice::from_ref(&worker), WHY)
    }

    /// Waits until the withdrawal worker runs.
    ///
    /// # Errors
    /// It does not come to that.
    pub(super) fn wait_for_worker(&self) -> Result<()> {
        let worker = format!("withdrawal/{}-1", self.place.network);
        process::until("the withdrawal worker", START_LIMIT, ASK_EVERY, &self.stop, || {
            self.product.worker_runs(&self.access, &worker)
        })
    }
}
