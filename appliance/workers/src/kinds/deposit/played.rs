//! Nodes that are played in tests of this kind's parts.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer_chains::Coin;
use exchequer_chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Panel, Trial,
    TrialCall, Waiting,
};
use exchequer_chains::rpc::{HealthRules, Wide};
use exchequer_chains::scan::{Block, EvmBlock, EvmReceipt, EvmTx, Header};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, TxId};
use parking_lot::Mutex;

use super::proof::control;

/// A node at block 8.
pub(in crate::kinds) struct Played {
    name: &'static str,
    /// What everybody has before and after block 8, as far as the coin's contract tells; none where the node has forgotten it.
    pub(in crate::kinds) balances: Mutex<Option<[Option<u128>; 2]>>,
    /// What everybody has of the network's coin.
    pub(in crate::kinds) coins: Mutex<u128>,
    /// A block of which it tells no balance, and why.
    pub(in crate::kinds) dark: Mutex<Option<(BlockRef, NodeError)>>,
    /// With how many decimals every token counts, where its contract tells.
    pub(in crate::kinds) decimals: Mutex<Option<u8>>,
    /// What waits.
    pub(in crate::kinds) pool: Mutex<BTreeSet<TxId>>,
    /// What is in a block.
    pub(in crate::kinds) mined: Mutex<BTreeSet<TxId>>,
    /// The header of the one block that it gives.
    pub(in crate::kinds) block: Mutex<Option<Header>>,
    /// What is in that block; nothing, but for what a test puts there.
    pub(in crate::kinds) inside: Mutex<(Vec<EvmTx>, Vec<EvmReceipt>)>,
    /// The header that it tells; none where it tells none.
    pub(in crate::kinds) header: Mutex<Option<Header>>,
}

/// Nodes of which two have to agree.
pub(in crate::kinds) async fn panel(nodes: &[Arc<Played>]) -> Panel {
    let nodes = nodes.iter().map(|node| node.clone() as Arc<dyn ChainNode>).collect();
    let panel = Panel::new(nodes, HealthRules::default(), 2).unwrap();
    panel.refresh().await;
    panel
}

pub(in crate::kinds) fn header(height: u8) -> Header {
    let hash = |height: u8| BlockHash([height; 32]);
    let block = BlockRef { height: u64::from(height), hash: hash(height) };
    Header { block, parent: hash(height - 1), time_ms: 0 }
}

impl Played {
    pub(in crate::kinds) fn new(name: &'static str) -> Played {
        Played {
            name,
            balances: Mutex::new(None),
            coins: Mutex::new(0),
            dark: Mutex::default(),
            decimals: Mutex::new(None),
            pool: Mutex::default(),
            mined: Mutex::default(),
            block: Mutex::default(),
            inside: Mutex::default(),
            header: Mutex::default(),
        }
    }
}

fn nothing<'a, T: Send + 'a>() -> Asking<'a, T> {
    Box::pin(async { Err(NodeError::Pruned) })
}

impl ChainNode for Played {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        Box::pin(async { Ok(Heads { head: header(8), safe: None, finalized: Some(header(2)) }) })
    }
    fn header(&self, _: u64) -> Asking<'_, Option<Header>> {
        let Some(told) = *self.header.lock() else { return nothing() };
        Box::pin(async move { Ok(Some(told)) })
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        let given = self.block.lock().filter(|header| header.block.height == height);
        let (txs, receipts) = self.inside.lock().clone();
        let whole = |header| Block::Evm(EvmBlock { header, txs, receipts, traces: None });
        Box::pin(async move { Ok(given.map(whole)) })
    }
    fn waiting<'a>(&'a self, known: &'a BTreeSet<TxId>) -> Asking<'a, Option<Waiting>> {
        let names = self.pool.lock().clone();
        let tx = |hash: &TxId| EvmTx { hash: *hash, kind: 0, from: [0; 20], to: None, value: Wide::default() };
        let txs = names.difference(known).map(tx).collect();
        let fresh = Block::Evm(EvmBlock { header: header(8), txs, receipts: Vec::new(), traces: None });
        Box::pin(async move { Ok(Some(Waiting { names, fresh })) })
    }
    fn broadcast<'a>(&'a self, _: TxId, _: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(async { Broadcast::Unknown(String::new()) })
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        let fate = if self.mined.lock().contains(&tx) {
            Fate::Included { block: header(8).block, ok: true, transfers: Vec::new(), fee: None }
        } else if self.pool.lock().contains(&tx) {
            Fate::Pending
        } else {
            Fate::Unseen
        };
        Box::pin(async { Ok(fate) })
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        nothing()
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        nothing()
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        nothing()
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        if let Some((_, why)) = self.dark.lock().clone().filter(|(block, _)| *block == at.block) {
            return Box::pin(async { Err(why) });
        }
        let balances = *self.balances.lock();
        let Some([before, after]) = balances else { return nothing() };
        let (token, coins) = (if at.block.height == 8 { after } else { before }, *self.coins.lock());
        let has = move |(_, coin): &(ChainAddress, Coin)| match coin {
            Coin::Native => Some(coins),
            // A part of the network, which answers what it is asked.
            coin if *coin == control() => None,
            Coin::Token(_) => token,
        };
        Box::pin(async move { Ok(of.iter().map(has).collect()) })
    }
    fn decimals<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        let told = *self.decimals.lock();
        Box::pin(async move { Ok(told) })
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        nothing()
    }
}
