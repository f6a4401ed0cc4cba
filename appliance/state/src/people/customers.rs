//! Credentials and sessions of users: cold rows, read one by one.
//!
//! A user's sessions are one row, so that opening one needs no scan; a second table leads from a token's hash to the user.

use exchequer_domain::UserId;
use serde::de::DeserializeOwned;

use super::{Credentials, Session, SessionId};
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table};

/// A user's sessions, in the order of their beginnings.
pub type Sessions = Vec<(SessionId, Session)>;

pub(crate) fn credentials_key(user: UserId) -> Vec<u8> {
    Table::UserCredentials.key(&user.0.to_be_bytes())
}

pub(crate) fn sessions_key(user: UserId) -> Vec<u8> {
    Table::UserSessions.key(&user.0.to_be_bytes())
}

pub(crate) fn session_key(session: &SessionId) -> Vec<u8> {
    Table::UserSession.key(&session.0)
}

pub(crate) fn name_key(name: &str) -> Vec<u8> {
    Table::UserName.key(name.as_bytes())
}

/// What a user signs in with; none where it cannot.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn credentials(rows: &dyn Rows, user: UserId) -> Result<Option<Credentials>, Halt> {
    read(rows, Table::UserCredentials, &credentials_key(user))
}

/// The user who signs in with this name.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn named(rows: &dyn Rows, name: &str) -> Result<Option<UserId>, Halt> {
    read(rows, Table::UserName, &name_key(name))
}

/// A user's sessions, whether or not they are over.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn sessions(rows: &dyn Rows, user: UserId) -> Result<Sessions, Halt> {
    Ok(read(rows, Table::UserSessions, &sessions_key(user))?.unwrap_or_default())
}

/// A session of a user, whether or not it is over.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn session(rows: &dyn Rows, id: &SessionId) -> Result<Option<(UserId, Session)>, Halt> {
    let Some(user) = read::<UserId>(rows, Table::UserSession, &session_key(id))? else { return Ok(None) };
    let found = sessions(rows, user)?.into_iter().find(|(of, _)| of == id);
    Ok(found.map(|(_, session)| (user, session)))
}

fn read<T: DeserializeOwned>(rows: &dyn Rows, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
    match rows.get(Family::Ids, key)? {
        Some(row) => codec::decode(&row).map(Some).map_err(|error| Halt::row(table, error)),
        None => Ok(None),
    }
}
