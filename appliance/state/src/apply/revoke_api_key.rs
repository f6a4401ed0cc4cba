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
        let key = ApiKey { revoked_at: Some(entry.now), ..key.ok_or(Rejection::ApiKeyUnknown)?.clone() };

        let detail = format!("user {}", key.user);
        entry.audit(actor, AuditAction::ApiKeyRevoked, self.id.0.to_string(), detail, self.reason);
        entry.put_api_key(key);
        Ok(Done::ApiKeyRevoked)
    }
}
