//! `RewindBlocks` and `ResumeChain`: blocks that are not part of the chain any more.

use exchequer_domain::{BlockRef, Network};
use serde::{Deserialize, Serialize};

use super::deposits::{Owed, check_scanner};
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::{Coin, CoinState};
use crate::deposits::{self, Assignee, Chain, Class, Deposit, DepositId, DepositState, Halted, Refusal};
use crate::event::{EventKind, Severity};
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rows::{Edit, Table};

/// Goes back to the last block that the worker's node and the state have in common. Deposits above are in no block any
/// more, and what was credited of them is taken back. Below the settled height nothing is taken back: the network halts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewindBlocks {
    /// Which network.
    pub network: Network,
    /// The block that was committed last.
    pub from: BlockRef,
    /// The last one in common.
    pub to: BlockRef,
}

impl RewindBlocks {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let network = self.network;
        check_scanner(actor, network)?;
        let chain = *entry.state.deposits.chains.get(network);
        if chain.halted.is_some() {
            return Err(Refusal::Halted { network }.into());
        }
        if chain.tip != Some(self.from) {
            return Err(Refusal::CursorMoved { tip: chain.tip }.into());
        }
        if self.to.height > self.from.height {
            return Err(Refusal::NotInRing.into());
        }
        let is_settled = self.to.height < chain.settled && !planted::has(Bug::SettledIgnored);
        if is_settled || self.to.height < chain.floor {
            let halted = Some(Halted { since: entry.now, common: self.to });
            entry.put_chain(Chain { halted, ..chain });
            entry.event(EventKind::ChainHalted { network, common: self.to, severity: Severity::P0 });
            return Ok(Done::ChainHalted);
        }
        if entry.state.deposits.chains.block(network, self.to.height) != Some(self.to) {
            return Err(Refusal::NotInRing.into());
        }

        entry.rewind(network, self.to)?;
        Ok(Done::BlocksRewound { tip: self.to })
    }
}

/// Lets a network go on that halted: from where it stood, or from an earlier block: one whose hash is known, or the one that the
/// worker named when it halted, however low. In the second case the deposits above are taken back, also such as were free to
/// leave: what their users have no more becomes their debt. Those that are history by then, below all known hashes or early because there
/// was hardly any room left, stay as they are; the comparison with the chain finds what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResumeChain {
    /// Which network.
    pub network: Network,
    /// From which block; none for where it stood.
    pub to: Option<BlockRef>,
    /// Why.
    pub reason: String,
}

impl ResumeChain {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let network = self.network;
        let chain = *entry.state.deposits.chains.get(network);
        let Some(halted) = chain.halted else { return Err(Refusal::NotHalted { network }.into()) };
        let below = self.to.filter(|to| *to == halted.common && to.height < chain.floor);
        let known = |to: BlockRef| entry.state.deposits.chains.block(network, to.height) == Some(to);
        if self.to.is_some_and(|to| below.is_none() && !known(to)) {
            return Err(Refusal::NotInRing.into());
        }

        // While it stood still nothing could become final.
        let final_at = chain.final_at.map(|_| entry.now);
        entry.put_chain(Chain { halted: None, final_at, ..chain });
        if let Some(to) = self.to {
            entry.rewind(network, to)?;
            if below.is_some() {
                let chain = *entry.state.deposits.chains.get(network);
                entry.put_chain(Chain { floor: to.height, ..chain });
                entry.put_hash(network, to);
            }
            let chain = *entry.state.deposits.chains.get(network);
            let finalized = chain.finalized.map(|finalized| finalized.min(to.height));
            entry.put_chain(Chain { settled: chain.settled.min(to.height), finalized, ..chain });
        }
        let detail = match self.to {
            Some(to) => format!("from block {} ({})", to.height, to.hash),
            None => "from where it stood".to_owned(),
        };
        entry.event(EventKind::ChainResumed { network });
        entry.audit(actor, AuditAction::ChainResumed, network.to_string(), detail, self.reason);
        Ok(Done::ChainResumed)
    }
}

