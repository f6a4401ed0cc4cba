//! Leadership: noticing it, fencing it, handing it over.
//!
//! Being elected is not enough to act: a node that was paused may believe in an election that is long over. Each
//! leadership therefore begins with an activation entry. Its index is the epoch; `apply` on every node knows the
//! present epoch and refuses work of an earlier one. Work that only the leader does starts when the activation is
//! applied, and carries the epoch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::Instant;

use super::{Inner, Node, PeerView};
use crate::alarm::Fatal;
use crate::body::Body;
use crate::machine::Machine;
use crate::types::{CommittedTerm, Payload};

/// A leadership that this node may act under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch {
    /// The index of its activation entry: what commands carry.
    pub index: u64,
    /// Its term.
    pub term: u64,
}

/// Between attempts to activate a leadership that does not take entries yet.
const ACTIVATION_PAUSE: Duration = Duration::from_millis(20);
/// Leadership is not handed to a voter that has been silent for longer: it would have to be taken back by an election.
const SUCCESSOR_SILENCE_MAX: Duration = Duration::from_secs(2);

/// Nor to one that lacks more entries than this, unless it is asked for by name: nothing is written until it has them.
const SUCCESSOR_LAG_MAX: u64 = 5_000;

/// Watches this node's role and activates each new leadership.
pub(super) async fn run<M: Machine>(inner: Arc<Inner<M>>) {
    let metrics = inner.raft.metrics();
    // Unlike the metrics as a whole these do not change with every entry.
    let mut roles = inner.raft.server_metrics();
    let mut ended = false;
    loop {
        let stopped = metrics.borrow_watched().running_state.as_ref().err().map(ToString::to_string);
        let (leads, term) = {
            let now = roles.borrow_watched();
            (now.state.is_leader() && now.current_leader == Some(inner.us.node), now.vote.leader_id.term)
        };
        if let Some(detail) = stopped {
            // Consensus ended by itself, for instance because an entry could not be read: a node without it is none.
            if !inner.stopping.load(Ordering::Relaxed) {
                inner.alarm.raise(Fatal::of_consensus(detail));
            }
            return;
        }
        if ended {
            // A panic leaves no reason behind.
            if !inner.stopping.load(Ordering::Relaxed) {
                inner.alarm.raise(Fatal::of_consensus("it ended without a word".to_owned()));
            }
            return;
        }
        let active = *inner.epoch.borrow();
        match active {
            Some(epoch) if !leads || epoch.term != term => {
                tracing::info!(epoch = epoch.index, "the leadership is over");
                inner.epoch.send_replace(None);
            }
            None if leads => {
                if let Some(epoch) = activate(&inner, term).await {
                    tracing::info!(epoch = epoch.index, term, "leading");
                    inner.epoch.send_replace(Some(epoch));
                } else {
                    // A refused entry changes the metrics as well: waiting for them alone would spin.
                    tokio::time::sleep(ACTIVATION_PAUSE).await;
                }
                continue;
            }
            Some(_) | None => {}
        }
        let pause = tokio::time::sleep(Duration::from_millis(200));
        tokio::select! {
            // Why it ended is in the metrics.
            changed = roles.changed() => ended = changed.is_err(),
            () = pause => {}
        }
    }
}

/// Writes the activation under this very term; answers once it is applied here.
async fn activate<M: Machine>(inner: &Arc<Inner<M>>, term: u64) -> Option<Epoch> {
    let applied_us = inner.state.applied.lock().time_us;
    let time_us = inner.clock.lock().stamp(term, applied_us);
    let body = Body::Activation { time_us, node: inner.us.node, boot: inner.boot };
    let (responder, completed) = openraft::impls::ProgressResponder::complete_only();
    let write = inner.raft.write(Payload(body.encode())).with_leader(CommittedTerm::new(term)).responder(responder);
    write.await.ok()?;
    let written = completed.await.ok()?.ok()?;
    Some(Epoch { index: written.log_id.index, term })
}

/// Who takes over: `target` and nobody in its place; without one, the voter that is furthest of those that were heard of
/// just now.
fn successor(
    target: Option<u64>,
    voters: impl Iterator<Item = u64>,
    heard: &BTreeMap<u64, PeerView>,
    matched: impl Fn(u64) -> u64,
) -> Option<u64> {
    let mut voters = voters;
    if let Some(target) = target {
        return voters.find(|id| *id == target);
    }
    let is_there = |id: &u64| heard.get(id).is_some_and(|view| view.heard.elapsed() <= SUCCESSOR_SILENCE_MAX);
    voters.filter(is_there).max_by_key(|id| matched(*id))
}

/// What became of handing leadership over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// Whoever was to lead leads.
    Done,
    /// Nothing was begun: this node does not lead, or there is nobody who could.
    NotBegun,
    /// It was begun, and another one leads, or nobody yet: it may still come to what was wanted.
    Unclear,
}

