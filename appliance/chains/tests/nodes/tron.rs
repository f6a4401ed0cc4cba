//! TRON.

use std::collections::BTreeSet;
use std::sync::Arc;

use exchequer_chains::evm::transfer_data;
use exchequer_chains::node::{
    Account, Broadcast, ChainNode, Fate, FeeFacts, Hindrance, Trial, TrialCall, TronNode, TronOptions,
};
use exchequer_chains::scan::Block;
use exchequer_chains::tron::{RefBlock, TronAction, TronTx, UnsignedTron, text};
use exchequer_chains::{Coin, NetworkParams, Resource, Unsigned};
use exchequer_domain::{Network, TxId};
use exchequer_test_nodes::Tron;
use exchequer_test_nodes::faults::{Fault, Rule};
use exchequer_test_nodes::shim::address;
use exchequer_test_nodes::tron::{Address, Again, Behaviour, sha256};
use k256::ecdsa::SigningKey;

use super::{KEY, Ours, look, panel, sign, transport};

const BOB: [u8; 20] = [0xb0; 20];
const TRX: u64 = 1_000_000;

struct World {
    tron: Tron,
    params: NetworkParams,
    node: Arc<TronNode>,
    other: Arc<TronNode>,
    rogue: exchequer_test_nodes::Endpoint,
    key: SigningKey,
    ann: [u8; 20],
}

impl World {
    /// A signed transaction of Ann's.
    async fn signed(&self, action: TronAction, life_ms: u64) -> (TxId, Vec<u8>) {
        let heads = self.node.heads().await.unwrap();
        let ref_block = RefBlock::of(&heads.finalized.unwrap().block.hash);
        let made_ms = heads.head.time_ms;
        let fee_limit = if matches!(action, TronAction::TokenTransfer { .. }) { 100 * TRX } else { 0 };
        let tx = TronTx { owner: self.ann, action, ref_block, expires_ms: made_ms + life_ms, made_ms, fee_limit };
        let unsigned = Unsigned::Tron(UnsignedTron::new(&self.params, KEY, tx).unwrap());
        let signed = sign(&unsigned, &self.params, &self.key);
        (signed.tx, signed.raw)
    }

    async fn head(&self) -> u64 {
        self.node.heads().await.unwrap().head.block.height
    }
}

/// Goal: the client fits a node of TRON: blocks with what became of their transactions, solid blocks, fees, accounts, trials,
/// broadcasts, fates and forks come as they are. Method: the simulator, which two other libraries speak to as well.
#[tokio::test]
async fn tron_is_spoken() {
    let tron = Tron::start().await.unwrap();
    let params = NetworkParams::test(Network::Tron);
    let node = |url: &str| Arc::new(TronNode::new(transport(url), params, TronOptions::any()));
    let rogue = tron.endpoint().await.unwrap();
    let (node, other) = (node(&tron.url()), node(&rogue.url()));
    let key = SigningKey::from_slice(&sha256(b"Ann's key")).unwrap();
    let ann = address(key.verifying_key());
    let world = World { tron, params, node, other, rogue, key, ann };
    assert_eq!(world.node.identify().await, Ok(true));
    let live = TronNode::new(transport(&world.tron.url()), params, TronOptions::default());
    assert_eq!(ChainNode::identify(&live).await, Ok(false), "it is not the live network");
    world.tron.mine(40);
    world.tron.fund(Address(ann), 40_000 * i64::try_from(TRX).unwrap());
    world.tron.mine_solid();
    let heads = world.node.heads().await.unwrap();
    let solid = heads.finalized.unwrap().block.height;
    assert!(solid > 0 && solid < heads.head.block.height);
    for height in [1, solid, solid + 1, heads.head.block.height] {
        let header = world.node.header(height).await.unwrap().unwrap();
        let block = world.node.block(height).await.unwrap().unwrap();
        assert_eq!(block.header(), header);
        assert_eq!(header.parent, world.node.header(height - 1).await.unwrap().unwrap().block.hash);
    }
    assert_eq!(world.node.header(10_000).await, Ok(None));
    assert_eq!(world.node.block(10_000).await, Ok(None));
    let token = world.tron.token(Behaviour::Token, "USDT", 6);
    let false_token = world.tron.token(Behaviour::SaysFalse, "NOPE", 6);
    let forger = world.tron.token(Behaviour::Forges, "FAKE", 6);
    world.tron.issue(token, Address(ann), 5_000_000).unwrap();
    payments(&world, token.0, [false_token.0, forger.0]).await;
    accounts_and_trials(&world, token.0).await;
    stake(&world, token).await;
    forks(&world, token).await;
}

