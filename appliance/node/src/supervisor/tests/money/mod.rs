//! Workers that move money, over the money link, with the real state machine and chains that are played.

mod acceptance;
mod addresses;
mod balances;
mod chain;
mod deposits;
mod drain;
mod failures;
mod foreign;
mod interrupted;
mod link;
mod mortal;
mod pool;
mod purse;
mod rescan;
mod signing;
mod socket;
mod sweeps;
mod withdrawals;

use exchequer_domain::{ChainAddress, Family, Network, UserId};
use exchequer_state::custody::Terms;
use exchequer_state::ledger::{
    self, AccountKey, Actor as LedgerActor, Asset, Cause, Holder, Leg, OpenAccount, Reason, Side, Store, Transfer,
    TransferId,
};
use exchequer_state::networks::NetworkState;
use exchequer_state::{
    Actor, AllocateAddress, Body, ConfigureNetwork, CreateAsset, CreateUser, Done, ListAsset, OpenAccounts,
    PostTransfers, StockAddresses,
};
use exchequer_workers::chains::evm::text;

use super::super::ground::Ground as _;
use super::stage::{Memory, Stage};

/// What is tested with.
pub(super) const NETWORK: Network = Network::Ethereum;
/// The number of a token's contract there.
pub(super) const TOKEN: u32 = 77;
/// The network's smallest units in a minor unit of the ledger.
pub(super) const UNIT: u128 = 10_000_000_000;
/// Users, each with the address of its number.
pub(super) const USERS: u32 = 4;

/// Numbers as chance would give them, the same for the same seed.
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// From 0 up to, not including, `below`.
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

pub(super) fn account(index: u32) -> [u8; 20] {
    let mut account = [0x11; 20];
    account[..4].copy_from_slice(&index.to_be_bytes());
    account
}

pub(super) fn address(index: u32) -> ChainAddress {
    text(&account(index))
}

/// Lists a token with six decimals as the asset 2.
pub(super) fn list_token(ground: &Memory) -> ChainAddress {
    let run = |body| ground.run(body);
    let (token, reason) = (address(TOKEN), || "test".to_owned());
    let asset = CreateAsset { code: "USDT".into(), decimals: 6, name: "Tether".into(), reason: reason() };
    run(Body::CreateAsset(asset));
    let terms = Terms { deposit_min: 1, withdrawal_min: 1, withdrawal_max: 9, withdrawal_step: 1, withdrawal_fee: 0 };
    let coin = Some(token.clone());
    let list = ListAsset { network: NETWORK, asset: Asset(2), coin, decimals: 6, terms, reason: reason() };
    run(Body::ListAsset(Box::new(list)));
    token
}

/// The network as it is used in these tests, and its coin, which is asset 1.
pub(super) fn list_ether(ground: &Memory) {
    let run = |body| ground.run(body);
    let reason = || "test".to_owned();
    run(Body::CreateAsset(CreateAsset { code: "ETH".into(), decimals: 8, name: "Ether".into(), reason: reason() }));
    run(Body::ConfigureNetwork(Box::new(ConfigureNetwork {
        network: NETWORK,
        state: Some(NetworkState::Enabled),
        deposits: None,
        withdrawals: None,
        sweeps: None,
        tradable: Some(2),
        withdrawable: Some(4),
        fee_rate_max: Some(1_000_000),
        fee_max: Some(1_000_000),
        endpoints: None,
        if_version: None,
        reason: reason(),
    })));
    let terms =
        Terms { deposit_min: 1, withdrawal_min: 1, withdrawal_max: 1 << 60, withdrawal_step: 1, withdrawal_fee: 0 };
    run(Body::ListAsset(Box::new(ListAsset {
        network: NETWORK,
        asset: Asset(1),
        coin: None,
        decimals: 18,
        terms,
        reason: reason(),
    })));
}

/// So many minor units of an asset are in the books of a network's hot wallets, out of the exchange's own money.
pub(super) fn fill_hot(ground: &Memory, network: Network, asset: Asset, amount: u128, id: TransferId) {
    let hot = AccountKey { holder: Holder::Custody { network: network as u32, store: Store::Hot }, asset };
    let equity = AccountKey { holder: Holder::Equity, asset };
    let opened = [(hot, false), (equity, true)].map(|(key, overdraft)| {
        let accounts = vec![OpenAccount { key, overdraft }];
        match ground.run(Body::OpenAccounts(OpenAccounts { accounts })) {
            Done::Accounts(outcomes) => match outcomes[0] {
                ledger::Outcome::Done(ledger::Done::AccountOpened { account }) => account,
                ref other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    });
    let legs = Leg::Post { debit: opened[0], credit: opened[1], amount }.into();
    let cause = Cause { reason: Reason::Internal, actor: LedgerActor::System, reference: [7; 32] };
    let transfer = Transfer { id, legs, cause, note: None };
    ground.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] }));
}

/// A cluster with users who have addresses of the network, and deposits of its coin.
pub(super) async fn open() -> Stage {
    let mut stage = Stage::new();
    list_ether(stage.ground());
    let run = |body| stage.ground().run(body);
    let entries = (0..USERS + 4).map(|index| (address(index), [9; 32])).collect();
    let stock = StockAddresses { family: Family::Evm, first_index: 0, entries };
    stage.ground().run_as(Actor::Node(exchequer_domain::NodeId(1)), Body::StockAddresses(stock));
    for number in 1..=USERS {
        run(Body::CreateUser(CreateUser { label: format!("user {number}"), kyc_level: 3, fee_tier: 0 }));
        let allocate = AllocateAddress { user: UserId(u64::from(number)), network: NETWORK, fresh: false };
        match run(Body::AllocateAddress(allocate)) {
            Done::AddressAllocated { index, .. } => assert_eq!(index, number - 1),
            other => panic!("{other:?}"),
        }
    }
    stage.lead().await;
    stage
}

/// What each user has, in minor units.
pub(super) fn balances(stage: &Stage) -> Vec<u128> {
    let of = |number: u32| {
        let holder = Holder::Customer { customer: u64::from(number), sub_account: 0 };
        let account = AccountKey { holder, asset: Asset(1) };
        let account = stage.ground().state(|state| state.account(&account)).unwrap();
        account.map_or(0, |account| account.sums.balance(Side::Credit))
    };
    (1..=USERS).map(of).collect()
}
