//! A block of an EVM network and its receipts, joined and held against each other and against the block's header.
//!
//! Invariants:
//! - A receipt for each transaction and a transaction for each receipt, all of one block.
//! - The header's gas is the receipts' together, and its root of transactions is the empty one exactly where there are none: a node
//!   that lost a block's content serves no empty block.
//! - The header's filter is that of the logs: none is missing, and none is there that the filter does not know.
//! - Polygon alone has a transaction of the network's own (state sync). Blocks may list it or not, its receipt may be among the
//!   block's or not, and gas and filter do not count it. Nothing else is forgiven.

use std::collections::BTreeMap;

use exchequer_domain::TxId;
use serde_json::value::RawValue;
use sha3::{Digest, Keccak256};

use super::borrowed;
use super::wire::{WireHeader, WireReceipt, WireTxs, named, receipt, transaction, wrong};
use crate::node::NodeError;
use crate::rpc::{fixed, quantity_u64};
use crate::scan::{EvmBlock, EvmReceipt, Header};

const BLOOM_BYTES: usize = 256;
/// The kind of Polygon's own transaction.
const POLYGON_STATE_SYNC: u64 = 0x7f;
/// What the name of Polygon's own transaction is derived from, with the block's number and hash.
const POLYGON_STATE_SYNC_PREFIX: &[u8] = b"matic-bor-receipt-";
/// The root of a tree of nothing: the hash of the empty string as RLP writes it.
const EMPTY_ROOT: [u8; 32] = [
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e, 0x5b, 0x48, 0xe0,
    0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
];

/// How strictly receipts are joined with transactions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Joining {
    /// Whether there may be a transaction of the network's own (Polygon).
    pub(super) state_sync: bool,
    /// Whether the block's filter is held against the logs.
    pub(super) bloom: bool,
}

/// A receipt as it is compared.
struct Told {
    receipt: EvmReceipt,
    gas: u64,
    state_sync: bool,
}

/// A block and its receipts, joined by the transactions' names and compared.
pub(super) fn join(block: &RawValue, receipts: &RawValue, how: Joining) -> Result<EvmBlock, NodeError> {
    let wire: WireHeader<'_> = borrowed(block)?;
    let header = named(&wire)?;
    let txs: WireTxs<'_> = borrowed(block)?;
    let derived = state_sync_name(&header);
    let own = |tx: TxId, kind: Option<u64>| how.state_sync && (kind == Some(POLYGON_STATE_SYNC) || tx == derived);
    let mut found = BTreeMap::new();
    for wire in &borrowed::<Vec<WireReceipt<'_>>>(receipts)? {
        let (receipt, of, _) = receipt(wire).ok_or_else(|| wrong("a receipt that cannot be read"))?;
        if of != header.block {
            return Err(NodeError::incomplete(format!(
                "a receipt is of block {}, not of {}",
                of.hash, header.block.hash
            )));
        }
        let gas = wire.gas_used.and_then(quantity_u64).ok_or_else(|| wrong("a receipt without its gas"))?;
        let state_sync = own(receipt.tx, wire.kind.and_then(quantity_u64));
        if let Some(twice) = found.insert(receipt.tx, Told { receipt, gas, state_sync }) {
            return Err(NodeError::incomplete(format!("transaction {} has two receipts", twice.receipt.tx)));
        }
    }
    same_gas(&wire, found.values())?;
    if how.bloom {
        same_logs(&wire, found.values())?;
    }
    let mut joined = EvmBlock { header, txs: Vec::new(), receipts: Vec::new(), traces: None };
    let mut ordinary = 0_usize;
    for wire in &txs.transactions {
        let tx = transaction(wire).ok_or_else(|| wrong("a transaction that cannot be read"))?;
        let own = own(tx.hash, Some(tx.kind));
        ordinary += usize::from(!own);
        let receipt = match found.remove(&tx.hash) {
            Some(told) => told.receipt,
            None if own => EvmReceipt { tx: tx.hash, ok: false, logs: Vec::new() },
            None => return Err(NodeError::incomplete(format!("transaction {} has no receipt", tx.hash))),
        };
        joined.txs.push(tx);
        joined.receipts.push(receipt);
    }
    let root = wire.transactions_root.and_then(fixed).ok_or_else(|| wrong("a block without a root of transactions"))?;
    if (root == EMPTY_ROOT && ordinary > 0) || (root != EMPTY_ROOT && joined.txs.is_empty()) {
        return Err(NodeError::incomplete("the block's header and its list do not agree whether it has transactions"));
    }
    // Polygon gives the receipt of its own transaction also where the block does not list it.
    let forgiven = found.len() == 1 && found.values().all(|told| told.state_sync);
    if !found.is_empty() && !forgiven {
        return Err(NodeError::incomplete(format!("{} receipts are of no transaction of the block", found.len())));
    }
    Ok(joined)
}

/// The name of the transaction that Polygon adds to a block.
fn state_sync_name(header: &Header) -> TxId {
    let hash = Keccak256::new()
        .chain_update(POLYGON_STATE_SYNC_PREFIX)
        .chain_update(header.block.height.to_be_bytes())
        .chain_update(header.block.hash.0);
    TxId(hash.finalize().into())
}

/// The header's gas is that of all receipts together; whether with the network's own transaction depends on Polygon's version.
fn same_gas<'a>(wire: &WireHeader<'_>, told: impl Iterator<Item = &'a Told>) -> Result<(), NodeError> {
    let used = wire.gas_used.and_then(quantity_u64).ok_or_else(|| wrong("a block without its gas"))?;
    let (mut ordinary, mut all) = (0_u64, 0_u64);
    for told in told {
        all = all.saturating_add(told.gas);
        ordinary = ordinary.saturating_add(if told.state_sync { 0 } else { told.gas });
    }
    if used == ordinary || used == all {
        Ok(())
    } else {
        Err(NodeError::incomplete(format!("the block used {used} gas, its receipts {ordinary}: some are not its own")))
    }
}

/// The block's filter knows of every entry of every log, and of nothing else.
fn same_logs<'a>(wire: &WireHeader<'_>, told: impl Iterator<Item = &'a Told>) -> Result<(), NodeError> {
    let bloom = wire.logs_bloom.ok_or_else(|| wrong("a block without a filter"))?;
    let bloom: [u8; BLOOM_BYTES] = fixed(bloom).ok_or_else(|| wrong("a filter that cannot be read"))?;
    let (mut ordinary, mut own) = ([0_u8; BLOOM_BYTES], [0_u8; BLOOM_BYTES]);
    for told in told {
        let filter = if told.state_sync { &mut own } else { &mut ordinary };
        for log in &told.receipt.logs {
            add(filter, &log.address);
            log.topics.iter().for_each(|topic| add(filter, topic));
        }
    }
    if bloom.iter().zip(&ordinary).zip(&own).any(|((bloom, ordinary), own)| bloom & !(ordinary | own) != 0) {
        return Err(NodeError::incomplete("the block's filter knows of log entries that no receipt has"));
    }
    if bloom.iter().zip(&ordinary).any(|(bloom, ordinary)| ordinary & !bloom != 0) {
        return Err(NodeError::incomplete("receipts have log entries of which the block's filter does not know"));
    }
    Ok(())
}

fn add(filter: &mut [u8; BLOOM_BYTES], bytes: &[u8]) {
    let hash = Keccak256::digest(bytes);
    for pair in hash.chunks_exact(2).take(3) {
        let bit = usize::from(u16::from_be_bytes([pair[0], pair[1]]) & 0x7ff);
        filter[BLOOM_BYTES - 1 - bit / 8] |= 1 << (bit % 8);
    }
}
