//! `exchequer vault policy make|show|check|put`: what the signer may sign. The policy is the signer's own: it is drafted from what the
//! cluster lists, read by a person, and put in place with what opens the vault.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exchequer_domain::{Code, Problem};
use exchequer_vault::policy::{self, Policy};
use serde::Serialize;

use super::args::{ClientArgs, OutputArgs};
use super::client::Client;
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing};
use super::vault::{VaultFolderArgs, check_user, data_dir_of, folder_in};
use super::vault_draft::{self, Pins, listed};
use super::vault_open::{Key, OpenArgs, connect, of_client, of_policy};

/// `exchequer vault policy`.
#[derive(Debug, Clone, Subcommand)]
pub enum VaultPolicyVerb {
    /// Draft a policy from what the cluster lists, to be read and changed before it is put in place
    ///
    /// Prints JSON. Destinations of sweeps are the pinned wallets of the cluster and what `--pin` adds; approvers are the confirmed
    /// approval keys. Compare both with what their owners tell you: a cluster that was broken into says what it likes.
    #[command(
        after_help = "Example:\n  exchequer vault policy make > policy.json\n  exchequer vault policy make --sandbox \
                      --data-dir d1 > policy.json"
    )]
    Make(MakePolicyArgs),
    /// Show the policy that is in place
    #[command(after_help = "Example:\n  exchequer vault policy show --data-dir /var/lib/exchequer")]
    Show(VaultFolderArgs),
    /// Say whether a file is a policy, and what it allows
    #[command(after_help = "Example:\n  exchequer vault policy check policy.json")]
    Check(CheckPolicyArgs),
    /// Put a policy in place, and have the signer that runs take it over
    ///
    /// Its version must be higher than that of any policy that was used. Copy the vault to the other nodes afterwards.
    #[command(after_help = "Example:\n  exchequer vault policy put policy.json --data-dir /var/lib/exchequer")]
    Put(PutPolicyArgs),
}

