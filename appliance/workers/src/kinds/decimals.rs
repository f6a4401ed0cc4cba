//! Whether listed tokens count in the units that they are listed with.
//!
//! A person typed a listing's decimals: where the token's contract says something else, each deposit would be a power of ten too much
//! or too little. The state counts nothing of a token that is known to count otherwise, until it is listed as it counts, or two persons
//! say that it counts as it is listed. Of one that endpoints contradict each other about nothing is known: blocks wait in which some of
//! it arrives, and no others; and so do payments of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exchequer_chains::node::Panel;
use exchequer_domain::ChainAddress;
use futures::future::join_all;
use tokio::time::Instant;

use crate::money::proto::{DoubtToken, Listing, NetworkReply};
use crate::money::words;

/// After so long a contract that did not tell is asked again: it may not have been there yet.
const AGAIN: Duration = Duration::from_secs(60);

/// So many contracts are asked at a time.
const AT_ONCE: usize = 16;

/// A token as it is listed: its contract, its decimals, and those that nobody believes its contract.
type Listed = (String, u32, Option<u32>);

fn listed(listing: &Listing) -> Listed {
    (listing.coin.clone(), listing.decimals, listing.overruled)
}

/// What is known of the decimals of listed tokens.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    right: BTreeSet<Listed>,
    untold: BTreeSet<Listed>,
    asked: Option<Instant>,
}

/// What a look came to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Looked {
    /// What the state is to be told: these count otherwise than they are listed.
    pub(super) wrong: Vec<DoubtToken>,
    /// Of these it is not known how they count, and why not.
    pub(super) uncounted: BTreeMap<ChainAddress, String>,
}

impl Decimals {
    /// Asks for those that are not known yet.
    ///
    /// # Errors
    /// A listing has no contract that could be one.
    pub(super) async fn look(&mut self, panel: &Panel, config: &NetworkReply) -> Result<Looked, String> {
        let again = self.asked.is_none_or(|at| at.elapsed() >= AGAIN);
        let mut looked = Looked::default();
        let mut open = Vec::new();
        for listing in config.listings.iter().filter(|one| !one.coin.is_empty() && !one.doubted && !one.miscounted) {
            let of = listed(listing);
            if !self.right.contains(&of) && (again || !self.untold.contains(&of)) {
                open.push((listing, of, words::address(&listing.coin).map_err(|error| error.to_string())?));
            }
        }
        let mut answers = Vec::with_capacity(open.len());
        for some in open.chunks(AT_ONCE) {
            let asked = some.iter().map(|(_, _, token)| panel.agreed_decimals(token));
            answers.extend(join_all(asked).await);
        }
        for ((listing, of, token), told) in open.into_iter().zip(answers) {
            match told {
                Ok(Some(told)) if u32::from(told) == listing.decimals || Some(u32::from(told)) == listing.overruled => {
                    self.untold.remove(&of);
                    self.right.insert(of);
                }
                Ok(Some(told)) => {
                    let listed = listing.decimals;
                    let why = format!("its contract counts with {told} decimals, and it is listed with {listed}");
                    tracing::error!("token {token}: {why}: nothing of it is counted before it is listed anew");
                    looked.wrong.push(DoubtToken { token: token.to_string(), why, decimals: Some(told.into()) });
                }
                Ok(None) => {
                    if self.untold.insert(of) {
                        tracing::warn!(
                            "token {token} does not tell its decimals, or is not there: that it counts with {} is believed of its listing",
                            listing.decimals
                        );
                    }
                }
                Err(error) => {
                    // What was believed for want of an answer is so no longer.
                    self.untold.remove(&of);
                    let why = format!("with how many decimals token {token} counts is not known: {error}");
                    looked.uncounted.insert(token, why);
                }
            }
        }
        if again {
            self.asked = Some(Instant::now());
        }
        Ok(looked)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exchequer_chains::evm::text;

    use super::super::deposit::played::{Played, panel};
    use super::*;

    /// Goal: a token whose contract counts otherwise than its listing says is told, one that counts so or does not tell is not; where
    /// endpoints contradict each other it is not known, and nothing else hangs on that; what is known is not asked again, and who did
    /// not tell is, later. Method: two nodes that say each of it, of a token with six decimals.
    #[tokio::test(start_paused = true)]
    async fn decimals_are_those_of_the_listing() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let say = |told: [Option<u8>; 2]| nodes.iter().zip(told).for_each(|(node, told)| *node.decimals.lock() = told);
        let coin = text(&[0xaa; 20]);
        let listing =
            Listing { asset: 2, coin: coin.to_string(), decimals: 6, ledger_decimals: 6, ..Listing::default() };
        let of = |listing: &Listing| NetworkReply { listings: vec![listing.clone()], ..NetworkReply::default() };
        let config = of(&listing);
        let why = "its contract counts with 18 decimals, and it is listed with 6".to_owned();
        let wrong = vec![DoubtToken { token: coin.to_string(), why, decimals: Some(18) }];
        let wrong = Looked { wrong, ..Looked::default() };

        let mut decimals = Decimals::default();
        for told in [[Some(6), Some(18)], [Some(6), None]] {
            say(told);
            let looked = decimals.look(&panel, &config).await.unwrap();
            assert!(looked.wrong.is_empty() && looked.uncounted[&coin].contains("is not known"), "{looked:?}");
        }
        say([None; 2]);
        assert_eq!(decimals.look(&panel, &config).await, Ok(Looked::default()));
        say([Some(18); 2]);
        assert_eq!(decimals.look(&panel, &config).await, Ok(Looked::default()), "it is not asked again at once");
        tokio::time::advance(AGAIN).await;
        assert_eq!(decimals.look(&panel, &config).await, Ok(wrong));

        let mut decimals = Decimals::default();
        say([None; 2]);
        decimals.look(&panel, &config).await.unwrap();
        tokio::time::advance(AGAIN).await;
        say([Some(18), None]);
        for _ in 0..3 {
            let looked = decimals.look(&panel, &config).await.unwrap();
            assert!(looked.uncounted.contains_key(&coin), "it is not known as long as they contradict each other");
        }

        let believed = of(&Listing { overruled: Some(18), ..listing.clone() });
        say([Some(18); 2]);
        assert_eq!(Decimals::default().look(&panel, &believed).await, Ok(Looked::default()), "persons know better");
        say([Some(8); 2]);
        let looked = Decimals::default().look(&panel, &believed).await.unwrap();
        assert_eq!(looked.wrong.len(), 1, "what it says now persons have not seen");

        let mut decimals = Decimals::default();
        say([Some(6); 2]);
        decimals.look(&panel, &config).await.unwrap();
        say([Some(18); 2]);
        tokio::time::advance(AGAIN).await;
        assert_eq!(decimals.look(&panel, &config).await, Ok(Looked::default()), "what is known is not asked again");
        for known in [Listing { doubted: true, ..listing.clone() }, Listing { miscounted: true, ..listing }] {
            let looked = Decimals::default().look(&panel, &of(&known)).await;
            assert_eq!(looked, Ok(Looked::default()), "people know of it already");
        }
    }
}
