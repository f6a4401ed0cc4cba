//! Events that have no number: heartbeats, tickers of health. Whoever listens gets them while it keeps up; what it misses
//! is counted.

use std::sync::Arc;

use exchequer_state::events::Topic;
use serde_json::Value;
use tokio::sync::broadcast;

/// How many may wait for one listener.
const WAITING_MAX: usize = 1_024;
/// Longest text of one.
const DATA_BYTES_MAX: usize = 16 << 10;

/// One ephemeral event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passing {
    pub(crate) topic: Topic,
    pub(crate) kind: &'static str,
    pub(crate) key: String,
    /// JSON.
    pub(crate) data: String,
}

/// Where ephemeral events are published; clones publish to the same listeners. Publishing never waits, and costs next to
/// nothing while nobody listens.
#[derive(Debug, Clone)]
pub struct Ephemeral {
    out: broadcast::Sender<Arc<Passing>>,
}

impl Default for Ephemeral {
    fn default() -> Ephemeral {
        Ephemeral { out: broadcast::Sender::new(WAITING_MAX) }
    }
}

impl Ephemeral {
    /// Whether anybody listens; what is costly to put together need not be otherwise.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.out.receiver_count() > 0
    }

    /// Tells those who listen at this node now. `kind` is a word such as `worker-heartbeat`, `key` what it happened to. One
    /// that is too long is not told.
    pub fn publish(&self, topic: Topic, kind: &'static str, key: impl Into<String>, data: &Value) {
        if !self.is_heard() {
            return;
        }
        let data = data.to_string();
        if data.len() > DATA_BYTES_MAX {
            tracing::warn!(kind, bytes = data.len(), "an ephemeral event is too long and is not told");
            return;
        }
        // The last listener may have gone meanwhile.
        let _ = self.out.send(Arc::new(Passing { topic, kind, key: key.into(), data }));
    }

    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<Passing>> {
        self.out.subscribe()
    }
}
