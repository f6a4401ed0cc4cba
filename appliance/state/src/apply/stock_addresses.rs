//! `StockAddresses` and `AllocateAddress`: deposit addresses, from the signer to the users.

use std::collections::BTreeSet;
use std::time::Duration;

use exchequer_domain::{ChainAddress, Family, Network, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{
    self, ADDRESSES_OF_USER_MAX, GIVEN_PER_HOUR_MAX, Given, MAC_BYTES, POOL_MAX, Pool, PoolAddress, Refusal,
    STOCKED_AT_ONCE_MAX, UserAddress,
};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::Table;
use crate::users::UserStatus;

const HOUR: Duration = Duration::from_secs(3_600);

/// Puts addresses into the pool of a family, under consecutive indices. Each was derived twice, by whoever sends this and
/// by the signer, who vouches for it. Addresses that are in the pool already, each under its own index, get these tags: a vault
/// that was made anew from its words vouches for what another one vouched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAddresses {
    /// Which family.
    pub family: Family,
    /// The index of the first; the one that is stocked next, so that of two senders one is heard, or one of those that are there.
    pub first_index: u32,
    /// The addresses, and with what the signer vouches for each.
    pub entries: Vec<(ChainAddress, [u8; MAC_BYTES])>,
}

impl StockAddresses {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> impl Iterator<Item = Vec<u8>> {
        self.entries.iter().map(|(address, _)| custody::address_key(self.family, address))
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let distinct: BTreeSet<_> = self.entries.iter().map(|(address, _)| address).collect();
        if !(1..=STOCKED_AT_ONCE_MAX).contains(&self.entries.len()) || distinct.len() != self.entries.len() {
            return Err(Refusal::StockCount.into());
        }
        let pool = entry.state.custody.pool(self.family);
        if self.first_index < pool.stocked {
            return self.tag_anew(pool, entry);
        }
        if self.first_index != pool.stocked {
            return Err(Refusal::StockIndex { next: pool.stocked }.into());
        }
        // The count is small; the sum is one of numbers below 2^32.
        let stocked = pool.stocked.saturating_add(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        if stocked > POOL_MAX {
            return Err(Refusal::PoolFull.into());
        }
        for (address, _) in &self.entries {
            if entry.is_own_address(self.family, address)? {
                return Err(Refusal::AddressKnown { address: address.clone() }.into());
            }
        }

        for (index, (address, mac)) in (self.first_index..).zip(self.entries) {
            entry.put_row(Table::AddressIndex, custody::address_key(self.family, &address), &index);
            let row = PoolAddress { address, mac, given: None };
            entry.put_row(Table::PoolAddress, custody::pool_key(self.family, index), &row);
        }
        entry.put_pool(self.family, Pool { stocked, ..pool });
        Ok(Done::AddressesStocked { next: stocked })
    }

    /// Gives addresses that are there other tags. Nothing is changed where one of them is not the one under its index.
    fn tag_anew(self, pool: Pool, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let other = Refusal::StockIndex { next: pool.stocked };
        let mut tagged = Vec::with_capacity(self.entries.len());
        for (index, (address, mac)) in (self.first_index..).zip(self.entries) {
            if index >= pool.stocked {
                return Err(other.into());
            }
            let found = entry.pool_row(self.family, index)?;
            if found.address != address {
                return Err(other.into());
            }
            if found.mac != mac {
                tagged.push((index, PoolAddress { mac, ..found }));
            }
        }
        for (index, row) in tagged {
            entry.put_row(Table::PoolAddress, custody::pool_key(self.family, index), &row);
        }
        Ok(Done::AddressesStocked { next: pool.stocked })
    }
}

/// Gives a user a deposit address: the one that it has of the network's family, or the next of the pool. An address counts
/// on all networks of its family, and those that were given before stay the user's. A key of a user's asks for one if it may
/// trade or withdraw; one that only reads does not, and none of a frozen user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocateAddress {
    /// Who asks.
    pub user: UserId,
    /// On which network.
    pub network: Network,
    /// Whether to give a new one also where the user has one.
    pub fresh: bool,
}

impl AllocateAddress {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let family = self.network.family();
        match entry.state.users.known(self.user)?.status {
            UserStatus::Active => {}
            UserStatus::Frozen => return Err(Rejection::UserFrozen { user: self.user }.into()),
        }
        let key = custody::user_addresses_key(self.user);
        let mut given: Vec<UserAddress> = entry.row(Table::UserAddresses, &key)?.unwrap_or_default();
        let present = given.iter().rev().find(|one| one.family == family);
        if let Some(one) = present.filter(|_| !self.fresh) {
            let found = entry.pool_row(family, one.index)?;
            return Ok(Done::AddressAllocated { address: found.address, index: one.index, new: false });
        }
        if given.len() >= ADDRESSES_OF_USER_MAX {
            return Err(Refusal::AddressesFull.into());
        }
        if let Some(next) = too_fast(&given, entry.now) {
            return Err(Refusal::AddressesTooFast { next }.into());
        }
        let pool = entry.state.custody.pool(family);
        if pool.given >= pool.stocked {
            return Err(Refusal::PoolEmpty.into());
        }
        let index = pool.given;
        let found = entry.pool_row(family, index)?;

        let at = entry.now;
        given.push(UserAddress { family, index, at });
        entry.put_row(Table::UserAddresses, key, &given);
        let (address, row) = (found.address.clone(), Some(Given { user: self.user, at }));
        entry.put_row(Table::PoolAddress, custody::pool_key(family, index), &PoolAddress { given: row, ..found });
        entry.put_pool(family, Pool { given: index + 1, ..pool });
        entry.event(EventKind::AddressAllocated { user: self.user, network: self.network, index });
        Ok(Done::AddressAllocated { address, index, new: true })
    }
}

/// When a user gets an address again; none where it does at once.
fn too_fast(given: &[UserAddress], now: Timestamp) -> Option<Timestamp> {
    let nth = given.len().checked_sub(GIVEN_PER_HOUR_MAX)?;
    let next = given.get(nth)?.at.plus(HOUR);
    (next > now).then_some(next)
}

impl Entry<'_> {
    fn pool_row(&self, family: Family, index: u32) -> Result<PoolAddress, Halt> {
        let found = self.row(Table::PoolAddress, &custody::pool_key(family, index))?;
        found.ok_or_else(|| Halt::Invariant("what the pool counts is there".into()))
    }
}

/// Whether the command comes from a person, who could put an address of their own under the pool's.
pub(crate) const fn is_by_person(actor: Actor) -> bool {
    super::jobs::is_person(actor)
}
