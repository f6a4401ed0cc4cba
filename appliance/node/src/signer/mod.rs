//! The node and the signer beside it: where its socket is, what it is fed, and what it is asked for.
//!
//! Every node that has a vault has a signer, whether it leads or not, and feeds it the signing log of its own state ([`feed`]).
//! Only a node that leads asks it for signatures ([`order`]), fills the pool of deposit addresses with it ([`stock`]), and makes
//! room for another node where its own signer is of no use ([`handover`]).
//!
//! Invariants:
//! - A signer is told what the log decided, and nothing that a worker says: request, description and approvals are made of the
//!   state alone. What a transaction does otherwise than was decided is neither fed nor signed.
//! - The log is fed in order, by one conversation at a time; after anything unknown the signer is asked where it is.
//! - Nothing is asked for under an epoch before the signer has been fed up to it.

pub(crate) mod decided;
mod feed;
pub(crate) mod handover;
mod line;
pub(crate) mod never;
pub(crate) mod openings;
pub(crate) mod order;
mod plain;
pub(crate) mod process;
#[cfg(test)]
mod process_tests;
pub(crate) mod retag;
pub(crate) mod stock;
mod vouch;

use std::path::{Path, PathBuf};

pub(crate) use line::{LocalSigner, SignerState, run};

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
