//! Copies of a vault for the other nodes: what is sealed and tagged, as one file.
//!
//! Invariants: of the signing memory and the decision log nothing is copied, since they are each signer's own. A copy never takes the
//! place of a newer file, nor of another vault's. A key is in a copy only where it lies in the vault's own folder, as a
//! sandbox's does: such a vault is no better protected than its folder.

use std::path::{Component, Path, PathBuf};

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::files::{self, Existing, FileError, Readers};
use crate::policy::{self, POLICY_BYTES_MAX};
use crate::record;
use crate::sealed::{self, Method, SealedError, SealedStatus};
use crate::signer::SignerError;

/// The version of the file.
pub const FORMAT_VERSION: u16 = 1;
/// The longest file, in bytes.
pub const COPY_BYTES_MAX: u64 = 4 << 20;
/// The longest key file in a copy.
const KEY_BYTES_MAX: u64 = 128;

/// Why a copy is not made or taken.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The vault, its policy or its memory.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no copy, or one of another program.
    #[error("this is no copy of a vault: {0}")]
    Text(String),
    /// The policy of the copy is older than the one that is here.
    #[error("the copy's policy has version {copy}, and version {present} is here: nothing was written")]
    OlderPolicy {
        /// What is here.
        present: u64,
        /// The copy's.
        copy: u64,
    },
}

impl From<SealedError> for CopyError {
    fn from(error: SealedError) -> CopyError {
        CopyError::Signer(error.into())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    format: u16,
    vault: String,
    sealed: String,
    policy: Option<String>,
    key: Option<Key>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
    text: String,
}

impl Drop for Key {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// What became of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The vault that is here now.
    pub status: SealedStatus,
    /// Whether its file was written: it was not here, or older.
    pub written: bool,
    /// The version of the policy, where the copy has one.
    pub policy: Option<u64>,
    /// Whether a signing memory that knows nothing was made, since there was no vault here.
    pub memory_made: bool,
}

/// The key file that lies in the vault's folder, where a lock names one. Nothing is read from anywhere else.
fn key_inside(folder: &Path, status: &SealedStatus) -> Option<(String, PathBuf)> {
    status.locks.iter().find_map(|lock| match lock {
        Method::KeyFile { path, .. } => is_plain(path).then(|| (path.clone(), folder.join(path))),
        Method::Passphrase { .. } | Method::Credential { .. } => None,
    })
}

/// Whether this is the name of a file in a folder, and not the way to another one.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && name.ends_with(".key")
}

