//! What anvil answers, as the network's nodes would.

use serde_json::{Value, json};

use super::admit::{Refused, height, quantity};
use super::door::Outcome;
use super::evm::View;
use super::profile::Profile;
use super::rlp::keccak;
use super::system::{self, Place};

/// A question for logs that has more answers is refused.
const LOGS: usize = 10_000;

/// Makes the answer of `method` the network's. `full`: blocks with whole transactions were asked for.
pub(super) fn dress(profile: Profile, view: &View, method: &str, full: bool, mut result: Value) -> Outcome {
    match method {
        "eth_getBlockByNumber" | "eth_getBlockByHash" => {
            if hidden(view, &result) {
                return Ok(Value::Null);
            }
            block(profile, full, &mut result);
        }
        "eth_getBlockReceipts" => receipts(profile, &mut result),
        "eth_getTransactionReceipt" => {
            if hidden(view, &result) {
                return Ok(Value::Null);
            }
            receipt(profile, &mut result);
        }
        "eth_getTransactionByHash" => {
            if hidden(view, &result) {
                unmined(&mut result);
            } else {
                moved(profile, &mut result);
            }
        }
        "eth_getLogs" => {
            if result.as_array().is_some_and(|logs| logs.len() > LOGS) {
                return Err(Refused::new(-32005, format!("query returned more than {LOGS} results")));
            }
            result.as_array_mut().into_iter().flatten().for_each(|log| moved(profile, log));
        }
        "eth_gasPrice" | "eth_maxPriorityFeePerGas" => at_least(&mut result, profile.least_tip()),
        "eth_feeHistory" => {
            let rows = result.get_mut("reward").and_then(Value::as_array_mut);
            rows.into_iter().flatten().filter_map(Value::as_array_mut).flatten().for_each(|reward| {
                at_least(reward, profile.least_tip());
            });
        }
        // A part pays for the other chain.
        "eth_estimateGas" if profile == Profile::Arbitrum => {
            if let Some(gas) = quantity(&result) {
                result = json!(format!("0x{:x}", gas + gas / 10 + 2_000));
            }
        }
        _ => {}
    }
    if let Some(from) = view.fork {
        fork(from, &mut result);
    }
    Ok(result)
}

/// Whether what is said is in a block that is not shown.
fn hidden(view: &View, object: &Value) -> bool {
    system::block_of(object).is_some_and(|(number, _)| number > view.shown)
}

/// A transaction as one that is in no block yet.
fn unmined(transaction: &mut Value) {
    for name in ["blockHash", "blockNumber", "transactionIndex"] {
        if let Some(field) = transaction.get_mut(name) {
            *field = Value::Null;
        }
    }
}

fn at_least(value: &mut Value, least: u128) {
    if quantity(value).is_some_and(|price| price < least) {
        *value = json!(format!("0x{least:x}"));
    }
}

/// The place of a transaction or log among those of a block that begins with the network's own.
fn moved(profile: Profile, object: &mut Value) {
    let first = system::block_of(object).and_then(|(number, _)| system::place(profile, number)) == Some(Place::First);
    if first {
        system::shift(object);
    }
}

fn receipt(profile: Profile, receipt: &mut Value) {
    moved(profile, receipt);
    receipt.get_mut("logs").and_then(Value::as_array_mut).into_iter().flatten().for_each(|log| moved(profile, log));
    let number = system::block_of(receipt).map(|(number, _)| number);
    if let (Profile::Arbitrum, Some(number)) = (profile, number) {
        system::for_l1(receipt, number);
    }
}

/// The receipts of a block that holds no other are known only by their block, so an empty list stays one; the evm module
/// adds the network's own there, before this.
fn receipts(profile: Profile, all: &mut Value) {
    let Some(all) = all.as_array_mut() else { return };
    let Some((number, hash)) = all.first().and_then(system::block_of).map(|(number, hash)| (number, hash.to_owned()))
    else {
        return;
    };
    let own = system::hash(&hash);
    if all.iter().any(|one| one.get("transactionHash").and_then(Value::as_str) == Some(own.as_str())) {
        return;
    }
    all.iter_mut().for_each(|one| receipt(profile, one));
    let used = all.last().and_then(|last| last.get("cumulativeGasUsed")?.as_str()).unwrap_or("0x0").to_owned();
    match system::place(profile, number) {
        Some(Place::First) => all.insert(0, system::receipt(profile, number, &hash, 0, "0x0")),
        Some(Place::Last) => all.push(system::receipt(profile, number, &hash, all.len() as u64, &used)),
        None => {}
    }
}

fn block(profile: Profile, full: bool, block: &mut Value) {
    let Some((number, hash)) = system::block_of(block).map(|(number, hash)| (number, hash.to_owned())) else { return };
    if profile == Profile::Arbitrum
        && let Some(fields) = block.as_object_mut()
    {
        fields.insert("l1BlockNumber".to_owned(), json!(format!("0x{:x}", system::l1_block(number))));
        fields.insert("sendCount".to_owned(), json!("0x0"));
        fields.insert("sendRoot".to_owned(), json!(format!("0x{}", "00".repeat(32))));
    }
    let Some(place) = system::place(profile, number) else { return };
    let Some(all) = block.get_mut("transactions").and_then(Value::as_array_mut) else { return };
    let index = if place == Place::First { 0 } else { all.len() };
    let own = if full { system::transaction(profile, number, &hash, index as u64) } else { json!(system::hash(&hash)) };
    if place == Place::First {
        all.iter_mut().for_each(system::shift);
    }
    all.insert(index, own);
}

