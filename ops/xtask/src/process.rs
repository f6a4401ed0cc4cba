//! Running other programs: with their output captured, with an error that shows it, and within a time.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};

use crate::stop::Stop;

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// More of a failed program's words than this do not fit into an error.
const WORDS_CHARS_MAX: usize = 2_000;

/// A command from its words.
pub(crate) fn command<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().map_or_else(Default::default, |word| word.as_ref().to_owned()));
    command.args(words);
    command
}

/// Runs it to its end and returns what it wrote to standard output.
///
/// # Errors
/// It could not be started or did not exit with 0; the error holds what it wrote to standard error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = attempt(command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failure(command, &output))
}

/// Runs it to its end, whatever its exit code.
///
/// # Errors
/// It could not be started.
pub(crate) fn attempt(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null());
    command.output().with_context(|| format!("cannot run {}", name(command)))
}

/// Runs it with its output shown.
///
/// # Errors
/// It could not be started or did not exit with 0.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", name(command)))?;
    if status.success() { Ok(()) } else { bail!("{} ended with {status}", name(command)) }
}

/// The error of a program that failed.
pub(crate) fn failure(command: &Command, output: &Output) -> anyhow::Error {
    let words = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let words: String = words.trim().chars().take(WORDS_CHARS_MAX).collect();
    anyhow!("{} ended with {}: {words}", name(command), output.status)
}

fn name(command: &Command) -> String {
    // Arguments may hold secrets, so only the leading words that are neither flags nor values are told.
    let verbs = command.get_args().map(OsStr::to_string_lossy).take_while(|word| !word.starts_with('-')).take(6);
    let program = Path::new(command.get_program()).display().to_string();
    std::iter::once(program).chain(verbs.map(|word| word.into_owned())).collect::<Vec<_>>().join(" ")
}

/// Where a program of this name is, if it is in the search path or one of the places of system programs.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    places.map(|place| place.join(program)).find(|file| file.is_file())
}

/// Sends a signal to one process.
///
/// # Errors
/// There is no such process, or it is not ours.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a process id")?;
    kill_process(pid, signal).with_context(|| format!("cannot signal process {}", pid.as_raw_nonzero()))
}

/// From here on what is started may leave a core when it ends badly, as far as the system lets it: so that what must leave none
/// shows that it does not.
///
/// # Errors
/// The system refuses it.
pub(crate) fn allow_cores() -> Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    Ok(setrlimit(Resource::Core, Rlimit { current: maximum, maximum })?)
}

/// Waits until the child has ended, at most `limit`. `None`: it runs on.
///
/// # Errors
/// The child cannot be waited for.
pub(crate) fn wait(child: &mut std::process::Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        std::thread::park_timeout(POLL);
    }
}

/// What cannot get better by waiting, such as a server that has ended.
#[derive(Debug)]
pub(crate) struct Hopeless(pub(crate) String);

impl std::fmt::Display for Hopeless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Hopeless {}

/// Asks `ready` until it has an answer. Its errors are kept as the reason should time run out.
///
/// # Errors
/// Time ran out, `ready` found it [`Hopeless`], or the person stopped the program.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    every: Duration,
    stop: &Stop,
    mut ready: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        let last = match ready() {
            Ok(Some(answer)) => return Ok(answer),
            Ok(None) => None,
            Err(error) if error.is::<Hopeless>() => return Err(error),
            Err(error) => Some(error),
        };
        if Instant::now() >= end {
            let late = format!("{what}: not within {} s", limit.as_secs());
            return Err(last.map_or_else(|| anyhow!("{late}"), |error| error.context(late.clone())));
        }
        stop.pause(every)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a failed program's reason reaches the person, its secrets do not. Method: a shell fails with words and a
    /// secret argument.
    #[test]
    fn failures_tell_the_reason_without_arguments() {
        let error = output(&mut command(["sh", "-c", "echo broken >&2; exit 3", "--token", "hush"])).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("broken") && text.contains("sh ended with exit status: 3"), "{text}");
        assert!(!text.contains("hush"), "{text}");
    }

    /// Goal: waiting ends with the last reason when time runs out, and at once when there is an answer.
    #[test]
    fn until_keeps_the_reason() {
        let stop = Stop::new();
        let nap = Duration::from_millis(1);
        let error = until("door", nap, nap, &stop, || -> Result<Option<()>> { bail!("locked") }).unwrap_err();
        assert!(format!("{error:#}").ends_with("locked"), "{error:#}");
        let mut asked = 0;
        let answer = until("door", Duration::from_secs(5), nap, &stop, || {
            asked += 1;
            Ok((asked == 3).then_some("open"))
        });
        assert_eq!(answer.ok(), Some("open"));
    }

    /// Goal: a person's stop ends a wait at once, not after its limit.
    #[test]
    fn stop_ends_a_wait() {
        let stop = Stop::new();
        stop.now();
        let begun = Instant::now();
        let hour = Duration::from_secs(3_600);
        assert!(until("never", hour, hour, &stop, || Ok(None::<()>)).is_err());
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}
