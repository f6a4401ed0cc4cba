//! `DoubtToken`: a token's balances do not follow what its contract logs, or it counts otherwise than its listing says.

use exchequer_domain::{ChainAddress, Network};
use serde::{Deserialize, Serialize};

use super::deposits::check_scanner;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody;
use crate::event::{EventKind, Severity};
use crate::networks::{self, Switches, number};
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::reconciliation::{Doubted, Overruled, Part, Refusal, STORY_BYTES_MAX};
use crate::rows::Table;

/// Says that a quorum of nodes has other balances around a block than the log of a listed token's contract makes of them: it takes a
/// hidden fee, logs what it does not move, or moves what it does not log; or that its contract counts with other decimals than it is
/// listed with. Its asset is halted on the network: nothing of it is credited, paid out or swept there until a person switches its
/// deposits on again. What it comes to by wrong decimals is in no book: it is listed with the right ones first, or two persons say that
/// its contract is wrong. Then the same is not doubted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtToken {
    /// On which network.
    pub network: Network,
    /// The token's contract.
    pub token: ChainAddress,
    /// What was seen, in words; cut where it is too long.
    pub why: String,
    /// With how many decimals its contract counts, where that is what is doubted.
    pub decimals: Option<u8>,
}

impl DoubtToken {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let DoubtToken { network, token, mut why, decimals } = self;
        check_scanner(actor, network)?;
        let Some(listing) = entry.state.custody.listed(network, Some(&token)) else {
            return Err(Refusal::TokenUnknown { token }.into());
        };
        let asset = listing.asset;
        // Another listing than the one that was compared: this one is compared next.
        if decimals == Some(listing.decimals) {
            return Ok(Done::PendingNoted);
        }
        let present = entry.state.reconciliation.doubted.get(&(network, token.clone()));
        let overruled = present.and_then(|one| one.overruled);
        let is_overruled = |told: u8| overruled.is_some_and(|one| (one.told, one.listed) == (told, listing.decimals));
        if decimals.is_some_and(is_overruled) && !planted::has(Bug::DoubtedAgain) {
            return Ok(Done::PendingNoted);
        }
        let (of_log, of_listing) = present.map_or((false, None), |one| (one.of_log, one.decimals));
        let (is_of_log, told) = (of_log || decimals.is_none(), decimals.or(of_listing));
        if (is_of_log, told) == (of_log, of_listing) {
            return Ok(Done::PendingNoted);
        }

        let end = (0..=STORY_BYTES_MAX.min(why.len())).rev().find(|end| why.is_char_boundary(*end));
        why.truncate(end.unwrap_or(0));
        let doubted = Doubted { since: entry.now, why: why.clone(), of_log: is_of_log, decimals: told, overruled };
        entry.put_doubted(network, token.clone(), doubted);
        let off = Switches { deposits: false, withdrawals: false, sweeps: false };
        // Whatever room there is for switches: no more tokens are doubted than are listed.
        entry.put(Table::NetworkAsset, &networks::asset_key(network, asset), &off);
        entry.state.networks.put_asset(network, asset, off);
        entry.event(EventKind::NetworkChanged { network });
        entry.event(EventKind::TokenDoubted { network, asset, token, why, severity: Severity::P0 });
        Ok(Done::PendingNoted)
    }
}

impl Entry<'_> {
    /// A person has looked at an asset's token, and lets deposits of it be credited again. What its contract is not believed by that.
    ///
    /// # Errors
    /// It would be counted otherwise than its contract does; or more is doubted than there was when this was proposed.
    pub(super) fn believe_token(
        &mut self,
        network: Network,
        asset: exchequer_ledger::Asset,
    ) -> Result<Option<u8>, custody::Refusal> {
        let Some(listing) = self.state.custody.listing(network, asset) else { return Ok(None) };
        let (Some(token), listed) = (listing.coin.clone(), listing.decimals) else { return Ok(None) };
        let Some(doubted) = self.state.reconciliation.doubted(network, &token).cloned() else { return Ok(None) };
        // All commands of an entry are of one moment.
        let is_newer = self.proposed().is_some_and(|proposed| doubted.since >= proposed);
        if is_newer && !planted::has(Bug::UnseenBelieved) {
            return Err(custody::Refusal::DoubtIsNewer);
        }
        let told = doubted.decimals.filter(|told| *told != listed);
        // Endpoints may have been wrong, or the contract; one person alone could be.
        if let Some(told) = told.filter(|_| !self.is_approved()) {
            return Err(custody::Refusal::Miscounted { told, listed });
        }

        let overruled = told.map(|told| Overruled { told, listed, at: self.now }).or(doubted.overruled);
        self.put_doubted(network, token, Doubted { of_log: false, decimals: None, overruled, ..doubted });
        Ok(told)
    }

    /// What persons did not believe a token's contract counts no more.
    pub(super) fn forget_overruled(&mut self, network: Network, token: &ChainAddress) {
        let present = self.state.reconciliation.doubted.get(&(network, token.clone())).cloned();
        if let Some(doubted) = present.filter(|doubted| doubted.overruled.is_some()) {
            self.put_doubted(network, token.clone(), Doubted { overruled: None, ..doubted });
        }
    }

    fn put_doubted(&mut self, network: Network, token: ChainAddress, doubted: Doubted) {
        let rest = [number(network).as_slice(), token.as_str().as_bytes()].concat();
        if doubted.is_open() || doubted.overruled.is_some() {
            self.put_part(Part::Doubted, &rest, &doubted);
            self.state.reconciliation.doubted.insert((network, token), doubted);
        } else {
            self.delete_part(Part::Doubted, &rest);
            self.state.reconciliation.doubted.remove(&(network, token));
        }
    }
}
