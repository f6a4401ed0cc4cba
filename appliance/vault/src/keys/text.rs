//! Addresses as text, by another way than `chains` goes, so that a fault of one is noticed by the other.

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use exchequer_chains::{NetworkParams, Parameters, Scheme};
use k256::elliptic_curve::sec1::ToEncodedPoint as _;
use sha3::{Digest as _, Keccak256};

/// The address of a compressed public key; none where the scheme is not the network's.
pub(crate) fn address(
    params: &NetworkParams,
    scheme: Scheme,
    public: &[u8; 33],
    curve: &Secp256k1<VerifyOnly>,
) -> Option<String> {
    match (params.parameters(), scheme) {
        (Parameters::Bitcoin(kind), Scheme::Segwit) => {
            let key = bitcoin::CompressedPublicKey::from_slice(public).ok()?;
            Some(bitcoin::Address::p2wpkh(&key, kind.library()).to_string())
        }
        (Parameters::Bitcoin(kind), Scheme::Taproot) => {
            let key = bitcoin::XOnlyPublicKey::from_slice(&public[1..]).ok()?;
            Some(bitcoin::Address::p2tr(curve, key, None, kind.library()).to_string())
        }
        (Parameters::Evm { .. }, Scheme::Keccak) => Some(mixed_case(&account(public)?)),
        (Parameters::Tron { prefix }, Scheme::Keccak) => {
            let mut bytes = vec![prefix];
            bytes.extend(account(public)?);
            Some(bitcoin::base58::encode_check(&bytes))
        }
        (Parameters::Bitcoin(_), Scheme::Keccak)
        | (Parameters::Evm { .. } | Parameters::Tron { .. }, Scheme::Segwit | Scheme::Taproot) => None,
    }
}

/// The last 20 bytes of the Keccak hash of both coordinates.
fn account(public: &[u8; 33]) -> Option<[u8; 20]> {
    let key = k256::PublicKey::from_sec1_bytes(public).ok()?;
    let point = key.to_encoded_point(false);
    let hash = Keccak256::digest(&point.as_bytes()[1..]);
    hash[12..].try_into().ok()
}

/// EIP-55: a letter is large where the hash of the small text has at least 8.
fn mixed_case(account: &[u8; 20]) -> String {
    let small = hex::encode(account);
    let hash = hex::encode(Keccak256::digest(small.as_bytes()));
    let letters = small.chars().zip(hash.chars()).map(
        |(letter, weight)| {
            if weight >= '8' { letter.to_ascii_uppercase() } else { letter }
        },
    );
    format!("0x{}", letters.collect::<String>())
}
