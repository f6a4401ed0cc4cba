//! What commands about custody share: cold rows of any family, wallets, own transactions, and the coins.

use exchequer_domain::{ChainAddress, Family as ChainFamily, Network, OutPoint, TxId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entry, Stop};
use crate::codec;
use crate::custody::{
    self, COINS_MAX, Coin, CoinState, Listing, OwnTransfer, Pool, PoolAddress, Price, Refusal, Wallet,
};
use crate::halt::Halt;
use crate::networks::asset_key;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

impl From<Refusal> for Rejection {
    fn from(refusal: Refusal) -> Rejection {
        Rejection::Custody(refusal)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(refusal.into())
    }
}

impl Entry<'_> {
    /// A row that is not in memory, as the entry's commands so far left it.
    pub(super) fn row<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
        let row = match self.cold.get(key) {
            Some(written) => written.clone(),
            None => self.rows.get(table.family(), key)?,
        };
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(table, error))).transpose()
    }

    pub(super) fn put_row<T: Serialize>(&mut self, table: Table, key: Vec<u8>, value: &T) {
        let row = codec::encode(value);
        self.cold.insert(key.clone(), Some(row.clone()));
        self.change(table.family(), key, Edit::Put(row));
    }

    pub(super) fn delete_row(&mut self, table: Table, key: Vec<u8>) {
        self.cold.insert(key.clone(), None);
        self.change(table.family(), key, Edit::Delete);
    }

    pub(super) fn put_wallet(&mut self, wallet: Wallet) {
        self.put(Table::Wallet, &wallet.id.0.to_be_bytes(), &wallet);
        self.state.custody.put_wallet(wallet);
    }

    pub(super) fn put_listing(&mut self, listing: Listing) {
        self.put(Table::Listing, &asset_key(listing.network, listing.asset), &listing);
        self.state.custody.put_listing(listing);
    }

    pub(super) fn put_price(&mut self, asset: exchequer_ledger::Asset, price: Price) {
        self.put(Table::Listing, &asset.0.to_be_bytes(), &price);
        self.state.custody.put_price(asset, price);
    }

    pub(super) fn put_pool(&mut self, family: ChainFamily, pool: Pool) {
        self.put(Table::AddressPool, &custody::family_key(family), &pool);
        self.state.custody.put_pool(family, pool);
    }

    /// The index and the rest of an address of the pool; none where it is not in the pool.
    pub(super) fn pool_address(
        &self,
        family: ChainFamily,
        address: &ChainAddress,
    ) -> Result<Option<(u32, PoolAddress)>, Halt> {
        let index: Option<u32> = self.row(Table::AddressIndex, &custody::address_key(family, address))?;
        let Some(index) = index else { return Ok(None) };
        let found = self.row(Table::PoolAddress, &custody::pool_key(family, index))?;
        found.map(|found| Some((index, found))).ok_or_else(|| Halt::Invariant("an address has its index".into()))
    }

    /// Whether an address is one of the exchange's: of a wallet, or of the pool.
    pub(super) fn is_own_address(&self, family: ChainFamily, address: &ChainAddress) -> Result<bool, Halt> {
        let of_wallet = self.state.custody.wallet_at(family, address).is_some();
        Ok(of_wallet || self.row::<u32>(Table::AddressIndex, &custody::address_key(family, address))?.is_some())
    }

    /// Whether the exchange signed a transaction. Its row must have been foretold by the command's `lookups`.
    pub(super) fn own_transfer(&self, network: Network, tx: &TxId) -> Result<Option<OwnTransfer>, Halt> {
        self.row(Table::OwnTransfer, &custody::own_transfer_key(network, tx))
    }

    /// Puts down that the exchange has signed a transaction: before it is sent.
    pub(super) fn put_own_transfer(&mut self, network: Network, tx: &TxId, own: OwnTransfer) {
        self.put_row(Table::OwnTransfer, custody::own_transfer_key(network, tx), &own);
    }

    pub(super) fn put_coin(&mut self, coin: Coin) {
        self.put(Table::Wallet, &coin.key(), &coin);
        self.state.custody.coins.put(coin);
    }

    pub(super) fn remove_coin(&mut self, network: Network, outpoint: &OutPoint) {
        if let Some(coin) = self.state.custody.coins.remove(network, outpoint) {
            self.change(Table::Wallet.family(), Table::Wallet.key(&coin.key()), Edit::Delete);
        }
    }

    /// Whether one more coin fits.
    pub(super) fn has_room_for_coins(&self, more: usize) -> bool {
        self.state.custody.coins.count() + more <= COINS_MAX
    }

    /// Reserves coins for an owner, all or none; those that are the owner's already stay so. Coins of which `settled` has
    /// not heard are refused like such that are not there.
    pub(super) fn reserve_coins(&mut self, network: Network, wanted: &[OutPoint], owner: u64) -> Result<(), Refusal> {
        for outpoint in wanted {
            let coin = self.state.custody.coins.get(network, outpoint);
            match coin.ok_or(Refusal::CoinUnknown { coin: *outpoint })?.state {
                CoinState::Free => {}
                CoinState::Reserved { owner: of } if of == owner => {}
                CoinState::Reserved { .. } | CoinState::Spent { .. } => {
                    return Err(Refusal::CoinTaken { coin: *outpoint });
                }
            }
        }
        for outpoint in wanted {
            if let Some(coin) = self.state.custody.coins.get(network, outpoint).cloned() {
                self.put_coin(Coin { state: CoinState::Reserved { owner }, ..coin });
            }
        }
        Ok(())
    }

    /// Gives everything free that an owner has reserved and no block spends.
    pub(super) fn release_coins(&mut self, network: Network, owner: u64) {
        let coins: Vec<Coin> = self.state.custody.coins.reserved_by(network, owner).cloned().collect();
        for coin in coins {
            self.free_coin(coin);
        }
    }

    /// A block of this height spends a coin, by this transaction. Nothing happens where it is none of ours.
    pub(super) fn spend_coin(&mut self, network: Network, outpoint: &OutPoint, by: TxId, height: u64) {
        let Some(coin) = self.state.custody.coins.get(network, outpoint).cloned() else { return };
        let owner = match coin.state {
            CoinState::Free => None,
            CoinState::Reserved { owner } => Some(owner),
            CoinState::Spent { owner, .. } => owner,
        };
        self.put_coin(Coin { state: CoinState::Spent { by, height, owner }, ..coin });
    }

    /// The blocks from this height on are gone: what they spent is its owner's again, and what they made is not there.
    pub(super) fn unspend_coins(&mut self, network: Network, from: u64) {
        for outpoint in self.state.custody.coins.spent_from(network, from) {
            let Some(coin) = self.state.custody.coins.get(network, &outpoint).cloned() else { continue };
            let state = match coin.state {
                CoinState::Spent { owner: Some(owner), .. } => CoinState::Reserved { owner },
                CoinState::Spent { owner: None, .. } | CoinState::Free => CoinState::Free,
                CoinState::Reserved { owner } => CoinState::Reserved { owner },
            };
            self.put_coin(Coin { state, ..coin });
        }
    }
}
