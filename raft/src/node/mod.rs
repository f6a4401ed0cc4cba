//! A node: consensus, state and peers put together, and what the rest of the house may ask of them.

mod contact;
mod hooks;
mod joint;
mod leader;
mod members;
mod propose;
mod silence;
mod standstill;
mod start;
mod status;
mod watch;

use std::collections::BTreeMap;
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

pub use hooks::{Hooks, SnapshotRules};
pub use leader::{Epoch, Handover};
pub use members::{MemberState, MembershipError};
pub use propose::ProposeError;
pub use start::{Options, Timing};
pub use status::{ReadAt, Role, Status};
pub use watch::PeerView;

use crate::alarm::{Alarm, Fatal};
use crate::apply::{SnapshotHold, StateShared, families};
use crate::clock::{ReplicatedClock, WallClock};
use crate::log::LogReader;
use crate::machine::Machine;
use crate::memory::Kept;
use crate::net::{Client, Membership, Network};
use crate::planted::{self, Bug};
use crate::proposer::{Committed, Proposer};
use crate::types::Raft;
use crate::wire::proto;
use crate::work::Drive;

/// How long the node that must stop may still take to answer with the reason.
const ANSWER_GRACE: Duration = Duration::from_millis(250);

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
    clock: Arc<Mutex<ReplicatedClock>>,
    boot: [u8; 16],
    room: AtomicBool,
    /// Nothing arrives on its disk.
    disk_hangs: AtomicBool,
    stopping: AtomicBool,
    /// Whether this node's clock is in step with the voters'.
    clock_good: AtomicBool,
    /// Whether this node may stand for election: clock and disk are well, or nobody else could do better.
    pub(crate) may_stand: AtomicBool,
    /// Damage was met; the node is about to stop.
    condemned: AtomicBool,
    clock_offset_us: Mutex<Option<i64>>,
    clock_disputed: AtomicBool,
    peers: Mutex<BTreeMap<u64, PeerView>>,
    /// Why there is no contact with peers that are there.
    refusals: Mutex<BTreeMap<u64, String>>,
    clients: Mutex<BTreeMap<u64, (String, Client)>>,
    epoch: signal::Sender<Option<Epoch>>,
    leader_seen: Mutex<Option<Instant>>,
    fresh_at: Mutex<Option<Instant>>,
    /// It leads, and no majority has answered it for a while.
    cut_off: AtomicBool,
    flushed: signal::Receiver<u64>,
    persister: tokio::sync::mpsc::UnboundedSender<crate::apply::PersistItem>,
    drive: Drive,
    timing: Timing,
}

impl<M: Machine> Inner<M> {
    pub(crate) fn is_removed(&self, node: u64) -> bool {
        self.hooks.is_removed(node)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.room.load(Ordering::Relaxed)
    }

    /// Whether others with a sound disk need not lead in this node's place.
    pub(crate) fn disk_is_well(&self) -> bool {
        self.has_room() && !self.disk_hangs.load(Ordering::Relaxed)
    }

    /// Whether the log may grow: there is room, and the disk keeps up.
    pub(crate) fn takes_entries(&self) -> bool {
        self.has_room() && !self.log.is_full()
    }

    /// Holds this node's log against what node `from` remembers of it. A node that fell behind that was put back in time:
    /// it stops, and the answer is why.
    pub(crate) fn recall(&self, from: u64, remembered: Kept) -> Option<String> {
        let short = self.log.standing().falls_short_of(remembered)?;
        if planted::is(Bug::GuardIgnored) {
            return None;
        }
        let detail = format!("node {from} remembers more of this node than the node itself: {short}");
        self.alarm.raise(Fatal::LogLost { detail: detail.clone() });
        Some(detail)
    }

    /// Stops the node because of damage that somebody met who reads; whoever it was is answered first.
    fn condemn(&self, damage: Fatal) {
        if self.condemned.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(%damage, "damage was met: the node stops");
        let alarm = self.alarm.clone();
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    tokio::time::sleep(ANSWER_GRACE).await;
                    alarm.raise(damage);
                });
            }
            Err(_) => alarm.raise(damage),
        }
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
        // Without a majority the outcome could only be unknown: better certain that nothing happened.
        if self.cut_off.load(Ordering::Relaxed) {
            return Err(ProposeError::NoLeader);
        }
        if self.state.backlog.is_full() || self.log.is_full() {
            return Err(ProposeError::Overloaded);
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

    /// Runs file work off the async threads; in a simulation, which has only one thread, in place. A sync that fails in
    /// it stops the node.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> exchequer_storage::Result<T> + Send + 'static,
    ) -> std::io::Result<T> {
        let alarm = self.alarm.clone();
        let watched =
            move || work().inspect_err(|error| Fatal::of_sync(error).into_iter().for_each(|f| alarm.raise(f)));
        crate::work::blocking(&self.drive, watched).await
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

impl<M: Machine> Node<M> {
    /// This node's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.us.node
    }

    /// Whether the disk has room; without it the node takes no commands and no entries, and does not stand for election
    /// while others can do without it.
    pub fn set_room(&self, has_room: bool) {
        let had_room = self.inner.room.swap(has_room, Ordering::Relaxed);
        if had_room && !has_room {
            // The watch takes it back where nobody else could lead.
            watch::allow_election(&self.inner, false);
        }
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

    /// Takes a snapshot now, reads every row of it, and answers its name and the index it holds. It is there for as long
    /// as it is held.
    ///
    /// # Errors
    /// Damage anywhere in the state's store, upon which the node stops; the node is stopping, or the disk failed.
    pub async fn snapshot(&self) -> Result<(String, u64, SnapshotHold), Fatal> {
        let inner = &self.inner;
        let builder = {
            let row = inner.state.applied.lock().clone();
            crate::apply::Builder { persister: inner.persister.clone(), row, patient: false }
        };
        let snapshot = builder.build_once().await.map_err(|error| self.refuse_damage(error))?;
        let index = snapshot.meta.last_log_id.map_or(0, |id| id.index);
        let name = snapshot.snapshot.name;
        let (disk, copy) = (inner.disk.clone(), name.clone());
        let hold = inner.state.uses.hold(&name);
        // Its files' checksums are those of the files as they are: whether they are sound, only reading them shows.
        let read = inner
            .blocking(move || {
                let rows = disk.open_snapshot(&copy, &families::<M>())?.digest(&mut || {});
                if rows.is_err() && disk.snapshots()?.contains(&copy) {
                    // Nobody shall be given it. What failed first is what counts.
                    let _ = disk.remove_snapshot(&copy);
                }
                rows
            })
            .await;
        read.map_err(|error| self.refuse_damage(error))?;
        Ok((name, index, hold))
    }

    /// Why a snapshot could not be taken. Where it is damage, the files are those of the state itself.
    fn refuse_damage(&self, error: std::io::Error) -> Fatal {
        // Another part of the node may have met the damage first: "the node is stopping" would hide why.
        if let Some(reason) = self.inner.alarm.reason() {
            return reason.clone();
        }
        let damaged = error.kind() == std::io::ErrorKind::InvalidData;
        let fatal = Fatal::of_io(error);
        if damaged {
            self.inner.condemn(fatal.clone());
        }
        fatal
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
