//! What EVM nodes say, as far as it is read. Fields that are not named here may be anything.

use exchequer_domain::{BlockHash, BlockRef, TxId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::roots::WireSeal;
use crate::node::NodeError;
use crate::rpc::{RpcError, Wide, data, fixed, quantity_u64, quantity_wide};
use crate::scan::{EvmBlock, EvmLog, EvmReceipt, EvmTx, Frame, Header};

/// Either a lie, or the network has rules that are newer than this program: then roots are switched off until it is newer too.
const NOT_ITS_NAME: &str = "a block whose name does not follow from its header";
/// Most calls of one transaction that are read: more than gas allows.
const CALLS_MAX: usize = 2_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireHeader<'a> {
    #[serde(default, borrow)]
    number: Option<&'a str>,
    #[serde(default, borrow)]
    hash: Option<&'a str>,
    #[serde(borrow)]
    parent_hash: &'a str,
    #[serde(borrow)]
    timestamp: &'a str,
    #[serde(default, borrow)]
    pub(super) logs_bloom: Option<&'a str>,
    #[serde(default, borrow)]
    pub(super) gas_used: Option<&'a str>,
    #[serde(default, borrow)]
    pub(super) transactions_root: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct WireTxs<'a> {
    #[serde(borrow)]
    pub(super) transactions: Vec<WireTx<'a>>,
}

#[derive(Deserialize)]
pub(super) struct WireTx<'a> {
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
    #[serde(default, borrow, rename = "type")]
    pub(super) kind: Option<&'a str>,
    #[serde(borrow)]
    transaction_hash: &'a str,
    #[serde(borrow)]
    block_hash: &'a str,
    #[serde(borrow)]
    block_number: &'a str,
    #[serde(default, borrow)]
    status: Option<&'a str>,
    #[serde(default, borrow)]
    pub(super) gas_used: Option<&'a str>,
    #[serde(default, borrow)]
    pub(super) cumulative_gas_used: Option<&'a str>,
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

pub(super) fn wrong(what: &'static str) -> NodeError {
    NodeError::unreadable(what)
}

/// A JSON text as a type that borrows from it.
pub(crate) fn borrowed<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T, NodeError> {
    serde_json::from_str(json.get()).map_err(|error| NodeError::Rpc(RpcError::misshapen(&error)))
}

/// Whether a result is null: the node has no such thing.
pub(crate) fn is_null(json: &RawValue) -> bool {
    json.get() == "null"
}

/// A block's name. A block that waits has none, and is no block.
pub(super) fn header(json: &RawValue) -> Result<Header, NodeError> {
    named(&borrowed(json)?)
}

pub(super) fn named(wire: &WireHeader<'_>) -> Result<Header, NodeError> {
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

/// A block's name, which must follow from its header.
pub(super) fn sealed(json: &RawValue) -> Result<Header, NodeError> {
    let named = header(json)?;
    let seal: WireSeal<'_> = borrowed(json)?;
    if seal.hash()? == named.block.hash.0 { Ok(named) } else { Err(wrong(NOT_ITS_NAME)) }
}

/// The names of a block's transactions, whole or by hash.
pub(super) fn names(json: &RawValue) -> Result<Vec<String>, NodeError> {
    let txs: WireTxs<'_> = borrowed(json)?;
    Ok(txs.transactions.iter().map(|tx| tx.hash.to_owned()).collect())
}

pub(super) fn transaction(wire: &WireTx<'_>) -> Option<EvmTx> {
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
