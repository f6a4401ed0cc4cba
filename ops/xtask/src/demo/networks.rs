//! The demo's money in and out: the journey once, with leaders killed in it where that is asked for.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::cluster::Cluster;
use crate::money::{self, Money};
use crate::product::ASK_EVERY;
use crate::say;
use crate::stop::Stop;

/// Between the beginning of a journey, or a leader's return, and the next leader's end.
const KILL_EVERY: Duration = Duration::from_secs(12);
/// Journeys that are made so that all leaders die who shall. One is long enough for three.
const JOURNEYS_MAX: u32 = 3;

/// Lets users make the journey on every network, asserts what it must come to, and prints the table.
///
/// # Errors
/// A journey did not come out, or not as many leaders died as were to.
pub(super) fn try_once(cluster: &mut Cluster, money: &Money, kills: u32, stop: &Stop) -> Result<()> {
    let mut killed = 0;
    let mut journeys = 0;
    while journeys == 0 || killed < kills {
        if journeys == JOURNEYS_MAX {
            bail!("{killed} of {kills} leaders were killed in {journeys} journeys");
        }
        journeys += 1;
        let mut last = Instant::now();
        let rows = money.travel(|| {
            stop.pause(ASK_EVERY)?;
            if killed < kills && last.elapsed() >= KILL_EVERY {
                let name = cluster.kill_leaders(1, stop)?.join(", ");
                killed += 1;
                say::line(format_args!("killed the leader, {name}, and started it again ({killed} of {kills})"));
                last = Instant::now();
            }
            Ok(())
        })?;
        say::line(format_args!("{}\n", money::told(&rows)));
    }
    say::line(money.check_books()?);
    money.abort_signer(cluster)?;
    let looked = money.check_secrets(cluster)?;
    say::line(format_args!("no word of the seed and no key in {} KiB that the cluster wrote and tells", looked >> 10));
    Ok(())
}
