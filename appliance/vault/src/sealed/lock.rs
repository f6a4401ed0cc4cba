//! The ways to open a vault: each holds the vault's key, sealed under a key of its own.

use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::files::{self, Existing, Readers};
use crate::sealed::SealedError;
use crate::sealed::passphrase::{Cost, stretch};
use crate::secret::{Key32, random};

/// Longest name of a credential.
pub const CREDENTIAL_NAME_BYTES_MAX: usize = 64;
/// A key file is so many hexadecimal digits, and perhaps a line's end.
const KEY_FILE_DIGITS: usize = 64;
/// Where systemd puts a service's credentials.
const CREDENTIALS_FOLDER: &str = "CREDENTIALS_DIRECTORY";

/// How one lock is opened. Recorded in the file, where everyone can see it. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// By a passphrase that a person types.
    Passphrase {
        /// Of Argon2id.
        salt: [u8; 16],
        /// Of Argon2id.
        cost: Cost,
    },
    /// By a file on this machine, without anybody: whoever has file and vault has the keys.
    KeyFile {
        /// Where it was when the lock was made; another place can be named. One in the vault's folder is named from there.
        path: String,
        /// So that two vaults with one file have different keys.
        salt: [u8; 16],
    },
    /// By a credential that systemd hands to the service, without anybody.
    Credential {
        /// Its name below the credentials' folder.
        name: String,
        /// As above.
        salt: [u8; 16],
    },
}

impl Method {
    /// The word in listings.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Method::Passphrase { .. } => "passphrase",
            Method::KeyFile { .. } => "key-file",
            Method::Credential { .. } => "credential",
        }
    }

    /// Whether it opens without a person.
    #[must_use]
    pub const fn automatic(&self) -> bool {
        match self {
            Method::Passphrase { .. } => false,
            Method::KeyFile { .. } | Method::Credential { .. } => true,
        }
    }
}

/// What opens a vault, or will.
pub enum Opener<'a> {
    /// What a person typed.
    Passphrase(&'a str),
    /// A key file.
    KeyFile(&'a Path),
    /// The name of a credential of systemd.
    Credential(&'a str),
}

/// The vault's key under one lock.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) method: Method,
    nonce: [u8; 24],
    sealed: Vec<u8>,
}

impl Lock {
    /// Makes a lock around the vault's key. `bound` is what it is bound to: the head of its file, in this folder.
    pub(crate) fn make(opener: &Opener<'_>, key: &Key32, bound: &[u8], folder: &Path) -> Result<Lock, SealedError> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        let method = match opener {
            Opener::Passphrase(passphrase) => {
                super::check_passphrase(passphrase)?;
                Method::Passphrase { salt, cost: Cost::default() }
            }
            Opener::KeyFile(path) => {
                // One that lies beside the vault is found beside every copy of it.
                let path = path.strip_prefix(folder).unwrap_or(path);
                let path = path.to_str().ok_or(SealedError::Name { what: "the path of a key file", rule: "UTF-8" })?;
                Method::KeyFile { path: path.to_owned(), salt }
            }
            Opener::Credential(name) => {
                check_credential_name(name)?;
                Method::Credential { name: (*name).to_owned(), salt }
            }
        };
        let mut nonce = [0; 24];
        random(&mut nonce)?;
        let under = key_of(&method, opener)?;
        let aad = aad(bound, &method)?;
        let payload = Payload { msg: key.bytes(), aad: &aad };
        let cipher = XChaCha20Poly1305::new(under.bytes().into());
        let sealed =
            cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| SealedError::Internal("encrypt"))?;
        Ok(Lock { method, nonce, sealed })
    }

    /// The vault's key; [`SealedError::WrongKey`] where the opener is not this lock's.
    pub(crate) fn open(&self, opener: &Opener<'_>, bound: &[u8]) -> Result<Key32, SealedError> {
        let under = key_of(&self.method, opener)?;
        let aad = aad(bound, &self.method)?;
        let payload = Payload { msg: self.sealed.as_slice(), aad: &aad };
        let cipher = XChaCha20Poly1305::new(under.bytes().into());
        let opened = cipher.decrypt(XNonce::from_slice(&self.nonce), payload).map_err(|_| SealedError::WrongKey)?;
        let opened = Zeroizing::new(opened);
        let mut key: [u8; 32] = opened.as_slice().try_into().map_err(|_| SealedError::Damaged { what: "a lock" })?;
        Ok(Key32::take(&mut key))
    }
}

