//! Files that nobody else may read.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Result;

/// Writes a secret into a file that only its owner can read.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn write_secret(file: &Path, secret: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(file)?.write_all(secret.as_bytes())?;
    Ok(())
}
