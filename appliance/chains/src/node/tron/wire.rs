//! What nodes of TRON say. Zero values are left out, an unknown object is `{}`, and an error is an object with `Error`.

use std::collections::BTreeMap;

use exchequer_domain::{BlockHash, BlockRef, TxId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::node::NodeError;
use crate::node::evm::borrowed;
use crate::rpc::fixed;
use crate::scan::{EvmLog, Header, TronBlock, TronContract, TronInfo, TronInternal, TronTx};

/// The first byte of an address in hexadecimal form.
const PREFIX: u8 = 0x41;

#[derive(Deserialize)]
struct WireBlock<'a> {
    #[serde(borrow, rename = "blockID")]
    id: &'a str,
    #[serde(borrow)]
    block_header: WireHeader<'a>,
    #[serde(default, borrow)]
    transactions: Vec<WireTx<'a>>,
}

#[derive(Deserialize)]
struct WireHeader<'a> {
    #[serde(borrow)]
    raw_data: WireHeaderData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHeaderData<'a> {
    #[serde(default)]
    number: u64,
    #[serde(borrow)]
    parent_hash: &'a str,
    #[serde(default)]
    timestamp: u64,
    #[serde(default, borrow)]
    tx_trie_root: Option<&'a str>,
}

#[derive(Deserialize)]
pub(super) struct WireTx<'a> {
    #[serde(borrow, rename = "txID")]
    id: &'a str,
    #[serde(default, borrow)]
    ret: Vec<WireRet<'a>>,
    #[serde(borrow)]
    raw_data: WireData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRet<'a> {
    #[serde(default, borrow)]
    contract_ret: Option<&'a str>,
}

#[derive(Deserialize)]
struct WireData<'a> {
    #[serde(borrow)]
    contract: Vec<WireContract<'a>>,
}

#[derive(Deserialize)]
struct WireContract<'a> {
    #[serde(borrow, rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    parameter: WireParameter<'a>,
}

#[derive(Deserialize)]
struct WireParameter<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct WireTransfer<'a> {
    #[serde(default)]
    amount: u64,
    #[serde(borrow)]
    owner_address: &'a str,
    #[serde(borrow)]
    to_address: &'a str,
}

#[derive(Deserialize)]
struct WireTrigger<'a> {
    #[serde(borrow)]
    owner_address: &'a str,
    #[serde(borrow)]
    contract_address: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireInfo<'a> {
    #[serde(borrow)]
    id: &'a str,
    #[serde(default)]
    pub(super) block_number: u64,
    #[serde(default)]
    pub(super) fee: u64,
    #[serde(default, borrow)]
    result: Option<&'a str>,
    #[serde(default, borrow)]
    receipt: Option<WireReceipt<'a>>,
    #[serde(default, borrow)]
    log: Vec<WireLog<'a>>,
    #[serde(default, borrow, rename = "internal_transactions")]
    internal: Vec<WireInternal<'a>>,
}

#[derive(Deserialize)]
struct WireReceipt<'a> {
    #[serde(default, borrow)]
    result: Option<&'a str>,
}

#[derive(Deserialize)]
struct WireLog<'a> {
    #[serde(borrow)]
    address: &'a str,
    #[serde(default, borrow)]
    topics: Vec<&'a str>,
    #[serde(default, borrow)]
    data: &'a str,
}

#[derive(Deserialize)]
struct WireInternal<'a> {
    #[serde(default, borrow)]
    caller_address: &'a str,
    #[serde(default, borrow, rename = "transferTo_address")]
    to_address: &'a str,
    #[serde(default, rename = "callValueInfo")]
    values: Vec<WireValue>,
    #[serde(default)]
    rejected: bool,
    #[serde(default, borrow)]
    note: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireValue {
    #[serde(default)]
    call_value: u64,
    #[serde(default)]
    token_id: Option<serde::de::IgnoredAny>,
}

fn wrong(what: &'static str) -> NodeError {
    NodeError::unreadable(what)
}

/// Whether the node knows no such object.
pub(super) fn is_nothing(json: &RawValue) -> bool {
    json.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}")
}

/// An account in hexadecimal form, with its prefix.
fn account(text: &str) -> Option<[u8; 20]> {
    let bytes: [u8; 21] = fixed(text)?;
    bytes.split_first().filter(|(prefix, _)| **prefix == PREFIX)?.1.try_into().ok()
}

/// A block's name, which holds its number: a node cannot give one for another by mistake.
pub(super) fn header(json: &RawValue) -> Result<Header, NodeError> {
    named(&borrowed(json)?)
}

/// A header of the height that was asked for.
pub(in crate::node) fn header_at(height: u64, json: &RawValue) -> Result<Header, NodeError> {
    let header = header(json)?;
    if header.block.height == height { Ok(header) } else { Err(wrong("the block of another height")) }
}

