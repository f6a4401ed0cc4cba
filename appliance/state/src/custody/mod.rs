//! The room of custody: the exchange's own wallets and addresses, which coins count on which network, what they are worth,
//! and the outputs that it can spend.
//!
//! Nothing here knows a chain's rules: addresses are canonical texts, keys are paths, and whoever asks has parsed both.
//!
//! Invariants:
//! - The pool of a family is dense: its indices go from 0 to what is stocked, and what is given to users is its beginning.
//!   An address that was given to a user stays that user's for ever.
//! - A listing's coin never changes, and its decimals only to those that its token's contract is known to count with, before
//!   anything was booked by others; two assets of a network never have the same coin.
//! - What is too small for the ledger's unit is kept, to the smallest unit of the network, with the listing.
//! - A coin has one owner at a time, and is spent once by what the chain says.
//!
//! A user's addresses take no memory: they are rows, read one by one.

mod address;
mod coin;
mod listing;
mod own;
mod price;
mod refusal;
mod wallet;

use std::collections::BTreeMap;

use exchequer_domain::{ChainAddress, Family, Network};
use exchequer_ledger::Asset;

pub use address::{
    ADDRESSES_OF_USER_MAX, ADDRESSES_PAGE_MAX, GIVEN_PER_HOUR_MAX, Given, MAC_BYTES, POOL_MAX, Pool, PoolAddress,
    STOCKED_AT_ONCE_MAX, UserAddress, address_key, given_addresses, index_of, owner_of, user_addresses,
    user_addresses_key,
};
pub(crate) use address::{family_key, pool_key, pool_owner};
pub use coin::{Coin, CoinState, Coins, Keyed, RestsOn, WARM_COINS_MAX};
pub(crate) use coin::{RESTS_ON_MAX, cold_coin_key, cold_coins_end};
pub use listing::{LISTED_DECIMALS_MAX, LISTINGS_MAX, Listing, Terms};
pub(crate) use own::own_transfer_key;
pub use own::{OwnPurpose, OwnTransfer, own_transfer};
pub use price::{ANCHOR_AGE, Anchor, PRICE_SOURCE_BYTES_MAX, Price, Worth};
pub use refusal::Refusal;
pub use wallet::{
    ADDRESSES_OF_WALLET_MAX, WALLET_NAME_BYTES_MAX, WALLETS_MAX, Wallet, WalletAddress, WalletId, WalletRole,
    XPUB_BYTES_MAX,
};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::networks::asset_key;
use crate::rows::{self, Rows, Table};

/// Wallets, listings, prices, pools and coins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Custody {
    wallets: BTreeMap<WalletId, Wallet>,
    /// The addresses of all wallets, also of retired ones.
    of_wallets: BTreeMap<(Family, ChainAddress), WalletId>,
    /// In the order of [`Family`].
    pools: [Pool; 3],
    listings: BTreeMap<(Network, Asset), Listing>,
    tokens: BTreeMap<(Network, Option<ChainAddress>), Asset>,
    prices: BTreeMap<Asset, Price>,
    pub(crate) coins: Coins,
}

