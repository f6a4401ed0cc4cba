//! `AdmitNode`: a node that showed a join token enters the registry.

use exchequer_domain::NodeId;
use serde::{Deserialize, Serialize};

use super::create_join_token::token_name;
use super::{Entry, Stop};
use crate::access::JoinToken;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::registry::{self, NodeRecord, NodeState, NodeVersion};
use crate::rejection::{Field, Rejection};

/// Admits a node under the index of this entry as its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmitNode {
    /// The public part of the join token.
    pub token_id: [u8; 8],
    /// BLAKE3 of the secret part that the node showed.
    pub token_secret_hash: [u8; 32],
    /// Its name.
    pub name: String,
    /// Where clients reach it.
    pub api_address: String,
    /// Where its peers reach it.
    pub peer_address: String,
    /// Which program it runs.
    pub version: NodeVersion,
    /// BLAKE3 of its public key.
    pub key_fingerprint: [u8; 32],
    /// The node whose place it takes; that one counts as removed from now on, and its name is free.
    pub replaces: Option<NodeId>,
}

impl AdmitNode {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let id = NodeId(entry.at.index);
        let token = self.usable_token(entry)?.clone();
        registry::check_name(&self.name, Field::NodeName)?;
        registry::check_address(&self.api_address, Field::ApiAddress)?;
        registry::check_address(&self.peer_address, Field::PeerAddress)?;
        self.version.check(entry.state.logic_version())?;
        if entry.state.registry.node(id).is_some() {
            return Err(Rejection::ChangeInProgress.into());
        }
        if let Some(other) = entry.state.registry.named(&self.name)
            && Some(other.id) != self.replaces
        {
            return Err(Rejection::NameTaken { by: other.id }.into());
        }
        let replaced = self.replaced(entry)?.cloned();

        let detail = match self.replaces {
            Some(old) => format!("{}, {}, replaces node {old}", self.name, token_name(&token.id)),
            None => format!("{}, {}", self.name, token_name(&token.id)),
        };
        let node = NodeRecord {
            id,
            name: self.name,
            api_address: self.api_address,
            peer_address: self.peer_address,
            version: self.version,
            key_fingerprint: self.key_fingerprint,
            admitted_at: entry.now,
            state: NodeState::Admitted,
        };

