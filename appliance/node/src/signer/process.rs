//! The signer's process beside the node: started where there is a vault, started again when it ends, ended with the node.
//!
//! Where a unit of the system runs the signer, as a user of its own and without a network, the node only speaks to its socket
//! (`signer.external`).
//!
//! What the process writes to standard error goes into the node's log, line by line and within bounds. The signer itself sees to it
//! that nothing of a key is in it.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::BufReader;
use tokio::process::Command;

use super::{socket_path, vault_folder};
use crate::supervisor::{Nursery, read_lines};

/// How often a node without a vault looks whether there is one.
const VAULT_POLL: Duration = Duration::from_millis(500);
/// Where the package's unit of the signer listens.
const UNIT_SOCKET: &str = "/run/exchequer-signer/signer.sock";
/// Before a signer that ended is started again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(30)];
/// One that ran for so long begins with the first pause again.
const STEADY: Duration = Duration::from_secs(60);
/// The running program, also where its file was replaced or removed since.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// Lines of a signer in the node's log within a minute; what is more is counted.
const LINES_PER_MINUTE_MAX: u32 = 600;

/// Runs a signer for as long as the node does, wherever there is a vault.
pub(crate) async fn keep(data: PathBuf, external: bool) {
    let data = std::path::absolute(&data).unwrap_or(data);
    if external {
        tracing::info!("the signer is run by a unit of the system");
        point_to(Path::new(UNIT_SOCKET), &socket_path(&data)).await;
        return;
    }
    let nursery = match Nursery::open() {
        Ok(nursery) => nursery,
        Err(error) => {
            tracing::error!(%error, "this node cannot run a signer");
            return;
        }
    };
    let make = || command(Path::new(OWN_PROGRAM), &data);
    tend(&nursery, &vault_folder(&data), make, Arc::new(tell)).await;
}

/// Waits until the folder is there in which a unit's signer listens, and makes the node's own way to its socket lead there. The node
/// does it itself, as its user: whoever did it as root could be led elsewhere by what lies in the node's folder.
async fn point_to(unit: &Path, own: &Path) {
    while !unit.parent().is_some_and(Path::is_dir) {
        tokio::time::sleep(VAULT_POLL).await;
    }
    if let Err(error) = link(unit, own) {
        tracing::error!(%error, at = %own.display(), "there is no way to the signer's socket");
    }
}

