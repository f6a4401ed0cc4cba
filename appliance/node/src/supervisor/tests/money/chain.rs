//! A chain that is played: one truth that is reorganised, and endpoints that lag behind it or lie.

use std::sync::Arc;

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, TxId};
use exchequer_workers::chains::Coin;
use exchequer_workers::chains::evm::text;
use exchequer_workers::chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Trial, TrialCall,
};
use exchequer_workers::chains::rpc::Wide;
use exchequer_workers::chains::scan::{Block, EvmBlock, EvmLog, EvmReceipt, EvmTx, Header, evm_transfers};
use parking_lot::Mutex;

use super::{Dice, UNIT, USERS, account};

/// The topic under which a token's contract logs that some of it moves (ERC-20): the hash of `Transfer(address,address,uint256)`.
const TRANSFER: &str = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// Blocks from the head down that are not final.
pub(super) const FINALITY: u64 = 24;
/// Most blocks that are replaced at once.
pub(super) const DEPTH_MAX: u64 = 20;

/// The truth.
#[derive(Clone)]
pub(super) struct Chain {
    blocks: Vec<EvmBlock>,
    dice: Dice,
    txs: u64,
    /// The highest height that was final.
    finalized: u64,
    /// How far below the head that is.
    pub(super) finality: u64,
    /// With how many decimals every token counts, where its contract tells.
    pub(super) decimals: Option<u8>,
    /// Whether balances of tokens follow their logs, or nobody ever has any; none where nodes have forgotten all states.
    pub(super) tokens: Option<bool>,
    /// Payments that lost their block: they come again, or not.
    orphans: Vec<EvmTx>,
}

