//! Nodes of EVM networks.

mod ask;
mod classify;
mod join;
mod roots;
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};

use exchequer_domain::{ChainAddress, Network, OutPoint, TxId};
use serde_json::{Value, json};

pub use classify::classify;
pub(crate) use wire::{borrowed, is_null};

use self::join::{Joining, join};
use self::wire::WireReceipt;
use super::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, Fates, FeeFacts, Heads, NodeError, OutputFacts, Transfer,
    Trial, TrialCall,
};
use crate::rpc::{Call, RpcError, Transport};
use crate::scan::{Block, EvmBlock, EvmReceipt, Header, evm_transfers};
use crate::{Coin, NetworkParams};

/// BSC: the highest block that two thirds of the validators have voted for.
const BSC_TWO_THIRDS: i64 = -2;

/// What a node is asked to do besides.
#[derive(Debug, Clone, Copy)]
pub struct EvmOptions {
    /// Whether it traces calls: only then coin that contracts send on is seen.
    pub traces: bool,
    /// Whether blocks' filters are held against their logs, which shows logs that were cut or made up.
    pub bloom: bool,
    /// Whether a block's name is computed from its header, and the header's root from the receipts, so that nothing can be left
    /// out of them. To be switched off where a network has added to its headers what this program does not know yet.
    pub roots: bool,
}

impl Default for EvmOptions {
    fn default() -> EvmOptions {
        EvmOptions { traces: false, bloom: true, roots: true }
    }
}

/// A node of an EVM network.
#[derive(Debug)]
pub struct EvmNode {
    transport: Transport,
    params: NetworkParams,
    options: EvmOptions,
    /// It turned out not to know the call for all receipts, or all traces, of a block.
    no_block_receipts: AtomicBool,
    no_block_traces: AtomicBool,
}

impl EvmNode {
    /// A node by the way to it.
    #[must_use]
    pub fn new(transport: Transport, params: NetworkParams, options: EvmOptions) -> EvmNode {
        let (no_block_receipts, no_block_traces) = (AtomicBool::new(false), AtomicBool::new(false));
        EvmNode { transport, params, options, no_block_receipts, no_block_traces }
    }

    fn joining(&self) -> Joining {
        Joining { network: self.params.network(), bloom: self.options.bloom, roots: self.options.roots }
    }

    fn header_of(&self, json: &serde_json::value::RawValue) -> Result<Header, NodeError> {
        header_of(self.options, json)
    }

    /// The block of a tag. A node that does not know the tag says so by an error, before the first final block by an error or
    /// null.
    fn tagged(&self, answer: Result<Box<serde_json::value::RawValue>, RpcError>) -> Result<Option<Header>, NodeError> {
        match answer {
            Ok(json) if is_null(&json) => Ok(None),
            Ok(json) => self.header_of(&json).map(Some),
            Err(RpcError::Refused { .. }) => Ok(None),
            Err(error) => Err(NodeError::from(error)),
        }
    }

    async fn heads(&self) -> Result<Heads, NodeError> {
        let by = |tag: &str| Call::new("eth_getBlockByNumber", json!([tag, false]));
        let mut answers = self.transport.batch(&[by("finalized"), by("safe"), by("latest")]).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (finalized, safe, head) = (next()?, next()?, next()?);
        let head = self.tagged(head)?.ok_or_else(|| NodeError::incomplete("the node has no head"))?;
        let mut finalized = self.tagged(finalized)?;
        if finalized.is_none() && self.params.network() == Network::Bsc {
            let call = Call::new("eth_getFinalizedHeader", json!([BSC_TWO_THIRDS]));
            let answer = self.transport.batch(&[call]).await?.into_iter().next();
            finalized = answer.map(|answer| self.tagged(answer)).transpose()?.flatten();
        }
        Ok(Heads { head, safe: self.tagged(safe)?, finalized })
    }

    async fn header(&self, height: u64) -> Result<Option<Header>, NodeError> {
        let call = Call::new("eth_getBlockByNumber", json!([hex(height), false]));
        let json: Box<serde_json::value::RawValue> = self.transport.call(&call).await?;
        if is_null(&json) { Ok(None) } else { at(height, self.header_of(&json)?).map(Some) }
    }

    async fn block(&self, height: u64) -> Result<Option<Block>, NodeError> {
        let whole = Call::new("eth_getBlockByNumber", json!([hex(height), true]));
        let mut calls = vec![whole];
        if !self.no_block_receipts.load(Ordering::Relaxed) {
            calls.push(Call::new("eth_getBlockReceipts", json!([hex(height)])));
        }
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let block = answers.next().ok_or_else(|| NodeError::incomplete("the block is missing"))??;
        if is_null(&block) {
            return Ok(None);
        }
        at(height, self.header_of(&block)?)?;
        let receipts = match answers.next() {
            Some(Ok(json)) if is_null(&json) => return Err(NodeError::incomplete("the block has no receipts yet")),
            Some(Ok(json)) => json,
            Some(Err(error)) if error.method_unknown() => {
                self.no_block_receipts.store(true, Ordering::Relaxed);
                self.receipts_one_by_one(&block).await?
            }
            Some(Err(error)) => return Err(error.into()),
            None => self.receipts_one_by_one(&block).await?,
        };
        let mut joined = join(&block, &receipts, self.joining())?;
        if self.options.traces && !joined.txs.is_empty() {
            joined.traces = Some(self.traces(&joined).await?);
        }
        Ok(Some(Block::Evm(joined)))
    }

