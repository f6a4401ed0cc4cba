//! Keys in use: every key of every generation, by its path; public keys and addresses out of them; signatures.
//!
//! Invariants:
//! - An address is told only after two ways to it agree: this crate's, over private keys, and that of `chains`, over the
//!   account's extended public key.
//! - No child key leaves: with its account's extended public key it would give the account's key away.
//! - Signatures are deterministic: the same digest and key give the same bytes, so that asking twice gives nothing away.

mod node;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use exchequer_chains::{
    AccountKey, BitcoinKind, KeyPath, KeyPurpose, NetworkParams, Parameters, Scheme, Signature, SigningInput,
};
use exchequer_domain::{ChainAddress, Family, Network};
use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner as _;

use crate::sealed::Vault;
use crate::secret::Key32;
use node::{HARDENED, Node};

/// Why a key was not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The policy does not name the network.
    #[error("{0} is not among the networks of this signer's policy")]
    Network(Network),
    /// There is no such seed, purpose or scheme here.
    #[error("there is no key {path:?} of generation {generation} and scheme {scheme:?} in this vault")]
    Missing {
        /// Which seed.
        generation: u32,
        /// Where.
        path: KeyPath,
        /// How it signs.
        scheme: Scheme,
    },
    /// The two ways disagree, or what was asked for is another address.
    #[error("the address of {path:?} of generation {generation} on {network} is {found}, not {wanted}: refused")]
    OtherAddress {
        /// Where.
        network: Network,
        /// Which seed.
        generation: u32,
        /// Where below it.
        path: KeyPath,
        /// What the private key gives.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// The tag beside a stored address is not the signer's.
    #[error(
        "the stored address {0} does not have this vault's tag: it, its path or its tag was changed; show it to nobody"
    )]
    Tag(String),
    /// A bug.
    #[error("the key could not be used: {0}")]
    Internal(&'static str),
}

/// A tag beside a stored address.
pub type AddressTag = [u8; 32];

/// An account's extended public key, for the online side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountXpub {
    /// Where.
    pub network: Network,
    /// Which seed.
    pub generation: u32,
    /// What the account is for.
    pub purpose: KeyPurpose,
    /// How its keys sign.
    pub scheme: Scheme,
    /// Its path, such as `m/84'/0'/1'`.
    pub path: String,
    /// `xpub...` or `tpub...`.
    pub xpub: String,
}

struct Account {
    node: Node,
    public: AccountKey,
    numbers: [u32; 3],
}

type AccountName = (u32, Network, KeyPurpose, Scheme);

/// Every key of a vault, on the networks of a policy.
pub struct Keys {
    params: BTreeMap<Network, NetworkParams>,
    accounts: BTreeMap<AccountName, Account>,
    tags: Key32,
    curve: Secp256k1<VerifyOnly>,
    generations: u32,
}

/// The schemes of a family.
#[must_use]
pub const fn schemes(family: Family) -> &'static [Scheme] {
    match family {
        Family::Bitcoin => &[Scheme::Segwit, Scheme::Taproot],
        Family::Evm | Family::Tron => &[Scheme::Keccak],
    }
}

/// The hardened numbers of an account: written out here once more, since a fault in `chains` should not be repeated.
fn account_numbers(params: &NetworkParams, purpose: KeyPurpose, scheme: Scheme) -> Option<[u32; 3]> {
    let account = match purpose {
        KeyPurpose::Deposit => 0,
        KeyPurpose::Hot => 1,
        KeyPurpose::Gas => 2,
        KeyPurpose::Cold => return None,
    };
    let (bip, coin) = match (params.parameters(), scheme) {
        (Parameters::Bitcoin(BitcoinKind::Mainnet), Scheme::Segwit) => (84, 0),
        (Parameters::Bitcoin(BitcoinKind::Mainnet), Scheme::Taproot) => (86, 0),
        (Parameters::Bitcoin(_), Scheme::Segwit) => (84, 1),
        (Parameters::Bitcoin(_), Scheme::Taproot) => (86, 1),
        (Parameters::Evm { .. }, Scheme::Keccak) => (44, 60),
        (Parameters::Tron { .. }, Scheme::Keccak) => (44, 195),
        (Parameters::Bitcoin(_), Scheme::Keccak)
        | (Parameters::Evm { .. } | Parameters::Tron { .. }, Scheme::Segwit | Scheme::Taproot) => return None,
    };
    Some([bip, coin, account].map(|number| number | HARDENED))
}

