//! The data folder as far as it says who a node is: identity, certificates, keys, the lock and the bootstrap.
//!
//! Every file is replaced as a whole; `identity.toml` is written last, so that a crash during `init` or `join` leaves a
//! folder that counts as empty. An open [`Folder`] holds the lock: there is one process per folder.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use exchequer_domain::{Code, Problem};
use rustix::fs::{FlockOperation, flock};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::certificate::{decode_certificates, encode_certificates};
use super::credentials::{Credentials, NodeKey};
use super::files::{Access, Dir, FILE_SYSTEMS_OWN, is_there};
use super::keyring::Keyring;
use super::record::Identity;

pub(crate) const IDENTITY: &str = "identity.toml";
const AUTHORITIES: &str = "ca.pem";
const CERTIFICATE: &str = "node.pem";
const KEY: &str = "node.key";
/// A new key waits here while its certificate is put in place; see [`Folder::install_certificate`].
const KEY_NEXT: &str = "node.key.next";
const KEYRING: &str = "keyring";
const BOOTSTRAP: &str = "bootstrap";
const LOCK: &str = "lock";
/// A process that is just being started has what its parent had open, until it is another program: so a lock that was given
/// back, or was a killed node's, may be there for a moment longer, and on a busy machine for seconds: a node that is started at once
/// after its death must not be refused for that. Whoever really has the folder keeps it.
const LOCK_TRIES: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// What only a node that ran leaves behind; a folder with one of these is never taken for an empty one.
const REMAINS: [&str; 3] = ["log", "guard", "CURRENT"];
/// Where the data of a node that never ran lies.
const DATA: [&str; 8] = ["log", "guard", "guard.tmp", "CURRENT", "CURRENT.tmp", "state-1", "snapshots", "incoming"];

/// What a data folder says about its node.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Which node it is.
    pub identity: Identity,
    /// What it presents and trusts.
    pub credentials: Credentials,
    /// What opens the cluster's secrets.
    pub keyring: Keyring,
}

impl Contents {
    fn check(&self) -> Result<(), Problem> {
        let cluster = self.identity.cluster_id;
        self.credentials.check(cluster, self.identity.node_id)?;
        if self.keyring.cluster_id() != cluster {
            let message = format!("the keyring is of cluster {}, not of {cluster}", self.keyring.cluster_id());
            return Err(Problem::new(Code::KeyringWrong, message));
        }
        Ok(())
    }
}

/// A locked data folder that holds a node.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    /// The lock lasts as long as this file is open; the kernel drops it with the process, however that ends.
    _lock: File,
}

impl Folder {
    /// Writes a new node into a folder that holds none, making the folder where it is missing.
    ///
    /// # Errors
    /// `FolderInitialised` when it holds a node, or data of one; `FolderLocked` when another process is at it; what
    /// [`Credentials::check`] says; `KeyringWrong` for another cluster's keyring; `DiskFull` and others when writing
    /// fails. A folder whose `identity.toml` was not written still holds no node, and the call may be repeated.
    pub fn create(path: &Path, contents: &Contents, bootstrap: Option<&[u8]>) -> Result<Folder, Problem> {
        contents.check()?;
        let dir = Dir::create(path)?;
        refuse_if_initialised(&dir)?;
        let lock = lock(&dir)?;
        refuse_if_initialised(&dir)?;
        let folder = Folder { dir, _lock: lock };
        folder.fill(contents, bootstrap)?;
        Ok(folder)
    }

    /// Refuses a folder that holds a node, or what is left of one. One that is missing or empty is fine.
    ///
    /// # Errors
    /// `FolderInitialised`; `ConfigInvalid` when the folder cannot be read.
    pub fn expect_unused(path: &Path) -> Result<(), Problem> {
        if is_there(path)? { refuse_if_initialised(&Dir::open(path)?) } else { Ok(()) }
    }

    /// Refuses a folder that holds anything at all. One that is missing is fine.
    ///
    /// # Errors
    /// `FolderInitialised`; `ConfigInvalid` when the folder cannot be read.
    pub fn expect_empty(path: &Path) -> Result<(), Problem> {
        if !is_there(path)? {
            return Ok(());
        }
        let dir = Dir::open(path)?;
        refuse_if_initialised(&dir)?;
        let own = [LOCK, FILE_SYSTEMS_OWN];
        match names(&dir)?.into_iter().find(|name| !own.contains(&name.as_str())) {
            Some(name) => {
                let message = format!("{} is not empty: there is `{name}`", path.display());
                Err(Problem::new(Code::FolderInitialised, message))
            }
            None => Ok(()),
        }
    }

