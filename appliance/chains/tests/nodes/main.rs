//! The clients against nodes: anvil as each of the four EVM networks, a Bitcoin node, and the simulator of TRON. What needs a node
//! that is not installed says SKIPPED and names it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is the test's")]

mod bitcoin;
mod evm;
mod tron;

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer_chains::node::{ChainNode, Panel};
use exchequer_chains::rpc::{Auth, Endpoint, HealthRules, Limits, Transport, http_client};
use exchequer_chains::scan::{Block, Found, Key, Own, Watch, scan};
use exchequer_chains::{KeyPath, KeyPurpose, NetworkParams, Signature, Signed, Unsigned};
use exchequer_domain::{ChainAddress, OutPoint};
use k256::ecdsa::SigningKey;

const KEY: KeyPath = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };

fn transport(url: &str) -> Transport {
    Transport::new(http_client().unwrap(), Endpoint::new(url, Auth::None).unwrap(), Limits::default())
}

/// Two endpoints of which both have to agree.
async fn panel(nodes: [Arc<dyn ChainNode>; 2]) -> Panel {
    let panel = Panel::new(nodes.to_vec(), HealthRules::default(), 2).unwrap();
    panel.refresh().await;
    panel
}

/// Signs with a key that stands in for the one at [`KEY`].
fn sign(unsigned: &Unsigned, params: &NetworkParams, key: &SigningKey) -> Signed {
    let inputs = unsigned.signing_inputs(params).unwrap();
    let sign = |digest: &[u8; 32]| {
        let (signature, id) = key.sign_prehash_recoverable(digest).unwrap();
        Signature::Recoverable { compact: signature.to_bytes().into(), odd_y: u8::from(id.is_y_odd()) }
    };
    let signatures: Vec<Signature> = inputs.iter().map(|input| sign(&input.digest)).collect();
    unsigned.assemble(params, &signatures).unwrap()
}

/// Addresses and coins that are ours.
#[derive(Default)]
struct Ours {
    keys: Vec<Key>,
    coins: Vec<OutPoint>,
}

impl Ours {
    fn of(params: &NetworkParams, addresses: &[&ChainAddress]) -> Ours {
        let keys = addresses.iter().map(|address| Key::of_address(params, address).unwrap());
        Ours { keys: keys.collect(), coins: Vec::new() }
    }
}

impl Own for Ours {
    fn holds(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }
    fn spends(&self, coin: &OutPoint) -> bool {
        self.coins.contains(coin)
    }
}

fn look(params: NetworkParams, block: &Block, own: &Ours, tokens: &BTreeSet<[u8; 20]>) -> Found {
    scan(block, &Watch { params, own, tokens })
}
