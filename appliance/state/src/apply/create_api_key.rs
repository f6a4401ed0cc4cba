//! `CreateApiKey`: a user's programs get a key.

use exchequer_domain::UserId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::api_keys::{
    self, ApiKey, Credential, KEY_LABEL_BYTES_MAX, KEYS_OF_USER_MAX, RANGES_MAX, Range, SEALED_SECRET_BYTES_MAX, Scopes,
};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::people::Principal;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;
use crate::users::UserStatus;

/// Makes a key under the next number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateApiKey {
    /// Whose.
    pub user: UserId,
    /// Its name: 64 letters and digits, drawn by the sender.
    pub key: String,
    /// For people; at most 100 bytes.
    pub label: String,
    /// What it proves itself with.
    pub credential: Credential,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Where it may be used from; a key that may withdraw needs at least one range.
    pub ranges: Vec<Range>,
    /// Why.
    pub reason: String,
}

impl CreateApiKey {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let invalid = |field| Rejection::Invalid { field };
        check_reason(&self.reason)?;
        api_keys::check_name(&self.key)?;
        if self.label.len() > KEY_LABEL_BYTES_MAX || self.label.chars().any(char::is_control) {
            return Err(invalid(Field::ApiKeyLabel).into());
        }
        if let Credential::Hmac { sealed } = &self.credential
            && !(1..=SEALED_SECRET_BYTES_MAX).contains(&sealed.len())
        {
            return Err(invalid(Field::ApiKeySecret).into());
        }
        let is_sound = self.ranges.iter().all(Range::is_sound);
        if self.ranges.len() > RANGES_MAX || !is_sound || (self.scopes.withdraw && self.ranges.is_empty()) {
            return Err(invalid(Field::ApiKeyRanges).into());
        }
        if entry.state.users.known(self.user)?.status == UserStatus::Frozen {
            return Err(Rejection::UserFrozen { user: self.user }.into());
        }
        if actor != Actor::Operator
            && let Some(until) = entry.held_until(Principal::User(self.user))?
        {
            return Err(Rejection::CredentialsHeld { until }.into());
        }
        if entry.state.api_keys.by_name(&self.key).is_some() {
            return Err(Rejection::ApiKeyExists.into());
        }
        let room = entry.state.api_keys.of_user(self.user).count() < KEYS_OF_USER_MAX;
        let id = entry.state.api_keys.next().filter(|_| room).ok_or(Rejection::ApiKeysFull)?;

        let CreateApiKey { user, key, label, credential, scopes, ranges, reason } = self;
        let detail = format!("user {user}, {scopes:?}, {} ranges", ranges.len());
        entry.audit(actor, AuditAction::ApiKeyCreated, id.0.to_string(), detail, reason);
        let created_at = entry.now;
        entry.put_api_key(ApiKey { id, key, user, label, credential, scopes, ranges, created_at, revoked_at: None });
        Ok(Done::ApiKeyCreated { id })
    }
}

impl Entry<'_> {
    pub(super) fn put_api_key(&mut self, key: ApiKey) {
        self.put(Table::ApiKey, &key.id.0.to_be_bytes(), &key);
        self.state.api_keys.put(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::World;
    use crate::{Body, CreateUsers, RevokeApiKey};

    fn key(name: char) -> CreateApiKey {
        CreateApiKey {
            user: UserId(1),
            key: name.to_string().repeat(64),
            label: "bot".into(),
            credential: Credential::Ed25519 { public: [7; 32] },
            scopes: Scopes { read: true, trade: true, withdraw: false },
            ranges: vec![],
            reason: "test".into(),
        }
    }

    fn create(key: CreateApiKey) -> Body {
        Body::CreateApiKey(Box::new(key))
    }

    /// Goal: a key is found by its name and its user, works until it is revoked, and its name is never given again.
    #[test]
    fn the_life_of_a_key() {
        let mut world = World::new();
        world.run(Body::CreateUsers(CreateUsers { count: 1, kyc_level: 0, fee_tier: 0 })).unwrap();
        let Ok(Done::ApiKeyCreated { id }) = world.run(create(key('a'))) else { panic!("not created") };
        let keys = world.state.api_keys();
        assert_eq!(keys.by_name(&"a".repeat(64)).unwrap().id, id);
        assert_eq!(keys.of_user(UserId(1)).count(), 1);
        assert_eq!(world.refused(create(key('a'))), Rejection::ApiKeyExists);
        let revoke = || Body::RevokeApiKey(RevokeApiKey { id, reason: "lost".into() });
        assert_eq!(world.run(revoke()), Ok(Done::ApiKeyRevoked));
        assert!(world.state.api_keys().by_name(&"a".repeat(64)).unwrap().revoked_at.is_some());
        assert_eq!(world.state.api_keys().of_user(UserId(1)).count(), 0);
        assert_eq!(world.refused(revoke()), Rejection::ApiKeyUnknown);
        assert_eq!(world.refused(create(key('a'))), Rejection::ApiKeyExists);
        assert_eq!(world.audit().last().unwrap().content.action, AuditAction::ApiKeyRevoked);
    }

    /// Goal: each rule of a key is checked, and a user has so many at most.
    #[test]
    fn limits() {
        let mut world = World::new();
        world.run(Body::CreateUsers(CreateUsers { count: 1, kyc_level: 0, fee_tier: 0 })).unwrap();
        let invalid = |field| Rejection::Invalid { field };
        let nobody = CreateApiKey { user: UserId(2), ..key('a') };
        assert_eq!(world.refused(create(nobody)), Rejection::UserUnknown { user: UserId(2) });
        for (bad, field) in [
            (CreateApiKey { key: "a".repeat(63), ..key('a') }, Field::ApiKeyName),
            (CreateApiKey { key: "-".repeat(64), ..key('a') }, Field::ApiKeyName),
            (CreateApiKey { label: "a\n".into(), ..key('a') }, Field::ApiKeyLabel),
            (CreateApiKey { credential: Credential::Hmac { sealed: vec![] }, ..key('a') }, Field::ApiKeySecret),
            (CreateApiKey { scopes: Scopes { withdraw: true, ..Scopes::default() }, ..key('a') }, Field::ApiKeyRanges),
        ] {
            assert_eq!(world.refused(create(bad)), invalid(field));
        }
        for number in 0..KEYS_OF_USER_MAX {
            let name = format!("{number:064}");
            world.run(create(CreateApiKey { key: name, ..key('a') })).unwrap();
        }
        assert_eq!(world.refused(create(key('a'))), Rejection::ApiKeysFull);
    }
}
