//! Keys at rest: the sealed vault, a file `vault.sealed` in the vault's folder.
//!
//! The vault's own key is random. It seals the seeds, and is itself sealed once under each *lock*: a passphrase, a key file,
//! a credential of systemd. `rekey` changes locks and leaves the seeds' bytes alone; `rotate` adds a seed, whose number is its
//! *generation*. Former ones stay, because customers go on paying to their old addresses.
//!
//! Invariants:
//! - Nothing in the file can be exchanged for something of another file, or taken away, without being noticed (`format.rs`).
//! - Opening without a person is a lock of its own, named in the file and told by [`status`].
//! - The last lock cannot be removed. What one function writes it has read back with the new lock first.
//! - No error and no log line has anything of a seed, a passphrase or a key in it.
//!
//! An old copy of the file opens with the old passphrase for ever: where one has got out, `rotate` and move the money.

mod copies;
mod error;
mod format;
mod lock;
mod passphrase;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use exchequer_domain::Timestamp;
use zeroize::{Zeroize as _, Zeroizing};

use crate::files::{self, Existing, Readers};
use crate::secret::{Key32, random};
use format::{Body, FILE_BYTES_MAX, Head, SealedSeed, bound};
use lock::Lock;

pub use copies::has_former;
pub(crate) use copies::{check_copy, open_copy, put_copy};
pub use error::SealedError;
pub use format::FORMAT_VERSION;
pub use lock::{CREDENTIAL_NAME_BYTES_MAX, Method, Opener, create_key_file};
pub use passphrase::{
    ARGON_MEMORY_KIB, ARGON_PASSES, Cost, PASSPHRASE_BYTES_MAX, PASSPHRASE_CHARS_MIN, PASSPHRASE_DISTINCT_MIN,
    check_passphrase,
};

/// The file in the vault's folder.
pub const FILE_NAME: &str = "vault.sealed";
/// Locks of one vault.
pub const LOCKS_MAX: usize = 8;
/// Seeds of one vault.
pub const GENERATIONS_MAX: usize = 64;
/// Entropy of a new seed: 24 words.
const ENTROPY_BYTES: usize = 32;

/// A vault that is open. Whoever has it has every key.
pub struct Vault {
    id: [u8; 16],
    key: Key32,
    seeds: Vec<SealedSeed>,
}

impl Vault {
    /// Which vault it is: not secret, the same on every node.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// How many seeds it has; the newest one is this less one.
    #[must_use]
    pub fn generations(&self) -> u32 {
        u32::try_from(self.seeds.len()).unwrap_or(u32::MAX)
    }

    /// The vault's own key.
    pub(crate) fn key(&self) -> &Key32 {
        &self.key
    }

    /// BIP-39's 64 bytes of a generation, without a second passphrase.
    pub(crate) fn seed(&self, generation: u32) -> Option<Zeroizing<[u8; 64]>> {
        let sealed = self.seeds.get(generation as usize)?;
        let words = bip39::Mnemonic::from_entropy(&sealed.entropy).ok()?;
        Some(Zeroizing::new(words.to_seed_normalized("")))
    }

    /// The words of a seed, for its owner's paper.
    ///
    /// # Errors
    /// There is no such generation.
    pub fn words(&self, generation: u32) -> Result<Words, SealedError> {
        let sealed = self.seeds.get(generation as usize).ok_or(SealedError::Generations)?;
        let mnemonic = bip39::Mnemonic::from_entropy(&sealed.entropy).map_err(|_| SealedError::Words)?;
        let mut text = Zeroizing::new(String::with_capacity(24 * 9));
        for word in mnemonic.words() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
        Ok(Words(text))
    }
}

/// The words of a seed: to be shown once, to its owner. Wiped when dropped.
pub struct Words(Zeroizing<String>);

impl Words {
    /// The words, with single blanks between them.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What everyone may know of a vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedStatus {
    /// Which vault.
    pub vault: [u8; 16],
    /// When it was made.
    pub created: Timestamp,
    /// Counts what was written: of two copies the higher one is newer.
    pub revision: u64,
    /// How it opens, in the order of the locks' numbers, from 0.
    pub locks: Vec<Method>,
    /// Whether one of them opens without a person.
    pub automatic: bool,
}

