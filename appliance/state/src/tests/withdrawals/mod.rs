//! Withdrawals: what they do, the attacks that they withstand, every edge, and random lives on a simulated chain.

mod acceptance;
mod adrift;
mod alike;
mod approvals;
mod attention;
mod chain;
mod edges;
mod exactly_once;
pub(super) mod generate;
pub(super) mod golden;
mod held_back;
mod hindered;
mod nonces;
mod payouts;
mod proofs;
mod requests;
mod truthful;
mod twins;
mod unsigned;

use exchequer_domain::{
    BlockHash, BlockRef, ChainAddress, Family as ChainFamily, Network, NodeId, OutPoint, Timestamp, TxId, UserId,
    WorkerId, WorkerKind,
};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, AccountKey, Asset, Holder, OpenAccount, Store, TransferId};

use super::world::{World, configure};
use crate::custody::{Coin, CoinState, Keyed, Terms, WalletAddress, WalletId, WalletRole};
use crate::deposits::Chain;
use crate::networks::NetworkState;
use crate::rows::Table;
use crate::statement::Balance;
use crate::withdrawals::{
    Claim, Errand, FeeMode, Order, Payer, PayoutId, Proof, Purpose, Refusal, Stage, Withdrawal, WithdrawalId,
};
use crate::{
    Actor, Body, Command, CreateAsset, CreateUsers, CreditSandbox, Done, Family, ListAsset, OpenAccounts,
    PayoutDecision, PayoutStep, PostTransfers, Preparation, PreparePayout, RegisterWallet, Rejection,
    RequestWithdrawal, ReviewPayout, SetPrice, State, StepPayout, StepWithdrawal, WithdrawalStep, codec,
};

pub(super) const ETH: Asset = Asset(1);
pub(super) const USDT: Asset = Asset(2);
pub(super) const BTC: Asset = Asset(3);
pub(super) const TRX: Asset = Asset(4);
/// Minor units of each in one.
pub(super) const ETHER: u128 = 1_000_000_000_000_000_000;
pub(super) const DOLLAR: u128 = 1_000_000;
pub(super) const COIN: u128 = 100_000_000;
pub(super) const ALICE: UserId = UserId(1);
pub(super) const BOB: UserId = UserId(2);
/// What a transaction may cost at most on a network.
pub(super) const FEE_MAX: u64 = 1_000_000;
/// What the exchange takes for a withdrawal of dollars.
pub(super) const FEE: u128 = DOLLAR;

const EVM_WALLET: WalletId = WalletId(1);
const BTC_WALLET: WalletId = WalletId(2);
const TRON_WALLET: WalletId = WalletId(3);

pub(super) fn address(text: &str) -> ChainAddress {
    ChainAddress::canonical(text).unwrap()
}

pub(super) fn payer(network: Network, index: u32) -> Payer {
    match network.family() {
        ChainFamily::Bitcoin => Payer { wallet: BTC_WALLET, index: 0 },
        ChainFamily::Evm => Payer { wallet: EVM_WALLET, index },
        ChainFamily::Tron => Payer { wallet: TRON_WALLET, index: 0 },
    }
}

pub(super) fn worker(network: Network) -> Actor {
    Actor::Worker(WorkerId { kind: WorkerKind::Withdrawal, network: Some(network), instance: 1 })
}

fn account(holder: Holder, asset: Asset, overdraft: bool) -> OpenAccount {
    OpenAccount { key: AccountKey { holder, asset }, overdraft }
}

fn hot(network: Network, asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::Custody { network: network as u32, store: Store::Hot }, asset }
}

