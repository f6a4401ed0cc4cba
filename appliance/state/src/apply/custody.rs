//! What commands about custody share: cold rows of any family, wallets, own transactions, and the coins.

use exchequer_domain::{ChainAddress, Family as ChainFamily, Network, OutPoint, TxId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entry, Stop};
use crate::codec;
use crate::custody::{self, Coin, CoinState, Keyed, Listing, OwnTransfer, Pool, PoolAddress, Price, Refusal, Wallet};
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

    /// A coin, wherever it is.
    pub(super) fn coin(&self, network: Network, outpoint: &OutPoint) -> Result<Option<Coin>, Halt> {
        match self.state.custody.coins.get(network, outpoint) {
            Some(warm) => Ok(Some(warm.clone())),
            None => self.row(Table::ColdCoin, &custody::cold_coin_key(network, outpoint)),
        }
    }

    /// Whether a coin is in no memory: it lies still in a block that is settled, and nobody needs it there.
    fn is_cold(&self, coin: &Coin) -> bool {
        let settled = self.state.deposits.chains().get(coin.network).settled;
        let lies_still = coin.state == CoinState::Free && coin.height <= settled;
        lies_still
            && match coin.keyed {
                Keyed::Deposit(_) => true,
                Keyed::Wallet { .. } => self.state.custody.coins.is_full(),
            }
    }

    pub(super) fn put_coin(&mut self, coin: Coin) -> Result<(), Halt> {
        let (network, outpoint) = (coin.network, coin.outpoint);
        let cold_key = custody::cold_coin_key(network, &outpoint);
        let warm = self.state.custody.coins.get(network, &outpoint).is_some();
        if self.is_cold(&coin) {
            self.remove_coin(network, &outpoint);
            self.put_row(Table::ColdCoin, cold_key, &coin);
            return Ok(());
        }
        if !warm && self.row::<Coin>(Table::ColdCoin, &cold_key)?.is_some() {
            self.delete_row(Table::ColdCoin, cold_key);
        }
        self.put(Table::Wallet, &coin.key(), &coin);
        self.state.custody.coins.put(coin);
        Ok(())
    }

    /// Forgets a coin that is in no memory, if it is there.
    pub(super) fn drop_cold_coin(&mut self, network: Network, outpoint: &OutPoint) -> Result<(), Halt> {
        let key = custody::cold_coin_key(network, outpoint);
        if self.row::<Coin>(Table::ColdCoin, &key)?.is_some() {
            self.delete_row(Table::ColdCoin, key);
        }
        Ok(())
    }

    /// Coins whose blocks are settled since the last time leave the memory, where nobody needs them there.
    pub(super) fn cool_coins(&mut self, network: Network, from: u64, to: u64, most: usize) -> Result<(), Halt> {
        let coins = self.state.custody.coins.free_between(network, from, to);
        let cold: Vec<Coin> = coins.filter(|coin| self.is_cold(coin)).take(most).cloned().collect();
        cold.into_iter().try_for_each(|coin| self.put_coin(coin))
    }

    pub(super) fn remove_coin(&mut self, network: Network, outpoint: &OutPoint) {
        if let Some(coin) = self.state.custody.coins.remove(network, outpoint) {
            self.change(Table::Wallet.family(), Table::Wallet.key(&coin.key()), Edit::Delete);
        }
    }

    /// Reserves coins for an owner, all or none; those that are the owner's already stay so. Coins of which `settled` has
    /// not heard are refused like such that are not there.
    pub(super) fn reserve_coins(&mut self, network: Network, wanted: &[OutPoint], owner: u64) -> Result<(), Stop> {
        let mut coins = Vec::with_capacity(wanted.len());
        for outpoint in wanted {
            let coin = self.coin(network, outpoint)?.ok_or(Refusal::CoinUnknown { coin: *outpoint })?;
            match coin.state {
                CoinState::Free => {}
                CoinState::Reserved { owner: of } if of == owner => {}
                CoinState::Reserved { .. } | CoinState::Spent { .. } => {
                    return Err(Refusal::CoinTaken { coin: *outpoint }.into());
                }
            }
            coins.push(coin);
        }
        for coin in coins {
            self.put_coin(Coin { state: CoinState::Reserved { owner }, ..coin })?;
        }
        Ok(())
    }

    /// Gives everything free that an owner has reserved and no block spends.
    pub(super) fn release_coins(&mut self, network: Network, owner: u64) -> Result<(), Halt> {
        let coins: Vec<Coin> = self.state.custody.coins.reserved_by(network, owner).cloned().collect();
        coins.into_iter().try_for_each(|coin| self.free_coin(coin))
    }

    /// A block of this height spends a coin, by this transaction. Nothing happens where it is none of ours.
    pub(super) fn spend_coin(
        &mut self,
        network: Network,
        outpoint: &OutPoint,
        by: TxId,
        height: u64,
    ) -> Result<(), Halt> {
        let Some(coin) = self.coin(network, outpoint)? else { return Ok(()) };
        self.put_coin(Coin { state: coin.spent(by, height), ..coin })
    }

    /// The blocks from this height on are gone: what they spent is its owner's again, and what they made is not there.
    pub(super) fn unspend_coins(&mut self, network: Network, from: u64) -> Result<(), Halt> {
        for outpoint in self.state.custody.coins.spent_from(network, from) {
            let Some(coin) = self.state.custody.coins.get(network, &outpoint).cloned() else { continue };
            let state = match coin.state {
                CoinState::Spent { owner: Some(owner), .. } => CoinState::Reserved { owner },
                CoinState::Spent { owner: None, .. } | CoinState::Free => CoinState::Free,
                CoinState::Reserved { owner } => CoinState::Reserved { owner },
            };
            self.put_coin(Coin { state, ..coin })?;
        }
        Ok(())
    }
}
