//! `RotateAuthority`: the cluster gets a new certificate authority.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::cluster::{Authority, Cluster};
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;

/// Replaces the certificate authority. The nodes get their new certificates afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateAuthority {
    /// The new one, its key sealed.
    pub authority: Authority,
    /// Why.
    pub reason: String,
}

impl RotateAuthority {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let before = entry.cluster()?;
        self.authority.check()?;
        check_reason(&self.reason)?;

        let fingerprint = blake3::hash(&self.authority.certificate_der).to_hex();
        let cluster = Cluster { authority: self.authority, ..before.clone() };

        entry.put_cluster(cluster);
        let detail = format!("certificate {fingerprint}");
        entry.audit(actor, AuditAction::RotateAuthority, "authority".to_owned(), detail, self.reason);
        entry.event(EventKind::AuthorityRotated);
        Ok(Done::AuthorityRotated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::rejection::{Field, Rejection};
    use crate::tests::world::{World, authority};

    /// Goal: the new authority replaces the old one and nothing else; one that breaks its limits does not.
    #[test]
    fn replaces_the_authority() {
        let mut world = World::new();
        let before = world.state.cluster().unwrap().clone();
        let rotate = |authority| Body::RotateAuthority(RotateAuthority { authority, reason: "test".into() });
        assert_eq!(world.run(rotate(authority(9))), Ok(Done::AuthorityRotated));
        assert_eq!(world.state.cluster(), Some(&Cluster { authority: authority(9), ..before }));
        let broken = Authority { sealed_key: Vec::new(), ..authority(8) };
        assert_eq!(world.refused(rotate(broken)), Rejection::Invalid { field: Field::AuthorityKey });
    }
}