/// Assets, prices, listings, three hot wallets and open networks; `users` users of the highest level without money.
pub(super) fn bare(users: u32) -> World {
    let mut world = World::new();
    for (code, decimals) in [("ETH", 18), ("USDT", 6), ("BTC", 8), ("TRX", 6)] {
        let (code, name, reason) = (code.to_owned(), "A coin".to_owned(), "test".to_owned());
        world.run(Body::CreateAsset(CreateAsset { code, decimals, name, reason })).unwrap();
    }
    world.run(Body::CreateUsers(CreateUsers { count: users, kyc_level: 3, fee_tier: 0 })).unwrap();
    for network in [Network::Ethereum, Network::Bitcoin, Network::Tron] {
        let open = configure(network, |command| {
            (command.state, command.fee_max) = (Some(NetworkState::Enabled), Some(FEE_MAX));
        });
        world.run(open).unwrap();
    }
    let token = || Some(address("Token"));
    for (network, asset, coin, decimals, fee) in [
        (Network::Ethereum, ETH, None, 18, 0),
        (Network::Ethereum, USDT, token(), 6, FEE),
        (Network::Bitcoin, BTC, None, 8, 1_000),
        (Network::Tron, TRX, None, 6, 0),
        (Network::Tron, USDT, token(), 6, FEE),
    ] {
        let terms = Terms {
            deposit_min: 0,
            withdrawal_min: 2,
            withdrawal_max: 1 << 100,
            withdrawal_step: 1,
            withdrawal_fee: fee,
        };
        let reason = "test".to_owned();
        world.run(Body::ListAsset(Box::new(ListAsset { network, asset, coin, decimals, terms, reason }))).unwrap();
    }
    for (name, family, addresses) in
        [("evm", ChainFamily::Evm, 2_u32), ("bitcoin", ChainFamily::Bitcoin, 1), ("tron", ChainFamily::Tron, 1)]
    {
        let own = |index| WalletAddress { address: address(&format!("hot{name}{index}")), change: false, index };
        let wallet = RegisterWallet {
            name: name.into(),
            role: WalletRole::Hot,
            family,
            network: None,
            xpub: "xpub".into(),
            addresses: (0..addresses).map(own).collect(),
            pinned: true,
            reason: "test".into(),
        };
        world.run(Body::RegisterWallet(Box::new(wallet))).unwrap();
    }
    price(&mut world);
    world.lead();
    for network in [Network::Ethereum, Network::Bitcoin, Network::Tron] {
        settle(&mut world, network, 20, 12);
    }
    world
}

/// The chain of a network is scanned up to a height, and settled up to another one, as its worker would have told.
pub(super) fn settle(world: &mut World, network: Network, tip: u64, settled: u64) {
    let chain = Chain { tip: Some(block(tip)), settled, ..*world.state.deposits().chains().get(network) };
    put_chain(world, chain);
}

pub(super) fn put_chain(world: &mut World, chain: Chain) {
    let key = Table::Chain.key(&crate::networks::number(chain.network));
    world.rows.put(Family::Working, key, codec::encode(&chain));
    world.state = State::load(&world.rows).unwrap();
}

/// Changes a coin of the hot wallet, as blocks would.
pub(super) fn change_coin(world: &mut World, number: u8, change: fn(&mut Coin)) {
    let mut coin = world.state.custody().coins().get(Network::Bitcoin, &coin(number)).unwrap().clone();
    change(&mut coin);
    put_coins(world, [coin]);
}

pub(super) fn put_coins(world: &mut World, coins: impl IntoIterator<Item = Coin>) {
    for coin in coins {
        world.rows.put(Family::Working, Table::Wallet.key(&coin.key()), codec::encode(&coin));
    }
    world.state = State::load(&world.rows).unwrap();
}

/// A block of this height spends a coin, whoever has reserved it.
pub(super) fn spend(coin: &mut Coin, by: TxId, height: u64) {
    let owner = match coin.state {
        CoinState::Free => None,
        CoinState::Reserved { owner } => Some(owner),
        CoinState::Spent { owner, .. } => owner,
    };
    coin.state = CoinState::Spent { by, height, owner };
}

/// Sets every price anew: a dollar is a dollar, the others are cheap.
pub(super) fn price(world: &mut World) {
    for (asset, usd_micros) in [(ETH, 1_000_000), (USDT, 1_000_000), (BTC, 10_000_000), (TRX, 100_000)] {
        // Each is newer than the one before it.
        let present = world.state.custody().price(asset).map_or(Timestamp(0), |present| present.at);
        let (source, at) = ("desk".to_owned(), world.now.max(Timestamp(present.0 + 1)));
        world.run(Body::SetPrice(SetPrice { asset, usd_micros, source, at })).unwrap();
    }
}

/// As [`bare`], with money in the hot wallets, and 1,000,000 dollars, 100 coins and 1,000,000 TRX for each user.
pub(super) fn bank(users: u32) -> World {
    let mut world = bare(users);
    for (network, asset, amount) in [
        (Network::Ethereum, ETH, 1_000 * ETHER),
        (Network::Ethereum, USDT, 10_000_000 * DOLLAR),
        (Network::Bitcoin, BTC, 1_000 * COIN),
        (Network::Tron, TRX, 10_000_000 * DOLLAR),
        (Network::Tron, USDT, 10_000_000 * DOLLAR),
    ] {
        refill(&mut world, network, asset, amount);
    }
    for number in 1..=u64::from(users) {
        for (asset, amount) in [(USDT, 1_000_000 * DOLLAR), (BTC, 100 * COIN), (TRX, 1_000_000 * DOLLAR)] {
            let id = TransferId(u128::from(world.index) << 32 | u128::from(number));
            let (user, amount) = (UserId(number), amount);
            world.run(Body::CreditSandbox(CreditSandbox { user, asset, amount, id })).unwrap();
        }
    }
    world
}

