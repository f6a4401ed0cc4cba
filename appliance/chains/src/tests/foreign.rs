//! Transactions that are sound and yet never built here: each is refused, whoever signed it.

use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Address, TxKind, U256};
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxOut};
use exchequer_domain::{BlockHash, Network};
use k256::ecdsa::SigningKey;
use sha2::{Digest, Sha256};

use super::bitcoin_drafts::Purse;
use super::evm_alloy::finish;
use super::keys::sign_recoverable;
use crate::bitcoin::{Draft, UnsignedBitcoin, build};
use crate::evm::{account_of_point, effects_of_signed, read_transfer_data, transfer_data};
use crate::tron::{RefBlock, TronAction, TronTx, UnsignedTron};
use crate::{KeyPath, KeyPurpose, NetworkParams, Scheme, Signature, TxError, Unsigned, tron};

const SECRET: [u8; 32] = [7; 32];

/// The order of the curve's group, whose second half a signature's s is not to be in.
const CURVE_ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn signer() -> SigningKey {
    SigningKey::from_slice(&SECRET).unwrap()
}

fn dynamic() -> TxEip1559 {
    TxEip1559 {
        chain_id: 1,
        nonce: 3,
        gas_limit: 90_000,
        max_fee_per_gas: 20,
        max_priority_fee_per_gas: 2,
        to: TxKind::Call(Address::from([5; 20])),
        value: U256::from(9),
        access_list: Default::default(),
        input: Default::default(),
    }
}

/// Goal: what an EVM transaction may do beyond paying is refused. Method: sound transactions by another library, each with one thing
/// that we never do.
#[test]
fn evm_transactions_of_others_are_refused() {
    let params = NetworkParams::mainnet(Network::Ethereum);
    let read = |tx: TxEip1559| effects_of_signed(&params, &finish(tx, &signer()).1);
    assert!(read(dynamic()).is_ok());
    let data = transfer_data(&[6; 20], 4);
    let call = |input: Vec<u8>| TxEip1559 { value: U256::ZERO, input: input.into(), ..dynamic() };
    assert!(read(call(data.clone())).is_ok());
    let mut approve = data.clone();
    approve[..4].copy_from_slice(&[0x09, 0x5e, 0xa7, 0xb3]);
    let mut high = data.clone();
    high[10] = 1;
    let mut much = data.clone();
    much[40] = 1;
    let mut access_list = dynamic().access_list;
    access_list.0.push(Default::default());
    let refused = [
        TxEip1559 { to: TxKind::Create, ..dynamic() },
        TxEip1559 { access_list, ..dynamic() },
        TxEip1559 { value: U256::from(1), ..call(data.clone()) },
        TxEip1559 { value: U256::ZERO, ..dynamic() },
        TxEip1559 { max_priority_fee_per_gas: 21, ..dynamic() },
        TxEip1559 { value: U256::from(1) << 128, ..dynamic() },
        TxEip1559 { max_fee_per_gas: u128::MAX, ..dynamic() },
        TxEip1559 { chain_id: 137, ..dynamic() },
        call(approve.clone()),
        call(high.clone()),
        call(much.clone()),
        call([&data[..], &[0]].concat()),
        call(data[..67].to_vec()),
        call(vec![1]),
        call(transfer_data(&[6; 20], 0)),
    ];
    for tx in refused {
        assert!(read(tx.clone()).is_err(), "{tx:?}");
    }
    for call in [&approve, &high, &much, &[&data[..], &[0]].concat(), &data[..67].to_vec()] {
        assert!(read_transfer_data(call).is_err(), "{call:?}");
    }
    assert!(matches!(read_transfer_data(&much), Err(TxError::Amount(_))));
    // Before EIP-155 a transaction was for every chain.
    let legacy = |chain_id| TxLegacy {
        chain_id,
        nonce: 3,
        gas_price: 20,
        gas_limit: 30_000,
        to: TxKind::Call(Address::from([5; 20])),
        value: U256::from(9),
        input: Default::default(),
    };
    assert!(effects_of_signed(&params, &finish(legacy(Some(1)), &signer()).1).is_ok());
    assert!(effects_of_signed(&params, &finish(legacy(None), &signer()).1).is_err());
}

/// The same signature once more: n − s with the other parity is by the same key.
fn mirrored(signature: &Signature) -> Signature {
    let Signature::Recoverable { compact, odd_y } = signature else { panic!("of Bitcoin") };
    let order = U256::from_str_radix(CURVE_ORDER, 16).unwrap();
    let s = order - U256::from_be_slice(&compact[32..]);
    let mut other = *compact;
    other[32..].copy_from_slice(&s.to_be_bytes::<32>());
    Signature::Recoverable { compact: other, odd_y: 1 - odd_y }
}

fn tron_tx() -> TronTx {
    let ref_block = RefBlock::of(&BlockHash([9; 32]));
    TronTx {
        owner: account_of_point(&signer().verifying_key().into()),
        action: TronAction::Transfer { to: [5; 20], amount: 9 },
        ref_block,
        expires_ms: 2_000,
        made_ms: 1_000,
        fee_limit: 0,
    }
}

