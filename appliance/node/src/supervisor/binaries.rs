//! What workers run: the node's own program, or a registered one whose file is what was registered.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use exchequer_domain::Digest;
use exchequer_state::workers::WorkerBinary;
use parking_lot::Mutex;

use super::launch::LaunchError;

/// The running program, also where its file was replaced or removed since.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// Opened programs; beyond, all are opened anew.
const OPENED_MAX: usize = 64;

/// An opened and hashed program.
#[derive(Debug, Clone)]
pub(super) struct Program(Arc<Opened>);

#[derive(Debug)]
struct Opened {
    file: File,
    digest: Digest,
}

impl Program {
    /// What to execute: the very file that was hashed, whatever has its name by now.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.file.as_raw_fd()))
    }

    /// The same for a process that does not have the node's open files, but runs as the same user.
    pub(super) fn path_for(&self, node: u32) -> PathBuf {
        PathBuf::from(format!("/proc/{node}/fd/{}", self.0.file.as_raw_fd()))
    }

    /// BLAKE3 of the file.
    pub(super) fn digest(&self) -> Digest {
        self.0.digest
    }
}

/// A path, and the digest that is asked for.
type Asked = (PathBuf, Option<[u8; 32]>);

/// Programs that were opened before.
#[derive(Debug, Default)]
pub(super) struct Binaries {
    opened: Mutex<BTreeMap<Asked, Program>>,
}

impl Binaries {
    /// Opens what a worker is to run.
    pub(super) async fn open(&self, registered: Option<WorkerBinary>) -> Result<Program, LaunchError> {
        let (path, expected) = match registered {
            None => (PathBuf::from(OWN_PROGRAM), None),
            Some(binary) => (PathBuf::from(binary.path), Some(binary.hash)),
        };
        let key = (path.clone(), expected.map(|digest| digest.0));
        if let Some(program) = self.opened.lock().get(&key) {
            return Ok(program.clone());
        }
        let hashed = tokio::task::spawn_blocking({
            let path = path.clone();
            move || hash(&path)
        });
        let wrong = |error: String| LaunchError::Binary(format!("{}: {error}", path.display()));
        let opened =
            hashed.await.map_err(|error| wrong(error.to_string()))?.map_err(|error| wrong(error.to_string()))?;
        if expected.is_some_and(|expected| expected != opened.digest) {
            return Err(wrong(format!("it is not what was registered but {}", opened.digest)));
        }
        let program = Program(Arc::new(opened));
        let mut known = self.opened.lock();
        if known.len() >= OPENED_MAX {
            known.clear();
        }
        known.insert(key, program.clone());
        Ok(program)
    }
}

fn hash(path: &Path) -> io::Result<Opened> {
    let file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&file)?;
    Ok(Opened { file, digest: Digest(*hasher.finalize().as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(path: &Path, content: &[u8]) -> WorkerBinary {
        WorkerBinary {
            name: "next".into(),
            version: "2".into(),
            hash: Digest(*blake3::hash(content).as_bytes()),
            path: path.display().to_string(),
            registered_at: exchequer_domain::Timestamp(1),
            registered_by: exchequer_state::Actor::Operator,
        }
    }

    /// Goal: a program runs only where its file is what was registered, and what runs is that very file, also where another
    /// one has its name by then. Method: a script of two contents, a file that is not there, and the node's own program.
    #[tokio::test]
    async fn only_what_was_registered_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        let binaries = Binaries::default();
        let missing = binaries.open(Some(registered(&path, b"one"))).await.unwrap_err();
        assert!(matches!(missing, LaunchError::Binary(_)), "{missing}");
        std::fs::write(&path, b"two").unwrap();
        let other = binaries.open(Some(registered(&path, b"one"))).await.unwrap_err();
        assert!(other.to_string().contains("not what was registered"), "{other}");
        let program = binaries.open(Some(registered(&path, b"two"))).await.unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, b"three").unwrap();
        assert_eq!(std::fs::read(program.path()).unwrap(), b"two");
        assert_eq!(program.digest(), Digest(*blake3::hash(b"two").as_bytes()));
        let own = binaries.open(None).await.unwrap();
        assert_eq!(own.digest(), hash(&std::env::current_exe().unwrap()).unwrap().digest);
    }
}
