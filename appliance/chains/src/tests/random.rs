//! Whatever is built is read as what was meant.

use exchequer_domain::{ChainAddress, Network};
use proptest::prelude::*;

use super::keys::Wallet;
use crate::evm::{Account, EvmAction, EvmFees, EvmTx, UnsignedEvm};
use crate::tron::{FEE_LIMIT_SUN_MAX, RefBlock, TronAction, TronTx, UnsignedTron};
use crate::{
    Coin, EffectKind, Effects, Exclusion, KeyPath, KeyPurpose, NetworkParams, Payment, Resource, Scheme, TxError,
    Unsigned, evm, tron,
};

pub(super) const KEY: KeyPath = KeyPath { purpose: KeyPurpose::Hot, index: 7, change: false };

/// The seed of a test that draws by itself, printed so that a failure can be had again.
pub(super) fn seed() -> u64 {
    let seed = std::env::var("EXCHEQUER_CHAINS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(rand::random);
    println!("EXCHEQUER_CHAINS_SEED={seed}");
    seed
}

fn account() -> impl Strategy<Value = Account> {
    any::<[u8; 20]>()
}

pub(super) fn evm_networks() -> impl Strategy<Value = NetworkParams> {
    let networks = [Network::Ethereum, Network::Polygon, Network::Bsc, Network::Arbitrum];
    (0_usize..4, any::<bool>()).prop_map(move |(which, live)| {
        if live { NetworkParams::mainnet(networks[which]) } else { NetworkParams::test(networks[which]) }
    })
}

/// A transaction's parts of which every combination is one that is built; its chain id is to be set.
pub(super) fn evm_tx(chain_id: u64, from: Account) -> impl Strategy<Value = EvmTx> {
    let amount = prop_oneof![Just(1), Just(u128::MAX), 1..u128::MAX];
    let action = prop_oneof![
        (account(), amount.clone()).prop_map(|(to, amount)| EvmAction::Transfer { to, amount }),
        (account(), account(), amount).prop_map(|(contract, to, amount)| EvmAction::TokenTransfer {
            contract,
            to,
            amount
        }),
        Just(EvmAction::Transfer { to: from, amount: 0 }),
    ];
    let fees = prop_oneof![
        (0..u128::from(u64::MAX)).prop_map(|gas_price| EvmFees::Legacy { gas_price }),
        (0..u128::from(u64::MAX), 0..u128::from(u64::MAX))
            .prop_map(|(a, b)| EvmFees::Dynamic { max_fee: a.max(b), tip: a.min(b) }),
    ];
    (any::<u64>(), fees, 1..u64::MAX, action).prop_map(move |(nonce, fees, gas, action)| EvmTx {
        chain_id,
        nonce,
        fees,
        gas,
        action,
    })
}

pub(super) fn tron_tx(owner: Account) -> impl Strategy<Value = TronTx> {
    let sun = prop_oneof![Just(1), Just(i64::MAX as u64), 1..i64::MAX as u64];
    let resource = || prop_oneof![Just(Resource::Bandwidth), Just(Resource::Energy)];
    let action = prop_oneof![
        (account(), sun.clone()).prop_map(|(to, amount)| TronAction::Transfer { to, amount }),
        (account(), account(), 1..u128::MAX).prop_map(|(contract, to, amount)| TronAction::TokenTransfer {
            contract,
            to,
            amount
        }),
        (account(), resource(), sun.clone()).prop_map(|(to, resource, amount)| TronAction::Delegate {
            to,
            resource,
            amount
        }),
        (account(), resource(), sun.clone()).prop_map(|(from, resource, amount)| TronAction::Undelegate {
            from,
            resource,
            amount
        }),
        (resource(), sun.clone()).prop_map(|(resource, amount)| TronAction::Freeze { resource, amount }),
        (resource(), sun).prop_map(|(resource, amount)| TronAction::Unfreeze { resource, amount }),
        Just(TronAction::Collect),
    ];
    let times = (0..i64::MAX as u64 / 2, 1..86_400_000_u64);
    (action, any::<([u8; 2], [u8; 8])>(), times, 1..FEE_LIMIT_SUN_MAX).prop_map(
        move |(action, (bytes, hash), (made_ms, lives), fee_limit)| TronTx {
            owner,
            action,
            ref_block: RefBlock { bytes, hash },
            expires_ms: made_ms + lives,
            made_ms,
            fee_limit: if matches!(action, TronAction::TokenTransfer { .. }) { fee_limit } else { 0 },
        },
    )
}

/// Built, kept, read again, signed, and read from the signed bytes: the same each time.
fn stays_what_it_is(wallet: &Wallet, params: &NetworkParams, unsigned: &Unsigned, meant: &Effects) {
    assert_eq!(&unsigned.effects(params).unwrap(), meant);
    let kept = Unsigned::decode(&unsigned.encode()).unwrap();
    assert_eq!(&kept, unsigned);
    let inputs = kept.signing_inputs(params).unwrap();
    let signatures = wallet.sign_all(params, &inputs);
    let signed = unsigned.assemble(params, &signatures).unwrap();
    let read = match unsigned {
        Unsigned::Evm(_) => evm::effects_of_signed(params, &signed.raw),
        Unsigned::Tron(_) => tron::effects_of_signed(params, &signed.raw),
        Unsigned::Bitcoin(_) => panic!("tested elsewhere"),
    };
    assert_eq!(read.unwrap(), (signed.tx, meant.clone()));
    assert_eq!(unsigned.accept(params, &signed.raw), Ok(signed));
    assert!(matches!(unsigned.assemble(params, &[]), Err(TxError::Signature { .. })));
}

pub(super) fn hot(wallet: &Wallet, params: &NetworkParams) -> (Account, ChainAddress) {
    let account = wallet.account(params, Scheme::Keccak, KEY.purpose);
    let key = account.key(KEY.index, KEY.change).unwrap();
    (evm::account_of_key(&key).unwrap(), account.address(KEY.index, KEY.change).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// Goal: what is built is read as what was meant, unsigned and signed. Method: random transactions of four networks; the
    /// effects are written down here a second time.
    #[test]
    fn evm_transactions_do_what_was_meant(
        (params, tx) in evm_networks().prop_flat_map(|params| {
            let from = hot(&Wallet::new(), &params).0;
            (Just(params), evm_tx(params.chain_id().unwrap(), from))
        }),
    ) {
        let wallet = Wallet::new();
        let (from, address) = hot(&wallet, &params);
        let pays = |to: &Account, coin, amount| vec![Payment { to: evm::text(to), coin, amount }];
        let (kind, payments) = match &tx.action {
            EvmAction::Transfer { amount: 0, .. } => (EffectKind::Noop, vec![]),
            EvmAction::Transfer { to, amount } => (EffectKind::Transfer, pays(to, Coin::Native, *amount)),
            EvmAction::TokenTransfer { contract, to, amount } => {
                (EffectKind::TokenTransfer, pays(to, Coin::Token(evm::text(contract)), *amount))
            }
        };
        let price = match tx.fees {
            EvmFees::Legacy { gas_price } => gas_price,
            EvmFees::Dynamic { max_fee, .. } => max_fee,
        };
        let meant = Effects {
            network: params.network(),
            kind,
            from: vec![address.clone()],
            payments,
            change: vec![],
            fee_max: price * u128::from(tx.gas),
            exclusion: Exclusion::Nonce { chain_id: tx.chain_id, account: address, nonce: tx.nonce },
        };
        let unsigned = Unsigned::Evm(UnsignedEvm::new(&params, KEY, from, tx).unwrap());
        stays_what_it_is(&wallet, &params, &unsigned, &meant);
        for other in Network::ALL.iter().filter(|other| **other != params.network()) {
            prop_assert!(unsigned.effects(&NetworkParams::mainnet(*other)).is_err());
        }
    }

    /// Goal: as above for TRON. Method: random transactions of every kind.
    #[test]
    fn tron_transactions_do_what_was_meant(
        tx in tron_tx(hot(&Wallet::new(), &NetworkParams::mainnet(Network::Tron)).0),
    ) {
        let wallet = Wallet::new();
        let params = NetworkParams::mainnet(Network::Tron);
        let address = hot(&wallet, &params).1;
        let mut payments = vec![];
        let mut activation = 0;
        let kind = match tx.action {
            TronAction::Transfer { to, amount } => {
                activation = 1_100_000;
                payments.push(Payment { to: tron::text(&to), coin: Coin::Native, amount: amount.into() });
                EffectKind::Transfer
            }
            TronAction::TokenTransfer { contract, to, amount } => {
                payments.push(Payment { to: tron::text(&to), coin: Coin::Token(tron::text(&contract)), amount });
                EffectKind::TokenTransfer
            }
            TronAction::Delegate { to, resource, amount } => {
                EffectKind::Delegate { to: tron::text(&to), resource, amount: amount.into() }
            }
            TronAction::Undelegate { from, resource, amount } => {
                EffectKind::Undelegate { from: tron::text(&from), resource, amount: amount.into() }
            }
            TronAction::Freeze { resource, amount } => EffectKind::Freeze { resource, amount: amount.into() },
            TronAction::Unfreeze { resource, amount } => EffectKind::Unfreeze { resource, amount: amount.into() },
            TronAction::Collect => EffectKind::Collect,
        };
        let exclusion = Exclusion::Expiry {
            ref_block_bytes: tx.ref_block.bytes,
            ref_block_hash: tx.ref_block.hash,
            expires_ms: tx.expires_ms,
            made_ms: tx.made_ms,
        };
        let limit = u128::from(tx.fee_limit);
        let tron = UnsignedTron::new(&params, KEY, tx).unwrap();
        let fee_max = u128::from(tron.bandwidth()) * 1_000 + limit + activation;
        let network = Network::Tron;
        let meant = Effects { network, kind, from: vec![address], payments, change: vec![], fee_max, exclusion };
        prop_assert!(!meant.exclusion.excludes(&meant.exclusion), "nothing but time ends a transaction of TRON");
        stays_what_it_is(&wallet, &params, &Unsigned::Tron(tron), &meant);
    }
}
