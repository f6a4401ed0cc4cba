//! `NoteSilence`: a network has no new blocks.

use exchequer_domain::Network;
use serde::{Deserialize, Serialize};

use super::deposits::check_scanner;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::deposits::{Chain, HEIGHT_MAX, Refusal};
use crate::event::{EventKind, Severity};
use crate::outcome::Done;

/// Says that no block came upon this head for ten times as long as the network takes for one. Until the next block nothing leaves
/// on the network: a chain that stands still, or an endpoint that sees another one, proves nothing of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteSilence {
    /// Which network.
    pub network: Network,
    /// The height that its nodes are at.
    pub head: u64,
}

impl NoteSilence {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let network = self.network;
        check_scanner(actor, network)?;
        let chain = *entry.state.deposits.chains.get(network);
        // A block above it is known, or such a height cannot be.
        if chain.head > self.head || self.head > HEIGHT_MAX {
            return Err(Refusal::CursorMoved { tip: chain.tip }.into());
        }
        if chain.silent.is_none() {
            entry.put_chain(Chain { silent: Some(entry.now), head: self.head, ..chain });
            entry.event(EventKind::ChainSilent { network, head: self.head, severity: Severity::P1 });
        }
        Ok(Done::PendingNoted)
    }
}
