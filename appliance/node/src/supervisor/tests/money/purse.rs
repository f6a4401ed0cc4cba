//! A bank on one network, with a user who has money and a hot wallet that has some: in the books, and, where a network is built of
//! outputs, on chain.

use exchequer_domain::{ChainAddress, Family, Network, UserId};
use exchequer_state::custody::{Terms, WalletAddress, WalletRole};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::networks::NetworkState;
use exchequer_state::withdrawals::{FeeMode, Order, Proof, WithdrawalId};
use exchequer_state::{
    Actor, Body, ConfigureNetwork, CreateAsset, CreateUser, CreditSandbox, Done, ListAsset, RegisterWallet,
    RequestWithdrawal, SetPrice,
};
use exchequer_workers::chains::bitcoin::{
    ChangeTo, Coins, Draft, FeeRate, Offered, address_of_script, build, script_of,
};
use exchequer_workers::chains::{KeyPath, KeyPurpose, Unsigned, evm, tron};
use exchequer_workers::kinds::nodes::params;

use super::super::super::ground::Ground as _;
use super::super::stage::Stage;
use super::fill_hot;

/// The hot wallet's address, and from which number on addresses of receivers are.
pub(super) const HOT: u32 = 500;
pub(super) const RECEIVERS: u32 = 1_000;
/// Minor units in one coin.
pub(super) const COIN: u128 = 100_000_000;
/// The token that is listed beside the coin.
pub(super) const TOKEN: u32 = 900;

/// The address of a number: below 65,536 no two look alike, whatever their family.
pub(super) fn address_on(network: Network, number: u32) -> ChainAddress {
    let mut account = [0x11; 20];
    account[..4].copy_from_slice(&number.to_le_bytes());
    match network.family() {
        Family::Evm => evm::text(&account),
        Family::Tron => tron::text(&account),
        Family::Bitcoin => {
            let script = [[0x00, 20].as_slice(), &account].concat();
            address_of_script(&params(network, true), &script).unwrap()
        }
    }
}

/// Smallest units of the network's coin in a minor unit.
pub(super) const fn unit(network: Network) -> u128 {
    match network.family() {
        Family::Evm => 10_000_000_000,
        Family::Bitcoin | Family::Tron => 1,
    }
}

/// A cluster with the network's coin and a token, two users with both, and a hot wallet with so many addresses.
pub(super) async fn open_bank(network: Network, payers: u32) -> Stage {
    open_bank_of(network, payers, 2).await
}

/// The same with so many users.
pub(super) async fn open_bank_of(network: Network, payers: u32, users: u64) -> Stage {
    let mut stage = Stage::new();
    let run = |body| stage.ground().run(body);
    let reason = || "test".to_owned();
    let decimals = if network.family() == Family::Tron { 6 } else { 8 };
    let on_chain = match network.family() {
        Family::Evm => 18,
        Family::Bitcoin => 8,
        Family::Tron => 6,
    };
    run(Body::CreateAsset(CreateAsset { code: "COIN".into(), decimals, name: "Coin".into(), reason: reason() }));
    run(Body::CreateAsset(CreateAsset { code: "TOKEN".into(), decimals: 6, name: "Token".into(), reason: reason() }));
    run(Body::ConfigureNetwork(Box::new(ConfigureNetwork {
        network,
        state: Some(NetworkState::Enabled),
        deposits: None,
        withdrawals: None,
        sweeps: None,
        tradable: Some(2),
        withdrawable: Some(7),
        fee_rate_max: Some(1_000),
        fee_max: Some(1_000_000_000),
        endpoints: None,
        if_version: None,
        reason: reason(),
    })));
    let terms =
        Terms { deposit_min: 1, withdrawal_min: 1, withdrawal_max: 1 << 60, withdrawal_step: 1, withdrawal_fee: 0 };
    let token = (network.family() != Family::Bitcoin).then(|| address_on(network, TOKEN));
    let listed = |asset, coin, decimals| {
        Body::ListAsset(Box::new(ListAsset { network, asset: Asset(asset), coin, decimals, terms, reason: reason() }))
    };
    run(listed(1, None, on_chain));
    if token.is_some() {
        run(listed(2, token, 6));
    }
    for number in 1..=users {
        run(Body::CreateUser(CreateUser { label: format!("user {number}"), kyc_level: 3, fee_tier: 0 }));
    }
    let own = |change, index| {
        let number = HOT + index + if change { 100 } else { 0 };
        WalletAddress { address: address_on(network, number), change, index }
    };
    let mut addresses: Vec<WalletAddress> = (0..payers).map(|index| own(false, index)).collect();
    if network.family() == Family::Bitcoin {
        addresses.extend((0..3).map(|index| own(true, index)));
    }
    run(Body::RegisterWallet(Box::new(RegisterWallet {
        name: "hot".into(),
        role: WalletRole::Hot,
        family: network.family(),
        network: None,
        xpub: "xpub".into(),
        addresses,
        pinned: true,
        reason: reason(),
    })));
    for asset in [1, 2] {
        fund(&stage, network, Asset(asset), users);
    }
    stage.lead().await;
    stage
}

fn fund(stage: &Stage, network: Network, asset: Asset, users: u64) {
    let ground = stage.ground();
    let number = u128::from(asset.0) * 1_000;
    fill_hot(ground, network, asset, 10_000_000 * COIN, TransferId(number + 77));
    for user in 1..=users {
        let (user, amount, id) = (UserId(user), 1_000_000 * COIN, TransferId(number + 78 + u128::from(user)));
        ground.run(Body::CreditSandbox(CreditSandbox { user, asset, amount, id }));
    }
    let at = ground.now();
    ground.run(Body::SetPrice(SetPrice { asset, usd_micros: 1, source: "desk".into(), at }));
}

/// A user asks for a withdrawal to the receiver of a number.
pub(super) fn ask_for(
    stage: &Stage,
    network: Network,
    user: u64,
    asset: u32,
    number: u64,
    amount: u128,
) -> WithdrawalId {
    let order = Order {
        user: UserId(user),
        client_id: format!("w{number}"),
        asset: Asset(asset),
        network,
        to: address_on(network, RECEIVERS + u32::try_from(number).unwrap()),
        memo: None,
        amount,
        mode: FeeMode::OnTop,
    };
    let proof = Some(Proof { order: order.hash(), at: stage.ground().now() });
    let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof }));
    match stage.ground().run_as(Actor::User(UserId(user)), body) {
        Done::WithdrawalRequested { withdrawal, .. } => withdrawal,
        other => panic!("{other:?}"),
    }
}

/// A transaction that pays to addresses out of coins that nobody knows: how coins come into a world.
pub(super) fn minted(network: Network, salt: u8, to: &[(ChainAddress, u64)]) -> Vec<u8> {
    let params = params(network, true);
    let stranger = address_on(network, 99);
    let key = KeyPath { purpose: KeyPurpose::Cold, index: 0, change: false };
    let total: u64 = to.iter().map(|(_, amount)| *amount).sum();
    let script = script_of(&params, &stranger).unwrap();
    let outpoint = exchequer_domain::OutPoint { tx: exchequer_domain::TxId([salt; 32]), vout: 0 };
    let draft = Draft {
        payments: to.to_vec(),
        must: vec![Offered { outpoint, coins: Coins { amount: total + 100_000, script, key } }],
        may: Vec::new(),
        change: ChangeTo { address: stranger, key },
        rate: FeeRate::of_kvb(1_000).unwrap(),
        fee_max: 1_000_000,
        tip_height: 0,
    };
    Unsigned::Bitcoin(build(&params, &draft).unwrap()).encode()
}
