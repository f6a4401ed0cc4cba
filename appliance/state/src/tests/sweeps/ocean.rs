//! A simulated chain with balances: what consensus lets into blocks, what it moves, and what a reorganisation undoes.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{ChainAddress, OutPoint, Timestamp, TxId};
use exchequer_ledger::Asset;

use super::super::dice::Dice;

/// Blocks upon a block that make it final.
pub(super) const DEPTH: usize = 3;

/// Something that a transaction moves.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) asset: Asset,
    /// None where it comes from a stranger, or out of inputs.
    pub(super) from: Option<ChainAddress>,
    pub(super) to: ChainAddress,
    pub(super) amount: u128,
}

/// A transaction as somebody signed it.
#[derive(Debug, Clone)]
pub(super) struct Tx {
    pub(super) id: TxId,
    /// The exchange's address that pays its fee; none of a stranger's.
    pub(super) payer: Option<ChainAddress>,
    pub(super) nonce: Option<u64>,
    pub(super) expires: Option<Timestamp>,
    pub(super) inputs: Vec<OutPoint>,
    pub(super) flows: Vec<Flow>,
    pub(super) fee: u128,
    /// Whether it does nothing but take its fee.
    pub(super) fails: bool,
}

/// One network's chain.
#[derive(Debug, Clone)]
pub(super) struct Ocean {
    pub(super) coin: Asset,
    /// Whether it is built of outputs.
    pub(super) outputs: bool,
    pub(super) begin: BTreeMap<(ChainAddress, Asset), u128>,
    /// Coins from before the first block.
    pub(super) minted: BTreeMap<OutPoint, (ChainAddress, u128)>,
    pub(super) pool: BTreeMap<TxId, Tx>,
    pub(super) blocks: Vec<Vec<Tx>>,
    /// How many of them are final, for ever.
    pub(super) settled: usize,
}

impl Ocean {
    pub(super) fn mined(&self) -> impl Iterator<Item = (usize, &Tx)> {
        self.blocks.iter().enumerate().flat_map(|(height, txs)| txs.iter().map(move |tx| (height, tx)))
    }

    pub(super) fn height_of(&self, id: TxId) -> Option<usize> {
        self.mined().find(|(_, tx)| tx.id == id).map(|(height, _)| height)
    }

    pub(super) fn next_nonce(&self, of: &ChainAddress, blocks: usize) -> u64 {
        let txs = self.blocks[..blocks].iter().flatten();
        txs.filter(|tx| tx.payer.as_ref() == Some(of) && tx.nonce.is_some()).count() as u64
    }

    /// Every coin that is there, with its owner and value.
    pub(super) fn coins(&self) -> BTreeMap<OutPoint, (ChainAddress, u128)> {
        let mut coins = self.minted.clone();
        for (_, tx) in self.mined() {
            for (vout, flow) in (0..).zip(&tx.flows) {
                coins.insert(OutPoint { tx: tx.id, vout }, (flow.to.clone(), flow.amount));
            }
        }
        for (_, tx) in self.mined() {
            tx.inputs.iter().for_each(|input| drop(coins.remove(input)));
        }
        coins
    }

    /// What an address has.
    pub(super) fn balance(&self, of: &ChainAddress, asset: Asset) -> u128 {
        if self.outputs {
            return self.coins().values().filter(|(owner, _)| owner == of).map(|(_, amount)| amount).sum();
        }
        let mut sum = self.begin.get(&(of.clone(), asset)).copied().unwrap_or_default();
        for (_, tx) in self.mined() {
            for flow in tx.flows.iter().filter(|flow| flow.asset == asset && !tx.fails) {
                if flow.to == *of {
                    sum += flow.amount;
                }
                if flow.from.as_ref() == Some(of) {
                    sum = sum.checked_sub(flow.amount).expect("more leaves an address than it has");
                }
            }
            if tx.payer.as_ref() == Some(of) && asset == self.coin {
                sum = sum.checked_sub(tx.fee).expect("a fee is more than its address has");
            }
        }
        sum
    }

    fn is_valid(&self, tx: &Tx, now: Timestamp) -> bool {
        let coins = if tx.inputs.is_empty() { BTreeMap::new() } else { self.coins() };
        let in_turn = match (&tx.payer, tx.nonce) {
            (Some(payer), Some(nonce)) => nonce == self.next_nonce(payer, self.blocks.len()),
            (_, _) => true,
        };
        in_turn
            && tx.inputs.iter().all(|input| coins.contains_key(input))
            && tx.expires.is_none_or(|expires| now < expires)
    }

    /// Makes a block of some of what waits.
    pub(super) fn mine(&mut self, now: Timestamp, dice: &mut Dice, share: usize) {
        self.blocks.push(Vec::new());
        let mut waiting: Vec<Tx> = self.pool.values().cloned().collect();
        waiting.sort_by_key(|tx| tx.nonce);
        for tx in waiting {
            if dice.below(100) < share && self.height_of(tx.id).is_none() && self.is_valid(&tx, now) {
                self.pool.remove(&tx.id);
                self.blocks.last_mut().unwrap().push(tx);
            }
        }
        self.settled = self.settled.max(self.blocks.len().saturating_sub(DEPTH));
    }

    /// Some blocks that are not final vanish; what was in them waits again, or is forgotten by everybody. How many blocks stay.
    pub(super) fn reorganise(&mut self, dice: &mut Dice) -> usize {
        // The first block stays: nobody knows the one before it.
        let most = self.blocks.len() - self.settled.max(1).min(self.blocks.len());
        for _ in 0..dice.below(most + 1) {
            for tx in self.blocks.pop().into_iter().flatten() {
                if dice.below(4) > 0 {
                    self.pool.insert(tx.id, tx);
                }
            }
        }
        self.blocks.len()
    }

    /// How often one of these transactions is in the chain and did what it was for.
    pub(super) fn done(&self, of: &BTreeSet<TxId>) -> usize {
        self.mined().filter(|(_, tx)| of.contains(&tx.id) && !tx.fails && !tx.flows.is_empty()).count()
    }
}
