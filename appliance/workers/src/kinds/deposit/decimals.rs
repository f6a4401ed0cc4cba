//! Whether listed tokens count in the units that they are listed with.
//!
//! A listing says once, and for ever, with how many decimals a token counts. A person typed it: where its contract says something else,
//! each deposit would be a power of ten too much or too little.

use std::collections::BTreeSet;
use std::time::Duration;

use exchequer_chains::node::Panel;
use tokio::time::Instant;

use super::watched::Suspects;
use crate::money::proto::{Listing, NetworkReply};
use crate::money::words;

/// After so long a contract that did not tell is asked again: it may not have been there yet.
const AGAIN: Duration = Duration::from_secs(60);

/// A token as it is listed: its contract, and its decimals.
type Listed = (String, u32);

fn listed(listing: &Listing) -> Listed {
    (listing.coin.clone(), listing.decimals)
}

/// What is known of the decimals of listed tokens.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    right: BTreeSet<Listed>,
    untold: BTreeSet<Listed>,
    asked: Option<Instant>,
}

impl Decimals {
    /// Asks for those that are not known yet. Tokens whose contracts say something else than their listings become suspects.
    ///
    /// # Errors
    /// Fewer than a quorum say the same: nothing can be credited before it is known.
    pub(super) async fn look(
        &mut self,
        panel: &Panel,
        config: &NetworkReply,
        suspects: &mut Suspects,
    ) -> Result<(), String> {
        let again = self.asked.is_none_or(|at| at.elapsed() >= AGAIN);
        for listing in config.listings.iter().filter(|listing| !listing.coin.is_empty() && !listing.doubted) {
            let of = listed(listing);
            if self.right.contains(&of) || (self.untold.contains(&of) && !again) {
                continue;
            }
            let token = words::address(&listing.coin).map_err(|error| error.to_string())?;
            let told = panel.agreed_decimals(&token).await;
            match told.map_err(|error| format!("with how many decimals token {token} counts is not known: {error}"))? {
                Some(told) if u32::from(told) == listing.decimals => {
                    self.untold.remove(&of);
                    self.right.insert(of);
                }
                Some(told) => {
                    let why =
                        format!("its contract counts with {told} decimals, and it is listed with {}", listing.decimals);
                    suspects.insert(token, Some(why));
                }
                None => {
                    if self.untold.insert(of) {
                        tracing::warn!(
                            "token {token} does not tell its decimals, or is not there: that it counts with {} is believed of its listing",
                            listing.decimals
                        );
                    }
                }
            }
        }
        if again {
            self.asked = Some(Instant::now());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exchequer_chains::evm::text;

    use super::super::played::{Played, panel};
    use super::*;

    /// Goal: a token whose contract counts otherwise than its listing says becomes a suspect, one that counts so or does not tell does
    /// not; where endpoints contradict each other nothing goes on; what is known is not asked again, and who did not tell is, later.
    /// Method: two nodes that say each of it, of a token with six decimals.
    #[tokio::test(start_paused = true)]
    async fn decimals_are_those_of_the_listing() {
        let nodes = [Arc::new(Played::new("one")), Arc::new(Played::new("two"))];
        let panel = panel(&nodes).await;
        let say = |told: [Option<u8>; 2]| nodes.iter().zip(told).for_each(|(node, told)| *node.decimals.lock() = told);
        let coin = text(&[0xaa; 20]);
        let listing = Listing { asset: 2, coin: coin.to_string(), decimals: 6, ledger_decimals: 6, doubted: false };
        let of = |listing: &Listing| NetworkReply { listings: vec![listing.clone()], ..NetworkReply::default() };
        let config = of(&listing);

        let (mut decimals, mut suspects) = (Decimals::default(), Suspects::new());
        say([Some(6), Some(18)]);
        let refused = decimals.look(&panel, &config, &mut suspects).await.unwrap_err();
        assert!(refused.contains("is not known"), "{refused}");
        say([None; 2]);
        decimals.look(&panel, &config, &mut suspects).await.unwrap();
        say([Some(18); 2]);
        decimals.look(&panel, &config, &mut suspects).await.unwrap();
        assert_eq!(suspects, Suspects::new(), "it is not asked again at once");
        tokio::time::advance(AGAIN).await;
        decimals.look(&panel, &config, &mut suspects).await.unwrap();
        let why = "its contract counts with 18 decimals, and it is listed with 6";
        assert_eq!(suspects, Suspects::from([(coin.clone(), Some(why.to_owned()))]));

        let (mut decimals, mut suspects) = (Decimals::default(), Suspects::new());
        say([Some(6); 2]);
        decimals.look(&panel, &config, &mut suspects).await.unwrap();
        say([Some(18); 2]);
        tokio::time::advance(AGAIN).await;
        decimals.look(&panel, &config, &mut suspects).await.unwrap();
        assert_eq!(suspects, Suspects::new(), "what is known is not asked again");
        let doubted = Listing { doubted: true, ..listing };
        Decimals::default().look(&panel, &of(&doubted), &mut suspects).await.unwrap();
        assert_eq!(suspects, Suspects::new(), "people know of it already");
    }
}
