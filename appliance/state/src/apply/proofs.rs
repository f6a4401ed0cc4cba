//! What is said of a chain, compared with what the state knows of it by itself: the blocks that were committed, and the coins
//! that they spent. A block that is not settled, or a coin whose spender the scan has not seen, proves nothing.
//!
//! What no scan shows is not believed on a worker's word: that an attempt was never signed the leading node alone says
//! (`step_payout.rs`), and that it did nothing, or on TRON is in no block up to the end of its time, waits for balances that agree
//! (`denials.rs`).

use exchequer_domain::{BlockRef, Network};

use super::Entry;
use super::prepare_payout::coin_owner;
use crate::custody::{Coin, CoinState, RestsOn};
use crate::planted::{self, Bug};
use crate::withdrawals::{CONFLICT_CONFIRMATIONS_MIN, Conflict, Death, Payout, Refusal};

impl Entry<'_> {
    /// Whether a payout is proved dead, by what is shown and by what the state knows.
    pub(super) fn check_death(&self, payout: &Payout, proof: &Death) -> Result<(), Refusal> {
        let proof = &self.read_through(payout, proof);
        proof.check(payout)?;
        let known = match proof {
            Death::NeverSigned => true,
            Death::NonceUsed { at, .. } => self.is_settled(payout.network, *at),
            Death::Conflicts(conflicts) => {
                let known = |conflict: &&Conflict| self.is_undone(payout.network, conflict);
                // Of those that prove it; what is told beside them is not asked for.
                let known: Vec<Conflict> = conflicts.iter().filter(known).copied().collect();
                Death::Conflicts(known).proves(payout)
            }
            Death::Expired { at, time, .. } => *time <= self.now && self.is_settled(payout.network, *at),
        };
        if known || planted::has(Bug::DeathUnproved) || planted::has(Bug::ProofNotCompared) {
            Ok(())
        } else {
            Err(Refusal::NoProof { payout: payout.id })
        }
    }

    /// A proof, with what it says of the payout's own coins where it speaks of coins that those rest on: one that no block has any more
    /// never comes back where what would bring it was spent by another transaction. Whether that is so is not asked here.
    pub(super) fn read_through(&self, payout: &Payout, proof: &Death) -> Death {
        let Death::Conflicts(conflicts) = proof else { return proof.clone() };
        let mut all = conflicts.clone();
        for conflict in conflicts {
            let coins = self.state.custody.coins.reserved_by(payout.network, coin_owner(payout.id));
            let over = coins.filter(|coin| rests_otherwise(coin, conflict));
            all.extend(over.map(|coin| Conflict { coin: coin.outpoint, ..*conflict }));
        }
        Death::Conflicts(all)
    }

    /// Whether a coin is spent by that transaction, deep enough; or can never be, since that transaction spent what it rests on.
    fn is_undone(&self, network: Network, conflict: &Conflict) -> bool {
        let rests_on = self.state.custody.coins.get(network, &conflict.coin).map(|coin| &coin.rests_on);
        let mut below = rests_on.into_iter().flatten().filter(|on| is_otherwise(on, conflict));
        self.is_spent_deep(network, conflict)
            || below.any(|on| self.is_spent_deep(network, &Conflict { coin: on.coin, ..*conflict }))
    }

    /// Whether a block that ends a payout is one that the state knows to be final.
    pub(super) fn check_settled(&self, payout: &Payout, block: BlockRef) -> Result<(), Refusal> {
        if self.is_settled(payout.network, block) || planted::has(Bug::ProofNotCompared) {
            Ok(())
        } else {
            Err(Refusal::NoProof { payout: payout.id })
        }
    }

    /// Whether a block is at most as high as what is settled of a chain that is scanned and does not stand still, and none
    /// other than the known one of its height.
    pub(super) fn is_settled(&self, network: Network, block: BlockRef) -> bool {
        let chains = &self.state.deposits.chains;
        let chain = chains.get(network);
        let same = chains.block(network, block.height).is_none_or(|known| known == block);
        chain.tip.is_some() && chain.halted.is_none() && block.height <= chain.settled && same
    }

    /// Whether a coin of the exchange's is spent by that transaction, deep enough.
    fn is_spent_deep(&self, network: Network, conflict: &Conflict) -> bool {
        let chain = self.state.deposits.chains.get(network);
        let Some(tip) = chain.tip.filter(|_| chain.halted.is_none()) else { return false };
        match self.state.custody.coins.get(network, &conflict.coin).map(|coin| coin.state) {
            Some(CoinState::Spent { by, height, .. }) => {
                let depth = (tip.height + 1).saturating_sub(height);
                by == conflict.by && depth >= u64::from(CONFLICT_CONFIRMATIONS_MIN)
            }
            Some(CoinState::Free | CoinState::Reserved { .. }) | None => false,
        }
    }

    /// Whether a coin that a block spends is still needed: its spender may be what proves an open payout dead.
    pub(super) fn is_evidence(&self, network: Network, outpoint: &exchequer_domain::OutPoint) -> bool {
        match self.state.custody.coins.get(network, outpoint).map(|coin| coin.state) {
            Some(CoinState::Spent { owner, .. }) => {
                let payout = owner.and_then(super::prepare_payout::owning_payout);
                // Whoever builds on what came of it may be open for longer than its payout.
                let rested_on = self.state.custody.coins.is_rested_on(network, outpoint);
                payout.is_some_and(|payout| self.state.withdrawals.payout(payout).is_some())
                    || (rested_on && !planted::has(Bug::ParentForgotten))
            }
            Some(CoinState::Free | CoinState::Reserved { .. }) | None => false,
        }
    }
}

/// Whether a coin rests on this one's being spent by another transaction than this.
fn rests_otherwise(coin: &Coin, conflict: &Conflict) -> bool {
    coin.rests_on.iter().any(|on| on.coin == conflict.coin && is_otherwise(on, conflict))
}

/// Whether this is another transaction than the one that something rests on.
fn is_otherwise(on: &RestsOn, conflict: &Conflict) -> bool {
    on.by != conflict.by || planted::has(Bug::ParentIsConflict)
}
