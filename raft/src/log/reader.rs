//! Reading the log: from the tail in memory, else from the engine.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use exchequer_storage::{Direction, Engine, Error, Scan};
use openraft::storage::RaftLogReader;
use parking_lot::Mutex;

use super::{ENTRIES, Shared, key};
use crate::memory::{Kept, Standing};
use crate::record::{Chain, Record};
use crate::types::{Entry, TypeConfig, Vote};

/// Most bytes that one read for replication returns; it always returns at least one entry.
const READ_BYTES_MAX: usize = 2 << 20;

/// A handle to read entries; cheap to clone.
#[derive(Clone)]
pub(crate) struct LogReader {
    pub(super) shared: Arc<Mutex<Shared>>,
    pub(super) engine: Arc<dyn Engine>,
}

impl LogReader {
    /// The last entry that is on stable storage.
    pub(crate) fn synced_index(&self) -> u64 {
        self.shared.lock().synced.index
    }

    /// What this node keeps, to be held against what others remember.
    pub(crate) fn standing(&self) -> Standing {
        let shared = self.shared.lock();
        // What is committed is never cut, and what is synced is not lost: only both together is kept.
        let committed = shared.committed.map_or(0, |id| id.index);
        let kept = Kept { term: shared.synced.term, index: shared.synced.index.min(committed) };
        Standing { kept, last: shared.last.map_or(0, |id| id.index) }
    }

    /// Entries in `from..until`, as many as fit `bytes_max` but at least one where there is one.
    pub(crate) fn read(&self, from: u64, until: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let mut found = Vec::new();
        let mut bytes = 0;
        let (tail, split, end) = {
            let shared = self.shared.lock();
            let Some(last) = shared.last else { return Ok(found) };
            let end = until.min(last.index + 1);
            let from = shared.purged.map_or(from, |purged| from.max(purged.index + 1));
            let split = shared.tail.front().map_or(end, |front| front.entry.log_id.index).clamp(from.min(end), end);
            let first = shared.tail.front().map_or(0, |front| front.entry.log_id.index);
            let tail: Vec<(Entry, usize)> = if end > split {
                let skip = usize::try_from(split.max(from) - first).unwrap_or(usize::MAX);
                let take = usize::try_from(end - split.max(from)).unwrap_or(usize::MAX);
                let mut budget = bytes_max;
                shared
                    .tail
                    .iter()
                    .skip(skip)
                    .take(take)
                    .enumerate()
                    .take_while(|(position, tailed)| {
                        let fits = *position == 0 || tailed.bytes <= budget;
                        budget = budget.saturating_sub(tailed.bytes);
                        fits
                    })
                    .map(|(_, tailed)| (tailed.entry.clone(), tailed.bytes))
                    .collect()
            } else {
                Vec::new()
            };
            (tail, split, end)
        };
        if from < split {
            let (mut damage, mut full) = (None, false);
            let until = key(split.min(end));
            let scan = Scan { family: ENTRIES, from: &key(from), until: &until, direction: Direction::Forward };
            self.engine.scan(scan, &mut |key, value| {
                let index = key.try_into().map(u64::from_be_bytes).unwrap_or(0);
                if !found.is_empty() && bytes + value.len() > bytes_max {
                    full = true;
                    return false;
                }
                match Record::decode(index, value) {
                    Some(record) => {
                        bytes += value.len();
                        found.push(record.entry);
                        true
                    }
                    None => {
                        damage = Some(index);
                        false
                    }
                }
            })?;
            if let Some(index) = damage {
                return Err(damaged(index));
            }
            if full {
                return Ok(found);
            }
            // Nothing at all is fine: the log begins in the tail, or what was asked for has just been purged.
            if let Some(last) = found.last().map(|entry: &Entry| entry.log_id.index).filter(|last| last + 1 < split) {
                return Err(damaged(last + 1));
            }
        }
        for (entry, size) in tail {
            if !found.is_empty() && bytes + size > bytes_max {
                break;
            }
            bytes += size;
            found.push(entry);
        }
        Ok(found)
    }

    /// The chain hash stored with an entry that is in the engine; `None` where the engine has no such entry.
    pub(super) fn chain_at(&self, index: u64) -> io::Result<Option<Chain>> {
        let Some(bytes) = self.engine.get(ENTRIES, &key(index))? else { return Ok(None) };
        match Record::decode(index, &bytes) {
            Some(record) => Ok(Some(record.chain)),
            None => Err(damaged(index)),
        }
    }
}

pub(super) fn damaged(index: u64) -> io::Error {
    Error::corrupt("log", format!("entry {index} is missing or damaged")).into()
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let until = match range.end_bound() {
        Bound::Included(index) => index.saturating_add(1),
        Bound::Excluded(index) => *index,
        Bound::Unbounded => u64::MAX,
    };
    (from, until)
}

impl RaftLogReader<TypeConfig> for LogReader {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, io::Error> {
        let (from, until) = bounds(&range);
        self.read(from, until, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        self.read(start, end, READ_BYTES_MAX)
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.shared.lock().vote)
    }
}