async fn payments(world: &World, token: [u8; 20], bad: [[u8; 20]; 2]) {
    let own = Ours::of(&world.params, &[&text(&BOB)]);
    let tokens = BTreeSet::from([token, bad[0]]);
    let coin = world.signed(TronAction::Transfer { to: BOB, amount: 7 * TRX }, 600_000).await;
    assert_eq!(world.node.fate(coin.0).await, Ok(Fate::Unseen));
    assert_eq!(world.node.broadcast(coin.0, &coin.1).await, Broadcast::Accepted);
    assert_eq!(world.node.broadcast(coin.0, &coin.1).await, Broadcast::AlreadyKnown);
    assert_eq!(world.node.fate(coin.0).await, Ok(Fate::Pending));
    world.tron.mine(1);
    let block = world.node.block(world.head().await).await.unwrap().unwrap();
    let found = look(world.params, &block, &own, &tokens);
    assert_eq!(
        found.sightings.iter().map(|seen| (seen.tx, seen.amount)).collect::<Vec<_>>(),
        [(coin.0, u128::from(7 * TRX))]
    );
    let Fate::Included { block: at, ok: true, .. } = world.node.fate(coin.0).await.unwrap() else {
        panic!("not there")
    };
    assert_eq!(at, block.header().block);

    let paid = world.signed(TronAction::TokenTransfer { contract: token, to: BOB, amount: 1_000 }, 600_000).await;
    assert_eq!(world.node.broadcast(paid.0, &paid.1).await, Broadcast::Accepted);
    let lies: Vec<TronAction> =
        bad.iter().map(|contract| TronAction::TokenTransfer { contract: *contract, to: BOB, amount: 9 }).collect();
    for lie in lies {
        let lie = world.signed(lie, 600_000).await;
        assert_eq!(world.node.broadcast(lie.0, &lie.1).await, Broadcast::Accepted);
    }
    world.tron.mine(1);
    let block = world.node.block(world.head().await).await.unwrap().unwrap();
    assert!(matches!(&block, Block::Tron(block) if block.txs.len() == 3), "{block:?}");
    let found = look(world.params, &block, &own, &tokens);
    assert_eq!(found.sightings.iter().map(|seen| (seen.tx, seen.amount)).collect::<Vec<_>>(), [(paid.0, 1_000)]);
    let Fate::Included { ok: true, transfers, fee, .. } = world.node.fate(paid.0).await.unwrap() else { panic!() };
    assert_eq!((transfers[0].to.clone(), transfers[0].amount, fee.is_some()), (text(&BOB), Some(1_000), true));
    world.tron.mine_solid();
    assert!(matches!(world.node.fate_and_final(paid.0).await, Ok((Fate::Included { .. }, Some(_)))));

    // The answer is lost, the transaction is not; one that is over is refused.
    world.tron.faults().add(Rule::from(Fault::DropReply).at("broadcasthex").times(1));
    let lost = world.signed(TronAction::Transfer { to: BOB, amount: 1 }, 60_000).await;
    assert!(matches!(world.node.broadcast(lost.0, &lost.1).await, Broadcast::Unknown(_)));
    assert_eq!(world.other.broadcast(lost.0, &lost.1).await, Broadcast::AlreadyKnown);
    let late = world.signed(TronAction::Transfer { to: BOB, amount: 2 }, 6_000).await;
    world.tron.mine(5);
    let said = world.node.broadcast(late.0, &late.1).await;
    assert!(!matches!(said, Broadcast::Accepted | Broadcast::AlreadyKnown), "{said:?}");
    assert!(matches!(said, Broadcast::RefusedForGood(_) | Broadcast::NotNow(_, _)), "{said:?}");
    let poor = TronAction::Transfer { to: BOB, amount: 1_000_000 * TRX };
    let poor = world.signed(poor, 60_000).await;
    let said = world.node.broadcast(poor.0, &poor.1).await;
    assert!(matches!(said, Broadcast::NotNow(Hindrance::Funds | Hindrance::Validation, _)), "{said:?}");
}

