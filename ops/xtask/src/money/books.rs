//! After a run: do books and chains agree to the last unit, on every network?
//!
//! The exchange compares by itself, again and again: every balance of every address at one block, and the sums of the ledger.
//! What is asserted here is that it did so for blocks in which everything of this run is, for every address, and found nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Money;
use super::places::PLACES;
use crate::process;
use crate::product::ASK_EVERY;

/// How long it may take until blocks of now are final everywhere and compared: Ethereum's take longest.
const BOOKS_LIMIT: Duration = Duration::from_secs(300);

/// How a network's last comparison came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) network: String,
    /// The number of the last comparison, and the height of its block.
    pub(crate) run: u64,
    pub(crate) height: u64,
    /// When all addresses had last been gone through, as text that sorts by time.
    pub(crate) whole_at: Option<String>,
    /// Discrepancies that are open.
    pub(crate) open: u64,
}

impl Compared {
    /// Why it does not say yet that books and chain agree; none where it does. `since` is how it was before.
    fn lacks(&self, height: u64, since: Option<&Compared>) -> Option<String> {
        let network = &self.network;
        if self.open > 0 {
            return Some(format!("{network}: {} discrepancies are open", self.open));
        }
        if self.height < height {
            return Some(format!("{network}: compared at block {}, and the last one was {height}", self.height));
        }
        // A whole round that ended with this comparison or an earlier one of such a block.
        let before = since.and_then(|since| since.whole_at.as_ref());
        if self.whole_at.is_none() || self.whole_at.as_ref() == before {
            return Some(format!("{network}: not all addresses were gone through"));
        }
        None
    }
}

/// How all comparisons came out so far, for people.
pub(super) fn told(all: &[Compared]) -> String {
    let differing: Vec<String> =
        all.iter().filter(|one| one.open > 0).map(|one| format!("{} on {}", one.open, one.network)).collect();
    if !differing.is_empty() {
        return format!("BOOKS AND CHAINS DIFFER: {}; see `exchequer reconcile discrepancies`", differing.join(", "));
    }
    let (compared, waiting): (Vec<_>, Vec<_>) = all.iter().partition(|one| one.whole_at.is_some());
    let blocks: Vec<String> = compared.iter().map(|one| format!("{} {}", one.network, one.height)).collect();
    let mut text = format!("books and chains agree to the last unit at the last final blocks: {}", blocks.join(", "));
    if blocks.is_empty() {
        text = "books and chains: not compared yet".to_owned();
    } else if !waiting.is_empty() {
        let names: Vec<&str> = waiting.iter().map(|one| one.network.as_str()).collect();
        text += &format!("; not compared yet: {}", names.join(", "));
    }
    text
}

impl Money {
    /// Waits until on every network all addresses were compared with the chain at a block that comes after everything that
    /// happened before; nothing may differ. What they came to, for people.
    ///
    /// # Errors
    /// Something differs, or nobody compares.
    pub(crate) fn check_books(&self) -> Result<String> {
        let heights: BTreeMap<&str, u64> = PLACES
            .iter()
            .map(|place| Ok((place.network, self.chains.height(place.network)?)))
            .collect::<Result<_>>()?;
        // Of each network the first comparison that is late enough: a whole round must end after it.
        let mut late: BTreeMap<String, Compared> = BTreeMap::new();
        let outcome = process::until("books compared with the chains", BOOKS_LIMIT, ASK_EVERY, &self.stop, || {
            let all = self.product.reconciled(&self.access)?;
            let mut lacking = Vec::new();
            for (network, height) in &heights {
                let one = all
                    .iter()
                    .find(|one| one.network == *network)
                    .with_context(|| format!("{network} is not there"))?;
                if one.height >= *height {
                    late.entry(one.network.clone()).or_insert_with(|| one.clone());
                }
                lacking.extend(one.lacks(*height, late.get(*network)));
            }
            if lacking.is_empty() { Ok(Some(all)) } else { bail!("{}", lacking.join("; ")) }
        });
        let all = outcome.map_err(|mut error| {
            let told = self.product.discrepancies(&self.access);
            let lacking = format!("{error:#}");
            // Whoever compares a network, and whose blocks it waits for: a list of workers says that they run, not what hinders them.
            for network in heights.keys().filter(|network| lacking.contains(**network)) {
                for kind in ["deposit", "balance-sync"] {
                    let worker = self.product.worker(&self.access, &format!("{kind}/{network}-1"));
                    error = error.context(worker.unwrap_or_else(|_| format!("{kind} of {network} cannot be had")));
                }
            }
            error.context(told.unwrap_or_else(|_| "what differs cannot be had".to_owned()))
        })?;
        let told = all.iter().map(|one| format!("{} at block {} (run {})", one.network, one.height, one.run));
        Ok(format!(
            "books and chains agree to the last unit, no discrepancy is open: {}",
            told.collect::<Vec<_>>().join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: people are told of every network: which agree, which wait, and before all which differ. Method: one of each.
    #[test]
    fn people_are_told() {
        let one = |network: &str, whole: Option<&str>, open| Compared {
            network: network.to_owned(),
            run: 1,
            height: 7,
            whole_at: whole.map(str::to_owned),
            open,
        };
        let (agrees, waits, differs) = (one("bsc", Some("10:00"), 0), one("tron", None, 0), one("polygon", None, 2));
        assert_eq!(told(std::slice::from_ref(&waits)), "books and chains: not compared yet");
        let both = told(&[agrees.clone(), waits]);
        assert!(both.contains("agree") && both.ends_with("bsc 7; not compared yet: tron"), "{both}");
        let amiss = told(&[agrees, differs]);
        assert!(amiss.contains("DIFFER: 2 on polygon"), "{amiss}");
    }

    /// Goal: only a comparison of all addresses at a late enough block, without discrepancies, says that books agree. Method: one
    /// that does, and it with each thing amiss.
    #[test]
    fn what_a_comparison_says() {
        let one = |height, whole: Option<&str>, open| Compared {
            network: "tron".to_owned(),
            run: 3,
            height,
            whole_at: whole.map(str::to_owned),
            open,
        };
        let before = one(10, Some("10:00"), 0);
        assert_eq!(one(10, Some("10:01"), 0).lacks(10, Some(&before)), None);
        for (amiss, word) in [
            (one(10, Some("10:01"), 1), "1 discrepancies"),
            (one(9, Some("10:01"), 0), "block 9"),
            (one(10, Some("10:00"), 0), "not all addresses"),
            (one(10, None, 0), "not all addresses"),
        ] {
            let told = amiss.lacks(10, Some(&before)).unwrap();
            assert!(told.contains(word), "{told}");
        }
    }
}
