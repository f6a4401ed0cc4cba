//! Output for people. A closed pipe is not an error: whoever closed it has read enough.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// A line on standard output.
pub(crate) fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    let _closed_pipe = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// An error line on standard error.
pub(crate) fn error(text: impl Display) {
    let _closed_pipe = writeln!(io::stderr().lock(), "error: {text}");
}

/// Whether a person watches, so that a block of lines may be drawn over.
pub(crate) fn is_live() -> bool {
    io::stdout().is_terminal()
}

/// A block of lines that replaces itself on a terminal.
#[derive(Debug, Default)]
pub(crate) struct Live {
    lines_drawn: usize,
}

impl Live {
    /// Draws `text` where the block's former text stood.
    pub(crate) fn draw(&mut self, text: &str) {
        let mut out = io::stdout().lock();
        let up = if self.lines_drawn == 0 { String::new() } else { format!("\x1b[{}A\x1b[J", self.lines_drawn) };
        self.lines_drawn = text.lines().count();
        // Without wrapping, so that a line of the text is a line of the screen however narrow it is.
        let text = text.trim_end_matches('\n');
        let _closed_pipe = writeln!(out, "{up}\x1b[?7l{text}\x1b[?7h").and_then(|()| out.flush());
    }
}
