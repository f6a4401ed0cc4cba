//! What consensus asks of the layers above.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

/// What the layers above contribute to a node.
pub trait Hooks: Send + Sync + 'static {
    /// Whether a node was removed from the cluster; its calls are refused.
    fn is_removed(&self, node: u64) -> bool;

    /// Answers a peer's request of the layers above; an error is passed on as text.
    fn answer(
        &self,
        from: u64,
        topic: String,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<Bytes, String>> + Send>>;

    /// What this node wants its peers to know about it.
    fn beacon(&self) -> Bytes;

    /// When snapshots are taken and how much log is kept; `None` leaves it to [`Timing`].
    fn snapshot_rules(&self) -> Option<SnapshotRules> {
        None
    }

    /// How far a node's clock may be from the voters' median before it must not lead.
    fn clock_offset_max(&self) -> Duration;
}

/// When snapshots are taken and how much log is kept behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotRules {
    /// Applied bytes after which one is taken.
    pub bytes: u64,
    /// Time after which one is taken if anything was applied.
    pub interval: Duration,
    /// Entries kept behind the latest one, for followers that lag.
    pub entries_kept: u64,
}
