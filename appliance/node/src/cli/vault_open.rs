//! What opens a vault, as it is said on the command line; and what the vault's own refusals are called here.

use std::path::{Path, PathBuf};

use clap::Args;
use exchequer_domain::{Code, Problem, Timestamp};
use exchequer_vault::FileError;
use exchequer_vault::copy::CopyError;
use exchequer_vault::policy::PolicyError;
use exchequer_vault::record::MemoryError;
use exchequer_vault::sealed::{self, Opener, SealedError, SealedStatus, Vault};
use exchequer_vault::signer::{Client, ClientError, SignerError};
use zeroize::Zeroizing;

use super::exit::Stop;
use super::output::Printer;
use super::secret_input;
use crate::server::wall_clock;

/// What opens the vault as it is.
#[derive(Debug, Clone, Default, Args)]
pub struct OpenArgs {
    /// A file whose first line is the passphrase; otherwise it is asked for, unless the vault opens without anybody
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_file", "credential"])]
    pub passphrase_file: Option<PathBuf>,
    /// The key file that opens it
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    pub key_file: Option<PathBuf>,
    /// The name of the credential of systemd that opens it
    #[arg(long, value_name = "NAME")]
    pub credential: Option<String>,
}

/// What opens a new vault from now on.
#[derive(Debug, Clone, Default, Args)]
pub struct LockArgs {
    /// A file whose first line is the new passphrase; otherwise it is asked for twice
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_file", "credential"])]
    pub passphrase_file: Option<PathBuf>,
    /// A key file that opens it without anybody; made where there is none
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    pub key_file: Option<PathBuf>,
    /// The name of a credential of systemd that opens it without anybody
    #[arg(long, value_name = "NAME")]
    pub credential: Option<String>,
}

/// What will open a vault that is changed.
#[derive(Debug, Clone, Default, Args)]
pub struct NewLockArgs {
    /// A file whose first line is the new passphrase; otherwise it is asked for twice
    #[arg(long, value_name = "FILE", conflicts_with_all = ["new_key_file", "new_credential"])]
    pub new_passphrase_file: Option<PathBuf>,
    /// A key file that will open it without anybody; made where there is none
    #[arg(long, value_name = "FILE", conflicts_with = "new_credential")]
    pub new_key_file: Option<PathBuf>,
    /// The name of a credential of systemd that will open it without anybody
    #[arg(long, value_name = "NAME")]
    pub new_credential: Option<String>,
}

/// What was given or typed.
pub(super) enum Key {
    Passphrase(Zeroizing<String>),
    File(PathBuf),
    Credential(String),
}

impl Key {
    pub(super) fn opener(&self) -> Opener<'_> {
        match self {
            Key::Passphrase(text) => Opener::Passphrase(text),
            Key::File(path) => Opener::KeyFile(path),
            Key::Credential(name) => Opener::Credential(name),
        }
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl LockArgs {
    /// The new lock's key. A key file that is not there is made.
    pub(super) fn key(&self, printer: &mut Printer) -> Result<Key, Stop> {
        if let Some(path) = &self.key_file {
            let path = absolute(path);
            if path.symlink_metadata().is_err() {
                sealed::create_key_file(&path).map_err(of_sealed)?;
            }
            return Ok(Key::File(path));
        }
        if let Some(name) = &self.credential {
            return Ok(Key::Credential(name.clone()));
        }
        let typed = secret_input::new_password(printer, self.passphrase_file.as_deref())?;
        sealed::check_passphrase(&typed).map_err(of_sealed)?;
        Ok(Key::Passphrase(typed))
    }
}

impl NewLockArgs {
    pub(super) fn key(&self, printer: &mut Printer) -> Result<Key, Stop> {
        let (passphrase_file, key_file) = (self.new_passphrase_file.clone(), self.new_key_file.clone());
        LockArgs { passphrase_file, key_file, credential: self.new_credential.clone() }.key(printer)
    }
}

impl OpenArgs {
    /// The key that was given; none where the vault is to open by itself, as it can.
    pub(super) fn key(&self, status: &SealedStatus, printer: &mut Printer) -> Result<Option<Key>, Stop> {
        match (&self.key_file, &self.credential) {
            (Some(path), _) => Ok(Some(Key::File(absolute(path)))),
            (None, Some(name)) => Ok(Some(Key::Credential(name.clone()))),
            (None, None) if status.automatic && self.passphrase_file.is_none() => Ok(None),
            (None, None) => {
                let typed = secret_input::password(printer, "Passphrase", self.passphrase_file.as_deref())?;
                Ok(Some(Key::Passphrase(typed)))
            }
        }
    }

