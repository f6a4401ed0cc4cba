//! The exchange's own side in the sandbox: listings, wallets, networks, prices, workers, and money in the hot wallets.
//!
//! Everything is done as an operator does it (docs/operators/money.md), with the command line. What is there already is left
//! alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::chains::Chains;
use super::places::{ASSETS, FAMILIES, MARKETS, PLACES, Place, units};
use crate::crowd::{self, Market};
use crate::product::{ASK_EVERY, Access, Product};
use crate::stop::Stop;
use crate::{process, say};

/// Why an operator did all this, for the audit.
pub(super) const WHY: &str = "demo: money in and out";
/// How long a node may take to start its signer and open the vault.
const SIGNER_LIMIT: Duration = Duration::from_secs(60);
/// Addresses that wait for users before anybody asks for one.
const POOL_WANTED: u64 = 20;
/// How long the signer may take to make them.
const POOL_LIMIT: Duration = Duration::from_secs(60);
/// How long money for the hot wallets may take until it is seen and taken.
const FLOAT_LIMIT: Duration = Duration::from_secs(120);

/// What is needed to set it up.
pub(super) struct Treasury<'a> {
    pub(super) product: &'a Product,
    pub(super) access: &'a Access,
    pub(super) chains: &'a Chains,
    pub(super) stop: &'a Stop,
}

/// The price of an asset in dollars, as its market's anchor says.
fn dollars(asset: &str) -> String {
    let markets = crowd::TRADED_MARKETS.iter().chain(&MARKETS);
    let market = markets.into_iter().find(|market: &&Market| market.base == asset);
    market.map_or_else(|| "1".to_owned(), |market| market.price(market.anchor_ticks))
}

/// Says again what assets are worth: a price that is old lets nothing out by itself.
///
/// # Errors
/// The product refused it.
pub(super) fn set_prices(product: &Product, access: &Access) -> Result<()> {
    for asset in crowd::TRADED_ASSETS.iter().chain(&ASSETS) {
        product.set_price(access, asset.code, &dollars(asset.code))?;
    }
    Ok(())
}

/// Makes the vault beside the first node, brings it to the others, and registers its wallets. Where the words of its seed
/// are is told: they are in no other place.
///
/// # Errors
/// The product refused it, or a signer did not open its vault.
pub(super) fn make_vault(
    product: &Product,
    access: &Access,
    nodes: &[PathBuf],
    folder: &Path,
    stop: &Stop,
) -> Result<PathBuf> {
    let Some((first, others)) = nodes.split_first() else { bail!("a cluster of no nodes") };
    let words = super::secrets::words_file(folder);
    product.make_vault(access, first, &words)?;
    for (at, other) in others.iter().enumerate() {
        product.copy_vault(first, other, &folder.join(format!("vault-copy-{at}")))?;
    }
    for node in nodes {
        process::until("a signer with an open vault", SIGNER_LIMIT, ASK_EVERY, stop, || product.signer_is_open(node))?;
    }
    product.register_vault(access, first, WHY)?;
    Ok(words)
}

/// Takes a payment to a wallet for the exchange, once it is seen.
///
/// # Errors
/// It did not arrive.
pub(super) fn take(product: &Product, access: &Access, network: &str, tx: &str, stop: &Stop) -> Result<()> {
    process::until(&format!("{tx} on {network}"), FLOAT_LIMIT, ASK_EVERY, stop, || {
        let all = product.arrivals(access, network, None)?;
        let found = all.iter().find(|arrival| arrival.tx == tx).context("it is not seen yet")?;
        match found.state.as_str() {
            "suspense" => {
                product.take_for_exchange(access, found.number, WHY)?;
                Ok(Some(()))
            }
            "assigned" => Ok(Some(())),
            other => bail!("it is {other}"),
        }
    })
}

