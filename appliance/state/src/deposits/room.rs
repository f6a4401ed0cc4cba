//! The deposits in memory: those that something can still happen to, and the sets by which they are found.
//!
//! Invariant: a deposit enters through [`Deposits::put`] and leaves through [`Deposits::take`], which keep every index.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{Network, TxId, UserId};
use exchequer_ledger::Asset;

use super::chain::Chains;
use super::deposit::{Deposit, DepositId, DepositState, Why, of_key, over_key};
use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rows::{self, Family, Rows, Table};

/// Deposits of a network in memory; one takes about 500 bytes. Scanning of that network waits where there are as many: dust on
/// a cheap network stops no other one.
pub const OPEN_DEPOSITS_PER_NETWORK_MAX: usize = 40_000;
/// From so many on, what is less than the least deposit takes no more of that memory: it costs its sender next to nothing, and would
/// fill what deposits need. It is history at once, and in no account; `deposit explain` tells of it.
pub const DUST_SHELVED_FROM: usize = OPEN_DEPOSITS_PER_NETWORK_MAX / 2;
/// Deposits of one page.
pub const DEPOSITS_PAGE_MAX: usize = 1_000;

/// Where in memory a deposit waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// In no block.
    Pending,
    /// Not deep enough.
    Confirming,
    /// Not free to leave.
    Credited,
    /// Over; only a reorganisation changes it.
    Over,
    /// Waits until deposits of the asset are on.
    Closed,
    /// Waits for persons.
    Suspense,
}

impl Class {
    const fn of(deposit: &Deposit) -> Class {
        match deposit.state {
            DepositState::Pending => Class::Pending,
            DepositState::Confirming => Class::Confirming,
            DepositState::Credited => Class::Credited,
            DepositState::Suspense { why: Why::Closed } => Class::Closed,
            // Nobody is asked about dust; what is in the ledger is history once no reorganisation reaches it.
            DepositState::Suspense { why: Why::Dust } if deposit.booked => Class::Over,
            DepositState::Suspense { .. } => Class::Suspense,
            DepositState::Unlocked
            | DepositState::BelowMinimum
            | DepositState::Orphaned
            | DepositState::Replaced
            | DepositState::Reversed { .. }
            | DepositState::Assigned { .. } => Class::Over,
        }
    }

    /// Whether it waits for persons, or until deposits of its asset are on.
    const fn is_suspense(self) -> bool {
        match self {
            Class::Closed | Class::Suspense => true,
            Class::Pending | Class::Confirming | Class::Credited | Class::Over => false,
        }
    }

    /// Those of deposits that are in blocks.
    pub(crate) const IN_BLOCKS: [Class; 5] =
        [Class::Confirming, Class::Credited, Class::Over, Class::Closed, Class::Suspense];
}

/// How far networks are scanned, and the deposits in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deposits {
    pub(crate) chains: Chains,
    pub(super) last: u64,
    open: BTreeMap<DepositId, Deposit>,
    /// How many of them are of each network.
    open_of: BTreeMap<Network, usize>,
    /// How many of them wait for persons, or until deposits of their asset are on.
    suspended: usize,
    /// By network, what they wait for, and height; confirming ones by the height at which they count as included.
    lines: BTreeSet<(Network, Class, u64, DepositId)>,
    /// What each user has that cannot leave yet, in minor units.
    unripe: BTreeMap<(UserId, Asset), u128>,
}

impl Deposits {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Deposits, Halt> {
        let mut all = Deposits { chains: Chains::load(rows)?, ..Deposits::default() };
        rows::for_each_of_table(rows, Table::Deposit, |key, row| {
            let damaged = |error| Halt::row(Table::Deposit, error);
            if key.is_empty() {
                all.last = codec::decode(row).map_err(damaged)?;
                return Ok(());
            }
            let deposit: Deposit = codec::decode(row).map_err(damaged)?;
            if key != deposit.id.0.to_be_bytes() {
                return Err(damaged(DecodeError::Malformed));
            }
            all.put(deposit);
            Ok(())
        })?;
        Ok(all)
    }

    /// How far the networks are scanned.
    #[must_use]
    pub fn chains(&self) -> &Chains {
        &self.chains
    }

    /// The number of the last deposit.
    #[must_use]
    pub fn last(&self) -> DepositId {
        DepositId(self.last)
    }

    /// How many deposits are in memory.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// How many deposits of a network are in memory.
    #[must_use]
    pub fn open_count_of(&self, network: Network) -> usize {
        self.open_of.get(&network).copied().unwrap_or_default()
    }

    /// A deposit that is in memory.
    #[must_use]
    pub fn get(&self, id: DepositId) -> Option<&Deposit> {
        self.open.get(&id)
    }

    /// The deposits of a network that wait for persons, or until its deposits are on.
    pub fn in_suspense(&self, network: Network) -> impl Iterator<Item = &Deposit> {
        let of = move |class| self.in_line(network, class, 0, u64::MAX);
        of(Class::Closed).chain(of(Class::Suspense)).filter_map(|id| self.open.get(&id))
    }

    /// How many deposits of all networks wait for persons, or until deposits of their asset are on.
    #[must_use]
    pub fn suspended(&self) -> usize {
        self.suspended
    }