fn named(wire: &WireBlock<'_>) -> Result<Header, NodeError> {
    let data = &wire.block_header.raw_data;
    let hash: [u8; 32] = fixed(wire.id).ok_or_else(|| wrong("a block without a name"))?;
    let parent = fixed(data.parent_hash).ok_or_else(|| wrong("a block without a parent"))?;
    if hash[..8] != data.number.to_be_bytes() {
        return Err(wrong("a block whose name holds another number"));
    }
    let block = BlockRef { height: data.number, hash: BlockHash(hash) };
    Ok(Header { block, parent: BlockHash(parent), time_ms: data.timestamp })
}

/// A transaction.
pub(super) fn transaction(wire: &WireTx<'_>) -> Option<TronTx> {
    let [contract] = wire.raw_data.contract.as_slice() else { return None };
    let value = contract.parameter.value.get();
    let transfer = || serde_json::from_str::<WireTransfer<'_>>(value).ok();
    let contract = match contract.kind {
        "TransferContract" => {
            let wire = transfer()?;
            TronContract::Transfer {
                from: account(wire.owner_address)?,
                to: account(wire.to_address)?,
                amount: wire.amount,
            }
        }
        "TransferAssetContract" => TronContract::TransferAsset { to: account(transfer()?.to_address)? },
        "TriggerSmartContract" => {
            let wire: WireTrigger<'_> = serde_json::from_str(value).ok()?;
            TronContract::Trigger { from: account(wire.owner_address)?, contract: account(wire.contract_address)? }
        }
        other => TronContract::Other(other.to_owned()),
    };
    let ok = wire.ret.first().and_then(|ret| ret.contract_ret) == Some("SUCCESS");
    Some(TronTx { id: TxId(fixed(wire.id)?), ok, contract })
}

/// What became of a transaction.
pub(super) fn info(wire: &WireInfo<'_>) -> Option<TronInfo> {
    let logs = wire.log.iter().map(log).collect::<Option<Vec<EvmLog>>>()?;
    let internal = wire.internal.iter().map(internal).collect::<Option<Vec<TronInternal>>>()?;
    let receipt = wire.receipt.as_ref().and_then(|receipt| receipt.result).map(str::to_owned);
    Some(TronInfo { id: TxId(fixed(wire.id)?), ok: wire.result.is_none(), receipt, logs, internal })
}

fn log(wire: &WireLog<'_>) -> Option<EvmLog> {
    let topics = wire.topics.iter().map(|topic| fixed(topic)).collect::<Option<Vec<[u8; 32]>>>()?;
    // Without the prefix, unlike everywhere else; some nodes write it here too.
    let address = fixed(wire.address).or_else(|| account(wire.address))?;
    Some(EvmLog { address, topics, data: hex::decode(wire.data).ok()?, removed: false })
}

fn internal(wire: &WireInternal<'_>) -> Option<TronInternal> {
    let coin = wire.values.iter().filter(|value| value.token_id.is_none()).map(|value| value.call_value);
    let value = coin.fold(0_u64, u64::saturating_add);
    // Making a contract or staking has nobody to arrive at.
    let account = |text: &str| if text.is_empty() { Some([0; 20]) } else { account(text) };
    let note = hex::decode(wire.note).ok().and_then(|note| String::from_utf8(note).ok()).unwrap_or_default();
    let (from, to) = (account(wire.caller_address)?, account(wire.to_address)?);
    Some(TronInternal { from, to, value, rejected: wire.rejected, note })
}

/// A block and what became of its transactions, joined by their names; there must be one for each.
pub(in crate::node) fn join(block: &RawValue, infos: &RawValue) -> Result<TronBlock, NodeError> {
    let wire: WireBlock<'_> = borrowed(block)?;
    let header = named(&wire)?;
    // The root of no transactions is all zeros: an empty list under another root is a block that was lost.
    let root = wire.block_header.raw_data.tx_trie_root.and_then(fixed::<32>);
    let root = root.ok_or_else(|| wrong("a block without a root of transactions"))?;
    if (root == [0; 32]) != wire.transactions.is_empty() {
        return Err(NodeError::incomplete("the block's header and its list do not agree whether it has transactions"));
    }
    // `{}` is what nodes say of block 0 and of a block that they do not have.
    let list: Vec<WireInfo<'_>> = if is_nothing(infos) { Vec::new() } else { borrowed(infos)? };
    if list.len() != wire.transactions.len() {
        let (have, of) = (list.len(), wire.transactions.len());
        return Err(NodeError::incomplete(format!("the block has {of} transactions and the node tells of {have}")));
    }
    let mut found = BTreeMap::new();
    for wire in &list {
        if wire.block_number != header.block.height {
            return Err(NodeError::incomplete("a transaction is of another block"));
        }
        let info = info(wire).ok_or_else(|| wrong("a transaction's end that cannot be read"))?;
        found.insert(info.id, info);
    }
    let mut joined = TronBlock { header, txs: Vec::new(), infos: Vec::new() };
    for wire in &wire.transactions {
        let tx = transaction(wire).ok_or_else(|| wrong("a transaction that cannot be read"))?;
        let info = found.remove(&tx.id);
        joined
            .infos
            .push(info.ok_or_else(|| NodeError::incomplete("the node does not tell what became of a transaction"))?);
        joined.txs.push(tx);
    }
    Ok(joined)
}