impl Treasury<'_> {
    /// Sets everything up but the money.
    ///
    /// # Errors
    /// The product refused something, or no addresses were made.
    pub(super) fn open(&self) -> Result<()> {
        let (product, access) = (self.product, self.access);
        crowd::open_markets(product, access, &crowd::TRADED_ASSETS, &crowd::TRADED_MARKETS)?;
        crowd::open_markets(product, access, &ASSETS, &MARKETS)?;
        set_prices(product, access)?;
        for place in &PLACES {
            self.list(place)?;
            self.reach(place)?;
        }
        Ok(())
    }

    fn list(&self, place: &Place) -> Result<()> {
        for coin in place.coins() {
            let [min, max, step, fee] = coin.terms;
            let decimals = coin.decimals.to_string();
            let contract = if coin.is_token { self.chains.token(place.network)? } else { None };
            let mut how = vec!["--decimals", &decimals, "--min", min, "--max", max, "--step", step, "--fee", fee];
            how.extend(contract.iter().flat_map(|contract| ["--contract", contract.as_str()]));
            self.product.list_asset(self.access, place.network, coin.asset, &how, WHY)?;
        }
        Ok(())
    }

    fn reach(&self, place: &Place) -> Result<()> {
        let there = self.product.endpoints(self.access, place.network)?;
        for url in self.chains.urls(place.network)?.iter().filter(|url| !there.contains(url)) {
            self.product.add_endpoint(self.access, place.network, url, WHY)?;
        }
        let [tradable, withdrawable] = place.confirmations;
        let [rate_max, fee_max] = place.fees_max;
        let how = ["--state", "enabled", "--deposits", "on", "--withdrawals", "on", "--sweeps", "on"];
        let depth = ["--tradable", tradable, "--withdrawable", withdrawable];
        let fees = ["--fee-rate-max", rate_max, "--fee-max", fee_max];
        self.product.set_network(self.access, place.network, &[&how[..], &depth, &fees].concat(), WHY)
    }

    /// As [`make_vault`].
    ///
    /// # Errors
    /// The same.
    pub(super) fn make_vault(&self, nodes: &[PathBuf], folder: &Path) -> Result<PathBuf> {
        make_vault(self.product, self.access, nodes, folder, self.stop)
    }

    /// Waits until addresses wait for users.
    ///
    /// # Errors
    /// None came.
    pub(super) fn wait_for_addresses(&self) -> Result<()> {
        process::until("deposit addresses", POOL_LIMIT, ASK_EVERY, self.stop, || {
            let pools = self.product.pools(self.access)?;
            for family in FAMILIES {
                let waiting = pools.iter().find(|(name, _)| name == family).map_or(0, |(_, waiting)| *waiting);
                if waiting < POOL_WANTED {
                    bail!("{waiting} addresses of {family} wait for users");
                }
            }
            Ok(Some(()))
        })
    }

    /// Lets the workers of these kinds run on every network.
    ///
    /// # Errors
    /// The product refused it.
    pub(super) fn start_workers(&self, kinds: &[&str]) -> Result<()> {
        let names = kinds.iter().flat_map(|kind| PLACES.iter().map(move |place| format!("{kind}/{}-1", place.network)));
        self.product.add_workers(self.access, &names.collect::<Vec<_>>(), WHY)
    }

    /// Pays every hot wallet what it begins with, and every gas wallet some of the network's coin, and takes it for the exchange
    /// once it is seen.
    ///
    /// # Errors
    /// It did not arrive.
    pub(super) fn fund(&self) -> Result<()> {
        let wallets = self.product.wallets(self.access)?;
        let mut sent = Vec::new();
        for place in &PLACES {
            for wallet in wallets.iter().filter(|wallet| wallet.family == place.family) {
                let address = wallet.address.as_ref();
                let coins =
                    place.coins().filter(|coin| wallet.role == "hot" || (wallet.role == "gas" && !coin.is_token));
                for coin in coins {
                    let address = address.with_context(|| format!("{} has a wallet without address", place.network))?;
                    let amount = if wallet.role == "hot" { coin.float } else { coin.deposit };
                    let units = units(amount, coin.decimals).context("an amount that is none")?;
                    sent.push((place.network, self.chains.pay(place.network, coin.is_token, address, units)?));
                }
            }
        }
        for (network, tx) in sent {
            take(self.product, self.access, network, &tx, self.stop)?;
        }
        say::line(format_args!("the wallets of {} networks are funded", PLACES.len()));
        Ok(())
    }
}
