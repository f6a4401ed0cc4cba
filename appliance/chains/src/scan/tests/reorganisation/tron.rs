//! TRON: coin, calls that move tokens, and calls without success. Answers are JSON; a block's name holds its number and nothing else
//! that is computed.

use exchequer_domain::{BlockHash, BlockRef, Network, Place, TxId};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::super::*;
use super::evm::{arrival, change_logs, logs, logs_again, parties};
use super::family::{Family, Sealed};
use super::faults::Fault::{self, *};
use crate::node::NodeError;
use crate::node::testing::{tron_block, tron_header};

/// TRON as all worlds have it.
pub(super) struct Tron;

/// A transaction and what became of it.
#[derive(Clone)]
pub(super) struct Ended {
    tx: TronTx,
    info: TronInfo,
}

/// A block and what became of its transactions.
type Reply = (Box<RawValue>, Box<RawValue>);

/// An account with the network's prefix.
fn text(account: &[u8; 20]) -> String {
    format!("41{}", hex::encode(account))
}

fn reply(header: Header, txs: &[Ended]) -> Reply {
    let transactions = txs.iter().map(|Ended { tx, .. }| {
        let (kind, value) = match &tx.contract {
            TronContract::Transfer { from, to, amount } => {
                ("TransferContract", json!({"owner_address": text(from), "to_address": text(to), "amount": amount}))
            }
            TronContract::Trigger { from, contract } => {
                ("TriggerSmartContract", json!({"owner_address": text(from), "contract_address": text(contract)}))
            }
            TronContract::TransferAsset { .. } | TronContract::Other(_) => unreachable!("none is drawn"),
        };
        json!({
            "txID": hex::encode(tx.id.0), "ret": [{"contractRet": if tx.ok { "SUCCESS" } else { "REVERT" }}],
            "raw_data": {"contract": [{"type": kind, "parameter": {"value": value}}]},
        })
    });
    let infos = txs.iter().map(|Ended { info, .. }| {
        let logs = info.logs.iter().map(|log| {
            let topics: Vec<String> = log.topics.iter().map(hex::encode).collect();
            json!({"address": hex::encode(log.address), "topics": topics, "data": hex::encode(&log.data)})
        });
        let mut json = json!({
            "id": hex::encode(info.id.0), "blockNumber": header.block.height, "log": logs.collect::<Vec<Value>>(),
            "receipt": info.receipt.as_ref().map_or_else(|| json!({}), |result| json!({"result": result})),
        });
        if !info.ok {
            json["result"] = "FAILED".into();
        }
        json
    });
    let root = if txs.is_empty() { [0; 32] } else { header.block.hash.0 };
    let block = json!({
        "blockID": hex::encode(header.block.hash.0),
        "block_header": {"raw_data": {
            "number": header.block.height, "parentHash": hex::encode(header.parent.0), "timestamp": header.time_ms,
            "txTrieRoot": hex::encode(root),
        }},
        "transactions": transactions.collect::<Vec<Value>>(),
    });
    (to_raw_value(&block).unwrap(), to_raw_value(&infos.collect::<Vec<Value>>()).unwrap())
}

impl Family for Tron {
    const NETWORK: Network = Network::Tron;
    const FAULTS: &'static [Fault] = Fault::ALL;
    type Tx = Ended;
    type Reply = Reply;

    fn of_world(_: &mut StdRng) -> Tron {
        Tron
    }

    fn own() -> Ours {
        ours()
    }

    fn first(_: &mut StdRng, _: [u8; 32]) -> Option<Ended> {
        None
    }

    fn transaction(random: &mut StdRng, name: [u8; 32]) -> Ended {
        let (id, ok, (from, to)) = (TxId(name), random.random_ratio(4, 5), parties(random));
        let call = random.random_ratio(2, 3);
        let contract = if call {
            TronContract::Trigger { from, contract: TOKEN }
        } else {
            TronContract::Transfer { from, to, amount: random.random_range(0..5) }
        };
        let receipt =
            call.then(|| ["SUCCESS", "SUCCESS", "SUCCESS", "OUT_OF_ENERGY"][random.random_range(0..4)].to_owned());
        let logs = if call { logs(random) } else { Vec::new() };
        Ended { tx: TronTx { id, ok, contract }, info: TronInfo { id, ok, receipt, logs, internal: vec![] } }
    }

