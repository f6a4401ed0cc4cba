//! EVM networks.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, text, transfer_data};
use exchequer_chains::node::{
    Account, Broadcast, ChainNode, EvmNode, EvmOptions, Fate, FeeFacts, Heads, Hindrance, Panel, Trial, TrialCall,
};
use exchequer_chains::scan::{Block, EvmBlock, Sighting};
use exchequer_chains::{Coin, NetworkParams, Unsigned};
use exchequer_domain::{ChainAddress, Network, Place, TxId};
use exchequer_test_nodes::contracts::{Contract, word};
use exchequer_test_nodes::faults::{Fault, Rule};
use exchequer_test_nodes::shim::{Finality, Profile};
use exchequer_test_nodes::{Anvil, or_skip};
use k256::ecdsa::SigningKey;

use super::{KEY, Ours, look, panel, sign, transport};

/// The first account of anvil's own words, and its key, which everybody knows.
const RICH: [u8; 20] = [
    0xf3, 0x9f, 0xd6, 0xe5, 0x1a, 0xad, 0x88, 0xf6, 0xf4, 0xce, 0x6a, 0xb8, 0x82, 0x72, 0x79, 0xcf, 0xff, 0xb9, 0x22,
    0x66,
];
const RICH_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const BOB: [u8; 20] = [0xb0; 20];
const GWEI: u128 = 1_000_000_000;

fn network(profile: Profile) -> Network {
    match profile {
        Profile::Ethereum => Network::Ethereum,
        Profile::Polygon => Network::Polygon,
        Profile::Bsc => Network::Bsc,
        Profile::Arbitrum => Network::Arbitrum,
    }
}

struct World {
    anvil: Anvil,
    params: NetworkParams,
    node: Arc<EvmNode>,
    other: Arc<EvmNode>,
    rogue: exchequer_test_nodes::shim::Shim,
}

impl World {
    async fn begin(profile: Profile, test: &str) -> Option<World> {
        let anvil = or_skip(test, Anvil::start(profile).await).unwrap()?;
        let params = NetworkParams::test(network(profile));
        let options = EvmOptions { traces: true, ..EvmOptions::default() };
        let node = |url: &str| Arc::new(EvmNode::new(transport(url), params, options));
        let rogue = anvil.endpoint().await.unwrap();
        let (node, other) = (node(&anvil.url()), node(&rogue.url()));
        Some(World { anvil, params, node, other, rogue })
    }

    async fn panel(&self) -> Panel {
        panel([self.node.clone(), self.other.clone()]).await
    }

    async fn create(&self, code: Vec<u8>) -> [u8; 20] {
        let receipt = self.anvil.send_as(text(&RICH).as_str(), None, &code, 0).await.unwrap();
        let address = receipt["contractAddress"].as_str().unwrap();
        hex::decode(&address[2..]).unwrap().try_into().unwrap()
    }

    async fn call(&self, to: [u8; 20], data: &[u8], wei: u128) -> TxId {
        let receipt = self.anvil.send_as(text(&RICH).as_str(), Some(text(&to).as_str()), data, wei).await.unwrap();
        receipt["transactionHash"].as_str().unwrap().parse().unwrap()
    }

    async fn head(&self) -> u64 {
        self.node.heads().await.unwrap().head.block.height
    }

    async fn block(&self, height: u64) -> EvmBlock {
        match self.node.block(height).await.unwrap() {
            Some(Block::Evm(block)) => block,
            other => panic!("{other:?}"),
        }
    }

    /// What arrived at Bob's in a block, of the chain's coin or of this token.
    async fn sightings(&self, height: u64, token: [u8; 20]) -> Vec<Sighting> {
        let own = Ours::of(&self.params, &[&text(&BOB)]);
        let found = look(self.params, &Block::Evm(self.block(height).await), &own, &BTreeSet::from([token]));
        assert_eq!(found.doubts, []);
        found.sightings
    }

    /// A signed payment to Bob.
    async fn payment(&self, action: EvmAction, bump: u128, skip: u64) -> (TxId, Vec<u8>) {
        let Account::Evm { pending, .. } = self.node.account(&text(&RICH)).await.unwrap() else { panic!("no account") };
        let FeeFacts::Evm { base_fee, tips, gas_price, tip } = self.node.fees().await.unwrap() else {
            panic!("no fees")
        };
        let tip = tips.map_or(0, |tips| tips[1]).max(tip.unwrap_or(0)).max(GWEI);
        let max_fee = (base_fee.unwrap_or(0) * 2 + tip).max(gas_price) * bump;
        let fees = EvmFees::Dynamic { max_fee, tip: (tip * bump).min(max_fee) };
        let chain_id = self.params.chain_id().unwrap();
        let tx = EvmTx { chain_id, nonce: pending + skip, fees, gas: 200_000, action };
        let unsigned = Unsigned::Evm(UnsignedEvm::new(&self.params, KEY, RICH, tx).unwrap());
        let key = SigningKey::from_slice(&hex::decode(RICH_KEY).unwrap()).unwrap();
        let signed = sign(&unsigned, &self.params, &key);
        (signed.tx, signed.raw)
    }
}

