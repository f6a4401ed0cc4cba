//! `exchequer vault init|import|rotate|rekey`: vaults are made, and get further seeds and other locks.
//!
//! Invariant: a vault is made beside its place and put there whole, with its policy and memory: what was cut short, or whose words
//! were not confirmed, is no vault.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::policy::Policy;
use exchequer_vault::sealed::{self, Rekeying, SealedError, SealedStatus, Vault};
use exchequer_vault::{policy, record};
use serde::Serialize;
use zeroize::Zeroizing;

use super::args::ClientArgs;
use super::client::Client;
use super::exit::{Exit, Stop};
use super::output::{Printer, fields};
use super::secret_input;
use super::vault::{VaultFolderArgs, check_user, data_dir_of, folder_in};
use super::vault_draft::{self, Pins};
use super::vault_open::{self, Key, LockArgs, NewLockArgs, OpenArgs, now, of_policy, of_sealed};
use super::vault_policy;
use super::vault_words::WordsArgs;

/// The key file of a sandbox's vault, in the vault's folder.
const SANDBOX_KEY: &str = "unseal.key";
/// Longer files are no policy.
const POLICY_BYTES_MAX: u64 = policy::POLICY_BYTES_MAX;

/// `exchequer vault init`.
#[derive(Debug, Clone, Args)]
pub struct InitVaultArgs {
    /// Make one for a sandbox cluster: it opens by itself, shows no words, and may pay on test networks
    #[arg(long)]
    pub sandbox: bool,
    /// Put this policy in place at once; otherwise `vault policy put` does
    #[arg(long, value_name = "FILE", conflicts_with = "sandbox")]
    pub policy: Option<PathBuf>,
    /// Hot addresses to which a sandbox's deposits may be swept, of each family
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub hot: u32,
    /// What opens it.
    #[command(flatten)]
    pub lock: LockArgs,
    /// What becomes of the words.
    #[command(flatten)]
    pub words: WordsArgs,
    /// Which folder; and, of a sandbox, whom to ask what is listed.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer vault import`.
#[derive(Debug, Clone, Args)]
pub struct ImportVaultArgs {
    /// A file whose first line is the words; otherwise they are asked for
    #[arg(long, value_name = "FILE")]
    pub words_file: Option<PathBuf>,
    /// The words of the next seed of a vault that was rotated, one file each, in the order in which the seeds were made
    #[arg(long, value_name = "FILE")]
    pub further_words_file: Vec<PathBuf>,
    /// Put this policy in place at once; otherwise `vault policy put` does
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// What opens it.
    #[command(flatten)]
    pub lock: LockArgs,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// `exchequer vault rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateArgs {
    /// What opens it.
    #[command(flatten)]
    pub open: OpenArgs,
    /// What becomes of the words.
    #[command(flatten)]
    pub words: WordsArgs,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// `exchequer vault rekey`.
#[derive(Debug, Clone, Args)]
pub struct RekeyArgs {
    /// Add the new lock instead of replacing the one that opens
    #[arg(long, conflicts_with = "remove")]
    pub add: bool,
    /// Remove the lock of this number, as `vault status` lists them
    #[arg(long, value_name = "N", conflicts_with_all = ["new_passphrase_file", "new_key_file", "new_credential"])]
    pub remove: Option<usize>,
    /// What opens it now.
    #[command(flatten)]
    pub open: OpenArgs,
    /// What is to open it.
    #[command(flatten)]
    pub new: NewLockArgs,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// What everyone may know of a vault.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VaultReport {
    pub(super) vault: String,
    pub(super) folder: PathBuf,
    pub(super) revision: u64,
    pub(super) created: String,
    /// How it opens, by number.
    pub(super) locks: Vec<LockReport>,
    /// Whether one of the locks needs nobody.
    pub(super) automatic: bool,
    /// Seeds, where the vault was open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generations: Option<u32>,
    /// What became of the words: `shown`, `written`, `kept`, `given`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) words: Option<&'static str>,
    /// The version of the policy in place.
    pub(super) policy: Option<u64>,
}

/// One lock.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LockReport {
    pub(super) lock: usize,
    /// `passphrase`, `key-file`, `credential`.
    pub(super) method: &'static str,
    pub(super) automatic: bool,
    /// The key file or the credential; none of a passphrase.
    pub(super) by: Option<String>,
}

impl VaultReport {
    pub(super) fn of(folder: &Path, status: &SealedStatus) -> VaultReport {
        let lock = |(lock, method): (usize, &sealed::Method)| LockReport {
            lock,
            method: method.as_str(),
            automatic: method.automatic(),
            by: match method {
                sealed::Method::Passphrase { .. } => None,
                sealed::Method::KeyFile { path, .. } => Some(path.clone()),
                sealed::Method::Credential { name, .. } => Some(name.clone()),
            },
        };
        VaultReport {
            vault: hex::encode(status.vault),
            folder: folder.to_owned(),
            revision: status.revision,
            created: status.created.to_string(),
            locks: status.locks.iter().enumerate().map(lock).collect(),
            automatic: status.automatic,
            generations: None,
            words: None,
            policy: policy::peek(folder).ok().map(|policy| policy.version),
        }
    }
}

pub(super) fn report_text(report: &VaultReport) -> String {
    let lock = |lock: &LockReport| match &lock.by {
        Some(by) => format!("{}: {} {by}, without anybody", lock.lock, lock.method),
        None => format!("{}: {}", lock.lock, lock.method),
    };
    let mut rows = vec![
        ("Vault", report.vault.clone()),
        ("Folder", report.folder.display().to_string()),
        ("Revision", report.revision.to_string()),
        ("Locks", report.locks.iter().map(lock).collect::<Vec<_>>().join("; ")),
        ("Policy", report.policy.map_or_else(|| "none: nothing is signed".to_owned(), |policy| policy.to_string())),
    ];
    rows.extend(report.generations.map(|generations| ("Seeds", generations.to_string())));
    rows.extend(report.words.map(|words| ("Words", words.to_owned())));
    fields(rows)
}

/// A folder beside the vault's in which one is made.
struct Draft {
    folder: PathBuf,
    place: PathBuf,
}

impl Draft {
    fn begin(data: &Path) -> Result<Draft, Problem> {
        check_user(data)?;
        let place = folder_in(data);
        let folder = place.with_extension("new");
        let beside = |what: &str, error: &io::Error| {
            Problem::new(Code::VaultDamaged, format!("{} cannot be {what}: {error}", folder.display()))
        };
        match sealed::status(&place) {
            Err(SealedError::File(error)) if error.is_missing() => {}
            Err(error) => return Err(of_sealed(error)),
            Ok(_) => return Err(of_sealed(SealedError::Exists { path: place.display().to_string() })),
        }
        // What a run left that was cut short was never a vault, and nobody has paid to it.
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(beside("removed", &error)),
            Ok(()) | Err(_) => {}
        }
        Ok(Draft { folder, place })
    }

