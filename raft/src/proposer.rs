//! From many commands to few log entries.
//!
//! Whatever is queued becomes one entry: no lingering, no waiting for more. While entries are on their way the next
//! commands queue up, so that load makes batches by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use openraft::errors::ClientWriteError;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::body::Body;
use crate::clock::ReplicatedClock;
use crate::machine::Machine;
use crate::node::ProposeError;
use crate::stages::{Stages, Way};
use crate::types::{Payload, Raft, term_of};

/// Most commands of one entry, unless a single request has more: while one entry is applied the next is synced.
const ENTRY_COMMANDS_MAX: usize = 1024;
/// Most bytes of one entry, unless a single command is larger.
const ENTRY_BYTES_MAX: usize = 1 << 20;
/// Entries under way at once. More would make smaller entries, and an entry costs every node more than a command does.
const ENTRIES_IN_FLIGHT_MAX: usize = 8;
/// Bytes of commands that may wait; beyond, callers are told to slow down.
const QUEUED_BYTES_MAX: usize = 64 << 20;
/// Requests that may wait.
const QUEUE_REQUESTS_MAX: usize = 65_536;

/// Commands with their outcomes and the place in the log where they were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// One a command, in order.
    pub outcomes: Vec<Bytes>,
    /// The entry's term.
    pub term: u64,
    /// The entry's index.
    pub index: u64,
}

type Answer = Result<Committed, ProposeError>;

struct Pending {
    commands: Vec<Bytes>,
    bytes: usize,
    queued: Instant,
    answer: oneshot::Sender<Answer>,
}

/// The queue's entrance.
pub(crate) struct Proposer {
    queue: mpsc::Sender<Pending>,
    queued_bytes: Arc<AtomicUsize>,
}

impl Proposer {
    /// Starts proposing to `raft` with `clock`'s stamps; `applied_time` tells the last applied stamp.
    pub(crate) fn start<M: Machine>(
        raft: Raft<M>,
        clock: Arc<Mutex<ReplicatedClock>>,
        applied_time: impl Fn() -> u64 + Send + 'static,
    ) -> Proposer {
        let (queue, receiver) = mpsc::channel(QUEUE_REQUESTS_MAX);
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let work = run(raft, clock, applied_time, receiver, queued_bytes.clone());
        tokio::spawn(work);
        Proposer { queue, queued_bytes }
    }

    /// Queues commands that belong together and waits for their outcomes.
    pub(crate) async fn propose(&self, commands: Vec<Bytes>) -> Answer {
        let bytes: usize = commands.iter().map(Bytes::len).sum();
        if self.queued_bytes.fetch_add(bytes, Ordering::Relaxed) > QUEUED_BYTES_MAX {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(ProposeError::Overloaded);
        }
        let (answer, outcome) = oneshot::channel();
        let pending = Pending { commands, bytes, queued: Instant::now(), answer };
        if self.queue.try_send(pending).is_err() {
            self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(ProposeError::Overloaded);
        }
        // The proposer went away with commands in hand: they may be in the log.
        outcome.await.unwrap_or(Err(ProposeError::Unknown))
    }
}

async fn run<M: Machine>(
    raft: Raft<M>,
    clock: Arc<Mutex<ReplicatedClock>>,
    applied_time: impl Fn() -> u64,
    mut queue: mpsc::Receiver<Pending>,
    queued_bytes: Arc<AtomicUsize>,
) {
    let in_flight = Arc::new(Semaphore::new(ENTRIES_IN_FLIGHT_MAX));
    let stages = Arc::new(Stages::new());
    while let Some(first) = queue.recv().await {
        let Ok(permit) = in_flight.clone().acquire_owned().await else { return };
        // Requests that came in the same packet are a moment behind the first: let them get here.
        tokio::task::yield_now().await;
        let mut group = vec![first];
        let (mut commands, mut bytes) = group.first().map_or((0, 0), |one| (one.commands.len(), one.bytes));
        while commands < ENTRY_COMMANDS_MAX && bytes < ENTRY_BYTES_MAX {
            let Ok(next) = queue.try_recv() else { break };
            commands += next.commands.len();
            bytes += next.bytes;
            group.push(next);
        }
        queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        let proposed = Instant::now();
        let waited = |one: &Pending| proposed.saturating_duration_since(one.queued) * one.commands.len() as u32;
        let way =
            Way { stages: stages.clone(), commands: commands as u64, queued: group.iter().map(waited).sum(), proposed };
        let term = openraft::async_runtime::watch::WatchReceiver::borrow_watched(&raft.metrics()).current_term;
        if let Some(longest) = group.first() {
            metrics::histogram!("exchequer_raft_queue_seconds").record(longest.queued.elapsed());
        }
        metrics::histogram!("exchequer_raft_entry_commands").record(commands as f64);
        let applied_us = applied_time();
        let time_us = clock.lock().stamp(term, applied_us);
        let mut all = Vec::with_capacity(commands);
        let mut waiting = Vec::with_capacity(group.len());
        for pending in group {
            waiting.push((pending.commands.len(), pending.answer));
            all.extend(pending.commands);
        }
        let payload = Payload(Body::Commands { time_us, commands: all }.encode());
        submit(&raft, payload, waiting, permit, way).await;
    }
}

type Waiting = Vec<(usize, oneshot::Sender<Answer>)>;

/// Hands the entry to openraft, in order, and has its answer distributed when it comes.
async fn submit<M: Machine>(
    raft: &Raft<M>,
    payload: Payload,
    waiting: Waiting,
    permit: tokio::sync::OwnedSemaphorePermit,
    way: Way,
) {
    let (responder, completed) = openraft::impls::ProgressResponder::complete_only();
    if raft.client_write_ff(payload, Some(responder)).await.is_err() {
        // The core has stopped; it never took the entry.
        for (_, answer) in waiting {
            let _ = answer.send(Err(ProposeError::NoLeader));
        }
        return;
    }
    tokio::spawn(async move {
        let result = completed.await;
        drop(permit);
        metrics::histogram!("exchequer_raft_commit_seconds").record(way.proposed.elapsed());
        match result {
            Ok(Ok(response)) => {
                if let Some(work) = &response.data.work {
                    way.ended(work);
                }
                let mut outcomes = response.data.outcomes.into_iter();
                for (count, answer) in waiting {
                    let outcomes = outcomes.by_ref().take(count).collect();
                    let (term, index) = (term_of(&response.log_id), response.log_id.index);
                    // Nobody waits any more; the outcome can be asked for by the command's id.
                    let _ = answer.send(Ok(Committed { outcomes, term, index }));
                }
            }
            Ok(Err(error)) => distribute(waiting, &classify(&error)),
            Err(_) => distribute(waiting, &ProposeError::Unknown),
        }
    });
}

fn distribute(waiting: Waiting, error: &ProposeError) {
    for (_, answer) in waiting {
        let _ = answer.send(Err(*error));
    }
}

/// Whether the entry was certainly not appended, or may have been.
fn classify(error: &ClientWriteError<crate::types::TypeConfig>) -> ProposeError {
    match error {
        ClientWriteError::ForwardToLeader(_)
        | ClientWriteError::ChangeMembershipError(_)
        | ClientWriteError::PreconditionFailed(_) => ProposeError::NoLeader,
        ClientWriteError::LogEntryDiscarded(_) => ProposeError::Unknown,
    }
}