impl Entry<'_> {
    /// Makes a block that is known the last one.
    fn rewind(&mut self, network: Network, to: BlockRef) -> Result<(), Halt> {
        self.orphan_above(network, to.height)?;
        let chain = *self.state.deposits.chains.get(network);
        let end = chain.tip.map_or(to.height, |tip| tip.height) + 1;
        let (first, until) = (to.height + 1, deposits::hash_key(network, end));
        self.change(Table::Chain.family(), deposits::hash_key(network, first), Edit::DeleteUntil(until));
        self.state.deposits.chains.forget(network, first, end);
        self.put_chain(Chain { tip: Some(to), partial: None, agreed: chain.agreed.min(to.height), ..chain });
        Ok(())
    }

    /// Takes back what the blocks above a height brought.
    pub(super) fn orphan_above(&mut self, network: Network, height: u64) -> Result<(), Halt> {
        let mut gone: Vec<DepositId> = Vec::new();
        for class in Class::IN_BLOCKS {
            gone.extend(self.state.deposits.in_line(network, class, height + 1, u64::MAX));
        }
        self.note_rewound(network, height)?;
        // In the order in which they came.
        gone.sort_unstable();
        for id in gone {
            // What was mined counts later than its block.
            let is_above = |deposit: &Deposit| deposit.block.is_some_and(|block| block.height > height);
            if self.state.deposits.get(id).is_some_and(is_above)
                && let Some(deposit) = self.state.deposits.take(id)
            {
                self.orphan(deposit)?;
            }
        }
        let spent = self.spent_above(network, height);
        self.unspend_coins(network, height + 1)?;
        let coins: Vec<Coin> =
            self.state.custody.coins.of(network).filter(|coin| coin.height > height).cloned().collect();
        for coin in coins {
            match coin.state {
                // In no block since before.
                CoinState::Reserved { .. } if coin.height == u64::MAX => {}
                // Whoever builds on it keeps it until they know better; it is in no block, and nobody else takes it.
                CoinState::Reserved { .. } => {
                    let rests_on = self.rests_on(&coin, &spent);
                    self.put_coin(Coin { height: u64::MAX, mature: u64::MAX, deposit: None, rests_on, ..coin })?;
                }
                CoinState::Free | CoinState::Spent { .. } => self.remove_coin(network, &coin.outpoint),
            }
        }
        Ok(())
    }

    fn orphan(&mut self, deposit: Deposit) -> Result<(), Halt> {
        self.unhold_deposit(&deposit)?;
        let state = match (deposit.state, deposit.user) {
            (DepositState::Credited, _) if planted::has(Bug::ReorgKeepsCredit) => DepositState::Orphaned,
            (DepositState::BelowMinimum, _) if planted::has(Bug::ReorgKeepsGathered) => DepositState::Orphaned,
            (DepositState::Credited | DepositState::Unlocked, Some(user)) => {
                DepositState::Reversed { debt: self.book_out(&deposit, Owed::User(user))? }
            }
            (DepositState::Assigned { to: Assignee::User(user) }, _) => {
                DepositState::Reversed { debt: self.book_out(&deposit, Owed::User(user))? }
            }
            (DepositState::Assigned { to: Assignee::Moved { from, index, fee } }, _) => {
                self.move_by_hand(&deposit, (from, index), fee, true)?;
                DepositState::Orphaned
            }
            (DepositState::Assigned { to: Assignee::Exchange }, _) => {
                self.book_out(&deposit, Owed::Exchange)?;
                DepositState::Orphaned
            }
            (DepositState::Suspense { .. }, _) if deposit.booked => {
                self.book_out(&deposit, Owed::Suspense)?;
                DepositState::Orphaned
            }
            (DepositState::BelowMinimum, _) => {
                self.ungather(&deposit)?;
                DepositState::Orphaned
            }
            // What is credited has a user; what is in no block is not among these.
            (
                DepositState::Confirming
                | DepositState::Suspense { .. }
                | DepositState::Credited
                | DepositState::Unlocked
                | DepositState::Pending
                | DepositState::Orphaned
                | DepositState::Replaced
                | DepositState::Reversed { .. },
                _,
            ) => DepositState::Orphaned,
        };
        self.move_deposit(Deposit { block: None, booked: false, ..deposit }, state);
        Ok(())
    }
}
