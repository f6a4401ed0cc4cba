//! The secrets' room: what the exchange must know to reach others, and nobody needs to see again.
//!
//! A secret is sealed with the cluster's keyring by the node that is told it, for a purpose that holds its name, before it
//! is proposed; here is only its sealed form. It is referred to by name, as `secret:NAME` in the address of an endpoint.
//! Invariants: a name belongs to one secret; a new version takes the place of the old one, which is gone; what an endpoint
//! refers to is not removed.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError, block};
use crate::command::Actor;
use crate::halt::Halt;
use crate::rows::{self, Rows, Table};

/// Longest text of a secret, before it is sealed.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// Longest sealed form.
pub const SEALED_BYTES_MAX: usize = 4_608;
/// Secrets that may exist.
pub const SECRETS_MAX: usize = 512;
/// What stands before a secret's name where one is referred to.
pub const REFERENCE: &str = "secret:";

/// What a secret of this name is sealed for; no other one opens with it.
#[must_use]
pub fn purpose(name: &str) -> String {
    format!("secret {name}")
}

/// One secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// The sealed text.
    #[serde(with = "block")]
    pub sealed: Vec<u8>,
    /// How often it was put, from 1.
    pub version: u32,
    /// Replicated time of its making.
    pub created_at: Timestamp,
    /// Replicated time of its present version.
    pub changed_at: Timestamp,
    /// Who put that.
    pub changed_by: Actor,
    /// Why.
    pub reason: String,
}

/// Every secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    secrets: BTreeMap<String, Secret>,
}

impl Secrets {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Secrets, Halt> {
        let mut secrets = Secrets::default();
        rows::for_each_of_table(rows, Table::Secret, |key, value| {
            let secret: Secret = codec::decode(value).map_err(|error| Halt::row(Table::Secret, error))?;
            if key != secret.name.as_bytes() {
                return Err(Halt::row(Table::Secret, DecodeError::Malformed));
            }
            secrets.put(secret);
            Ok(())
        })?;
        Ok(secrets)
    }

    /// A secret by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }

    /// Every secret, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    pub(crate) fn has_room(&self, name: &str) -> bool {
        self.secrets.len() < SECRETS_MAX || self.secrets.contains_key(name)
    }

    pub(crate) fn put(&mut self, secret: Secret) {
        self.secrets.insert(secret.name.clone(), secret);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.secrets.remove(name);
    }
}

/// The names that a text refers to, in their order: what follows `secret:` up to a character that no name has.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split(REFERENCE).skip(1).map(|rest| {
        let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
        rest.split(|c: char| !inside(c)).next().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: references are found wherever they stand, and end where a name ends.
    #[test]
    fn references_are_found() {
        let found = |text| references(text).collect::<Vec<_>>();
        assert_eq!(found("https://node.example/v2/secret:alchemy-key"), ["alchemy-key"]);
        assert_eq!(found("https://a/secret:one/x?token=secret:two&y=1"), ["one", "two"]);
        assert_eq!(found("https://a/secret:"), [""]);
        assert_eq!(found("https://a/secrets"), Vec::<&str>::new());
    }
}
