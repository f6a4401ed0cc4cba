//! A chain in miniature: blocks with what they moved, and what its nodes would say of it.

use std::collections::BTreeMap;

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Network, OutPoint, Place, TxId};

use super::BTC;
use crate::deposits::{ScannedBlock, Sighting};
use crate::{Body, CommitBlocks, RewindBlocks, State};

/// Where chains begin.
pub(super) const FIRST: u64 = 1_000;
/// Blocks upon one that make it final.
pub(super) const DEPTH: u64 = 4;

/// A transaction as it is mined.
#[derive(Debug, Clone)]
pub(super) struct Tx {
    pub(super) id: TxId,
    /// What arrives at addresses of the exchange.
    pub(super) arrives: Vec<Sighting>,
    /// Coins of the exchange that it spends.
    pub(super) spends: Vec<OutPoint>,
    /// What leaves addresses of the exchange, fees included.
    pub(super) leaves: Vec<(ChainAddress, Option<ChainAddress>, u128)>,
    /// Whose nonce it uses.
    pub(super) nonce_of: Option<ChainAddress>,
    /// Whether the scanner sees what arrives.
    pub(super) hidden: bool,
}

impl Tx {
    /// One that does nothing.
    pub(super) fn empty(id: TxId) -> Tx {
        Tx { id, arrives: vec![], spends: vec![], leaves: vec![], nonce_of: None, hidden: false }
    }
}

/// One network's chain.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) network: Network,
    pub(super) blocks: Vec<(BlockRef, Vec<Tx>)>,
    fork: u8,
    /// The highest height that was ever final.
    settled: u64,
    next_tx: u64,
    /// The coins of outputs.
    coins: BTreeMap<OutPoint, (ChainAddress, u128)>,
}

