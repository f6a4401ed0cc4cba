//! The host: everything that all workers do alike.
//!
//! It introduces the worker, sends heartbeats, watches the lease, takes jobs and directives and hands them to the kind,
//! forwards log and errors, and drains. It ends when the supervisor parts: a worker alone has nothing to do.

mod bench;
pub mod connect;
pub mod log;
mod outside;
mod work;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use exchequer_domain::WorkerId;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

pub use bench::{Bench, Fault};
pub use outside::{LeaseOver, Outside};

use crate::clock::Clock;
use crate::kinds::Kind;
use crate::link::WorkerEnd;
use crate::money::{Dial, Requests};
use crate::proto::{Drained, FromWorker, Hello, Log, ToWorker, Welcome, to_worker};
use crate::protocol::{HEARTBEAT, PROTOCOL_VERSION};
use work::Work;

/// The exit code of a worker whose standing work has stopped by itself: a bug.
const STOPPED: i32 = 70;

/// Who the worker is.
#[derive(Clone)]
pub struct Setup {
    /// Its name.
    pub worker: WorkerId,
    /// The program's release.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// A folder of its own.
    pub folder: PathBuf,
    /// By which leases run.
    pub clock: Clock,
    /// The way to the money link; none where there is none.
    pub money: Option<Dial>,
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to, and had finished what was in hand.
    Drained,
    /// It was asked to, and had not finished in time.
    DrainedLate,
    /// The supervisor parted.
    Parted,
    /// The supervisor does not want it.
    Refused(String),
    /// It failed as a whole, on command.
    Failed(Fault),
}

/// Works until it is asked to stop or the supervisor parts. What was in hand then is dropped where it stands.
pub async fn run(setup: Setup, kind: Arc<dyn Kind>, link: WorkerEnd, lines: Option<mpsc::Receiver<Log>>) -> Ending {
    let (said, mut saying) = mpsc::unbounded_channel();
    let (faults, mut failing) = mpsc::unbounded_channel();
    let outside = Outside::new(setup.clock.clone());
    let deaf = Arc::default();
    let mut bench = Bench {
        worker: setup.worker,
        outside,
        folder: setup.folder,
        epoch: 0,
        requests: Requests::new(&[]),
        money: None,
        said,
        faults,
        deaf,
    };
    let WorkerEnd { out, mut inbox } = link;
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        worker: setup.worker.to_string(),
        version: setup.version,
        binary_hash: Vec::new(),
        pid: setup.pid,
    };
    if out.send(hello.into()).await.is_err() {
        return Ending::Parted;
    }
    let settings_revision = match welcome(&mut inbox, &bench).await {
        Ok(Welcome { epoch, settings, ticket, .. }) => {
            let settings = settings.unwrap_or_default();
            kind.settings(&settings.values.into_iter().collect());
            bench.money = setup.money.map(|dial| dial(ticket.clone()));
            (bench.epoch, bench.requests) = (epoch, Requests::new(&ticket));
            settings.revision
        }
        Err(ending) => return ending,
    };
    // In a task of its own: what it computes must not keep leases and heartbeats waiting. It ends with this call.
    let mut standing = JoinSet::new();
    standing.spawn({
        let (kind, bench) = (kind.clone(), bench.clone());
        async move { kind.work(&bench).await }
    });
    let mut work = Work::new(bench.clone(), kind, out.clone(), settings_revision);
    // Without a layer there is a channel on which nothing ever comes.
    let (_silent, never) = mpsc::channel(1);
    let mut lines = lines.unwrap_or(never);
    let mut beat = interval_at(Instant::now(), HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drain_until: Option<Instant> = None;
    if work.ask().await.is_err() {
        return Ending::Parted;
    }
    loop {
        if drain_until.is_some() && work.is_idle() {
            // The supervisor learns it from the process's end as well.
            let _ = out.send(Drained {}.into()).await;
            return Ending::Drained;
        }
        let deadline = drain_until.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        let went = tokio::select! {
            biased;
            Some(fault) = failing.recv() => match fault {
                Fault::Hang => std::future::pending().await,
                Fault::Abort | Fault::Exit(_) => return Ending::Failed(fault),
            },
            received = inbox.recv() => match received {
                None => return Ending::Parted,
                Some(ToWorker { message: None }) => Ok(()),
                Some(ToWorker { message: Some(message) }) => match message {
                    to_worker::Message::Lease(lease) => {
                        bench.outside.renew(lease.until_us);
                        Ok(())
                    }
                    to_worker::Message::Drain(_) if bench.deaf.load(Ordering::Relaxed) => Ok(()),
                    to_worker::Message::Drain(drain) => {
                        drain_until = Some(Instant::now() + Duration::from_millis(drain.within_ms));
                        // Whatever it was about can be gone on with by whoever comes next.
                        standing.abort_all();
                        work.take_nothing().await
                    }
                    to_worker::Message::Refused(refused) => return Ending::Refused(refused.message),
                    other => work.receive(other).await,
                },
            },
            () = sleep_until(deadline), if drain_until.is_some() => return Ending::DrainedLate,
            Some(message) = saying.recv() => send(&out, message).await,
            ended = work.ended() => work.settle(ended).await,
            Some(ended) = standing.join_next(), if drain_until.is_none() => {
                let why = ended.err().map_or_else(|| "it came to its end".to_owned(), |error| error.to_string());
                tracing::error!("what the worker does by itself has stopped: {why}");
                return Ending::Failed(Fault::Exit(STOPPED));
            }
            _ = beat.tick() => work.beat().await,
            Some(line) = lines.recv() => work.log(line).await,
        };
        if went.is_err() {
            return Ending::Parted;
        }
    }
}

/// The supervisor is not there any more.
#[derive(Debug)]
struct Parted;

async fn send(out: &mpsc::Sender<FromWorker>, message: impl Into<FromWorker>) -> Result<(), Parted> {
    out.send(message.into()).await.map_err(|_| Parted)
}

async fn welcome(inbox: &mut mpsc::Receiver<ToWorker>, bench: &Bench) -> Result<Welcome, Ending> {
    loop {
        match inbox.recv().await.map(|received| received.message) {
            None => return Err(Ending::Parted),
            Some(Some(to_worker::Message::Welcome(welcome))) => {
                bench.outside.renew(welcome.lease_until_us);
                return Ok(welcome);
            }
            Some(Some(to_worker::Message::Refused(refused))) => return Err(Ending::Refused(refused.message)),
            Some(Some(to_worker::Message::Lease(lease))) => bench.outside.renew(lease.until_us),
            Some(Some(to_worker::Message::Drain(_))) => return Err(Ending::Drained),
            // Nothing else comes before the welcome; from a newer supervisor it may.
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
