//! What EVM nodes say, as far as it is read. Fields that are not named here may be anything.

use std::collections::BTreeMap;

use exchequer_domain::{BlockHash, BlockRef, TxId};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha3::{Digest, Keccak256};

use crate::node::NodeError;
use crate::rpc::{Wide, data, fixed, quantity_u64, quantity_wide};
use crate::scan::{EvmBlock, EvmLog, EvmReceipt, EvmTx, Frame, Header};

/// Most calls of one transaction that are read: more than gas allows.
const CALLS_MAX: usize = 2_000_000;
const BLOOM_BYTES: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHeader<'a> {
    #[serde(default, borrow)]
    number: Option<&'a str>,
    #[serde(default, borrow)]
    hash: Option<&'a str>,
    #[serde(borrow)]
    parent_hash: &'a str,
    #[serde(borrow)]
    timestamp: &'a str,
    #[serde(default, borrow)]
    logs_bloom: Option<&'a str>,
}

#[derive(Deserialize)]
struct WireTxs<'a> {
    #[serde(borrow)]
    transactions: Vec<WireTx<'a>>,
}

#[derive(Deserialize)]
struct WireTx<'a> {
    #[serde(borrow)]
    hash: &'a str,
    #[serde(default, borrow, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    from: &'a str,
    #[serde(default, borrow)]
    to: Option<&'a str>,
    #[serde(default, borrow)]
    value: Option<&'a str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireReceipt<'a> {
    #[serde(borrow)]
    transaction_hash: &'a str,
    #[serde(borrow)]
    block_hash: &'a str,
    #[serde(borrow)]
    block_number: &'a str,
    #[serde(default, borrow)]
    status: Option<&'a str>,
    #[serde(default, borrow)]
    gas_used: Option<&'a str>,
    #[serde(default, borrow)]
    effective_gas_price: Option<&'a str>,
    #[serde(borrow)]
    logs: Vec<WireLog<'a>>,
}

#[derive(Deserialize)]
struct WireLog<'a> {
    #[serde(borrow)]
    address: &'a str,
    #[serde(borrow)]
    topics: Vec<&'a str>,
    #[serde(borrow)]
    data: &'a str,
    #[serde(default)]
    removed: bool,
}

fn wrong(what: &'static str) -> NodeError {
    NodeError::unreadable(what)
}

/// A JSON text as a type that borrows from it.
pub(crate) fn borrowed<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, NodeError> {
    serde_json::from_str(json.get()).map_err(NodeError::unreadable)
}

/// Whether a result is null: the node has no such thing.
pub(crate) fn is_null(json: &RawValue) -> bool {
    json.get() == "null"
}

/// A block's name. A block that waits has none, and is no block.
pub(super) fn header(json: &RawValue) -> Result<Header, NodeError> {
    named(&borrowed(json)?)
}

fn named(wire: &WireHeader<'_>) -> Result<Header, NodeError> {
    let number = wire.number.and_then(quantity_u64).ok_or_else(|| wrong("a block without a number"))?;
    let hash = wire.hash.and_then(fixed).ok_or_else(|| wrong("a block without a hash"))?;
    let parent = fixed(wire.parent_hash).ok_or_else(|| wrong("a block without a parent"))?;
    let seconds = quantity_u64(wire.timestamp).ok_or_else(|| wrong("a block without a time"))?;
    Ok(Header {
        block: BlockRef { height: number, hash: BlockHash(hash) },
        parent: BlockHash(parent),
        time_ms: seconds.saturating_mul(1000),
    })
}

/// The names of a block's transactions, whole or by hash.
pub(super) fn names(json: &RawValue) -> Result<Vec<String>, NodeError> {
    let txs: WireTxs<'_> = borrowed(json)?;
    Ok(txs.transactions.iter().map(|tx| tx.hash.to_owned()).collect())
}