fn header(height: u64, fork: u64, parent: BlockHash) -> Header {
    let mut hash = [0x77; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    hash[8..16].copy_from_slice(&fork.to_be_bytes());
    Header { block: BlockRef { height, hash: BlockHash(hash) }, parent, time_ms: height * 12_000 }
}

impl Chain {
    pub(super) fn new(seed: u64) -> Chain {
        let first = EvmBlock { header: header(0, 0, BlockHash([0; 32])), txs: vec![], receipts: vec![], traces: None };
        let (dice, orphans) = (Dice::new(seed), Vec::new());
        Chain {
            blocks: vec![first],
            dice,
            txs: 0,
            finalized: 0,
            finality: FINALITY,
            decimals: None,
            tokens: None,
            orphans,
        }
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    fn payment(&mut self) -> EvmTx {
        self.txs += 1;
        let mut hash = [0x55; 32];
        hash[..8].copy_from_slice(&self.txs.to_be_bytes());
        // Some go to nobody, some to addresses that wait in the pool.
        let to = account(u32::try_from(self.dice.roll(u64::from(USERS) + 8)).unwrap());
        let amount = (u128::from(self.dice.roll(1_000_000)) + 1) * UNIT;
        EvmTx { hash: TxId(hash), kind: 2, from: [0xee; 20], to: Some(to), value: Wide::from(amount) }
    }

    /// Mines a block with some payments.
    pub(super) fn mine(&mut self, payments: u64) {
        let parent = self.blocks.last().unwrap().header.block;
        let fork = self.dice.roll(u64::MAX);
        let mut txs: Vec<EvmTx> = (0..payments).map(|_| self.payment()).collect();
        if !self.orphans.is_empty() && self.dice.roll(2) == 0 {
            txs.append(&mut self.orphans);
        }
        let receipt = |tx: &EvmTx| EvmReceipt { tx: tx.hash, ok: tx.hash.0[7] % 8 != 7, logs: vec![] };
        let receipts = txs.iter().map(receipt).collect();
        self.blocks.push(EvmBlock {
            header: header(parent.height + 1, fork, parent.hash),
            txs,
            receipts,
            traces: None,
        });
        self.finalized = self.finalized.max(self.head().saturating_sub(self.finality));
    }

    /// Mines a block with one payment, in minor units, to the address of a number.
    pub(super) fn mine_to(&mut self, index: u32, minor: u128) {
        self.mine(1);
        let block = self.blocks.last_mut().unwrap();
        let tx = block.txs.last_mut().unwrap();
        (tx.to, tx.value) = (Some(account(index)), Wide::from(minor * UNIT));
        block.receipts.last_mut().unwrap().ok = true;
    }

    /// Mines a block in which some of a token arrives at the address of a number, in the token's smallest units.
    pub(super) fn mine_token(&mut self, contract: u32, index: u32, amount: u128) {
        self.mine(1);
        let word = |account: [u8; 20]| {
            let mut word = [0; 32];
            word[12..].copy_from_slice(&account);
            word
        };
        let topics = vec![TRANSFER.parse::<TxId>().unwrap().0, word([0xee; 20]), word(account(index))];
        let (address, data) = (account(contract), Wide::from(amount).0.to_vec());
        let block = self.blocks.last_mut().unwrap();
        let tx = block.txs.last_mut().unwrap();
        (tx.to, tx.value) = (Some(address), Wide::default());
        let receipt = block.receipts.last_mut().unwrap();
        (receipt.ok, receipt.logs) = (true, vec![EvmLog { address, topics, data, removed: false }]);
    }

    /// The same chain up to now, which goes on otherwise: other blocks with other payments.
    pub(super) fn branch(&self, seed: u64) -> Chain {
        Chain { dice: Dice::new(seed), txs: self.txs + 1_000_000, ..self.clone() }
    }

    /// The same blocks under the same names, and one of them told without its payments.
    pub(super) fn without(&self, height: u64) -> Chain {
        let mut less = self.clone();
        let block = &mut less.blocks[usize::try_from(height).unwrap()];
        (block.txs, block.receipts) = (Vec::new(), Vec::new());
        less
    }

    /// Replaces the last blocks, none of them final, by one more than they were.
    pub(super) fn reorganise(&mut self, depth: u64) {
        let depth = depth.min(self.head() - self.finalized);
        let kept = usize::try_from(self.head() - depth).unwrap() + 1;
        let gone: Vec<EvmBlock> = self.blocks.drain(kept..).collect();
        self.orphans.extend(gone.into_iter().flat_map(|block| block.txs));
        for _ in 0..=depth {
            let payments = self.dice.roll(3);
            self.mine(payments);
        }
    }

    /// What is known of it becomes final up to a height, whatever is usual.
    pub(super) fn finalise(&mut self, height: u64) {
        self.finalized = self.finalized.max(height);
    }

    fn at(&self, height: u64) -> Option<&EvmBlock> {
        self.blocks.get(usize::try_from(height).unwrap())
    }

    /// What is on an address after a block, in the network's smallest units.
    pub(super) fn has(&self, address: &ChainAddress, height: u64) -> u128 {
        let blocks = self.blocks.iter().filter(|block| block.header.block.height <= height);
        let txs = blocks.flat_map(|block| block.txs.iter().zip(&block.receipts)).filter(|(_, receipt)| receipt.ok);
        let to = |tx: &EvmTx| tx.to.is_some_and(|to| text(&to) == *address);
        txs.filter(|(tx, _)| to(tx)).map(|(tx, _)| tx.value.narrow().unwrap()).sum()
    }

    /// What arrived of a token at an address up to a block by its logs.
    fn has_token(&self, address: &ChainAddress, token: &ChainAddress, height: u64) -> u128 {
        let blocks = self.blocks.iter().filter(|block| block.header.block.height <= height);
        let moved = blocks.flat_map(|block| &block.receipts).filter(|receipt| receipt.ok).flat_map(evm_transfers);
        moved
            .filter(|moved| text(&moved.contract) == *token && text(&moved.to) == *address)
            .filter_map(|moved| moved.amount.narrow())
            .sum()
    }

    /// What each user was paid by transactions that took effect, from a height on, in minor units.
    pub(super) fn paid(&self, from: u64) -> Vec<u128> {
        self.paid_between(from, self.head())
    }

    /// The same up to a height.
    pub(super) fn paid_between(&self, from: u64, to: u64) -> Vec<u128> {
        let mut paid = vec![0; USERS as usize];
        let within = |block: &&EvmBlock| (from + 1..=to).contains(&block.header.block.height);
        for block in self.blocks.iter().filter(within) {
            for (tx, _) in block.txs.iter().zip(&block.receipts).filter(|(_, receipt)| receipt.ok) {
                let user = (0..USERS).find(|index| Some(account(*index)) == tx.to);
                if let Some(user) = user {
                    paid[user as usize] += tx.value.narrow().unwrap() / UNIT;
                }
            }
        }
        paid
    }
}

/// An endpoint of it.
pub(super) struct Endpoint {
    pub(super) name: &'static str,
    pub(super) chain: Arc<Mutex<Chain>>,
    pub(super) dice: Mutex<Dice>,
    /// Of a thousand answers so many are of a chain that is so many blocks shorter.
    pub(super) lags: u64,
    /// Of a thousand headers so many are made up.
    pub(super) lies: u64,
    /// Of a thousand blocks so many are without their payments, and as many with one that never was.
    pub(super) forges: u64,
    /// Of a thousand answers so many do not come.
    pub(super) fails: u64,
}

impl Endpoint {
    fn answer<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&Chain, u64) -> T) -> Asking<'a, T> {
        let (fails, lags) = {
            let mut dice = self.dice.lock();
            (dice.roll(1_000) < self.fails, dice.roll(1_000) < self.lags)
        };
        if fails {
            return Box::pin(async { Err(NodeError::Incomplete("as the test wants it".to_owned())) });
        }
        let chain = self.chain.lock();
        let head = chain.head().saturating_sub(if lags { 2 } else { 0 });
        let answer = read(&chain, head);
        Box::pin(async { Ok(answer) })
    }

    fn made_up(&self, header: Header) -> Header {
        if self.dice.lock().roll(1_000) >= self.lies {
            return header;
        }
        let mut block = header.block;
        block.hash.0[31] ^= 1;
        Header { block, ..header }
    }

    /// A block of another content under its own name.
    fn forged(&self, mut block: EvmBlock) -> EvmBlock {
        let roll = self.dice.lock().roll(1_000);
        if roll < self.forges {
            (block.txs, block.receipts) = (Vec::new(), Vec::new());
        } else if roll < 2 * self.forges {
            let hash = TxId([roll.to_be_bytes()[7]; 32]);
            let (to, value) = (Some(account(0)), Wide::from(9 * UNIT));
            block.txs.push(EvmTx { hash, kind: 2, from: [0xee; 20], to, value });
            block.receipts.push(EvmReceipt { tx: hash, ok: true, logs: vec![] });
        }
        block
    }

    fn nothing<'a, T: Send + 'a>(&'a self) -> Asking<'a, T> {
        Box::pin(async { Err(NodeError::NoSuchThing("it is not played")) })
    }
}

