//! TRON against what its own library says.

use exchequer_domain::{BlockHash, Network};
use sha2::{Digest, Sha256};

use super::keys::sign_recoverable;
use crate::evm::account_of_point;
use crate::tron::{
    LIFE_MS_MAX, RefBlock, TronAction, TronTx, UnsignedTron, account_of_text, bandwidth, effects_of_signed, fee_limit,
    text,
};
use crate::{KeyPath, KeyPurpose, NetworkParams, Resource, TxError, Unsigned};

const KEY: KeyPath = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };

fn params() -> NetworkParams {
    NetworkParams::mainnet(Network::Tron)
}

fn person(name: &str) -> ([u8; 32], [u8; 20]) {
    let secret: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let key = k256::SecretKey::from_slice(&secret).unwrap();
    (secret, account_of_point(&key.public_key()))
}

fn block() -> BlockHash {
    let mut name = [0; 32];
    name[..16].copy_from_slice(&hex::decode("0000000003a1b2c3d4e5f60718293a4b").unwrap());
    BlockHash(name)
}

fn tx(action: TronAction, fee_limit: u64) -> TronTx {
    let (expires_ms, made_ms) = (1_795_430_460_000, 1_795_430_400_000);
    TronTx {
        owner: person("test key one").1,
        action,
        ref_block: RefBlock::of(&block()),
        expires_ms,
        made_ms,
        fee_limit,
    }
}

/// Goal: names, sizes and addresses are those that tronweb gives. Method: two transactions whose names tronweb computed.
#[test]
fn transactions_are_those_of_tronweb() {
    let ((secret, one), (_, two)) = (person("test key one"), person("test key two"));
    assert_eq!(text(&one).as_str(), "TR6fZjCQMT2ecGCTrDT47ccCRY83MK5jUv");
    assert_eq!(text(&two).as_str(), "TAdPhL67oBXwwNVvFQuMzNh9yWHmiptf8H");
    let contract = account_of_text("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").unwrap();
    let vectors = [
        (
            tx(TronAction::Transfer { to: two, amount: 1_500_000 }, 0),
            "25c699ee633c24fbd26e6cb0fe67d5937d591c8d245084d0487a15e43028d131",
            203,
        ),
        (
            tx(TronAction::TokenTransfer { contract, to: two, amount: 25_000_000 }, 30_000_000),
            "51d2fa1999b4055d527f61e4d2568a3acdab0a7fcecddd62571e532e8f6293f8",
            281,
        ),
    ];
    for (tx, name, bytes) in vectors {
        let tron = UnsignedTron::new(&params(), KEY, tx).unwrap();
        assert_eq!(tron.id().to_string(), name);
        assert_eq!(tron.bandwidth(), bytes + 64);
        let unsigned = Unsigned::Tron(tron);
        let digest = unsigned.signing_inputs(&params()).unwrap()[0].digest;
        let signed = unsigned.assemble(&params(), &[sign_recoverable(&secret, &digest)]).unwrap();
        assert_eq!(signed.tx.to_string(), name);
        assert_eq!(bandwidth(signed.raw.len()), bytes + 64);
        let (id, effects) = effects_of_signed(&params(), &signed.raw).unwrap();
        assert_eq!((id, &effects), (signed.tx, &unsigned.effects(&params()).unwrap()));
        // tronweb adds 27 to the parity.
        let mut theirs = signed.raw.clone();
        *theirs.last_mut().unwrap() += 27;
        assert_eq!(unsigned.accept(&params(), &theirs), Ok(signed));
        let wrong = unsigned.assemble(&params(), &[sign_recoverable(&person("test key two").0, &digest)]);
        assert!(matches!(wrong, Err(TxError::Signature { .. })));
    }
}

/// Goal: what the network would refuse, or what would burn a fee for nothing, is not built. Method: one wrong thing at a time.
#[test]
fn senseless_transactions_are_refused() {
    let (one, two) = (person("test key one").1, person("test key two").1);
    let transfer = TronAction::Transfer { to: two, amount: 1 };
    let call = TronAction::TokenTransfer { contract: two, to: one, amount: 1 };
    let build = |tx| UnsignedTron::new(&params(), KEY, tx);
    let good = tx(transfer, 0);
    assert!(build(good.clone()).is_ok());
    let ethereum = NetworkParams::mainnet(Network::Ethereum);
    assert!(UnsignedTron::new(&ethereum, KEY, good.clone()).is_err());
    let wrong = [
        tx(transfer, 1),
        tx(call, 0),
        tx(TronAction::Transfer { to: two, amount: 0 }, 0),
        tx(TronAction::Transfer { to: two, amount: u64::MAX }, 0),
        tx(TronAction::Transfer { to: one, amount: 1 }, 0),
        tx(TronAction::TokenTransfer { contract: two, to: one, amount: 0 }, 1),
        tx(TronAction::Delegate { to: two, resource: Resource::Energy, amount: 0 }, 0),
        tx(TronAction::Delegate { to: one, resource: Resource::Energy, amount: 1 }, 0),
        tx(TronAction::Freeze { resource: Resource::Bandwidth, amount: 0 }, 0),
        TronTx { expires_ms: good.made_ms, ..good.clone() },
        TronTx { expires_ms: good.made_ms + LIFE_MS_MAX + 1, ..good },
    ];
    for tx in wrong {
        assert!(build(tx.clone()).is_err(), "{tx:?}");
    }
}

/// Goal: a call is sent with a fifth more energy than estimated, and not at all above its cap. Method: figures of the live network.
#[test]
fn the_fee_limit_has_room_and_an_end() {
    assert_eq!(fee_limit(64_285, 100, u64::MAX), Ok(7_714_200));
    assert_eq!(fee_limit(130_285, 210, u64::MAX), Ok(32_831_820));
    assert!(matches!(fee_limit(64_285, 100, 7_714_199), Err(TxError::Limit { .. })));
    assert!(matches!(fee_limit(1_000_000, 100, u64::MAX), Err(TxError::Limit { .. })));
    assert!(matches!(fee_limit(u64::MAX, u64::MAX, u64::MAX), Err(TxError::Limit { .. })));
    assert!(fee_limit(0, 100, u64::MAX).is_err());
}
