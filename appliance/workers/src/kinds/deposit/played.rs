//! Nodes of a network, and a leading node, that are played in tests of this kind's parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use exchequer_chains::Coin;
use exchequer_chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Panel, Trial,
    TrialCall, Waiting,
};
use exchequer_chains::rpc::{HealthRules, Wide};
use exchequer_chains::scan::{Block, EvmBlock, EvmReceipt, EvmTx, Header};
use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, TxId};
use futures::StreamExt as _;
use parking_lot::Mutex;

use super::proof::control;
use crate::money::proto::{change_reply, change_request, done};
use crate::money::{self, Link, LinkError, Pages, proto};

/// A node at block 8.
pub(in crate::kinds) struct Played {
    name: &'static str,
    /// What everybody has before and after block 8, as far as the coin's contract tells; none where the node has forgotten it.
    pub(in crate::kinds) balances: Mutex<Option<[Option<u128>; 2]>>,
    /// What everybody has of a token of which that is something else.
    pub(in crate::kinds) of_token: Mutex<BTreeMap<ChainAddress, [Option<u128>; 2]>>,
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
            of_token: Mutex::default(),
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
        let then = move |[before, after]: [Option<u128>; 2]| if at.block.height == 8 { after } else { before };
        let (others, coins) = (self.of_token.lock().clone(), *self.coins.lock());
        let has = move |(_, coin): &(ChainAddress, Coin)| match coin {
            Coin::Native => Some(coins),
            // A part of the network, which answers what it is asked.
            coin if *coin == control() => None,
            Coin::Token(token) => then(others.get(token).copied().unwrap_or([before, after])),
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

/// A leading node. It takes what it is told, and puts it down.
#[derive(Default)]
pub(in crate::kinds) struct Books {
    pub(in crate::kinds) network: proto::NetworkReply,
    pub(in crate::kinds) cursor: proto::CursorReply,
    /// Deposit addresses.
    pub(in crate::kinds) addresses: Vec<String>,
    pub(in crate::kinds) deposits: Vec<proto::KnownDeposit>,
    /// What it was told, in order.
    pub(in crate::kinds) told: Mutex<Vec<change_request::Change>>,
}

/// What a link answers that nobody is to ask that.
pub(in crate::kinds) fn unasked<'a, T: Send + 'a>() -> money::Asking<'a, T> {
    Box::pin(async { Err(LinkError::Refused("it is not asked here".to_owned())) })
}

fn told<'a, T: Send + 'a>(answer: T) -> money::Asking<'a, T> {
    Box::pin(async { Ok(answer) })
}

impl Link for Books {
    fn change(&self, request: proto::ChangeRequest) -> money::Asking<'_, proto::ChangeReply> {
        let change = request.change.unwrap();
        let done = match &change {
            change_request::Change::CommitBlocks(commit) => {
                done::Done::Tip(commit.blocks.last().and_then(|last| last.block.clone()).unwrap())
            }
            _ => done::Done::Noted(true),
        };
        self.told.lock().push(change);
        told(proto::ChangeReply { answer: Some(change_reply::Answer::Done(proto::Done { done: Some(done) })) })
    }
    fn cursor(&self, _: u32) -> money::Asking<'_, proto::CursorReply> {
        told(self.cursor.clone())
    }
    fn network(&self) -> money::Asking<'_, proto::NetworkReply> {
        told(self.network.clone())
    }
    fn addresses(&self, from: u32) -> money::Asking<'_, Pages<proto::AddressPage>> {
        let page = proto::AddressPage { first: from, addresses: self.addresses[from as usize..].to_vec() };
        told(futures::stream::iter([Ok(page)]).boxed())
    }
    fn wallets(&self) -> money::Asking<'_, proto::WalletsReply> {
        told(proto::WalletsReply::default())
    }
    fn deposits_of(&self, _: Vec<Vec<u8>>) -> money::Asking<'_, proto::DepositsOfReply> {
        told(proto::DepositsOfReply { deposits: self.deposits.clone() })
    }
    fn own_transfers(&self, txs: Vec<Vec<u8>>) -> money::Asking<'_, proto::OwnTransfersReply> {
        told(proto::OwnTransfersReply { own: vec![false; txs.len()] })
    }
    fn coins(&self) -> money::Asking<'_, Pages<proto::CoinPage>> {
        unasked()
    }
    fn due(&self, _: proto::DueRequest) -> money::Asking<'_, proto::DueReply> {
        unasked()
    }
    fn attempt_bytes(&self, _: u64, _: u32) -> money::Asking<'_, proto::AttemptBytesReply> {
        unasked()
    }
    fn sign(&self, _: u64, _: u32) -> money::Asking<'_, proto::SignReply> {
        unasked()
    }
    fn give_up(&self, _: u64, _: u32) -> money::Asking<'_, proto::SignReply> {
        unasked()
    }
    fn sweeps(&self, _: proto::SweepsRequest) -> money::Asking<'_, proto::SweepsReply> {
        unasked()
    }
    fn changes(&self, _: proto::ChangesRequest) -> money::Asking<'_, proto::ChangesReply> {
        unasked()
    }
}
