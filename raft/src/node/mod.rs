//! A node: consensus, state and peers put together, and what the rest of the house may ask of them.

mod joint;
mod leader;
mod members;
mod start;
mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use exchequer_storage::Disk;
use openraft::ReadPolicy;
use openraft::async_runtime::watch::WatchReceiver;
use parking_lot::Mutex;
use tokio::sync::watch as signal;
use tokio::time::Instant;

pub use leader::Epoch;
pub use members::{MemberState, MembershipError};
pub use start::{Options, Timing};
pub use watch::PeerView;

use crate::alarm::{Alarm, Fatal};
use crate::apply::StateShared;
use crate::clock::WallClock;
use crate::log::LogReader;
use crate::machine::{Halt, Machine, RowReader};
use crate::net::{Client, Membership, Network};
use crate::planted::{self, Bug};
use crate::proposer::{Committed, Proposer};
use crate::types::Raft;
use crate::wire::proto;

/// Why commands have no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No leader took them: they are certainly not in the log.
    #[error("no leader took the commands")]
    NoLeader,
    /// The answer was lost: they may or may not take effect. The same ids may be sent again.
    #[error("the outcome is unknown")]
    Unknown,
    /// Too much is waiting: they were not taken.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The disk is full: they were not taken.
    #[error("the node is read-only")]
    ReadOnly,
}

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
    /// The members it knows, committed or not yet.
    pub members: BTreeMap<u64, MemberState>,
    /// Whether it may take writes (its disk has room).
    pub has_room: bool,
    /// Its own clock's offset from the voters' median in microseconds, where it is known.
    pub clock_offset_us: Option<i64>,
    /// The epoch of its own leadership, once its activation is applied.
    pub epoch: Option<Epoch>,
}

/// What a read saw.
#[derive(Debug, Clone, Copy)]
pub struct ReadAt {
    /// The last applied entry at that moment.
    pub index: u64,
    /// How long ago this node last knew itself to be in touch with the leader.
    pub age: Duration,
}

/// Everything of a node that its tasks share.
pub(crate) struct Inner<M: Machine> {
    pub(crate) us: Membership,
    pub(crate) raft: Raft<M>,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) state: Arc<StateShared<M>>,
    pub(crate) network: Network,
    log: LogReader,
    proposer: Proposer,
    hooks: Arc<dyn Hooks>,
    alarm: Alarm,
    wall: WallClock,
    boot: [u8; 16],
    room: AtomicBool,
    stopping: AtomicBool,
    clock_good: AtomicBool,
    clock_offset_us: Mutex<Option<i64>>,
    peers: Mutex<BTreeMap<u64, PeerView>>,
    /// Why there is no contact with peers that are there.
    refusals: Mutex<BTreeMap<u64, String>>,
    clients: Mutex<BTreeMap<u64, (String, Client)>>,
    epoch: signal::Sender<Option<Epoch>>,
    leader_seen: Mutex<Option<Instant>>,
    flushed: signal::Receiver<u64>,
    persister: tokio::sync::mpsc::UnboundedSender<crate::apply::PersistItem>,
    threads: bool,
    timing: Timing,
}

impl<M: Machine> Inner<M> {
    pub(crate) fn is_removed(&self, node: u64) -> bool {
        self.hooks.is_removed(node)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.room.load(Ordering::Relaxed)
    }

    /// The leader this node knows, which may be itself, and its address.
    pub(crate) fn leader(&self) -> Option<(u64, String)> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let leader = metrics.current_leader?;
        let address = metrics.membership_config.get_node(&leader).map_or(String::new(), |node| node.peer.clone());
        Some((leader, address))
    }

    /// Proposes to this node's own log; only a leader's goes anywhere.
    pub(crate) async fn propose_here(&self, commands: Vec<Bytes>) -> Result<Committed, ProposeError> {
        if !self.has_room() {
            return Err(ProposeError::ReadOnly);
        }
        if !self.raft.is_leader() {
            return Err(ProposeError::NoLeader);
        }
        self.proposer.propose(commands).await
    }

    /// The index that a linearizable read must have seen, if this node leads and a majority agrees.
    pub(crate) async fn read_index_here(&self) -> Option<u64> {
        let linearizer = self.raft.get_read_linearizer(ReadPolicy::ReadIndex).await.ok()?;
        Some(linearizer.read_log_id().index())
    }

    pub(crate) async fn answer(&self, from: u64, topic: String, body: Bytes) -> Result<Bytes, String> {
        self.hooks.answer(from, topic, body).await
    }

    /// Runs file work off the async threads; in a simulation, which has only one thread, in place.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> exchequer_storage::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        if self.threads {
            tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?.map_err(Into::into)
        } else {
            work().map_err(Into::into)
        }
    }

    fn client_to(&self, node: u64, address: &str) -> Client {
        let mut clients = self.clients.lock();
        match clients.get(&node) {
            Some((known, client)) if known == address => client.clone(),
            Some(_) | None => {
                let client = self.network.client(node, address);
                clients.insert(node, (address.to_owned(), client.clone()));
                client
            }
        }
    }
}

