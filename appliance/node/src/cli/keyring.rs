//! `exchequer keyring export|import`: the keys that open the cluster's secrets, to be kept apart from its snapshots.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exchequer_api::dto::{ExportedKeyring, WithReason};
use exchequer_domain::{Code, Problem};
use reqwest::Method;
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::{ClientArgs, FolderArgs, OutputArgs, ReasonArgs};
use super::client::{Client, Repeat};
use super::exit::{Exit, Stop};
use super::local;
use super::output::{Printer, fields};
use super::reports::KeyringReport;
use crate::identity::Keyring;

/// Longer files are no keyring.
const KEYRING_BYTES_MAX: u64 = 1 << 20;
const SECRET_MODE: u32 = 0o600;

/// `exchequer keyring`.
#[derive(Debug, Clone, Subcommand)]
pub enum KeyringVerb {
    /// Export the cluster's keyring
    ///
    /// The export is not encrypted: whoever holds it opens every secret in the cluster's snapshots. Keep it offline and
    /// apart from them. Without it a snapshot's secrets cannot be had back by anyone.
    #[command(
        after_help = "Example:\n  exchequer keyring export /media/safe/exchequer.keyring --reason 'yearly backup'"
    )]
    Export(ExportArgs),
    /// Put an exported keyring into a node's data folder
    ///
    /// The node must be stopped, and the keyring be of its cluster.
    #[command(
        after_help = "Example:\n  exchequer keyring import /media/safe/exchequer.keyring --data-dir /var/lib/exchequer"
    )]
    Import(ImportArgs),
}

/// `exchequer keyring export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A new file, made with mode 0600 [default: standard output]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer keyring import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// The exported keyring
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where the node is kept.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// The answer where the keyring went to a file instead.
#[derive(Serialize)]
struct Exported<'a> {
    file: &'a Path,
    cluster_id: String,
}

pub(super) async fn export(args: &ExportArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    // Before the export is asked for and recorded, so that a slip in the name costs nothing.
    let file = args.file.as_deref().map(|path| create(path).map(|file| (path, file))).transpose()?;
    let body = WithReason { reason: args.reason.reason.clone() };
    let answer = fetch(args, &body).await;
    let Some((path, file)) = file else {
        printer.answer(&answer?, |exported| exported.keyring.clone())?;
        return Ok(Exit::Good);
    };
    let written = answer.and_then(|exported| write(path, file, &exported));
    if written.is_err() {
        // What is left is empty or cut, and would be in the way of the next try.
        let _the_first_error_counts = std::fs::remove_file(path);
    }
    let exported = Exported { file: path, cluster_id: written?.cluster_id().to_string() };
    printer
        .answer(&exported, |it| format!("Exported the keyring of cluster {} to {}", it.cluster_id, path.display()))?;
    Ok(Exit::Good)
}

async fn fetch(args: &ExportArgs, body: &WithReason) -> Result<ExportedKeyring, Problem> {
    Client::open(&args.client)?.change(Method::POST, &["keyring", "export"], body, Repeat::Never).await
}

/// Writes the export and reads it back: a backup that does not open is none.
fn write(path: &Path, mut file: File, exported: &ExportedKeyring) -> Result<Keyring, Problem> {
    let keyring = Keyring::import(&exported.keyring)?;
    file.write_all(exported.keyring.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| unusable(path, "written", &error))?;
    let read = Zeroizing::new(read(path)?);
    if *read == exported.keyring { Ok(keyring) } else { Err(unusable(path, "read back", &"it holds something else")) }
}

fn create(path: &Path) -> Result<File, Problem> {
    let made = OpenOptions::new().write(true).create_new(true).mode(SECRET_MODE).open(path);
    made.map_err(|error| unusable(path, "made", &error).hint("name a file that does not exist yet"))
}

fn read(path: &Path) -> Result<String, Problem> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(KEYRING_BYTES_MAX).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Problem::new(Code::NotFound, format!("there is no file {}", path.display())))
        }
        Err(error) => Err(unusable(path, "read", &error)),
    }
}

fn unusable(path: &Path, what: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Code::BadRequest, format!("the file {} cannot be {what}: {error}", path.display()))
}

pub(super) fn import(args: &ImportArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let keyring = Keyring::import(&Zeroizing::new(read(&args.file)?))?;
    let report = local::import_keyring(&args.folder.data_dir, &keyring)?;
    printer.answer(&report, text)?;
    Ok(Exit::Good)
}

pub(super) fn text(report: &KeyringReport) -> String {
    fields([
        ("Cluster", report.cluster_id.clone()),
        ("Keys", report.keys.to_string()),
        ("Data folder", report.data_dir.display().to_string()),
    ])
}
