//! Looking into an image: a process that stays and opens one folder after the other.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_tests::cluster::binary;
use serde::Deserialize;

/// Names the program that looks into a folder.
const VARIABLE: &str = "EXCHEQUER_CONTENTS";
/// Opening a folder takes some hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// One scratch value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Scratch {
    pub(crate) version: u64,
    pub(crate) value: String,
}

/// What a folder holds once its log is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Held {
    /// Term and index; none where there is no entry yet.
    pub(crate) last: Option<(u64, u64)>,
    pub(crate) purged_index: u64,
    pub(crate) stored_index: u64,
    pub(crate) guard_index: u64,
    pub(crate) digest: String,
    pub(crate) settings_revision: u64,
    pub(crate) scratch: BTreeMap<String, Scratch>,
}

impl Held {
    pub(crate) fn last_index(&self) -> u64 {
        self.last.map_or(0, |(_, index)| index)
    }
}

/// How the opening went.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// It opened.
    Held(Box<Held>),
    /// The node would refuse to start.
    Refused {
        /// `EXQ-0505`.
        code: String,
        /// The words.
        message: String,
    },
    /// The process died or hung.
    #[serde(skip)]
    Crashed(String),
}

/// The example `contents` of exchequer-node: what the variable names, else beside the binary under test, else where
/// cargo puts examples.
pub(crate) fn program() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        let path = PathBuf::from(named);
        ensure!(path.is_file(), "{VARIABLE} names {}, which is not a file", path.display());
        return Ok(path);
    }
    let binary = binary()?;
    let folder = binary.parent().context("the binary lies in no folder")?;
    let test = env::current_exe()?;
    let built = test.parent().and_then(Path::parent).context("the test does not lie in a target folder")?;
    let places = [folder.join("contents"), folder.join("examples/contents"), built.join("examples/contents")];
    if let Some(found) = places.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    bail!("there is no {}: run `cargo build -p exchequer-node --example contents`", places[1].display())
}

/// The process.
pub(crate) struct Checker {
    child: Child,
    ask: ChildStdin,
    answers: Receiver<String>,
    complaints: PathBuf,
    recorder: PathBuf,
}

impl Checker {
    /// Starts it. Its syncs do nothing: an image is looked at once and thrown away.
    pub(crate) fn start(recorder: &Path, complaints: &Path) -> Result<Checker> {
        let mut child = Command::new(program()?)
            .env("LD_PRELOAD", recorder)
            .env("EXCHEQUER_CRASH_FORGET", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(complaints)?)
            .spawn()
            .context("the checker cannot be started")?;
        let ask = child.stdin.take().context("no input")?;
        let output = BufReader::new(child.stdout.take().context("no output")?);
        let (answer, answers) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if answer.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Checker { child, ask, answers, complaints: complaints.to_owned(), recorder: recorder.to_owned() })
    }

    /// Opens a folder.
    pub(crate) fn look(&mut self, folder: &Path) -> Result<Told> {
        let asked = writeln!(self.ask, "{}", folder.display()).and_then(|()| self.ask.flush());
        let line = match asked {
            Ok(()) => self.answers.recv_timeout(PATIENCE).ok(),
            Err(_) => None,
        };
        if let Some(line) = line {
            return serde_json::from_str(&line).with_context(|| format!("a strange answer: {line}"));
        }
        // It died, or it hangs: that is the image's verdict, and the next image gets a new process.
        let _ = self.child.kill();
        let status = self.child.wait()?;
        let words = std::fs::read(&self.complaints).unwrap_or_default();
        *self = Checker::start(&self.recorder.clone(), &self.complaints.clone())?;
        Ok(Told::Crashed(format!("{status}: {}", String::from_utf8_lossy(&words))))
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        // It may have died before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
