//! Blocks made by hand, and what is found in them.

mod bitcoin;
mod evm;
mod reorganisation;
mod tron;

use std::collections::{BTreeSet, HashSet};

use exchequer_domain::{BlockHash, BlockRef, Network, OutPoint, Place, TxId};

use super::evm::TRANSFER;
use super::*;
use crate::NetworkParams;
use crate::rpc::Wide;

/// Our addresses end in these bytes; 9 is a wallet of our own that pays.
pub(super) const ALICE: [u8; 20] = [1; 20];
pub(super) const BOB: [u8; 20] = [2; 20];
pub(super) const HOT: [u8; 20] = [9; 20];
pub(super) const STRANGER: [u8; 20] = [7; 20];
pub(super) const TOKEN: [u8; 20] = [0xaa; 20];
pub(super) const FORGER: [u8; 20] = [0xbb; 20];

pub(super) struct Ours {
    pub(super) keys: HashSet<Key>,
    pub(super) coins: HashSet<OutPoint>,
}

impl Own for Ours {
    fn holds(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }
    fn spends(&self, coin: &OutPoint) -> bool {
        self.coins.contains(coin)
    }
}

pub(super) fn ours() -> Ours {
    Ours { keys: [ALICE, BOB, HOT].map(Key::Account).into(), coins: HashSet::new() }
}

pub(super) fn found(network: Network, block: &Block, own: &dyn Own) -> Found {
    let tokens = BTreeSet::from([TOKEN]);
    scan(block, &Watch { params: NetworkParams::mainnet(network), own, tokens: &tokens })
}

/// What an explanation says, without what does not concern the transaction.
pub(super) fn explained(network: Network, block: &Block, own: &dyn Own) -> Vec<Finding> {
    let tokens = BTreeSet::from([TOKEN]);
    let watch = Watch { params: NetworkParams::mainnet(network), own, tokens: &tokens };
    explain(block, block.transactions()[0], &watch).unwrap()
}

pub(super) fn header(height: u64, hash: u8) -> Header {
    let block = BlockRef { height, hash: BlockHash([hash; 32]) };
    Header { block, parent: BlockHash([hash.wrapping_sub(1); 32]), time_ms: 0 }
}

pub(super) fn word(account: [u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&account);
    word
}

pub(super) fn log(contract: [u8; 20], from: [u8; 20], to: [u8; 20], amount: u128) -> EvmLog {
    let data = Wide::from(amount).0.to_vec();
    EvmLog { address: contract, topics: vec![TRANSFER, word(from), word(to)], data, removed: false }
}

/// The places and amounts that were seen.
pub(super) fn amounts(found: &Found) -> Vec<(Place, u128)> {
    found.sightings.iter().map(|sighting| (sighting.place, sighting.amount)).collect()
}

pub(super) fn tx_id(number: u8) -> TxId {
    TxId([number; 32])
}
