//! One session: somebody has signed in and shows its token with each request.
//!
//! The token is drawn by a node and never comes here; its hash is the session's id. A session is over when it was not used
//! for long, or when it is old, by the settings that hold at the moment of asking.

use std::fmt;
use std::time::Duration;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::Principal;
use crate::rejection::{Field, Rejection};
use crate::settings::{Settings, schema};

/// Sessions that a principal has at most; the next one takes the place of the one that was not used for longest.
pub const SESSIONS_MAX: usize = 16;
/// Longest name of a program that signed in.
pub const AGENT_BYTES_MAX: usize = 200;
/// Wrong second factors that a session may show; then it ends.
pub const STEP_UPS_FAILED_MAX: u8 = 5;

/// The BLAKE3 hash of a session's token. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub [u8; 32]);

impl fmt::Display for SessionId {
    /// The first 64 bits, by which people tell sessions apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {self}")
    }
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub of: Principal,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it was last used, as far as that was put down.
    pub seen_at: Timestamp,
    /// When a second factor was last shown; none where none ever was.
    pub factor_at: Option<Timestamp>,
    /// From where it was opened; IPv4 is mapped into IPv6.
    pub address: Option<[u8; 16]>,
    /// The program that opened it, as it calls itself.
    pub agent: String,
    /// Wrong second factors since the last right one.
    pub failures: u8,
}

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without use.
    pub idle: Duration,
    /// In all.
    pub life: Duration,
}

impl Limits {
    /// As the settings say for this kind of principal.
    #[must_use]
    pub fn of(settings: &Settings, principal: Principal) -> Limits {
        let (idle, life) = match principal {
            Principal::Admin(_) => (&schema::PEOPLE_ADMIN_SESSION_IDLE, &schema::PEOPLE_ADMIN_SESSION_LIFE),
            Principal::User(_) => (&schema::PEOPLE_USER_SESSION_IDLE, &schema::PEOPLE_USER_SESSION_LIFE),
        };
        Limits { idle: settings.get(idle), life: settings.get(life) }
    }

    /// From when on a session is over, if it is not used any more.
    #[must_use]
    pub fn over_at(&self, session: &Session) -> Timestamp {
        session.seen_at.plus(self.idle).min(session.opened_at.plus(self.life))
    }

    /// Whether a session is over.
    #[must_use]
    pub fn is_over(&self, session: &Session, now: Timestamp) -> bool {
        now >= self.over_at(session)
    }
}

pub(crate) fn check_agent(agent: &str) -> Result<(), Rejection> {
    if agent.len() > AGENT_BYTES_MAX || agent.chars().any(char::is_control) {
        return Err(Rejection::Invalid { field: Field::Agent });
    }
    Ok(())
}
