//! Running the command line.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

/// No verb may take longer, unless the test says so: a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(90);

/// The command line, with what every call has in common.
#[derive(Debug, Clone)]
pub struct Exq {
    binary: PathBuf,
    wrap: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    flags: Vec<OsString>,
    patience: Duration,
}

impl Exq {
    /// The program `binary`, with no flags of its own.
    #[must_use]
    pub fn new(binary: PathBuf) -> Exq {
        Exq { binary, wrap: Vec::new(), variables: Vec::new(), flags: Vec::new(), patience: PATIENCE }
    }

    /// Runs it by another program, such as `ip netns exec a`.
    #[must_use]
    pub fn wrapped(mut self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Exq {
        self.wrap = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Exq {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Appends flags to every call.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = impl Into<OsString>>) -> Exq {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// Without the flags of every call: plain text, as people see it.
    #[must_use]
    pub fn plain(mut self) -> Exq {
        self.flags.clear();
        self
    }

    /// How long a call may take before it counts as hanging.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Exq {
        self.patience = patience;
        self
    }

    /// Runs `words` to the end.
    ///
    /// # Errors
    /// When it cannot be started, does not end in time, is killed by a signal, or panics. Exit codes other than zero
    /// are no errors here.
    pub async fn run(&self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Ran> {
        let words: Vec<OsString> = words.into_iter().map(Into::into).chain(self.flags.iter().cloned()).collect();
        let shown = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut command = match self.wrap.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        command.args(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // What the person who runs the tests has set for clusters of their own must not reach these.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EXCHEQUER_")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let started = Instant::now();
        let output = tokio::time::timeout(self.patience, command.output())
            .await
            .with_context(|| format!("`exchequer {shown}` hangs: it did not end in {:?}", self.patience))?
            .with_context(|| format!("`exchequer {shown}` cannot be run"))?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        ensure!(!stderr.contains("panicked at"), "`exchequer {shown}` panicked:\n{stderr}");
        let Some(exit) = output.status.code() else {
            bail!("`exchequer {shown}` ended with {}:\n{stderr}", output.status)
        };
        Ok(Ran { shown, exit, stdout, stderr, took: started.elapsed() })
    }
}

/// How a command line ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The command as typed, without the program's name.
    pub shown: String,
    /// The exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

/// An error as the command line shows it to programs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refused {
    /// `EXQ-0303`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(default)]
    pub hint: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

#[derive(Deserialize)]
struct Wire {
    error: Refused,
}

impl Ran {
    /// Insists on an exit code.
    ///
    /// # Errors
    /// When it was another one, with all that was printed.
    pub fn exits(self, exit: i32) -> Result<Ran> {
        ensure!(self.exit == exit, "`{}` should exit with {exit}, not {}:\n{self}", self.shown, self.exit);
        Ok(self)
    }

    /// Insists on exit code 0.
    ///
    /// # Errors
    /// When it was another one, with all that was printed.
    pub fn good(self) -> Result<Ran> {
        self.exits(0)
    }

    /// Standard output as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("`{}` should print JSON:\n{self}", self.shown))
    }

    /// A text field of the JSON on standard output.
    ///
    /// # Errors
    /// When it is not there.
    pub fn text(&self, field: &str) -> Result<String> {
        let found = self.json()?.get(field).and_then(Value::as_str).map(str::to_owned);
        found.with_context(|| format!("`{}` should print a text `{field}`:\n{self}", self.shown))
    }

    /// A whole number of the JSON on standard output.
    ///
    /// # Errors
    /// When it is not there.
    pub fn number(&self, field: &str) -> Result<u64> {
        let found = self.json()?.get(field).and_then(Value::as_u64);
        found.with_context(|| format!("`{}` should print a number `{field}`:\n{self}", self.shown))
    }

    /// The one error of a call with `--output json`: the last line on standard error, with nothing on standard output.
    ///
    /// # Errors
    /// When it ended well, or did not show one clear error.
    pub fn refused(&self) -> Result<Refused> {
        ensure!(self.exit != 0, "`{}` should be refused:\n{self}", self.shown);
        ensure!(self.stdout.trim().is_empty(), "`{}` was refused and still answered:\n{self}", self.shown);
        let mut lines = self.stderr.lines().filter(|line| !line.trim().is_empty());
        let line = lines.next().unwrap_or_default();
        let refused: Wire = serde_json::from_str(line)
            .with_context(|| format!("`{}` should show one error as JSON:\n{self}", self.shown))?;
        ensure!(lines.next().is_none(), "`{}` shows more than one error:\n{self}", self.shown);
        Ok(refused.error)
    }

    /// Insists on an error with this code, and on exit code 1, or 3 where the code means that there is no quorum.
    ///
    /// # Errors
    /// When it ended otherwise.
    pub fn refused_with(&self, code: &str) -> Result<Refused> {
        let refused = self.refused()?;
        ensure!(refused.code == code, "`{}` should be refused with {code}, not {refused}", self.shown);
        let exit = if ["EXQ-0303", "EXQ-0304"].contains(&code) { 3 } else { 1 };
        ensure!(self.exit == exit, "`{}` should exit with {exit}, not {}:\n{self}", self.shown, self.exit);
        ensure!(!refused.message.trim().is_empty(), "`{}` does not say what is wrong", self.shown);
        Ok(refused)
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "exit code {} after {:?}", self.exit, self.took)?;
        writeln!(f, "stdout: {}", self.stdout.trim_end())?;
        write!(f, "stderr: {}", self.stderr.trim_end())
    }
}
