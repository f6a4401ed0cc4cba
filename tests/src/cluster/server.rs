//! One server process.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::wait::Deadline;

/// A running `exchequer server`. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    log: PathBuf,
}

/// How a server ended by itself.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All that it logged in this run.
    pub log: String,
}

impl Ended {
    /// The code of the error that it ended with: the last one on its last lines.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        let at = self.log.rfind("EXQ-")?;
        self.log.get(at..at + "EXQ-0000".len())
    }

    /// The line on which the error stands.
    #[must_use]
    pub fn error(&self) -> &str {
        self.log.lines().rev().find(|line| line.contains("EXQ-")).unwrap_or_default()
    }
}

impl Server {
    /// Starts `command`; everything it prints goes to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command, log: &Path) -> Result<Server> {
        let out = File::create(log).with_context(|| format!("{} cannot be made", log.display()))?;
        let error = out.try_clone().context("the log cannot be shared")?;
        command.stdin(Stdio::null()).stdout(out).stderr(error);
        let child = command.spawn().with_context(|| format!("{command:?} cannot be started"))?;
        Ok(Server { child, log: log.to_owned() })
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, signal).with_context(|| format!("{signal:?} cannot be sent to {}", self.pid()))
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Result<Option<Ended>> {
        let status = self.child.try_wait().context("the process cannot be waited for")?;
        Ok(status.map(|status| self.describe(status)))
    }

    /// Waits for it to end by itself.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn end(&mut self, within: Duration) -> Result<Ended> {
        let deadline = Deadline::within(within);
        loop {
            if let Some(ended) = self.ended()? {
                return Ok(ended);
            }
            if deadline.passed() {
                bail!("the server still runs after {within:?}; its log ends:\n{}", tail(&self.log()))
            }
            deadline.pause().await;
        }
    }

    /// Ends it at once, as a power cut would end its process, and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill().context("the process cannot be killed")?;
        self.child.wait().context("the process cannot be waited for")?;
        Ok(())
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn describe(&self, status: ExitStatus) -> Ended {
        Ended { exit: status.code(), signal: status.signal(), log: self.log() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before; then there is nothing to do.
        let _ = self.kill();
    }
}

/// The last lines of a log.
pub(super) fn tail(log: &str) -> String {
    const LINES: usize = 20;
    let lines: Vec<&str> = log.lines().collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}
