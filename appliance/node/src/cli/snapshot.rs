//! `exchequer snapshot save|inspect|restore`.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::WithReason;
use exchequer_domain::{Code, Problem};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{ClientArgs, InspectArgs, RestoreArgs};
use super::client::Client;
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::local::{self, Inspection};
use super::output::{Printer, columns, fields};

/// A node takes this long at most to make its snapshot before the first byte comes.
const SAVE_PATIENCE: Duration = Duration::from_secs(600);
/// Its secrets are sealed, but the books are nobody else's business.
const SECRET_MODE: u32 = 0o600;
const TICK: Duration = Duration::from_millis(120);

/// `exchequer snapshot`.
#[derive(Debug, Clone, Subcommand)]
pub enum SnapshotVerb {
    /// Save a snapshot of the whole state to a file, and verify the file
    ///
    /// The file appears under its name only when it is whole and verified. Its secrets are sealed: keep an export of the
    /// keyring apart from it.
    #[command(after_help = "Example:\n  exchequer snapshot save /backup/2026-11-23.exqsnap")]
    Save(SaveArgs),
    /// Verify a snapshot file and show what it holds
    #[command(after_help = "Example:\n  exchequer snapshot inspect /backup/2026-11-23.exqsnap")]
    Inspect(InspectArgs),
    /// Make the first node of a cluster from a snapshot, in a data folder that holds no node
    ///
    /// [dangerous] The cluster begins a new lineage: nodes of the former one are refused and must join again.
    #[command(
        after_help = "Example:\n  exchequer snapshot restore /backup/2026-11-23.exqsnap --keyring /media/safe/exchequer.keyring \\\n    \
                      --data-dir /var/lib/exchequer --name n1 --api 10.0.0.1:8640 --peer 10.0.0.1:8641 \\\n    \
                      --reason 'building B burnt down'"
    )]
    Restore(RestoreArgs),
}

/// `exchequer snapshot save`.
#[derive(Debug, Clone, Args)]
pub struct SaveArgs {
    /// A new file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Why; it is kept in the audit
    #[arg(long, value_name = "TEXT", default_value = "backup")]
    pub reason: String,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn save(args: &SaveArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let part = part_of(&args.file)?;
    let saved = receive(args, &part, printer).await.and_then(|()| {
        let inspection = local::inspect(&part)?;
        fs::rename(&part, &args.file).map_err(|error| unusable(&args.file, &error))?;
        sync_folder(&args.file)?;
        Ok(Inspection { file: args.file.clone(), ..inspection })
    });
    if saved.is_err() {
        // A part is no snapshot, and nobody may take it for one.
        let _the_first_error_counts = fs::remove_file(&part);
    }
    printer.answer(&saved?, |saved| format!("Saved and verified snapshot to index {}", saved.origin.index))?;
    Ok(Exit::Good)
}

/// The name under which the file grows, once it is sure that the file itself is not there.
fn part_of(file: &Path) -> Result<PathBuf, Problem> {
    let name = file.file_name().ok_or_else(|| unusable(file, &"it names no file"))?;
    if fs::symlink_metadata(file).is_ok() {
        return Err(unusable(file, &"it exists").hint("name a file that does not exist yet"));
    }
    let mut part = name.to_owned();
    part.push(".part");
    Ok(file.with_file_name(part))
}

async fn receive(args: &SaveArgs, part: &Path, printer: &Printer) -> Result<(), Problem> {
    let client = Client::open(&args.client)?;
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(SECRET_MODE).clone();
    let mut file = options.open(part).map_err(|error| unusable(part, &error))?;
    let bar = progress(printer, "{spinner} {bytes} received, {bytes_per_sec}");
    let body = WithReason { reason: args.reason.clone() };
    let mut response = client.download(&["snapshot"], &body, SAVE_PATIENCE).await?;
    while let Some(chunk) = client.chunk(&mut response).await? {
        let chunk = chunk.as_ref();
        file.write_all(chunk).map_err(|error| unusable(part, &error))?;
        bar.inc(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    bar.finish_and_clear();
    file.sync_all().map_err(|error| unusable(part, &error))
}

/// A rename lasts only once its folder is synced.
fn sync_folder(file: &Path) -> Result<(), Problem> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| unusable(folder, &error))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::BadRequest, format!("{} cannot be written: {error}", path.display()))
}

fn progress(printer: &Printer, template: &str) -> ProgressBar {
    if !printer.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

pub(super) fn inspect(args: &InspectArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    printer.answer(&local::inspect(&args.file)?, text)?;
    Ok(Exit::Good)
}

pub(super) async fn restore(args: &RestoreArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    if !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask("snapshot restore").into());
        }
        let found = local::inspect(&args.file)?;
        let consequence = format!(
            "Cluster {} goes on as it was at {} (index {}), in the folder {}.\nIt begins a new lineage: every node of the \
             former one is refused and must join again.",
            found.origin.cluster_id,
            found.origin.time,
            found.origin.index,
            args.folder.data_dir.display()
        );
        let phrase = &found.origin.cluster_id;
        confirm::ask(printer, &Question { consequence: &consequence, phrase, phrase_is: "the cluster's id" })?;
    }
    let bar = progress(printer, "{spinner} restoring, {elapsed}");
    let restored = local::restore(args).await;
    bar.finish_and_clear();
    printer.answer(&restored?, |it| {
        format!(
            "Restored snapshot: node {} of cluster {} begins lineage {} at index {}",
            it.node_id, it.cluster_id, it.lineage, it.index
        )
    })?;
    printer.note("\nStart the server, then let the other machines join with empty folders.")?;
    Ok(Exit::Good)
}

pub(super) fn text(found: &Inspection) -> String {
    let origin = &found.origin;
    let head = fields([
        ("File", found.file.display().to_string()),
        ("File bytes", found.file_bytes.to_string()),
        ("Name", found.name.clone()),
        ("Cluster", origin.cluster_id.clone()),
        ("Lineage", origin.lineage.to_string()),
        ("Taken by", format!("node {}", origin.node_id)),
        ("Index", origin.index.to_string()),
        ("Term", origin.term.to_string()),
        ("Time", origin.time.clone()),
        ("Version", found.release.clone()),
        ("Format", found.format.to_string()),
    ]);
    let row = |kind: &str, count: String, bytes: u64| [kind.to_owned(), count, bytes.to_string()];
    let kinds = found.contents.iter().map(|content| row(&content.kind, content.count.to_string(), content.bytes));
    let total: u64 = found.contents.iter().map(|content| content.count).sum();
    let contents =
        columns(["TYPE", "COUNT", "BYTES"], kinds.chain([row("total", total.to_string(), found.total_bytes)]));
    let members: String = origin.members.iter().map(|member| format!("\n  {member}")).collect();
    format!("{head}\n\n{contents}\n\nMembers then:{members}")
}
