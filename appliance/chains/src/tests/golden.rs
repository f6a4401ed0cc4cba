//! Addresses and signed transactions of all six networks in a file that other libraries check.

use exchequer_domain::{BlockHash, Network};
use serde_json::{Value, json};

use super::bitcoin_drafts::Purse;
use super::keys::{WORDS, Wallet};
use crate::bitcoin::{Draft, UnsignedBitcoin, build};
use crate::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_text};
use crate::tron::{RefBlock, TronAction, TronTx, UnsignedTron};
use crate::{
    EffectKind, Exclusion, KeyPath, KeyPurpose, NetworkParams, Resource, Scheme, Signature, Unsigned, evm, tron,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/golden.json");

const HOT: KeyPath = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };

fn addresses(wallet: &Wallet) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut networks: Vec<NetworkParams> =
        Network::ALL.iter().map(|network| NetworkParams::mainnet(*network)).collect();
    networks.push(NetworkParams::test(Network::Bitcoin));
    for params in networks {
        let schemes: &[Scheme] = match params.bitcoin() {
            Ok(_) => &[Scheme::Segwit, Scheme::Taproot],
            Err(_) => &[Scheme::Keccak],
        };
        for scheme in schemes {
            for purpose in [KeyPurpose::Deposit, KeyPurpose::Hot, KeyPurpose::Gas] {
                let account = wallet.account(&params, *scheme, purpose);
                let branches: &[bool] = if params.bitcoin().is_ok() { &[false, true] } else { &[false] };
                for (index, change) in [0, 1, 999_999].into_iter().flat_map(|i| branches.iter().map(move |c| (i, *c))) {
                    let key = account.path(index, change);
                    rows.push(json!({
                        "network": params.network().as_str(),
                        "chain": chain(&params),
                        "scheme": format!("{scheme:?}").to_lowercase(),
                        "purpose": format!("{purpose:?}").to_lowercase(),
                        "path": format!("m/{}", key.path(&params, *scheme).unwrap()),
                        "account_xpub": account.xpub().to_string(),
                        "public_key": hex::encode(account.key(index, change).unwrap()),
                        "address": account.address(index, change).unwrap(),
                    }));
                }
            }
        }
    }
    rows
}

fn chain(params: &NetworkParams) -> Value {
    match (params.bitcoin(), params.chain_id()) {
        (Ok(kind), _) => json!(format!("{kind:?}").to_lowercase()),
        (_, Ok(id)) => json!(id),
        _ => json!("mainnet"),
    }
}

/// What is the same of every family.
fn row(
    wallet: &Wallet,
    params: &NetworkParams,
    name: &str,
    unsigned: &Unsigned,
    scheme: Scheme,
    special: Value,
) -> Value {
    let inputs = unsigned.signing_inputs(params).unwrap();
    let signatures = wallet.sign_all(params, &inputs);
    let signed = unsigned.assemble(params, &signatures).unwrap();
    let effects = unsigned.effects(params).unwrap();
    let signature = |signature: &Signature| match signature {
        Signature::Recoverable { compact, odd_y } => format!("{}{odd_y:02x}", hex::encode(compact)),
        Signature::Ecdsa { compact, .. } | Signature::Schnorr { compact } => hex::encode(compact),
    };
    let payments = effects.payments.iter().map(|payment| {
        json!({ "to": payment.to, "token": match &payment.coin {
            crate::Coin::Native => Value::Null,
            crate::Coin::Token(contract) => json!(contract),
        }, "amount": payment.amount.to_string() })
    });
    json!({
        "network": params.network().as_str(),
        "chain": chain(params),
        "name": name,
        "kind": match effects.kind {
            EffectKind::Transfer => "transfer",
            EffectKind::TokenTransfer => "token transfer",
            EffectKind::Noop => "noop",
            EffectKind::Delegate { .. } => "delegate",
            EffectKind::Undelegate { .. } => "undelegate",
            EffectKind::Freeze { .. } => "freeze",
            EffectKind::Unfreeze { .. } => "unfreeze",
            EffectKind::Collect => "collect",
        },
        "from": effects.from,
        "payments": payments.collect::<Vec<_>>(),
        "fee_max": effects.fee_max.to_string(),
        "paths": inputs.iter().map(|input| format!("m/{}", input.key.path(params, input.scheme).unwrap())).collect::<Vec<_>>(),
        "private_keys": inputs.iter().map(|input| hex::encode(wallet.secret(params, input.scheme, input.key))).collect::<Vec<_>>(),
        "digests": inputs.iter().map(|input| hex::encode(input.digest)).collect::<Vec<_>>(),
        "signatures": signatures.iter().map(signature).collect::<Vec<_>>(),
        "kept": hex::encode(unsigned.encode()),
        "raw": hex::encode(&signed.raw),
        "id": signed.tx.to_string(),
        "scheme": format!("{scheme:?}").to_lowercase(),
        "special": special,
    })
}

