//! The room of people: who administers the exchange and what each may do, what admins and customers sign in with, and the
//! sessions that they have open.
//!
//! A *principal* is who signs in: an admin or a user. Both have the same credentials, sessions and locks. Those of admins
//! are loaded; those of users are cold rows, read one by one (`customers.rs`), since there may be millions.
//!
//! Invariants: admins have numbers from 1 without gaps and are never removed; a name is one admin's for ever; there is an
//! active owner from the first one on. Passwords and secrets of second factors come here sealed, tokens and recovery codes
//! as hashes only. A code is used once, whichever node took it. What was checked against credentials that have changed
//! since opens nothing.

mod admin;
mod attempts;
mod credentials;
pub mod customers;
mod needs;
mod roles;
mod session;
mod sign_ins;

use std::collections::BTreeMap;

use exchequer_domain::{AdminId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub use admin::{
    ADMIN_NAME_BYTES_MAX, ADMIN_RANGES_MAX, ADMINS_MAX, Admin, AdminStatus, PERSON_BYTES_MAX, check_admin_name,
    check_sign_in_name,
};
pub(crate) use admin::{check_person, check_ranges, check_roles};
pub use attempts::{Attempts, HOME_LIFE_US, HOMES_MAX, Home, LOCK_US_MAX, LockRules};
pub use credentials::{CREDENTIAL_BYTES_MAX, Credentials, Factor, RECOVERY_CODES_MAX, RESET_HOLD_US};
pub(crate) use credentials::{check_recovery, check_sealed};
pub use needs::Needs;
pub use roles::{Permission, Role};
pub(crate) use session::check_agent;
pub use session::{AGENT_BYTES_MAX, Limits, SESSIONS_MAX, STEP_UPS_FAILED_MAX, Session, SessionId};
pub use sign_ins::{SIGN_INS_MAX, SignInRecord, SignInWhat, SignIns};

use crate::codec::{self, DecodeError};
use crate::command::Body;
use crate::halt::Halt;
use crate::rejection::Rejection;
use crate::rows::{self, Rows, Table};
use crate::settings::Settings;

/// Who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Principal {
    /// Someone who administers the exchange.
    Admin(AdminId),
    /// A customer.
    User(UserId),
}

impl Principal {
    /// The admin that it is, where it is one.
    #[must_use]
    pub const fn admin(self) -> Option<AdminId> {
        match self {
            Principal::Admin(id) => Some(id),
            Principal::User(_) => None,
        }
    }
}

impl std::fmt::Display for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Principal::Admin(id) => write!(f, "admin {id}"),
            Principal::User(id) => write!(f, "user {id}"),
        }
    }
}

/// Every admin, with credentials and open sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// In the order of their numbers.
    admins: Vec<Admin>,
    names: BTreeMap<String, AdminId>,
    credentials: BTreeMap<AdminId, Credentials>,
    sessions: BTreeMap<SessionId, Session>,
}

impl People {
    pub(crate) fn load(rows: &dyn Rows) -> Result<People, Halt> {
        let mut people = People::default();
        rows::for_each_of_table(rows, Table::Admin, |suffix, value| {
            let admin: Admin = codec::decode(value).map_err(|error| Halt::row(Table::Admin, error))?;
            if Some(admin.id) != people.next() || suffix != admin.id.0.to_be_bytes() {
                return Err(Halt::row(Table::Admin, DecodeError::Malformed));
            }
            people.put_admin(admin);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::AdminCredentials, |suffix, value| {
            let credentials = codec::decode(value).map_err(|error| Halt::row(Table::AdminCredentials, error))?;
            let id = suffix.try_into().map(u32::from_be_bytes);
            let id = id.map_err(|_| Halt::row(Table::AdminCredentials, DecodeError::Malformed))?;
            people.put_credentials(AdminId(id), credentials);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::AdminSession, |suffix, value| {
            let session = codec::decode(value).map_err(|error| Halt::row(Table::AdminSession, error))?;
            let id = suffix.try_into().map_err(|_| Halt::row(Table::AdminSession, DecodeError::Malformed))?;
            people.put_session(SessionId(id), session);
            Ok(())
        })?;
        Ok(people)
    }

    /// The number of the next admin; none when there are as many as there may be.
    pub(crate) fn next(&self) -> Option<AdminId> {
        (self.admins.len() < ADMINS_MAX).then(|| AdminId(self.admins.len() as u32 + 1))
    }

    /// Every admin, in the order of their numbers.
    pub fn admins(&self) -> impl Iterator<Item = &Admin> {
        self.admins.iter()
    }

    /// An admin by number.
    #[must_use]
    pub fn admin(&self, id: AdminId) -> Option<&Admin> {
        self.admins.get((id.0 as usize).checked_sub(1)?)
    }

    /// An admin by the name to sign in with.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Admin> {
        self.admin(*self.names.get(name)?)
    }

    /// What an admin signs in with.
    #[must_use]
    pub fn credentials(&self, id: AdminId) -> Option<&Credentials> {
        self.credentials.get(&id)
    }

    /// A session of an admin, whether or not it is over.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.get(id)
    }

