//! Cold wallets: only watched here. What they sign goes out as a file for people and machines, and comes back signed.
//!
//! Invariants: what goes out is of keys of the cold purpose alone; what comes back is broadcast only where its bytes do exactly
//! what went out, signed by the addresses that are spent from.

use bitcoin::base64::Engine as _;
use bitcoin::base64::engine::general_purpose::STANDARD;
use exchequer_chains::{AccountKey, Effects, KeyPurpose, NetworkParams, Signed, TxError, Unsigned, evm, tron};
use exchequer_domain::Network;
use serde::{Deserialize, Serialize};

/// The version of the file.
pub const FORMAT_VERSION: u16 = 1;
/// The longest signed text that is read, in bytes: that of the longest PSBT.
pub const SIGNED_BYTES_MAX: usize = 4 << 20;

/// A transaction for a cold wallet, as a JSON file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdExport {
    /// [`FORMAT_VERSION`].
    pub format: u16,
    /// Where.
    pub network: Network,
    /// What it will do: for the people who sign. A wallet shows the same, or it is not signed.
    pub description: Effects,
    /// Bitcoin: the PSBT (BIP-174) in base64.
    pub psbt: Option<String>,
    /// EVM and TRON: the bytes whose hash is signed (Keccak-256 and SHA-256), in hexadecimal.
    pub signing_bytes: Option<String>,
    /// The digests to sign, in hexadecimal, in order.
    pub digests: Vec<String>,
    /// The transaction as it is kept here, in hexadecimal: it must come back with what is signed.
    pub unsigned: String,
}

