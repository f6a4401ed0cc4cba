//! A stand-in for the binary: the few verbs that this crate uses, over plain files, so that the tests of this crate
//! need no build of the product.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SCRIPT: &str = include_str!("stub.sh");

/// Writes the stand-in into `folder`. A file `refuse` in that folder makes its server fail.
pub(crate) fn binary(folder: &Path) -> PathBuf {
    let file = folder.join("exchequer");
    fs::write(&file, SCRIPT).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}
