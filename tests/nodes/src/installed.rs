//! Where `ops/nodes` has put the nodes.

use std::env;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// Names the folder, where it is not beside the build of this program.
const VARIABLE: &str = "EXCHEQUER_NODES";

/// A node is not installed on this machine. Neither a failure of what is tested, nor a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// What is missing.
    pub node: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not installed: run ops/nodes", self.node)
    }
}

impl std::error::Error for Missing {}

/// The node, or none where it is not installed, which is said by the test's name on standard output: a line that begins
/// with SKIPPED, past the test harness, which would swallow it.
///
/// # Errors
/// When the node is installed and does not start.
pub fn or_skip<T>(test: &str, started: Result<T>) -> Result<Option<T>> {
    match started {
        Ok(node) => Ok(Some(node)),
        Err(error) => match error.downcast_ref::<Missing>() {
            Some(missing) => {
                writeln!(std::io::stdout(), "SKIPPED {test}: {missing}").context("standard output is closed")?;
                Ok(None)
            }
            None => Err(error),
        },
    }
}

/// The folder: what `EXCHEQUER_NODES` names, else `nodes` in the target folder in which this program lies.
fn folder() -> Option<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Some(PathBuf::from(named));
    }
    let program = env::current_exe().ok()?;
    program
        .ancestors()
        .map(|above| above.join("nodes"))
        .find(|nodes| nodes.join("npm").is_dir() || nodes.join("bitcoin").is_dir())
}

/// The program `anvil`.
pub(crate) fn anvil() -> Result<PathBuf> {
    let found = folder().and_then(|nodes| {
        let packages = fs::read_dir(nodes.join("npm/node_modules/@foundry-rs")).ok()?;
        packages.flatten().map(|package| package.path().join("bin/anvil")).find(|path| is_elf(path))
    });
    found.ok_or_else(|| Missing { node: "anvil" }.into())
}

/// The package for the machine holds the program itself; the package that picks it holds a script.
fn is_elf(path: &Path) -> bool {
    path.is_file()
        && fs::File::open(path).is_ok_and(|mut file| {
            let mut magic = [0; 4];
            std::io::Read::read_exact(&mut file, &mut magic).is_ok() && magic == *b"\x7fELF"
        })
}

/// The words that start the Bitcoin node: its own loader, the libraries it was installed with, itself.
pub(crate) fn bitcoin() -> Result<Vec<String>> {
    let text = folder().and_then(|nodes| fs::read_to_string(nodes.join("bitcoin/command")).ok());
    let words: Vec<String> = text.unwrap_or_default().lines().map(str::to_owned).collect();
    if words.is_empty() { Err(Missing { node: "bitcoin-knots" }.into()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a node that is not there skips its test by name, and one that fails to start does not. Method: both errors.
    #[test]
    fn only_what_is_missing_is_skipped() {
        assert_eq!(or_skip("a_test", Ok(1)).unwrap(), Some(1));
        assert_eq!(or_skip::<()>("a_test_of_skipping", Err(Missing { node: "nothing" }.into())).unwrap(), None);
        assert!(or_skip::<()>("a_test", Err(anyhow::anyhow!("it crashed"))).is_err());
    }
}
