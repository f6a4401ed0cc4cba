//! Where the repository is and what it is made of.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The only platform that is built, checked and packaged.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The root of the repository: the one this is run in, else the one it was built from. Clones may share what they build,
/// so where the sources were is not where they are.
pub(crate) fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let here = env::current_dir().unwrap_or_default();
        let above = here.ancestors().find(|folder| folder.join("ops/xtask/Cargo.toml").is_file());
        let built = Path::new(env!("CARGO_MANIFEST_DIR"));
        above.or_else(|| built.ancestors().nth(2)).unwrap_or(built).to_owned()
    })
}

/// The workspace and every package it is built from on [`TARGET`], as the lock file has them.
///
/// # Errors
/// Cargo failed: most often the lock file is not up to date.
pub(crate) fn metadata() -> Result<Metadata> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", TARGET].map(str::to_owned).to_vec())
        .exec()
        .context("cargo metadata")
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Where cargo puts what it builds.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The version of the workspace.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
