//! `DoubtToken`: a token's balances do not follow what its contract logs.

use exchequer_domain::{ChainAddress, Network};
use serde::{Deserialize, Serialize};

use super::deposits::check_scanner;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::event::{EventKind, Severity};
use crate::networks::{self, Switches, number};
use crate::outcome::Done;
use crate::reconciliation::{Doubted, Part, Refusal, STORY_BYTES_MAX};
use crate::rows::Table;

/// Says that a quorum of nodes has other balances around a block than the log of a listed token's contract makes of them: it takes a
/// hidden fee, logs what it does not move, or moves what it does not log. Its asset is halted on the network: nothing of it is
/// credited, paid out or swept there until a person switches its deposits on again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtToken {
    /// On which network.
    pub network: Network,
    /// The token's contract.
    pub token: ChainAddress,
    /// What was seen, in words; cut where it is too long.
    pub why: String,
}

impl DoubtToken {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let DoubtToken { network, token, mut why } = self;
        check_scanner(actor, network)?;
        let Some(listing) = entry.state.custody.listed(network, Some(&token)) else {
            return Err(Refusal::TokenUnknown { token }.into());
        };
        let asset = listing.asset;
        if entry.state.reconciliation.doubted(network, &token).is_some() {
            return Ok(Done::PendingNoted);
        }

        let end = (0..=STORY_BYTES_MAX.min(why.len())).rev().find(|end| why.is_char_boundary(*end));
        why.truncate(end.unwrap_or(0));
        let rest = [number(network).as_slice(), token.as_str().as_bytes()].concat();
        let doubted = Doubted { since: entry.now, why: why.clone() };
        entry.put_part(Part::Doubted, &rest, &doubted);
        entry.state.reconciliation.doubted.insert((network, token.clone()), doubted);
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
    /// A person has looked at an asset's token, and lets deposits of it be credited again.
    pub(super) fn believe_token(&mut self, network: Network, asset: exchequer_ledger::Asset) {
        let token = self.state.custody.listing(network, asset).and_then(|listing| listing.coin.clone());
        let Some(token) = token else { return };
        if self.state.reconciliation.doubted.remove(&(network, token.clone())).is_some() {
            let rest = [number(network).as_slice(), token.as_str().as_bytes()].concat();
            self.delete_part(Part::Doubted, &rest);
        }
    }
}