    /// Opens the vault, and gives what opened it: also where that was a lock that needs nobody.
    pub(super) fn open(&self, folder: &Path, printer: &mut Printer) -> Result<(Vault, Key), Stop> {
        let status = sealed::status(folder).map_err(of_sealed)?;
        if let Some(key) = self.key(&status, printer)? {
            return Ok((sealed::open(folder, &key.opener()).map_err(of_sealed)?, key));
        }
        let mut refused = SealedError::NotAutomatic;
        for lock in &status.locks {
            let key = match lock {
                sealed::Method::Passphrase { .. } => continue,
                sealed::Method::KeyFile { path, .. } => Key::File(folder.join(path)),
                sealed::Method::Credential { name, .. } => Key::Credential(name.clone()),
            };
            match sealed::open(folder, &key.opener()) {
                Ok(vault) => return Ok((vault, key)),
                Err(error) => refused = error,
            }
        }
        Err(of_sealed(refused).into())
    }
}

/// The wall clock, for what is noted in a vault.
pub(super) fn now() -> Timestamp {
    Timestamp(wall_clock())
}

/// Begins a conversation with the signer.
pub(super) async fn connect(socket: &Path) -> Result<Client, Problem> {
    Client::connect(socket).await.map_err(|error| {
        let message = format!("the signer at {} does not answer: {error}", socket.display());
        Problem::new(Code::SignerSilent, message)
    })
}

pub(super) fn of_client(error: ClientError) -> Problem {
    match error {
        ClientError::Refused { .. } => Problem::new(Code::SignerRefused, error.to_string()),
        ClientError::Unknown(_) | ClientError::Answer(_) => Problem::new(Code::SignerSilent, error.to_string()),
    }
}

fn of_file(error: &FileError) -> Problem {
    let code = if error.is_missing() { Code::VaultMissing } else { Code::VaultDamaged };
    Problem::new(code, error.to_string())
}

pub(super) fn of_sealed(error: SealedError) -> Problem {
    let code = match &error {
        SealedError::File(error) => return of_file(error),
        SealedError::Exists { .. } | SealedError::OtherVault { .. } | SealedError::Older { .. } => Code::VaultExists,
        SealedError::WrongKey
        | SealedError::NotAutomatic
        | SealedError::NoCredentials
        | SealedError::KeyFile { .. }
        | SealedError::NoLock(_) => Code::VaultKeyWrong,
        SealedError::NoVault
        | SealedError::Version { .. }
        | SealedError::Damaged { .. }
        | SealedError::Tampered { .. }
        | SealedError::Cost { .. } => Code::VaultDamaged,
        SealedError::WeakPassphrase { .. }
        | SealedError::Name { .. }
        | SealedError::Words
        | SealedError::Locks
        | SealedError::Generations => Code::VaultSecret,
        SealedError::Randomness(_) | SealedError::Internal(_) => Code::Internal,
    };
    Problem::new(code, error.to_string())
}

pub(super) fn of_policy(error: PolicyError) -> Problem {
    match &error {
        PolicyError::File(error) => of_file(error),
        PolicyError::Missing
        | PolicyError::Tag
        | PolicyError::Json(_)
        | PolicyError::Content(_)
        | PolicyError::Contradiction(_)
        | PolicyError::Version { .. } => Problem::new(Code::VaultPolicy, error.to_string()),
    }
}

pub(super) fn of_memory(error: &MemoryError) -> Problem {
    Problem::new(Code::SignerMemory, error.to_string())
}

pub(super) fn of_signer(error: SignerError) -> Problem {
    match error {
        SignerError::Sealed(error) => of_sealed(error),
        SignerError::Policy(error) => of_policy(error),
        SignerError::Memory(error) => of_memory(&error),
        SignerError::DecisionLog(error) => Problem::new(Code::SignerMemory, error.to_string()),
        SignerError::Key(error) => Problem::new(Code::Internal, error.to_string()),
        SignerError::Socket { .. } => Problem::new(Code::SignerSilent, error.to_string()),
        SignerError::Serve(_) => Problem::new(Code::Internal, error.to_string()),
    }
}

pub(super) fn of_copy(error: CopyError) -> Problem {
    match error {
        CopyError::Signer(error) => of_signer(error),
        CopyError::File(error) => of_file(&error),
        CopyError::Text(_) => Problem::new(Code::VaultDamaged, error.to_string()),
        CopyError::OlderPolicy { .. } => Problem::new(Code::VaultExists, error.to_string()),
    }
}
