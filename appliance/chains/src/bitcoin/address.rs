//! Bitcoin's addresses and the scripts that they stand for. Five kinds have rules and are known: P2PKH, P2SH, P2WPKH, P2WSH and
//! P2TR.

use std::str::FromStr;

use ::bitcoin::address::{AddressData, NetworkUnchecked, ParseError};
use ::bitcoin::{Address, AddressType, CompressedPublicKey, Script, XOnlyPublicKey};
use exchequer_domain::ChainAddress;

use crate::derive::curve;
use crate::{AddressError, NetworkParams, Scheme, TxError};

const NAME: &str = "Bitcoin";

/// Reads an address of the chain that `params` names.
pub(crate) fn parse(params: &NetworkParams, text: &str) -> Result<ChainAddress, AddressError> {
    canonical(&checked(params, text)?)
}

/// The script that pays to an address.
///
/// # Errors
/// It is no address of the chain that `params` names.
pub fn script_of(params: &NetworkParams, address: &ChainAddress) -> Result<Vec<u8>, AddressError> {
    Ok(checked(params, address.as_str())?.script_pubkey().into_bytes())
}

/// The least that nodes relay to an address, in satoshi.
///
/// # Errors
/// It is no address of the chain that `params` names.
pub fn dust(params: &NetworkParams, address: &ChainAddress) -> Result<u64, AddressError> {
    Ok(checked(params, address.as_str())?.script_pubkey().minimal_non_dust().to_sat())
}

/// The address that a script pays to. None where no address stands for it: data, bare keys, what has no rules yet.
#[must_use]
pub fn address_of_script(params: &NetworkParams, script: &[u8]) -> Option<ChainAddress> {
    let kind = params.bitcoin().ok()?.library();
    let address = Address::from_script(Script::from_bytes(script), kind).ok()?;
    understood(&address).ok()?;
    canonical(&address).ok()
}

/// Whether nobody can have the key: a hash or key of zeros only, or a taproot output that is no point of the curve.
pub(crate) fn is_burn(params: &NetworkParams, text: &str) -> Result<bool, AddressError> {
    let zeros = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    Ok(match checked(params, text)?.to_address_data() {
        AddressData::P2pkh { pubkey_hash } => zeros(pubkey_hash.as_ref()),
        AddressData::P2sh { script_hash } => zeros(script_hash.as_ref()),
        AddressData::Segwit { witness_program } => {
            let program = witness_program.program().as_bytes();
            zeros(program) || (witness_program.is_p2tr() && XOnlyPublicKey::from_slice(program).is_err())
        }
        // The library may learn of kinds that this does not know: they are not paid to.
        _ => true,
    })
}

/// The address of a compressed public key.
pub(crate) fn address_of_key(params: &NetworkParams, scheme: Scheme, key: &[u8; 33]) -> Result<ChainAddress, TxError> {
    let kind = params.bitcoin()?.library();
    let key = CompressedPublicKey::from_slice(key)
        .map_err(|error| TxError::KeyPath(format!("it is no public key: {error}")))?;
    let address = match scheme {
        Scheme::Segwit => Address::p2wpkh(&key, kind),
        Scheme::Taproot => Address::p2tr(curve(), XOnlyPublicKey::from(key.0), None, kind),
        Scheme::Keccak => return Err(TxError::KeyPath("Bitcoin knows no Keccak addresses".into())),
    };
    Ok(canonical(&address)?)
}

fn checked(params: &NetworkParams, text: &str) -> Result<Address, AddressError> {
    let form = |why: &str| AddressError::Form { network: NAME, why: why.into() };
    let kind = params.bitcoin().map_err(|_| form("the network is not Bitcoin"))?;
    let unchecked = Address::<NetworkUnchecked>::from_str(text).map_err(|error| of_library(text, &error))?;
    let address = unchecked.require_network(kind.library()).map_err(|_| AddressError::OtherChain {
        wanted: name(kind.library()),
        found: "another chain of Bitcoin".into(),
    })?;
    understood(&address)?;
    Ok(address)
}

/// Only what has rules: an output of another kind can be spent by anybody once it is seen.
fn understood(address: &Address) -> Result<(), AddressError> {
    match address.address_type() {
        Some(AddressType::P2pkh | AddressType::P2sh | AddressType::P2wpkh | AddressType::P2wsh | AddressType::P2tr) => {
            Ok(())
        }
        Some(_) | None => {
            let version = address.witness_program().map_or(0, |program| program.version().to_num());
            Err(AddressError::WitnessVersion { version })
        }
    }
}

fn canonical(address: &Address) -> Result<ChainAddress, AddressError> {
    ChainAddress::canonical(&address.to_string()).map_err(|_| AddressError::Length)
}

const fn name(kind: ::bitcoin::Network) -> &'static str {
    match kind {
        ::bitcoin::Network::Bitcoin => "Bitcoin's live chain",
        ::bitcoin::Network::Regtest => "a chain of one's own (regtest)",
        _ => "Bitcoin's test network",
    }
}

/// The library's reason in words for whoever typed the address. It tries base58 last, so that its reason for a mistyped
/// segwit address is about base58.
fn of_library(text: &str, error: &ParseError) -> AddressError {
    let form = |why: String| AddressError::Form { network: NAME, why };
    let lower = text.to_ascii_lowercase();
    if ["bc1", "tb1", "bcrt1"].iter().any(|start| lower.starts_with(start)) {
        if text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase()) {
            return form("it mixes capital and small letters".into());
        }
        return AddressError::Checksum { network: NAME };
    }
    match error {
        ParseError::Base58(::bitcoin::base58::Error::IncorrectChecksum(_)) => AddressError::Checksum { network: NAME },
        ParseError::UnknownHrp(_) => form("it is of another network that uses the same form".into()),
        ParseError::InvalidLegacyPrefix(_) => form("its first byte is another network's".into()),
        _ => form("addresses begin with bc1, 1 or 3 (on test networks tb1, bcrt1, m, n or 2)".into()),
    }
}
