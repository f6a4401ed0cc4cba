//! `exchequer worker-program PARENT PROGRAM WORDS...`: becomes another program, which ends with the process `PARENT`.
//!
//! The supervisor starts registered programs through it: whether they would ask for that themselves is not for it to hope.
//! The request survives the change of programs. Not for people.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::supervisor::WRAPPER;

/// Nothing was started, and the reason is on standard error.
const FAILED: u8 = 1;

/// Whether these words ask for that.
pub(super) fn is_meant(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|word| word == WRAPPER)
}

/// Comes back only where it fails.
pub(super) fn main(words: &[OsString]) -> ExitCode {
    let error = become_it(words);
    // The supervisor reads it into the worker's log.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{error}\n").as_bytes());
    ExitCode::from(FAILED)
}

fn become_it(words: &[OsString]) -> String {
    let parent = words.get(2).and_then(|word| word.to_str()).and_then(|word| word.parse::<i32>().ok());
    let (Some(parent), Some(program)) = (parent, words.get(3)) else {
        return "a parent and a program are wanted".to_owned();
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("the system refuses: {error}");
    }
    // The parent may have ended before the system knew.
    if getppid().map(|parent| parent.as_raw_nonzero().get()) != Some(parent) {
        return "the supervisor is gone".to_owned();
    }
    let error = Command::new(program).arg0("exchequer-worker").args(words.iter().skip(4)).exec();
    format!("the program was not started: {error}")
}