/// Puts a link in place of the socket of a signer that ran beside the node; one that is there stays, wherever it leads.
fn link(unit: &Path, own: &Path) -> std::io::Result<()> {
    match own.symlink_metadata() {
        Ok(there) if there.file_type().is_symlink() => return Ok(()),
        Ok(_) => std::fs::remove_file(own)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = own.parent().filter(|folder| !folder.exists()) {
        std::fs::DirBuilder::new().mode(0o700).create(folder)?;
    }
    std::os::unix::fs::symlink(unit, own)
}

/// What becomes of a line, and of how many before it nothing was said.
pub(super) type Say = Arc<dyn Fn(&str, u32) + Send + Sync>;

/// Starts a signer whenever there is a vault and none runs. Whoever drops this ends it.
pub(super) async fn tend(nursery: &Nursery, vault: &Path, make: impl Fn() -> Command, say: Say) {
    let sealed = vault.join(exchequer_vault::sealed::FILE_NAME);
    let [first, longest] = PAUSES;
    let mut pause = first;
    loop {
        while !sealed.exists() {
            tokio::time::sleep(VAULT_POLL).await;
        }
        let began = Instant::now();
        let ended = once(nursery, make(), say.clone()).await;
        if began.elapsed() >= STEADY {
            pause = first;
        }
        tracing::warn!(ended, pause_ms = pause.as_millis(), "the signer ended; it is started again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

/// One life of the process, from its start to its end.
async fn once(nursery: &Nursery, command: Command, say: Say) -> String {
    let mut child = match nursery.start(command).await {
        Ok(child) => child,
        Err(error) => return format!("it could not be started: {error}"),
    };
    tracing::info!(pid = child.id(), "the signer is started");
    if let Some(stderr) = child.stderr.take() {
        let mut gauge = Gauge::new(Instant::now());
        tokio::spawn(read_lines(BufReader::new(stderr), move |line| {
            if let Some(passed) = gauge.take(Instant::now()) {
                say(&line, passed);
            }
        }));
    }
    match child.wait().await {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    }
}

fn command(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .arg0("exchequer-signer")
        .arg("signer")
        .arg("--data")
        .arg(data)
        .arg("--socket")
        .arg(socket_path(data))
        .args(["--parent", &std::process::id().to_string()])
        .current_dir(data)
        .env_clear()
        // A thread of the allocator's would keep the network, and keep the process from leaving it.
        .env("_RJEM_MALLOC_CONF", "background_thread:false")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // A signal from a terminal is for the node alone.
        .process_group(0)
        .kill_on_drop(true);
    // Where systemd hands credentials to the node, one of them may open the vault.
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        command.env("CREDENTIALS_DIRECTORY", folder);
    }
    command
}

/// Says a line of the signer's at the level that it begins with.
fn tell(line: &str, passed_over: u32) {
    if passed_over > 0 {
        tracing::warn!(passed_over, "lines of the signer were passed over");
    }
    let line = line.trim();
    match line.split_once(' ') {
        Some(("ERROR", said)) => tracing::error!(signer = said),
        Some(("WARN", said)) => tracing::warn!(signer = said),
        Some(("INFO", said)) => tracing::info!(signer = said),
        Some(_) | None if line.is_empty() => {}
        // Such as the refusal with which it ends.
        Some(_) | None => tracing::warn!(signer = line),
    }
}

/// Lets so many lines of a minute through.
struct Gauge {
    began: Instant,
    taken: u32,
    passed_over: u32,
}

impl Gauge {
    fn new(now: Instant) -> Gauge {
        Gauge { began: now, taken: 0, passed_over: 0 }
    }

    /// Whether a line goes through; and if so how many before it did not.
    fn take(&mut self, now: Instant) -> Option<u32> {
        if now.duration_since(self.began) >= Duration::from_secs(60) {
            (self.began, self.taken) = (now, 0);
        }
        if self.taken >= LINES_PER_MINUTE_MAX {
            self.passed_over = self.passed_over.saturating_add(1);
            return None;
        }
        self.taken += 1;
        Some(std::mem::take(&mut self.passed_over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a signer that writes without end does not fill the node's log, and what was passed over is told.
    #[test]
    fn lines_have_a_bound() {
        let began = Instant::now();
        let mut gauge = Gauge::new(began);
        let through = (0..LINES_PER_MINUTE_MAX + 7).filter(|_| gauge.take(began).is_some()).count();
        assert_eq!(through, LINES_PER_MINUTE_MAX as usize);
        assert_eq!(gauge.take(began + Duration::from_secs(60)), Some(7));
        assert_eq!(gauge.take(began + Duration::from_secs(60)), Some(0));
    }

    /// Goal: a node whose signer a unit runs finds its socket, in place of what an earlier signer beside it left; a link that an
    /// operator made stays. Method: no vault's folder; the socket of before; a link to elsewhere.
    #[tokio::test]
    async fn a_units_socket_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let unit = folder.path().join("signer.sock");
        let own = socket_path(folder.path());
        for _ in 0..2 {
            point_to(&unit, &own).await;
            assert_eq!(std::fs::read_link(&own).unwrap(), unit);
        }
        std::fs::remove_file(&own).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&own).unwrap());
        point_to(&unit, &own).await;
        assert_eq!(std::fs::read_link(&own).unwrap(), unit);
        point_to(&folder.path().join("other.sock"), &own).await;
        assert_eq!(std::fs::read_link(&own).unwrap(), unit);
    }

    /// Goal: the process gets nothing of the node's environment, where secrets may be. Method: the command as it is made.
    #[test]
    fn nothing_of_the_environment_goes_along() {
        let command = command(Path::new("/x"), Path::new("/data"));
        let command = command.as_std();
        let kept: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        let own = ["CREDENTIALS_DIRECTORY", "_RJEM_MALLOC_CONF"];
        assert!(kept.iter().all(|name| own.iter().any(|own| name == own)), "{kept:?}");
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(words[..5], ["signer", "--data", "/data", "--socket", "/data/vault/signer.sock"]);
    }
}
