//! `UpdateNode`: a node has other addresses, another program or another key.

use exchequer_domain::NodeId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::registry::{self, NodeVersion, RETIRED_KEYS_MAX};
use crate::rejection::Field;

/// Changes a node's record; what is not given stays. Nothing different is no change and no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateNode {
    /// Which node; not a removed one.
    pub id: NodeId,
    /// Where clients reach it.
    pub api_address: Option<String>,
    /// Where its peers reach it.
    pub peer_address: Option<String>,
    /// Which program it runs.
    pub version: Option<NodeVersion>,
    /// BLAKE3 of its public key.
    pub key_fingerprint: Option<[u8; 32]>,
}

impl UpdateNode {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let before = entry.state.registry.present(self.id)?;
        if let Some(address) = &self.api_address {
            registry::check_address(address, Field::ApiAddress)?;
        }
        if let Some(address) = &self.peer_address {
            registry::check_address(address, Field::PeerAddress)?;
        }
        if let Some(version) = &self.version {
            version.check(entry.state.logic_version())?;
        }

        let mut node = before.clone();
        let mut fields = Vec::new();
        replace(&mut node.api_address, self.api_address, "API address", &mut fields);
        replace(&mut node.peer_address, self.peer_address, "peer address", &mut fields);
        replace(&mut node.version, self.version, "version", &mut fields);
        replace(&mut node.key_fingerprint, self.key_fingerprint, "key", &mut fields);
        if node.key_fingerprint != before.key_fingerprint {
            node.retired_keys.retain(|key| *key != node.key_fingerprint);
            node.retired_keys.push(before.key_fingerprint);
            let forgotten = node.retired_keys.len().saturating_sub(RETIRED_KEYS_MAX);
            node.retired_keys.drain(..forgotten);
        }
        if fields.is_empty() {
            return Ok(Done::NodeUpdated { changed: false });
        }

        entry.put_node(node);
        let target = format!("node {}", self.id);
        entry.audit(actor, AuditAction::UpdateNode, target, fields.join(", "), String::new());
        entry.event(EventKind::NodeUpdated { node: self.id });
        Ok(Done::NodeUpdated { changed: true })
    }
}

fn replace<T: PartialEq>(field: &mut T, new: Option<T>, name: &'static str, changed: &mut Vec<&'static str>) {
    if let Some(new) = new.filter(|new| new != field) {
        *field = new;
        changed.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::rejection::Rejection;
    use crate::tests::world::{World, version};

    const NOTHING: UpdateNode =
        UpdateNode { id: NodeId(1), api_address: None, peer_address: None, version: None, key_fingerprint: None };

    /// Goal: what is given changes, the rest stays, and the record names the fields; no difference leaves no trace.
    #[test]
    fn changes_what_differs() {
        let mut world = World::new();
        let command = UpdateNode { api_address: Some("h:1".into()), version: Some(version()), ..NOTHING };
        let body = Body::UpdateNode(Box::new(command));
        assert_eq!(world.run(body.clone()), Ok(Done::NodeUpdated { changed: true }));
        let node = world.state.registry().node(NodeId(1)).unwrap();
        assert_eq!((node.api_address.as_str(), node.peer_address.as_str()), ("h:1", "10.0.0.1:8641"));
        assert_eq!(world.audit().last().unwrap().content.detail, "API address");
        let before = world.audit().len();
        assert_eq!(world.run(body), Ok(Done::NodeUpdated { changed: false }));
        assert_eq!(world.audit().len(), before);
    }

    /// Goal: a key that was replaced is known as such, a new one and an unheard-of one are not, and what is remembered
    /// is bounded.
    #[test]
    fn replaced_keys_are_retired() {
        let mut world = World::new();
        let node = NodeId(1);
        let mut renew = |byte: u8| {
            let update = UpdateNode { key_fingerprint: Some([byte; 32]), ..NOTHING };
            world.run(Body::UpdateNode(Box::new(update))).unwrap();
            world.state.registry().clone()
        };
        let registry = renew(2);
        let retired = |byte: u8| registry.is_retired(node, &[byte; 32]);
        assert_eq!([1, 2, 3].map(retired), [true, false, false]);
        for byte in 3..100 {
            renew(byte);
        }
        let registry = renew(100);
        assert!(registry.is_retired(node, &[99; 32]) && !registry.is_retired(node, &[1; 32]));
        assert_eq!(registry.node(node).unwrap().retired_keys.len(), RETIRED_KEYS_MAX);
    }

    /// Goal: bad fields and unknown nodes are refused.
    #[test]
    fn refuses_bad_updates() {
        let mut world = World::new();
        let mut refused = |command: UpdateNode| world.refused(Body::UpdateNode(Box::new(command)));
        assert_eq!(refused(UpdateNode { id: NodeId(5), ..NOTHING }), Rejection::UnknownNode { node: NodeId(5) });
        let command = UpdateNode { api_address: Some("h".into()), ..NOTHING };
        assert_eq!(refused(command), Rejection::Invalid { field: Field::ApiAddress });
        let command = UpdateNode { peer_address: Some("h".into()), ..NOTHING };
        assert_eq!(refused(command), Rejection::Invalid { field: Field::PeerAddress });
        let command = UpdateNode { version: Some(NodeVersion { release: " ".into(), logic: 1 }), ..NOTHING };
        assert_eq!(refused(command), Rejection::Invalid { field: Field::Release });
    }
}
