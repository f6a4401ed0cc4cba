//! `RaiseVersion`: the cluster applies newer rules from the next command on.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::LOGIC_VERSION_SUPPORTED;
use crate::audit::AuditAction;
use crate::cluster::Cluster;
use crate::command::Actor;
use crate::event::EventKind;
use crate::halt::Halt;
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Switches the cluster to newer rules; there is no way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaiseVersion {
    /// Higher than the present one; every node that is not removed must know it.
    pub logic_version: u32,
    /// Why.
    pub reason: String,
}

impl RaiseVersion {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let before = entry.cluster()?;
        let current = before.logic_version;
        if self.logic_version <= current {
            return Err(Rejection::LogicVersionNotRaised { current }.into());
        }
        check_reason(&self.reason)?;
        if let Some(node) = entry.state.registry.oldest().filter(|node| node.version.logic < self.logic_version) {
            return Err(Rejection::LogicVersionTooNew { node: node.id, knows: node.version.logic }.into());
        }
        // The registry said that every node knows these rules, yet this one does not: its program went back.
        if self.logic_version > LOGIC_VERSION_SUPPORTED {
            return Err(Halt::LogicVersion { needed: self.logic_version, supported: LOGIC_VERSION_SUPPORTED }.into());
        }

        let cluster = Cluster { logic_version: self.logic_version, ..before.clone() };

        entry.put_cluster(cluster);
        let detail = format!("{current} -> {}", self.logic_version);
        entry.audit(actor, AuditAction::RaiseVersion, "logic version".to_owned(), detail, self.reason);
        entry.event(EventKind::VersionRaised { logic_version: self.logic_version });
        Ok(Done::VersionRaised { logic_version: self.logic_version })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::NodeId;

    use super::*;
    use crate::registry::NodeVersion;
    use crate::tests::world::World;
    use crate::{Body, Input, UpdateNode};

    fn raise(logic_version: u32) -> Body {
        Body::RaiseVersion(RaiseVersion { logic_version, reason: "test".into() })
    }

    fn claim(world: &mut World, logic: u32) {
        let version = Some(NodeVersion { release: "9".into(), logic });
        let id = NodeId(1);
        let update = UpdateNode { id, api_address: None, peer_address: None, version, key_fingerprint: None };
        world.run(Body::UpdateNode(Box::new(update))).unwrap();
    }

    /// Goal: rules are never lowered, and never raised past what a registered node knows.
    #[test]
    fn refuses_what_the_cluster_cannot_follow() {
        let mut world = World::new();
        for lower in [0, 1] {
            assert_eq!(world.refused(raise(lower)), Rejection::LogicVersionNotRaised { current: 1 });
        }
        let too_new = Rejection::LogicVersionTooNew { node: NodeId(1), knows: 1 };
        assert_eq!(world.refused(raise(2)), too_new);
    }

    /// Goal: a program that does not know what the cluster decided stops, both when it applies the decision and when
    /// it loads the rows of a cluster that took it. Method: a registry that claims more than this program can do.
    #[test]
    fn an_old_program_stops() {
        let mut world = World::new();
        let newer = LOGIC_VERSION_SUPPORTED + 1;
        claim(&mut world, newer);
        let command = world.command(raise(newer)).encode();
        let halt = Halt::LogicVersion { needed: newer, supported: LOGIC_VERSION_SUPPORTED };
        assert_eq!(world.clone().apply(Input::Commands(&[&command])), Err(halt.clone()));
        let cluster = Cluster { logic_version: newer, ..world.state.cluster().unwrap().clone() };
        let row = crate::codec::encode(&cluster);
        world.rows.put(crate::Family::Working, crate::Table::Cluster.key(&[]), row);
        assert_eq!(crate::State::load(&world.rows), Err(halt));
    }
}
