//! `exchequer vault`: the keys of the exchange's wallets, as an operator makes, opens, changes and copies them.
//!
//! The verbs work on a folder, the vault's, and on the signer's socket in it; only those that draft a policy or register wallets
//! ask a node. No word of a seed and no passphrase is ever an argument, printed as an answer, or logged.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use exchequer_domain::{Code, Problem};

use super::args::{ClientArgs, OutputArgs};
use super::exit::{Exit, Stop};
use super::output::Printer;
use super::{vault_cold, vault_copy, vault_decisions, vault_make, vault_policy, vault_signer, vault_wallets};
use crate::signer::{socket_path, vault_folder};

/// Where a node keeps its data if nothing else is said.
pub(super) const DATA_DIR: &str = "/var/lib/exchequer";

/// `exchequer vault`.
#[derive(Debug, Clone, Subcommand)]
pub enum VaultVerb {
    /// Make a vault with a new seed of 24 words
    ///
    /// Once for a cluster; `vault export` and `vault import-sealed` bring it to the other nodes. The words are shown once, on the terminal, and
    /// three of them are asked for again. With `--key-file` or `--credential` the vault opens without anybody: whoever has that
    /// file and the vault has the money. `--sandbox` makes one for a cluster for trying things out: it opens by a key file of
    /// its own, shows no words, and has a policy for test networks with everything that is listed.
    #[command(
        after_help = "Example:\n  exchequer vault init --data-dir /var/lib/exchequer\n  exchequer vault init --sandbox \
                      --data-dir d1\n  exchequer vault init --key-file /etc/exchequer/unseal.key --words-file /media/safe/words"
    )]
    Init(vault_make::InitVaultArgs),
    /// Make a vault around a seed that there is already
    ///
    /// The words are asked for, or read from a file. It has the keys of the vault that was lost and a key of its own: on a cluster
    /// that has signed before, records of the former vault are not read, and count as the log says them.
    #[command(after_help = "Example:\n  exchequer vault import --data-dir /var/lib/exchequer")]
    Import(vault_make::ImportVaultArgs),
    /// Open the vault of the signer that runs, or have it take over a newer policy and further seeds
    #[command(after_help = "Example:\n  exchequer vault unseal --data-dir /var/lib/exchequer")]
    Unseal(vault_signer::UnsealArgs),
    /// Show how the vault opens, and how the signer is
    ///
    /// Exit code 2: the signer does not answer, or its vault is sealed.
    #[command(after_help = "Example:\n  exchequer vault status --data-dir /var/lib/exchequer")]
    Status(VaultFolderArgs),
    /// Add a fresh seed, for new wallets
    ///
    /// Former ones stay, because customers go on paying to their old addresses. Copy the vault to the other nodes, unseal, register the
    /// new wallets, and retire the old ones.
    #[command(after_help = "Example:\n  exchequer vault rotate --data-dir /var/lib/exchequer")]
    Rotate(vault_make::RotateArgs),
    /// Change how the vault opens; its seeds stay
    ///
    /// The lock that opens it now is replaced, or another one added, or one removed. An old copy of the file opens with the
    /// old passphrase for ever.
    #[command(after_help = "Example:\n  exchequer vault rekey\n  exchequer vault rekey --add --new-key-file \
                      /etc/exchequer/unseal.key\n  exchequer vault rekey --remove 1")]
    Rekey(vault_make::RekeyArgs),
    /// Write a copy of the sealed vault and its policy, for the other nodes
    ///
    /// A key file in the vault's folder is in it only with `--with-key`, or where the vault pays on test networks alone.
    #[command(after_help = "Example:\n  exchequer vault export vault.copy --data-dir /var/lib/exchequer")]
    Export(vault_copy::ExportVaultArgs),
    /// Put a copy of the sealed vault in place, on another node or after a change
    ///
    /// Only of the same vault, and never an older one. Where a lock needs nobody the copy is opened before it is put in place; what was
    /// here is kept beside it until the vault is opened. A node that had no vault gets a signing memory that knows nothing: it follows the
    /// whole log before it signs.
    #[command(after_help = "Example:\n  exchequer vault import-sealed vault.copy --data-dir /var/lib/exchequer")]
    ImportSealed(vault_copy::ImportSealedArgs),
    /// Draft, see and put in place what the signer may sign
    #[command(after_help = "Example:\n  exchequer vault policy show --data-dir /var/lib/exchequer")]
    Policy {
        /// What to do.
        #[command(subcommand)]
        verb: vault_policy::VaultPolicyVerb,
    },
    /// Make the signing memory anew where it was lost
    ///
    /// [dangerous] The signer then knows nothing, and signs nothing before it has followed the whole log. A damaged
    /// memory must be moved away first. Asks for the vault's id.
    #[command(after_help = "Example:\n  exchequer vault recreate-memory --data-dir /var/lib/exchequer")]
    RecreateMemory(vault_copy::RecreateMemoryArgs),
    /// Show what the signer of this node decided last, after its log was found whole
    #[command(after_help = "Example:\n  exchequer vault decisions --refused --data-dir /var/lib/exchequer")]
    Decisions(vault_decisions::DecisionsArgs),
    /// List the extended public keys of the vault's accounts
    #[command(after_help = "Example:\n  exchequer vault xpubs --data-dir /var/lib/exchequer")]
    Xpubs(VaultFolderArgs),
    /// Show the wallets that the vault has keys of, or register them with the cluster
    ///
    /// One deposit account for each family of networks, a hot wallet for each, gas wallets for the EVM networks and TRON. Addresses are the signer's,
    /// after two ways to them agree. Registering what is registered changes nothing.
    #[command(
        after_help = "Example:\n  exchequer vault wallets --data-dir d1\n  exchequer vault wallets --register --hot 4 \
                      --reason 'OPS-600' --yes"
    )]
    Wallets(vault_wallets::WalletsArgs),
    /// Have a cold wallet refill a hot one: unsigned transactions out, signed ones in
    #[command(after_help = "Example:\n  exchequer vault cold signed out.json signed.psbt --raw raw.hex")]
    Cold {
        /// What to do.
        #[command(subcommand)]
        verb: vault_cold::ColdVerb,
    },
}

