//! An EVM network that is played for payments: nonces, waiting transactions, blocks, reorganisations. Whatever is broadcast counts,
//! whoever sent it.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, TxId};
use exchequer_workers::chains::evm::EvmAction;
use exchequer_workers::chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, Hindrance, NodeError, OutputFacts, Trial,
    TrialCall,
};
use exchequer_workers::chains::scan::{Block, Header};
use exchequer_workers::chains::{Coin, Unsigned};
use parking_lot::Mutex;

use super::Dice;

/// Blocks from the head down that are not final.
const FINALITY: u64 = 6;
const GWEI: u128 = 1_000_000_000;

#[derive(Clone)]
struct Tx {
    id: TxId,
    nonce: u64,
    cap: u128,
    gas: u64,
    pays: Option<([u8; 20], u128)>,
}

/// The truth.
pub(super) struct Net {
    blocks: Vec<(Header, Vec<Tx>)>,
    waiting: BTreeMap<u64, Tx>,
    dice: Dice,
    finalized: u64,
}

impl Net {
    pub(super) fn new(seed: u64) -> Net {
        let block = BlockRef { height: 0, hash: BlockHash([1; 32]) };
        let first = Header { block, parent: BlockHash([0; 32]), time_ms: 0 };
        Net { blocks: vec![(first, Vec::new())], waiting: BTreeMap::new(), dice: Dice::new(seed), finalized: 0 }
    }

    fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    /// The next nonce up to a height.
    fn nonce(&self, height: u64) -> u64 {
        let upto = self.blocks.iter().take(usize::try_from(height).unwrap() + 1);
        upto.map(|(_, txs)| txs.len() as u64).sum()
    }

    pub(super) fn mine(&mut self) {
        let parent = self.blocks.last().unwrap().0.block;
        let mut hash = [0x33; 32];
        hash[..8].copy_from_slice(&(parent.height + 1).to_be_bytes());
        hash[8..16].copy_from_slice(&self.dice.roll(u64::MAX).to_be_bytes());
        let block = BlockRef { height: parent.height + 1, hash: BlockHash(hash) };
        let mut txs = Vec::new();
        let mut next = self.nonce(self.head());
        // Some blocks pass over what waits.
        while self.dice.roll(4) != 0 {
            let Some(tx) = self.waiting.remove(&next) else { break };
            txs.push(tx);
            next += 1;
        }
        self.blocks.push((Header { block, parent: parent.hash, time_ms: 0 }, txs));
        self.finalized = self.finalized.max(self.head().saturating_sub(FINALITY));
    }

    /// Drops the last blocks, none of them final. What was in them waits again, or nobody knows it any more.
    pub(super) fn reorganise(&mut self, depth: u64) {
        let depth = depth.min(self.head() - self.finalized);
        let kept = usize::try_from(self.head() - depth).unwrap() + 1;
        let gone: Vec<(Header, Vec<Tx>)> = self.blocks.drain(kept..).collect();
        for tx in gone.into_iter().flat_map(|(_, txs)| txs) {
            if self.dice.roll(2) == 0 {
                self.waiting.entry(tx.nonce).or_insert(tx);
            }
        }
        for _ in 0..=depth {
            self.mine();
        }
    }

