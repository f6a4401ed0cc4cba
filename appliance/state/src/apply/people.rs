//! What the commands of people share: credentials and sessions of a principal, wherever they are kept.
//!
//! Rows of users are read through the entry, which remembers what its own commands wrote.

use exchequer_domain::{Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Entry, Stop};
use crate::codec;
use crate::command::Actor;
use crate::halt::Halt;
use crate::people::customers::{self, Sessions};
use crate::people::{Admin, Credentials, Limits, Principal, SESSIONS_MAX, Session, SessionId};
use crate::rejection::Rejection;
use crate::rows::{Edit, Family, Table};
use crate::users::UserStatus;

impl Principal {
    /// The row keys of what a command about it looks up, in the order in which it does.
    pub(super) fn lookups(self) -> Vec<Vec<u8>> {
        match self {
            Principal::Admin(_) => Vec::new(),
            Principal::User(user) => vec![customers::credentials_key(user), customers::sessions_key(user)],
        }
    }

    /// Whether the sender is this principal.
    pub(super) fn is(self, actor: Actor) -> bool {
        match self {
            Principal::Admin(id) => actor == Actor::Admin(id),
            Principal::User(id) => actor == Actor::User(id),
        }
    }
}

impl Entry<'_> {
    /// The principal's credentials.
    ///
    /// # Errors
    /// `PrincipalUnknown` where there is none, or it has none.
    pub(super) fn credentials(&self, of: Principal) -> Result<Credentials, Stop> {
        let found = match of {
            Principal::Admin(id) => self.state.people.credentials(id).cloned(),
            Principal::User(user) => self.cold(Table::UserCredentials, &customers::credentials_key(user))?,
        };
        Ok(found.ok_or(Rejection::PrincipalUnknown)?)
    }

    /// Until when nothing new is handed out to a principal, where its password was given by somebody else of late.
    pub(super) fn held_until(&self, of: Principal) -> Result<Option<Timestamp>, Stop> {
        match self.credentials(of) {
            Ok(credentials) => Ok(credentials.held_until(self.now)),
            // Who cannot sign in has keys all the same.
            Err(Stop::Rejected(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    pub(super) fn put_credentials(&mut self, of: Principal, credentials: Credentials) {
        match of {
            Principal::Admin(id) => {
                self.put(Table::AdminCredentials, &id.0.to_be_bytes(), &credentials);
                self.state.people.put_credentials(id, credentials);
            }
            Principal::User(user) => self.put_cold(customers::credentials_key(user), &credentials),
        }
    }

    /// The principal's sessions.
    pub(super) fn sessions(&self, of: Principal) -> Result<Sessions, Halt> {
        match of {
            Principal::Admin(id) => {
                Ok(self.state.people.sessions_of(id).map(|(id, session)| (*id, session.clone())).collect())
            }
            Principal::User(user) => {
                Ok(self.cold(Table::UserSessions, &customers::sessions_key(user))?.unwrap_or_default())
            }
        }
    }

    /// One of the principal's sessions, with the others, unless it is over.
    ///
    /// # Errors
    /// `SessionUnknown`.
    pub(super) fn open_session_of(&self, of: Principal, id: SessionId) -> Result<(Sessions, Session), Stop> {
        let sessions = self.sessions(of)?;
        let limits = Limits::of(&self.state.settings, of);
        let found = sessions.iter().find(|(known, session)| *known == id && !limits.is_over(session, self.now));
        let session = found.map(|(_, session)| session.clone()).ok_or(Rejection::SessionUnknown)?;
        Ok((sessions, session))
    }

    /// Gives the principal these sessions instead of `former`.
    pub(super) fn put_sessions(&mut self, of: Principal, former: &Sessions, now: &Sessions) {
        let stays = |id: &SessionId| now.iter().any(|(kept, _)| kept == id);
        let gone: Vec<SessionId> = former.iter().map(|(id, _)| *id).filter(|id| !stays(id)).collect();
        let is_same = |put: &(SessionId, Session)| former.iter().any(|known| known == put);
        match of {
            Principal::Admin(_) => {
                gone.iter().for_each(|id| self.forget_admin_session(id));
                for (id, session) in now.iter().filter(|put| !is_same(put)) {
                    self.put(Table::AdminSession, &id.0, session);
                    self.state.people.put_session(*id, session.clone());
                }
            }
            Principal::User(user) => {
                for id in gone {
                    self.delete_cold(customers::session_key(&id));
                }
                for (id, _) in now.iter().filter(|(id, _)| !former.iter().any(|(known, _)| known == id)) {
                    self.put_cold(customers::session_key(id), &user);
                }
                if now.is_empty() && !former.is_empty() {
                    self.delete_cold(customers::sessions_key(user));
                } else if now != former {
                    self.put_cold(customers::sessions_key(user), now);
                }
            }
        }
    }

    /// Adds a session; those that are over go, and where there are too many, the one that was not used for longest.
    pub(super) fn add_session(&mut self, of: Principal, id: SessionId, session: Session) -> Result<(), Stop> {
        let former = self.sessions(of)?;
        let limits = Limits::of(&self.state.settings, of);
        let mut sessions: Sessions =
            former.iter().filter(|(_, session)| !limits.is_over(session, self.now)).cloned().collect();
        // Also another's: a token opens one session and no other.
        let of_another = match of {
            Principal::Admin(_) => self.state.people.session(&id).is_some_and(|session| session.of != of),
            Principal::User(user) => self
                .cold::<UserId>(Table::UserSession, &customers::session_key(&id))?
                .is_some_and(|other| other != user),
        };
        if of_another || sessions.iter().any(|(known, _)| *known == id) {
            return Err(Rejection::SessionExists.into());
        }
        while sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().enumerate().min_by_key(|(_, (_, session))| session.seen_at);
            let Some(place) = oldest.map(|(place, _)| place) else { break };
            sessions.remove(place);
        }
        sessions.push((id, session));
        self.put_sessions(of, &former, &sessions);
        Ok(())
    }

    /// Ends the admins' sessions whose time is over.
    pub(super) fn forget_admin_sessions(&mut self) {
        for id in self.state.people.over(&self.state.settings, self.now) {
            self.forget_admin_session(&id);
        }
    }

    fn forget_admin_session(&mut self, id: &SessionId) {
        self.change(Family::Working, Table::AdminSession.key(&id.0), Edit::Delete);
        self.state.people.forget_session(id);
    }

    pub(super) fn put_admin(&mut self, admin: Admin) {
        self.put(Table::Admin, &admin.id.0.to_be_bytes(), &admin);
        self.state.people.put_admin(admin);
        self.arm();
    }

    pub(super) fn user_named(&self, name: &str) -> Result<Option<UserId>, Halt> {
        self.cold(Table::UserName, &customers::name_key(name))
    }

    pub(super) fn put_user_name(&mut self, name: &str, user: UserId) {
        self.put_cold(customers::name_key(name), &user);
    }

    pub(super) fn forget_user_name(&mut self, name: &str) {
        self.delete_cold(customers::name_key(name));
    }

    /// Refuses whoever cannot sign in, or not any more.
    pub(super) fn may_sign_in(&self, of: Principal) -> Result<(), Rejection> {
        match of {
            Principal::Admin(id) if self.state.people.active(id) => Ok(()),
            Principal::Admin(_) => Err(Rejection::PrincipalUnknown),
            Principal::User(user) => match self.state.users.known(user)?.status {
                UserStatus::Active => Ok(()),
                UserStatus::Frozen => Err(Rejection::PrincipalUnknown),
            },
        }
    }

    /// Ends every session of everybody.
    pub(super) fn close_every_session(&mut self) {
        let of_admins: Vec<SessionId> = self.state.people.sessions().map(|(id, _)| *id).collect();
        of_admins.iter().for_each(|id| self.forget_admin_session(id));
        for table in [Table::UserSessions, Table::UserSession] {
            let all = table.key(&[]);
            self.cold.retain(|key, _| !key.starts_with(&all));
            // The key of no row: what is not written after it is gone.
            self.cold.insert(all.clone(), None);
            self.change(Family::Ids, all, Edit::DeletePrefix);
        }
    }

    /// A cold row of people, as this entry has it so far.
    fn cold<T: DeserializeOwned>(&self, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
        let row = match self.cold.get(key) {
            Some(written) => written.clone(),
            None if self.cold.contains_key(&table.key(&[])) => None,
            None => self.rows.get(Family::Ids, key)?,
        };
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(table, error))).transpose()
    }

    fn put_cold<T: Serialize>(&mut self, key: Vec<u8>, value: &T) {
        let row = codec::encode(value);
        self.cold.insert(key.clone(), Some(row.clone()));
        self.change(Family::Ids, key, Edit::Put(row));
    }

    fn delete_cold(&mut self, key: Vec<u8>) {
        self.cold.insert(key.clone(), None);
        self.change(Family::Ids, key, Edit::Delete);
    }
}