/// Makes a copy: JSON.
///
/// # Errors
/// There is no vault, or a file does not read.
pub fn export(folder: &Path) -> Result<Zeroizing<Vec<u8>>, CopyError> {
    let (status, bytes) = sealed::sealed_bytes(folder)?;
    let policy = match files::read_private(&folder.join(policy::FILE_NAME), Readers::Owner, POLICY_BYTES_MAX + 32) {
        Ok(bytes) => Some(hex::encode(&*bytes)),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let key = match key_inside(folder, &status) {
        Some((name, path)) => {
            let bytes = files::read_private(&path, Readers::Owner, KEY_BYTES_MAX)?;
            Some(Key { name, text: hex::encode(&*bytes) })
        }
        None => None,
    };
    let (vault, sealed) = (hex::encode(status.vault), hex::encode(bytes));
    let bundle = Bundle { format: FORMAT_VERSION, vault, sealed, policy, key };
    let text = serde_json::to_vec(&bundle).map_err(|error| CopyError::Text(error.to_string()))?;
    Ok(Zeroizing::new(text))
}

/// Takes a copy: writes what is newer than what is here, and makes a memory where there was no vault.
///
/// # Errors
/// It does not read, is of another vault, or is older than what is here.
pub fn import(folder: &Path, text: &[u8], now: Timestamp) -> Result<Copied, CopyError> {
    let bad = |what: &str| CopyError::Text(what.to_owned());
    // The position alone: a message of the parser's may quote what is in the file.
    let bundle: Bundle = serde_json::from_slice(text)
        .map_err(|error| CopyError::Text(format!("line {}, column {} does not read", error.line(), error.column())))?;
    if bundle.format != FORMAT_VERSION {
        return Err(CopyError::Text(format!("it is of format {}, this program reads format 1", bundle.format)));
    }
    let sealed = hex::decode(&bundle.sealed).map_err(|_| bad("the vault in it is no hexadecimal text"))?;
    let policy = match &bundle.policy {
        Some(text) => {
            let bytes = hex::decode(text).map_err(|_| bad("the policy in it is no hexadecimal text"))?;
            let version = version_of(&bytes).ok_or_else(|| bad("the policy in it does not read"))?;
            Some((bytes, version))
        }
        None => None,
    };
    let place = folder.join(policy::FILE_NAME);
    let (status, newer) = sealed::check_copy(folder, &sealed)?;
    let present = match files::read_private(&place, Readers::Owner, POLICY_BYTES_MAX + 32) {
        Ok(bytes) => version_of(&bytes),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    if let (Some(present), Some((_, copy))) = (present, &policy)
        && present > *copy
    {
        return Err(CopyError::OlderPolicy { present, copy: *copy });
    }
    let fresh = match sealed::status(folder) {
        Ok(_) => false,
        Err(SealedError::File(error)) if error.is_missing() => true,
        Err(error) => return Err(error.into()),
    };
    let key = match &bundle.key {
        Some(key) if !is_plain(&key.name) => return Err(bad("the name of the key in it")),
        Some(key) => {
            let bytes = hex::decode(&key.text).map_err(|_| bad("the key in it is no hexadecimal text"))?;
            Some((folder.join(&key.name), Zeroizing::new(bytes)))
        }
        None => None,
    };
    files::private_folder(folder)?;
    // Everything that the vault needs comes before it: a signer begins as soon as its file is there.
    if let Some((path, bytes)) = key
        && path.symlink_metadata().is_err()
    {
        files::write_private(&path, &bytes, Existing::Keep)?;
    }
    let memory_made = fresh && !folder.join(record::FILE_NAME).exists();
    if memory_made {
        record::begin(folder, status.vault, now).map_err(SignerError::from)?;
    }
    if let Some((bytes, version)) = &policy
        && present.is_none_or(|present| present < *version)
    {
        files::write_private(&place, bytes, Existing::Replace)?;
    }
    if newer {
        sealed::put_copy(folder, &sealed)?;
    }
    Ok(Copied { status, written: newer, policy: policy.map(|(_, version)| version), memory_made })
}

fn version_of(tagged: &[u8]) -> Option<u64> {
    policy::peek_bytes(tagged).ok().map(|policy| policy.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sealed::Opener;
    use crate::signer::prepare;

    const NOW: Timestamp = Timestamp(7);
    const POLICY: &str = r#"{"version":1,"cluster":"07070707070707070707070707070707","networks":{},"approvers":[]}"#;

    /// A vault that opens by a key file in its own folder.
    fn made(folder: &Path) {
        sealed::make_folder(folder).unwrap();
        let key = folder.join("unseal.key");
        sealed::create_key_file(&key).unwrap();
        let vault = sealed::init(folder, &Opener::KeyFile(&key), NOW).unwrap();
        prepare(folder, &vault, POLICY, NOW).unwrap();
    }

    /// Goal: a copy opens where it is brought to, has no memory of another node's, and writes nothing outside of the vault's folder.
    /// Method: a copy as it is; with its key named as a way out of the folder; of another vault; and damaged at any place.
    #[test]
    fn a_copy_opens_and_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).join("vault");
        made(&at("one"));
        let copy = export(&at("one")).unwrap();
        let taken = import(&at("two"), &copy, NOW).unwrap();
        assert!(taken.written && taken.memory_made && taken.policy == Some(1));
        assert_eq!(sealed::open_automatically(&at("two")).unwrap().id(), taken.status.vault);
        assert!(!at("two").join("decisions.log").exists());
        let again = import(&at("two"), &copy, NOW).unwrap();
        assert!(!again.written && !again.memory_made);

        let text = String::from_utf8(copy.to_vec()).unwrap();
        for way in ["../out.key", "/tmp/out.key", "a/b.key", "vault.sealed", ".key/.."] {
            let led = text.replacen("\"unseal.key\"", &format!("\"{way}\""), 1);
            assert_ne!(led, text);
            assert!(matches!(import(&at("three"), led.as_bytes(), NOW), Err(CopyError::Text(_))), "{way}");
            assert!(!at("three").exists(), "{way}");
        }
        made(&at("other"));
        let before = std::fs::read(at("other").join("policy.sealed")).unwrap();
        assert!(import(&at("other"), &copy, NOW).is_err());
        assert_eq!(std::fs::read(at("other").join("policy.sealed")).unwrap(), before);
        for cut in (0..copy.len()).step_by(13) {
            assert!(import(&at("four"), &copy[..cut], NOW).is_err(), "{cut}");
        }
        assert!(!at("four").exists());
    }
}