fn block(height: u64, fork: u8) -> BlockRef {
    let mut hash = [fork; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    BlockRef { height, hash: BlockHash(hash) }
}

impl Model {
    pub(super) fn new(network: Network) -> Model {
        let blocks = vec![(block(FIRST, 0), vec![])];
        Model { network, blocks, fork: 0, settled: FIRST, next_tx: 0, coins: BTreeMap::new() }
    }

    pub(super) fn tip(&self) -> BlockRef {
        self.blocks.last().unwrap().0
    }

    /// The height that is final by now.
    pub(super) fn final_height(&self) -> u64 {
        self.settled
    }

    pub(super) fn name(&mut self) -> TxId {
        self.next_tx += 1;
        let mut name = *blake3::hash(&self.next_tx.to_be_bytes()).as_bytes();
        name[0] = self.network as u8;
        TxId(name)
    }

    /// Somebody's payment.
    pub(super) fn payment(&mut self, to: &ChainAddress, coin: Option<ChainAddress>, amount: u128) -> Tx {
        let id = self.name();
        let arrives = vec![self.arrival(id, 0, to, coin, amount, false)];
        Tx { id, arrives, spends: vec![], leaves: vec![], nonce_of: None, hidden: false }
    }

    pub(super) fn arrival(
        &mut self,
        tx: TxId,
        at: u32,
        to: &ChainAddress,
        coin: Option<ChainAddress>,
        amount: u128,
        own: bool,
    ) -> Sighting {
        let place = match (self.network, &coin) {
            (BTC, _) => Place::Output(at),
            (_, None) => Place::Value,
            (_, Some(_)) => Place::Log(at),
        };
        if self.network == BTC {
            self.coins.insert(OutPoint { tx, vout: at }, (to.clone(), amount));
        }
        let from = if own { vec![to.clone()] } else { vec![] };
        Sighting { tx, place, to: to.clone(), coin, amount: Some(amount), from, immature: 0 }
    }

    pub(super) fn mine(&mut self, txs: Vec<Tx>) -> BlockRef {
        let next = block(self.tip().height + 1, self.fork);
        self.blocks.push((next, txs));
        self.settled = self.settled.max((next.height + 1).saturating_sub(DEPTH));
        next
    }

    /// The last blocks vanish, none of them final; what was in them.
    pub(super) fn reorganise(&mut self, depth: u64) -> Vec<Tx> {
        let most = self.tip().height - self.final_height();
        self.fork += 1;
        let mut back = Vec::new();
        for _ in 0..depth.min(most) {
            back.extend(self.blocks.pop().into_iter().flat_map(|(_, txs)| txs));
        }
        back
    }

    /// Everything above a height vanishes, however settled it was; what was in it.
    pub(super) fn vanish_above(&mut self, height: u64) -> Vec<Tx> {
        self.fork += 1;
        self.settled = self.settled.min(height);
        let at = self.blocks.iter().position(|(block, _)| block.height > height).unwrap_or(self.blocks.len());
        self.blocks.split_off(at).into_iter().flat_map(|(_, txs)| txs).collect()
    }

    pub(super) fn height_of(&self, tx: TxId) -> Option<BlockRef> {
        self.blocks.iter().find(|(_, txs)| txs.iter().any(|mined| mined.id == tx)).map(|(block, _)| *block)
    }

    fn txs(&self, height: u64) -> impl Iterator<Item = &Tx> {
        self.blocks.iter().filter(move |(block, _)| block.height <= height).flat_map(|(_, txs)| txs)
    }

    /// What is on an address after a block.
    pub(super) fn balance(&self, address: &ChainAddress, coin: Option<&ChainAddress>, height: u64) -> u128 {
        let (mut has, mut gone) = (0, 0);
        for tx in self.txs(height) {
            let arrives = tx.arrives.iter().filter(|one| one.to == *address && one.coin.as_ref() == coin);
            has += arrives.map(|one| one.amount.unwrap()).sum::<u128>();
            let leaves = tx.leaves.iter().filter(|(from, of, _)| from == address && of.as_ref() == coin);
            gone += leaves.map(|(_, _, amount)| amount).sum::<u128>();
            let spent = tx.spends.iter().filter_map(|spent| self.coins.get(spent)).filter(|(at, _)| at == address);
            gone += spent.map(|(_, amount)| amount).sum::<u128>();
        }
        has - gone
    }

    pub(super) fn nonce(&self, address: &ChainAddress, height: u64) -> u64 {
        self.txs(height).filter(|tx| tx.nonce_of.as_ref() == Some(address)).count() as u64
    }

    /// What the scanner tells next; none where the state has everything.
    pub(super) fn next_scan(&self, state: &State) -> Option<Body> {
        let (network, chain) = (self.network, state.deposits().chains());
        let tip = chain.get(network).tip.unwrap_or(self.blocks[0].0);
        let known = |wanted: BlockRef| self.blocks.iter().any(|(block, _)| *block == wanted);
        if !known(tip) {
            let to = chain.blocks(network).find(|block| known(*block)).unwrap();
            return Some(Body::RewindBlocks(RewindBlocks { network, from: tip, to }));
        }
        let rest = self.blocks.iter().filter(|(block, _)| block.height > tip.height).take(5);
        let mut before = tip;
        let mut blocks = Vec::new();
        for (block, txs) in rest {
            let sightings = txs.iter().filter(|tx| !tx.hidden).flat_map(|tx| tx.arrives.clone()).collect();
            let spent = txs.iter().flat_map(|tx| tx.spends.iter().map(|spent| (*spent, tx.id))).collect();
            blocks.push(ScannedBlock { block: *block, parent: before.hash, sightings, spent });
            before = *block;
        }
        if blocks.is_empty() {
            return None;
        }
        let head = self.tip().height;
        let finalized = (network != BTC).then(|| self.final_height().min(head));
        let commit = CommitBlocks { network, parent: tip, blocks, more: false, head, finalized, agreed: head };
        Some(Body::CommitBlocks(Box::new(commit)))
    }
}
