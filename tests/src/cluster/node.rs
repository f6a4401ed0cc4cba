//! One node of a test cluster: its addresses, its folder and its process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use super::server::{Ended, Server, tail};

/// How long a server may take to hand leadership over and stop.
const STOP_PATIENCE: Duration = Duration::from_secs(20);

/// How a node's server is started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    /// Another program that runs it, such as `ip netns exec a`. It must replace itself by the server.
    pub wrap: Vec<OsString>,
    /// Environment variables.
    pub variables: Vec<(OsString, OsString)>,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its id, once it has one.
    pub id: u64,
    /// `host:port` of its API.
    pub api: String,
    /// `host:port` for its peers.
    pub peer: String,
    /// Its data folder.
    pub data: PathBuf,
    /// How its server is started.
    pub launch: Launch,
    /// The configuration file's text. It keeps the reserve small, since a test machine's disk is shared.
    pub config: String,
    home: PathBuf,
    binary: PathBuf,
    runs: u32,
    server: Option<Server>,
}

impl Node {
    pub(super) fn new(home: PathBuf, binary: PathBuf, name: &str, api: String, peer: String) -> Result<Node> {
        fs::create_dir_all(&home).with_context(|| format!("{} cannot be made", home.display()))?;
        Ok(Node {
            name: name.to_owned(),
            id: 0,
            api,
            peer,
            data: home.join("data"),
            launch: Launch::default(),
            config: "[storage]\nreserve = \"8MiB\"\n".to_owned(),
            home,
            binary,
            runs: 0,
            server: None,
        })
    }

    /// The folder around the data folder; configuration and logs lie in it.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Starts the server and does not wait for anything.
    ///
    /// # Errors
    /// When it runs already, or cannot be started.
    pub fn start(&mut self) -> Result<()> {
        ensure!(self.server.is_none(), "{} runs already", self.name);
        let config = self.home.join("exchequer.toml");
        fs::write(&config, &self.config).context("the configuration cannot be written")?;
        let mut command = match self.launch.wrap.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        command.arg("server").arg("--config").arg(&config).arg("--data-dir").arg(&self.data);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EXCHEQUER_")) {
            command.env_remove(name);
        }
        command.envs(self.launch.variables.iter().map(|(name, value)| (name, value)));
        self.runs += 1;
        let log = self.home.join(format!("server-{:02}.log", self.runs));
        self.server = Some(Server::start(command, &log).with_context(|| format!("{} does not start", self.name))?);
        Ok(())
    }

    /// The running server.
    ///
    /// # Errors
    /// When there is none.
    pub fn server(&mut self) -> Result<&mut Server> {
        self.server.as_mut().with_context(|| format!("{} does not run", self.name))
    }

    /// Whether a server was started and not taken down by this harness.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.server.is_some()
    }

    /// SIGKILL, and waits until the process is gone.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.server()?.kill()?;
        self.server = None;
        Ok(())
    }

    /// SIGTERM, and waits for a clean end.
    ///
    /// # Errors
    /// When it does not run, does not end in time, or ends with an error.
    pub async fn stop(&mut self) -> Result<()> {
        self.server()?.signal(Signal::TERM)?;
        let ended = self.end(STOP_PATIENCE).await?;
        ensure!(ended.exit == Some(0), "{} stopped with {:?}:\n{}", self.name, ended.exit, tail(&ended.log));
        Ok(())
    }

    /// Waits for the server to end by itself.
    ///
    /// # Errors
    /// When it does not run, or does not end in time.
    pub async fn end(&mut self, within: Duration) -> Result<Ended> {
        let ended = self.server()?.end(within).await?;
        self.server = None;
        Ok(ended)
    }

    /// SIGSTOP: the process stands still with everything it holds.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&mut self) -> Result<()> {
        self.server()?.signal(Signal::STOP)
    }

    /// SIGCONT: it goes on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&mut self) -> Result<()> {
        self.server()?.signal(Signal::CONT)
    }

    /// What the present or the last run logged.
    #[must_use]
    pub fn log(&self) -> String {
        let path = self.home.join(format!("server-{:02}.log", self.runs));
        fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The first sign of a panic in the log of any run, with its run.
    #[must_use]
    pub fn panic(&self) -> Option<String> {
        (1..=self.runs).find_map(|run| {
            let path = self.home.join(format!("server-{run:02}.log"));
            let text = fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).ok()?;
            let line = text.lines().find(|line| line.contains("panicked at"))?;
            Some(format!("{}, run {run}: {line}", self.name))
        })
    }
}
