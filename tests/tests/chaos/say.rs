//! What a run prints. Past the capture of tests: a run of half an hour is watched while it goes on.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a line.
pub(crate) fn say(line: impl Display) {
    // Whoever closed the output does not want it.
    let _ = writeln!(io::stdout().lock(), "{line}");
}