    fn finish(self) -> Result<PathBuf, Problem> {
        fs::rename(&self.folder, &self.place).map_err(|error| {
            Problem::new(Code::VaultExists, format!("{} cannot be put in place: {error}", self.place.display()))
                .hint("the folder must not be there, or be empty; look what is in it")
        })?;
        let parent = self.place.parent().unwrap_or(Path::new("."));
        fs::File::open(parent).and_then(|parent| parent.sync_all()).map_err(|error| {
            Problem::new(Code::VaultDamaged, format!("{} cannot be synced: {error}", parent.display()))
        })?;
        Ok(self.place)
    }

    fn give_up(self) {
        // What is left is removed by the next run.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Puts what a vault needs beside it.
fn furnish(folder: &Path, vault: &Vault, json: Option<&str>) -> Result<(), Problem> {
    if let Some(json) = json {
        policy::install(folder, vault, json).map_err(of_policy)?;
    }
    record::recreate(folder, vault, now()).map_err(|error| vault_open::of_memory(&error))
}

fn read_policy(path: &Path) -> Result<String, Problem> {
    let text = vault_policy::read_text(path, POLICY_BYTES_MAX)?;
    Policy::parse_new(&text).map_err(of_policy)?;
    Ok(text)
}

pub(super) async fn init(args: &InitVaultArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let draft = Draft::begin(&data_dir_of(&args.client))?;
    let words = if args.sandbox && args.words.words_file.is_none() {
        WordsArgs { words_file: None, no_words: true }
    } else {
        args.words.clone()
    };
    words.check(printer)?;
    let given = args.policy.as_deref().map(read_policy).transpose()?;
    // Asked before anything is made.
    let listed = match args.sandbox {
        true => Some(vault_draft::listed(&Client::open(&args.client)?).await?),
        false => None,
    };
    if listed.as_ref().is_some_and(|listed| !listed.sandbox) {
        let message =
            "the cluster is no sandbox: `--sandbox` would let a vault pay that anybody opens; nothing was made";
        return Err(Problem::new(Code::SandboxOnly, message).into());
    }
    fs::create_dir_all(draft.folder.parent().unwrap_or(Path::new("."))).map_err(|error| {
        Problem::new(Code::VaultDamaged, format!("{} cannot be made: {error}", draft.folder.display()))
    })?;
    let made = make(&draft, args, &words, given, listed.as_ref(), printer);
    let (generations, told) = match made {
        Ok(made) => made,
        Err(stop) => {
            draft.give_up();
            return Err(stop);
        }
    };
    finish(draft, generations, told, printer)
}

fn make(
    draft: &Draft,
    args: &InitVaultArgs,
    words: &WordsArgs,
    given: Option<String>,
    listed: Option<&vault_draft::Listed>,
    printer: &mut Printer,
) -> Result<(u32, &'static str), Stop> {
    let folder = &draft.folder;
    let own_key = args.sandbox
        && args.lock.key_file.is_none()
        && args.lock.credential.is_none()
        && args.lock.passphrase_file.is_none();
    let key = if own_key {
        sealed::make_folder(folder).map_err(of_sealed)?;
        let path = folder.join(SANDBOX_KEY);
        sealed::create_key_file(&path).map_err(of_sealed)?;
        Key::File(path)
    } else {
        args.lock.key(printer)?
    };
    let vault = sealed::init(folder, &key.opener(), now()).map_err(of_sealed)?;
    let json = match listed {
        Some(listed) => {
            let pins = Pins::of_vault(&vault, args.hot)?;
            Some(vault_draft::text(&vault_draft::sandbox(listed, &pins, 1))?)
        }
        None => given,
    };
    furnish(folder, &vault, json.as_deref())?;
    let told = words.hand_over(&vault.words(0).map_err(of_sealed)?, printer)?;
    Ok((vault.generations(), told))
}

pub(super) fn import(args: &ImportVaultArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let draft = Draft::begin(&args.folder.data_dir)?;
    let given = args.policy.as_deref().map(read_policy).transpose()?;
    let words: Zeroizing<String> =
        secret_input::password(printer, "The words of the seed, on one line", args.words_file.as_deref())?;
    let mut all = vec![words];
    for file in &args.further_words_file {
        all.push(secret_input::password(printer, "", Some(file))?);
    }
    let key = args.lock.key(printer)?;
    let words: Vec<&str> = all.iter().map(|words| words.as_str()).collect();
    let made = sealed::import_all(&draft.folder, &words, &key.opener(), now()).map_err(of_sealed);
    let made = made.and_then(|vault| furnish(&draft.folder, &vault, given.as_deref()).map(|()| vault.generations()));
    match made {
        Ok(generations) => finish(draft, generations, "given", printer),
        Err(problem) => {
            draft.give_up();
            Err(problem.into())
        }
    }
}

fn finish(draft: Draft, generations: u32, words: &'static str, printer: &mut Printer) -> Result<Exit, Stop> {
    let place = draft.finish()?;
    let status = sealed::status(&place).map_err(of_sealed)?;
    let report = VaultReport { generations: Some(generations), words: Some(words), ..VaultReport::of(&place, &status) };
    printer.answer(&report, report_text)?;
    printer.note(
        "\nBring the vault to the other nodes: `exchequer vault export FILE` here, `exchequer vault import-sealed FILE` there.",
    )?;
    Ok(Exit::Good)
}

pub(super) fn rotate(args: &RotateArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let folder = args.folder.folder();
    args.words.check(printer)?;
    let (_, key) = args.open.open(&folder, printer)?;
    let vault = sealed::rotate(&folder, &key.opener(), now()).map_err(of_sealed)?;
    let newest = vault.generations().saturating_sub(1);
    let told = args.words.hand_over(&vault.words(newest).map_err(of_sealed)?, printer).map_err(|stop| match stop {
        Stop::Problem(problem) => {
            let hint =
                format!("seed {newest} is in the vault: rotate once more, and use the seed whose words you have");
            Stop::Problem(problem.hint(hint))
        }
        other @ (Stop::Proposed(_) | Stop::PipeClosed) => other,
    })?;
    let status = sealed::status(&folder).map_err(of_sealed)?;
    let report =
        VaultReport { generations: Some(vault.generations()), words: Some(told), ..VaultReport::of(&folder, &status) };
    printer.answer(&report, report_text)?;
    Ok(Exit::Good)
}

pub(super) fn rekey(args: &RekeyArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    check_user(&args.folder.data_dir)?;
    let folder = args.folder.folder();
    let (_, key) = args.open.open(&folder, printer)?;
    let status = match args.remove {
        Some(lock) => sealed::rekey(&folder, &key.opener(), &Rekeying::Remove(lock)),
        None => {
            let new = args.new.key(printer)?;
            let rekeying = if args.add { Rekeying::Add(new.opener()) } else { Rekeying::Replace(new.opener()) };
            sealed::rekey(&folder, &key.opener(), &rekeying)
        }
    };
    printer.answer(&VaultReport::of(&folder, &status.map_err(of_sealed)?), report_text)?;
    Ok(Exit::Good)
}
