//! A node at a glance.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::watch as signal;

use super::contact::quorum_age;
use super::{Epoch, MemberState, Node, PeerView, members};
use crate::machine::Machine;

/// How a node's state stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Elected, and taken for leader by this node.
    Leader,
    /// Follows a leader or waits for one.
    Follower,
    /// Stands for election.
    Candidate,
    /// Receives the log without a vote.
    Learner,
    /// Stopping.
    Stopped,
}

/// A node at a glance.
#[derive(Debug, Clone)]
pub struct Status {
    /// This node.
    pub node: u64,
    /// Its role as it sees it.
    pub role: Role,
    /// The term it is in.
    pub term: u64,
    /// The leader it knows, with its peer address.
    pub leader: Option<(u64, String)>,
    /// The last entry in its log.
    pub last_index: u64,
    /// The last entry it knows to be committed.
    pub committed_index: u64,
    /// The last entry it has applied.
    pub applied_index: u64,
    /// The term of the last applied entry.
    pub applied_term: u64,
    /// The last entry of its latest snapshot.
    pub snapshot_index: Option<u64>,
    /// The last entry purged from its log.
    pub purged_index: Option<u64>,
    /// The index up to which its state is on stable storage.
    pub flushed_index: u64,
    /// The rolling state hash after the last applied entry.
    pub digest: [u8; 32],
    /// Replicated time of the last applied entry, in microseconds since 1970.
    pub time_us: u64,
    /// On a leader: how long ago a majority last answered it.
    pub quorum_age: Option<Duration>,
    /// How long ago it last knew itself to be in touch with a leader that has a majority behind it, whatever it has
    /// applied since; none where it never was.
    pub contact: Option<Duration>,
    /// Whether the membership is on its way from one set of voters to another: each of the two sets must agree then.
    pub is_joint: bool,
    /// The members it knows, committed or not yet.
    pub members: BTreeMap<u64, MemberState>,
    /// Whether it may take writes (its disk has room).
    pub has_room: bool,
    /// Whether nothing arrives on its disk any more, though nothing fails.
    pub disk_hangs: bool,
    /// Its own clock's offset from the voters' median in microseconds, where it is known.
    pub clock_offset_us: Option<i64>,
    /// Whether the clocks that it can compare differ and nobody can tell which one is right. Replicated time then goes on
    /// without them.
    pub clock_disputed: bool,
    /// The epoch of its own leadership, once its activation is applied.
    pub epoch: Option<Epoch>,
}

/// What a read saw.
#[derive(Debug, Clone, Copy)]
pub struct ReadAt {
    /// The last applied entry at that moment.
    pub index: u64,
    /// How old the state is: it has everything that was acknowledged so long ago.
    pub age: Duration,
}

impl<M: Machine> Node<M> {
    /// The index of the last applied entry.
    #[must_use]
    pub fn applied_index(&self) -> u64 {
        *self.inner.state.progress.borrow()
    }

    /// Follows the index of the last applied entry.
    #[must_use]
    pub fn progress(&self) -> signal::Receiver<u64> {
        self.inner.state.progress.subscribe()
    }

    /// The term of the last vote that is known to be synced. Nothing that this node answers or asks rests on a later one.
    #[must_use]
    pub fn promised_term(&self) -> u64 {
        self.inner.raft.metrics().borrow_watched().vote.leader_id.term
    }

    /// The digest of all rows that a command asked for at `index`, once it is computed.
    #[must_use]
    pub fn digest_at(&self, index: u64) -> Option<[u8; 32]> {
        let digests = self.inner.state.digests.lock();
        digests.iter().find(|(at, _)| *at == index).map(|(_, digest)| *digest)
    }

    /// The rolling state hash after `index`, where it is still remembered.
    #[must_use]
    pub fn hash_at(&self, index: u64) -> Option<[u8; 32]> {
        self.inner.state.hashes.lock().at(index)
    }

    /// Replicated time as it went on since what this node applied last, in microseconds since 1970: no wall clock moves it. Zero where
    /// nothing was applied.
    #[must_use]
    pub fn time_us(&self) -> u64 {
        self.inner.clock.lock().now_us()
    }

    /// This node at a glance.
    #[must_use]
    pub fn status(&self) -> Status {
        let inner = &self.inner;
        let metrics = inner.raft.metrics();
        let metrics = metrics.borrow_watched().clone();
        let applied = inner.state.applied.lock().clone();
        let role = match metrics.state {
            openraft::ServerState::Leader => Role::Leader,
            openraft::ServerState::Follower => Role::Follower,
            openraft::ServerState::Candidate => Role::Candidate,
            openraft::ServerState::Learner => Role::Learner,
            openraft::ServerState::Shutdown => Role::Stopped,
        };
        Status {
            node: inner.us.node,
            role,
            term: metrics.current_term,
            leader: inner.leader(),
            last_index: inner.log.extent().last.map_or(0, |(_, index)| index),
            committed_index: metrics.local_committed.map_or(0, |id| id.index),
            applied_index: applied.last.map_or(0, |last| last.index),
            applied_term: applied.last.map_or(0, |last| last.term),
            snapshot_index: metrics.snapshot.map(|id| id.index),
            purged_index: inner.log.extent().purged,
            flushed_index: *inner.flushed.borrow(),
            digest: applied.digest,
            time_us: applied.time_us,
            quorum_age: quorum_age(inner.us.node, &metrics),
            contact: Some(self.contact()).filter(|contact| *contact != Duration::MAX),
            is_joint: self.is_changing_voters(),
            members: members::members(&metrics),
            has_room: inner.has_room(),
            disk_hangs: inner.disk_hangs.load(Ordering::Relaxed),
            clock_offset_us: *inner.clock_offset_us.lock(),
            clock_disputed: inner.clock_disputed.load(Ordering::Relaxed),
            epoch: *inner.epoch.borrow(),
        }
    }

    /// Why there is no contact with peers that are there, beginning with a code: `EXQ-0310` where they say that this node
    /// was removed, `EXQ-0316` where the cluster went on without it, `EXQ-0206` where somebody else answers.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<u64, String> {
        self.inner.refusals.lock().clone()
    }

    /// What this node last heard of its peers.
    #[must_use]
    pub fn peers(&self) -> BTreeMap<u64, PeerView> {
        self.inner.peers.lock().clone()
    }

    /// Follows this node's own leadership: its epoch while it leads and its activation is applied.
    #[must_use]
    pub fn epoch(&self) -> signal::Receiver<Option<Epoch>> {
        self.inner.epoch.subscribe()
    }
}
