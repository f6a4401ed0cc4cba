//! `AdmitNode`: a node that showed a join token enters the registry.

use exchequer_domain::{NodeId, Timestamp};
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
use crate::state::State;

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
    /// The node whose place it says that it takes. The token decides: where this is given, it must be the token's.
    pub replaces: Option<NodeId>,
}

impl AdmitNode {
    /// Whether it would be admitted at `now`, without anything being changed: a door asks before it does any work.
    ///
    /// # Errors
    /// Why it would not.
    pub fn check(&self, state: &State, now: Timestamp) -> Result<(), Rejection> {
        self.admissible(state, now).map(drop)
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let id = NodeId(entry.at.index);
        let token = self.admissible(entry.state, entry.now)?.clone();
        if entry.state.registry.node(id).is_some() {
            return Err(Rejection::ChangeInProgress.into());
        }

        let detail = match token.replaces {
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
            retired_keys: Vec::new(),
            replaces: token.replaces,
            admitted_at: entry.now,
            state: NodeState::Admitted,
        };

        entry.put_join_token(JoinToken { used_by: Some(id), ..token });
        entry.put_node(node);
        entry.audit(actor, AuditAction::AdmitNode, format!("node {id}"), detail, String::new());
        entry.event(EventKind::NodeAdmitted { node: id });
        Ok(Done::NodeAdmitted { node: id })
    }

    /// The token that lets it in. The token is judged first: who shows none learns nothing else.
    fn admissible<'s>(&self, state: &'s State, now: Timestamp) -> Result<&'s JoinToken, Rejection> {
        let token = self.usable_token(state, now)?;
        registry::check_name(&self.name, Field::NodeName)?;
        registry::check_address(&self.api_address, Field::ApiAddress)?;
        registry::check_address(&self.peer_address, Field::PeerAddress)?;
        self.version.check(state.logic_version())?;
        if let Some(node) = self.replaces.filter(|node| Some(*node) != token.replaces) {
            return Err(Rejection::ReplacementNotAllowed { node });
        }
        let mut named = state.registry().admitted().filter(|other| other.name == self.name);
        if let Some(other) = named.find(|other| Some(other.id) != token.replaces) {
            return Err(Rejection::NameTaken { by: other.id });
        }
        Ok(token)
    }

    fn usable_token<'s>(&self, state: &'s State, now: Timestamp) -> Result<&'s JoinToken, Rejection> {
        let token = state.access().join_token(&self.token_id);
        let token = token.filter(|token| token.secret_hash == self.token_secret_hash);
        let token = token.ok_or(Rejection::JoinTokenUnknown)?;
        if let Some(by) = token.used_by {
            return Err(Rejection::JoinTokenUsed { by });
        }
        if !token.usable(now) {
            return Err(Rejection::JoinTokenExpired { expired_at: token.expires_at });
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::{SECOND, START, World, admission, admit, token, token_replacing};
    use crate::{Body, Outcome, RemoveNode};

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
        let node = NodeId(1);
        let usurper = AdmitNode { replaces: Some(node), ..admission(1, "n2") };
        assert_eq!(refused(usurper), Rejection::ReplacementNotAllowed { node });
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

    /// Goal: a node that lost its disk comes back under its name and a new id, as the token's maker allowed; the old id
    /// stays a member until it is removed, whoever holds the token, and its name is nobody else's meanwhile.
    #[test]
    fn replaces_a_node() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        world.run(admit(1, "n2")).unwrap();
        let first = NodeId(world.index);
        world.run(token_replacing(2, first)).unwrap();
        let other = AdmitNode { replaces: Some(NodeId(1)), ..admission(2, "n2") };
        let refusal = Rejection::ReplacementNotAllowed { node: NodeId(1) };
        assert_eq!(world.refused(Body::AdmitNode(Box::new(other))), refusal);
        world.run(admit(2, "n2")).unwrap();
        let second = NodeId(world.index);
        let record = |world: &World, id| world.state.registry().node(id).cloned().unwrap();
        assert_eq!(record(&world, second).replaces, Some(first));
        assert_eq!(record(&world, first).state, NodeState::Admitted, "a join removes nobody");
        assert_eq!(world.state.registry().named("n2").unwrap().id, first);
        world.run(token_replacing(3, first)).unwrap();
        assert_eq!(world.refused(admit(3, "n2")), Rejection::NameTaken { by: second });
        world.run(Body::RemoveNode(RemoveNode { id: first, reason: "test".into() })).unwrap();
        assert_eq!(world.state.registry().named("n2").unwrap().id, second);
        world.run(Body::RemoveNode(RemoveNode { id: second, reason: "test".into() })).unwrap();
        let removed = record(&world, second);
        world.run(token_replacing(4, second)).unwrap();
        let third = AdmitNode { replaces: Some(second), ..admission(4, "n2") };
        world.run(Body::AdmitNode(Box::new(third))).unwrap();
        assert_eq!(record(&world, second), removed);
    }

    /// Goal: what a door asks before it does any work is what the entry would answer. Method: both, of a good admission
    /// and of bad ones.
    #[test]
    fn the_door_judges_as_the_entry_does() {
        let mut world = World::new();
        world.run(token(1, None)).unwrap();
        let endless = "x".repeat(1 << 20);
        for node in [
            admission(2, "n2"),
            admission(1, &endless),
            AdmitNode { peer_address: endless.clone(), ..admission(1, "n2") },
            AdmitNode { version: NodeVersion { release: endless.clone(), logic: 1 }, ..admission(1, "n2") },
            AdmitNode { replaces: Some(NodeId(1)), ..admission(1, "n2") },
        ] {
            let judged = node.check(&world.state, world.now).unwrap_err();
            if node.name.len() < 100 && node.peer_address.len() < 100 && node.version.release.len() < 100 {
                assert_eq!(world.refused(Body::AdmitNode(Box::new(node))), judged);
            }
        }
        assert_eq!(admission(1, "n2").check(&world.state, world.now), Ok(()));
    }
}
