//! `RemoveSecret`: there is no such secret any more.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

/// Removes a secret that no endpoint refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveSecret {
    /// Of a secret that exists.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl RemoveSecret {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let secret = entry.state.secrets.get(&self.name).ok_or(Rejection::SecretUnknown)?;
        if let Some(network) = entry.state.networks.user_of_secret(&self.name) {
            return Err(Rejection::SecretInUse { network }.into());
        }

        let detail = format!("was version {}", secret.version);

        entry.change(Table::Secret.family(), Table::Secret.key(self.name.as_bytes()), Edit::Delete);
        entry.state.secrets.remove(&self.name);
        entry.event(EventKind::SecretChanged { name: self.name.clone() });
        entry.audit(actor, AuditAction::RemoveSecret, self.name, detail, self.reason);
        Ok(Done::SecretRemoved)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Network;

    use super::*;
    use crate::Body;
    use crate::tests::world::{World, endpoints, secret};

    /// Goal: what an endpoint refers to stays; what nobody refers to goes. Method: one secret, before, while and after it is
    /// used.
    #[test]
    fn what_is_used_stays() {
        let mut world = World::new();
        let remove = || Body::RemoveSecret(RemoveSecret { name: "key".into(), reason: "test".into() });
        assert_eq!(world.refused(remove()), Rejection::SecretUnknown);
        world.run(secret("key", b"sealed")).unwrap();
        world.run(secret("key-2", b"sealed")).unwrap();
        world.run(endpoints(Network::Tron, &["https://a.example/secret:key-2"])).unwrap();
        world.run(remove()).unwrap();
        world.run(secret("key", b"sealed")).unwrap();
        world.run(endpoints(Network::Tron, &["https://a.example/secret:key"])).unwrap();
        assert_eq!(world.refused(remove()), Rejection::SecretInUse { network: Network::Tron });
        world.run(endpoints(Network::Tron, &[])).unwrap();
        assert_eq!(world.run(remove()), Ok(Done::SecretRemoved));
        assert!(world.state.secrets().get("key").is_none());
    }
}
