//! What a block's name commits to: its header, and by the header's root every receipt. Pure.
//!
//! Endpoints agree on a block by its name. Where the name follows from the header, and the header's root from the receipts, an
//! endpoint cannot leave out a log or a transaction's failure under the name that others have, however consistently it does so.
//! The bodies of transactions are not covered, since some networks have kinds whose bytes do not follow from what nodes tell of
//! them; for these, and for calls, several endpoints are asked ([`Panel::agreed_block`](crate::node::Panel::agreed_block)).

use ethers_core::utils::rlp::RlpStream;
use serde::Deserialize;
use sha3::{Digest, Keccak256};

use super::wire::wrong;
use crate::node::NodeError;
use crate::rpc::{data, fixed, quantity_wide};
use crate::scan::EvmLog;

pub(super) const BLOOM_BYTES: usize = 256;
/// A tree of nothing, as RLP writes it.
const NOTHING: u8 = 0x80;
/// From this length on a part of a tree is named by its hash; shorter ones stand for themselves.
const HASHED_BYTES: usize = 32;

fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// A header's parts, in the order in which they are hashed. Those that later rules of the network added may be missing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireSeal<'a> {
    #[serde(borrow)]
    parent_hash: &'a str,
    #[serde(borrow)]
    sha3_uncles: &'a str,
    #[serde(borrow)]
    miner: &'a str,
    #[serde(borrow)]
    state_root: &'a str,
    #[serde(borrow)]
    transactions_root: &'a str,
    #[serde(borrow)]
    pub(super) receipts_root: &'a str,
    #[serde(borrow)]
    logs_bloom: &'a str,
    #[serde(borrow)]
    difficulty: &'a str,
    #[serde(borrow)]
    number: &'a str,
    #[serde(borrow)]
    gas_limit: &'a str,
    #[serde(borrow)]
    gas_used: &'a str,
    #[serde(borrow)]
    timestamp: &'a str,
    #[serde(borrow)]
    extra_data: &'a str,
    #[serde(borrow)]
    mix_hash: &'a str,
    #[serde(borrow)]
    nonce: &'a str,
    #[serde(default, borrow)]
    base_fee_per_gas: Option<&'a str>,
    #[serde(default, borrow)]
    withdrawals_root: Option<&'a str>,
    #[serde(default, borrow)]
    blob_gas_used: Option<&'a str>,
    #[serde(default, borrow)]
    excess_blob_gas: Option<&'a str>,
    #[serde(default, borrow)]
    parent_beacon_block_root: Option<&'a str>,
    #[serde(default, borrow)]
    requests_hash: Option<&'a str>,
}

impl WireSeal<'_> {
    /// The name that follows from the header.
    pub(super) fn hash(&self) -> Result<[u8; 32], NodeError> {
        let bytes = |text: &str| data(text).ok_or_else(|| wrong("a header that cannot be read"));
        let number = |text: &str| quantity_wide(text).map(|wide| wide.0).ok_or_else(|| wrong("a header's number"));
        let mut rlp = RlpStream::new();
        rlp.begin_unbounded_list();
        for text in [self.parent_hash, self.sha3_uncles, self.miner, self.state_root] {
            rlp.append(&bytes(text)?);
        }
        for text in [self.transactions_root, self.receipts_root, self.logs_bloom] {
            rlp.append(&bytes(text)?);
        }
        for text in [self.difficulty, self.number, self.gas_limit, self.gas_used, self.timestamp] {
            rlp.append(&digits(&number(text)?));
        }
        for text in [self.extra_data, self.mix_hash, self.nonce] {
            rlp.append(&bytes(text)?);
        }
        // What later rules added stands at the end: up to the last one that is there, with nothing for those between.
        let later = [
            (self.base_fee_per_gas, true),
            (self.withdrawals_root, false),
            (self.blob_gas_used, true),
            (self.excess_blob_gas, true),
            (self.parent_beacon_block_root, false),
            (self.requests_hash, false),
        ];
        let there = later.iter().rposition(|(text, _)| text.is_some()).map_or(0, |last| last + 1);
        for (text, is_number) in later.iter().take(there) {
            match text {
                Some(text) if *is_number => rlp.append(&digits(&number(text)?)),
                Some(text) => rlp.append(&bytes(text)?),
                None => rlp.append_empty_data(),
            };
        }
        rlp.finalize_unbounded_list();
        Ok(keccak(&rlp.out()))
    }

    pub(super) fn receipts_root(&self) -> Result<[u8; 32], NodeError> {
        fixed(self.receipts_root).ok_or_else(|| wrong("a block without a root of receipts"))
    }
}

