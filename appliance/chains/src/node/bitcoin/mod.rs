//! Nodes of Bitcoin. Blocks come as bytes and are decoded here; what comes as JSON has amounts in decimal text.

mod classify;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use bitcoin::consensus::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::merkle_tree;
use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, TxId};
use serde_json::json;
use serde_json::value::RawValue;

pub use self::classify::classify;
use self::wire::{WireEstimate, WireHeight, WireIndex, WireInfo, WireOutput, WirePool, WireScan, WireTx, sats};
use super::evm::{borrowed, is_null};
use super::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, NodeError, OutputFacts, Trial, TrialCall,
    WAITING_MAX, Waiting,
};
use crate::rpc::{Call, RpcError, Transport};
use crate::scan::{BitcoinBlock, Block, Header};
use crate::{BitcoinKind, Coin, NetworkParams};

/// Numbers of blocks within which a payment is wanted.
const TARGETS: [u16; 3] = [2, 6, 24];
/// Codes of Bitcoin nodes.
const NO_SUCH: i64 = -5;
const HEIGHT_OUT_OF_RANGE: i64 = -8;

/// What is settled about a node.
#[derive(Debug, Clone, Copy)]
pub struct BitcoinOptions {
    /// From how many confirmations on a block is final.
    pub depth: u64,
}

impl Default for BitcoinOptions {
    fn default() -> BitcoinOptions {
        BitcoinOptions { depth: 6 }
    }
}

/// A node of Bitcoin. It needs `txindex=1`: without, it does not know transactions that are in blocks.
#[derive(Debug)]
pub struct BitcoinNode {
    transport: Transport,
    params: NetworkParams,
    options: BitcoinOptions,
}

impl BitcoinNode {
    /// A node by the way to it.
    #[must_use]
    pub fn new(transport: Transport, params: NetworkParams, options: BitcoinOptions) -> BitcoinNode {
        BitcoinNode { transport, params, options }
    }

    async fn json(&self, method: &'static str, params: serde_json::Value) -> Result<Box<RawValue>, RpcError> {
        self.transport.call(&Call::new(method, params)).await
    }

    async fn identify(&self) -> Result<bool, NodeError> {
        let json = self.json("getblockchaininfo", json!([])).await?;
        let info: WireInfo<'_> = borrowed(&json)?;
        let ours = match self.params.bitcoin()? {
            BitcoinKind::Mainnet => ["main"].as_slice(),
            BitcoinKind::Testnet => &["test", "testnet4"],
            BitcoinKind::Signet => &["signet"],
            BitcoinKind::Regtest => &["regtest"],
        };
        if info.pruned {
            return Err(NodeError::Unfit("it is pruned; set prune=0 and txindex=1"));
        }
        Ok(ours.contains(&info.chain))
    }

    async fn heads(&self) -> Result<Heads, NodeError> {
        let json = self.json("getblockchaininfo", json!([])).await?;
        let info: WireInfo<'_> = borrowed(&json)?;
        let missing = || NodeError::incomplete("the head left its branch meanwhile");
        let head = self.header(info.blocks).await?.ok_or_else(missing)?;
        // The first block's depth is its height and one: block 0 is never final by itself.
        let finalized = match (info.blocks + 1).checked_sub(self.options.depth.max(1)) {
            Some(height) if height > 0 => Some(self.header(height).await?.ok_or_else(missing)?),
            Some(_) | None => None,
        };
        Ok(Heads { head, safe: None, finalized })
    }

