//! Reconciliation: every class of difference, what it stops and how it ends, and random traffic on a chain in miniature.

mod adjust;
mod books;
mod classes;
mod deep;
mod denials;
mod doubts;
pub(super) mod golden;
mod model;
mod random;
mod room;
mod stops;

use exchequer_domain::{BlockRef, ChainAddress, Family, Network, Timestamp, UserId, WorkerId, WorkerKind};
use exchequer_ledger::{AccountKey, Asset, Holder, Side, Store};

use super::withdrawals;
use super::world::{World, configure};
use crate::custody::{Terms, WalletAddress, WalletRole};
use crate::networks::NetworkState;
use crate::reconciliation::{Class, Discrepancy, Reach, Reading, RunId, Scope, Status};
use crate::withdrawals::{Claim, PayoutId, Stage};
use crate::{
    Actor, AllocateAddress, AssignSuspense, BalanceStep, Body, Command, CreateAsset, CreateUsers, Done, EventKind,
    ListAsset, PayoutStep, RegisterWallet, Rejection, ReportBalances, ResumePayments, SeenDiscrepancy, SetPrice,
    StockAddresses,
};
use model::Model;

const ETH: Network = Network::Ethereum;
const BTC: Network = Network::Bitcoin;
const TRON: Network = Network::Tron;
/// Assets 1 to 4: the ledger has eight decimals of ether, and the network eighteen.
const ASSETS: [(&str, u8); 4] = [("ETH", 8), ("USDT", 6), ("BTC", 8), ("TRX", 6)];
/// A minor unit of ether, in the network's smallest units.
const UNIT: u128 = 10_000_000_000;
/// What a transaction may cost at most, in minor units.
const FEE_MAX: u64 = 1_000;

fn address(text: &str) -> ChainAddress {
    ChainAddress::canonical(text).unwrap()
}

fn deposit_address(network: Network, index: u32) -> ChainAddress {
    address(&format!("{:?}{index}", network.family()))
}

fn hot(network: Network) -> ChainAddress {
    address(&format!("hot{:?}", network.family()))
}

fn token() -> Option<ChainAddress> {
    Some(address("Token"))
}

/// The network's own coin in the ledger.
fn native(network: Network) -> Asset {
    match network.family() {
        Family::Evm => Asset(1),
        Family::Bitcoin => Asset(3),
        Family::Tron => Asset(4),
    }
}

/// The coins of a network.
fn coins(network: Network) -> Vec<Option<ChainAddress>> {
    if network == BTC { vec![None] } else { vec![None, token()] }
}

/// A world with three networks and their chains in miniature.
struct Bench {
    world: World,
    chains: Vec<Model>,
}

impl Bench {
    /// A sandbox with two users, who have the first two addresses of each family, and a hot wallet on each network.
    fn new() -> Bench {
        Bench::of(World::new())
    }

    fn of(mut world: World) -> Bench {
        for (code, decimals) in ASSETS {
            let (code, name, reason) = (code.to_owned(), "A coin".to_owned(), "test".to_owned());
            world.run(Body::CreateAsset(CreateAsset { code, decimals, name, reason })).unwrap();
        }
        world.run(Body::CreateUsers(CreateUsers { count: 2, kyc_level: 3, fee_tier: 0 })).unwrap();
        world.lead();
        for network in [ETH, BTC, TRON] {
            world.run(open(network)).unwrap();
            for coin in coins(network) {
                world.run(list(network, coin)).unwrap();
            }
            world.run(wallet(network)).unwrap();
            let family = network.family();
            let entries = (0..4).map(|index| (deposit_address(network, index), [9; 32])).collect();
            world.run(Body::StockAddresses(StockAddresses { family, first_index: 0, entries })).unwrap();
            for number in [1, 2] {
                let user = UserId(number);
                world.run(Body::AllocateAddress(AllocateAddress { user, network, fresh: false })).unwrap();
            }
        }
        let mut bench = Bench { world, chains: [ETH, BTC, TRON].map(Model::new).into() };
        bench.price();
        bench
    }

