//! The set of our addresses, exact, for millions of them.
//!
//! Whole keys lie sorted in one piece of memory, as they lie in the file; a table of where each pair of first bytes begins leaves
//! some seventy to search among of five millions. Against a hash set it takes less than half of the memory and nothing is
//! computed at a start. Keys are addresses' hashes and so spread evenly; where they did not, a search would take a few steps more.
//! What came since the file waits in a small set of its own.

use std::collections::HashSet;

use exchequer_domain::Network;

use super::Key;

/// Most addresses of one set: five millions are promised, the rest is room to notice in time.
pub const KEYS_MAX: usize = 8_000_000;
/// Most addresses that wait beside the sorted ones before they are merged in.
pub const OVERLAY_KEYS_MAX: usize = 65_536;
/// Room for so many merges is made at once, since making room may copy everything.
const MERGES_OF_ROOM: usize = 4;
/// Pairs of first bytes.
const PREFIXES: usize = 1 << 16;

/// Why an address cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// There are too many.
    #[error("a network can have at most {KEYS_MAX} addresses watched; give the network's workers another set")]
    Full,
    /// It is of another family.
    #[error("the key has {found} bytes, and keys of {network} have {wanted}")]
    OtherFamily {
        /// Whose set it is.
        network: Network,
        /// Bytes of its keys.
        wanted: usize,
        /// Bytes of this one.
        found: usize,
    },
    /// Its version is lower than the set's.
    #[error("the set is of version {set} already, and this is of {found}")]
    Version {
        /// The set's.
        set: u64,
        /// The address's.
        found: u64,
    },
}

/// The addresses of ours on a network.
pub struct AddressSet {
    network: Network,
    version: u64,
    width: usize,
    /// Sorted, without repetition, one behind the other.
    keys: Vec<u8>,
    /// Where the keys of each pair of first bytes begin, and at the end how many there are.
    starts: Vec<u32>,
    overlay: HashSet<Key>,
}

impl AddressSet {
    /// None yet.
    #[must_use]
    pub fn new(network: Network) -> AddressSet {
        let width = Key::width(network.family());
        AddressSet {
            network,
            version: 0,
            width,
            keys: Vec::new(),
            starts: vec![0; PREFIXES + 1],
            overlay: HashSet::new(),
        }
    }

    /// From sorted keys. `None` where they are not sorted, repeat, or are too many.
    pub(super) fn of_sorted(network: Network, version: u64, keys: Vec<u8>) -> Option<AddressSet> {
        let width = Key::width(network.family());
        let whole = keys.len().is_multiple_of(width) && keys.len() / width <= KEYS_MAX;
        let ascending =
            |keys: &[u8]| keys.chunks_exact(width).zip(keys.chunks_exact(width).skip(1)).all(|(a, b)| a < b);
        if !whole || !ascending(&keys) {
            return None;
        }
        let mut set = AddressSet { version, keys, ..AddressSet::new(network) };
        set.index();
        Some(set)
    }

    /// Whose addresses.
    #[must_use]
    pub fn network(&self) -> Network {
        self.network
    }

    /// Up to which version of the state's list of addresses they are: with the highest version that was added.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len() / self.width + self.overlay.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that they take, roughly.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.keys.capacity()
            + self.starts.capacity() * size_of::<u32>()
            + self.overlay.capacity() * (size_of::<Key>() + 1)
    }

    /// Whether the address is among them.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        let bytes = key.bytes();
        bytes.len() == self.width && (self.sorted(bytes) || (!self.overlay.is_empty() && self.overlay.contains(key)))
    }

    fn sorted(&self, key: &[u8]) -> bool {
        let prefix = usize::from(key[0]) << 8 | usize::from(key[1]);
        let (mut low, mut high) = (self.starts[prefix] as usize, self.starts[prefix + 1] as usize);
        while low < high {
            let middle = low.midpoint(high);
            let at = middle * self.width;
            match self.keys[at..at + self.width].cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return true,
            }
        }
        false
    }

    /// Adds an address that the state's list has since a version. Whether it was new.
    ///
    /// # Errors
    /// [`SetError`]; then nothing is changed.
    pub fn insert(&mut self, key: Key, version: u64) -> Result<bool, SetError> {
        let found = key.bytes().len();
        if found != self.width {
            return Err(SetError::OtherFamily { network: self.network, wanted: self.width, found });
        }
        if version < self.version {
            return Err(SetError::Version { set: self.version, found: version });
        }
        let new = !self.contains(&key);
        if new {
            if self.len() >= KEYS_MAX {
                return Err(SetError::Full);
            }
            if self.overlay.len() >= OVERLAY_KEYS_MAX {
                self.merge();
            }
            self.overlay.insert(key);
        }
        self.version = version;
        Ok(new)
    }

    /// Puts what waits among the sorted ones, from the end, in place.
    pub(super) fn merge(&mut self) {
        let mut added: Vec<Key> = self.overlay.drain().collect();
        added.sort_unstable();
        let (width, old) = (self.width, self.keys.len());
        let more = added.len() * width;
        if self.keys.capacity() - old < more {
            let room = if old == 0 { more } else { more.max(OVERLAY_KEYS_MAX * MERGES_OF_ROOM * width) };
            self.keys.reserve_exact(room);
        }
        self.keys.resize(old + more, 0);
        let (mut from, mut to) = (old, old + more);
        for key in added.iter().rev() {
            // All of the old ones that are larger move behind it at once.
            let larger = self.first_larger(from, key.bytes());
            let count = from - larger;
            self.keys.copy_within(larger..from, to - count);
            (from, to) = (larger, to - count - width);
            self.keys[to..to + width].copy_from_slice(key.bytes());
        }
        self.index();
    }

    /// Where among the first `end` bytes the first key larger than this one begins.
    fn first_larger(&self, end: usize, key: &[u8]) -> usize {
        let (mut low, mut high) = (0, end / self.width);
        while low < high {
            let middle = low.midpoint(high);
            if &self.keys[middle * self.width..(middle + 1) * self.width] > key {
                high = middle
            } else {
                low = middle + 1
            }
        }
        low * self.width
    }

    fn index(&mut self) {
        self.starts.clear();
        for (at, key) in (0_u32..).zip(self.keys.chunks_exact(self.width)) {
            let prefix = usize::from(key[0]) << 8 | usize::from(key[1]);
            while self.starts.len() <= prefix {
                self.starts.push(at);
            }
        }
        let count = u32::try_from(self.keys.len() / self.width).unwrap_or(u32::MAX);
        self.starts.resize(PREFIXES + 1, count);
    }

    /// The sorted keys, one behind the other, after a merge.
    pub(super) fn sorted_keys(&mut self) -> &[u8] {
        if !self.overlay.is_empty() {
            self.merge();
        }
        &self.keys
    }
}

