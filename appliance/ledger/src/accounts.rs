//! What is in memory of accounts: slots and keys by number, and the numbers by key.
//!
//! Nothing of it grows all at once, for with millions of accounts everything would stand still for as long as that takes,
//! and a leader that stands still is deposed: the lists are in pages, and the index is in parts that grow each by itself.
//! The index has numbers alone; it hashes and compares the keys in the list.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::account::{AccountId, AccountKey, Slot};
use crate::chart::Holder;

/// Accounts of one page.
const PAGE: usize = 1 << 12;

/// Parts of the index.
const PARTS: usize = 1 << 10;
/// Pages whose accounts are sorted by parts of the index together: half a million accounts.
const PAGES_AT_ONCE: usize = 1 << 7;

/// Every account. Numbers go from 0 without gaps, and no key is there twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts {
    slots: Vec<Vec<Slot>>,
    keys: Vec<Vec<AccountKey>>,
    /// By a part of the key's hash; made with the first account. Looked up, never iterated.
    by_key: Vec<HashTable<AccountId>>,
    hasher: DefaultHashBuilder,
}

impl PartialEq for Accounts {
    /// The index follows from the keys.
    fn eq(&self, other: &Accounts) -> bool {
        self.slots == other.slots && self.keys == other.keys
    }
}

impl Eq for Accounts {}

/// The page of an account, and its place there.
fn place(account: AccountId) -> (usize, usize) {
    (account.0 as usize / PAGE, account.0 as usize % PAGE)
}

/// The part of the index in which a key with this hash is. The table itself uses the lowest bits and the highest seven.
fn part(hash: u64) -> usize {
    (hash >> 32) as usize % PARTS
}

fn key_of(keys: &[Vec<AccountKey>], account: AccountId) -> Option<&AccountKey> {
    let (page, at) = place(account);
    keys.get(page)?.get(at)
}

/// Nearly all keys are customers'; in two numbers they hash in half the time.
fn hash(hasher: &DefaultHashBuilder, key: &AccountKey) -> u64 {
    match key.holder {
        Holder::Customer { customer, sub_account } => {
            hasher.hash_one((customer, u64::from(sub_account) << 32 | u64::from(key.asset.0)))
        }
        _ => hasher.hash_one(key),
    }
}

