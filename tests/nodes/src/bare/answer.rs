//! Answers to the calls of a client.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::chain::{Account, BASE_FEE, BLOCK_GAS, Block, Chain, Hash, TRANSFER_GAS, Tx};
use super::seal::BLOOM_BYTES;
use super::{Accepted, Shared};
use crate::shim::admit::Refused;
use crate::shim::door::{self, Call, Outcome};
use crate::shim::{Finality, keccak, listed, read};

/// What the node suggests as a tip, in wei.
const TIP: u128 = 100_000_000;
/// Refusals that are kept.
const REFUSALS_KEPT: usize = 1_000;

/// Whoever answers.
pub(super) struct Backend(pub(super) Arc<Shared>);

impl door::Backend for Backend {
    fn answer<'a>(&'a self, calls: &'a [Call]) -> Pin<Box<dyn Future<Output = Vec<Outcome>> + Send + 'a>> {
        Box::pin(ready(calls.iter().map(|call| self.one(call)).collect()))
    }
}

fn hex_of(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

fn quantity(number: impl Into<u128>) -> Value {
    json!(format!("0x{:x}", number.into()))
}

/// An address of this network.
pub(super) fn account(text: &str) -> Option<Account> {
    hex::decode(text.strip_prefix("0x")?).ok()?.try_into().ok()
}

fn hash(value: Option<&Value>) -> Option<Hash> {
    hex::decode(value?.as_str()?.strip_prefix("0x")?).ok()?.try_into().ok()
}

fn refused(code: i64, message: &str) -> Refused {
    Refused::new(code, message)
}

impl Backend {
    fn one(&self, call: &Call) -> Outcome {
        let param = |at: usize| call.params.get(at);
        let bad = || refused(-32602, "invalid argument");
        if call.method == "eth_sendRawTransaction" {
            return self.send(param(0));
        }
        let chain = self.0.chain.lock();
        let of = |at: usize| param(at).and_then(Value::as_str).and_then(account).ok_or_else(bad);
        Ok(match call.method.as_str() {
            "eth_chainId" => quantity(self.0.options.chain_id),
            "eth_blockNumber" => quantity(chain.head()),
            "eth_gasPrice" => quantity(BASE_FEE + TIP),
            "eth_maxPriorityFeePerGas" => quantity(TIP),
            "eth_feeHistory" => history(&chain),
            "eth_estimateGas" => {
                let call = param(0).ok_or_else(bad)?;
                let from = call.get("from").and_then(Value::as_str).and_then(account).ok_or_else(bad)?;
                let value = call.get("value").and_then(Value::as_str).and_then(|text| text.strip_prefix("0x"));
                let value = value.map_or(Some(0), |digits| u128::from_str_radix(digits, 16).ok()).ok_or_else(bad)?;
                if chain.standing(&from, chain.head()).balance < value {
                    return Err(refused(-32000, "insufficient funds for transfer"));
                }
                quantity(TRANSFER_GAS)
            }
            // There are no contracts: whatever is called gives nothing.
            "eth_call" => json!("0x"),
            "eth_getCode" => json!("0x"),
            "eth_getBalance" => quantity(chain.standing(&of(0)?, self.height(&chain, param(1))?).balance),
            "eth_getTransactionCount" if param(1).and_then(Value::as_str) == Some("pending") => {
                quantity(chain.pending_nonce(&of(0)?))
            }
            "eth_getTransactionCount" => quantity(chain.standing(&of(0)?, self.height(&chain, param(1))?).nonce),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => match self.height(&chain, param(0)) {
                Ok(height) => {
                    let whole = param(1).and_then(Value::as_bool).unwrap_or(false);
                    chain.block(height).map_or(Value::Null, |found| block(found, whole))
                }
                Err(_) => Value::Null,
            },
            "eth_getBlockReceipts" => match self.height(&chain, param(0)).ok().and_then(|height| chain.block(height)) {
                Some(found) => (0..found.txs.len()).filter_map(|at| receipt(found, at)).collect(),
                None => Value::Null,
            },
            "eth_getTransactionReceipt" => {
                let place = hash(param(0)).and_then(|hash| chain.place(&hash));
                place.and_then(|(found, at)| receipt(found, at)).unwrap_or_default()
            }
            "eth_getTransactionByHash" => {
                let hash = hash(param(0)).ok_or_else(bad)?;
                match (chain.place(&hash), chain.waits(&hash)) {
                    (Some((found, at)), _) => found.txs.get(at).map(|tx| transaction(tx, Some((found, at)))),
                    (None, Some(tx)) => Some(transaction(tx, None)),
                    (None, None) => None,
                }
                .unwrap_or_default()
            }
            "debug_traceBlockByHash" => {
                let found = hash(param(0)).and_then(|hash| chain.block(chain.height_of(&hash)?)).ok_or_else(bad)?;
                found.txs.iter().map(trace).collect()
            }
            _ => return Err(refused(-32601, "the method does not exist")),
        })
    }

    /// The height that is meant: by number, by tag, or by the name of a block.
    fn height(&self, chain: &Chain, named: Option<&Value>) -> Result<u64, Refused> {
        let head = chain.head();
        let (safe, finalized) = match self.0.options.finality {
            Finality::Behind { safe, finalized } => (head.saturating_sub(safe), head.saturating_sub(finalized)),
            Finality::Halted { at } => (at.min(head), at.min(head)),
            Finality::Unsupported => (0, 0),
        };
        let unknown = || refused(-32000, "header not found");
        let named = named.map_or(&Value::Null, |named| named.get("blockHash").unwrap_or(named));
        match named.as_str() {
            None | Some("latest" | "pending") => Ok(head),
            Some("safe") => Ok(safe),
            Some("finalized") => Ok(finalized),
            Some("earliest") => Ok(0),
            Some(text) if text.len() == 66 => {
                hash(Some(named)).and_then(|hash| chain.height_of(&hash)).ok_or_else(unknown)
            }
            Some(text) => {
                let digits = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
                digits.filter(|height| *height <= head).ok_or_else(unknown)
            }
        }
    }

    fn send(&self, raw: Option<&Value>) -> Outcome {
        let raw = raw.and_then(Value::as_str).and_then(|text| hex::decode(text.strip_prefix("0x")?).ok());
        let raw = raw.ok_or_else(|| refused(-32602, "invalid argument 0: not hexadecimal"))?;
        let sent = read(&raw).map_err(|error| refused(-32000, &format!("rlp: {error}")))?;
        if sent.chain_id != Some(self.0.options.chain_id) {
            return self.refuse("invalid chain id for signer");
        }
        let Some(tx) = Tx::signed(&sent, raw.clone()) else { return self.refuse("transaction type not supported") };
        let (to, value) = (tx.to, tx.value);
        if let Err(why) = self.0.chain.lock().take(tx) {
            return self.refuse(why);
        }
        self.0.accepted.lock().push(Accepted { at: Instant::now(), to, value, raw });
        Ok(hex_of(&sent.hash))
    }

    fn refuse(&self, why: &str) -> Outcome {
        let mut kept = self.0.refused.lock();
        if kept.len() < REFUSALS_KEPT {
            kept.push(why.to_owned());
        }
        Err(refused(-32000, why))
    }
}

fn history(chain: &Chain) -> Value {
    let head = chain.head();
    let blocks = (head + 1).min(20);
    let tips: Vec<Value> = (0..blocks).map(|_| json!([quantity(TIP), quantity(TIP), quantity(TIP)])).collect();
    json!({
        "oldestBlock": quantity(head + 1 - blocks),
        "baseFeePerGas": (0..=blocks).map(|_| quantity(BASE_FEE)).collect::<Vec<_>>(),
        "gasUsedRatio": (0..blocks).map(|_| json!(0.5)).collect::<Vec<_>>(),
        "reward": tips,
    })
}

fn block(found: &Block, whole: bool) -> Value {
    let tx = |(at, tx): (usize, &Tx)| if whole { transaction(tx, Some((found, at))) } else { hex_of(&tx.hash) };
    json!({
        "number": quantity(found.height),
        "hash": hex_of(&found.hash),
        "parentHash": hex_of(&found.parent),
        "sha3Uncles": hex_of(&keccak(&listed(&[]))),
        "miner": hex_of(&[0; 20]),
        "stateRoot": hex_of(&[0; 32]),
        "transactionsRoot": hex_of(&found.txs_root),
        "receiptsRoot": hex_of(&found.receipts_root),
        "logsBloom": hex_of(&[0; BLOOM_BYTES]),
        "difficulty": "0x0",
        "gasLimit": quantity(BLOCK_GAS),
        "gasUsed": quantity(found.gas_used()),
        "timestamp": quantity(found.time_s),
        "extraData": "0x",
        "mixHash": hex_of(&[0; 32]),
        "nonce": hex_of(&[0; 8]),
        "baseFeePerGas": quantity(BASE_FEE),
        "uncles": [],
        "transactions": found.txs.iter().enumerate().map(tx).collect::<Vec<_>>(),
    })
}

fn transaction(tx: &Tx, place: Option<(&Block, usize)>) -> Value {
    json!({
        "hash": hex_of(&tx.hash),
        "type": "0x2",
        "from": hex_of(&tx.from),
        "to": hex_of(&tx.to),
        "nonce": quantity(tx.nonce),
        "value": quantity(tx.value),
        "gas": quantity(tx.gas),
        "maxFeePerGas": quantity(tx.max_fee),
        "maxPriorityFeePerGas": quantity(tx.tip),
        "input": "0x",
        "blockHash": place.map(|(found, _)| hex_of(&found.hash)),
        "blockNumber": place.map(|(found, _)| quantity(found.height)),
        "transactionIndex": place.map(|(_, at)| quantity(at as u64)),
    })
}

fn receipt(found: &Block, at: usize) -> Option<Value> {
    let tx = found.txs.get(at)?;
    Some(json!({
        "transactionHash": hex_of(&tx.hash),
        "transactionIndex": quantity(at as u64),
        "blockHash": hex_of(&found.hash),
        "blockNumber": quantity(found.height),
        "type": "0x2",
        "status": "0x1",
        "from": hex_of(&tx.from),
        "to": hex_of(&tx.to),
        "gasUsed": quantity(TRANSFER_GAS),
        "cumulativeGasUsed": quantity((at as u64 + 1) * TRANSFER_GAS),
        "effectiveGasPrice": quantity(tx.price()),
        "logsBloom": hex_of(&[0; BLOOM_BYTES]),
        "logs": [],
    }))
}

fn trace(tx: &Tx) -> Value {
    let frame = json!({
        "type": "CALL", "from": hex_of(&tx.from), "to": hex_of(&tx.to), "value": quantity(tx.value),
        "gas": quantity(tx.gas), "gasUsed": quantity(TRANSFER_GAS), "input": "0x",
    });
    json!({"txHash": hex_of(&tx.hash), "result": frame})
}