const fn is_live(params: &NetworkParams) -> bool {
    match params.parameters() {
        Parameters::Bitcoin(BitcoinKind::Mainnet) | Parameters::Evm { .. } | Parameters::Tron { .. } => true,
        Parameters::Bitcoin(BitcoinKind::Testnet | BitcoinKind::Signet | BitcoinKind::Regtest) => false,
    }
}

impl Keys {
    /// The keys of an open vault on these networks.
    ///
    /// # Errors
    /// [`KeyError::Internal`] only.
    pub fn open(vault: &Vault, networks: &[NetworkParams]) -> Result<Keys, KeyError> {
        let mut accounts = BTreeMap::new();
        for generation in 0..vault.generations() {
            let seed = vault.seed(generation).ok_or(KeyError::Internal("a seed does not read"))?;
            let master = Node::master(&seed).ok_or(KeyError::Internal("a seed has no master key"))?;
            for (params, purpose, scheme) in networks.iter().flat_map(|params| {
                let schemes = schemes(params.network().family()).iter();
                schemes.flat_map(move |scheme| KeyPurpose::ALL.iter().map(move |purpose| (params, *purpose, *scheme)))
            }) {
                let Some(numbers) = account_numbers(params, purpose, scheme) else { continue };
                let node = master.descend(&numbers).ok_or(KeyError::Internal("an account does not exist"))?;
                let xpub = node.xpub(is_live(params)).ok_or(KeyError::Internal("an account has no public key"))?;
                let public = AccountKey::new(params, scheme, purpose, xpub)
                    .map_err(|_| KeyError::Internal("an account's path is not the one of the codecs"))?;
                accounts.insert((generation, params.network(), purpose, scheme), Account { node, public, numbers });
            }
        }
        let params = networks.iter().map(|params| (params.network(), *params)).collect();
        let tags = vault.key().derive("exchequer vault address tag v1");
        Ok(Keys { params, accounts, tags, curve: Secp256k1::verification_only(), generations: vault.generations() })
    }

