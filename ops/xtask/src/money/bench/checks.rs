//! What has to be true after a run: every withdrawal is over and paid, each once, and the books add up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::asking::Reader;
use super::house::House;
use super::report::Report;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The stages that a withdrawal goes through, in their order, and those in which nothing goes on by itself.
const STAGES: [&str; 9] =
    ["queued", "preparing", "signed", "broadcast", "mined", "stuck", "replacing", "unknown", "review"];

/// Waits until nothing is under way any more.
///
/// # Errors
/// It takes longer than `limit`.
pub(super) fn wait_for_end(house: &House, limit: Duration) -> Result<()> {
    let mut reader = Reader::open(house)?;
    let end = Instant::now() + limit;
    for stage in STAGES {
        while reader.any_in(stage)? {
            if Instant::now() >= end {
                bail!("withdrawals are {stage} after {} s", limit.as_secs());
            }
            house.stop.pause(LOOK_EVERY)?;
        }
    }
    // What was in a later stage may have gone back to an earlier one meanwhile.
    for stage in STAGES {
        if reader.any_in(stage)? {
            bail!("withdrawals are {stage} again");
        }
    }
    Ok(())
}

/// How many withdrawals each transaction pays. All are completed, as many as were asked for, and the books add up.
///
/// # Errors
/// Something is not so.
pub(super) fn check(house: &House, count: usize, report: &mut Report) -> Result<BTreeMap<String, usize>> {
    let all = Reader::open(house)?.all()?;
    let completed = all.iter().filter(|[state, ..]| state == "completed").count();
    if all.len() != count || completed != count {
        let others: BTreeSet<&String> = all.iter().map(|[state, ..]| state).collect();
        bail!("{count} withdrawals were asked for, {} are there, {completed} are completed: {others:?}", all.len());
    }
    let mut txs = BTreeMap::new();
    for [_, _, tx] in &all {
        *txs.entry(tx.clone()).or_default() += 1;
    }
    let entries = house.product.verify_ledger(&house.access)?;
    if let Some(asset) = house.product.balanced(&house.access)?.wrong {
        bail!("what users and the exchange have of {asset} does not add up");
    }
    report.say("withdrawals completed", completed);
    report.say("entries of the ledger, verified", usize::try_from(entries)?);
    Ok(txs)
}