/// Which vault.
#[derive(Debug, Clone, Args)]
pub struct VaultFolderArgs {
    /// The data folder in which the vault is
    #[arg(long, value_name = "FOLDER", env = "EXCHEQUER_DATA_DIR", hide_env_values = true, default_value = DATA_DIR)]
    pub data_dir: PathBuf,
    /// How it is answered.
    #[command(flatten)]
    pub form: OutputArgs,
}

impl VaultFolderArgs {
    pub(super) fn folder(&self) -> PathBuf {
        folder_in(&self.data_dir)
    }

    pub(super) fn socket(&self) -> PathBuf {
        socket_in(&self.data_dir)
    }
}

/// The vault of the data folder that a client's flags name.
pub(super) fn data_dir_of(client: &ClientArgs) -> PathBuf {
    client.data_dir.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR))
}

/// The vault's folder. Absolute, so that what is written down of it means the same from everywhere.
pub(super) fn folder_in(data: &Path) -> PathBuf {
    let folder = vault_folder(data);
    std::path::absolute(&folder).unwrap_or(folder)
}

/// Refuses to write into a folder whose user is another one: the signer, which runs as that user, could not read it.
///
/// # Errors
/// `BadRequest`.
pub(super) fn check_user(data: &Path) -> Result<(), Problem> {
    let Ok(about) = std::fs::metadata(data) else { return Ok(()) };
    let (owner, own) = (about.uid(), rustix::process::geteuid().as_raw());
    if owner == own {
        return Ok(());
    }
    let message = format!(
        "{} belongs to user {owner}, and this runs as user {own}: the signer could not read what is made; nothing was \
         changed",
        data.display()
    );
    Err(Problem::new(Code::BadRequest, message).hint("run it as that user: runuser -u NAME -- exchequer vault ..."))
}

/// The signer's socket.
pub(super) fn socket_in(data: &Path) -> PathBuf {
    socket_path(data)
}

impl VaultVerb {
    pub(super) fn form(&self) -> OutputArgs {
        match self {
            VaultVerb::Init(args) => args.client.form,
            VaultVerb::Import(args) => args.folder.form,
            VaultVerb::Unseal(args) => args.folder.form,
            VaultVerb::Status(args) | VaultVerb::Xpubs(args) => args.form,
            VaultVerb::Rotate(args) => args.folder.form,
            VaultVerb::Rekey(args) => args.folder.form,
            VaultVerb::Export(args) => args.folder.form,
            VaultVerb::ImportSealed(args) => args.folder.form,
            VaultVerb::Policy { verb } => verb.form(),
            VaultVerb::RecreateMemory(args) => args.folder.form,
            VaultVerb::Decisions(args) => args.folder.form,
            VaultVerb::Wallets(args) => args.client.form,
            VaultVerb::Cold { verb } => verb.form(),
        }
    }
}

pub(super) async fn run(verb: &VaultVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        VaultVerb::Init(args) => vault_make::init(args, printer).await,
        VaultVerb::Import(args) => vault_make::import(args, printer),
        VaultVerb::Unseal(args) => vault_signer::unseal(args, printer).await,
        VaultVerb::Status(args) => vault_signer::status(args, printer).await,
        VaultVerb::Rotate(args) => vault_make::rotate(args, printer),
        VaultVerb::Rekey(args) => vault_make::rekey(args, printer),
        VaultVerb::Export(args) => vault_copy::export(args, printer),
        VaultVerb::ImportSealed(args) => vault_copy::import(args, printer),
        VaultVerb::Policy { verb } => vault_policy::run(verb, printer).await,
        VaultVerb::RecreateMemory(args) => vault_copy::recreate_memory(args, printer),
        VaultVerb::Decisions(args) => vault_decisions::run(args, printer),
        VaultVerb::Xpubs(args) => vault_wallets::xpubs(args, printer).await,
        VaultVerb::Wallets(args) => vault_wallets::wallets(args, printer).await,
        VaultVerb::Cold { verb } => vault_cold::run(verb, printer).await,
    }
}
