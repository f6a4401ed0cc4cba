//! Starting processes.
//!
//! A child asks the system to end it with its parent. What counts as the parent is the thread that started it: so all
//! children are started by one thread, the nursery, which ends with the process and not before.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc as blocking;

use exchequer_domain::{Digest, WorkerId};
use exchequer_state::workers::WorkerBinary;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::binaries::Binaries;
use super::limits::{Limits, Warden};
use super::logs::Logs;

/// How a process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By a request that it can hear.
    Asked,
    /// At once.
    Forced,
}

/// A worker's process, or what stands for one in tests.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// BLAKE3 of what it runs.
    pub(crate) binary: Digest,
    /// Ends it.
    pub(crate) ends: mpsc::UnboundedSender<End>,
    /// Its exit code once it is gone; none where a signal ended it.
    pub(crate) exited: oneshot::Receiver<Option<i32>>,
}

/// Why there is no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LaunchError {
    /// The program is not there, or not the registered one.
    #[error("{0}")]
    Binary(String),
    /// The system did not start it.
    #[error("{0}")]
    System(String),
}

/// Starts workers' processes.
pub(crate) trait Launcher: Send + Sync + 'static {
    /// Starts one that runs a registered program, or the node's own.
    fn launch(
        &self,
        worker: WorkerId,
        program: Option<WorkerBinary>,
        limits: Limits,
    ) -> impl Future<Output = Result<Process, LaunchError>> + Send;
}

type Order = (Command, oneshot::Sender<io::Result<Child>>);

/// The thread that starts children.
#[derive(Debug, Clone)]
struct Nursery {
    orders: blocking::Sender<Order>,
}

impl Nursery {
    fn open() -> io::Result<Nursery> {
        let (orders, ordered) = blocking::channel::<Order>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("nursery".to_owned()).spawn(move || {
            let _inside = runtime.enter();
            for (mut command, answer) in ordered {
                // Nobody waits for it any more: then the child is ended as it is dropped.
                let _ = answer.send(command.spawn());
            }
            // The supervisor is over, its children may not be: they live as long as this thread.
            loop {
                std::thread::park();
            }
        })?;
        Ok(Nursery { orders })
    }

    async fn start(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the nursery is closed");
        let (answer, started) = oneshot::channel();
        self.orders.send((command, answer)).map_err(|_| gone())?;
        started.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// Starts real processes.
#[derive(Debug)]
pub(crate) struct Processes {
    nursery: Nursery,
    binaries: Binaries,
    warden: Warden,
    /// The socket on which the supervisor listens.
    socket: PathBuf,
    /// Below it each worker has a folder.
    folder: PathBuf,
    logs: Arc<Logs>,
}

impl Processes {
    pub(crate) fn new(socket: PathBuf, folder: PathBuf, logs: Arc<Logs>) -> io::Result<Processes> {
        let nursery = Nursery::open()?;
        Ok(Processes { nursery, binaries: Binaries::default(), warden: Warden::default(), socket, folder, logs })
    }

    /// Reads the node's own program, so that the first start need not wait for it.
    pub(crate) async fn warm_up(&self) {
        // Where it cannot be read, the first start says so.
        let _ = self.binaries.open(None).await;
    }
}

impl Launcher for Processes {
    async fn launch(
        &self,
        worker: WorkerId,
        program: Option<WorkerBinary>,
        limits: Limits,
    ) -> Result<Process, LaunchError> {
        let system = |error: io::Error| LaunchError::System(error.to_string());
        let program = self.binaries.open(program).await?;
        let folder = self.folder.join(worker.to_string().replace('/', "-"));
        std::fs::create_dir_all(&folder).map_err(system)?;
        let mut command = Command::new(program.path());
        command
            .arg0("exchequer-worker")
            .args(["worker", &worker.to_string()])
            .arg("--socket")
            .arg(&self.socket)
            .args(["--parent", &std::process::id().to_string()])
            .current_dir(&folder)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A signal from a terminal is for the node alone.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = self.nursery.start(command).await.map_err(system)?;
        let pid = child.id().ok_or_else(|| LaunchError::System("it ended at once".to_owned()))?;
        self.warden.confine(worker, pid, limits);
        if let Some(stderr) = child.stderr.take() {
            let logs = self.logs.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    logs.raw(worker, line);
                }
            });
        }
        let (ends, ending) = mpsc::unbounded_channel();
        let (gone, exited) = oneshot::channel();
        tokio::spawn(attend(child, pid, ending, gone));
        Ok(Process { pid, binary: program.digest(), ends, exited })
    }
}

/// Waits for a child, and ends it when asked to or when nobody holds it any more.
async fn attend(
    mut child: Child,
    pid: u32,
    mut ending: mpsc::UnboundedReceiver<End>,
    gone: oneshot::Sender<Option<i32>>,
) {
    let code = loop {
        tokio::select! {
            exited = child.wait() => break exited.ok().and_then(|status| status.code()),
            end = ending.recv() => match end {
                Some(End::Asked) => {
                    // It has not been waited for: the number is still its own.
                    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                        let _ = kill_process(pid, Signal::TERM);
                    }
                }
                Some(End::Forced) => {
                    let _ = child.start_kill();
                }
                None => {
                    let _ = child.start_kill();
                    break child.wait().await.ok().and_then(|status| status.code());
                }
            },
        }
    };
    // The supervisor may be over.
    let _ = gone.send(code);
}
