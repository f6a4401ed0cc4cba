//! `exchequer vault export|import-sealed|recreate-memory`: a vault comes to the other nodes; a memory that was lost is made anew.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::policy::{Decision, last_decisions};
use exchequer_vault::{copy, record, sealed};
use serde::Serialize;

use super::args::ConsentArgs;
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::output::{Printer, one_line};
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
    /// Put the key file in the vault's folder into it as well: whoever has the copy has the money then. A sandbox's
    /// copy always has it
    #[arg(long)]
    pub with_key: bool,
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

/// What is in a copy.
#[derive(Debug, Clone, Serialize)]
struct Exported {
    #[serde(flatten)]
    vault: VaultReport,
    /// The version of the policy in it.
    policy_copied: Option<u64>,
    /// The key file in the vault's folder, where a lock names one.
    key: Option<String>,
    /// Whether that key is in the copy.
    key_copied: bool,
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
    /// Whether it was opened before it was put in place, by a lock that needs nobody.
    opened: bool,
    /// Whether what was here is kept beside it until somebody opens it.
    former_kept: bool,
}

pub(super) fn export(args: &ExportVaultArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let folder = args.folder.folder();
    let copy::Export { text, policy, key, with_key } = copy::export(&folder, args.with_key).map_err(of_copy)?;
    let failed = |error: std::io::Error| {
        Problem::new(Code::BadRequest, format!("the file {} cannot be written: {error}", args.file.display()))
            .hint("name a file that does not exist yet")
    };
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file);
    let mut file = made.map_err(failed)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    let status = sealed::status(&folder).map_err(of_sealed)?;
    let vault = VaultReport::of(&folder, &status);
    let exported = Exported { vault, policy_copied: policy, key, key_copied: with_key };
    printer.answer(&exported, |exported| {
        format!("{}\nThe copy is in {}: {}", report_text(&exported.vault), args.file.display(), contents(exported))
    })?;
    Ok(Exit::Good)
}

fn contents(exported: &Exported) -> String {
    let policy = match exported.policy_copied {
        Some(version) => format!("policy {version}"),
        None => "no policy".to_owned(),
    };
    match (&exported.key, exported.key_copied) {
        (None, _) => format!("the sealed vault and {policy}"),
        (Some(key), true) => {
            format!(
                "the sealed vault, {policy}, and the key file {key} that opens it. Whoever has this file has the money"
            )
        }
        (Some(key), false) => format!(
            "the sealed vault and {policy}, without the key file {key} that opens it. Bring the key to the other nodes \
             yourself, or make the copy with `--with-key`"
        ),
    }
}

pub(super) fn import(args: &ImportSealedArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let text = read_text(&args.file, copy::COPY_BYTES_MAX)?;
    let folder = args.folder.folder();
    let copied = copy::import(&folder, text.as_bytes(), now()).map_err(of_copy)?;
    let vault = VaultReport::of(&folder, &copied.status);
    let former_kept = sealed::has_former(&folder);
    let copy::Copied { written, memory_made, opened, .. } = copied;
    let imported = Imported { vault, written, memory_made, opened, former_kept };
    printer.answer(&imported, |imported| {
        let kept = if imported.former_kept {
            "\n\nWhat was here is kept as vault.sealed.former until the vault is opened: unseal it now"
        } else {
            ""
        };
        format!("{}{kept}", report_text(&imported.vault))
    })?;
    Ok(Exit::Good)
}

/// Signatures that are named before a memory is made anew.
const NAMED_MAX: usize = 10;

/// What a memory that is made anew does not know unless the log does: the last signatures of this node, by its decision log, which
/// stays. After a restore or a recovery the log may not have them, and some of them may have been paid.
fn forgotten(folder: &Path) -> Vec<String> {
    let signed = |decision: &Decision| decision.verdict == "signed";
    match last_decisions(folder, NAMED_MAX, signed) {
        Ok((_, _, decisions)) if decisions.is_empty() => vec!["This node's decision log has no signature.".to_owned()],
        Ok((_, _, decisions)) => {
            let mut lines = vec![format!(
                "The last signatures of this node, {NAMED_MAX} at most. What of them, or of earlier ones, is not in the cluster's log is forgotten:"
            )];
            let line = |one: &Decision| {
                let (what, reason) = (one_line(&one.what), one_line(&one.reason));
                format!("  {} {what}, epoch {}: {reason}", one.at, one.epoch)
            };
            lines.extend(decisions.iter().map(line));
            lines
        }
        Err(error) => vec![format!("What this node signed cannot be named: {error}")],
    }
}

pub(super) fn recreate_memory(args: &RecreateMemoryArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let folder = args.folder.folder();
    let (vault, _) = args.open.open(&folder, printer)?;
    let id = hex::encode(vault.id());
    for line in forgotten(&folder) {
        printer.note(&line)?;
    }
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