fn transaction(wire: &WireTx<'_>) -> Option<EvmTx> {
    let to = match wire.to {
        Some(to) => Some(fixed(to)?),
        None => None,
    };
    Some(EvmTx {
        hash: TxId(fixed(wire.hash)?),
        // Nodes that know one kind only leave it out.
        kind: wire.kind.map_or(Some(0), quantity_u64)?,
        from: fixed(wire.from)?,
        to,
        value: wire.value.map_or(Some(Wide::default()), quantity_wide)?,
    })
}

fn log(wire: &WireLog<'_>) -> Option<EvmLog> {
    let topics = wire.topics.iter().map(|topic| fixed(topic)).collect::<Option<Vec<[u8; 32]>>>()?;
    Some(EvmLog { address: fixed(wire.address)?, topics, data: data(wire.data)?, removed: wire.removed })
}

/// A receipt, the block that it says it is of, and what the transaction cost.
pub(super) fn receipt(wire: &WireReceipt<'_>) -> Option<(EvmReceipt, BlockRef, Option<u128>)> {
    let logs = wire.logs.iter().map(log).collect::<Option<Vec<EvmLog>>>()?;
    // Blocks of before 2017 have a state's hash instead of a status: never taken for success.
    let ok = wire.status.and_then(quantity_u64) == Some(1);
    let block = BlockRef { height: quantity_u64(wire.block_number)?, hash: BlockHash(fixed(wire.block_hash)?) };
    let number = |text: Option<&str>| text.and_then(quantity_wide).and_then(Wide::narrow);
    let fee =
        number(wire.gas_used).zip(number(wire.effective_gas_price)).and_then(|(gas, price)| gas.checked_mul(price));
    Some((EvmReceipt { tx: TxId(fixed(wire.transaction_hash)?), ok, logs }, block, fee))
}

/// How strictly receipts are joined with transactions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joining {
    /// A kind of transaction that may lack a receipt of the block's, and is the network's own (Polygon).
    pub(super) without_receipt: Option<u64>,
    /// Whether the block's filter is held against the logs.
    pub(super) bloom: bool,
}

/// A block and its receipts, joined by the transactions' names and compared.
pub(super) fn join(block: &RawValue, receipts: &RawValue, how: Joining) -> Result<EvmBlock, NodeError> {
    let wire: WireHeader<'_> = borrowed(block)?;
    let header = named(&wire)?;
    let txs: WireTxs<'_> = borrowed(block)?;
    let mut found = BTreeMap::new();
    for wire in &borrowed::<Vec<WireReceipt<'_>>>(receipts)? {
        let (receipt, of, _) = receipt(wire).ok_or_else(|| wrong("a receipt that cannot be read"))?;
        if of != header.block {
            return Err(NodeError::incomplete(format!(
                "a receipt is of block {}, not of {}",
                of.hash, header.block.hash
            )));
        }
        if let Some(twice) = found.insert(receipt.tx, receipt) {
            return Err(NodeError::incomplete(format!("transaction {} has two receipts", twice.tx)));
        }
    }
    if let Some(bloom) = wire.logs_bloom.filter(|_| how.bloom) {
        whole_logs(bloom, found.values())?;
    }
    let mut joined = EvmBlock { header, txs: Vec::new(), receipts: Vec::new(), traces: None };
    for wire in &txs.transactions {
        let tx = transaction(wire).ok_or_else(|| wrong("a transaction that cannot be read"))?;
        let receipt = match found.remove(&tx.hash) {
            Some(receipt) => receipt,
            None if how.without_receipt == Some(tx.kind) => EvmReceipt { tx: tx.hash, ok: false, logs: Vec::new() },
            None => return Err(NodeError::incomplete(format!("transaction {} has no receipt", tx.hash))),
        };
        joined.txs.push(tx);
        joined.receipts.push(receipt);
    }
    // Polygon gives the receipt of its own transaction also where the block does not list it.
    let spare = usize::from(how.without_receipt.is_some());
    if found.len() > spare {
        return Err(NodeError::incomplete(format!("{} receipts are of no transaction of the block", found.len())));
    }
    Ok(joined)
}

