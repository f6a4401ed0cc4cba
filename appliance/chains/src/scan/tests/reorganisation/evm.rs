//! An EVM network: coin, tokens of a listed contract, and entries of others that look alike. Answers are JSON.

use exchequer_domain::{BlockHash, Network, Place, TxId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::super::*;
use super::family::{Family, Sealed};
use super::faults::Fault::{self, *};
use crate::node::testing::{evm_block, evm_header, evm_seal};
use crate::node::{EvmOptions, NodeError};
use crate::scan::key::account_text;
use crate::{Coin, NetworkParams};

const GAS: &str = "0x5208";
const EMPTY_ROOT: &str = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";
/// Entries of one log.
const LOGS_MAX: usize = 4;

/// One world's clients: whether they compute what names commit to.
pub(super) struct Evm {
    options: EvmOptions,
}

/// A transaction and what became of it.
#[derive(Clone)]
pub(super) struct Paid {
    pub(super) tx: EvmTx,
    pub(super) receipt: EvmReceipt,
}

/// A block and the list of its receipts.
type Reply = (Box<RawValue>, Box<RawValue>);

pub(super) fn text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// An account to pay to, and one to pay from, of which one is ours.
pub(super) fn parties(random: &mut StdRng) -> ([u8; 20], [u8; 20]) {
    let to = [ALICE, BOB, STRANGER][random.random_range(0..3)];
    (if random.random_ratio(1, 8) { HOT } else { STRANGER }, to)
}

/// A log of the listed contract and of one that writes the same.
pub(super) fn logs(random: &mut StdRng) -> Vec<EvmLog> {
    let count = random.random_range(0..=LOGS_MAX);
    let any = |random: &mut StdRng| {
        let (from, to) = parties(random);
        log([TOKEN, FORGER][random.random_range(0..2)], from, to, random.random_range(0..9))
    };
    (0..count).map(|_| any(random)).collect()
}

/// What arrives by a movement of accounts.
pub(super) fn arrival(network: Network, tx: TxId, place: Place, log: &EvmLog) -> Option<Sighting> {
    let params = NetworkParams::mainnet(network);
    let account = |word: &[u8; 32]| -> [u8; 20] { word[12..].try_into().unwrap() };
    let (from, to) = (account(&log.topics[1]), account(&log.topics[2]));
    let amount = u128::from(log.data[31]);
    let ours = [ALICE, BOB, HOT];
    let coin = match (place, log.address) {
        (Place::Value, _) => Coin::Native,
        (_, TOKEN) => Coin::Token(account_text(&params, &TOKEN)?),
        (_, _) => return None,
    };
    if amount == 0 || !ours.contains(&to) {
        return None;
    }
    let address = account_text(&params, &to)?;
    Some(Sighting { tx, place, address, coin, amount, from_own: ours.contains(&from), coinbase: false })
}

/// What a liar says of a log. Whether anything is changed.
pub(super) fn change_logs(random: &mut StdRng, logs: &mut Vec<EvmLog>, fault: Fault) -> bool {
    if logs.is_empty() {
        return false;
    }
    let any = random.random_range(0..logs.len());
    match fault {
        DoubledLog => logs.insert(any, logs[any].clone()),
        MixedLogs => {
            let before = logs.clone();
            logs.rotate_left(1);
            return *logs != before;
        }
        Amount => logs[any].data[31] ^= 0x10,
        Listed | Unlisted => {
            let (is, says) = if fault == Listed { (FORGER, TOKEN) } else { (TOKEN, FORGER) };
            let Some(log) = logs.iter_mut().find(|log| log.address == is) else { return false };
            log.address = says;
        }
        _ => return false,
    }
    true
}

/// What another branch makes of a log: what a contract does depends on what was before.
pub(super) fn logs_again(random: &mut StdRng, old: &[EvmLog]) -> Vec<EvmLog> {
    if random.random_ratio(1, 4) { logs(random) } else { old.to_vec() }
}

impl Evm {
    fn texts(header: (u64, BlockHash, [u8; 32]), txs: &[Paid]) -> (Value, Vec<Value>) {
        let (height, parent, salt) = header;
        let number = format!("{height:#x}");
        let transactions = txs.iter().map(|Paid { tx, .. }| {
            let (kind, value) = (format!("{:#x}", tx.kind), format!("{:#x}", tx.value.narrow().unwrap()));
            json!({
                "hash": text(&tx.hash.0), "type": kind, "from": text(&tx.from),
                "to": tx.to.map(|to| text(&to)), "value": value, "input": "0x",
            })
        });
        let receipts = txs.iter().map(|Paid { receipt, .. }| {
            let logs = receipt.logs.iter().map(|log| {
                let topics: Vec<String> = log.topics.iter().map(|topic| text(topic)).collect();
                json!({"address": text(&log.address), "topics": topics, "data": text(&log.data)})
            });
            json!({
                "transactionHash": text(&receipt.tx.0), "type": "0x2", "blockNumber": number, "gasUsed": GAS,
                "status": if receipt.ok { "0x1" } else { "0x0" }, "logs": logs.collect::<Vec<Value>>(),
            })
        });
        let root = if txs.is_empty() { EMPTY_ROOT.to_owned() } else { text(&salt) };
        let limit = u64::from_be_bytes(salt[..8].try_into().unwrap());
        let mut block = json!({
            "number": number, "parentHash": text(&parent.0), "timestamp": format!("{:#x}", 1_700_000_000 + height),
            "gasLimit": format!("{limit:#x}"), "transactionsRoot": root,
            "transactions": transactions.collect::<Vec<Value>>(),
        });
        let mut receipts: Vec<Value> = receipts.collect();
        evm_seal(&mut block, &mut receipts);
        (block, receipts)
    }

    fn reply(block: &Value, receipts: &[Value]) -> Reply {
        (to_raw_value(block).unwrap(), to_raw_value(receipts).unwrap())
    }

    fn values(reply: &Reply) -> (Value, Vec<Value>) {
        (serde_json::from_str(reply.0.get()).unwrap(), serde_json::from_str(reply.1.get()).unwrap())
    }
}

impl Family for Evm {
    const NETWORK: Network = Network::Ethereum;
    const FAULTS: &'static [Fault] = Fault::ALL;
    type Tx = Paid;
    type Reply = Reply;

    fn of_world(random: &mut StdRng) -> Evm {
        Evm { options: EvmOptions { roots: random.random(), ..EvmOptions::default() } }
    }

    fn own() -> Ours {
        ours()
    }

    fn first(_: &mut StdRng, _: [u8; 32]) -> Option<Paid> {
        None
    }

    fn transaction(random: &mut StdRng, name: [u8; 32]) -> Paid {
        let ((from, to), value) = (parties(random), random.random_range(0..5_u128));
        let (hash, ok) = (TxId(name), random.random_ratio(4, 5));
        let tx = EvmTx { hash, kind: 2, from, to: Some(to), value: Wide::from(value) };
        // What failed wrote nothing; that some node says otherwise is a case of its own.
        let logs = if ok || random.random() { logs(random) } else { Vec::new() };
        Paid { tx, receipt: EvmReceipt { tx: hash, ok, logs } }
    }

    fn payment(random: &mut StdRng, name: [u8; 32]) -> Paid {
        let mut paid = Evm::transaction(random, name);
        (paid.tx.to, paid.tx.value, paid.receipt.ok) = (Some(ALICE), Wide::from(7_u128), true);
        paid
    }

    fn again(random: &mut StdRng, paid: &Paid) -> Option<Paid> {
        let mut paid = paid.clone();
        paid.receipt.ok ^= random.random_ratio(1, 8);
        paid.receipt.logs = logs_again(random, &paid.receipt.logs);
        Some(paid)
    }

    fn arrivals(paid: &Paid) -> Vec<Sighting> {
        let (hash, to) = (paid.tx.hash, paid.tx.to.unwrap());
        if !paid.receipt.ok {
            return Vec::new();
        }
        let value = log([0; 20], paid.tx.from, to, paid.tx.value.narrow().unwrap());
        let coin = arrival(Evm::NETWORK, hash, Place::Value, &value);
        let tokens = (0..).zip(&paid.receipt.logs);
        let tokens = tokens.filter_map(|(at, log)| arrival(Evm::NETWORK, hash, Place::Log(at), log));
        coin.into_iter().chain(tokens).collect()
    }

    fn seal(&self, height: u64, parent: BlockHash, salt: [u8; 32], txs: Vec<Paid>) -> Sealed<Evm> {
        let (block, receipts) = Evm::texts((height, parent, salt), &txs);
        let reply = Evm::reply(&block, &receipts);
        let header = evm_header(EvmOptions::default(), height, &reply.0).unwrap();
        Sealed { header, txs, reply }
    }

    fn change(random: &mut StdRng, paid: &mut Paid, fault: Fault) -> bool {
        match fault {
            Outcome => {
                paid.receipt.ok ^= true;
                true
            }
            Amount if random.random() => {
                paid.tx.value = Wide::from(paid.tx.value.narrow().unwrap() + 1);
                true
            }
            _ => change_logs(random, &mut paid.receipt.logs, fault),
        }
    }

    fn forge(&self, random: &mut StdRng, truth: &Sealed<Evm>, txs: Vec<Paid>) -> Reply {
        let (honest, _) = Evm::values(&truth.reply);
        let mut salt = StdRng::seed_from_u64(truth.header.block.height);
        let (parent, name) = (truth.header.parent, honest["hash"].clone());
        let (mut block, mut receipts) = Evm::texts((truth.header.block.height, parent, salt.random()), &txs);
        // With a header that fits what it says, or with the block's own.
        if random.random() || !self.options.roots {
            block["timestamp"] = honest["timestamp"].clone();
        } else {
            let transactions = std::mem::take(&mut block["transactions"]);
            block = honest;
            block["transactions"] = transactions;
        }
        block["hash"] = name.clone();
        receipts.iter_mut().for_each(|receipt| receipt["blockHash"] = name.clone());
        Evm::reply(&block, &receipts)
    }

    fn misdate(&self, truth: &Sealed<Evm>, parent: BlockHash, later: bool) -> Option<Reply> {
        let (mut block, receipts) = Evm::values(&truth.reply);
        block["parentHash"] = text(&parent.0).into();
        block["timestamp"] = format!("{:#x}", truth.header.time_ms / 1000 + u64::from(later)).into();
        Some(Evm::reply(&block, &receipts))
    }

    fn outcomes(random: &mut StdRng, reply: &mut Reply, fault: Fault) -> bool {
        let (block, mut receipts) = Evm::values(reply);
        let least = if fault == DoubledOutcome { 1 } else { 2 };
        if receipts.len() < least {
            return false;
        }
        let any = random.random_range(0..receipts.len());
        match fault {
            DoubledOutcome => receipts.push(receipts[any].clone()),
            _ => receipts.rotate_left(1),
        }
        *reply = Evm::reply(&block, &receipts);
        true
    }

    fn refuses(&self, fault: Fault) -> bool {
        // Names commit to no bodies of transactions; and receipts that are alike may change places.
        let by_names =
            matches!(fault, DoubledLog | MixedLogs | Hidden | Invented | Listed | Unlisted | Outcome | Parent | Time);
        matches!(fault, Repeated | Swapped | DoubledTx | DoubledOutcome) || (self.options.roots && by_names)
    }

    fn read(&self, height: u64, reply: &Reply) -> Result<Block, NodeError> {
        evm_block((Evm::NETWORK, self.options), height, &reply.0, &reply.1).map(Block::Evm)
    }

    fn read_header(&self, height: u64, reply: &Reply) -> Result<Header, NodeError> {
        evm_header(self.options, height, &reply.0)
    }
}
