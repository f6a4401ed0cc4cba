//! The tail: one task that reads each new event once, while anybody listens.

use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use exchequer_domain::{Code, Problem};
use exchequer_raft::Role;
use exchequer_state::events::{self, Gap, Topic};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::{Semaphore, watch};

use super::page::{self, Page};
use super::ring::{Found, Ring};
use crate::backend::Backend;
use crate::spot::{Place, Sockets};

/// Rows of one read, during which nothing is applied.
pub(crate) const PAGE_EVENTS: usize = 256;
/// After this the tail looks whether anybody still listens.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks of the tail: what comes meanwhile is read together.
const PAUSE: Duration = Duration::from_millis(2);
/// After a read that failed.
const AGAIN: Duration = Duration::from_millis(200);
/// How often this node tells its health to those who want ephemeral events.
const HEALTH: Duration = Duration::from_secs(1);
/// Listeners behind the ring that read rows at the same time; the others wait for their turn.
const READERS_MAX: usize = 2;
/// Streams of this node, at most.
const STREAMS_MAX: u32 = 1_024;
/// Streams of one address, at most.
const STREAMS_OF_ADDRESS_MAX: u32 = 512;

/// What this node tells of events.
pub(crate) struct Bus {
    pub(super) backend: Arc<dyn Backend>,
    ring: Mutex<Ring>,
    /// One more than the last event of the ring; zero while nobody fills it.
    end: watch::Sender<u64>,
    listeners: watch::Sender<usize>,
    pub(super) readers: Semaphore,
    places: Sockets,
}

/// What was read of the rows.
pub(super) struct Read {
    /// What of the asked events is gone.
    pub(super) gap: Option<Gap>,
    /// The next ones; none where there are none yet.
    pub(super) page: Option<Page>,
    /// The last event there is.
    pub(super) last: u64,
    /// As of which entry.
    pub(super) index: u64,
}

/// Somebody listens as long as it lives.
#[derive(Debug)]
pub(super) struct Listening(watch::Sender<usize>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Bus {
    /// The bus of a node, with its tasks, which end with it.
    pub(crate) fn start(backend: Arc<dyn Backend>) -> Arc<Bus> {
        let bus = Arc::new(Bus {
            backend,
            ring: Mutex::default(),
            end: watch::Sender::new(0),
            listeners: watch::Sender::new(0),
            readers: Semaphore::new(READERS_MAX),
            places: Sockets::default(),
        });
        tokio::spawn(tail(Arc::downgrade(&bus), bus.listeners.subscribe()));
        tokio::spawn(health(Arc::downgrade(&bus)));
        bus
    }

    /// A place for one more stream.
    ///
    /// # Errors
    /// `StreamsFull`.
    pub(crate) fn place(&self, address: Option<IpAddr>) -> Result<Place, Problem> {
        let place = self.places.take(address, STREAMS_MAX, STREAMS_OF_ADDRESS_MAX);
        place.ok_or_else(|| Problem::new(Code::StreamsFull, "this node serves no more streams of events at the moment"))
    }

    pub(super) fn listen(&self) -> (Listening, watch::Receiver<u64>) {
        self.listeners.send_modify(|count| *count += 1);
        (Listening(self.listeners.clone()), self.end.subscribe())
    }

    pub(super) fn find(&self, number: u64) -> Found {
        self.ring.lock().find(number)
    }

    /// Reads the next events from a number on; they may be on disk.
    ///
    /// # Errors
    /// Those of the backend, and rows that cannot be read.
    pub(super) async fn read(&self, from: u64) -> Result<Read, Problem> {
        let backend = self.backend.clone();
        let read = tokio::task::spawn_blocking(move || {
            let (mut found, mut rows) = (None, Vec::new());
            backend.read(&mut |state, all, at| {
                let (gap, last) = (state.events().gap(from), state.event_sequence());
                let first = gap.map_or(from, |gap| gap.to + 1);
                rows = events::raw(all, first, last, PAGE_EVENTS).map_err(crate::read::unreadable)?;
                found = Some((first, Read { gap, page: None, last, index: at.index }));
                Ok(())
            })?;
            let (first, read) = found.ok_or_else(|| Problem::new(Code::Internal, "the read saw nothing"))?;
            let page = if rows.is_empty() { None } else { Some(page::decode(first, &rows)?) };
            Ok(Read { page, ..read })
        });
        read.await.unwrap_or_else(|_| Err(Problem::new(Code::Internal, "the read ended unexpectedly")))
    }

    fn begin(&self, next: u64) {
        self.ring.lock().begin(next);
        self.end.send_replace(next);
    }

    /// Takes what has come since the last look into the ring; answers as of which entry.
    async fn advance(&self) -> Result<u64, Problem> {
        loop {
            let next = self.ring.lock().next();
            if next == 0 {
                let Read { last, index, .. } = self.read(u64::MAX).await?;
                self.begin(last + 1);
                return Ok(index);
            }
            let Read { gap, page, index, .. } = self.read(next).await?;
            if let Some(gap) = gap {
                // A snapshot took the state's place, or this node was slow. Listeners find the gap in the rows.
                self.begin(gap.to + 1);
            }
            let Some(page) = page else { return Ok(index) };
            let is_last = page.end() - page.first() < PAGE_EVENTS as u64;
            let end = page.end();
            self.ring.lock().push(Arc::new(page));
            self.end.send_replace(end);
            if is_last {
                return Ok(index);
            }
        }
    }
}

async fn tail(bus: Weak<Bus>, mut listeners: watch::Receiver<usize>) {
    // Without a bus nobody is left who would listen.
    while listeners.wait_for(|count| *count > 0).await.is_ok() {
        let mut seen = 0;
        while *listeners.borrow() > 0 {
            let Some(bus) = bus.upgrade() else { return };
            match bus.advance().await {
                Ok(index) => {
                    seen = index;
                    tokio::time::sleep(PAUSE).await;
                    // A node that stops answers late or not at all; the next look shows it.
                    let _ = bus.backend.applied_beyond(seen, LOOK).await;
                }
                Err(problem) => {
                    tracing::debug!(code = %problem.code, seen, "events cannot be read: {}", problem.message);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        let Some(bus) = bus.upgrade() else { return };
        bus.begin(0);
    }
}

async fn health(bus: Weak<Bus>) {
    loop {
        tokio::time::sleep(HEALTH).await;
        let Some(bus) = bus.upgrade() else { return };
        let ephemeral = bus.backend.ephemeral();
        if !ephemeral.is_heard() {
            continue;
        }
        let status = bus.backend.status();
        let data = json!({
            "role": match status.role {
                Role::Leader => "leader",
                Role::Follower => "follower",
                Role::Candidate => "candidate",
                Role::Learner => "learner",
                Role::Stopped => "stopped",
            },
            "term": status.term,
            "applied_index": status.applied_index,
            "last_index": status.last_index,
            "has_room": status.has_room,
        });
        ephemeral.publish(Topic::Cluster, "node-health", status.node.to_string(), &data);
    }
}
