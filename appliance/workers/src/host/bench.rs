//! What a kind finds at its place of work.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use exchequer_domain::WorkerId;
use tokio::sync::mpsc;

use super::Outside;
use crate::money::{Link, Requests};
use crate::proto::{Condition, FromWorker, JobProgress};
use crate::protocol::cut;

/// A way in which a worker fails as a whole, on command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process ends as by a crash.
    Abort,
    /// The process ends with this code.
    Exit(i32),
    /// It says and hears nothing any more.
    Hang,
}

/// What a kind is given besides the work.
#[derive(Clone)]
pub struct Bench {
    /// Who works here.
    pub worker: WorkerId,
    /// The guard of what is done outside.
    pub outside: Outside,
    /// A folder of the worker's own. Another node may run it next: nothing in it can be relied upon.
    pub folder: PathBuf,
    /// The leadership that it works for.
    pub epoch: u64,
    /// Ids for what it asks of the money link, drawn by all that works in this process.
    pub(crate) requests: Requests,
    /// The money link, where there is one.
    pub money: Option<Arc<dyn Link>>,
    pub(super) said: mpsc::UnboundedSender<FromWorker>,
    pub(super) faults: mpsc::UnboundedSender<Fault>,
    pub(super) deaf: Arc<AtomicBool>,
}

impl std::fmt::Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not what its ids are made of, which is its holder's alone.
        f.debug_struct("Bench").field("worker", &self.worker).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Bench {
    /// Tells how far a job is.
    pub fn progress(&self, job: &crate::proto::Job, permille: u32) {
        self.say(JobProgress { job: job.id, attempt: job.attempt, permille: permille.min(1_000) });
    }

    /// Tells that the worker finds itself degraded, or well where `why` is empty.
    pub fn condition(&self, why: String) {
        self.say(Condition { degraded_by: cut(why) });
    }

    fn say(&self, message: impl Into<FromWorker>) {
        // Without a host the worker is over.
        let _ = self.said.send(message.into());
    }

    /// Fails as a whole; does not come back.
    pub(crate) async fn fault<T>(&self, fault: Fault) -> T {
        let _ = self.faults.send(fault);
        std::future::pending().await
    }

    /// Passes over requests to drain from now on.
    pub(crate) fn ignore_drain(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }
}
