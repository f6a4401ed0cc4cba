//! Why a vault is refused. No text has anything of a seed, a passphrase or a key in it.

use super::passphrase::Cost;
use crate::files::FileError;
use crate::secret::NoRandomness;

/// Why a vault was not made, opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// No randomness.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// There is a vault already.
    #[error("{path} exists: nothing was written. A new seed for new wallets comes with `rotate`")]
    Exists {
        /// The file.
        path: String,
    },
    /// It is some other file.
    #[error("this is no sealed vault: it does not begin like one")]
    NoVault,
    /// A newer or older program's.
    #[error("the vault is of format {version}; this program reads format 1: use the program that wrote it")]
    Version {
        /// The file's.
        version: u16,
    },
    /// Bytes were lost or changed by accident.
    #[error(
        "the vault's file is damaged ({what}): take the copy of another node; the passphrase has nothing to do with it"
    )]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// Bytes were changed by someone who did not have the vault's key.
    #[error(
        "the vault's file opened, but {what} was changed by someone without its key: do not use it; take the copy of another node"
    )]
    Tampered {
        /// What.
        what: &'static str,
    },
    /// No lock opens with that.
    #[error("wrong passphrase or key: the file itself is whole")]
    WrongKey,
    /// No lock opens by itself here.
    #[error("no lock of this vault opens without a person: type the passphrase")]
    NotAutomatic,
    /// There is no folder of credentials.
    #[error("systemd has handed over no credentials (CREDENTIALS_DIRECTORY is not set): start as its service")]
    NoCredentials,
    /// Not what a key file looks like.
    #[error("{path}: not a key file: it must be 64 hexadecimal digits")]
    KeyFile {
        /// The file.
        path: String,
    },
    /// The passphrase is too easy.
    #[error("this passphrase is refused; the rule: {rule}")]
    WeakPassphrase {
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// A name is not usable.
    #[error("{what} is refused; the rule: {rule}")]
    Name {
        /// Of what.
        what: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// Argon2id's parameters are out of range.
    #[error("a lock asks for {} KiB and {} passes of Argon2id: refused as too little, or too much", cost.memory_kib, cost.passes)]
    Cost {
        /// What it asks for.
        cost: Cost,
    },
    /// Not words of a seed.
    #[error("these are not the words of a seed: 12, 15, 18, 21 or 24 English words of BIP-39, with the right last one")]
    Words,
    /// The number of locks.
    #[error("a vault has 1 to 8 locks: add another one before you remove the last")]
    Locks,
    /// There is no such lock.
    #[error("there is no lock {0}: `status` lists them, from 0")]
    NoLock(usize),
    /// The number of seeds.
    #[error("a vault has 1 to 64 seeds")]
    Generations,
    /// A copy is of another vault than the one that is here.
    #[error(
        "the copy is of vault {}, and vault {} is here: nothing was written",
        hex::encode(copy),
        hex::encode(present)
    )]
    OtherVault {
        /// The one that is here.
        present: [u8; 16],
        /// The copy's.
        copy: [u8; 16],
    },
    /// A copy is older than what is here.
    #[error("the copy is of revision {copy}, and revision {present} is here: nothing was written")]
    Older {
        /// What is here.
        present: u64,
        /// The copy's.
        copy: u64,
    },
    /// A bug.
    #[error("the vault could not {0}: this is a bug")]
    Internal(&'static str),
}
