//! Sweeps and top-ups: what they do to the books and to what lies on addresses, what is refused, and random lives on simulated
//! chains.

pub(super) mod golden;
mod life;
mod lives;
mod ocean;

mod refused;
mod rules;

use exchequer_domain::{
    ChainAddress, Family as ChainFamily, Network, OutPoint, Place, TxId, UserId, WorkerId, WorkerKind,
};
use exchequer_ledger::{AccountKey, Asset, Holder, Store};

use super::withdrawals::{
    BTC, ETH, TRX, USDT, address, balance, bank, block, by_worker, preparation, scan_spent, teller, tx,
};
use super::world::{World, configure};
use crate::custody::{WalletAddress, WalletId, WalletRole};
use crate::deposits::{ScannedBlock, Sighting};
use crate::sweeps::{Holding, HoldingKey, SweepId, SweepPlan};
use crate::withdrawals::{Claim, Errand, Move, MoveFault, Payer, PayoutId, Refusal, Stage};
use crate::{
    Actor, AllocateAddress, Body, Command, CommitBlocks, Done, PayoutStep, PlanSweeps, PreparePayout, RegisterWallet,
    Rejection, StepPayout, StockAddresses, Wish, WishedSweep,
};

pub(super) const NET: Network = Network::Ethereum;
pub(super) const COINS: Network = Network::Bitcoin;
pub(super) const TRON: Network = Network::Tron;
/// Users; each has the address of the pool whose index is one less.
pub(super) const USERS: u32 = 3;
/// Addresses of each pool.
pub(super) const POOL: u32 = 6;

pub(super) const HOT_EVM: WalletId = WalletId(1);
pub(super) const HOT_BTC: WalletId = WalletId(2);
pub(super) const GAS_EVM: WalletId = WalletId(4);
pub(super) const GAS_TRON: WalletId = WalletId(5);
pub(super) const POOL_EVM: WalletId = WalletId(6);
pub(super) const POOL_BTC: WalletId = WalletId(7);
pub(super) const POOL_TRON: WalletId = WalletId(8);
pub(super) const COLD_EVM: WalletId = WalletId(9);

pub(super) fn pool(network: Network, index: u32) -> ChainAddress {
    address(&format!("pool{:?}{index}", network.family()))
}

pub(super) fn deposits_of(network: Network) -> WalletId {
    match network.family() {
        ChainFamily::Bitcoin => POOL_BTC,
        ChainFamily::Evm => POOL_EVM,
        ChainFamily::Tron => POOL_TRON,
    }
}

fn register(world: &mut World, name: &str, role: WalletRole, family: ChainFamily, pinned: bool) {
    let own = WalletAddress { address: address(name), change: false, index: 0 };
    let wallet = RegisterWallet {
        name: name.into(),
        role,
        family,
        network: None,
        xpub: "xpub".into(),
        addresses: if role == WalletRole::Deposit { vec![] } else { vec![own] },
        pinned,
        reason: "test".into(),
    };
    world.run(Body::RegisterWallet(Box::new(wallet))).unwrap();
}

/// A bank with gas wallets, deposit accounts, and an address of each family for each user. Two blocks make a coin final.
pub(super) fn harbour() -> World {
    let mut world = bank(USERS);
    register(&mut world, "gasevm0", WalletRole::Gas, ChainFamily::Evm, false);
    register(&mut world, "gastron0", WalletRole::Gas, ChainFamily::Tron, false);
    for (name, family) in
        [("depositevm", ChainFamily::Evm), ("depositbtc", ChainFamily::Bitcoin), ("deposittron", ChainFamily::Tron)]
    {
        register(&mut world, name, WalletRole::Deposit, family, false);
    }
    register(&mut world, "coldevm0", WalletRole::Cold, ChainFamily::Evm, true);
    for network in [NET, COINS, TRON] {
        let entries = (0..POOL).map(|index| (pool(network, index), [0; 32])).collect();
        let family = network.family();
        world.run(Body::StockAddresses(StockAddresses { family, first_index: 0, entries })).unwrap();
        world.run(configure(network, |change| (change.tradable, change.withdrawable) = (Some(1), Some(2)))).unwrap();
        for user in (1..=u64::from(USERS)).map(UserId) {
            world.run(Body::AllocateAddress(AllocateAddress { user, network, fresh: false })).unwrap();
        }
    }
    world
}

pub(super) fn actor(kind: WorkerKind, network: Network) -> Actor {
    Actor::Worker(WorkerId { kind, network: Some(network), instance: 1 })
}

pub(super) fn send(world: &mut World, kind: WorkerKind, network: Network, body: Body) -> Result<Done, Rejection> {
    let actor = teller(&body, actor(kind, network));
    let command = by_worker(world, network, body);
    world.send(&Command { actor, ..command })
}

/// A payment to an address of the pool.
pub(super) fn pay(network: Network, number: u64, index: u32, asset: Asset, amount: u128) -> Sighting {
    let token = asset == USDT;
    let place = match (network.family(), token) {
        (ChainFamily::Bitcoin, _) => Place::Output(0),
        (ChainFamily::Evm | ChainFamily::Tron, false) => Place::Value,
        (ChainFamily::Evm | ChainFamily::Tron, true) => Place::Log(0),
    };
    let coin = token.then(|| address("Token"));
    let (to, from) = (pool(network, index), vec![address("0xstranger")]);
    Sighting { tx: tx(number), place, to, coin, amount: Some(amount), from, immature: 0 }
}

