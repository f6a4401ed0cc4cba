//! The two ends of one conversation. Over a socket each end is in a process of its own; in tests both are in one.

use tokio::sync::mpsc;

use crate::proto::{FromWorker, ToWorker};

/// Messages that may wait in each direction. A worker that does not read gets no leases: nothing waits for it.
pub const WAITING_MAX: usize = 256;

/// The worker's end.
#[derive(Debug)]
pub struct WorkerEnd {
    /// To the supervisor.
    pub out: mpsc::Sender<FromWorker>,
    /// From the supervisor; it ends when the supervisor parts.
    pub inbox: mpsc::Receiver<ToWorker>,
}

/// The supervisor's end.
#[derive(Debug)]
pub struct SupervisorEnd {
    /// To the worker.
    pub out: mpsc::Sender<ToWorker>,
    /// From the worker; it ends when the worker parts.
    pub inbox: mpsc::Receiver<FromWorker>,
    /// The process at the other end, as the system says; none in memory.
    pub peer_pid: Option<u32>,
}

/// Both ends of a conversation in memory.
#[must_use]
pub fn in_memory() -> (WorkerEnd, SupervisorEnd) {
    let (up, from_worker) = mpsc::channel(WAITING_MAX);
    let (down, from_supervisor) = mpsc::channel(WAITING_MAX);
    let worker = WorkerEnd { out: up, inbox: from_supervisor };
    (worker, SupervisorEnd { out: down, inbox: from_worker, peer_pid: None })
}
