//! Deposit addresses: a pool that is derived beforehand, and what of it was given to users.
//!
//! All of it is rows. In memory a family takes two numbers, however many users there are.

use exchequer_domain::{ChainAddress, Family as ChainFamily, Network, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table, for_each};

/// Addresses that one command puts into the pool. As many of the longest fit into a command.
pub const STOCKED_AT_ONCE_MAX: usize = 500;
/// Addresses of a family: what a path's last, not hardened, number can tell apart.
pub const POOL_MAX: u32 = 1 << 31;
/// New addresses that a user gets within an hour.
pub const GIVEN_PER_HOUR_MAX: usize = 10;
/// Addresses that a user gets in all.
pub const ADDRESSES_OF_USER_MAX: usize = 300;
/// Bytes with which the signer vouches for an address.
pub const MAC_BYTES: usize = 32;
/// Addresses of one page.
pub const ADDRESSES_PAGE_MAX: usize = 10_000;

pub(super) const FAMILIES: [ChainFamily; 3] = [ChainFamily::Bitcoin, ChainFamily::Evm, ChainFamily::Tron];

/// How far a family's pool is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The index that is stocked next.
    pub stocked: u32,
    /// The index that is given to a user next; everything before it was.
    pub given: u32,
}

/// An address of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolAddress {
    /// The address.
    pub address: ChainAddress,
    /// With what the signer vouches that it derived this address under this index itself.
    pub mac: [u8; MAC_BYTES],
    /// Whose it is; none while it waits.
    pub given: Option<Given>,
}

/// To whom an address was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// To this user, for ever.
    pub user: UserId,
    /// Replicated time.
    pub at: Timestamp,
}

/// An address as its user's row knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAddress {
    /// Of which family: it counts on all its networks.
    pub family: ChainFamily,
    /// Its index in the pool.
    pub index: u32,
    /// Since when.
    pub at: Timestamp,
}

pub(crate) fn family_key(family: ChainFamily) -> [u8; 1] {
    [family as u8]
}

/// The row key of an address of the pool.
pub(crate) fn pool_key(family: ChainFamily, index: u32) -> Vec<u8> {
    let [a, b, c, d] = index.to_be_bytes();
    Table::PoolAddress.key(&[family as u8, a, b, c, d])
}

/// The row key, in [`Family::Ids`], by which an address of the pool is found.
#[must_use]
pub fn address_key(family: ChainFamily, address: &ChainAddress) -> Vec<u8> {
    Table::AddressIndex.key(&[&family_key(family), address.as_str().as_bytes()].concat())
}

/// The row key, in [`Family::Ids`], of a user's addresses.
#[must_use]
pub fn user_addresses_key(user: UserId) -> Vec<u8> {
    Table::UserAddresses.key(&user.0.to_be_bytes())
}

fn read<T: serde::de::DeserializeOwned>(rows: &dyn Rows, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
    let row = rows.get(table.family(), key)?;
    row.map(|row| codec::decode(&row).map_err(|error| Halt::row(table, error))).transpose()
}

/// The index of an address in the pool of a network's family; none where it is not one of the exchange's.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn index_of(rows: &dyn Rows, network: Network, address: &ChainAddress) -> Result<Option<u32>, Halt> {
    read(rows, Table::AddressIndex, &address_key(network.family(), address))
}

/// Whose deposit address this is on a network; none where it is nobody's.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn owner_of(rows: &dyn Rows, network: Network, address: &ChainAddress) -> Result<Option<Given>, Halt> {
    let Some(index) = index_of(rows, network, address)? else { return Ok(None) };
    let found: Option<PoolAddress> = read(rows, Table::PoolAddress, &pool_key(network.family(), index))?;
    Ok(found.and_then(|found| found.given))
}

/// To which user an address of the pool was given.
pub(crate) fn pool_owner(rows: &dyn Rows, family: ChainFamily, index: u32) -> Result<Option<UserId>, Halt> {
    let found: Option<PoolAddress> = read(rows, Table::PoolAddress, &pool_key(family, index))?;
    Ok(found.and_then(|found| found.given).map(|given| given.user))
}

/// A user's addresses, in the order in which they were given; `address` and proof are in the pool under their index.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn user_addresses(rows: &dyn Rows, user: UserId) -> Result<Vec<(UserAddress, PoolAddress)>, Halt> {
    let given: Vec<UserAddress> = read(rows, Table::UserAddresses, &user_addresses_key(user))?.unwrap_or_default();
    let mut found = Vec::with_capacity(given.len());
    for one in given {
        let address = read(rows, Table::PoolAddress, &pool_key(one.family, one.index))?;
        found.push((one, address.ok_or(Halt::row(Table::PoolAddress, DecodeError::Malformed))?));
    }
    Ok(found)
}

/// Addresses of a family's pool from an index on, given or waiting, in the order in which they are given: at most `limit`
/// and [`ADDRESSES_PAGE_MAX`]. A scanner that asks from the last index on keeps its set up to date; watching also what waits
/// means that an address is watched before anybody knows it.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn given_addresses(
    rows: &dyn Rows,
    family: ChainFamily,
    from: u32,
    limit: usize,
) -> Result<Vec<(u32, PoolAddress)>, Halt> {
    let mut found = Vec::new();
    let limit = limit.min(ADDRESSES_PAGE_MAX);
    let range = (pool_key(family, from), Table::PoolAddress.key(&[family as u8 + 1]));
    if limit == 0 {
        return Ok(found);
    }
    for_each(rows, Table::PoolAddress, range, |key, row| {
        let damaged = |error| Halt::row(Table::PoolAddress, error);
        let index = key.get(1..).and_then(|index| index.try_into().ok()).ok_or(damaged(DecodeError::Malformed))?;
        found.push((u32::from_be_bytes(index), codec::decode(row).map_err(damaged)?));
        Ok(found.len() < limit)
    })?;
    Ok(found)
}

/// Where rows of addresses are: nothing else is asked of [`Family::Ids`] here.
const _: () = assert!(matches!(Table::AddressIndex.family(), Family::Ids));
