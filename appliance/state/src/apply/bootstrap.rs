//! `Bootstrap`: the cluster begins to exist, with its authority, its operator token and its first node.

use exchequer_domain::ClusterId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::cluster::{Authority, Cluster};
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::registry::{self, FIRST_NODE, NodeRecord, NodeState, NodeVersion};
use crate::rejection::{Field, Rejection};

/// Makes the cluster. Accepted once in its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Drawn by `init`.
    pub cluster_id: ClusterId,
    /// The cluster's name, by the rule of node names.
    pub name: String,
    /// Whether scratch values exist, and money out of nothing.
    pub sandbox: bool,
    /// The certificate authority, its key sealed.
    pub authority: Authority,
    /// BLAKE3 of the operator token.
    pub operator_token_hash: [u8; 32],
    /// The node that `init` was run on; it becomes node 1.
    pub node: FirstNode,
}

/// The node that `init` was run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstNode {
    /// Its name.
    pub name: String,
    /// Where clients reach it.
    pub api_address: String,
    /// Where its peers will reach it.
    pub peer_address: String,
    /// Which program it runs.
    pub version: NodeVersion,
    /// BLAKE3 of its public key.
    pub key_fingerprint: [u8; 32],
}

impl Bootstrap {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        if entry.state.cluster.is_some() {
            return Err(Rejection::AlreadyBootstrapped.into());
        }
        let logic_version = entry.state.logic_version();
        registry::check_name(&self.name, Field::ClusterName)?;
        self.authority.check()?;
        registry::check_name(&self.node.name, Field::NodeName)?;
        registry::check_address(&self.node.api_address, Field::ApiAddress)?;
        registry::check_address(&self.node.peer_address, Field::PeerAddress)?;
        self.node.version.check(logic_version)?;

        let node = NodeRecord {
            id: FIRST_NODE,
            name: self.node.name,
            api_address: self.node.api_address,
            peer_address: self.node.peer_address,
            version: self.node.version,
            key_fingerprint: self.node.key_fingerprint,
            retired_keys: Vec::new(),
            replaces: None,
            admitted_at: entry.now,
            state: NodeState::Admitted,
        };
        let cluster = Cluster {
            id: self.cluster_id,
            name: self.name,
            sandbox: self.sandbox,
            lineage: 1,
            created_at: entry.now,
            authority: self.authority,
            logic_version,
        };

        let detail = format!("first node {}, sandbox {}", node.name, cluster.sandbox);
        entry.put_cluster(cluster);
        entry.set_operator_token_hash(self.operator_token_hash);
        entry.put_node(node);
        entry.audit(actor, AuditAction::Bootstrap, self.cluster_id.to_string(), detail, String::new());
        entry.event(EventKind::ClusterBootstrapped);
        entry.event(EventKind::NodeAdmitted { node: FIRST_NODE });
        Ok(Done::Bootstrapped { node: FIRST_NODE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{START, World, bootstrap, first_node};
    use crate::{Actor, Body, Command};

    /// Goal: nothing works before the bootstrap, everything it brings is there after it, and a second one is refused.
    #[test]
    fn makes_the_cluster_once() {
        let mut world = World::empty();
        assert_eq!(world.run(Body::Digest(crate::RequestDigest {})), Err(Rejection::NotBootstrapped));
        assert_eq!(world.run(bootstrap()), Ok(Done::Bootstrapped { node: FIRST_NODE }));
        let cluster = world.state.cluster().unwrap();
        assert_eq!((cluster.id, cluster.created_at, cluster.sandbox), (ClusterId([7; 16]), START, true));
        assert_eq!(world.state.access().operator_token_hash(), Some(&[2; 32]));
        assert_eq!(world.state.registry().node(FIRST_NODE).unwrap().name, "n1");
        assert_eq!(world.state.cluster_version(), 1);
        assert_eq!(world.audit()[0].content.action, AuditAction::Bootstrap);
        assert_eq!(world.refused(bootstrap()), Rejection::AlreadyBootstrapped);
    }

    /// Goal: a bootstrap whose fields break their rules leaves no cluster behind. Method: one broken field at a time.
    #[test]
    fn refuses_broken_fields() {
        let Body::Bootstrap(good) = bootstrap() else { panic!("not a bootstrap") };
        let too_long = vec![0; crate::cluster::AUTHORITY_BYTES_MAX + 1];
        let node = |node: FirstNode| Bootstrap { node, ..(*good).clone() };
        for (broken, field) in [
            (Bootstrap { name: "Two Words".into(), ..(*good).clone() }, Field::ClusterName),
            (
                Bootstrap {
                    authority: Authority { certificate_der: vec![], ..good.authority.clone() },
                    ..(*good).clone()
                },
                Field::Authority,
            ),
            (
                Bootstrap {
                    authority: Authority { sealed_key: too_long, ..good.authority.clone() },
                    ..(*good).clone()
                },
                Field::AuthorityKey,
            ),
            (node(FirstNode { name: String::new(), ..first_node() }), Field::NodeName),
            (node(FirstNode { api_address: "n1".into(), ..first_node() }), Field::ApiAddress),
            (node(FirstNode { peer_address: "n1".into(), ..first_node() }), Field::PeerAddress),
        ] {
            let mut world = World::empty();
            assert_eq!(world.refused(Body::Bootstrap(Box::new(broken))), Rejection::Invalid { field });
        }
    }

    /// Goal: the first node may make the cluster in its own name, before it is registered; no other command may.
    #[test]
    fn may_come_from_the_first_node() {
        let mut world = World::empty();
        let command = Command { actor: Actor::Node(FIRST_NODE), ..world.command(bootstrap()) };
        assert!(world.send(&command).is_ok());
        let stranger = exchequer_domain::NodeId(9);
        let digest = world.command(Body::Digest(crate::RequestDigest {}));
        let command = Command { actor: Actor::Node(stranger), ..digest };
        assert_eq!(world.send(&command), Err(Rejection::UnknownNode { node: stranger }));
    }
}