    /// Prices of now: a unit of anything is a thousand dollars, but a dollar is one.
    fn price(&mut self) {
        for (asset, usd_micros) in [(1, 1_000_000_000), (2, 1_000_000), (3, 1_000_000_000), (4, 1_000_000_000)] {
            let present = self.world.state.custody().price(Asset(asset)).map_or(0, |present| present.at.0);
            let at = Timestamp(self.world.now.0.max(present + 1));
            let set = SetPrice { asset: Asset(asset), usd_micros, source: "desk".into(), at };
            self.world.run(Body::SetPrice(set)).unwrap();
        }
    }

    fn chain(&mut self, network: Network) -> &mut Model {
        self.chains.iter_mut().find(|chain| chain.network == network).unwrap()
    }

    fn send_as(&mut self, kind: WorkerKind, network: Network, body: Body) -> Result<Done, Rejection> {
        let actor = Actor::Worker(WorkerId { kind, network: Some(network), instance: 1 });
        let epoch = self.world.state.epoch().map(|epoch| epoch.index);
        let command = Command { actor, epoch, ..self.world.command(body) };
        self.world.send(&command)
    }

    /// The scanner tells everything that the chain has.
    fn scan(&mut self, network: Network) {
        loop {
            let state = &self.world.state;
            let chain = self.chains.iter().find(|chain| chain.network == network).unwrap();
            let Some(body) = chain.next_scan(state) else { return };
            self.send_as(WorkerKind::Deposit, network, body).unwrap();
        }
    }

    /// So many empty blocks, scanned.
    fn grow(&mut self, network: Network, count: usize) {
        for _ in 0..count {
            self.chain(network).mine(vec![]);
        }
        self.scan(network);
    }

    /// A payment to an address, in a block of its own, until it is final.
    fn pay(&mut self, network: Network, to: &ChainAddress, coin: Option<ChainAddress>, amount: u128) {
        let payment = self.chain(network).payment(to, coin, amount);
        self.chain(network).mine(vec![payment]);
        self.grow(network, 6);
    }

    /// The owners fund the hot wallet on chain.
    fn fund(&mut self, network: Network, coin: Option<ChainAddress>, amount: u128) {
        self.pay(network, &hot(network), coin, amount);
        let waits: Vec<_> = self.world.state.deposits().in_suspense(network).map(|deposit| deposit.id).collect();
        for deposit in waits {
            let to = crate::deposits::Assignee::Exchange;
            self.world.run(Body::AssignSuspense(AssignSuspense { deposit, to, reason: "funds".into() })).unwrap();
        }
    }

    fn report(&mut self, network: Network, step: BalanceStep) -> Result<Done, Rejection> {
        let body = Body::ReportBalances(Box::new(ReportBalances { network, step }));
        self.send_as(WorkerKind::BalanceSync, network, body)
    }

    /// The last settled block.
    fn settled(&self, network: Network) -> BlockRef {
        let chains = self.world.state.deposits().chains();
        let settled = chains.get(network).settled;
        chains.block(network, settled).unwrap()
    }

    fn begin(&mut self, network: Network) -> (RunId, BlockRef) {
        let block = self.settled(network);
        match self.report(network, BalanceStep::Begin { block }) {
            Ok(Done::BalancesBegun { run }) => (run, block),
            other => panic!("{other:?}"),
        }
    }

    /// What the chain has at a block, of every address and coin.
    fn readings(&mut self, network: Network, block: BlockRef) -> Vec<Reading> {
        let chain = self.chain(network);
        let mut addresses: Vec<ChainAddress> = (0..4).map(|index| deposit_address(network, index)).collect();
        addresses.push(hot(network));
        let mut readings = Vec::new();
        for address in addresses {
            for coin in coins(network) {
                let amount = Some(chain.balance(&address, coin.as_ref(), block.height));
                let nonce = (network == ETH).then(|| chain.nonce(&address, block.height));
                readings.push(Reading { address: address.clone(), coin, amount, nonce });
            }
        }
        readings
    }

