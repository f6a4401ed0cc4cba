//! What the tests of this module share: a cluster with its authority, and nodes of it.

use std::time::{Duration, SystemTime};

use exchequer_domain::{ClusterId, NodeId};

use super::{Authority, Contents, Credentials, Grant, Identity, Keyring, NodeKey};

pub(super) const CLUSTER: ClusterId = ClusterId([0xc1; 16]);
pub(super) const OTHER_CLUSTER: ClusterId = ClusterId([0xc2; 16]);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// An authority that was made a week ago, so that tests can have certificates that expired under it.
pub(super) fn authority(cluster: ClusterId) -> Authority {
    Authority::create(cluster, SystemTime::now() - 7 * DAY).unwrap()
}

/// A certificate for a fresh key, valid for a day from `from`.
pub(super) fn credentials_from(authority: &Authority, node: u64, from: SystemTime) -> Credentials {
    let key = NodeKey::generate().unwrap();
    let grant = Grant { node_id: NodeId(node), addresses: &["n.example:8641".to_owned()], ttl: DAY, now: from };
    let certificate = authority.sign(&key.request().unwrap(), &grant).unwrap();
    Credentials { authorities: vec![authority.certificate().clone()], certificate, key }
}

/// A certificate that is valid now.
pub(super) fn credentials(authority: &Authority, node: u64) -> Credentials {
    credentials_from(authority, node, SystemTime::now())
}

/// Node 1, `n1`.
pub(crate) fn identity() -> Identity {
    Identity {
        cluster_id: CLUSTER,
        lineage: 1,
        node_id: NodeId(1),
        name: "n1".to_owned(),
        api_address: "127.0.0.1:8640".to_owned(),
        peer_address: "127.0.0.1:8641".to_owned(),
        sandbox: false,
    }
}

/// All that node 1's folder holds.
pub(super) fn contents(authority: &Authority) -> Contents {
    Contents {
        identity: identity(),
        credentials: credentials(authority, 1),
        keyring: Keyring::generate(CLUSTER).unwrap(),
    }
}