fn argument(address: &[u8; 20]) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

fn invocation(contract: Contract, signature: &str, words: &[[u8; 32]]) -> Vec<u8> {
    [contract.selector(signature).unwrap().as_slice(), &words.concat()].concat()
}

/// Whatever the client offers, once, as one of the networks.
async fn everything(profile: Profile, test: &str) {
    let Some(world) = World::begin(profile, test).await else { return };
    assert_eq!(world.node.identify().await, Ok(true));
    let elsewhere = match profile {
        Profile::Ethereum => Network::Bsc,
        Profile::Polygon | Profile::Bsc | Profile::Arbitrum => Network::Ethereum,
    };
    let foreign = EvmNode::new(transport(&world.anvil.url()), NetworkParams::test(elsewhere), EvmOptions::default());
    assert_eq!(ChainNode::identify(&foreign).await, Ok(false));

    // Blocks in which nothing is, and what is final of them.
    world.anvil.mine(70).await.unwrap();
    let Heads { head, finalized, .. } = world.node.heads().await.unwrap();
    assert!(head.block.height >= 70 && finalized.unwrap().block.height < head.block.height);
    let mut parent = world.node.header(1).await.unwrap().unwrap();
    for height in 2..40 {
        let header = world.block(height).await.header;
        assert_eq!((header.parent, Some(header)), (parent.block.hash, world.node.header(height).await.unwrap()));
        parent = header;
    }
    assert_eq!(world.node.header(1_000).await, Ok(None));
    assert_eq!(world.node.block(1_000).await, Ok(None));
    let agreed = world.panel().await;
    assert_eq!(agreed.agreed_header(30).await, Ok(world.block(30).await.header));
    assert_eq!(agreed.agreed_final().await, Ok(finalized.unwrap()));

    // What arrives: coin, coin by a contract, a token, and what only looks like it.
    let token = world.create(Contract::tether_like("Tether", "USDT", 6).unwrap()).await;
    let forger = world.create(Contract::FakeLogs.bytecode().unwrap()).await;
    let forwarder = world.create(Contract::Forwarder.bytecode().unwrap()).await;
    // A token tells its decimals; a contract that does not, and an address without one, are nothing else than that.
    for (of, decimals) in [(token, Some(6)), (forwarder, None), (BOB, None)] {
        assert_eq!(world.panel().await.agreed_decimals(&text(&of)).await, Ok(decimals));
    }
    let issue = invocation(Contract::TetherLike, "issue(address,uint256)", &[argument(&RICH), word(5_000_000)]);
    world.call(token, &issue, 0).await;
    let fees = invocation(Contract::TetherLike, "setParams(uint256,uint256)", &[word(10), word(1_000_000)]);
    world.call(token, &fees, 0).await;
    let sent = world.call(token, &transfer_data(&BOB, 1_000_000), 0).await;
    let seen = world.sightings(world.head().await, token).await;
    // The token keeps a thousandth: what arrived counts, not what was asked for.
    assert_eq!(seen.iter().map(|seen| (seen.tx, seen.amount)).collect::<Vec<_>>(), [(sent, 999_000)]);
    assert!(matches!(seen[0].place, Place::Log(_)) && seen[0].coin == Coin::Token(text(&token)));
    let forge =
        invocation(Contract::FakeLogs, "forge(address,address,uint256)", &[argument(&RICH), argument(&BOB), word(7)]);
    world.call(forger, &forge, 0).await;
    assert_eq!(world.sightings(world.head().await, token).await, []);
    let forward = invocation(Contract::Forwarder, "forward(address)", &[argument(&BOB)]);
    let forwarded = world.call(forwarder, &forward, 5).await;
    let seen = world.sightings(world.head().await, token).await;
    assert_eq!(seen.iter().map(|seen| (seen.tx, seen.amount)).collect::<Vec<_>>(), [(forwarded, 5)]);
    assert!(matches!(seen[0].place, Place::Call(_)));
    let direct = world.call(BOB, &[], 9).await;
    let seen = world.sightings(world.head().await, token).await;
    assert_eq!(
        seen.iter().map(|seen| (seen.tx, seen.place, seen.amount)).collect::<Vec<_>>(),
        [(direct, Place::Value, 9)]
    );

    payments(&world, token).await;
    balances_and_trials(&world, token).await;
    reorganisations(&world, token).await;
}

