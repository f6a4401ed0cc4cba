//! Wallets: the exchange's own accounts on chains.

use exchequer_domain::{ChainAddress, Family, Network, Timestamp};
use serde::{Deserialize, Serialize};

/// Wallets that may be registered, retired ones included.
pub const WALLETS_MAX: usize = 256;
/// Addresses of one wallet.
pub const ADDRESSES_OF_WALLET_MAX: usize = 1_000;
/// Longest name.
pub const WALLET_NAME_BYTES_MAX: usize = 40;
/// Longest text of an extended public key.
pub const XPUB_BYTES_MAX: usize = 200;

/// The number of a wallet, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WalletId(pub u32);

/// What a wallet is for. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum WalletRole {
    /// The account under which users' deposit addresses are derived; its addresses are in the pool.
    Deposit,
    /// Withdrawals are paid from it.
    Hot,
    /// Pays what moving deposits costs.
    Gas,
    /// Its keys are kept offline; it is only watched.
    Cold,
}

impl WalletRole {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            WalletRole::Deposit => "deposit",
            WalletRole::Hot => "hot",
            WalletRole::Gas => "gas",
            WalletRole::Cold => "cold",
        }
    }

    /// Which of the ledger's stores holds what is there. What pays for moving deposits is kept as warm as what pays
    /// withdrawals.
    #[must_use]
    pub const fn store(self) -> exchequer_ledger::Store {
        match self {
            WalletRole::Deposit => exchequer_ledger::Store::Deposit,
            WalletRole::Hot | WalletRole::Gas => exchequer_ledger::Store::Hot,
            WalletRole::Cold => exchequer_ledger::Store::Cold,
        }
    }
}

/// An address of a wallet, and the end of its key's path below the wallet's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletAddress {
    /// The address.
    pub address: ChainAddress,
    /// Whether it takes change.
    pub change: bool,
    /// Its number, from 0.
    pub index: u32,
}

/// One wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Its number.
    pub id: WalletId,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub role: WalletRole,
    /// How its networks are built.
    pub family: Family,
    /// On which network it is used; none for every network of the family.
    pub network: Option<Network>,
    /// The extended public key of its account; empty for one that is only watched.
    pub xpub: String,
    /// Its addresses; none of a deposit account, whose addresses are in the pool.
    pub addresses: Vec<WalletAddress>,
    /// Whether deposits may be swept to it.
    pub pinned: bool,
    /// Replicated time of its registration.
    pub registered_at: Timestamp,
    /// Since when it is not used any more.
    pub retired_at: Option<Timestamp>,
}

impl Wallet {
    /// Whether it is in use on a network.
    #[must_use]
    pub fn is_used_on(&self, network: Network) -> bool {
        self.retired_at.is_none() && self.covers(network)
    }

    /// Whether its addresses are on a network, also where it is retired.
    #[must_use]
    pub fn covers(&self, network: Network) -> bool {
        self.family == network.family() && self.network.is_none_or(|of| of == network)
    }
}