fn aad(bound: &[u8], method: &Method) -> Result<Vec<u8>, SealedError> {
    let mut aad = b"exchequer vault lock v1\0".to_vec();
    aad.extend_from_slice(bound);
    postcard::to_extend(method, aad).map_err(|_| SealedError::Internal("encode"))
}

/// The key under which a lock seals.
fn key_of(method: &Method, opener: &Opener<'_>) -> Result<Key32, SealedError> {
    match (method, opener) {
        (Method::Passphrase { salt, cost }, Opener::Passphrase(passphrase)) => stretch(passphrase, salt, *cost),
        (Method::KeyFile { salt, .. }, Opener::KeyFile(path)) => mixed(&read_key(path, Readers::Owner)?, salt),
        (Method::Credential { salt, .. }, Opener::Credential(name)) => {
            mixed(&read_key(&credential_path(name)?, Readers::Credential)?, salt)
        }
        (Method::Passphrase { .. }, _) => Err(SealedError::WrongKey),
        (Method::KeyFile { .. }, _) => Err(SealedError::WrongKey),
        (Method::Credential { .. }, _) => Err(SealedError::WrongKey),
    }
}

fn mixed(key: &Key32, salt: &[u8; 16]) -> Result<Key32, SealedError> {
    let mut salted = *blake3::keyed_hash(key.bytes(), salt).as_bytes();
    Ok(Key32::take(&mut salted).derive("exchequer vault lock by file v1"))
}

fn check_credential_name(name: &str) -> Result<(), SealedError> {
    let plain = !name.is_empty()
        && name.len() <= CREDENTIAL_NAME_BYTES_MAX
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let rule = "letters, digits, - _ and ., 64 at most, no . first";
    if plain { Ok(()) } else { Err(SealedError::Name { what: "the name of a credential", rule }) }
}

fn credential_path(name: &str) -> Result<PathBuf, SealedError> {
    check_credential_name(name)?;
    let folder = std::env::var_os(CREDENTIALS_FOLDER).ok_or(SealedError::NoCredentials)?;
    Ok(Path::new(&folder).join(name))
}

fn read_key(path: &Path, readers: Readers) -> Result<Key32, SealedError> {
    let bytes = files::read_private(path, readers, KEY_FILE_DIGITS as u64 + 2)?;
    let text = bytes.as_slice();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let mut key = [0; 32];
    let read = hex::decode_to_slice(text, &mut key);
    let key = Key32::take(&mut key);
    // The cause is left out: it would name a letter of the key.
    read.map_err(|_| SealedError::KeyFile { path: path.display().to_string() })?;
    Ok(key)
}

/// Writes a new key file (64 hexadecimal digits, mode 0600). The vault that is locked with it must name it in
/// [`Opener::KeyFile`].
///
/// # Errors
/// It exists already, or cannot be written.
pub fn create_key_file(path: &Path) -> Result<(), SealedError> {
    let key = Key32::random()?;
    let mut text = Zeroizing::new(vec![0; KEY_FILE_DIGITS + 1]);
    hex::encode_to_slice(key.bytes(), &mut text[..KEY_FILE_DIGITS]).map_err(|_| SealedError::Internal("encode"))?;
    text[KEY_FILE_DIGITS] = b'\n';
    files::write_private(path, &text, Existing::Keep)?;
    Ok(())
}
