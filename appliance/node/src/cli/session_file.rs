//! The token of the session that `exchequer login` opened: one line a cluster in a file that only its owner can read.
//!
//! A line names the authority that vouched for the server, so that the token is never shown to another cluster.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use exchequer_domain::{Code, Problem};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::identity::fingerprint;

/// Where it is, below the folder for configuration.
const FILE: &str = "exchequer/session";
/// Longer files are none of ours.
const BYTES_MAX: usize = 64 << 10;

/// The file of the user who runs this; none where there is no home.
fn path() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).map(|folder| folder.join(FILE))
}

fn name(authorities: &[CertificateDer<'static>]) -> Vec<String> {
    authorities.iter().map(|authority| fingerprint(authority).to_string()).collect()
}

/// The token for the cluster of these authorities, where there is one.
///
/// # Errors
/// `TokenMissing` where others can read the file.
pub(super) fn token(authorities: &[CertificateDer<'static>]) -> Result<Option<Zeroizing<String>>, Problem> {
    path().map_or(Ok(None), |path| token_in(&path, &name(authorities)))
}

/// Keeps the token of a new session; none to forget the present one.
///
/// # Errors
/// `Internal` where the file cannot be written.
pub(super) fn keep(authorities: &[CertificateDer<'static>], token: Option<&str>) -> Result<(), Problem> {
    let nowhere =
        || Problem::new(Code::Internal, "there is no folder for the session: neither HOME nor XDG_CONFIG_HOME");
    let path = path().ok_or_else(nowhere)?;
    keep_in(&path, &name(authorities), token).map_err(|error| {
        Problem::new(Code::Internal, format!("the session cannot be kept in {}: {error}", path.display()))
    })
}

fn token_in(path: &Path, names: &[String]) -> Result<Option<Zeroizing<String>>, Problem> {
    let Ok(meta) = fs::metadata(path) else { return Ok(None) };
    if meta.permissions().mode() & 0o077 != 0 {
        let message = format!("others can read {}; the session in it is not used", path.display());
        return Err(Problem::new(Code::TokenMissing, message).hint("sign out, remove the file, and sign in again"));
    }
    Ok(lines(path).into_iter().find(|(name, _)| names.contains(name)).map(|(_, token)| token))
}

fn lines(path: &Path) -> Vec<(String, Zeroizing<String>)> {
    let text = Zeroizing::new(fs::read_to_string(path).unwrap_or_default());
    if text.len() > BYTES_MAX {
        return Vec::new();
    }
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(name, token)| (name.to_owned(), Zeroizing::new(token.to_owned()))).collect()
}

fn keep_in(path: &Path, names: &[String], token: Option<&str>) -> io::Result<()> {
    let mut kept = lines(path);
    kept.retain(|(name, _)| !names.contains(name));
    if let (Some(token), Some(name)) = (token, names.first()) {
        kept.push((name.clone(), Zeroizing::new(token.to_owned())));
    }
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let fresh = path.with_extension("new");
    // One that was left by a run that was cut short may have other rights.
    let _none_is_fine = fs::remove_file(&fresh);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    for (name, token) in &kept {
        writeln!(file, "{name} {}", token.as_str())?;
    }
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a token is found for its own cluster and no other, only its owner can read the file, and one that others can
    /// read is not used. Method: two clusters, a change, a removal, and other rights.
    #[test]
    fn tokens_are_kept_per_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("exchequer/session");
        let (one, two) = (vec!["aa".to_owned()], vec!["bb".to_owned()]);
        let token = |names: &[String]| token_in(&path, names).unwrap().map(|token| token.to_string());
        assert_eq!(token(&one), None);
        keep_in(&path, &one, Some("exqs_1")).unwrap();
        keep_in(&path, &two, Some("exqs_2")).unwrap();
        keep_in(&path, &one, Some("exqs_3")).unwrap();
        assert_eq!((token(&one).as_deref(), token(&two).as_deref()), (Some("exqs_3"), Some("exqs_2")));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        keep_in(&path, &one, None).unwrap();
        assert_eq!((token(&one), token(&two).as_deref()), (None, Some("exqs_2")));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(token_in(&path, &two).unwrap_err().code, Code::TokenMissing);
    }
}