fn open(world: &mut World, wanted: OpenAccount) -> AccountId {
    if let Some(id) = world.state.ledger().find(&wanted.key) {
        return id;
    }
    match world.run(Body::OpenAccounts(OpenAccounts { accounts: vec![wanted] })) {
        Ok(Done::Accounts(outcomes)) => match outcomes[0] {
            ledger::Outcome::Done(ledger::Done::AccountOpened { account }) => account,
            ref other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Puts money into a hot wallet, out of the owners' pockets.
pub(super) fn refill(world: &mut World, network: Network, asset: Asset, amount: u128) {
    let debit = open(world, OpenAccount { key: hot(network, asset), overdraft: false });
    let credit = open(world, account(Holder::Equity, asset, true));
    let transfer = super::world::post(u128::from(world.index) << 40, debit, credit, amount);
    let done = world.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] }));
    assert!(matches!(&done, Ok(Done::Transfers(all)) if matches!(all[0], ledger::Outcome::Done(_))), "{done:?}");
}

/// Coins of the hot wallet, as blocks would have brought them.
pub(super) fn mint(world: &mut World, numbers: impl IntoIterator<Item = u8>) {
    let of_wallet = |number| Coin {
        network: Network::Bitcoin,
        outpoint: coin(number),
        amount: COIN,
        address: address("hotbitcoin0"),
        keyed: Keyed::Wallet { wallet: BTC_WALLET, change: false, index: 0 },
        height: 0,
        mature: 0,
        state: CoinState::Free,
        deposit: None,
        rests_on: Vec::new(),
    };
    put_coins(world, numbers.into_iter().map(of_wallet));
}

pub(super) fn coin(number: u8) -> OutPoint {
    OutPoint { tx: TxId([number; 32]), vout: 0 }
}

pub(super) fn tx(number: u64) -> TxId {
    TxId(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

pub(super) fn block(height: u64) -> BlockRef {
    BlockRef { height, hash: BlockHash(*blake3::hash(&height.to_be_bytes()).as_bytes()) }
}

/// A request for dollars on Ethereum.
pub(super) fn order(user: UserId, client_id: &str, amount: u128) -> Order {
    Order {
        user,
        client_id: client_id.into(),
        asset: USDT,
        network: Network::Ethereum,
        to: address("0xabc"),
        memo: None,
        amount,
        mode: FeeMode::OnTop,
    }
}

pub(super) fn on(network: Network, asset: Asset, order: Order) -> Order {
    Order { network, asset, ..order }
}

/// The request with its second factor.
pub(super) fn proved(world: &World, order: Order) -> Body {
    let proof = Some(Proof { order: order.hash(), at: world.now });
    Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof }))
}

pub(super) fn request(world: &mut World, order: Order) -> Result<(WithdrawalId, Stage), Rejection> {
    let (actor, body) = (Actor::User(order.user), proved(world, order));
    let command = Command { actor, ..world.command(body) };
    match world.send(&command)? {
        Done::WithdrawalRequested { withdrawal, stage, .. } => Ok((withdrawal, stage)),
        other => panic!("{other:?}"),
    }
}

/// A command of the withdrawal worker's; of its signer the leading node says what there is to say.
pub(super) fn by_worker(world: &mut World, network: Network, body: Body) -> Command {
    let epoch = world.state.epoch().map(|epoch| epoch.index);
    let actor = teller(&body, worker(network));
    Command { actor, epoch, ..world.command(body) }
}

/// The node that leads.
pub(super) const LEADER: Actor = Actor::Node(NodeId(1));

/// Who says this: the leading node of its signer, a worker everything else.
pub(super) fn teller(body: &Body, worker: Actor) -> Actor {
    match body {
        Body::StepPayout(command) if command.step.is_nodes() => LEADER,
        _ => worker,
    }
}

/// Two persons agree with a worker that a payout ended without paying, where it says so.
pub(super) fn believe(world: &mut World, payout: PayoutId) {
    let open = world.state.withdrawals().payout(payout);
    let Some(from) = open.filter(|open| open.denied.is_some()).map(|open| open.stage()) else { return };
    let (decision, reason) = (PayoutDecision::Confirm, "test".to_owned());
    world.run(Body::ReviewPayout(Box::new(ReviewPayout { payout, from, decision, reason }))).unwrap();
}