    /// Tells readings of one block; those that wait.
    fn read(&mut self, network: Network, run: RunId, block: BlockRef, readings: Vec<Reading>, last: bool) -> Vec<u16> {
        let step = BalanceStep::Read {
            run,
            from: block,
            until: block,
            payouts: PayoutId(u64::MAX),
            readings,
            last,
            time: self.world.now,
        };
        match self.report(network, step) {
            Ok(Done::BalancesJudged { waits }) => waits,
            other => panic!("{other:?}"),
        }
    }

    fn end(&mut self, network: Network, run: RunId) -> bool {
        match self.report(network, BalanceStep::End { run, failed: 0, swept: 0, whole: true }) {
            Ok(Done::BalancesReconciled { holds }) => holds,
            other => panic!("{other:?}"),
        }
    }

    /// A whole run; whether everything that could be judged holds.
    fn reconcile(&mut self, network: Network) -> bool {
        let (run, block) = self.begin(network);
        let readings = self.readings(network, block);
        self.read(network, run, block, readings, true);
        self.end(network, run)
    }

    fn open(&self) -> Vec<Discrepancy> {
        self.world.state.reconciliation().open().cloned().collect()
    }

    /// The only open discrepancy.
    fn only(&self) -> Discrepancy {
        let open = self.open();
        assert_eq!(open.len(), 1, "{open:#?}");
        open.into_iter().next().unwrap()
    }

    /// What lets withdrawals go on that are stopped so far, by whoever has seen everything there is.
    fn resumes(&self, reach: Reach) -> Body {
        let stopping = self.open().into_iter().filter(|one| one.stops() == Some(reach));
        let seen = stopping.map(|one| SeenDiscrepancy { discrepancy: one.id, amount: one.to_accept() }).collect();
        Body::ResumePayments(ResumePayments { reach, seen, reason: "looked at it".into() })
    }

    fn resume(&mut self, reach: Reach) -> Result<Done, Rejection> {
        let body = self.resumes(reach);
        self.world.run(body)
    }

    fn stops(&self) -> Vec<Reach> {
        self.world.state.reconciliation().stops().map(|(reach, _)| reach).collect()
    }

    /// The same cluster as no sandbox: what users have is worth something.
    fn make_real(&mut self) {
        let mut cluster = self.world.state.cluster().unwrap().clone();
        cluster.sandbox = false;
        let key = crate::rows::Table::Cluster.key(&[]);
        self.world.rows.put(crate::Family::Working, key, crate::codec::encode(&cluster));
        self.world.state = crate::State::load(&self.world.rows).unwrap();
    }

    fn is_stopped(&self, network: Network) -> bool {
        let may = self.world.state.may_on(network, crate::networks::Operation::Withdrawal);
        may == Err(crate::networks::Why::Outflow)
    }

    fn custody(&self, network: Network, asset: Asset, store: Store) -> u128 {
        let holder = Holder::Custody { network: network as u32, store };
        self.sum(holder, asset, Side::Debit)
    }

    fn sum(&self, holder: Holder, asset: Asset, side: Side) -> u128 {
        let account = self.world.state.account(&AccountKey { holder, asset });
        account.map_or(0, |account| account.sums.balance(side))
    }
}

fn open(network: Network) -> Body {
    configure(network, |change| {
        (change.state, change.tradable, change.withdrawable) = (Some(NetworkState::Enabled), Some(2), Some(4));
        change.fee_max = Some(FEE_MAX);
    })
}

fn list(network: Network, coin: Option<ChainAddress>) -> Body {
    let asset = if coin.is_some() { Asset(2) } else { native(network) };
    let decimals = match (network, &coin) {
        (ETH, None) => 18,
        (BTC, None) => 8,
        _ => 6,
    };
    let terms =
        Terms { deposit_min: 50, withdrawal_min: 10, withdrawal_max: 1 << 90, withdrawal_step: 1, withdrawal_fee: 5 };
    let reason = "test".to_owned();
    Body::ListAsset(Box::new(ListAsset { network, asset, coin, decimals, terms, reason }))
}

fn wallet(network: Network) -> Body {
    Body::RegisterWallet(Box::new(RegisterWallet {
        name: network.to_string(),
        role: WalletRole::Hot,
        family: network.family(),
        network: Some(network),
        xpub: "xpub1".into(),
        addresses: vec![WalletAddress { address: hot(network), change: false, index: 0 }],
        pinned: true,
        reason: "test".into(),
    }))
}

