//! The state of a simulated disk, and what a crash does to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::engine::{Rows, Store};
use super::snapshots::{Folder, Incoming};
use super::{Dice, off};
use crate::{Result, SLOT_BYTES};

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Whole,
    /// The power went before it took effect, or in the middle.
    CutBefore,
    /// The power went after it took effect and before it was reported.
    CutAfter,
}

pub(super) struct Medium {
    pub(super) incarnation: u64,
    pub(super) off: bool,
    pub(super) full: bool,
    pub(super) cut_in: Option<u64>,
    pub(super) fail_sync_in: Option<u64>,
    pub(super) operations: u64,
    pub(super) guard: [Vec<u8>; 2],
    pub(super) snapshots: BTreeMap<String, Folder>,
    pub(super) working: BTreeMap<String, Vec<Rows>>,
    /// Working checkpoints with a manifest.
    pub(super) described: BTreeMap<String, Folder>,
    pub(super) incoming: Option<Incoming>,
    pub(super) state: Option<Arc<Mutex<Store>>>,
    log: Arc<Mutex<Store>>,
    chance: u64,
    workings: u64,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Medium {
        Medium {
            incarnation: 0,
            off: true,
            full: false,
            cut_in: None,
            fail_sync_in: None,
            operations: 0,
            guard: [vec![0; SLOT_BYTES], vec![0; SLOT_BYTES]],
            snapshots: BTreeMap::new(),
            working: BTreeMap::new(),
            described: BTreeMap::new(),
            incoming: None,
            state: None,
            log: Arc::default(),
            chance: seed,
            workings: 0,
        }
    }

    /// A number below `below`, from the disk's own sequence (SplitMix64).
    pub(super) fn chance(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below.max(1)
    }

    /// Counts an operation that changes the disk; the power may be cut in it.
    pub(super) fn operate(&mut self) -> Result<Outcome> {
        if self.off {
            return Err(off());
        }
        self.operations += 1;
        match self.cut_in {
            Some(0 | 1) => {
                self.cut_in = None;
                self.off = true;
                Ok(if self.chance(2) == 0 { Outcome::CutBefore } else { Outcome::CutAfter })
            }
            Some(left) => {
                self.cut_in = Some(left - 1);
                Ok(Outcome::Whole)
            }
            None => Ok(Outcome::Whole),
        }
    }

    /// The same for a sync, which may also fail by itself.
    pub(super) fn operate_sync(&mut self) -> Result<Outcome> {
        match self.fail_sync_in {
            Some(0 | 1) => {
                self.fail_sync_in = None;
                self.off = true;
                Ok(Outcome::CutBefore)
            }
            Some(left) => {
                self.fail_sync_in = Some(left - 1);
                self.operate()
            }
            None => self.operate(),
        }
    }

    pub(super) fn log(&mut self, families: usize) -> Arc<Mutex<Store>> {
        self.log.lock().widen(families);
        self.log.clone()
    }

    pub(super) fn state(&mut self, families: usize) -> Arc<Mutex<Store>> {
        let store = self.state.get_or_insert_with(Arc::default);
        store.lock().widen(families);
        store.clone()
    }

    pub(super) fn next_working(&mut self) -> String {
        self.workings += 1;
        format!(".working-{}", self.workings)
    }

    pub(super) fn crash(&mut self, dice: Dice<'_>) {
        // Old handles share the stores of before; the next incarnation gets its own.
        let survive = |store: &mut Arc<Mutex<Store>>, dice: Dice<'_>| {
            let mut kept = std::mem::take(&mut *store.lock());
            kept.crash(dice);
            *store = Arc::new(Mutex::new(kept));
        };
        survive(&mut self.log, dice);
        if let Some(state) = &mut self.state {
            survive(state, dice);
        }
        self.working.clear();
        self.described.clear();
        if let Some(incoming) = &mut self.incoming {
            incoming.crash(dice);
        }
        self.off = true;
    }

    pub(super) fn wipe(&mut self) {
        let (incarnation, chance) = (self.incarnation, self.chance);
        *self = Medium::new(chance);
        self.incarnation = incarnation;
    }

    pub(super) fn log_row(&self, family: usize, key: &[u8]) -> Option<Vec<u8>> {
        self.log.lock().live.get(family)?.get(key).cloned()
    }

    pub(super) fn last_log_key(&self, family: usize) -> Option<Vec<u8>> {
        self.log.lock().live.get(family)?.keys().next_back().cloned()
    }

    pub(super) fn state_row(&self, family: usize, key: &[u8]) -> Option<Vec<u8>> {
        self.state.as_ref()?.lock().live.get(family)?.get(key).cloned()
    }

    pub(super) fn lose_log_rows(&mut self, family: usize, count: usize) -> Option<Vec<u8>> {
        self.log.lock().lose_last(family, count)
    }
}