    /// Locks an empty folder for data that is put into it before its identity, making the folder where it is missing.
    ///
    /// # Errors
    /// As [`Folder::expect_empty`]; `FolderLocked`.
    pub fn claim(path: &Path) -> Result<Folder, Problem> {
        Folder::expect_empty(path)?;
        let dir = Dir::create(path)?;
        let lock = lock(&dir)?;
        Folder::expect_empty(path)?;
        Ok(Folder { dir, _lock: lock })
    }

    /// Writes a node's identity around the data that was put into a claimed folder.
    ///
    /// # Errors
    /// What [`Credentials::check`] says; `KeyringWrong`; `DiskFull` and others when writing fails.
    pub fn complete(&self, contents: &Contents, bootstrap: &[u8]) -> Result<(), Problem> {
        contents.check()?;
        self.fill(contents, Some(bootstrap))
    }

    /// Removes from a claimed folder what was put into it: half a node must not look like one. The lock stays.
    pub fn clear(&self) {
        let identity = [IDENTITY, AUTHORITIES, CERTIFICATE, KEY, KEY_NEXT, KEYRING, BOOTSTRAP];
        for name in identity.into_iter().chain(DATA) {
            let path = self.dir.file(name);
            // What cannot be removed is named by the next attempt.
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }

    /// Whether root is at work in someone else's folder.
    #[must_use]
    pub fn is_anothers(&self) -> bool {
        self.dir.is_anothers()
    }

    /// Gives what root made in someone else's folder to the folder's owner.
    ///
    /// # Errors
    /// When that is not allowed.
    pub fn give_all(&self) -> Result<(), Problem> {
        self.dir.give_all()
    }

    /// Writes every file of the identity, the one whose presence means complete last.
    fn fill(&self, contents: &Contents, bootstrap: Option<&[u8]>) -> Result<(), Problem> {
        let folder = self;
        let dir = &folder.dir;
        dir.remove(KEY_NEXT)?;
        dir.write(AUTHORITIES, encode_certificates(&contents.credentials.authorities).as_bytes(), Access::Public)?;
        dir.write(CERTIFICATE, encode_certificates([&contents.credentials.certificate]).as_bytes(), Access::Public)?;
        dir.write(KEY, contents.credentials.key.to_pem().as_bytes(), Access::Secret)?;
        dir.write(KEYRING, contents.keyring.to_text().as_bytes(), Access::Secret)?;
        match bootstrap {
            Some(bytes) => folder.write_bootstrap(bytes)?,
            None => folder.remove_bootstrap()?,
        }
        dir.write(IDENTITY, contents.identity.to_text()?.as_bytes(), Access::Secret)
    }

    /// Locks a folder and reads the node that it holds.
    ///
    /// # Errors
    /// `FolderNotInitialised` when it is missing or empty; `FolderLocked`; `FileCorrupt` and `FormatNewer` for the
    /// identity; `CertificateInvalid` for certificates and the key; `KeyringWrong` for the keyring.
    pub fn open(path: &Path) -> Result<(Folder, Contents), Problem> {
        let empty = || Problem::new(Code::FolderNotInitialised, format!("{} holds no node yet", path.display()));
        if !is_there(path)? {
            return Err(empty());
        }
        let dir = Dir::open(path)?;
        if !dir.has(IDENTITY)? {
            return Err(match remains(&dir)? {
                Some(name) => {
                    let message = format!("{} holds `{name}`, but {IDENTITY} is missing", path.display());
                    Problem::new(Code::FileCorrupt, message)
                }
                None => empty(),
            });
        }
        let folder = Folder { _lock: lock(&dir)?, dir };
        let contents = folder.read()?;
        Ok((folder, contents))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Replaces the node's certificate together with its key, after checking that they fit the folder. A crash in
    /// between is mended when the folder is next opened: the key that belongs to the certificate wins.
    ///
    /// # Errors
    /// What [`Credentials::check`] says; `DiskFull` and others when writing fails. The former pair then stays in use.
    pub fn install_certificate(
        &mut self,
        certificate: CertificateDer<'static>,
        key: NodeKey,
    ) -> Result<Credentials, Problem> {
        let contents = self.read()?;
        let credentials = Credentials { certificate, key, ..contents.credentials };
        credentials.check(contents.identity.cluster_id, contents.identity.node_id)?;
        self.dir.write(KEY_NEXT, credentials.key.to_pem().as_bytes(), Access::Secret)?;
        self.dir.write(CERTIFICATE, encode_certificates([&credentials.certificate]).as_bytes(), Access::Public)?;
        self.dir.rename(KEY_NEXT, KEY)?;
        Ok(credentials)
    }

    /// Replaces the list of trusted authorities. The node's present certificate must stay valid under it.
    ///
    /// # Errors
    /// What [`Credentials::check`] says; `DiskFull` and others when writing fails. The former list then stays in use.
    pub fn install_authorities(&mut self, authorities: Vec<CertificateDer<'static>>) -> Result<Credentials, Problem> {
        let contents = self.read()?;
        let credentials = Credentials { authorities, ..contents.credentials };
        credentials.check(contents.identity.cluster_id, contents.identity.node_id)?;
        self.dir.write(AUTHORITIES, encode_certificates(&credentials.authorities).as_bytes(), Access::Public)?;
        Ok(credentials)
    }

    /// Puts a keyring into the folder of a stopped node whose own is lost or damaged.
    ///
    /// # Errors
    /// `KeyringWrong` for another cluster's keyring; `FolderLocked` while the node runs; what the identity's file says.
    pub fn replace_keyring(path: &Path, keyring: &Keyring) -> Result<(), Problem> {
        let dir = Dir::open(path)?;
        let folder = Folder { _lock: lock(&dir)?, dir };
        let cluster = folder.read_identity()?.cluster_id;
        if keyring.cluster_id() != cluster {
            let message = format!("the keyring is of cluster {}, not of {cluster}", keyring.cluster_id());
            return Err(Problem::new(Code::KeyringWrong, message));
        }
        folder.dir.write(KEYRING, keyring.to_text().as_bytes(), Access::Secret)
    }

    /// Replaces the keyring, after a rotation or an import.
    ///
    /// # Errors
    /// `KeyringWrong` for another cluster's keyring; `DiskFull` and others when writing fails.
    pub fn install_keyring(&mut self, keyring: Keyring) -> Result<(), Problem> {
        let contents = Contents { keyring, ..self.read()? };
        contents.check()?;
        self.dir.write(KEYRING, contents.keyring.to_text().as_bytes(), Access::Secret)
    }

    /// Changes the node's name, addresses or lineage. Cluster and node id never change.
    ///
    /// # Errors
    /// `FolderOfAnotherNode` when they would; `DiskFull` and others when writing fails.
    pub fn install_identity(&mut self, identity: &Identity) -> Result<(), Problem> {
        let present = self.read_identity()?;
        if (present.cluster_id, present.node_id) != (identity.cluster_id, identity.node_id) {
            let message = format!(
                "the folder holds node {} of cluster {}, not node {} of {}",
                present.node_id, present.cluster_id, identity.node_id, identity.cluster_id
            );
            return Err(Problem::new(Code::FolderOfAnotherNode, message));
        }
        self.dir.write(IDENTITY, identity.to_text()?.as_bytes(), Access::Secret)
    }

    /// Keeps the bytes that must become the cluster's first entries, until they are committed.
    ///
    /// # Errors
    /// `TooLarge` above 2 MiB; `DiskFull` and others when writing fails.
    pub fn write_bootstrap(&self, bytes: &[u8]) -> Result<(), Problem> {
        let framed = Zeroizing::new([blake3::hash(bytes).as_bytes().as_slice(), bytes].concat());
        self.dir.write(BOOTSTRAP, &framed, Access::Secret)
    }

    /// The bytes of [`Folder::write_bootstrap`], where they were not committed yet. They stay in the folder until
    /// [`Folder::remove_bootstrap`], since a crash before the commit needs them again.
    ///
    /// # Errors
    /// `FileCorrupt` when they are damaged.
    pub fn take_bootstrap(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let Some(framed) = self.dir.read(BOOTSTRAP, Access::Secret)? else { return Ok(None) };
        match framed.split_at_checked(blake3::OUT_LEN) {
            Some((hash, bytes)) if blake3::hash(bytes).as_bytes() == hash => Ok(Some(Zeroizing::new(bytes.to_vec()))),
            Some(_) | None => Err(Problem::new(Code::FileCorrupt, format!("the file {BOOTSTRAP} is damaged"))
                .hint("nothing was committed yet: empty the folder and run `exchequer init` again")),
        }
    }

    /// Forgets the bootstrap once it is committed. Nothing happens where there is none.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove_bootstrap(&self) -> Result<(), Problem> {
        self.dir.remove(BOOTSTRAP)
    }

    fn read(&self) -> Result<Contents, Problem> {
        let identity = self.read_identity()?;
        let credentials = self.read_credentials()?;
        let missing = || Problem::new(Code::KeyringWrong, "the file keyring is missing");
        let keyring = self.dir.read(KEYRING, Access::Secret)?.ok_or_else(missing)?;
        let damaged = |_| Problem::new(Code::KeyringWrong, "the keyring is damaged");
        let keyring = Keyring::from_text(std::str::from_utf8(&keyring).map_err(damaged)?)?;
        let contents = Contents { identity, credentials, keyring };
        contents.check().map_err(|problem| {
            let of_certificates = problem.code == Code::CertificateInvalid;
            if of_certificates { named(&format!("{AUTHORITIES}, {CERTIFICATE} or {KEY}"), problem) } else { problem }
        })?;
        Ok(contents)
    }

    fn read_identity(&self) -> Result<Identity, Problem> {
        let missing = || Problem::new(Code::FolderNotInitialised, format!("{} holds no node", self.path().display()));
        Identity::from_text(&self.dir.read(IDENTITY, Access::Secret)?.ok_or_else(missing)?)
    }

    fn read_credentials(&self) -> Result<Credentials, Problem> {
        let authorities = self.read_certificates(AUTHORITIES)?;
        let certificates = self.read_certificates(CERTIFICATE)?;
        let [certificate] = <[_; 1]>::try_from(certificates)
            .map_err(|_| Problem::new(Code::CertificateInvalid, format!("{CERTIFICATE} must hold one certificate")))?;
        if let Some(next) = self.dir.read(KEY_NEXT, Access::Secret)? {
            // A renewal was cut short: before its certificate was in place, or just after.
            if NodeKey::from_pem(&next).is_ok_and(|next| next.belongs_to(&certificate)) {
                self.dir.rename(KEY_NEXT, KEY)?;
            } else {
                self.dir.remove(KEY_NEXT)?;
            }
        }
        let missing = || Problem::new(Code::CertificateInvalid, format!("{KEY} is missing"));
        let text = self.dir.read(KEY, Access::Secret)?.ok_or_else(missing)?;
        let key = NodeKey::from_pem(&text).map_err(|problem| named(KEY, problem))?;
        if key.to_pem().as_bytes() != text.as_slice() {
            return Err(Problem::new(Code::CertificateInvalid, format!("{KEY} is damaged")));
        }
        Ok(Credentials { authorities, certificate, key })
    }

    /// Reads certificates this program wrote: any other spelling of the same certificates is damage, too.
    fn read_certificates(&self, name: &str) -> Result<Vec<CertificateDer<'static>>, Problem> {
        let invalid = |what: String| Problem::new(Code::CertificateInvalid, format!("{name}: {what}"));
        let text = self.dir.read(name, Access::Public)?.ok_or_else(|| invalid("the file is missing".to_owned()))?;
        let certificates = decode_certificates(&text).map_err(|problem| invalid(problem.message))?;
        if encode_certificates(&certificates).as_bytes() != text.as_slice() {
            return Err(invalid("the file is damaged".to_owned()));
        }
        Ok(certificates)
    }
}