/// `exchequer vault policy make`.
#[derive(Debug, Clone, Args)]
pub struct MakePolicyArgs {
    /// As `vault init --sandbox` makes it: much is allowed, and nobody need approve
    #[arg(long)]
    pub sandbox: bool,
    /// A further destination of sweeps, such as ethereum:0x52908400098527886E0F7030069857D2E4169EE7; again for more
    #[arg(long = "pin", value_name = "NETWORK:ADDRESS")]
    pub pins: Vec<String>,
    /// Whom to ask, and the folder whose policy it is to follow.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer vault policy check`.
#[derive(Debug, Clone, Args)]
pub struct CheckPolicyArgs {
    /// The policy, as JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

/// `exchequer vault policy put`.
#[derive(Debug, Clone, Args)]
pub struct PutPolicyArgs {
    /// The policy, as JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What opens the vault.
    #[command(flatten)]
    pub open: OpenArgs,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

/// The answer of `put`.
#[derive(Debug, Clone, Serialize)]
struct PolicyPut {
    version: u64,
    /// Whether the signer that runs has taken it over.
    in_use: bool,
    /// Why it has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent: Option<String>,
}

impl VaultPolicyVerb {
    pub(super) fn form(&self) -> OutputArgs {
        match self {
            VaultPolicyVerb::Make(args) => args.client.form,
            VaultPolicyVerb::Show(args) => args.form,
            VaultPolicyVerb::Check(args) => args.form,
            VaultPolicyVerb::Put(args) => args.folder.form,
        }
    }
}

pub(super) async fn run(verb: &VaultPolicyVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        VaultPolicyVerb::Make(args) => make(args, printer).await?,
        VaultPolicyVerb::Show(args) => {
            let policy = policy::peek(&args.folder()).map_err(of_policy)?;
            printer.answer(&policy, policy_text)?;
        }
        VaultPolicyVerb::Check(args) => {
            let text = read_text(&args.file, policy::POLICY_BYTES_MAX)?;
            let policy = Policy::parse_new(&text).map_err(of_policy)?;
            printer.answer(&policy, policy_text)?;
        }
        VaultPolicyVerb::Put(args) => put(args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn make(args: &MakePolicyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let listed = listed(&Client::open(&args.client)?).await?;
    if args.sandbox && !listed.sandbox {
        return Err(Problem::new(Code::SandboxOnly, "the cluster is no sandbox").into());
    }
    let present = match policy::peek(&folder_in(&data_dir_of(&args.client))) {
        Ok(policy) => policy.version,
        Err(policy::PolicyError::Missing) => 0,
        // A folder that whoever drafts may not read has a version that they give themselves.
        Err(_) => 0,
    };
    let mut pins = Pins::of_cluster(&listed)?;
    for pin in &args.pins {
        pins.add(pin, listed.sandbox)?;
    }
    let version = present.saturating_add(1);
    let drafted = if args.sandbox {
        vault_draft::sandbox(&listed, &pins, version)
    } else {
        vault_draft::draft(&listed, &pins, version)
    };
    printer.text(&vault_draft::text(&drafted)?)
}

async fn put(args: &PutPolicyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let text = read_text(&args.file, policy::POLICY_BYTES_MAX)?;
    Policy::parse_new(&text).map_err(of_policy)?;
    check_user(&args.folder.data_dir)?;
    let folder = args.folder.folder();
    let (vault, key) = args.open.open(&folder, printer)?;
    let version = policy::install(&folder, &vault, &text).map_err(of_policy)?.version;
    drop(vault);
    let taken = match connect(&args.folder.socket()).await {
        Ok(mut client) => {
            let taken = match &key {
                Key::Passphrase(passphrase) => client.unseal(passphrase).await,
                Key::File(_) | Key::Credential(_) => client.unseal_automatically().await,
            };
            taken.map_err(of_client)
        }
        Err(problem) => Err(problem),
    };
    let put = PolicyPut { version, in_use: taken.is_ok(), silent: taken.err().map(|problem| problem.message) };
    printer.answer(&put, |put| match &put.silent {
        None => format!("Policy {} is in place, and the signer uses it", put.version),
        Some(why) => format!("Policy {} is in place. The signer does not use it yet: {why}", put.version),
    })
}

/// Reads a text file that a person names.
pub(super) fn read_text(path: &Path, bytes_max: u64) -> Result<String, Problem> {
    let bad = |error: String| Problem::new(Code::BadRequest, format!("{}: {error}", path.display()));
    let file = File::open(path).map_err(|error| bad(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(bytes_max.saturating_add(1)).read_to_string(&mut text);
    read.map_err(|error| bad(error.to_string()))?;
    if text.len() as u64 > bytes_max {
        return Err(Problem::new(Code::TooLarge, format!("{}: more than {bytes_max} bytes", path.display())));
    }
    Ok(text)
}

fn policy_text(policy: &Policy) -> String {
    let rows = policy.networks.iter().flat_map(|(network, of)| {
        of.coins.iter().map(move |coin| {
            [
                network.to_string(),
                vault_draft::coin_word(&coin.coin),
                coin.asset.to_string(),
                or_nothing(coin.rules.last().map(|rule| rule.up_to.0)),
                or_nothing(coin.rules.iter().map(|rule| rule.approvals).max()),
                coin.hour_max.0.to_string(),
                coin.day_max.0.to_string(),
                of.fee_max.0.to_string(),
                of.sweep_to.len().to_string(),
                if of.decided_only { "yes" } else { "no" }.to_owned(),
            ]
        })
    });
    let headings =
        ["NETWORK", "COIN", "ASSET", "ONE-MAX", "APPROVALS", "HOUR-MAX", "DAY-MAX", "FEE-MAX", "PINS", "DECIDED-ONLY"];
    let (version, cluster, approvers) = (policy.version, &policy.cluster, policy.approvers.len());
    let mut text =
        format!("{}\n\nVersion {version} for cluster {cluster}, {approvers} approvers", columns(headings, rows));
    for contradiction in policy.contradictions() {
        text.push_str(&format!("\n\nIt contradicts itself: {contradiction}"));
    }
    text
}