    async fn receipts_one_by_one(
        &self,
        block: &serde_json::value::RawValue,
    ) -> Result<Box<serde_json::value::RawValue>, NodeError> {
        let names = wire::names(block)?;
        let calls: Vec<Call> = names.iter().map(|name| Call::new("eth_getTransactionReceipt", json!([name]))).collect();
        let mut list = String::from("[");
        for answer in self.transport.batch(&calls).await? {
            let receipt = answer?;
            // Null of one that is in the block: a replica that lags. Whether one may lack its receipt is the joining's to say.
            if !is_null(&receipt) {
                if list.len() > 1 {
                    list.push(',');
                }
                list.push_str(receipt.get());
            }
        }
        list.push(']');
        serde_json::value::RawValue::from_string(list).map_err(NodeError::unreadable)
    }

    async fn traces(&self, block: &EvmBlock) -> Result<Vec<Vec<crate::scan::Frame>>, NodeError> {
        let tracer = json!({"tracer": "callTracer"});
        if !self.no_block_traces.load(Ordering::Relaxed) {
            let hash = format!("0x{}", block.header.block.hash);
            let call = Call::new("debug_traceBlockByHash", json!([hash, tracer]));
            match self.transport.call::<Box<serde_json::value::RawValue>>(&call).await {
                Ok(json) => return wire::traces(&json, block),
                Err(error) if error.method_unknown() => self.no_block_traces.store(true, Ordering::Relaxed),
                Err(error) => return Err(error.into()),
            }
        }
        let one =
            |tx: &crate::scan::EvmTx| Call::new("debug_traceTransaction", json!([format!("0x{}", tx.hash), tracer]));
        let mut calls: Vec<Call> = block.txs.iter().map(one).collect();
        // Asked by name, a transaction is traced in whatever block it is: that must still be this one afterwards.
        calls.push(Call::new("eth_getBlockByNumber", json!([hex(block.header.block.height), false])));
        let mut answers = self.transport.batch(&calls).await?;
        let after = answers.pop().ok_or_else(|| NodeError::incomplete("an answer is missing"))??;
        if is_null(&after) || wire::header(&after)? != block.header {
            return Err(NodeError::incomplete("the node left its branch meanwhile"));
        }
        let mut traces = Vec::with_capacity(answers.len());
        for answer in answers {
            traces.push(wire::frames(&answer?)?);
        }
        Ok(traces)
    }

    async fn broadcast(&self, tx: TxId, raw: &[u8]) -> Broadcast {
        let call = Call::new("eth_sendRawTransaction", json!([format!("0x{}", hex::encode(raw))]));
        match self.transport.call::<Value>(&call).await {
            Ok(answer) => match answer.as_str().map(str::parse::<TxId>) {
                Some(Ok(named)) if named == tx => Broadcast::Accepted,
                Some(_) | None => Broadcast::Unknown("the node named another transaction".to_owned()),
            },
            Err(RpcError::Refused { message, .. }) => classify(&message),
            // What was not sent is unknown too: an earlier sending may have arrived.
            Err(error) => Broadcast::Unknown(error.to_string()),
        }
    }

    async fn fate_and_final(&self, tx: TxId) -> Result<(Fate, Option<u64>), NodeError> {
        let name = format!("0x{tx}");
        // The last final block first: should the batch be answered piece by piece, the answer is not older than it.
        let calls = [
            Call::new("eth_getBlockByNumber", json!(["finalized", false])),
            Call::new("eth_getTransactionReceipt", json!([name])),
            Call::new("eth_getTransactionByHash", json!([name])),
        ];
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (last, receipt, transaction) = (next()?, next()??, next()??);
        let fate = self.told(tx, &receipt, &transaction)?;
        match self.tagged(last)? {
            Some(last) => Ok((fate, Some(last.block.height))),
            // It has another way to say it; then the height is asked for before the fate.
            None if self.params.network() == Network::Bsc => {
                let last = self.heads().await?.finalized.map(|header| header.block.height);
                Ok((self.fate(tx).await?, last))
            }
            None => Ok((fate, None)),
        }
    }

