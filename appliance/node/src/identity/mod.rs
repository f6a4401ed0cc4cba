//! Who a node is, how it proves it, and what it keeps secret.
//!
//! The trust model, in the order in which trust arises:
//!
//! 1. `init` makes a cluster id and the cluster's own certificate authority ([`Authority`]). No outside authority
//!    is trusted for anything, and nothing depends on the operating system's root certificates.
//! 2. The authority decides names. A node sends a request that carries a public key and proves its possession;
//!    the names that end up in its certificate come from the cluster's log (its id) and from the registry (its
//!    addresses), never from the request. The one name that identifies it is `node-<id>.<cluster id>.exchequer`;
//!    no address an operator gives may lie in that zone.
//! 3. Between nodes both sides present certificates ([`TlsStore`]). The caller verifies that it reached the node
//!    it meant, whatever address it dialled; the called side verifies that the caller is a node of this cluster.
//!    A certificate says who someone *was admitted as*; whether that node is still a member is for the caller of
//!    [`peer_identity`] to ask of the membership.
//! 4. A new node trusts nobody yet. Its one-time token ([`JoinToken`]) carries the fingerprint of the authority,
//!    so that it can check the server before it shows its secret ([`JoinClient`]).
//! 5. The authority's key and every other secret of the replicated state are sealed with the cluster's
//!    [`Keyring`], a file of its own that never enters the log or a snapshot.
//! 6. A change of authority passes through a time in which two are trusted: the trust list is a list.
//!
//! Invariants: no function here reads the clock except the TLS handshakes themselves; moments come in as arguments.
//! Secrets are wiped when dropped where this module owns the memory, never appear in `Debug`, and rest in files of
//! mode 0600. Every damaged, foreign or oversized input is a [`Problem`](exchequer_domain::Problem), never a panic.
//! This module knows nothing of Raft, of the state and of HTTP.

mod armour;
mod authority;
mod certificate;
mod credentials;
mod files;
mod folder;
mod keyring;
mod record;
mod tls;
mod tokens;
mod verify;

#[cfg(test)]
mod authority_tests;
#[cfg(test)]
mod damage_tests;
#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod folder_tests;
#[cfg(test)]
mod tls_tests;

use exchequer_domain::{Code, Problem};
use rand::TryRng;
use rand::rngs::SysRng;

pub use authority::{Authority, CERTIFICATE_TTL_MAX, Grant};
pub use certificate::{
    Validity, authority_cluster, decode_certificates, encode_certificates, fingerprint, node_dns_name, peer_identity,
    validity,
};
pub use credentials::{Credentials, NodeKey};
pub(crate) use folder::IDENTITY as IDENTITY_FILE;
pub use folder::{Contents, Folder};
pub use keyring::{KeyId, Keyring};
pub use record::Identity;
pub use tls::{JoinClient, TlsStore, api_client};
pub use tokens::{JoinToken, JoinTokenId, OperatorToken};
pub use verify::handshake_problem;

/// Fresh bytes from the operating system; what keys, nonces and tokens are made of.
///
/// # Errors
/// `Internal` when the operating system has none to give.
fn random<const N: usize>() -> Result<[u8; N], Problem> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
        Problem::new(Code::Internal, format!("the system's random numbers are not available: {error}"))
    })?;
    Ok(bytes)
}
