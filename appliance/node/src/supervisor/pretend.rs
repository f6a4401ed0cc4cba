//! Workers that are no processes: tasks of the leading node that speak the protocol, so that the platform can be measured
//! with hundreds of them where there is memory for a few. Sandbox clusters only.

use std::path::PathBuf;
use std::sync::Arc;

use exchequer_domain::{Digest, WorkerId};
use exchequer_state::workers::WorkerBinary;
use exchequer_workers::clock;
use exchequer_workers::host::{self, Ending, Fault, Setup};
use exchequer_workers::kinds;
use exchequer_workers::link::{SupervisorEnd, in_memory};
use tokio::sync::{mpsc, oneshot};

use super::launch::{LaunchError, Launcher, Process, Processes};
use super::limits::Limits;
use crate::house::House;

/// With any value: tasks stand for workers.
const VARIABLE: &str = "EXCHEQUER_PRETEND_WORKERS";

/// Starts tasks.
pub(super) struct Pretended {
    house: Arc<House>,
    /// Where their conversations begin.
    doors: mpsc::Sender<SupervisorEnd>,
    folder: PathBuf,
}

/// What a node starts.
pub(super) enum Hands {
    /// Processes.
    Real(Box<Processes>),
    /// Tasks.
    Pretended(Pretended),
}

impl Pretended {
    /// As the environment says, where it says so.
    pub(super) fn of_process(
        house: &Arc<House>,
        folder: PathBuf,
        doors: mpsc::Sender<SupervisorEnd>,
    ) -> Option<Pretended> {
        std::env::var_os(VARIABLE)?;
        Some(Pretended { house: house.clone(), doors, folder })
    }

    async fn begin(&self, worker: WorkerId) -> Result<Process, LaunchError> {
        let sandbox = self.house.state(|state| state.cluster().is_some_and(|cluster| cluster.sandbox));
        if !sandbox.unwrap_or(false) {
            return Err(LaunchError::System("pretended workers are for sandbox clusters".to_owned()));
        }
        let kind = kinds::of(worker.kind);
        let kind = kind.ok_or_else(|| LaunchError::Binary(format!("there is no {} to pretend", worker.kind)))?;
        let (link, mut end) = in_memory();
        let pid = std::process::id();
        end.peer_pid = Some(pid);
        let (folder, clock) = (self.folder.clone(), clock::of_machine());
        let setup = Setup { worker, version: env!("CARGO_PKG_VERSION").to_owned(), pid, folder, clock, money: None };
        let (ends, mut ending) = mpsc::unbounded_channel();
        let (gone, exited) = oneshot::channel();
        if self.doors.send(end).await.is_err() {
            return Err(LaunchError::System("nobody listens".to_owned()));
        }
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = host::run(setup, kind, link, None) => Some(ended),
                _ = ending.recv() => None,
            };
            let code = match ended {
                Some(Ending::Drained) => Some(0),
                Some(Ending::Failed(Fault::Exit(code))) => Some(code),
                Some(Ending::DrainedLate | Ending::Parted | Ending::Refused(_)) => Some(1),
                Some(Ending::Failed(Fault::Abort | Fault::Hang)) | None => None,
            };
            // The supervisor may be over.
            let _ = gone.send(code);
        });
        Ok(Process { pid, binary: Digest([0; 32]), ends, exited })
    }
}

impl Launcher for Hands {
    async fn launch(
        &self,
        worker: WorkerId,
        program: Option<WorkerBinary>,
        limits: Limits,
    ) -> Result<Process, LaunchError> {
        match self {
            Hands::Real(processes) => processes.launch(worker, program, limits).await,
            Hands::Pretended(pretended) => pretended.begin(worker).await,
        }
    }
}
