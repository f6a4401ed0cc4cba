//! `Reform`: the cluster goes on with one node, after its quorum was lost or a snapshot was restored.

use exchequer_domain::NodeId;
use serde::{Deserialize, Serialize};

use super::{Entry, FirstNode, Stop, check_reason};
use crate::audit::{Action, AuditAction};
use crate::cluster::Cluster;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::registry::{self, NodeRecord, NodeState};
use crate::rejection::{Field, Rejection};
use crate::withdrawals::{Head, Place};

/// Begins a new lineage with one node; every other node is removed and can only join again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reform {
    /// The new lineage; higher than the present one.
    pub lineage: u64,
    /// The node that goes on.
    pub id: NodeId,
    /// Its record.
    pub node: FirstNode,
    /// Whether it comes from a snapshot rather than from a survivor.
    pub restored: bool,
    /// Why.
    pub reason: String,
}

impl Reform {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let before = entry.cluster()?.clone();
        // It removes every other node: only the one that goes on alone may say so.
        if actor != Actor::Node(self.id) {
            return Err(Rejection::BadRequest.into());
        }
        check_reason(&self.reason)?;
        if self.lineage <= before.lineage {
            return Err(Rejection::LineageNotNewer { present: before.lineage }.into());
        }
        registry::check_name(&self.node.name, Field::NodeName)?;
        registry::check_address(&self.node.api_address, Field::ApiAddress)?;
        registry::check_address(&self.node.peer_address, Field::PeerAddress)?;
        self.node.version.check(before.logic_version)?;

        let others: Vec<NodeRecord> =
            entry.state.registry.admitted().filter(|node| node.id != self.id).cloned().collect();
        let removed = others.len();
        let former = entry.state.registry.node(self.id);
        let admitted_at = former.map_or(entry.now, |node| node.admitted_at);
        // The authority is the same, so a key that was replaced must stay replaced.
        let retired_keys = former.map(|node| node.retired_keys.clone()).unwrap_or_default();
        let record = NodeRecord {
            id: self.id,
            name: self.node.name,
            api_address: self.node.api_address,
            peer_address: self.node.peer_address,
            version: self.node.version,
            key_fingerprint: self.node.key_fingerprint,
            retired_keys,
            replaces: None,
            admitted_at,
            state: NodeState::Admitted,
        };
        let cluster = Cluster { lineage: self.lineage, ..before };

        entry.put_cluster(cluster);
        let head = entry.state.withdrawals.head;
        entry.put_withdrawals_head(Head { lineage_began: Place::of(entry.at.index), ..head });
        for other in others {
            let id = other.id;
            entry.put_node(NodeRecord { state: NodeState::Removed { at: entry.now, by: actor }, ..other });
            entry.event(EventKind::NodeRemoved { node: id });
        }
        entry.put_node(record);
        entry.event(EventKind::NodeAdmitted { node: self.id });
        let action = if self.restored { Action::SnapshotRestore } else { Action::Recover };
        let mut detail = format!("lineage {}, {removed} nodes removed", self.lineage);
        if self.restored {
            // A session that was ended since the snapshot was taken would be open again.
            entry.close_every_session();
            detail.push_str(", every session closed");
        }
        entry.audit(actor, AuditAction::Outside(action), format!("node {}", self.id), detail, self.reason);
        Ok(Done::Reformed { removed: u32::try_from(removed).unwrap_or(u32::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{World, admit, first_node, token};
    use crate::{Body, Command};

    fn reform(lineage: u64, id: NodeId, name: &str) -> Body {
        let node = FirstNode { name: name.into(), ..first_node() };
        Body::Reform(Box::new(Reform { lineage, id, node, restored: true, reason: "test".into() }))
    }

    /// Goal: after a reform exactly the one node is left, under the new lineage, and the step cannot be repeated.
    #[test]
    fn leaves_one_node() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        world.run(admit(1, "n2")).unwrap();
        let id = NodeId(world.index + 1);
        assert_eq!(world.refused(reform(2, id, "n1")), Rejection::BadRequest, "an operator");
        let other = Command { actor: Actor::Node(NodeId(1)), ..world.command(reform(2, id, "n1")) };
        assert_eq!(world.send(&other), Err(Rejection::BadRequest), "another node");
        let command = Command { actor: Actor::Node(id), ..world.command(reform(2, id, "n1")) };
        assert_eq!(world.send(&command), Ok(Done::Reformed { removed: 2 }));
        let admitted: Vec<NodeId> = world.state.registry().admitted().map(|node| node.id).collect();
        assert_eq!(admitted, [id]);
        assert_eq!(world.state.cluster().unwrap().lineage, 2);
        assert_eq!(world.state.withdrawals().lineage_began(), Place::of(world.index));
        let again = Command { actor: Actor::Node(id), ..world.command(reform(2, id, "n1")) };
        assert_eq!(world.send(&again), Err(Rejection::LineageNotNewer { present: 2 }));
    }
}
