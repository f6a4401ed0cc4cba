//! A payment on TRON that never comes to a block. Nothing replaces one there: it is over when its time is, and when two endpoints that
//! know of no such transaction are asked after that. Then it is decided anew, by itself, and paid once.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use exchequer_test_nodes::faults::{Fault, Rule};

use super::super::chains::Chains;
use super::super::journey::{Guide, Paid};
use super::super::places::PLACES;
use super::{process, say};
use crate::product::ASK_EVERY;

/// How long it may take until it is sent.
const SENT_LIMIT: Duration = Duration::from_secs(60);
/// So far the chain's time is put forward: what was built just before is over then, and the minute that is added to that.
const LEAP: Duration = Duration::from_secs(365);

/// Both doors take a payment and forget it, and its time passes.
///
/// # Errors
/// It is not paid in another transaction, exactly once.
pub(super) fn proved(guide: &Guide<'_>) -> Result<()> {
    let place = PLACES.iter().find(|place| place.network == "tron").context("no TRON")?;
    let coin = &place.coin;
    let user = guide.user("tron out of time")?;
    guide.bring(user, place, coin, (coin.deposit, 1))?;
    let doors = guide.chains.faults(place.network)?;
    let swallowed = || doors.map(|faults| faults.fired().get(Fault::Swallow.name()).copied().unwrap_or_default());
    let before = swallowed();
    doors.iter().for_each(|faults| {
        faults.add(Rule::from(Fault::Swallow).at(Chains::broadcast_method(place.network)));
    });
    let (asked, withdrawal, to) = guide.request(user, place, coin, coin.withdrawal, "out-of-time")?;
    let first = process::until("a payment that both doors forgot", SENT_LIMIT, ASK_EVERY, guide.stop, || {
        let tx = guide.product.departure(guide.access, withdrawal)?.tx;
        let both = swallowed().iter().zip(before).all(|(now, before)| *now > before);
        Ok(tx.filter(|_| both))
    })?;
    guide.chains.leap(LEAP);
    doors.iter().for_each(|faults| faults.lift(&Fault::Swallow));
    let done = guide.await_end(withdrawal, place.network)?;
    let paid = Paid { took: asked.elapsed(), to, ..done };
    if paid.tx == first {
        bail!("{first} is on the chain, and was to be forgotten");
    }
    guide.check(place, coin, &paid)?;
    guide.chains.walk_on();
    let seconds = paid.took.as_secs();
    say::line(format_args!(
        "a payment on TRON that nobody knew when its time was over was paid in another, after {seconds} s"
    ));
    Ok(())
}
