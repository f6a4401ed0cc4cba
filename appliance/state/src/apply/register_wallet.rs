//! `RegisterWallet` and `RetireWallet`: the exchange's own accounts on chains.

use std::collections::BTreeSet;

use exchequer_domain::{Family, Network};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::{
    ADDRESSES_OF_WALLET_MAX, Refusal, WALLET_NAME_BYTES_MAX, WALLETS_MAX, Wallet, WalletAddress, WalletId, WalletRole,
    XPUB_BYTES_MAX,
};
use crate::event::EventKind;
use crate::outcome::Done;

/// Registers a wallet. What pays for the exchange, and where its deposits go, is decided here: critical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterWallet {
    /// What it is called: small letters, digits, `-` and `_`.
    pub name: String,
    /// What it is for.
    pub role: WalletRole,
    /// How its networks are built.
    pub family: Family,
    /// On which network it is used; none for every one of the family, and of a deposit account always.
    pub network: Option<Network>,
    /// The extended public key of its account; empty for a cold one that has none.
    pub xpub: String,
    /// Its addresses; none of a deposit account.
    pub addresses: Vec<WalletAddress>,
    /// Whether deposits may be swept to it.
    pub pinned: bool,
    /// Why.
    pub reason: String,
}

impl RegisterWallet {
    fn check(&self) -> Result<(), Refusal> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !(1..=WALLET_NAME_BYTES_MAX).contains(&self.name.len()) || !self.name.bytes().all(plain) {
            return Err(Refusal::WalletName);
        }
        let is_text = self.xpub.len() <= XPUB_BYTES_MAX && self.xpub.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_text || (self.xpub.is_empty() && self.role != WalletRole::Cold) {
            return Err(Refusal::Xpub);
        }
        let is_deposit = self.role == WalletRole::Deposit;
        let fits = self.network.is_none_or(|network| network.family() == self.family && !is_deposit);
        if !fits {
            return Err(Refusal::WalletNetwork);
        }
        let distinct: BTreeSet<_> = self.addresses.iter().map(|own| &own.address).collect();
        let places: BTreeSet<_> = self.addresses.iter().map(|own| (own.change, own.index)).collect();
        let count = self.addresses.len();
        let counted = if is_deposit { count == 0 } else { (1..=ADDRESSES_OF_WALLET_MAX).contains(&count) };
        if !counted || distinct.len() != count || places.len() != count || (is_deposit && self.pinned) {
            return Err(Refusal::WalletAddresses);
        }
        Ok(())
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        self.check()?;
        let custody = &entry.state.custody;
        if custody.wallet_count() >= WALLETS_MAX {
            return Err(Refusal::WalletsFull.into());
        }
        let same = |wallet: &&Wallet| {
            let is_account = self.role == WalletRole::Deposit && wallet.role == self.role;
            wallet.retired_at.is_none() && (wallet.name == self.name || (is_account && wallet.family == self.family))
        };
        if let Some(wallet) = custody.wallets().find(same) {
            return Err(Refusal::WalletExists { wallet: wallet.id }.into());
        }
        for own in &self.addresses {
            if entry.is_own_address(self.family, &own.address)? {
                return Err(Refusal::AddressKnown { address: own.address.clone() }.into());
            }
        }

        let RegisterWallet { name, role, family, network, xpub, addresses, pinned, reason } = self;
        let id = entry.state.custody.next_wallet();
        let whereabouts = network.map_or_else(|| format!("{family:?}").to_lowercase(), |network| network.to_string());
        let sweeps = if pinned { ", deposits may be swept to it" } else { "" };
        let detail = format!("{} on {whereabouts}, {} addresses{sweeps}", role.as_str(), addresses.len());
        let target = format!("wallet {} ({name})", id.0);
        let (registered_at, retired_at) = (entry.now, None);
        entry.put_wallet(Wallet {
            id,
            name,
            role,
            family,
            network,
            xpub,
            addresses,
            pinned,
            registered_at,
            retired_at,
        });
        entry.event(EventKind::WalletChanged { wallet: id });
        entry.audit(actor, AuditAction::WalletRegistered, target, detail, reason);
        Ok(Done::WalletRegistered { wallet: id })
    }
}

/// Takes a wallet out of use. Its addresses stay the exchange's: what arrives there is still seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetireWallet {
    /// Which.
    pub wallet: WalletId,
    /// Why.
    pub reason: String,
}

impl RetireWallet {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let found = entry.state.custody.wallet(self.wallet).filter(|wallet| wallet.retired_at.is_none());
        let wallet = found.cloned().ok_or(Refusal::WalletUnknown { wallet: self.wallet })?;

        let target = format!("wallet {} ({})", wallet.id.0, wallet.name);
        entry.put_wallet(Wallet { retired_at: Some(entry.now), ..wallet });
        entry.event(EventKind::WalletChanged { wallet: self.wallet });
        entry.audit(actor, AuditAction::WalletRetired, target, String::new(), self.reason);
        Ok(Done::WalletRetired)
    }
}
