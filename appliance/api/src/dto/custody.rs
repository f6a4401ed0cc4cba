//! Wallets, pools of deposit addresses, listings and reference prices.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{
    Amount, AssetCode, ChainAddressText, CommandIdText, FamilyWord, HashText, Moment, NetworkName, Reason,
    WalletNameText, WalletRoleWord,
};

/// An address of a wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WalletAddress {
    /// The address.
    #[schemars(with = "ChainAddressText")]
    pub address: String,
    /// Whether it takes change.
    pub change: bool,
    /// Its number below the account, from 0.
    pub index: u32,
}

/// A wallet of the exchange's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wallet {
    /// Its number.
    pub wallet: u32,
    /// What it is called.
    pub name: String,
    /// `deposit`, `hot`, `gas` or `cold`.
    pub role: String,
    /// `bitcoin`, `evm` or `tron`.
    pub family: String,
    /// On which network it is used; none for every one of the family.
    pub network: Option<String>,
    /// The extended public key of its account; empty where it has none.
    pub xpub: String,
    /// Its addresses; none of a deposit account, whose addresses are in the pool.
    pub addresses: Vec<WalletAddress>,
    /// Whether deposits may be swept to it.
    pub pinned: bool,
    /// Since when there is it, in replicated time.
    #[schemars(with = "Moment")]
    pub registered_at: String,
    /// Since when it is out of use.
    #[schemars(with = "Option<Moment>")]
    pub retired_at: Option<String>,
}

/// `GET /v1/wallets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wallets {
    /// All of them, retired ones too.
    pub wallets: Vec<Wallet>,
}

/// `POST /v1/wallets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterWallet {
    /// What it is called: small letters, digits, `-` and `_`.
    #[schemars(with = "WalletNameText")]
    pub name: String,
    /// What it is for.
    #[schemars(with = "WalletRoleWord")]
    pub role: String,
    /// How its networks are built; not needed where the network is given.
    #[schemars(with = "Option<FamilyWord>")]
    pub family: Option<String>,
    /// On which network it is used; every one of the family where none is given.
    #[schemars(with = "Option<NetworkName>")]
    pub network: Option<String>,
    /// The extended public key of its account; none for a cold wallet without one.
    pub xpub: Option<String>,
    /// Its addresses; none of a deposit account.
    #[serde(default)]
    pub addresses: Vec<WalletAddress>,
    /// Whether deposits may be swept to it.
    #[serde(default)]
    pub pinned: bool,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RegisterWallet`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalletRegistered {
    /// Its number.
    pub wallet: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// A change of which nothing has to be said but why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasoned {
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to a change that has nothing more to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MoneyChanged {
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// The addresses of a family that wait for users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressPool {
    /// `bitcoin`, `evm` or `tron`.
    pub family: String,
    /// How many there are in all; the index of the next one.
    pub stocked: u32,
    /// How many users have.
    pub given: u32,
    /// How many wait.
    pub waiting: u32,
}

/// `GET /v1/address-pools`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressPools {
    /// One for each family.
    pub pools: Vec<AddressPool>,
}

/// An address for the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockedAddress {
    /// The address.
    #[schemars(with = "ChainAddressText")]
    pub address: String,
    /// With what the signer vouches for it: 32 bytes, hexadecimal.
    #[schemars(with = "HashText")]
    pub mac: String,
}

/// `POST /v1/address-pools/stock`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StockAddresses {
    /// Which family.
    #[schemars(with = "FamilyWord")]
    pub family: String,
    /// The index of the first; the one that is stocked next.
    pub first_index: u32,
    /// The addresses, in the order of their indices.
    #[schemars(length(min = 1, max = 500))]
    pub addresses: Vec<StockedAddress>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`StockAddresses`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressesStocked {
    /// The index that is stocked next.
    pub next: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// An asset on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// The network.
    pub network: String,
    /// The asset.
    pub asset: String,
    /// The token's contract; none for the network's own coin.
    pub contract: Option<String>,
    /// Decimals of a unit on the network.
    pub decimals: u8,
    /// Less is gathered on its address until there is as much.
    #[schemars(with = "Amount")]
    pub deposit_min: String,
    /// The least that may be withdrawn at once.
    #[schemars(with = "Amount")]
    pub withdrawal_min: String,
    /// The most that may be withdrawn at once.
    #[schemars(with = "Amount")]
    pub withdrawal_max: String,
    /// What is withdrawn is a whole number of this.
    #[schemars(with = "Amount")]
    pub withdrawal_step: String,
    /// What a withdrawal costs its user.
    #[schemars(with = "Amount")]
    pub withdrawal_fee: String,
    /// What came in and was too small for the ledger, in the network's smallest units.
    pub dust: String,
    /// How often it was changed, from 1.
    pub version: u32,
    /// When that was last, in replicated time.
    #[schemars(with = "Moment")]
    pub changed_at: String,
}

/// `GET /v1/listings`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listings {
    /// By network and asset.
    pub listings: Vec<Listing>,
}

/// `PUT /v1/listings`: lists an asset on a network, or gives its listing other terms. The coin never changes, the decimals only to
/// those of the token's contract, before anything was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PutListing {
    /// The network.
    #[schemars(with = "NetworkName")]
    pub network: String,
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// The token's contract; none for the network's own coin.
    #[schemars(with = "Option<ChainAddressText>")]
    pub contract: Option<String>,
    /// Decimals of a unit on the network, as the contract says.
    #[schemars(range(max = 36))]
    pub decimals: u8,
    /// Less is gathered on its address until there is as much; zero credits anything.
    #[schemars(with = "Amount")]
    pub deposit_min: String,
    /// The least that may be withdrawn at once.
    #[schemars(with = "Amount")]
    pub withdrawal_min: String,
    /// The most that may be withdrawn at once.
    #[schemars(with = "Amount")]
    pub withdrawal_max: String,
    /// What is withdrawn is a whole number of this.
    #[schemars(with = "Amount")]
    pub withdrawal_step: String,
    /// What a withdrawal costs its user.
    #[schemars(with = "Amount")]
    pub withdrawal_fee: String,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`PutListing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ListingPut {
    /// Its version since.
    pub version: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// A reference price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferencePrice {
    /// The asset.
    pub asset: String,
    /// US dollars for a unit.
    #[schemars(with = "Amount")]
    pub usd: String,
    /// Where it is from.
    pub source: String,
    /// When it held there.
    #[schemars(with = "Moment")]
    pub at: String,
    /// How old it is, in seconds.
    pub age_s: u64,
    /// Whether withdrawals are valued by it; of an older one a person decides.
    pub fresh: bool,
}

/// `GET /v1/prices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReferencePrices {
    /// Of each asset that has one.
    pub prices: Vec<ReferencePrice>,
}

/// `PUT /v1/prices`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPrice {
    /// The asset.
    #[schemars(with = "AssetCode")]
    pub asset: String,
    /// US dollars for a unit, with six decimals at most; more than zero.
    #[schemars(with = "Amount")]
    pub usd: String,
    /// Where it is from: 1 to 40 bytes.
    #[schemars(length(min = 1, max = 40))]
    pub source: String,
    /// When it held there; now where nothing is said.
    #[schemars(with = "Option<Moment>")]
    pub at: Option<String>,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}
