//! Transactions of Bitcoin on their way to a wallet that signs elsewhere and back: BIP-174.

use ::bitcoin::bip32::{DerivationPath, Fingerprint, KeySource};
use ::bitcoin::{Amount, CompressedPublicKey, Psbt, PublicKey, ScriptBuf, TxOut, XOnlyPublicKey};

use super::unsigned::{UnsignedBitcoin, signature_of, spender};
use crate::{AccountKey, KeyPath, NetworkParams, Scheme, Signature, TxError};

const WHAT: &str = "PSBT";

/// Longest PSBT that is read, in bytes.
pub const PSBT_BYTES_MAX: usize = 1_000_000;

impl UnsignedBitcoin {
    /// The PSBT of a transaction whose keys are of these accounts, below a seed with this fingerprint.
    ///
    /// # Errors
    /// A key is of none of the accounts, or its account gives another address: such a wallet could not sign.
    pub fn to_psbt(
        &self,
        params: &NetworkParams,
        accounts: &[AccountKey],
        fingerprint: [u8; 4],
    ) -> Result<Vec<u8>, TxError> {
        let mut psbt = Psbt::from_unsigned_tx(self.tx().clone()).map_err(|error| TxError::malformed(WHAT, error))?;
        for (input, coins) in psbt.inputs.iter_mut().zip(self.coins()) {
            let script_pubkey = ScriptBuf::from_bytes(coins.script.clone());
            input.witness_utxo = Some(TxOut { value: Amount::from_sat(coins.amount), script_pubkey });
            let (scheme, key, source) = origin(params, accounts, fingerprint, &coins.script, coins.key)?;
            match scheme {
                Scheme::Segwit | Scheme::Keccak => {
                    input.bip32_derivation.insert(key.0, source);
                }
                Scheme::Taproot => {
                    let key = XOnlyPublicKey::from(PublicKey::from(key));
                    input.tap_internal_key = Some(key);
                    input.tap_key_origins.insert(key, (Vec::new(), source));
                }
            }
        }
        for (vout, path) in self.change() {
            let place = usize::try_from(*vout).map_err(|error| TxError::malformed(WHAT, error))?;
            let (Some(output), Some(script)) = (psbt.outputs.get_mut(place), self.tx().output.get(place)) else {
                return Err(TxError::malformed(WHAT, "change is named that is not there"));
            };
            let script = script.script_pubkey.as_bytes();
            let (scheme, key, source) = origin(params, accounts, fingerprint, script, *path)?;
            match scheme {
                Scheme::Segwit | Scheme::Keccak => {
                    output.bip32_derivation.insert(key.0, source);
                }
                Scheme::Taproot => {
                    let key = XOnlyPublicKey::from(PublicKey::from(key));
                    output.tap_internal_key = Some(key);
                    output.tap_key_origins.insert(key, (Vec::new(), source));
                }
            }
        }
        Ok(psbt.serialize())
    }

    /// The signatures in a PSBT of this transaction, whether the wallet finished it or not.
    ///
    /// # Errors
    /// It is another transaction's, or an input has no signature, or more than one.
    pub fn signatures_of_psbt(&self, bytes: &[u8]) -> Result<Vec<Signature>, TxError> {
        if bytes.len() > PSBT_BYTES_MAX {
            let (found, max) = (bytes.len() as u128, PSBT_BYTES_MAX as u128);
            return Err(TxError::Limit { what: "bytes of a PSBT", found, max });
        }
        let psbt = Psbt::deserialize(bytes).map_err(|error| TxError::malformed(WHAT, error))?;
        if psbt.unsigned_tx != *self.tx() {
            return Err(TxError::NotUnderstood("it is another transaction than the one that was to be signed".into()));
        }
        let inputs = psbt.inputs.iter().enumerate();
        inputs
            .map(|(index, input)| of_input(input).map_err(|why| TxError::Signature { index, why: why.into() }))
            .collect()
    }
}

fn of_input(input: &::bitcoin::psbt::Input) -> Result<Signature, &'static str> {
    if let Some(witness) = &input.final_script_witness {
        return signature_of(witness);
    }
    if let Some(signature) = &input.tap_key_sig {
        // Any other kind would be 65 bytes and commit to something else than the usual.
        return match signature.sighash_type {
            ::bitcoin::TapSighashType::Default => Ok(Signature::Schnorr { compact: signature.signature.serialize() }),
            _ => Err("it does not commit to the whole transaction"),
        };
    }
    let mut signatures = input.partial_sigs.iter();
    match (signatures.next(), signatures.next()) {
        (Some((key, signature)), None) => {
            if signature.sighash_type != ::bitcoin::EcdsaSighashType::All {
                return Err("it does not commit to the whole transaction");
            }
            let public_key = CompressedPublicKey::try_from(*key).map_err(|_| "its key is not compressed")?.to_bytes();
            Ok(Signature::Ecdsa { compact: signature.signature.serialize_compact(), public_key })
        }
        (None, _) => Err("there is none"),
        (Some(_), Some(_)) => Err("there is more than one"),
    }
}

/// Where below the seed the key of a script is, as PSBTs say it.
fn origin(
    params: &NetworkParams,
    accounts: &[AccountKey],
    fingerprint: [u8; 4],
    script: &[u8],
    path: KeyPath,
) -> Result<(Scheme, CompressedPublicKey, KeySource), TxError> {
    let (scheme, address) = spender(params, script)?;
    let mut accounts = accounts.iter().filter(|account| account.scheme() == scheme);
    let account = accounts
        .find(|account| account.purpose() == path.purpose)
        .ok_or_else(|| TxError::KeyPath(format!("there is no account of {:?}, {scheme:?}", path.purpose)))?;
    if account.address(path.index, path.change)? != address {
        return Err(TxError::KeyPath(format!("{address} is not of the key that is named for it")));
    }
    let key = CompressedPublicKey::from_slice(&account.key(path.index, path.change)?)
        .map_err(|error| TxError::KeyPath(error.to_string()))?;
    let path: DerivationPath = path.path(params, scheme)?;
    Ok((scheme, key, (Fingerprint::from(fingerprint), path)))
}
