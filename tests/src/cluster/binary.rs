//! Where the program under test is.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// Names the program under test; otherwise it is looked for beside the test's own build.
const VARIABLE: &str = "EXCHEQUER_BIN";

/// The binary `exchequer`: what `EXCHEQUER_BIN` names, else the one that was built into the same target folder and
/// profile as this test.
///
/// # Errors
/// When there is none, with the command that builds it.
pub fn binary() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        let path = PathBuf::from(named);
        ensure!(path.is_file(), "{VARIABLE} names {}, which is not a file", path.display());
        return Ok(path);
    }
    let test = env::current_exe().context("the test's own path is not known")?;
    // A test lies in `<target>/<profile>/deps`, the program one folder up.
    let folder = test.parent().and_then(Path::parent).context("the test does not lie in a target folder")?;
    let path = folder.join("exchequer");
    if path.is_file() {
        return Ok(path);
    }
    bail!(
        "there is no {}: run `cargo build -p exchequer-node` with the same target folder first, or name the program in \
         {VARIABLE}",
        path.display()
    )
}