        if let Some(old) = replaced.filter(|old| old.state == NodeState::Admitted) {
            let event = EventKind::NodeRemoved { node: old.id };
            entry.put_node(NodeRecord { state: NodeState::Removed { at: entry.now, by: actor }, ..old });
            entry.event(event);
        }
        entry.put_join_token(JoinToken { used_by: Some(id), ..token });
        entry.put_node(node);
        entry.audit(actor, AuditAction::AdmitNode, format!("node {id}"), detail, String::new());
        entry.event(EventKind::NodeAdmitted { node: id });
        Ok(Done::NodeAdmitted { node: id })
    }

    fn usable_token<'e>(&self, entry: &'e Entry<'_>) -> Result<&'e JoinToken, Rejection> {
        let token = entry.state.access.join_token(&self.token_id);
        let token = token.filter(|token| token.secret_hash == self.token_secret_hash);
        let token = token.ok_or(Rejection::JoinTokenUnknown)?;
        if let Some(by) = token.used_by {
            return Err(Rejection::JoinTokenUsed { by });
        }
        if !token.usable(entry.now) {
            return Err(Rejection::JoinTokenExpired { expired_at: token.expires_at });
        }
        Ok(token)
    }

    fn replaced<'e>(&self, entry: &'e Entry<'_>) -> Result<Option<&'e NodeRecord>, Rejection> {
        match self.replaces {
            None => Ok(None),
            Some(old) => entry.state.registry.node(old).map(Some).ok_or(Rejection::UnknownNode { node: old }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{SECOND, START, World, admission, admit, token};
    use crate::{Body, Outcome, RemoveNode};
    use exchequer_domain::Timestamp;

    /// Goal: a token lets in one node, under the index of the entry, and is then used up.
    #[test]
    fn a_token_lets_in_one_node() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        assert_eq!(world.run(admit(1, "n2")), Ok(Done::NodeAdmitted { node: NodeId(world.index) }));
        let by = NodeId(world.index);
        assert_eq!(world.state.registry().node(by).unwrap().name, "n2");
        assert_eq!(world.refused(admit(1, "n3")), Rejection::JoinTokenUsed { by });
        assert_eq!(world.audit().last().unwrap().content.detail, "n2, join token 0101010101010101");
    }

    /// Goal: an unknown token and a wrong secret are told apart by nobody; an expired one is.
    #[test]
    fn refuses_bad_tokens() {
        let mut world = World::new();
        world.run(token(1, Some(SECOND))).unwrap();
        assert_eq!(world.refused(admit(2, "n2")), Rejection::JoinTokenUnknown);
        let wrong = AdmitNode { token_secret_hash: [9; 32], ..admission(1, "n2") };
        assert_eq!(world.refused(Body::AdmitNode(Box::new(wrong))), Rejection::JoinTokenUnknown);
        let expired_at = Timestamp(START.0 + SECOND);
        world.now = expired_at;
        assert_eq!(world.refused(admit(1, "n2")), Rejection::JoinTokenExpired { expired_at });
    }

    /// Goal: a taken name, a broken field and a program too old are refused, and the token stays usable.
    #[test]
    fn refuses_bad_nodes() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        let mut refused = |node: AdmitNode| world.refused(Body::AdmitNode(Box::new(node)));
        assert_eq!(refused(admission(1, "n1")), Rejection::NameTaken { by: NodeId(1) });
        assert_eq!(refused(admission(1, "n 2")), Rejection::Invalid { field: Field::NodeName });
        let broken = AdmitNode { api_address: String::new(), ..admission(1, "n2") };
        assert_eq!(refused(broken), Rejection::Invalid { field: Field::ApiAddress });
        let broken = AdmitNode { peer_address: "x".into(), ..admission(1, "n2") };
        assert_eq!(refused(broken), Rejection::Invalid { field: Field::PeerAddress });
        let version = NodeVersion { release: "0".into(), logic: 0 };
        let old = AdmitNode { version, ..admission(1, "n2") };
        assert_eq!(refused(old), Rejection::NodeTooOld { needed: 1 });
        let nobody = AdmitNode { replaces: Some(NodeId(99)), ..admission(1, "n2") };
        assert_eq!(refused(nobody), Rejection::UnknownNode { node: NodeId(99) });
        assert!(world.join_token(1).unwrap().usable(world.now));
    }

    /// Goal: ids are entry indexes, so one entry admits one node.
    #[test]
    fn one_node_an_entry() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        world.run(token(2, None)).unwrap();
        let commands = [admit(1, "n2"), admit(2, "n3")].map(|body| world.command(body));
        let outcomes = world.entry(&commands);
        assert!(matches!(outcomes[0], Outcome::Done(Done::NodeAdmitted { .. })));
        assert_eq!(outcomes[1], Outcome::Rejected(Rejection::ChangeInProgress));
        assert!(world.run(admit(2, "n3")).is_ok(), "the token was not used up");
    }

    /// Goal: a node that lost its disk comes back under its name and a new id; the old id stays on record as removed,
    /// also when it was removed before.
    #[test]
    fn replaces_a_node() {
        let mut world = World::new();
        for number in 1..=3 {
            world.run(token(number, None)).unwrap();
        }
        world.run(admit(1, "n2")).unwrap();
        let first = NodeId(world.index);
        let second = AdmitNode { replaces: Some(first), ..admission(2, "n2") };
        world.run(Body::AdmitNode(Box::new(second))).unwrap();
        let second = NodeId(world.index);
        assert!(matches!(world.state.registry().node(first).unwrap().state, NodeState::Removed { .. }));
        assert_eq!(world.state.registry().named("n2").unwrap().id, second);
        world.run(Body::RemoveNode(RemoveNode { id: second, reason: "test".into() })).unwrap();
        let removed = world.state.registry().node(second).cloned();
        let third = AdmitNode { replaces: Some(second), ..admission(3, "n2") };
        world.run(Body::AdmitNode(Box::new(third))).unwrap();
        assert_eq!(world.state.registry().node(second).cloned(), removed);
    }
}