    async fn fates_and_final(&self, txs: &[TxId]) -> Result<(Fates, Option<u64>), NodeError> {
        let mut calls = vec![Call::new("eth_getBlockByNumber", json!(["finalized", false]))];
        for tx in txs {
            let name = format!("0x{tx}");
            calls.push(Call::new("eth_getTransactionReceipt", json!([name])));
            calls.push(Call::new("eth_getTransactionByHash", json!([name])));
        }
        // BSC's nodes have another way to say what is final; it is asked for before the fates.
        let other = match self.params.network() {
            Network::Bsc => self.heads().await?.finalized.map(|header| header.block.height),
            _ => None,
        };
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let last = self.tagged(next()?)?.map(|header| header.block.height).or(other);
        let mut fates = Vec::with_capacity(txs.len());
        for tx in txs {
            let (receipt, transaction) = (next()?, next()?);
            fates.push(match (receipt, transaction) {
                (Ok(receipt), Ok(transaction)) => self.told(*tx, &receipt, &transaction),
                (Err(error), _) | (_, Err(error)) => Err(error.into()),
            });
        }
        Ok((fates, last))
    }

    async fn fate(&self, tx: TxId) -> Result<Fate, NodeError> {
        let name = format!("0x{tx}");
        let calls = [
            Call::new("eth_getTransactionReceipt", json!([name])),
            Call::new("eth_getTransactionByHash", json!([name])),
        ];
        let mut answers = self.transport.batch(&calls).await?.into_iter();
        let mut next = || answers.next().ok_or_else(|| NodeError::incomplete("an answer is missing"));
        let (receipt, transaction) = (next()??, next()??);
        self.told(tx, &receipt, &transaction)
    }

    /// What became of a transaction by a node's two answers. What cannot be read is known all the same.
    fn told(
        &self,
        tx: TxId,
        receipt: &serde_json::value::RawValue,
        transaction: &serde_json::value::RawValue,
    ) -> Result<Fate, NodeError> {
        if !is_null(receipt) {
            let wire: WireReceipt<'_> = borrowed(receipt)?;
            let read = wire::receipt(&wire).ok_or_else(|| NodeError::incomplete("a receipt that cannot be read"))?;
            let (receipt, block, fee) = read;
            if receipt.tx != tx {
                return Err(NodeError::unreadable("the receipt of another transaction"));
            }
            let transfers = self.transfers(&receipt);
            return Ok(Fate::Included { block, ok: receipt.ok, transfers, fee });
        }
        if is_null(transaction) {
            return Ok(Fate::Unseen);
        }
        let transaction: Value = borrowed(transaction)?;
        if transaction["hash"].as_str().and_then(|hash| hash.parse().ok()) != Some(tx) {
            return Err(NodeError::unreadable("another transaction"));
        }
        match &transaction["blockHash"] {
            Value::Null => Ok(Fate::Pending),
            _ => Err(NodeError::incomplete("the transaction is in a block, and its receipt is missing")),
        }
    }

    fn transfers(&self, receipt: &EvmReceipt) -> Vec<Transfer> {
        super::facts_of(&self.params, evm_transfers(receipt))
    }
}

/// A number as these nodes want it.
fn hex(number: u64) -> String {
    format!("{number:#x}")
}

impl ChainNode for EvmNode {
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
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        Box::pin(self.broadcast(tx, raw))
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        Box::pin(self.fate(tx))
    }
    fn fate_and_final(&self, tx: TxId) -> Asking<'_, (Fate, Option<u64>)> {
        Box::pin(self.fate_and_final(tx))
    }
    fn fates_and_final<'a>(&'a self, txs: &'a [TxId]) -> Asking<'a, (Fates, Option<u64>)> {
        Box::pin(self.fates_and_final(txs))
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        Box::pin(self.fees())
    }
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account> {
        Box::pin(self.account(address))
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Box::pin(async { Err(NodeError::NoSuchThing("outputs")) })
    }
    fn nonces<'a>(&'a self, of: &'a [ChainAddress], at: Header) -> Asking<'a, Vec<Option<u64>>> {
        Box::pin(self.nonces(of, at))
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        Box::pin(self.balances(of, at))
    }
    fn decimals<'a>(&'a self, token: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        Box::pin(self.decimals(token))
    }
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial> {
        Box::pin(self.trial(call))
    }
}

/// A header under the name that the node gives it.
pub(super) fn header_of(options: EvmOptions, json: &serde_json::value::RawValue) -> Result<Header, NodeError> {
    if options.roots { wire::sealed(json) } else { wire::header(json) }
}

/// A header of the height that was asked for.
pub(super) fn at(height: u64, header: Header) -> Result<Header, NodeError> {
    if header.block.height == height {
        Ok(header)
    } else {
        Err(NodeError::unreadable(format!("block {} for block {height}", header.block.height)))
    }
}

#[cfg(test)]
pub(super) use roots::seal;

/// A block and its receipts as they are joined.
#[cfg(test)]
pub(super) fn joined(
    (network, options): (Network, EvmOptions),
    block: &serde_json::value::RawValue,
    receipts: &serde_json::value::RawValue,
) -> Result<EvmBlock, NodeError> {
    join(block, receipts, Joining { network, bloom: options.bloom, roots: options.roots })
}

#[cfg(test)]
pub(super) fn frames_of(json: &serde_json::value::RawValue) -> Result<Vec<crate::scan::Frame>, NodeError> {
    wire::frames(json)
}