impl Custody {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Custody, Halt> {
        let mut all = Custody::default();
        rows::for_each_of_table(rows, Table::Wallet, |key, row| {
            let damaged = |error| Halt::row(Table::Wallet, error);
            if key.len() == 4 {
                let wallet: Wallet = codec::decode(row).map_err(damaged)?;
                if key != wallet.id.0.to_be_bytes() {
                    return Err(damaged(DecodeError::Malformed));
                }
                all.put_wallet(wallet);
            } else {
                let coin: Coin = codec::decode(row).map_err(damaged)?;
                if key != coin.key() {
                    return Err(damaged(DecodeError::Malformed));
                }
                all.coins.put(coin);
            }
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::AddressPool, |key, row| {
            let pool = codec::decode(row).map_err(|error| Halt::row(Table::AddressPool, error))?;
            let family = address::FAMILIES.into_iter().find(|family| key == [*family as u8]);
            let family = family.ok_or(Halt::row(Table::AddressPool, DecodeError::Malformed))?;
            all.put_pool(family, pool);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::Listing, |key, row| {
            let damaged = |error| Halt::row(Table::Listing, error);
            if let Ok(asset) = <[u8; 4]>::try_from(key) {
                all.put_price(Asset(u32::from_be_bytes(asset)), codec::decode(row).map_err(damaged)?);
                return Ok(());
            }
            let listing: Listing = codec::decode(row).map_err(damaged)?;
            if key != asset_key(listing.network, listing.asset) {
                return Err(damaged(DecodeError::Malformed));
            }
            all.put_listing(listing);
            Ok(())
        })?;
        Ok(all)
    }

    /// A wallet by its number.
    #[must_use]
    pub fn wallet(&self, id: WalletId) -> Option<&Wallet> {
        self.wallets.get(&id)
    }

    /// Every wallet, retired ones included, in the order of their numbers.
    pub fn wallets(&self) -> impl Iterator<Item = &Wallet> {
        self.wallets.values()
    }

    /// The wallets in use that do this on a network.
    pub fn wallets_of(&self, network: Network, role: WalletRole) -> impl Iterator<Item = &Wallet> {
        self.wallets().filter(move |wallet| wallet.role == role && wallet.is_used_on(network))
    }

    /// The wallet that an address belongs to, retired or not.
    #[must_use]
    pub fn wallet_at(&self, family: Family, address: &ChainAddress) -> Option<&Wallet> {
        self.wallets.get(self.of_wallets.get(&(family, address.clone()))?)
    }

    /// Whether deposits of this network may be swept to this address.
    #[must_use]
    pub fn is_sweep_destination(&self, network: Network, address: &ChainAddress) -> bool {
        self.wallet_at(network.family(), address).is_some_and(|wallet| wallet.pinned && wallet.is_used_on(network))
    }

    /// How many addresses of a family wait for users, and how many were given to them.
    #[must_use]
    pub fn pool(&self, family: Family) -> Pool {
        self.pools[family as usize]
    }

    /// An asset's listing on a network.
    #[must_use]
    pub fn listing(&self, network: Network, asset: Asset) -> Option<&Listing> {
        self.listings.get(&(network, asset))
    }

    /// Every listing, by network and asset.
    pub fn listings(&self) -> impl Iterator<Item = &Listing> {
        self.listings.values()
    }

    /// The listing of a coin on a network: of a token by its contract, of the network's own coin by none.
    #[must_use]
    pub fn listed(&self, network: Network, coin: Option<&ChainAddress>) -> Option<&Listing> {
        self.listing(network, *self.tokens.get(&(network, coin.cloned()))?)
    }

    /// An asset's reference price, however old.
    #[must_use]
    pub fn price(&self, asset: Asset) -> Option<&Price> {
        self.prices.get(&asset)
    }

    /// The outputs that the exchange's keys can spend.
    #[must_use]
    pub fn coins(&self) -> &Coins {
        &self.coins
    }

    pub(crate) fn next_wallet(&self) -> WalletId {
        WalletId(self.wallets.last_key_value().map_or(1, |(last, _)| last.0 + 1))
    }

    pub(crate) fn wallet_count(&self) -> usize {
        self.wallets.len()
    }

    pub(crate) fn listing_count(&self) -> usize {
        self.listings.len()
    }

    pub(crate) fn put_wallet(&mut self, wallet: Wallet) {
        for own in &wallet.addresses {
            self.of_wallets.insert((wallet.family, own.address.clone()), wallet.id);
        }
        self.wallets.insert(wallet.id, wallet);
    }

    pub(crate) fn put_pool(&mut self, family: Family, pool: Pool) {
        self.pools[family as usize] = pool;
    }

    pub(crate) fn put_listing(&mut self, listing: Listing) {
        self.tokens.insert((listing.network, listing.coin.clone()), listing.asset);
        self.listings.insert((listing.network, listing.asset), listing);
    }

    pub(crate) fn put_price(&mut self, asset: Asset, price: Price) {
        self.prices.insert(asset, price);
    }
}
