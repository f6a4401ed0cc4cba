//! `exchequer ledger export`: a user's statement, streamed to a file or to standard output.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use exchequer_domain::{Code, Problem};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::ClientArgs;
use super::client::Client;
use super::exit::Stop;
use super::output::Printer;

/// The books are nobody else's business.
const SECRET_MODE: u32 = 0o600;
/// How long the first line may take.
const PATIENCE: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(120);

/// The form of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatementFormat {
    /// Comma-separated values with a line of headings.
    Csv,
    /// One JSON object a line.
    JsonLines,
}

/// `exchequer ledger export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The first moment, in RFC 3339 [default: the beginning]
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// The last moment [default: now]
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// The form of the lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "csv")]
    pub format: StatementFormat,
    /// A new file, which appears under its name only when it is whole [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// The answer where the statement itself is in a file.
#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    bytes: u64,
    lines: u64,
}

pub(super) async fn run(client: &Client, args: &ExportArgs, printer: &mut Printer) -> Result<(), Stop> {
    let Some(file) = &args.file else {
        let mut lines = Lines(printer);
        return receive(client, args, ProgressBar::hidden(), &mut lines).await.map(drop);
    };
    if fs::symlink_metadata(file).is_ok() {
        return Err(unusable(file, &"it exists").hint("name a file that does not exist yet").into());
    }
    let mut name = file.file_name().ok_or_else(|| unusable(file, &"it names no file"))?.to_owned();
    name.push(".part");
    let part = file.with_file_name(name);
    let exported = to_file(client, args, &part, file, printer).await;
    if exported.is_err() {
        // A part is no statement, and nobody may take it for one.
        let _the_first_error_counts = fs::remove_file(&part);
    }
    printer.answer(&exported?, |exported| {
        format!("Wrote {} lines, {} bytes, to {}", exported.lines, exported.bytes, exported.file.display())
    })
}

async fn to_file(
    client: &Client,
    args: &ExportArgs,
    part: &Path,
    file: &Path,
    printer: &Printer,
) -> Result<Exported, Stop> {
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(SECRET_MODE).clone();
    let mut out = options.open(part).map_err(|error| unusable(part, &error))?;
    let bar = progress(printer);
    let (bytes, lines) = receive(client, args, bar, &mut out).await?;
    out.sync_all().and_then(|()| fs::rename(part, file)).map_err(|error| unusable(file, &error))?;
    Ok(Exported { file: file.to_owned(), bytes, lines })
}

/// Writes the statement as it comes; answers its bytes and lines.
async fn receive(
    client: &Client,
    args: &ExportArgs,
    bar: ProgressBar,
    out: &mut dyn Write,
) -> Result<(u64, u64), Stop> {
    let format = match args.format {
        StatementFormat::Csv => "csv",
        StatementFormat::JsonLines => "json-lines",
    };
    let mut query = vec![("user", args.user.to_string()), ("format", format.to_owned())];
    query.extend(args.from.iter().map(|from| ("from", from.clone())));
    query.extend(args.until.iter().map(|until| ("until", until.clone())));
    let mut response = client.fetch(&["ledger", "statement"], &query, PATIENCE).await?;
    let (mut bytes, mut lines) = (0, 0);
    while let Some(chunk) = client.chunk(&mut response).await? {
        let chunk = chunk.as_ref();
        out.write_all(chunk)?;
        bytes += chunk.len() as u64;
        lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        bar.set_position(lines);
    }
    out.flush()?;
    bar.finish_and_clear();
    Ok((bytes, lines))
}

/// Standard output, through the printer.
struct Lines<'a>(&'a mut Printer);

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.raw(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::BadRequest, format!("{} cannot be written: {error}", path.display()))
}

fn progress(printer: &Printer) -> ProgressBar {
    if !printer.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
