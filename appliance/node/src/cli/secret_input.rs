//! Passwords and codes from a terminal without echo, from a pipe, or from a file. Never from a flag, which every user of
//! the machine can read.

use std::io::{self, BufRead, IsTerminal as _, Read as _};
use std::path::Path;

use exchequer_domain::{Code, Problem};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::exit::Stop;
use super::output::Printer;

/// Longer lines are no passwords.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// A password: from the file where one is named, else asked for.
pub(super) fn password(printer: &mut Printer, what: &str, file: Option<&Path>) -> Result<Zeroizing<String>, Stop> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|error| {
                Problem::new(Code::BadRequest, format!("the password cannot be read from {}: {error}", file.display()))
            })?;
            let line = text.lines().next().unwrap_or_default();
            Ok(Zeroizing::new(line.to_owned()))
        }
        None => hidden(printer, what),
    }
}

/// A new password, asked for twice on a terminal.
pub(super) fn new_password(printer: &mut Printer, file: Option<&Path>) -> Result<Zeroizing<String>, Stop> {
    let first = password(printer, "New password", file)?;
    if file.is_none() && io::stdin().is_terminal() && *hidden(printer, "The same again")? != *first {
        return Err(Problem::new(Code::BadRequest, "the two passwords differ; nothing was changed").into());
    }
    Ok(first)
}

/// A line that is not shown while it is typed.
pub(super) fn hidden(printer: &mut Printer, what: &str) -> Result<Zeroizing<String>, Stop> {
    printer.prompt(&format!("{what}: "))?;
    let quiet = Quiet::begin();
    let read = line(&mut io::stdin().lock());
    let was_quiet = quiet.is_some();
    drop(quiet);
    if was_quiet {
        printer.prompt("\n")?;
    }
    read
}

fn line(from: &mut dyn BufRead) -> Result<Zeroizing<String>, Stop> {
    let mut text = Zeroizing::new(String::new());
    let read = from.take(LINE_BYTES_MAX).read_line(&mut text);
    let nothing = || Problem::new(Code::BadRequest, "nothing was typed; nothing was changed");
    if !read.is_ok_and(|bytes| bytes > 0) {
        return Err(nothing().into());
    }
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The terminal without echo, for as long as this lives.
struct Quiet(rustix::termios::Termios);

impl Quiet {
    fn begin() -> Option<Quiet> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &quiet).ok()?;
        Some(Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Where that fails the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a line is a password without its end, and nothing is none.
    #[test]
    fn lines() {
        let read = |text: &str| line(&mut text.as_bytes());
        assert_eq!(read("a b \r\nmore").unwrap().as_str(), "a b ");
        assert_eq!(read("x").unwrap().as_str(), "x");
        assert!(read("").is_err());
    }
}
