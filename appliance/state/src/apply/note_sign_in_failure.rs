//! `NoteSignInFailure`: a node found a sign-in, or a second factor in a session, wrong.
//!
//! Sent for names that nobody has as well, so that an answer takes as long whoever is asked for. Such a one counts for nothing, and
//! has a ring of its own in the log of sign-ins.

use serde::{Deserialize, Serialize};

use super::open_session::place;
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::customers::Sessions;
use crate::people::{LockRules, Principal, STEP_UPS_FAILED_MAX, SessionId, SignInWhat};
use crate::rejection::Rejection;

/// Counts a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteSignInFailure {
    /// Whose; none where nobody has the name.
    pub of: Option<Principal>,
    /// The session that showed a wrong second factor; none at a sign-in.
    pub session: Option<SessionId>,
    /// From where, as far as the node knows.
    pub address: Option<[u8; 16]>,
}

impl NoteSignInFailure {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        if !matches!(actor, Actor::Node(_)) {
            return Err(Rejection::NotPermitted { permission: None }.into());
        }
        let Some(of) = self.of else {
            entry.note_sign_in(None, SignInWhat::Refused, self.address);
            return Ok(Done::SignInFailureNoted);
        };
        if let Some(id) = self.session {
            return failed_in_session(entry, actor, of, id, self.address);
        }
        let mut credentials = entry.credentials(of)?;
        entry.note_sign_in(Some(of), SignInWhat::Refused, self.address);
        // From there the account cannot be signed in to anyway: nobody guesses it there, and nobody shall lock it.
        let from = self.address.map(|address| std::net::Ipv6Addr::from(address).into());
        let is_outside = |admin| entry.state.people.admin(admin).is_some_and(|admin| !admin.allows(from));
        if credentials.is_locked(self.address, entry.now) || of.admin().is_some_and(is_outside) {
            return Ok(Done::SignInFailureNoted);
        }
        let rules = LockRules::of(&entry.state.settings);
        if let Some(until) = credentials.fail(self.address, entry.now, rules) {
            let detail = format!("until {until}, last from {}", place(self.address));
            if matches!(of, Principal::Admin(_)) {
                entry.audit(actor, AuditAction::SignInsLocked, of.to_string(), detail, String::new());
            }
            entry.event(EventKind::SignInsLocked { of, until });
        }
        entry.put_credentials(of, credentials);
        Ok(Done::SignInFailureNoted)
    }
}

/// After a few of them whoever has the session is taken for somebody else.
fn failed_in_session(
    entry: &mut Entry<'_>,
    node: Actor,
    of: Principal,
    id: SessionId,
    address: Option<[u8; 16]>,
) -> Result<Done, Stop> {
    let (former, session) = entry.open_session_of(of, id)?;
    let mut next: Sessions = former.clone();
    if session.failures + 1 < STEP_UPS_FAILED_MAX {
        next.iter_mut().filter(|(known, _)| *known == id).for_each(|(_, session)| session.failures += 1);
        entry.put_sessions(of, &former, &next);
        return Ok(Done::SignInFailureNoted);
    }
    next.retain(|(known, _)| *known != id);
    entry.put_sessions(of, &former, &next);
    entry.note_closed(of, Some(id), 1, node);
    if let Principal::Admin(admin) = of {
        let detail = format!("{id}, wrong second factors, last from {}", place(address));
        entry.audit(Actor::Admin(admin), AuditAction::SessionsClosed, of.to_string(), detail, String::new());
    }
    entry.event(EventKind::SessionsClosed { of });
    Ok(Done::SignInFailureNoted)
}
