//! Which key signs what: the path of a key below the seed, the digest it is asked to sign, and what it answers.
//!
//! Invariants:
//! - One account of the seed for each purpose, so that a child key that leaks opens no other purpose.
//! - A path has no network in it: the same user has the same address on every network of the EVM family.

use ::bitcoin::bip32::{ChildNumber, DerivationPath};
use exchequer_domain::{ChainAddress, Family};
use serde::{Deserialize, Serialize};

use crate::{BitcoinKind, NetworkParams, TxError};

/// Highest index of a key in its account: beyond it, numbers mean hardened keys, which have no public derivation.
pub const INDEX_MAX: u32 = (1 << 31) - 1;

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyPurpose {
    /// Users pay to it.
    Deposit,
    /// Withdrawals are paid from it.
    Hot,
    /// Pays for gas, energy and bandwidth of other addresses.
    Gas,
    /// Only watched: its seed is elsewhere, and no signer of ours has it.
    Cold,
}

impl KeyPurpose {
    /// Every purpose.
    pub const ALL: &'static [KeyPurpose] = &[KeyPurpose::Deposit, KeyPurpose::Hot, KeyPurpose::Gas, KeyPurpose::Cold];

    /// The number of its account below the seed. A cold wallet's is a number that no purpose of ours has.
    #[must_use]
    pub const fn account(self) -> u32 {
        match self {
            KeyPurpose::Deposit => 0,
            KeyPurpose::Hot => 1,
            KeyPurpose::Gas => 2,
            KeyPurpose::Cold => 3,
        }
    }
}

/// How a key signs, and what its address is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scheme {
    /// ECDSA from which the key can be recovered; the address is the end of the key's Keccak hash. EVM and TRON. BIP-44.
    Keccak,
    /// ECDSA, P2WPKH. BIP-84.
    Segwit,
    /// Schnorr, P2TR by its key path. BIP-86.
    Taproot,
}

/// Where below the seed a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyPath {
    /// What the key is for; an account of its own.
    pub purpose: KeyPurpose,
    /// Its number, 0 to [`INDEX_MAX`].
    pub index: u32,
    /// Whether it is of the branch that change goes to. Bitcoin only.
    pub change: bool,
}

impl KeyPath {
    /// The path of the account, all hardened: `m/purpose'/coin'/account'`.
    ///
    /// # Errors
    /// The scheme is not one of the network's family.
    pub fn account_path(self, params: &NetworkParams, scheme: Scheme) -> Result<DerivationPath, TxError> {
        account_path(self.purpose, params, scheme)
    }

    /// The rest of the path, below the account: branch and index.
    ///
    /// # Errors
    /// The index is beyond [`INDEX_MAX`].
    pub fn child_path(self) -> Result<[ChildNumber; 2], TxError> {
        let index = ChildNumber::from_normal_idx(self.index)
            .map_err(|_| TxError::KeyPath(format!("index {} is beyond {INDEX_MAX}", self.index)))?;
        let branch = if self.change { 1 } else { 0 };
        Ok([ChildNumber::Normal { index: branch }, index])
    }

    /// The whole path.
    ///
    /// # Errors
    /// As the two parts.
    pub fn path(self, params: &NetworkParams, scheme: Scheme) -> Result<DerivationPath, TxError> {
        Ok(self.account_path(params, scheme)?.extend(self.child_path()?))
    }
}

/// The path of a purpose's account, all hardened: what an extended public key is exported for.
///
/// # Errors
/// The scheme is not one of the network's family.
pub(crate) fn account_path(
    purpose: KeyPurpose,
    params: &NetworkParams,
    scheme: Scheme,
) -> Result<DerivationPath, TxError> {
    let (bip, coin) = match (params.network().family(), scheme) {
        (Family::Bitcoin, Scheme::Segwit) => (84, bitcoin_coin(params)?),
        (Family::Bitcoin, Scheme::Taproot) => (86, bitcoin_coin(params)?),
        (Family::Evm, Scheme::Keccak) => (44, 60),
        (Family::Tron, Scheme::Keccak) => (44, 195),
        (Family::Bitcoin, Scheme::Keccak) | (Family::Evm | Family::Tron, Scheme::Segwit | Scheme::Taproot) => {
            return Err(TxError::KeyPath(format!("{} knows no {scheme:?}", params.network())));
        }
    };
    let hard = |index| ChildNumber::Hardened { index };
    Ok([hard(bip), hard(coin), hard(purpose.account())].as_slice().into())
}

/// SLIP-44: every test network of Bitcoin has number 1, so that no key is used on both.
fn bitcoin_coin(params: &NetworkParams) -> Result<u32, TxError> {
    Ok(match params.bitcoin()? {
        BitcoinKind::Mainnet => 0,
        BitcoinKind::Testnet | BitcoinKind::Signet | BitcoinKind::Regtest => 1,
    })
}

/// One signature that a transaction needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningInput {
    /// What is signed, as it is: it is not hashed again.
    pub digest: [u8; 32],
    /// The key that signs.
    pub key: KeyPath,
    /// How it signs. A taproot key is tweaked by BIP-86 first.
    pub scheme: Scheme,
    /// The address that the key must have. Whoever signs derives it and compares: the transaction spends from here.
    pub address: ChainAddress,
}

/// What a key answers to a [`SigningInput`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signature {
    /// For [`Scheme::Keccak`].
    Recoverable {
        /// r and s, big-endian, s in the lower half.
        #[serde(with = "halves")]
        compact: [u8; 64],
        /// 0 or 1: whether the y of the nonce's point is odd.
        odd_y: u8,
    },
    /// For [`Scheme::Segwit`].
    Ecdsa {
        /// r and s, big-endian, s in the lower half.
        #[serde(with = "halves")]
        compact: [u8; 64],
        /// The key in its compressed form: 0x02 or 0x03, and x.
        #[serde(with = "parity_and_x")]
        public_key: [u8; 33],
    },
    /// For [`Scheme::Taproot`].
    Schnorr {
        /// BIP-340.
        #[serde(with = "halves")]
        compact: [u8; 64],
    },
}

/// serde knows arrays up to 32 elements.
mod halves {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 64], to: S) -> Result<S::Ok, S::Error> {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        first.copy_from_slice(&bytes[..32]);
        second.copy_from_slice(&bytes[32..]);
        (first, second).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 64], D::Error> {
        let (first, second) = <([u8; 32], [u8; 32])>::deserialize(from)?;
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&first);
        bytes[32..].copy_from_slice(&second);
        Ok(bytes)
    }
}

/// As above, for a compressed key.
mod parity_and_x {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 33], to: S) -> Result<S::Ok, S::Error> {
        let mut x = [0; 32];
        x.copy_from_slice(&bytes[1..]);
        (bytes[0], x).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 33], D::Error> {
        let (parity, x) = <(u8, [u8; 32])>::deserialize(from)?;
        let mut bytes = [parity; 33];
        bytes[1..].copy_from_slice(&x);
        Ok(bytes)
    }
}