fn evm_rows(wallet: &Wallet, network: Network, fees: EvmFees, token: &str) -> Vec<Value> {
    let params = NetworkParams::mainnet(network);
    let from_text = wallet.account(&params, Scheme::Keccak, HOT.purpose).address(0, false).unwrap();
    let from = account_of_text(from_text.as_str()).unwrap();
    let to = account_of_text("0x70997970C51812dc3A010C7d01b50e0d17dc79C8").unwrap();
    let contract = account_of_text(token).unwrap();
    let actions = [
        ("coin", EvmAction::Transfer { to, amount: 1_500_000_000_000_000_000 }, 25_200),
        ("token", EvmAction::TokenTransfer { contract, to, amount: 25_000_001 }, 78_000),
        ("noop", EvmAction::Transfer { to: from, amount: 0 }, 25_200),
    ];
    let rows = (40_u64..).zip(actions).map(|(nonce, (name, action, gas))| {
        let tx = EvmTx { chain_id: params.chain_id().unwrap(), nonce, fees, gas, action };
        let unsigned = UnsignedEvm::new(&params, HOT, from, tx).unwrap();
        let (price, max_fee, tip) = match fees {
            EvmFees::Legacy { gas_price } => (Some(gas_price.to_string()), None, None),
            EvmFees::Dynamic { max_fee, tip } => (None, Some(max_fee.to_string()), Some(tip.to_string())),
        };
        let (to, value, data) = match action {
            EvmAction::Transfer { to, amount } => (evm::text(&to), amount, String::new()),
            EvmAction::TokenTransfer { contract, to, amount } => {
                (evm::text(&contract), 0, hex::encode(evm::transfer_data(&to, amount)))
            }
        };
        let special = json!({
            "nonce": nonce, "gas": gas, "gas_price": price, "max_fee": max_fee, "tip": tip,
            "to": to, "value": value.to_string(), "data": format!("0x{data}"),
            "preimage": hex::encode(unsigned.preimage()),
        });
        row(wallet, &params, name, &Unsigned::Evm(unsigned), Scheme::Keccak, special)
    });
    rows.collect()
}

fn tron_rows(wallet: &Wallet) -> Vec<Value> {
    let params = NetworkParams::mainnet(Network::Tron);
    let owner = wallet.account(&params, Scheme::Keccak, HOT.purpose).address(0, false).unwrap();
    let owner = tron::account_of_text(owner.as_str()).unwrap();
    let to = tron::account_of_text("TPjjvMwjPoDC32V2dGDYTkLH4E5LAtBZ6C").unwrap();
    let contract = tron::account_of_text("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").unwrap();
    let mut block = [0x11; 32];
    block[..8].copy_from_slice(&60_928_707_u64.to_be_bytes());
    let (expires_ms, made_ms) = (1_795_431_000_000, 1_795_430_400_000);
    let actions = [
        ("coin", TronAction::Transfer { to, amount: 1_500_000 }, 0),
        ("token", TronAction::TokenTransfer { contract, to, amount: 25_000_001 }, 30_000_000),
        ("delegate", TronAction::Delegate { to, resource: Resource::Energy, amount: 9_000_000_000 }, 0),
        ("undelegate", TronAction::Undelegate { from: to, resource: Resource::Energy, amount: 9_000_000_000 }, 0),
        ("freeze bandwidth", TronAction::Freeze { resource: Resource::Bandwidth, amount: 1_000_000 }, 0),
        ("freeze energy", TronAction::Freeze { resource: Resource::Energy, amount: 2_000_000 }, 0),
        ("unfreeze energy", TronAction::Unfreeze { resource: Resource::Energy, amount: 2_000_000 }, 0),
        ("collect", TronAction::Collect, 0),
    ];
    let rows = actions.into_iter().map(|(name, action, fee_limit)| {
        let ref_block = RefBlock::of(&BlockHash(block));
        let tx = TronTx { owner, action, ref_block, expires_ms, made_ms, fee_limit };
        let unsigned = UnsignedTron::new(&params, HOT, tx).unwrap();
        let special = json!({
            "raw_data": hex::encode(unsigned.raw_data()), "bandwidth": unsigned.bandwidth(), "fee_limit": fee_limit,
            "expiration": expires_ms, "timestamp": made_ms, "block_id": hex::encode(block),
            "ref_block_bytes": hex::encode(ref_block.bytes), "ref_block_hash": hex::encode(ref_block.hash),
        });
        row(wallet, &params, name, &Unsigned::Tron(unsigned), Scheme::Keccak, special)
    });
    rows.collect()
}

