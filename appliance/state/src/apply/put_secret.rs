//! `PutSecret`: a secret has this text, sealed.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::codec::block;
use crate::command::Actor;
use crate::event::EventKind;
use crate::flags;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;
use crate::secrets::{SEALED_BYTES_MAX, Secret};

/// Makes a secret, or puts a new version in the place of the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutSecret {
    /// 1 to 64 characters of a-z, 0-9 and `-_`, a letter first.
    pub name: String,
    /// The text, sealed by the sender for the purpose of this name.
    #[serde(with = "block")]
    pub sealed: Vec<u8>,
    /// Refused unless its version is this one; zero for one that does not exist.
    pub if_version: Option<u32>,
    /// Why.
    pub reason: String,
}

impl PutSecret {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        flags::check_name(&self.name, Field::SecretName)?;
        // In an address a point ends a name.
        if self.name.contains('.') {
            return Err(Rejection::Invalid { field: Field::SecretName }.into());
        }
        if !(1..=SEALED_BYTES_MAX).contains(&self.sealed.len()) {
            return Err(Rejection::Invalid { field: Field::SecretText }.into());
        }
        check_reason(&self.reason)?;
        let secrets = &entry.state.secrets;
        let before = secrets.get(&self.name);
        let present = before.map_or(0, |secret| secret.version);
        if self.if_version.is_some_and(|expected| expected != present) {
            return Err(Rejection::StaleRevision { present: present.into() }.into());
        }
        if !secrets.has_room(&self.name) {
            return Err(Rejection::SecretsFull.into());
        }

        let version = present.saturating_add(1);
        let secret = Secret {
            name: self.name.clone(),
            sealed: self.sealed,
            version,
            created_at: before.map_or(entry.now, |secret| secret.created_at),
            changed_at: entry.now,
            changed_by: actor,
            reason: self.reason.clone(),
        };

        entry.put(Table::Secret, secret.name.as_bytes(), &secret);
        entry.state.secrets.put(secret);
        entry.event(EventKind::SecretChanged { name: self.name.clone() });
        entry.audit(actor, AuditAction::PutSecret, self.name, format!("version {version}"), self.reason);
        Ok(Done::SecretPut { version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::secrets::SECRETS_MAX;
    use crate::tests::world::{ALONE, World, secret};

    /// Goal: a new version takes the place of the old one, whose bytes are in no row of the state any more; both are on
    /// record, and a second writer is noticed. Method: two versions, then every row but those of the commands' ids.
    #[test]
    fn a_new_version_leaves_nothing_of_the_old() {
        let mut world = World::new();
        let put = |sealed: &[u8], if_version| {
            let Body::PutSecret(command) = secret("node-key", sealed) else { panic!("not the command") };
            Body::PutSecret(PutSecret { if_version, ..command })
        };
        assert_eq!(world.run(put(b"first sealed text", Some(0))), Ok(Done::SecretPut { version: 1 }));
        assert_eq!(world.refused(put(b"x", Some(0))), Rejection::StaleRevision { present: 1 });
        assert_eq!(world.run(put(b"second sealed text", Some(1))), Ok(Done::SecretPut { version: 2 }));
        let found =
            |text: &[u8]| world.rows.iter().filter(|(_, _, row)| row.windows(text.len()).any(|at| at == text)).count();
        assert_eq!((found(b"first sealed text"), found(b"second sealed text")), (0, 1));
        let secret = world.state.secrets().get("node-key").unwrap();
        assert_eq!((secret.version, secret.sealed.as_slice()), (2, b"second sealed text".as_slice()));
        let details: Vec<String> = world.audit().into_iter().map(|record| record.content.detail).collect();
        assert!(details.ends_with(&[format!("version 1{ALONE}"), format!("version 2{ALONE}")]), "{details:?}");
    }

    /// Goal: names, lengths and the number of secrets have their bounds.
    #[test]
    fn limits() {
        let mut world = World::new();
        let invalid = |field| Rejection::Invalid { field };
        for name in ["", "A", "1a", "a.b", "a/b", "a:b", &"a".repeat(65)] {
            assert_eq!(world.refused(secret(name, b"x")), invalid(Field::SecretName), "{name}");
        }
        for sealed in [vec![], vec![0; SEALED_BYTES_MAX + 1]] {
            assert_eq!(world.refused(secret("a", &sealed)), invalid(Field::SecretText));
        }
        let commands: Vec<_> =
            (0..SECRETS_MAX).map(|number| world.command(secret(&format!("s{number}"), &[0; 9]))).collect();
        world.entry(&commands);
        assert_eq!(world.refused(secret("one-more", b"x")), Rejection::SecretsFull);
        world.run(secret("s7", &[0; SEALED_BYTES_MAX])).unwrap();
    }
}
