//! A wallet with a seed that everybody knows, which signs what it is given.

use bitcoin::NetworkKind;
use bitcoin::bip32::{Xpriv, Xpub};
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha512};
use bitcoin::key::TapTweak;
use bitcoin::secp256k1::{All, Keypair, Message, Secp256k1};

use crate::{AccountKey, KeyPath, KeyPurpose, NetworkParams, Scheme, Signature, SigningInput};

/// The words that every test network knows. Nothing of value is ever to be theirs.
pub(crate) const WORDS: &str = "test test test test test test test test test test test junk";

/// The wallet.
pub(crate) struct Wallet {
    pub(crate) seed: [u8; 64],
    pub(crate) curve: Secp256k1<All>,
}

impl Wallet {
    pub(crate) fn new() -> Wallet {
        Wallet { seed: seed_of(WORDS), curve: Secp256k1::new() }
    }

    fn kind(params: &NetworkParams) -> NetworkKind {
        match params.bitcoin() {
            Ok(kind) => kind.library().into(),
            Err(_) => NetworkKind::Main,
        }
    }

    pub(crate) fn fingerprint(&self) -> [u8; 4] {
        let master = Xpriv::new_master(NetworkKind::Main, &self.seed).unwrap();
        master.fingerprint(&self.curve).to_bytes()
    }

    pub(crate) fn account(&self, params: &NetworkParams, scheme: Scheme, purpose: KeyPurpose) -> AccountKey {
        let path = KeyPath { purpose, index: 0, change: false }.account_path(params, scheme).unwrap();
        let master = Xpriv::new_master(Wallet::kind(params), &self.seed).unwrap();
        let account = master.derive_priv(&self.curve, &path).unwrap();
        let xpub = Xpub::from_priv(&self.curve, &account).to_string();
        AccountKey::parse(params, scheme, purpose, &xpub).unwrap()
    }

    pub(crate) fn secret(&self, params: &NetworkParams, scheme: Scheme, key: KeyPath) -> [u8; 32] {
        let master = Xpriv::new_master(Wallet::kind(params), &self.seed).unwrap();
        let path = key.path(params, scheme).unwrap();
        master.derive_priv(&self.curve, &path).unwrap().private_key.secret_bytes()
    }

    /// Signs as Bitcoin's own wallet does: with a small r, and without added randomness.
    pub(crate) fn sign(&self, params: &NetworkParams, input: &SigningInput) -> Signature {
        let secret = self.secret(params, input.scheme, input.key);
        let pair = Keypair::from_seckey_slice(&self.curve, &secret).unwrap();
        let message = Message::from_digest(input.digest);
        match input.scheme {
            Scheme::Keccak => sign_recoverable(&secret, &input.digest),
            Scheme::Segwit => Signature::Ecdsa {
                compact: self.curve.sign_ecdsa_low_r(&message, &pair.secret_key()).serialize_compact(),
                public_key: pair.public_key().serialize(),
            },
            Scheme::Taproot => {
                let tweaked = pair.tap_tweak(&self.curve, None).to_keypair();
                Signature::Schnorr { compact: self.curve.sign_schnorr_no_aux_rand(&message, &tweaked).serialize() }
            }
        }
    }

    pub(crate) fn sign_all(&self, params: &NetworkParams, inputs: &[SigningInput]) -> Vec<Signature> {
        inputs.iter().map(|input| self.sign(params, input)).collect()
    }
}

pub(crate) fn sign_recoverable(secret: &[u8; 32], digest: &[u8; 32]) -> Signature {
    let key = k256::ecdsa::SigningKey::from_slice(secret).unwrap();
    let (signature, id) = key.sign_prehash_recoverable(digest).unwrap();
    Signature::Recoverable { compact: signature.to_bytes().into(), odd_y: id.to_byte() }
}

/// BIP-39 without a passphrase: PBKDF2 with HMAC-SHA-512, 2,048 rounds, one block.
fn seed_of(words: &str) -> [u8; 64] {
    let hmac = |data: &[u8]| {
        let mut engine = HmacEngine::<sha512::Hash>::new(words.as_bytes());
        engine.input(data);
        Hmac::<sha512::Hash>::from_engine(engine).to_byte_array()
    };
    let mut last = hmac(b"mnemonic\0\0\0\x01");
    let mut sum = last;
    for _ in 1..2_048 {
        last = hmac(&last);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}
