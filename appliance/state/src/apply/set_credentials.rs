//! `SetCredentials`: a principal has another password or another second factor, and all its sessions end but the one in
//! which it was asked for, which goes on under a new token.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::api_keys::ApiKey;
use crate::approvals::same_person;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::{self, Credentials, Principal, SessionId};
use crate::rejection::Rejection;

/// How the audit calls a change of the second factor.
const FACTOR: &str = "second factor";

/// Changes what a principal signs in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetCredentials {
    /// Whose.
    pub of: Principal,
    /// The revision of the credentials that the sender looked at; zero where there are none.
    pub revision: u64,
    /// What is changed.
    pub change: CredentialChange,
    /// The session that goes on; none where all end.
    pub session: Option<SessionSwap>,
    /// Why; needed where it is not the principal's own doing.
    pub reason: String,
}

/// What is changed in a principal's credentials. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialChange {
    /// A user can sign in from now on, or under another name; with a password that must be changed.
    Begin {
        /// What is typed to sign in.
        name: String,
        /// The hash of the password, sealed.
        #[serde(with = "crate::codec::block")]
        password: Vec<u8>,
    },
    /// The principal's own new password.
    Password {
        /// Its hash, sealed.
        #[serde(with = "crate::codec::block")]
        password: Vec<u8>,
    },
    /// The principal's own new second factor, after a code of it was shown.
    Factor {
        /// Its secret, sealed.
        #[serde(with = "crate::codec::block")]
        totp: Vec<u8>,
        /// The time step of the code that was shown.
        step: u64,
        /// The hashes of the new recovery codes.
        recovery: Vec<[u8; 32]>,
    },
    /// The principal's own new recovery codes.
    Recovery {
        /// Their hashes.
        recovery: Vec<[u8; 32]>,
    },
    /// Somebody else gives the principal a password that must be changed; the second factor must be enrolled anew.
    Reset {
        /// The password's hash, sealed.
        #[serde(with = "crate::codec::block")]
        password: Vec<u8>,
    },
}

/// A session that goes on under a new token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSwap {
    /// Its id so far.
    pub former: SessionId,
    /// Its id from now on.
    pub next: SessionId,
}

impl SetCredentials {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let SetCredentials { of, revision, change, session, reason } = self;
        let own = of.is(actor);
        match &change {
            CredentialChange::Begin { name, password } => {
                check_reason(&reason)?;
                people::check_sign_in_name(name)?;
                people::check_sealed(password)?;
            }
            CredentialChange::Password { password } => people::check_sealed(password)?,
            CredentialChange::Factor { totp, recovery, .. } => {
                people::check_sealed(totp)?;
                people::check_recovery(recovery)?;
            }
            CredentialChange::Recovery { recovery } => people::check_recovery(recovery)?,
            CredentialChange::Reset { password } => {
                check_reason(&reason)?;
                people::check_sealed(password)?;
            }
        }
        let is_for_others = matches!(change, CredentialChange::Begin { .. } | CredentialChange::Reset { .. });
        if own == is_for_others {
            return Err(Rejection::NotPermitted { permission: None }.into());
        }
        if let (Principal::Admin(id), Actor::Admin(by), false) = (of, actor, own) {
            let people = &entry.state.people;
            if same_person(people.person_of(id), people.person_of(by)) {
                return Err(Rejection::OwnRoles.into());
            }
            people.reaches(by, people.admin(id).map_or(&[], |admin| &admin.roles))?;
        }
        let begins = matches!(change, CredentialChange::Begin { .. });
        entry.may_be_given(of, own)?;
        let former = match entry.credentials(of) {
            Ok(former) => Some(former),
            Err(Stop::Rejected(_)) if begins => None,
            Err(stop) => return Err(stop),
        };
        let mut credentials = former.clone().unwrap_or_else(|| Credentials::new(String::new(), Vec::new(), true));
        let what = match change {
            CredentialChange::Begin { name, password } => {
                let Principal::User(user) = of else { return Err(Rejection::BadRequest.into()) };
                if entry.user_named(&name)?.is_some_and(|other| other != user) {
                    return Err(Rejection::SignInNameTaken.into());
                }
                credentials.name = name;
                credentials.reset(password, entry.now);
                "begin"
            }
            CredentialChange::Reset { password } => {
                credentials.reset(password, entry.now);
                "reset"
            }
            CredentialChange::Password { password } => {
                (credentials.password, credentials.must_change) = (password, false);
                "password"
            }
            CredentialChange::Factor { totp, step, recovery } => {
                (credentials.totp, credentials.totp_step, credentials.recovery) = (Some(totp), step, recovery);
                FACTOR
            }
            CredentialChange::Recovery { recovery } => {
                credentials.recovery = recovery;
                "recovery codes"
            }
        };
        if former.as_ref().map_or(0, |former| former.revision) != revision {
            return Err(Rejection::CredentialsChanged.into());
        }
        // Nobody loses anything by the first ones.
        if former.is_none() {
            credentials.reset_at = None;
        }
        let (sessions, mut goes_on) = (entry.sessions(of)?, Vec::new());
        if let Some(SessionSwap { former, next }) = session {
            let (_, mut session) = entry.open_session_of(of, former)?;
            session.seen_at = entry.now;
            if what == FACTOR {
                session.factor_at = Some(entry.now);
            }
            if sessions.iter().any(|(known, _)| *known == next) {
                return Err(Rejection::SessionExists.into());
            }
            goes_on.push((next, session));
        }

        if let (Principal::User(user), true) = (of, former.as_ref().is_none_or(|old| old.name != credentials.name)) {
            if let Some(old) = &former {
                entry.forget_user_name(&old.name);
            }
            entry.put_user_name(&credentials.name, user);
        }
        let revision = revision + 1;
        entry.put_sessions(of, &sessions, &goes_on);
        // The one that goes on under a new token does not end.
        entry.note_closed(of, None, sessions.len() - goes_on.len(), actor);
        entry.put_credentials(of, Credentials { revision, ..credentials });
        // What customers do with their own is not the audit's.
        if matches!(of, Principal::Admin(_)) || !own {
            entry.audit(actor, AuditAction::CredentialsSet, of.to_string(), what.to_owned(), reason.clone());
        }
        // Whoever had the account so far, or is about to have it, keeps no way in beside the new password.
        if let (Principal::User(user), true, true) = (of, is_for_others, former.is_some()) {
            let keys: Vec<ApiKey> = entry.state.api_keys.of_user(user).cloned().collect();
            keys.into_iter().for_each(|key| entry.revoke_api_key(key, actor, reason.clone()));
        }
        entry.event(EventKind::CredentialsSet { of });
        Ok(Done::CredentialsSet { revision })
    }
}

impl Entry<'_> {
    /// Refuses a principal that there is none of; a disabled admin or a frozen user can be given a password all the same.
    fn may_be_given(&self, of: Principal, own: bool) -> Result<(), Rejection> {
        match (of, own) {
            (Principal::Admin(admin), false) => {
                self.state.people.admin(admin).map(|_| ()).ok_or(Rejection::AdminUnknown { admin })
            }
            (Principal::User(user), false) => self.state.users.known(user).map(|_| ()),
            (Principal::Admin(_) | Principal::User(_), true) => self.may_sign_in(of),
        }
    }
}
