//! The key file with which a person approves: an Ed25519 key as PKCS#8, readable by its owner alone and never printed.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use exchequer_domain::{Code, Problem};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// Where it is, below the folder for configuration.
const FILE: &str = "exchequer/approval-key.p8";
/// Longer files are no such keys.
const BYTES_MAX: u64 = 4 << 10;
/// Rights of others than the owner.
const OTHERS: u32 = 0o077;

/// The file that is meant: the one that is given, or the one of the user who runs this.
///
/// # Errors
/// `Internal` where there is no home.
pub(super) fn path(given: Option<&Path>) -> Result<PathBuf, Problem> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join(FILE)).ok_or_else(|| {
        Problem::new(Code::Internal, "there is no folder for the key: neither HOME nor XDG_CONFIG_HOME")
            .hint("name the file with `--key-file`")
    })
}

/// Draws a key into a new file, and gives its public half.
///
/// # Errors
/// `AlreadyDone` where the file exists: a key that was enrolled would be lost with it. `Internal` where it cannot be written.
pub(super) fn generate(path: &Path) -> Result<[u8; 32], Problem> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| Problem::new(Code::Internal, "the system's random numbers are not available"))?;
    // A copy that is wiped; the library's own is not.
    let bytes = Zeroizing::new(document.as_ref().to_vec());
    let public = public(&pair(path, &bytes)?);
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Problem::new(Code::AlreadyDone, format!("{} exists", path.display()))
            .hint("an approval key is not overwritten: name another file, or move this one away"),
        _ => Problem::new(Code::Internal, format!("{} cannot be written: {error}", path.display())),
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(public)
}

/// Reads a key.
///
/// # Errors
/// `BadRequest` where there is none, where others can read it, or where the file is no Ed25519 key as PKCS#8.
pub(super) fn read(path: &Path) -> Result<Ed25519KeyPair, Problem> {
    let failed = |error: std::io::Error| {
        let problem = Problem::new(Code::BadRequest, format!("{} cannot be read: {error}", path.display()));
        match error.kind() {
            ErrorKind::NotFound => problem.hint("make a key with `exchequer approve key generate`, or name its file"),
            _ => problem.hint("name your key file with `--key-file`"),
        }
    };
    let mut options = fs::OpenOptions::new();
    let file = options.read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & OTHERS != 0 {
        let message = format!("others can read {}; the key in it is not used", path.display());
        return Err(Problem::new(Code::BadRequest, message).hint(
            "revoke the key and enrol a new one, or close the file with `chmod 600` where nobody could have seen it",
        ));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX as usize));
    file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    pair(path, &bytes)
}

/// The public half of a key.
pub(super) fn public(pair: &Ed25519KeyPair) -> [u8; 32] {
    let mut public = [0; 32];
    public.copy_from_slice(pair.public_key().as_ref());
    public
}

fn pair(path: &Path, bytes: &[u8]) -> Result<Ed25519KeyPair, Problem> {
    // Files of other programs have no public half beside the private one.
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).map_err(|_| {
        Problem::new(Code::BadRequest, format!("{} holds no Ed25519 key as PKCS#8 (DER)", path.display()))
            .hint("make one with `exchequer approve key generate`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a key is made once, for its owner's eyes alone, and signs; one that others could read is not used, and rubbish
    /// is none. Method: one file, changed step by step.
    #[test]
    fn keys_are_their_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/key.p8");
        assert!(read(&path).unwrap_err().hint.contains("approve key generate"));
        let public_key = generate(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let pair = read(&path).unwrap();
        assert_eq!(public(&pair), public_key);
        let signature = pair.sign(b"text");
        let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, public_key);
        assert!(key.verify(b"text", signature.as_ref()).is_ok());
        assert_eq!(generate(&path).unwrap_err().code, Code::AlreadyDone);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().message.starts_with("others can read"));
        let other = folder.path().join("rubbish");
        fs::write(&other, b"rubbish").unwrap();
        fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(read(&other).unwrap_err().message.contains("no Ed25519 key"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read(&link).is_err(), "a link could lead anywhere");
    }
}