fn bitcoin_rows(wallet: &Wallet) -> Vec<Value> {
    let mut rows = Vec::new();
    for params in [NetworkParams::mainnet(Network::Bitcoin), NetworkParams::test(Network::Bitcoin)] {
        let purse = Purse::new(params);
        let coins = |scheme| vec![purse.coin(1, 50_000, scheme), purse.coin(2, 60_000, scheme)];
        let drafts = [
            ("segwit", Scheme::Segwit, Draft { must: coins(Scheme::Segwit), ..purse.draft(&[70_000], vec![], 3_000) }),
            (
                "taproot",
                Scheme::Taproot,
                Draft { must: coins(Scheme::Taproot), ..purse.draft(&[70_000, 1_000], vec![], 12_345) },
            ),
            ("gathered", Scheme::Segwit, Draft { must: coins(Scheme::Segwit), ..purse.draft(&[], vec![], 1_000) }),
        ];
        for (name, scheme, draft) in drafts {
            let unsigned = build(&params, &draft).unwrap();
            rows.push(row(
                wallet,
                &params,
                name,
                &Unsigned::Bitcoin(unsigned.clone()),
                scheme,
                bitcoin_special(&purse, &unsigned),
            ));
        }
    }
    rows
}

fn bitcoin_special(purse: &Purse, unsigned: &UnsignedBitcoin) -> Value {
    let effects = Unsigned::Bitcoin(unsigned.clone()).effects(&purse.params).unwrap();
    let Exclusion::Inputs(inputs) = &effects.exclusion else { panic!("other families") };
    let spent = inputs.iter().zip(unsigned.coins()).map(|(spent, coins)| {
        json!({
            "txid": spent.outpoint.tx.to_string(), "vout": spent.outpoint.vout, "amount": coins.amount,
            "script": hex::encode(&coins.script), "address": spent.address,
        })
    });
    let change = effects
        .change
        .iter()
        .map(|change| json!({ "vout": change.vout, "address": change.address, "amount": change.amount.to_string() }));
    json!({
        "unsigned": bitcoin::consensus::encode::serialize_hex(unsigned.tx()),
        "spent": spent.collect::<Vec<_>>(),
        "change": change.collect::<Vec<_>>(),
    })
}

/// Goal: addresses, digests and bytes stay what other libraries have confirmed. Method: everything is made again and compared with
/// the file, which `UPDATE=1` writes.
#[test]
fn golden_vectors_stay() {
    let wallet = Wallet::new();
    let gwei = 1_000_000_000;
    let dynamic = |max_fee, tip| EvmFees::Dynamic { max_fee: max_fee * gwei, tip: tip * gwei };
    let mut transactions = bitcoin_rows(&wallet);
    let networks = [
        (Network::Ethereum, dynamic(62, 2), "0xdAC17F958D2ee523a2206206994597C13D831ec7"),
        (Network::Polygon, dynamic(85, 25), "0xc2132D05D31c914a87C6611C10748AEb04B58e8F"),
        (Network::Bsc, EvmFees::Legacy { gas_price: gwei / 20 }, "0x55d398326f99059fF775485246999027B3197955"),
        (Network::Arbitrum, dynamic(1, 0), "0xFd086bC7CD5C481DCC9C85ebE478A1C0b69FCbb9"),
    ];
    for (network, fees, token) in networks {
        transactions.extend(evm_rows(&wallet, network, fees, token));
    }
    transactions.extend(tron_rows(&wallet));
    let made = json!({
        "words": WORDS,
        "fingerprint": hex::encode(wallet.fingerprint()),
        "addresses": addresses(&wallet),
        "transactions": transactions,
    });
    let text = format!("{}\n", serde_json::to_string_pretty(&made).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(kept == text, "the vectors differ from {FILE}: UPDATE=1 writes them; look at the difference");
}