/// Signs bytes as TRON does, whatever they say.
fn tron_signed(raw_data: &[u8]) -> Vec<u8> {
    let digest: [u8; 32] = Sha256::digest(raw_data).into();
    let Signature::Recoverable { compact, odd_y } = sign_recoverable(&SECRET, &digest) else { panic!("of Bitcoin") };
    let length = u8::try_from(raw_data.len()).unwrap();
    // A length beyond 127 takes two bytes.
    let length = if length < 128 { vec![length] } else { vec![length, 1] };
    [&[0x0a][..], &length, raw_data, &[0x12, 65], &compact, &[odd_y]].concat()
}

/// Goal: what a TRON transaction may do beyond what we build is refused, though it is signed by its owner. Method: fields are put
/// into sound bytes, at the end, where the encoding allows them; and a signature in its other form.
#[test]
fn tron_transactions_of_others_are_refused() {
    let params = NetworkParams::mainnet(Network::Tron);
    let key = KeyPath { purpose: KeyPurpose::Hot, index: 0, change: false };
    let sound = UnsignedTron::new(&params, key, tron_tx()).unwrap();
    let read = |raw_data: &[u8]| tron::effects_of_signed(&params, &tron_signed(raw_data));
    assert!(read(sound.raw_data()).is_ok());
    // After the reference (4 and 10 bytes) and the expiry (3) comes the contract, with its length.
    let Some((&[0x5a, length], _)) = sound.raw_data()[17..].split_first_chunk::<2>() else { panic!("it is elsewhere") };
    let second = sound.raw_data()[17..19 + usize::from(length)].to_vec();
    let refused: [(&str, Vec<u8>); 5] = [
        ("memo", vec![0x52, 1, b'x']),
        ("number of the block", vec![0x18, 1]),
        ("scripts", vec![0x62, 1, 0]),
        ("a field without a name", vec![0xa0, 6, 1]),
        ("a second contract", second),
    ];
    for (what, field) in refused {
        assert!(read(&[sound.raw_data(), &field].concat()).is_err(), "{what}");
    }
    let raw = tron_signed(sound.raw_data());
    assert!(tron::effects_of_signed(&params, &[&raw[..], &[0x2a, 0]].concat()).is_err(), "a result");
    assert!(
        tron::effects_of_signed(&params, &[&raw[..], &raw[raw.len() - 67..]].concat()).is_err(),
        "a second signature"
    );
    let unsigned = Unsigned::Tron(sound);
    let digest = unsigned.signing_inputs(&params).unwrap()[0].digest;
    let signature = sign_recoverable(&SECRET, &digest);
    assert!(unsigned.assemble(&params, std::slice::from_ref(&signature)).is_ok());
    let other = unsigned.assemble(&params, &[mirrored(&signature)]);
    assert!(matches!(other, Err(TxError::Signature { .. })), "{other:?}");
}

/// Goal: what a Bitcoin transaction may be beyond what we build is refused. Method: one thing changed in a sound one.
#[test]
fn bitcoin_transactions_of_others_are_refused() {
    let purse = Purse::new(NetworkParams::test(Network::Bitcoin));
    let must = vec![purse.coin(0, 70_000, Scheme::Segwit), purse.coin(1, 80_000, Scheme::Segwit)];
    let sound = build(&purse.params, &Draft { must, ..purse.draft(&[90_000], vec![], 2_000) }).unwrap();
    let new = |tx: Transaction, change: Vec<(u32, KeyPath)>| {
        UnsignedBitcoin::new(&purse.params, tx, sound.coins().to_vec(), change)
    };
    let back = sound.change().to_vec();
    assert_eq!(new(sound.tx().clone(), back.clone()), Ok(sound.clone()));
    type Spoil = fn(&mut Transaction);
    let spoils: [(&str, Spoil); 10] = [
        ("version", |tx| tx.version = Version::ONE),
        ("a time to wait for", |tx| tx.lock_time = LockTime::from_consensus(1_700_000_000)),
        ("no replacement", |tx| tx.input[0].sequence = Sequence::MAX),
        ("a relative lock", |tx| tx.input[0].sequence = Sequence::from_height(3)),
        ("a script", |tx| tx.input[1].script_sig = ScriptBuf::from_bytes(vec![0x51])),
        ("one coin twice", |tx| tx.input[1].previous_output = tx.input[0].previous_output),
        ("an input more", |tx| tx.input.push(tx.input[0].clone())),
        ("data", |tx| {
            let script_pubkey = ScriptBuf::from_bytes(vec![0x6a, 1, 1]);
            tx.output.push(TxOut { value: Amount::ZERO, script_pubkey });
        }),
        ("dust", |tx| tx.output[0].value = Amount::from_sat(329)),
        ("more than there is", |tx| tx.output[0].value = Amount::from_sat(150_001)),
    ];
    for (what, spoil) in spoils {
        let mut tx = sound.tx().clone();
        spoil(&mut tx);
        assert!(new(tx, back.clone()).is_err(), "{what}");
    }
    let (vout, key) = back[0];
    for change in [vec![(vout + 1, key)], vec![(vout, key), (vout, key)], vec![(vout, key), (0, key)]] {
        assert!(new(sound.tx().clone(), change.clone()).is_err(), "{change:?}");
    }
    let live = NetworkParams::mainnet(Network::Bitcoin);
    // A script has no chain in it: an address is of the chain that one asks for. Whoever judges compares addresses.
    let here = Unsigned::Bitcoin(sound.clone()).effects(&purse.params).unwrap();
    let there = Unsigned::Bitcoin(sound).effects(&live).unwrap();
    assert_ne!(here, there);
}
