//! One consumer, one queue: how the log writer, the guard keeper and the persister are run.
//!
//! In production each has an operating-system thread of its own, because it spends its life waiting for the disk. In
//! a simulation each is a task on the simulated clock, so that a crash can fall between its steps.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

/// Where consumers run.
#[derive(Clone)]
pub enum Drive {
    /// A thread each; syncs take as long as the disk takes.
    Threads,
    /// A task each; the function says how long the simulated disk takes for the next sync.
    Tasks(std::sync::Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl std::fmt::Debug for Drive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Drive::Threads => "Threads",
            Drive::Tasks(_) => "Tasks",
        })
    }
}

/// A consumer. `gather` takes what is queued, `write` makes it readable, `sync` makes it durable and answers.
pub(crate) trait Work: Send + 'static {
    /// What is queued.
    type Item: Send + 'static;
    /// Told its own queue before it runs, without which it could not be told anything by what it starts.
    fn attach(&mut self, _queue: WeakUnboundedSender<Self::Item>) {}
    /// Takes the items into the next group and writes them; whether a sync is needed.
    fn write(&mut self, items: Vec<Self::Item>) -> Step;
    /// Makes the group durable and answers whoever waits.
    fn sync(&mut self) -> Step;
    /// How long to rest after a group, but for a full one, behind which more may wait; what is queued meanwhile is one group.
    fn rest(&self) -> Duration {
        Duration::ZERO
    }
}

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The group needs its sync.
    Sync,
    /// Nothing more to do for this group.
    Done,
    /// The disk failed; the consumer ends and with it the node.
    Stop,
}

/// Most items of one group, so that one group never takes unbounded memory or time.
const GROUP_ITEMS_MAX: usize = 4096;

/// Threads that hold a store, until [`join_threads`] has seen them end.
static THREADS: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());
const JOIN_PAUSE: Duration = Duration::from_millis(1);

/// Has [`join_threads`] wait for a thread.
pub(crate) fn keep(thread: JoinHandle<()>) {
    let mut threads = THREADS.lock();
    threads.retain(|thread| !thread.is_finished());
    threads.push(thread);
}

/// Waits until the threads of all consumers have ended and thereby closed their stores, for at most `patience`; they do
/// when nothing sends to them any more. To be called last in the process: one that ends while another of its threads
/// closes a store dies of an abort instead.
pub fn join_threads(patience: Duration) {
    let began = Instant::now();
    let mut threads = std::mem::take(&mut *THREADS.lock());
    while !threads.is_empty() && began.elapsed() < patience {
        threads.retain(|thread| !thread.is_finished());
        std::thread::sleep(JOIN_PAUSE);
    }
}

/// A simulated consumer rests for less: then more of what it does falls between other events, and more of their orders are
/// tried.
const SIMULATED_REST_MAX: Duration = Duration::from_millis(5);

/// Starts a consumer and answers its queue. It ends when every sender is gone or it stops.
pub(crate) fn start<W: Work>(name: &str, drive: &Drive, mut work: W) -> UnboundedSender<W::Item> {
    let (sender, mut receiver) = unbounded_channel();
    work.attach(sender.downgrade());
    match drive {
        Drive::Threads => {
            let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(first) = receiver.blocking_recv() {
                    let items = group(first, &mut receiver);
                    let is_full = items.len() == GROUP_ITEMS_MAX;
                    let step = work.write(items);
                    let step = if step == Step::Sync { work.sync() } else { step };
                    if step == Step::Stop {
                        return;
                    }
                    let rest = work.rest();
                    if !is_full && !rest.is_zero() {
                        std::thread::sleep(rest);
                    }
                }
            });
            match spawned {
                Ok(thread) => keep(thread),
                Err(error) => tracing::error!(thread = name, %error, "the thread could not be started"),
            }
        }
        Drive::Tasks(latency) => {
            let latency = latency.clone();
            tokio::spawn(async move {
                while let Some(first) = receiver.recv().await {
                    let items = group(first, &mut receiver);
                    let is_full = items.len() == GROUP_ITEMS_MAX;
                    let step = work.write(items);
                    let step = if step == Step::Sync {
                        tokio::time::sleep(latency()).await;
                        work.sync()
                    } else {
                        step
                    };
                    if step == Step::Stop {
                        return;
                    }
                    let rest = work.rest();
                    if !is_full && !rest.is_zero() {
                        tokio::time::sleep(rest.min(SIMULATED_REST_MAX)).await;
                    }
                }
            });
        }
    }
    sender
}

/// Runs something long on behalf of a consumer, beside it.
///
/// # Errors
/// The thread could not be started.
pub(crate) fn aside(name: &str, drive: &Drive, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    match drive {
        Drive::Threads => std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop),
        Drive::Tasks(latency) => {
            let latency = latency.clone();
            tokio::spawn(async move {
                tokio::time::sleep(latency()).await;
                work();
            });
            Ok(())
        }
    }
}

/// Runs file work off the async threads; in a simulation, which has only one thread, in place.
pub(crate) async fn blocking<T: Send + 'static>(
    drive: &Drive,
    work: impl FnOnce() -> exchequer_storage::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    match drive {
        Drive::Threads => tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?.map_err(Into::into),
        Drive::Tasks(_) => work().map_err(Into::into),
    }
}

fn group<T>(first: T, receiver: &mut UnboundedReceiver<T>) -> Vec<T> {
    let mut items = vec![first];
    while items.len() < GROUP_ITEMS_MAX {
        match receiver.try_recv() {
            Ok(item) => items.push(item),
            Err(_) => break,
        }
    }
    items
}
