//! Coins: outputs of transactions that the exchange's keys can spend, on networks that are built of outputs.
//!
//! Whoever builds a transaction reserves its inputs first, under a number of their own; what the chain says decides when a
//! coin is spent, and a reorganisation gives it back to whoever had reserved it.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{ChainAddress, Network, OutPoint, TxId};
use serde::{Deserialize, Serialize};

use super::wallet::WalletId;
use crate::deposits::DepositId;
use crate::networks::number;
use crate::rows::Table;

/// Coins of wallets that wait in memory; one takes about 300 bytes. More of them are rows, like those of deposit addresses.
pub const WARM_COINS_MAX: usize = 100_000;

/// Under which of the exchange's keys a coin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keyed {
    /// Of a deposit address, by its index in the pool.
    Deposit(u32),
    /// Of a wallet.
    Wallet {
        /// Which.
        wallet: WalletId,
        /// Whether its address takes change.
        change: bool,
        /// The address's number in the wallet.
        index: u32,
    },
}

/// What can be done with a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CoinState {
    /// It can be reserved.
    Free,
    /// Somebody builds, or has sent, a transaction with it.
    Reserved {
        /// The number that they gave.
        owner: u64,
    },
    /// A transaction in a block spends it.
    Spent {
        /// That transaction.
        by: TxId,
        /// The height of its block.
        height: u64,
        /// Who had reserved it.
        owner: Option<u64>,
    },
}

/// An output of the exchange's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coin {
    /// On which network.
    pub network: Network,
    /// Which output.
    pub outpoint: OutPoint,
    /// How much it holds, in the network's smallest units.
    pub amount: u128,
    /// At which address.
    pub address: ChainAddress,
    /// Under which key.
    pub keyed: Keyed,
    /// The height of its block.
    pub height: u64,
    /// The height from which on the network lets it be spent; later than its own for what was mined.
    pub mature: u64,
    /// What can be done with it.
    pub state: CoinState,
    /// The deposit that it is, once that is final and somebody's; only then one of a deposit address may be spent.
    pub deposit: Option<DepositId>,
    /// Where no block has it any more: what the transactions spend that would bring it back.
    pub rests_on: Vec<RestsOn>,
}

/// A coin that has to be spent by a certain transaction, so that another one comes to be: one that is made of it, or of what is made of
/// it. Spent by another one for good, it says that the other coin will never be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RestsOn {
    /// The coin.
    pub coin: OutPoint,
    /// The transaction.
    pub by: TxId,
}

/// What one coin is remembered to rest on at most: the inputs of a transaction of the exchange's own.
pub(crate) const RESTS_ON_MAX: usize = 200;

/// Many of them are in memory.
const _: () = assert!(size_of::<Coin>() <= 256);

impl Coin {
    /// The row key behind its table.
    pub(crate) fn key(&self) -> Vec<u8> {
        coin_key(self.network, &self.outpoint)
    }

    /// What it is once a block at a height spends it.
    pub(crate) const fn spent(&self, by: TxId, height: u64) -> CoinState {
        let owner = match self.state {
            CoinState::Free => None,
            CoinState::Reserved { owner } => Some(owner),
            CoinState::Spent { owner, .. } => owner,
        };
        CoinState::Spent { by, height, owner }
    }
}

pub(crate) fn coin_key(network: Network, outpoint: &OutPoint) -> Vec<u8> {
    [number(network).as_slice(), &outpoint.tx.0, &outpoint.vout.to_be_bytes()].concat()
}

/// The row key of a coin that is in no memory.
pub(crate) fn cold_coin_key(network: Network, outpoint: &OutPoint) -> Vec<u8> {
    Table::ColdCoin.key(&coin_key(network, outpoint))
}

/// The row key behind the last of a network's coins that are in no memory.
pub(crate) fn cold_coins_end(network: Network) -> Vec<u8> {
    Table::ColdCoin.key(&(network as u16 + 1).to_be_bytes())
}

/// The coins in memory: those that a block may take back, that somebody has reserved or spent, and those of wallets. Others
/// lie still and are rows that are read when they are named, so that no number of them fills the memory or stops the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coins {
    coins: BTreeMap<(Network, OutPoint), Coin>,
    /// Those that are free, by height.
    free: BTreeSet<(Network, u64, OutPoint)>,
    /// How many of them are of wallets.
    of_wallets: usize,
    reserved: BTreeMap<(Network, u64), BTreeSet<OutPoint>>,
    /// By the height of the block that spends them.
    spent: BTreeSet<(Network, u64, OutPoint)>,
    /// Those that are in no block any more, and rest on others.
    adrift: BTreeSet<(Network, OutPoint)>,
}

impl Coins {
    /// A coin.
    #[must_use]
    pub fn get(&self, network: Network, outpoint: &OutPoint) -> Option<&Coin> {
        self.coins.get(&(network, *outpoint))
    }

