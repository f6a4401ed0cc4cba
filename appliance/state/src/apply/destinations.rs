//! Which addresses a user knows, and whether one only looks like one of them.

use exchequer_domain::{ChainAddress, Network, UserId};

use super::Entry;
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rows::Table;
use crate::withdrawals::{ALIKE_MAX, look_key, stranger_among};

impl Entry<'_> {
    /// Whether an address looks like one that the user knows without being it.
    pub(super) fn only_looks_known(
        &self,
        user: UserId,
        network: Network,
        address: &ChainAddress,
    ) -> Result<bool, Halt> {
        let Some(key) = look_key(user, network.family(), address) else { return Ok(false) };
        let known: Vec<ChainAddress> = self.row(Table::AddressLook, &key)?.unwrap_or_default();
        Ok(stranger_among(&known, address).is_some() && !planted::has(Bug::LooksIgnored))
    }

    /// A user's book has an address from now on, or the user was paid there.
    pub(super) fn know_address(&mut self, user: UserId, network: Network, address: &ChainAddress) -> Result<(), Halt> {
        let Some(key) = look_key(user, network.family(), address) else { return Ok(()) };
        let mut known: Vec<ChainAddress> = self.row(Table::AddressLook, &key)?.unwrap_or_default();
        if known.last() == Some(address) {
            return Ok(());
        }
        known.retain(|one| one != address);
        known.push(address.clone());
        let excess = known.len().saturating_sub(ALIKE_MAX);
        known.drain(..excess);
        self.put_row(Table::AddressLook, key, &known);
        Ok(())
    }
}
