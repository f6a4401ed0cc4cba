//! The supervisor: on the leading node, and there alone, it makes what is observed of workers follow what is wanted.
//!
//! It follows the activation's epoch. Each leadership starts its own processes, tells the registry every step, renews
//! leases as long as the node knows that it leads, and turns what workers send into commands that carry its epoch. At
//! its end all processes are ended at once; what they had sent before is still handed on, for the state machine to refuse
//! and for people to see (`EXQ-0315`).

mod addresses;
mod binaries;
mod bounds;
mod condition;
mod counts;
mod decide;
mod directives;
mod ground;
mod launch;
mod leadership;
mod limits;
mod logs;
mod money;
mod pretend;
mod report;
mod session;
mod steps;
#[cfg(test)]
mod tests;
mod usage;
mod vigil;
mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use exchequer_domain::{Code, Problem};
use exchequer_workers::clock::{self, Clock};
use exchequer_workers::link::SupervisorEnd;
use exchequer_workers::proto::{self, from_worker};
use exchequer_workers::server;
use parking_lot::Mutex;
use tokio::sync::mpsc;

pub(crate) use directives::Wire;
pub(crate) use ground::{Ground, Refused, Until, ask};
pub(crate) use launch::{Nursery, WRAPPER, read_lines};

use crate::house::House;
use crate::signer::LocalSigner;
use counts::Counts;
use launch::{Launcher, Processes};
use leadership::{Event, Leadership};
use logs::Logs;
use money::{Door, Tickets};
use pretend::{Hands, Pretended};

/// The workers' socket in the data folder.
const SOCKET_FILE: &str = "workers.sock";
/// Below the data folder: a folder for each worker.
const WORKERS_FOLDER: &str = "workers";
/// Below the data folder: the workers' logs.
const LOGS_FOLDER: &str = "logs";
/// Pretended workers whose first message waits.
const PRETENDERS_WAITING_MAX: usize = 64;
/// How long a worker may take for its first message.
const HELLO_PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

/// What all leaderships of a process share.
pub(crate) struct Shared<G, L> {
    pub(crate) ground: Arc<G>,
    pub(crate) launcher: L,
    pub(crate) clock: Clock,
    pub(crate) counts: Arc<Counts>,
    pub(crate) logs: Arc<Logs>,
    /// Who may use the money link.
    pub(crate) tickets: Tickets,
    /// The signer beside this node.
    pub(crate) signer: Arc<LocalSigner>,
}

/// Where a conversation that begins is reported: to the present leadership, if there is one.
type Present = Arc<Mutex<Option<mpsc::Sender<Event>>>>;

/// What a node knows of the workers that run on it, whether it leads or not.
pub(crate) struct Local {
    pub(crate) counts: Arc<Counts>,
    pub(crate) logs: Arc<Logs>,
    /// The present leadership, where this node leads.
    present: Present,
}

impl Local {
    /// Opens what is in the data folder.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn open(folder: &Path) -> Result<Local, Problem> {
        let logs = Logs::open(folder.join(LOGS_FOLDER));
        let logs = logs.map_err(|error| Problem::new(Code::Internal, format!("the workers' logs: {error}")))?;
        Ok(Local { counts: Arc::default(), logs: Arc::new(logs), present: Present::default() })
    }
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>, folder: PathBuf) {
    let (counts, logs) = (house.workers.counts.clone(), house.workers.logs.clone());
    let present = house.workers.present.clone();
    // Workers' processes are at home in folders of their own: from there a relative path leads elsewhere.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let socket = folder.join(SOCKET_FILE);
    let below = folder.join(WORKERS_FOLDER);
    let opened = server::listen(&socket)
        .and_then(|listener| Ok((listener, Processes::new(socket, below.clone(), logs.clone())?)));
    let (listener, processes) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            tracing::error!(%error, "this node cannot run workers");
            return;
        }
    };
    tokio::spawn(addresses::keep(house.clone(), below.clone()));
    let (doors, pretenders) = mpsc::channel(PRETENDERS_WAITING_MAX);
    let launcher = match Pretended::of_process(&house, below, doors) {
        Some(pretended) => Hands::Pretended(pretended),
        None => {
            processes.warm_up().await;
            Hands::Real(Box::new(processes))
        }
    };
    let mut epoch = house.node.epoch();
    let (clock, tickets) = (clock::of_machine(), Tickets::default());
    let signer = house.signer.clone();
    let shared = Arc::new(Shared { ground: house, launcher, clock, counts, logs, tickets, signer });
    let arrived = server::serve_with_money(listener, std::future::pending(), Door::new(shared.clone()));
    tokio::spawn(greet(arrived, present.clone()));
    tokio::spawn(greet(pretenders, present.clone()));
    loop {
        let Ok(now) = epoch.wait_for(Option::is_some).await.map(|epoch| epoch.map(|epoch| epoch.index)) else { return };
        let Some(index) = now else { continue };
        let over = async {
            // Where the node is gone, the leadership is as well.
            let _ = epoch.wait_for(|epoch| epoch.is_none_or(|epoch| epoch.index != index)).await;
        };
        lead(&shared, &present, index, over).await;
    }
}

/// One leadership from its beginning to its end. What is left to do then goes on in the background.
pub(crate) async fn lead<G: Ground, L: Launcher>(
    shared: &Arc<Shared<G, L>>,
    present: &Present,
    epoch: u64,
    over: impl Future<Output = ()>,
) {
    let (mut leadership, tell) = Leadership::new(shared.clone(), epoch);
    *present.lock() = Some(tell);
    leadership.run(over).await;
    *present.lock() = None;
    tokio::spawn(leadership.wind_up());
}

/// Hears the first message of every conversation, and hands it to the present leadership.
async fn greet(mut arrived: mpsc::Receiver<SupervisorEnd>, present: Present) {
    while let Some(mut end) = arrived.recv().await {
        let present = present.clone();
        tokio::spawn(async move {
            let Ok(Some(first)) = tokio::time::timeout(HELLO_PATIENCE, end.inbox.recv()).await else { return };
            let Some(from_worker::Message::Hello(hello)) = first.message.map(bounds::message) else {
                let message = "the first message must be Hello".to_owned();
                let _ = end.out.send(proto::Refused { code: Code::WorkerUnexpected.to_string(), message }.into()).await;
                return;
            };
            let tell = present.lock().clone();
            if let Some(tell) = tell {
                // A leadership that is over has no use for it.
                let _ = tell.send(Event::Hello { hello, end: Box::new(end) }).await;
            }
        });
    }
}
