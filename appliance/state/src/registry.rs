//! The registry's room: the nodes.
//!
//! Invariants: an id is the index of the entry that admitted the node and is never reused; a removed node's record
//! stays; no two nodes that are not removed have the same name, but for one and those that take its place; at least one
//! node is not removed.

use std::collections::BTreeMap;

use exchequer_domain::{NodeId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Rows, Table};
use crate::{LOGIC_VERSION_SUPPORTED, codec};

/// Longest name of a node or cluster.
pub const NAME_BYTES_MAX: usize = 63;
/// Longest address.
pub const ADDRESS_BYTES_MAX: usize = 255;
/// Longest release text.
pub const RELEASE_BYTES_MAX: usize = 64;

/// Keys that a node had before and that are remembered; a certificate is long expired when its key is forgotten.
pub const RETIRED_KEYS_MAX: usize = 64;

/// The node that `Bootstrap` registers.
pub const FIRST_NODE: NodeId = NodeId(1);

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeRecord {
    /// Never reused.
    pub id: NodeId,
    /// Unique among the nodes that are not removed.
    pub name: String,
    /// Where clients reach its API, `HOST:PORT`.
    pub api_address: String,
    /// Where its peers reach it, `HOST:PORT`.
    pub peer_address: String,
    /// Which program it runs.
    pub version: NodeVersion,
    /// BLAKE3 of its public key, as its certificate holds it.
    pub key_fingerprint: [u8; 32],
    /// The same of the keys that it had before, the latest last, at most [`RETIRED_KEYS_MAX`]: whoever shows one of them
    /// is not this node.
    pub retired_keys: Vec<[u8; 32]>,
    /// The node whose place it takes: that one is removed once this one votes.
    pub replaces: Option<NodeId>,
    /// Replicated time of its admission.
    pub admitted_at: Timestamp,
    /// Whether it belongs to the cluster.
    pub state: NodeState,
}

/// Which program a node runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeVersion {
    /// The program's release, such as `0.1.0`.
    pub release: String,
    /// The highest `logic_version` that it can apply.
    pub logic: u32,
}

/// Whether a node belongs to the cluster. Its part in consensus is the membership's, not the registry's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeState {
    /// By `Bootstrap` or `AdmitNode`.
    Admitted,
    /// By `RemoveNode`, or by a new lineage. Final.
    Removed {
        /// Replicated time of the removal.
        at: Timestamp,
        /// On whose behalf.
        by: Actor,
    },
}

/// All nodes that ever were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    nodes: BTreeMap<NodeId, NodeRecord>,
}

impl Registry {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Registry, Halt> {
        let mut nodes = BTreeMap::new();
        rows::for_each_of_table(rows, Table::Node, |_, value| {
            let node: NodeRecord = codec::decode(value).map_err(|error| Halt::row(Table::Node, error))?;
            nodes.insert(node.id, node);
            Ok(())
        })?;
        Ok(Registry { nodes })
    }

    /// The record of a node, removed or not.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeRecord> {
        self.nodes.get(&id)
    }

    /// Every node that ever was, by id.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeRecord> {
        self.nodes.values()
    }

    /// The nodes that are not removed, by id.
    pub fn admitted(&self) -> impl Iterator<Item = &NodeRecord> {
        self.nodes().filter(|node| node.state == NodeState::Admitted)
    }

    /// The node with this name that is not removed; the oldest, while another one is about to take its place.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&NodeRecord> {
        self.admitted().find(|node| node.name == name)
    }

    /// Whether the node had this key once and has another one now. A key that was never heard of is not judged: this
    /// registry may be older than the key.
    #[must_use]
    pub fn is_retired(&self, id: NodeId, key: &[u8; 32]) -> bool {
        self.node(id).is_some_and(|node| node.key_fingerprint != *key && node.retired_keys.contains(key))
    }

    /// The node whose program knows the fewest rules: what the cluster as a whole can be raised to.
    #[must_use]
    pub fn oldest(&self) -> Option<&NodeRecord> {
        self.admitted().min_by_key(|node| node.version.logic)
    }

    /// The record of a node that must not be removed.
    pub(crate) fn present(&self, id: NodeId) -> Result<&NodeRecord, Rejection> {
        let node = self.node(id).ok_or(Rejection::UnknownNode { node: id })?;
        match node.state {
            NodeState::Admitted => Ok(node),
            NodeState::Removed { .. } => Err(Rejection::NodeRemoved { node: id }),
        }
    }

    pub(crate) fn put(&mut self, node: NodeRecord) {
        self.nodes.insert(node.id, node);
    }
}

impl NodeVersion {
    /// The version of this very program.
    #[must_use]
    pub fn of_this_program() -> NodeVersion {
        NodeVersion { release: env!("CARGO_PKG_VERSION").to_owned(), logic: LOGIC_VERSION_SUPPORTED }
    }

    /// Whether a program of this version can be part of a cluster by whose rules it must compute.
    ///
    /// # Errors
    /// `Invalid` of the release, `NodeTooOld`.
    pub fn check(&self, logic_version: u32) -> Result<(), Rejection> {
        if !(1..=RELEASE_BYTES_MAX).contains(&self.release.len()) || !visible(&self.release) {
            return Err(Rejection::Invalid { field: Field::Release });
        }
        if self.logic < logic_version {
            return Err(Rejection::NodeTooOld { needed: logic_version });
        }
        Ok(())
    }
}

/// Whether a name can be a node's or a cluster's; `field` says whose name it is.
///
/// # Errors
/// `Invalid` of the field.
pub fn check_name(name: &str, field: Field) -> Result<(), Rejection> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field })
    }
}

/// Whether an address is one; `field` says which address it is. Names are resolved by nodes, never here, so only the
/// form is checked.
///
/// # Errors
/// `Invalid` of the field.
pub fn check_address(address: &str, field: Field) -> Result<(), Rejection> {
    let well_formed = match address.rsplit_once(':') {
        Some((host, port)) => {
            !host.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
        }
        None => false,
    };
    if well_formed && address.len() <= ADDRESS_BYTES_MAX && visible(address) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field })
    }
}

fn visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names and addresses that would break a table, a URL or a certificate are refused. Method: good and bad
    /// ones around each limit.
    #[test]
    fn forms_of_names_and_addresses() {
        for good in ["n1", "a", "rack-7", &"x".repeat(NAME_BYTES_MAX)] {
            assert_eq!(check_name(good, Field::NodeName), Ok(()), "{good}");
        }
        for bad in ["", "N1", "n 1", "n_1", "é", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert_eq!(check_name(bad, Field::NodeName), Err(Rejection::Invalid { field: Field::NodeName }), "{bad}");
        }
        for good in ["127.0.0.1:8640", "[::1]:1", "host.example:65535"] {
            assert_eq!(check_address(good, Field::ApiAddress), Ok(()), "{good}");
        }
        let long = format!("{}:1", "h".repeat(ADDRESS_BYTES_MAX));
        for bad in ["", "host", ":80", "host:", "host:65536", "host:+1", "ho st:1", &long] {
            assert!(check_address(bad, Field::PeerAddress).is_err(), "{bad}");
        }
    }
}
