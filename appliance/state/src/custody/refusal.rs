//! Why a command about custody is refused.

use exchequer_domain::{ADDRESS_BYTES_MAX, ChainAddress, Code, OutPoint, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::address::{ADDRESSES_OF_USER_MAX, GIVEN_PER_HOUR_MAX, POOL_MAX, STOCKED_AT_ONCE_MAX};
use super::listing::{LISTED_DECIMALS_MAX, LISTINGS_MAX};
use super::price::PRICE_SOURCE_BYTES_MAX;
use super::wallet::{ADDRESSES_OF_WALLET_MAX, WALLET_NAME_BYTES_MAX, WALLETS_MAX, WalletId, XPUB_BYTES_MAX};

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The name of a wallet breaks its rule.
    WalletName,
    /// The extended public key breaks its rule.
    Xpub,
    /// The network is not of the wallet's family.
    WalletNetwork,
    /// No addresses where some are needed, some where there may be none, too many, or one twice.
    WalletAddresses,
    /// As many wallets as there may be are registered.
    WalletsFull,
    /// A wallet in use has this name, or there is a deposit account of the family.
    WalletExists {
        /// That wallet.
        wallet: WalletId,
    },
    /// No such wallet, or it is retired.
    WalletUnknown {
        /// As given.
        wallet: WalletId,
    },
    /// The address is one of the exchange's already.
    AddressKnown {
        /// That address.
        address: ChainAddress,
    },
    /// No address at all, or too many at once.
    StockCount,
    /// The index is not the one that is stocked next.
    StockIndex {
        /// That one.
        next: u32,
    },
    /// As many addresses as there may be are stocked.
    PoolFull,
    /// No address waits in the pool.
    PoolEmpty,
    /// The user got as many new addresses within an hour as it may.
    AddressesTooFast {
        /// When it gets one again.
        next: Timestamp,
    },
    /// The user has as many addresses as it may.
    AddressesFull,
    /// The decimals are too many, or those of the asset would not fit with them.
    Decimals,
    /// The terms contradict each other.
    Terms,
    /// An asset of the network has this coin.
    CoinListed {
        /// That asset.
        asset: Asset,
    },
    /// A listing keeps its coin, and its decimals unless its token is known to count otherwise and nothing was booked.
    ListingPinned,
    /// As many listings as there may be exist.
    ListingsFull,
    /// The asset is not listed on the network.
    NotListed,
    /// The price is none.
    Price,
    /// The source breaks its rule.
    PriceSource,
    /// The price is of a later moment than now, or not newer than the present one.
    PriceTime,
    /// As many coins as there may be are there.
    CoinsFull,
    /// No such coin.
    CoinUnknown {
        /// As given.
        coin: OutPoint,
    },
    /// The coin is somebody else's, or spent.
    CoinTaken {
        /// That coin.
        coin: OutPoint,
    },
    /// The token's contract counts with other decimals than its listing says.
    Miscounted {
        /// What the contract says.
        told: u8,
        /// What the listing says.
        listed: u8,
    },
    /// More is doubted of the token than when this was proposed.
    DoubtIsNewer,
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::WalletName
            | Refusal::Xpub
            | Refusal::WalletNetwork
            | Refusal::WalletAddresses
            | Refusal::StockCount
            | Refusal::Decimals
            | Refusal::Terms
            | Refusal::Price
            | Refusal::PriceSource
            | Refusal::PriceTime => Code::BadRequest,
            Refusal::WalletsFull
            | Refusal::PoolFull
            | Refusal::AddressesFull
            | Refusal::ListingsFull
            | Refusal::CoinsFull => Code::CustodyFull,
            Refusal::WalletExists { .. } => Code::WalletExists,
            Refusal::WalletUnknown { .. } => Code::WalletUnknown,
            Refusal::AddressKnown { .. } => Code::AddressKnown,
            Refusal::StockIndex { .. } => Code::StaleRevision,
            Refusal::PoolEmpty => Code::AddressesOut,
            Refusal::AddressesTooFast { .. } => Code::AddressesTooFast,
            Refusal::CoinListed { .. }
            | Refusal::ListingPinned
            | Refusal::Miscounted { .. }
            | Refusal::DoubtIsNewer => Code::ListingRefused,
            Refusal::NotListed => Code::NotListed,
            Refusal::CoinUnknown { .. } | Refusal::CoinTaken { .. } => Code::CoinUnavailable,
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::WalletName => {
                format!("a wallet's name is 1 to {WALLET_NAME_BYTES_MAX} small letters, digits, `-` and `_`")
            }
            Refusal::Xpub => format!(
                "an extended public key is up to {XPUB_BYTES_MAX} letters and digits; only a cold wallet has none"
            ),
            Refusal::WalletNetwork => "the network is not of this family, or a deposit account names one".into(),
            Refusal::WalletAddresses => format!(
                "a wallet has 1 to {ADDRESSES_OF_WALLET_MAX} addresses, each once, of at most {ADDRESS_BYTES_MAX} bytes; a deposit account none"
            ),
            Refusal::WalletsFull => format!("{WALLETS_MAX} wallets are registered"),
            Refusal::WalletExists { wallet } => format!("wallet {} is this one already", wallet.0),
            Refusal::WalletUnknown { wallet } => format!("there is no wallet {} in use", wallet.0),
            Refusal::AddressKnown { address } => format!("{address} is one of the exchange's addresses already"),
            Refusal::StockCount => format!("1 to {STOCKED_AT_ONCE_MAX} addresses are stocked at once"),
            Refusal::StockIndex { next } => format!("the next address has the index {next}"),
            Refusal::PoolFull => format!("{POOL_MAX} addresses are stocked"),
            Refusal::PoolEmpty => "no address waits to be given out".into(),
            Refusal::AddressesTooFast { next } => {
                format!("{GIVEN_PER_HOUR_MAX} new addresses an hour are given to a user; the next one at {next}")
            }
            Refusal::AddressesFull => format!("the user has {ADDRESSES_OF_USER_MAX} addresses"),
            Refusal::Decimals => format!("a coin has at most {LISTED_DECIMALS_MAX} decimals on its network"),
            Refusal::Terms => {
                "the least is not more than the most, both and the fee are whole steps, and a step is more than nothing that the network can express".into()
            }
            Refusal::CoinListed { asset } => format!("this coin is asset {} on the network", asset.0),
            Refusal::ListingPinned => "a listing keeps its coin for ever, and its decimals unless the token's contract says others \
                 before anything of it was booked or asked for"
                .into(),
            Refusal::Miscounted { told, listed } => format!(
                "its contract counts with {told} decimals, and it is listed with {listed}: list it with {told}, then switch it on; \
                 or have another person approve that it counts as it is listed"
            ),
            Refusal::DoubtIsNewer => "since this was proposed more is doubted of the token: look at it again, and propose it anew".into(),
            Refusal::ListingsFull => format!("{LISTINGS_MAX} assets are listed on networks"),
            Refusal::NotListed => "the asset is not listed on this network".into(),
            Refusal::Price => "a price is more than zero".into(),
            Refusal::PriceSource => {
                format!("a price has a source of 1 to {PRICE_SOURCE_BYTES_MAX} bytes without control characters")
            }
            Refusal::PriceTime => "a price is not of later than now, and newer than the present one".into(),
            Refusal::CoinsFull => "as many outputs are watched as there may be".into(),
            Refusal::CoinUnknown { coin } => format!("there is no output {coin}"),
            Refusal::CoinTaken { coin } => format!("output {coin} is somebody else's, or spent"),
        }
    }
}