/// What is to happen to the locks.
pub enum Rekeying<'a> {
    /// The lock that opened is replaced by this one.
    Replace(Opener<'a>),
    /// One more.
    Add(Opener<'a>),
    /// One less, by its number in [`SealedStatus::locks`].
    Remove(usize),
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}

fn read(folder: &Path) -> Result<Body, SealedError> {
    let bytes = files::read_private(&path_in(folder), Readers::Owner, FILE_BYTES_MAX)?;
    Body::read(&bytes)
}

fn about(body: Body) -> SealedStatus {
    let locks: Vec<Method> = body.locks.into_iter().map(|lock| lock.method).collect();
    let automatic = locks.iter().any(Method::automatic);
    let created = Timestamp(body.head.created_us);
    SealedStatus { vault: body.head.vault, created, revision: body.revision, locks, automatic }
}

/// The file's bytes with what they say.
pub(crate) fn sealed_bytes(folder: &Path) -> Result<(SealedStatus, Vec<u8>), SealedError> {
    let bytes = files::read_private(&path_in(folder), Readers::Owner, FILE_BYTES_MAX)?;
    Ok((about(Body::read(&bytes)?), bytes.to_vec()))
}

/// Makes a vault's folder, which its owner alone may enter, or checks that it is one.
///
/// # Errors
/// Others may enter it, or it cannot be made.
pub fn make_folder(folder: &Path) -> Result<(), SealedError> {
    Ok(files::private_folder(folder)?)
}

/// Makes a vault with a new seed of 24 words.
///
/// # Errors
/// There is one, the passphrase is too easy, or the folder cannot be written.
pub fn init(folder: &Path, opener: &Opener<'_>, now: Timestamp) -> Result<Vault, SealedError> {
    let mut all = Zeroizing::new(vec![vec![0; ENTROPY_BYTES]]);
    random(&mut all[0])?;
    create(folder, &all, opener, now)
}

/// Makes a vault around a seed that there is already.
///
/// # Errors
/// As [`init`]; or the words are none.
pub fn import(folder: &Path, words: &str, opener: &Opener<'_>, now: Timestamp) -> Result<Vault, SealedError> {
    import_all(folder, &[words], opener, now)
}

/// Makes a vault around every seed of one that was lost, in the order of their generations: the first one's, then those that
/// [`rotate`] added.
///
/// # Errors
/// As [`import`]; or there are too few or too many of them.
pub fn import_all(folder: &Path, words: &[&str], opener: &Opener<'_>, now: Timestamp) -> Result<Vault, SealedError> {
    if !(1..=GENERATIONS_MAX).contains(&words.len()) {
        return Err(SealedError::Generations);
    }
    let mut all = Zeroizing::new(Vec::with_capacity(words.len()));
    for words in words {
        all.push(entropy_of(words)?);
    }
    create(folder, &all, opener, now)
}

/// The entropy of a seed, by its words.
fn entropy_of(words: &str) -> Result<Vec<u8>, SealedError> {
    let mut plain = Zeroizing::new(String::with_capacity(words.len()));
    for word in words.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
    }
    // Which word is wrong is not said: it would be in some log.
    let parsed = bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &plain);
    let mnemonic = parsed.map_err(|_| SealedError::Words)?;
    Ok(mnemonic.to_entropy())
}

fn create(folder: &Path, all: &[Vec<u8>], opener: &Opener<'_>, now: Timestamp) -> Result<Vault, SealedError> {
    files::private_folder(folder)?;
    let path = path_in(folder);
    if path.symlink_metadata().is_ok() {
        return Err(SealedError::Exists { path: path.display().to_string() });
    }
    let mut id = [0; 16];
    random(&mut id)?;
    let key = Key32::random()?;
    let seed = |entropy: &Vec<u8>| SealedSeed { created_us: now.0, entropy: entropy.clone() };
    let seeds: Vec<SealedSeed> = all.iter().map(seed).collect();
    let mut body = Body::seal(Head { vault: id, created_us: now.0 }, &seeds, &key)?;
    body.locks.push(Lock::make(opener, &key, &bound(&body.head)?, folder)?);
    save(&path, &mut body, &key, Some(opener), Existing::Keep)?;
    Ok(Vault { id, key, seeds })
}

/// Writes the file after what is to be written was read, and opened where its new lock is known.
fn save(
    path: &Path,
    body: &mut Body,
    key: &Key32,
    opener: Option<&Opener<'_>>,
    existing: Existing,
) -> Result<(), SealedError> {
    let bytes = body.write(key)?;
    let again = Body::read(&bytes)?;
    again.seeds(key)?;
    if let Some(opener) = opener {
        unlock(&again, opener)?;
    }
    Ok(files::write_private(path, &bytes, existing)?)
}

