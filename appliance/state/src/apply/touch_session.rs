//! `TouchSession`: a session is in use. Sent at most once a minute, so it need not be exact.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::command::Actor;
use crate::outcome::Done;
use crate::people::{Principal, SessionId};
use crate::rejection::Rejection;

/// Puts down that a session is in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchSession {
    /// Whose.
    pub of: Principal,
    /// Which.
    pub session: SessionId,
}

impl TouchSession {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        if !matches!(actor, Actor::Node(_)) {
            return Err(Rejection::NotPermitted { permission: None }.into());
        }
        let (sessions, _) = entry.open_session_of(self.of, self.session)?;
        let mut next = sessions.clone();
        for (_, session) in next.iter_mut().filter(|(id, _)| *id == self.session) {
            session.seen_at = entry.now;
        }
        entry.put_sessions(self.of, &sessions, &next);
        Ok(Done::SessionTouched)
    }
}
