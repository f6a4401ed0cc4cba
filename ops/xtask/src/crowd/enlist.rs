//! Makes the exchange that the crowd trades on, with the product's command line: assets, markets, traders with money.
//!
//! Whatever is there already is left alone, so that a demo that was interrupted, or is started again, gets what it lacks.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::places::{ASSETS, Asset, MARKETS, Market, decimal};
use super::{ROLES, Role};
use crate::files;
use crate::product::{Access, Product};

/// Why an operator did all this, for the audit.
const WHY: &str = "demo: simulated traders";
/// Label of the user that whoever tries the demo out may trade for.
const VISITOR: &str = "visitor (demo)";

/// A trader with its key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Trader {
    pub(crate) user: u64,
    pub(crate) key: String,
    pub(crate) secret: String,
}

/// Everybody, as the folder of the cluster keeps them.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Enlisted {
    /// In the order of [`ROLES`].
    pub(crate) traders: Vec<Trader>,
    /// The user for whoever tries it out.
    pub(crate) visitor: Option<u64>,
}

/// Makes what is missing. `file` keeps who has been made; it holds secrets.
///
/// # Errors
/// The product refused something.
pub(crate) fn enlist(product: &Product, access: &Access, file: &Path) -> Result<Enlisted> {
    open_markets(product, access, &ASSETS, &MARKETS)?;
    // A file that broke off half-way costs new traders, no more.
    let kept = std::fs::read_to_string(file).ok().and_then(|text| serde_json::from_str(&text).ok());
    let mut enlisted: Enlisted = kept.unwrap_or_default();
    if enlisted.visitor.is_none() {
        enlisted.visitor = Some(user(product, access, VISITOR, 0)?);
        keep(file, &enlisted)?;
    }
    for (at, role) in ROLES.iter().enumerate().skip(enlisted.traders.len()) {
        let label = format!("simulated trader {} (demo)", at + 1);
        let user = user(product, access, &label, u32::from(matches!(role, Role::Maker(_))))?;
        let (key, secret) = product.trading_key(access, user, &label, WHY)?;
        enlisted.traders.push(Trader { user, key, secret });
        keep(file, &enlisted)?;
    }
    Ok(enlisted)
}

/// Makes assets and markets that are not there yet, and opens the markets.
///
/// # Errors
/// The product refused something.
pub(crate) fn open_markets(product: &Product, access: &Access, assets: &[Asset], markets: &[Market]) -> Result<()> {
    let known = product.assets(access)?;
    for asset in assets.iter().filter(|asset| !known.iter().any(|code| code == asset.code)) {
        product.create_asset(access, asset.code, asset.name, asset.decimals, WHY)?;
    }
    let phases = product.market_phases(access)?;
    for market in markets {
        let phase = phases.iter().find(|(symbol, _)| symbol == market.symbol).map(|(_, phase)| phase.as_str());
        if phase.is_none() {
            create(product, access, market)?;
        }
        if matches!(phase, None | Some("pre-open")) {
            product.open_market(access, market.symbol, WHY)?;
        }
    }
    Ok(())
}

fn user(product: &Product, access: &Access, label: &str, fee_tier: u32) -> Result<u64> {
    let user = product.create_user(access, label, fee_tier)?;
    for asset in &ASSETS {
        product.credit(access, user, asset.code, asset.purse)?;
    }
    Ok(user)
}

fn keep(file: &Path, enlisted: &Enlisted) -> Result<()> {
    files::write_secret(file, &serde_json::to_string(enlisted)?)
}

fn create(product: &Product, access: &Access, market: &Market) -> Result<()> {
    let (tick, lot) = (decimal(1, market.price_decimals), decimal(1, market.lot_decimals));
    let (low, high) = (market.price(market.anchor_ticks / 10), market.price(market.anchor_ticks * 10));
    let (least, most) = (market.quantity(market.size_lots / 100), market.quantity(market.size_lots * 500));
    let about = [
        ["--base", market.base],
        ["--quote", market.quote],
        ["--tick", &tick],
        ["--lot", &lot],
        // Everybody, and market makers.
        ["--fees", "1000/1500,0/500"],
        ["--price-min", &low],
        ["--price-max", &high],
        ["--quantity-min", &least],
        ["--quantity-max", &most],
        ["--market-quantity-max", &most],
        ["--notional-min", "5"],
        ["--bid-ppm", "500000/1500000"],
        ["--ask-ppm", "500000/1500000"],
        ["--orders-max", "200"],
        ["--stops-max", "50"],
    ];
    let reference = market.price(market.anchor_ticks);
    let limits = [["--reference", &reference], ["--band-ppm", "30000"], ["--pause", "5s"], ["--auction", "10s"]];
    product.create_market(access, market.symbol, about.as_flattened(), limits.as_flattened(), WHY)
}