/// The same problem, with the file that it is about.
fn named(file: &str, problem: Problem) -> Problem {
    Problem { message: format!("{file}: {}", problem.message), ..problem }
}

fn lock(dir: &Dir) -> Result<File, Problem> {
    let file = dir.lock_file(LOCK)?;
    let mut taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
    for _ in 0..LOCK_TRIES {
        if taken != Err(rustix::io::Errno::WOULDBLOCK) {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
    }
    match taken {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let message = format!("another process is using the data folder {}", dir.path().display());
            Err(Problem::new(Code::FolderLocked, message))
        }
        Err(error) => {
            let message = format!("the data folder {} cannot be locked: {error}", dir.path().display());
            Err(Problem::new(Code::ConfigInvalid, message).hint("use a local file system that supports locks"))
        }
    }
}

fn refuse_if_initialised(dir: &Dir) -> Result<(), Problem> {
    let found = if dir.has(IDENTITY)? { Some(IDENTITY.to_owned()) } else { remains(dir)? };
    match found {
        Some(name) => {
            let message = format!("{} already holds a node: there is `{name}`", dir.path().display());
            Err(Problem::new(Code::FolderInitialised, message))
        }
        None => Ok(()),
    }
}

/// Something in the folder that only a node that ran leaves behind.
fn remains(dir: &Dir) -> Result<Option<String>, Problem> {
    let remains = |name: &String| REMAINS.contains(&name.as_str()) || name.starts_with("state-");
    Ok(names(dir)?.into_iter().find(remains))
}

fn names(dir: &Dir) -> Result<Vec<String>, Problem> {
    let failed = |error| {
        Problem::new(Code::ConfigInvalid, format!("the folder {} cannot be listed: {error}", dir.path().display()))
    };
    let entries = fs::read_dir(dir.path()).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}