/// A payout of one withdrawal, as it is on its way.
#[derive(Debug, Clone)]
struct Paying {
    network: Network,
    payout: PayoutId,
    /// The transaction; not mined yet.
    tx: model::Tx,
    /// The fee that will be told, in minor units.
    fee: u128,
}

impl Bench {
    /// A user withdraws; the transaction is signed. `fee` is what the network takes, in its smallest units.
    fn withdraw(&mut self, network: Network, coin: Option<ChainAddress>, amount: u128, fee: u128) -> Paying {
        let asset = if coin.is_some() { Asset(2) } else { native(network) };
        let name = format!("w{}", self.world.index);
        let order = withdrawals::on(network, asset, withdrawals::order(UserId(1), &name, amount));
        let (one, stage) = withdrawals::request(&mut self.world, order).unwrap();
        assert_eq!(stage, Stage::Queued);
        let on_chain = withdrawals::withdrawal(&self.world, one).on_chain;
        let id = self.chain(network).name();
        let (from, mut tx) = (hot(network), model::Tx::empty(id));
        let claim = match network.family() {
            Family::Evm => {
                let payer = withdrawals::payer(network, 0);
                let next = self.world.state.withdrawals().lane(network, payer).map_or(0, |lane| lane.next);
                tx.nonce_of = Some(from.clone());
                Claim::Nonce(next)
            }
            Family::Bitcoin => {
                let height = self.settled(network).height;
                let free = self.world.state.custody().coins().spendable(network, height + 1, height);
                let coin = free.filter(|coin| coin.address == from).max_by_key(|coin| coin.amount).unwrap().clone();
                let change = self.chain(network).arrival(id, 7, &from, None, coin.amount - on_chain - fee, true);
                tx.arrives.push(change);
                tx.spends.push(coin.outpoint);
                Claim::Coins(vec![coin.outpoint])
            }
            Family::Tron => {
                let expires = Timestamp(self.world.now.0 + 60_000_000);
                Claim::Window { reference: self.settled(network), expires }
            }
        };
        if network != BTC {
            tx.leaves = vec![(from.clone(), coin, on_chain), (from, None, fee)];
        }
        let command = withdrawals::prepare(network, &[one], claim, self.world.index);
        let payout = withdrawals::prepared(&mut self.world, command).unwrap();
        let step = PayoutStep::Signed { tx: id, raw: vec![7; 9], record: vec![8; 9] };
        withdrawals::step(&mut self.world, payout, step).unwrap();
        let unit = if network == ETH { UNIT } else { 1 };
        Paying { network, payout, tx, fee: fee.div_ceil(unit) }
    }

    /// The worker tells that a payout is final.
    fn finish(&mut self, paying: &Paying) {
        let block = self.chain(paying.network).height_of(paying.tx.id).unwrap();
        let step = PayoutStep::Final { block, fee: paying.fee };
        withdrawals::step(&mut self.world, paying.payout, step).unwrap();
    }

    /// Users and the hot wallet have money of everything on a network.
    fn stock(&mut self, network: Network) {
        let rich = if network == ETH { 1_000_000 * UNIT } else { 1_000_000 };
        for coin in coins(network) {
            let amount = if coin.is_some() { 1_000_000 } else { rich };
            self.pay(network, &deposit_address(network, 0), coin.clone(), amount);
            self.fund(network, coin, amount);
        }
    }
}

/// Events of a kind.
fn told(bench: &Bench, which: fn(&EventKind) -> bool) -> usize {
    bench.world.events().iter().filter(|kind| which(kind)).count()
}

fn is_stop(kind: &EventKind) -> bool {
    matches!(kind, EventKind::OutflowStopped { .. })
}

/// An open discrepancy is of this class and amount, and nobody has said anything.
fn seen(one: &Discrepancy, class: Class, amount: i128) {
    assert_eq!((one.class, one.amount, one.status), (class, amount, Status::Open), "{one:#?}");
}