    /// What a user has of an asset that cannot leave yet, in minor units.
    #[must_use]
    pub fn unripe(&self, user: UserId, asset: Asset) -> u128 {
        self.unripe.get(&(user, asset)).copied().unwrap_or_default()
    }

    /// All that a user has that cannot leave yet.
    pub fn unripe_of(&self, user: UserId) -> impl Iterator<Item = (Asset, u128)> {
        let of = self.unripe.range((user, Asset(0))..=(user, Asset(u32::MAX)));
        of.map(|((_, asset), amount)| (*asset, *amount))
    }

    /// A deposit, in memory or not.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn find(&self, rows: &dyn Rows, id: DepositId) -> Result<Option<Deposit>, Halt> {
        if let Some(deposit) = self.get(id) {
            return Ok(Some(deposit.clone()));
        }
        let row = rows.get(Family::History, &over_key(id))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::DepositOver, error))).transpose()
    }

    /// A user's deposits on a network with numbers below `before`, latest first; at most `limit` and
    /// [`DEPOSITS_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Deposits::find`].
    pub fn of_user(
        &self,
        rows: &dyn Rows,
        user: UserId,
        network: Network,
        before: DepositId,
        limit: usize,
    ) -> Result<Vec<Deposit>, Halt> {
        let (from, until) = (of_key(user, network, DepositId(0)), of_key(user, network, before));
        self.listed(rows, &from, &until, limit, true)
    }

    /// The deposits that a transaction made.
    ///
    /// # Errors
    /// As [`Deposits::find`].
    pub fn of_tx(&self, rows: &dyn Rows, network: Network, tx: &exchequer_domain::TxId) -> Result<Vec<Deposit>, Halt> {
        let (from, until) = (super::tx_key(network, tx, DepositId(0)), super::tx_key(network, tx, DepositId(u64::MAX)));
        self.listed(rows, &from, &until, DEPOSITS_PAGE_MAX, false)
    }

    fn listed(
        &self,
        rows: &dyn Rows,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Deposit>, Halt> {
        let page = rows.scan(Family::History, from, until, limit.min(DEPOSITS_PAGE_MAX), reverse)?;
        let mut found = Vec::with_capacity(page.len());
        for (key, _) in page {
            let id = key.last_chunk::<8>().map(|id| DepositId(u64::from_be_bytes(*id)));
            let deposit = id.map(|id| self.find(rows, id)).transpose()?.flatten();
            found.push(deposit.ok_or(Halt::row(Table::DepositOver, DecodeError::Malformed))?);
        }
        Ok(found)
    }

    /// The transactions of payments that wait for a block.
    pub fn pending(&self, network: Network) -> impl Iterator<Item = TxId> {
        self.in_line(network, Class::Pending, 0, u64::MAX).filter_map(|id| self.get(id)).map(|deposit| deposit.tx)
    }

    /// The numbers of those of a network that wait for something, between two heights, the lower one first.
    pub(crate) fn in_line(
        &self,
        network: Network,
        class: Class,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = DepositId> {
        let range = (network, class, from, DepositId(0))..=(network, class, to, DepositId(u64::MAX));
        let range = if from <= to { Some(range) } else { None };
        range.into_iter().flat_map(|range| self.lines.range(range)).map(|(.., id)| *id)
    }

    pub(crate) fn number(&mut self) -> DepositId {
        self.last += 1;
        DepositId(self.last)
    }

    fn line(deposit: &Deposit) -> (Network, Class, u64, DepositId) {
        let class = Class::of(deposit);
        let block = deposit.block.map(|block| block.height);
        let height = if class == Class::Confirming { deposit.height() } else { block };
        (deposit.network, class, height.unwrap_or_default(), deposit.id)
    }

    /// Puts a deposit into memory.
    pub(crate) fn put(&mut self, deposit: Deposit) {
        self.lines.insert(Deposits::line(&deposit));
        self.suspended += usize::from(Class::of(&deposit).is_suspense());
        if let Some((key, units)) = unripe_part(&deposit) {
            *self.unripe.entry(key).or_default() += units;
        }
        *self.open_of.entry(deposit.network).or_default() += 1;
        self.open.insert(deposit.id, deposit);
    }

    /// Takes a deposit out of memory, to change it and put it back.
    pub(crate) fn take(&mut self, id: DepositId) -> Option<Deposit> {
        let deposit = self.open.remove(&id)?;
        self.lines.remove(&Deposits::line(&deposit));
        self.suspended -= usize::from(Class::of(&deposit).is_suspense());
        if let Some(count) = self.open_of.get_mut(&deposit.network) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.open_of.remove(&deposit.network);
            }
        }
        if let Some((key, units)) = unripe_part(&deposit)
            && let Some(sum) = self.unripe.get_mut(&key)
        {
            *sum = sum.saturating_sub(units);
            if *sum == 0 {
                self.unripe.remove(&key);
            }
        }
        Some(deposit)
    }
}

/// What of a deposit cannot leave yet.
fn unripe_part(deposit: &Deposit) -> Option<((UserId, Asset), u128)> {
    let unripe = deposit.state == DepositState::Credited && deposit.units > 0;
    unripe.then_some(((deposit.user?, deposit.asset?), deposit.units))
}