async fn accounts_and_trials(world: &World, token: [u8; 20]) {
    world.tron.mine_solid();
    let FeeFacts::Tron { energy, bandwidth, limit_max, .. } = world.node.fees().await.unwrap() else { panic!() };
    assert!(energy > 0 && bandwidth > 0 && limit_max > 0);
    let Account::Tron(ann) = world.node.account(&text(&world.ann)).await.unwrap() else { panic!() };
    assert!(ann.activated && ann.balance > 0);
    let Account::Tron(nobody) = world.node.account(&text(&[3; 20])).await.unwrap() else { panic!() };
    assert!(!nobody.activated && nobody.balance == 0);
    let at = world.node.heads().await.unwrap().finalized.unwrap();
    let of = vec![(text(&BOB), Coin::Native), (text(&BOB), Coin::Token(text(&token)))];
    assert_eq!(world.node.balances(&of, at).await, Ok(vec![Some(u128::from(7 * TRX) + 1), Some(1_000)]));
    let none = vec![of[0].clone(), (text(&BOB), Coin::Token(text(&[0xaa; 20])))];
    let told = world.node.balances(&none, at).await;
    assert_eq!(told, Ok(vec![Some(u128::from(7 * TRX) + 1), None]), "no contract is not nothing");
    let call =
        |amount| TrialCall { from: text(&world.ann), to: text(&token), value: 0, data: transfer_data(&BOB, amount) };
    match world.node.trial(&call(1)).await.unwrap() {
        Trial::Done { units, .. } => assert!(units > 10_000, "{units}"),
        Trial::Reverted { reason } => panic!("{reason}"),
    }
    assert!(matches!(world.node.trial(&call(u128::MAX)).await, Ok(Trial::Reverted { .. })));
}

