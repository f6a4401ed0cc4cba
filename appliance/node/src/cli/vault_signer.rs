//! `exchequer vault unseal|status`: a conversation with the signer that runs.

use std::path::PathBuf;

use clap::Args;
use exchequer_vault::sealed;
use exchequer_vault::signer::SignerStatus;
use serde::Serialize;

use super::exit::{Exit, Stop};
use super::output::{Printer, fields};
use super::secret_input;
use super::vault::VaultFolderArgs;
use super::vault_make::{VaultReport, report_text};
use super::vault_open::{connect, of_client, of_sealed};

/// `exchequer vault unseal`.
#[derive(Debug, Clone, Args)]
pub struct UnsealArgs {
    /// A file whose first line is the passphrase; otherwise it is asked for, unless the vault opens without anybody
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Ask for the passphrase also where the vault opens without anybody
    #[arg(long)]
    pub by_passphrase: bool,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// How a signer is.
#[derive(Debug, Clone, Serialize)]
pub(super) struct SignerReport {
    sealed: bool,
    epoch: u64,
    followed: u64,
    /// The lineage of the log that was followed.
    lineage: u64,
    /// Signatures of the log whose records this vault's key did not make.
    unread: u64,
    policy: u64,
    generations: u32,
    decisions: u64,
    /// What opened it last: `nobody`, `somebody`, `automatic`.
    opened_by: &'static str,
    memory_locked: bool,
    no_core_dumps: bool,
    no_network: bool,
}

#[derive(Debug, Clone, Serialize)]
struct StatusReport {
    #[serde(flatten)]
    vault: VaultReport,
    signer: Option<SignerReport>,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<String>,
}

impl SignerReport {
    fn of(status: &SignerStatus) -> SignerReport {
        let standing = &status.standing;
        SignerReport {
            sealed: standing.sealed,
            epoch: standing.epoch,
            followed: standing.followed,
            lineage: standing.lineage,
            unread: standing.unread,
            policy: standing.policy,
            generations: standing.generations,
            decisions: standing.decisions,
            opened_by: standing.opened_by.as_str(),
            memory_locked: status.memory_locked,
            no_core_dumps: status.no_core_dumps,
            no_network: status.no_network,
        }
    }

    fn text(&self) -> String {
        let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        fields([
            ("Signer", if self.sealed { "sealed" } else { "open" }.to_owned()),
            ("Opened by", self.opened_by.to_owned()),
            ("Epoch", self.epoch.to_string()),
            ("Followed to", self.followed.to_string()),
            ("Lineage followed", self.lineage.to_string()),
            ("Records not read", self.unread.to_string()),
            ("Policy in use", self.policy.to_string()),
            ("Seeds in use", self.generations.to_string()),
            ("Decisions", self.decisions.to_string()),
            ("Memory locked", yes(self.memory_locked)),
            ("No core dumps", yes(self.no_core_dumps)),
            ("No network", yes(self.no_network)),
        ])
    }
}

pub(super) async fn unseal(args: &UnsealArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let status = sealed::status(&args.folder.folder()).map_err(of_sealed)?;
    let mut client = connect(&args.folder.socket()).await?;
    let by_itself = status.automatic && !args.by_passphrase && args.passphrase_file.is_none();
    let opened = if by_itself {
        client.unseal_automatically().await
    } else {
        let passphrase = secret_input::password(printer, "Passphrase", args.passphrase_file.as_deref())?;
        client.unseal(&passphrase).await
    };
    opened.map_err(of_client)?;
    let now = SignerReport::of(&client.status().await.map_err(of_client)?);
    printer.answer(&now, SignerReport::text)?;
    Ok(Exit::Good)
}

pub(super) async fn status(args: &VaultFolderArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let folder = args.folder();
    let vault = VaultReport::of(&folder, &sealed::status(&folder).map_err(of_sealed)?);
    let (signer, silent) = match connect(&args.socket()).await {
        Ok(mut client) => match client.status().await {
            Ok(status) => (Some(SignerReport::of(&status)), None),
            Err(error) => (None, Some(error.to_string())),
        },
        Err(problem) => (None, Some(problem.message)),
    };
    let good = signer.as_ref().is_some_and(|signer| !signer.sealed);
    let report = StatusReport { vault, signer, silent };
    printer.answer(&report, |report| {
        let signer = match (&report.signer, &report.silent) {
            (Some(signer), _) => signer.text(),
            (None, silent) => fields([("Signer", silent.clone().unwrap_or_default())]),
        };
        format!("{}\n\n{signer}", report_text(&report.vault))
    })?;
    Ok(if good { Exit::Good } else { Exit::Degraded })
}
