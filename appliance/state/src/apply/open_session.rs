//! `OpenSession`: a node found a sign-in right, and the principal has a session.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::{Factor, Principal, Session, SessionId, SignInWhat, check_agent};
use crate::rejection::Rejection;

/// Opens a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSession {
    /// Whose.
    pub of: Principal,
    /// The revision of the credentials that were found right.
    pub revision: u64,
    /// The hash of the token that the node drew.
    pub session: SessionId,
    /// What was shown as second factor.
    pub factor: Factor,
    /// From where, as far as the node knows.
    pub address: Option<[u8; 16]>,
    /// The program, as it calls itself.
    pub agent: String,
}

impl OpenSession {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let OpenSession { of, revision, session: id, factor, address, agent } = self;
        if !matches!(actor, Actor::Node(_)) {
            return Err(Rejection::NotPermitted { permission: None }.into());
        }
        check_agent(&agent)?;
        entry.may_sign_in(of)?;
        let mut credentials = entry.credentials(of)?;
        if credentials.revision != revision {
            return Err(Rejection::CredentialsChanged.into());
        }
        if credentials.is_locked(address, entry.now) {
            return Err(Rejection::SignInLocked.into());
        }
        let before = credentials.clone();
        credentials.spend(factor)?;
        credentials.succeed(address, entry.now);

        let now = entry.now;
        let factor_at = (factor != Factor::None).then_some(now);
        let opened = SignInWhat::Opened { session: id, with_factor: factor_at.is_some(), agent: agent.clone() };
        let session = Session { of, opened_at: now, seen_at: now, factor_at, address, agent, failures: 0 };
        entry.add_session(of, id, session)?;
        entry.note_sign_in(Some(of), opened, address);
        if credentials != before {
            entry.put_credentials(of, credentials);
        }
        if let Principal::Admin(admin) = of {
            let detail = format!("{id}, second factor: {}, from {}", factor.as_str(), place(address));
            entry.audit(Actor::Admin(admin), AuditAction::SessionOpened, of.to_string(), detail, String::new());
            entry.event(EventKind::SessionOpened { admin });
        }
        Ok(Done::SessionOpened)
    }
}

/// An address as the audit names it.
pub(super) fn place(address: Option<[u8; 16]>) -> String {
    let Some(address) = address else { return "an unknown address".to_owned() };
    let address = std::net::Ipv6Addr::from(address);
    address.to_ipv4_mapped().map_or_else(|| address.to_string(), |address| address.to_string())
}