/// A number's bytes without leading zeros.
fn digits(number: &[u8; 32]) -> Vec<u8> {
    number.iter().copied().skip_while(|byte| *byte == 0).collect()
}

/// A receipt as the root of a block's receipts knows it: `kind` is its transaction's, `gas` what the block used up to its end.
pub(super) fn receipt_bytes(kind: u64, ok: bool, gas: u64, logs: &[EvmLog]) -> Vec<u8> {
    let mut rlp = RlpStream::new_list(4);
    rlp.append(&u8::from(ok));
    rlp.append(&gas);
    rlp.append(&bloom(logs).as_slice());
    rlp.begin_list(logs.len());
    for log in logs {
        rlp.begin_list(3);
        rlp.append(&log.address.as_slice());
        rlp.begin_list(log.topics.len());
        for topic in &log.topics {
            rlp.append(&topic.as_slice());
        }
        rlp.append(&log.data);
    }
    let mut bytes = Vec::new();
    // The first kind has no byte of its own.
    bytes.extend(u8::try_from(kind).ok().filter(|kind| *kind > 0));
    bytes.extend_from_slice(&rlp.out());
    bytes
}

/// The filter of logs.
fn bloom(logs: &[EvmLog]) -> [u8; BLOOM_BYTES] {
    let mut filter = [0; BLOOM_BYTES];
    for log in logs {
        add(&mut filter, &log.address);
        log.topics.iter().for_each(|topic| add(&mut filter, topic));
    }
    filter
}

/// Makes a filter know of an entry.
pub(super) fn add(filter: &mut [u8; BLOOM_BYTES], bytes: &[u8]) {
    let hash = keccak(bytes);
    for pair in hash.chunks_exact(2).take(3) {
        let bit = usize::from(u16::from_be_bytes([pair[0], pair[1]]) & 0x7ff);
        filter[BLOOM_BYTES - 1 - bit / 8] |= 1 << (bit % 8);
    }
}

/// The root of the tree that has these values in their order: each under its number.
pub(super) fn ordered_root(values: &[Vec<u8>]) -> [u8; 32] {
    let key = |at: usize| {
        let mut rlp = RlpStream::new();
        rlp.append(&(at as u64));
        rlp.out().iter().flat_map(|byte| [byte >> 4, byte & 0x0f]).collect::<Vec<u8>>()
    };
    let mut entries: Vec<(Vec<u8>, &[u8])> =
        values.iter().enumerate().map(|(at, value)| (key(at), value.as_slice())).collect();
    entries.sort_unstable();
    keccak(&node(&entries, 0))
}

/// The part of the tree below `depth` half bytes that all of these keys share. Keys are of a few bytes: so is the recursion.
fn node(entries: &[(Vec<u8>, &[u8])], depth: usize) -> Vec<u8> {
    let (Some((first, value)), Some((last, _))) = (entries.first(), entries.last()) else { return vec![NOTHING] };
    if entries.len() == 1 {
        let mut rlp = RlpStream::new_list(2);
        rlp.append(&path(&first[depth..], true));
        rlp.append(value);
        return rlp.out().to_vec();
    }
    // They are sorted: what the outer ones share, all do.
    let shared = first[depth..].iter().zip(&last[depth..]).take_while(|(a, b)| a == b).count();
    if shared > 0 {
        let mut rlp = RlpStream::new_list(2);
        rlp.append(&path(&first[depth..depth + shared], false));
        append(&mut rlp, &node(entries, depth + shared));
        return rlp.out().to_vec();
    }
    let mut rlp = RlpStream::new_list(17);
    for half in 0..16 {
        let from = entries.partition_point(|(key, _)| key.get(depth).is_none_or(|found| *found < half));
        let to = entries.partition_point(|(key, _)| key.get(depth).is_none_or(|found| *found <= half));
        append(&mut rlp, &node(&entries[from..to], depth + 1));
    }
    // No number's key is the beginning of another's: nothing ends here.
    rlp.append_empty_data();
    rlp.out().to_vec()
}

fn append(rlp: &mut RlpStream, child: &[u8]) {
    if child.len() < HASHED_BYTES {
        rlp.append_raw(child, 1);
    } else {
        rlp.append(&keccak(child).as_slice());
    }
}

