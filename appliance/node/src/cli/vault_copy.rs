//! `exchequer vault export|import-sealed|recreate-memory`: a vault comes to the other nodes; a memory that was lost is made anew.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::{copy, record, sealed};
use serde::Serialize;

use super::args::ConsentArgs;
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::output::Printer;
use super::vault::{VaultFolderArgs, check_user};
use super::vault_make::{VaultReport, report_text};
use super::vault_open::{OpenArgs, now, of_copy, of_memory, of_sealed};
use super::vault_policy::read_text;
use super::worker::consent;

/// `exchequer vault export`.
#[derive(Debug, Clone, Args)]
pub struct ExportVaultArgs {
    /// A new file, made with mode 0600
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// `exchequer vault import-sealed`.
#[derive(Debug, Clone, Args)]
pub struct ImportSealedArgs {
    /// What `vault export` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// `exchequer vault recreate-memory`.
#[derive(Debug, Clone, Args)]
pub struct RecreateMemoryArgs {
    /// What opens it.
    #[command(flatten)]
    pub open: OpenArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// What became of a copy.
#[derive(Debug, Clone, Serialize)]
struct Imported {
    #[serde(flatten)]
    vault: VaultReport,
    /// Whether the vault's file was written; otherwise the same one was here.
    written: bool,
    /// Whether a signing memory that knows nothing was made.
    memory_made: bool,
}

pub(super) fn export(args: &ExportVaultArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let folder = args.folder.folder();
    let text = copy::export(&folder).map_err(of_copy)?;
    let failed = |error: std::io::Error| {
        Problem::new(Code::BadRequest, format!("the file {} cannot be written: {error}", args.file.display()))
            .hint("name a file that does not exist yet")
    };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    let mut file = made.map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    let status = sealed::status(&folder).map_err(of_sealed)?;
    printer.answer(&VaultReport::of(&folder, &status), |report| {
        format!("{}\nThe copy is in {}", report_text(report), args.file.display())
    })?;
    Ok(Exit::Good)
}

pub(super) fn import(args: &ImportSealedArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let text = read_text(&args.file, copy::COPY_BYTES_MAX)?;
    let folder = args.folder.folder();
    let copied = copy::import(&folder, text.as_bytes(), now()).map_err(of_copy)?;
    let vault = VaultReport::of(&folder, &copied.status);
    let imported = Imported { vault, written: copied.written, memory_made: copied.memory_made };
    printer.answer(&imported, |imported| report_text(&imported.vault))?;
    Ok(Exit::Good)
}

pub(super) fn recreate_memory(args: &RecreateMemoryArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let folder = args.folder.folder();
    let (vault, _) = args.open.open(&folder, printer)?;
    let id = hex::encode(vault.id());
    let question = Question {
        consequence: "The signer of this node forgets what it signed, and signs nothing before it has followed the whole log.",
        phrase: &id,
        phrase_is: "the vault's id",
    };
    consent(args.consent, "exchequer vault recreate-memory", &question, printer)?;
    record::recreate(&folder, &vault, now()).map_err(|error| of_memory(&error))?;
    let status = sealed::status(&folder).map_err(of_sealed)?;
    printer
        .answer(&VaultReport::of(&folder, &status), |_| "A signing memory that knows nothing is in place".to_owned())?;
    Ok(Exit::Good)
}