/// Tries each lock of the opener's kind: the number of the one that opens, and the vault's key.
fn unlock(body: &Body, opener: &Opener<'_>) -> Result<(usize, Key32), SealedError> {
    let bound = bound(&body.head)?;
    let mut refused = SealedError::WrongKey;
    for (number, lock) in body.locks.iter().enumerate() {
        match (lock.open(opener, &bound), &refused) {
            (Ok(key), _) => return Ok((number, key)),
            // Why a file or credential cannot be read says more than that nothing opened.
            (Err(error), SealedError::WrongKey) => refused = error,
            (Err(_), _) => {}
        }
    }
    Err(refused)
}

/// Opens the vault.
///
/// # Errors
/// [`SealedError::WrongKey`], [`SealedError::Damaged`], [`SealedError::Tampered`], or the file system's.
pub fn open(folder: &Path, opener: &Opener<'_>) -> Result<Vault, SealedError> {
    let body = read(folder)?;
    let (_, key) = unlock(&body, opener)?;
    let seeds = body.seeds(&key)?;
    Ok(Vault { id: body.head.vault, key, seeds })
}

/// Opens the vault with whatever lock needs nobody.
///
/// # Errors
/// [`SealedError::NotAutomatic`] where there is none; otherwise the last one's error.
pub fn open_automatically(folder: &Path) -> Result<Vault, SealedError> {
    open_body(folder, &read(folder)?)
}

fn open_body(folder: &Path, body: &Body) -> Result<Vault, SealedError> {
    let mut refused = SealedError::NotAutomatic;
    for lock in &body.locks {
        let file;
        let opener = match &lock.method {
            Method::Passphrase { .. } => continue,
            Method::KeyFile { path, .. } => {
                file = folder.join(path);
                Opener::KeyFile(&file)
            }
            Method::Credential { name, .. } => Opener::Credential(name),
        };
        match lock.open(&opener, &bound(&body.head)?) {
            Ok(key) => {
                let seeds = body.seeds(&key)?;
                return Ok(Vault { id: body.head.vault, key, seeds });
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// What everyone may know of the vault. It needs no key, and is therefore only what the file says.
///
/// # Errors
/// There is no vault, or it is damaged.
pub fn status(folder: &Path) -> Result<SealedStatus, SealedError> {
    Ok(about(read(folder)?))
}

/// Changes how the vault opens; the seeds' bytes stay as they are.
///
/// # Errors
/// `by` opens nothing, the new lock is refused, or the file cannot be written.
pub fn rekey(folder: &Path, by: &Opener<'_>, rekeying: &Rekeying<'_>) -> Result<SealedStatus, SealedError> {
    let mut body = read(folder)?;
    let (number, key) = unlock(&body, by)?;
    body.seeds(&key)?;
    let bound = bound(&body.head)?;
    let opener = match rekeying {
        Rekeying::Replace(opener) => {
            body.locks[number] = Lock::make(opener, &key, &bound, folder)?;
            Some(opener)
        }
        Rekeying::Add(opener) => {
            body.locks.push(Lock::make(opener, &key, &bound, folder)?);
            Some(opener)
        }
        Rekeying::Remove(number) => {
            if *number >= body.locks.len() {
                return Err(SealedError::NoLock(*number));
            }
            body.locks.remove(*number);
            None
        }
    };
    save(&path_in(folder), &mut body, &key, opener, Existing::Replace)?;
    status(folder)
}

/// Adds a fresh seed, for new wallets; former ones stay readable. Gives the vault and, by [`Vault::words`], the new words.
///
/// # Errors
/// `by` opens nothing, there are too many seeds, or the file cannot be written.
pub fn rotate(folder: &Path, by: &Opener<'_>, now: Timestamp) -> Result<Vault, SealedError> {
    let mut body = read(folder)?;
    let (_, key) = unlock(&body, by)?;
    let mut seeds = body.seeds(&key)?;
    let mut entropy = vec![0; ENTROPY_BYTES];
    if let Err(error) = random(&mut entropy) {
        entropy.zeroize();
        return Err(error.into());
    }
    seeds.push(SealedSeed { created_us: now.0, entropy });
    body.put(&seeds, &key)?;
    save(&path_in(folder), &mut body, &key, None, Existing::Replace)?;
    Ok(Vault { id: body.head.vault, key, seeds })
}
