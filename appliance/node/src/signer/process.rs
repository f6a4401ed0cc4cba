//! The signer's process beside the node: started where there is a vault, started again when it ends, ended with the node.
//!
//! Where a unit of the system runs the signer, as a user of its own and without a network, the node only speaks to its socket
//! (`signer.external`).
//!
//! What the process writes to standard error goes into the node's log, line by line and within bounds. The signer itself sees to it
//! that nothing of a key is in it.

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
    if external {
        tracing::info!("the signer is run by a unit of the system");
        return;
    }
    let data = std::path::absolute(&data).unwrap_or(data);
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
