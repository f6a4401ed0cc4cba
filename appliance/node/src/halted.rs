//! The mark of a node that must not go on.
//!
//! After a failed sync, damage or another state than the majority's, nobody knows what this folder is worth, and a start
//! would find out nothing: the node would vote with it. So the reason is written into the folder, and the server refuses
//! to start there until a person has looked.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use exchequer_domain::{Code, Problem};

/// The mark's name in the data folder.
const FILE: &str = "halted";

/// Whether a node that stopped for this reason must not simply be started again.
pub(crate) const fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::SyncFailed
            | Code::FileCorrupt
            | Code::LogLost
            | Code::GuardDamaged
            | Code::StateDiverged
            | Code::InvariantBroken
    )
}

/// Leaves the mark. The disk may be the very thing that failed: then the log is all there is.
pub(crate) fn mark(folder: &Path, problem: &Problem) {
    let write = || -> io::Result<()> {
        let text = serde_json::to_string_pretty(problem).map_err(io::Error::other)?;
        let mut file = File::create(folder.join(FILE))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        File::open(folder)?.sync_all()
    };
    if let Err(error) = write() {
        tracing::error!(%error, "the folder could not be marked as one that must not be started again");
    }
}

/// Refuses a folder that is marked.
///
/// # Errors
/// The code of the reason for which the node stopped.
pub(crate) fn check(folder: &Path) -> Result<(), Problem> {
    let path = folder.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Problem::new(Code::FileCorrupt, format!("{}: {error}", path.display()))),
    };
    let before: Result<Problem, _> = serde_json::from_str(&text);
    let (code, why) = before
        .map_or((Code::FileCorrupt, "the mark cannot be read".to_owned()), |problem| (problem.code, problem.message));
    let message = format!("the node stopped for good before and is not started again ({}): {why}", path.display());
    Err(Problem::new(code, message).hint(format!(
        "remove the node and join again with an empty folder; `exchequer explain {code}` tells when to remove the mark"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a marked folder is refused with the code of its reason, a fresh one is not. Method: no mark, a mark, and a
    /// mark that was cut short.
    #[test]
    fn a_marked_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()), Ok(()));
        mark(folder.path(), &Problem::new(Code::StateDiverged, "it differs at 7"));
        let refused = check(folder.path()).unwrap_err();
        assert_eq!(refused.code, Code::StateDiverged);
        assert!(refused.message.contains("it differs at 7") && refused.message.contains(FILE), "{refused}");
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(check(folder.path()).unwrap_err().code, Code::FileCorrupt);
    }
}
