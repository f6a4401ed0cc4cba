//! When this node was last in touch with its leader, and how old its state is.
//!
//! The two are not the same: a follower whose disk is full, or that receives a snapshot, hears its leader all the time
//! and applies nothing. A leader's beacon says what it had applied and how long before that a majority had answered it.
//! A node that has applied as much has everything that had been acknowledged at that earlier moment.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::RaftMetrics;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::Instant;

use super::Inner;
use crate::machine::Machine;
use crate::types::TypeConfig;

/// A leader that no majority has answered for so long takes no commands.
const MAJORITY_SILENCE_MAX: Duration = Duration::from_secs(3);

/// The moment up to which a follower's state is known to be complete.
#[derive(Debug, Default)]
struct Freshness {
    at: Option<Instant>,
    /// What has yet to be applied, and the moment that it makes the state as fresh as. Kept until it is applied: a node
    /// that is always a little behind would otherwise chase one beacon after the other.
    pending: Option<(u64, Instant)>,
}

impl Freshness {
    /// A leader had applied `index`, which was everything acknowledged up to `moment`.
    fn hear(&mut self, index: u64, moment: Instant) {
        if self.at.is_none_or(|at| moment > at) {
            self.pending.get_or_insert((index, moment));
        }
    }

    /// This node has applied `index`.
    fn apply(&mut self, index: u64) {
        if let Some((_, moment)) = self.pending.filter(|(wanted, _)| index >= *wanted) {
            (self.at, self.pending) = (self.at.max(Some(moment)), None);
        }
    }
}

/// On a leader: how long ago a majority last answered it. A sole voter is its own majority, which openraft, noting what
/// others answer, does not count.
pub(super) fn quorum_age(me: u64, metrics: &RaftMetrics<TypeConfig>) -> Option<Duration> {
    if metrics.state.is_leader() && metrics.membership_config.voter_ids().all(|voter| voter == me) {
        return Some(Duration::ZERO);
    }
    metrics.last_quorum_acked.map(|at| openraft::Instant::elapsed(&*at))
}

/// Notes both for as long as the node runs, and how long ago replicated time was last heard of.
pub(super) async fn run<M: Machine>(inner: Arc<Inner<M>>) {
    let pause = inner.timing.heartbeat;
    let mut fresh = Freshness::default();
    loop {
        tokio::time::sleep(pause).await;
        let (applied, time_us) = {
            let applied = inner.state.applied.lock();
            (applied.last.map_or(0, |last| last.index), applied.time_us)
        };
        inner.clock.lock().observe(time_us);
        let metrics = inner.raft.metrics();
        let (leads, quorum_age, leader, term) = {
            let now = metrics.borrow_watched();
            (now.state.is_leader(), quorum_age(inner.us.node, &now), now.current_leader, now.current_term)
        };
        let silent = quorum_age.is_some_and(|age| age > MAJORITY_SILENCE_MAX);
        inner.cut_off.store(leads && silent, Ordering::Relaxed);
        let now = Instant::now();
        let seen = if leads {
            let acked = quorum_age.and_then(|age| now.checked_sub(age));
            // Before its activation is applied it may lack what the leader before it acknowledged.
            if inner.epoch.borrow().is_some_and(|epoch| epoch.term == term) {
                fresh.at = fresh.at.max(acked);
            }
            acked
        } else {
            // The vote tells whom this node follows, not whether that one still leads: only the leader itself can.
            let view = leader.and_then(|leader| inner.peers.lock().get(&leader).cloned());
            let view = view.filter(|view| view.term == term);
            if let Some((index, moment)) = view.as_ref().and_then(|view| Some((view.applied_index, view.led_at?))) {
                fresh.apply(applied);
                fresh.hear(index, moment);
            }
            view.and_then(|view| view.led_at)
        };
        fresh.apply(applied);
        *inner.fresh_at.lock() = fresh.at;
        let mut last = inner.leader_seen.lock();
        if seen > *last {
            *last = seen;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Goal: a node that hears its leader but applies nothing grows old, and one that is always a little behind does
    /// not. Method: beacons half a second apart; none of them applied, then each applied after the next one was heard.
    #[test]
    fn state_is_as_fresh_as_what_is_applied() {
        let start = Instant::now();
        let at = |beats: u64| start + Duration::from_millis(500 * beats);
        let mut fresh = Freshness::default();
        fresh.hear(10, at(0));
        fresh.apply(9);
        assert_eq!(fresh.at, None, "what the leader had is not applied yet");
        fresh.apply(10);
        assert_eq!(fresh.at, Some(at(0)));
        for beat in 1..100 {
            fresh.hear(10 + beat, at(beat));
            fresh.apply(10);
        }
        assert_eq!(fresh.at, Some(at(0)), "it heard fifty seconds of beacons and applied nothing");
        fresh.apply(200);
        for beat in 200..300 {
            fresh.hear(beat, at(beat));
            fresh.apply(beat - 1);
        }
        assert!(fresh.at >= Some(at(297)), "always one beacon behind: {:?}", fresh.at.map(|fresh| fresh - start));
        fresh.apply(1_000);
        let before = fresh.at;
        fresh.hear(5, at(3));
        fresh.apply(1_000);
        assert_eq!(fresh.at, before, "an old beacon makes nothing older");
    }

    /// Goal: nothing is fresh that was never compared.
    #[test]
    fn a_node_that_heard_nobody_knows_nothing() {
        let mut fresh = Freshness::default();
        fresh.apply(1_000);
        assert_eq!(fresh.at, None);
    }
}
