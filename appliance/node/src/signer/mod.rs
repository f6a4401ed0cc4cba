//! The node and the signer beside it: where its socket is, what it is fed, and what it is asked for.
//!
//! Every node that has a vault has a signer, whether it leads or not, and feeds it the committed log. Only a node that leads
//! asks it for signatures.

pub(crate) mod process;

use std::path::{Path, PathBuf};

/// The folder of the vault, within a node's data folder.
#[must_use]
pub fn vault_folder(data: &Path) -> PathBuf {
    data.join("vault")
}

/// Where the signer of a node listens. A path of more than 107 bytes is none for a socket: the signer says so when it begins.
#[must_use]
pub fn socket_path(data: &Path) -> PathBuf {
    vault_folder(data).join("signer.sock")
}