/// What is staked stays its owner's and is told as such; energy that is lent pays for a transfer of somebody who has no TRX, and comes
/// back.
async fn stake(world: &World, token: Address) {
    const STAKE: u64 = 15_000 * TRX;
    let resource = Resource::Energy;
    let has = async |address: [u8; 20]| {
        world.tron.mine_solid();
        let at = world.node.heads().await.unwrap().finalized.unwrap();
        let Account::Tron(account) = world.node.account(&text(&address)).await.unwrap() else { panic!() };
        (account, world.node.balances(&[(text(&address), Coin::Native)], at).await.unwrap()[0].unwrap())
    };
    let run = async |action| {
        let (id, raw) = world.signed(action, 600_000).await;
        assert_eq!(world.node.broadcast(id, &raw).await, Broadcast::Accepted, "{action:?}");
        world.tron.mine(1);
        match world.node.fate(id).await.unwrap() {
            Fate::Included { ok: true, fee: Some(fee), .. } => fee,
            other => panic!("{action:?}: {other:?}"),
        }
    };
    let (before, worth) = has(world.ann).await;
    assert_eq!((before.staked, worth), (0, before.balance.into()));
    let mut fees = run(TronAction::Freeze { resource, amount: STAKE }).await;
    let (mut ann, worth_then) = has(world.ann).await;
    assert_eq!((ann.staked, ann.energy_stake, ann.energy_lent), (STAKE, STAKE, 0));
    assert_eq!(worth_then, worth - fees, "what is staked is its own");
    assert!(ann.energy_of_all > 0 && ann.stake_of_all > 0 && ann.energy > 0);

    // Bob holds tokens and not one sun.
    let bob = SigningKey::from_slice(&sha256(b"Bob's key")).unwrap();
    let borrower = address(bob.verifying_key());
    world.tron.issue(token, Address(borrower), 5_000).unwrap();
    fees += run(TronAction::Transfer { to: borrower, amount: 1 }).await;
    let energy = STAKE / TRX * ann.energy_of_all / ann.stake_of_all;
    fees += run(TronAction::Delegate { to: borrower, resource, amount: STAKE }).await;
    (ann, _) = has(world.ann).await;
    assert_eq!((ann.staked, ann.energy_stake, ann.energy_lent, ann.energy), (STAKE, 0, STAKE, 0));
    let (lent, owns) = has(borrower).await;
    assert_eq!((lent.energy, lent.staked, owns), (energy, 0, 1), "what is borrowed is not one's own");
    let loan = async || {
        let (ann, bob) = (text(&world.ann), text(&borrower));
        (world.node.lent(&ann, &bob).await.unwrap(), world.node.lent(&bob, &ann).await.unwrap())
    };
    assert_eq!(loan().await, (STAKE, 0), "who lends, and to whom");

    let heads = world.node.heads().await.unwrap();
    let ref_block = RefBlock::of(&heads.finalized.unwrap().block.hash);
    let (made_ms, fee_limit) = (heads.head.time_ms, 100 * TRX);
    let action = TronAction::TokenTransfer { contract: token.0, to: BOB, amount: 5_000 };
    let tx = TronTx { owner: borrower, action, ref_block, expires_ms: made_ms + 600_000, made_ms, fee_limit };
    let unsigned = Unsigned::Tron(UnsignedTron::new(&world.params, KEY, tx).unwrap());
    let swept = sign(&unsigned, &world.params, &bob);
    assert_eq!(world.node.broadcast(swept.tx, &swept.raw).await, Broadcast::Accepted);
    world.tron.mine(1);
    let fate = world.node.fate(swept.tx).await.unwrap();
    let Fate::Included { ok: true, fee, .. } = fate else { panic!("not swept: {fate:?}, {lent:?}") };
    assert_eq!(fee.unwrap_or(0), 0, "energy and free bytes pay for all of it");

    fees += run(TronAction::Undelegate { from: borrower, resource, amount: STAKE }).await;
    let (left, owns) = has(borrower).await;
    assert_eq!((left.energy, loan().await, owns), (0, (0, 0), 1));
    (ann, _) = has(world.ann).await;
    assert_eq!((ann.staked, ann.energy_stake, ann.energy_lent), (STAKE, STAKE, 0), "all of it is back");
    assert!(ann.energy_used > 0, "as used as it was");
    fees += run(TronAction::Unfreeze { resource, amount: STAKE }).await;
    let (ann, worth_then) = has(world.ann).await;
    assert_eq!((ann.staked, ann.energy_stake, ann.ending), (STAKE, 0, 1));
    assert!(ann.free_ms > world.node.heads().await.unwrap().head.time_ms);
    assert_eq!(worth_then, worth - fees - 1, "what ends is its own until it is back");
    let early = world.signed(TronAction::Collect, 600_000).await;
    let said = world.node.broadcast(early.0, &early.1).await;
    assert!(matches!(said, Broadcast::NotNow(Hindrance::Validation, _) | Broadcast::RefusedForGood(_)), "{said:?}");
}

async fn forks(world: &World, token: Address) {
    let panel = panel([world.node.clone(), world.other.clone()]).await;
    world.tron.mine(3);
    let height = world.head().await;
    let before = panel.agreed_header(height).await.unwrap();
    world.tron.fork(2, &Again::None).unwrap();
    assert_ne!(panel.agreed_header(height).await.unwrap().block, before.block);
    let solid = world.node.heads().await.unwrap().finalized.unwrap();
    panel.refresh().await;
    assert_eq!(panel.agreed_final().await, Ok(solid));
    for (of, decimals) in [(token.0, Some(6)), (BOB, None)] {
        assert_eq!(panel.agreed_decimals(&text(&of)).await, Ok(decimals));
    }
    world.rogue.faults().add(Rule::from(Fault::Html));
    assert!(panel.agreed_header(height).await.is_err());
}
