//! Bitcoin.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer_chains::node::{BitcoinNode, BitcoinOptions, Broadcast, ChainNode, Fate, FeeFacts, Hindrance};
use exchequer_chains::scan::Block;
use exchequer_chains::{Coin, NetworkParams};
use exchequer_domain::{ChainAddress, Network, OutPoint, Place, TxId};
use exchequer_test_nodes::faults::{Fault, Rule};
use exchequer_test_nodes::{Bitcoin, or_skip};
use serde_json::{Value, json};

use super::{Ours, look, panel, transport};

struct World {
    bitcoin: Bitcoin,
    params: NetworkParams,
    node: Arc<BitcoinNode>,
    other: Arc<BitcoinNode>,
    rogue: exchequer_test_nodes::shim::Shim,
}

impl World {
    async fn address(&self, kind: &str) -> ChainAddress {
        let text = self.bitcoin.direct().call("getnewaddress", json!(["", kind])).await.unwrap();
        ChainAddress::canonical(text.as_str().unwrap()).unwrap()
    }

    /// A signed payment that nobody has sent yet; `inputs`: what it must spend.
    async fn signed(&self, to: &ChainAddress, amount: &str, rate: u64, inputs: Value) -> (TxId, Vec<u8>) {
        let options = json!({"add_to_wallet": false, "fee_rate": rate, "inputs": inputs, "add_inputs": true});
        let asked = json!([[{to.as_str(): amount}], null, "unset", null, options]);
        let made = self.bitcoin.direct().call("send", asked).await.unwrap();
        let id = made["txid"].as_str().unwrap().parse().unwrap();
        (id, hex::decode(made["hex"].as_str().unwrap()).unwrap())
    }
}

/// Goal: the client fits a Bitcoin node: blocks and headers, depth as finality, what arrives and what is spent, fees, outputs,
/// balances, broadcasts, replacements, fates and reorganisations come as they are. Method: a node on a chain of its own.
#[tokio::test]
async fn bitcoin_is_spoken() {
    let started = Bitcoin::start().await;
    let Some(bitcoin) = or_skip("bitcoin_is_spoken", started).unwrap() else { return };
    let params = NetworkParams::test(Network::Bitcoin);
    let node = |url: &str| Arc::new(BitcoinNode::new(transport(url), params, BitcoinOptions { depth: 6 }));
    let rogue = bitcoin.endpoint().await.unwrap();
    let (node, other) = (node(&bitcoin.url()), node(&rogue.url()));
    let world = World { bitcoin, params, node, other, rogue };
    let mainnet =
        BitcoinNode::new(transport(&world.bitcoin.url()), NetworkParams::mainnet(Network::Bitcoin), Default::default());
    assert_eq!(world.node.identify().await, Ok(true));
    assert_eq!(ChainNode::identify(&mainnet).await, Ok(false));
    world.bitcoin.fund().await.unwrap();
    let heads = world.node.heads().await.unwrap();
    assert_eq!((heads.head.block.height, heads.finalized.unwrap().block.height), (101, 96));
    assert_eq!(world.node.header(1_000).await, Ok(None));
    assert_eq!(world.node.block(1_000).await, Ok(None));
    let (eleven, twelve) =
        (world.node.header(11).await.unwrap().unwrap(), world.node.header(12).await.unwrap().unwrap());
    assert_eq!(twelve.parent, eleven.block.hash);

    payments(&world).await;
    reorganisations(&world).await;
}