/// What a worker says of a payout that ended without paying, and that two persons agree.
pub(super) fn confirmed(world: &mut World, payout: PayoutId, denial: PayoutStep) -> Result<Stage, Rejection> {
    let from = step(world, payout, denial)?;
    assert_eq!(from, Stage::Review, "nobody compares balances here");
    let (decision, reason) = (PayoutDecision::Confirm, "test".to_owned());
    match world.run(Body::ReviewPayout(Box::new(ReviewPayout { payout, from, decision, reason })))? {
        Done::PayoutMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

pub(super) fn send(world: &mut World, network: Network, body: Body) -> Result<Done, Rejection> {
    let command = by_worker(world, network, body);
    world.send(&command)
}

pub(super) fn preparation(claim: Claim, number: u64) -> Preparation {
    Preparation { purpose: Purpose::Payment, claim, unsigned: number.to_be_bytes().to_vec(), fee_max: 1_000 }
}

pub(super) fn prepare(network: Network, withdrawals: &[WithdrawalId], claim: Claim, number: u64) -> PreparePayout {
    PreparePayout {
        network,
        payer: payer(network, 0),
        errand: Errand::Withdrawals,
        withdrawals: withdrawals.to_vec(),
        preparation: preparation(claim, number),
        chain_nonce: 0,
        settled_nonce: 0,
    }
}

/// Decides a payout; its number.
pub(super) fn prepared(world: &mut World, command: PreparePayout) -> Result<PayoutId, Rejection> {
    match send(world, command.network, Body::PreparePayout(Box::new(command)))? {
        Done::PayoutPrepared { payout, attempt: 1 } => Ok(payout),
        other => panic!("{other:?}"),
    }
}

/// One step of a payout's latest attempt, from where it stands.
pub(super) fn step(world: &mut World, payout: PayoutId, step: PayoutStep) -> Result<Stage, Rejection> {
    let found = world.state.withdrawals().payout(payout).unwrap();
    let (network, from, attempt) = (found.network, found.stage(), found.attempts.len() as u16);
    if let PayoutStep::Final { block, .. } = &step {
        scan_spent(world, payout, block.height);
    }
    stepped(world, StepPayout { network, payout, from, attempt, step })
}

/// A block has the latest attempt of a payout, as the scan shows it: on Bitcoin its coins are spent.
pub(super) fn scan_spent(world: &mut World, payout: PayoutId, height: u64) {
    let latest = world.state.withdrawals().payout(payout).and_then(|payout| payout.latest().cloned());
    let Some((Claim::Coins(coins), Some(tx))) = latest.map(|latest| (latest.claim, latest.tx)) else { return };
    let known = world.state.custody().coins();
    let mut spent: Vec<Coin> = coins.iter().filter_map(|coin| known.get(Network::Bitcoin, coin).cloned()).collect();
    spent.iter_mut().for_each(|coin| spend(coin, tx, height));
    put_coins(world, spent);
}

pub(super) fn stepped(world: &mut World, command: StepPayout) -> Result<Stage, Rejection> {
    match send(world, command.network, Body::StepPayout(Box::new(command)))? {
        Done::PayoutMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

pub(super) fn signed(number: u64) -> PayoutStep {
    PayoutStep::Signed { tx: tx(number), raw: vec![7; 9], record: vec![8; 9] }
}

pub(super) fn final_step(fee: u128) -> PayoutStep {
    PayoutStep::Final { block: block(9), fee }
}

pub(super) fn step_withdrawal(
    world: &mut World,
    actor: Actor,
    withdrawal: WithdrawalId,
    step: WithdrawalStep,
) -> Result<Stage, Rejection> {
    let from = stage(world, withdrawal);
    let body = Body::StepWithdrawal(StepWithdrawal { withdrawal, from, step });
    let epoch = matches!(actor, Actor::Worker(_)).then(|| world.state.epoch().unwrap().index);
    let command = Command { actor, epoch, ..world.command(body) };
    match world.send(&command)? {
        Done::WithdrawalMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

pub(super) fn withdrawal(world: &World, id: WithdrawalId) -> Withdrawal {
    world.state.withdrawal(&world.rows, id).unwrap().unwrap()
}

pub(super) fn stage(world: &World, id: WithdrawalId) -> Stage {
    world.state.withdrawals().stage(&withdrawal(world, id))
}

/// The refusal of a command, with nothing changed but its outcome.
pub(super) fn refusal<T: std::fmt::Debug>(outcome: Result<T, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Withdrawals(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// Posted, held.
pub(super) fn money(world: &World, user: UserId, asset: Asset) -> (u128, u128) {
    let account = world.state.account_of(user, asset).unwrap();
    let balance = Balance::of(&account);
    (balance.posted, balance.held)
}

pub(super) fn balance(world: &World, key: AccountKey) -> (u128, u128) {
    let balance = world.state.account(&key).map(|account| Balance::of(&account)).unwrap_or_default();
    (balance.posted, balance.held)
}

pub(super) fn later(world: &mut World, us: u64) {
    world.now = Timestamp(world.now.0 + us);
}

/// What a bug does to a test that must catch it.
pub(super) fn catches(bug: crate::planted::Bug, test: fn()) {
    crate::planted::plant(Some(bug));
    let caught = std::panic::catch_unwind(test).is_err();
    crate::planted::plant(None);
    assert!(caught, "{bug:?} was not caught");
}
