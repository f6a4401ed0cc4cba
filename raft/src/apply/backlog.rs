//! What bounds and gates the rows that wait for the persister.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use exchequer_storage::Edit;
use tokio::sync::Notify;

use super::Changes;

/// Bytes of applied rows that may wait for the store; beyond, nothing more is applied until some are written.
const BACKLOG_BYTES_MAX: usize = 256 << 20;
/// What an entry counts as besides its rows.
const ENTRY_BYTES: usize = 64;

struct Inner {
    bytes: AtomicUsize,
    most: usize,
    changed: Notify,
}

/// The bytes of applied rows that are not yet in the store.
#[derive(Clone)]
pub(crate) struct Backlog(Arc<Inner>);

impl Default for Backlog {
    fn default() -> Backlog {
        Backlog::of(BACKLOG_BYTES_MAX)
    }
}

impl Backlog {
    /// One that is full at more than `most` bytes.
    pub(crate) fn of(most: usize) -> Backlog {
        Backlog(Arc::new(Inner { bytes: AtomicUsize::new(0), most, changed: Notify::new() }))
    }

    /// What an entry's rows count as.
    pub(crate) fn bytes_of(changes: &Changes) -> usize {
        let value = |edit: &Edit| match edit {
            Edit::Put(value) => value.len(),
            Edit::Delete | Edit::DeletePrefix | Edit::DeleteUntil(_) => 0,
        };
        ENTRY_BYTES + changes.iter().map(|(_, key, edit)| key.len() + value(edit)).sum::<usize>()
    }

    pub(super) fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove(&self, bytes: usize) {
        self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.0.changed.notify_waiters();
    }

    /// Whether the store is so far behind that nothing more should be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.0.bytes.load(Ordering::Relaxed) > self.0.most
    }

    /// Returns when it is not full.
    pub(super) async fn room(&self) {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            // Before looking, or a change in between would be missed.
            changed.as_mut().enable();
            if !self.is_full() {
                return;
            }
            changed.await;
        }
    }
}

/// How far this node's log is synced, as the persister knows it.
///
/// A cut takes the mark back: another entry may take the place of one that was synced. What was synced before a cut may
/// be told after it, and vouches only for entries that the cut left.
#[derive(Debug, Default)]
pub(super) struct SyncedMark {
    index: Option<u64>,
    cuts: u64,
    /// The cuts of what was told last.
    told: u64,
    /// The last entry that all cuts since then have left.
    left: Option<u64>,
}

impl SyncedMark {
    pub(super) fn covers(&self, index: u64) -> bool {
        self.index.is_some_and(|synced| index <= synced)
    }

    /// Entries up to `index` are synced, of a log that was cut so often.
    pub(super) fn synced(&mut self, index: u64, cuts: u64) {
        self.told = cuts;
        let index = if cuts < self.cuts { self.left.map(|left| left.min(index)) } else { Some(index) };
        self.index = self.index.max(index);
    }

    /// Everything behind `keep` is cut.
    pub(super) fn cut(&mut self, keep: Option<u64>, cuts: u64) {
        self.left = if self.told == self.cuts { keep } else { self.left.min(keep) };
        self.cuts = cuts;
        self.index = self.index.min(keep);
    }

    /// A snapshot up to `index` took the place of log and state.
    pub(super) fn installed(&mut self, index: Option<u64>) {
        self.index = self.index.max(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an entry is never taken for synced because another one was that had its index before. Method: the orders in
    /// which syncs and cuts may be told.
    #[test]
    fn a_cut_takes_the_synced_mark_back() {
        let mut mark = SyncedMark::default();
        mark.synced(508, 0);
        assert!(mark.covers(508));
        mark.cut(Some(500), 1);
        assert!(mark.covers(500) && !mark.covers(501), "{mark:?}");
        // The group before the cut is told late.
        mark.synced(508, 0);
        assert!(mark.covers(500) && !mark.covers(501), "{mark:?}");
        mark.cut(Some(503), 2);
        mark.synced(509, 0);
        assert!(!mark.covers(501), "the first of two cuts went further: {mark:?}");
        mark.synced(504, 2);
        assert!(mark.covers(504) && !mark.covers(505), "{mark:?}");
        mark.cut(None, 3);
        assert!(!mark.covers(0), "{mark:?}");
        mark.synced(504, 2);
        assert!(!mark.covers(0), "{mark:?}");
        mark.installed(Some(600));
        assert!(mark.covers(600));
    }
}