/// The block's filter knows of every entry of every log: where one of its bits is explained by none, entries are missing.
fn whole_logs<'a>(bloom: &str, receipts: impl Iterator<Item = &'a EvmReceipt>) -> Result<(), NodeError> {
    let told: [u8; BLOOM_BYTES] = fixed(bloom).ok_or_else(|| wrong("a filter that cannot be read"))?;
    let mut explained = [0_u8; BLOOM_BYTES];
    let mut add = |bytes: &[u8]| {
        let hash = Keccak256::digest(bytes);
        for pair in hash.chunks_exact(2).take(3) {
            let bit = usize::from(u16::from_be_bytes([pair[0], pair[1]]) & 0x7ff);
            explained[BLOOM_BYTES - 1 - bit / 8] |= 1 << (bit % 8);
        }
    };
    for log in receipts.flat_map(|receipt| &receipt.logs) {
        add(&log.address);
        log.topics.iter().for_each(|topic| add(topic));
    }
    if told.iter().zip(&explained).any(|(told, explained)| told & !explained != 0) {
        return Err(NodeError::incomplete("the block's filter knows of log entries that no receipt has"));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireTrace<'a> {
    #[serde(default, borrow)]
    tx_hash: Option<&'a str>,
    #[serde(default, borrow)]
    result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireFrame<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    from: &'a str,
    #[serde(default, borrow)]
    to: Option<&'a str>,
    #[serde(default, borrow)]
    value: Option<&'a str>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
    #[serde(default, borrow)]
    calls: Vec<&'a RawValue>,
}

/// The calls of a block's transactions, of which there must be exactly these.
pub(super) fn traces(json: &RawValue, block: &EvmBlock) -> Result<Vec<Vec<Frame>>, NodeError> {
    let all: Vec<WireTrace<'_>> = borrowed(json)?;
    let named =
        |trace: &WireTrace<'_>, tx: &EvmTx| trace.tx_hash.and_then(fixed).is_none_or(|hash| TxId(hash) == tx.hash);
    if all.len() != block.txs.len() || !all.iter().zip(&block.txs).all(|(trace, tx)| named(trace, tx)) {
        return Err(NodeError::incomplete("the traces are not those of the block's transactions"));
    }
    let result = |trace: &WireTrace<'_>| match trace.result {
        Some(result) => frames(result),
        None => Err(NodeError::incomplete("a transaction's trace is missing")),
    };
    all.iter().map(result).collect()
}

/// A tree of calls in the order in which they were made. Its depth is up to whoever wrote the contracts, so nothing here recurses.
pub(super) fn frames(json: &RawValue) -> Result<Vec<Frame>, NodeError> {
    let mut frames = Vec::new();
    let mut open: Vec<(u32, &RawValue)> = vec![(0, json)];
    while let Some((depth, json)) = open.pop() {
        let wire: WireFrame<'_> = borrowed(json)?;
        if frames.len() + open.len() + wire.calls.len() > CALLS_MAX {
            return Err(wrong("a trace of more calls than there can be"));
        }
        frames.push(frame(depth, &wire).ok_or_else(|| wrong("a call that cannot be read"))?);
        open.extend(wire.calls.iter().rev().map(|call| (depth + 1, *call)));
    }
    Ok(frames)
}

fn frame(depth: u32, wire: &WireFrame<'_>) -> Option<Frame> {
    let to = match wire.to.filter(|to| !to.is_empty()) {
        Some(to) => Some(fixed(to)?),
        None => None,
    };
    let value = wire.value.filter(|value| !value.is_empty()).map_or(Some(Wide::default()), quantity_wide)?;
    Some(Frame { depth, kind: wire.kind.to_owned(), from: fixed(wire.from)?, to, value, failed: wire.error.is_some() })
}