    /// The sessions of all admins.
    pub fn sessions(&self) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.sessions.iter()
    }

    /// The sessions of one admin.
    pub fn sessions_of(&self, id: AdminId) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.sessions.iter().filter(move |(_, session)| session.of == Principal::Admin(id))
    }

    /// How many failed sign-ins of admins count towards a lock now, and how many admins are locked out from somewhere.
    #[must_use]
    pub fn failing(&self, now: Timestamp, rules: LockRules) -> (usize, usize) {
        let (mut failed, mut locked) = (0, 0);
        for credentials in self.credentials.values() {
            let homes = credentials.homes.iter().map(|home| &home.attempts);
            let mut is_locked = false;
            for attempts in homes.chain([&credentials.attempts]) {
                failed += attempts.counting(now, rules);
                is_locked |= attempts.is_locked(now);
            }
            locked += usize::from(is_locked);
        }
        (failed, locked)
    }

    /// Whether there is an admin who may act at all.
    #[must_use]
    pub fn active(&self, id: AdminId) -> bool {
        self.admin(id).is_some_and(|admin| admin.status == AdminStatus::Active)
    }

    /// Whether an admin is active and has a role that allows this.
    #[must_use]
    pub fn may(&self, id: AdminId, permission: Permission) -> bool {
        self.admin(id).is_some_and(|admin| admin.may(permission))
    }

    /// The person behind an account; two accounts of one person have the same. Empty where there is no such admin.
    #[must_use]
    pub fn person_of(&self, id: AdminId) -> &str {
        self.admin(id).map_or("", |admin| admin.person.as_str())
    }

    /// Whether somebody can act as owner.
    #[must_use]
    pub fn has_owner(&self) -> bool {
        self.admins.iter().any(Admin::is_active_owner)
    }

    /// Whether an admin may send this now. A node that checked may not have heard of the latest change.
    ///
    /// # Errors
    /// `NotPermitted`.
    pub(crate) fn allow(&self, id: AdminId, body: &Body) -> Result<(), Rejection> {
        if !self.active(id) {
            return Err(Rejection::NotPermitted { permission: None });
        }
        if body.own() == Some(Principal::Admin(id)) {
            return Ok(());
        }
        let needed = match body.needs() {
            Needs::Permission(permission) => [permission, permission],
            Needs::Both(first, second) => [first, second],
            Needs::Never => return Err(Rejection::NotPermitted { permission: None }),
        };
        match needed.into_iter().find(|permission| !self.may(id, *permission)) {
            None => Ok(()),
            Some(permission) => Err(Rejection::NotPermitted { permission: Some(permission) }),
        }
    }

    /// Whether an admin may give to, or take over, an account with these roles: an owner may, another one no further than it
    /// may act itself. Else whoever changes people could make themselves everything.
    ///
    /// # Errors
    /// `NotPermitted`, with the first permission that it lacks itself.
    pub(crate) fn reaches(&self, by: AdminId, roles: &[Role]) -> Result<(), Rejection> {
        if self.admin(by).is_some_and(Admin::is_active_owner) {
            return Ok(());
        }
        let given = Permission::ALL.iter().filter(|one| roles.iter().any(|role| role.permissions().contains(one)));
        match given.copied().find(|permission| !self.may(by, *permission)) {
            None => Ok(()),
            Some(permission) => Err(Rejection::NotPermitted { permission: Some(permission) }),
        }
    }

    /// The sessions that are over, by the limits that hold now.
    pub(crate) fn over(&self, settings: &Settings, now: Timestamp) -> Vec<SessionId> {
        let over = |session: &Session| Limits::of(settings, session.of).is_over(session, now);
        self.sessions.iter().filter(|(_, session)| over(session)).map(|(id, _)| *id).collect()
    }

    /// Puts an admin in its place: one that is there, or the next.
    pub(crate) fn put_admin(&mut self, admin: Admin) {
        self.names.insert(admin.name.clone(), admin.id);
        match (admin.id.0 as usize).checked_sub(1).and_then(|place| self.admins.get_mut(place)) {
            Some(present) => *present = admin,
            None => self.admins.push(admin),
        }
    }

    pub(crate) fn put_credentials(&mut self, id: AdminId, credentials: Credentials) {
        self.credentials.insert(id, credentials);
    }

    pub(crate) fn put_session(&mut self, id: SessionId, session: Session) {
        self.sessions.insert(id, session);
    }

    pub(crate) fn forget_session(&mut self, id: &SessionId) {
        self.sessions.remove(id);
    }
}