/// What comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColdSigned<'a> {
    /// A PSBT in base64, finished or not.
    Psbt(&'a str),
    /// A signed transaction in hexadecimal.
    Raw(&'a str),
}

/// Why nothing goes out, or what came back is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColdError {
    /// A key of the exchange's own seed.
    #[error("a key of purpose {0:?} is to sign: that one is here, and no cold wallet's")]
    Purpose(KeyPurpose),
    /// The transaction.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// The file or the text does not read.
    #[error("{0} does not read")]
    Text(&'static str),
    /// A file of another program.
    #[error("the file is of format {0}; this program reads format 1")]
    Format(u16),
    /// It was changed on its way.
    #[error("what came back is not what went out: its {0} differs; it is not broadcast")]
    Differs(&'static str),
}

/// Writes a transaction for a cold wallet. `accounts` and `fingerprint` are the cold seed's; Bitcoin's wallets look for them.
///
/// # Errors
/// A key is not a cold one, or of none of the accounts.
pub fn export(
    params: &NetworkParams,
    unsigned: &Unsigned,
    accounts: &[AccountKey],
    fingerprint: [u8; 4],
) -> Result<ColdExport, ColdError> {
    let inputs = unsigned.signing_inputs(params)?;
    if let Some(input) = inputs.iter().find(|input| input.key.purpose != KeyPurpose::Cold) {
        return Err(ColdError::Purpose(input.key.purpose));
    }
    let (psbt, signing_bytes) = match unsigned {
        Unsigned::Bitcoin(unsigned) => (Some(STANDARD.encode(unsigned.to_psbt(params, accounts, fingerprint)?)), None),
        Unsigned::Evm(unsigned) => (None, Some(hex::encode(unsigned.preimage()))),
        Unsigned::Tron(unsigned) => (None, Some(hex::encode(unsigned.raw_data()))),
    };
    Ok(ColdExport {
        format: FORMAT_VERSION,
        network: unsigned.network(),
        description: unsigned.effects(params)?,
        psbt,
        signing_bytes,
        digests: inputs.iter().map(|input| hex::encode(input.digest)).collect(),
        unsigned: hex::encode(unsigned.encode()),
    })
}

/// Takes back what a cold wallet signed, and gives what is to be broadcast.
///
/// # Errors
/// It is another transaction, does something else, lacks a signature, or is signed by another key.
pub fn import(params: &NetworkParams, exported: &ColdExport, signed: ColdSigned<'_>) -> Result<Signed, ColdError> {
    if exported.format != FORMAT_VERSION {
        return Err(ColdError::Format(exported.format));
    }
    let bytes = hex::decode(&exported.unsigned).map_err(|_| ColdError::Text("the exported transaction"))?;
    let unsigned = Unsigned::decode(&bytes)?;
    let effects = unsigned.effects(params)?;
    if effects != exported.description || exported.network != unsigned.network() {
        return Err(ColdError::Differs("description"));
    }
    let signed = match signed {
        ColdSigned::Psbt(text) | ColdSigned::Raw(text) if text.len() > SIGNED_BYTES_MAX => {
            return Err(ColdError::Text("a text of so many bytes"));
        }
        ColdSigned::Psbt(text) => {
            let psbt = STANDARD.decode(text.trim()).map_err(|_| ColdError::Text("the PSBT"))?;
            let Unsigned::Bitcoin(bitcoin) = &unsigned else { return Err(ColdError::Differs("network")) };
            unsigned.assemble(params, &bitcoin.signatures_of_psbt(&psbt)?)?
        }
        ColdSigned::Raw(text) => {
            let text = text.trim();
            let raw = hex::decode(text.strip_prefix("0x").unwrap_or(text));
            unsigned.accept(params, &raw.map_err(|_| ColdError::Text("the signed transaction"))?)?
        }
    };
    // Once more, from the bytes that are broadcast: they do what went out.
    let (tx, does) = match &unsigned {
        Unsigned::Bitcoin(bitcoin) => {
            let (tx, does) = exchequer_chains::bitcoin::effects_of_signed(params, &signed.raw, bitcoin.coins())?;
            // Signed bytes do not say which output is change; all else is compared.
            let plain = Effects {
                kind: does.kind.clone(),
                payments: does.payments.clone(),
                change: Vec::new(),
                ..effects.clone()
            };
            (tx, if does == plain { effects.clone() } else { does })
        }
        Unsigned::Evm(_) => evm::effects_of_signed(params, &signed.raw)?,
        Unsigned::Tron(_) => tron::effects_of_signed(params, &signed.raw)?,
    };
    if does != effects || tx != signed.tx {
        return Err(ColdError::Differs("effects"));
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use bitcoin::secp256k1::Secp256k1;
    use bitcoin::{Amount, OutPoint, Psbt, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
    use exchequer_chains::bitcoin::{Coins, UnsignedBitcoin, script_of};
    use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, UnsignedEvm, account_of_text};
    use exchequer_chains::{KeyPath, Scheme, Signature};
    use k256::ecdsa::SigningKey;

    use super::*;

    const COLD: KeyPath = KeyPath { purpose: KeyPurpose::Cold, index: 0, change: false };
    const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

    fn master() -> bitcoin::bip32::Xpriv {
        let seed = bip39::Mnemonic::parse(WORDS).unwrap().to_seed("");
        bitcoin::bip32::Xpriv::new_master(bitcoin::NetworkKind::Main, &seed).unwrap()
    }

    fn account(params: &NetworkParams, scheme: Scheme) -> AccountKey {
        let secp = Secp256k1::new();
        let path = COLD.account_path(params, scheme).unwrap();
        let account = master().derive_priv(&secp, &path).unwrap();
        let public = bitcoin::bip32::Xpub::from_priv(&secp, &account);
        AccountKey::new(params, scheme, KeyPurpose::Cold, public).unwrap()
    }

    /// Goal: a PSBT goes out, an independent wallet signs it with the cold seed, and it comes back as what it was. Method: the
    /// Bitcoin library as the wallet; then another transaction, no signature, and a description that was changed.
    #[test]
    fn a_psbt_goes_out_and_comes_back() {
        let params = NetworkParams::mainnet(Network::Bitcoin);
        let secp = Secp256k1::new();
        let cold = account(&params, Scheme::Segwit);
        let script = script_of(&params, &cold.address(0, false).unwrap()).unwrap();
        let make = |paid| {
            use bitcoin::hashes::Hash as _;
            let input = TxIn {
                previous_output: OutPoint { txid: Txid::from_byte_array([5; 32]), vout: 1 },
                script_sig: ScriptBuf::new(),
                sequence: Sequence::ENABLE_RBF_NO_LOCKTIME,
                witness: Witness::new(),
            };
            let output = |amount| TxOut {
                value: Amount::from_sat(amount),
                script_pubkey: ScriptBuf::from_bytes(script.to_vec()),
            };
            let tx = Transaction {
                version: bitcoin::transaction::Version::TWO,
                lock_time: bitcoin::absolute::LockTime::ZERO,
                input: vec![input],
                output: vec![output(paid), output(90_000 - paid)],
            };
            let coins = vec![Coins { amount: 100_000, script: script.to_vec(), key: COLD }];
            Unsigned::Bitcoin(UnsignedBitcoin::new(&params, tx, coins, vec![(1, COLD)]).unwrap())
        };
        let fingerprint = master().fingerprint(&secp).to_bytes();
        let sign = |exported: &ColdExport| {
            let bytes = STANDARD.decode(exported.psbt.as_ref().unwrap()).unwrap();
            let mut psbt = Psbt::deserialize(&bytes).unwrap();
            psbt.sign(&master(), &secp).unwrap();
            STANDARD.encode(psbt.serialize())
        };
        let (unsigned, other) = (make(40_000), make(50_000));
        let exported = export(&params, &unsigned, std::slice::from_ref(&cold), fingerprint).unwrap();
        let elsewhere = export(&params, &other, &[cold], fingerprint).unwrap();
        let json = serde_json::to_string(&exported).unwrap();
        let exported: ColdExport = serde_json::from_str(&json).unwrap();
        let signed = import(&params, &exported, ColdSigned::Psbt(&sign(&exported))).unwrap();
        assert_eq!(import(&params, &exported, ColdSigned::Raw(&hex::encode(&signed.raw))), Ok(signed));
        assert!(import(&params, &exported, ColdSigned::Psbt(&sign(&elsewhere))).is_err());
        assert!(import(&params, &exported, ColdSigned::Psbt(exported.psbt.as_ref().unwrap())).is_err());
        assert!(import(&params, &exported, ColdSigned::Psbt("%%%")).is_err());
        let mut changed = exported.clone();
        changed.description = elsewhere.description;
        assert_eq!(
            import(&params, &changed, ColdSigned::Psbt(&sign(&exported))),
            Err(ColdError::Differs("description"))
        );
        assert!(import(&params, &ColdExport { format: 2, ..exported }, ColdSigned::Raw("")).is_err());
    }

    /// Goal: as above for the EVM family: raw bytes out, a signed transaction in, by the right key alone; and keys of the
    /// exchange's own purposes go to no cold wallet.
    #[test]
    fn an_evm_transaction_goes_out_and_comes_back() {
        let params = NetworkParams::mainnet(Network::Ethereum);
        let secp = Secp256k1::new();
        let cold = account(&params, Scheme::Keccak);
        let from = account_of_text(cold.address(0, false).unwrap().as_str()).unwrap();
        let to = account_of_text("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720").unwrap();
        let make = |key, amount| {
            let fees = EvmFees::Dynamic { max_fee: 10, tip: 1 };
            let tx = EvmTx { chain_id: 1, nonce: 3, fees, gas: 21_000, action: EvmAction::Transfer { to, amount } };
            Unsigned::Evm(UnsignedEvm::new(&params, key, from, tx).unwrap())
        };
        let sign = |exported: &ColdExport, index| {
            let key = KeyPath { index, ..COLD }.path(&params, Scheme::Keccak).unwrap();
            let key = master().derive_priv(&secp, &key).unwrap().private_key.secret_bytes();
            let key = SigningKey::from_slice(&key).unwrap();
            let digest = hex::decode(&exported.digests[0]).unwrap();
            let (signature, recovery) = key.sign_prehash_recoverable(&digest).unwrap();
            Signature::Recoverable { compact: signature.to_bytes().into(), odd_y: u8::from(recovery.is_y_odd()) }
        };
        let (unsigned, other) = (make(COLD, 5), make(COLD, 6));
        let exported = export(&params, &unsigned, &[], [0; 4]).unwrap();
        let signed = unsigned.assemble(&params, &[sign(&exported, 0)]).unwrap();
        let text = format!("0x{}\n", hex::encode(&signed.raw));
        assert_eq!(import(&params, &exported, ColdSigned::Raw(&text)), Ok(signed));
        let more = export(&params, &other, &[], [0; 4]).unwrap();
        let more = other.assemble(&params, &[sign(&more, 0)]).unwrap();
        assert!(import(&params, &exported, ColdSigned::Raw(&hex::encode(more.raw))).is_err());
        assert!(unsigned.assemble(&params, &[sign(&exported, 1)]).is_err());
        let hot = make(KeyPath { purpose: KeyPurpose::Hot, ..COLD }, 5);
        assert_eq!(export(&params, &hot, &[], [0; 4]), Err(ColdError::Purpose(KeyPurpose::Hot)));
    }
}