/// A running node. Cheap to clone.
pub struct Node<M: Machine> {
    pub(crate) inner: Arc<Inner<M>>,
}

impl<M: Machine> Clone for Node<M> {
    fn clone(&self) -> Node<M> {
        Node { inner: self.inner.clone() }
    }
}

impl<M: Machine> std::fmt::Debug for Node<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("id", &self.inner.us.node).finish_non_exhaustive()
    }
}

/// The answer to a command that may be in the log or not.
fn unknown() -> ProposeError {
    if planted::is(Bug::UnknownCalledFailed) { ProposeError::NoLeader } else { ProposeError::Unknown }
}

const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Whether a forwarded call certainly did not reach the leader's proposer: no connection came about, or it was
/// refused at the door. Everything else may have taken effect.
fn never_arrived(status: &tonic::Status) -> bool {
    let refused = matches!(status.code(), tonic::Code::FailedPrecondition | tonic::Code::PermissionDenied);
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    refused
}

impl<M: Machine> Node<M> {
    /// This node's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.us.node
    }

    /// Has commands committed and applied, here or through the leader, and answers their outcomes.
    ///
    /// While it is certain that nobody took them, it looks for a leader again until `patience` has passed.
    ///
    /// # Errors
    /// [`ProposeError::Unknown`] is final: the caller may ask again with the same command ids. The others are certain:
    /// nothing happened.
    pub async fn propose(&self, commands: Vec<Bytes>, patience: Duration) -> Result<Committed, ProposeError> {
        let deadline = Instant::now() + patience;
        loop {
            let refused = match self.propose_once(&commands, deadline).await {
                Err(ProposeError::NoLeader) => ProposeError::NoLeader,
                other => return other,
            };
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(refused);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn propose_once(&self, commands: &[Bytes], deadline: Instant) -> Result<Committed, ProposeError> {
        let inner = &self.inner;
        let Some((leader, address)) = inner.leader() else { return Err(ProposeError::NoLeader) };
        if leader == inner.us.node {
            let proposed = inner.propose_here(commands.to_vec());
            return tokio::time::timeout_at(deadline, proposed).await.unwrap_or(Err(unknown()));
        }
        // One hop: the leader answers or refuses, and never forwards in its turn.
        let mut client = inner.client_to(leader, &address);
        let request = proto::ForwardRequest { commands: commands.to_vec() };
        let reply = match tokio::time::timeout_at(deadline, client.forward(request)).await {
            Ok(Ok(reply)) => reply.into_inner(),
            Ok(Err(status)) if never_arrived(&status) => return Err(ProposeError::NoLeader),
            Ok(Err(_)) => return Err(unknown()),
            Err(_) => return Err(unknown()),
        };
        match (reply.status, reply.at) {
            (0, Some(at)) => Ok(Committed { outcomes: reply.outcomes, term: at.term, index: at.index }),
            (1, _) => Err(ProposeError::NoLeader),
            (3, _) => Err(ProposeError::Overloaded),
            (4, _) => Err(ProposeError::ReadOnly),
            (_, _) => Err(unknown()),
        }
    }

    /// Waits until this node has applied everything that was acknowledged before the call, so that a read after it is
    /// linearizable. Answers the index it waited for.
    ///
    /// # Errors
    /// No leader with a majority behind it could be asked, or this node did not catch up, within `patience`.
    pub async fn linearize(&self, patience: Duration) -> Result<u64, ProposeError> {
        let deadline = Instant::now() + patience;
        if planted::is(Bug::ReadWithoutIndex) {
            return Ok(self.applied_index());
        }
        loop {
            if let Ok(Some(index)) = tokio::time::timeout_at(deadline, self.read_index()).await {
                let mut progress = self.inner.state.progress.subscribe();
                let waited = tokio::time::timeout_at(deadline, progress.wait_for(|applied| *applied >= index)).await;
                return match waited {
                    Ok(Ok(_)) => Ok(index),
                    Ok(Err(_)) | Err(_) => Err(ProposeError::NoLeader),
                };
            }
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(ProposeError::NoLeader);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn read_index(&self) -> Option<u64> {
        let inner = &self.inner;
        let (leader, address) = inner.leader()?;
        if leader == inner.us.node {
            return inner.read_index_here().await;
        }
        let mut client = inner.client_to(leader, &address);
        let reply = client.read_index(proto::ReadIndexRequest {}).await.ok()?.into_inner();
        reply.ready.then_some(reply.index)
    }

    /// Reads the machine and its rows at one applied index. Nothing is applied meanwhile: keep it short.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<T>(&self, read: impl FnOnce(&M, &dyn RowReader, ReadAt) -> Result<T, Halt>) -> Result<T, Halt> {
        let state = &self.inner.state;
        let machine = state.machine.read();
        let index = state.applied.lock().last.map_or(0, |last| last.index);
        let at = ReadAt { index, age: self.age() };
        read(&machine, &state.view(), at)
    }

    /// How long ago this node last knew itself to be in touch with a leader that has a majority behind it.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.inner.leader_seen.lock().map_or(Duration::MAX, |seen| seen.elapsed())
    }

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

    /// The term of the last vote that is known to be synced. Nothing that this node answers or asks rests on a later one.
    #[must_use]
    pub fn promised_term(&self) -> u64 {
        self.inner.raft.metrics().borrow_watched().vote.leader_id.term
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
            quorum_age: metrics.last_quorum_acked.map(|at| openraft::Instant::elapsed(&*at)),
            members: members::members(&metrics),
            has_room: inner.has_room(),
            clock_offset_us: *inner.clock_offset_us.lock(),
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

    /// Whether the disk has room; without it the node takes no commands and no entries.
    pub fn set_room(&self, has_room: bool) {
        self.inner.room.store(has_room, Ordering::Relaxed);
    }

    /// Asks a peer's upper layers.
    ///
    /// # Errors
    /// The peer cannot be reached, or what it answered as its problem.
    pub async fn ask(&self, node: u64, topic: &str, body: Bytes, patience: Duration) -> Result<Bytes, String> {
        let address = {
            let metrics = self.inner.raft.metrics();
            let metrics = metrics.borrow_watched();
            metrics.membership_config.get_node(&node).map(|node| node.peer.clone())
        };
        let address = address.ok_or_else(|| format!("node {node} is not a member"))?;
        let mut client = self.inner.client_to(node, &address);
        let call = client.ask(proto::AskRequest { topic: topic.to_owned(), body });
        match tokio::time::timeout(patience, call).await {
            Ok(Ok(reply)) => {
                let reply = reply.into_inner();
                if reply.problem.is_empty() { Ok(reply.body) } else { Err(reply.problem) }
            }
            Ok(Err(status)) => Err(status.message().to_owned()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    /// Takes a snapshot now and answers its name and the index it holds.
    ///
    /// # Errors
    /// The node is stopping, or the disk failed.
    pub async fn snapshot(&self) -> std::io::Result<(String, u64)> {
        let mut builder = {
            let row = self.inner.state.applied.lock().clone();
            crate::apply::Builder { persister: self.inner.persister.clone(), row }
        };
        let snapshot = openraft::RaftSnapshotBuilder::build_snapshot(&mut builder).await?;
        let index = snapshot.meta.last_log_id.map_or(0, |id| id.index);
        Ok((snapshot.snapshot.name, index))
    }

    /// The disk this node lives on.
    #[must_use]
    pub fn disk(&self) -> Arc<dyn Disk> {
        self.inner.disk.clone()
    }

    /// The service to put behind the peer listener.
    pub fn service(&self) -> tonic::service::Routes {
        tonic::service::Routes::new(crate::server::Service { inner: self.inner.clone() }.into_server())
    }

    /// Stops: hands leadership over if this node has it, makes what is written durable, ends consensus.
    pub async fn stop(&self, patience: Duration) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.hand_over(patience).await;
        // The core may already have stopped.
        let _ = self.inner.raft.shutdown().await;
        let (reply, flushed) = tokio::sync::oneshot::channel();
        if self.inner.persister.send(crate::apply::PersistItem::Flush { reply }).is_ok() {
            let _ = tokio::time::timeout(patience, flushed).await;
        }
    }

    fn raise(&self, fatal: Fatal) {
        self.inner.alarm.raise(fatal);
    }
}