impl ChainNode for Endpoint {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.answer(|chain, head| {
            let of = |height| chain.at(height).map(|block| block.header);
            Heads { head: of(head).unwrap(), safe: None, finalized: of(chain.finalized) }
        })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        self.answer(|chain, head| {
            let header = chain.at(height).filter(|_| height <= head).map(|block| block.header);
            header.map(|header| self.made_up(header))
        })
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        self.answer(|chain, head| {
            let block = chain.at(height).filter(|_| height <= head).cloned();
            block.map(|block| Block::Evm(self.forged(block)))
        })
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(async { Broadcast::Unknown("it is not played".to_owned()) })
    }
    fn fate(&self, _: TxId) -> Asking<'_, Fate> {
        self.nothing()
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        self.nothing()
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        self.nothing()
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        self.nothing()
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        Box::pin(async move {
            let chain = self.chain.lock();
            let follow = chain.tokens.ok_or(NodeError::Pruned)?;
            let height = at.block.height;
            let has = |(own, coin): &(ChainAddress, Coin)| match coin {
                Coin::Native => Some(chain.has(own, height)),
                Coin::Token(token) if follow => Some(chain.has_token(own, token, height)),
                Coin::Token(_) => Some(0),
            };
            Ok(of.iter().map(has).collect())
        })
    }
    fn decimals<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        self.answer(|chain, _| chain.decimals)
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        self.nothing()
    }
}
