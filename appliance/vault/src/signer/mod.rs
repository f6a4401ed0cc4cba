//! The signer: a process of its own that has the keys, with a Unix socket and no other way in or out.
//!
//! Invariants:
//! - It decides by its own policy, its own memory and the transaction's bytes. Nothing that it is told widens what it does.
//! - What it signs is remembered and written down before the signature leaves ([`Core`]).
//! - It opens no network connection; nothing in this crate can.
//! - It ends on a panic: after one, what is in memory is not known.

mod client;
mod core;
mod entries;
mod harden;
mod refusals;
mod server;
mod standing;
#[cfg(test)]
mod tests;

use crate::keys::KeyError;
use crate::policy::{DecisionLogError, PolicyError};
use crate::record::MemoryError;
use crate::sealed::SealedError;

pub use self::core::{Clock, Core, Given, REQUEST_BYTES_MAX, Ticks, prepare};
pub use client::{Client, ClientError, SignerStatus};
pub use harden::{Hardening, end_on_panic, harden, isolate};
pub use server::{MESSAGE_BYTES_MAX, Options, run, serve};
pub use standing::{OpenedBy, REQUESTS_PER_SECOND_MAX, Standing};

/// Generated from `proto/signer.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("exchequer.signer.v1");
}

/// The version of the protocol that the status names.
pub const PROTOCOL_VERSION: u32 = 1;

/// Why a signer does not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The vault.
    #[error(transparent)]
    Sealed(SealedError),
    /// The memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The decision log.
    #[error(transparent)]
    DecisionLog(#[from] DecisionLogError),
    /// The keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The socket.
    #[error("the signer's socket {path}: {error}")]
    Socket {
        /// Where.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The server.
    #[error("the signer does not serve any more: {0}")]
    Serve(String),
}