impl Accounts {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self.slots.split_last() {
            Some((last, full)) => full.len() * PAGE + last.len(),
            None => 0,
        }
    }

    pub(crate) fn slot(&self, account: AccountId) -> Option<&Slot> {
        let (page, at) = place(account);
        self.slots.get(page)?.get(at)
    }

    pub(crate) fn slot_mut(&mut self, account: AccountId) -> Option<&mut Slot> {
        let (page, at) = place(account);
        self.slots.get_mut(page)?.get_mut(at)
    }

    /// Two different accounts; none where one of them is not there, or both are the same.
    pub(crate) fn pair_mut(&mut self, one: AccountId, other: AccountId) -> Option<[&mut Slot; 2]> {
        let ((page, at), (other_page, other_at)) = (place(one), place(other));
        if page == other_page {
            return self.slots.get_mut(page)?.get_disjoint_mut([at, other_at]).ok();
        }
        let [page, other_page] = self.slots.get_disjoint_mut([page, other_page]).ok()?;
        Some([page.get_mut(at)?, other_page.get_mut(other_at)?])
    }

    /// Every slot, by number.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flatten()
    }

    pub(crate) fn key(&self, account: AccountId) -> Option<&AccountKey> {
        key_of(&self.keys, account)
    }

    /// The account with this key.
    pub(crate) fn find(&self, key: &AccountKey) -> Option<AccountId> {
        let hash = hash(&self.hasher, key);
        self.by_key.get(part(hash))?.find(hash, |account| self.key(*account) == Some(key)).copied()
    }

    /// Adds an account under the next number, unless its key is there; none where numbers are used up.
    pub(crate) fn push(&mut self, key: AccountKey, slot: Slot) -> Option<AccountId> {
        if self.find(&key).is_some() {
            return None;
        }
        let account = self.append(key, slot)?;
        self.by_key.resize(PARTS, HashTable::new());
        let (keys, hasher) = (&self.keys, &self.hasher);
        let hash_of = |other: &AccountId| key_of(keys, *other).map_or(0, |key| hash(hasher, key));
        let hash = hash(hasher, &key);
        self.by_key.get_mut(part(hash))?.insert_unique(hash, account, hash_of);
        Some(account)
    }

    /// Adds an account under the next number, which is found by its number alone until [`Accounts::index`].
    pub(crate) fn append(&mut self, key: AccountKey, slot: Slot) -> Option<AccountId> {
        let account = AccountId(u32::try_from(self.len()).ok()?);
        if place(account).1 == 0 {
            self.slots.push(Vec::with_capacity(PAGE));
            self.keys.push(Vec::with_capacity(PAGE));
        }
        self.slots.last_mut()?.push(slot);
        self.keys.last_mut()?.push(key);
        Some(account)
    }

    /// Makes the index anew, for accounts that were appended; false where a key is there twice. Part by part, so that what
    /// it writes to is in the processor's cache: with millions of accounts that takes a fifth of the time.
    pub(crate) fn index(&mut self) -> bool {
        let each = self.len() / PARTS;
        let (keys, hasher) = (&self.keys, &self.hasher);
        let hash_of = |other: &AccountId| key_of(keys, *other).map_or(0, |key| hash(hasher, key));
        self.by_key = (0..PARTS).map(|_| HashTable::with_capacity(each + each / 8)).collect();
        let mut numbers = 0_u32..;
        let mut sorted: Vec<Vec<(u64, AccountId)>> = vec![Vec::new(); PARTS];
        for pages in self.keys.chunks(PAGES_AT_ONCE) {
            for (key, number) in pages.iter().flatten().zip(&mut numbers) {
                let hash = hash(hasher, key);
                if let Some(place) = sorted.get_mut(part(hash)) {
                    place.push((hash, AccountId(number)));
                }
            }
            for (table, added) in self.by_key.iter_mut().zip(&mut sorted) {
                for (hash, account) in added.drain(..) {
                    let key = key_of(keys, account);
                    if table.find(hash, |other| key_of(keys, *other) == key).is_some() {
                        return false;
                    }
                    table.insert_unique(hash, account, hash_of);
                }
            }
        }
        true
    }

    /// Takes out the account that was added last; its key and slot.
    pub(crate) fn pop(&mut self) -> Option<(AccountKey, Slot)> {
        let (slot, key) = (self.slots.last_mut()?.pop()?, self.keys.last_mut()?.pop()?);
        if self.slots.last().is_some_and(Vec::is_empty) {
            self.slots.pop();
            self.keys.pop();
        }
        let account = AccountId(u32::try_from(self.len()).ok()?);
        let hash = hash(&self.hasher, &key);
        if let Ok(found) = self.by_key.get_mut(part(hash))?.find_entry(hash, |other| *other == account) {
            found.remove();
        }
        Some((key, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Asset, Sums};

    fn key(customer: u64) -> AccountKey {
        AccountKey { holder: Holder::Customer { customer, sub_account: 0 }, asset: Asset(1) }
    }

    fn slot(postings: u64) -> Slot {
        Slot {
            sums: Sums::default(),
            reserved: 0,
            last_posting: 0,
            postings,
            open_holds: 0,
            asset: 0,
            limit: None,
            dirty: false,
        }
    }

    /// Goal: across the ends of pages every account is found by number and by key, and nothing else is; what was added
    /// last can be taken back. Method: two pages and one account more, and the same again after some were taken back.
    #[test]
    fn pages_hide_nothing() {
        let count = 2 * PAGE as u64 + 1;
        let mut accounts = Accounts::default();
        for number in 0..count {
            assert_eq!(accounts.push(key(number), slot(number)), Some(AccountId(number as u32)));
            assert_eq!(accounts.len() as u64, number + 1);
        }
        assert_eq!(accounts.push(key(3), slot(0)), None, "no key is there twice");
        let whole = accounts.clone();
        for number in (PAGE as u64 - 1..count).rev() {
            assert_eq!(accounts.pop(), Some((key(number), slot(number))));
            assert_eq!((accounts.find(&key(number)), accounts.len() as u64), (None, number));
        }
        assert_ne!(accounts, whole);
        for number in PAGE as u64 - 1..count {
            accounts.push(key(number), slot(number));
        }
        assert_eq!(accounts, whole);
        for number in 0..count {
            let account = AccountId(number as u32);
            assert_eq!(accounts.find(&key(number)), Some(account));
            assert_eq!(accounts.key(account), Some(&key(number)));
            assert_eq!(accounts.slot(account).map(|slot| slot.postings), Some(number));
        }
        assert!(accounts.slots().map(|slot| slot.postings).eq(0..count));
        let beyond = AccountId(count as u32);
        assert_eq!((accounts.find(&key(count)), accounts.key(beyond), accounts.slot(beyond)), (None, None, None));
    }

    /// Goal: an index that is made at once finds what one finds that grew, a key that is there twice is told, and both kinds
    /// of keys are found. Method: more accounts than are sorted at once, a tenth of them not customers'.
    #[test]
    fn an_index_is_made_at_once() {
        let count = (PAGES_AT_ONCE * PAGE) as u32 + 10_000;
        let of = |number: u32| match number % 10 {
            0 => AccountKey { holder: Holder::Venue { venue: number }, asset: Asset(2) },
            _ => key(number.into()),
        };
        let mut accounts = Accounts::default();
        for number in 0..count {
            assert_eq!(accounts.append(of(number), slot(0)), Some(AccountId(number)));
        }
        assert_eq!(accounts.find(&of(7)), None, "there is no index yet");
        assert!(accounts.index());
        for number in 0..count {
            assert_eq!(accounts.find(&of(number)), Some(AccountId(number)));
        }
        assert_eq!((accounts.find(&of(count)), accounts.push(of(count), slot(0))), (None, Some(AccountId(count))));
        assert_eq!(accounts.find(&of(count)), Some(AccountId(count)));
        accounts.append(of(1), slot(0));
        assert!(!accounts.index());
    }

    /// Goal: two accounts are changed at once, on one page or on two, but never one twice.
    #[test]
    fn pairs_are_two() {
        let mut accounts = Accounts::default();
        for number in 0..PAGE as u64 + 2 {
            accounts.push(key(number), slot(number));
        }
        let last = PAGE as u32 + 1;
        for (one, other) in [(0, 1), (1, 0), (0, last), (last, 0), (last, last - 1)] {
            let [left, right] = accounts.pair_mut(AccountId(one), AccountId(other)).unwrap();
            assert_eq!((left.postings, right.postings), (u64::from(one), u64::from(other)));
        }
        for (one, other) in [(0, 0), (last, last), (0, last + 1), (last + 1, last), (0, u32::MAX)] {
            assert!(accounts.pair_mut(AccountId(one), AccountId(other)).is_none(), "{one} and {other}");
        }
    }
}
