//! `StepUp`: a second factor was shown again, in a session that is open.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::people::{Factor, Principal, SessionId};
use crate::rejection::Rejection;

/// Puts down that a session has shown its second factor now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUp {
    /// Whose.
    pub of: Principal,
    /// Which session.
    pub session: SessionId,
    /// The revision of the credentials by which the factor was found right.
    pub revision: u64,
    /// What was shown.
    pub factor: Factor,
}

impl StepUp {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let StepUp { of, session: id, revision, factor } = self;
        if !matches!(actor, Actor::Node(_)) {
            return Err(Rejection::NotPermitted { permission: None }.into());
        }
        if factor == Factor::None {
            return Err(Rejection::FactorMissing.into());
        }
        let mut credentials = entry.credentials(of)?;
        let (sessions, _) = entry.open_session_of(of, id)?;
        if credentials.revision != revision {
            return Err(Rejection::CredentialsChanged.into());
        }
        credentials.spend(factor)?;

        let mut next = sessions.clone();
        for (_, session) in next.iter_mut().filter(|(known, _)| *known == id) {
            (session.factor_at, session.seen_at, session.failures) = (Some(entry.now), entry.now, 0);
        }
        entry.put_sessions(of, &sessions, &next);
        entry.put_credentials(of, credentials);
        if let Principal::Admin(admin) = of {
            let detail = format!("{id}, {}", factor.as_str());
            entry.audit(Actor::Admin(admin), AuditAction::SteppedUp, of.to_string(), detail, String::new());
        }
        Ok(Done::SteppedUp)
    }
}