/// Transactions that are signed here, on their way.
async fn payments(world: &World, token: [u8; 20]) {
    world.anvil.direct().call("evm_setAutomine", serde_json::json!([false])).await.unwrap();
    let pay = EvmAction::Transfer { to: BOB, amount: 11 };
    let (id, raw) = world.payment(pay, 1, 0).await;
    assert_eq!(world.node.fate(id).await, Ok(Fate::Unseen));
    assert_eq!(world.node.broadcast(id, &raw).await, Broadcast::Accepted);
    assert_eq!(world.node.broadcast(id, &raw).await, Broadcast::AlreadyKnown);
    assert_eq!(world.node.fate(id).await, Ok(Fate::Pending));
    // Another one in its place: for little more it is refused, for twice as much it is taken.
    let Account::Evm { latest, pending, .. } = world.node.account(&text(&RICH)).await.unwrap() else { panic!() };
    assert_eq!(pending, latest + 1);
    let again = EvmAction::TokenTransfer { contract: token, to: BOB, amount: 1_000 };
    let (late, late_raw) = world.payment(again, 1, 0).await;
    assert_eq!(world.other.broadcast(late, &late_raw).await, Broadcast::Accepted);
    world.anvil.mine(1).await.unwrap();
    let Fate::Included { block, ok, transfers, fee } = world.node.fate(late).await.unwrap() else {
        panic!("it is in no block")
    };
    assert!(ok && fee.unwrap() > 0 && block == world.block(block.height).await.header.block);
    assert!(transfers.iter().any(|transfer| {
        (transfer.contract.clone(), transfer.to.clone(), transfer.amount) == (text(&token), text(&BOB), Some(999))
    }));
    assert!(matches!(world.node.fate(id).await, Ok(Fate::Included { ok: true, .. })));
    let (_, far) = world.node.fate_and_final(id).await.unwrap();
    assert_eq!(far, world.node.heads().await.unwrap().finalized.map(|header| header.block.height));
    // Its nonce is used up by now, or it is known: never refused for good.
    let said = world.node.broadcast(id, &raw).await;
    assert!(matches!(said, Broadcast::AlreadyKnown | Broadcast::NotNow(Hindrance::NonceTooLow, _)), "{said:?}");
    // The answer is lost, the transaction is not.
    world.anvil.shim().faults().add(Rule::from(Fault::DropReply).at("eth_sendRawTransaction").times(1));
    let (lost, lost_raw) = world.payment(pay, 1, 0).await;
    let said = world.node.broadcast(lost, &lost_raw).await;
    assert!(matches!(said, Broadcast::Unknown(_)), "{said:?}");
    assert_eq!(world.other.broadcast(lost, &lost_raw).await, Broadcast::AlreadyKnown);
    let cheap = world.payment(EvmAction::Transfer { to: BOB, amount: 12 }, 1, 0).await;
    world.anvil.mine(1).await.unwrap();
    assert!(matches!(world.node.fate(lost).await, Ok(Fate::Included { ok: true, .. })));
    drop(cheap);
    // One beyond a gap waits, and nobody counts it.
    let (beyond, beyond_raw) = world.payment(pay, 1, 3).await;
    assert!(world.node.broadcast(beyond, &beyond_raw).await.may_be_out());
    let Account::Evm { latest, pending, .. } = world.node.account(&text(&RICH)).await.unwrap() else { panic!() };
    assert_eq!(latest, pending);
    world.anvil.direct().call("evm_setAutomine", serde_json::json!([true])).await.unwrap();
}

async fn balances_and_trials(world: &World, token: [u8; 20]) {
    let at = world.node.heads().await.unwrap().head;
    let of: Vec<(ChainAddress, Coin)> =
        vec![(text(&BOB), Coin::Native), (text(&BOB), Coin::Token(text(&token))), (text(&[7; 20]), Coin::Native)];
    let before = world.node.balances(&of, at).await.unwrap();
    assert_eq!(before, [Some(5 + 9 + 11 + 11), Some(999_000 + 999), Some(0)]);
    world.call(BOB, &[], 100).await;
    assert_eq!(world.node.balances(&of, at).await.unwrap(), before, "as of the block that was named");
    // An account that is no contract has no tokens, which is not the same as none of them; nor does a contract that is no token tell of
    // any, and neither keeps the coin's balance from being told.
    let forger = world.create(Contract::FakeLogs.bytecode().unwrap()).await;
    let at = world.node.heads().await.unwrap().head;
    let mixed: Vec<(ChainAddress, Coin)> =
        vec![of[1].clone(), (text(&BOB), Coin::Token(text(&[0xaa; 20]))), (text(&BOB), Coin::Token(text(&forger)))];
    assert_eq!(world.node.balances(&mixed, at).await, Ok(vec![before[1], None, None]));

    let call = |data: Vec<u8>| TrialCall { from: text(&RICH), to: text(&token), value: 0, data };
    match world.node.trial(&call(transfer_data(&BOB, 1))).await.unwrap() {
        Trial::Done { units, .. } => assert!((21_000..200_000).contains(&units), "{units}"),
        Trial::Reverted { reason } => panic!("{reason}"),
    }
    let too_much = world.node.trial(&call(transfer_data(&BOB, u128::MAX))).await.unwrap();
    assert!(matches!(too_much, Trial::Reverted { .. }), "{too_much:?}");
    let Account::Evm { balance, finalized, .. } = world.node.account(&text(&BOB)).await.unwrap() else { panic!() };
    assert_eq!((Some(balance - 100), finalized), (before[0], Some(0)));

    barred(world, token).await;
}

