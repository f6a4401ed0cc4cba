//! Transactions that a network adds to its blocks by itself: first in every block of Arbitrum, last in some of Polygon.

use serde_json::{Value, json};

use super::admit::height;
use super::profile::Profile;
use super::rlp::keccak;

/// Polygon's chain tells itself news of the other chain once in so many blocks.
const STATE_SYNC_BLOCKS: u64 = 16;
const ARBITRUM: &str = "0x00000000000000000000000000000000000a4b05";
const POLYGON: &str = "0x0000000000000000000000000000000000000000";

/// Where in a block the network's own transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Last,
}

/// Whether and where the block of this height has one.
pub(super) fn place(profile: Profile, number: u64) -> Option<Place> {
    match profile {
        Profile::Ethereum | Profile::Bsc => None,
        Profile::Arbitrum => (number > 0).then_some(Place::First),
        Profile::Polygon => (number > 0 && number.is_multiple_of(STATE_SYNC_BLOCKS)).then_some(Place::Last),
    }
}

/// The name of the transaction that the network added to this block.
pub(super) fn hash(block_hash: &str) -> String {
    format!("0x{}", hex::encode(keccak(format!("system {block_hash}").as_bytes())))
}

/// The block's number and name, as blocks, transactions, receipts and logs say them.
pub(super) fn block_of(object: &Value) -> Option<(u64, &str)> {
    let pick = |number: &str, hash: &str| Some((height(object.get(number)?)?, object.get(hash)?.as_str()?));
    pick("blockNumber", "blockHash").or_else(|| pick("number", "hash"))
}

/// The transaction itself.
pub(super) fn transaction(profile: Profile, number: u64, block_hash: &str, index: u64) -> Value {
    let (kind, party, input) = match profile {
        Profile::Arbitrum => ("0x6a", ARBITRUM, format!("0x6bf6a42d{number:064x}")),
        Profile::Polygon | Profile::Ethereum | Profile::Bsc => ("0x7f", POLYGON, "0x".to_owned()),
    };
    json!({
        "type": kind, "hash": hash(block_hash), "blockHash": block_hash, "blockNumber": format!("0x{number:x}"),
        "transactionIndex": format!("0x{index:x}"), "from": party, "to": party, "nonce": "0x0", "gas": "0x0",
        "gasPrice": "0x0", "value": "0x0", "input": input, "v": "0x0", "r": "0x0", "s": "0x0",
        "chainId": format!("0x{:x}", profile.chain_id()),
    })
}

/// Its receipt.
pub(super) fn receipt(profile: Profile, number: u64, block_hash: &str, index: u64, used: &str) -> Value {
    let transaction = transaction(profile, number, block_hash, index);
    let copied = |name: &str| transaction.get(name).cloned().unwrap_or_default();
    let mut receipt = json!({
        "type": copied("type"), "transactionHash": copied("hash"), "blockHash": block_hash,
        "blockNumber": copied("blockNumber"), "transactionIndex": copied("transactionIndex"), "from": copied("from"),
        "to": copied("to"), "cumulativeGasUsed": used, "gasUsed": "0x0", "effectiveGasPrice": "0x0",
        "contractAddress": null, "logs": [], "logsBloom": format!("0x{}", "00".repeat(256)), "status": "0x1",
    });
    if profile == Profile::Arbitrum {
        for_l1(&mut receipt, number);
    }
    receipt
}

/// Its trace: a call that moves nothing.
pub(super) fn frame(profile: Profile) -> Value {
    let party = if profile == Profile::Arbitrum { ARBITRUM } else { POLYGON };
    json!({"type": "CALL", "from": party, "to": party, "value": "0x0", "gas": "0x0", "gasUsed": "0x0", "input": "0x"})
}

/// What Arbitrum's receipts say of the other chain. The part is inside of `gasUsed`, so that cost stays gas times price.
pub(super) fn for_l1(receipt: &mut Value, number: u64) {
    let used = receipt.get("gasUsed").and_then(height).unwrap_or(0);
    if let Some(fields) = receipt.as_object_mut() {
        fields.insert("gasUsedForL1".to_owned(), json!(format!("0x{:x}", used / 10)));
        fields.insert("l1BlockNumber".to_owned(), json!(format!("0x{:x}", l1_block(number))));
    }
}

/// The other chain's block at the time of this one: one for 48 of ours.
pub(super) fn l1_block(number: u64) -> u64 {
    20_000_000 + number / 48
}

/// Moves `transactionIndex` by one, where the network's own transaction came first.
pub(super) fn shift(object: &mut Value) {
    if let Some(index) = object.get_mut("transactionIndex")
        && let Some(old) = height(index)
    {
        *index = json!(format!("0x{:x}", old + 1));
    }
}
