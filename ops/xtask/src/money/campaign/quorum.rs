//! What needs two endpoints, seen at real processes: a deposit is credited where both doors tell of it, and not where one does.

use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::super::chains::Which;
use super::super::journey::Guide;
use super::super::places::{PLACES, Place, units};
use super::{process, say};
use crate::product::ASK_EVERY;

/// How long blocks may take to come.
const BLOCKS_LIMIT: Duration = Duration::from_secs(120);
/// So many times as many blocks as make a deposit one's own are waited for in vain.
const BLOCKS_TIMES: u64 = 2;
/// What is final is this many blocks behind at most, and the doors are asked every few blocks.
const BLOCKS_MORE: u64 = 10;

/// On every network: while one of the two doors is closed no deposit is credited, however many blocks come upon it; once it is open
/// again it is.
///
/// # Errors
/// One was credited on one endpoint's word, or not at all.
pub(super) fn needed(guide: &Guide<'_>) -> Result<()> {
    std::thread::scope(|scope| {
        let at = |(number, place)| scope.spawn(move || on(guide, place, number % 2));
        let networks: Vec<_> = PLACES.iter().enumerate().map(at).collect();
        networks.into_iter().try_for_each(|one| one.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    say::line(format_args!("on {} networks nothing was credited on the word of one of two endpoints", PLACES.len()));
    Ok(())
}

fn on(guide: &Guide<'_>, place: &'static Place, door: usize) -> Result<()> {
    let (network, coin) = (place.network, &place.coin);
    let user = guide.user(&format!("{network} with one door"))?;
    let address = guide.deposit_address(user, network)?;
    let units = units(coin.withdrawal, coin.decimals).context("an amount that is none")?;
    let withdrawable: u64 = place.confirmations[1].parse().context("confirmations that are none")?;
    let paid = || -> Result<()> {
        guide.chains.pay(network, coin.is_token, &address, units)?;
        let enough = guide.chains.height(network)? + BLOCKS_TIMES * withdrawable + BLOCKS_MORE;
        let come = || Ok((guide.chains.height(network)? >= enough).then_some(()));
        process::until(&format!("blocks of {network}"), BLOCKS_LIMIT, ASK_EVERY, guide.stop, come)?;
        let has = guide.insist("what a user has", || guide.product.available(guide.access, user, coin.asset))?;
        match has.as_deref() {
            None | Some("0") => Ok(()),
            Some(has) => bail!("on {network} {has} {} were credited on one endpoint's word", coin.asset),
        }
    };
    guide.chains.closed(network, Which::One(door), paid)?;
    guide.wait_for(user, coin.asset, coin.withdrawal, coin.decimals)
}
