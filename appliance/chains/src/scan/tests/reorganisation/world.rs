//! The network as it is, and what it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_domain::{BlockHash, Place, TxId};
use rand::RngExt;
use rand::rngs::StdRng;

use super::super::*;
use super::family::{Family, Sealed};
use super::faults::Tally;
use super::{DEPTH_MAX, FINAL_BELOW};

/// An arrival's name.
pub(super) type Name = (TxId, Place);
/// A branch from the first block on; the place in the list is the height.
pub(super) type Branch<F> = Vec<Arc<Sealed<F>>>;

/// Branches that were left and are remembered.
const LEFT_MAX: usize = 3;

pub(super) struct World<F: Family> {
    pub(super) family: F,
    pub(super) random: StdRng,
    /// The canonical branch.
    pub(super) blocks: Branch<F>,
    /// Branches that were left, for endpoints that are still there.
    pub(super) left: Vec<Branch<F>>,
    /// No branch is left at this height or below.
    pub(super) last_final: u64,
    pub(super) tally: Tally,
    drawn: u64,
}

impl<F: Family> World<F> {
    pub(super) fn new(family: F, random: StdRng, tally: Tally) -> World<F> {
        let mut world = World { family, random, blocks: vec![], left: vec![], last_final: 0, tally, drawn: 0 };
        world.grow(FINAL_BELOW + 10, vec![]);
        world
    }

    /// Bytes that were never drawn before.
    pub(super) fn draw(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut bytes: [u8; 32] = self.random.random();
        bytes[..8].copy_from_slice(&self.drawn.to_be_bytes());
        bytes
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    /// Blocks on top of the branch, with new transactions and with old ones that found another place.
    pub(super) fn grow(&mut self, count: u64, mut again: Vec<F::Tx>) {
        for _ in 0..count {
            let name = self.draw();
            let mut txs: Vec<F::Tx> = F::first(&mut self.random, name).into_iter().collect();
            let firsts = txs.len();
            for _ in 0..self.random.random_range(0..4) {
                let name = self.draw();
                txs.push(F::transaction(&mut self.random, name));
            }
            while !again.is_empty() && self.random.random_ratio(2, 3) {
                let at = self.random.random_range(0..again.len());
                let place = self.random.random_range(firsts..=txs.len());
                txs.insert(place, again.swap_remove(at));
                self.tally.again += 1;
            }
            let parent = self.blocks.last().map_or(BlockHash([0; 32]), |block| block.header.block.hash);
            let (height, salt) = (self.blocks.len() as u64, self.draw());
            self.blocks.push(Arc::new(self.family.seal(height, parent, salt, txs)));
        }
        self.last_final = self.last_final.max(self.head().saturating_sub(FINAL_BELOW));
        // No sound node stays on a branch against what is final.
        let (at, blocks) = (self.last_final as usize, &self.blocks);
        self.left.retain(|left| left.get(at).is_some_and(|block| block.header == blocks[at].header));
    }

    /// The last blocks are replaced by others; some of their transactions come again, some never.
    pub(super) fn reorganise(&mut self) {
        let missing = (self.last_final + DEPTH_MAX).saturating_sub(self.head());
        self.grow(missing, vec![]);
        let depth = self.random.random_range(1..=DEPTH_MAX);
        *self.tally.depths.entry(depth).or_default() += 1;
        let before = self.blocks.clone();
        let dropped = self.blocks.split_off(before.len() - depth as usize);
        let mut again = Vec::new();
        for tx in dropped.iter().flat_map(|block| &block.txs) {
            if self.random.random_ratio(3, 4) {
                again.extend(F::again(&mut self.random, tx));
            }
        }
        self.left.push(before);
        if self.left.len() > LEFT_MAX {
            self.left.remove(0);
        }
        // Not always longer: another branch may be heavier with fewer blocks.
        let count = self.random.random_range(depth.saturating_sub(1).max(1)..=depth + 3);
        self.grow(count, again);
    }

    /// What arrived in the blocks behind the first one, up to a height.
    pub(super) fn arrivals(&self, up_to: u64) -> BTreeMap<Name, Sighting> {
        let blocks = self.blocks.iter().skip(1).take(up_to as usize);
        let all = blocks.flat_map(|block| block.txs.iter().flat_map(F::arrivals));
        all.map(|sighting| ((sighting.tx, sighting.place), sighting)).collect()
    }
}
