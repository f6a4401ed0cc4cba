//! A simulated chain of each family: what consensus lets into blocks, what is dropped, and what a reorganisation undoes.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{OutPoint, Timestamp, TxId};

use super::super::dice::Dice;
use crate::withdrawals::{Claim, Purpose, WithdrawalId};

/// Blocks upon a block that make it final.
pub(super) const DEPTH: usize = 3;

/// A transaction as somebody signed it.
#[derive(Debug, Clone)]
pub(super) struct Tx {
    pub(super) claim: Claim,
    pub(super) purpose: Purpose,
    pub(super) pays: Vec<WithdrawalId>,
    pub(super) fee: u128,
    /// Whether its receipt will say that it did nothing.
    pub(super) fails: bool,
}

/// One network's chain.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) known: BTreeMap<TxId, Tx>,
    pub(super) pool: BTreeSet<TxId>,
    /// From the first; each with its moment.
    pub(super) blocks: Vec<(Timestamp, Vec<TxId>)>,
    /// How many of them are final, for ever.
    pub(super) settled: usize,
}

impl Chain {
    pub(super) fn mined(&self) -> impl Iterator<Item = (usize, &TxId)> {
        self.blocks.iter().enumerate().flat_map(|(height, (_, txs))| txs.iter().map(move |tx| (height, tx)))
    }

    pub(super) fn height_of(&self, tx: TxId) -> Option<usize> {
        self.mined().find(|(_, mined)| **mined == tx).map(|(height, _)| height)
    }

    pub(super) fn is_final(&self, height: usize) -> bool {
        height < self.settled
    }

    /// The payer's next nonce after so many blocks.
    pub(super) fn next_nonce(&self, blocks: usize) -> u64 {
        let used = self.blocks[..blocks].iter().flat_map(|(_, txs)| txs);
        let nonces = used.filter(|tx| matches!(self.known.get(tx), Some(Tx { claim: Claim::Nonce(_), .. })));
        nonces.count() as u64
    }

    /// Who spent a coin, and at which height.
    pub(super) fn spender(&self, coin: OutPoint) -> Option<(TxId, usize)> {
        let spends = |tx: &TxId| matches!(&self.known[tx].claim, Claim::Coins(coins) if coins.contains(&coin));
        self.mined().find(|(_, tx)| spends(tx)).map(|(height, tx)| (*tx, height))
    }

    /// Whether consensus lets it into the next block.
    fn is_valid(&self, tx: &Tx, now: Timestamp) -> bool {
        match &tx.claim {
            Claim::Nonce(nonce) => *nonce == self.next_nonce(self.blocks.len()),
            Claim::Coins(coins) => coins.iter().all(|coin| self.spender(*coin).is_none()),
            Claim::Window { expires, .. } => now < *expires,
        }
    }

    /// Makes a block of some of what waits.
    pub(super) fn mine(&mut self, now: Timestamp, dice: &mut Dice, share: usize) {
        self.blocks.push((now, Vec::new()));
        // A payer's transactions come in the order of their nonces.
        let mut waiting: Vec<TxId> = self.pool.iter().copied().collect();
        waiting.sort_by_key(|tx| match self.known[tx].claim {
            Claim::Nonce(nonce) => nonce,
            Claim::Coins(_) | Claim::Window { .. } => 0,
        });
        for tx in waiting {
            let is_mined = self.height_of(tx).is_some();
            if !is_mined && dice.below(100) < share && self.is_valid(&self.known[&tx], now) {
                self.pool.remove(&tx);
                if let Some((_, last)) = self.blocks.last_mut() {
                    last.push(tx);
                }
            }
        }
        self.settled = self.settled.max(self.blocks.len().saturating_sub(DEPTH));
    }

    /// Some blocks that are not final vanish; what was in them waits again, or is forgotten by everybody.
    pub(super) fn reorganise(&mut self, dice: &mut Dice) {
        let most = self.blocks.len() - self.settled;
        for _ in 0..dice.below(most + 1) {
            for tx in self.blocks.pop().into_iter().flat_map(|(_, txs)| txs) {
                if dice.below(4) > 0 {
                    self.pool.insert(tx);
                }
            }
        }
    }

    /// Nodes forget some of what waits.
    pub(super) fn forget(&mut self, dice: &mut Dice) {
        self.pool.retain(|_| dice.below(3) > 0);
    }

    /// How often a withdrawal is paid by what is in blocks: any, and final ones.
    pub(super) fn payments(&self, id: WithdrawalId) -> (usize, usize) {
        let pays = |tx: &TxId| {
            let tx = &self.known[tx];
            tx.purpose == Purpose::Payment && !tx.fails && tx.pays.contains(&id)
        };
        let paid: Vec<usize> = self.mined().filter(|(_, tx)| pays(tx)).map(|(height, _)| height).collect();
        (paid.len(), paid.iter().filter(|height| self.is_final(**height)).count())
    }
}