/// Half bytes as bytes; the first one says whether they are odd and whether they are a key's end.
fn path(halves: &[u8], end: bool) -> Vec<u8> {
    let flag = if end { 2 } else { 0 };
    let (first, rest) = match halves.split_first() {
        Some((half, rest)) if halves.len() % 2 == 1 => (0x10 * (flag + 1) + half, rest),
        Some(_) | None => (0x10 * flag, halves),
    };
    std::iter::once(first).chain(rest.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

/// Gives a made-up block the roots, the filter, the gas and the name that follow from its receipts.
#[cfg(test)]
pub(in crate::node) fn seal(block: &mut serde_json::Value, receipts: &mut [serde_json::Value]) {
    use crate::rpc::quantity_u64;
    let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
    let (mut gas, mut all, mut bytes) = (0, Vec::new(), Vec::new());
    for receipt in receipts.iter_mut() {
        gas += receipt["gasUsed"].as_str().and_then(quantity_u64).unwrap();
        receipt["cumulativeGasUsed"] = format!("{gas:#x}").into();
        let kind = receipt["type"].as_str().and_then(quantity_u64).unwrap_or(0);
        let mut logs = Vec::new();
        for log in receipt["logs"].as_array().unwrap() {
            let topics = log["topics"].as_array().unwrap().iter().map(|topic| fixed(topic.as_str().unwrap()).unwrap());
            logs.push(EvmLog {
                address: fixed(log["address"].as_str().unwrap()).unwrap(),
                topics: topics.collect(),
                data: data(log["data"].as_str().unwrap()).unwrap(),
                removed: false,
            });
        }
        bytes.push(receipt_bytes(kind, receipt["status"] == "0x1", gas, &logs));
        all.append(&mut logs);
    }
    for name in ["sha3Uncles", "stateRoot", "mixHash"] {
        block[name] = hex(&[3; 32]).into();
    }
    block["miner"] = hex(&[4; 20]).into();
    block["nonce"] = hex(&[0; 8]).into();
    block["difficulty"] = "0x0".into();
    block["extraData"] = "0x".into();
    block["receiptsRoot"] = hex(&ordered_root(&bytes)).into();
    block["logsBloom"] = hex(&bloom(&all)).into();
    block["gasUsed"] = format!("{gas:#x}").into();
    let text = block.to_string();
    let name = hex(&serde_json::from_str::<WireSeal<'_>>(&text).unwrap().hash().unwrap());
    for receipt in receipts {
        receipt["blockHash"] = name.clone().into();
    }
    block["hash"] = name.into();
}

#[cfg(test)]
mod tests {
    use alloy_consensus::proofs::{calculate_receipt_root, ordered_trie_root_with_encoder};
    use alloy_consensus::{Eip658Value, Receipt, ReceiptEnvelope};
    use alloy_primitives::{Address, B256, Log, LogData};
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn seed() -> u64 {
        let seed = std::env::var("EXCHEQUER_CHAINS_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(rand::random);
        println!("EXCHEQUER_CHAINS_SEED={seed}");
        seed
    }

    /// Goal: roots are those of another library. Method: lists of every length up to 300 and some longer ones, of values that are
    /// short, long and empty.
    #[test]
    fn ordered_roots_are_anothers() {
        let mut random = StdRng::seed_from_u64(seed());
        for length in (0..300).chain([1_000, 4_096]) {
            let values: Vec<Vec<u8>> = (0..length)
                .map(|_| {
                    let bytes = random.random_range(1..80);
                    (0..bytes).map(|_| random.random()).collect()
                })
                .collect();
            let theirs = ordered_trie_root_with_encoder(&values, |value, to| to.extend_from_slice(value));
            assert_eq!(ordered_root(&values), theirs.0, "{length} values");
        }
    }

    /// Goal: the root of receipts is that of another library. Method: receipts of every kind, with and without logs of all shapes.
    #[test]
    fn receipts_are_anothers() {
        let mut random = StdRng::seed_from_u64(seed());
        for _ in 0..200 {
            let count = random.random_range(0..40);
            let (mut ours, mut theirs, mut gas) = (Vec::new(), Vec::new(), 0_u64);
            for _ in 0..count {
                gas += random.random_range(0..1 << 40);
                let (kind, ok) = (random.random_range(0..5_u64), random.random_bool(0.8));
                let logs: Vec<EvmLog> = (0..random.random_range(0..6))
                    .map(|_| EvmLog {
                        address: random.random(),
                        topics: (0..random.random_range(0..5)).map(|_| random.random()).collect(),
                        data: (0..random.random_range(0..70)).map(|_| random.random()).collect(),
                        removed: false,
                    })
                    .collect();
                ours.push(receipt_bytes(kind, ok, gas, &logs));
                let log = |log: &EvmLog| Log {
                    address: Address::from(log.address),
                    data: LogData::new_unchecked(
                        log.topics.iter().map(|topic| B256::from(*topic)).collect(),
                        log.data.clone().into(),
                    ),
                };
                let status = Eip658Value::Eip658(ok);
                let logs = logs.iter().map(log).collect();
                let receipt = Receipt { status, cumulative_gas_used: gas, logs }.with_bloom();
                theirs.push(match kind {
                    0 => ReceiptEnvelope::Legacy(receipt),
                    1 => ReceiptEnvelope::Eip2930(receipt),
                    2 => ReceiptEnvelope::Eip1559(receipt),
                    3 => ReceiptEnvelope::Eip4844(receipt),
                    _ => ReceiptEnvelope::Eip7702(receipt),
                });
            }
            assert_eq!(ordered_root(&ours), calculate_receipt_root(&theirs).0);
        }
    }

    /// Goal: a header's name is that of another library, with whatever later rules added, and any part that is changed changes
    /// it. Method: headers with each number of later parts.
    #[test]
    fn headers_are_anothers() {
        use alloy_consensus::Header;
        let mut random = StdRng::seed_from_u64(seed());
        let hex = |bytes: &[u8]| format!("0x{}", hex::encode(bytes));
        for later in 0..6 {
            let mut header = Header {
                parent_hash: B256::from(random.random::<[u8; 32]>()),
                beneficiary: Address::from(random.random::<[u8; 20]>()),
                number: random.random(),
                gas_limit: random.random(),
                gas_used: random.random(),
                timestamp: random.random(),
                extra_data: vec![random.random(); 9].into(),
                ..Header::default()
            };
            header.base_fee_per_gas = (later > 0).then(|| random.random());
            header.withdrawals_root = (later > 1).then(|| B256::from(random.random::<[u8; 32]>()));
            header.blob_gas_used = (later > 2).then_some(0);
            header.excess_blob_gas = (later > 2).then(|| random.random());
            header.parent_beacon_block_root = (later > 3).then(|| B256::from(random.random::<[u8; 32]>()));
            header.requests_hash = (later > 4).then(|| B256::from(random.random::<[u8; 32]>()));
            let mut json = serde_json::json!({
                "parentHash": hex(header.parent_hash.as_slice()), "sha3Uncles": hex(header.ommers_hash.as_slice()),
                "miner": hex(header.beneficiary.as_slice()), "stateRoot": hex(header.state_root.as_slice()),
                "transactionsRoot": hex(header.transactions_root.as_slice()),
                "receiptsRoot": hex(header.receipts_root.as_slice()), "logsBloom": hex(header.logs_bloom.as_slice()),
                "difficulty": "0x0", "number": format!("{:#x}", header.number),
                "gasLimit": format!("{:#x}", header.gas_limit), "gasUsed": format!("{:#x}", header.gas_used),
                "timestamp": format!("{:#x}", header.timestamp), "extraData": hex(&header.extra_data),
                "mixHash": hex(header.mix_hash.as_slice()), "nonce": hex(header.nonce.as_slice()),
            });
            let mut put = |name: &str, text: Option<String>| {
                if let Some(text) = text {
                    json[name] = text.into();
                }
            };
            let number = |number: Option<u64>| number.map(|number| format!("{number:#x}"));
            put("baseFeePerGas", number(header.base_fee_per_gas));
            put("withdrawalsRoot", header.withdrawals_root.map(|root| hex(root.as_slice())));
            put("blobGasUsed", number(header.blob_gas_used));
            put("excessBlobGas", number(header.excess_blob_gas));
            put("parentBeaconBlockRoot", header.parent_beacon_block_root.map(|root| hex(root.as_slice())));
            put("requestsHash", header.requests_hash.map(|root| hex(root.as_slice())));
            let text = json.to_string();
            let named = |text: &str| serde_json::from_str::<WireSeal<'_>>(text).unwrap().hash().unwrap();
            assert_eq!(named(&text), header.hash_slow().0, "{later} later parts");
            let changed = text.replacen(&hex(&header.extra_data), "0x01", 1);
            assert_ne!(named(&changed), header.hash_slow().0);
        }
    }
}