    /// The coins of a network, spent ones included as long as they are remembered.
    pub fn of(&self, network: Network) -> impl Iterator<Item = &Coin> {
        let zero = OutPoint { tx: TxId([0; 32]), vout: 0 };
        let last = OutPoint { tx: TxId([0xff; 32]), vout: u32::MAX };
        self.coins.range((network, zero)..=(network, last)).map(|(_, coin)| coin)
    }

    /// What can be reserved for a transaction that would be in a block of this height: free, and in a block of at most
    /// `settled`, so that nothing is built on what may vanish.
    pub fn spendable(&self, network: Network, height: u64, settled: u64) -> impl Iterator<Item = &Coin> {
        self.of(network)
            .filter(move |coin| coin.state == CoinState::Free && coin.height <= settled && coin.mature <= height)
    }

    /// What somebody has reserved.
    pub fn reserved_by(&self, network: Network, owner: u64) -> impl Iterator<Item = &Coin> {
        let of = self.reserved.get(&(network, owner)).into_iter().flatten();
        of.filter_map(move |outpoint| self.get(network, outpoint))
    }

    /// How many there are in memory.
    #[must_use]
    pub fn count(&self) -> usize {
        self.coins.len()
    }

    /// Whether so many of wallets are free in memory that no more are kept there.
    pub(crate) fn is_full(&self) -> bool {
        self.of_wallets > WARM_COINS_MAX
    }

    /// Free coins of a network in memory, of blocks between two heights, the lower one first.
    pub(crate) fn free_between(&self, network: Network, from: u64, to: u64) -> impl Iterator<Item = &Coin> {
        let first = (network, from.min(to), OutPoint { tx: TxId([0; 32]), vout: 0 });
        let last = (network, to, OutPoint { tx: TxId([0xff; 32]), vout: u32::MAX });
        self.free.range(first..=last).filter_map(|(network, _, outpoint)| self.get(*network, outpoint))
    }

    /// Puts a coin in its place, under every index.
    pub(crate) fn put(&mut self, coin: Coin) {
        let (network, outpoint) = (coin.network, coin.outpoint);
        self.remove(network, &outpoint);
        match coin.state {
            CoinState::Free => {
                self.free.insert((network, coin.height, outpoint));
                self.of_wallets += usize::from(matches!(coin.keyed, Keyed::Wallet { .. }));
            }
            CoinState::Reserved { owner } => {
                self.reserved.entry((network, owner)).or_default().insert(outpoint);
            }
            CoinState::Spent { height, .. } => {
                self.spent.insert((network, height, outpoint));
            }
        }
        if !coin.rests_on.is_empty() {
            self.adrift.insert((network, outpoint));
        }
        self.coins.insert((network, outpoint), coin);
    }

    /// Whether a coin that no block has any more rests on this one.
    pub(crate) fn is_rested_on(&self, network: Network, outpoint: &OutPoint) -> bool {
        let adrift = self.adrift.iter().filter(|(of, _)| *of == network);
        let mut coins = adrift.filter_map(|(network, outpoint)| self.get(*network, outpoint));
        coins.any(|coin| coin.rests_on.iter().any(|on| on.coin == *outpoint))
    }

    pub(crate) fn remove(&mut self, network: Network, outpoint: &OutPoint) -> Option<Coin> {
        let coin = self.coins.remove(&(network, *outpoint))?;
        self.adrift.remove(&(network, *outpoint));
        match coin.state {
            CoinState::Free => {
                self.free.remove(&(network, coin.height, *outpoint));
                self.of_wallets -= usize::from(matches!(coin.keyed, Keyed::Wallet { .. }));
            }
            CoinState::Reserved { owner } => {
                if let Some(of) = self.reserved.get_mut(&(network, owner)) {
                    of.remove(outpoint);
                    if of.is_empty() {
                        self.reserved.remove(&(network, owner));
                    }
                }
            }
            CoinState::Spent { height, .. } => {
                self.spent.remove(&(network, height, *outpoint));
            }
        }
        Some(coin)
    }

    /// What blocks of a network from a height on spend.
    pub(crate) fn spent_from(&self, network: Network, height: u64) -> Vec<OutPoint> {
        let from = (network, height, OutPoint { tx: TxId([0; 32]), vout: 0 });
        let until = (network, u64::MAX, OutPoint { tx: TxId([0xff; 32]), vout: u32::MAX });
        self.spent.range(from..=until).map(|(.., outpoint)| *outpoint).collect()
    }

    /// What blocks of a network up to a height spend.
    pub(crate) fn spent_until(&self, network: Network, height: u64) -> impl Iterator<Item = OutPoint> {
        let from = (network, 0, OutPoint { tx: TxId([0; 32]), vout: 0 });
        let until = (network, height, OutPoint { tx: TxId([0xff; 32]), vout: u32::MAX });
        self.spent.range(from..=until).map(|(.., outpoint)| *outpoint)
    }
}