/// A token that bars whoever pays, or is paused: it fails on trial, and what is sent all the same does nothing and costs its fee.
async fn barred(world: &World, token: [u8; 20]) {
    let call = TrialCall { from: text(&RICH), to: text(&token), value: 0, data: transfer_data(&BOB, 1) };
    let yes = |on: bool| word(u64::from(on));
    let bar = |on| invocation(Contract::TetherLike, "setBlackListed(address,bool)", &[argument(&RICH), yes(on)]);
    let pause = |on| invocation(Contract::TetherLike, "setPaused(bool)", &[yes(on)]);
    for (on, off, says) in [(bar(true), bar(false), "blacklisted"), (pause(true), pause(false), "paused")] {
        world.call(token, &on, 0).await;
        match world.node.trial(&call).await.unwrap().of_transfer() {
            Trial::Reverted { reason } => assert!(reason.contains(says), "{reason}"),
            Trial::Done { .. } => panic!("{says}: it would be paid"),
        }
        let (id, raw) = world.payment(EvmAction::TokenTransfer { contract: token, to: BOB, amount: 1 }, 1, 0).await;
        assert_eq!(world.node.broadcast(id, &raw).await, Broadcast::Accepted);
        world.anvil.mine(1).await.unwrap();
        let Fate::Included { ok: false, transfers, fee, .. } = world.node.fate(id).await.unwrap() else {
            panic!("{says}: it is not in a block, or did something")
        };
        assert!(transfers.is_empty() && fee.unwrap() > 0, "{says}");
        world.call(token, &off, 0).await;
    }
    assert!(matches!(world.node.trial(&call).await.unwrap().of_transfer(), Trial::Done { .. }));
}

async fn reorganisations(world: &World, token: [u8; 20]) {
    let panel = world.panel().await;
    world.call(BOB, &[], 77).await;
    let height = world.head().await;
    let before = world.block(height).await.header;
    assert_eq!(panel.agreed_header(height).await, Ok(before));
    world.anvil.reorganise(2, &[]).await.unwrap();
    let after = world.block(height).await.header;
    assert_ne!(after.block.hash, before.block.hash);
    assert_eq!(panel.agreed_header(height).await, Ok(after));
    assert_eq!(world.sightings(height, token).await, []);
    // A node on another branch agrees with nobody, one that stands still does not contradict.
    world.rogue.faults().add(Fault::MinorityFork { from: height, until_final: false });
    assert!(panel.agreed_header(height).await.is_err());
    world.rogue.faults().clear();
    world.rogue.faults().add(Fault::StuckAt { height: height - 1 });
    assert_eq!(world.other.block(height).await, Ok(None));
    world.rogue.faults().clear();
    world.rogue.faults().add(Rule::from(Fault::NullReceipt));
    assert!(!matches!(world.other.fate(TxId([1; 32])).await, Ok(Fate::Included { .. })));
    world.rogue.faults().clear();
    world.rogue.finality(Finality::Halted { at: 3 });
    assert_eq!(world.other.heads().await.unwrap().finalized.unwrap().block.height, 3);
    world.rogue.finality(Finality::Unsupported);
    let tagless = world.other.heads().await.unwrap();
    assert!(tagless.finalized.is_none() || world.params.network() == Network::Bsc);
}

/// Goal: the client fits a node of Ethereum's kind: blocks with receipts and calls, finality, fees, accounts, trials, broadcasts,
/// fates and reorganisations come as they are. Method: anvil as the network.
#[tokio::test]
async fn ethereum_is_spoken() {
    everything(Profile::Ethereum, "ethereum_is_spoken").await;
}

/// Goal: the same on Polygon, whose own transactions end some blocks.
#[tokio::test]
async fn polygon_is_spoken() {
    everything(Profile::Polygon, "polygon_is_spoken").await;
}

/// Goal: the same on BSC, which has no base fee.
#[tokio::test]
async fn bsc_is_spoken() {
    everything(Profile::Bsc, "bsc_is_spoken").await;
}

/// Goal: the same on Arbitrum, whose own transaction begins every block.
#[tokio::test]
async fn arbitrum_is_spoken() {
    everything(Profile::Arbitrum, "arbitrum_is_spoken").await;
}