/// A block's name on the other chain.
pub(super) fn forked(hash: &str) -> String {
    format!("0x{}", hex::encode(keccak(format!("fork {hash}").as_bytes())))
}

/// From `from` on, other names and nothing in the blocks.
fn fork(from: u64, value: &mut Value) {
    if let Value::Array(all) = value {
        all.retain(|one| system::block_of(one).is_none_or(|(number, _)| number < from));
        return;
    }
    let Some((number, hash)) = system::block_of(value).map(|(number, hash)| (number, forked(hash))) else { return };
    if value.get("transactions").is_none() {
        if number >= from {
            // A transaction or receipt: on the other chain it never was.
            *value = Value::Null;
        }
        return;
    }
    let mut set = |name: &str, new: Value| {
        if let Some(field) = value.get_mut(name) {
            *field = new;
        }
    };
    if number >= from {
        set("hash", json!(hash));
        set("transactions", json!([]));
    }
    if number > from
        && let Some(parent) = value.get("parentHash").and_then(Value::as_str).map(forked)
        && let Some(field) = value.get_mut("parentHash")
    {
        *field = json!(parent);
    }
}

/// The height that a request names, where it names one.
pub(super) fn named(value: Option<&Value>) -> Option<u64> {
    let value = value?;
    height(value).or_else(|| height(value.get("blockNumber")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shown: u64, fork: Option<u64>) -> View {
        View { head: 100, shown, safe: Some(0), finalized: Some(0), fork }
    }

    fn a_block(number: u64) -> Value {
        let hash = format!("0x{number:064x}");
        let transaction = json!({"hash": "0xaa", "blockNumber": format!("0x{number:x}"), "blockHash": hash,
                                 "transactionIndex": "0x0"});
        json!({"number": format!("0x{number:x}"), "hash": hash, "parentHash": format!("0x{:064x}", number - 1),
               "transactions": [transaction]})
    }

    /// Goal: Arbitrum's blocks begin with its own transaction, and the others move. Method: block, receipts and receipt
    /// agree on places and names.
    #[test]
    fn arbitrums_own_transaction_is_first_everywhere() {
        let told = dress(Profile::Arbitrum, &view(100, None), "eth_getBlockByNumber", true, a_block(7)).unwrap();
        let all = told["transactions"].as_array().unwrap();
        assert_eq!((all[0]["type"].clone(), all[1]["transactionIndex"].clone()), (json!("0x6a"), json!("0x1")));
        let mined = json!({"blockNumber": "0x7", "blockHash": told["hash"], "transactionIndex": "0x0", "gasUsed": "0x5208",
                           "cumulativeGasUsed": "0x5208", "logs": [{"blockNumber": "0x7", "blockHash": told["hash"],
                           "transactionIndex": "0x0"}]});
        let receipts =
            dress(Profile::Arbitrum, &view(100, None), "eth_getBlockReceipts", true, json!([mined])).unwrap();
        assert_eq!(receipts[0]["transactionHash"], all[0]["hash"]);
        assert_eq!(receipts[1]["transactionIndex"], "0x1");
        assert_eq!(receipts[1]["logs"][0]["transactionIndex"], "0x1");
        assert_eq!(receipts[1]["gasUsedForL1"], format!("0x{:x}", 21_000 / 10));
        let alone = json!([system::receipt(Profile::Arbitrum, 7, told["hash"].as_str().unwrap(), 0, "0x0")]);
        let again = dress(Profile::Arbitrum, &view(100, None), "eth_getBlockReceipts", true, alone.clone());
        assert_eq!(again.unwrap(), alone, "a block without others has its own receipt once");
    }

    /// Goal: a node on another chain is whole in itself. Method: parents fit, blocks below are the same, nothing of ours
    /// is in the blocks from there on.
    #[test]
    fn a_minority_fork_hangs_together() {
        let told = |number, fork| {
            dress(Profile::Ethereum, &view(100, fork), "eth_getBlockByNumber", true, a_block(number)).unwrap()
        };
        assert_eq!(told(4, Some(5)), told(4, None));
        assert_eq!(told(5, Some(5))["parentHash"], told(4, None)["hash"]);
        assert_eq!(told(6, Some(5))["parentHash"], told(5, Some(5))["hash"]);
        assert_ne!(told(5, Some(5))["hash"], told(5, None)["hash"]);
        assert_eq!(told(5, Some(5))["transactions"], json!([]));
    }

    /// Goal: what lies above the height that is shown does not exist. Method: a block, a receipt, a transaction.
    #[test]
    fn nothing_above_the_shown_height_is_seen() {
        let at = |method, number| dress(Profile::Ethereum, &view(8, None), method, true, a_block(number)).unwrap();
        assert!(at("eth_getBlockByHash", 9).is_null());
        assert!(at("eth_getBlockByHash", 8).is_object());
        let mined = json!({"blockNumber": "0x9", "blockHash": "0x1", "transactionIndex": "0x0", "hash": "0xaa"});
        let told = |method| dress(Profile::Ethereum, &view(8, None), method, true, mined.clone()).unwrap();
        assert!(told("eth_getTransactionReceipt").is_null());
        assert!(told("eth_getTransactionByHash")["blockNumber"].is_null());
    }
}