impl std::fmt::Debug for AddressSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} addresses of {} as of version {}", self.len(), self.network, self.version)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Goal: the set is exact: it has what was added and nothing else, also near neighbours and keys that share their beginning.
    /// Method: against a set of the standard library, with merges forced in between, for keys of both widths.
    #[test]
    fn the_set_is_exact() {
        let seed: u64 = std::env::var("SEED").ok().map_or_else(rand::random, |seed| seed.parse().unwrap());
        println!("SEED={seed}");
        let mut random = StdRng::seed_from_u64(seed);
        for network in [Network::Ethereum, Network::Bitcoin] {
            let (mut set, mut model) = (AddressSet::new(network), BTreeSet::new());
            for step in 0..6000_u64 {
                let key = key(network, &mut random);
                assert_eq!(set.insert(key, step), Ok(model.insert(key)));
                if random.random_ratio(1, 500) {
                    set.merge();
                }
                let near = neighbour(key, &mut random);
                assert_eq!(set.contains(&near), model.contains(&near), "{near:?}");
            }
            set.merge();
            assert_eq!(set.len(), model.len());
            let flat: Vec<u8> = model.iter().flat_map(|key| key.bytes().to_vec()).collect();
            assert_eq!(set.sorted_keys(), flat);
            for key in &model {
                assert!(set.contains(key));
                let near = neighbour(*key, &mut random);
                assert_eq!(set.contains(&near), model.contains(&near));
            }
        }
    }

    /// Keys of which many share their first bytes, and some are at the very ends.
    fn key(network: Network, random: &mut StdRng) -> Key {
        let mut bytes = [0_u8; 32];
        random.fill(&mut bytes);
        match random.random_range(0..4) {
            0 => bytes[..18].fill(0),
            1 => bytes[..18].fill(0xff),
            _ => {}
        }
        match network {
            Network::Bitcoin => Key::Script(bytes),
            _ => Key::Account(bytes[..20].try_into().unwrap()),
        }
    }

    fn neighbour(key: Key, random: &mut StdRng) -> Key {
        let bit = random.random_range(0..key.bytes().len() * 8);
        let flip = |bytes: &mut [u8]| bytes[bit / 8] ^= 1 << (bit % 8);
        match key {
            Key::Account(mut bytes) => {
                flip(&mut bytes);
                Key::Account(bytes)
            }
            Key::Script(mut bytes) => {
                flip(&mut bytes);
                Key::Script(bytes)
            }
        }
    }

    /// Goal: what does not belong in a set is refused and changes nothing.
    #[test]
    fn foreign_keys_are_refused() {
        let mut set = AddressSet::new(Network::Tron);
        assert!(!set.contains(&Key::Account([1; 20])));
        assert_eq!(set.insert(Key::Account([1; 20]), 7), Ok(true));
        assert_eq!(set.insert(Key::Account([1; 20]), 8), Ok(false));
        assert_eq!(set.version(), 8);
        let other = set.insert(Key::Script([1; 32]), 9);
        assert_eq!(other, Err(SetError::OtherFamily { network: Network::Tron, wanted: 20, found: 32 }));
        assert_eq!(set.insert(Key::Account([2; 20]), 7), Err(SetError::Version { set: 8, found: 7 }));
        assert!(!set.contains(&Key::Script([1; 32])) && !set.contains(&Key::Account([2; 20])));
        assert_eq!((set.len(), set.version()), (1, 8));
        assert!(AddressSet::of_sorted(Network::Tron, 0, vec![1; 40]).is_none(), "twice the same");
        assert!(AddressSet::of_sorted(Network::Tron, 0, vec![1; 21]).is_none(), "not whole");
        assert!(AddressSet::of_sorted(Network::Tron, 0, [[2; 20], [1; 20]].concat()).is_none(), "not sorted");
    }
}
