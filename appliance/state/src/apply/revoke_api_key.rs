//! `RevokeApiKey`: a key does not work any more, for ever.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::api_keys::{ApiKey, ApiKeyId};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Revokes a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeApiKey {
    /// Which.
    pub id: ApiKeyId,
    /// Why.
    pub reason: String,
}

impl RevokeApiKey {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let key = entry.state.api_keys.get(self.id).filter(|key| key.revoked_at.is_none());
        let key = key.ok_or(Rejection::ApiKeyUnknown)?.clone();

        entry.revoke_api_key(key, actor, self.reason);
        Ok(Done::ApiKeyRevoked)
    }
}

impl Entry<'_> {
    pub(super) fn revoke_api_key(&mut self, key: ApiKey, actor: Actor, reason: String) {
        let detail = format!("user {}", key.user);
        self.audit(actor, AuditAction::ApiKeyRevoked, key.id.0.to_string(), detail, reason);
        self.put_api_key(ApiKey { revoked_at: Some(self.now), ..key });
    }
}
