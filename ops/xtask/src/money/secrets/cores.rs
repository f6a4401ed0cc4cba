//! Where the kernel puts what a process leaves that ends badly (`core_pattern`, core(5)), and which of it is new.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::process;

const PATTERN: &str = "/proc/sys/kernel/core_pattern";
/// Programs that are given cores, and their folders.
const KEEPERS: [(&str, &[&str]); 2] =
    [("systemd-coredump", &["/var/lib/systemd/coredump"]), ("apport", &["/var/crash", "/var/lib/apport/coredump"])];
/// Programs that open what keepers packed.
const OPENERS: [(&str, &str); 3] = [("zst", "zstd"), ("lz4", "lz4"), ("xz", "xz")];

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) cores: Vec<PathBuf>,
    /// A program that is given cores and puts them nobody knows where.
    pub(super) unseen: Option<String>,
}

/// The cores that are left since a moment, by processes that ran in these folders.
///
/// # Errors
/// The system does not tell where they are, or a folder cannot be read.
pub(super) fn left(folders: &[PathBuf], since: SystemTime) -> Result<Left> {
    let pattern = fs::read_to_string(PATTERN).context(PATTERN)?;
    left_by(pattern.trim(), folders, since)
}

fn left_by(pattern: &str, folders: &[PathBuf], since: SystemTime) -> Result<Left> {
    let mut left = Left::default();
    if let Some(command) = pattern.strip_prefix('|') {
        let program = command.split_whitespace().next().unwrap_or_default();
        let keeper = KEEPERS.iter().find(|(name, _)| program.rsplit('/').next() == Some(name));
        match keeper {
            Some((_, folders)) => {
                folders.iter().try_for_each(|at| look(Path::new(at), &["%p"], since, &mut left.cores))?
            }
            None => left.unseen = Some(program.to_owned()),
        }
        return Ok(left);
    }
    let parts: Vec<&str> = pattern.split('/').filter(|part| !part.is_empty()).collect();
    if pattern.starts_with('/') {
        look(Path::new("/"), &parts, since, &mut left.cores)?;
    } else {
        folders.iter().try_for_each(|folder| look(folder, &parts, since, &mut left.cores))?;
    }
    Ok(left)
}

/// The files below a folder whose path fits the parts of a pattern, and that were written since a moment.
fn look(folder: &Path, parts: &[&str], since: SystemTime, found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((part, others)) = parts.split_first() else { return Ok(()) };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| folder.display().to_string())?,
    };
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        let (name, path) = (entry.file_name(), entry.path());
        if !fits(part, name.as_encoded_bytes(), others.is_empty()) {
            continue;
        }
        let meta = match fs::metadata(&path) {
            // A link to nowhere, or a file that was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            meta => meta.with_context(|| path.display().to_string())?,
        };
        if others.is_empty() && meta.is_file() && meta.modified()? >= since {
            found.push(path);
        } else if !others.is_empty() && meta.is_dir() {
            look(&path, others, since, found)?;
        }
    }
    Ok(())
}

/// Whether a name is one that a part of a pattern gives. The process's number may follow the last part (`core_uses_pid`).
fn fits(part: &str, name: &[u8], last: bool) -> bool {
    let mut wanted = Vec::new();
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        wanted.push(match byte {
            b'%' => bytes.next().filter(|kind| *kind == b'%'),
            byte => Some(byte),
        });
    }
    matches(&wanted, name) || (last && matches(&[&wanted[..], &[Some(b'.'), None]].concat(), name))
}

/// Whether a name consists of these bytes, where none stands for any number of any.
fn matches(wanted: &[Option<u8>], name: &[u8]) -> bool {
    match wanted.split_first() {
        None => name.is_empty(),
        Some((None, rest)) => (0..=name.len()).any(|at| name.get(at..).is_some_and(|name| matches(rest, name))),
        Some((Some(byte), rest)) => name.split_first().is_some_and(|(own, name)| own == byte && matches(rest, name)),
    }
}

/// A core's bytes.
///
/// # Errors
/// It cannot be read, or nothing here opens what it is packed in.
pub(super) fn read(core: &Path) -> Result<Vec<u8>> {
    let kind = core.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
    let Some((_, opener)) = OPENERS.iter().find(|(packed, _)| *packed == kind) else {
        return fs::read(core).with_context(|| core.display().to_string());
    };
    let mut command = process::command([opener, "-dc"]);
    let output = process::attempt(command.arg(core)).with_context(|| core.display().to_string())?;
    if output.status.success() { Ok(output.stdout) } else { Err(process::failure(&command, &output)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Goal: a core is found wherever the pattern puts it: in the process's folder, under an absolute path with folders that the
    /// pattern makes, with a number behind; older ones and other files are not; and a program that nobody knows is named. Method:
    /// files in a temporary folder, and patterns.
    #[test]
    fn cores_are_where_the_pattern_says() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("by/exchequer")).unwrap();
        for name in ["core", "core.17", "scored", "by/exchequer/100%-17.dump"] {
            fs::write(at(name), b"core").unwrap();
        }
        let since = SystemTime::now() - Duration::from_secs(3_600);
        let found = |pattern: &str, since| {
            let mut cores = left_by(pattern, &[folder.path().to_owned()], since).unwrap().cores;
            cores.sort();
            cores
        };
        assert_eq!(found("core", since), [at("core"), at("core.17")]);
        assert_eq!(found("core.%p", since), [at("core.17")]);
        let absolute = format!("{}/by/%e/100%%-%p.dump", folder.path().display());
        assert_eq!(found(&absolute, since), [at("by/exchequer/100%-17.dump")]);
        assert_eq!(found("core", SystemTime::now() + Duration::from_secs(3_600)), Vec::<PathBuf>::new());
        assert_eq!(found("nowhere/core", since), Vec::<PathBuf>::new());
        let unknown = left_by("|/wherever/taker %p %e", &[], since).unwrap();
        assert_eq!(unknown, Left { cores: vec![], unseen: Some("/wherever/taker".to_owned()) });
    }

    /// Goal: what cannot be opened is no empty core. Method: a file that only says that it is packed.
    #[test]
    fn what_cannot_be_opened_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let core = folder.path().join("core.17.zst");
        fs::write(&core, b"not packed at all").unwrap();
        assert!(read(&core).is_err());
        assert!(read(&folder.path().join("core.18")).is_err());
    }
}
