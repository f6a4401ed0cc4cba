//! Which places of the slab are taken. The lowest free one is always given next.
//!
//! So the place of the next order follows from the open orders alone: a node that restored a snapshot gives the same
//! ids as one that never stopped, and a snapshot need not hold a free list.

use crate::units::ORDERS_MAX;

const WORDS: usize = ORDERS_MAX as usize / 64;
const GROUPS: usize = WORDS / 64;
const TOPS: usize = GROUPS / 64;

/// Three levels of bits; a set bit is a taken place, or a word below without a free one.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    words: Vec<u64>,
    groups: Box<[u64; GROUPS]>,
    tops: [u64; TOPS],
}

impl Taken {
    pub(super) fn new() -> Taken {
        Taken { words: Vec::new(), groups: Box::new([0; GROUPS]), tops: [0; TOPS] }
    }

    /// The lowest free place; nothing when all are taken.
    pub(super) fn lowest_free(&self) -> Option<u32> {
        let (at, top) = self.tops.iter().enumerate().find(|(_, top)| **top != u64::MAX)?;
        let group = at * 64 + top.trailing_ones() as usize;
        let word = group * 64 + self.groups.get(group)?.trailing_ones() as usize;
        let bit = self.words.get(word).map_or(0, |bits| bits.trailing_ones());
        Some(word as u32 * 64 + bit)
    }

    /// The lowest taken place; nothing when all are free. Looks at the words before it.
    pub(super) fn lowest_taken(&self) -> Option<u32> {
        let (word, bits) = self.words.iter().enumerate().find(|(_, bits)| **bits != 0)?;
        Some(word as u32 * 64 + bits.trailing_zeros())
    }

    /// Marks a place; false where it was taken already or does not exist.
    pub(super) fn take(&mut self, slot: u32) -> bool {
        let (word, mask) = split(slot);
        if slot >= ORDERS_MAX {
            return false;
        }
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let Some(bits) = self.words.get_mut(word).filter(|bits| **bits & mask == 0) else { return false };
        *bits |= mask;
        if *bits == u64::MAX
            && let Some(group) = self.groups.get_mut(word / 64)
        {
            *group |= 1 << (word % 64);
            if *group == u64::MAX
                && let Some(top) = self.tops.get_mut(word / 4096)
            {
                *top |= 1 << (word / 64 % 64);
            }
        }
        true
    }

    /// Gives a place back; false where it was not taken.
    pub(super) fn give(&mut self, slot: u32) -> bool {
        let (word, mask) = split(slot);
        let Some(bits) = self.words.get_mut(word).filter(|bits| **bits & mask != 0) else { return false };
        let was_full = *bits == u64::MAX;
        *bits &= !mask;
        if was_full {
            if let Some(group) = self.groups.get_mut(word / 64) {
                *group &= !(1 << (word % 64));
            }
            if let Some(top) = self.tops.get_mut(word / 4096) {
                *top &= !(1 << (word / 64 % 64));
            }
        }
        true
    }
}

fn split(slot: u32) -> (usize, u64) {
    (slot as usize / 64, 1 << (slot % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Goal: the lowest free place is given, across the edges of words and groups, until none is left. Method: all
    /// places taken in turn; then random ones given back and taken again, against a set.
    #[test]
    fn gives_the_lowest() {
        let mut taken = Taken::new();
        for slot in 0..ORDERS_MAX {
            assert_eq!(taken.lowest_free(), Some(slot));
            assert!(taken.take(slot));
        }
        assert_eq!(taken.lowest_free(), None);
        let mut free = BTreeSet::new();
        let mut random = 1_u64;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let slot = (random >> 40) as u32 % ORDERS_MAX;
            if random & (1 << 33) == 0 {
                assert_eq!(taken.give(slot), free.insert(slot));
            } else if let Some(lowest) = taken.lowest_free() {
                assert!(taken.take(lowest) && !taken.take(lowest));
                assert!(free.remove(&lowest));
            }
            assert_eq!(taken.lowest_free(), free.first().copied());
        }
    }
}
