//! The words of a seed: shown once, to whoever owns the paper that they are written on.
//!
//! Invariants: words are never part of an answer, and never go to standard output; they are shown on a terminal or written to a new
//! file that its owner alone may read. What was shown on a terminal is asked for before the vault counts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::sealed::Words;
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::exit::Stop;
use super::output::Printer;
use super::secret_input;

/// Words that are asked for again.
const ASKED: usize = 3;
/// Mistakes that are forgiven.
const MISTAKES_MAX: usize = 3;
const COLUMNS: usize = 4;

/// What becomes of the words.
#[derive(Debug, Clone, Default, Args)]
pub struct WordsArgs {
    /// Write the words to a new file of mode 0600 instead of showing them
    #[arg(long, value_name = "FILE", conflicts_with = "no_words")]
    pub words_file: Option<PathBuf>,
    /// Show the words to nobody: copies of the sealed file are then the only way back
    #[arg(long)]
    pub no_words: bool,
}

impl WordsArgs {
    /// Refuses early where there is nobody to show them to.
    pub(super) fn check(&self, printer: &Printer) -> Result<(), Problem> {
        if self.words_file.is_some() || self.no_words || printer.can_ask() {
            return Ok(());
        }
        let message = "the words of the new seed are shown on a terminal, and there is none; nothing was made";
        Err(Problem::new(Code::VaultSecret, message).hint("give --words-file FILE, or --no-words"))
    }

    /// Hands the words over. Gives the word for the answer of what became of them.
    pub(super) fn hand_over(&self, words: &Words, printer: &mut Printer) -> Result<&'static str, Stop> {
        if self.no_words {
            return Ok("kept");
        }
        if let Some(file) = &self.words_file {
            write(file, words)?;
            return Ok("written");
        }
        let listed: Vec<&str> = words.reveal().split(' ').collect();
        printer
            .prompt("Write these words on paper, in their order. They are not shown again, and are the money:\n\n")?;
        for (row, part) in listed.chunks(COLUMNS).enumerate() {
            for (column, word) in part.iter().enumerate() {
                printer.prompt(&format!("{:>4}. {word:<10}", row * COLUMNS + column + 1))?;
            }
            printer.prompt("\n")?;
        }
        printer.prompt("\n")?;
        for place in places(listed.len())? {
            confirmed(place, listed[place], printer)?;
        }
        Ok("shown")
    }
}

fn confirmed(place: usize, word: &str, printer: &mut Printer) -> Result<(), Stop> {
    for _ in 0..MISTAKES_MAX {
        if secret_input::hidden(printer, &format!("Word {} again", place + 1))?.trim().eq_ignore_ascii_case(word) {
            return Ok(());
        }
        printer.prompt("That is not the word.\n")?;
    }
    let message = "the words were not confirmed: whoever cannot read their paper has no seed";
    Err(Problem::new(Code::VaultSecret, message).hint("begin again, and write every word down").into())
}

/// Different places, in rising order.
fn places(count: usize) -> Result<Vec<usize>, Problem> {
    let mut places: Vec<usize> = Vec::new();
    while places.len() < ASKED.min(count) {
        let mut byte = [0];
        SysRng
            .try_fill_bytes(&mut byte)
            .map_err(|error| Problem::new(Code::Internal, format!("the system's random numbers: {error}")))?;
        let place = usize::from(byte[0]) % count;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.sort_unstable();
    Ok(places)
}

fn write(path: &Path, words: &Words) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Code::VaultSecret, format!("the words cannot be written to {}: {error}", path.display()))
            .hint("name a file that does not exist yet")
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    let written = file.write_all(words.reveal().as_bytes()).and_then(|()| file.write_all(b"\n"));
    written.and_then(|()| file.sync_all()).map_err(failed)
}