    async fn hash(&self, height: u64) -> Result<Option<String>, NodeError> {
        match self.transport.call::<String>(&Call::new("getblockhash", json!([height]))).await {
            Ok(hash) => Ok(Some(hash)),
            Err(RpcError::Refused { code: HEIGHT_OUT_OF_RANGE, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn bytes(&self, method: &'static str, params: serde_json::Value) -> Result<Vec<u8>, NodeError> {
        let text: String = self.transport.call(&Call::new(method, params)).await?;
        hex::decode(text).map_err(NodeError::unreadable)
    }

    async fn header(&self, height: u64) -> Result<Option<Header>, NodeError> {
        let Some(hash) = self.hash(height).await? else { return Ok(None) };
        let bytes = self.bytes("getblockheader", json!([hash, false])).await?;
        header_of(height, &hash, &bytes).map(Some)
    }

    async fn block(&self, height: u64) -> Result<Option<Block>, NodeError> {
        let Some(hash) = self.hash(height).await? else { return Ok(None) };
        let bytes = self.bytes("getblock", json!([hash, 0])).await?;
        block_of(height, &hash, &bytes).map(|block| Some(Block::Bitcoin(block)))
    }

    async fn broadcast(&self, tx: TxId, raw: &[u8]) -> Broadcast {
        // The node's own guard against absurd fees stays on behind the state's and the signer's: a tenth of a bitcoin for a thousand
        // bytes is above whatever a network's `fee_rate_max` should be.
        let call = Call::new("sendrawtransaction", json!([hex::encode(raw)]));
        match self.transport.call::<String>(&call).await {
            Ok(named) if named.parse() == Ok(tx) => Broadcast::Accepted,
            Ok(_) => Broadcast::Unknown("the node named another transaction".to_owned()),
            Err(RpcError::Refused { code, message, .. }) => classify(code, &message),
            Err(error) => Broadcast::Unknown(error.to_string()),
        }
    }

    async fn fate(&self, tx: TxId) -> Result<Fate, NodeError> {
        let calls = [
            Call::new("getrawtransaction", json!([tx.to_string(), true])),
            Call::new("getindexinfo", json!(["txindex"])),
        ];
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (found, index) = (next()?, next()?);
        let json = match found {
            Ok(json) => json,
            Err(RpcError::Refused { code: NO_SUCH, .. }) => {
                // Without its index the node would say the same of every transaction in a block.
                let index = index?;
                let indices: BTreeMap<String, WireIndex> = borrowed(&index)?;
                return match indices.get("txindex") {
                    Some(WireIndex { synced: true }) => Ok(Fate::Unseen),
                    Some(WireIndex { synced: false }) => {
                        Err(NodeError::incomplete("the node's txindex is being built"))
                    }
                    None => Err(NodeError::Unfit("it has no txindex; set txindex=1")),
                };
            }
            Err(error) => return Err(error.into()),
        };
        let found: WireTx<'_> = borrowed(&json)?;
        if found.txid.parse() != Ok(tx) {
            return Err(NodeError::unreadable("another transaction"));
        }
        let Some(hash) = found.blockhash else { return Ok(Fate::Pending) };
        let json = self.json("getblockheader", json!([hash, true])).await?;
        let at: WireHeight = borrowed(&json)?;
        if at.confirmations < 0 {
            // In a block of a branch that was left, and not in the pool.
            return Ok(Fate::Unseen);
        }
        let hash: BlockHash = hash.parse().map_err(NodeError::unreadable)?;
        let block = BlockRef { height: at.height, hash };
        Ok(Fate::Included { block, ok: true, transfers: Vec::new(), fee: None })
    }

    async fn waiting(&self, known: &BTreeSet<TxId>) -> Result<Option<Waiting>, NodeError> {
        let json = self.json("getrawmempool", json!([false])).await?;
        let names = borrowed::<Vec<&str>>(&json)?;
        let names = names.iter().map(|name| name.parse().map_err(NodeError::unreadable));
        let names = names.collect::<Result<BTreeSet<TxId>, NodeError>>()?;
        let asked: Vec<TxId> = names.difference(known).take(WAITING_MAX).copied().collect();
        let calls: Vec<Call> =
            asked.iter().map(|tx| Call::new("getrawtransaction", json!([tx.to_string(), false]))).collect();
        let mut txs = Vec::with_capacity(asked.len());
        for (answer, named) in self.transport.batch(&calls).await?.into_iter().zip(&asked) {
            let json = match answer {
                Ok(json) => json,
                // It has left the pool meanwhile.
                Err(RpcError::Refused { code: NO_SUCH, .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let bytes = hex::decode(borrowed::<&str>(&json)?).map_err(NodeError::unreadable)?;
            let tx: bitcoin::Transaction = deserialize(&bytes).map_err(NodeError::unreadable)?;
            if crate::scan::bitcoin_name(&tx) != *named {
                return Err(NodeError::unreadable("another transaction"));
            }
            txs.push(tx);
        }
        let nowhere = BlockHash([0; 32]);
        let header = Header { block: BlockRef { height: 0, hash: nowhere }, parent: nowhere, time_ms: 0 };
        Ok(Some(Waiting { names, fresh: Block::Bitcoin(BitcoinBlock { header, txs }) }))
    }

    async fn fees(&self) -> Result<FeeFacts, NodeError> {
        let mut calls: Vec<Call> =
            TARGETS.iter().map(|target| Call::new("estimatesmartfee", json!([target, "economical"]))).collect();
        calls.push(Call::new("getmempoolinfo", json!([])));
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut targets = Vec::with_capacity(TARGETS.len());
        for target in TARGETS {
            let json = answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"))??;
            let estimate: WireEstimate<'_> = borrowed(&json)?;
            targets.push((target, estimate.feerate.map(sats).transpose()?));
        }
        let json = answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"))??;
        let pool: WirePool<'_> = borrowed(&json)?;
        let (relay_min, pool_min) = (sats(pool.minrelaytxfee)?, sats(pool.mempoolminfee)?);
        Ok(FeeFacts::Bitcoin { targets, relay_min, pool_min, increment: sats(pool.incrementalrelayfee)? })
    }

    async fn outputs(&self, outputs: &[OutPoint]) -> Result<Vec<Option<OutputFacts>>, NodeError> {
        let call = |output: &OutPoint| Call::new("gettxout", json!([output.tx.to_string(), output.vout, true]));
        let calls: Vec<Call> = outputs.iter().map(call).collect();
        let mut found = Vec::with_capacity(outputs.len());
        for answer in self.transport.batch(&calls).await? {
            let json = answer?;
            found.push(if is_null(&json) { None } else { Some(output(&borrowed(&json)?)?) });
        }
        Ok(found)
    }

    async fn balances(&self, of: &[(ChainAddress, Coin)], at: Header) -> Result<Vec<Option<u128>>, NodeError> {
        let mut scripts = Vec::with_capacity(of.len());
        let mut sums: BTreeMap<Vec<u8>, u128> = BTreeMap::new();
        for (address, coin) in of {
            if *coin != Coin::Native {
                return Err(NodeError::NoSuchThing("tokens"));
            }
            let script = script(&self.params, address)?;
            sums.insert(script.clone(), 0);
            scripts.push(script);
        }
        let wanted: Vec<String> = sums.keys().map(|script| format!("raw({})", hex::encode(script))).collect();
        // Minutes on the live network; the caller gives the transport a deadline to match.
        let json = self.json("scantxoutset", json!(["start", wanted])).await?;
        let scan: WireScan<'_> = borrowed(&json)?;
        if !scan.success || scan.bestblock.parse() != Ok(at.block.hash) {
            return Err(NodeError::incomplete("the node is not at that block"));
        }
        for unspent in &scan.unspents {
            let script = hex::decode(unspent.script).map_err(NodeError::unreadable)?;
            let sum = sums.get_mut(&script).ok_or_else(|| NodeError::unreadable("an output that was not asked for"))?;
            *sum += u128::from(sats(unspent.amount)?);
        }
        Ok(scripts.iter().map(|script| Some(sums.get(script).copied().unwrap_or_default())).collect())
    }
}

/// The script of an address.
fn script(params: &NetworkParams, address: &ChainAddress) -> Result<Vec<u8>, NodeError> {
    let form = |error: bitcoin::address::ParseError| {
        crate::TxError::from(crate::AddressError::Form { network: params.network().as_str(), why: error.to_string() })
    };
    let parsed: bitcoin::Address<_> = address.as_str().parse().map_err(form)?;
    let checked = parsed.require_network(params.bitcoin()?.library()).map_err(form)?;
    Ok(checked.script_pubkey().into_bytes())
}

fn output(wire: &WireOutput<'_>) -> Result<OutputFacts, NodeError> {
    let script = hex::decode(wire.script.hex).map_err(NodeError::unreadable)?;
    Ok(OutputFacts { sats: sats(wire.value)?, script, confirmations: wire.confirmations, coinbase: wire.coinbase })
}

/// A header of these bytes.
pub(super) fn header_of(height: u64, hash: &str, bytes: &[u8]) -> Result<Header, NodeError> {
    let header: bitcoin::block::Header = deserialize(bytes).map_err(NodeError::unreadable)?;
    named(height, hash, &header)
}

/// A block of these bytes, with the transactions that its header names and no others. Where the tree of names is odd its root is the
/// same with the last ones twice (CVE-2012-2459): no block has a transaction twice.
pub(super) fn block_of(height: u64, hash: &str, bytes: &[u8]) -> Result<BitcoinBlock, NodeError> {
    let block: bitcoin::Block = deserialize(bytes).map_err(NodeError::unreadable)?;
    let header = named(height, hash, &block.header)?;
    let names: Vec<bitcoin::Txid> = block.txdata.iter().map(bitcoin::Transaction::compute_txid).collect();
    if merkle_tree::calculate_root(names.iter().copied()).map(Into::into) != Some(block.header.merkle_root) {
        return Err(NodeError::unreadable("the block's transactions are not those that its header names"));
    }
    if names.iter().collect::<BTreeSet<_>>().len() != names.len() {
        return Err(NodeError::unreadable("a transaction stands twice in the block"));
    }
    Ok(BitcoinBlock { header, txs: block.txdata })
}

/// A header under the name by which it was asked for, which must be its own.
fn named(height: u64, hash: &str, header: &bitcoin::block::Header) -> Result<Header, NodeError> {
    let asked: BlockHash = hash.parse().map_err(NodeError::unreadable)?;
    if printed(header.block_hash()) != asked {
        return Err(NodeError::unreadable("the block has another hash than the one asked for"));
    }
    Ok(Header {
        block: BlockRef { height, hash: asked },
        parent: printed(header.prev_blockhash),
        time_ms: u64::from(header.time) * 1000,
    })
}

fn printed(hash: bitcoin::BlockHash) -> BlockHash {
    let mut bytes = hash.to_byte_array();
    bytes.reverse();
    BlockHash(bytes)
}

impl ChainNode for BitcoinNode {
    fn name(&self) -> String {
        self.transport.endpoint().to_string()
    }
    fn provider(&self) -> String {
        self.transport.endpoint().provider()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(self.identify())
    }
    fn heads(&self) -> Asking<'_, Heads> {
        Box::pin(self.heads())
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        Box::pin(self.header(height))
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        Box::pin(self.block(height))
    }
    fn waiting<'a>(&'a self, known: &'a BTreeSet<TxId>) -> Asking<'a, Option<Waiting>> {
        Box::pin(self.waiting(known))
    }
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(self.broadcast(tx, raw))
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        Box::pin(self.fate(tx))
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        Box::pin(self.fees())
    }
    fn account<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Account> {
        Box::pin(async { Err(NodeError::NoSuchThing("accounts")) })
    }
    fn outputs<'a>(&'a self, outputs: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Box::pin(self.outputs(outputs))
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        Box::pin(self.balances(of, at))
    }
    fn trial<'a>(&'a self, _: &'a TrialCall) -> Asking<'a, Trial> {
        Box::pin(async { Err(NodeError::NoSuchThing("contracts")) })
    }
}