impl<M: Machine> Node<M> {
    /// Whether a peer's clock was too far from the voters' median when this node last asked it. Such a peer must not lead.
    #[must_use]
    pub fn clock_is_off(&self, peer: u64) -> bool {
        let inner = &self.inner;
        let Some(ours) = *inner.clock_offset_us.lock() else { return false };
        let Some(theirs) = inner.peers.lock().get(&peer).map(|view| view.clock_offset_us) else { return false };
        let limit = u64::try_from(inner.hooks.clock_offset_max().as_micros()).unwrap_or(u64::MAX);
        ours.saturating_add(theirs).unsigned_abs() > limit
    }

    /// Whether a peer's disk was full when this node last asked it. Such a peer must not lead.
    #[must_use]
    pub fn is_read_only(&self, peer: u64) -> bool {
        self.inner.peers.lock().get(&peer).is_some_and(|view| !view.has_room)
    }

    /// Asks a peer how it is, now. Whether it answers. What was heard of it in the last round says nothing of a clock that was set
    /// a moment ago, and a new leader may have had no round yet.
    pub async fn look_at(&self, peer: u64) -> bool {
        let address = self.inner.network.addresses.lock().get(&peer).cloned();
        match address {
            Some(address) => Arc::clone(&self.inner).look_at(peer, address).await.is_some(),
            None => false,
        }
    }

    /// Makes `target` the leader, or else the voter that is furthest of those heard of just now; its clock must be right and
    /// its disk must have room. Whether a `target` is there, the caller has asked it. Waits until it leads, for `patience` at most.
    pub async fn transfer_leader(&self, target: Option<u64>, patience: Duration) -> Handover {
        let inner = &self.inner;
        let me = inner.us.node;
        let deadline = Instant::now() + patience;
        let mut metrics = inner.raft.metrics();
        if !inner.raft.is_leader() {
            return Handover::NotBegun;
        }
        let unfit = |id: &u64| self.clock_is_off(*id) || self.is_read_only(*id);
        let furthest = {
            let now = metrics.borrow_watched();
            let heard = inner.peers.lock().clone();
            let voters = now.membership_config.voter_ids().filter(|id| *id != me && !unfit(id));
            let matched = |id: u64| {
                let replication = now.replication.as_ref();
                replication.and_then(|all| all.get(&id)).and_then(|id| *id).map_or(0, |id| id.index)
            };
            let close = now.last_log_index.unwrap_or(0).saturating_sub(SUCCESSOR_LAG_MAX);
            successor(target, voters.filter(|id| target.is_some() || matched(*id) >= close), &heard, matched)
        };
        let Some(next) = furthest else { return Handover::NotBegun };
        if inner.raft.trigger().transfer_leader(next).await.is_err() {
            return Handover::NotBegun;
        }
        let handed = async {
            loop {
                {
                    let now = metrics.borrow_watched();
                    if let Some(leader) = now.current_leader.filter(|leader| *leader != me) {
                        return if target.is_none_or(|target| target == leader) {
                            Handover::Done
                        } else {
                            Handover::Unclear
                        };
                    }
                }
                if metrics.changed().await.is_err() {
                    return Handover::Unclear;
                }
            }
        };
        tokio::time::timeout_at(deadline, handed).await.unwrap_or(Handover::Unclear)
    }

    /// Hands leadership over before stopping; nothing where this node does not lead.
    pub(super) async fn hand_over(&self, patience: Duration) {
        if self.inner.raft.is_leader() && self.transfer_leader(None, patience).await == Handover::Done {
            tracing::info!("leadership is handed over");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: leadership goes to a voter that is there, never to one that died as the furthest. Method: voters that were
    /// heard of just now, long ago and never; with a wish, which nobody takes the place of, and without.
    #[test]
    fn nobody_silent_takes_over() {
        let heard = |ago: u64| PeerView {
            heard: Instant::now().checked_sub(Duration::from_secs(ago)).unwrap(),
            clock_offset_us: 0,
            round_trip: Duration::ZERO,
            applied_index: 0,
            last_index: 0,
            snapshot_index: None,
            term: 1,
            has_room: true,
            led_at: None,
            agrees: None,
            extra: bytes::Bytes::new(),
        };
        // The higher the id, the further.
        let choose = |target, peers: &[(u64, PeerView)]| {
            successor(target, [2, 3, 4].into_iter(), &peers.iter().cloned().collect(), |id| id)
        };
        assert_eq!(choose(None, &[(2, heard(0)), (3, heard(0)), (4, heard(0))]), Some(4));
        assert_eq!(choose(None, &[(2, heard(0)), (3, heard(1)), (4, heard(3))]), Some(3));
        assert_eq!(choose(None, &[(2, heard(0))]), Some(2));
        assert_eq!(choose(Some(2), &[(2, heard(0)), (4, heard(0))]), Some(2));
        assert_eq!(choose(None, &[(3, heard(3)), (4, heard(60))]), None);
        assert_eq!(choose(Some(4), &[(2, heard(0)), (4, heard(60))]), Some(4));
        assert_eq!(choose(Some(5), &[(2, heard(0))]), None);
        assert_eq!(choose(None, &[]), None);
    }
}