    /// The seed for new wallets.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.generations.saturating_sub(1)
    }

    /// How a network is run.
    ///
    /// # Errors
    /// [`KeyError::Network`].
    pub fn params(&self, network: Network) -> Result<&NetworkParams, KeyError> {
        self.params.get(&network).ok_or(KeyError::Network(network))
    }

    /// Every account's extended public key.
    #[must_use]
    pub fn xpubs(&self) -> Vec<AccountXpub> {
        let xpub = |(name, account): (&AccountName, &Account)| AccountXpub {
            network: name.1,
            generation: name.0,
            purpose: name.2,
            scheme: name.3,
            path: account.numbers.iter().fold("m".to_owned(), |path, number| format!("{path}/{}'", number & !HARDENED)),
            xpub: account.public.xpub().to_string(),
        };
        self.accounts.iter().map(xpub).collect()
    }

    fn node(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
    ) -> Result<(Node, &Account), KeyError> {
        let missing = KeyError::Missing { generation, path, scheme };
        let Some(account) = self.accounts.get(&(generation, network, path.purpose, scheme)) else {
            return Err(missing);
        };
        if path.index >= HARDENED {
            return Err(missing);
        }
        let node = account.node.descend(&[u32::from(path.change), path.index]).ok_or(missing)?;
        Ok((node, account))
    }

    /// The address of a path, after both ways agree.
    ///
    /// # Errors
    /// There is no such key, or the ways disagree.
    pub fn address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
    ) -> Result<ChainAddress, KeyError> {
        let params = self.params(network)?;
        let (node, account) = self.node(network, generation, path, scheme)?;
        let found =
            text::address(params, scheme, &node.public(), &self.curve).ok_or(KeyError::Internal("no address"))?;
        let wanted =
            account.public.address(path.index, path.change).map_err(|_| KeyError::Internal("no public child"))?;
        if found != wanted.as_str() {
            let wanted = wanted.to_string();
            return Err(KeyError::OtherAddress { network, generation, path, found, wanted });
        }
        Ok(wanted)
    }

    /// Whether an address is that of a path.
    ///
    /// # Errors
    /// It is another one's, or there is no such key.
    pub fn is_address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
        address: &ChainAddress,
    ) -> Result<(), KeyError> {
        let found = self.address(network, generation, path, scheme)?;
        if found == *address {
            return Ok(());
        }
        let (found, wanted) = (found.to_string(), address.to_string());
        Err(KeyError::OtherAddress { network, generation, path, found, wanted })
    }

    /// Whether an address is that of a path, by any scheme of its network.
    ///
    /// # Errors
    /// As [`Keys::is_address`].
    pub fn is_address_of_any_scheme(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        address: &ChainAddress,
    ) -> Result<(), KeyError> {
        let mut refused = KeyError::Network(network);
        for scheme in schemes(network.family()) {
            match self.is_address(network, generation, path, *scheme, address) {
                Ok(()) => return Ok(()),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// The address of a path with the tag to store beside it.
    ///
    /// # Errors
    /// As [`Keys::address`].
    pub fn tagged_address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
    ) -> Result<(ChainAddress, AddressTag), KeyError> {
        let address = self.address(network, generation, path, scheme)?;
        let tag = self.tag(network, generation, path, scheme, &address);
        Ok((address, tag.into()))
    }

    /// Checks a stored address before it is shown to anyone: by its tag, and by deriving it again.
    ///
    /// # Errors
    /// Address, path or tag were changed.
    pub fn verify_address(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
        address: &ChainAddress,
        tag: &AddressTag,
    ) -> Result<(), KeyError> {
        // Compared in constant time by the type.
        if self.tag(network, generation, path, scheme, address) != blake3::Hash::from_bytes(*tag) {
            return Err(KeyError::Tag(address.to_string()));
        }
        self.is_address(network, generation, path, scheme, address)
    }

    fn tag(
        &self,
        network: Network,
        generation: u32,
        path: KeyPath,
        scheme: Scheme,
        address: &ChainAddress,
    ) -> blake3::Hash {
        let scheme = match scheme {
            Scheme::Keccak => 0u8,
            Scheme::Segwit => 1,
            Scheme::Taproot => 2,
        };
        let mut hasher = blake3::Hasher::new_keyed(self.tags.bytes());
        hasher.update(network.as_str().as_bytes());
        // Fixed lengths from here to the address, which comes last: nothing can be read in two ways.
        hasher.update(&[0]);
        hasher.update(&generation.to_be_bytes());
        hasher.update(&path.purpose.account().to_be_bytes());
        hasher.update(&path.index.to_be_bytes());
        hasher.update(&[u8::from(path.change), scheme]);
        hasher.update(address.as_str().as_bytes());
        hasher.finalize()
    }

    /// Signs one digest: ECDSA by RFC 6979 with a low s, or Schnorr by BIP-340 with 32 zero bytes as auxiliary randomness.
    /// The zeros make it deterministic; what they would protect from is side channels at the moment of signing, on a machine
    /// that whoever measures them would have to hold.
    ///
    /// # Errors
    /// The input's address is not its key's.
    pub fn sign(&self, network: Network, generation: u32, input: &SigningInput) -> Result<Signature, KeyError> {
        self.is_address(network, generation, input.key, input.scheme, &input.address)?;
        let (node, _) = self.node(network, generation, input.key, input.scheme)?;
        let failed = |_| KeyError::Internal("the digest was not signed");
        match input.scheme {
            Scheme::Keccak => {
                let key = SigningKey::from(node.key());
                let (signature, recovery) = key.sign_prehash_recoverable(&input.digest).map_err(failed)?;
                if recovery.is_x_reduced() {
                    return Err(KeyError::Internal("the nonce's point is beyond the order"));
                }
                Ok(Signature::Recoverable {
                    compact: signature.to_bytes().into(),
                    odd_y: u8::from(recovery.is_y_odd()),
                })
            }
            Scheme::Segwit => {
                let key = SigningKey::from(node.key());
                let signature: k256::ecdsa::Signature = key.sign_prehash(&input.digest).map_err(failed)?;
                let signature = signature.normalize_s().unwrap_or(signature);
                Ok(Signature::Ecdsa { compact: signature.to_bytes().into(), public_key: node.public() })
            }
            Scheme::Taproot => {
                let key = node.taproot().ok_or(KeyError::Internal("the key has no tweak"))?;
                let signature = key.sign_prehash_with_aux_rand(&input.digest, &[0; 32]).map_err(failed)?;
                Ok(Signature::Schnorr { compact: signature.to_bytes() })
            }
        }
    }
}
