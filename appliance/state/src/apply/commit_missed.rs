//! `CommitMissed`: what a block holds for the exchange that the scan did not see.
//!
//! Invariants:
//! - Two persons wanted it: it is told for a directive that was carried out as an approved operation, and of its heights alone.
//! - It becomes deposits by the rules of every block: of the chain that is known, as deep as it is, each once for ever. What the
//!   books have of the block stays as it is, also what the block does not hold: people are told of that, and nothing is taken back.

use exchequer_domain::{BlockRef, Network};
use serde::{Deserialize, Serialize};

use super::commit_blocks::{check_sightings, sighting_lookups};
use super::deposits::check_scanner;
use super::{Entry, Stop};
use crate::attention::{Concern, Matter, Subject};
use crate::command::Actor;
use crate::deposits::{
    self, Deposit, DepositId, DepositState, RESCAN_APPLY, Refusal, SIGHTINGS_AT_ONCE_MAX, Sighting, rescan_range,
};
use crate::directives::{DirectiveAction, DirectiveId, DirectiveState};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rows::Table;

/// Tells what a block that was scanned holds and the books do not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitMissed {
    /// Which network.
    pub network: Network,
    /// The directive by which people wanted it.
    pub directive: DirectiveId,
    /// The block, as a quorum has it.
    pub block: BlockRef,
    /// Payments in it.
    pub sightings: Vec<Sighting>,
    /// Deposits that the books have of this block, and that are not in it.
    pub absent: Vec<DepositId>,
}

impl CommitMissed {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        sighting_lookups(self.network, &self.sightings, &mut keys);
        keys
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let CommitMissed { network, directive, block, sightings, absent } = self;
        check_scanner(actor, network)?;
        let chain = *entry.state.deposits.chains.get(network);
        if chain.halted.is_some() {
            return Err(Refusal::Halted { network }.into());
        }
        if !entry.is_wanted(directive, actor, block.height) && !planted::has(Bug::RescanUnasked) {
            return Err(Refusal::NotWanted { directive: directive.0 }.into());
        }
        // Of the chain that is known: of a height whose hash is forgotten nothing can be another block any more.
        let known = entry.state.deposits.chains.block(network, block.height);
        let same = known.map_or(block.height <= chain.settled, |known| known == block);
        let scanned = chain.tip.is_some_and(|tip| block.height <= tip.height) && block.height <= chain.agreed;
        if (!same && !planted::has(Bug::RescanAnyBlock)) || !scanned {
            return Err(Refusal::NotInRing.into());
        }
        check_sightings(&sightings)?;
        if absent.len() > SIGHTINGS_AT_ONCE_MAX {
            return Err(Refusal::SightingCount.into());
        }
        entry.check_room_for_deposits(network, sightings.len())?;
        for sighting in &sightings {
            entry.check_ours(network, sighting)?;
        }

        let mut taken = 0;
        for sighting in sightings {
            if entry.is_missed(network, block, &sighting)? {
                entry.sight(network, Some(block), sighting)?;
                taken += 1;
            }
        }
        for id in absent {
            let stands = |one: &Deposit| one.network == network && one.block == Some(block) && !is_gone(one);
            if entry.known_deposit(id)?.as_ref().is_some_and(stands) {
                let concern = Concern::DepositNotOnChain;
                let matter = Matter { concern, network, subject: Subject::Deposit(id) };
                let since = entry.now;
                entry.tell_matter(&matter, since);
            }
        }
        if taken > 0 {
            entry.event(EventKind::DepositsFound { network, directive, height: block.height, found: taken });
        }
        entry.ripen(network)?;
        Ok(Done::MissedCommitted { taken })
    }
}

/// Whether a deposit is in no block by the books.
const fn is_gone(deposit: &Deposit) -> bool {
    match deposit.state {
        DepositState::Pending | DepositState::Orphaned | DepositState::Replaced | DepositState::Reversed { .. } => true,
        DepositState::Confirming
        | DepositState::Credited
        | DepositState::Unlocked
        | DepositState::BelowMinimum
        | DepositState::Suspense { .. }
        | DepositState::Assigned { .. } => false,
    }
}

impl Entry<'_> {
    /// Whether a directive that is under way at this worker has this height committed.
    fn is_wanted(&self, id: DirectiveId, actor: Actor, height: u64) -> bool {
        let Actor::Worker(worker) = actor else { return false };
        let Some(directive) = self.state.directives.get(id) else { return false };
        let under_way = match directive.state {
            DirectiveState::Dispatched { .. } | DirectiveState::Acked { .. } | DirectiveState::Running { .. } => true,
            DirectiveState::PendingApproval
            | DirectiveState::Queued
            | DirectiveState::Succeeded
            | DirectiveState::Failed
            | DirectiveState::Expired
            | DirectiveState::Cancelled
            | DirectiveState::Superseded { .. }
            | DirectiveState::NeedsReview => false,
        };
        let range = match &directive.action {
            DirectiveAction::Custom { name, payload, .. } if name == RESCAN_APPLY => rescan_range(payload),
            DirectiveAction::Custom { .. }
            | DirectiveAction::Start
            | DirectiveAction::Stop
            | DirectiveAction::Restart => None,
        };
        under_way && directive.target.takes(worker) && range.is_some_and(|range| range.contains(&height))
    }

    /// A deposit, in memory or in history, as it is.
    pub(super) fn known_deposit(&self, id: DepositId) -> Result<Option<Deposit>, Halt> {
        match self.state.deposits.get(id) {
            Some(open) => Ok(Some(open.clone())),
            None => self.row(Table::DepositOver, &deposits::over_key(id)),
        }
    }

    /// Whether a payment is none that the books have in a block, or one without its amount: such as they have stays as it is, with its
    /// coins.
    fn is_missed(&self, network: Network, block: BlockRef, sighting: &Sighting) -> Result<bool, Halt> {
        if planted::has(Bug::RescanTwice) {
            return Ok(true);
        }
        // What the exchange signed itself is nobody's deposit, and its coins are known since it did.
        if self.own_transfer(network, &sighting.tx)?.is_some() {
            return Ok(false);
        }
        let key = deposits::id_key(network, &sighting.tx, sighting.place, &sighting.to);
        let Some(id) = self.row::<u64>(Table::DepositId, &key)? else { return Ok(true) };
        let known = self.known_deposit(DepositId(id))?;
        Ok(known.is_some_and(|known| is_gone(&known) || known.lacks_amount_of(Some(block), sighting.amount)))
    }
}
