//! What is being done with this node's snapshots: which are on their way to somebody, and which turned out damaged.
//!
//! The persister does not remove a snapshot that is held. While one is on its way to a follower, no newer one is taken
//! and the log behind it is kept: the follower needs that log next, and consensus counts only the entries that it is
//! sending itself as being in use.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

#[derive(Default)]
struct Uses {
    /// Who holds a snapshot, by its name.
    held: BTreeMap<String, usize>,
    /// How many transfers to followers there are, by the index of their snapshot.
    sent: BTreeMap<u64, usize>,
    damaged: BTreeSet<String>,
    /// A snapshot was found damaged since the last one was begun.
    renew: bool,
}

/// The uses of a node's snapshots. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct SnapshotUses {
    uses: Arc<Mutex<Uses>>,
    told: Arc<Notify>,
}

/// Keeps a snapshot from being removed for as long as it lives.
pub struct SnapshotHold {
    uses: SnapshotUses,
    name: String,
    sent: Option<u64>,
}

impl std::fmt::Debug for SnapshotHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SnapshotHold").field(&self.name).finish()
    }
}

fn release<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for SnapshotHold {
    fn drop(&mut self) {
        let mut uses = self.uses.uses.lock();
        release(&mut uses.held, &self.name);
        if let Some(index) = self.sent {
            release(&mut uses.sent, &index);
        }
    }
}

impl SnapshotUses {
    /// Holds a snapshot that is read here.
    pub(crate) fn hold(&self, name: &str) -> SnapshotHold {
        self.take(name, None)
    }

    /// Holds a snapshot that is sent to a follower; `index` is its last entry.
    pub(crate) fn hold_to_send(&self, name: &str, index: u64) -> SnapshotHold {
        self.take(name, Some(index))
    }

    fn take(&self, name: &str, sent: Option<u64>) -> SnapshotHold {
        let mut uses = self.uses.lock();
        *uses.held.entry(name.to_owned()).or_default() += 1;
        if let Some(index) = sent {
            *uses.sent.entry(index).or_default() += 1;
        }
        SnapshotHold { uses: self.clone(), name: name.to_owned(), sent }
    }

    pub(crate) fn is_held(&self, name: &str) -> bool {
        self.uses.lock().held.contains_key(name)
    }

    /// The last entry of the oldest snapshot that is on its way to a follower.
    pub(crate) fn sent_index(&self) -> Option<u64> {
        self.uses.lock().sent.keys().next().copied()
    }

    /// Notes that a snapshot is damaged: it is not handed out any more, and another one is wanted.
    pub(crate) fn damaged(&self, name: &str) {
        let mut uses = self.uses.lock();
        if uses.damaged.insert(name.to_owned()) {
            tracing::error!(
                code = "EXQ-0602",
                snapshot = name,
                "this node's snapshot is damaged: it makes another one"
            );
            uses.renew = true;
            self.told.notify_one();
        }
    }

    pub(crate) fn is_damaged(&self, name: &str) -> bool {
        self.uses.lock().damaged.contains(name)
    }

    /// The snapshot of this name is gone, or another one took its place.
    pub(crate) fn forget(&self, name: &str) {
        self.uses.lock().damaged.remove(name);
    }

    /// Whether a snapshot is wanted because one is damaged.
    pub(crate) fn wants_another(&self) -> bool {
        self.uses.lock().renew
    }

    /// The same, asked by whoever begins to make one.
    pub(crate) fn take_wish(&self) -> bool {
        std::mem::take(&mut self.uses.lock().renew)
    }

    /// Returns when damage was told since the last time.
    pub(crate) async fn told(&self) {
        self.told.notified().await;
    }
}
