//! A block of an EVM network and its receipts, joined and held against each other and against the block's header.
//!
//! Invariants:
//! - A receipt for each transaction and a transaction for each receipt, all of one block.
//! - The header's gas is the receipts' together, and its root of transactions is the empty one exactly where there are none: a node
//!   that lost a block's content serves no empty block.
//! - The header's filter is that of the logs: none is missing, and none is there that the filter does not know.
//! - The block's name follows from its header, and the header's root of receipts from the receipts.
//! - Polygon (state sync) and Arbitrum (first in each block) have a transaction of the network's own, which moves nothing. Polygon's
//!   blocks may list it or not, its receipt may be among the block's or not, and gas and filter do not count it. Whether roots
//!   count it depends on the network's version. Nothing else is forgiven.

use std::collections::BTreeMap;

use exchequer_domain::{Network, TxId};
use serde_json::value::RawValue;
use sha3::{Digest, Keccak256};

use super::borrowed;
use super::roots::{BLOOM_BYTES, WireSeal, add, ordered_root, receipt_bytes};
use super::wire::{WireHeader, WireReceipt, WireTxs, named, receipt, transaction, wrong};
use crate::node::NodeError;
use crate::rpc::{fixed, quantity_u64};
use crate::scan::{EvmBlock, EvmReceipt, Header};

/// The kind of Polygon's own transaction.
const POLYGON_STATE_SYNC: u64 = 0x7f;
/// The kind of Arbitrum's own.
const ARBITRUM_INTERNAL: u64 = 0x6a;
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
    /// Whose blocks.
    pub(super) network: Network,
    /// Whether the block's filter is held against the logs.
    pub(super) bloom: bool,
    /// Whether the block's name and its root of receipts are computed.
    pub(super) roots: bool,
}

impl Joining {
    /// Whether a transaction may be one of Polygon's own, of which blocks say what they like.
    fn loose(self, tx: TxId, kind: Option<u64>, derived: TxId) -> bool {
        self.network == Network::Polygon && (kind == Some(POLYGON_STATE_SYNC) || tx == derived)
    }

    /// Whether a transaction is one of the network's own, by its kind.
    fn own(self, kind: Option<u64>) -> bool {
        match self.network {
            Network::Polygon => kind == Some(POLYGON_STATE_SYNC),
            Network::Arbitrum => kind == Some(ARBITRUM_INTERNAL),
            Network::Ethereum | Network::Bsc | Network::Bitcoin | Network::Tron => false,
        }
    }
}

/// A receipt as it is compared.
struct Told {
    receipt: EvmReceipt,
    gas: u64,
    state_sync: bool,
    /// As the root of receipts knows it, where that is computed.
    bytes: Vec<u8>,
}

/// A block and its receipts, joined by the transactions' names and compared.
pub(super) fn join(block: &RawValue, receipts: &RawValue, how: Joining) -> Result<EvmBlock, NodeError> {
    let wire: WireHeader<'_> = borrowed(block)?;
    let header = named(&wire)?;
    let txs: WireTxs<'_> = borrowed(block)?;
    let derived = state_sync_name(&header);
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
        let kind = wire.kind.map_or(Some(0), quantity_u64);
        let state_sync = how.loose(receipt.tx, kind, derived);
        let bytes = if how.roots { encoded(wire, kind, &receipt)? } else { Vec::new() };
        if let Some(twice) = found.insert(receipt.tx, Told { receipt, gas, state_sync, bytes }) {
            return Err(NodeError::incomplete(format!("transaction {} has two receipts", twice.receipt.tx)));
        }
    }
    same_gas(&wire, found.values())?;
    if how.bloom {
        same_logs(&wire, found.values())?;
    }
    let mut joined = EvmBlock { header, txs: Vec::new(), receipts: Vec::new(), traces: None };
    let (mut ordinary, mut all, mut without_own) = (0_usize, Vec::new(), Vec::new());
    for wire in &txs.transactions {
        let tx = transaction(wire).ok_or_else(|| wrong("a transaction that cannot be read"))?;
        let loose = how.loose(tx.hash, Some(tx.kind), derived);
        let own = loose || how.own(Some(tx.kind));
        ordinary += usize::from(!own);
        let receipt = match found.remove(&tx.hash) {
            Some(told) => {
                if !own {
                    without_own.push(told.bytes.clone());
                }
                all.push(told.bytes);
                told.receipt
            }
            None if loose => EvmReceipt { tx: tx.hash, ok: false, logs: Vec::new() },
            None => return Err(NodeError::incomplete(format!("transaction {} has no receipt", tx.hash))),
        };
        joined.txs.push(tx);
        joined.receipts.push(receipt);
    }
    let root = wire.transactions_root.and_then(fixed).ok_or_else(|| wrong("a block without a root of transactions"))?;
    if (root == EMPTY_ROOT && ordinary > 0) || (root != EMPTY_ROOT && joined.txs.is_empty()) {
        return Err(NodeError::incomplete("the block's header and its list do not agree whether it has transactions"));
    }
    if how.roots {
        let seal: WireSeal<'_> = borrowed(block)?;
        let root = seal.receipts_root()?;
        if ordered_root(&all) != root && (all.len() == without_own.len() || ordered_root(&without_own) != root) {
            return Err(NodeError::incomplete("the receipts are not those to which the block's header commits"));
        }
    }
    // Polygon gives the receipt of its own transaction also where the block does not list it.
    let forgiven = found.len() == 1 && found.values().all(|told| told.state_sync);
    if !found.is_empty() && !forgiven {
        return Err(NodeError::incomplete(format!("{} receipts are of no transaction of the block", found.len())));
    }
    Ok(joined)
}

fn encoded(wire: &WireReceipt<'_>, kind: Option<u64>, receipt: &EvmReceipt) -> Result<Vec<u8>, NodeError> {
    let kind = kind.ok_or_else(|| wrong("a receipt of a kind that is no number"))?;
    let gas = wire.cumulative_gas_used.and_then(quantity_u64);
    let gas = gas.ok_or_else(|| wrong("a receipt without the block's gas up to it"))?;
    Ok(receipt_bytes(kind, receipt.ok, gas, &receipt.logs))
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
