//! Starting processes.
//!
//! A child asks the system to end it with its parent; for a registered program the node's own asks before it becomes that
//! program. What counts as the parent is the thread that started it: so all children are started by one thread, the nursery,
//! which ends with the process and not before. Each child leads a process group, and is ended with all that is in it.

use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::mpsc as blocking;
use std::time::Duration;

use exchequer_domain::{Digest, WorkerId};
use exchequer_state::workers::WorkerBinary;
use exchequer_workers::protocol::TEXT_BYTES_MAX;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::binaries::Binaries;
use super::limits::{Limits, Warden};
use super::logs::Logs;

/// The word that has the node's own program become another one: see `cli/worker_program.rs`.
pub(crate) const WRAPPER: &str = "worker-program";
/// How often the group of a worker that is gone is looked at until it is empty, and the pause between two looks.
const BURIALS_MAX: u32 = 50;
const BURIAL_PAUSE: Duration = Duration::from_millis(20);

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
pub(crate) struct Nursery {
    orders: blocking::Sender<Order>,
}

impl Nursery {
    pub(crate) fn open() -> io::Result<Nursery> {
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

    pub(crate) async fn start(&self, command: Command) -> io::Result<Child> {
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
    warden: Arc<Warden>,
    /// The socket on which the supervisor listens.
    socket: PathBuf,
    /// Below it each worker has a folder.
    folder: PathBuf,
    logs: Arc<Logs>,
}

impl Processes {
    pub(crate) fn new(socket: PathBuf, folder: PathBuf, logs: Arc<Logs>) -> io::Result<Processes> {
        let nursery = Nursery::open()?;
        Ok(Processes { nursery, binaries: Binaries::default(), warden: Arc::default(), socket, folder, logs })
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
        let own = self.binaries.open(None).await?;
        let registered = match program {
            Some(program) => Some(self.binaries.open(Some(program)).await?),
            None => None,
        };
        let folder = self.folder.join(worker.to_string().replace('/', "-"));
        std::fs::create_dir_all(&folder).map_err(system)?;
        let mut command = Command::new(own.path());
        if let Some(program) = &registered {
            let file = program.path_for(std::process::id());
            command.args([WRAPPER, &std::process::id().to_string()]).arg(file);
        }
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
            tokio::spawn(read_lines(BufReader::new(stderr), move |line| logs.raw(worker, line)));
        }
        let (ends, ending) = mpsc::unbounded_channel();
        let (gone, exited) = oneshot::channel();
        let digest = registered.as_ref().unwrap_or(&own).digest();
        tokio::spawn(attend(child, Family { worker, pid, warden: self.warden.clone() }, ending, gone));
        Ok(Process { pid, binary: digest, ends, exited })
    }
}

/// Reads lines to the end of what there is, whatever is in them. What a line has over the limit is passed over.
pub(crate) async fn read_lines(mut from: impl AsyncBufRead + Unpin, mut each: impl FnMut(String)) {
    let mut line = Vec::new();
    loop {
        let (taken, ends) = match from.fill_buf().await {
            Ok([]) | Err(_) => break,
            Ok(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
                let room = TEXT_BYTES_MAX.saturating_sub(line.len()).min(part.len());
                line.extend_from_slice(part.get(..room).unwrap_or_default());
                (part.len() + usize::from(end.is_some()), end.is_some())
            }
        };
        from.consume(taken);
        if ends {
            each(String::from_utf8_lossy(&std::mem::take(&mut line)).into_owned());
        }
    }
    if !line.is_empty() {
        each(String::from_utf8_lossy(&line).into_owned());
    }
}

/// A child with all that it has started.
struct Family {
    worker: WorkerId,
    pid: u32,
    warden: Arc<Warden>,
}

impl Family {
    fn signal(&self, signal: Signal) {
        if let Some(group) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // Those that are gone hear nothing.
            let _ = kill_process_group(group, signal);
        }
    }

    fn kill(&self, child: &mut Child) {
        self.signal(Signal::KILL);
        self.warden.end(self.worker);
        let _ = child.start_kill();
    }

    /// Ends what the child has left behind. The group's number is nobody else's as long as anything is in it, and numbers come
    /// round only after all others.
    async fn bury(&self) {
        self.signal(Signal::KILL);
        self.warden.end(self.worker);
        for _ in 0..BURIALS_MAX {
            if self.warden.release(self.worker) {
                return;
            }
            tokio::time::sleep(BURIAL_PAUSE).await;
        }
        tracing::warn!(worker = %self.worker, "the control group of a worker that is gone is not empty");
    }
}

/// Waits for a child, and ends it when asked to or when nobody holds it any more.
async fn attend(
    mut child: Child,
    family: Family,
    mut ending: mpsc::UnboundedReceiver<End>,
    gone: oneshot::Sender<Option<i32>>,
) {
    let code = loop {
        tokio::select! {
            exited = child.wait() => break exited.ok().and_then(|status| status.code()),
            end = ending.recv() => match end {
                // It has not been waited for: the number is still its own.
                Some(End::Asked) => family.signal(Signal::TERM),
                Some(End::Forced) => family.kill(&mut child),
                None => {
                    family.kill(&mut child);
                    break child.wait().await.ok().and_then(|status| status.code());
                }
            },
        }
    };
    family.bury().await;
    // The supervisor may be over.
    let _ = gone.send(code);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a process writes is read to its end, whatever it is, and no line is kept at any length. Method: bytes that are
    /// no text, a line of a megabyte and one without an end, through a reader with small parts.
    #[tokio::test]
    async fn lines_of_any_sort_are_read() {
        let mut written = b"first\n\xff\xfe then\n\n".to_vec();
        written.extend(vec![b'x'; 1 << 20]);
        written.extend(b"\nlast");
        let mut lines = Vec::new();
        read_lines(BufReader::with_capacity(100, written.as_slice()), |line| lines.push(line)).await;
        let lengths: Vec<usize> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [5, 11, 0, TEXT_BYTES_MAX, 4]);
        assert_eq!((lines[1].as_str(), lines[4].as_str()), ("\u{fffd}\u{fffd} then", "last"));
    }

    /// Goal: a worker's end is the end of all that it has started. Method: a shell that has started another process, killed
    /// as the supervisor kills, and one that ends by itself.
    #[tokio::test]
    async fn children_go_with_their_worker() {
        for script in ["sleep 600 & echo $!; wait", "sleep 600 & echo $!"] {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
            let mut child = command.spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let grandchild: i32 = lines.next_line().await.unwrap().unwrap().parse().unwrap();
            let family =
                Family { worker: "selftest/1".parse().unwrap(), pid: child.id().unwrap(), warden: Arc::default() };
            let ((ends, ending), (gone, exited)) = (mpsc::unbounded_channel(), oneshot::channel());
            if script.ends_with("wait") {
                ends.send(End::Forced).unwrap();
            }
            attend(child, family, ending, gone).await;
            exited.await.unwrap();
            // Whoever adopts it waits for it in its own time: it may still be there, but not alive.
            let began = std::time::Instant::now();
            let alive = || {
                let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
                stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
            };
            while alive() {
                assert!(began.elapsed() < Duration::from_secs(20), "{script}");
                tokio::task::yield_now().await;
            }
        }
    }
}
