//! What the verbs print: answers on standard output, everything else on standard error.
//!
//! Invariants: with `--output json`, standard output holds JSON and nothing else, and it is the API's own answer
//! unchanged; errors are JSON too, in the shape of the API's refusals. No write panics, whatever becomes of the reader.

use std::io::{self, IsTerminal as _, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use exchequer_api::dto::Refusal;
use exchequer_domain::{Code, Problem};
use serde::Serialize;

use super::args::Format;
use super::exit::Stop;

/// Shown where there is no value.
pub(crate) const NOTHING: &str = "-";
const COLUMN_GAP: u16 = 2;

/// Where a verb's words go.
pub(crate) struct Printer {
    format: Format,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Whether a person watches standard error, so that progress makes sense.
    watched: bool,
    /// Whether that person can also answer.
    answerable: bool,
}

impl Printer {
    /// Onto the process's own streams.
    pub(crate) fn of_process(format: Format) -> Printer {
        Printer {
            format,
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            watched: io::stderr().is_terminal(),
            answerable: io::stderr().is_terminal() && io::stdin().is_terminal(),
        }
    }

    #[cfg(test)]
    pub(crate) fn onto(format: Format, out: Box<dyn Write>, err: Box<dyn Write>) -> Printer {
        Printer { format, out, err, watched: false, answerable: false }
    }

    /// The form that was asked for.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether to show progress.
    pub(crate) fn shows_progress(&self) -> bool {
        self.watched && self.format == Format::Table
    }

    /// Whether there is anyone to ask.
    pub(crate) fn can_ask(&self) -> bool {
        self.answerable
    }

    /// A verb's answer: as it is for programs, or as `text` makes it for people.
    pub(crate) fn answer<T: Serialize>(&mut self, answer: &T, text: impl FnOnce(&T) -> String) -> Result<(), Stop> {
        let text = match self.format {
            Format::Table => text(answer),
            Format::Json => json(answer, serde_json::to_string_pretty)?,
        };
        self.text(&text)
    }

    /// One of many answers that follow each other: JSON on one line, or a line of text.
    pub(crate) fn line<T: Serialize>(&mut self, answer: &T, text: impl FnOnce(&T) -> String) -> Result<(), Stop> {
        let text = match self.format {
            Format::Table => text(answer),
            Format::Json => json(answer, serde_json::to_string)?,
        };
        self.text(&text)
    }

    /// Text that is the same in both forms.
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Stop> {
        self.out.write_all(text.trim_end_matches('\n').as_bytes())?;
        self.out.write_all(b"\n")?;
        Ok(self.out.flush()?)
    }

    /// Bytes that are an answer as they are, such as those of a statement.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    /// Sends on what was printed so far.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// A remark beside the answer, for people only.
    pub(crate) fn note(&mut self, text: &str) -> Result<(), Stop> {
        match self.format {
            Format::Table => Ok(writeln!(self.err, "{text}")?),
            Format::Json => Ok(()),
        }
    }

    /// A question on the terminal; the answer is typed on the same line.
    pub(crate) fn prompt(&mut self, text: &str) -> Result<(), Stop> {
        write!(self.err, "{text}")?;
        Ok(self.err.flush()?)
    }

    /// An error. Where even that cannot be written there is nobody to tell.
    pub(crate) fn problem(&mut self, problem: &Problem) {
        let text = match self.format {
            Format::Table => problem_text(problem),
            Format::Json => {
                serde_json::to_string(&Refusal { error: problem.clone() }).unwrap_or_else(|_| problem_text(problem))
            }
        };
        let _nobody_to_tell = writeln!(self.err, "{text}");
    }
}

fn json<T>(answer: &T, write: fn(&T) -> serde_json::Result<String>) -> Result<String, Stop> {
    write(answer).map_err(|error| Problem::new(Code::Internal, format!("the answer is not JSON: {error}")).into())
}

/// An error as people read it.
pub(crate) fn problem_text(problem: &Problem) -> String {
    let hint = if problem.hint.is_empty() { String::new() } else { format!("\nhint: {}", problem.hint) };
    format!("{}: {}{hint}", problem.code, problem.message)
}

/// Plain columns under headings in capitals, two blanks apart, without trailing blanks.
pub(crate) fn columns<const N: usize>(headings: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = plain();
    table.set_header(headings.map(Cell::new));
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    text_of(table)
}

/// Names and values below each other.
pub(crate) fn fields<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = plain();
    rows.into_iter().for_each(|(name, value)| {
        table.add_row([name, &value]);
    });
    text_of(table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn text_of(mut table: Table) -> String {
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, COLUMN_GAP));
    });
    table.trim_fmt()
}

/// A value, or the sign for none.
pub(crate) fn or_nothing<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

/// A text, or the sign for none.
pub(crate) fn text_or_nothing(text: &str) -> String {
    if text.is_empty() { NOTHING.to_owned() } else { one_line(text) }
}

/// A text that cannot break a table, nor show something else than it is: what others typed may hold line ends, control
/// characters, and such as turn the direction of writing or have no width.
pub(crate) fn one_line(text: &str) -> String {
    let hides = |char: char| {
        char.is_control()
            || matches!(char, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().flat_map(|char| if hides(char) { char.escape_default().collect() } else { vec![char] }).collect()
}

/// A span in milliseconds, exact.
pub(crate) fn millis(ms: Option<u64>) -> String {
    or_nothing(ms.map(|ms| format!("{ms}ms")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: tables can be cut with the usual tools: no borders, no trailing blanks, one line a row, whatever is in it.
    #[test]
    fn tables_are_plain() {
        let rows = [["n1".to_owned(), one_line("a\nb\u{1b}[31m")], ["long-name".to_owned(), NOTHING.to_owned()]];
        let expected = "NODE       REASON\nn1         a\\nb\\u{1b}[31m\nlong-name  -";
        assert_eq!(columns(["NODE", "REASON"], rows), expected);
        assert_eq!(fields([("Node", "n1".to_owned()), ("Leader", "n2".to_owned())]), "Node    n1\nLeader  n2");
    }

    /// Goal: an error shows its code, what happened and what to do, and no empty hint.
    #[test]
    fn errors_have_code_message_and_hint() {
        let problem = Problem::new(Code::NoLeader, "n1 knows no leader").hint("wait");
        assert_eq!(problem_text(&problem), "EXQ-0303: n1 knows no leader\nhint: wait");
        assert_eq!(problem_text(&problem.hint("")), "EXQ-0303: n1 knows no leader");
    }
}