    /// What waits is forgotten, as by nodes that restart.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    fn take(&mut self, id: TxId, raw: &[u8]) -> Broadcast {
        let Ok(Unsigned::Evm(unsigned)) = Unsigned::decode(raw) else {
            return Broadcast::RefusedForGood("it does not read".to_owned());
        };
        let tx = unsigned.tx();
        let pays = match tx.action {
            EvmAction::Transfer { amount: 0, .. } => None,
            EvmAction::Transfer { to, amount } | EvmAction::TokenTransfer { to, amount, .. } => Some((to, amount)),
        };
        let tx = Tx { id, nonce: tx.nonce, cap: tx.fees.cap(), gas: tx.gas, pays };
        let mined = self.blocks.iter().flat_map(|(_, txs)| txs).any(|mined| mined.id == id);
        match self.waiting.get(&tx.nonce) {
            _ if mined => Broadcast::AlreadyKnown,
            _ if tx.nonce < self.nonce(self.head()) => Broadcast::NotNow(Hindrance::NonceTooLow, String::new()),
            Some(waiting) if waiting.id == id => Broadcast::AlreadyKnown,
            Some(waiting) if tx.cap < waiting.cap * 11 / 10 => {
                Broadcast::NotNow(Hindrance::ReplacementUnderpriced, String::new())
            }
            Some(_) | None => {
                self.waiting.insert(tx.nonce, tx);
                Broadcast::Accepted
            }
        }
    }

    fn fate(&self, id: TxId) -> Fate {
        for (header, txs) in &self.blocks {
            if let Some(tx) = txs.iter().find(|tx| tx.id == id) {
                let fee = Some(u128::from(tx.gas) * tx.cap / 2);
                return Fate::Included { block: header.block, ok: true, transfers: Vec::new(), fee };
            }
        }
        if self.waiting.values().any(|tx| tx.id == id) { Fate::Pending } else { Fate::Unseen }
    }

    /// Every payment in the chain: to whom, how much, how often.
    pub(super) fn payments(&self) -> BTreeMap<[u8; 20], Vec<u128>> {
        let mut paid: BTreeMap<[u8; 20], Vec<u128>> = BTreeMap::new();
        for (to, amount) in self.blocks.iter().flat_map(|(_, txs)| txs).filter_map(|tx| tx.pays) {
            paid.entry(to).or_default().push(amount);
        }
        paid
    }
}

/// An endpoint of it.
pub(super) struct Gate {
    pub(super) name: &'static str,
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) dice: Mutex<Dice>,
    /// Of a thousand answers so many do not come: of those to what is sent, half after it was taken.
    pub(super) fails: u64,
}

impl Gate {
    fn answer<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&Net) -> T) -> Asking<'a, T> {
        if self.dice.lock().roll(1_000) < self.fails {
            return Box::pin(async { Err(NodeError::Incomplete("as the test wants it".to_owned())) });
        }
        let answer = read(&self.net.lock());
        Box::pin(async { Ok(answer) })
    }
}

impl ChainNode for Gate {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.answer(|net| {
            let of = |height: u64| net.blocks[usize::try_from(height).unwrap()].0;
            Heads { head: of(net.head()), safe: None, finalized: Some(of(net.finalized)) }
        })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        self.answer(|net| net.blocks.get(usize::try_from(height).unwrap()).map(|(header, _)| *header))
    }
    fn block(&self, _: u64) -> Asking<'_, Option<Block>> {
        Box::pin(async { Ok(None) })
    }
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        let (fails, taken) = {
            let mut dice = self.dice.lock();
            (dice.roll(1_000) < self.fails * 4, dice.roll(2) == 0)
        };
        let said = if !fails || taken { self.net.lock().take(tx, raw) } else { Broadcast::Accepted };
        Box::pin(async move { if fails { Broadcast::Unknown("the answer was lost".to_owned()) } else { said } })
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        self.answer(|net| net.fate(tx))
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        let tips = Some([GWEI, 2 * GWEI, 3 * GWEI]);
        self.answer(|_| FeeFacts::Evm { base_fee: Some(10 * GWEI), tips, gas_price: 12 * GWEI, tip: None })
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        self.answer(|net| {
            let latest = net.nonce(net.head());
            Account::Evm { latest, pending: latest, finalized: Some(net.nonce(net.finalized)), balance: u128::MAX }
        })
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Box::pin(async { Err(NodeError::NoSuchThing("it is not played")) })
    }
    fn balances<'a>(&'a self, _: &'a [(ChainAddress, Coin)], _: Header) -> Asking<'a, Vec<u128>> {
        Box::pin(async { Err(NodeError::NoSuchThing("it is not played")) })
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        self.answer(|_| Trial::Done { returned: Vec::new(), units: 21_000 })
    }
}
