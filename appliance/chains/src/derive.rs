//! Addresses out of an account's extended public key. No private key is ever here.
//!
//! An account's extended public key together with any one of its child private keys gives away the account's private key:
//! therefore neither leaves its place.

use std::sync::OnceLock;

use ::bitcoin::NetworkKind;
use ::bitcoin::bip32::{ChildNumber, Xpub};
use ::bitcoin::secp256k1::{Secp256k1, VerifyOnly};
use exchequer_domain::{ChainAddress, Family};

use crate::key::account_path;
use crate::{BitcoinKind, KeyPath, KeyPurpose, NetworkParams, Scheme, TxError, bitcoin, evm, tron};

/// The tables of curve arithmetic, made once.
pub(crate) fn curve() -> &'static Secp256k1<VerifyOnly> {
    static CURVE: OnceLock<Secp256k1<VerifyOnly>> = OnceLock::new();
    CURVE.get_or_init(Secp256k1::verification_only)
}

/// The address of a compressed public key.
///
/// # Errors
/// It is no key, or the scheme is not one of the network's family.
pub fn address_of_key(params: &NetworkParams, scheme: Scheme, key: &[u8; 33]) -> Result<ChainAddress, TxError> {
    match (params.network().family(), scheme) {
        (Family::Bitcoin, Scheme::Segwit | Scheme::Taproot) => bitcoin::address_of_key(params, scheme, key),
        (Family::Evm, Scheme::Keccak) => Ok(evm::text(&evm::account_of_key(key)?)),
        (Family::Tron, Scheme::Keccak) => Ok(tron::text(&evm::account_of_key(key)?)),
        (Family::Bitcoin, Scheme::Keccak) | (Family::Evm | Family::Tron, Scheme::Segwit | Scheme::Taproot) => {
            Err(TxError::KeyPath(format!("{} knows no {scheme:?}", params.network())))
        }
    }
}

/// The extended public key of one account: all addresses of one purpose, on one network, of one scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountKey {
    params: NetworkParams,
    scheme: Scheme,
    purpose: KeyPurpose,
    account: Xpub,
    /// The branches for receiving and for change: what every address of the branch has in common.
    branches: [Xpub; 2],
}

impl AccountKey {
    /// Reads an extended public key as wallets print it (`xpub...`, on Bitcoin's test networks `tpub...`).
    ///
    /// # Errors
    /// It does not read, is of the other kind of networks, or is not of the account of that purpose: a key of another
    /// depth or account would give addresses that no signer finds.
    pub fn parse(
        params: &NetworkParams,
        scheme: Scheme,
        purpose: KeyPurpose,
        xpub: &str,
    ) -> Result<AccountKey, TxError> {
        let account: Xpub =
            xpub.parse().map_err(|error| TxError::KeyPath(format!("it is no extended public key: {error}")))?;
        AccountKey::new(params, scheme, purpose, account)
    }

    /// As [`AccountKey::parse`], of a key that was read already.
    ///
    /// # Errors
    /// As there.
    pub fn new(
        params: &NetworkParams,
        scheme: Scheme,
        purpose: KeyPurpose,
        account: Xpub,
    ) -> Result<AccountKey, TxError> {
        let path = account_path(purpose, params, scheme)?;
        let live = match params.network().family() {
            Family::Bitcoin => matches!(params.bitcoin()?, BitcoinKind::Mainnet),
            Family::Evm | Family::Tron => true,
        };
        let kind = if live { NetworkKind::Main } else { NetworkKind::Test };
        let wrong = |why: String| Err(TxError::KeyPath(why));
        if account.network != kind {
            return wrong(format!("the extended key is of {:?} networks, {kind:?} is needed", account.network));
        }
        if usize::from(account.depth) != path.len() || Some(&account.child_number) != path.into_iter().last() {
            return wrong(format!(
                "the extended key is at depth {} with number {}, the account is m/{path}",
                account.depth, account.child_number
            ));
        }
        let branch = |number| derive(&account, ChildNumber::Normal { index: number });
        Ok(AccountKey { params: *params, scheme, purpose, account, branches: [branch(0)?, branch(1)?] })
    }

    /// What the account is for.
    #[must_use]
    pub const fn purpose(&self) -> KeyPurpose {
        self.purpose
    }

    /// How its keys sign.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The extended key itself.
    #[must_use]
    pub const fn xpub(&self) -> &Xpub {
        &self.account
    }

    /// The compressed public key of an index.
    ///
    /// # Errors
    /// The index is beyond [`crate::INDEX_MAX`].
    pub fn key(&self, index: u32, change: bool) -> Result<[u8; 33], TxError> {
        let [_, child] = self.path(index, change).child_path()?;
        let branch = &self.branches[usize::from(change)];
        Ok(derive(branch, child)?.public_key.serialize())
    }

    /// The address of an index.
    ///
    /// # Errors
    /// The index is beyond [`crate::INDEX_MAX`].
    pub fn address(&self, index: u32, change: bool) -> Result<ChainAddress, TxError> {
        address_of_key(&self.params, self.scheme, &self.key(index, change)?)
    }

    /// The path of an index, as the signer takes it.
    #[must_use]
    pub const fn path(&self, index: u32, change: bool) -> KeyPath {
        KeyPath { purpose: self.purpose, index, change }
    }
}

fn derive(parent: &Xpub, child: ChildNumber) -> Result<Xpub, TxError> {
    // One in 2^127 children does not exist; the next index is used then.
    parent.ckd_pub(curve(), child).map_err(|error| TxError::KeyPath(format!("there is no child {child}: {error}")))
}