    fn payment(random: &mut StdRng, name: [u8; 32]) -> Ended {
        let mut paid = Tron::transaction(random, name);
        paid.tx.contract = TronContract::Transfer { from: STRANGER, to: BOB, amount: 7 };
        (paid.tx.ok, paid.info.ok, paid.info.receipt, paid.info.logs) = (true, true, None, vec![]);
        paid
    }

    fn again(random: &mut StdRng, ended: &Ended) -> Option<Ended> {
        let mut ended = ended.clone();
        if let TronContract::Trigger { .. } = ended.tx.contract {
            ended.info.logs = logs_again(random, &ended.info.logs);
        }
        ended.tx.ok ^= random.random_ratio(1, 8);
        Some(ended)
    }

    fn arrivals(ended: &Ended) -> Vec<Sighting> {
        let Ended { tx, info } = ended;
        if !tx.ok || !info.ok {
            return Vec::new();
        }
        match &tx.contract {
            TronContract::Transfer { from, to, amount } => {
                let value = log([0; 20], *from, *to, u128::from(*amount));
                arrival(Tron::NETWORK, tx.id, Place::Value, &value).into_iter().collect()
            }
            _ if info.receipt.as_deref() != Some("SUCCESS") => Vec::new(),
            _ => {
                let tokens = (0..).zip(&info.logs);
                tokens.filter_map(|(at, log)| arrival(Tron::NETWORK, tx.id, Place::Log(at), log)).collect()
            }
        }
    }

    fn seal(&self, height: u64, parent: BlockHash, salt: [u8; 32], txs: Vec<Ended>) -> Sealed<Tron> {
        let mut hash = salt;
        hash.rotate_left(8);
        hash[..8].copy_from_slice(&height.to_be_bytes());
        let block = BlockRef { height, hash: BlockHash(hash) };
        let header = Header { block, parent, time_ms: height * 3000 };
        Sealed { header, reply: reply(header, &txs), txs }
    }

    fn change(random: &mut StdRng, ended: &mut Ended, fault: Fault) -> bool {
        match (fault, &mut ended.tx.contract) {
            (Outcome, _) => {
                ended.tx.ok ^= true;
                ended.info.ok = ended.tx.ok;
                true
            }
            (Amount, TronContract::Transfer { amount, .. }) => {
                *amount += 1;
                true
            }
            (_, _) => change_logs(random, &mut ended.info.logs, fault),
        }
    }

    fn forge(&self, _: &mut StdRng, truth: &Sealed<Tron>, txs: Vec<Ended>) -> Reply {
        reply(truth.header, &txs)
    }

    fn misdate(&self, truth: &Sealed<Tron>, parent: BlockHash, later: bool) -> Option<Reply> {
        let time_ms = truth.header.time_ms + u64::from(later);
        Some(reply(Header { parent, time_ms, ..truth.header }, &truth.txs))
    }

    fn outcomes(random: &mut StdRng, reply: &mut Reply, fault: Fault) -> bool {
        let mut infos: Vec<Value> = serde_json::from_str(reply.1.get()).unwrap();
        let least = if fault == DoubledOutcome { 1 } else { 2 };
        if infos.len() < least {
            return false;
        }
        let any = random.random_range(0..infos.len());
        match fault {
            // One more, or in another one's place, so that the count fits.
            DoubledOutcome if infos.len() == 1 || random.random() => infos.push(infos[any].clone()),
            DoubledOutcome => {
                let other = (any + 1) % infos.len();
                infos[other] = infos[any].clone();
            }
            _ => infos.rotate_left(1),
        }
        reply.1 = to_raw_value(&infos).unwrap();
        true
    }

    fn refuses(&self, fault: Fault) -> bool {
        matches!(fault, Repeated | Swapped | DoubledTx | DoubledOutcome)
    }

    fn read(&self, height: u64, reply: &Reply) -> Result<Block, NodeError> {
        tron_block(height, &reply.0, &reply.1).map(Block::Tron)
    }

    fn read_header(&self, height: u64, reply: &Reply) -> Result<Header, NodeError> {
        tron_header(height, &reply.0)
    }
}