/// Payments that a block has, and outputs that it spends.
pub(super) type Told = (Vec<Sighting>, Vec<(OutPoint, TxId)>);

/// Blocks after the last one; everything is agreed on, and final where the network tells.
pub(super) fn commit(world: &mut World, network: Network, blocks: Vec<Told>) -> Result<Done, Rejection> {
    let parent = world.state.deposits().chains().get(network).tip.unwrap();
    let mut scanned = Vec::new();
    let mut before = parent;
    for (sightings, spent) in blocks {
        let next = block(before.height + 1);
        scanned.push(ScannedBlock { block: next, parent: before.hash, sightings, spent });
        before = next;
    }
    let head = before.height;
    let finalized = (network.family() != ChainFamily::Bitcoin).then_some(head);
    let command = CommitBlocks { network, parent, blocks: scanned, more: false, head, finalized, agreed: head };
    send(world, WorkerKind::Deposit, network, Body::CommitBlocks(Box::new(command)))
}

/// Payments that are final.
pub(super) fn arrive(world: &mut World, network: Network, payments: Vec<Sighting>) {
    let blocks = [vec![(payments, vec![])], (0..3).map(|_| (vec![], vec![])).collect()].concat();
    commit(world, network, blocks).unwrap();
}

pub(super) fn holding(world: &World, network: Network, index: u32, asset: Asset) -> Option<Holding> {
    let key = HoldingKey { network, index: Some(index), asset };
    world.state.holding(&world.rows, key).unwrap()
}

pub(super) fn free(world: &World, network: Network, index: u32, asset: Asset) -> u128 {
    holding(world, network, index, asset).map_or(0, |holding| holding.free)
}

pub(super) fn store(network: Network, store: Store, asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::Custody { network: network as u32, store }, asset }
}

/// What the books say that a store has.
pub(super) fn books(world: &World, network: Network, of: Store, asset: Asset) -> u128 {
    balance(world, store(network, of, asset)).0
}

pub(super) fn wish(
    world: &mut World,
    network: Network,
    index: Option<u32>,
    asset: Asset,
    wish: Wish,
) -> Option<SweepId> {
    let wishes = vec![WishedSweep { index, asset, wish, why: "worth it".into() }];
    let done = send(world, WorkerKind::Consolidation, network, Body::PlanSweeps(PlanSweeps { network, wishes }));
    match done.unwrap() {
        Done::SweepsPlanned { plans } => plans[0],
        other => panic!("{other:?}"),
    }
}

pub(super) fn plan(world: &World, id: SweepId) -> SweepPlan {
    world.state.sweep_plan(&world.rows, id).unwrap().unwrap()
}

/// A move of an asset whose ledger is as fine as its network.
pub(super) fn of(asset: Asset, to: &str, amount: u128, plan: Option<SweepId>) -> Move {
    let coin = (asset == USDT).then(|| address("Token"));
    Move { asset, coin, to: address(to), to_index: None, on_chain: amount, amount, plan }
}

pub(super) fn prepare_move(
    world: &mut World,
    kind: WorkerKind,
    network: Network,
    payer: Payer,
    errand: Errand,
    (claim, fee_max): (Claim, u64),
) -> Result<PayoutId, Rejection> {
    let preparation = crate::Preparation { fee_max, ..preparation(claim, world.index) };
    let command =
        PreparePayout { network, payer, errand, withdrawals: vec![], preparation, chain_nonce: 0, settled_nonce: 0 };
    match send(world, kind, network, Body::PreparePayout(Box::new(command)))? {
        Done::PayoutPrepared { payout, .. } => Ok(payout),
        other => panic!("{other:?}"),
    }
}

pub(super) fn step(world: &mut World, payout: PayoutId, step: PayoutStep) -> Result<Stage, Rejection> {
    let found = world.state.withdrawals().payout(payout).unwrap();
    let role = world.state.custody().wallet(found.payer.wallet).unwrap().role;
    let (network, from, kind) = (found.network, found.stage(), found.errand.worker(role));
    let attempt = found.attempts.len() as u16;
    let body = Body::StepPayout(Box::new(StepPayout { network, payout, from, attempt, step }));
    match send(world, kind, network, body)? {
        Done::PayoutMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

/// Signs, sends, mines and ends it; the network took this fee.
pub(super) fn carry_out(world: &mut World, payout: PayoutId, fee: u128) -> Stage {
    let name = tx(1_000_000 + payout.0);
    step(world, payout, PayoutStep::Signed { tx: name, raw: vec![1], record: vec![2] }).unwrap();
    step(world, payout, PayoutStep::Broadcast { answers: vec![] }).unwrap();
    step(world, payout, PayoutStep::Seen { block: block(9) }).unwrap();
    scan_spent(world, payout, 9);
    step(world, payout, PayoutStep::Final { block: block(9), fee }).unwrap()
}

/// Sweeps what lies on an address by a plan that is ready.
pub(super) fn sweep(
    world: &mut World,
    network: Network,
    index: u32,
    one: Move,
    claim: Claim,
) -> Result<PayoutId, Rejection> {
    let payer = Payer { wallet: deposits_of(network), index };
    // What coins pay is known beforehand.
    let fee_max = if network == COINS { 600 } else { 1_000 };
    prepare_move(world, WorkerKind::Consolidation, network, payer, Errand::Sweep(one), (claim, fee_max))
}

pub(super) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Rejection>) -> MoveFault {
    match outcome {
        Err(Rejection::Withdrawals(refusal)) => match *refusal {
            Refusal::Move { what } => what,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}
