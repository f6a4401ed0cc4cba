//! `RemoveNode`: a node belongs to the cluster no more. What quorum needs is judged before, where membership is known.

use exchequer_domain::NodeId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::registry::{NodeRecord, NodeState};
use crate::rejection::Rejection;

/// Marks a node as removed, for ever; its record stays and its id is never used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveNode {
    /// Which node.
    pub id: NodeId,
    /// Why.
    pub reason: String,
}

impl RemoveNode {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let registry = &entry.state.registry;
        let node = registry.node(self.id).ok_or(Rejection::UnknownNode { node: self.id })?;
        match node.state {
            NodeState::Admitted => {}
            NodeState::Removed { .. } => return Err(Rejection::NodeAlreadyRemoved { node: self.id }.into()),
        }
        check_reason(&self.reason)?;
        if registry.admitted().count() == 1 {
            return Err(Rejection::LastNode.into());
        }

        let removed = NodeRecord { state: NodeState::Removed { at: entry.now, by: actor }, ..node.clone() };

        let name = removed.name.clone();
        entry.put_node(removed);
        entry.audit(actor, AuditAction::RemoveNode, format!("node {}", self.id), name, self.reason);
        entry.event(EventKind::NodeRemoved { node: self.id });
        Ok(Done::NodeRemoved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{World, admit, token};
    use crate::{Body, Command, RequestDigest, UpdateNode};

    fn remove(id: NodeId) -> Body {
        Body::RemoveNode(RemoveNode { id, reason: "test".into() })
    }

    /// Goal: a removed node stays on record, is never removed twice, changed, or let act, and its name is free.
    #[test]
    fn removal_is_final() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        world.run(admit(1, "n2")).unwrap();
        let node = NodeId(world.index);
        assert_eq!(world.run(remove(node)), Ok(Done::NodeRemoved));
        let state = world.state.registry().node(node).unwrap().state;
        assert_eq!(state, NodeState::Removed { at: world.now, by: Actor::Operator });
        assert!(world.state.registry().named("n2").is_none());
        assert_eq!(world.refused(remove(node)), Rejection::NodeAlreadyRemoved { node });
        let update =
            UpdateNode { id: node, api_address: None, peer_address: None, version: None, key_fingerprint: None };
        assert_eq!(world.refused(Body::UpdateNode(Box::new(update))), Rejection::NodeRemoved { node });
        let command = world.command(Body::Digest(RequestDigest {}));
        let command = Command { actor: Actor::Node(node), ..command };
        assert_eq!(world.send(&command), Err(Rejection::NodeRemoved { node }));
    }

    /// Goal: unknown nodes and the last node are not removed, and a reason is needed.
    #[test]
    fn refuses_bad_removals() {
        let mut world = World::new();
        assert_eq!(world.refused(remove(NodeId(9))), Rejection::UnknownNode { node: NodeId(9) });
        assert_eq!(world.refused(remove(NodeId(1))), Rejection::LastNode);
        let blank = RemoveNode { id: NodeId(1), reason: String::new() };
        assert_eq!(world.refused(Body::RemoveNode(blank)), Rejection::ReasonMissing);
    }
}