async fn payments(world: &World) {
    let kinds = ["bech32", "bech32m", "p2sh-segwit", "legacy"];
    let mut ours = Vec::new();
    for kind in kinds {
        ours.push(world.address(kind).await);
    }
    let mut own = Ours::of(&world.params, &ours.iter().collect::<Vec<_>>());
    let mut paid = Vec::new();
    for address in &ours {
        paid.push(world.bitcoin.pay(address.as_str(), "0.5").await.unwrap().parse::<TxId>().unwrap());
    }
    assert_eq!(world.node.fate(paid[0]).await, Ok(Fate::Pending));
    let waiting = world.node.waiting(&BTreeSet::new()).await.unwrap().unwrap();
    assert_eq!(waiting.names, paid.iter().copied().collect());
    assert_eq!(look(world.params, &waiting.fresh, &own, &BTreeSet::new()).sightings.len(), 4);
    let again = world.node.waiting(&waiting.names).await.unwrap().unwrap();
    assert_eq!((again.names, again.fresh.transactions().len()), (waiting.names, 0));
    world.bitcoin.mine(1).await.unwrap();
    let block = world.node.block(102).await.unwrap().unwrap();
    let found = look(world.params, &block, &own, &BTreeSet::new());
    let mut seen: Vec<TxId> = found.sightings.iter().map(|seen| seen.tx).collect();
    let mut sent = paid.clone();
    seen.sort_unstable();
    sent.sort_unstable();
    assert_eq!(seen, sent);
    assert!(found.sightings.iter().all(|seen| seen.amount == 50_000_000 && !seen.coinbase));
    let Block::Bitcoin(_) = &block else { panic!("{block:?}") };
    let Fate::Included { block: at, ok: true, .. } = world.node.fate(paid[0]).await.unwrap() else {
        panic!("not there")
    };
    assert_eq!(at, block.header().block);

    // Outputs and balances.
    let coin = |seen: &exchequer_chains::scan::Sighting| match seen.place {
        Place::Output(vout) => OutPoint { tx: seen.tx, vout },
        other => panic!("{other:?}"),
    };
    let coins: Vec<OutPoint> = found.sightings.iter().map(coin).collect();
    let none = OutPoint { tx: TxId([9; 32]), vout: 0 };
    let facts = world.node.outputs(&[coins[0], none]).await.unwrap();
    let first = facts[0].as_ref().unwrap();
    assert_eq!((first.sats, first.confirmations, first.coinbase, facts[1].is_none()), (50_000_000, 1, false, true));
    let of: Vec<(ChainAddress, Coin)> = ours.iter().map(|address| (address.clone(), Coin::Native)).collect();
    let head = world.node.heads().await.unwrap().head;
    assert_eq!(world.node.balances(&of, head).await, Ok(vec![Some(50_000_000); 4]));
    assert!(world.node.balances(&of, world.node.header(50).await.unwrap().unwrap()).await.is_err());

    // Fees: an empty chain has nothing to go by.
    let FeeFacts::Bitcoin { targets, relay_min, pool_min, increment } = world.node.fees().await.unwrap() else {
        panic!()
    };
    assert!(targets.len() == 3 && relay_min > 0 && pool_min >= relay_min && increment > 0);

    // A payment that spends one of ours, replaced by another with a higher fee.
    let spent = coins[0];
    own.coins = coins.clone();
    let inputs = json!([{"txid": spent.tx.to_string(), "vout": spent.vout}]);
    let to = world.address("bech32").await;
    let (id, raw) = world.signed(&to, "0.1", 2, inputs.clone()).await;
    assert_eq!(world.node.fate(id).await, Ok(Fate::Unseen));
    world.bitcoin.shim().faults().add(Rule::from(Fault::DropReply).at("sendrawtransaction").times(1));
    assert!(matches!(world.node.broadcast(id, &raw).await, Broadcast::Unknown(_)));
    assert_eq!(world.other.broadcast(id, &raw).await, Broadcast::Accepted, "the node takes what it has once more");
    assert_eq!(world.node.fate(id).await, Ok(Fate::Pending));
    let (second, second_raw) = world.signed(&to, "0.2", 3, inputs.clone()).await;
    let said = world.node.broadcast(second, &second_raw).await;
    assert_eq!(said, Broadcast::Accepted, "{said:?}");
    assert_eq!(world.node.fate(id).await, Ok(Fate::Unseen), "what is replaced is known to nobody");
    let said = world.node.broadcast(id, &raw).await;
    assert!(matches!(said, Broadcast::NotNow(Hindrance::ReplacementUnderpriced, _)), "{said:?}");
    world.bitcoin.mine(1).await.unwrap();
    let block = world.node.block(103).await.unwrap().unwrap();
    let found = look(world.params, &block, &own, &BTreeSet::new());
    assert_eq!(found.spent.iter().filter(|(_, coin)| *coin == spent).collect::<Vec<_>>(), [&(second, spent)]);
    assert_eq!(world.node.outputs(&[spent]).await, Ok(vec![None]));
    let said = world.node.broadcast(id, &raw).await;
    assert!(matches!(said, Broadcast::NotNow(Hindrance::InputsGone, _)), "{said:?}");
    let said = world.node.broadcast(second, &second_raw).await;
    assert!(said.may_be_out(), "{said:?}");
}

async fn reorganisations(world: &World) {
    let panel = panel([world.node.clone(), world.other.clone()]).await;
    let to = world.address("bech32").await;
    let paid: TxId = world.bitcoin.pay(to.as_str(), "0.3").await.unwrap().parse().unwrap();
    world.bitcoin.mine(2).await.unwrap();
    let height = world.node.heads().await.unwrap().head.block.height;
    let before = panel.agreed_header(height).await.unwrap();
    world.bitcoin.reorganise(2, true).await.unwrap();
    let after = panel.agreed_header(height).await.unwrap();
    assert_ne!(after.block, before.block);
    assert_eq!(world.node.fate(paid).await, Ok(Fate::Pending), "it waits again");
    world.bitcoin.mine(1).await.unwrap();
    assert!(matches!(world.node.fate(paid).await, Ok(Fate::Included { ok: true, .. })));
    world.rogue.faults().add(Rule::from(Fault::Truncated));
    assert!(panel.agreed_header(height).await.is_err());
    world.rogue.faults().clear();
    world.rogue.faults().add(Rule::from(Fault::Html).at("getblock"));
    assert!(world.other.block(height).await.is_err());
}
