//! Copies of a vault for the other nodes: what is sealed and tagged, as one file.
//!
//! Invariants: of the signing memory and the decision log nothing is copied, since they are each signer's own. A copy never takes the
//! place of a newer file, nor of another vault's. A key is in a copy only where it lies in the vault's own folder, and
//! whoever makes the copy wants it there or the vault pays on test networks alone: such a copy opens by itself.

use std::path::{Component, Path, PathBuf};

use exchequer_chains::NetworkParams;
use exchequer_domain::{Family, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::files::{self, Existing, FileError, Readers};
use crate::policy::{self, POLICY_BYTES_MAX, Policy};
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
    /// Whether the copy was opened before it was put in place, by a lock that needs nobody.
    pub opened: bool,
}

/// A copy.
#[expect(missing_debug_implementations, reason = "it may hold a key")]
pub struct Export {
    /// The file: JSON.
    pub text: Zeroizing<Vec<u8>>,
    /// The version of the policy in it, where there is one.
    pub policy: Option<u64>,
    /// The name of the key file in the vault's folder that opens the vault, where there is one.
    pub key: Option<String>,
    /// Whether that key is in the copy.
    pub with_key: bool,
}

/// Whether a policy is one for trying things out: it has test networks and no other. TRON's are not told apart by an address.
fn is_for_tests(policy: &Policy) -> bool {
    let mut told_apart = policy.networks.iter().filter(|(network, _)| network.family() != Family::Tron).peekable();
    told_apart.peek().is_some()
        && told_apart.all(|(network, of)| of.chain != NetworkParams::mainnet(*network).parameters())
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

/// Makes a copy. A key file that lies in the vault's folder is in it where that is wanted, or the vault is a sandbox's.
///
/// # Errors
/// There is no vault, or a file does not read.
pub fn export(folder: &Path, wants_key: bool) -> Result<Export, CopyError> {
    let (status, bytes) = sealed::sealed_bytes(folder)?;
    let policy = match files::read_private(&folder.join(policy::FILE_NAME), Readers::Owner, POLICY_BYTES_MAX + 32) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let read = policy.as_ref().and_then(|bytes| policy::peek_bytes(bytes).ok());
    let policy = policy.map(|bytes| hex::encode(&*bytes));
    let inside = key_inside(folder, &status);
    let named = inside.as_ref().map(|(name, _)| name.clone());
    let wanted = wants_key || read.as_ref().is_some_and(is_for_tests);
    let key = match inside.filter(|_| wanted) {
        Some((name, path)) => {
            let bytes = files::read_private(&path, Readers::Owner, KEY_BYTES_MAX)?;
            Some(Key { name, text: hex::encode(&*bytes) })
        }
        None => None,
    };
    let with_key = key.is_some();
    let (vault, sealed) = (hex::encode(status.vault), hex::encode(bytes));
    let bundle = Bundle { format: FORMAT_VERSION, vault, sealed, policy, key };
    let text = serde_json::to_vec(&bundle).map_err(|error| CopyError::Text(error.to_string()))?;
    let (text, policy) = (Zeroizing::new(text), read.map(|policy| policy.version));
    Ok(Export { text, policy, key: named, with_key })
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
    let mut brought = None;
    if let Some((path, bytes)) = key
        && path.symlink_metadata().is_err()
    {
        files::write_private(&path, &bytes, Existing::Keep)?;
        brought = Some(path);
    }
    let opened = opens(folder, &sealed, policy.as_ref().map(|(bytes, _)| bytes.as_slice()));
    let opened = opened.inspect_err(|_| {
        // What came with a copy that is none stays no longer than it.
        if let Some(path) = brought {
            let _gone = std::fs::remove_file(path);
        }
    })?;
    let memory_made = fresh && !folder.join(record::FILE_NAME).exists();
    if memory_made {
        record::begin(folder, status.vault, now).map_err(SignerError::from)?;
    }
    if let Some((bytes, version)) = &policy
        && present.is_none_or(|present| present < *version)
    {
        files::put_beside(&place, bytes)?;
    }
    if newer {
        sealed::put_copy(folder, &sealed)?;
    }
    Ok(Copied { status, written: newer, policy: policy.map(|(_, version)| version), memory_made, opened })
}

/// Whether a copy opens here without anybody, and its policy is by its key.
fn opens(folder: &Path, sealed: &[u8], policy: Option<&[u8]>) -> Result<bool, CopyError> {
    let Some(vault) = sealed::open_copy(folder, sealed)? else { return Ok(false) };
    if let Some(policy) = policy {
        policy::read_tagged(policy, &vault).map_err(SignerError::from)?;
    }
    Ok(true)
}

/// Lets go of what was kept beside a copy, after the vault was opened.
pub(crate) fn settle(folder: &Path) {
    for file in [sealed::FILE_NAME, policy::FILE_NAME] {
        if let Err(error) = files::forget_former(&folder.join(file)) {
            tracing::warn!(%error, "a former copy of the vault is still there: remove it");
        }
    }
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

    /// Goal: what opens a vault leaves with its copy only where somebody says so, or nothing of worth is behind it. Method: a vault
    /// without networks, and policies with the live network, with a test network, and with both.
    #[test]
    fn a_key_is_copied_when_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let vault = folder.path().join("vault");
        made(&vault);
        let key = hex::encode(std::fs::read(vault.join("unseal.key")).unwrap());
        for wants in [true, false] {
            let copy = export(&vault, wants).unwrap();
            assert_eq!((copy.with_key, copy.key.as_deref()), (wants, Some("unseal.key")));
            assert_eq!(String::from_utf8_lossy(&copy.text).contains(&key), wants);
        }
        let of = |network: &str, chain: &str| {
            format!(
                r#""{network}":{{"chain":{chain},"fee_max":"1","fee_permille_max":1,"fee_free":"1","fee_minor_unit":"1",
                "sweep_to":[],"stake":false,"decided_only":true,"coins":[]}}"#
            )
        };
        let live = of("Ethereum", r#"{"Evm":{"chain_id":1}}"#);
        let test = of("Polygon", r#"{"Evm":{"chain_id":31337}}"#);
        let tron = of("Tron", r#"{"Tron":{"prefix":65}}"#);
        let cases = [(vec![&live], false), (vec![&test], true), (vec![&live, &test], false), (vec![&tron], false)];
        for (networks, tests) in cases {
            let networks = networks.into_iter().map(String::as_str).collect::<Vec<_>>().join(",");
            let policy = Policy::parse(&POLICY.replace("{}", &format!("{{{networks}}}"))).unwrap();
            assert_eq!(is_for_tests(&policy), tests, "{networks}");
        }
    }

    /// Goal: a newer copy takes the place of what is here only after it was opened where that needs nobody, and what was here is kept until
    /// the vault is open. Method: a copy after a rotation; the same with each byte of the seeds changed, and with a policy of another
    /// key; an unsealing that fails, one that does not.
    #[test]
    fn what_is_replaced_is_kept_until_the_copy_opens() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).join("vault");
        made(&at("one"));
        import(&at("two"), &export(&at("one"), true).unwrap().text, NOW).unwrap();
        let before = std::fs::read(at("two").join("vault.sealed")).unwrap();
        let opener = at("one").join("unseal.key");
        sealed::rotate(&at("one"), &Opener::KeyFile(&opener), NOW).unwrap();
        let newer = export(&at("one"), false).unwrap().text;
        let text = String::from_utf8(newer.to_vec()).unwrap();
        let sound: Bundle = serde_json::from_str(&text).unwrap();
        let bytes = hex::decode(&sound.sealed).unwrap();
        let mut refused = 0;
        for place in (0..bytes.len()).rev().step_by(7) {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1;
            let wrong = text.replacen(&sound.sealed, &hex::encode(wrong), 1);
            // A lock that does not open any more is told and no more than that: a passphrase may open the rest.
            match import(&at("two"), wrong.as_bytes(), NOW) {
                Err(_) => refused += 1,
                Ok(taken) => {
                    assert!(!taken.opened, "byte {place}");
                    std::fs::rename(at("two").join("vault.sealed.former"), at("two").join("vault.sealed")).unwrap();
                }
            }
            assert_eq!(std::fs::read(at("two").join("vault.sealed")).unwrap(), before, "byte {place}");
        }
        assert!(refused > 0);
        let policy = sound.policy.unwrap();
        let other = format!("{}{}", "00".repeat(32), hex::encode(POLICY.replace(":1,", ":2,")));
        assert!(import(&at("two"), text.replacen(&policy, &other, 1).as_bytes(), NOW).is_err());

        let taken = import(&at("two"), text.as_bytes(), NOW).unwrap();
        assert!(taken.written && taken.opened && sealed::has_former(&at("two")));
        let core = crate::signer::Core::new(&at("two"), Box::new(|| NOW)).unwrap();
        let failed = core.unseal(Some(&Opener::Passphrase("another one, long enough")));
        assert!(failed.reason.contains("vault.sealed.former"), "{failed}");
        assert_eq!(std::fs::read(at("two").join("vault.sealed.former")).unwrap(), before);
        let opened = core.unseal(None);
        assert_eq!(opened.code.as_str(), "done", "{opened}");
        assert!(!sealed::has_former(&at("two")) && core.standing().unwrap().generations == 2);
    }

    /// Goal: a copy opens where it is brought to, has no memory of another node's, and writes nothing outside of the vault's folder.
    /// Method: a copy as it is; with its key named as a way out of the folder; of another vault; and damaged at any place.
    #[test]
    fn a_copy_opens_and_stays_in_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).join("vault");
        made(&at("one"));
        let Export { text: copy, policy, key, with_key } = export(&at("one"), true).unwrap();
        assert_eq!((policy, key.as_deref(), with_key), (Some(1), Some("unseal.key"), true));
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
