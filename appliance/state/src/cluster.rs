//! The cluster's room: its identity, its certificate authority, the rules that hold, and the latest activation.

use exchequer_domain::{ClusterId, NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::block;
use crate::rejection::{Field, Rejection};

/// Neither the authority's certificate nor its sealed key is longer.
pub const AUTHORITY_BYTES_MAX: usize = 16 << 10;

/// What `Bootstrap` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Drawn once by `init`.
    pub id: ClusterId,
    /// For people to tell clusters apart.
    pub name: String,
    /// Whether scratch values, money out of nothing and other aids of tests exist.
    pub sandbox: bool,
    /// A higher one, drawn, when the cluster goes on from a snapshot or a lone survivor; older members are not its members.
    pub lineage: u64,
    /// Replicated time of the bootstrap.
    pub created_at: Timestamp,
    /// The authority.
    pub authority: Authority,
    /// The rules by which commands are computed; only ever raised.
    pub logic_version: u32,
}

/// The certificate authority that signs the nodes' certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// Its certificate, DER.
    #[serde(with = "block")]
    pub certificate_der: Vec<u8>,
    /// Its private key, sealed with the cluster's keyring; never plain here.
    #[serde(with = "block")]
    pub sealed_key: Vec<u8>,
}

impl Authority {
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let fits = |bytes: &[u8]| (1..=AUTHORITY_BYTES_MAX).contains(&bytes.len());
        if !fits(&self.certificate_der) {
            return Err(Rejection::Invalid { field: Field::Authority });
        }
        if !fits(&self.sealed_key) {
            return Err(Rejection::Invalid { field: Field::AuthorityKey });
        }
        Ok(())
    }
}

/// The latest activation of a leader. Its index is the epoch that fences leader-only work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// The entry that activated the leader.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// The leader.
    pub node: NodeId,
    /// Drawn by the leader's process at its start.
    pub boot: [u8; 16],
}
