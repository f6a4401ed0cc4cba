//! The bytes of EVM transactions against another library's.

use alloy_consensus::{SignableTransaction, TxEip1559, TxLegacy};
use alloy_primitives::{Address, Signature as AlloySignature, TxKind, U256};
use exchequer_domain::{Network, TxId};
use k256::ecdsa::SigningKey;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::keys::sign_recoverable;
use super::random::seed;
use crate::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_point, effects_of_signed};
use crate::{KeyPath, KeyPurpose, NetworkParams, Parameters, Unsigned};

/// Transactions that are compared.
const COMPARED: u32 = 2_000;

/// A number of any length, so that short and long encodings are alike often.
fn number(rng: &mut StdRng, bits_max: u32) -> u128 {
    let bits = rng.random_range(0..=bits_max);
    if bits == 0 { 0 } else { rng.random::<u128>() >> (128 - bits) }
}

fn alloy(tx: &EvmTx, key: &SigningKey) -> (Vec<u8>, Vec<u8>, [u8; 32]) {
    let (to, value, input) = match tx.action {
        EvmAction::Transfer { to, amount } => (to, amount, Vec::new()),
        EvmAction::TokenTransfer { contract, to, amount } => {
            let mut data = hex::decode("a9059cbb").unwrap();
            data.extend(Address::from(to).into_word());
            data.extend(U256::from(amount).to_be_bytes::<32>());
            (contract, 0, data)
        }
    };
    let (to, value) = (TxKind::Call(Address::from(to)), U256::from(value));
    match tx.fees {
        EvmFees::Legacy { gas_price } => {
            let (chain_id, nonce, gas_limit) = (Some(tx.chain_id), tx.nonce, tx.gas);
            finish(TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input: input.into() }, key)
        }
        EvmFees::Dynamic { max_fee, tip } => finish(
            TxEip1559 {
                chain_id: tx.chain_id,
                nonce: tx.nonce,
                gas_limit: tx.gas,
                max_fee_per_gas: max_fee,
                max_priority_fee_per_gas: tip,
                to,
                value,
                access_list: Default::default(),
                input: input.into(),
            },
            key,
        ),
    }
}

pub(super) fn finish<T>(tx: T, key: &SigningKey) -> (Vec<u8>, Vec<u8>, [u8; 32])
where
    T: SignableTransaction<AlloySignature> + alloy_consensus::transaction::RlpEcdsaEncodableTx,
{
    let mut preimage = Vec::new();
    tx.encode_for_signing(&mut preimage);
    let (signature, id) = key.sign_prehash_recoverable(tx.signature_hash().as_slice()).unwrap();
    let signature = AlloySignature::from((signature, id));
    let signed = tx.into_signed(signature);
    let mut raw = Vec::new();
    signed.eip2718_encode(&mut raw);
    (preimage, raw, signed.hash().0)
}

/// Goal: what is signed and what is sent is byte for byte what another library makes of the same transaction, and it reads back as
/// that transaction of its sender. Method: random transactions of both kinds, with numbers of every length.
#[test]
fn bytes_are_those_of_another_library() {
    let seed = seed();
    let mut rng = StdRng::seed_from_u64(seed);
    for case in 0..COMPARED {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let Ok(key) = SigningKey::from_slice(&secret) else { continue };
        let from = account_of_point(&key.verifying_key().into());
        let (to, contract): ([u8; 20], [u8; 20]) = (rng.random(), rng.random());
        let amount = number(&mut rng, 128).max(1);
        let action = match case % 4 {
            0 | 1 => EvmAction::Transfer { to, amount },
            2 => EvmAction::TokenTransfer { contract, to, amount },
            _ => EvmAction::Transfer { to: from, amount: 0 },
        };
        let cap = number(&mut rng, 64);
        let fees = match rng.random_range(0..2) {
            0 => EvmFees::Legacy { gas_price: cap },
            _ => EvmFees::Dynamic { max_fee: cap, tip: rng.random_range(0..=cap) },
        };
        let chain_id = u64::try_from(number(&mut rng, 62)).unwrap().max(1);
        let (nonce, gas) = (number(&mut rng, 64) as u64, (number(&mut rng, 63) as u64).max(1));
        let tx = EvmTx { chain_id, nonce, fees, gas, action };
        let (preimage, raw, hash) = alloy(&tx, &key);
        let params = NetworkParams::custom(Network::Polygon, Parameters::Evm { chain_id }).unwrap();
        let path = KeyPath { purpose: KeyPurpose::Hot, index: 3, change: false };
        let evm = UnsignedEvm::new(&params, path, from, tx).unwrap();
        assert_eq!(hex::encode(evm.preimage()), hex::encode(&preimage), "seed {seed}, case {case}");
        let unsigned = Unsigned::Evm(evm);
        let digest = unsigned.signing_inputs(&params).unwrap()[0].digest;
        let signed = unsigned.assemble(&params, &[sign_recoverable(&secret, &digest)]).unwrap();
        assert_eq!(hex::encode(&signed.raw), hex::encode(&raw), "seed {seed}, case {case}");
        assert_eq!(signed.tx, TxId(hash));
        let read = effects_of_signed(&params, &raw).unwrap();
        assert_eq!(read, (TxId(hash), unsigned.effects(&params).unwrap()), "seed {seed}, case {case}");
        assert_eq!(unsigned.accept(&params, &raw), Ok(signed));
    }
}
